//! N4, N5: an alarm that is put off, and one that is opened.

use super::ring::{alert, haptics, ringing, silenced, stop};
use super::*;
use SessionKind::Alarm;
use SessionState::Running;

const SNOOZE: Duration = Duration::from_secs(9 * 60);

fn snooze(bench: &mut Bench, id: SessionId, span: Option<Duration>) -> Result<(), CallError> {
    bench.act(|watch, now| watch.snooze_alarm(id, span, now))
}

/// One app, "a", in the background, whose alarm rang and was snoozed for nine minutes.
fn snoozed(repeat: Repeat) -> (Bench, SessionId) {
    let (mut bench, id) = ringing(repeat);
    snooze(&mut bench, id, None).unwrap();
    (bench, id)
}

fn view(bench: &Bench, id: SessionId) -> (bool, bool, bool) {
    let alarm = bench.watch.alarms().find(|alarm| alarm.session == id).unwrap();
    (alarm.ringing, alarm.snoozed, alarm.fallback)
}

#[test]
fn n4_open_puts_the_screen_on() {
    let (mut bench, id) = ringing(Repeat::Default);
    bench.wrist_down();
    bench.act(|watch, now| watch.open_alarm(id, now)).unwrap();
    assert_eq!(bench.watch.wrist(), super::super::Wrist::Up);
    assert_eq!(bench.state("a"), AppState::Active);
    assert!(!alert(&bench));
    assert_eq!(view(&bench, id), (true, false, false), "the app has to end it");
    bench.advance(2 * MINUTE);
    assert_eq!(bench.state("a"), AppState::Active, "the screen is on");
}

#[test]
fn n4_there_is_nothing_to_open_while_it_snoozes() {
    let (mut bench, id) = snoozed(Repeat::Default);
    let opened = bench.act(|watch, now| watch.open_alarm(id, now));
    assert_eq!(opened, Err(CallError::NotRinging(id)));
    assert_eq!(bench.state("a"), AppState::Background);
    bench.advance(SNOOZE);
    bench.act(|watch, now| watch.open_alarm(id, now)).unwrap();
}

#[test]
fn n4_open_leaves_the_app_that_was_in_front() {
    let (mut bench, id) = ringing(Repeat::Default);
    bench.install("b", SessionKind::Mindfulness);
    bench.launch("b");
    let other = bench.run("b");
    bench.act(|watch, now| watch.open_alarm(id, now)).unwrap();
    assert_eq!(bench.end(other).cause, Some(Cause::OtherApp(app("a"))));
    assert_eq!(bench.watch.frontmost(), Some(&app("a")));
}

#[test]
fn n5_a_snooze_is_silent_for_nine_minutes_and_then_it_rings_again() {
    let (mut bench, id) = snoozed(Repeat::Default);
    assert_eq!((silenced(&bench), alert(&bench)), (1, false));
    assert_eq!(view(&bench, id), (false, true, false));
    bench.look_anew();
    bench.advance(SNOOZE - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
    assert!(alert(&bench));
    assert_eq!(view(&bench, id), (true, false, false));
    bench.advance(3 * SECOND);
    assert_eq!(bench.rings().len(), 2, "as before");
}

#[test]
fn n5_the_user_may_say_for_how_long_and_the_nine_minutes_are_a_setting() {
    let (mut bench, id) = ringing(Repeat::EveryMs(0));
    snooze(&mut bench, id, Some(MINUTE)).unwrap();
    bench.advance(MINUTE);
    assert_eq!(bench.rings(), [MINUTE, Duration::ZERO]);
    let mut bench = Bench::with(Limits { snooze: SECOND, ..Limits::default() });
    bench.install("a", Alarm);
    bench.launch("a");
    let id = bench.run("a");
    bench.notify("a", id, Repeat::EveryMs(0)).unwrap();
    snooze(&mut bench, id, None).unwrap();
    bench.advance(SECOND);
    assert_eq!(bench.rings(), [SECOND, Duration::ZERO]);
}

#[test]
fn n5_a_snooze_that_the_window_has_no_room_for_is_refused_and_the_alarm_rings_on() {
    let (mut bench, id) = ringing(Repeat::Default);
    let left = 30 * MINUTE;
    for span in [left, HOUR, Duration::MAX, Duration::ZERO] {
        assert_eq!(snooze(&mut bench, id, Some(span)), Err(CallError::NoRoomToSnooze { left }));
        assert_eq!((silenced(&bench), alert(&bench)), (0, true));
    }
    bench.advance(3 * SECOND);
    assert_eq!(bench.rings().len(), 2);
    snooze(&mut bench, id, Some(left - 3 * SECOND - MS)).unwrap();
}

#[test]
fn n5_while_it_snoozes_it_can_be_stopped() {
    let (mut bench, id) = snoozed(Repeat::Default);
    stop(&mut bench, id).unwrap();
    assert_eq!(bench.end(id), End::by(Reason::None, Cause::UserStoppedAlarm));
    assert_eq!(silenced(&bench), 1, "it is silent already");
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!(bench.rings(), []);
}

#[test]
fn n5_while_it_snoozes_it_can_be_snoozed_anew() {
    let (mut bench, id) = snoozed(Repeat::Default);
    bench.advance(5 * MINUTE);
    snooze(&mut bench, id, None).unwrap();
    assert_eq!((silenced(&bench), alert(&bench)), (1, false));
    bench.look_anew();
    bench.advance(SNOOZE - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
}

#[test]
fn n5_while_it_snoozes_notify_user_changes_what_will_ring_and_not_when() {
    let (mut bench, id) = snoozed(Repeat::Default);
    bench.look_anew();
    bench.advance(MINUTE);
    let repeat = Repeat::EveryMs(10_000);
    bench.act(|watch, now| watch.notify_user(&app("a"), id, Haptic::Click, repeat, now)).unwrap();
    assert_eq!((bench.rings(), alert(&bench)), (vec![], false));
    bench.advance(SNOOZE - MINUTE + 10 * SECOND);
    assert_eq!(bench.rings(), [10 * SECOND, Duration::ZERO]);
    assert_eq!(haptics(&bench), [Haptic::Click, Haptic::Click]);
}

#[test]
fn n5_while_it_snoozes_an_answer_to_repeat_changes_what_will_ring_and_not_when() {
    let (mut bench, id) = snoozed(Repeat::Ask);
    bench.look_anew();
    let answer = bench.act(|watch, _| watch.handle_repeat(&app("a"), id, 1, 20_000, Some(Haptic::Success)));
    assert_eq!(answer, Ok(()));
    bench.advance(SNOOZE - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS + 20 * SECOND);
    assert_eq!(bench.rings(), [20 * SECOND, Duration::ZERO]);
    assert_eq!(haptics(&bench), [Haptic::Success, Haptic::Success]);
}

#[test]
fn n5_an_alarm_that_asks_is_asked_when_it_rings_again() {
    let (mut bench, id) = snoozed(Repeat::Ask);
    bench.look_anew();
    bench.advance(SNOOZE);
    assert_eq!(bench.told(id), [AppEvent::RepeatAsked { session: id, played: 2 }]);
}

#[test]
fn n5_an_alarm_of_an_active_app_rings_again_without_an_alert() {
    let (mut bench, id) = snoozed(Repeat::Default);
    bench.open("a");
    bench.look_anew();
    bench.advance(SNOOZE);
    assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], false));
    bench.invalidate("a", id).unwrap();
}

#[test]
fn n5_a_snooze_goes_with_its_session() {
    let (mut bench, id) = snoozed(Repeat::Default);
    bench.open("a");
    bench.invalidate("a", id).unwrap();
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!((bench.rings(), silenced(&bench), alert(&bench)), (vec![], 0, false));
}

#[test]
fn n5_a_snoozed_alarm_drowns_no_haptic() {
    let (mut bench, id) = snoozed(Repeat::Default);
    bench.install("b", SessionKind::PhysicalTherapy);
    bench.launch("b");
    assert!(bench.watch.may_play_haptic(&app("b")));
    bench.advance(SNOOZE);
    assert!(!bench.watch.may_play_haptic(&app("b")));
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn n5_what_does_not_ring_is_not_snoozed() {
    let (mut bench, id) = Bench::alarm();
    assert_eq!(snooze(&mut bench, id, None), Err(CallError::NotRinging(id)));
    assert_eq!(snooze(&mut bench, SessionId(99), None), Err(CallError::NotRinging(SessionId(99))));
}

#[test]
fn n5_what_is_over_is_not_asked_about_any_more_and_what_is_snoozed_is() {
    let (mut bench, id) = snoozed(Repeat::Default);
    assert!(bench.watch.loud.contains(&id));
    stop(&mut bench, id).unwrap();
    assert!(bench.watch.loud.is_empty());
}
