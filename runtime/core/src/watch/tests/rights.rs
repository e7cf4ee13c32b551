//! A5, N6: what the user lets an app do, and the warning about a silent alarm.

use super::ring::stop;
use super::*;
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy};
use SessionState::{Running, Scheduled};

const ALL: AppRights = AppRights { background_refresh: true, schedule: true };
const NO_REFRESH: AppRights = AppRights { background_refresh: false, ..ALL };
const NO_SCHEDULE: AppRights = AppRights { schedule: false, ..ALL };

fn is_warning(output: &Output) -> bool {
    matches!(output, Output::WarnSilent { .. })
}

/// An alarm app, active, that may do only this.
fn allowed(rights: AppRights) -> Bench {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    bench.allow("a", rights);
    bench
}

#[test]
fn a5_an_app_may_do_all_until_the_user_says_otherwise() {
    assert_eq!(AppRights::default(), ALL);
}

#[test]
fn a5_what_an_app_may_do_can_be_seen() {
    let mut bench = Bench::of(Alarm);
    assert_eq!(bench.watch.rights(&app("a")), Some(ALL));
    bench.allow("a", NO_REFRESH);
    assert_eq!(bench.watch.rights(&app("a")), Some(NO_REFRESH));
    assert_eq!(bench.watch.rights(&app("x")), None);
}

#[test]
fn a5_without_background_refresh_nothing_is_scheduled() {
    let mut bench = allowed(NO_REFRESH);
    for at in [bench.wall_in(HOUR), bench.now.wall] {
        let id = bench.create("a");
        let end = End::with_error(ErrorCode::BackgroundRefreshDisabled, Cause::DisabledByUser);
        assert_eq!(bench.start_at("a", id, at), Err(CallError::StartFailed(end.clone())));
        assert_eq!(bench.end(id), end);
    }
    bench.allow("a", ALL);
    bench.schedule("a", HOUR);
}

#[test]
fn a5_a_waiting_session_stands() {
    let (mut bench, id) = Bench::scheduled();
    bench.allow("a", NO_REFRESH);
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.advance(HOUR);
    bench.handled("a", id).unwrap();
}

#[test]
fn a5_it_is_switched_off_for_one_app() {
    let mut bench = allowed(NO_REFRESH);
    bench.install("b", Alarm);
    bench.launch("b");
    bench.schedule("b", HOUR);
}

#[test]
fn a5_a_session_that_is_not_scheduled_starts_without_it() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    bench.allow("a", AppRights { background_refresh: false, schedule: false });
    bench.run("a");
}

#[test]
fn n6_without_the_right_to_schedule_later_schedules_fail() {
    let (mut bench, id) = Bench::scheduled();
    bench.allow("a", NO_SCHEDULE);
    assert_eq!(bench.session_state("a", id), Scheduled, "what waits already, waits on");
    let later = bench.create("a");
    let end = End::with_error(ErrorCode::NotApprovedToSchedule, Cause::DisabledByUser);
    assert_eq!(bench.start_at("a", later, bench.wall_in(HOUR)), Err(CallError::StartFailed(end)));
}

#[test]
fn n6_an_alarm_that_ends_without_a_haptic_warns_the_user() {
    let (mut bench, id) = Bench::alarm();
    bench.advance(30 * MINUTE);
    let warning = Output::WarnSilent { session: id, app: app("a") };
    assert_eq!(bench.count(|output| *output == warning), 1);
    assert!(bench.place(is_warning) < bench.place(is_did_invalidate), "power may fail in between");
}

#[test]
fn n6_so_does_one_that_its_app_ends_in_silence_or_dies_with() {
    let ends: [fn(&mut Bench, SessionId); 2] = [
        |bench, id| {
            bench.open("a");
            bench.invalidate("a", id).unwrap();
        },
        |bench, _| bench.exit("a", ExitStatus::Code(0)),
    ];
    for end in ends {
        let (mut bench, id) = Bench::alarm();
        end(&mut bench, id);
        assert_eq!(bench.count(is_warning), 1);
    }
}

#[test]
fn n6_so_does_one_that_was_handed_and_never_ran() {
    let (mut bench, _) = Bench::scheduled();
    bench.advance(HOUR + 5 * SECOND);
    assert_eq!(bench.count(is_warning), 1);
}

#[test]
fn n6_an_alarm_that_played_a_haptic_warns_of_nothing() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::EveryMs(0)).unwrap();
    bench.advance(30 * MINUTE);
    assert_eq!(bench.session_state("a", id), SessionState::Invalid);
    assert_eq!(bench.count(is_warning), 0);
}

#[test]
fn n6_a_fallback_is_no_haptic_of_the_app() {
    let (mut bench, id) = Bench::alarm();
    bench.advance(29 * MINUTE);
    stop(&mut bench, id).unwrap();
    assert_eq!(bench.count(is_warning), 1);
}

#[test]
fn n6_a_session_that_only_waited_warns_of_nothing() {
    let (mut bench, id) = Bench::scheduled();
    bench.invalidate("a", id).unwrap();
    let (mut missed, _) = Bench::scheduled();
    missed.power_loss(3 * HOUR, &[("a", Alarm)]);
    let (mut beside, _) = Bench::running(Alarm);
    beside.schedule("a", MINUTE);
    beside.advance(MINUTE);
    for bench in [bench, missed, beside] {
        assert_eq!(bench.count(is_warning), 0);
    }
}

#[test]
fn n6_a_session_that_is_not_scheduled_warns_of_nothing() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.count(is_warning), 0);
}

#[test]
fn n6_a_start_that_failed_warns_of_nothing() {
    let (mut bench, _) = Bench::running(Alarm);
    let id = bench.create("a");
    bench.start_at("a", id, bench.now.wall).unwrap_err();
    assert_eq!(bench.count(is_warning), 0);
}

#[test]
fn n6_the_session_of_an_app_that_the_user_removes_warns_of_nothing() {
    let (mut bench, id) = Bench::alarm();
    assert_eq!(bench.session_state("a", id), Running);
    bench.remove("a");
    assert_eq!(bench.end(id).cause, Some(Cause::DisabledByUser));
    assert_eq!(bench.count(is_warning), 0);
}

#[test]
fn n6_an_app_without_a_session_may_lose_its_rights_and_an_unknown_one_has_none() {
    let mut bench = Bench::of(Alarm);
    bench.allow("a", NO_SCHEDULE);
    assert_eq!(bench.log, []);
    let unknown = bench.act(|watch, now| watch.handle_rights(&app("x"), ALL, now));
    assert_eq!(unknown, Err(CallError::UnknownApp(app("x"))));
}
