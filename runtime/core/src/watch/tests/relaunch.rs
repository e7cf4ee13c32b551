//! S14: an app that crashes in a session is launched again.

use super::ring::alert;
use super::*;
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy};
use SessionState::{Running, Scheduled};

const CRASH: ExitStatus = ExitStatus::Signal(11);

fn crash(bench: &mut Bench) {
    bench.exit("a", CRASH);
}

fn gone(status: ExitStatus) -> End {
    End::with_error(ErrorCode::Unknown, Cause::AppExited(status))
}

fn no_delegate() -> End {
    End::with_error(ErrorCode::Unknown, Cause::NoDelegate)
}

/// What was told of the session since the last look: each step by its name, with the expiration that it names.
fn steps(bench: &Bench, id: SessionId) -> Vec<(&'static str, Option<WallTime>)> {
    let step = |event| match event {
        AppEvent::Handle { expiration, .. } => ("handle", Some(expiration)),
        AppEvent::DidStart { expiration, .. } => ("did-start", Some(expiration)),
        AppEvent::WillExpire { .. } => ("will-expire", None),
        AppEvent::DidInvalidate { .. } => ("did-invalidate", None),
        AppEvent::StateChanged { .. } | AppEvent::RepeatAsked { .. } => ("other", None),
    };
    bench.told(id).into_iter().map(step).collect()
}

#[test]
fn s14_an_app_that_crashes_in_a_session_is_launched_again_and_handed_it() {
    for status in [CRASH, ExitStatus::Code(1), ExitStatus::Code(-1), ExitStatus::Unknown] {
        let (mut bench, id) = Bench::running(Mindfulness);
        let expiration = bench.expiration("a", id);
        bench.advance(MINUTE);
        bench.look_anew();
        bench.exit("a", status);
        assert_eq!((bench.count(is_launch), bench.session_state("a", id)), (1, Running));
        assert_eq!(bench.states("a"), [AppState::NotRunning, AppState::Inactive]);
        assert_eq!(steps(&bench, id), [("handle", expiration)]);
        bench.handled("a", id).unwrap();
        assert_eq!(steps(&bench, id), [("handle", expiration), ("did-start", expiration)]);
        assert_eq!((bench.state("a"), bench.expiration("a", id)), (AppState::Active, expiration));
    }
}

#[test]
fn s14_its_time_runs_on_and_it_is_warned_once() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.advance(30 * MINUTE);
    crash(&mut bench);
    bench.handled("a", id).unwrap();
    bench.look_anew();
    bench.advance(30 * MINUTE - 31 * SECOND);
    assert_eq!(steps(&bench, id), []);
    bench.advance(SECOND);
    crash(&mut bench); // after the warning
    bench.advance(30 * SECOND);
    let names: Vec<_> = steps(&bench, id).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["will-expire", "handle", "did-invalidate"]);
    assert_eq!(bench.end(id), End::by(Reason::Expired, Cause::LimitReached));
}

#[test]
fn s14_an_app_that_returned_zero_is_not_launched_again() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.look_anew();
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!((bench.end(id), bench.count(is_launch)), (gone(ExitStatus::Code(0)), 0));
    assert_eq!(bench.watch.frontmost(), None);
}

#[test]
fn s14_one_that_was_told_to_end_is_not_launched_again() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.close("a");
    bench.look_anew();
    bench.exit("a", ExitStatus::Signal(9));
    assert_eq!((bench.end(id), bench.count(is_launch)), (gone(ExitStatus::Signal(9)), 0));
}

#[test]
fn s14_one_without_a_session_that_runs_is_not_launched_again() {
    let (mut bench, waiting) = Bench::scheduled();
    let made = bench.create("a");
    bench.look_anew();
    crash(&mut bench);
    assert_eq!((bench.count(is_launch), bench.state("a")), (0, AppState::NotRunning));
    assert_eq!(bench.session_state("a", waiting), Scheduled);
    assert_eq!(bench.watch.session(&app("a"), made), None);
}

#[test]
fn s14_it_is_launched_three_times_in_a_minute_and_no_fourth_time() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.look_anew();
    for _ in 0..3 {
        crash(&mut bench);
        bench.handled("a", id).unwrap();
        bench.advance(19 * SECOND);
    }
    assert_eq!((bench.count(is_launch), bench.session_state("a", id)), (3, Running));
    bench.advance(3 * SECOND - MS);
    crash(&mut bench);
    assert_eq!((bench.count(is_launch), bench.end(id)), (3, gone(CRASH)));
    assert_eq!(bench.state("a"), AppState::NotRunning);
}

#[test]
fn s14_what_is_a_minute_ago_counts_no_more() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.look_anew();
    for _ in 0..20 {
        crash(&mut bench);
        bench.handled("a", id).unwrap();
        bench.advance(20 * SECOND);
    }
    assert_eq!((bench.count(is_launch), bench.session_state("a", id)), (20, Running));
}

#[test]
fn s14_the_numbers_are_settings() {
    let limits = Limits { relaunch_max: 1, relaunch_window: SECOND, ..Limits::default() };
    for (limits, pause, launches) in [
        (Limits { relaunch_max: 0, ..Limits::default() }, SECOND, 0),
        (limits.clone(), SECOND - MS, 1),
        (limits, SECOND, 2),
    ] {
        let mut bench = Bench::with(limits);
        bench.install("a", PhysicalTherapy);
        bench.launch("a");
        bench.run("a");
        bench.look_anew();
        crash(&mut bench);
        bench.advance(pause);
        crash(&mut bench);
        assert_eq!(bench.count(is_launch), launches);
    }
}

#[test]
fn s14_launches_that_fail_are_crashes() {
    let (mut bench, id) = Bench::scheduled();
    bench.exit("a", ExitStatus::Code(0));
    bench.look_anew();
    bench.advance(HOUR);
    for _ in 0..3 {
        bench.exit("a", ExitStatus::Unknown);
        assert_eq!(bench.session_state("a", id), Scheduled);
    }
    bench.exit("a", ExitStatus::Unknown);
    assert_eq!((bench.count(is_launch), bench.end(id)), (4, gone(ExitStatus::Unknown)));
}

#[test]
fn s14_a_session_that_was_handed_over_is_handed_to_the_next_process() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.advance(HOUR);
    bench.advance(4 * SECOND);
    bench.look_anew();
    crash(&mut bench);
    assert_eq!((bench.count(is_launch), bench.session_state("a", id)), (1, Scheduled));
    assert_eq!(bench.states("a"), [AppState::NotRunning, AppState::Background]);
    bench.advance(MINUTE); // its time to set a delegate begins when it listens
    bench.attach("a");
    bench.advance(5 * SECOND - MS);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
    assert!(matches!(steps(&bench, id)[..], [("handle", Some(_)), ("did-start", Some(_))]));
}

#[test]
fn s14_without_a_delegate_in_time_it_ends() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    crash(&mut bench);
    bench.advance(MINUTE);
    bench.attach("a");
    bench.advance(5 * SECOND - MS);
    assert_eq!(bench.session_state("a", id), Running);
    bench.advance(MS);
    assert_eq!(bench.end(id), no_delegate());
    assert!(matches!(
        bench.act(|watch, now| watch.handle_handled(&app("a"), id, now)),
        Err(CallError::NotHanded(_))
    ));
}

#[test]
fn s14_a_process_that_never_listens_has_the_session_until_its_end() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    crash(&mut bench);
    bench.advance(HOUR);
    assert_eq!(bench.end(id), End::by(Reason::Expired, Cause::LimitReached));
}

#[test]
fn s14_the_answer_that_comes_twice_changes_nothing() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    crash(&mut bench);
    bench.handled("a", id).unwrap();
    bench.look_anew();
    bench.handled("a", id).unwrap();
    bench.advance(MINUTE);
    assert_eq!((steps(&bench, id), bench.session_state("a", id)), (vec![], Running));
}

#[test]
fn s14_its_record_says_that_it_waits_for_the_delegate_again() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    let waits = |bench: &Bench| match bench.disk[&id].phase {
        crate::record::RecordedPhase::Running { handed, .. } => handed,
        other => panic!("{other:?}"),
    };
    assert!(!waits(&bench));
    crash(&mut bench);
    assert!(waits(&bench));
    bench.handled("a", id).unwrap();
    assert!(!waits(&bench));
}

#[test]
fn s14_the_app_stays_frontmost_and_its_time_there_runs_on() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.wrist_down();
    bench.advance(MINUTE);
    crash(&mut bench);
    assert_eq!((bench.watch.frontmost(), bench.state("a")), (Some(&app("a")), AppState::Inactive));
    bench.handled("a", id).unwrap();
    bench.advance(MINUTE - MS);
    assert_eq!(bench.state("a"), AppState::Inactive);
    bench.advance(MS);
    assert_eq!((bench.watch.frontmost(), bench.state("a")), (None, AppState::Background));
}

#[test]
fn s14_one_that_the_user_left_stays_behind() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.crown();
    bench.look_anew();
    crash(&mut bench);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.states("a"), [AppState::NotRunning, AppState::Background]);
    assert_eq!(bench.watch.frontmost(), None);
}

#[test]
fn s14_what_is_left_of_it_when_its_session_ended_is_suspended() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.crown();
    crash(&mut bench);
    bench.advance(HOUR + 5 * SECOND);
    assert_eq!((bench.end(id).reason, bench.state("a")), (Reason::Expired, AppState::Suspended));
}

#[test]
fn s14_the_sessions_that_lived_in_the_process_are_forgotten() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    let made = bench.create("a");
    let over = bench.create("a");
    bench.start("a", over).unwrap_err();
    crash(&mut bench);
    assert_eq!(bench.session_state("a", id), Running);
    for forgotten in [made, over] {
        assert_eq!(bench.watch.session(&app("a"), forgotten), None);
    }
}

#[test]
fn s14_its_place_is_taken_while_it_is_launched_again() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    crash(&mut bench);
    bench.attach("a");
    let second = bench.create("a");
    bench.start("a", second).unwrap_err();
    assert_eq!((bench.end(second), bench.session_state("a", id)), (in_progress(), Running));
}

#[test]
fn s14_its_alarm_rings_on_and_can_be_stopped() {
    let (mut bench, id) = Bench::alarm();
    bench.open("a");
    bench.notify("a", id, Repeat::Default).unwrap();
    assert!(!alert(&bench), "the app is active");
    bench.look_anew();
    crash(&mut bench);
    assert!(alert(&bench));
    bench.advance(9 * SECOND);
    assert_eq!(bench.rings().len(), 3);
    bench.act(|watch, now| watch.stop_alarm(id, now)).unwrap();
    assert_eq!(bench.end(id).cause, Some(Cause::UserStoppedAlarm));
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!(bench.rings(), []);
}

#[test]
fn s14_a_snoozed_alarm_stays_snoozed() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::Default).unwrap();
    bench.act(|watch, now| watch.snooze_alarm(id, Some(MINUTE), now)).unwrap();
    bench.look_anew();
    crash(&mut bench);
    bench.advance(MINUTE - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
}

#[test]
fn s14_n7_an_alarm_whose_app_crashes_too_often_is_rung_by_the_runtime() {
    let (mut bench, id) = Bench::alarm();
    for _ in 0..4 {
        crash(&mut bench);
    }
    assert_eq!(bench.end(id), gone(CRASH));
    bench.look_anew();
    bench.advance(29 * MINUTE);
    assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
}

#[test]
fn s14_n7_so_is_one_whose_app_never_comes_back() {
    let (mut bench, id) = Bench::alarm();
    crash(&mut bench);
    bench.advance(29 * MINUTE);
    assert_eq!((bench.rings(), bench.session_state("a", id)), (vec![Duration::ZERO], Running));
}

#[test]
fn s14_an_app_that_is_removed_meanwhile_ends() {
    let (mut bench, id) = Bench::running(Alarm);
    crash(&mut bench);
    bench.remove("a");
    assert_eq!(bench.end(id).cause, Some(Cause::DisabledByUser));
    bench.exit("a", CRASH);
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!(bench.log, []);
}

#[test]
fn s14_an_app_that_the_user_leaves_meanwhile_loses_its_frontmost_session() {
    let (mut bench, id) = Bench::running(Mindfulness);
    crash(&mut bench);
    bench.crown();
    assert_eq!(bench.end(id), End::by(Reason::ResignedFrontmost, Cause::Crown));
}
