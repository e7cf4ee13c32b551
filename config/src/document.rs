//! A TOML file with the places of its keys and values.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{ConfigError, Position, Problem, Reason};
use crate::rules::Raw;
use crate::units::{ByteSize, quoted};

/// The largest file that is read; a settings file or a manifest has a few kilobytes. A larger one is a
/// mistake, and would fill the memory of a small board.
pub(crate) const FILE_SIZE_MAX: ByteSize = ByteSize::new(64 * 1024);

/// The most faults of syntax that are told of one file: a file with more is no TOML at all.
const SYNTAX_PROBLEMS_MAX: usize = 10;

/// The text of a file.
#[derive(Debug)]
pub(crate) struct Document {
    path: PathBuf,
    text: String,
    places: Places,
}

/// Where lines end and where characters go on, in bytes of the text, so that a place is found without a look at all the
/// text before it: a file may have as many faults as it has bytes.
#[derive(Debug)]
struct Places {
    /// The ends of the lines.
    ends: Vec<usize>,
    /// The bytes that are not the first of their character.
    continued: Vec<usize>,
}

impl Places {
    fn of(text: &str) -> Self {
        let which = |is: fn(u8) -> bool| -> Vec<usize> {
            text.bytes().enumerate().filter_map(|(offset, byte)| is(byte).then_some(offset)).collect()
        };
        Self { ends: which(|byte| byte == b'\n'), continued: which(|byte| byte & 0xC0 == 0x80) }
    }

    /// The line, counted from 1, in which a byte stands.
    fn line(&self, offset: usize) -> usize {
        before(&self.ends, offset) + 1
    }

    /// The character of its line, counted from 1, that begins at a byte.
    fn column(&self, offset: usize) -> usize {
        let start = self.ends[..before(&self.ends, offset)].last().map_or(0, |end| end + 1);
        let continued = before(&self.continued, offset) - before(&self.continued, start);
        offset.saturating_sub(start + continued) + 1
    }
}

/// How many of the sorted offsets come before one.
fn before(sorted: &[usize], offset: usize) -> usize {
    sorted.partition_point(|other| *other < offset)
}

impl Document {
    pub(crate) fn new(path: &Path, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { path: path.to_owned(), places: Places::of(&text), text }
    }

    /// Reads a file of UTF-8 text that is not larger than [`FILE_SIZE_MAX`].
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes = read_limited(path).map_err(|reason| ConfigError::of_file(path, reason))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
                Err(ConfigError::one(Problem::at(Position::line(path, line), Reason::NotUtf8)))
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Parses the text, or tells where it is no TOML.
    pub(crate) fn parse(&self) -> Result<DeTable<'_>, ConfigError> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        if errors.is_empty() {
            return Ok(table.into_inner());
        }
        Err(ConfigError::of(self.syntax_problems(&errors)))
    }

    fn syntax_problems(&self, errors: &[toml::de::Error]) -> Vec<Problem> {
        let mut faults: Vec<(usize, &str)> =
            errors.iter().map(|error| (error.span().map_or(0, |span| span.start), error.message())).collect();
        faults.sort_by_key(|(offset, _)| *offset);
        let mut problems: Vec<Problem> = faults
            .into_iter()
            .map(|(offset, message)| Problem::at(self.column_of(offset), Reason::Syntax(one_line(message))))
            .collect();
        // The parser tells of more in the same line that follows from its first fault.
        problems.dedup_by_key(|problem| problem.line());
        problems.truncate(SYNTAX_PROBLEMS_MAX);
        problems
    }

    /// The line in which a key or value begins.
    pub(crate) fn line_of<T>(&self, item: &Spanned<T>) -> Position {
        Position::line(&self.path, self.places.line(item.span().start))
    }

    /// As [`line_of`](Self::line_of), with the column: where a line may hold several of its kind.
    pub(crate) fn place_of<T>(&self, item: &Spanned<T>) -> Position {
        self.column_of(item.span().start)
    }

    fn column_of(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let column = Some(self.places.column(offset));
        Position { column, ..Position::line(&self.path, self.places.line(offset)) }
    }
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn read_limited(path: &Path) -> Result<Vec<u8>, Reason> {
    // Opening a pipe would wait for its writer.
    let metadata = path.metadata().map_err(Reason::Unreadable)?;
    if metadata.is_dir() {
        return Err(Reason::Unreadable(io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(Reason::NotAFile);
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Reason::Unreadable)?;
    file.take(FILE_SIZE_MAX.bytes() + 1).read_to_end(&mut bytes).map_err(Reason::Unreadable)?;
    if bytes.len() as u64 > FILE_SIZE_MAX.bytes() { Err(Reason::TooLarge(FILE_SIZE_MAX)) } else { Ok(bytes) }
}

/// A key as it can stand in a message: bare, or in quotes where TOML needs them.
pub(crate) fn shown_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let short = quoted(key);
    // What `quoted` left as it was.
    if bare && short.len() == key.len() + 2 { key.to_owned() } else { short }
}

/// The value as it was written.
pub(crate) fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Boolean(value) => Raw::Boolean(*value),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
            Raw::Integer(parsed, shown_number(&number.to_string()))
        }
        DeValue::Float(number) => Raw::Other { shown: shown_number(number.as_str()), number: true },
        DeValue::Datetime(_) => Raw::Other { shown: "a date or time".to_owned(), number: false },
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        DeValue::Table(_) => Raw::Other { shown: "a table".to_owned(), number: false },
    }
}

/// The digits, cut if they are many.
fn shown_number(digits: &str) -> String {
    quoted(digits).trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places are found by other means: in all the text before them.
    #[test]
    fn each_place_is_its_line_and_its_character() {
        let text = "a = 1\n\u{e4}\u{20ac}\u{1f600}b = 2\r\n\n\tc";
        let document = Document::new(Path::new("a.toml"), text);
        for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let lines: Vec<&str> = text[..offset].split('\n').collect();
            let found = document.column_of(offset);
            assert_eq!(found.line, Some(lines.len()), "{offset}");
            assert_eq!(found.column, Some(lines[lines.len() - 1].chars().count() + 1), "{offset}");
        }
        assert_eq!(document.column_of(text.len() + 9), document.column_of(text.len()));
    }
}
