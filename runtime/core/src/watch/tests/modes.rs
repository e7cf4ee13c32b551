//! M1, M2, M4: what an app declares, and what follows from it.

use super::*;
use crate::app::{BackgroundMode, BadModes};
use crate::limits::Extensions;
use BackgroundMode::{Audio, BluetoothCentral, ExtendedRuntime, Location, WorkoutProcessing};

fn declares(modes: &[BackgroundMode]) -> Result<Option<SessionKind>, BadModes> {
    Application::new(app("a"), modes).map(|application| application.session_kinds.first().copied())
}

#[test]
fn m1_the_extended_runtime_modes_have_the_names_of_the_rules() {
    let names = SessionKind::ALL.map(SessionKind::name);
    assert_eq!(names, ["self-care", "mindfulness", "physical-therapy", "alarm"]);
}

#[test]
fn m1_the_type_of_a_session_follows_from_the_declared_mode() {
    for kind in SessionKind::ALL {
        assert_eq!(declares(&[ExtendedRuntime(kind)]), Ok(Some(kind)));
        let mut bench = Bench::of(kind);
        let id = bench.create("a");
        assert_eq!(bench.watch.session(&app("a"), id).unwrap().kind, kind);
    }
}

#[test]
fn m1_an_app_without_an_extended_runtime_mode_has_no_session() {
    assert_eq!(declares(&[]), Ok(None));
    assert_eq!(declares(&[Audio, Location]), Ok(None));
}

#[test]
fn m2_any_other_mode_may_be_combined_with_the_one() {
    let modes =
        [WorkoutProcessing, Audio, ExtendedRuntime(SessionKind::SelfCare), Location, BluetoothCentral];
    assert_eq!(declares(&modes), Ok(Some(SessionKind::SelfCare)));
}

#[test]
fn m2_two_extended_runtime_modes_are_refused_by_name() {
    let (first, second) = (SessionKind::Mindfulness, SessionKind::Alarm);
    let refused = declares(&[ExtendedRuntime(first), Audio, ExtendedRuntime(second)]).unwrap_err();
    assert_eq!(refused, BadModes::SeveralExtendedRuntimeModes(first, second));
    let text = refused.to_string();
    assert!(text.contains("mindfulness") && text.contains("alarm"), "{text}");
}

#[test]
fn m2_the_same_mode_twice_is_refused_too() {
    let mode = ExtendedRuntime(SessionKind::Alarm);
    assert!(declares(&[mode, mode]).is_err());
}

/// A bench with one app, "a", that declares two extended-runtime modes, where that is allowed or not.
fn of_two_modes(several_modes: bool) -> Bench {
    let extensions = Extensions { several_modes, ..Extensions::default() };
    let mut bench = Bench::with(Limits { extensions, ..Limits::default() });
    let modes = [ExtendedRuntime(SessionKind::Mindfulness), Audio, ExtendedRuntime(SessionKind::Alarm)];
    bench.watch.handle_installed(Application::with_several_modes(app("a"), &modes));
    bench.launch("a");
    bench
}

fn name_mode(bench: &mut Bench, named: Option<SessionKind>) -> Result<SessionKind, CallError> {
    bench.act(|watch, _| watch.create(&app("a"), SessionId(1), named))?;
    Ok(bench.watch.session(&app("a"), SessionId(1)).unwrap().kind)
}

fn not_allowed(code: ErrorCode) -> Result<SessionKind, CallError> {
    Err(CallError::NotAllowed(code))
}

#[test]
fn m4_several_modes_are_off_unless_the_setting_turns_them_on() {
    assert!(!Limits::default().extensions.several_modes);
    let mut bench = of_two_modes(false);
    assert_eq!(name_mode(&mut bench, None), not_allowed(ErrorCode::NotApprovedToStartSession));
    let named = Some(SessionKind::Alarm);
    assert_eq!(name_mode(&mut bench, named), not_allowed(ErrorCode::UnsupportedSessionType));
}

#[test]
fn m4_with_several_modes_the_app_names_the_one_of_its_session() {
    for kind in [SessionKind::Mindfulness, SessionKind::Alarm] {
        assert_eq!(name_mode(&mut of_two_modes(true), Some(kind)), Ok(kind));
    }
}

#[test]
fn m4_naming_none_of_several_is_unsupported() {
    let mut bench = of_two_modes(true);
    assert_eq!(name_mode(&mut bench, None), not_allowed(ErrorCode::UnsupportedSessionType));
    assert_eq!(bench.watch.session(&app("a"), SessionId(1)), None);
}

#[test]
fn m4_naming_one_that_is_not_declared_is_not_approved() {
    let mut bench = of_two_modes(true);
    let named = Some(SessionKind::SelfCare);
    assert_eq!(name_mode(&mut bench, named), not_allowed(ErrorCode::NotApprovedToStartSession));
}

#[test]
fn m4_an_app_with_one_mode_names_it_or_none_where_several_are_allowed() {
    for named in [None, Some(SessionKind::Alarm)] {
        let mut bench = of_two_modes(true);
        bench.install("a", SessionKind::Alarm);
        assert_eq!(name_mode(&mut bench, named), Ok(SessionKind::Alarm));
    }
}

#[test]
fn m4_a_mode_that_is_declared_twice_counts_once() {
    let mode = ExtendedRuntime(SessionKind::Alarm);
    let twice = Application::with_several_modes(app("a"), &[mode, Audio, mode]);
    assert_eq!(twice.session_kinds, [SessionKind::Alarm]);
    assert!(twice.declares_alarm());
    assert!(!Application::with_several_modes(app("a"), &[Audio]).declares_alarm());
}
