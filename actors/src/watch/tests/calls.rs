use carpus_core::session::{Cause, ErrorCode, Reason};
use carpus_core::suppression::{Conditions, Suppression};
use carpus_simulated::Steering;

use super::*;
use crate::testing::{in_virtual_time, pass};

#[test]
fn a3_replacing_is_answered_when_the_new_one_is_on_disk_and_the_old_one_is_over() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let mut told = life.open().await;
        let old = life.schedule(board.now().plus(HOUR)).await;
        let new = life.create().await;
        let at = board.now().plus(HOUR * 2);
        assert_eq!(life.call(Request::Replace(new, at)).await.unwrap(), AppAnswer::Done);
        assert_eq!(life.kept().await, [(new, RecordedPhase::Scheduled { at, recurring: false })]);
        let end = End::by(Reason::None, Cause::AppInvalidated);
        assert_eq!(ends(events(&mut told)), [(old, end)]);
    });
}

#[test]
fn a3_where_the_new_one_cannot_be_saved_the_old_one_stands() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let mut told = life.open().await;
        let at = board.now().plus(HOUR);
        let old = life.schedule(at).await;
        let new = life.create().await;
        let allow = board.refuse("sessions");
        let answer = life.call(Request::Replace(new, at.plus(HOUR))).await;
        allow();
        let end = End::with_error(ErrorCode::Unknown, Cause::NotSaved);
        let Err(CallFailure::Refused(CallError::StartFailed(failed))) = answer else { panic!("{answer:?}") };
        assert_eq!(failed, end);
        assert_eq!(life.kept().await, [(old, RecordedPhase::Scheduled { at, recurring: false })]);
        assert_eq!(life.alarm().await.session, old);
        assert_eq!(ends(events(&mut told)), [(new, end)]);
    });
}

#[test]
fn a6_s12_in_strict_mode_only_did_invalidate_tells_that_an_alarm_could_not_be_saved() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin_with(Limits::default().strict()).await;
        let mut told = life.open().await;
        let session = life.create().await;
        let _never_allowed = board.refuse("sessions");
        let answer = life.call(Request::StartAt(session, board.now().plus(HOUR))).await;
        assert_eq!(answer.unwrap(), AppAnswer::Done);
        let end = End { reason: Reason::Error, error: Some(ErrorCode::Unknown), cause: None };
        assert_eq!(ends(events(&mut told)), [(session, end)]);
    });
}

#[test]
fn s6_a_cancelled_alarm_is_off_the_disk_when_the_call_is_answered() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let _told = life.open().await;
        let session = life.schedule(board.now().plus(HOUR)).await;
        life.slow_disk().await;
        life.call(Request::Invalidate(session)).await.unwrap();
        assert_eq!(rows(&board, "sessions"), 0);
    });
}

#[test]
fn s11_what_stands_in_the_way_of_a_start_is_answered() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let _told = life.open().await;
        let at = board.now().plus(HOUR);
        let free = life.call(Request::CanStart(None, Some(at))).await.unwrap();
        assert_eq!(free, AppAnswer::Obstacles(Vec::new()));
        life.schedule(at).await;
        let obstacles = life.call(Request::CanStart(None, Some(at))).await.unwrap();
        let waiting = End::by(Reason::SessionInProgress, Cause::Refused);
        assert_eq!(obstacles, AppAnswer::Obstacles(vec![waiting]));
    });
}

#[test]
fn m4_a_session_of_a_type_that_the_manifest_does_not_declare_is_refused() {
    in_virtual_time(async {
        let mut limits = Limits::default();
        limits.extensions.several_modes = true;
        let life = Board::new().begin_with(limits).await;
        let _told = life.open().await;
        let refused = life.call(Request::Create(Some(SessionKind::SelfCare))).await;
        assert!(
            matches!(
                refused,
                Err(CallFailure::Refused(CallError::NotAllowed(ErrorCode::NotApprovedToStartSession)))
            ),
            "{refused:?}"
        );
        life.call(Request::Create(Some(SessionKind::Alarm))).await.unwrap();
    });
}

const NO_SCHEDULING: AppRights = AppRights { background_refresh: true, schedule: false };

#[test]
fn n6_a_right_that_was_taken_is_on_disk_counts_and_outlives_a_restart() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        assert_eq!(life.look().await.rights, [(app(), AppRights::default())]);
        life.watch.send(SetRights(app(), NO_SCHEDULING)).await.unwrap().unwrap();
        life.end().await;

        let life = board.begin().await;
        assert_eq!(life.look().await.rights, [(app(), NO_SCHEDULING)]);
        let _told = life.open().await;
        let session = life.create().await;
        let refused = life.call(Request::StartAt(session, board.now().plus(HOUR))).await;
        let end = End::with_error(ErrorCode::NotApprovedToSchedule, Cause::DisabledByUser);
        let Err(CallFailure::Refused(CallError::StartFailed(failed))) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(failed, end);
    });
}

#[test]
fn n6_a_right_that_cannot_be_written_down_is_not_changed() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let allow = board.refuse("rights");
        let failed = life.watch.send(SetRights(app(), NO_SCHEDULING)).await.unwrap();
        assert!(matches!(failed, Err(CallFailure::NotSaved(_))), "{failed:?}");
        allow();
        assert_eq!(life.look().await.rights, [(app(), AppRights::default())]);
        let nobody = AppId::parse("nobody").unwrap();
        let unknown = life.watch.send(SetRights(nobody, NO_SCHEDULING)).await.unwrap();
        assert!(matches!(unknown, Err(CallFailure::Refused(CallError::UnknownApp(_)))), "{unknown:?}");
    });
}

#[test]
fn n6_an_app_that_is_removed_takes_its_rights_with_it() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        life.watch.send(SetRights(app(), NO_SCHEDULING)).await.unwrap().unwrap();
        life.user(UserCall::Remove(app())).await.unwrap();
        assert_eq!(life.look().await.rights, []);
        let application = Application { id: app(), session_kinds: Vec::new() };
        life.watch.send(Installed(application)).await.unwrap();
        assert_eq!(life.look().await.rights, [(app(), AppRights::default())]);
    });
}

#[test]
fn l7_an_app_that_does_not_leave_is_killed_when_its_time_is_over() {
    in_virtual_time(async {
        let life = Board::new().begin().await;
        let _told = life.open().await;
        life.launcher.set_stubborn("wake-up", true);
        life.user(UserCall::Close(app())).await.unwrap();
        pass(SECOND * 4).await;
        assert_eq!(life.launcher.steerings("wake-up"), [Steering::Terminate]);
        pass(SECOND * 2).await;
        assert_eq!(life.launcher.steerings("wake-up"), [Steering::Terminate, Steering::Kill]);
        assert_eq!(life.look().await.apps, [(app(), AppState::NotRunning)]);
    });
}

#[test]
fn l7_an_app_that_is_removed_and_does_not_leave_is_killed_too() {
    in_virtual_time(async {
        let life = Board::new().begin().await;
        let _told = life.open().await;
        life.launcher.set_stubborn("wake-up", true);
        life.user(UserCall::Remove(app())).await.unwrap();
        pass(SECOND * 6).await;
        assert_eq!(life.launcher.steerings("wake-up"), [Steering::Terminate, Steering::Kill]);
    });
}

#[test]
fn l4_an_app_whose_screen_is_covered_is_left() {
    in_virtual_time(async {
        let life = Board::new().begin().await;
        let _told = life.open().await;
        life.user(UserCall::Cover).await.unwrap();
        assert_eq!(life.look().await.apps, [(app(), AppState::Background)]);
        pass(SECOND * 6).await;
        assert!(life.launcher.is_frozen("wake-up"));
    });
}

#[test]
fn s10_a_session_ends_when_the_battery_falls_too_low_for_its_type() {
    in_virtual_time(async {
        let board = Board::new();
        let suppression = Suppression { kinds: vec![SessionKind::Alarm], ..Suppression::default() };
        let life = board.begin_with(Limits { suppression, ..Limits::default() }).await;
        let mut told = life.open().await;
        let session = life.schedule(board.now()).await; // it runs at once
        let low = Conditions { battery_percent: Some(4), temperature_mdegc: None };
        life.watch.send(ConditionsChanged(low)).await.unwrap();
        life.watch.send(Settle).await.unwrap();
        let end = End::by(Reason::SuppressedBySystem, Cause::LowBattery);
        assert_eq!(ends(events(&mut told)), [(session, end)]);
    });
}
