//! What can be seen of the watch.

use super::*;
use crate::waking::{CannotRest, Rest, Waking};
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

const WAKES: Waking = Waking { from_suspend: true, from_power_off: Some(MINUTE) };

#[test]
fn a8_the_board_is_woken_for_the_next_alarm() {
    let (mut bench, _) = Bench::scheduled();
    bench.install("b", Alarm);
    bench.launch("b");
    bench.schedule("b", 30 * MINUTE);
    let rest = |bench: &Bench, rest| bench.watch.may_rest(rest, WAKES, bench.now);
    assert_eq!(rest(&bench, Rest::Suspend), Ok(Some(bench.wall_in(30 * MINUTE))));
    assert_eq!(rest(&bench, Rest::PowerOff), Ok(Some(bench.wall_in(29 * MINUTE))));
    assert_eq!(
        bench.watch.may_rest(Rest::Suspend, Waking::default(), bench.now),
        Err(CannotRest::NothingWakes)
    );
}

#[test]
fn a8_a_session_that_runs_keeps_the_board_on() {
    let (bench, id) = Bench::running(Mindfulness);
    assert_eq!(bench.watch.may_rest(Rest::Suspend, WAKES, bench.now), Err(CannotRest::InSession(id)));
}

#[test]
fn a8_a_fallback_that_waits_wakes_the_board_and_one_that_rings_keeps_it_on() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.advance(HOUR + 5 * SECOND); // handed, and ended without a delegate
    let rings_at = bench.wall_in(29 * MINUTE - 5 * SECOND);
    assert_eq!(bench.watch.may_rest(Rest::Suspend, WAKES, bench.now), Ok(Some(rings_at)));
    bench.advance(29 * MINUTE);
    assert_eq!(bench.watch.may_rest(Rest::Suspend, WAKES, bench.now), Err(CannotRest::InSession(id)));
}

#[test]
fn a8_a_board_with_no_alarm_may_rest() {
    let bench = Bench::of(Alarm);
    assert_eq!(bench.watch.may_rest(Rest::PowerOff, Waking::default(), bench.now), Ok(None));
}
