//! Themes of the haptics.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use carpus_config::format_duration;
use carpus_config::theme::{HAPTICS, Part, Step, ThemeFile, ThemePattern, Tone};

use super::check_refusal;

/// One theme file.
pub fn theme(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let parse = |text: &str| {
        let file = ThemeFile::parse(text, Path::new("theme.toml"));
        let patterns = file.patterns().to_vec();
        file.finish().map(|()| patterns)
    };
    match parse(text) {
        Ok(patterns) => {
            check_limits(&patterns);
            let again = parse(&written(&patterns)).expect("a written theme is good");
            assert_eq!(written(&again), written(&patterns));
            assert!(again.iter().map(shape).eq(patterns.iter().map(shape)));
            true
        }
        Err(error) => {
            check_refusal(&error, input);
            false
        }
    }
}

fn check_limits(patterns: &[ThemePattern]) {
    let ms = Duration::from_millis;
    assert!(patterns.len() <= HAPTICS.len());
    for pattern in patterns {
        assert!(HAPTICS.contains(&pattern.haptic));
        let (steps, tones) = shape(pattern);
        for step in steps.unwrap_or_default() {
            assert!((1..=100).contains(&step.strength.get()), "{step:?}");
            assert!((ms(40)..=ms(1500)).contains(&step.length) && step.pause <= ms(2000), "{step:?}");
        }
        for tone in tones.unwrap_or_default() {
            assert!(tone.frequency_hz == 0 || (20..=20_000).contains(&tone.frequency_hz), "{tone:?}");
            assert!((ms(10)..=ms(2000)).contains(&tone.length), "{tone:?}");
        }
    }
}

/// The pattern without the places in its file. A theme that was taken has no part that was refused.
fn shape(pattern: &ThemePattern) -> (Option<Vec<Step>>, Option<Vec<Tone>>) {
    fn items<T: Clone>(part: &Part<T>) -> Option<Vec<T>> {
        match part {
            Part::LeftOut => None,
            Part::Given { items, .. } => Some(items.clone()),
            Part::Refused => panic!("refused, but nothing is said against it"),
        }
    }
    (items(&pattern.steps), items(&pattern.tones))
}

fn written(patterns: &[ThemePattern]) -> String {
    let mut text = String::new();
    for pattern in patterns {
        let (steps, tones) = shape(pattern);
        writeln!(text, "[{}]", pattern.haptic).expect("a string takes all");
        let steps = steps.map(|steps| steps.iter().map(of_step).collect::<String>());
        let tones = tones.map(|tones| tones.iter().map(of_tone).collect::<String>());
        for (name, items) in [("steps", steps), ("tones", tones)] {
            if let Some(items) = items {
                writeln!(text, "{name} = [{items}]").expect("a string takes all");
            }
        }
    }
    text
}

fn of_step(step: &Step) -> String {
    let (length, pause) = (format_duration(step.length), format_duration(step.pause));
    format!(r#"{{ strength = "{}", length = "{length}", pause = "{pause}" }}, "#, step.strength)
}

fn of_tone(tone: &Tone) -> String {
    format!(r#"{{ frequency_hz = {}, length = "{}" }}, "#, tone.frequency_hz, format_duration(tone.length))
}
