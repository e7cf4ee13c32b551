//! D2: the runtime is killed and started again on the same boot, and the apps outlive it.

use super::*;
use crate::record::RecordedPhase;
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy};
use SessionState::{Running, Scheduled};

pub(super) const A: &[(&str, bool)] = &[("a", false)];
const FROZEN: &[(&str, bool)] = &[("a", true)];
pub(super) const ALARM: &[(&str, SessionKind)] = &[("a", Alarm)];
const MINDFULNESS: &[(&str, SessionKind)] = &[("a", Mindfulness)];
const THERAPY: &[(&str, SessionKind)] = &[("a", PhysicalTherapy)];

fn is_will_expire(output: &Output) -> bool {
    matches!(output, Output::Advance { event: AppEvent::WillExpire { .. }, .. })
}

fn is_end_process(output: &Output) -> bool {
    matches!(output, Output::EndProcess { .. })
}

pub(super) fn limit_reached() -> End {
    End::by(Reason::Expired, Cause::LimitReached)
}

fn resigned(cause: Cause) -> End {
    End::by(Reason::ResignedFrontmost, cause)
}

#[test]
fn d2_the_frontmost_app_stays_frontmost_and_is_not_launched_again() {
    let mut bench = Bench::of(PhysicalTherapy);
    bench.launch("a");
    bench.restart(MINUTE, THERAPY, A);
    assert_eq!((bench.watch.frontmost(), bench.state("a")), (Some(&app("a")), AppState::Inactive));
    bench.attach("a");
    assert_eq!((bench.state("a"), bench.count(is_launch)), (AppState::Active, 0));
    let active = AppEvent::StateChanged { state: AppState::Active };
    assert_eq!(bench.delivered("a"), [active]);
}

#[test]
fn d2_the_wrist_is_where_it_was_and_the_frontmost_time_begins_anew() {
    let mut bench = Bench::of(PhysicalTherapy);
    bench.launch("a");
    bench.wrist_down();
    bench.advance(MINUTE);
    bench.restart(10 * MINUTE, THERAPY, A);
    bench.attach("a");
    assert_eq!((bench.watch.wrist(), bench.state("a")), (Wrist::Down, AppState::Inactive));
    bench.advance(2 * MINUTE - MS);
    assert_eq!(bench.watch.frontmost(), Some(&app("a")));
    bench.advance(MS);
    assert_eq!((bench.watch.frontmost(), bench.state("a")), (None, AppState::Background));
}

#[test]
fn d2_a_suspended_app_stays_suspended_and_is_thawed_when_it_is_opened() {
    let mut bench = Bench::of(PhysicalTherapy);
    bench.launch("a");
    bench.crown();
    bench.advance(5 * SECOND);
    bench.restart(MINUTE, THERAPY, FROZEN);
    bench.advance(HOUR);
    assert_eq!(bench.state("a"), AppState::Suspended);
    assert_eq!(bench.count(is_freeze) + bench.count(is_thaw) + bench.count(is_launch), 0);
    bench.open("a");
    bench.attach("a");
    assert_eq!((bench.count(is_thaw), bench.state("a")), (1, AppState::Active));
}

#[test]
fn d2_an_app_in_the_background_has_its_grace_anew() {
    let mut bench = Bench::of(PhysicalTherapy);
    bench.launch("a");
    bench.crown();
    bench.advance(4 * SECOND);
    bench.restart(MINUTE, THERAPY, A);
    bench.advance(5 * SECOND - MS);
    assert_eq!((bench.state("a"), bench.count(is_freeze)), (AppState::Background, 0));
    bench.advance(MS);
    assert_eq!((bench.state("a"), bench.count(is_freeze)), (AppState::Suspended, 1));
}

#[test]
fn d2_the_frontmost_app_that_died_meanwhile_is_not_frontmost() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.restart(MINUTE, MINDFULNESS, &[]);
    assert_eq!((bench.watch.frontmost(), bench.state("a")), (None, AppState::NotRunning));
    assert_eq!(bench.end(id), End::with_error(ErrorCode::Unknown, Cause::AppExited(ExitStatus::Unknown)));
    assert_eq!(bench.count(is_launch), 0);
}

#[test]
fn d2_a_survivor_that_is_not_installed_is_nobody() {
    let mut bench = Bench::of(PhysicalTherapy);
    bench.restart(MINUTE, THERAPY, &[("b", false)]);
    assert_eq!(bench.log, []);
}

#[test]
fn d2_a_running_session_goes_on_and_is_not_told_again() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    let expiration = bench.expiration("a", id);
    bench.advance(10 * MINUTE);
    bench.restart(MINUTE, THERAPY, A);
    bench.attach("a");
    bench.advance(HOUR - 11 * MINUTE - MS);
    assert_eq!((bench.session_state("a", id), bench.expiration("a", id)), (Running, expiration));
    assert_eq!(bench.count(is_did_start), 0);
    assert_eq!(bench.count(|output| matches!(output, Output::Measure { .. })), 1);
    bench.advance(MS);
    assert_eq!((bench.end(id), bench.count(is_will_expire)), (limit_reached(), 1));
}

#[test]
fn d2_what_is_left_of_it_is_reckoned_by_the_clock_since_boot() {
    for jump in [WallTime::plus, WallTime::minus] {
        let (mut bench, id) = Bench::running(Alarm);
        bench.advance(10 * MINUTE);
        bench.now.wall = jump(bench.now.wall, 48 * HOUR);
        bench.restart(MINUTE, ALARM, A);
        bench.advance(19 * MINUTE - MS);
        assert_eq!(bench.session_state("a", id), Running);
        bench.advance(MS);
        assert_eq!(bench.end(id), limit_reached());
    }
}

#[test]
fn d2_one_whose_time_was_over_meanwhile_ends_at_once() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.restart(2 * HOUR, THERAPY, A);
    assert_eq!(bench.end(id), limit_reached());
}

#[test]
fn d2_a_record_that_does_not_know_its_end_goes_by_the_wall_clock_and_none_goes_on_for_ever() {
    for ends_at in [Duration::ZERO, Duration::MAX] {
        let (mut bench, id) = Bench::running(PhysicalTherapy);
        if let RecordedPhase::Running { ends_at: at, .. } = &mut bench.disk.get_mut(&id).unwrap().phase {
            *at = ends_at;
        }
        bench.restart(MINUTE, THERAPY, A);
        bench.advance(HOUR);
        assert_eq!(bench.end(id), limit_reached());
    }
}

#[test]
fn d2_s4_a_session_is_warned_once_however_often_the_runtime_dies() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.advance(HOUR - 31 * SECOND);
    bench.restart(SECOND, THERAPY, A); // at the moment of the warning
    assert_eq!(bench.count(is_will_expire), 1);
    bench.restart(SECOND, THERAPY, A);
    bench.advance(MINUTE);
    assert_eq!((bench.count(is_will_expire), bench.end(id)), (0, limit_reached()));
}

#[test]
fn d2_s4_a_warning_that_fell_into_the_outage_is_told_at_once() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.advance(HOUR - MINUTE);
    bench.restart(50 * SECOND, THERAPY, A);
    let remaining = 10 * SECOND;
    assert_eq!(bench.told(id), [AppEvent::WillExpire { session: id, remaining }]);
}

#[test]
fn d2_a_session_that_was_handed_over_waits_for_its_delegate_anew() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.advance(HOUR + 4 * SECOND);
    bench.restart(SECOND, ALARM, A);
    bench.advance(MINUTE); // the app does not listen yet
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.attach("a");
    bench.advance(5 * SECOND - MS);
    bench.handled("a", id).unwrap();
    assert_eq!((bench.session_state("a", id), bench.count(is_did_start)), (Running, 1));
    assert_eq!(bench.told(id).len(), 1, "it is not handed over twice");
    bench.advance(29 * MINUTE);
    assert_eq!(bench.end(id), limit_reached());
}

#[test]
fn d2_a4_without_a_delegate_it_ends() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR);
    bench.restart(SECOND, ALARM, A);
    bench.attach("a");
    bench.advance(5 * SECOND);
    assert_eq!(bench.end(id).cause, Some(Cause::NoDelegate));
}

#[test]
fn d2_an_app_that_was_frozen_when_its_session_came_due_is_thawed() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.advance(HOUR);
    bench.restart(SECOND, ALARM, FROZEN); // the runtime died before it was thawed
    assert_eq!((bench.count(is_thaw), bench.state("a")), (1, AppState::Background));
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn d2_a_scheduled_session_stands_beside_its_app() {
    let (mut bench, id) = Bench::scheduled();
    bench.restart(MINUTE, ALARM, A);
    bench.attach("a");
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.end(id).cause, Some(Cause::AppInvalidated));
}

#[test]
fn d2_s14_an_adopted_app_that_crashes_is_launched_again() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.restart(MINUTE, THERAPY, A);
    bench.exit("a", ExitStatus::Unknown);
    assert_eq!((bench.count(is_launch), bench.session_state("a", id)), (1, Running));
    bench.handled("a", id).unwrap();
    assert_eq!(bench.count(is_did_start), 1);
}

#[test]
fn d2_s14_a_session_that_was_handed_over_after_a_crash_waits_for_its_delegate_still() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.exit("a", ExitStatus::Signal(11));
    bench.restart(SECOND, THERAPY, A);
    bench.attach("a");
    bench.restart(SECOND, THERAPY, A);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.count(is_did_start), 1);
    bench.advance(MINUTE);
    assert_eq!(bench.session_state("a", id), Running);
}

/// A step is taken, and what it orders does not get to disk.
fn lose_last_step(bench: &mut Bench, id: SessionId, step: impl FnOnce(&mut Bench)) {
    let before = bench.disk[&id].clone();
    step(bench);
    bench.disk.insert(id, before);
}

#[test]
fn d2_s14_a_session_whose_new_process_was_not_handed_it_ends() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    lose_last_step(&mut bench, id, |bench| bench.exit("a", ExitStatus::Signal(11)));
    bench.restart(SECOND, THERAPY, A);
    assert_eq!(bench.end(id).cause, Some(Cause::AppExited(ExitStatus::Unknown)));
    bench.attach("a");
    assert_eq!((bench.state("a"), bench.watch.frontmost()), (AppState::Active, Some(&app("a"))));
    let next = bench.run("a");
    bench.restart(SECOND, THERAPY, A);
    assert_eq!(bench.session_state("a", next), Running);
}

#[test]
fn d2_an_alarm_whose_new_process_was_not_handed_it_is_handed_it() {
    let (mut bench, id) = Bench::alarm();
    bench.advance(MINUTE);
    lose_last_step(&mut bench, id, |bench| bench.exit("a", ExitStatus::Signal(11)));
    bench.restart(SECOND, ALARM, A);
    assert!(matches!(bench.told(id)[..], [AppEvent::Handle { .. }]));
    bench.handled("a", id).unwrap();
    bench.restart(SECOND, ALARM, A);
    assert_eq!((bench.told(id), bench.session_state("a", id)), (vec![], Running));
    bench.advance(29 * MINUTE - 2 * SECOND);
    assert_eq!(bench.end(id), limit_reached());
}

#[test]
fn d2_an_alarm_of_another_boot_whose_new_process_was_not_handed_it_ends_by_the_wall_clock() {
    let (mut bench, id) = Bench::alarm();
    let (before, closes_at) = (bench.disk[&id].clone(), bench.wall_in(30 * MINUTE));
    bench.power_loss(MINUTE, ALARM);
    bench.disk.insert(id, before); // it was handed over again, and that did not get to disk
    bench.restart(SECOND, ALARM, A);
    bench.handled("a", id).unwrap();
    bench.advance(29 * MINUTE - SECOND - MS);
    assert_eq!(bench.session_state("a", id), Running);
    bench.advance(MS);
    assert_eq!((bench.end(id), bench.now.wall), (limit_reached(), closes_at));
}

#[test]
fn d2_no_launch_has_the_number_of_one_before_over_a_loss_of_power() {
    let (mut bench, id) = Bench::alarm();
    let number = |bench: &Bench| match bench.disk[&id].phase {
        RecordedPhase::Handed { launch, .. } | RecordedPhase::Running { launch, .. } => launch,
        other => panic!("{other:?}"),
    };
    let first = number(&bench);
    for times in 1..=3 {
        bench.power_loss(MINUTE, ALARM);
        assert_eq!(number(&bench), first + times);
    }
}

// --- what is only made

#[test]
fn d2_sessions_that_were_made_and_not_started_are_still_there() {
    let mut bench = Bench::of(PhysicalTherapy);
    bench.launch("a");
    let id = bench.create("a");
    bench.restart(MINUTE, THERAPY, A);
    bench.attach("a");
    assert_eq!(bench.session_state("a", id), SessionState::NotStarted);
    bench.restart(MINUTE, THERAPY, A);
    bench.attach("a");
    bench.start("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn d2_those_of_an_app_that_died_are_not() {
    let mut bench = Bench::of(PhysicalTherapy);
    bench.launch("a");
    let id = bench.create("a");
    bench.restart(MINUTE, THERAPY, &[]);
    assert_eq!(bench.watch.session(&app("a"), id), None);
}

#[test]
fn d2_a_session_stands_until_the_first_of_it_is_on_disk_and_the_record_counts() {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    let id = bench.create("a");
    let draft = Draft { session: id, app: app("a"), kind: Alarm };
    bench.start_at("a", id, bench.wall_in(HOUR)).unwrap();
    assert_eq!(bench.watch.standing().drafts, [draft]);
    bench.restart(SECOND, ALARM, A); // the record got to disk, and nobody heard of it
    assert_eq!(bench.session_state("a", id), Scheduled);
    assert_eq!(bench.watch.standing().drafts, []);
}

#[test]
fn d2_what_did_not_get_to_disk_is_not_started() {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    let id = bench.create("a");
    bench.start_at("a", id, bench.wall_in(HOUR)).unwrap();
    bench.disk.clear();
    bench.restart(SECOND, ALARM, A);
    assert_eq!(bench.session_state("a", id), SessionState::NotStarted);
}

#[test]
fn d2_what_is_on_disk_or_over_is_no_draft() {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    let saved = bench.schedule("a", HOUR);
    bench.act(|watch, now| watch.handle_saved(saved, now));
    let failed = bench.create("a");
    bench.start("a", failed).unwrap_err();
    assert_eq!(bench.watch.standing().drafts, []);
}

// --- what was told to end

#[test]
fn d2_an_app_that_was_told_to_end_is_still_to_end() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.close("a");
    bench.advance(4 * SECOND);
    bench.restart(SECOND, THERAPY, A);
    assert_eq!((bench.count(is_end_process), bench.session_state("a", id)), (1, Running));
    bench.advance(5 * SECOND - MS);
    let is_kill = |output: &Output| matches!(output, Output::Kill { .. });
    assert_eq!(bench.count(is_kill), 0);
    bench.advance(MS);
    assert_eq!(bench.count(is_kill), 1);
    bench.exit("a", ExitStatus::Signal(9));
    assert_eq!(bench.end(id).cause, Some(Cause::AppExited(ExitStatus::Signal(9))));
    assert_eq!((bench.count(is_launch), bench.watch.frontmost()), (0, None));
}

#[test]
fn d2_one_that_the_user_opened_again_meanwhile_comes_back() {
    for dead in [false, true] {
        let mut bench = Bench::of(PhysicalTherapy);
        bench.launch("a");
        bench.crown();
        bench.advance(5 * SECOND);
        bench.close("a");
        bench.open("a");
        bench.restart(SECOND, THERAPY, if dead { &[] } else { FROZEN });
        assert_eq!((bench.watch.frontmost(), bench.state("a")), (Some(&app("a")), AppState::Inactive));
        if !dead {
            assert_eq!(bench.count(is_launch), 0);
            bench.exit("a", ExitStatus::Code(0));
        }
        assert_eq!(bench.count(is_launch), 1);
        bench.attach("a");
        assert_eq!(bench.state("a"), AppState::Active);
    }
}

#[test]
fn d2_an_app_that_was_told_to_end_and_has_is_gone() {
    let mut bench = Bench::of(PhysicalTherapy);
    bench.launch("a");
    bench.close("a");
    bench.restart(SECOND, THERAPY, &[]);
    assert_eq!((bench.log.len(), bench.watch.frontmost()), (0, None));
    assert!(bench.watch.standing().ending.is_empty());
}

// --- what is in front

#[test]
fn d2_a_frontmost_session_goes_on_in_front() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.wrist_down();
    bench.restart(MINUTE, MINDFULNESS, A);
    bench.attach("a");
    bench.advance(10 * MINUTE);
    assert_eq!((bench.session_state("a", id), bench.state("a")), (Running, AppState::Inactive));
    bench.crown();
    assert_eq!(bench.end(id), resigned(Cause::Crown));
}

#[test]
fn d2_t2_one_whose_app_was_left_and_whose_end_did_not_get_to_disk_ends() {
    for (in_front, cause) in [(None, Cause::Crown), (Some("b"), Cause::OtherApp(app("b")))] {
        let (mut bench, id) = Bench::running(Mindfulness);
        let frontmost = in_front.map(app);
        let standing = Standing { frontmost: frontmost.clone(), ..bench.watch.standing() };
        let apps = [("a", Mindfulness), ("b", Alarm)];
        bench.restart_with(SECOND, &apps, &[("a", false), ("b", false)], Some(standing));
        assert_eq!((bench.end(id), bench.watch.frontmost()), (resigned(cause), frontmost.as_ref()));
        bench.advance(5 * SECOND);
        assert_eq!(bench.state("a"), AppState::Suspended);
    }
}

#[test]
fn d2_without_a_standing_the_app_of_a_frontmost_session_is_in_front() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.restart_with(SECOND, MINDFULNESS, A, None);
    assert_eq!((bench.session_state("a", id), bench.watch.frontmost()), (Running, Some(&app("a"))));
    assert_eq!(bench.watch.wrist(), Wrist::Up);
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    bench.restart_with(SECOND, MINDFULNESS, A, None);
    assert_eq!((bench.watch.frontmost(), bench.state("a")), (None, AppState::Background));
}

#[test]
fn d2_a_watch_that_is_restored_stands_as_before() {
    let (mut bench, _) = Bench::running(Mindfulness);
    bench.create("a");
    bench.install("b", Alarm);
    bench.open("b");
    bench.close("b");
    bench.open("b");
    bench.wrist_down();
    let before = bench.watch.standing();
    let apps = [("a", Mindfulness), ("b", Alarm)];
    for _ in 0..3 {
        bench.restart(SECOND, &apps, &[("a", false), ("b", false)]);
        assert_eq!(bench.watch.standing(), before);
    }
}
