//! Themes: what is taken, and every refusal word for word (H1).

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::lines;
use crate::Percent;
use crate::theme::{DEFAULT_THEME, HAPTICS, Part, Step, ThemeFile, ThemePattern, Tone, entry};

fn parse(text: &str) -> ThemeFile {
    ThemeFile::parse(text, Path::new("theme.toml"))
}

/// The patterns of a theme in which nothing is wrong.
fn patterns(text: &str) -> Vec<ThemePattern> {
    let file = parse(text);
    let patterns = file.patterns().to_vec();
    file.finish().unwrap();
    patterns
}

fn refusals(text: &str) -> Vec<String> {
    lines(&parse(text).finish().unwrap_err(), Path::new("/"))
}

fn refusal(text: &str) -> String {
    let lines = refusals(text);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.into_iter().next().unwrap()
}

fn step(strength: u32, length_ms: u64, pause_ms: u64) -> Step {
    Step {
        strength: Percent::new(strength),
        length: Duration::from_millis(length_ms),
        pause: Duration::from_millis(pause_ms),
    }
}

fn tone(frequency_hz: u16, length_ms: u64) -> Tone {
    Tone { frequency_hz, length: Duration::from_millis(length_ms) }
}

fn given<T: Clone>(part: &Part<T>) -> (Vec<T>, Option<usize>) {
    match part {
        Part::Given { items, position } => (items.clone(), position.line),
        Part::LeftOut | Part::Refused => panic!("it is not given"),
    }
}

#[test]
fn h1_the_default_theme_names_every_type_whole() {
    let patterns = patterns(DEFAULT_THEME);
    assert_eq!(patterns.iter().map(|pattern| pattern.haptic).collect::<Vec<_>>(), HAPTICS);
    for pattern in &patterns {
        assert!(!given(&pattern.steps).0.is_empty(), "{}", pattern.haptic);
        assert!(!given(&pattern.tones).0.is_empty(), "{}", pattern.haptic);
    }
    let in_file: Vec<&str> =
        DEFAULT_THEME.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')).collect();
    assert_eq!(in_file, HAPTICS, "in their order");
}

#[test]
fn h1_the_default_theme_states_what_each_key_allows() {
    let mut lines = DEFAULT_THEME.lines();
    for key in [&entry::STRENGTH, &entry::STEP_LENGTH, &entry::PAUSE, &entry::FREQUENCY, &entry::TONE_LENGTH]
    {
        let begin = format!("#   {}:", key.name);
        let end = format!("Allowed: {}.", key.kind.allowed());
        let is_stated = lines.any(|line| line.starts_with(&begin) && line.ends_with(&end));
        assert!(is_stated, "{begin} … {end}");
    }
}

#[test]
fn h1_steps_and_tones_are_read_as_they_are_written() {
    let text = r#"[click]
steps = [ { strength = "80%", length = "40ms", pause = "0ms" }, { strength = "1%", length = "1s" } ]
tones = [ { frequency_hz = 1000, length = "20ms" }, { frequency_hz = 0x14, length = "2s" } ]
"#;
    let patterns = patterns(text);
    assert_eq!((patterns.len(), patterns[0].haptic), (1, "click"));
    assert_eq!(given(&patterns[0].steps), (vec![step(80, 40, 0), step(1, 1000, 0)], Some(2)));
    assert_eq!(given(&patterns[0].tones), (vec![tone(1000, 20), tone(20, 2000)], Some(3)));
}

#[test]
fn h1_steps_may_be_tables_of_their_own() {
    let text = "[[click.steps]]\nstrength = \"80%\"\nlength = \"40ms\"\npause = \"2s\"\n\
                [[click.steps]]\nstrength = \"100%\"\nlength = \"1500ms\"\n";
    let patterns = patterns(text);
    assert_eq!(given(&patterns[0].steps).0, [step(80, 40, 2000), step(100, 1500, 0)]);
    assert_eq!(
        refusal(&text.replace("1500ms", "1501ms")),
        "theme.toml:7:1: click.steps.length: \"1501ms\" is out of range; allowed is 40ms to 1500ms"
    );
}

#[test]
fn h1_what_a_theme_leaves_out_is_told_apart_from_what_is_empty() {
    assert_eq!(patterns(""), []);
    let patterns = patterns("[click]\n[start]\nsteps = []\ntones = []\n");
    assert_eq!(patterns.iter().map(|pattern| pattern.haptic).collect::<Vec<_>>(), ["start", "click"]);
    assert_eq!(
        (given(&patterns[0].steps), given(&patterns[0].tones)),
        ((vec![], Some(3)), (vec![], Some(4)))
    );
    assert_eq!((&patterns[1].steps, &patterns[1].tones), (&Part::LeftOut, &Part::LeftOut));
}

#[test]
fn h1_unknown_types_and_keys() {
    let types = HAPTICS.join(", ");
    assert_eq!(
        refusal("\n[clikc]\nsteps = []\n"),
        format!("theme.toml:2: clikc: unknown haptic; did you mean click? Allowed are {types}")
    );
    assert_eq!(
        refusal("\"a\\nb\" = 1\n"),
        format!("theme.toml:1: \"a\\nb\": unknown haptic; allowed are {types}")
    );
    assert_eq!(
        refusal("[click]\nstep = []\n"),
        "theme.toml:2: click.step: unknown key; did you mean steps? Allowed in [click]: steps, tones"
    );
    assert_eq!(
        refusal("[click]\nsteps = [{ strenght = \"1%\", strength = \"1%\", length = \"40ms\" }]\n"),
        "theme.toml:2:12: click.steps.strenght: unknown key; did you mean strength? \
         Allowed in a step: strength, length, pause"
    );
    assert_eq!(
        refusal("[click]\ntones = [{ frequency_hz = 0, length = \"40ms\", volume = 1 }]\n"),
        "theme.toml:2:47: click.tones.volume: unknown key; allowed in a tone: frequency_hz, length"
    );
}

#[test]
fn h1_what_is_no_type_no_list_and_no_entry() {
    assert_eq!(
        refusal("click = 3\n"),
        "theme.toml:1: click: 3 is not a section; write [click] and its steps and tones below it"
    );
    assert_eq!(
        refusal("[[click]]\nsteps = []\n"),
        "theme.toml:1: click: a list is not a section; write [click] and its steps and tones below it"
    );
    assert_eq!(
        refusal("[click]\nsteps = { strength = \"80%\", length = \"40ms\" }\n"),
        "theme.toml:2: click.steps: a table is not a list of steps; \
         write a list of { strength = \"80%\", length = \"40ms\" }"
    );
    assert_eq!(
        refusal("[click]\ntones = \"C4\"\n"),
        "theme.toml:2: click.tones: \"C4\" is not a list of tones; \
         write a list of { frequency_hz = 1000, length = \"20ms\" }"
    );
    assert_eq!(
        refusal("[click]\nsteps = [\n  \"40ms\",\n]\n"),
        "theme.toml:3:3: click.steps: \"40ms\" is not a step; write { strength = \"80%\", length = \"40ms\" }"
    );
    assert_eq!(
        refusal("[click]\ntones = [440]\n"),
        "theme.toml:2:10: click.tones: 440 is not a tone; write { frequency_hz = 1000, length = \"20ms\" }"
    );
}

#[test]
fn h1_missing_keys() {
    assert_eq!(
        refusals("[click]\nsteps = [{}]\ntones = [{}]\n"),
        [
            "theme.toml:2:10: click.steps.strength: missing; write strength = \"80%\"",
            "theme.toml:2:10: click.steps.length: missing; write length = \"40ms\"",
            "theme.toml:3:10: click.tones.frequency_hz: missing; write frequency_hz = 1000",
            "theme.toml:3:10: click.tones.length: missing; write length = \"20ms\"",
        ]
    );
}

/// Checks each value of a key of the only step or tone of a click against the end of its refusal.
fn check_values(list: &str, key: &str, entry: &str, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        let refused = refusal(&format!("[click]\n{list} = [{{ {key} = {value}, {entry} }}]\n"));
        assert_eq!(refused, format!("theme.toml:2:12: click.{list}.{key}: {expected}"), "{value}");
    }
}

#[test]
fn h1_values_of_a_step() {
    let length = r#"length = "40ms""#;
    check_values(
        "steps",
        "strength",
        length,
        &[
            (r#""0%""#, r#""0%" is out of range; allowed is 1% to 100%"#),
            (r#""101%""#, r#""101%" is out of range; allowed is 1% to 100%"#),
            (r#""80""#, r#""80" has no unit; write 15% or 80%"#),
            ("80", "80 has no unit; write 15% or 80%, in quotes"),
            (r#""strong""#, r#""strong" is not a percentage; write 15% or 80%"#),
            ("true", "true is not a percentage; write 15% or 80%, in quotes"),
        ],
    );
    let strength = r#"strength = "80%""#;
    check_values(
        "steps",
        "length",
        strength,
        &[
            (r#""39ms""#, r#""39ms" is out of range; allowed is 40ms to 1500ms"#),
            (r#""2s""#, r#""2s" is out of range; allowed is 40ms to 1500ms"#),
            (r#""40""#, r#""40" has no unit; write 100ms or 1s"#),
            ("40", "40 has no unit; write 100ms or 1s, in quotes"),
            (r#""long""#, r#""long" is not a duration; write 100ms or 1s"#),
        ],
    );
    let both = r#"strength = "80%", length = "40ms""#;
    check_values(
        "steps",
        "pause",
        both,
        &[
            (r#""2001ms""#, r#""2001ms" is out of range; allowed is 0s to 2s"#),
            (r#""-1ms""#, r#""-1ms" is not a duration; write 100ms or 1s"#),
        ],
    );
}

#[test]
fn h1_values_of_a_tone() {
    let length = r#"length = "40ms""#;
    check_values(
        "tones",
        "frequency_hz",
        length,
        &[
            ("19", "19 is out of range; allowed is 0, or 20 to 20000"),
            ("20001", "20001 is out of range; allowed is 0, or 20 to 20000"),
            ("-440", "-440 is out of range; allowed is 0, or 20 to 20000"),
            ("440.0", "440.0 is not a whole number; allowed is 0, or 20 to 20000"),
            (r#""440""#, r#""440" is not a whole number; allowed is 0, or 20 to 20000, without quotes"#),
        ],
    );
    check_values(
        "tones",
        "length",
        "frequency_hz = 0",
        &[
            (r#""9ms""#, r#""9ms" is out of range; allowed is 10ms to 2s"#),
            (r#""2001ms""#, r#""2001ms" is out of range; allowed is 10ms to 2s"#),
        ],
    );
}

#[test]
fn h1_all_problems_are_told_at_once_in_order() {
    let text = r#"[stop]
tones = 3
steps = [ { length = "1ms", strength = "0%" }, { strength = "50%", length = "50ms" }, 7 ]

[click]
steps = [ { strength = "80%", length = "40ms", paws = "0ms" } ]
[cluck]
"#;
    let starts: Vec<String> =
        refusals(text).iter().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        starts,
        [
            "theme.toml:2 stop.tones",
            "theme.toml:3:13 stop.steps.length",
            "theme.toml:3:29 stop.steps.strength",
            "theme.toml:3:87 stop.steps",
            "theme.toml:6:48 click.steps.paws",
            "theme.toml:7 cluck",
        ]
    );
    let file = parse(text);
    let refused = |haptic| {
        let pattern = file.patterns().iter().find(|pattern| pattern.haptic == haptic).unwrap();
        (pattern.steps == Part::Refused, pattern.tones == Part::Refused)
    };
    assert_eq!((refused("stop"), refused("click")), ((true, true), (true, false)));
}

#[test]
fn h1_what_a_rule_has_against_a_theme_is_told_in_its_place() {
    let mut file = parse("[click]\nsteps = []\n[cluck]\n");
    let Part::Given { position, .. } = file.patterns()[0].steps.clone() else { panic!("it is given") };
    file.refuse("click.steps", position, "there is no step");
    let told = lines(&file.finish().unwrap_err(), Path::new("/"));
    assert_eq!(told[0], "theme.toml:2: click.steps: there is no step");
    assert!(told[1].starts_with("theme.toml:3: cluck: unknown haptic"), "{told:?}");
}

#[test]
fn h1_a_theme_that_is_no_toml_or_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("theme.toml");
    let told = || {
        let file = ThemeFile::read(&path);
        assert_eq!(file.patterns(), []);
        lines(&file.finish().unwrap_err(), folder.path())
    };
    assert_eq!(told(), ["theme.toml: cannot be read: No such file or directory (os error 2)"]);
    fs::write(&path, "[click]\nsteps = [ {\n").unwrap();
    assert!(told()[0].starts_with("theme.toml:"), "{:?}", told());
    fs::write(&path, [0xff]).unwrap();
    assert_eq!(told(), ["theme.toml:1: is not UTF-8 text"]);
    fs::write(&path, format!("# {}\n", "x".repeat(64 * 1024))).unwrap();
    assert_eq!(told(), ["theme.toml: is larger than 64KiB"]);
    fs::write(&path, DEFAULT_THEME).unwrap();
    ThemeFile::read(&path).finish().unwrap();
}

/// A table in a table in a table … must not use up the stack.
#[test]
fn h1_a_deeply_nested_theme_is_refused() {
    for text in [format!("click = {}", "[".repeat(60_000)), format!("click = {}", "{steps=".repeat(8_000))] {
        assert!(!refusals(&text).is_empty());
    }
}
