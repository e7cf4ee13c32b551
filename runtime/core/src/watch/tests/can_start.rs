//! S11, S13: what stands in the way of a start, and in which order.

use super::*;
use crate::app::BackgroundMode::ExtendedRuntime;
use crate::limits::Extensions;
use crate::suppression::Suppression;
use SessionKind::{Alarm, Mindfulness, PhysicalTherapy};

/// A bench with one app, "a", active, that may have alarms and mindfulness sessions, and of which each is suppressed.
fn of_two_kinds() -> Bench {
    let suppression = Suppression { kinds: SessionKind::ALL.to_vec(), ..Suppression::default() };
    let extensions = Extensions { several_modes: true, ..Extensions::default() };
    let mut bench = Bench::with(Limits { suppression, extensions, ..Limits::default() });
    let modes = [ExtendedRuntime(Alarm), ExtendedRuntime(PhysicalTherapy)];
    bench.watch.handle_installed(Application::with_several_modes(app("a"), &modes));
    bench.launch("a");
    bench
}

fn make(bench: &mut Bench, kind: SessionKind) -> SessionId {
    bench.last_id += 1;
    let id = SessionId(bench.last_id);
    bench.act(|watch, _| watch.create(&app("a"), id, Some(kind))).unwrap();
    id
}

fn obstacles(bench: &Bench, kind: SessionKind, at: Option<WallTime>) -> Vec<End> {
    bench.watch.can_start(&app("a"), Some(kind), at, bench.now).unwrap()
}

fn disabled(code: ErrorCode) -> End {
    End::with_error(code, Cause::DisabledByUser)
}

fn low_battery() -> End {
    End::by(Reason::SuppressedBySystem, Cause::LowBattery)
}

fn must_be_active() -> End {
    refused(ErrorCode::MustBeActiveToStartOrSchedule)
}

const NOTHING: AppRights = AppRights { background_refresh: false, schedule: false };

#[test]
fn s11_nothing_stands_in_the_way_of_a_start_that_would_be_taken() {
    for kind in SessionKind::ALL {
        let mut bench = Bench::of(kind);
        bench.launch("a");
        let at = (kind == Alarm).then(|| bench.wall_in(HOUR));
        assert_eq!(bench.watch.can_start(&app("a"), None, at, bench.now), Ok(vec![]), "{kind:?}");
        let _id = if kind == Alarm { bench.schedule("a", HOUR) } else { bench.run("a") };
    }
}

#[test]
fn s11_asking_starts_and_changes_nothing() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.look_anew();
    bench.act(|watch, now| watch.can_start(&app("a"), None, None, now)).unwrap();
    bench.act(|watch, now| watch.can_start(&app("a"), None, Some(now.wall), now)).unwrap();
    assert_eq!(bench.log, []);
    assert_eq!(bench.session_state("a", id), SessionState::Running);
}

#[test]
fn s11_an_unknown_app_is_an_error_and_no_obstacle() {
    let bench = Bench::new();
    let unknown = Err(CallError::UnknownApp(app("x")));
    assert_eq!(bench.watch.can_start(&app("x"), None, None, bench.now), unknown);
}

#[test]
fn s11_what_keeps_the_session_from_being_made_is_told_first_and_the_rest_too() {
    let mut bench = of_two_kinds();
    bench.crown();
    bench.measure(Some(0), None);
    for (named, code) in
        [(None, ErrorCode::UnsupportedSessionType), (Some(Mindfulness), ErrorCode::NotApprovedToStartSession)]
    {
        let told = bench.watch.can_start(&app("a"), named, None, bench.now);
        assert_eq!(told, Ok(vec![refused(code), must_be_active()]));
        let told = bench.watch.can_start(&app("a"), named, Some(bench.now.wall), bench.now).unwrap();
        assert_eq!(told[1..], [must_be_active()], "no type, so no suppression of it");
    }
}

#[test]
fn s11_it_tells_all_that_stands_in_the_way_of_start_in_the_order_of_s13() {
    let mut bench = of_two_kinds();
    let running = make(&mut bench, Alarm);
    bench.start_at("a", running, bench.now.wall).unwrap();
    bench
        .act(|watch, now| watch.notify_user(&app("a"), running, Haptic::Click, Repeat::Default, now))
        .unwrap();
    bench.crown();
    bench.limits.suppression.kinds = vec![];
    let type_of_alarm = refused(ErrorCode::NotApprovedToStartSession);
    assert_eq!(obstacles(&bench, Alarm, None), [type_of_alarm.clone(), must_be_active(), in_progress()]);
    bench.measure(Some(0), None); // which ends the one that runs
    assert_eq!(obstacles(&bench, Alarm, None), [type_of_alarm, must_be_active(), low_battery()]);
    bench.open("a");
    assert_eq!(obstacles(&bench, PhysicalTherapy, None), [low_battery()]);
}

#[test]
fn s11_it_tells_all_that_stands_in_the_way_of_start_at_in_the_order_of_s13() {
    let mut bench = of_two_kinds();
    let waiting = make(&mut bench, Alarm);
    bench.start_at("a", waiting, bench.wall_in(HOUR)).unwrap();
    bench.allow("a", NOTHING);
    bench.crown();
    bench.measure(Some(0), None);
    let wrong_type = refused(ErrorCode::NotApprovedToSchedule);
    let no_right = disabled(ErrorCode::NotApprovedToSchedule);
    let no_refresh = disabled(ErrorCode::BackgroundRefreshDisabled);
    let up_to_a3 = [wrong_type, no_right, no_refresh, must_be_active(), in_progress()];
    let with = |last: &[End]| [&up_to_a3, last].concat();
    let at = |span| Some(bench.wall_in(span));
    let too_far = refused(ErrorCode::ScheduledTooFarInAdvance);
    let too_late = End::with_error(ErrorCode::Unknown, Cause::ScheduledInPast);
    let past = |span| Some(bench.now.wall.minus(span));
    assert_eq!(obstacles(&bench, PhysicalTherapy, at(36 * HOUR + MS)), with(&[too_far]));
    assert_eq!(obstacles(&bench, PhysicalTherapy, at(36 * HOUR)), with(&[]));
    assert_eq!(
        obstacles(&bench, PhysicalTherapy, at(MS)),
        with(&[]),
        "what starts later is not suppressed now"
    );
    assert_eq!(obstacles(&bench, PhysicalTherapy, at(Duration::ZERO)), with(&[low_battery()]));
    assert_eq!(obstacles(&bench, PhysicalTherapy, past(MINUTE)), with(&[low_battery()]));
    assert_eq!(obstacles(&bench, PhysicalTherapy, past(MINUTE + MS)), with(&[too_late]));
}

#[test]
fn s11_a_session_in_the_way_of_a_start_at_once_comes_after_the_others() {
    let mut bench = of_two_kinds();
    let running = make(&mut bench, Alarm);
    bench.start_at("a", running, bench.now.wall).unwrap();
    let waiting = make(&mut bench, Alarm);
    bench.start_at("a", waiting, bench.wall_in(HOUR)).unwrap();
    assert_eq!(obstacles(&bench, Alarm, Some(bench.now.wall)), [in_progress(), in_progress()]);
    assert_eq!(obstacles(&bench, Alarm, Some(bench.wall_in(MS))), [in_progress()]);
    bench.invalidate("a", waiting).unwrap();
    assert_eq!(obstacles(&bench, Alarm, Some(bench.now.wall)), [in_progress()]);
    assert_eq!(obstacles(&bench, Alarm, Some(bench.wall_in(MS))), []);
}

/// What is put in the way of a start, one thing after the other.
const IN_THE_WAY: [Act; 4] = [
    |bench| bench.measure(Some(0), None),
    |bench| bench.crown(),
    |bench| bench.allow("a", AppRights { background_refresh: false, schedule: true }),
    |bench| bench.allow("a", NOTHING),
];

#[test]
fn s13_the_first_thing_in_the_way_decides_and_is_the_first_that_can_start_tells() {
    for kind in [Alarm, PhysicalTherapy] {
        for scheduled in [false, true] {
            for mask in 0..1_u32 << IN_THE_WAY.len() {
                let mut bench = of_two_kinds();
                let id = make(&mut bench, kind);
                for (_, act) in (0..).zip(IN_THE_WAY).filter(|(bit, _)| mask & (1 << bit) != 0) {
                    act(&mut bench);
                }
                let at = scheduled.then_some(bench.now.wall);
                let told = obstacles(&bench, kind, at).into_iter().next();
                let answer = match at {
                    None => bench.start("a", id),
                    Some(at) => bench.start_at("a", id, at),
                };
                assert_eq!(answer.err(), told.map(CallError::StartFailed), "{kind:?}, {at:?}, {mask:b}");
            }
        }
    }
}

#[test]
fn s13_a_session_that_was_handed_over_is_in_the_way_as_one_that_runs() {
    let mut bench = of_two_kinds();
    let handed = make(&mut bench, Alarm);
    bench.start_at("a", handed, bench.wall_in(HOUR)).unwrap();
    bench.advance(HOUR);
    assert_eq!(obstacles(&bench, PhysicalTherapy, None), [in_progress()]);
    let id = make(&mut bench, PhysicalTherapy);
    assert_eq!(bench.start("a", id), Err(CallError::StartFailed(in_progress())));
}
