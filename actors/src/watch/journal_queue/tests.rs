use std::path::PathBuf;

use actix::Actor as _;
use carpus_core::session::{Cause, End, Reason};
use carpus_core::{AppState, RecordedFallback, RecordedPhase, SessionKind, WallTime};
use futures_util::FutureExt as _;

use super::*;
use crate::journal::{Delivery, DiskFault, DiskFaults, JournalOptions, Subscribe};
use crate::testing::{in_virtual_time, pass, settle};

fn app(name: &str) -> AppId {
    AppId::parse(name).unwrap()
}

fn record(app: &AppId, session: u64, phase: RecordedPhase) -> SessionRecord {
    SessionRecord { session: SessionId(session), app: app.clone(), kind: SessionKind::Alarm, phase }
}

const AT: WallTime = WallTime::from_unix_ms(5);

const SCHEDULED: RecordedPhase = RecordedPhase::Scheduled { at: AT, recurring: false };

/// A phase that a session goes on to; each is another.
fn running(rang: bool) -> RecordedPhase {
    RecordedPhase::Running {
        since: AT,
        expiration: AT,
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

const OWED: RecordedPhase = RecordedPhase::Fallback(RecordedFallback {
    at: AT,
    until: AT,
    over_at: Duration::ZERO,
    snoozed_until: None,
});

fn did_start(session: u64) -> AppEvent {
    AppEvent::DidStart { session: SessionId(session), expiration: AT }
}

fn did_end(session: u64) -> AppEvent {
    let end = End::by(Reason::Expired, Cause::LimitReached);
    AppEvent::DidInvalidate { session: SessionId(session), end }
}

/// A queue before a journal on a disk that can be broken.
struct Disk {
    _folder: tempfile::TempDir,
    path: PathBuf,
    faults: DiskFaults,
    journal: Handle<Journal>,
    queue: JournalQueue,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let options = JournalOptions::at(path.clone(), 64);
        let faults = options.faults.clone();
        let journal = Handle::of("journal", Journal::in_place(&options).start());
        Self { _folder: folder, path, faults, queue: JournalQueue::new(journal.clone()), journal }
    }

    /// What happens on a disk that is full, and later has room again.
    async fn full(&self) {
        self.queue.settled().await;
        self.faults.set(DiskFault::Full);
    }

    fn roomy(&self) {
        self.faults.set(DiskFault::None);
    }

    async fn listen(&self, app: &AppId) -> mpsc::Receiver<Delivery> {
        let (sink, events) = mpsc::channel(1024);
        self.journal.send(Subscribe { app: app.clone(), sink }).await.unwrap().unwrap();
        events
    }

    async fn on_disk(&self) -> Vec<SessionRecord> {
        self.journal.send(LoadSessions).await.unwrap().unwrap()
    }

    fn start(&self, app: &AppId, session: u64) -> Writing {
        let (event, record) = (did_start(session), record(app, session, running(false)));
        self.queue.advance(Advance { app: app.clone(), event, record })
    }

    fn end(&self, app: &AppId, session: u64) -> Writing {
        let (event, session) = (did_end(session), SessionId(session));
        self.queue.conclude(Conclude { app: app.clone(), event, session, keep: None })
    }
}

fn told(events: &mut mpsc::Receiver<Delivery>) -> Vec<AppEvent> {
    std::iter::from_fn(|| events.try_recv().ok()).map(|delivery| delivery.event).collect()
}

#[test]
fn who_causes_more_than_the_disk_can_take_is_held_up() {
    in_virtual_time(async {
        let queue = JournalQueue::new(Handle::new("journal")); // which is not there yet
        for session in 0..=ORDERS_MAX as u64 {
            assert!(queue.room().now_or_never().is_some(), "{session}");
            queue.forget(SessionId(session));
        }
        assert!(queue.room().now_or_never().is_none());
    });
}

#[test]
fn d2_what_cannot_be_written_is_written_by_itself_when_it_can_and_no_end_overtakes_its_start() {
    in_virtual_time(async {
        let (disk, app) = (Disk::new(), app("wake-up"));
        let mut events = disk.listen(&app).await;
        disk.queue.save(record(&app, 1, SCHEDULED)).done().await.unwrap();
        disk.full().await;
        disk.start(&app, 1).done().await.unwrap_err();
        disk.faults.set(DiskFault::ReadOnly);
        disk.end(&app, 1).done().await.unwrap_err();
        disk.start(&app, 2).done().await.unwrap_err();
        assert_eq!(disk.on_disk().await, [record(&app, 1, SCHEDULED)]);
        pass(Duration::from_secs(60)).await;
        assert_eq!(told(&mut events), [did_start(1), did_start(2)], "an end waits for the disk");
        disk.roomy();
        pass(RETRY).await;
        assert_eq!(told(&mut events), [did_end(1)]);
        assert_eq!(disk.on_disk().await, [record(&app, 2, running(false))]);
        pass(RETRY * 3).await;
        assert_eq!(told(&mut events), [], "once");
    });
}

#[test]
fn d2_what_is_ordered_after_the_disk_has_room_comes_behind_what_was_kept() {
    in_virtual_time(async {
        let (disk, app) = (Disk::new(), app("wake-up"));
        disk.full().await;
        disk.start(&app, 1).done().await.unwrap_err();
        disk.roomy();
        disk.end(&app, 1).done().await.unwrap();
        let mut events = disk.listen(&app).await;
        assert_eq!(told(&mut events), [did_start(1), did_end(1)]);
        assert_eq!(disk.on_disk().await, []);
    });
}

#[test]
fn d1_an_app_that_listens_again_is_told_what_was_kept_at_once() {
    in_virtual_time(async {
        let (disk, app) = (Disk::new(), app("wake-up"));
        disk.full().await;
        disk.end(&app, 1).done().await.unwrap_err();
        disk.roomy();
        let mut events = disk.listen(&app).await;
        disk.queue.tell_untold(app);
        settle().await;
        assert_eq!(told(&mut events), [did_end(1)]);
    });
}

#[test]
fn a6_an_alarm_that_cannot_be_written_is_refused_and_leaves_nothing() {
    in_virtual_time(async {
        let (disk, app) = (Disk::new(), app("wake-up"));
        let mut events = disk.listen(&app).await;
        disk.full().await;
        disk.start(&app, 1).done().await.unwrap_err();
        let refused = disk.queue.save(record(&app, 2, SCHEDULED)).done().await.unwrap_err();
        assert!(refused.contains("full"), "{refused}");
        disk.end(&app, 2).done().await.unwrap_err(); // what the rules say then: not-saved
        disk.roomy();
        pass(RETRY).await;
        assert_eq!(told(&mut events), [did_start(1), did_end(2)]);
        assert_eq!(disk.on_disk().await, [record(&app, 1, running(false))]);
        let fits = disk.queue.save(record(&app, 3, SCHEDULED)).done().await;
        assert_eq!(fits, Ok(()));
    });
}

#[test]
fn d2_the_next_life_of_the_watch_finds_the_sessions_as_the_last_one_left_them() {
    in_virtual_time(async {
        let (disk, app) = (Disk::new(), app("wake-up"));
        for session in 1..=4 {
            disk.queue.save(record(&app, session, SCHEDULED)).done().await.unwrap();
        }
        disk.full().await;
        disk.start(&app, 1).done().await.unwrap_err();
        disk.queue.save(record(&app, 1, running(true))).done().await.unwrap_err();
        disk.end(&app, 2).done().await.unwrap_err();
        let (event, keep) = (did_end(3), Some(record(&app, 3, OWED)));
        let owed = Conclude { app: app.clone(), event, session: SessionId(3), keep };
        disk.queue.conclude(owed).done().await.unwrap_err();
        disk.queue.forget(SessionId(4));
        let expected = [record(&app, 1, running(true)), record(&app, 3, OWED)];
        // Whoever asks next, a watch that was started again, has a clone of the queue.
        let next = disk.queue.clone();
        assert_eq!(next.sessions().await.unwrap(), expected);
        assert_eq!(disk.on_disk().await.len(), 4);
        disk.roomy();
        assert_eq!(next.sessions().await.unwrap(), expected);
        assert_eq!(disk.on_disk().await, expected, "and it is on disk when it was asked for");
        let mut events = disk.listen(&app).await;
        assert_eq!(told(&mut events), [did_start(1), did_end(2), did_end(3)]);
    });
}

#[test]
fn d2_what_one_life_ordered_is_on_disk_before_the_next_one_reads() {
    in_virtual_time(async {
        let (disk, app) = (Disk::new(), app("wake-up"));
        disk.journal.send(crate::journal::Stall(Duration::from_secs(2))).await.unwrap();
        disk.start(&app, 1);
        let next = disk.queue.clone();
        assert_eq!(next.sessions().await.unwrap(), [record(&app, 1, running(false))]);
    });
}

#[test]
fn one_app_that_cannot_be_written_holds_up_no_other() {
    in_virtual_time(async {
        let (disk, refused, other) = (Disk::new(), app("wake-up"), app("toothbrush"));
        let connection = rusqlite::Connection::open(&disk.path).unwrap();
        let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON events WHEN new.app = 'wake-up'
                       BEGIN SELECT RAISE(ABORT, 'refused'); END";
        connection.execute_batch(trigger).unwrap();
        let mut events = disk.listen(&other).await;
        for session in 1..=3 {
            let of_refused = disk.start(&refused, session);
            let of_other = disk.start(&other, session + 10);
            assert!(of_refused.done().await.is_err());
            assert_eq!(of_other.done().await, Ok(()));
        }
        assert_eq!(told(&mut events), [11, 12, 13].map(did_start));
        connection.execute_batch("DROP TRIGGER refuse").unwrap();
        pass(RETRY).await;
        let mut events = disk.listen(&refused).await;
        assert_eq!(told(&mut events), [1, 2, 3].map(did_start));
    });
}

#[test]
fn a4_a_step_that_cannot_be_written_is_told_once_to_an_app_that_listens_or_as_soon_as_it_does() {
    in_virtual_time(async {
        let (disk, app) = (Disk::new(), app("wake-up"));
        disk.queue.save(record(&app, 1, SCHEDULED)).done().await.unwrap();
        disk.full().await;
        disk.start(&app, 1).done().await.unwrap_err();
        let mut events = disk.listen(&app).await;
        disk.queue.tell_untold(app.clone());
        settle().await;
        assert_eq!(told(&mut events), [did_start(1)]);
        disk.start(&app, 2).done().await.unwrap_err();
        assert_eq!(told(&mut events), [did_start(2)]);
        assert_eq!(disk.on_disk().await, [record(&app, 1, SCHEDULED)], "what a restart would tell it from");
        disk.roomy();
        pass(RETRY).await;
        assert_eq!(told(&mut events), []);
        let both = [1, 2].map(|session| record(&app, session, running(false)));
        assert_eq!(disk.on_disk().await, both);
        let mut events = disk.listen(&app).await;
        assert_eq!(told(&mut events), []);
    });
}

#[test]
fn what_need_not_last_is_told_while_the_disk_is_full() {
    in_virtual_time(async {
        let (disk, app) = (Disk::new(), app("wake-up"));
        let mut events = disk.listen(&app).await;
        disk.full().await;
        disk.start(&app, 1).done().await.unwrap_err();
        let state = AppEvent::StateChanged { state: AppState::Background };
        disk.queue.append(app, state.clone());
        disk.queue.settled().await;
        assert_eq!(told(&mut events), [did_start(1), state]);
    });
}

#[test]
fn s4_a_write_whose_outcome_is_not_known_is_asked_for_and_no_event_is_told_twice() {
    in_virtual_time(async {
        for was_written in [true, false] {
            let disk = Disk::new();
            let app = app("wake-up");
            disk.start(&app, 1).done().await.unwrap();
            let steps = |session| {
                let end = did_end(session);
                let end = Conclude { app: app.clone(), event: end, session: SessionId(session), keep: None };
                vec![Step::Conclude(end)]
            };
            let newest = disk.journal.send(NewestOf(app.clone())).await.unwrap().unwrap();
            let mut writer = Writer {
                journal: disk.journal.clone(),
                kept: Kept::default(),
                newest: [(app.clone(), newest)].into(),
            };
            if was_written {
                disk.journal.send(TakeSteps(steps(1))).await.unwrap().unwrap();
            }
            // The journal ended with the answer on its way.
            let outcome = writer.find_out(Some(app.clone()), &JournalError::Unavailable).await;
            assert_eq!(outcome.is_ok(), was_written);
            if outcome.is_err() {
                writer.take(steps(1)).await.unwrap();
            }
            let mut events = disk.listen(&app).await;
            assert_eq!(told(&mut events), [did_start(1), did_end(1)]);
        }
    });
}

#[test]
fn no_more_is_kept_than_the_limit_and_ends_last() {
    let app = app("wake-up");
    let mut kept = Kept::default();
    let end = Conclude { app: app.clone(), event: did_end(1), session: SessionId(1), keep: None };
    let start = |session| {
        let record = record(&app, session, running(false));
        Step::Advance(Advance { app: app.clone(), event: did_start(session), record })
    };
    for step in [start(1), Step::Conclude(end)].into_iter().chain((2..=kept::KEPT_MAX as u64).map(start)) {
        kept.lose(step, "full".to_owned());
    }
    let lane = Lane::Of(app.clone());
    let steps: Vec<_> = kept.steps(&lane).cloned().collect();
    assert_eq!(steps.len(), kept::KEPT_MAX);
    assert!(matches!(steps[0], Step::Conclude(_)), "the start of a session that is over went");
    kept.give_up(app);
    assert!(kept.is_empty());
}

#[test]
fn of_a_ring_that_goes_on_only_the_newest_record_is_kept() {
    let app = app("wake-up");
    let mut kept = Kept::default();
    let advance = Advance { app: app.clone(), event: did_start(1), record: record(&app, 1, running(false)) };
    kept.lose(Step::Advance(advance.clone()), "full".to_owned());
    for rang in [true, false, true] {
        kept.lose(Step::Save(record(&app, 1, running(rang))), "full".to_owned());
    }
    let steps: Vec<_> = kept.steps(&Lane::Of(app.clone())).cloned().collect();
    assert_eq!(steps, [Step::Advance(Advance { record: record(&app, 1, running(true)), ..advance })]);
}
