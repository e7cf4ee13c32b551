use carpus_core::session::Cause;
use carpus_devices::inputs::Button;

use super::*;
use crate::inputs::Pressed;
use crate::testing::{in_virtual_time, pass};

/// An alarm that runs and rings every ten seconds, its app not active.
async fn ringing(board: &Board) -> (Life, SessionId, mpsc::Receiver<Delivery>) {
    let life = board.begin().await;
    let told = life.open().await;
    let session = life.schedule(board.now().plus(MINUTE)).await;
    life.user(UserCall::Crown).await.unwrap();
    pass(MINUTE + SECOND).await;
    life.call(Request::Handled(session)).await.unwrap();
    life.call(Request::NotifyUser(session, Haptic::Notification, Repeat::Ask)).await.unwrap();
    (life, session, told)
}

fn alerts(observed: &[Observation]) -> Vec<bool> {
    let shown = |observation: &Observation| match observation {
        Observation::AlertShown(..) => Some(true),
        Observation::AlertCleared(..) => Some(false),
        _ => None,
    };
    observed.iter().filter_map(shown).collect()
}

#[test]
fn n5_a_snoozed_alarm_is_silent_has_no_alert_and_rings_again() {
    in_virtual_time(async {
        let board = Board::new();
        let (mut life, session, mut told) = ringing(&board).await;
        life.user(UserCall::SnoozeAlarm(session, Some(MINUTE * 5))).await.unwrap();
        let observed = life.observed();
        let snoozed = |seen: &Observation| matches!(seen, Observation::AlarmSnoozed(id, _) if *id == session);
        assert_eq!(observed.iter().filter(|seen| snoozed(seen)).count(), 1);
        assert_eq!(alerts(&observed), [true, false]);
        events(&mut told);
        pass(MINUTE * 4).await;
        let alarm = life.alarm().await;
        assert_eq!((rings(&events(&mut told)), alarm.ringing, alarm.snoozed), (0, false, true));
        pass(MINUTE * 2).await;
        let alarm = life.alarm().await;
        assert!(rings(&events(&mut told)) > 0 && alarm.ringing && !alarm.snoozed, "{alarm:?}");
        assert_eq!(alerts(&life.observed()), [true]);
    });
}

#[test]
fn n5_the_snooze_button_snoozes_what_rings_for_the_time_that_is_set() {
    in_virtual_time(async {
        let board = Board::new();
        let (mut life, session, mut told) = ringing(&board).await;
        life.watch.send(Pressed(Button::Snooze)).await.unwrap();
        assert!(life.alarm().await.snoozed);
        let seen = life.observed();
        assert!(seen.iter().any(|seen| matches!(seen, Observation::AlarmSnoozed(id, _) if *id == session)));
        events(&mut told);
        pass(Limits::default().snooze - SECOND).await;
        assert_eq!(rings(&events(&mut told)), 0);
        pass(SECOND * 2).await;
        assert!(rings(&events(&mut told)) > 0);
    });
}

#[test]
fn n5_an_alarm_without_room_for_a_snooze_rings_on() {
    in_virtual_time(async {
        let board = Board::new();
        let (mut life, session, _told) = ringing(&board).await;
        let refused = life.user(UserCall::SnoozeAlarm(session, Some(HOUR))).await;
        assert!(matches!(refused, Err(CallError::NoRoomToSnooze { .. })), "{refused:?}");
        pass(MINUTE * 22).await;
        life.watch.send(Pressed(Button::Snooze)).await.unwrap();
        assert!(life.alarm().await.ringing);
        assert!(!life.observed().iter().any(|seen| matches!(seen, Observation::AlarmSnoozed(..))));
    });
}

#[test]
fn n5_the_stop_button_stops_what_is_snoozed_where_nothing_rings() {
    in_virtual_time(async {
        let board = Board::new();
        let (life, session, mut told) = ringing(&board).await;
        life.user(UserCall::SnoozeAlarm(session, None)).await.unwrap();
        life.watch.send(Pressed(Button::Stop)).await.unwrap();
        life.watch.send(Settle).await.unwrap();
        assert_eq!(life.alarms().await, []);
        let [(ended, end)] = ends(events(&mut told)).try_into().unwrap();
        assert_eq!((ended, end.cause), (session, Some(Cause::UserStoppedAlarm)));
    });
}

/// An alarm whose app hangs: it is launched, and never listens.
async fn with_hanging_app(board: &Board) -> (Life, SessionId) {
    let life = board.begin().await;
    let told = life.open().await;
    let session = life.schedule(board.now().plus(MINUTE)).await;
    drop(told);
    life.user(UserCall::Close(app())).await.unwrap();
    pass(MINUTE * 2).await;
    assert!(life.launcher.running("wake-up").is_some());
    (life, session)
}

#[test]
fn n7_where_the_app_hangs_the_runtime_rings_until_it_is_stopped() {
    in_virtual_time(async {
        let board = Board::new();
        let (mut life, session) = with_hanging_app(&board).await;
        pass(MINUTE * 27).await;
        assert!(alerts(&life.observed()).is_empty());
        pass(MINUTE).await;
        let alarm = life.alarm().await;
        assert!(alarm.ringing && alarm.fallback && alarm.alert, "{alarm:?}");
        assert_eq!(alerts(&life.observed()), [true]);
        pass(MINUTE * 3).await;
        let kept = life.kept().await;
        assert!(matches!(kept[..], [(id, RecordedPhase::Fallback(_))] if id == session), "{kept:?}");
        life.user(UserCall::StopAlarm(session)).await.unwrap();
        life.watch.send(Settle).await.unwrap();
        assert_eq!((life.alarms().await, life.kept().await), (Vec::new(), Vec::new()));
    });
}

#[test]
fn n3_n7_what_the_user_stopped_is_off_the_disk_when_that_is_answered() {
    in_virtual_time(async {
        let board = Board::new();
        let (life, session, _told) = ringing(&board).await;
        life.slow_disk().await;
        life.user(UserCall::StopAlarm(session)).await.unwrap();
        assert_eq!(rows(&board, "sessions"), 0, "the alarm of an app");
    });
    in_virtual_time(async {
        let board = Board::new();
        let (life, session) = with_hanging_app(&board).await;
        pass(MINUTE * 31).await;
        life.slow_disk().await;
        life.user(UserCall::StopAlarm(session)).await.unwrap();
        assert_eq!(rows(&board, "sessions"), 0, "the alarm of the runtime");
    });
}

#[test]
fn n7_the_runtime_rings_on_after_a_restart() {
    in_virtual_time(async {
        let board = Board::new();
        let (life, session) = with_hanging_app(&board).await;
        pass(MINUTE * 32).await;
        life.end().await;
        let life = board.begin().await;
        settle().await;
        let alarm = life.alarm().await;
        assert_eq!((alarm.session, alarm.fallback), (session, true));
        pass(MINUTE * 10).await;
        assert_eq!((life.alarms().await, life.kept().await), (Vec::new(), Vec::new()));
    });
}

#[test]
fn n6_an_alarm_that_ends_without_one_haptic_of_its_app_is_told() {
    in_virtual_time(async {
        let board = Board::new();
        let (mut life, session) = with_hanging_app(&board).await;
        life.launcher.exit("wake-up", carpus_devices::processes::ExitStatus::Code(0));
        settle().await;
        let silent = |seen: &Observation| matches!(seen, Observation::AlarmSilent(id, _) if *id == session);
        assert_eq!(life.observed().iter().filter(|seen| silent(seen)).count(), 1);
    });
}

#[test]
fn n6_an_alarm_that_rang_is_not_told_as_silent() {
    in_virtual_time(async {
        let board = Board::new();
        let (mut life, session, _told) = ringing(&board).await;
        life.user(UserCall::StopAlarm(session)).await.unwrap();
        assert!(!life.observed().iter().any(|seen| matches!(seen, Observation::AlarmSilent(..))));
    });
}

#[test]
fn d1_d2_an_end_that_could_not_be_written_is_told_when_the_app_listens_again() {
    in_virtual_time(async {
        let board = Board::new();
        let (life, session, mut told) = ringing(&board).await;
        let allow = board.refuse("events");
        life.user(UserCall::StopAlarm(session)).await.unwrap();
        life.watch.send(Settle).await.unwrap();
        assert_eq!(ends(events(&mut told)), []);
        assert_eq!(life.kept().await.len(), 1, "after a restart, it would be told from this");
        allow();
        let mut told = life.listen().await;
        life.watch.send(Settle).await.unwrap();
        let [(ended, end)] = ends(events(&mut told)).try_into().unwrap();
        assert_eq!((ended, end.cause), (session, Some(Cause::UserStoppedAlarm)));
        assert_eq!(life.kept().await, []);
    });
}

#[test]
fn d1_n7_an_end_that_could_not_be_written_is_told_before_its_record_goes() {
    in_virtual_time(async {
        let board = Board::new();
        let (life, session) = with_hanging_app(&board).await;
        let allow = board.refuse("events");
        life.launcher.exit("wake-up", carpus_devices::processes::ExitStatus::Code(0));
        pass(MINUTE * 28).await;
        let alarm = life.alarm().await;
        assert!(alarm.fallback && alarm.ringing, "{alarm:?}");
        allow();
        life.user(UserCall::StopAlarm(session)).await.unwrap();
        life.watch.send(Settle).await.unwrap();
        assert_eq!(life.kept().await, []);
        let mut told = life.listen().await;
        let [(ended, end)] = ends(events(&mut told)).try_into().unwrap();
        assert_eq!(ended, session);
        assert!(matches!(end.cause, Some(Cause::AppExited(_))), "{end:?}");
    });
}
