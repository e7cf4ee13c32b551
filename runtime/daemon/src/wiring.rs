//! The composition root: which actor gets what, bottom-up, under the supervisor.

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::prelude::*;
use anyhow::Context as _;
use carpus_actors::apps::{Apps, EndAll, InstalledApp};
use carpus_actors::audio::{Audio, AudioOptions};
use carpus_actors::ble::{AddStrap, Ble, BleOptions, GivenStrap};
use carpus_actors::boot_file::BootFile;
use carpus_actors::conditions::{ConditionsMonitor, ConditionsOptions};
use carpus_actors::cpu_monitor::CpuMonitor;
use carpus_actors::haptics::{Haptics, HapticsOptions};
use carpus_actors::inputs::{Inputs, InputsOptions};
use carpus_actors::journal::{self, Journal, JournalOptions, KnownStrap, LoadGrants, LoadStraps};
use carpus_actors::monitor::Monitor;
use carpus_actors::report::DeviceProblem;
use carpus_actors::scheduler::{Scheduler, SchedulerOptions};
use carpus_actors::supervisor::{
    Escalated, Handle, Restart, StopAll, Strategy, Supervisor, SupervisorOptions,
};
use carpus_actors::watch::{JournalQueue, Neighbours, Settle, UserCall, WatchActor};
use carpus_config::Settings;
use carpus_core::haptics::Theme;
use carpus_devices::bluetooth::DeviceId;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::backends::Backends;
use crate::descriptors;
use crate::grants::Grants;
use crate::install::{Installer, Package};
use crate::options;
use crate::paths::Places;
use crate::server::{Listener, Services};
use crate::systemd;
use crate::theme;
use crate::time_zone;
use crate::waking;

/// Observations that are kept for an onlooker that reads slowly.
const OBSERVATIONS: usize = 1024;
/// How long the end of the runtime may take, beyond the time that apps have to leave.
const STOP_TIME: Duration = Duration::from_secs(10);
/// The exit code when a part failed too often: an internal error of software, as sysexits.h numbers it.
const EXIT_GAVE_UP: u8 = 70;

/// The addresses of all children, made before any of them.
#[derive(Clone)]
struct Handles {
    apps: Handle<Apps>,
    audio: Handle<Audio>,
    ble: Handle<Ble>,
    conditions: Handle<ConditionsMonitor>,
    cpu_monitor: Handle<CpuMonitor>,
    haptics: Handle<Haptics>,
    inputs: Handle<Inputs>,
    journal: Handle<Journal>,
    monitor: Handle<Monitor>,
    scheduler: Handle<Scheduler>,
    watch: Handle<WatchActor>,
}

impl Handles {
    fn new() -> Self {
        Self {
            apps: Handle::new("apps"),
            audio: Handle::new("audio"),
            ble: Handle::new("ble"),
            conditions: Handle::new("conditions"),
            cpu_monitor: Handle::new("cpu_monitor"),
            haptics: Handle::new("haptics"),
            inputs: Handle::new("inputs"),
            journal: Handle::new("journal"),
            monitor: Handle::new("monitor"),
            scheduler: Handle::new("scheduler"),
            watch: Handle::new("watch"),
        }
    }

    fn neighbours_of_watch(&self, queue: JournalQueue) -> Neighbours {
        Neighbours {
            apps: self.apps.clone(),
            audio: self.audio.clone(),
            conditions: self.conditions.outlet(),
            cpu_monitor: self.cpu_monitor.clone(),
            haptics: self.haptics.clone(),
            journal: self.journal.clone(),
            monitor: self.monitor.clone(),
            queue,
            scheduler: self.scheduler.clone(),
        }
    }
}

/// Runs the runtime until SIGTERM, SIGINT, or a part that fails too often.
///
/// # Errors
/// When it cannot start: the state is unusable, or the socket is taken.
pub(crate) async fn run(settings: Settings, places: Places, simulate: bool) -> anyhow::Result<ExitCode> {
    let signals = Signals::listen()?; // before anything is there that a SIGTERM could leave behind
    descriptors::provide(settings.ipc.max_clients, settings.apps.max_running);
    let listener = Listener::bind(&places.socket)?;
    let rescue = journal::prepare(&places.database())?;
    let backends =
        if simulate { Backends::simulated(&settings, &places)? } else { Backends::real(&settings, &places)? };
    let manifests = options::manifests(&settings);
    let installer = Arc::new(Installer::new(&places.state, options::installs(&settings), manifests));
    installer.tidy()?;
    let packages = installer.installed()?; // an unreadable folder is said before anything starts

    let (escalate, escalated) = oneshot::channel();
    let handles = Handles::new();
    let straps = KnownStraps::default();
    let leave_time = options::limits(&settings).leave_time;
    let (theme, problem) = theme::load(&settings.haptics.theme);
    let database = rescue.map(|rescue| rescue.problem());
    let database = database.or_else(|| journal::set_aside_before(&places.database()));
    let problems = problem.into_iter().chain(waking::problem(backends.waking));
    let problems = problems.chain(backends.problems.clone()).chain(database).collect();
    let wiring = Wiring {
        settings: &settings,
        places: &places,
        backends: &backends,
        handles: &handles,
        theme: Arc::new(theme),
        problems,
        #[cfg(debug_assertions)]
        disk: journal::DiskFaults::default(),
    };
    #[cfg(debug_assertions)]
    let disk = wiring.disk.clone();
    let supervisor = wiring.supervisor(&installer, &straps, escalate).start();
    if let Err(error) = straps.load(&handles, settings.bluetooth.enabled).await {
        stop(&handles, &supervisor, leave_time).await;
        return Err(error);
    }
    let grants = match load_grants(&handles, packages).await {
        Ok(grants) => grants,
        Err(error) => {
            stop(&handles, &supervisor, leave_time).await;
            return Err(error);
        }
    };
    let services = Services {
        apps: handles.apps.clone(),
        ble: handles.ble.clone(),
        journal: handles.journal.clone(),
        monitor: handles.monitor.clone(),
        watch: handles.watch.clone(),
        installer,
        grants,
        refusals: Rc::default(),
        straps,
        simulation: backends.simulation.clone(),
        supervisor: supervisor.clone(),
        #[cfg(debug_assertions)]
        disk,
        limits: options::clients(&settings),
    };
    let serving = actix::spawn(listener.serve(services));
    tracing::info!("carpusd {} is ready on {}", env!("CARGO_PKG_VERSION"), places.socket.display());
    systemd::tell(sd_notify::NotifyState::Ready);

    let end = wait_for_the_end(signals, escalated).await;
    systemd::tell(sd_notify::NotifyState::Stopping);
    serving.abort();
    match end {
        End::Asked => stop(&handles, &supervisor, leave_time).await,
        End::GaveUp => give_up(&handles, &supervisor).await,
    }
    Ok(end.exit_code())
}

/// What the user grants the installed apps, as it is on disk (M5).
async fn load_grants(handles: &Handles, packages: Vec<Package>) -> anyhow::Result<Grants> {
    let kept = handles.journal.send(LoadGrants).await??;
    let asked = packages.into_iter().map(|package| (package.app.application.id, package.bluetooth));
    Ok(Grants::new(asked, kept))
}

/// The user's straps, as a Bluetooth actor that is started afresh has to know them.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownStraps(Arc<Mutex<Vec<GivenStrap>>>);

impl KnownStraps {
    /// Adds a strap, or gives it another name.
    pub(crate) fn add(&self, strap: GivenStrap) {
        let mut straps = self.lock();
        straps.retain(|known| known.device != strap.device);
        straps.push(strap);
    }

    /// Takes a strap out.
    pub(crate) fn forget(&self, device: &DeviceId) {
        self.lock().retain(|known| known.device != *device);
    }

    fn list(&self) -> Vec<GivenStrap> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<GivenStrap>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // a list is whole at any moment
    }

    /// Takes over those that are on disk, and gives them to the Bluetooth actor where there is one.
    async fn load(&self, handles: &Handles, bluetooth: bool) -> anyhow::Result<()> {
        for KnownStrap { device, name, .. } in handles.journal.send(LoadStraps).await?? {
            self.add(GivenStrap { device: device.clone(), name: name.clone() });
            if !bluetooth {
                continue;
            }
            match handles.ble.send(AddStrap(device.clone(), name)).await {
                Ok(Ok(())) => {}
                Ok(Err(refused)) => tracing::warn!(%device, "a known strap is left out: {refused}"),
                Err(later) => tracing::warn!(%device, "a known strap is connected later: {later}"),
            }
        }
        Ok(())
    }
}

/// What the children are made of.
struct Wiring<'a> {
    settings: &'a Settings,
    places: &'a Places,
    backends: &'a Backends,
    handles: &'a Handles,
    /// What the haptics feel and sound like (H1).
    theme: Arc<Theme>,
    /// What is known to be wrong from the start.
    problems: Vec<DeviceProblem>,
    /// What is wrong with the disk, where the devices are simulated.
    #[cfg(debug_assertions)]
    disk: journal::DiskFaults,
}

impl Wiring<'_> {
    /// The supervisor with all children, those that others rest on first.
    fn supervisor(
        &self,
        installer: &Arc<Installer>,
        straps: &KnownStraps,
        escalate: oneshot::Sender<Escalated>,
    ) -> Supervisor {
        let mut supervisor = Supervisor::new(SupervisorOptions {
            policy: options::supervision(self.settings, systemd::watchdog_time()),
            seed: u64::from(std::process::id()),
            clock: self.backends.clock.clone(),
            on_healthy: Box::new(systemd::pat_watchdog),
            on_escalation: Box::new(move |escalated| {
                escalate.send(escalated).ok(); // an error means that the runtime is ending anyway
            }),
        });
        self.add_basics(&mut supervisor);
        self.add_devices(&mut supervisor, straps);
        self.add_rules(&mut supervisor, installer.clone());
        supervisor
    }

    fn add_basics(&self, supervisor: &mut Supervisor) {
        let (clock, problems) = (self.backends.clock.clone(), self.problems.clone());
        supervisor.supervise(&self.handles.monitor, move |_| {
            Monitor::new(clock.clone(), OBSERVATIONS).with_problems(problems.clone())
        });
        let options = JournalOptions {
            reserve_bytes: self.settings.journal.reserve.bytes(),
            reports: self.handles.monitor.outlet(),
            #[cfg(debug_assertions)]
            faults: self.disk.clone(),
            ..JournalOptions::at(self.places.database(), self.settings.journal.max_undelivered)
        };
        supervisor.supervise(&self.handles.journal, move |ctx| Journal::new(options.clone(), ctx));
    }

    fn add_devices(&self, supervisor: &mut Supervisor, straps: &KnownStraps) {
        let (settings, monitor) = (self.settings, self.handles.monitor.clone());
        if settings.audio.enabled {
            let (open, clock) = (self.backends.open_speaker.clone(), self.backends.clock.clone());
            let (volume, monitor) = (settings.audio.volume.fraction() as f32, monitor.clone());
            let theme = self.theme.clone();
            supervisor.supervise(&self.handles.audio, move |ctx| {
                let options = AudioOptions {
                    open: open(),
                    theme: theme.clone(),
                    volume,
                    clock: clock.clone(),
                    played: monitor.outlet(),
                    reports: monitor.outlet(),
                };
                Audio::new(options, ctx)
            });
        }
        if settings.haptics.enabled {
            let (open, clock) = (self.backends.open_motor.clone(), self.backends.clock.clone());
            let (gap, monitor) = (settings.haptics.gap, monitor.clone());
            let theme = self.theme.clone();
            supervisor.supervise(&self.handles.haptics, move |ctx| {
                let options = HapticsOptions {
                    open: open(),
                    theme: theme.clone(),
                    gap,
                    clock: clock.clone(),
                    played: monitor.outlet(),
                    reports: monitor.outlet(),
                };
                Haptics::new(options, ctx)
            });
        }
        if settings.bluetooth.enabled {
            self.add_ble(supervisor, straps.clone());
        }
        let options = InputsOptions {
            buttons: self.backends.buttons.clone(),
            pressed: self.handles.watch.outlet(),
            reports: monitor.outlet(),
        };
        supervisor.supervise(&self.handles.inputs, move |_| Inputs::new(options.clone()));
        let options = ConditionsOptions {
            board: self.backends.conditions.clone(),
            interval: settings.suppression.interval,
            changed: self.handles.watch.outlet(),
        };
        supervisor.supervise(&self.handles.conditions, move |_| ConditionsMonitor::new(options.clone()));
    }

    /// Bluetooth has a thread of its own: a burst of samples there delays nobody else.
    fn add_ble(&self, supervisor: &mut Supervisor, straps: KnownStraps) {
        let options = options::ble(self.settings, self.backends, &self.handles.monitor);
        supervisor.supervise_apart(&self.handles.ble, move |_| {
            Ble::new(BleOptions { straps: straps.list(), ..options.clone() })
        });
    }

    fn add_rules(&self, supervisor: &mut Supervisor, installer: Arc<Installer>) {
        let limits = options::limits(self.settings);
        let (clock, handles) = (self.backends.clock.clone(), self.handles.clone());
        let (launcher, apps) =
            (self.backends.launcher.clone(), options::apps(self.settings, &limits, self.places));
        let exited = handles.watch.clone();
        // The watch knows of each app what the apps actor does: when that begins anew, so does the watch.
        let group = supervisor.group(Strategy::RestForOne);
        supervisor.supervise_in(group, Restart::Permanent, &self.handles.apps, move |_| {
            Apps::new(launcher.clone(), apps.clone(), exited.outlet(), installed_now(&installer))
        });
        let zone = time_zone::reader();
        let options = SchedulerOptions {
            clock: clock.clone(),
            timer: self.backends.wall_timer.clone(),
            zone: zone.clone(),
            due: handles.watch.outlet(),
            begins: handles.watch.outlet(),
            clock_set: handles.watch.outlet(),
            zone_changed: handles.watch.outlet(),
        };
        supervisor.supervise(&self.handles.scheduler, move |_| Scheduler::new(options.clone()));
        let (monitor_limits, interval) = (limits.clone(), options::sample_interval(self.settings, &limits));
        let (monitor_clock, monitored) = (clock.clone(), handles.clone());
        supervisor.supervise(&self.handles.cpu_monitor, move |_| {
            let (apps, spent) = (monitored.apps.clone(), monitored.watch.outlet());
            let begins = monitored.watch.outlet();
            CpuMonitor::new(monitor_limits.clone(), interval, monitor_clock.clone(), apps, spent, begins)
        });
        // What one life of the watch wrote is on disk before the next one reads it.
        let queue = JournalQueue::new(handles.journal.clone());
        let standing = BootFile::beside(&self.places.socket, "standing");
        supervisor.supervise_in(group, Restart::Permanent, &self.handles.watch, move |_| {
            let neighbours = handles.neighbours_of_watch(queue.clone());
            WatchActor::new(limits.clone(), clock.clone(), zone.clone(), standing.clone(), neighbours)
        });
    }
}

fn installed_now(installer: &Installer) -> Vec<InstalledApp> {
    let packages = installer.installed().unwrap_or_else(|error| {
        tracing::warn!("no app can be run: {}", carpus_actors::report::with_causes(&error));
        Vec::new()
    });
    packages.into_iter().map(|package| package.app).collect()
}

/// The signals that end the runtime in good order.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be listened for")?;
        let interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be listened for")?;
        Ok(Self { terminate, interrupt })
    }
}

/// How the runtime ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// In good order, by a signal.
    Asked,
    /// A part failed too often; systemd starts the runtime afresh.
    GaveUp,
}

impl End {
    fn exit_code(self) -> ExitCode {
        match self {
            Self::Asked => ExitCode::SUCCESS,
            Self::GaveUp => ExitCode::from(EXIT_GAVE_UP),
        }
    }
}

/// Waits for SIGTERM or SIGINT, or for a part that failed too often.
async fn wait_for_the_end(mut signals: Signals, escalated: oneshot::Receiver<Escalated>) -> End {
    tokio::select! {
        _ = signals.terminate.recv() => tracing::info!("SIGTERM: ending"),
        _ = signals.interrupt.recv() => tracing::info!("SIGINT: ending"),
        Ok(Escalated { child }) = escalated => {
            tracing::warn!("{child} failed too often: ending, to be started afresh");
            return End::GaveUp;
        }
    }
    End::Asked
}

/// Stops the parts that still work, and leaves the apps alone: the next runtime finds them, and they go on (D2).
async fn give_up(handles: &Handles, supervisor: &Addr<Supervisor>) {
    let ending = async {
        if let Err(error) = handles.watch.send(Settle).await {
            tracing::warn!("what the watch has written last may not be on disk: {error}");
        }
        if let Err(error) = supervisor.send(StopAll).await {
            tracing::warn!("the supervisor is gone: {error}");
        }
    };
    if tokio::time::timeout(STOP_TIME, ending).await.is_err() {
        tracing::warn!("the end took longer than {STOP_TIME:?}; leaving");
    }
}

/// Ends the apps, writes down what they have to learn of it, and stops the actors, those on top first.
async fn stop(handles: &Handles, supervisor: &Addr<Supervisor>, leave_time: Duration) {
    let limit = leave_time + STOP_TIME;
    let ending = async {
        let closing = handles.watch.send(UserCall::CloseAll).await.map(drop);
        let ended = handles.apps.send_within(limit, EndAll).await;
        let settled = handles.watch.send(Settle).await;
        if let Err(error) = closing.and(ended).and(settled) {
            tracing::warn!("the apps could not be ended in good order: {error}");
        }
        if let Err(error) = supervisor.send(StopAll).await {
            tracing::warn!("the supervisor is gone: {error}");
        }
    };
    if tokio::time::timeout(limit, ending).await.is_err() {
        tracing::warn!("the end took longer than {limit:?}; leaving");
    }
    tracing::info!("carpusd has ended");
}
