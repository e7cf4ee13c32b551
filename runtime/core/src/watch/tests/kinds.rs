//! T1–T5: the types of session.

use super::*;
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy, SelfCare};

const FRONTMOST: [SessionKind; 2] = [SelfCare, Mindfulness];
const BACKGROUND: [SessionKind; 2] = [PhysicalTherapy, Alarm];

#[test]
fn t_the_table_of_types() {
    let table = SessionKind::ALL
        .map(|kind| (kind, kind.is_frontmost(), kind.is_schedulable(), Limits::default().of(kind)));
    let expected = [
        (SelfCare, true, false, 10 * MINUTE),
        (Mindfulness, true, false, HOUR),
        (PhysicalTherapy, false, false, HOUR),
        (Alarm, false, true, 30 * MINUTE),
    ];
    assert_eq!(table, expected);
}

#[test]
fn t1_every_type_keeps_its_app_running_with_the_screen_off() {
    for kind in SessionKind::ALL {
        let (mut bench, id) = Bench::running(kind);
        bench.wrist_down();
        bench.advance(bench.limits.of(kind) - MS);
        assert_eq!(bench.count(is_freeze), 0, "{kind:?}");
        assert_eq!(bench.session_state("a", id), SessionState::Running);
    }
}

#[test]
fn t1_a_handed_session_keeps_its_app_running_too() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.advance(HOUR);
    bench.look_anew();
    bench.advance(5 * SECOND - MS);
    assert_eq!(bench.session_state("a", id), SessionState::Scheduled);
    assert_eq!(bench.count(is_freeze), 0);
}

#[test]
fn t2_the_wrist_going_down_alone_never_ends_a_session() {
    for kind in SessionKind::ALL {
        let (mut bench, id) = Bench::running(kind);
        bench.wrist_down();
        bench.advance(bench.limits.of(kind));
        assert_eq!(bench.end(id), End::by(Reason::Expired, Cause::LimitReached), "{kind:?}");
    }
}

#[test]
fn t2_a_frontmost_session_ends_when_the_user_leaves_the_app() {
    let leave: [(Act, Cause); 3] = [
        (Bench::crown, Cause::Crown),
        (Bench::cover, Cause::Covered),
        (|bench| bench.open("b"), Cause::OtherApp(app("b"))),
    ];
    for kind in FRONTMOST {
        for (leave, cause) in leave.clone() {
            let (mut bench, id) = Bench::running(kind);
            bench.install("b", Alarm);
            leave(&mut bench);
            assert_eq!(bench.end(id), End::by(Reason::ResignedFrontmost, cause));
        }
    }
}

#[test]
fn t2_it_ends_too_when_the_user_leaves_with_the_wrist_down() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.wrist_down();
    bench.advance(10 * MINUTE);
    bench.crown();
    assert_eq!(bench.end(id).cause, Some(Cause::Crown));
}

#[test]
fn t2_opening_the_app_again_is_no_leaving() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.open("a");
    assert_eq!(bench.session_state("a", id), SessionState::Running);
}

#[test]
fn t2_a_frontmost_session_ends_when_the_app_invalidates_it() {
    let (mut bench, id) = Bench::running(SelfCare);
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.end(id), End::by(Reason::None, Cause::AppInvalidated));
}

#[test]
fn t3_a_background_session_runs_on_when_the_user_leaves_until_its_limit() {
    let leave: [Act; 3] = [Bench::crown, Bench::cover, |bench| bench.open("b")];
    for kind in BACKGROUND {
        for leave in leave {
            let (mut bench, id) = Bench::running(kind);
            bench.install("b", Mindfulness);
            leave(&mut bench);
            bench.advance(bench.limits.of(kind) - MS);
            assert_eq!(bench.session_state("a", id), SessionState::Running);
            bench.advance(MS);
            assert_eq!(bench.end(id), End::by(Reason::Expired, Cause::LimitReached));
        }
    }
}

#[test]
fn t3_a_background_session_ends_when_its_app_invalidates_it_in_the_background() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.crown();
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.end(id), End::by(Reason::None, Cause::AppInvalidated));
}

#[test]
fn t4_only_an_alarm_may_be_scheduled() {
    for kind in SessionKind::ALL {
        let mut bench = Bench::of(kind);
        bench.launch("a");
        let id = bench.create("a");
        assert_eq!(bench.start_at("a", id, bench.wall_in(HOUR)).is_ok(), kind == Alarm, "{kind:?}");
    }
}

#[test]
fn t5_the_limits_are_settings() {
    let limits =
        Limits { self_care: SECOND, mindfulness: SECOND, physical_therapy: SECOND, ..Limits::default() };
    for kind in [SelfCare, Mindfulness, PhysicalTherapy] {
        let mut bench = Bench::with(limits.clone());
        bench.install("a", kind);
        bench.launch("a");
        let id = bench.run("a");
        bench.advance(SECOND);
        assert_eq!(bench.end(id).reason, Reason::Expired);
    }
}

#[test]
fn h2_a_haptic_is_allowed_while_frontmost_or_in_a_running_session() {
    let mut bench = Bench::of(PhysicalTherapy);
    assert!(!bench.watch.may_play_haptic(&app("a")));
    bench.launch("a");
    assert!(bench.watch.may_play_haptic(&app("a")));
    bench.wrist_down();
    assert!(bench.watch.may_play_haptic(&app("a")));
    bench.wrist_up();
    let id = bench.run("a");
    bench.crown();
    assert!(bench.watch.may_play_haptic(&app("a")));
    bench.invalidate("a", id).unwrap();
    assert!(!bench.watch.may_play_haptic(&app("a")));
}
