//! D2, S14: what lives on when a part of the runtime fails, when the runtime is killed, and when an app crashes.

use carpus_core::session::{Cause, End};
use carpus_core::{AppState, SessionState};
use carpus_devices::processes::ExitStatus;

use super::*;
use crate::testing::{in_virtual_time, pass};

const NAME: &str = "wake-up";

/// An app that is active, with a session that runs, one that waits for tomorrow, and one that is only made.
struct Day {
    running: SessionId,
    waiting: SessionId,
    made: SessionId,
}

async fn begin_day(board: &Board, life: &Life) -> Day {
    let mut told = life.open().await;
    let running = life.schedule(board.now()).await;
    let waiting = life.schedule(board.now().plus(24 * HOUR)).await;
    let made = life.create().await;
    assert_eq!(
        events(&mut told).iter().filter(|event| matches!(event, AppEvent::DidStart { .. })).count(),
        1
    );
    Day { running, waiting, made }
}

/// The day goes on: no process was launched anew, no session was lost, and nothing was told twice.
async fn goes_on(board: &Board, life: &Life, day: &Day) {
    assert_eq!(life.launcher.launches().len(), 1);
    assert_eq!(life.look().await.frontmost, Some(app()));
    let mut told = life.listen().await;
    assert_eq!(life.look().await.apps, [(app(), AppState::Active)]);
    let again = events(&mut told);
    let steps = |event: &&AppEvent| event.is_durable() && !matches!(event, AppEvent::DidStart { .. });
    assert_eq!(again.iter().find(steps), None);
    let states = |id| async move {
        match life.call(Request::Info(id)).await.unwrap() {
            AppAnswer::Info(view) => view.state,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(states(day.running).await, SessionState::Running);
    assert_eq!(states(day.waiting).await, SessionState::Scheduled);
    assert_eq!(states(day.made).await, SessionState::NotStarted);
    pass(30 * MINUTE).await;
    let [(ended, end)] = ends(events(&mut told)).try_into().unwrap();
    assert_eq!((ended, end.cause), (day.running, Some(Cause::LimitReached)));
    life.call(Request::StartAt(day.made, board.now())).await.unwrap_err(); // by a rule: one waits (A3)
}

#[test]
fn d2_a_watch_that_fails_loses_nothing() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let day = begin_day(&board, &life).await;
        life.fail("watch").await;
        goes_on(&board, &life, &day).await;
    });
}

#[test]
fn d2_so_it_is_when_it_fails_twice_and_when_what_holds_the_apps_fails() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let day = begin_day(&board, &life).await;
        for child in ["watch", "apps", "watch"] {
            life.fail(child).await;
        }
        goes_on(&board, &life, &day).await;
    });
}

#[test]
fn d2_a_runtime_that_is_killed_finds_its_apps_again() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let day = begin_day(&board, &life).await;
        let launcher = life.launcher.clone();
        life.end().await;
        let life = board.begin_beside(launcher, Limits::default()).await;
        goes_on(&board, &life, &day).await;
    });
}

#[test]
fn d2_a_suspended_app_stays_suspended_and_the_wrist_is_where_it_was() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let _told = life.open().await;
        life.user(UserCall::Crown).await.unwrap();
        life.user(UserCall::WristDown).await.unwrap();
        pass(10 * SECOND).await;
        let launcher = life.launcher.clone();
        assert!(launcher.is_frozen(NAME));
        life.end().await;
        let life = board.begin_beside(launcher, Limits::default()).await;
        pass(HOUR).await;
        let view = life.look().await;
        assert_eq!((view.apps, view.frontmost), (vec![(app(), AppState::Suspended)], None));
        assert!(!view.screen_on && life.launcher.is_frozen(NAME));
    });
}

#[test]
fn d2_an_app_that_is_gone_ends_its_session() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let day = begin_day(&board, &life).await;
        life.end().await;
        pass(30 * MINUTE).await;
        let life = board.begin().await;
        let mut told = life.open().await;
        let unknown = Cause::AppExited(carpus_core::session::ExitStatus::Unknown);
        let [(ended, end)] = ends(events(&mut told)).try_into().unwrap();
        assert_eq!((ended, end.cause), (day.running, Some(unknown)));
        assert!(matches!(life.call(Request::Info(day.made)).await, Err(CallFailure::Refused(_))));
    });
}

#[test]
fn d2_an_alarm_rings_on_when_the_watch_fails() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let mut told = life.open().await;
        let session = life.schedule(board.now()).await;
        let ring = Request::NotifyUser(session, carpus_core::Haptic::Notification, Repeat::Ask);
        life.call(ring).await.unwrap();
        life.fail("watch").await;
        let alarm = life.alarm().await;
        assert!(alarm.ringing && alarm.alert, "{alarm:?}");
        events(&mut told);
        pass(6 * SECOND).await;
        assert_eq!(rings(&events(&mut told)), 2);
        life.user(UserCall::StopAlarm(session)).await.unwrap();
        assert_eq!(ends(events(&mut told)).len(), 1);
    });
}

#[test]
fn d2_c2_a_session_that_goes_on_is_measured_when_the_watch_and_then_the_monitor_failed() {
    for children in [&["watch"] as &[&str], &["watch", "cpu_monitor"], &["cpu_monitor"]] {
        in_virtual_time(async {
            let board = Board::new();
            let life = board.begin().await;
            let mut told = life.open().await;
            let session = life.schedule(board.now()).await;
            for child in children {
                life.fail(child).await;
            }
            pass(20 * SECOND).await;
            life.launcher.set_cpu(NAME, 30 * SECOND);
            pass(20 * SECOND).await;
            let [(ended, end)] = ends(events(&mut told)).try_into().unwrap();
            assert!(matches!(end.cause, Some(Cause::CpuBudgetSpent { .. })), "{end:?}");
            assert_eq!(ended, session);
        });
    }
}

#[test]
fn d2_a4_an_alarm_that_waits_comes_due_when_the_watch_and_then_the_scheduler_failed() {
    for children in [&["watch"] as &[&str], &["watch", "scheduler"], &["scheduler", "watch"]] {
        in_virtual_time(async {
            let board = Board::new();
            let life = board.begin().await;
            let _told = life.open().await;
            let session = life.schedule(board.now().plus(HOUR)).await;
            for child in children {
                life.fail(child).await;
            }
            let mut told = life.listen().await;
            pass(HOUR).await;
            let handed =
                |event: &AppEvent| matches!(event, AppEvent::Handle { session: id, .. } if *id == session);
            assert_eq!(events(&mut told).iter().filter(|event| handed(event)).count(), 1);
        });
    }
}

#[test]
fn s14_an_app_that_crashes_in_a_session_is_launched_again_and_handed_it() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let _told = life.open().await;
        let session = life.schedule(board.now()).await;
        life.launcher.exit(NAME, ExitStatus::Signal(11));
        settle().await;
        assert_eq!(life.launcher.launches().len(), 2);
        assert!(matches!(life.kept().await[..], [(_, RecordedPhase::Running { handed: true, .. })]));
        let mut told = life.listen().await;
        let is_handle =
            |event: &AppEvent| matches!(event, AppEvent::Handle { session: id, .. } if *id == session);
        assert_eq!(events(&mut told).iter().filter(|event| is_handle(event)).count(), 1);
        life.call(Request::Handled(session)).await.unwrap();
        settle().await;
        let is_start =
            |event: &AppEvent| matches!(event, AppEvent::DidStart { session: id, .. } if *id == session);
        assert_eq!(events(&mut told).iter().filter(|event| is_start(event)).count(), 1);
        assert_eq!(life.look().await.apps, [(app(), AppState::Active)]);
    });
}

#[test]
fn s14_an_app_that_cannot_be_launched_ends_its_session() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let told = life.open().await;
        let session = life.schedule(board.now()).await;
        drop(told);
        life.launcher.fail_launch(NAME, true);
        life.launcher.exit(NAME, ExitStatus::Code(1));
        settle().await;
        life.launcher.fail_launch(NAME, false);
        let mut told = life.open().await;
        let unknown = Cause::AppExited(carpus_core::session::ExitStatus::Unknown);
        let end: Vec<(SessionId, End)> = ends(events(&mut told));
        assert_eq!(
            end.into_iter().map(|(id, end)| (id, end.cause)).collect::<Vec<_>>(),
            [(session, Some(unknown))]
        );
    });
}

#[test]
fn d2_s14_an_app_that_crashes_while_the_watch_is_down_does_not_hang() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let told = life.open().await;
        let session = life.schedule(board.now()).await;
        drop(told);
        let fail = Fail { child: "watch".to_owned(), way: Way::Stop };
        life.supervisor.send(fail).await.unwrap().unwrap();
        life.launcher.exit(NAME, ExitStatus::Signal(11));
        pass(2 * SECOND).await;
        life.watch.send(Settle).await.unwrap();
        // The process is gone: the alarm, whose window is open, is handed to the next one.
        assert_eq!(life.launcher.launches().len(), 2);
        let mut told = life.listen().await;
        let is_handle =
            |event: &AppEvent| matches!(event, AppEvent::Handle { session: id, .. } if *id == session);
        assert_eq!(events(&mut told).iter().filter(|event| is_handle(event)).count(), 1);
        life.call(Request::Handled(session)).await.unwrap();
    });
}

#[test]
fn s14_c2_what_the_process_that_was_launched_again_uses_is_the_sessions() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let told = life.open().await;
        life.launcher.set_cpu(NAME, 300 * SECOND);
        let session = life.schedule(board.now()).await;
        drop(told);
        pass(20 * SECOND).await;
        life.launcher.exit(NAME, ExitStatus::Signal(11));
        settle().await;
        let mut told = life.listen().await;
        life.call(Request::Handled(session)).await.unwrap();
        life.launcher.set_cpu(NAME, 30 * SECOND);
        pass(20 * SECOND).await;
        let [(ended, end)] = ends(events(&mut told)).try_into().unwrap();
        assert!(ended == session && matches!(end.cause, Some(Cause::CpuBudgetSpent { .. })), "{end:?}");
    });
}
