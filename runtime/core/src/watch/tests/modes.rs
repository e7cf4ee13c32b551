//! M1, M2: what an app declares, and what follows from it.

use super::*;
use crate::app::{BackgroundMode, BadModes};
use BackgroundMode::{Audio, BluetoothCentral, ExtendedRuntime, Location, WorkoutProcessing};

fn declares(modes: &[BackgroundMode]) -> Result<Option<SessionKind>, BadModes> {
    Application::new(app("a"), modes).map(|application| application.session_kind)
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
