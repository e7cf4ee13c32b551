//! Reading the keys of one section of a manifest.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::{Document, raw, shown_key};
use crate::problem::{Origin, Position, Problem, Reason};
use crate::suggest::nearest;
use crate::units::ValueError;

/// Text of a list, and its place.
pub(super) type Placed = (String, Position);

/// The keys of a section, or of the whole manifest, and what was wrong with them so far.
pub(super) struct Fields<'a> {
    document: &'a Document,
    section: Option<&'static str>,
    table: &'a DeTable<'a>,
    /// Where the section begins: the place of a key that is missing.
    header: Position,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// The names at the top of the manifest.
    pub(super) fn top(document: &'a Document, table: &'a DeTable<'a>) -> Self {
        let header = Position::line(document.path(), 1);
        Self { document, section: None, table, header, problems: Vec::new() }
    }

    /// A section, if it is there and is one.
    pub(super) fn section(&mut self, name: &'static str) -> Option<Self> {
        let (key, value) = self.table.get_key_value(name)?;
        let header = self.document.line_of(key);
        if let DeValue::Table(table) = value.get_ref() {
            let section = Some(name);
            return Some(Self { document: self.document, section, table, header, problems: Vec::new() });
        }
        let hint = format!("write [{name}] and its keys below it");
        let error = ValueError::NotA { found: raw(value.get_ref()).shown(), wanted: "a section", hint };
        self.refuse(name, header, error.into());
        None
    }

    /// Refuses every key that is not in `known`.
    pub(super) fn refuse_unknown(&mut self, known: &[&'static str]) {
        let place = match self.section {
            Some(section) => format!("allowed in [{section}]: {}", known.join(", ")),
            None => format!("allowed at the top: [{}]", known.join("], [")),
        };
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let near = nearest(key.get_ref(), known.iter().copied()).map(str::to_owned);
            let reason = Reason::Unknown { what: "key", near, allowed: place.clone() };
            self.problems.push(self.problem(&shown_key(key.get_ref()), self.document.line_of(key), reason));
        }
    }

    /// Refuses a manifest without `name`.
    pub(super) fn require(&mut self, name: &'static str, hint: &'static str) {
        if !self.table.contains_key(name) {
            self.refuse(name, self.header.clone(), Reason::Missing { hint });
        }
    }

    /// Where a key stands.
    pub(super) fn place(&self, name: &str) -> Option<Position> {
        self.table.get_key_value(name).map(|(key, _)| self.document.line_of(key))
    }

    /// The text of a key, if it is there and `check` takes it.
    pub(super) fn text<T>(
        &mut self,
        name: &'static str,
        check: impl FnOnce(&str) -> Result<T, Reason>,
    ) -> Option<T> {
        let (key, value) = self.table.get_key_value(name)?;
        let text = raw(value.get_ref());
        let checked = text.as_text("text", "write it").map_err(Reason::from).and_then(check);
        checked.map_err(|reason| self.refuse(name, self.document.line_of(key), reason)).ok()
    }

    /// The texts of a list, each with its place; none if the key is not there.
    pub(super) fn texts(&mut self, name: &'static str, wanted: &'static str, hint: String) -> Vec<Placed> {
        let Some((key, value)) = self.table.get_key_value(name) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            let found = raw(value.get_ref()).shown();
            self.refuse(name, self.document.line_of(key), ValueError::NotA { found, wanted, hint }.into());
            return Vec::new();
        };
        items.iter().filter_map(|item| self.item(name, item, &hint)).collect()
    }

    fn item(&mut self, name: &str, item: &Spanned<DeValue<'_>>, hint: &str) -> Option<Placed> {
        let position = self.document.line_of(item);
        match raw(item.get_ref()).as_text("text", hint) {
            Ok(text) => Some((text.to_owned(), position)),
            Err(error) => {
                self.refuse(name, position, error.into());
                None
            }
        }
    }

    /// Notes what is wrong with a key.
    pub(super) fn refuse(&mut self, name: &str, position: Position, reason: Reason) {
        self.problems.push(self.problem(name, position, reason));
    }

    fn problem(&self, name: &str, position: Position, reason: Reason) -> Problem {
        let key = match self.section {
            Some(section) => format!("{section}.{name}"),
            None => name.to_owned(),
        };
        Problem::of_key(Origin::File(position), key, reason)
    }
}
