//! The watch among its neighbours, in virtual time: the real journal, scheduler, monitor and processes, on a simulated
//! board.

mod alarms;
mod calls;
mod lives;
mod recurrence;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use carpus_core::session::{End, SessionKind};
use carpus_core::supervision::Policy;
use carpus_core::watch::{AlarmView, CallError, Repeat};
use carpus_core::{AppEvent, AppState, RecordedPhase, SessionId, WallTime};
use carpus_simulated::{SimulatedLauncher, VirtualClock};
use jiff::tz::TimeZone;
use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc};

use super::*;
use crate::apps::AppsOptions;
use crate::journal::{Delivery, DiskFaults, JournalOptions, LoadSessions, Stall, Subscribe};
use crate::monitor::{LookOn, Observed};
use crate::scheduler::SchedulerOptions;
use crate::supervisor::{Fail, Restart, StopAll, Strategy, Supervisor, SupervisorOptions, Way};
use crate::testing::{drain, listener, pass, settle};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Saturday, 2026-11-21, noon UTC.
pub(super) fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_262_400)
}

pub(super) fn app() -> AppId {
    AppId::parse("wake-up").unwrap()
}

/// What outlives a restart of the runtime: the disk, the clocks, and what the board is set to.
pub(super) struct Board {
    folder: tempfile::TempDir,
    pub(super) clock: VirtualClock,
    pub(super) disk: DiskFaults,
    zone: Arc<Mutex<TimeZone>>,
}

/// One life of the runtime on a board.
pub(super) struct Life {
    pub(super) watch: Handle<WatchActor>,
    pub(super) journal: Handle<Journal>,
    pub(super) launcher: SimulatedLauncher,
    pub(super) conditions: mpsc::UnboundedReceiver<TellConditions>,
    supervisor: Addr<Supervisor>,
    observed: broadcast::Receiver<Arc<Observed>>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: VirtualClock::starting_at(start()),
            disk: DiskFaults::default(),
            zone: Arc::new(Mutex::new(TimeZone::UTC)),
        }
    }

    pub(super) fn zone(&self) -> MutexGuard<'_, TimeZone> {
        self.zone.lock().unwrap()
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// The wall clock, so many seconds after the start.
    pub(super) fn now(&self) -> WallTime {
        time::now(&self.clock).wall
    }

    /// A runtime with the rules' own numbers.
    pub(super) async fn begin(&self) -> Life {
        self.begin_with(Limits::default()).await
    }

    pub(super) async fn begin_with(&self, limits: Limits) -> Life {
        self.begin_beside(SimulatedLauncher::new(), limits).await
    }

    /// A runtime that finds alive what an earlier one launched.
    pub(super) async fn begin_beside(&self, launcher: SimulatedLauncher, limits: Limits) -> Life {
        let clock: Arc<VirtualClock> = Arc::new(self.clock.clone());
        let (watch, journal) = (Handle::new("watch"), Handle::new("journal"));
        let (apps, monitor, scheduler) =
            (Handle::new("apps"), Handle::new("monitor"), Handle::new("scheduler"));
        let cpu_monitor = Handle::new("cpu_monitor");
        let (tell_conditions, conditions) = listener();
        let mut supervisor = Supervisor::new(SupervisorOptions {
            policy: Policy { ping_interval: HOUR, ..Policy::default() }, // the tests pass days
            seed: 1,
            clock: clock.clone(),
            on_healthy: Box::new(|| {}),
            on_escalation: Box::new(|_| {}),
        });
        let of_monitor = clock.clone();
        supervisor.supervise(&monitor, move |_| Monitor::new(of_monitor.clone(), 1024));
        let options = JournalOptions { faults: self.disk.clone(), ..JournalOptions::at(self.database(), 64) };
        supervisor.supervise(&journal, move |_| Journal::in_place(&options));
        let (of_apps, options, exited) = (launcher.clone(), self.apps_options(), watch.clone());
        let group = supervisor.group(Strategy::RestForOne);
        supervisor.supervise_in(group, Restart::Permanent, &apps, move |_| {
            let installed = vec![installed(&options)];
            Apps::new(Arc::new(of_apps.clone()), options.clone(), exited.outlet(), installed)
        });
        let zone = Arc::clone(&self.zone);
        let zone: ReadZone = Arc::new(move || zone.lock().unwrap().clone());
        let options = SchedulerOptions {
            clock: clock.clone(),
            timer: Arc::new(self.clock.wall_timer()),
            zone: zone.clone(),
            due: watch.outlet(),
            begins: watch.outlet(),
            clock_set: watch.outlet(),
            zone_changed: watch.outlet(),
        };
        supervisor.supervise(&scheduler, move |_| Scheduler::new(options.clone()));
        let (of_limits, of_clock, of_apps) = (limits.clone(), clock.clone(), apps.clone());
        let (spent, begins) = (watch.outlet(), watch.outlet());
        supervisor.supervise(&cpu_monitor, move |_| {
            let (limits, clock, apps) = (of_limits.clone(), of_clock.clone(), of_apps.clone());
            CpuMonitor::new(limits, 10 * SECOND, clock, apps, spent.clone(), begins.clone())
        });
        let to = Neighbours {
            apps,
            audio: Handle::new("audio"),
            conditions: tell_conditions,
            cpu_monitor,
            haptics: Handle::new("haptics"),
            journal: journal.clone(),
            monitor: monitor.clone(),
            queue: JournalQueue::new(journal.clone()),
            scheduler,
        };
        let standing = BootFile::beside(&self.socket(), "standing");
        supervisor.supervise_in(group, Restart::Permanent, &watch, move |_| {
            WatchActor::new(limits.clone(), clock.clone(), zone.clone(), standing.clone(), to.clone())
        });
        let supervisor = supervisor.start();
        let observed = monitor.send(LookOn).await.unwrap();
        watch.send(Settle).await.unwrap();
        Life { watch, journal, launcher, conditions, supervisor, observed }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.folder.path().join("carpus.sock")
    }

    fn apps_options(&self) -> AppsOptions {
        AppsOptions {
            socket: self.socket(),
            data: self.folder.path().join("data"),
            logs: self.folder.path().to_owned(),
            max_log_bytes: 1024,
            leave_time: Duration::from_secs(5),
            max_running: 8,
        }
    }

    /// Makes the database refuse new rows in a table, and nothing else. Returns the way back.
    pub(super) fn refuse(&self, table: &str) -> impl FnOnce() + use<> {
        self.refuse_to("INSERT ON", table)
    }

    /// As [`Self::refuse`], for another change of its rows.
    pub(super) fn refuse_to(&self, what: &str, table: &str) -> impl FnOnce() + use<> {
        let connection = Connection::open(self.database()).unwrap();
        let trigger =
            format!("CREATE TRIGGER refuse BEFORE {what} {table} BEGIN SELECT RAISE(ABORT, 'refused'); END");
        connection.execute_batch(&trigger).unwrap();
        move || connection.execute_batch("DROP TRIGGER refuse").unwrap()
    }
}

/// An app that may hold each type of session, so that all can be tried.
fn installed(options: &AppsOptions) -> InstalledApp {
    InstalledApp {
        application: Application { id: app(), session_kinds: vec![SessionKind::Alarm] },
        name: "Wake up".to_owned(),
        version: "1".to_owned(),
        modes: Vec::new(),
        folder: options.logs.clone(),
        program: options.logs.join("wake-up"),
    }
}

impl Life {
    pub(super) async fn end(self) {
        self.supervisor.send(StopAll).await.unwrap();
    }

    /// A part of the runtime fails, and is up again.
    pub(super) async fn fail(&self, child: &str) {
        let fail = Fail { child: child.to_owned(), way: Way::Stop };
        self.supervisor.send(fail).await.unwrap().unwrap();
        pass(2 * SECOND).await;
        self.watch.send(Settle).await.unwrap();
    }

    pub(super) async fn user(&self, call: UserCall) -> Result<(), CallError> {
        let answer = self.watch.send(call).await.unwrap();
        settle().await;
        answer
    }

    /// The app runs, is active, and listens to its events.
    pub(super) async fn open(&self) -> mpsc::Receiver<Delivery> {
        self.user(UserCall::Open(app())).await.unwrap();
        let events = self.listen().await;
        assert_eq!(self.look().await.apps, [(app(), AppState::Active)]);
        events
    }

    pub(super) async fn listen(&self) -> mpsc::Receiver<Delivery> {
        let (sink, events) = mpsc::channel(1024);
        self.journal.send(Subscribe { app: app(), sink }).await.unwrap().unwrap();
        self.watch.send(Attached(app())).await.unwrap();
        settle().await;
        events
    }

    pub(super) async fn call(&self, request: Request) -> Result<AppAnswer, CallFailure> {
        self.watch.send(AppCall { app: app(), request }).await.unwrap()
    }

    pub(super) async fn create(&self) -> SessionId {
        match self.call(Request::Create(None)).await.unwrap() {
            AppAnswer::Created(session) => session,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn schedule(&self, at: WallTime) -> SessionId {
        let session = self.create().await;
        self.call(Request::StartAt(session, at)).await.unwrap();
        session
    }

    /// The disk takes its time: what is written from now on is on it a second later.
    pub(super) async fn slow_disk(&self) {
        self.journal.send(Stall(SECOND)).await.unwrap();
    }

    pub(super) async fn look(&self) -> View {
        self.watch.send(Look).await.unwrap()
    }

    pub(super) async fn alarms(&self) -> Vec<AlarmView> {
        self.look().await.alarms
    }

    pub(super) async fn alarm(&self) -> AlarmView {
        let [alarm] = self.alarms().await.try_into().unwrap();
        alarm
    }

    /// What is on disk of the sessions.
    pub(super) async fn kept(&self) -> Vec<(SessionId, RecordedPhase)> {
        let records = self.journal.send(LoadSessions).await.unwrap().unwrap();
        records.into_iter().map(|record| (record.session, record.phase)).collect()
    }

    /// What was observed since this was asked last.
    pub(super) fn observed(&mut self) -> Vec<Observation> {
        std::iter::from_fn(|| self.observed.try_recv().ok()).map(|observed| observed.what.clone()).collect()
    }
}

/// How many rows a table has, without a question to the journal, which would wait for its turn.
pub(super) fn rows(board: &Board, table: &str) -> i64 {
    let disk = Connection::open(board.database()).unwrap();
    disk.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

pub(super) fn events(deliveries: &mut mpsc::Receiver<Delivery>) -> Vec<AppEvent> {
    std::iter::from_fn(|| deliveries.try_recv().ok()).map(|delivery| delivery.event).collect()
}

/// How often the app's alarm played: each time, it is asked for the time to the next (N2).
pub(super) fn rings(events: &[AppEvent]) -> usize {
    events.iter().filter(|event| matches!(event, AppEvent::RepeatAsked { .. })).count()
}

pub(super) fn ends(events: Vec<AppEvent>) -> Vec<(SessionId, End)> {
    let end = |event| match event {
        AppEvent::DidInvalidate { session, end } => Some((session, end)),
        _ => None,
    };
    events.into_iter().filter_map(end).collect()
}

#[test]
fn s10_a_watch_that_begins_asks_how_the_board_fares() {
    crate::testing::in_virtual_time(async {
        let mut life = Board::new().begin().await;
        settle().await;
        assert_eq!(drain(&mut life.conditions), [TellConditions]);
    });
}
