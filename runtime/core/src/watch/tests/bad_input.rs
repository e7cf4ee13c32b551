//! Input that makes no sense: it is refused or ignored, changes nothing, and never panics.

use super::*;
use crate::app::APP_ID_MAX_BYTES;
use crate::record::RecordedPhase;
use SessionKind::{Alarm, Mindfulness};
use SessionState::Running;

const NOBODY: SessionId = SessionId(u64::MAX);
const EVER: Duration = Duration::MAX;

/// Every call of an app about a session.
fn calls(bench: &mut Bench, name: &str, id: SessionId) -> Vec<Result<(), CallError>> {
    let at = bench.wall_in(HOUR);
    vec![
        bench.start(name, id),
        bench.start_at(name, id, at),
        bench.invalidate(name, id),
        bench.act(|watch, now| watch.handle_handled(&app(name), id, now)),
        bench.notify(name, id, Repeat::Default),
        bench.act(|watch, _| watch.handle_repeat(&app(name), id, 1, 1000, None)),
    ]
}

/// Every input about a session that is not an app's call.
fn pokes(bench: &mut Bench, id: SessionId) {
    bench.act(|watch, now| watch.handle_due(id, now));
    assert!(!bench.act(|watch, now| watch.handle_not_saved(id, now)));
    bench.act(|watch, now| watch.handle_budget_spent(id, HOUR, SECOND, now));
    let stopped = bench.act(|watch, now| watch.stop_alarm(id, now));
    assert_eq!(stopped, Err(CallError::NotRinging(id)));
    let opened = bench.act(|watch, now| watch.open_alarm(id, now));
    assert_eq!(opened, Err(CallError::NotRinging(id)));
}

#[test]
fn an_app_id_has_few_letters_and_a_length() {
    for text in ["a", "0", "heart-rate", "io.carpus.demo-2", &"a".repeat(APP_ID_MAX_BYTES)] {
        assert_eq!(AppId::parse(text).unwrap().as_str(), text);
    }
    let too_long = "a".repeat(APP_ID_MAX_BYTES + 1);
    for text in ["", "A", ".a", "-a", "a b", "a/b", "../a", "a_b", "ä", "a\0", "a\n", &too_long] {
        assert!(AppId::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_refusal_names_the_app_or_the_session() {
    assert_eq!(CallError::UnknownApp(app("x")).to_string(), "no app x is installed");
    assert_eq!(CallError::UnknownSession(SessionId(7)).to_string(), "this app has no session 7");
}

#[test]
fn an_unknown_app_is_refused_or_ignored() {
    let mut bench = Bench::of(Mindfulness);
    let unknown = CallError::UnknownApp(app("x"));
    assert_eq!(bench.act(|watch, now| watch.handle_open(&app("x"), now)), Err(unknown.clone()));
    assert_eq!(bench.act(|watch, now| watch.handle_close(&app("x"), now)), Err(unknown.clone()));
    assert_eq!(bench.act(|watch, now| watch.handle_removed(&app("x"), now)), Err(unknown.clone()));
    assert_eq!(bench.act(|watch, _| watch.create(&app("x"), SessionId(1), None)), Err(unknown));
    bench.attach("x");
    bench.exit("x", ExitStatus::Code(0));
    assert_eq!(bench.watch.app_state(&app("x")), None);
    assert!(!bench.watch.may_play_haptic(&app("x")));
    assert_eq!(bench.log, []);
}

#[test]
fn opening_an_unknown_app_leaves_the_frontmost_one_where_it_is() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.act(|watch, now| watch.handle_open(&app("x"), now)).unwrap_err();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn an_unknown_session_is_refused_or_ignored() {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    bench.look_anew();
    for call in calls(&mut bench, "a", NOBODY) {
        assert_eq!(call, Err(CallError::UnknownSession(NOBODY)));
    }
    pokes(&mut bench, NOBODY);
    assert_eq!(bench.log, []);
}

#[test]
fn another_apps_session_is_as_unknown_as_none() {
    let (mut bench, id) = Bench::alarm();
    bench.install("b", Alarm);
    bench.launch("b");
    bench.look_anew();
    for call in calls(&mut bench, "b", id) {
        assert_eq!(call, Err(CallError::UnknownSession(id)));
    }
    assert_eq!(bench.watch.session(&app("b"), id), None);
    assert_eq!(bench.log, []);
}

#[test]
fn a_session_that_was_not_started_takes_no_input_but_its_start() {
    let mut bench = Bench::of(Alarm);
    let id = bench.create("a");
    pokes(&mut bench, id);
    assert_eq!(bench.session_state("a", id), SessionState::NotStarted);
    assert_eq!(bench.log, []);
}

#[test]
fn a_session_that_is_over_takes_no_input() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.invalidate("a", id).unwrap();
    bench.look_anew();
    let refused = calls(&mut bench, "a", id);
    assert_eq!(refused.iter().filter(|call| call.is_ok()).count(), 1, "invalidate again is no error");
    pokes(&mut bench, id);
    assert_eq!(bench.log, []);
}

#[test]
fn a4_an_answer_twice_changes_nothing() {
    let (mut bench, id) = Bench::alarm();
    assert_eq!(bench.handled("a", id), Ok(()));
    assert_eq!(bench.count(is_did_start), 1);
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn a4_an_answer_too_late_is_refused() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR + 5 * SECOND);
    assert_eq!(bench.handled("a", id), Err(CallError::NotHanded(id)));
    assert_eq!(bench.end(id).cause, Some(Cause::NoDelegate));
}

#[test]
fn a4_an_answer_nobody_asked_for_is_refused() {
    let (mut bench, id) = Bench::scheduled();
    assert_eq!(bench.handled("a", id), Err(CallError::NotHanded(id)));
    assert_eq!(bench.session_state("a", id), SessionState::Scheduled);
}

#[test]
fn a4_being_due_twice_hands_the_session_over_once() {
    let (mut bench, id) = Bench::scheduled();
    bench.advance(HOUR);
    bench.look_anew();
    bench.act(|watch, now| watch.handle_due(id, now));
    assert_eq!(bench.log, []);
}

#[test]
fn an_exit_of_an_app_that_never_ran_does_nothing() {
    let mut bench = Bench::of(Mindfulness);
    bench.exit("a", ExitStatus::Signal(9));
    assert_eq!(bench.log, []);
    assert_eq!(bench.state("a"), AppState::NotRunning);
}

#[test]
fn an_exit_twice_does_nothing_more() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.exit("a", ExitStatus::Code(0));
    bench.look_anew();
    bench.exit("a", ExitStatus::Code(1));
    assert_eq!(bench.log, []);
    assert_eq!(bench.told(id), []);
}

#[test]
fn an_attach_of_an_app_that_was_not_launched_or_is_up_already_does_nothing() {
    let mut bench = Bench::of(Mindfulness);
    bench.attach("a");
    assert_eq!(bench.log, []);
    bench.launch("a");
    bench.look_anew();
    bench.attach("a");
    assert_eq!(bench.log, []);
}

#[test]
fn an_attach_of_an_app_that_was_told_to_end_does_not_keep_it() {
    let mut bench = Bench::of(Mindfulness);
    bench.open("a");
    bench.close("a");
    bench.attach("a");
    assert_ne!(bench.state("a"), AppState::Active);
}

#[test]
fn an_app_installed_again_keeps_its_state() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.install("a", Mindfulness);
    assert_eq!(bench.state("a"), AppState::Active);
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn an_app_may_have_so_many_sessions_and_no_more() {
    let mut bench = Bench::with(Limits { sessions_per_app: 2, ..Limits::default() });
    bench.install("a", Mindfulness);
    bench.launch("a");
    let first = bench.create("a");
    bench.create("a");
    let third = bench.act(|watch, _| watch.create(&app("a"), NOBODY, None));
    assert_eq!(third, Err(CallError::TooManySessions { limit: 2 }));
    bench.start("a", first).unwrap();
    bench.invalidate("a", first).unwrap();
    bench.create("a");
}

#[test]
fn ended_sessions_do_not_pile_up() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    let ids: Vec<_> = (0..100)
        .map(|_| {
            let id = bench.run("a");
            bench.invalidate("a", id).unwrap();
            id
        })
        .collect();
    let kept = ids.iter().filter(|id| bench.watch.session(&app("a"), **id).is_some()).count();
    assert_eq!(kept, bench.limits.sessions_per_app);
}

#[test]
fn a_limit_of_no_sessions_allows_none() {
    let mut bench = Bench::with(Limits { sessions_per_app: 0, ..Limits::default() });
    bench.install("a", Mindfulness);
    let refusal = bench.act(|watch, _| watch.create(&app("a"), NOBODY, None));
    assert_eq!(refusal, Err(CallError::TooManySessions { limit: 0 }));
}

#[test]
fn any_instant_may_be_asked_for() {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    for at in [i64::MIN, -1, 0, i64::MAX] {
        let id = bench.create("a");
        bench.start_at("a", id, WallTime::from_unix_ms(at)).unwrap_err();
        assert!(bench.end(id).error.is_some());
    }
}

#[test]
fn any_wall_clock_is_taken() {
    for wall in [i64::MIN, 0, i64::MAX] {
        let mut bench = Bench::of(Alarm);
        bench.now.wall = WallTime::from_unix_ms(wall);
        bench.launch("a");
        let running = bench.run("a");
        let waiting = bench.create("a");
        let _may_fail = bench.start_at("a", waiting, bench.wall_in(HOUR));
        for wall in [i64::MAX, i64::MIN] {
            bench.set_clock(WallTime::from_unix_ms(wall));
            bench.advance(MINUTE);
        }
        bench.advance(3 * HOUR);
        bench.end(running);
        bench.end(waiting);
    }
}

#[test]
fn an_app_may_have_so_many_fallback_alarms_and_no_more() {
    let mut bench = Bench::with(Limits { sessions_per_app: 3, ..Limits::default() });
    bench.install("a", Alarm);
    bench.launch("a");
    bench.run("a");
    for _ in 0..2 {
        let beside = bench.schedule("a", MS);
        bench.advance(MS); // it comes due beside the one that runs, and owes its alarm
        assert_eq!(bench.end(beside), in_progress());
    }
    let one_more = bench.act(|watch, _| watch.create(&app("a"), SessionId(50), None));
    assert_eq!(one_more, Err(CallError::TooManySessions { limit: 3 }));
    bench.advance(HOUR); // until they have rung
    bench.act(|watch, _| watch.create(&app("a"), SessionId(50), None)).unwrap();
}

#[test]
fn any_record_is_taken() {
    for first in [i64::MIN, 0, i64::MAX].map(WallTime::from_unix_ms) {
        for second in [i64::MIN, 0, i64::MAX].map(WallTime::from_unix_ms) {
            let phases = [
                RecordedPhase::Scheduled { at: first, recurring: false },
                super::restore::running(first, second),
            ];
            let mut bench = Bench::of(Alarm);
            let records = (1..).zip(phases).map(|(id, phase)| SessionRecord {
                session: SessionId(id),
                app: app("a"),
                kind: Alarm,
                phase,
            });
            let kept = Kept { sessions: records.collect(), ..Kept::default() };
            bench.act(|watch, now| watch.restore(kept, now));
            bench.catch_up();
            if second <= bench.now.wall {
                assert_eq!(bench.end(SessionId(2)).cause, Some(Cause::AppExited(ExitStatus::Unknown)));
            }
        }
    }
}

#[test]
fn any_time_since_boot_is_taken() {
    let (mut bench, id) = Bench::running(Alarm);
    bench.notify("a", id, Repeat::Default).unwrap();
    bench.now.since_boot = EVER;
    bench.catch_up();
    assert_eq!(bench.end(id).reason, Reason::Expired);
    let id = bench.run("a");
    bench.notify("a", id, Repeat::Default).unwrap();
    bench.crown();
    bench.catch_up();
    assert_eq!(bench.session_state("a", id), Running, "the end of the clock is never reached");
}

#[test]
fn any_setting_is_taken() {
    for span in [Duration::ZERO, MS, EVER] {
        let mut bench = Bench::with(every_limit(span));
        for (name, kind) in [("a", Alarm), ("b", Mindfulness)] {
            bench.install(name, kind);
            bench.launch(name);
            let id = bench.run(name);
            if kind == Alarm {
                bench.notify(name, id, Repeat::Ask).unwrap();
                let next = bench.create(name);
                let _may_fail = bench.start_at(name, next, bench.wall_in(span));
            }
        }
        bench.wrist_down();
        bench.catch_up();
        bench.pass(SECOND);
        bench.catch_up();
        let next = bench.watch.poll_timeout();
        assert!(next.is_none_or(|(at, _)| at > bench.now.since_boot), "{next:?} with {span:?}");
    }
}

fn every_limit(span: Duration) -> Limits {
    Limits {
        frontmost_time: span,
        suspend_grace: span,
        will_expire_lead: span,
        self_care: span,
        mindfulness: span,
        physical_therapy: span,
        alarm: span,
        schedule_ahead: span,
        past_tolerance: span,
        handle_time: span,
        default_interval: span,
        max_interval: span,
        budget_window: span,
        ..Limits::default()
    }
}

#[test]
fn an_interval_of_zero_in_the_settings_rings_once() {
    for repeat in [Repeat::Default, Repeat::Ask, Repeat::EveryMs(1000)] {
        let limits =
            Limits { default_interval: Duration::ZERO, max_interval: Duration::ZERO, ..Limits::default() };
        let mut bench = Bench::with(limits);
        bench.install("a", Alarm);
        bench.launch("a");
        let id = bench.run("a");
        bench.notify("a", id, repeat).unwrap();
        bench.advance(MINUTE);
        assert_eq!(bench.rings(), [MINUTE]);
    }
}

#[test]
fn wall_times_saturate() {
    let (first, last) = (WallTime::from_unix_ms(i64::MIN), WallTime::from_unix_ms(i64::MAX));
    assert_eq!(last.plus(MS), last);
    assert_eq!(last.plus(EVER), last);
    assert_eq!(first.minus(MS), first);
    assert_eq!(first.minus(EVER), first);
    assert_eq!(first.plus(EVER).unix_ms(), -1);
    assert_eq!(last.since(first), Duration::from_millis(i64::MAX.unsigned_abs()));
    assert_eq!(first.since(last), Duration::ZERO);
    let now = Now { since_boot: EVER, wall: last };
    assert_eq!(now.after(SECOND), EVER);
}
