//! What an output device was told, kept for tests and written for people.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

/// How many records are kept; older ones are in the file, if one was asked for.
const RECORDS_MAX: usize = 10_000;

/// A device that can fail, and what it was told. `R` is a record with its times.
#[derive(Debug)]
pub(crate) struct Recorder<R> {
    records: VecDeque<R>,
    file: Option<File>,
    is_failing: bool,
    /// How often the device has failed: what was opened before stays broken.
    failures: u64,
}

impl<R> Default for Recorder<R> {
    fn default() -> Self {
        Self { records: VecDeque::new(), file: None, is_failing: false, failures: 0 }
    }
}

impl<R: Clone> Recorder<R> {
    /// Also writes each record as a line of JSON to the end of `path`.
    pub(crate) fn write_to(&mut self, path: &Path) -> io::Result<()> {
        self.file = Some(File::options().append(true).create(true).open(path)?);
        Ok(())
    }

    pub(crate) fn push(&mut self, record: R, wall: SystemTime, line: Map<String, Value>) {
        if self.records.len() == RECORDS_MAX {
            self.records.pop_front();
        }
        self.records.push_back(record);
        self.write(wall, line);
    }

    pub(crate) fn records(&self) -> Vec<R> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn set_failing(&mut self, failing: bool) {
        if failing && !self.is_failing {
            self.failures += 1;
        }
        self.is_failing = failing;
    }

    /// Which device one gets that opens it now; none while it fails.
    pub(crate) fn open(&self) -> Option<u64> {
        (!self.is_failing).then_some(self.failures)
    }

    /// Whether a device that was opened as `number` still works.
    pub(crate) fn works(&self, number: u64) -> bool {
        self.open() == Some(number)
    }

    fn write(&mut self, wall: SystemTime, line: Map<String, Value>) {
        let Some(file) = &mut self.file else { return };
        let mut object = Map::from_iter([("time_ms".to_owned(), unix_ms(wall).into())]);
        object.extend(line);
        let text = format!("{}\n", Value::Object(object));
        // One write for a line, so that a reader sees whole lines.
        if let Err(error) = file.write_all(text.as_bytes()) {
            tracing::warn!(%error, "a simulated device cannot be recorded any more");
            self.file = None;
        }
    }
}

fn unix_ms(wall: SystemTime) -> i64 {
    match wall.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// The line of an event without data.
pub(crate) fn line<const N: usize>(event: &str, data: [(&str, Value); N]) -> Map<String, Value> {
    let mut line = Map::from_iter([("event".to_owned(), event.into())]);
    line.extend(data.map(|(name, value)| (name.to_owned(), value)));
    line
}

/// A length in milliseconds, as the lines have it.
pub(crate) fn length_ms(length: std::time::Duration) -> Value {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX).into()
}

/// A number as people write it, to three decimals: a single-precision 0.8 is not 0.800000011920929.
pub(crate) fn decimal(number: f32) -> Value {
    ((f64::from(number) * 1000.0).round() / 1000.0).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_records_make_room() {
        let mut recorder = Recorder::default();
        for number in 0..RECORDS_MAX + 3 {
            recorder.push(number, UNIX_EPOCH, Map::new());
        }
        let records = recorder.records();
        assert_eq!((records.len(), records[0]), (RECORDS_MAX, 3));
    }

    #[test]
    fn a_device_that_failed_must_be_opened_again() {
        let mut recorder = Recorder::<()>::default();
        let first = recorder.open().unwrap();
        recorder.set_failing(true);
        assert_eq!(recorder.open(), None);
        recorder.set_failing(false);
        assert!(!recorder.works(first));
        assert!(recorder.works(recorder.open().unwrap()));
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(decimal(0.8).to_string(), "0.8");
        assert_eq!(decimal(261.63).to_string(), "261.63");
        assert_eq!(decimal(f32::NAN), Value::Null);
    }

    #[test]
    fn times_are_unix_milliseconds() {
        assert_eq!(unix_ms(UNIX_EPOCH + Duration::from_micros(1_234_567)), 1234);
        assert_eq!(unix_ms(UNIX_EPOCH - Duration::from_secs(1)), -1000);
    }
}
