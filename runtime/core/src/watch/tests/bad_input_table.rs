//! Part 12 of the rules, row by row: what an app or a user can get wrong, as far as the rules themselves decide it.
//! What is refused where a call is read is tried there.

use super::ring::{answer, ringing};
use super::*;
use crate::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use SessionKind::{Alarm, Mindfulness};
use SessionState::{Invalid, NotStarted, Running, Scheduled};

const NOBODY: SessionId = SessionId(u64::MAX);

fn daily() -> Recurrence {
    let time = jiff::civil::time(7, 0, 0, 0);
    Recurrence { weekdays: Weekdays::DAILY, time, zone: RecurrenceZone::Board }
}

/// Every call of an app that names no session.
fn calls_of(bench: &mut Bench, name: &str) -> Vec<Result<(), CallError>> {
    let app = &app(name);
    vec![
        bench.act(|watch, now| watch.handle_open(app, now)),
        bench.act(|watch, now| watch.handle_close(app, now)),
        bench.act(|watch, now| watch.handle_removed(app, now)),
        bench.act(|watch, now| watch.handle_rights(app, AppRights::default(), now)),
        bench.act(|watch, _| watch.create(app, NOBODY, None)),
        bench.act(|watch, now| watch.can_start(app, None, None, now)).map(drop),
        bench.act(|watch, now| watch.set_recurrence(app, daily(), now)),
        bench.act(|watch, now| watch.clear_recurrence(app, now)),
    ]
}

/// Every call of an app about a session.
fn calls(bench: &mut Bench, name: &str, id: SessionId) -> Vec<Result<(), CallError>> {
    let at = bench.wall_in(HOUR);
    vec![
        bench.start(name, id),
        bench.start_at(name, id, at),
        bench.act(|watch, now| watch.replace(&app(name), id, at, now)),
        bench.invalidate(name, id),
        bench.act(|watch, now| watch.handle_handled(&app(name), id, now)),
        bench.notify(name, id, Repeat::Default),
        bench.act(|watch, _| watch.handle_repeat(&app(name), id, 1, 1000, None)),
    ]
}

#[test]
fn bad_input_an_app_that_is_not_installed() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.look_anew();
    for call in [calls_of(&mut bench, "x"), calls(&mut bench, "x", id)].concat() {
        assert_eq!(call, Err(CallError::UnknownApp(app("x"))));
    }
    assert_eq!(bench.log, []);
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn bad_input_a_session_that_never_was_is_forgotten_or_is_another_apps() {
    let (mut bench, of_a) = Bench::alarm();
    bench.install("b", Alarm);
    bench.launch("b");
    let forgotten = bench.create("b");
    bench.exit("b", ExitStatus::Code(0));
    bench.launch("b");
    bench.look_anew();
    for id in [NOBODY, forgotten, of_a] {
        for call in calls(&mut bench, "b", id) {
            assert_eq!(call, Err(CallError::UnknownSession(id)));
        }
    }
    assert_eq!(bench.log, []);
    assert_eq!(bench.session_state("a", of_a), Running);
}

#[test]
fn bad_input_a_session_number_that_is_taken() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.install("b", Mindfulness);
    bench.look_anew();
    for name in ["a", "b"] {
        let made = bench.act(|watch, _| watch.create(&app(name), id, None));
        assert_eq!(made, Err(CallError::TakenSession(id)));
    }
    assert_eq!((bench.log.len(), bench.session_state("a", id)), (0, Running));
}

#[test]
fn bad_input_more_sessions_than_an_app_may_have() {
    let mut bench = Bench::of(Mindfulness);
    bench.install("b", Mindfulness);
    let limit = bench.limits.sessions_per_app;
    let ids: Vec<_> = (0..limit).map(|_| bench.create("a")).collect();
    let one_more = bench.act(|watch, _| watch.create(&app("a"), NOBODY, None));
    assert_eq!(one_more, Err(CallError::TooManySessions { limit }));
    bench.create("b");
    for id in ids {
        assert_eq!(bench.session_state("a", id), NotStarted);
    }
}

#[test]
fn bad_input_a_start_of_a_session_that_was_started_before() {
    let (mut running, ran) = Bench::running(Alarm);
    let waits = running.schedule("a", HOUR);
    let over = running.create("a");
    running.start("a", over).unwrap_err();
    running.look_anew();
    let at = running.wall_in(HOUR);
    for (id, state) in [(ran, Running), (waits, Scheduled), (over, Invalid)] {
        let before = Err(CallError::StartedBefore(state));
        assert_eq!(running.start("a", id), before);
        assert_eq!(running.start_at("a", id, at), before);
        assert_eq!(running.act(|watch, now| watch.replace(&app("a"), id, at, now)), before);
        assert_eq!(running.session_state("a", id), state);
    }
    assert_eq!(running.log, []);
}

#[test]
fn bad_input_a_start_against_a_rule() {
    let mut bench = Bench::of(Mindfulness);
    let id = bench.create("a");
    let Err(CallError::StartFailed(answer)) = bench.start("a", id) else { panic!("it fails") };
    assert_eq!(bench.end(id), answer);
}

#[test]
fn bad_input_invalidate_of_a_session_that_is_over() {
    let (mut bench, id) = Bench::alarm();
    bench.advance(HOUR);
    bench.look_anew();
    assert_eq!(bench.state("a"), AppState::Suspended);
    assert_eq!(bench.invalidate("a", id), Ok(()), "though the app is not active");
    assert_eq!(bench.log, []);
}

#[test]
fn bad_input_a_time_to_start_at_in_year_9999_or_at_the_end_of_the_clock() {
    const YEAR_9999_MS: i64 = 253_370_764_800_000;
    for unix_ms in [YEAR_9999_MS, i64::MAX] {
        let mut bench = Bench::of(Alarm);
        bench.launch("a");
        let id = bench.create("a");
        bench.start_at("a", id, WallTime::from_unix_ms(unix_ms)).unwrap_err();
        assert_eq!(bench.end(id), refused(ErrorCode::ScheduledTooFarInAdvance));
    }
}

#[test]
fn bad_input_a_time_to_start_at_long_past_or_before_1970() {
    for unix_ms in [0, -1, i64::MIN] {
        let mut bench = Bench::of(Alarm);
        bench.launch("a");
        let id = bench.create("a");
        bench.start_at("a", id, WallTime::from_unix_ms(unix_ms)).unwrap_err();
        assert_eq!(bench.end(id), End::with_error(ErrorCode::Unknown, Cause::ScheduledInPast));
    }
}

#[test]
fn bad_input_an_interval_of_zero_or_less() {
    for interval_ms in [0, -1, i64::MIN] {
        let (mut bench, id) = ringing(Repeat::EveryMs(interval_ms));
        let (mut asked, of_asked) = ringing(Repeat::Ask);
        answer(&mut asked, of_asked, 1, interval_ms);
        for bench in [&mut bench, &mut asked] {
            bench.advance(5 * MINUTE);
            assert_eq!(bench.rings().len(), 1);
            assert_eq!(bench.session_state("a", id), Running);
            assert_eq!(bench.count(|output| matches!(output, Output::IntervalChanged { .. })), 0);
        }
    }
}

#[test]
fn bad_input_an_interval_under_a_tenth_of_a_second_or_over_a_minute() {
    for (interval_ms, given) in [(1, 100 * MS), (99, 100 * MS), (60_001, MINUTE), (i64::MAX, MINUTE)] {
        let asked = Duration::from_millis(interval_ms.unsigned_abs());
        let (every, id) = ringing(Repeat::EveryMs(interval_ms));
        let (mut answered, of_answered) = ringing(Repeat::Ask);
        answer(&mut answered, of_answered, 1, interval_ms);
        for mut bench in [every, answered] {
            let said = Output::IntervalChanged { session: id, asked, given };
            assert_eq!(bench.count(|output| *output == said), 1);
            bench.advance(given - MS);
            assert_eq!(bench.rings().len(), 1);
            bench.advance(MS);
            assert_eq!(bench.rings().len(), 2);
        }
    }
}

#[test]
fn n2_a_tenth_of_a_second_and_a_minute_are_taken_as_they_are() {
    for interval_ms in [100, 60_000] {
        let (mut bench, _) = ringing(Repeat::EveryMs(interval_ms));
        bench.advance(Duration::from_millis(interval_ms.unsigned_abs()));
        assert_eq!(bench.rings().len(), 2);
        assert_eq!(bench.count(|output| matches!(output, Output::IntervalChanged { .. })), 0);
    }
}

#[test]
fn bad_input_a_snooze_of_zero_or_longer_than_the_window_has_room_for() {
    for span in [Duration::ZERO, 30 * MINUTE, Duration::MAX] {
        let (mut bench, id) = ringing(Repeat::Default);
        let snoozed = bench.act(|watch, now| watch.snooze_alarm(id, Some(span), now));
        assert_eq!(snoozed, Err(CallError::NoRoomToSnooze { left: 30 * MINUTE }));
        bench.advance(3 * SECOND);
        assert_eq!(bench.rings().len(), 2);
    }
}

#[test]
fn bad_input_a_delegate_answer_that_comes_twice() {
    let (mut bench, id) = Bench::alarm();
    bench.look_anew();
    assert_eq!(bench.handled("a", id), Ok(()));
    assert_eq!((bench.log.len(), bench.session_state("a", id)), (0, Running));
}

#[test]
fn bad_input_a_delegate_answer_that_comes_late_or_never() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR + 5 * SECOND);
    assert_eq!(bench.end(id).cause, Some(Cause::NoDelegate));
    bench.look_anew();
    assert_eq!(bench.handled("a", id), Err(CallError::NotHanded(id)));
    assert_eq!((bench.log.len(), bench.session_state("a", id)), (0, Invalid));
}

#[test]
fn bad_input_an_answer_to_repeat_twice_late_never_or_for_a_haptic_that_was_not_played() {
    let (mut bench, id) = ringing(Repeat::Ask);
    answer(&mut bench, id, 1, 10_000);
    for (played, interval_ms) in [(1, 0), (0, 0), (2, 0), (u32::MAX, 0)] {
        answer(&mut bench, id, played, interval_ms);
    }
    bench.advance(10 * SECOND);
    assert_eq!(bench.rings(), [10 * SECOND, Duration::ZERO]);
    answer(&mut bench, id, 1, 0);
    bench.advance(10 * SECOND);
    assert_eq!(bench.rings().len(), 3, "no answer to the second: it goes on as before");
}

#[test]
fn bad_input_an_answer_to_repeat_or_notify_user_about_a_session_that_does_not_ring_or_run() {
    let (mut alarm, silent) = Bench::alarm();
    let (mut running, other) = Bench::running(Mindfulness);
    let (mut waiting, waits) = Bench::scheduled();
    for (bench, id) in [(&mut alarm, silent), (&mut running, other), (&mut waiting, waits)] {
        bench.look_anew();
        let answered = bench.act(|watch, _| watch.handle_repeat(&app("a"), id, 1, 1000, None));
        assert_eq!(answered, Err(CallError::NotRinging(id)));
        assert_eq!(bench.log, []);
    }
    for (bench, id) in [(&mut running, other), (&mut waiting, waits)] {
        assert_eq!(bench.notify("a", id, Repeat::Default), Err(CallError::NotARunningAlarm));
        assert_eq!(bench.log, []);
    }
}

#[test]
fn bad_input_a_recurrence_without_a_weekday() {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    bench.look_anew();
    let never = Recurrence { weekdays: Weekdays::default(), ..daily() };
    let set = bench.act(|watch, now| watch.set_recurrence(&app("a"), never, now));
    assert_eq!((set, bench.log.len()), (Err(CallError::NoInstant), 0));
}

#[test]
fn bad_input_a_clock_reading_at_either_end() {
    for unix_ms in [i64::MIN, i64::MAX] {
        let mut bench = Bench::of(Alarm);
        bench.launch("a");
        let set = bench.act(|watch, now| watch.set_recurrence(&app("a"), daily(), now));
        assert_eq!(set, Ok(()));
        let before = bench.waiting();
        bench.now.wall = WallTime::from_unix_ms(unix_ms);
        bench.act(Watch::handle_clock_set);
        assert_eq!(bench.waiting(), before, "the calendar has no such day");
        bench.catch_up();
        let id = bench.create("a");
        let at = WallTime::from_unix_ms(unix_ms);
        drop(bench.act(|watch, now| watch.replace(&app("a"), id, at, now)));
        assert_eq!(bench.session_state("a", id), Running);
        bench.now.since_boot = Duration::MAX;
        bench.catch_up();
        assert_eq!(bench.session_state("a", id), Invalid);
    }
}

#[test]
fn bad_input_a_thing_that_is_due_reported_late_twice_or_of_a_session_that_is_over() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR + 5 * SECOND);
    bench.look_anew();
    for id in [id, NOBODY] {
        bench.act(|watch, now| watch.handle_due(id, now));
        bench.act(|watch, now| watch.handle_saved(id, now));
        assert!(!bench.act(|watch, now| watch.handle_not_saved(id, now)));
        bench.act(|watch, now| watch.handle_budget_spent(id, HOUR, SECOND, now));
    }
    bench.act(Watch::handle_timeout);
    assert_eq!(bench.log, []);
}

#[test]
fn bad_input_what_is_due_late_happens_once_and_earliest_first() {
    let (mut bench, first) = Bench::running(Mindfulness);
    bench.install("b", SessionKind::PhysicalTherapy);
    bench.advance(MINUTE);
    bench.wrist_down();
    bench.launch("b");
    bench.wrist_up();
    let second = bench.run("b");
    bench.look_anew();
    bench.pass(2 * HOUR);
    bench.catch_up();
    bench.act(Watch::handle_timeout);
    let ends = bench.log.iter().filter_map(|(_, output)| match output {
        Output::Conclude { session, .. } => Some(*session),
        _ => None,
    });
    assert_eq!(ends.collect::<Vec<_>>(), [second], "the first ended when the other app was opened");
    assert_eq!(bench.watch.session(&app("a"), first).unwrap().state, Invalid);
}

#[test]
fn bad_input_an_exit_an_attachment_or_a_reading_of_an_app_that_has_no_process() {
    let mut bench = Bench::of(Alarm);
    for name in ["a", "x"] {
        bench.exit(name, ExitStatus::Signal(9));
        bench.attach(name);
    }
    bench.act(|watch, now| watch.handle_budget_spent(SessionId(1), HOUR, SECOND, now));
    bench.act(Watch::handle_memory_short);
    assert_eq!((bench.log.len(), bench.state("a")), (0, AppState::NotRunning));
}
