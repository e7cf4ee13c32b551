//! The log that is the motor: a line of JSON for each thing that happens.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Something that happened to the motor or the keys. Strengths and the gain are of 65535.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Record {
    /// The devices are there.
    Started,
    /// A client gave or changed an effect.
    Upload { effect: i16, kind: &'static str, strong: u16, weak: u16, length_ms: u16, delay_ms: u16 },
    /// An effect starts to move the motor. `length_ms` is for all its repetitions; 0 means until it is stopped.
    Play { effect: i16, strong: u16, weak: u16, gain: u16, length_ms: u64 },
    /// The motor stands still again.
    Stop { effect: i16, cause: StopCause },
    /// A client took its effect back, or closed the device.
    Erase { effect: i16 },
    /// The strength of all effects changed.
    Gain { gain: u16 },
    /// A key was pressed and released.
    Key { key: &'static str },
}

/// Why an effect stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StopCause {
    /// It was over.
    Length,
    /// A client stopped it.
    Asked,
    /// It was started anew before it was over.
    Restarted,
}

#[derive(Serialize)]
struct Line<'a> {
    /// The wall clock, in Unix milliseconds.
    time_ms: u128,
    #[serde(flatten)]
    record: &'a Record,
}

/// The open log.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
}

impl Log {
    /// Opens the log at its end.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { file: OpenOptions::new().create(true).append(true).open(path)? })
    }

    /// Appends a line, whole, with the time of now.
    pub(crate) fn write(&mut self, record: &Record) -> io::Result<()> {
        let time_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let mut line = serde_json::to_string(&Line { time_ms, record })?;
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_json() {
        let path = std::env::temp_dir().join(format!("carpus-board-log-{}", std::process::id()));
        let mut log = Log::open(&path).unwrap();
        log.write(&Record::Started).unwrap();
        log.write(&Record::Stop { effect: 3, cause: StopCause::Length }).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(path).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1]["event"], "stop");
        assert_eq!(lines[1]["effect"], 3);
        assert_eq!(lines[1]["cause"], "length");
        assert!(lines[1]["time_ms"].as_u64().unwrap() > 1_700_000_000_000);
    }
}
