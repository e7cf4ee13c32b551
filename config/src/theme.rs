//! The theme of the haptics: a file that says what each type feels and sounds like (H1).
//!
//! ```toml
//! [click]                    # the type
//! steps = [{ strength = "80%", length = "40ms", pause = "0ms" }]
//! tones = [{ frequency_hz = 1000, length = "20ms" }]
//! ```
//!
//! [`DEFAULT_THEME`] documents all of it. The values are judged here, each by itself; what they make together is
//! for the rules of the runtime to judge, which say so with [`ThemeFile::refuse`].

pub(crate) mod entry;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{Document, raw, shown_key};
use crate::problem::{ConfigError, Origin, Position, Problem, Reason};
use crate::suggest::nearest;
use crate::units::{Percent, ValueError};
use entry::Entry;

/// The built-in theme as a file, documented: every type with its steps and tones.
pub const DEFAULT_THEME: &str = include_str!("../themes/default.toml");

/// The types of haptic, by number (H1).
pub const HAPTICS: [&str; 14] = [
    "notification",
    "direction-up",
    "direction-down",
    "success",
    "failure",
    "retry",
    "start",
    "stop",
    "click",
    "navigation-left-turn",
    "navigation-right-turn",
    "navigation-generic-maneuver",
    "underwater-depth-prompt",
    "underwater-depth-critical-prompt",
];

const STEPS: &str = "steps";
const TONES: &str = "tones";

/// One step of a pattern on the motor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How strongly the motor turns. 1 % to 100 %.
    pub strength: Percent,
    /// How long it turns. 40 ms to 1500 ms.
    pub length: Duration,
    /// How long it then rests. 0 s to 2 s.
    pub pause: Duration,
}

/// One tone of the sound of a haptic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// The pitch in hertz, 20 to 20000; 0 is a rest.
    pub frequency_hz: u16,
    /// How long it sounds. 10 ms to 2 s.
    pub length: Duration,
}

/// A list of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<T> {
    /// The file does not have it: the built-in one stays.
    LeftOut,
    /// Something is wrong with it: what was meant is not known.
    Refused,
    /// Each item is good in itself.
    Given {
        /// The items in their order.
        items: Vec<T>,
        /// Where the list begins.
        position: Position,
    },
}

/// What a theme says of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemePattern {
    /// The type, one of [`HAPTICS`].
    pub haptic: &'static str,
    /// On the motor.
    pub steps: Part<Step>,
    /// On the speaker.
    pub tones: Part<Tone>,
}

/// A theme file as it was read, and what is wrong with it.
#[derive(Debug)]
pub struct ThemeFile {
    patterns: Vec<ThemePattern>,
    problems: Vec<Problem>,
}

impl ThemeFile {
    /// Reads a theme file. What is wrong with it is told by [`finish`](Self::finish).
    pub fn read(path: &Path) -> Self {
        match Document::read(path) {
            Ok(document) => Self::of_document(&document),
            Err(error) => Self::of_error(error),
        }
    }

    /// As [`read`](Self::read), of a text; `path` is its name in messages.
    pub fn parse(text: &str, path: &Path) -> Self {
        Self::of_document(&Document::new(path, text))
    }

    /// What the file says of each type that it names, by number.
    pub fn patterns(&self) -> &[ThemePattern] {
        &self.patterns
    }

    /// Notes what a rule has against a key such as `click.steps`.
    pub fn refuse(
        &mut self,
        key: impl Into<String>,
        position: Position,
        reason: impl Into<Box<dyn Error + Send + Sync>>,
    ) {
        self.problems.push(Problem::of_key(Origin::File(position), key, Reason::Rule(reason.into())));
    }

    /// Whether all is well with the file.
    ///
    /// # Errors
    /// With everything that is wrong, in the order of the lines.
    pub fn finish(mut self) -> Result<(), ConfigError> {
        self.problems.sort_by_key(Problem::place);
        ConfigError::check(self.problems)
    }

    fn of_error(error: ConfigError) -> Self {
        Self { patterns: Vec::new(), problems: error.into_problems() }
    }

    fn of_document(document: &Document) -> Self {
        let table = match document.parse() {
            Ok(table) => table,
            Err(error) => return Self::of_error(error),
        };
        let mut reader = Reader { document, problems: Vec::new() };
        reader.refuse_unknown_types(&table);
        let patterns = HAPTICS.into_iter().filter_map(|haptic| reader.pattern(haptic, &table)).collect();
        Self { patterns, problems: reader.problems }
    }
}

/// Reads a document, and notes what is wrong.
struct Reader<'a> {
    document: &'a Document,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn refuse_unknown_types(&mut self, table: &DeTable<'_>) {
        for key in table.keys().filter(|key| !HAPTICS.contains(&key.get_ref().as_ref())) {
            let near = nearest(key.get_ref(), HAPTICS).map(str::to_owned);
            let allowed = format!("allowed are {}", HAPTICS.join(", "));
            let reason = Reason::Unknown { what: "haptic", near, allowed };
            self.refuse(shown_key(key.get_ref()), self.document.line_of(key), reason);
        }
    }

    fn pattern(&mut self, haptic: &'static str, top: &DeTable<'_>) -> Option<ThemePattern> {
        let (name, value) = top.get_key_value(haptic)?;
        let DeValue::Table(table) = value.get_ref() else {
            let found = raw(value.get_ref()).shown();
            let hint = format!("write [{haptic}] and its steps and tones below it");
            self.refuse(
                haptic,
                self.document.line_of(name),
                ValueError::NotA { found, wanted: "a section", hint },
            );
            return Some(ThemePattern { haptic, steps: Part::Refused, tones: Part::Refused });
        };
        self.refuse_unknown_parts(haptic, table);
        let steps = self.part(&format!("{haptic}.{STEPS}"), table.get_key_value(STEPS), &entry::STEP);
        let tones = self.part(&format!("{haptic}.{TONES}"), table.get_key_value(TONES), &entry::TONE);
        Some(ThemePattern { haptic, steps, tones })
    }

    fn refuse_unknown_parts(&mut self, haptic: &str, table: &DeTable<'_>) {
        let known = [STEPS, TONES];
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let near = nearest(key.get_ref(), known).map(str::to_owned);
            let allowed = format!("allowed in [{haptic}]: {}", known.join(", "));
            let reason = Reason::Unknown { what: "key", near, allowed };
            let dotted = format!("{haptic}.{}", shown_key(key.get_ref()));
            self.refuse(dotted, self.document.line_of(key), reason);
        }
    }

    /// A list of entries, all of them good, or refused.
    fn part<T>(
        &mut self,
        dotted: &str,
        found: Option<(&Spanned<toml::de::DeString<'_>>, &Spanned<DeValue<'_>>)>,
        shape: &entry::Shape<T>,
    ) -> Part<T> {
        let Some((key, value)) = found else { return Part::LeftOut };
        let position = self.document.line_of(key);
        let DeValue::Array(list) = value.get_ref() else {
            let found = raw(value.get_ref()).shown();
            let hint = format!("write a list of {}", shape.example);
            self.refuse(dotted, position, ValueError::NotA { found, wanted: shape.list, hint });
            return Part::Refused;
        };
        let items: Vec<Option<T>> = list.iter().map(|item| self.item(dotted, item, shape)).collect();
        match items.into_iter().collect() {
            Some(items) => Part::Given { items, position },
            None => Part::Refused,
        }
    }

    fn item<T>(&mut self, dotted: &str, item: &Spanned<DeValue<'_>>, shape: &entry::Shape<T>) -> Option<T> {
        let position = self.document.place_of(item);
        let DeValue::Table(table) = item.get_ref() else {
            let found = raw(item.get_ref()).shown();
            let hint = format!("write {}", shape.example);
            self.refuse(dotted, position, ValueError::NotA { found, wanted: shape.item, hint });
            return None;
        };
        let mut entry = Entry { document: self.document, dotted, table, position, problems: Vec::new() };
        entry.refuse_unknown(shape.keys, shape.item);
        let made = (shape.make)(&mut entry);
        let is_good = entry.problems.is_empty();
        self.problems.extend(entry.problems);
        made.filter(|_| is_good)
    }

    fn refuse(&mut self, key: impl Into<String>, position: Position, reason: impl Into<Reason>) {
        self.problems.push(Problem::of_key(Origin::File(position), key, reason));
    }
}
