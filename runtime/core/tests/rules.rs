//! Every rule of RULES.md has a test that is named after it (`a10_…`), or is listed here with the reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const RULES: &str = include_str!("../../RULES.md");

/// Where the rules are decided, performed and read: the folders, from the root of the workspace, whose tests count.
const TESTED: [&str; 6] =
    ["actors/src", "config/src", "devices", "runtime/core/src", "runtime/daemon/tests", "runtime/sdk"];

/// The rules of which nothing is built yet, as README.md says, each with what is missing.
const NOT_BUILT: [(&str, &str); 8] = [
    ("C3", "no warning and no throttling of a session that spends its CPU allowance"),
    ("C4", "no live report of CPU use, and none that is saved"),
    ("W1", "no workout sessions"),
    ("W2", "no workout sessions, so none to recover"),
    ("W3", "no audio sessions"),
    ("W5", "no sessions of another kind to hold beside an extended runtime session"),
    ("B1", "no scheduled refresh"),
    ("B2", "no wakes by a peripheral"),
];

/// The number of a rule, where the text begins with one: a capital letter and digits.
fn rule_number(text: &str) -> Option<&str> {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (letter, digits) = text[..end].split_at_checked(1)?;
    let is_rule = letter.bytes().all(|byte| byte.is_ascii_uppercase())
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_rule.then_some(&text[..end])
}

/// The rules of the text, each of which is an item of a list.
fn rules(text: &str) -> BTreeSet<String> {
    let items = text.lines().filter_map(|line| line.strip_prefix("- "));
    items.filter_map(rule_number).map(str::to_owned).collect()
}

/// The name of the function that a line declares.
fn function(line: &str) -> Option<&str> {
    let declared = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    declared.split('(').next()
}

/// The names of the tests in a file.
fn tests(source: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line.contains("test") && !line.contains("cfg(");
        } else if let Some(name) = function(line).filter(|_| is_test) {
            names.push(name);
            is_test = false;
        } else if !line.starts_with("//") {
            is_test = false;
        }
    }
    names
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).expect("the folder of the workspace can be read");
    for path in entries.map(|entry| entry.expect("its entries can be read").path()) {
        if path.is_dir() && !path.ends_with("target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// How many tests are named after each rule.
fn tests_by_rule() -> BTreeMap<String, usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut counts = BTreeMap::new();
    for path in TESTED.iter().flat_map(|folder| sources(&root.join(folder))) {
        let source = std::fs::read_to_string(&path).expect("a source is text");
        for name in tests(&source) {
            let number = name.split('_').next().unwrap_or_default().to_uppercase();
            if rule_number(&number).is_some() {
                *counts.entry(number).or_default() += 1;
            }
        }
    }
    counts
}

#[test]
fn every_rule_has_a_test() {
    let tested = tests_by_rule();
    let not_built: BTreeSet<_> = NOT_BUILT.iter().map(|(rule, _)| (*rule).to_owned()).collect();
    let without: Vec<_> = rules(RULES)
        .into_iter()
        .filter(|rule| !tested.contains_key(rule) && !not_built.contains(rule))
        .collect();
    assert_eq!(without, Vec::<String>::new());
}

#[test]
fn what_is_listed_as_not_built_is_a_rule_without_a_test() {
    let (rules, tested) = (rules(RULES), tests_by_rule());
    for (rule, missing) in NOT_BUILT {
        assert!(rules.contains(rule), "{rule} is no rule");
        assert!(!tested.contains_key(rule), "{rule} has a test, and is said to be missing: {missing}");
    }
}

#[test]
fn every_test_that_is_named_after_a_rule_names_one_that_exists() {
    // W4 stands in one line with W3.
    let known: BTreeSet<_> = rules(RULES).into_iter().chain(["W4".to_owned()]).collect();
    let unknown: Vec<_> = tests_by_rule().into_keys().filter(|rule| !known.contains(rule)).collect();
    assert_eq!(unknown, Vec::<String>::new());
}

#[test]
fn a_rule_without_a_test_is_found() {
    let text = "- A1 = one\n- A10 + ten\n  A2 in a line\n- no rule\n- T is no rule";
    assert_eq!(rules(text).into_iter().collect::<Vec<_>>(), ["A1", "A10"]);
    let source = "#[cfg(test)]\nfn a1_helper() {}\n#[test]\n/// Says.\nfn a10_ten() {}\nfn a1_no() {}\n\
                  #[actix_rt::test]\nasync fn a1_async() {}\n#[test]\n#[ignore]\nfn a3_three() {}";
    assert_eq!(tests(source), ["a10_ten", "a1_async", "a3_three"]);
}
