//! Strict mode: each rule beyond WatchKit is on as a rule, and off here.

use super::ring::stop;
use super::*;
use crate::app::BackgroundMode::ExtendedRuntime;
use crate::limits::Extensions;
use crate::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy};
use SessionState::{Running, Scheduled};

/// Benches with one app, "a", active: by the defaults, and in strict mode.
fn benches(kind: SessionKind) -> [Bench; 2] {
    [Limits::default(), Limits::default().strict()].map(|limits| {
        let mut bench = Bench::with(limits);
        bench.install("a", kind);
        bench.launch("a");
        bench
    })
}

/// The two, with an alarm that came due in the background and runs.
fn with_alarm() -> [(Bench, SessionId); 2] {
    benches(Alarm).map(|mut bench| {
        let id = bench.schedule("a", HOUR);
        bench.crown();
        bench.advance(HOUR);
        bench.handled("a", id).unwrap();
        (bench, id)
    })
}

fn daily() -> Recurrence {
    let time = jiff::civil::time(7, 0, 0, 0);
    Recurrence { weekdays: Weekdays::DAILY, time, zone: RecurrenceZone::Board }
}

#[test]
fn strict_mode_turns_every_extension_off() {
    let every = Extensions {
        several_modes: true,
        causes: true,
        can_start: true,
        answers: true,
        replace: true,
        recurrence: true,
        notify_errors: true,
        snooze: true,
        fallback: true,
    };
    assert_eq!(Limits { extensions: every, ..Limits::default() }.strict().extensions, Extensions::NONE);
    assert_eq!(Extensions::default(), Extensions { several_modes: false, ..every });
}

#[test]
fn m4_strict_mode_knows_one_mode_only_and_no_name_of_it() {
    let every = Extensions { several_modes: true, ..Extensions::default() };
    let limits = Limits { extensions: every, ..Limits::default() };
    for (limits, allowed) in [(limits.clone(), true), (limits.strict(), false)] {
        let mut bench = Bench::with(limits);
        bench.install("a", Alarm);
        let named = bench.act(|watch, _| watch.create(&app("a"), SessionId(1), Some(Alarm)));
        let unsupported = CallError::NotAllowed(ErrorCode::UnsupportedSessionType);
        assert_eq!(named, if allowed { Ok(()) } else { Err(unsupported) });
        let modes = [ExtendedRuntime(Alarm), ExtendedRuntime(Mindfulness)];
        bench.watch.handle_installed(Application::with_several_modes(app("b"), &modes));
        let named = bench.act(|watch, _| watch.create(&app("b"), SessionId(2), Some(Mindfulness)));
        assert_eq!(named.is_ok(), allowed);
        let unnamed = bench.act(|watch, _| watch.create(&app("b"), SessionId(3), None));
        let code =
            if allowed { ErrorCode::UnsupportedSessionType } else { ErrorCode::NotApprovedToStartSession };
        assert_eq!(unnamed, Err(CallError::NotAllowed(code)));
    }
}

#[test]
fn t5_in_strict_mode_the_rules_own_numbers_count() {
    let odd = Limits {
        frontmost_time: SECOND,
        suspend_grace: SECOND,
        leave_time: SECOND,
        will_expire_lead: SECOND,
        self_care: SECOND,
        mindfulness: SECOND,
        physical_therapy: SECOND,
        alarm: SECOND,
        schedule_ahead: SECOND,
        past_tolerance: SECOND,
        handle_time: SECOND,
        default_interval: SECOND,
        max_interval: SECOND,
        min_interval: SECOND,
        snooze: SECOND,
        fallback_lead: SECOND,
        fallback_time: SECOND,
        occurrence_retry: SECOND,
        budget_window: SECOND,
        budget_per_mille: 1,
        ..Limits::default()
    };
    let strict = odd.clone().strict();
    assert_eq!(strict, Limits { extensions: Extensions::NONE, ..Limits::default() });
    for (limits, limit) in [(odd, SECOND), (strict, HOUR)] {
        let mut bench = Bench::with(limits);
        bench.install("a", Mindfulness);
        bench.launch("a");
        let id = bench.run("a");
        assert_eq!(bench.expiration("a", id), Some(bench.wall_in(limit)));
    }
}

#[test]
fn t5_strict_mode_leaves_what_only_bounds_an_app_as_it_is_set() {
    let mut limits = Limits { sessions_per_app: 3, ..Limits::default() };
    limits.suppression.battery_below_percent = 50;
    let strict = limits.clone().strict();
    assert_eq!((strict.sessions_per_app, strict.suppression), (3, limits.suppression));
}

#[test]
fn s9_in_strict_mode_an_end_tells_no_cause() {
    let [default, strict] = benches(Mindfulness).map(|mut bench| {
        let id = bench.run("a");
        bench.crown();
        bench.end(id)
    });
    assert_eq!(default, End::by(Reason::ResignedFrontmost, Cause::Crown));
    assert_eq!(strict, End { reason: Reason::ResignedFrontmost, error: None, cause: None });
}

#[test]
fn s9_without_causes_the_answer_to_a_start_that_fails_tells_none_either() {
    let extensions = Extensions { causes: false, ..Extensions::default() };
    let mut bench = Bench::with(Limits { extensions, ..Limits::default() });
    bench.install("a", Mindfulness);
    let id = bench.create("a");
    let end = refused(ErrorCode::MustBeActiveToStartOrSchedule).without_cause();
    assert_eq!(bench.start("a", id), Err(CallError::StartFailed(end.clone())));
    assert_eq!((bench.end(id).error, bench.end(id)), (end.error, end));
}

#[test]
fn s9_an_end_without_a_cause_is_named_by_its_error_or_its_reason() {
    let end = refused(ErrorCode::NotYetStarted);
    assert_eq!((end.why(), end.without_cause().why()), ("refused", "not-yet-started"));
    assert_eq!(End::by(Reason::Expired, Cause::LimitReached).without_cause().why(), "expired");
}

#[test]
fn s11_strict_mode_has_no_can_start() {
    let [default, strict] =
        benches(Mindfulness).map(|bench| bench.watch.can_start(&app("a"), None, None, bench.now));
    assert_eq!((default, strict), (Ok(vec![]), Err(CallError::NotOffered)));
}

#[test]
fn s12_in_strict_mode_a_start_that_fails_is_answered_like_one_that_succeeds() {
    let [default, strict] = benches(Mindfulness);
    for (mut bench, fails) in [(default, true), (strict, false)] {
        bench.crown();
        let id = bench.create("a");
        assert_eq!(bench.start("a", id).is_err(), fails);
        assert_eq!(bench.end(id).error, Some(ErrorCode::MustBeActiveToStartOrSchedule));
        let id = bench.create("a");
        assert_eq!(bench.start_at("a", id, bench.wall_in(HOUR)).is_err(), fails);
        assert_eq!(bench.end(id).error, Some(ErrorCode::NotApprovedToSchedule));
    }
}

#[test]
fn s12_when_the_answer_is_there_the_slot_is_free_or_taken() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    for _ in 0..3 {
        let id = bench.create("a");
        assert_eq!(bench.start("a", id), Ok(()));
        let beside = bench.create("a");
        assert_eq!(bench.start("a", beside), Err(CallError::StartFailed(in_progress())));
        assert_eq!(bench.invalidate("a", id), Ok(()));
    }
}

#[test]
fn a3_strict_mode_has_no_replace() {
    let [default, strict] = benches(Alarm);
    for (mut bench, is_offered) in [(default, true), (strict, false)] {
        let first = bench.schedule("a", HOUR);
        let second = bench.create("a");
        let at = bench.wall_in(2 * HOUR);
        let answer = bench.act(|watch, now| watch.replace(&app("a"), second, at, now));
        assert_eq!(answer, if is_offered { Ok(()) } else { Err(CallError::NotOffered) });
        let state = if is_offered { Scheduled } else { SessionState::NotStarted };
        assert_eq!(bench.session_state("a", second), state);
        assert_eq!(bench.session_state("a", first), Scheduled);
    }
}

#[test]
fn a10_strict_mode_has_no_recurrence() {
    let [default, strict] = benches(Alarm);
    for (mut bench, is_offered) in [(default, true), (strict, false)] {
        let answer = bench.act(|watch, now| watch.set_recurrence(&app("a"), daily(), now));
        assert_eq!(answer, if is_offered { Ok(()) } else { Err(CallError::NotOffered) });
        assert_eq!(bench.waiting().len(), usize::from(is_offered));
    }
}

#[test]
fn a10_a_rule_from_before_rests_in_strict_mode() {
    let [mut bench, _] = benches(Alarm);
    bench.act(|watch, now| watch.set_recurrence(&app("a"), daily(), now)).unwrap();
    bench.disk.clear();
    bench.limits = bench.limits.clone().strict();
    bench.power_loss(SECOND, &[("a", Alarm)]);
    assert_eq!(bench.waiting(), []);
    assert_eq!(bench.rules.len(), 1, "it is not forgotten");
}

#[test]
fn n1_in_strict_mode_notify_user_elsewhere_is_ignored_silently() {
    let [default, strict] = benches(PhysicalTherapy);
    for (mut bench, is_error) in [(default, true), (strict, false)] {
        let id = bench.run("a");
        bench.look_anew();
        let answer = bench.notify("a", id, Repeat::Default);
        assert_eq!(answer, if is_error { Err(CallError::NotARunningAlarm) } else { Ok(()) });
        assert_eq!(bench.log, []);
    }
}

#[test]
fn n5_strict_mode_has_no_snooze() {
    for (index, (mut bench, id)) in with_alarm().into_iter().enumerate() {
        bench.notify("a", id, Repeat::Default).unwrap();
        let answer = bench.act(|watch, now| watch.snooze_alarm(id, None, now));
        assert_eq!(answer, [Ok(()), Err(CallError::NotOffered)][index]);
        bench.look_anew();
        bench.advance(3 * SECOND);
        assert_eq!(bench.rings().len(), index, "the strict one rings on");
    }
}

#[test]
fn n7_strict_mode_has_no_fallback_alarm() {
    let [default, strict] = with_alarm().map(|(mut bench, id)| {
        assert_eq!(bench.session_state("a", id), Running);
        bench.advance(29 * MINUTE + 30 * SECOND);
        let rings = bench.rings().len();
        bench.advance(HOUR);
        assert!(bench.disk.is_empty());
        assert_eq!(stop(&mut bench, id), Err(CallError::NotRinging(id)));
        rings
    });
    assert_eq!((default, strict), (11, 0));
}

#[test]
fn n7_a_fallback_from_before_does_not_ring_in_strict_mode() {
    let [_, mut bench] = benches(Alarm);
    let (at, until) = (bench.now.wall, bench.wall_in(HOUR));
    let planned = crate::record::RecordedFallback { at, until, over_at: Duration::ZERO, snoozed_until: None };
    let phase = crate::record::RecordedPhase::Fallback(planned);
    let record = SessionRecord { session: SessionId(7), app: app("a"), kind: Alarm, phase };
    bench.disk.insert(SessionId(7), record);
    bench.power_loss(SECOND, &[("a", Alarm)]);
    bench.advance(HOUR);
    assert_eq!(bench.rings(), []);
    assert!(bench.disk.is_empty());
}
