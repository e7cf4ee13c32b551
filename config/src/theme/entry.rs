//! One step or one tone of a theme: `{ strength = "80%", length = "40ms" }`.

use std::time::Duration;

use toml::de::DeTable;

use crate::document::{Document, raw, shown_key};
use crate::problem::{Origin, Position, Problem, Reason};
use crate::rules::Kind;
use crate::suggest::nearest;
use crate::units::{Percent, parse_duration};

use super::{Step, Tone};

/// A key of an entry.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    if_left_out: IfLeftOut,
}

enum IfLeftOut {
    /// It is as if this had been written.
    Is(&'static str),
    /// It must be there: how to write it.
    Missing(&'static str),
}

/// How the entries of a list are made.
pub(super) struct Shape<T: 'static> {
    /// What one is: "a step".
    pub(super) item: &'static str,
    /// What the list is: "a list of steps".
    pub(super) list: &'static str,
    /// One as it is written.
    pub(super) example: &'static str,
    pub(super) keys: &'static [&'static Key],
    pub(super) make: fn(&mut Entry<'_>) -> Option<T>,
}

/// Of what the motor can do: less than 1% is no step but a pause.
pub(crate) const STRENGTH: Key = Key {
    name: "strength",
    kind: Kind::Percent { min: 1, max: 100 },
    if_left_out: IfLeftOut::Missing(r#"write strength = "80%""#),
};

/// Motors take some tens of milliseconds to spin up; and a pattern must leave a rest.
pub(crate) const STEP_LENGTH: Key = Key {
    name: "length",
    kind: Kind::Duration { min_ms: 40, max_ms: 1500 },
    if_left_out: IfLeftOut::Missing(r#"write length = "40ms""#),
};

/// Within the longest pattern.
pub(crate) const PAUSE: Key = Key {
    name: "pause",
    kind: Kind::Duration { min_ms: 0, max_ms: 2000 },
    if_left_out: IfLeftOut::Is("0ms"),
};

/// What people hear, or a rest.
pub(crate) const FREQUENCY: Key = Key {
    name: "frequency_hz",
    kind: Kind::CountOrZero { min: 20, max: 20_000 },
    if_left_out: IfLeftOut::Missing("write frequency_hz = 1000"),
};

/// A shorter tone has no pitch; a longer one is not over when the pattern is.
pub(crate) const TONE_LENGTH: Key = Key {
    name: "length",
    kind: Kind::Duration { min_ms: 10, max_ms: 2000 },
    if_left_out: IfLeftOut::Missing(r#"write length = "20ms""#),
};

pub(super) const STEP: Shape<Step> = Shape {
    item: "a step",
    list: "a list of steps",
    example: r#"{ strength = "80%", length = "40ms" }"#,
    keys: &[&STRENGTH, &STEP_LENGTH, &PAUSE],
    make: step,
};

pub(super) const TONE: Shape<Tone> = Shape {
    item: "a tone",
    list: "a list of tones",
    example: r#"{ frequency_hz = 1000, length = "20ms" }"#,
    keys: &[&FREQUENCY, &TONE_LENGTH],
    make: tone,
};

fn step(entry: &mut Entry<'_>) -> Option<Step> {
    // Each is read before any is missed, so that all that is wrong is told. What its key's rule allows does parse.
    let (strength, length, pause) = (entry.text(&STRENGTH), entry.length(&STEP_LENGTH), entry.length(&PAUSE));
    let strength: Percent = strength?.parse().ok()?;
    Some(Step { strength, length: length?, pause: pause? })
}

fn tone(entry: &mut Entry<'_>) -> Option<Tone> {
    let (frequency, length) = (entry.text(&FREQUENCY), entry.length(&TONE_LENGTH));
    Some(Tone { frequency_hz: frequency?.parse().ok()?, length: length? })
}

/// A table in a list, and what is wrong with it.
pub(super) struct Entry<'a> {
    pub(super) document: &'a Document,
    /// The key of the list: `click.steps`.
    pub(super) dotted: &'a str,
    pub(super) table: &'a DeTable<'a>,
    /// Where it begins: the place of a key that is missing.
    pub(super) position: Position,
    pub(super) problems: Vec<Problem>,
}

impl Entry<'_> {
    pub(super) fn refuse_unknown(&mut self, known: &[&Key], item: &str) {
        let names: Vec<&str> = known.iter().map(|key| key.name).collect();
        for key in self.table.keys().filter(|key| !names.contains(&key.get_ref().as_ref())) {
            let near = nearest(key.get_ref(), names.iter().copied()).map(str::to_owned);
            let allowed = format!("allowed in {item}: {}", names.join(", "));
            let reason = Reason::Unknown { what: "key", near, allowed };
            self.refuse(&shown_key(key.get_ref()), self.document.place_of(key), reason);
        }
    }

    fn length(&mut self, key: &Key) -> Option<Duration> {
        parse_duration(&self.text(key)?).ok()
    }

    /// The text of a value that its rule allows.
    fn text(&mut self, key: &Key) -> Option<String> {
        let Some((name, value)) = self.table.get_key_value(key.name) else {
            return match key.if_left_out {
                IfLeftOut::Is(text) => Some(text.to_owned()),
                IfLeftOut::Missing(hint) => {
                    self.refuse(key.name, self.position.clone(), Reason::Missing { hint });
                    None
                }
            };
        };
        match key.kind.check(&raw(value.get_ref())) {
            Ok(value) => Some(value.to_string()),
            Err(error) => {
                self.refuse(key.name, self.document.place_of(name), error.into());
                None
            }
        }
    }

    fn refuse(&mut self, name: &str, position: Position, reason: Reason) {
        self.problems.push(Problem::of_key(
            Origin::File(position),
            format!("{}.{name}", self.dotted),
            reason,
        ));
    }
}
