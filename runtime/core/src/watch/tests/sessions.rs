//! S1–S9: sessions.

use super::*;
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy};
use SessionState::{Invalid, NotStarted, Running, Scheduled};

const MUST_BE_ACTIVE: ErrorCode = ErrorCode::MustBeActiveToStartOrSchedule;

/// One app, "a", active, and its session that was not started.
fn made(kind: SessionKind) -> (Bench, SessionId) {
    let mut bench = Bench::of(kind);
    bench.launch("a");
    let id = bench.create("a");
    (bench, id)
}

/// The time left that `will_expire` told, each time it came.
fn will_expire(bench: &Bench, id: SessionId) -> Vec<Duration> {
    let remaining = |event| match event {
        AppEvent::WillExpire { remaining, .. } => Some(remaining),
        _ => None,
    };
    bench.told(id).into_iter().filter_map(remaining).collect()
}

#[test]
fn s1_the_states_have_the_names_of_the_rules() {
    let names = [NotStarted, Scheduled, Running, Invalid].map(SessionState::name);
    assert_eq!(names, ["not-started", "scheduled", "running", "invalid"]);
}

#[test]
fn s1_a_session_goes_from_not_started_to_running_to_invalid() {
    let (mut bench, id) = made(Mindfulness);
    assert_eq!(bench.session_state("a", id), NotStarted);
    bench.start("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Invalid);
}

#[test]
fn s1_a_scheduled_session_is_scheduled_until_it_has_a_delegate() {
    let (mut bench, id) = Bench::scheduled();
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.advance(HOUR);
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn s1_every_change_of_state_is_seen_once() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR);
    bench.handled("a", id).unwrap();
    bench.invalidate("a", id).unwrap();
    let states = bench.log.iter().filter_map(|(_, output)| match output {
        Output::SessionStateChanged { state, .. } => Some(*state),
        _ => None,
    });
    assert_eq!(states.collect::<Vec<_>>(), [Scheduled, Running, Invalid]);
}

#[test]
fn s1_a_session_that_is_over_never_runs_again() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.start("a", id), Err(CallError::StartedBefore(Invalid)));
    assert_eq!(bench.start_at("a", id, bench.wall_in(HOUR)), Err(CallError::StartedBefore(Invalid)));
    assert_eq!(bench.end(id).cause, Some(Cause::AppInvalidated));
}

#[test]
fn s1_a_running_or_scheduled_session_is_not_started_twice() {
    let (mut bench, id) = Bench::running(Mindfulness);
    assert_eq!(bench.start("a", id), Err(CallError::StartedBefore(Running)));
    assert_eq!(bench.session_state("a", id), Running);
    let (mut bench, id) = Bench::scheduled();
    assert_eq!(bench.start("a", id), Err(CallError::StartedBefore(Scheduled)));
    assert_eq!(bench.start_at("a", id, bench.wall_in(HOUR)), Err(CallError::StartedBefore(Scheduled)));
    assert_eq!(bench.session_state("a", id), Scheduled);
}

#[test]
fn s2_a_session_starts_only_while_its_app_is_active() {
    let leave: [Act; 2] = [Bench::wrist_down, Bench::crown];
    for leave in leave {
        let (mut bench, id) = made(Mindfulness);
        leave(&mut bench);
        let end = refused(MUST_BE_ACTIVE);
        assert_eq!(bench.start("a", id), Err(CallError::StartFailed(end.clone())));
        assert_eq!(bench.end(id), end);
    }
}

#[test]
fn s2_an_app_that_was_launched_and_does_not_listen_yet_is_not_active() {
    let mut bench = Bench::of(Mindfulness);
    bench.open("a");
    let id = bench.create("a");
    assert!(bench.start("a", id).is_err());
}

#[test]
fn s2_an_alarm_does_not_start_by_start() {
    let (mut bench, id) = made(Alarm);
    let end = refused(ErrorCode::NotApprovedToStartSession);
    assert_eq!(bench.start("a", id), Err(CallError::StartFailed(end)));
}

#[test]
fn s2_an_app_with_no_valid_mode_has_no_session_to_start() {
    let mut bench = Bench::new();
    bench.watch.handle_installed(Application { id: app("a"), session_kinds: vec![] });
    bench.launch("a");
    let refusal = bench.act(|watch, _| watch.create(&app("a"), SessionId(1), None));
    assert_eq!(refusal, Err(CallError::NotAllowed(ErrorCode::NotApprovedToStartSession)));
}

#[test]
fn s3_a_second_start_is_invalidated_and_the_first_untouched() {
    let (mut bench, first) = Bench::running(Mindfulness);
    let second = bench.create("a");
    bench.look_anew();
    assert_eq!(bench.start("a", second), Err(CallError::StartFailed(in_progress())));
    assert_eq!(bench.end(second).reason, Reason::SessionInProgress);
    assert_eq!(bench.session_state("a", first), Running);
    assert_eq!(bench.told(first), []);
}

#[test]
fn s3_a_refused_start_leaves_a_session_that_keeps_its_app_frontmost_untouched() {
    let (mut bench, first) = Bench::running(Mindfulness);
    let second = bench.create("a");
    bench.wrist_down();
    bench.advance(10 * MINUTE);
    bench.start("a", second).unwrap_err();
    bench.advance(MINUTE);
    assert_eq!(bench.session_state("a", first), Running);
    assert_eq!(bench.state("a"), AppState::Inactive);
}

#[test]
fn s3_a_start_succeeds_once_the_first_has_ended() {
    let (mut bench, first) = Bench::running(Mindfulness);
    bench.invalidate("a", first).unwrap();
    let second = bench.run("a");
    assert_eq!(bench.session_state("a", second), Running);
}

#[test]
fn s3_an_alarm_that_comes_due_beside_a_running_one_is_the_second() {
    let (mut bench, running) = Bench::running(Alarm);
    let due = bench.schedule("a", 10 * MINUTE);
    bench.advance(10 * MINUTE);
    assert_eq!(bench.end(due), in_progress());
    assert_eq!(bench.session_state("a", running), Running);
}

#[test]
fn s3_an_alarm_started_at_once_beside_a_running_or_handed_one_is_the_second() {
    let (mut bench, _) = Bench::running(Alarm);
    let second = bench.create("a");
    assert_eq!(bench.start_at("a", second, bench.now.wall), Err(CallError::StartFailed(in_progress())));
    let (mut bench, _) = Bench::scheduled();
    bench.advance(HOUR);
    let second = bench.create("a");
    assert_eq!(bench.start_at("a", second, bench.now.wall), Err(CallError::StartFailed(in_progress())));
}

#[test]
fn s3_several_apps_may_run_background_sessions_side_by_side() {
    let (mut bench, first) = Bench::running(PhysicalTherapy);
    bench.install("b", PhysicalTherapy);
    bench.launch("b");
    let second = bench.run("b");
    bench.advance(30 * MINUTE);
    assert_eq!(bench.session_state("a", first), Running);
    assert_eq!(bench.session_state("b", second), Running);
}

#[test]
fn s4_did_start_comes_when_the_session_runs() {
    let (bench, id) = Bench::running(Mindfulness);
    let expiration = bench.wall_in(HOUR);
    assert_eq!(bench.told(id), [AppEvent::DidStart { session: id, expiration }]);
}

#[test]
fn s4_will_expire_comes_half_a_minute_before_the_limit_and_tells_the_time_left() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.advance(HOUR - 30 * SECOND - MS);
    assert_eq!(will_expire(&bench, id), []);
    bench.advance(MS);
    assert_eq!(will_expire(&bench, id), [30 * SECOND]);
}

#[test]
fn s4_will_expire_comes_once_and_before_the_end() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.advance(2 * HOUR);
    let told = bench.told(id);
    assert!(matches!(
        told.as_slice(),
        [AppEvent::DidStart { .. }, AppEvent::WillExpire { .. }, AppEvent::DidInvalidate { .. }]
    ));
}

#[test]
fn s4_a_session_that_ends_early_never_says_will_expire() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.invalidate("a", id).unwrap();
    bench.advance(2 * HOUR);
    assert_eq!(will_expire(&bench, id), []);
}

#[test]
fn s4_the_lead_is_a_setting_and_half_of_the_time_left_at_most() {
    for (limit, lead, told) in [
        (MINUTE, 10 * SECOND, 10 * SECOND),
        (MINUTE, 30 * SECOND, 30 * SECOND),
        (40 * SECOND, 30 * SECOND, 20 * SECOND),
        (2 * MS, 30 * SECOND, MS),
        (Duration::ZERO, 30 * SECOND, Duration::ZERO),
    ] {
        let limits = Limits { mindfulness: limit, will_expire_lead: lead, ..Limits::default() };
        let mut bench = Bench::with(limits);
        bench.install("a", Mindfulness);
        bench.launch("a");
        let id = bench.run("a");
        bench.advance(HOUR);
        assert_eq!(will_expire(&bench, id), [told], "of {limit:?}");
        assert_eq!(bench.end(id).reason, Reason::Expired);
    }
}

#[test]
fn s4_the_lead_of_an_alarm_that_began_in_the_past_is_half_of_what_is_left() {
    let (mut bench, id) = Bench::scheduled();
    bench.set_clock(bench.wall_in(HOUR + 30 * MINUTE - 20 * SECOND));
    bench.handled("a", id).unwrap();
    bench.advance(MINUTE);
    assert_eq!(will_expire(&bench, id), [10 * SECOND]);
}

#[test]
fn s4_a_late_runtime_still_says_will_expire_before_the_end() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.pass(2 * HOUR);
    bench.catch_up();
    assert_eq!(will_expire(&bench, id), [Duration::ZERO]);
    assert!(matches!(bench.told(id).last(), Some(AppEvent::DidInvalidate { .. })));
}

#[test]
fn s4_did_invalidate_comes_once_at_the_end_whatever_comes_after() {
    let (mut bench, id) = Bench::running(PhysicalTherapy);
    bench.invalidate("a", id).unwrap();
    bench.invalidate("a", id).unwrap();
    bench.crown();
    bench.advance(2 * HOUR);
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.end(id), End::by(Reason::None, Cause::AppInvalidated));
}

#[test]
fn s4_did_invalidate_comes_once_when_the_start_failed() {
    let (mut bench, id) = made(Mindfulness);
    bench.wrist_down();
    bench.start("a", id).unwrap_err();
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.end(id), refused(MUST_BE_ACTIVE));
}

#[test]
fn s4_did_invalidate_comes_when_the_app_exits() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.exit("a", ExitStatus::Code(0));
    let end = End::with_error(ErrorCode::Unknown, Cause::AppExited(ExitStatus::Code(0)));
    assert_eq!(bench.end(id), end);
}

#[test]
fn s4_a_session_that_was_never_started_ends_without_a_word() {
    let (mut bench, id) = made(Mindfulness);
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.told(id), []);
    assert_eq!(bench.watch.session(&app("a"), id), None);
}

#[test]
fn s5_the_expiration_is_none_until_the_session_runs_and_stays_after_its_end() {
    let (mut bench, id) = made(Mindfulness);
    assert_eq!(bench.expiration("a", id), None);
    bench.start("a", id).unwrap();
    let expiration = Some(bench.wall_in(HOUR));
    assert_eq!(bench.expiration("a", id), expiration);
    bench.advance(MINUTE);
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.expiration("a", id), expiration);
}

#[test]
fn s5_a_scheduled_or_handed_session_has_no_expiration_and_one_that_was_cancelled_has_none_either() {
    let (mut bench, id) = Bench::scheduled();
    assert_eq!(bench.expiration("a", id), None);
    bench.advance(HOUR);
    assert_eq!(bench.expiration("a", id), None);
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.expiration("a", id), None);
}

#[test]
fn s5_the_expiration_stays_though_later_sessions_failed_before_it_ended() {
    let (mut bench, first) = Bench::running(Mindfulness);
    for _ in 0..2 * bench.limits.sessions_per_app {
        let id = bench.create("a");
        bench.start("a", id).unwrap_err();
    }
    bench.invalidate("a", first).unwrap();
    assert!(bench.expiration("a", first).is_some());
}

#[test]
fn s6_invalidate_ends_a_running_session() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Invalid);
    assert_eq!(bench.count(|output| *output == Output::StopMeasuring { session: id }), 1);
}

#[test]
fn s6_invalidate_cancels_a_scheduled_session() {
    let (mut bench, id) = Bench::scheduled();
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.schedule.poll_timeout(), None, "it is disarmed");
    bench.look_anew();
    bench.advance(2 * HOUR);
    assert_eq!(bench.told(id), []);
    assert!(bench.disk.is_empty());
}

#[test]
fn s6_a_session_that_was_not_started_is_not_invalidated() {
    let (mut bench, id) = made(Mindfulness);
    assert_eq!(bench.invalidate("a", id), Err(CallError::NotAllowed(ErrorCode::NotYetStarted)));
    bench.start("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn s6_a_scheduled_session_is_invalidated_only_while_its_app_is_active() {
    let (mut bench, id) = Bench::scheduled();
    bench.wrist_down();
    assert_eq!(bench.invalidate("a", id), Err(CallError::NotAllowed(MUST_BE_ACTIVE)));
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.wrist_up();
    bench.invalidate("a", id).unwrap();
}

#[test]
fn s6_so_is_a_running_one_that_was_made_with_start_at() {
    let (mut bench, id) = Bench::alarm();
    assert_eq!(bench.invalidate("a", id), Err(CallError::NotAllowed(MUST_BE_ACTIVE)));
    assert_eq!(bench.session_state("a", id), Running);
    bench.open("a");
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.end(id), End::by(Reason::None, Cause::AppInvalidated));
}

#[test]
fn s6_another_session_is_invalidated_at_any_time() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.wrist_down();
    bench.invalidate("a", id).unwrap();
    assert_eq!(bench.end(id).cause, Some(Cause::AppInvalidated));
}

#[test]
fn s7_the_reasons_have_the_names_of_the_rules() {
    use Reason::{Error, Expired, None, ResignedFrontmost, SessionInProgress, SuppressedBySystem};
    let reasons = [None, SessionInProgress, Expired, ResignedFrontmost, SuppressedBySystem, Error];
    let names =
        ["none", "session-in-progress", "expired", "resigned-frontmost", "suppressed-by-system", "error"];
    assert_eq!(reasons.map(Reason::name), names);
}

#[test]
fn s7_the_reason_is_error_exactly_when_there_is_an_error() {
    for (bench, id) in every_end() {
        let end = bench.end(id);
        assert_eq!(end.reason == Reason::Error, end.error.is_some(), "{end:?}");
    }
}

#[test]
fn s8_the_codes_have_the_numbers_and_names_of_the_rules() {
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| (code.number(), code.name())).collect();
    let expected = [
        (1, "unknown"),
        (2, "scheduled-too-far-in-advance"),
        (3, "must-be-active-to-start-or-schedule"),
        (4, "not-yet-started"),
        (5, "exceeded-resource-limits"),
        (6, "background-refresh-disabled"),
        (7, "not-approved-to-start-session"),
        (8, "not-approved-to-schedule"),
        (9, "must-be-active-to-prompt"),
        (10, "unsupported-session-type"),
    ];
    assert_eq!(codes, expected);
}

#[test]
fn s9_every_end_carries_its_cause() {
    let causes: Vec<_> = every_end().iter().map(|(bench, id)| bench.end(*id).why()).collect();
    let expected = [
        "app-invalidated",
        "user-stopped-alarm",
        "limit-reached",
        "crown",
        "other-app",
        "covered",
        "cpu-budget-spent",
        "app-exited",
        "no-delegate",
        "missed-while-off",
        "scheduled-in-past",
        "disabled-by-user",
        "not-saved",
        "refused",
    ];
    assert_eq!(causes, expected);
}

fn not_saved(bench: &mut Bench, id: SessionId) -> bool {
    bench.act(|watch, now| watch.handle_not_saved(id, now))
}

/// A bench for each way in which a session ends.
fn every_end() -> Vec<(Bench, SessionId)> {
    let after = |(mut bench, id): (Bench, SessionId), act: fn(&mut Bench, SessionId)| {
        act(&mut bench, id);
        (bench, id)
    };
    let running = || Bench::running(Mindfulness);
    vec![
        after(running(), |bench, id| bench.invalidate("a", id).unwrap()),
        after(Bench::alarm(), |bench, id| {
            bench.notify("a", id, Repeat::Default).unwrap();
            bench.act(|watch, now| watch.stop_alarm(id, now)).unwrap();
        }),
        after(running(), |bench, _| bench.advance(HOUR)),
        after(running(), |bench, _| bench.crown()),
        after(running(), |bench, _| {
            bench.install("b", Alarm);
            bench.open("b");
        }),
        after(running(), |bench, _| bench.cover()),
        after(running(), |bench, id| {
            bench.act(|watch, now| watch.handle_budget_spent(id, 10 * SECOND, 9 * SECOND, now));
        }),
        after(running(), |bench, _| bench.exit("a", ExitStatus::Code(0))),
        after(Bench::scheduled(), |bench, _| bench.advance(2 * HOUR)),
        after(Bench::scheduled(), |bench, _| bench.power_loss(2 * HOUR, &[("a", Alarm)])),
        after(made(Alarm), |bench, id| {
            drop(bench.start_at("a", id, bench.now.wall.minus(HOUR)).unwrap_err())
        }),
        after(running(), |bench, _| bench.act(|watch, now| watch.handle_removed(&app("a"), now)).unwrap()),
        after(Bench::scheduled(), |bench, id| assert!(not_saved(bench, id))),
        after(made(Alarm), |bench, id| drop(bench.start("a", id).unwrap_err())),
    ]
}

#[test]
fn s9_the_cause_of_a_spent_cpu_budget_tells_the_numbers() {
    let (mut bench, id) = Bench::running(Mindfulness);
    let (used, limit, window) = (10 * SECOND, 9 * SECOND, MINUTE);
    bench.act(|watch, now| watch.handle_budget_spent(id, used, limit, now));
    let cause = Cause::CpuBudgetSpent { used, limit, window };
    assert_eq!(bench.end(id), End::with_error(ErrorCode::ExceededResourceLimits, cause));
}
