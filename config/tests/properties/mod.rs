//! What holds for any text at all: nothing panics, whatever is refused says where and why on a line each, and what was
//! taken is within its limits and survives being written and read again. Called with the corpus by the tests, and with
//! generated text by the fuzz targets.

#![allow(dead_code, unreachable_pub, reason = "each test and each fuzz target uses some of these")]

mod manifests;
mod settings;
mod themes;

use carpus_config::{ConfigError, Origin};

pub use manifests::manifest;
pub use settings::{settings_file, settings_words};
pub use themes::theme;

/// Tries one input, and says whether it was taken.
pub type Property = fn(&[u8]) -> bool;

/// All properties, by the name of their fuzz target and corpus folder.
pub const ALL: [(&str, Property); 4] = [
    ("manifest", manifest),
    ("settings_file", settings_file),
    ("settings_words", settings_words),
    ("theme", theme),
];

/// The most problems that are told at once.
const PROBLEMS_MAX: usize = 100;
/// The longest that one problem may be in bytes: what it repeats of a file is cut.
const PROBLEM_BYTES_MAX: usize = 4096;

/// A problem stands on one line, which begins with its place; one of a file names a line that is there.
fn check_refusal(error: &ConfigError, text: &[u8]) {
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!(!error.problems().is_empty());
    for problem in error.problems() {
        let shown = problem.to_string();
        assert_eq!(shown.lines().count(), 1, "{shown:?}");
        assert!(shown.len() <= PROBLEM_BYTES_MAX, "{shown:?}");
        assert!(shown.starts_with(&problem.origin.to_string()), "{shown:?}");
        match &problem.origin {
            Origin::File(place) => {
                assert!(place.line.is_none_or(|line| (1..=lines).contains(&line)), "{shown:?}");
            }
            Origin::Environment { .. } | Origin::Flag { .. } => {}
            Origin::Default | Origin::Profile(_) => panic!("what is built in is good: {shown:?}"),
        }
    }
    let told = error.problems().len() + usize::from(error.left_out() > 0);
    assert_eq!(error.to_string().lines().count(), told);
    assert!(error.problems().len() <= PROBLEMS_MAX);
}

/// Text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A list of words as TOML writes it.
fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    format!("[{}]", words.join(", "))
}
