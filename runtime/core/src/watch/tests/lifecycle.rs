//! L1–L7: the life cycle of apps.

use super::*;
use AppState::{Active, Background, Inactive, NotRunning, Suspended};
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy};

/// One app, "a", active.
fn active() -> Bench {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    bench
}

/// One app, "a", suspended.
fn suspended() -> Bench {
    let mut bench = active();
    bench.crown();
    bench.advance(MINUTE);
    bench.look_anew();
    bench
}

/// Two apps: "a" is active, "b" does not run.
fn two() -> Bench {
    let mut bench = active();
    bench.install("b", PhysicalTherapy);
    bench
}

#[test]
fn l1_the_states_have_the_names_of_the_rules() {
    let names = [NotRunning, Inactive, Active, Background, Suspended].map(AppState::name);
    assert_eq!(names, ["not-running", "inactive", "active", "background", "suspended"]);
}

#[test]
fn l1_an_installed_app_does_not_run() {
    let bench = Bench::of(Mindfulness);
    assert_eq!(bench.state("a"), NotRunning);
    assert!(bench.log.is_empty());
}

#[test]
fn l1_an_app_is_launched_once() {
    let mut bench = Bench::of(Mindfulness);
    bench.open("a");
    bench.open("a");
    bench.attach("a");
    bench.open("a");
    assert_eq!(bench.count(is_launch), 1);
}

#[test]
fn l1_an_app_whose_process_ended_does_not_run() {
    let mut bench = active();
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.state("a"), NotRunning);
    assert_eq!(bench.watch.frontmost(), None);
}

#[test]
fn l1_an_app_whose_process_ended_waits_for_no_time() {
    let leave: [Act; 2] = [Bench::crown, Bench::wrist_down];
    for leave in leave {
        let mut bench = active();
        leave(&mut bench);
        bench.exit("a", ExitStatus::Code(0));
        assert_eq!(bench.watch.poll_timeout(), None);
    }
}

#[test]
fn l1_an_app_that_could_not_be_launched_does_not_run_and_may_be_opened_again() {
    let mut bench = Bench::of(Mindfulness);
    bench.open("a");
    bench.exit("a", ExitStatus::Unknown);
    assert_eq!(bench.state("a"), NotRunning);
    bench.launch("a");
    assert_eq!(bench.state("a"), Active);
}

#[test]
fn l2_opening_launches_an_app_to_inactive_and_then_active() {
    let mut bench = Bench::of(Mindfulness);
    bench.open("a");
    assert_eq!(bench.state("a"), Inactive);
    bench.attach("a");
    assert_eq!(bench.states("a"), [Inactive, Active]);
    assert_eq!(bench.delivered("a"), [AppEvent::StateChanged { state: Active }]);
}

#[test]
fn l2_a_suspended_app_reopens_through_background_and_inactive() {
    let mut bench = suspended();
    bench.open("a");
    assert_eq!(bench.states("a"), [Background, Inactive, Active]);
    assert_eq!(bench.count(is_thaw), 1);
    assert_eq!(bench.count(is_launch), 0);
}

#[test]
fn l2_an_app_in_the_background_reopens_through_inactive() {
    let mut bench = active();
    bench.crown();
    bench.look_anew();
    bench.open("a");
    assert_eq!(bench.states("a"), [Inactive, Active]);
    assert_eq!(bench.count(is_thaw), 0);
    bench.advance(MINUTE);
    assert_eq!(bench.state("a"), Active, "the grace of L4 is called off");
}

#[test]
fn l2_with_the_wrist_down_an_opened_app_is_inactive_until_the_wrist_goes_up() {
    let mut bench = Bench::of(Mindfulness);
    bench.wrist_down();
    bench.launch("a");
    assert_eq!(bench.state("a"), Inactive);
    bench.wrist_up();
    assert_eq!(bench.state("a"), Active);
}

#[test]
fn l2_opening_the_active_app_again_changes_nothing() {
    let mut bench = active();
    bench.look_anew();
    bench.open("a");
    assert_eq!(bench.log, []);
}

#[test]
fn l3_wrist_down_makes_the_app_inactive_and_leaves_it_frontmost() {
    let mut bench = active();
    bench.wrist_down();
    bench.advance(2 * MINUTE - MS);
    assert_eq!(bench.state("a"), Inactive);
    assert_eq!(bench.watch.frontmost(), Some(&app("a")));
}

#[test]
fn l3_after_the_frontmost_time_the_app_goes_to_background_and_is_suspended() {
    let mut bench = active();
    bench.wrist_down();
    bench.advance(2 * MINUTE);
    assert_eq!(bench.state("a"), Background);
    assert_eq!(bench.watch.frontmost(), None);
    bench.advance(5 * SECOND);
    assert_eq!(bench.states("a"), [Inactive, Active, Inactive, Background, Suspended]);
}

#[test]
fn l3_wrist_up_in_time_makes_the_app_active_and_the_time_counts_anew() {
    let mut bench = active();
    bench.wrist_down();
    bench.advance(MINUTE);
    bench.wrist_up();
    assert_eq!(bench.state("a"), Active);
    bench.advance(HOUR);
    assert_eq!(bench.state("a"), Active);
    bench.wrist_down();
    bench.advance(2 * MINUTE - MS);
    assert_eq!(bench.state("a"), Inactive);
}

#[test]
fn l3_wrist_up_too_late_leaves_the_app_where_it_is() {
    let mut bench = active();
    bench.wrist_down();
    bench.advance(3 * MINUTE);
    bench.wrist_up();
    assert_eq!(bench.state("a"), Suspended);
}

#[test]
fn l3_a_second_wrist_down_does_not_prolong_the_frontmost_time() {
    let mut bench = active();
    bench.wrist_down();
    bench.advance(MINUTE);
    bench.wrist_down();
    bench.advance(MINUTE);
    assert_eq!(bench.state("a"), Background);
}

#[test]
fn l3_the_frontmost_time_is_a_setting() {
    let mut bench = Bench::with(Limits { frontmost_time: 7 * SECOND, ..Limits::default() });
    bench.install("a", Mindfulness);
    bench.launch("a");
    bench.wrist_down();
    bench.advance(7 * SECOND);
    assert_eq!(bench.state("a"), Background);
}

#[test]
fn l3_a_frontmost_session_keeps_the_app_frontmost_until_it_ends() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.wrist_down();
    bench.advance(10 * MINUTE);
    assert_eq!(bench.state("a"), Inactive);
    bench.invalidate("a", id).unwrap();
    bench.advance(Duration::ZERO);
    assert_eq!(bench.state("a"), Background, "its frontmost time was over long ago");
    bench.advance(5 * SECOND);
    assert_eq!(bench.state("a"), Suspended);
}

#[test]
fn l3_a_session_that_ends_early_leaves_the_frontmost_time_as_it_was() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.wrist_down();
    bench.advance(MINUTE);
    bench.invalidate("a", id).unwrap();
    bench.advance(MINUTE - MS);
    assert_eq!(bench.state("a"), Inactive);
    bench.advance(MS);
    assert_eq!(bench.state("a"), Background);
}

#[test]
fn l3_a_background_session_does_not_keep_the_app_frontmost() {
    let (mut bench, _) = Bench::running(PhysicalTherapy);
    bench.wrist_down();
    bench.advance(10 * MINUTE);
    assert_eq!(bench.state("a"), Background);
}

#[test]
fn l3_an_app_reopened_while_it_ends_has_its_frontmost_time_again() {
    let mut bench = active();
    bench.wrist_down();
    bench.close("a");
    bench.open("a");
    bench.exit("a", ExitStatus::Code(0));
    bench.advance(10 * MINUTE);
    assert_eq!(bench.watch.frontmost(), None, "though it never came up");
}

#[test]
fn l4_an_app_that_is_left_goes_to_background_at_once_and_is_suspended_soon() {
    let leave: [Act; 3] = [Bench::crown, Bench::cover, |bench| bench.open("b")];
    for leave in leave {
        let mut bench = two();
        leave(&mut bench);
        assert_eq!(bench.state("a"), Background);
        bench.advance(5 * SECOND - MS);
        assert_eq!(bench.state("a"), Background);
        bench.advance(MS);
        assert_eq!(bench.state("a"), Suspended);
    }
}

#[test]
fn l4_the_grace_is_a_setting() {
    let mut bench = Bench::with(Limits { suspend_grace: Duration::ZERO, ..Limits::default() });
    bench.install("a", Mindfulness);
    bench.launch("a");
    bench.crown();
    bench.advance(Duration::ZERO);
    assert_eq!(bench.state("a"), Suspended);
}

#[test]
fn l4_a_start_that_is_refused_does_not_prolong_the_grace() {
    let mut bench = active();
    let id = bench.create("a");
    bench.crown();
    bench.advance(4 * SECOND);
    bench.start("a", id).unwrap_err();
    bench.advance(SECOND);
    assert_eq!(bench.state("a"), Suspended);
}

#[test]
fn l4_a_background_session_keeps_an_app_that_was_left_until_it_ends() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.crown();
    bench.advance(30 * MINUTE);
    assert_eq!(bench.state("a"), Background);
    bench.invalidate("a", id).unwrap();
    bench.advance(5 * SECOND);
    assert_eq!(bench.state("a"), Suspended);
}

#[test]
fn l4_the_crown_with_no_app_in_front_does_nothing() {
    let mut bench = suspended();
    bench.crown();
    bench.cover();
    assert_eq!(bench.log, []);
}

/// "a" rings in the background, "b" meditates in front.
fn alert_over_a_session() -> (Bench, SessionId, SessionId) {
    let (mut bench, alarm) = Bench::alarm();
    bench.install("b", Mindfulness);
    bench.launch("b");
    let meditation = bench.run("b");
    bench.notify("a", alarm, Repeat::Default).unwrap();
    (bench, alarm, meditation)
}

#[test]
fn l4_an_alarm_alert_over_an_app_is_no_leaving() {
    let (mut bench, _, meditation) = alert_over_a_session();
    assert_eq!(bench.count(|output| matches!(output, Output::ShowAlert { .. })), 1);
    bench.advance(MINUTE);
    assert_eq!(bench.state("b"), Active);
    assert_eq!(bench.session_state("b", meditation), SessionState::Running);
}

#[test]
fn l4_stopping_the_alarm_from_its_alert_is_no_leaving() {
    let (mut bench, alarm, meditation) = alert_over_a_session();
    bench.act(|watch, now| watch.stop_alarm(alarm, now)).unwrap();
    assert_eq!(bench.session_state("b", meditation), SessionState::Running);
}

#[test]
fn l4_opening_another_app_from_an_alert_is_leaving() {
    let (mut bench, alarm, meditation) = alert_over_a_session();
    bench.act(|watch, now| watch.open_alarm(alarm, now)).unwrap();
    assert_eq!(bench.state("b"), Background);
    assert_eq!(bench.end(meditation), End::by(Reason::ResignedFrontmost, Cause::OtherApp(app("a"))));
}

#[test]
fn l5_a_suspended_app_is_frozen_and_not_told_as_it_could_not_listen() {
    let mut bench = active();
    bench.crown();
    bench.advance(MINUTE);
    let told = |output: &Output| {
        matches!(output, Output::Deliver { event: AppEvent::StateChanged { state: Suspended }, .. })
    };
    assert_eq!(bench.count(is_freeze), 1);
    assert_eq!(bench.count(told), 0);
}

#[test]
fn l5_a_reopened_app_is_thawed_and_told_its_states_again() {
    let mut bench = suspended();
    bench.open("a");
    let told = [Background, Inactive, Active].map(|state| AppEvent::StateChanged { state });
    assert_eq!(bench.delivered("a"), told);
}

#[test]
fn l5_a_suspended_app_may_be_ended_silently_and_its_scheduled_session_stays() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.advance(MINUTE);
    bench.look_anew();
    bench.exit("a", ExitStatus::Signal(9));
    assert_eq!(bench.state("a"), NotRunning);
    assert_eq!(bench.delivered("a"), []);
    assert_eq!(bench.session_state("a", id), SessionState::Scheduled);
}

#[test]
fn l6_opening_an_app_puts_the_other_in_the_background() {
    let mut bench = two();
    bench.launch("b");
    assert_eq!((bench.state("a"), bench.state("b")), (Background, Active));
    assert_eq!(bench.watch.frontmost(), Some(&app("b")));
}

#[test]
fn l7_an_app_that_is_closed_is_told_to_end_once() {
    let mut bench = active();
    bench.close("a");
    bench.close("a");
    assert_eq!(bench.count(|output| matches!(output, Output::EndProcess { .. })), 1);
}

#[test]
fn l7_an_app_that_ends_is_not_frozen() {
    let mut bench = active();
    bench.close("a");
    bench.crown();
    bench.advance(MINUTE);
    assert_eq!(bench.count(is_freeze), 0);
}

#[test]
fn l7_closing_an_app_that_does_not_run_does_nothing() {
    let mut bench = Bench::of(Mindfulness);
    bench.close("a");
    assert_eq!(bench.log, []);
}

#[test]
fn l7_an_app_that_hangs_at_its_end_never_blocks_another() {
    let mut bench = two();
    bench.close("a");
    bench.launch("b");
    bench.run("b");
    bench.advance(HOUR);
    assert_eq!(bench.state("b"), Active);
}

#[test]
fn l7_an_app_reopened_while_it_ends_is_launched_when_it_has_ended() {
    let mut bench = active();
    bench.close("a");
    bench.look_anew();
    bench.open("a");
    assert_eq!(bench.count(is_launch), 0);
    bench.exit("a", ExitStatus::Signal(15));
    assert_eq!(bench.count(is_launch), 1);
    bench.attach("a");
    assert_eq!(bench.state("a"), Active);
}

#[test]
fn l7_an_app_reopened_and_left_again_while_it_ends_stays_ended() {
    let mut bench = active();
    bench.close("a");
    bench.open("a");
    bench.crown();
    bench.look_anew();
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.count(is_launch), 0);
    assert_eq!(bench.state("a"), NotRunning);
}

#[test]
fn l7_an_app_closed_again_after_it_was_reopened_stays_ended() {
    let mut bench = active();
    bench.close("a");
    bench.open("a");
    bench.close("a");
    bench.look_anew();
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.count(is_launch), 0);
    assert_eq!(bench.watch.frontmost(), None);
}

#[test]
fn l7_an_app_that_was_removed_is_told_to_end_and_is_gone() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.act(|watch, now| watch.handle_removed(&app("a"), now)).unwrap();
    assert_eq!(bench.count(|output| matches!(output, Output::EndProcess { .. })), 1);
    assert_eq!(bench.watch.app_state(&app("a")), None);
    assert_eq!(bench.watch.frontmost(), None);
    assert_eq!(bench.end(id).cause, Some(Cause::DisabledByUser));
    assert!(bench.disk.is_empty());
}

#[test]
fn l7_an_app_installed_again_after_it_was_removed_knows_nothing_of_before() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.act(|watch, now| watch.handle_removed(&app("a"), now)).unwrap();
    bench.install("a", Alarm);
    assert_eq!(bench.state("a"), NotRunning);
    assert_eq!(bench.watch.session(&app("a"), id), None);
}

#[test]
fn l4_an_app_that_ends_has_no_grace_to_wait_for() {
    let mut bench = active();
    bench.close("a");
    bench.crown();
    let next = bench.watch.poll_timeout().map(|(_, reason)| reason);
    assert_eq!(next, Some(super::super::TimeoutReason::LeaveTime));
}

#[test]
fn l3_an_app_reopened_while_it_ends_leaves_by_the_time_at_which_the_wrist_went_down() {
    let mut bench = active();
    bench.close("a");
    bench.open("a");
    bench.wrist_down();
    bench.advance(MINUTE);
    bench.exit("a", ExitStatus::Code(0));
    bench.attach("a");
    bench.advance(MINUTE - MS);
    assert_eq!(bench.state("a"), AppState::Inactive);
    bench.advance(MS);
    assert_eq!(bench.state("a"), AppState::Background);
}

#[test]
fn l1_an_exit_without_a_process_forgets_nothing() {
    let mut bench = Bench::of(SessionKind::Alarm);
    let id = bench.create("a");
    bench.exit("a", ExitStatus::Code(0));
    assert!(bench.watch.session(&app("a"), id).is_some());
}
