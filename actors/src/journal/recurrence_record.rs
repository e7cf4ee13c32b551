//! How a recurrence is written (A10): JSON, with weekdays and zones by their names. The names here are those on disk:
//! what one version has written, each later one reads.

use carpus_core::app::BadAppId;
use carpus_core::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use carpus_core::{AppId, RecurrenceRecord, UsedInstant, WallTime};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A recurrence on disk cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadRecurrence {
    #[error("the text is not what this version writes")]
    Text(#[from] serde_json::Error),
    #[error(transparent)]
    App(#[from] BadAppId),
    #[error("{text:?} is no time of day")]
    Time { text: String, source: jiff::Error },
    #[error("the time zone {name} is not known here; install the time zone data (tzdata)")]
    Zone { name: String, source: jiff::Error },
}

#[derive(Serialize, Deserialize)]
struct StoredRecurrence {
    weekdays: Vec<StoredWeekday>,
    /// `"HH:MM:SS"`.
    time: String,
    /// The name in the IANA time zone database; none is the board's zone, whichever that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<StoredInstant>,
}

/// Both in Unix time.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct StoredInstant {
    at_ms: i64,
    noted_ms: i64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredWeekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// The text of a recurrence, without its app, which has a column of its own; none where its zone has no name.
pub(super) fn of_recurrence(record: &RecurrenceRecord) -> Option<String> {
    let Recurrence { weekdays, time, zone } = &record.rule;
    let stored = StoredRecurrence {
        weekdays: weekdays.iter().map(StoredWeekday::from).collect(),
        time: time.strftime("%H:%M:%S").to_string(),
        zone: match zone {
            RecurrenceZone::Board => None,
            RecurrenceZone::Named(zone) => Some(zone.iana_name()?.to_owned()),
        },
        last: record.last.map(StoredInstant::from),
    };
    Some(serde_json::to_string(&stored).expect("the mirror holds numbers and text only"))
}

pub(super) fn to_recurrence(app: &str, text: &str) -> Result<RecurrenceRecord, BadRecurrence> {
    let stored: StoredRecurrence = serde_json::from_str(text)?;
    let weekdays: Vec<_> = stored.weekdays.into_iter().map(Weekday::from).collect();
    let time: Result<Time, _> = stored.time.parse();
    let zone = match stored.zone {
        None => RecurrenceZone::Board,
        Some(name) => match TimeZone::get(&name) {
            Ok(zone) => RecurrenceZone::Named(zone),
            Err(source) => return Err(BadRecurrence::Zone { name, source }),
        },
    };
    Ok(RecurrenceRecord {
        app: AppId::parse(app)?,
        rule: Recurrence {
            weekdays: Weekdays::of(&weekdays),
            time: whole_seconds(time.map_err(|source| BadRecurrence::Time { text: stored.time, source })?),
            zone,
        },
        last: stored.last.map(UsedInstant::from),
    })
}

/// A part of a second is not written, and so not read.
fn whole_seconds(time: Time) -> Time {
    jiff::civil::time(time.hour(), time.minute(), time.second(), 0)
}

impl From<UsedInstant> for StoredInstant {
    fn from(used: UsedInstant) -> Self {
        Self { at_ms: used.at.unix_ms(), noted_ms: used.noted.unix_ms() }
    }
}

impl From<StoredInstant> for UsedInstant {
    fn from(stored: StoredInstant) -> Self {
        let StoredInstant { at_ms, noted_ms } = stored;
        Self { at: WallTime::from_unix_ms(at_ms), noted: WallTime::from_unix_ms(noted_ms) }
    }
}

impl From<Weekday> for StoredWeekday {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

impl From<StoredWeekday> for Weekday {
    fn from(day: StoredWeekday) -> Self {
        match day {
            StoredWeekday::Monday => Self::Monday,
            StoredWeekday::Tuesday => Self::Tuesday,
            StoredWeekday::Wednesday => Self::Wednesday,
            StoredWeekday::Thursday => Self::Thursday,
            StoredWeekday::Friday => Self::Friday,
            StoredWeekday::Saturday => Self::Saturday,
            StoredWeekday::Sunday => Self::Sunday,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    fn record(rule: Recurrence, last: Option<UsedInstant>) -> RecurrenceRecord {
        RecurrenceRecord { app: AppId::parse("alarm").unwrap(), rule, last }
    }

    /// What the first version with recurrences wrote. If this fails, do not change the text: make the reader accept
    /// both.
    #[test]
    fn a10_recurrences_are_written_and_read_as_the_first_version_did() {
        let berlin = RecurrenceZone::Named(TimeZone::get("Europe/Berlin").unwrap());
        let golden = [
            (
                record(
                    Recurrence {
                        weekdays: Weekdays::DAILY,
                        time: time(7, 0, 0, 0),
                        zone: RecurrenceZone::Board,
                    },
                    None,
                ),
                r#"{"weekdays":["monday","tuesday","wednesday","thursday","friday","saturday","sunday"],"time":"07:00:00"}"#,
            ),
            (
                record(
                    Recurrence {
                        weekdays: Weekdays::of(&[Weekday::Saturday, Weekday::Monday]),
                        time: time(23, 59, 58, 0),
                        zone: berlin,
                    },
                    Some(UsedInstant {
                        at: WallTime::from_unix_ms(1_800_000_000_000),
                        noted: WallTime::from_unix_ms(1_799_000_000_000),
                    }),
                ),
                r#"{"weekdays":["monday","saturday"],"time":"23:59:58","zone":"Europe/Berlin","last":{"at_ms":1800000000000,"noted_ms":1799000000000}}"#,
            ),
        ];
        for (record, text) in golden {
            assert_eq!(of_recurrence(&record).as_deref(), Some(text));
            assert_eq!(to_recurrence("alarm", text).unwrap(), record);
        }
    }

    #[test]
    fn a10_a_zone_without_a_name_is_not_written() {
        let zone = RecurrenceZone::Named(TimeZone::fixed(jiff::tz::offset(1)));
        let rule = Recurrence { weekdays: Weekdays::DAILY, time: time(7, 0, 0, 0), zone };
        assert_eq!(of_recurrence(&record(rule, None)), None);
    }

    #[test]
    fn a9_what_cannot_be_read_is_an_error() {
        for text in [
            "",
            "{}",
            r#"{"weekdays":["someday"],"time":"07:00:00"}"#,
            r#"{"weekdays":["monday"],"time":"24:01:00"}"#,
            r#"{"weekdays":["monday"],"time":"07:00:00","zone":"Middle/Earth"}"#,
        ] {
            assert!(to_recurrence("alarm", text).is_err(), "{text}");
        }
        assert!(to_recurrence("NOT AN ID", r#"{"weekdays":["monday"],"time":"07:00:00"}"#).is_err());
    }
}
