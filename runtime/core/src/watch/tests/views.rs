//! What can be seen of the watch.

use super::*;
use crate::watch::SessionView;
use SessionKind::{Alarm, Mindfulness};

#[test]
fn l1_every_installed_app_is_seen_with_its_state() {
    let mut bench = Bench::of(Alarm);
    bench.install("b", Mindfulness);
    bench.launch("b");
    let seen: Vec<_> = bench.watch.apps().map(|(app, state)| (app.to_string(), state)).collect();
    assert_eq!(seen, [("a".to_owned(), AppState::NotRunning), ("b".to_owned(), AppState::Active)]);
}

#[test]
fn s1_a_session_is_known_by_its_app_while_it_is_known() {
    let (mut bench, id) = Bench::running(Mindfulness);
    assert_eq!(bench.watch.app_of(id), Some(&app("a")));
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.watch.app_of(id), None);
}

#[test]
fn s1_every_session_that_was_started_and_is_not_over_is_seen_with_its_times() {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    let start = bench.now.wall;
    let over = bench.run("a");
    bench.invalidate("a", over).unwrap();
    let running = bench.run("a");
    let waiting = bench.schedule("a", HOUR);
    bench.create("a");
    let view = |session, state| SessionView {
        session,
        app: app("a"),
        kind: Alarm,
        state,
        scheduled_at: None,
        started_at: None,
        expiration: None,
    };
    let of_running = SessionView {
        started_at: Some(start),
        expiration: Some(start.plus(30 * MINUTE)),
        ..view(running, SessionState::Running)
    };
    let of_waiting =
        SessionView { scheduled_at: Some(start.plus(HOUR)), ..view(waiting, SessionState::Scheduled) };
    assert_eq!(bench.watch.open_sessions().collect::<Vec<_>>(), [of_running, of_waiting.clone()]);
    bench.advance(HOUR);
    assert_eq!(bench.watch.open_sessions().collect::<Vec<_>>(), [of_waiting], "handed, and due as before");
}
