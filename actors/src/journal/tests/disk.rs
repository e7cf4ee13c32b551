//! A disk that is full, read-only, slow or broken; and an app that takes no events.

use super::*;
use crate::report::DeviceReport;

fn with_faults(path: &Path) -> JournalOptions {
    JournalOptions::at(path.to_owned(), 64)
}

/// A journal's thread that is asked without a queue.
struct Asked {
    thread: thread::JournalThread,
    faults: DiskFaults,
    reports: tokio::sync::mpsc::UnboundedReceiver<DeviceReport>,
}

impl Asked {
    fn on(path: &Path, reserve_bytes: u64) -> Self {
        let (reports, told) = crate::testing::listener();
        let options = JournalOptions { reports, reserve_bytes, ..with_faults(path) };
        let faults = options.faults.clone();
        let thread = thread::JournalThread::open(&options, Arc::default()).unwrap();
        Self { thread, faults, reports: told }
    }

    fn ask<R: Request>(&mut self, request: R) -> Result<R::Answer, JournalError> {
        let (reply, mut answer) = tokio::sync::oneshot::channel();
        self.thread.run(vec![Box::new(Work::new(request, reply))]);
        answer.try_recv().unwrap()
    }

    async fn told(&mut self) -> Vec<(&'static str, bool)> {
        crate::testing::settle().await;
        let told = crate::testing::drain(&mut self.reports);
        let named = |report| match report {
            DeviceReport::Problem(problem) => (problem.part, true),
            DeviceReport::Mended(mended) => (mended.part, false),
        };
        told.into_iter().map(named).collect()
    }
}

#[test]
fn a6_what_a_failing_disk_refuses_is_a_typed_error_and_leaves_nothing() {
    crate::testing::in_virtual_time(async {
        let (_folder, path) = room();
        let mut asked = Asked::on(&path, 0);
        asked.ask(SaveSession(record(1, scheduled(5)))).unwrap();
        let is = |fault, error: &JournalError| match fault {
            DiskFault::Full => matches!(error, JournalError::DiskFull(_)),
            DiskFault::ReadOnly => matches!(error, JournalError::ReadOnly(_)),
            DiskFault::Io => matches!(error, JournalError::DiskFails(_)),
            DiskFault::None | DiskFault::Slow => false,
        };
        for fault in [DiskFault::Full, DiskFault::ReadOnly, DiskFault::Io] {
            asked.faults.set(fault);
            for _ in 0..3 {
                let refused = asked.ask(SaveSession(record(2, scheduled(5)))).unwrap_err();
                assert!(is(fault, &refused), "{refused:?}");
            }
            assert!(asked.ask(NextSessionId).is_err(), "a number that is not reserved is not given");
            assert_eq!(
                asked.ask(LoadSessions).unwrap(),
                [record(1, scheduled(5))],
                "it is read nevertheless"
            );
            assert_eq!(asked.told().await, [("disk", true)], "once");
            asked.faults.set(DiskFault::None);
            asked.ask(SaveSession(record(1, scheduled(5)))).unwrap();
            assert_eq!(asked.told().await, [("disk", false)]);
        }
    });
}

#[test]
fn a_full_disk_costs_the_reserve_first_and_it_is_made_anew() {
    crate::testing::in_virtual_time(async {
        let (folder, path) = room();
        let mut asked = Asked::on(&path, 256 * 1024);
        let reserve = folder.path().join("state.db.reserve");
        assert_eq!(reserve.metadata().unwrap().len(), 256 * 1024);
        asked.faults.set(DiskFault::Full);
        assert!(asked.ask(SaveSession(record(1, scheduled(5)))).is_err());
        assert!(!reserve.exists(), "it was given up before anything was refused");
        drop(asked);
        let _next_life = Asked::on(&path, 256 * 1024);
        assert_eq!(reserve.metadata().unwrap().len(), 256 * 1024);
        let _other_size = Asked::on(&path, 4096);
        assert_eq!(reserve.metadata().unwrap().len(), 4096);
        let _none = Asked::on(&path, 0);
        assert!(!reserve.exists());
    });
}

#[test]
fn a_database_that_may_not_grow_is_a_full_disk() {
    let (_folder, path) = room();
    let (mut store, _) = store::open(&path).unwrap();
    store.connection.execute_batch("PRAGMA max_page_count = 1").unwrap();
    let disk = store.connection.transaction().unwrap();
    let mut world = thread::World::new(usize::MAX);
    let failed = (1..10_000)
        .find_map(|session| Append { app: app(), event: started(session) }.apply(&disk, &mut world).err());
    assert!(matches!(failed, Some(JournalError::DiskFull(_))), "{failed:?}");
}

#[test]
fn s4_an_app_that_takes_no_events_makes_no_session_and_the_ends_of_those_it_has_are_kept() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::with_limit(&path, 3);
        life.journal.send(NextSessionIdOf(app())).await.unwrap().unwrap();
        for session in 1..=3 {
            life.append(app(), started(session)).await;
        }
        let refused = life.journal.send(NextSessionIdOf(app())).await.unwrap();
        assert!(matches!(refused, Err(JournalError::Full { app: full, limit: 3 }) if full == app()));
        life.journal.send(NextSessionIdOf(other_app())).await.unwrap().unwrap();
        life.session_id().await; // the runtime makes the next one of a recurrence (A10)
        life.append(app(), TRANSIENT).await;
        for session in 1..=3 {
            let end = Conclude { app: app(), event: ended(session), session: SessionId(session), keep: None };
            life.journal.send(end).await.unwrap().unwrap();
        }
        life.end().await;

        let life = Life::with_limit(&path, 3);
        let refused = life.journal.send(NextSessionIdOf(app())).await.unwrap();
        assert!(matches!(refused, Err(JournalError::Full { .. })), "over restarts too");
        // Room for less than waits: it gets that, its stream ends, and it asks for the rest.
        let mut told = life.subscribe_with_room(app(), 4).await;
        let first = drain(&mut told);
        assert_eq!(first.len(), 4);
        assert_eq!(told.try_recv(), Err(TryRecvError::Disconnected));
        life.acknowledge(4).await;
        life.journal.send(NextSessionIdOf(app())).await.unwrap().unwrap();
        let told = [first, drain(&mut life.subscribe_with_room(app(), 4).await)].concat();
        let ends: Vec<_> = told.iter().filter(|told| told.sequence > Some(3)).cloned().collect();
        assert_eq!(ends, [1, 2, 3].map(|session| durable(3 + session, ended(session))), "each end once");
    });
}

#[test]
fn steps_are_all_made_or_none() {
    crate::testing::in_virtual_time(async {
        let (_folder, path) = room();
        let mut asked = Asked::on(&path, 0);
        let nameless = {
            let mut recurrence = rules::recurrence(app());
            let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
            recurrence.rule.zone = carpus_core::recurrence::RecurrenceZone::Named(zone);
            recurrence
        };
        let step = Advance { app: app(), event: started(1), record: record(1, running(false)) };
        let steps = vec![
            Step::Advance(step.clone()),
            Step::Append(Append { app: app(), event: TRANSIENT }),
            Step::Save(record(2, scheduled(5))),
        ];
        let refused = [steps.clone(), vec![Step::SaveRecurrence(nameless)]].concat();
        assert!(matches!(asked.ask(TakeSteps(refused)), Err(JournalError::UnnamedZone)));
        assert_eq!(asked.ask(LoadSessions).unwrap(), []);
        assert_eq!(asked.ask(NewestOf(app())).unwrap(), None);
        assert_eq!(asked.ask(TakeSteps(steps)).unwrap(), [Some(1), None, None]);
        let sessions = asked.ask(LoadSessions).unwrap();
        assert_eq!(sessions, [step.record, record(2, scheduled(5))]);
        assert_eq!(asked.ask(NewestOf(app())).unwrap(), Some(1));
    });
}

#[test]
fn s14_a_session_that_is_handed_over_again_is_told_to_begin_once() {
    crate::testing::in_virtual_time(async {
        let (_folder, path) = room();
        let mut asked = Asked::on(&path, 0);
        let handed =
            |session| AppEvent::Handle { session: SessionId(session), expiration: WallTime::default() };
        let advance = |event, session| Advance { app: app(), event, record: record(session, running(false)) };
        for (event, session) in
            [(handed(1), 1), (handed(2), 2), (started(1), 1), (ended(3), 3), (handed(1), 1)]
        {
            asked.ask(advance(event, session)).unwrap();
        }
        let (sink, mut told) = tokio::sync::mpsc::channel(8);
        asked.ask(Subscribe { app: app(), sink }).unwrap();
        let events: Vec<_> = drain(&mut told).into_iter().map(|delivery| delivery.event).collect();
        assert_eq!(events, [handed(2), ended(3), handed(1)]);
    });
}

#[test]
fn d2_a_thread_whose_actor_is_gone_writes_nothing_any_more() {
    let (_folder, path) = room();
    let over = Arc::<AtomicBool>::default();
    let mut thread = thread::JournalThread::open(&with_faults(&path), Arc::clone(&over)).unwrap();
    over.store(true, Ordering::SeqCst);
    let (reply, mut answer) = tokio::sync::oneshot::channel();
    thread.run(vec![Box::new(Work::new(SaveSession(record(1, scheduled(5))), reply))]);
    assert!(matches!(answer.try_recv().unwrap(), Err(JournalError::Unavailable)));
    let mut next = Connection::open(&path).unwrap();
    let found = LoadSessions.apply(&next.transaction().unwrap(), &mut thread::World::new(64)).unwrap();
    assert_eq!(found, []);
}

#[test]
fn a9_a_row_with_bytes_that_are_no_text_blocks_no_other() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        for session in 1..=3 {
            life.journal.send(SaveSession(record(session, scheduled(5)))).await.unwrap().unwrap();
            life.append(app(), started(session)).await;
        }
        for app in [app(), other_app()] {
            life.journal.send(SaveRecurrence(rules::recurrence(app))).await.unwrap().unwrap();
        }
        life.end().await;
        let connection = Connection::open(&path).unwrap();
        connection
            .execute("UPDATE sessions SET record = CAST(x'7BFF' AS TEXT) WHERE session = 2", [])
            .unwrap();
        connection.execute("UPDATE sessions SET app = CAST(x'FF' AS TEXT) WHERE session = 3", []).unwrap();
        connection.execute("UPDATE events SET payload = CAST(x'FF' AS TEXT) WHERE sequence = 2", []).unwrap();
        connection
            .execute("UPDATE recurrences SET app = CAST(x'FF' AS TEXT) WHERE app = 'toothbrush'", [])
            .unwrap();
        drop(connection);
        let life = Life::begin(&path);
        let sessions = life.journal.send(LoadSessions).await.unwrap().unwrap();
        assert_eq!(sessions, [record(1, scheduled(5))]);
        let events = drain(&mut life.subscribe(app()).await);
        assert_eq!(events, [durable(1, started(1)), durable(3, started(3))]);
        let recurrences = life.journal.send(LoadRecurrences).await.unwrap().unwrap();
        assert_eq!(recurrences, [rules::recurrence(app())]);
    });
}
