//! A3: one scheduled session takes the place of another.

use super::*;
use SessionKind::Alarm;
use SessionState::{Invalid, NotStarted, Running, Scheduled};

fn replace(bench: &mut Bench, id: SessionId, at: WallTime) -> Result<(), CallError> {
    bench.act(|watch, now| watch.replace(&app("a"), id, at, now))
}

fn saved(bench: &mut Bench, id: SessionId) {
    bench.act(|watch, now| watch.handle_saved(id, now));
}

fn not_saved(bench: &mut Bench, id: SessionId) -> bool {
    bench.act(|watch, now| watch.handle_not_saved(id, now))
}

/// One app, "a", whose alarm is due in an hour, and is being replaced by the second one, due in two.
fn replacing() -> (Bench, SessionId, SessionId) {
    let (mut bench, first) = Bench::scheduled();
    let second = bench.create("a");
    let at = bench.wall_in(2 * HOUR);
    bench.look_anew();
    replace(&mut bench, second, at).unwrap();
    (bench, first, second)
}

fn invalidated() -> End {
    End::by(Reason::None, Cause::AppInvalidated)
}

#[test]
fn a3_replace_schedules_the_second_and_the_first_stands_until_it_is_on_disk() {
    let (mut bench, first, second) = replacing();
    assert_eq!(bench.session_state("a", first), Scheduled);
    assert_eq!(bench.session_state("a", second), Scheduled);
    assert_eq!(bench.disk.len(), 2);
    saved(&mut bench, second);
    assert_eq!(bench.end(first), invalidated());
    assert_eq!(bench.session_state("a", second), Scheduled);
    assert_eq!(bench.disk.keys().collect::<Vec<_>>(), [&second]);
    bench.advance(2 * HOUR);
    bench.handled("a", second).unwrap();
}

#[test]
fn a3_that_first_session_ends_once_however_often_the_second_is_saved() {
    let (mut bench, first, second) = replacing();
    saved(&mut bench, second);
    saved(&mut bench, second);
    saved(&mut bench, first);
    saved(&mut bench, SessionId(99));
    assert_eq!(bench.end(first), invalidated());
    assert_eq!(bench.session_state("a", second), Scheduled);
}

#[test]
fn a3_the_first_stands_on_if_the_second_cannot_be_saved() {
    let (mut bench, first, second) = replacing();
    assert!(not_saved(&mut bench, second));
    assert_eq!(bench.end(second), End::with_error(ErrorCode::Unknown, Cause::NotSaved));
    assert_eq!(bench.session_state("a", first), Scheduled);
    bench.advance(HOUR);
    bench.handled("a", first).unwrap();
}

#[test]
fn a3_the_first_stands_on_if_the_second_is_refused() {
    let (mut bench, first) = Bench::scheduled();
    let second = bench.create("a");
    let at = bench.wall_in(37 * HOUR);
    let end = refused(ErrorCode::ScheduledTooFarInAdvance);
    assert_eq!(replace(&mut bench, second, at), Err(CallError::StartFailed(end.clone())));
    saved(&mut bench, second);
    assert_eq!(bench.end(second), end);
    assert_eq!(bench.session_state("a", first), Scheduled);
}

#[test]
fn a3_every_obstacle_but_the_waiting_session_stands_in_the_way_of_replace_too() {
    let (mut bench, _) = Bench::scheduled();
    bench.wrist_down();
    let second = bench.create("a");
    let at = bench.wall_in(HOUR);
    let end = refused(ErrorCode::MustBeActiveToStartOrSchedule);
    assert_eq!(replace(&mut bench, second, at), Err(CallError::StartFailed(end)));
}

#[test]
fn a3_the_first_stands_on_if_the_second_is_invalidated_before_it_is_on_disk() {
    let (mut bench, first, second) = replacing();
    bench.invalidate("a", second).unwrap();
    saved(&mut bench, second);
    assert_eq!(bench.session_state("a", first), Scheduled);
}

#[test]
fn a3_replacing_nothing_is_scheduling() {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    let id = bench.create("a");
    let at = bench.wall_in(HOUR);
    replace(&mut bench, id, at).unwrap();
    saved(&mut bench, id);
    assert_eq!(bench.waiting(), [(id, at)]);
}

#[test]
fn a3_a_replacement_whose_time_is_now_runs_at_once_and_then_the_first_ends() {
    let (mut bench, first) = Bench::scheduled();
    let second = bench.create("a");
    let at = bench.now.wall;
    replace(&mut bench, second, at).unwrap();
    assert_eq!(bench.session_state("a", second), Running);
    assert_eq!(bench.end(first), invalidated());
    let starts = bench.place(is_did_start);
    assert!(starts < bench.place(is_did_invalidate));
}

#[test]
fn a3_one_that_runs_is_in_the_way_of_a_replacement_at_once() {
    let (mut bench, _) = Bench::running(Alarm);
    let waiting = bench.schedule("a", HOUR);
    let id = bench.create("a");
    let at = bench.now.wall;
    assert_eq!(replace(&mut bench, id, at), Err(CallError::StartFailed(in_progress())));
    assert_eq!(bench.session_state("a", waiting), Scheduled);
}

#[test]
fn a3_a_second_that_comes_due_before_it_is_on_disk_still_takes_the_place_of_the_first() {
    let (mut bench, first) = Bench::scheduled();
    let second = bench.create("a");
    let at = bench.wall_in(SECOND);
    replace(&mut bench, second, at).unwrap();
    bench.advance(SECOND);
    saved(&mut bench, second);
    bench.handled("a", second).unwrap();
    assert_eq!(bench.end(first), invalidated());
    assert_eq!(bench.session_state("a", second), Running);
}

#[test]
fn a3_a_first_that_came_due_meanwhile_is_not_taken_from_its_app() {
    let (mut bench, first, second) = replacing();
    bench.advance(HOUR);
    saved(&mut bench, second);
    bench.handled("a", first).unwrap();
    assert_eq!(bench.session_state("a", first), Running);
    assert_eq!(bench.session_state("a", second), Scheduled);
}

#[test]
fn a3_a_third_takes_the_place_of_both_though_the_second_is_lost() {
    let (mut bench, first, second) = replacing();
    let third = bench.create("a");
    let at = bench.wall_in(3 * HOUR);
    replace(&mut bench, third, at).unwrap();
    not_saved(&mut bench, second);
    saved(&mut bench, third);
    assert_eq!(bench.end(first), invalidated());
    assert_eq!(bench.waiting(), [(third, at)]);
}

#[test]
fn a3_a_session_that_was_started_before_replaces_nothing() {
    let (mut bench, first) = Bench::scheduled();
    let over = bench.create("a");
    let at = bench.wall_in(2 * HOUR);
    bench.start("a", over).unwrap_err();
    assert_eq!(replace(&mut bench, over, at), Err(CallError::StartedBefore(Invalid)));
    assert_eq!(replace(&mut bench, first, at), Err(CallError::StartedBefore(Scheduled)));
    let unknown = SessionId(99);
    assert_eq!(replace(&mut bench, unknown, at), Err(CallError::UnknownSession(unknown)));
    assert_eq!(bench.waiting().len(), 1);
}

#[test]
fn a3_a_session_that_was_refused_a_replacement_may_not_have_started() {
    let (mut bench, _) = Bench::scheduled();
    let id = bench.create("a");
    assert_eq!(bench.session_state("a", id), NotStarted);
    let at = bench.now.wall.minus(HOUR);
    replace(&mut bench, id, at).unwrap_err();
    assert_eq!(bench.end(id).cause, Some(Cause::ScheduledInPast));
}

#[test]
fn a3_of_two_that_wait_after_a_power_loss_the_newer_stands() {
    let (mut bench, first, second) = replacing();
    bench.power_loss(SECOND, &[("a", Alarm)]);
    assert_eq!(bench.end(first), invalidated());
    assert_eq!(bench.waiting().len(), 1);
    assert_eq!(bench.session_state("a", second), Scheduled);
}
