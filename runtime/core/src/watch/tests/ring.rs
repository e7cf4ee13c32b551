//! N1–N4: the ringing alarm.

use super::*;
use SessionKind::{Alarm, PhysicalTherapy};
use SessionState::Running;

/// One app, "a", in the background, whose alarm rings.
pub(super) fn ringing(repeat: Repeat) -> (Bench, SessionId) {
    let (mut bench, id) = Bench::alarm();
    bench.look_anew();
    bench.notify("a", id, repeat).unwrap();
    (bench, id)
}

pub(super) fn stop(bench: &mut Bench, id: SessionId) -> Result<(), CallError> {
    bench.act(|watch, now| watch.stop_alarm(id, now))
}

pub(super) fn answer(bench: &mut Bench, id: SessionId, played: u32, interval_ms: i64) {
    bench.act(|watch, _| watch.handle_repeat(&app("a"), id, played, interval_ms, None)).unwrap();
}

/// The haptics that were played, in order.
pub(super) fn haptics(bench: &Bench) -> Vec<Haptic> {
    let haptic = |output: &Output| match output {
        Output::Ring { haptic, .. } => Some(*haptic),
        _ => None,
    };
    bench.log.iter().filter_map(|(_, output)| haptic(output)).collect()
}

/// Whether the alert is shown, by what was put out and by what can be seen.
pub(super) fn alert(bench: &Bench) -> bool {
    let shown = bench.count(|output| matches!(output, Output::ShowAlert { .. }));
    let cleared = bench.count(|output| matches!(output, Output::ClearAlert { .. }));
    assert!(shown == cleared || shown == cleared + 1);
    assert_eq!(bench.watch.alarms().any(|alarm| alarm.alert), shown > cleared);
    shown > cleared
}

pub(super) fn silenced(bench: &Bench) -> usize {
    bench.count(|output| matches!(output, Output::Silence { .. }))
}

#[test]
fn n1_a_running_alarm_rings_at_once() {
    let (bench, id) = ringing(Repeat::Default);
    let ring = Output::Ring { session: id, app: app("a"), haptic: Haptic::Notification };
    assert_eq!(bench.count(|output| *output == ring), 1);
}

#[test]
fn n1_an_alarm_that_was_started_at_once_may_ring() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.notify("a", id, Repeat::Default).unwrap();
    assert_eq!(bench.rings(), [Duration::ZERO]);
}

#[test]
fn n1_a_session_of_another_type_may_not_ring() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    assert_eq!(bench.notify("a", id, Repeat::Default), Err(CallError::NotARunningAlarm));
    assert_eq!(bench.rings(), []);
}

#[test]
fn n1_an_alarm_that_does_not_run_may_not_ring() {
    let (mut bench, id) = Bench::scheduled();
    assert_eq!(bench.notify("a", id, Repeat::Default), Err(CallError::NotARunningAlarm));
    bench.advance(HOUR);
    assert_eq!(bench.notify("a", id, Repeat::Default), Err(CallError::NotARunningAlarm), "handed");
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.notify("a", id, Repeat::Default), Err(CallError::NotARunningAlarm), "over");
    let id = bench.create("a");
    assert_eq!(bench.notify("a", id, Repeat::Default), Err(CallError::NotARunningAlarm), "not started");
    assert_eq!(bench.rings(), []);
}

#[test]
fn n1_ringing_again_replaces_the_haptic_and_the_repetition() {
    let (mut bench, id) = ringing(Repeat::Default);
    bench.advance(SECOND);
    let repeat = Repeat::EveryMs(10_000);
    bench.act(|watch, now| watch.notify_user(&app("a"), id, Haptic::Click, repeat, now)).unwrap();
    bench.advance(10 * SECOND);
    assert_eq!(bench.rings(), [11 * SECOND, 10 * SECOND, Duration::ZERO]);
    assert_eq!(haptics(&bench), [Haptic::Notification, Haptic::Click, Haptic::Click]);
}

#[test]
fn n2_without_an_interval_a_haptic_comes_every_three_seconds() {
    let (mut bench, _) = ringing(Repeat::Default);
    bench.advance(9 * SECOND);
    assert_eq!(bench.rings(), [9 * SECOND, 6 * SECOND, 3 * SECOND, Duration::ZERO]);
}

#[test]
fn n2_a_given_interval_is_kept() {
    let (mut bench, _) = ringing(Repeat::EveryMs(60_000));
    bench.advance(2 * MINUTE);
    assert_eq!(bench.rings(), [2 * MINUTE, MINUTE, Duration::ZERO]);
    assert_eq!(bench.count(|output| matches!(output, Output::IntervalChanged { .. })), 0);
}

#[test]
fn n2_zero_or_less_stops_and_leaves_the_session() {
    for interval_ms in [0, -1, i64::MIN] {
        let (mut bench, id) = ringing(Repeat::EveryMs(interval_ms));
        bench.advance(10 * MINUTE);
        assert_eq!(bench.rings().len(), 1);
        assert_eq!(bench.session_state("a", id), Running);
    }
}

#[test]
fn n2_more_than_a_minute_is_taken_as_a_minute_and_said() {
    for (interval_ms, asked) in
        [(60_001, MINUTE + MS), (i64::MAX, Duration::from_millis(i64::MAX.unsigned_abs()))]
    {
        let (mut bench, id) = ringing(Repeat::EveryMs(interval_ms));
        bench.advance(MINUTE);
        assert_eq!(bench.rings(), [MINUTE, Duration::ZERO]);
        let said = Output::IntervalChanged { session: id, asked, given: MINUTE };
        assert_eq!(bench.count(|output| *output == said), 1);
    }
}

#[test]
fn n2_the_app_is_asked_after_each_haptic() {
    let (mut bench, id) = ringing(Repeat::Ask);
    bench.advance(3 * SECOND);
    let asked = |played| AppEvent::RepeatAsked { session: id, played };
    assert_eq!(bench.told(id), [asked(1), asked(2)]);
}

#[test]
fn n2_its_answer_sets_the_next_haptic_and_when_it_comes() {
    let (mut bench, id) = ringing(Repeat::Ask);
    let answered = bench.act(|watch, _| watch.handle_repeat(&app("a"), id, 1, 20_000, Some(Haptic::Success)));
    assert_eq!(answered, Ok(()));
    bench.advance(20 * SECOND);
    assert_eq!(bench.rings(), [20 * SECOND, Duration::ZERO]);
    assert_eq!(haptics(&bench), [Haptic::Notification, Haptic::Success]);
}

#[test]
fn n2_until_it_answers_the_alarm_goes_on_at_the_last_interval() {
    let (mut bench, id) = ringing(Repeat::Ask);
    answer(&mut bench, id, 1, 10_000);
    bench.advance(30 * SECOND);
    assert_eq!(bench.rings().len(), 4);
}

#[test]
fn n2_an_answer_of_zero_or_less_stops() {
    let (mut bench, id) = ringing(Repeat::Ask);
    answer(&mut bench, id, 1, 0);
    bench.advance(MINUTE);
    assert_eq!(bench.rings(), [MINUTE]);
}

#[test]
fn n2_an_answer_of_more_than_a_minute_is_taken_as_a_minute_and_said() {
    let (mut bench, id) = ringing(Repeat::Ask);
    answer(&mut bench, id, 1, 3_600_000);
    let said = Output::IntervalChanged { session: id, asked: HOUR, given: MINUTE };
    assert_eq!(bench.count(|output| *output == said), 1);
    bench.advance(MINUTE);
    assert_eq!(bench.rings(), [MINUTE, Duration::ZERO]);
}

#[test]
fn n2_an_answer_that_comes_after_the_next_haptic_changes_nothing() {
    let (mut bench, id) = ringing(Repeat::Ask);
    bench.advance(3 * SECOND);
    answer(&mut bench, id, 1, 0);
    answer(&mut bench, id, 1, 3_600_000);
    bench.advance(3 * SECOND);
    assert_eq!(bench.rings().len(), 3);
    assert_eq!(bench.count(|output| matches!(output, Output::IntervalChanged { .. })), 0);
}

#[test]
fn n2_a_second_answer_changes_nothing() {
    let (mut bench, id) = ringing(Repeat::Ask);
    answer(&mut bench, id, 1, 10_000);
    answer(&mut bench, id, 1, 0);
    bench.advance(10 * SECOND);
    assert_eq!(bench.rings(), [10 * SECOND, Duration::ZERO]);
}

#[test]
fn n2_an_answer_to_the_ringing_before_changes_nothing() {
    let (mut bench, id) = ringing(Repeat::Ask);
    bench.notify("a", id, Repeat::Ask).unwrap();
    answer(&mut bench, id, 1, 0);
    bench.advance(3 * SECOND);
    assert_eq!(bench.rings().len(), 3);
}

#[test]
fn n2_an_answer_nobody_asked_for_changes_nothing() {
    let (mut bench, id) = ringing(Repeat::Default);
    answer(&mut bench, id, 1, 0);
    bench.advance(3 * SECOND);
    assert_eq!(bench.rings().len(), 2);
}

#[test]
fn n2_an_answer_without_a_ring_is_refused() {
    let (mut bench, id) = Bench::alarm();
    let answered = bench.act(|watch, _| watch.handle_repeat(&app("a"), id, 0, 3_600_000, None));
    assert_eq!(answered, Err(CallError::NotRinging(id)));
}

#[test]
fn n2_a_late_runtime_plays_one_haptic_and_goes_on_from_there() {
    let (mut bench, _) = ringing(Repeat::Default);
    bench.pass(MINUTE);
    bench.catch_up();
    bench.advance(3 * SECOND);
    assert_eq!(bench.rings(), [MINUTE + 3 * SECOND, 3 * SECOND, Duration::ZERO]);
}

#[test]
fn n3_it_goes_on_until_the_user_stops_it() {
    let (mut bench, id) = ringing(Repeat::Default);
    bench.advance(10 * MINUTE);
    assert_eq!(bench.rings().len(), 201);
    stop(&mut bench, id).unwrap();
    bench.advance(10 * MINUTE);
    assert_eq!(bench.rings().len(), 201);
    assert_eq!(silenced(&bench), 1);
}

#[test]
fn n3_it_goes_on_until_the_app_while_active_invalidates() {
    let (mut bench, id) = ringing(Repeat::Default);
    bench.invalidate("a", id).unwrap_err();
    assert_eq!(silenced(&bench), 0);
    bench.open("a");
    bench.invalidate("a", id).unwrap();
    assert_eq!(silenced(&bench), 1);
    bench.advance(MINUTE);
    assert_eq!(bench.rings(), [MINUTE]);
}

#[test]
fn n3_it_goes_on_until_the_session_ends() {
    let (mut bench, id) = ringing(Repeat::Default);
    bench.advance(HOUR);
    assert_eq!(bench.end(id).reason, Reason::Expired);
    assert_eq!(bench.rings().len(), 600);
    assert_eq!(silenced(&bench), 1);
}

#[test]
fn n3_it_is_silenced_when_the_app_exits() {
    let (mut bench, _) = ringing(Repeat::Default);
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(silenced(&bench), 1);
    assert!(!alert(&bench));
}

#[test]
fn n3_a_session_that_did_not_ring_is_not_silenced() {
    let (mut bench, id) = Bench::alarm();
    bench.open("a");
    bench.invalidate("a", id).unwrap();
    assert_eq!(silenced(&bench), 0);
}

#[test]
fn n4_an_alarm_of_an_app_that_is_not_active_shows_an_alert() {
    let (bench, _) = ringing(Repeat::Default);
    assert!(alert(&bench));
}

#[test]
fn n4_stop_invalidates_the_session() {
    let (mut bench, id) = ringing(Repeat::Default);
    stop(&mut bench, id).unwrap();
    assert_eq!(bench.end(id), End::by(Reason::None, Cause::UserStoppedAlarm));
    assert!(!alert(&bench));
    assert_eq!(stop(&mut bench, id), Err(CallError::NotRinging(id)));
}

#[test]
fn n4_open_makes_the_app_active_and_the_alarm_rings_on() {
    let (mut bench, id) = ringing(Repeat::Default);
    bench.act(|watch, now| watch.open_alarm(id, now)).unwrap();
    assert_eq!(bench.state("a"), AppState::Active);
    assert!(!alert(&bench));
    bench.advance(3 * SECOND);
    assert_eq!(bench.rings().len(), 2);
    bench.invalidate("a", id).unwrap();
}

#[test]
fn n4_an_active_app_has_no_alert() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.notify("a", id, Repeat::Default).unwrap();
    assert!(!alert(&bench));
}

#[test]
fn n4_the_alert_follows_the_app_in_and_out_of_active() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.notify("a", id, Repeat::Default).unwrap();
    let steps: [(Act, bool); 6] = [
        (Bench::wrist_down, true),
        (Bench::wrist_up, false),
        (Bench::crown, true),
        (|bench| bench.open("a"), false),
        (|bench| bench.open("a"), false),
        (Bench::cover, true),
    ];
    for (index, (step, shown)) in steps.into_iter().enumerate() {
        step(&mut bench);
        assert_eq!(alert(&bench), shown, "after step {index}");
    }
}

#[test]
fn n4_the_alert_stays_when_the_haptics_have_stopped() {
    let (mut bench, id) = ringing(Repeat::EveryMs(0));
    bench.advance(MINUTE);
    assert!(alert(&bench));
    stop(&mut bench, id).unwrap();
}

#[test]
fn n4_the_alert_is_cleared_though_many_later_sessions_failed() {
    let mut bench = Bench::with(Limits { sessions_per_app: 2, ..Limits::default() });
    bench.install("a", Alarm);
    bench.launch("a");
    let alarm = bench.run("a");
    for _ in 0..5 {
        let id = bench.create("a");
        bench.start("a", id).unwrap_err();
    }
    bench.notify("a", alarm, Repeat::Default).unwrap();
    bench.crown();
    assert!(alert(&bench));
    stop(&mut bench, alarm).unwrap();
    assert!(!alert(&bench));
}

#[test]
fn n4_a_removed_app_leaves_no_alert() {
    let (mut bench, _) = ringing(Repeat::Default);
    bench.act(|watch, now| watch.handle_removed(&app("a"), now)).unwrap();
    assert!(!alert(&bench));
    assert_eq!(silenced(&bench), 1);
}

#[test]
fn n4_each_app_that_rings_has_an_alert_of_its_own() {
    let (mut bench, first) = ringing(Repeat::Default);
    bench.install("b", Alarm);
    bench.launch("b");
    let second = bench.run("b");
    bench.notify("b", second, Repeat::Default).unwrap();
    bench.crown();
    stop(&mut bench, first).unwrap();
    let alerts: Vec<_> =
        bench.watch.alarms().filter(|alarm| alarm.alert).map(|alarm| alarm.session).collect();
    assert_eq!(alerts, [second]);
}

#[test]
fn h2_no_app_drowns_the_ringing_alarm_of_another() {
    let (mut bench, id) = Bench::alarm();
    bench.install("b", PhysicalTherapy);
    bench.launch("b");
    assert!(bench.watch.may_play_haptic(&app("b")));
    bench.notify("a", id, Repeat::Default).unwrap();
    assert!(!bench.watch.may_play_haptic(&app("b")));
    assert!(bench.watch.may_play_haptic(&app("a")));
    stop(&mut bench, id).unwrap();
    assert!(bench.watch.may_play_haptic(&app("b")));
}
