//! S10: a low battery and a hot board.

use super::*;
use crate::suppression::Suppression;
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy, SelfCare};
use SessionState::{Running, Scheduled};

const LOW: Option<u8> = Some(4);
const HOT: Option<i32> = Some(80_001);

fn suppressed(cause: Cause) -> End {
    End::by(Reason::SuppressedBySystem, cause)
}

/// A bench with one app, "a", active, whose type of session is suppressed, whichever it is.
fn all_suppressed(kind: SessionKind) -> Bench {
    let suppression = Suppression { kinds: SessionKind::ALL.to_vec(), ..Suppression::default() };
    let mut bench = Bench::with(Limits { suppression, ..Limits::default() });
    bench.install("a", kind);
    bench.launch("a");
    bench
}

#[test]
fn s10_a_running_session_ends_when_the_battery_is_low_or_the_board_hot() {
    for kind in [SelfCare, Mindfulness, PhysicalTherapy] {
        for (battery, heat, cause) in
            [(LOW, None, Cause::LowBattery), (None, HOT, Cause::Overheated), (LOW, HOT, Cause::LowBattery)]
        {
            let (mut bench, id) = Bench::running(kind);
            bench.measure(battery, heat);
            assert_eq!(bench.end(id), suppressed(cause));
            assert!(bench.disk.is_empty());
        }
    }
}

#[test]
fn s10_a_running_session_of_a_type_that_the_settings_do_not_name_runs_on() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.measure(LOW, HOT);
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn s10_which_types_are_suppressed_is_a_setting() {
    let suppression = Suppression { kinds: vec![SelfCare], ..Suppression::default() };
    let mut bench = Bench::with(Limits { suppression, ..Limits::default() });
    for (name, kind) in [("a", PhysicalTherapy), ("b", SelfCare)] {
        bench.install(name, kind);
        bench.launch(name);
    }
    bench.open("a");
    let runs_on = bench.run("a");
    bench.open("b");
    let ends = bench.run("b");
    bench.measure(LOW, None);
    assert_eq!(bench.session_state("a", runs_on), Running);
    assert_eq!(bench.end(ends), suppressed(Cause::LowBattery));
}

#[test]
fn s10_the_charge_and_the_heat_are_settings() {
    let suppression =
        Suppression { battery_below_percent: 20, temperature_above_mdegc: 50_000, ..Suppression::default() };
    for (battery, heat, ends) in [(Some(20), Some(50_000), false), (Some(19), None, true), (None, HOT, true)]
    {
        let mut bench = Bench::with(Limits { suppression: suppression.clone(), ..Limits::default() });
        bench.install("a", Mindfulness);
        bench.launch("a");
        let id = bench.run("a");
        bench.measure(battery, heat);
        assert_eq!(bench.session_state("a", id) != Running, ends, "{battery:?}, {heat:?}");
    }
}

#[test]
fn s10_a_reading_that_is_fine_or_missing_ends_nothing() {
    let (mut bench, id) = Bench::running(Mindfulness);
    for (battery, heat) in [(Some(5), Some(80_000)), (None, None), (Some(100), Some(-10_000))] {
        bench.measure(battery, heat);
        assert_eq!(bench.session_state("a", id), Running);
    }
}

#[test]
fn s10_a_start_fails_until_the_conditions_are_better() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    bench.measure(LOW, None);
    let id = bench.create("a");
    let end = suppressed(Cause::LowBattery);
    assert_eq!(bench.start("a", id), Err(CallError::StartFailed(end.clone())));
    assert_eq!(bench.end(id), end);
    bench.measure(None, None);
    bench.run("a");
}

#[test]
fn s10_a_start_at_an_instant_that_is_now_fails_too() {
    let mut bench = all_suppressed(Alarm);
    bench.measure(None, HOT);
    let id = bench.create("a");
    let end = suppressed(Cause::Overheated);
    assert_eq!(bench.start_at("a", id, bench.now.wall), Err(CallError::StartFailed(end)));
}

#[test]
fn s10_one_that_waits_stands_and_may_be_scheduled_anew() {
    let mut bench = all_suppressed(Alarm);
    bench.measure(LOW, HOT);
    let id = bench.schedule("a", HOUR);
    bench.measure(LOW, HOT);
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.measure(None, None);
    bench.advance(HOUR);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn s10_one_that_comes_due_ends() {
    let mut bench = all_suppressed(Alarm);
    let id = bench.schedule("a", HOUR);
    bench.measure(LOW, None);
    bench.advance(HOUR);
    assert_eq!(bench.end(id), suppressed(Cause::LowBattery));
    let handed = |output: &Output| matches!(output, Output::Deliver { event: AppEvent::Handle { .. }, .. });
    assert_eq!(bench.count(handed), 0);
}

#[test]
fn s10_one_that_was_handed_ends() {
    let mut bench = all_suppressed(Alarm);
    let id = bench.schedule("a", HOUR);
    bench.advance(HOUR);
    bench.measure(None, HOT);
    assert_eq!(bench.end(id), suppressed(Cause::Overheated));
}

#[test]
fn s10_one_that_was_not_started_is_left_alone() {
    let mut bench = all_suppressed(Mindfulness);
    let id = bench.create("a");
    bench.measure(LOW, HOT);
    assert_eq!(bench.session_state("a", id), SessionState::NotStarted);
    assert_eq!(bench.told(id), []);
}
