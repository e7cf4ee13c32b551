//! What commands print: calm aligned lines for people, or a JSON object a line for scripts.

use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// A colour, by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    /// Of less weight: times, units.
    Dim,
    Good,
    Warning,
    Bad,
}

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Warning => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// A piece of text and its tone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl Cell {
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(Tone::Plain, text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(Tone::Plain, text)
    }
}

/// Where a command prints.
pub(crate) struct Output {
    json: bool,
    colours: bool,
    sink: Box<dyn Write>,
}

impl Output {
    /// Standard output; coloured only on a terminal, and not with `NO_COLOR`.
    pub(crate) fn for_stdout(json: bool) -> Self {
        let stdout = io::stdout();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let colours = !json && !refused && stdout.is_terminal();
        Self { json, colours, sink: Box::new(BufWriter::new(stdout)) }
    }

    /// Whether scripts are to read it.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a line for people; nothing with `--json`.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.line(&[text.into()])
    }

    /// Prints a line of cells for people, one space between them; nothing with `--json`.
    pub(crate) fn line(&mut self, cells: &[Cell]) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        let painted: Vec<String> = cells.iter().map(|cell| self.painted(cell, cell.text.clone())).collect();
        writeln!(self.sink, "{}", painted.join(" ").trim_end())?;
        self.flush()
    }

    /// Prints an object: as JSON, or as the line that it gets for people.
    pub(crate) fn object(
        &mut self,
        object: &impl Serialize,
        line: impl FnOnce() -> Vec<Cell>,
    ) -> Result<(), Failure> {
        if self.json { self.json_line(&to_json(object)) } else { self.line(&line()) }
    }

    /// Prints objects: a JSON object each, or a table with a header; `none` when there are none.
    pub(crate) fn table<T: Serialize>(
        &mut self,
        objects: &[T],
        header: &[&str],
        none: &str,
        row: impl Fn(&T) -> Vec<Cell>,
    ) -> Result<(), Failure> {
        if self.json {
            return objects.iter().try_for_each(|object| self.json_line(&to_json(object)));
        }
        if objects.is_empty() {
            return self.say(none);
        }
        let mut rows = vec![header.iter().map(|title| Cell::new(Tone::Dim, *title)).collect()];
        rows.extend(objects.iter().map(row));
        self.aligned(&rows)
    }

    /// Says that something was done: `{"done":true}` in JSON.
    pub(crate) fn done(&mut self, text: &str) -> Result<(), Failure> {
        if self.json { self.json_line(&json!({"done": true})) } else { self.say(text) }
    }

    /// Prints a JSON object as a line.
    pub(crate) fn json_line(&mut self, value: &Value) -> Result<(), Failure> {
        writeln!(self.sink, "{value}")?;
        self.flush()
    }

    /// Says on standard error why the command failed.
    pub(crate) fn complain(&self, failure: &Failure) {
        if failure.kind.is_quiet() {
            return;
        }
        let text = if self.json {
            let error = json!({"error": {
                "kind": failure.kind.name(),
                "message": failure.message,
                "remedy": failure.remedy,
                "exit_code": failure.kind.code(),
            }});
            error.to_string()
        } else {
            format!("carpus: {failure}")
        };
        // Without a standard error there is nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.sink.flush()?)
    }

    fn aligned(&mut self, rows: &[Vec<Cell>]) -> Result<(), Failure> {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.text.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width_of).collect();
        for row in rows {
            let padded = row.iter().zip(&widths).map(|(cell, width)| {
                let text = format!("{:width$}", cell.text);
                self.painted(cell, text)
            });
            let line = padded.collect::<Vec<_>>().join("  ");
            writeln!(self.sink, "{}", line.trim_end())?;
        }
        self.flush()
    }

    fn painted(&self, cell: &Cell, text: String) -> String {
        if self.colours && cell.tone != Tone::Plain {
            format!("{}{text}\x1b[0m", cell.tone.code())
        } else {
            text
        }
    }
}

/// An object of the protocol as JSON.
fn to_json(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_else(|error| json!({"error": {"message": error.to_string()}}))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::failure::Kind;

    /// Keeps what was printed.
    #[derive(Clone, Default)]
    pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        /// An output that is kept here.
        pub(crate) fn output(&self, json: bool) -> Output {
            Output { json, colours: false, sink: Box::new(self.clone()) }
        }

        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Serialize)]
    struct Fruit {
        name: &'static str,
        weight_g: u64,
    }

    const FRUIT: [Fruit; 2] =
        [Fruit { name: "fig", weight_g: 5 }, Fruit { name: "pineapple", weight_g: 900 }];

    fn table(json: bool, fruit: &[Fruit]) -> String {
        let kept = Kept::default();
        let row = |fruit: &Fruit| vec![fruit.name.into(), format!("{} g", fruit.weight_g).into()];
        kept.output(json).table(fruit, &["FRUIT", "WEIGHT"], "no fruit", row).unwrap();
        kept.text()
    }

    #[test]
    fn a_table_is_aligned_without_trailing_spaces() {
        assert_eq!(table(false, &FRUIT), "FRUIT      WEIGHT\nfig        5 g\npineapple  900 g\n");
        assert_eq!(table(false, &[]), "no fruit\n");
    }

    #[test]
    fn with_json_a_table_is_an_object_a_line_and_nothing_else() {
        assert_eq!(
            table(true, &FRUIT),
            "{\"name\":\"fig\",\"weight_g\":5}\n{\"name\":\"pineapple\",\"weight_g\":900}\n"
        );
        assert_eq!(table(true, &[]), "");
    }

    #[test]
    fn colours_do_not_move_the_columns() {
        let kept = Kept::default();
        let mut output = Output { json: false, colours: true, sink: Box::new(kept.clone()) };
        output
            .aligned(&[vec![Cell::new(Tone::Good, "on"), "a".into()], vec!["off".into(), "b".into()]])
            .unwrap();
        assert_eq!(kept.text(), "\x1b[32mon \x1b[0m  a\noff  b\n");
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        let closed: Failure = io::Error::from(io::ErrorKind::BrokenPipe).into();
        assert_eq!(closed.kind, Kind::OutputClosed);
        assert_eq!(closed.kind.code(), 0);
        assert!(closed.kind.is_quiet());
    }
}
