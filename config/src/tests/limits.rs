//! LIMITS.md is complete, and true: each bound of the settings has its row, each row its setting or its constant, with
//! the number that is in force, and tests that are there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::rules::{Kind, RULES, Rule};
use crate::{Settings, Sources};

const TABLE: &str = include_str!("../../LIMITS.md");

/// Numbers that bound nothing: a device's buffer, which is as large as it is set.
const NO_BOUNDS: [&str; 1] = ["audio.buffer_frames"];

/// The rows of the table below a heading, as their cells.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let below = TABLE.split("\n## ").find_map(|section| section.strip_prefix(heading)).unwrap();
    let cells = |row: &'static str| row.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>();
    let rows: Vec<_> = below.lines().filter(|line| line.starts_with("| `")).map(cells).collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row.len() == 5), "{heading}: {rows:?}");
    rows
}

/// What stands in backquotes.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn source(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The tests of a cell: a path, and the functions in that file, once or more.
fn assert_tests_are_there(cell: &str) {
    let mut text = String::new();
    let mut tests = 0;
    for word in code(cell) {
        if word.contains('/') {
            text = source(word);
        } else {
            assert!(text.contains(&format!("fn {word}(")), "{cell}: there is no test {word}");
            tests += 1;
        }
    }
    assert!(tests > 0, "{cell}: names no test");
}

#[test]
fn each_bound_of_the_settings_has_its_row_with_its_numbers_and_tests() {
    let is_bound = |rule: &&Rule| {
        matches!(rule.kind, Kind::Count { .. } | Kind::CountOrZero { .. } | Kind::Size { .. })
            && !NO_BOUNDS.contains(&rule.key)
    };
    let bounds: BTreeSet<&str> = RULES.iter().filter(is_bound).map(|rule| rule.key).collect();
    let rows = rows("Settings");
    let in_table: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(in_table, bounds);
    let loaded = Settings::load(&Sources::default()).unwrap();
    for row in rows {
        let key = row[0].trim_matches('`');
        assert_eq!(row[1], loaded.text(key).trim_matches('"'), "{key}");
        assert_eq!(row[2], Rule::find(key).unwrap().kind.allowed(), "{key}");
        assert_tests_are_there(row[4]);
    }
}

#[test]
fn each_constant_is_there_with_its_number_and_tests() {
    for row in rows("Constants") {
        let (name, path, number) =
            (row[0].trim_matches('`'), row[1].trim_matches('`'), row[2].trim_matches('`'));
        let text = source(path);
        let is_it = |line: &str| {
            line.contains(&format!("const {name}: ")) && line.ends_with(&format!(" = {number};"))
        };
        assert!(text.lines().any(is_it), "{path}: there is no const {name} of {number}");
        assert_tests_are_there(row[4]);
    }
}
