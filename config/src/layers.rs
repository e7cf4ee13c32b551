//! One layer of the settings: the values of a file, of the environment or of the flags, each judged by
//! its rule, with the place that it came from.

use config::ValueKind;
use toml::de::{DeTable, DeValue};

use crate::document::{Document, raw, shown_key};
use crate::problem::{ConfigError, Origin, Position, Problem, Reason};
use crate::rules::{PROFILE_KEY, RULES, Raw, Rule, allowed_in, is_section, keys_of, near_key};
use crate::suggest::nearest;
use crate::units::ValueError;

/// The beginning of the environment's variables.
const VARIABLE_PREFIX: &str = "CARPUS_";
/// What stands for the dot of a key in a variable.
const VARIABLE_DOT: &str = "__";
/// Variables with the prefix that are no settings: the log filter, and what apps and the command read.
const OTHER_VARIABLES: [&str; 4] = ["CARPUS_LOG", "CARPUS_SOCKET", "CARPUS_APP_ID", "CARPUS_LAUNCH_TOKEN"];
/// Beginnings of variables for tests and for the virtual board.
const OTHER_PREFIXES: [&str; 2] = ["CARPUS_TEST_", "CARPUS_BOARD_"];

/// A value that its rule allows.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: &'static str,
    pub(crate) value: ValueKind,
    pub(crate) origin: Origin,
}

/// What one place says, and what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) entries: Vec<Entry>,
    pub(crate) problems: Vec<Problem>,
}

impl Layer {
    /// The layer of a file that could not be read or parsed.
    pub(crate) fn of_error(error: ConfigError) -> Self {
        Self { problems: error.into_problems(), ..Self::default() }
    }

    /// The layer of a TOML document. `origin` says where its values come from, given their place.
    pub(crate) fn of_document(document: &Document, origin: impl Fn(Position) -> Origin) -> Self {
        let table = match document.parse() {
            Ok(table) => table,
            Err(error) => return Self::of_error(error),
        };
        let mut layer = Self::default();
        let reader = DocumentReader { document, origin };
        reader.read(&mut layer, None, &table);
        layer.problems.sort_by_key(Problem::line);
        layer
    }

    /// The layer of the environment's variables.
    pub(crate) fn of_environment(variables: &[(String, String)]) -> Self {
        let mut layer = Self::default();
        for (variable, text) in variables {
            if !variable.starts_with(VARIABLE_PREFIX) || is_other_variable(variable) {
                continue;
            }
            let origin = Origin::Environment { variable: variable.clone() };
            match RULES.iter().find(|rule| variable_of(rule.key) == *variable) {
                Some(rule) => layer.judge(rule, &Raw::Bare(text.clone()), origin),
                None => layer.problems.push(unknown_variable(variable)),
            }
        }
        layer
    }

    /// The layer of the command line's `--set key=value`.
    pub(crate) fn of_flags(flags: &[(String, String)]) -> Self {
        let mut layer = Self::default();
        for (key, text) in flags {
            match Rule::find(key) {
                Some(rule) => {
                    layer.judge(rule, &Raw::Bare(text.clone()), Origin::Flag { key: key.clone() });
                }
                None => layer.problems.push(unknown_flag(key)),
            }
        }
        layer
    }

    fn judge(&mut self, rule: &'static Rule, raw: &Raw, origin: Origin) {
        match rule.kind.check(raw) {
            Ok(value) => self.entries.push(Entry { key: rule.key, value, origin }),
            Err(error) => self.problems.push(Problem::of_key(origin, rule.key, error)),
        }
    }

    /// The board that this layer names.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.entries.iter().rev().find(|entry| entry.key == PROFILE_KEY).and_then(|entry| {
            match &entry.value {
                ValueKind::String(name) => Some(name.as_str()),
                _ => None,
            }
        })
    }
}

struct DocumentReader<'a, F> {
    document: &'a Document,
    origin: F,
}

impl<F: Fn(Position) -> Origin> DocumentReader<'_, F> {
    fn read(&self, layer: &mut Layer, section: Option<&str>, table: &DeTable<'_>) {
        for (name, value) in table {
            let position = self.document.line_of(name);
            let dotted = match section {
                Some(section) => format!("{section}.{}", shown_key(name.get_ref())),
                None => shown_key(name.get_ref()),
            };
            match (Rule::find(&dotted), value.get_ref()) {
                (Some(rule), value) => layer.judge(rule, &raw(value), (self.origin)(position)),
                (None, DeValue::Table(inner)) if section.is_none() && is_section(name.get_ref()) => {
                    self.read(layer, Some(name.get_ref()), inner);
                }
                (None, value) => {
                    let reason = unknown_or_misplaced(section, name.get_ref(), value);
                    layer.problems.push(Problem::of_key(Origin::File(position), dotted, reason));
                }
            }
        }
    }
}

fn unknown_or_misplaced(section: Option<&str>, name: &str, value: &DeValue<'_>) -> Reason {
    if section.is_none() && is_section(name) {
        let hint = format!("write [{name}] and its keys below it");
        return ValueError::NotA { found: raw(value).shown(), wanted: "a section", hint }.into();
    }
    unknown_key(section, name)
}

fn unknown_key(section: Option<&str>, name: &str) -> Reason {
    Reason::Unknown { what: "key", near: near_key(section, name), allowed: allowed_in(section) }
}

fn is_other_variable(variable: &str) -> bool {
    OTHER_VARIABLES.contains(&variable) || OTHER_PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
}

/// The variable that sets a key: `log.level` is `CARPUS_LOG__LEVEL`.
pub(crate) fn variable_of(key: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", key.replace('.', VARIABLE_DOT).to_ascii_uppercase())
}

fn unknown_variable(variable: &str) -> Problem {
    let variables: Vec<String> = RULES.iter().map(|rule| variable_of(rule.key)).collect();
    let known = variables.iter().map(String::as_str).chain(OTHER_VARIABLES);
    let near = nearest(variable, known).map(str::to_owned);
    let reason = Reason::Unknown { what: "variable", near, allowed: allowed_variables(variable) };
    let shown = shown_key(variable);
    Problem { origin: Origin::Environment { variable: shown }, key: None, reason }
}

fn allowed_variables(variable: &str) -> String {
    let name = variable.strip_prefix(VARIABLE_PREFIX).unwrap_or(variable).to_ascii_lowercase();
    let section = name.split_once(VARIABLE_DOT).map(|(section, _)| section.to_owned());
    match section.filter(|section| is_section(section)) {
        Some(section) => {
            let names: Vec<String> = keys_of(&section).map(str::to_ascii_uppercase).collect();
            format!("allowed after {}: {}", variable_of(&format!("{section}.")), names.join(", "))
        }
        None => format!(
            "allowed are {}, {} and so on for the key of each setting, and {}",
            variable_of(PROFILE_KEY),
            variable_of("lifecycle.frontmost_time"),
            OTHER_VARIABLES.join(", "),
        ),
    }
}

fn unknown_flag(key: &str) -> Problem {
    let section = key.split_once('.').filter(|(section, _)| is_section(section));
    let reason = match section {
        Some((section, name)) => unknown_key(Some(section), name),
        None => {
            let whole = nearest(key, RULES.iter().map(|rule| rule.key)).map(str::to_owned);
            let near = whole.or_else(|| near_key(None, key));
            Reason::Unknown { what: "key", near, allowed: allowed_in(None) }
        }
    };
    let key = quoted_if_odd(key);
    Problem { origin: Origin::Flag { key: key.clone() }, key: Some(key), reason }
}

/// The dotted key, in quotes if it could not be one.
fn quoted_if_odd(key: &str) -> String {
    match key.split('.').all(|part| shown_key(part) == part) {
        true => key.to_owned(),
        false => crate::units::quoted(key),
    }
}
