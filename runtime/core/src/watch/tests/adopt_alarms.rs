//! D2, N2, N5, N7: alarms that ring or are snoozed when the runtime is killed, and their fallbacks.

use super::adopt::{A, ALARM, limit_reached};
use super::ring::alert;
use super::*;
use crate::record::{RecordedFallback, RecordedPhase};
use SessionState::Running;

fn snooze(bench: &mut Bench, id: SessionId, span: Duration) {
    bench.act(|watch, now| watch.snooze_alarm(id, Some(span), now)).unwrap();
}

#[test]
fn d2_an_alarm_that_rang_rings_on() {
    let (mut bench, id) = Bench::alarm();
    bench
        .act(|watch, now| watch.notify_user(&app("a"), id, Haptic::Click, Repeat::EveryMs(5_000), now))
        .unwrap();
    bench.advance(6 * SECOND);
    bench.restart(SECOND, ALARM, A);
    assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
    bench.advance(10 * SECOND);
    assert_eq!(bench.rings(), [10 * SECOND, 5 * SECOND, Duration::ZERO]);
    let click = |output: &Output| matches!(output, Output::Ring { haptic: Haptic::Click, .. });
    assert_eq!(bench.count(click), 3);
    bench.act(|watch, now| watch.stop_alarm(id, now)).unwrap();
    assert_eq!(bench.end(id).cause, Some(Cause::UserStoppedAlarm));
}

#[test]
fn d2_n2_it_goes_on_as_its_app_said_last() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::Ask).unwrap();
    bench.act(|watch, _| watch.handle_repeat(&app("a"), id, 1, 20_000, Some(Haptic::Stop))).unwrap();
    bench.restart(SECOND, ALARM, A);
    bench.advance(20 * SECOND);
    assert_eq!(bench.rings(), [20 * SECOND, Duration::ZERO]);
    let asked: Vec<_> = bench.told(id);
    let played = |played| AppEvent::RepeatAsked { session: id, played };
    assert_eq!(asked, [played(2), played(3)]);
}

#[test]
fn d2_n2_one_that_had_stopped_by_itself_stays_silent() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::EveryMs(0)).unwrap();
    bench.restart(SECOND, ALARM, A);
    bench.advance(20 * MINUTE);
    assert_eq!((bench.rings(), alert(&bench)), (vec![], true));
}

#[test]
fn d2_n5_a_snoozed_alarm_stays_snoozed_though_the_clock_is_set() {
    for jump in [WallTime::plus, WallTime::minus] {
        let (mut bench, id) = Bench::alarm();
        bench.notify("a", id, Repeat::Default).unwrap();
        snooze(&mut bench, id, 9 * MINUTE);
        bench.now.wall = jump(bench.now.wall, 48 * HOUR);
        bench.restart(MINUTE, ALARM, A);
        bench.advance(8 * MINUTE - MS);
        assert_eq!((bench.rings(), alert(&bench)), (vec![], false));
        bench.advance(MS);
        assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
    }
}

#[test]
fn d2_n5_a_snooze_that_was_over_meanwhile_rings_at_once() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::Default).unwrap();
    snooze(&mut bench, id, MINUTE);
    bench.restart(2 * MINUTE, ALARM, A);
    assert_eq!(bench.rings(), [Duration::ZERO]);
    bench.advance(3 * SECOND);
    assert_eq!(bench.rings().len(), 2);
}

#[test]
fn d2_n7_a_fallback_that_is_planned_rings_at_its_time() {
    let (mut bench, id) = Bench::alarm();
    bench.advance(28 * MINUTE);
    bench.now.wall = bench.now.wall.plus(HOUR); // its window is one of the clock since boot by now
    bench.restart(MINUTE - MS, ALARM, A);
    assert_eq!((bench.rings(), bench.session_state("a", id)), (vec![], Running));
    bench.advance(MS);
    assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
}

#[test]
fn d2_n7_a_fallback_that_rang_rings_on() {
    let (mut bench, id) = Bench::alarm();
    bench.advance(29 * MINUTE + 30 * SECOND);
    bench.restart(SECOND, ALARM, A);
    assert_eq!((bench.rings(), bench.session_state("a", id)), (vec![Duration::ZERO], Running));
    bench.advance(HOUR);
    assert_eq!(bench.end(id), limit_reached());
    assert!(bench.disk.is_empty(), "it rang for ten minutes, and was over");
}

#[test]
fn d2_n7_a_snoozed_fallback_does_not_ring_early() {
    // before and after the end of its session, with its app alive and dead, and after a loss of power
    for (passed, survivors) in [(Duration::ZERO, A), (MINUTE, A), (MINUTE, &[])] {
        let (mut bench, id) = Bench::alarm();
        bench.advance(29 * MINUTE);
        snooze(&mut bench, id, 5 * MINUTE);
        bench.advance(passed);
        bench.restart(SECOND, ALARM, survivors);
        bench.advance(5 * MINUTE - SECOND - passed - MS);
        assert_eq!((bench.rings(), alert(&bench)), (vec![], false), "{passed:?} {survivors:?}");
        bench.advance(MS);
        assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
    }
    let (mut bench, id) = Bench::alarm();
    bench.advance(29 * MINUTE);
    snooze(&mut bench, id, 5 * MINUTE);
    bench.advance(2 * MINUTE);
    bench.look_anew();
    bench.power_loss(MINUTE, ALARM);
    bench.advance(2 * MINUTE - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
}

#[test]
fn d2_n7_a_fallback_goes_by_the_clock_since_boot() {
    for jump in [WallTime::plus, WallTime::minus] {
        let (mut bench, id) = Bench::alarm();
        bench.advance(29 * MINUTE);
        snooze(&mut bench, id, 5 * MINUTE);
        bench.advance(2 * MINUTE);
        bench.now.wall = jump(bench.now.wall, 72 * HOUR);
        bench.restart(SECOND, ALARM, &[]);
        bench.advance(3 * MINUTE - SECOND - MS);
        assert_eq!(bench.rings(), []);
        bench.advance(MS);
        assert_eq!(bench.rings(), [Duration::ZERO]);
        bench.now.wall = jump(bench.now.wall, 72 * HOUR);
        bench.restart(SECOND, ALARM, &[]);
        assert_eq!(bench.rings(), [Duration::ZERO], "it rings on");
    }
}

#[test]
fn d2_n7_one_that_passed_meanwhile_is_missed_and_its_session_over() {
    let (mut bench, id) = Bench::alarm();
    bench.restart(HOUR, ALARM, A);
    let missed = |output: &Output| matches!(output, Output::TellMissed { .. });
    assert_eq!((bench.rings(), bench.count(missed), bench.end(id)), (vec![], 1, limit_reached()));
    assert!(bench.disk.is_empty());
}

#[test]
fn d2_n5_a_snoozed_fallback_can_be_stopped_and_snoozed_anew_after_a_restart() {
    for act in [
        (|bench, id| bench.act(|watch, now| watch.stop_alarm(id, now)).unwrap()) as fn(&mut Bench, SessionId),
        |bench, id| snooze(bench, id, 4 * MINUTE),
    ] {
        let (mut bench, id) = Bench::alarm();
        bench.advance(29 * MINUTE);
        snooze(&mut bench, id, 2 * MINUTE);
        bench.advance(MINUTE);
        bench.restart(SECOND, ALARM, A);
        act(&mut bench, id);
        bench.advance(2 * MINUTE);
        assert_eq!(bench.rings(), []);
    }
}

#[test]
fn d2_n7_a_fallback_that_was_opened_does_not_ring_again() {
    let (mut bench, id) = Bench::alarm();
    bench.advance(29 * MINUTE);
    bench.act(|watch, now| watch.open_alarm(id, now)).unwrap();
    bench.restart(SECOND, ALARM, A);
    bench.advance(HOUR);
    assert_eq!(bench.rings(), []);
}

#[test]
fn d2_n7_a_fallback_is_written_down_with_its_session_and_beside_it() {
    let (mut bench, id) = Bench::alarm();
    let at = bench.wall_in(29 * MINUTE);
    let over_at = bench.now.since_boot + 39 * MINUTE;
    let until = at.plus(10 * MINUTE);
    let mut planned = RecordedFallback { at, until, over_at, snoozed_until: None };
    let written = |bench: &Bench| match bench.disk[&id].phase {
        RecordedPhase::Running { fallback, .. } => fallback,
        RecordedPhase::Fallback(fallback) => Some(fallback),
        other => panic!("{other:?}"),
    };
    assert_eq!(written(&bench), Some(planned));
    bench.advance(29 * MINUTE);
    snooze(&mut bench, id, 5 * MINUTE);
    planned.snoozed_until = Some(bench.wall_in(5 * MINUTE));
    assert_eq!(written(&bench), Some(planned));
    bench.advance(MINUTE);
    assert_eq!(written(&bench), Some(planned));
}
