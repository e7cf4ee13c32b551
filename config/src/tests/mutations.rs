//! No text makes the parsers panic, and whatever is refused says why. The mutations are pseudo-random
//! from a fixed seed: a failure prints its text, and comes again at each run.

use std::path::Path;

use super::{Folders, lines, pairs};
use crate::document::Document;
use crate::layers::Layer;
use crate::manifest::{Manifest, ManifestOptions};
use crate::rules::RULES;
use crate::theme::{DEFAULT_THEME, Part, ThemeFile};
use crate::{DEFAULTS, Origin, Profile, Settings, Sources};

const ROUNDS: usize = 3000;

const MANIFEST: &str = r#"[app]
id = "heart-rate"
name = "Heart Rate"
version = "0.1.0"
exec = "bin/heart-rate"
description = "Shows the heart rate of a strap."
[background]
modes = ["mindfulness", "bluetooth-central", "audio"]
[permissions]
bluetooth = ["heart-rate", "battery"]
"#;

/// Pieces that mean something to the parsers.
const PIECES: [&str; 32] = [
    "\n",
    "\"",
    "'''",
    "\"\"\"",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "#",
    "\\",
    "\\u0000",
    "\0",
    "\r",
    "é",
    "\u{feff}",
    "-",
    "0x",
    "99999999999999999999",
    "1e400",
    "nan",
    "true",
    "1979-05-27T07:32:00Z",
    "%",
    "KiB",
    "..",
    "session",
    "../",
];

/// xorshift64*: enough for choosing, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % end.max(1)
    }

    fn piece(&mut self) -> &'static [u8] {
        PIECES[self.below(PIECES.len())].as_bytes()
    }
}

fn mutate_once(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.below(24)).min(bytes.len());
    match random.below(6) {
        0 => drop(bytes.drain(at..end)),
        1 => bytes.truncate(at),
        2 => drop(bytes.splice(at..at, random.piece().iter().copied())),
        3 => drop(bytes.splice(at..end, random.piece().iter().copied())),
        4 => {
            let copy = bytes[at..end].to_vec();
            let to = random.below(bytes.len() + 1);
            drop(bytes.splice(to..to, copy));
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

fn mutated(text: &str, random: &mut Random) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        mutate_once(&mut bytes, random);
    }
    bytes
}

/// Each text with its mutations, and how many of them were refused.
fn refused_of(texts: &[&str], mut is_refused: impl FnMut(&str) -> bool) -> usize {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut refused = 0;
    for round in 0..ROUNDS {
        let bytes = mutated(texts[round % texts.len()], &mut random);
        let text = String::from_utf8_lossy(&bytes);
        refused += usize::from(is_refused(&text));
    }
    refused
}

#[test]
fn no_settings_file_makes_a_panic() {
    let path = Path::new("mutated.toml");
    let texts: Vec<&str> = [DEFAULTS].into_iter().chain(Profile::ALL.map(Profile::toml)).collect();
    let refused = refused_of(&texts, |text| {
        let layer = Layer::of_document(&Document::new(path, text), Origin::File);
        let count = text.lines().count().max(1);
        for problem in &layer.problems {
            let shown = problem.to_string();
            assert_eq!(shown.lines().count(), 1, "{shown:?} of {text:?}");
            assert!((1..=count + 1).contains(&problem.line()), "{shown} of {text:?}");
        }
        !layer.problems.is_empty()
    });
    assert!(refused > ROUNDS / 4 && refused < ROUNDS, "the mutations bite, but not always: {refused}");
}

#[test]
fn no_manifest_makes_a_panic() {
    let parse = |text: &str| Manifest::parse(text, Path::new("app.toml"), ManifestOptions::default());
    let refused = refused_of(&[MANIFEST], |text| match parse(text) {
        Ok(manifest) => {
            assert!(!manifest.id.contains('/') && !manifest.id.starts_with('.'), "{text:?}");
            assert!(manifest.exec.is_relative() && !manifest.exec.starts_with(".."), "{text:?}");
            false
        }
        Err(error) => !lines(&error, Path::new("/")).is_empty(),
    });
    assert!(refused > ROUNDS / 4 && refused < ROUNDS, "the mutations bite, but not always: {refused}");
}

#[test]
fn h1_no_theme_makes_a_panic_and_what_is_refused_has_its_problem() {
    let refused = refused_of(&[DEFAULT_THEME], |text| {
        let file = ThemeFile::parse(text, Path::new("theme.toml"));
        let is_refused = file.patterns().iter().any(|p| p.steps == Part::Refused || p.tones == Part::Refused);
        match file.finish() {
            Ok(()) => {
                assert!(!is_refused, "{text:?}");
                false
            }
            Err(error) => !lines(&error, Path::new("/")).is_empty(),
        }
    });
    assert!(refused > ROUNDS / 4 && refused < ROUNDS, "the mutations bite, but not always: {refused}");
}

/// Through real files, with bytes that are not UTF-8, and with all checks behind the parser.
#[test]
fn no_bytes_in_a_file_make_a_panic() {
    let mut random = Random(7);
    let mut folders = Folders::new();
    let mut loaded = 0;
    for _ in 0..300 {
        let bytes = mutated(Profile::VirtualBoard.toml(), &mut random);
        folders = folders.with("system/a.toml", &bytes);
        match folders.load() {
            Ok(_) => loaded += 1,
            Err(error) => drop(lines(&error, folders.dir.path())),
        }
    }
    assert!(loaded > 0 && loaded < 300, "{loaded}");
}

/// Nothing in the environment or the flags does, for any key.
#[test]
fn no_variable_and_no_flag_makes_a_panic() {
    let mut random = Random(11);
    for rule in RULES {
        for _ in 0..20 {
            let value = String::from_utf8_lossy(&mutated("12345min", &mut random)).into_owned();
            let key = String::from_utf8_lossy(&mutated(rule.key, &mut random)).into_owned();
            let variable = format!("CARPUS_{}", key.to_ascii_uppercase());
            let flags = pairs(&[(rule.key, &value), (&key, &value)]);
            let sources = Sources { env: pairs(&[(&variable, &value)]), flags, ..Sources::default() };
            if let Err(error) = Settings::load(&sources) {
                lines(&error, Path::new("/"));
            }
        }
    }
}

/// A table in a table in a table … must not use up the stack.
#[test]
fn deep_nesting_is_refused() {
    for text in [
        format!("a = {}", "[".repeat(60_000)),
        format!("a = {}", "{a=".repeat(20_000)),
        format!("{} = 1", vec!["a"; 30_000].join(".")),
        format!("[{}]", vec!["a"; 30_000].join(".")),
    ] {
        let refused = Folders::new().with("system/a.toml", &text).refusals();
        assert!(!refused.is_empty());
    }
}
