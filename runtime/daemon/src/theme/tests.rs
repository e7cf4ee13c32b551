//! The built-in theme and its file are the same, the two crates draw the same bounds, and every refusal that only the
//! rules can make, word for word (H1).

use std::fs;

use carpus_config::theme::{DEFAULT_THEME, HAPTICS};

use super::*;

const NAME: &str = "theme.toml";

fn parse(text: &str) -> Result<Theme, ConfigError> {
    judge(ThemeFile::parse(text, Path::new(NAME)))
}

fn refusals(text: &str) -> Vec<String> {
    let error = parse(text).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

fn refusal(text: &str) -> String {
    let lines = refusals(text);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.into_iter().next().unwrap()
}

fn ms(ms: u64) -> std::time::Duration {
    std::time::Duration::from_millis(ms)
}

#[test]
fn h1_the_default_file_is_the_built_in_theme() {
    assert_eq!(HAPTICS, Haptic::ALL.map(Haptic::name));
    let in_file = parse(DEFAULT_THEME).unwrap();
    let built_in = Theme::default();
    for haptic in Haptic::ALL {
        assert_eq!(in_file.pattern(haptic), built_in.pattern(haptic), "{haptic:?}");
    }
    // Nothing of it was filled in from what is built in.
    for pattern in ThemeFile::parse(DEFAULT_THEME, Path::new(NAME)).patterns() {
        assert!(matches!((&pattern.steps, &pattern.tones), (Part::Given { .. }, Part::Given { .. })));
    }
}

#[test]
fn h1_what_a_file_leaves_out_stays_built_in() {
    let theme = parse(
        "[click]\nsteps = [{ strength = \"30%\", length = \"50ms\", pause = \"20ms\" }]\n\
         [stop]\ntones = [{ frequency_hz = 440, length = \"70ms\" }, { frequency_hz = 0, length = \"10ms\" }]\n\
         [start]\ntones = []\n[retry]\n",
    )
    .unwrap();
    let built_in = Theme::default();
    for haptic in Haptic::ALL {
        let (found, built_in) = (theme.pattern(haptic), built_in.pattern(haptic));
        match haptic {
            Haptic::Click => {
                let step = Step { strength_percent: 30, length: ms(50), pause: ms(20) };
                assert_eq!((found.steps(), found.tones()), ([step].as_slice(), built_in.tones()));
            }
            Haptic::Stop => {
                let tones =
                    [Tone { frequency_hz: 440, length: ms(70) }, Tone { frequency_hz: 0, length: ms(10) }];
                assert_eq!((found.steps(), found.tones()), (built_in.steps(), tones.as_slice()));
            }
            Haptic::Start => assert_eq!((found.steps(), found.tones().len()), (built_in.steps(), 0)),
            _ => assert_eq!(found, built_in),
        }
    }
}

/// A single value that the one crate takes, the other takes.
#[test]
fn h1_files_and_rules_draw_the_same_bounds() {
    let takes = |list: &str, entry: &str| {
        let file = ThemeFile::parse(&format!("[click]\n{list} = [{{ {entry} }}]\n"), Path::new(NAME));
        file.finish().is_ok()
    };
    for percent in [0, 1, 50, 100, 101, 255] {
        let step = Step { strength_percent: percent, length: ms(100), pause: ms(0) };
        let in_file = format!("strength = \"{percent}%\", length = \"100ms\"");
        assert_eq!(takes("steps", &in_file), check_steps(&[step]).is_ok(), "{percent}%");
    }
    for length_ms in [0, 39, 40, 1500, 1501, 2000, 2001] {
        let step = Step { strength_percent: 50, length: ms(length_ms), pause: ms(0) };
        let in_file = format!("strength = \"50%\", length = \"{length_ms}ms\"");
        assert_eq!(takes("steps", &in_file), check_steps(&[step]).is_ok(), "{length_ms} ms");
    }
    for frequency_hz in [0, 1, 19, 20, 20_000, 20_001, u16::MAX] {
        let tone = Tone { frequency_hz, length: ms(100) };
        let in_file = format!("frequency_hz = {frequency_hz}, length = \"100ms\"");
        assert_eq!(takes("tones", &in_file), check_tones(&[tone]).is_ok(), "{frequency_hz} Hz");
    }
    for length_ms in [0, 9, 10, 2000, 2001] {
        let tone = Tone { frequency_hz: 440, length: ms(length_ms) };
        let in_file = format!("frequency_hz = 440, length = \"{length_ms}ms\"");
        assert_eq!(takes("tones", &in_file), check_tones(&[tone]).is_ok(), "{length_ms} ms");
    }
}

/// What the head of the file says of whole patterns.
#[test]
fn h1_the_default_file_states_the_bounds_of_whole_patterns() {
    use carpus_core::haptics::{PATTERN_LENGTH_MAX, STEPS_MAX, TONES_MAX, TURNING_LENGTH_MAX};
    let shown = carpus_config::format_duration;
    let head = DEFAULT_THEME.replace("\n# ", " ");
    for stated in [
        format!("1 to {STEPS_MAX}, which take {} or less with their pauses", shown(PATTERN_LENGTH_MAX)),
        format!("and {} or less without", shown(TURNING_LENGTH_MAX)),
        format!("up to {TONES_MAX}, which take {} or less", shown(PATTERN_LENGTH_MAX)),
    ] {
        assert!(head.contains(&stated), "{stated}");
    }
}

#[test]
fn h1_patterns_that_break_a_bound_as_a_whole() {
    let step = "{ strength = \"50%\", length = \"1s\", pause = \"500ms\" }";
    let steps = |steps: &str| refusal(&format!("[click]\nsteps = [{steps}]\n"));
    assert_eq!(steps(""), "theme.toml:2: click.steps: there is no step; allowed are 1 to 32");
    assert_eq!(
        steps(&format!("{step}, {step}")),
        "theme.toml:2: click.steps: the steps and their pauses take 3s together; allowed is 2s or less"
    );
    let step = "{ strength = \"50%\", length = \"1s\" }";
    assert_eq!(
        steps(&format!("{step}, {step}")),
        "theme.toml:2: click.steps: the steps take 2s together, without pauses; allowed is 1.5s or less"
    );
    let tone = "{ frequency_hz = 440, length = \"1100ms\" }";
    assert_eq!(
        refusal(&format!("[click]\n\ntones = [{tone}, {tone}]\n")),
        "theme.toml:3: click.tones: the tones take 2.2s together; allowed is 2s or less"
    );
}

#[test]
fn h1_two_types_that_feel_the_same() {
    let steps = "steps = [{ strength = \"30%\", length = \"50ms\" }]";
    assert_eq!(
        refusal("[click]\nsteps = [{ strength = \"100%\", length = \"300ms\" }]\n"),
        "theme.toml:2: click.steps: feels the same as start.steps (built in); no two haptics may feel the same"
    );
    assert_eq!(
        refusal("[start]\nsteps = [{ strength = \"80%\", length = \"40ms\" }]\n"),
        "theme.toml:2: start.steps: feels the same as click.steps (built in); no two haptics may feel the same"
    );
    assert_eq!(
        refusals(&format!("[click]\n{steps}\n[start]\n{steps}\n[stop]\n{steps}\n")),
        [
            "theme.toml:4: start.steps: feels the same as click.steps (line 2); no two haptics may feel the same",
            "theme.toml:6: stop.steps: feels the same as start.steps (line 4); no two haptics may feel the same",
        ]
    );
}

#[test]
fn h1_all_problems_of_file_and_rules_are_told_at_once_in_order() {
    let like_stop = "{ strength = \"100%\", length = \"300ms\", pause = \"150ms\" }, \
                     { strength = \"100%\", length = \"300ms\" }";
    let text = format!(
        "[retry]\nsteps = []\n[success]\nsteps = [{{ strength = \"0%\", length = \"40ms\" }}]\n\
         [failure]\nsteps = [{like_stop}]\ntones = 3\n[cluck]\n"
    );
    let starts: Vec<String> =
        refusals(&text).iter().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        starts,
        [
            "theme.toml:2 retry.steps",
            "theme.toml:4:12 success.steps.strength",
            "theme.toml:6 failure.steps",
            "theme.toml:7 failure.tones",
            "theme.toml:8 cluck",
        ]
    );
}

/// What its author meant it to feel like is not known: it may well be told apart.
#[test]
fn h1_a_type_whose_steps_are_refused_is_not_said_to_feel_like_another() {
    let like_start = "[click]\nsteps = [{ strength = \"100%\", length = \"300ms\" }]\n";
    for broken in ["[start]\nsteps = []\n", "[start]\nsteps = [{ strength = \"100\", length = \"1s\" }]\n"] {
        let told = refusal(&format!("{like_start}{broken}"));
        assert!(told.starts_with("theme.toml:4"), "{told}");
    }
}

#[test]
fn h1_a_file_that_cannot_be_used_leaves_the_built_in_theme_and_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(NAME);
    let load = || load(&AutoOr::Named(path.clone()));
    let (theme, problem) = load();
    assert_eq!(theme, Theme::default());
    let missing = format!("{}: cannot be read: No such file or directory (os error 2)", path.display());
    assert_eq!(problem, Some(DeviceProblem { part: "theme", what: missing, remedy: REMEDY.to_owned() }));

    fs::write(&path, "[click]\nsteps = []\ntones = 1\n[cluck]\n").unwrap();
    let (theme, problem) = load();
    assert_eq!(theme, Theme::default());
    assert_eq!(
        problem.unwrap().what,
        format!(
            "{}:2: click.steps: there is no step; allowed are 1 to 32; and 2 more, which the log tells",
            path.display()
        )
    );

    fs::write(&path, "[click]\nsteps = [{ strength = \"30%\", length = \"50ms\" }]\n").unwrap();
    let (theme, problem) = load();
    assert_eq!((theme.pattern(Haptic::Click).steps()[0].strength_percent, problem), (30, None));

    assert_eq!(super::load(&AutoOr::Auto), (Theme::default(), None));
}
