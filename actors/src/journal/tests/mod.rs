mod damage;
mod disk;
mod file;
mod rules;
mod versions;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use carpus_core::session::{Cause, End, Reason};
use carpus_core::supervision::Policy;
use carpus_core::{
    AppEvent, AppId, AppState, RecordedFallback, RecordedPhase, SessionId, SessionKind, SessionRecord,
    WallTime,
};
use carpus_devices::bluetooth::DeviceId;
use carpus_simulated::VirtualClock;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{self, Receiver};

use super::*;
use crate::supervisor::{Handle, StopAll, Supervisor, SupervisorOptions};
use crate::testing::in_real_time;

fn app() -> AppId {
    AppId::parse("heart-rate").unwrap()
}

fn other_app() -> AppId {
    AppId::parse("toothbrush").unwrap()
}

fn started(session: u64) -> AppEvent {
    AppEvent::DidStart { session: SessionId(session), expiration: WallTime::from_unix_ms(1000) }
}

fn ended(session: u64) -> AppEvent {
    AppEvent::DidInvalidate {
        session: SessionId(session),
        end: End::by(Reason::Expired, Cause::LimitReached),
    }
}

const TRANSIENT: AppEvent = AppEvent::StateChanged { state: AppState::Active };

fn durable(sequence: u64, event: AppEvent) -> Delivery {
    Delivery { sequence: Some(sequence), event }
}

fn record(session: u64, phase: RecordedPhase) -> SessionRecord {
    SessionRecord { session: SessionId(session), app: app(), kind: SessionKind::Alarm, phase }
}

fn scheduled(at_ms: i64) -> RecordedPhase {
    RecordedPhase::Scheduled { at: WallTime::from_unix_ms(at_ms), recurring: false }
}

/// What version 2 could write of a session that runs.
fn running(rang: bool) -> RecordedPhase {
    RecordedPhase::Running {
        since: WallTime::from_unix_ms(5),
        expiration: WallTime::from_unix_ms(9),
        ends_at: Duration::ZERO,
        scheduled: true,
        rang,
        warned: false,
        handed: false,
        launch: 0,
        ring: None,
        fallback: None,
    }
}

fn fallback(at_ms: i64, until_ms: i64) -> RecordedPhase {
    let (at, until) = (WallTime::from_unix_ms(at_ms), WallTime::from_unix_ms(until_ms));
    RecordedPhase::Fallback(RecordedFallback { at, until, over_at: Duration::ZERO, snoozed_until: None })
}

/// One life of the journal, on a file that outlives it.
struct Life {
    journal: Handle<Journal>,
    supervisor: actix::Addr<Supervisor>,
}

impl Life {
    fn begin(path: &Path) -> Self {
        Self::with_limit(path, 1024)
    }

    fn with_limit(path: &Path, max_undelivered: usize) -> Self {
        let mut supervisor = Supervisor::new(SupervisorOptions {
            policy: Policy::default(),
            seed: 1,
            clock: Arc::new(VirtualClock::new()),
            on_healthy: Box::new(|| {}),
            on_escalation: Box::new(|_| {}),
        });
        let journal = Handle::new("journal");
        let options = JournalOptions::at(path.to_owned(), max_undelivered);
        supervisor.supervise(&journal, move |ctx| Journal::new(options.clone(), ctx));
        Self { journal, supervisor: supervisor.start() }
    }

    async fn append(&self, app: AppId, event: AppEvent) {
        self.try_append(app, event).await.unwrap();
    }

    async fn try_append(&self, app: AppId, event: AppEvent) -> Result<Option<u64>, JournalError> {
        self.journal.send(Append { app, event }).await.unwrap()
    }

    async fn subscribe(&self, app: AppId) -> Receiver<Delivery> {
        self.subscribe_with_room(app, 64).await
    }

    async fn subscribe_with_room(&self, app: AppId, room: usize) -> Receiver<Delivery> {
        let (sink, events) = mpsc::channel(room);
        self.journal.send(Subscribe { app, sink }).await.unwrap().unwrap();
        events
    }

    async fn acknowledge(&self, sequence: u64) {
        self.journal.send(Acknowledge { app: app(), sequence }).await.unwrap().unwrap();
    }

    async fn session_id(&self) -> u64 {
        self.journal.send(NextSessionId).await.unwrap().unwrap().0
    }

    async fn end(self) {
        self.supervisor.send(StopAll).await.unwrap();
    }
}

fn drain(events: &mut Receiver<Delivery>) -> Vec<Delivery> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

fn room() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    (folder, path)
}

#[test]
fn d1_events_are_delivered_in_order_with_their_numbers() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut events = life.subscribe(app()).await;
        for event in [started(1), TRANSIENT, ended(1), started(2)] {
            life.append(app(), event).await;
        }
        assert_eq!(
            drain(&mut events),
            [
                durable(1, started(1)),
                Delivery { sequence: None, event: TRANSIENT },
                durable(2, ended(1)),
                durable(3, started(2))
            ]
        );
    });
}

#[test]
fn d1_what_is_not_acknowledged_is_delivered_to_the_next_subscriber_and_nothing_else() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        for event in [started(1), TRANSIENT, ended(1), started(2)] {
            life.append(app(), event).await;
        }
        let mut first = life.subscribe(app()).await;
        assert_eq!(drain(&mut first), [durable(1, started(1)), durable(2, ended(1)), durable(3, started(2))]);
        life.acknowledge(2).await;
        let mut second = life.subscribe(app()).await;
        assert_eq!(drain(&mut second), [durable(3, started(2))]);

        life.append(app(), ended(2)).await;
        assert_eq!(drain(&mut second), [durable(4, ended(2))]);
        assert_eq!(first.try_recv(), Err(TryRecvError::Disconnected), "the older subscription ended");
        life.acknowledge(4).await;
        assert_eq!(drain(&mut life.subscribe(app()).await), []);
    });
}

#[test]
fn d1_apps_are_numbered_and_told_apart() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut events = life.subscribe(app()).await;
        let mut others = life.subscribe(other_app()).await;
        life.append(app(), started(1)).await;
        life.append(other_app(), started(2)).await;
        life.acknowledge(1).await;
        assert_eq!(drain(&mut events), [durable(1, started(1))]);
        assert_eq!(drain(&mut others), [durable(1, started(2))]);
        assert_eq!(drain(&mut life.subscribe(other_app()).await), [durable(1, started(2))]);
    });
}

#[test]
fn d2_a_journal_that_was_killed_between_append_and_acknowledgement_delivers_again() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut events = life.subscribe(app()).await;
        life.append(app(), started(1)).await;
        life.append(app(), ended(1)).await;
        assert_eq!(drain(&mut events).len(), 2);
        life.acknowledge(1).await;
        // What is on disk at this instant is what a killed runtime would leave: the file and its log, as they are.
        let killed = TempDir::new().unwrap();
        for name in ["state.db", "state.db-wal"] {
            std::fs::copy(path.with_file_name(name), killed.path().join(name)).unwrap();
        }
        let next_life = Life::begin(&killed.path().join("state.db"));
        assert_eq!(drain(&mut next_life.subscribe(app()).await), [durable(2, ended(1))]);
        next_life.append(app(), started(2)).await;
        assert_eq!(drain(&mut next_life.subscribe(app()).await)[1], durable(3, started(2)), "numbers go on");
    });
}

#[test]
fn d2_numbers_go_on_after_all_events_were_acknowledged() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        life.append(app(), started(1)).await;
        life.acknowledge(1).await;
        life.end().await;
        let life = Life::begin(&path);
        let mut events = life.subscribe(app()).await;
        life.append(app(), ended(1)).await;
        assert_eq!(events.recv().await, Some(durable(2, ended(1))));
    });
}

#[test]
fn d2_the_journal_comes_back_after_a_panic_of_its_thread() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        life.append(app(), started(1)).await;
        let panicked = life.journal.send(Panic).await.unwrap();
        assert!(matches!(panicked, Err(JournalError::Unavailable)));
        loop {
            // Until the actor has learned of the end of its thread, the answer is a typed error.
            match life.journal.send(Append { app: app(), event: ended(1) }).await {
                Ok(Ok(_)) => break,
                Ok(Err(JournalError::Unavailable)) | Err(_) => tokio::task::yield_now().await,
                Ok(Err(error)) => panic!("{error}"),
            }
        }
        assert_eq!(drain(&mut life.subscribe(app()).await), [durable(1, started(1)), durable(2, ended(1))]);
    });
}

#[derive(actix::Message)]
#[rtype(result = "Result<(), JournalError>")]
struct Panic;

impl Request for Panic {
    type Found = ();
    type Answer = ();

    fn apply(&self, _: &rusqlite::Transaction<'_>, _: &mut thread::World) -> Result<(), JournalError> {
        panic!("told to");
    }

    fn publish(self, (): (), _: &mut subscriptions::Subscriptions) {}
}

#[test]
fn a_sink_without_room_is_cut_off_and_loses_nothing_durable() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut slow = life.subscribe_with_room(app(), 2).await;
        let mut other = life.subscribe(other_app()).await;
        for session in 1..=5 {
            life.append(app(), started(session)).await;
            life.append(other_app(), started(session)).await;
        }
        assert_eq!(slow.recv().await, Some(durable(1, started(1))));
        assert_eq!(slow.recv().await, Some(durable(2, started(2))));
        assert_eq!(slow.try_recv(), Err(TryRecvError::Disconnected), "cut off");
        assert_eq!(drain(&mut other).len(), 5);

        life.acknowledge(2).await;
        let again = drain(&mut life.subscribe(app()).await);
        assert_eq!(again, [3, 4, 5].map(|session| durable(session, started(session))));
    });
}

#[test]
fn many_requests_at_once_are_all_answered_and_in_order() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut events = life.subscribe_with_room(app(), 1000).await;
        let appends = (1..=500).map(|session| life.try_append(app(), started(session)));
        let answers = futures_util::future::join_all(appends).await;
        assert!(answers.iter().all(Result::is_ok));
        let expected: Vec<Delivery> = (1..=500).map(|session| durable(session, started(session))).collect();
        assert_eq!(drain(&mut events), expected);
    });
}

#[test]
fn a6_sessions_survive_and_can_be_replaced_and_removed() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let running = running(true);
        for record in
            [record(1, scheduled(5)), record(2, scheduled(6)), record(3, scheduled(7)), record(1, running)]
        {
            life.journal.send(SaveSession(record)).await.unwrap().unwrap();
        }
        life.journal.send(RemoveSession(SessionId(2))).await.unwrap().unwrap();
        life.end().await;

        let life = Life::begin(&path);
        let sessions = life.journal.send(LoadSessions).await.unwrap().unwrap();
        assert_eq!(sessions, [record(1, running), record(3, scheduled(7))]);
    });
}

#[test]
fn a9_one_bad_record_never_blocks_another() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        for session in 1..=3 {
            life.journal.send(SaveSession(record(session, scheduled(5)))).await.unwrap().unwrap();
            life.append(app(), started(session)).await;
        }
        life.end().await;
        let connection = Connection::open(&path).unwrap();
        connection.execute("UPDATE sessions SET record = '{' WHERE session = 2", []).unwrap();
        connection.execute("UPDATE events SET payload = 'null' WHERE sequence = 2", []).unwrap();
        connection.execute("INSERT INTO straps VALUES ('not an address', NULL, NULL, 0)", []).unwrap();
        drop(connection);

        let life = Life::begin(&path);
        let sessions = life.journal.send(LoadSessions).await.unwrap().unwrap();
        assert_eq!(sessions, [record(1, scheduled(5)), record(3, scheduled(5))]);
        let events = drain(&mut life.subscribe(app()).await);
        assert_eq!(events, [durable(1, started(1)), durable(3, started(3))]);
        assert_eq!(life.journal.send(LoadStraps).await.unwrap().unwrap(), []);
    });
}

#[test]
fn session_numbers_are_never_given_twice() {
    in_real_time(async {
        let (_folder, path) = room();
        let mut given = Vec::new();
        for _ in 0..3 {
            let life = Life::begin(&path);
            for _ in 0..20 {
                given.push(life.session_id().await);
            }
            life.end().await;
        }
        assert_eq!(given[..20], (1..=20).collect::<Vec<u64>>());
        assert!(given.is_sorted_by(|earlier, later| earlier < later), "{given:?}");
    });
}

#[test]
fn straps_are_kept_replaced_and_forgotten() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let strap = |address: &str, name: Option<&str>| KnownStrap {
            device: DeviceId::parse(address).unwrap(),
            name: name.map(str::to_owned),
            role: None,
            added_at: WallTime::from_unix_ms(77),
        };
        let (a, b) = ("C0:FF:EE:00:00:01", "C0:FF:EE:00:00:02");
        for strap in [strap(b, None), strap(a, None), strap(a, Some("chest"))] {
            life.journal.send(SaveStrap(strap)).await.unwrap().unwrap();
        }
        life.journal.send(ForgetStrap(DeviceId::parse(b).unwrap())).await.unwrap().unwrap();
        life.end().await;
        let life = Life::begin(&path);
        assert_eq!(life.journal.send(LoadStraps).await.unwrap().unwrap(), [strap(a, Some("chest"))]);
    });
}

#[test]
fn an_app_that_is_forgotten_leaves_nothing_and_its_stream_ends() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut events = life.subscribe(app()).await;
        life.append(app(), started(1)).await;
        life.append(other_app(), started(2)).await;
        life.journal.send(SaveSession(record(1, scheduled(5)))).await.unwrap().unwrap();
        life.journal.send(SaveRecurrence(rules::recurrence(app()))).await.unwrap().unwrap();
        life.journal.send(SaveRights(app(), rules::NO_SCHEDULING)).await.unwrap().unwrap();
        life.journal.send(rules::grants()).await.unwrap().unwrap();
        life.journal.send(ForgetApp { app: app() }).await.unwrap().unwrap();
        assert_eq!(life.journal.send(LoadRecurrences).await.unwrap().unwrap(), []);
        assert_eq!(life.journal.send(LoadRights).await.unwrap().unwrap(), []);
        assert_eq!(life.journal.send(LoadGrants).await.unwrap().unwrap(), []);
        assert_eq!(events.recv().await, Some(durable(1, started(1))));
        assert_eq!(events.try_recv(), Err(TryRecvError::Disconnected));
        assert_eq!(drain(&mut life.subscribe(app()).await), []);
        assert_eq!(life.journal.send(LoadSessions).await.unwrap().unwrap(), []);
        assert_eq!(drain(&mut life.subscribe(other_app()).await), [durable(1, started(2))]);
    });
}

/// Makes the database refuse events, and nothing else. Returns the way back.
fn refuse_events(path: &Path) -> impl FnOnce() {
    let connection = Connection::open(path).unwrap();
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'refused'); END";
    connection.execute_batch(trigger).unwrap();
    move || connection.execute_batch("DROP TRIGGER refuse").unwrap()
}

#[test]
fn an_event_that_cannot_be_written_is_an_error_is_not_delivered_and_takes_nothing_else_down() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut events = life.subscribe(app()).await;
        life.append(app(), started(1)).await;
        let allow = refuse_events(&path);
        let (failed, saved, transient) = tokio::join!(
            life.try_append(app(), ended(1)),
            life.journal.send(SaveSession(record(1, scheduled(5)))),
            life.try_append(app(), TRANSIENT),
        );
        assert!(matches!(failed, Err(JournalError::Failed(_))), "{failed:?}");
        saved.unwrap().unwrap();
        transient.unwrap();
        allow();
        life.append(app(), ended(1)).await;
        assert_eq!(
            drain(&mut events),
            [durable(1, started(1)), Delivery { sequence: None, event: TRANSIENT }, durable(2, ended(1))],
            "the number that failed was not used up"
        );
    });
}

#[test]
fn errors_of_the_disk_have_types_of_their_own() {
    use rusqlite::ffi;
    let error = |code| JournalError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
    assert!(matches!(error(ffi::SQLITE_FULL), JournalError::DiskFull(_)));
    assert!(matches!(error(ffi::SQLITE_READONLY), JournalError::ReadOnly(_)));
    assert!(matches!(error(ffi::SQLITE_IOERR), JournalError::DiskFails(_)));
    assert!(matches!(error(ffi::SQLITE_CORRUPT), JournalError::Failed(_)));
}
