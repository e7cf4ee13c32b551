//! The built-in theme, and those that users make (H1).

use super::*;

fn pattern(strength_percent: u8, length_ms: u64) -> Pattern {
    let step = Step { strength_percent, length: ms(length_ms), pause: ms(0) };
    Pattern::new(vec![step], vec![]).unwrap()
}

#[test]
fn h1_each_type_has_a_pattern_and_a_sound_of_its_own() {
    let theme = Theme::default();
    for (index, first) in Haptic::ALL.into_iter().enumerate() {
        for second in Haptic::ALL.into_iter().skip(index + 1) {
            assert!(!theme.pattern(first).feels_like(theme.pattern(second)), "{first:?} {second:?}");
            assert_ne!(theme.pattern(first).tones(), theme.pattern(second).tones(), "{first:?} {second:?}");
        }
    }
}

#[test]
fn h1_each_built_in_pattern_holds_the_bounds_and_can_be_heard() {
    let theme = Theme::default();
    for haptic in Haptic::ALL {
        let built_in = theme.pattern(haptic);
        let checked = Pattern::new(built_in.steps().to_vec(), built_in.tones().to_vec());
        assert_eq!(checked.as_ref(), Ok(built_in), "{haptic:?}");
        assert!(built_in.tones().iter().any(|tone| tone.frequency_hz > 0), "{haptic:?}");
    }
}

#[test]
fn h1_a_theme_may_name_only_some_types() {
    let theme = Theme::new([(Haptic::Click, pattern(20, 50)), (Haptic::Stop, pattern(30, 60))]).unwrap();
    let built_in = Theme::default();
    for haptic in Haptic::ALL {
        match haptic {
            Haptic::Click => assert_eq!(theme.pattern(haptic), &pattern(20, 50)),
            Haptic::Stop => assert_eq!(theme.pattern(haptic), &pattern(30, 60)),
            _ => assert_eq!(theme.pattern(haptic), built_in.pattern(haptic)),
        }
    }
    assert_eq!(Theme::new([]).unwrap(), built_in);
    let twice = Theme::new([(Haptic::Click, pattern(20, 50)), (Haptic::Click, pattern(30, 60))]).unwrap();
    assert_eq!(twice.pattern(Haptic::Click), &pattern(30, 60), "the later counts");
}

#[test]
fn h1_no_two_types_of_a_theme_feel_the_same() {
    let like_start = Theme::default().pattern(Haptic::Start).clone();
    let refused = Theme::new([(Haptic::Click, like_start.clone())]).unwrap_err();
    assert_eq!(refused.alike, [[Haptic::Start, Haptic::Click]], "the one that is built in counts too");
    assert_eq!(refused.to_string(), "click feels like start");

    // What is left of each other's pattern is free again.
    let swapped = [(Haptic::Click, like_start.clone()), (Haptic::Start, pattern(20, 50))];
    assert_eq!(Theme::new(swapped).unwrap().pattern(Haptic::Click), &like_start);

    let refused =
        Theme::new([Haptic::Retry, Haptic::Stop, Haptic::Click].map(|haptic| (haptic, pattern(20, 50))));
    let pairs =
        [[Haptic::Retry, Haptic::Stop], [Haptic::Retry, Haptic::Click], [Haptic::Stop, Haptic::Click]];
    assert_eq!(refused.unwrap_err().alike, pairs);
}

#[test]
fn h1_the_same_feeling_is_refused_whatever_the_sound() {
    let start = Theme::default().pattern(Haptic::Start).clone();
    let tones = vec![Tone { frequency_hz: 50, length: ms(500) }];
    assert_ne!(start.tones(), tones);
    let other_sound = Pattern::new(start.steps().to_vec(), tones).unwrap();
    Theme::new([(Haptic::Click, other_sound)]).unwrap_err();
}
