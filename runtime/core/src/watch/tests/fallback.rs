//! N7: the runtime rings itself when an app did not.

use super::ring::{alert, haptics, silenced, stop};
use super::*;
use crate::record::{RecordedFallback, RecordedPhase};
use crate::suppression::Suppression;
use SessionKind::{Alarm, Mindfulness};
use SessionState::{Invalid, Running};

const A: [(&str, SessionKind); 1] = [("a", Alarm)];
/// From the beginning of a window to its fallback, and to the end of that.
const RINGS: Duration = Duration::from_secs(29 * 60);
const OVER: Duration = Duration::from_secs(39 * 60);

/// One app, "a", in the background, whose alarm runs and never rang; its fallback has just begun to.
fn fallback() -> (Bench, SessionId) {
    let (mut bench, id) = Bench::alarm();
    bench.look_anew();
    bench.advance(RINGS);
    (bench, id)
}

/// The same, and the session is over.
fn fallback_alone() -> (Bench, SessionId) {
    let (mut bench, id) = fallback();
    bench.advance(2 * MINUTE);
    assert_eq!(bench.end(id).reason, Reason::Expired);
    (bench, id)
}

fn snooze(bench: &mut Bench, id: SessionId, span: Option<Duration>) -> Result<(), CallError> {
    bench.act(|watch, now| watch.snooze_alarm(id, span, now))
}

fn open_alarm(bench: &mut Bench, id: SessionId) {
    bench.act(|watch, now| watch.open_alarm(id, now)).unwrap();
}

fn forgotten(bench: &Bench, id: SessionId) -> usize {
    bench.count(|output| *output == Output::Forget { session: id })
}

fn missed(bench: &Bench) -> usize {
    bench.count(|output| matches!(output, Output::TellMissed { .. }))
}

#[test]
fn n7_a_minute_before_the_end_of_the_window_the_runtime_rings_if_the_app_never_did() {
    let (mut bench, id) = Bench::alarm();
    bench.advance(RINGS - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS);
    let ring = Output::Ring { session: id, app: app("a"), haptic: Haptic::Notification };
    assert_eq!(bench.count(|output| *output == ring), 1);
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn n7_it_rings_notification_every_three_seconds_for_ten_minutes_though_the_session_is_over_by_then() {
    let (mut bench, id) = fallback();
    bench.advance(9 * SECOND);
    assert_eq!(bench.rings(), [9 * SECOND, 6 * SECOND, 3 * SECOND, Duration::ZERO]);
    bench.advance(OVER - RINGS - 9 * SECOND - MS);
    assert_eq!(bench.session_state("a", id), Invalid);
    assert_eq!((bench.rings().len(), silenced(&bench)), (200, 0));
    assert!(alert(&bench) && haptics(&bench).iter().all(|haptic| *haptic == Haptic::Notification));
    bench.advance(MS);
    assert_eq!((silenced(&bench), alert(&bench), forgotten(&bench, id)), (1, false, 1));
    let rung = bench.rings().len();
    bench.advance(HOUR);
    assert_eq!(bench.rings().len(), rung);
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_the_lead_is_never_more_than_half_of_what_is_left_of_the_window() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.set_clock(bench.wall_in(HOUR + 30 * MINUTE - 20 * SECOND));
    bench.handled("a", id).unwrap();
    bench.advance(10 * SECOND - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
}

#[test]
fn n7_its_lead_and_its_time_are_settings() {
    let limits = Limits { fallback_lead: 5 * MINUTE, fallback_time: MINUTE, ..Limits::default() };
    let mut bench = Bench::with(limits);
    bench.install("a", Alarm);
    bench.launch("a");
    let id = bench.run("a");
    bench.advance(25 * MINUTE);
    assert_eq!(bench.rings(), [Duration::ZERO]);
    bench.advance(MINUTE);
    assert_eq!((silenced(&bench), alert(&bench)), (1, false));
    assert_eq!((bench.session_state("a", id), forgotten(&bench, id)), (Running, 0));
    bench.advance(4 * MINUTE);
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_it_has_an_alert_always() {
    let (mut bench, id) = Bench::alarm();
    bench.open("a");
    bench.advance(RINGS);
    assert_eq!(bench.state("a"), AppState::Active);
    assert!(alert(&bench));
    let view: Vec<_> = bench.watch.alarms().map(|view| (view.session, view.ringing, view.fallback)).collect();
    assert_eq!(view, [(id, true, true)]);
    bench.crown();
    assert!(alert(&bench));
}

#[test]
fn n7_an_app_that_notified_is_not_rung_for() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::EveryMs(0)).unwrap();
    bench.advance(HOUR);
    assert_eq!((bench.rings().len(), bench.session_state("a", id)), (1, Invalid));
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_an_app_that_notifies_late_takes_over() {
    let (mut bench, id) = fallback();
    bench.advance(SECOND);
    bench.act(|watch, now| watch.notify_user(&app("a"), id, Haptic::Click, Repeat::Default, now)).unwrap();
    assert_eq!((silenced(&bench), alert(&bench)), (0, true));
    bench.advance(3 * SECOND);
    assert_eq!(haptics(&bench), [Haptic::Notification, Haptic::Click, Haptic::Click]);
    bench.advance(HOUR);
    assert_eq!((silenced(&bench), alert(&bench)), (1, false));
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_the_app_that_invalidates_while_active_or_a_user_who_stops_it_is_not_rung_for() {
    let ends: [fn(&mut Bench, SessionId); 2] = [
        |bench, id| {
            bench.open("a");
            bench.invalidate("a", id).unwrap();
        },
        |bench, _| bench.remove("a"),
    ];
    for end in ends {
        for wait in [Duration::ZERO, RINGS] {
            let (mut bench, id) = Bench::alarm();
            bench.advance(wait);
            end(&mut bench, id);
            bench.look_anew();
            bench.advance(HOUR);
            assert_eq!((bench.rings(), alert(&bench)), (vec![], false));
            assert!(bench.disk.is_empty());
        }
    }
}

/// One app, "a", whose alarm came due, and whose session ended otherwise than by its app or the user.
fn ended(how: fn(&mut Bench, SessionId)) -> (Bench, SessionId) {
    let (mut bench, id) = Bench::alarm();
    how(&mut bench, id);
    assert_eq!(bench.end(id).reason, Reason::Error);
    (bench, id)
}

#[test]
fn n7_it_is_due_however_the_session_ended() {
    let ends: [fn(&mut Bench, SessionId); 2] = [
        |bench, id| bench.act(|watch, now| watch.handle_budget_spent(id, 10 * SECOND, 9 * SECOND, now)),
        |bench, _| bench.exit("a", ExitStatus::Code(0)),
    ];
    for end in ends {
        let (mut bench, id) = ended(end);
        let begin = bench.wall_in(RINGS);
        let until = begin.plus(10 * MINUTE);
        let over_at = bench.now.since_boot + RINGS + 10 * MINUTE;
        let phase =
            RecordedPhase::Fallback(RecordedFallback { at: begin, until, over_at, snoozed_until: None });
        assert_eq!(bench.disk[&id], SessionRecord { session: id, app: app("a"), kind: Alarm, phase });
        bench.advance(RINGS);
        assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
    }
}

#[test]
fn n7_it_is_due_for_a_session_that_never_got_its_delegate() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR + 5 * SECOND);
    assert_eq!(bench.end(id).cause, Some(Cause::NoDelegate));
    bench.advance(RINGS - 5 * SECOND);
    assert_eq!(bench.rings(), [Duration::ZERO]);
}

#[test]
fn n7_it_is_due_for_a_session_that_could_not_start_when_it_came_due() {
    let (mut bench, _) = Bench::running(Alarm);
    let beside = bench.schedule("a", 10 * MINUTE);
    bench.advance(10 * MINUTE);
    assert_eq!(bench.end(beside), in_progress());
    assert!(matches!(bench.disk[&beside].phase, RecordedPhase::Fallback(_)));
    bench.look_anew();
    bench.advance(RINGS);
    let of_beside = |output: &Output| matches!(output, Output::Ring { session, .. } if *session == beside);
    assert_eq!(bench.count(of_beside), 1);
}

#[test]
fn n7_it_is_due_for_an_alarm_that_was_suppressed() {
    let suppression = Suppression { kinds: vec![Alarm], ..Suppression::default() };
    let mut bench = Bench::with(Limits { suppression, ..Limits::default() });
    bench.install("a", Alarm);
    bench.launch("a");
    let id = bench.schedule("a", HOUR);
    bench.measure(Some(1), None);
    bench.advance(HOUR);
    assert_eq!(bench.end(id).reason, Reason::SuppressedBySystem);
    bench.advance(RINGS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
}

#[test]
fn n7_it_is_due_for_a_session_that_was_started_at_once() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.exit("a", ExitStatus::Code(0));
    bench.advance(RINGS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
    stop(&mut bench, id).unwrap();
}

#[test]
fn n7_a_session_that_did_not_come_due_within_its_window_has_none() {
    let (mut waiting, id) = Bench::scheduled();
    waiting.invalidate("a", id).unwrap();
    let (mut failed, _) = Bench::running(Mindfulness);
    failed.advance(2 * HOUR);
    for mut bench in [waiting, failed] {
        bench.advance(24 * HOUR);
        assert_eq!(bench.rings(), []);
        assert!(bench.disk.is_empty());
    }
}

#[test]
fn n7_stop_ends_it_and_the_session_with_it() {
    let (mut bench, id) = fallback();
    stop(&mut bench, id).unwrap();
    assert_eq!(bench.end(id), End::by(Reason::None, Cause::UserStoppedAlarm));
    assert_eq!((silenced(&bench), alert(&bench)), (1, false));
    assert!(bench.disk.is_empty());
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!(bench.rings(), []);
    assert_eq!(stop(&mut bench, id), Err(CallError::NotRinging(id)));
}

#[test]
fn n7_stop_ends_one_whose_session_is_over() {
    let (mut bench, id) = fallback_alone();
    stop(&mut bench, id).unwrap();
    assert_eq!((silenced(&bench), forgotten(&bench, id), alert(&bench)), (1, 1, false));
    assert_eq!(bench.end(id).reason, Reason::Expired, "it is told no second time");
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!(bench.rings(), []);
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_open_ends_it_and_opens_the_app() {
    let (mut bench, id) = fallback();
    bench.wrist_down();
    open_alarm(&mut bench, id);
    assert_eq!((bench.state("a"), bench.session_state("a", id)), (AppState::Active, Running));
    assert_eq!((silenced(&bench), alert(&bench), forgotten(&bench, id)), (1, false, 0));
    bench.advance(HOUR);
    assert_eq!(bench.rings().len(), 1);
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_open_ends_one_whose_session_is_over() {
    let (mut bench, id) = fallback_alone();
    open_alarm(&mut bench, id);
    assert_eq!((silenced(&bench), forgotten(&bench, id)), (1, 1));
    assert_eq!(bench.state("a"), AppState::Active);
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_snooze_works_up_to_its_own_end() {
    let (mut bench, id) = fallback();
    snooze(&mut bench, id, None).unwrap();
    assert_eq!((silenced(&bench), alert(&bench)), (1, false));
    let view: Vec<_> = bench.watch.alarms().map(|view| (view.ringing, view.snoozed, view.fallback)).collect();
    assert_eq!(view, [(false, true, true)]);
    let opened = bench.act(|watch, now| watch.open_alarm(id, now));
    assert_eq!(opened, Err(CallError::NotRinging(id)), "there is no alert to open it from");
    bench.look_anew();
    bench.advance(9 * MINUTE - MS);
    assert_eq!((bench.rings(), bench.session_state("a", id)), (vec![], Invalid));
    bench.advance(MS);
    assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
    let left = MINUTE;
    assert_eq!(snooze(&mut bench, id, Some(left)), Err(CallError::NoRoomToSnooze { left }));
    assert_eq!(silenced(&bench), 0, "it rings on");
    snooze(&mut bench, id, Some(left - MS)).unwrap();
    snooze(&mut bench, id, Some(SECOND)).unwrap();
    assert_eq!(silenced(&bench), 1);
    bench.advance(MINUTE);
    assert_eq!((silenced(&bench), alert(&bench)), (2, false));
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_an_app_that_notifies_while_its_fallback_is_snoozed_rings_when_the_snooze_is_over() {
    let (mut bench, id) = fallback();
    snooze(&mut bench, id, Some(30 * SECOND)).unwrap();
    bench.look_anew();
    bench.act(|watch, now| watch.notify_user(&app("a"), id, Haptic::Click, Repeat::Default, now)).unwrap();
    bench.advance(30 * SECOND - MS);
    let is_save = |output: &Output| matches!(output, Output::Save(_));
    assert_eq!((bench.rings(), bench.log.len(), bench.count(is_save)), (vec![], 1, 1));
    bench.advance(MS);
    assert_eq!((haptics(&bench), alert(&bench)), (vec![Haptic::Click], true));
    bench.advance(HOUR);
    assert_eq!(silenced(&bench), 1);
    assert!(bench.disk.is_empty());
}

#[test]
fn n7_a_fallback_that_is_snoozed_beyond_the_session_rings_then_though_the_app_notifies() {
    for span in [MINUTE, 9 * MINUTE] {
        let (mut bench, id) = fallback();
        snooze(&mut bench, id, Some(span)).unwrap();
        bench.look_anew();
        bench.notify("a", id, Repeat::Default).unwrap();
        assert_eq!((bench.log.len(), bench.disk.len()), (0, 1));
        bench.advance(span - MS);
        assert_eq!(bench.rings(), []);
        bench.advance(MS);
        assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
        assert_eq!(bench.end(id).reason, Reason::Expired);
    }
}

#[test]
fn n7_a_fallback_that_is_snoozed_is_stopped_in_silence() {
    let (mut bench, id) = fallback_alone();
    snooze(&mut bench, id, Some(MINUTE)).unwrap();
    assert!(bench.watch.loud.contains(&id));
    stop(&mut bench, id).unwrap();
    assert_eq!(silenced(&bench), 1);
    assert!(bench.watch.loud.is_empty());
}

#[test]
fn n7_it_drowns_no_haptic_while_it_is_snoozed_and_all_others_while_it_rings() {
    let (mut bench, id) = fallback_alone();
    bench.install("b", SessionKind::PhysicalTherapy);
    bench.launch("b");
    assert!(!bench.watch.may_play_haptic(&app("b")));
    snooze(&mut bench, id, Some(MINUTE)).unwrap();
    assert!(bench.watch.may_play_haptic(&app("b")));
    bench.advance(MINUTE);
    assert!(!bench.watch.may_play_haptic(&app("b")));
    bench.open("a");
    assert!(bench.watch.may_play_haptic(&app("a")), "it is the app's own alarm");
}

#[test]
fn n7_an_app_that_is_removed_takes_its_fallback_along() {
    let (mut bench, id) = fallback_alone();
    bench.remove("a");
    assert_eq!((silenced(&bench), alert(&bench), forgotten(&bench, id)), (1, false, 1));
    assert!(bench.disk.is_empty());
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!(bench.rings(), []);
}

#[test]
fn n7_another_app_that_is_removed_does_not() {
    let (mut bench, id) = fallback_alone();
    bench.install("b", Alarm);
    bench.remove("b");
    stop(&mut bench, id).unwrap();
}

#[test]
fn n7_it_rings_over_a_restart_until_its_end() {
    let (mut bench, id) = fallback_alone();
    bench.look_anew();
    bench.power_loss(MINUTE, &A);
    assert_eq!((bench.rings(), alert(&bench)), (vec![Duration::ZERO], true));
    bench.advance(7 * MINUTE - MS);
    assert_eq!(silenced(&bench), 0);
    bench.advance(MS);
    assert_eq!((silenced(&bench), forgotten(&bench, id), missed(&bench)), (1, 1, 0));
}

#[test]
fn n7_one_that_was_planned_before_a_restart_rings_at_its_time() {
    let (mut bench, _) = ended(|bench, _| bench.exit("a", ExitStatus::Code(0)));
    bench.power_loss(10 * MINUTE, &A);
    bench.advance(RINGS - 10 * MINUTE - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
}

#[test]
fn n7_a_fallback_that_passed_while_off_is_told_as_missed() {
    for (off, told) in [(8 * MINUTE - MS, 0), (8 * MINUTE, 1), (24 * HOUR, 1)] {
        let (mut bench, id) = fallback_alone();
        let at = bench.now.wall.minus(2 * MINUTE);
        bench.look_anew();
        bench.power_loss(off, &A);
        assert_eq!((missed(&bench), forgotten(&bench, id)), (told, told), "{off:?}");
        let tell = Output::TellMissed { session: id, app: app("a"), at };
        assert_eq!(bench.count(|output| *output == tell), told);
        assert_eq!(bench.disk.is_empty(), told == 1);
    }
}

#[test]
fn n7_a_window_that_closed_while_off_is_rung_for_while_there_is_time() {
    for (off, rings) in [(30 * MINUTE, true), (OVER - MS, true), (OVER, false)] {
        let (mut bench, id) = Bench::alarm();
        let at = bench.now.wall;
        bench.power_loss(off, &A);
        assert_eq!(bench.end(id).cause, Some(Cause::AppExited(ExitStatus::Unknown)));
        assert_eq!(bench.rings().len(), usize::from(rings), "{off:?}");
        assert_eq!(bench.disk.contains_key(&id), rings);
        let tell = Output::TellMissed { session: id, app: app("a"), at };
        assert_eq!(
            (missed(&bench), bench.count(|output| *output == tell)),
            if rings { (0, 0) } else { (1, 1) }
        );
    }
}

#[test]
fn n7_the_user_is_told_before_the_record_goes() {
    let (mut bench, _) = Bench::alarm();
    bench.look_anew();
    bench.power_loss(24 * HOUR, &A);
    let tell = |output: &Output| matches!(output, Output::TellMissed { .. });
    assert!(bench.place(tell) < bench.place(is_did_invalidate));
}

#[test]
fn n7_a_window_that_closed_while_off_is_not_rung_for_when_its_app_rang() {
    for off in [30 * MINUTE, 24 * HOUR] {
        let (mut bench, id) = Bench::alarm();
        bench.notify("a", id, Repeat::Default).unwrap();
        bench.look_anew();
        bench.power_loss(off, &A);
        assert_eq!((bench.rings(), missed(&bench)), (vec![], 0));
        assert!(bench.disk.is_empty());
    }
}

#[test]
fn n7_the_number_of_a_fallback_is_taken() {
    let (mut bench, id) = fallback_alone();
    bench.power_loss(MINUTE, &A);
    assert_eq!(bench.watch.session(&app("a"), id), None);
    let made = bench.act(|watch, _| watch.create(&app("a"), id, None));
    assert_eq!(made, Err(CallError::TakenSession(id)));
    let view: Vec<_> = bench.watch.alarms().map(|view| (view.session, view.state, view.alert)).collect();
    assert_eq!(view, [(id, Invalid, true)]);
}
