//! A1–A4, A6, A7: alarms on the wall clock.

use super::*;
use crate::record::RecordedPhase;
use SessionKind::Alarm;
use SessionState::{Running, Scheduled};

const A: [(&str, SessionKind); 1] = [("a", Alarm)];

/// One app, "a", active, and its alarm session that was not started.
fn made() -> (Bench, SessionId) {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    let id = bench.create("a");
    (bench, id)
}

/// One app, "a", not running, whose alarm is due in an hour.
fn not_running() -> (Bench, SessionId) {
    let (mut bench, id) = Bench::scheduled();
    bench.exit("a", ExitStatus::Code(0));
    bench.look_anew();
    (bench, id)
}

fn start_failed(end: End) -> Result<(), CallError> {
    Err(CallError::StartFailed(end))
}

fn no_delegate() -> End {
    End::with_error(ErrorCode::Unknown, Cause::NoDelegate)
}

fn missed() -> End {
    End::with_error(ErrorCode::Unknown, Cause::MissedWhileOff)
}

fn is_handle(output: &Output) -> bool {
    matches!(output, Output::Advance { event: AppEvent::Handle { .. }, .. })
}

fn is_tell_missed(output: &Output) -> bool {
    matches!(output, Output::TellMissed { .. })
}

fn is_arm(output: &Output) -> bool {
    matches!(output, Output::Arm { .. })
}

fn is_save(output: &Output) -> bool {
    matches!(output, Output::Save(_))
}

#[test]
fn a1_only_an_alarm_is_scheduled() {
    let mut bench = Bench::of(SessionKind::PhysicalTherapy);
    bench.launch("a");
    let id = bench.create("a");
    let end = refused(ErrorCode::NotApprovedToSchedule);
    assert_eq!(bench.start_at("a", id, bench.wall_in(HOUR)), start_failed(end.clone()));
    assert_eq!(bench.end(id), end);
}

#[test]
fn a1_only_while_the_app_is_active() {
    let (mut bench, id) = made();
    bench.wrist_down();
    let end = refused(ErrorCode::MustBeActiveToStartOrSchedule);
    assert_eq!(bench.start_at("a", id, bench.wall_in(HOUR)), start_failed(end));
}

#[test]
fn a1_at_most_36_hours_ahead() {
    let (mut bench, id) = made();
    let end = refused(ErrorCode::ScheduledTooFarInAdvance);
    assert_eq!(bench.start_at("a", id, bench.wall_in(36 * HOUR + MS)), start_failed(end));
    let id = bench.create("a");
    assert_eq!(bench.start_at("a", id, bench.wall_in(36 * HOUR)), Ok(()));
}

#[test]
fn a2_a_time_up_to_a_minute_ago_starts_at_once_and_counts_from_the_given_time() {
    for ago in [Duration::ZERO, SECOND, MINUTE] {
        let (mut bench, id) = made();
        let at = bench.now.wall.minus(ago);
        bench.start_at("a", id, at).unwrap();
        assert_eq!(bench.session_state("a", id), Running);
        assert_eq!(bench.expiration("a", id), Some(at.plus(30 * MINUTE)));
        bench.advance(30 * MINUTE - ago - MS);
        assert_eq!(bench.session_state("a", id), Running);
        bench.advance(MS);
        assert_eq!(bench.end(id), End::by(Reason::Expired, Cause::LimitReached));
    }
}

#[test]
fn a2_a_time_longer_ago_fails() {
    let (mut bench, id) = made();
    let end = End::with_error(ErrorCode::Unknown, Cause::ScheduledInPast);
    assert_eq!(bench.start_at("a", id, bench.now.wall.minus(MINUTE + MS)), start_failed(end.clone()));
    assert_eq!(bench.end(id), end);
}

#[test]
fn a3_a_second_schedule_is_refused_until_the_first_is_invalidated() {
    let (mut bench, first) = Bench::scheduled();
    let second = bench.create("a");
    assert_eq!(bench.start_at("a", second, bench.wall_in(2 * HOUR)), start_failed(in_progress()));
    assert_eq!(bench.session_state("a", first), Scheduled);
    bench.invalidate("a", first).unwrap();
    let third = bench.schedule("a", 2 * HOUR);
    assert_eq!(bench.session_state("a", third), Scheduled);
}

#[test]
fn a3_each_app_has_a_schedule_of_its_own() {
    let (mut bench, first) = Bench::scheduled();
    bench.install("b", Alarm);
    bench.launch("b");
    let second = bench.schedule("b", HOUR);
    bench.advance(HOUR);
    bench.handled("a", first).unwrap();
    bench.handled("b", second).unwrap();
    assert_eq!(bench.session_state("a", first), Running);
    assert_eq!(bench.session_state("b", second), Running);
}

#[test]
fn a3_the_next_alarm_may_be_scheduled_while_one_runs() {
    let (mut bench, _) = Bench::running(Alarm);
    let next = bench.schedule("a", 24 * HOUR);
    assert_eq!(bench.session_state("a", next), Scheduled);
}

#[test]
fn a4_the_session_stands_while_its_app_is_suspended() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.advance(HOUR - MS);
    assert_eq!(bench.state("a"), AppState::Suspended);
    bench.look_anew();
    bench.advance(MS);
    assert_eq!(bench.state("a"), AppState::Background);
    assert_eq!(bench.count(is_thaw), 1);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn a4_the_session_stands_though_its_app_was_killed() {
    let (mut bench, id) = not_running();
    bench.advance(HOUR);
    assert_eq!(bench.count(is_launch), 1);
    assert_eq!(bench.state("a"), AppState::Background);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
    assert_eq!(bench.state("a"), AppState::Background, "nobody opened it");
}

#[test]
fn a4_an_alarm_that_comes_due_while_its_app_ends_is_handed_to_the_next_process() {
    let (mut bench, id) = Bench::scheduled();
    bench.close("a");
    bench.advance(HOUR);
    assert_eq!(bench.count(is_handle), 0, "the process that ends could not handle it");
    bench.look_anew();
    bench.exit("a", ExitStatus::Signal(9));
    assert_eq!((bench.count(is_launch), bench.count(is_handle)), (1, 1));
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn a4_that_alarm_is_handed_to_an_app_that_was_reopened_too() {
    let (mut bench, id) = Bench::scheduled();
    bench.close("a");
    bench.open("a");
    bench.advance(HOUR);
    bench.look_anew();
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!((bench.count(is_launch), bench.count(is_handle)), (1, 1));
    bench.handled("a", id).unwrap();
    assert_eq!(bench.state("a"), AppState::Active);
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn a4_the_running_session_of_a_process_that_ends_is_not_in_the_way_of_the_next_alarm() {
    let (mut bench, first) = Bench::running(Alarm);
    let second = bench.schedule("a", MINUTE);
    bench.close("a");
    bench.advance(MINUTE);
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.end(first).cause, Some(Cause::AppExited(ExitStatus::Code(0))));
    bench.handled("a", second).unwrap();
    assert_eq!(bench.session_state("a", second), Running);
}

#[test]
fn a4_it_is_handed_before_it_starts() {
    let (mut bench, id) = not_running();
    bench.advance(HOUR);
    let expiration = bench.wall_in(30 * MINUTE);
    bench.handled("a", id).unwrap();
    let handle = AppEvent::Handle { session: id, expiration };
    assert_eq!(bench.told(id), [handle, AppEvent::DidStart { session: id, expiration }]);
}

#[test]
fn a4_without_a_delegate_within_five_seconds_it_ends() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR + 5 * SECOND - MS);
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.advance(MS);
    assert_eq!(bench.end(id), no_delegate());
    let left = &bench.disk[&id].phase;
    assert!(matches!(left, RecordedPhase::Fallback { .. }), "N7: what is left is the fallback, not {left:?}");
}

#[test]
fn a4_the_five_seconds_begin_when_the_app_listens() {
    let (mut bench, id) = not_running();
    bench.advance(HOUR + MINUTE);
    bench.attach("a");
    bench.advance(5 * SECOND - MS);
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.advance(MS);
    assert_eq!(bench.end(id), no_delegate());
}

#[test]
fn a4_an_app_that_never_listens_loses_the_session_at_its_limit() {
    let (mut bench, id) = not_running();
    bench.advance(HOUR + 30 * MINUTE);
    assert_eq!(bench.end(id), no_delegate());
    bench.advance(5 * SECOND);
    assert_eq!(bench.state("a"), AppState::Suspended);
}

#[test]
fn a4_an_app_that_exits_before_it_handles_the_session_loses_it() {
    let (mut bench, id) = not_running();
    bench.advance(HOUR);
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.end(id).cause, Some(Cause::AppExited(ExitStatus::Code(0))));
    assert_eq!(bench.count(is_launch), 1);
}

#[test]
fn a4_the_time_that_the_app_took_counts() {
    let (mut bench, id) = not_running();
    bench.advance(HOUR + MINUTE);
    bench.handled("a", id).unwrap();
    bench.advance(29 * MINUTE);
    assert_eq!(bench.end(id), End::by(Reason::Expired, Cause::LimitReached));
}

#[test]
fn a4_an_app_in_front_is_handed_the_session_where_it_is() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR);
    assert_eq!(bench.count(is_launch), 1);
    assert_eq!(bench.state("a"), AppState::Active);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn a6_a_scheduled_session_is_saved_as_an_instant_on_the_wall_clock_before_the_call_returns() {
    let (mut bench, id) = made();
    let at = bench.wall_in(HOUR);
    bench.start_at("a", id, at).unwrap();
    assert!(bench.place(is_save) < bench.place(is_arm));
    assert_eq!(bench.disk[&id].phase, crate::record::RecordedPhase::Scheduled { at, recurring: false });
}

#[test]
fn a6_it_survives_power_loss() {
    let (mut bench, id) = Bench::scheduled();
    bench.power_loss(MINUTE, &A);
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.advance(59 * MINUTE);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn a6_a_session_that_could_not_be_saved_is_over() {
    let (mut bench, id) = Bench::scheduled();
    assert!(bench.act(|watch, now| watch.handle_not_saved(id, now)));
    assert_eq!(bench.end(id), End::with_error(ErrorCode::Unknown, Cause::NotSaved));
    bench.advance(2 * HOUR);
    assert_eq!(bench.count(is_handle), 0);
}

#[test]
fn a6_a_running_session_that_could_not_be_saved_runs_on() {
    let (mut bench, id) = Bench::alarm();
    assert!(!bench.act(|watch, now| watch.handle_not_saved(id, now)));
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn a6_a_schedule_that_was_refused_leaves_nothing_on_disk() {
    let (mut bench, id) = made();
    bench.start_at("a", id, bench.wall_in(37 * HOUR)).unwrap_err();
    assert_eq!(bench.count(is_save), 0);
    assert_eq!(bench.count(is_arm), 0);
}

#[test]
fn a7_a_clock_set_forward_past_the_time_starts_the_session_with_what_is_left() {
    let (mut bench, id) = Bench::scheduled();
    let at = bench.wall_in(HOUR);
    bench.set_clock(at.plus(10 * MINUTE));
    bench.handled("a", id).unwrap();
    assert_eq!(bench.expiration("a", id), Some(at.plus(30 * MINUTE)));
    bench.advance(20 * MINUTE);
    assert_eq!(bench.end(id), End::by(Reason::Expired, Cause::LimitReached));
}

#[test]
fn a7_a_board_that_was_off_at_the_time_starts_the_session_with_what_is_left() {
    let (mut bench, id) = Bench::scheduled();
    bench.power_loss(HOUR + 29 * MINUTE, &A);
    bench.handled("a", id).unwrap();
    bench.advance(MINUTE - MS);
    assert_eq!(bench.session_state("a", id), Running);
    bench.advance(MS);
    assert_eq!(bench.end(id).reason, Reason::Expired);
}

#[test]
fn a7_after_its_window_a_session_is_missed_and_app_and_user_are_told() {
    let (mut bench, id) = Bench::scheduled();
    bench.power_loss(HOUR + 30 * MINUTE, &A);
    assert_eq!(bench.end(id), missed());
    assert_eq!(bench.count(is_tell_missed), 1);
    assert_eq!(bench.count(is_handle), 0);
    assert!(bench.disk.is_empty());
}

#[test]
fn a7_a_clock_set_forward_past_the_window_misses_it_too() {
    let (mut bench, id) = Bench::scheduled();
    bench.set_clock(bench.wall_in(2 * HOUR));
    assert_eq!(bench.end(id), missed());
    assert_eq!(bench.count(is_tell_missed), 1);
}

#[test]
fn a7_a_clock_set_back_makes_the_alarm_wait_for_its_instant() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(30 * MINUTE);
    bench.set_clock(bench.now.wall.minus(10 * HOUR));
    bench.advance(10 * HOUR + 30 * MINUTE - MS);
    assert_eq!(bench.count(is_handle), 0);
    bench.advance(MS);
    assert_eq!(bench.count(is_handle), 1);
    bench.handled("a", id).unwrap();
}

#[test]
fn a7_a_wake_that_comes_early_arms_the_alarm_again() {
    let (mut bench, id) = Bench::scheduled();
    bench.look_anew();
    bench.act(|watch, now| watch.handle_due(id, now));
    let at = bench.wall_in(HOUR);
    assert_eq!(bench.log, [(bench.now.since_boot, Output::Arm { session: id, at })]);
}

#[test]
fn a7_a_clock_set_back_after_the_alarm_rings_it_no_second_time() {
    let (mut bench, id) = Bench::alarm();
    bench.set_clock(bench.now.wall.minus(10 * MINUTE));
    bench.act(|watch, now| watch.handle_due(id, now));
    bench.advance(24 * HOUR);
    bench.act(|watch, now| watch.handle_due(id, now));
    assert_eq!(bench.count(is_handle), 1);
    assert_eq!(bench.count(is_did_start), 1);
}

#[test]
fn a7_a_clock_that_is_set_neither_shortens_nor_lengthens_a_running_session() {
    for jump in [WallTime::minus, WallTime::plus] {
        let (mut bench, id) = Bench::running(Alarm);
        bench.set_clock(jump(bench.now.wall, 10 * HOUR));
        bench.advance(30 * MINUTE - MS);
        assert_eq!(bench.session_state("a", id), Running);
        bench.advance(MS);
        assert_eq!(bench.end(id).reason, Reason::Expired);
    }
}

#[test]
fn a7_nor_one_that_was_handed_and_waits_for_its_delegate() {
    for jump in [WallTime::minus, WallTime::plus] {
        let (mut bench, id) = not_running();
        bench.advance(HOUR);
        bench.set_clock(jump(bench.now.wall, 10 * HOUR));
        bench.handled("a", id).unwrap();
        bench.advance(30 * MINUTE - MS);
        assert_eq!(bench.session_state("a", id), Running);
        bench.advance(MS);
        assert_eq!(bench.end(id).reason, Reason::Expired);
    }
}
