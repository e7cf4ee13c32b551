//! What is done to the runtime.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use carpus_protocol::client::Client;
use carpus_protocol::simulation::{Disk, DiskFault, Fail, FailHow};
use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep, timeout};

use crate::person::Person;
use crate::runtime::Runtime;

/// Short sessions, so that many of them begin and end in a run; windows that are wider than any outage.
pub(crate) const SETTINGS: [&str; 7] = [
    "session.alarm_limit=15s",
    "session.physical_therapy_limit=5s",
    "session.will_expire_lead=1s",
    "alarm.fallback_lead=5s",
    "alarm.fallback_time=60s",
    "alarm.handle_time=5s",
    "bluetooth.reconnect_min=100ms",
];

/// The apps, each with its mode.
pub(crate) const APPS: [(&str, &str); 6] = [
    ("alarm-1", "alarm"),
    ("alarm-2", "alarm"),
    ("alarm-3", "alarm"),
    ("alarm-4", "alarm"),
    ("therapy-1", "physical-therapy"),
    ("therapy-2", "physical-therapy"),
];

/// How long it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// Until so many processes were killed.
    Kills(u32),
    /// For so long.
    Time(Duration),
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// Kills of the runtime while it served.
    pub(crate) kills_of_runtime: u32,
    /// Kills of the runtime before it served.
    pub(crate) kills_at_start: u32,
    /// Kills of an app.
    pub(crate) kills_of_apps: u32,
    /// Failures of a part of the runtime.
    pub(crate) failures_of_parts: u32,
    /// The times in which the disk was wrong, in Unix milliseconds, with what the runtime may take to write what it
    /// could not write then.
    pub(crate) disk_faults: Vec<(u64, u64)>,
    /// How long it took.
    pub(crate) time: Duration,
}

impl Done {
    pub(crate) const fn kills(&self) -> u32 {
        self.kills_of_runtime + self.kills_at_start + self.kills_of_apps
    }

    /// Whether the disk was wrong at this time, in Unix milliseconds.
    pub(crate) fn disk_was_wrong(&self, at_ms: u64) -> bool {
        self.disk_faults.iter().any(|(from, to)| (*from..*to).contains(&at_ms))
    }
}

/// The parts of the runtime that are made to fail, by their names.
const PARTS: [&str; 9] =
    ["apps", "audio", "ble", "cpu_monitor", "haptics", "inputs", "journal", "scheduler", "watch"];
/// How long the disk is wrong: long enough for something to be written, shorter than any alarm's window.
const DISK_FAULT_MS: std::ops::Range<u64> = 100..3_000;
/// What could not be written is tried again after some seconds.
const WRITES_LATER_MS: u64 = 8_000;
/// A call to the runtime that is not answered is given up: it may be killed at any instant.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What is done at once.
#[derive(Clone, Copy, Debug)]
enum Blow {
    /// The runtime is killed.
    Runtime,
    /// Killed, started, and killed again before it serves.
    RuntimeAtStart,
    App,
    AppAndRuntime,
    /// A part of the runtime fails.
    Part,
    /// The disk is wrong for a while.
    Disk,
}

/// Each with how often it comes, in relation to the others.
const BLOWS: [(Blow, u32); 6] = [
    (Blow::Runtime, 8),
    (Blow::RuntimeAtStart, 2),
    (Blow::App, 4),
    (Blow::AppAndRuntime, 1),
    (Blow::Part, 2),
    (Blow::Disk, 1),
];

/// Progress is said after so many kills.
const PROGRESS: u32 = 50;

pub(crate) struct Attack {
    random: Rng,
    person: Person,
    done: Done,
}

impl Attack {
    pub(crate) fn new(seed: u64, person: Person) -> Self {
        Self { random: Rng::with_seed(seed), person, done: Done::default() }
    }

    /// Starts the runtime with its apps, and attacks it for so long; it runs at the end.
    pub(crate) async fn run(mut self, runtime: &mut Runtime, length: Length) -> anyhow::Result<Done> {
        runtime.launch_and_serve().await?;
        for (app, mode) in APPS {
            runtime.install(app, mode).await?;
        }
        let began = Instant::now();
        let mut said = 0;
        while match length {
            Length::Kills(kills) => self.done.kills() < kills,
            Length::Time(time) => began.elapsed() < time,
        } {
            let pause = self.pause();
            sleep(pause).await;
            runtime.start_again_if_ended().await?;
            let blow = self.choose();
            self.strike(blow, runtime).await?;
            if self.done.kills() / PROGRESS > said {
                said = self.done.kills() / PROGRESS;
                eprintln!("{} kills in {} s", self.done.kills(), began.elapsed().as_secs());
            }
        }
        self.done.time = began.elapsed();
        Ok(self.done)
    }

    /// Often in the middle of what the blow before has set off, at times after all has come to rest.
    fn pause(&mut self) -> Duration {
        let ms = match self.random.u32(0..10) {
            0..=2 => self.random.u64(0..40),
            3..=7 => self.random.u64(40..600),
            _ => self.random.u64(600..2_000),
        };
        Duration::from_millis(ms)
    }

    fn choose(&mut self) -> Blow {
        let all: u32 = BLOWS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.random.u32(0..all);
        for (blow, weight) in BLOWS {
            if drawn < weight {
                return blow;
            }
            drawn -= weight;
        }
        Blow::Runtime
    }

    async fn strike(&mut self, blow: Blow, runtime: &mut Runtime) -> anyhow::Result<()> {
        match blow {
            Blow::Runtime => self.kill_runtime(runtime).await?,
            Blow::RuntimeAtStart => {
                self.kill_runtime(runtime).await?;
                runtime.launch()?;
                sleep(Duration::from_millis(self.random.u64(0..60))).await;
                runtime.kill().await?;
                self.done.kills_at_start += 1;
            }
            Blow::App => return self.kill_app(),
            Blow::Part => return self.fail_part(runtime).await,
            Blow::Disk => return self.spoil_disk(runtime).await,
            Blow::AppAndRuntime => {
                self.kill_app()?;
                self.kill_runtime(runtime).await?;
            }
        }
        sleep(Duration::from_millis(self.random.u64(0..200))).await;
        runtime.launch_and_serve().await
    }

    async fn kill_runtime(&mut self, runtime: &mut Runtime) -> anyhow::Result<()> {
        runtime.kill().await?;
        self.done.kills_of_runtime += 1;
        Ok(())
    }

    async fn fail_part(&mut self, runtime: &Runtime) -> anyhow::Result<()> {
        let child = self.random.choice(PARTS).unwrap_or_default().to_owned();
        let how =
            self.random.choice([FailHow::Panic, FailHow::Stop, FailHow::Hang]).unwrap_or(FailHow::Panic);
        if call(runtime, &Fail { child, how }).await {
            self.done.failures_of_parts += 1;
        }
        Ok(())
    }

    async fn spoil_disk(&mut self, runtime: &Runtime) -> anyhow::Result<()> {
        let faults = [DiskFault::Full, DiskFault::ReadOnly, DiskFault::IoError, DiskFault::Slow];
        let fault = self.random.choice(faults).unwrap_or(DiskFault::Full);
        if call(runtime, &Disk { fault }).await {
            let began = unix_ms();
            sleep(Duration::from_millis(self.random.u64(DISK_FAULT_MS))).await;
            call(runtime, &Disk { fault: DiskFault::None }).await;
            self.done.disk_faults.push((began, unix_ms() + WRITES_LATER_MS));
        }
        Ok(())
    }

    fn kill_app(&mut self) -> anyhow::Result<()> {
        let processes: Vec<i64> = self.person.seen().processes.into_values().collect();
        let Some(id) = self.random.choice(&processes) else { return Ok(()) };
        let id = i32::try_from(*id).ok().and_then(Pid::from_raw);
        // It may be gone by now.
        if id.is_some_and(|id| kill_process(id, Signal::KILL).is_ok()) {
            self.done.kills_of_apps += 1;
        }
        Ok(())
    }
}

/// Now, in Unix milliseconds.
pub(crate) fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the runtime did it. It may be starting again, or one of its parts may.
async fn call<M: carpus_protocol::Method>(runtime: &Runtime, method: &M) -> bool {
    let called = async { Client::connect(&runtime.socket()).await.ok()?.call(method).await.ok() };
    matches!(timeout(ANSWER_MAX, called).await, Ok(Some(_)))
}
