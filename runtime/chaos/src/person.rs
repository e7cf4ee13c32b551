//! The person who wears the watch: opens apps, feels what rings, and stops it, as far as the runtime is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carpus_protocol::client::Client;
use carpus_protocol::{apps, monitor, wrist};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::attack::{APPS, Done, unix_ms};
use crate::record;
use crate::runtime::Runtime;

/// From one look at the watch to the next.
const LOOK: Duration = Duration::from_millis(60);
/// How long the watch may take to answer; it is busy, and may be gone.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// An app is opened at one look of so many.
const OPENS_ONE_OF: u32 = 6;
/// A ringing alarm is stopped at one look of so many.
const STOPS_ONE_OF: u32 = 12;
/// How long all that was begun may take to come to its end.
const SETTLE_MAX: Duration = Duration::from_secs(150);

/// What was felt and done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// The alarms that rang, each with the time at which that was felt first, in Unix milliseconds.
    pub(crate) rang: BTreeMap<u64, u64>,
    /// Those of them that the runtime rang itself.
    pub(crate) rung_by_runtime: BTreeSet<u64>,
    /// The alarms that were stopped, and the runtime said so, each with the time, in Unix milliseconds.
    pub(crate) stopped: BTreeMap<u64, u64>,
    /// The alarms that rang after they had been stopped.
    pub(crate) rang_again: BTreeSet<u64>,
    /// The processes of apps that run, as told last.
    pub(crate) processes: BTreeMap<String, i64>,
    /// Calls that were not answered in time though the runtime lived.
    pub(crate) unanswered: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Person {
    socket: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

impl Person {
    pub(crate) fn new(runtime: &Runtime) -> Self {
        Self { socket: runtime.socket(), seen: Arc::default() }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lives until it is aborted.
    pub(crate) fn live(&self) -> JoinHandle<()> {
        let person = self.clone();
        tokio::spawn(async move {
            loop {
                // An error means that the runtime is gone: it comes back.
                person.look_again_and_again().await.ok();
                sleep(LOOK).await;
            }
        })
    }

    async fn look_again_and_again(&self) -> anyhow::Result<()> {
        let mut watch = Client::connect(&self.socket).await?;
        loop {
            let Ok(looked) = timeout(ANSWER_MAX, self.look(&mut watch)).await else {
                self.lock().unanswered += 1;
                return Ok(());
            };
            looked?;
            sleep(LOOK).await;
        }
    }

    async fn look(&self, watch: &mut Client) -> anyhow::Result<()> {
        self.feel(watch).await?;
        let listed = watch.call(&apps::List {}).await?.apps;
        let processes = listed.iter().filter_map(|app| Some((app.app.clone(), app.pid?)));
        self.lock().processes = processes.collect();
        if fastrand::u32(0..OPENS_ONE_OF) == 0
            && let Some(app) = fastrand::choice(&listed)
        {
            watch.call(&wrist::Raise {}).await?;
            watch.call(&apps::Open { app: app.app.clone() }).await?;
        }
        Ok(())
    }

    /// Feels what rings, and stops it at times.
    async fn feel(&self, watch: &mut Client) -> anyhow::Result<()> {
        let alarms = watch.call(&monitor::Alarms {}).await?.alarms;
        for alarm in alarms.iter().filter(|alarm| alarm.ringing) {
            self.note_ring(alarm);
            if fastrand::u32(0..STOPS_ONE_OF) == 0 {
                let stopped = watch.call(&monitor::StopAlarm { session: Some(alarm.session) }).await;
                if stopped.is_ok() {
                    self.lock().stopped.insert(alarm.session, unix_ms());
                }
            }
        }
        Ok(())
    }

    fn note_ring(&self, alarm: &monitor::Alarm) {
        let mut seen = self.lock();
        seen.rang.entry(alarm.session).or_insert_with(unix_ms);
        if alarm.fallback == Some(true) {
            seen.rung_by_runtime.insert(alarm.session);
        }
        if seen.stopped.contains_key(&alarm.session) {
            seen.rang_again.insert(alarm.session);
        }
    }

    /// Lets the apps begin nothing new, and waits until all that they were promised has come to its end and was told:
    /// or for as long as that may take, after which the check says what is missing.
    pub(crate) async fn settle(&self, runtime: &mut Runtime, done: &Done) -> anyhow::Result<()> {
        for (app, _mode) in APPS {
            std::fs::create_dir_all(runtime.data_folder().join(app))?;
            std::fs::write(runtime.data_folder().join(app).join("rest"), "")?;
        }
        let deadline = Instant::now() + SETTLE_MAX;
        while Instant::now() < deadline {
            runtime.start_again_if_ended().await?;
            let open = crate::check::untold(&record::read_all(&runtime.data_folder())?, done);
            let alarms = timeout(ANSWER_MAX, self.alarms()).await;
            if open.is_empty() && matches!(alarms, Ok(Ok(0))) {
                return Ok(());
            }
            sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn alarms(&self) -> anyhow::Result<usize> {
        let mut watch = Client::connect(&self.socket).await?;
        Ok(watch.call(&monitor::Alarms {}).await?.alarms.len())
    }
}
