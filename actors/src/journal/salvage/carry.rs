//! Which row is of which table, and its way into the fresh database.

use std::collections::BTreeMap;

use carpus_core::{AppEvent, AppId, SessionId};
use carpus_devices::bluetooth::DeviceId;
use rusqlite::Transaction;

use super::Saved;
use super::rows::{Row, Value};
use crate::journal::requests::{FIRST_OF_APP, NUMBER_MAX, SESSION_COUNTER};
use crate::journal::{grants, record, recurrence_record};

/// How far beyond the largest number that was seen the next one is: those that were given and cannot be read any more
/// must not be given again. An app that makes a session each second reaches it in twelve days.
const FAR: u64 = 1 << 20;

/// What a row is, told by its shape and its content.
enum Kept<'a> {
    Session {
        id: u64,
        app: &'a str,
        record: &'a str,
    },
    Event {
        app: &'a str,
        sequence: u64,
        payload: &'a str,
        about: Option<SessionId>,
    },
    /// The next number of the app or counter of this name.
    Next {
        name: &'a str,
        next: u64,
    },
    Recurrence {
        app: &'a str,
        record: &'a str,
    },
    Rights {
        app: &'a str,
        background_refresh: bool,
        schedule: bool,
    },
    Grants {
        app: &'a str,
        bluetooth: &'a str,
    },
    Strap {
        device: &'a str,
        name: Option<&'a str>,
        role: Option<&'a str>,
        added_at_ms: i64,
    },
    /// A row that belongs to the database itself.
    Schema,
}

/// Takes rows over; of two with the same key, the first.
pub(super) struct Carrier<'a> {
    disk: &'a Transaction<'a>,
    pub(super) saved: Saved,
    largest_session: u64,
    /// The largest number of an event of each app that was seen, or is known to have been given.
    sequences: BTreeMap<String, u64>,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(disk: &'a Transaction<'a>) -> Self {
        Self { disk, saved: Saved::default(), largest_session: 0, sequences: BTreeMap::new() }
    }

    pub(super) fn take(&mut self, row: &Row) -> rusqlite::Result<()> {
        let disk = self.disk;
        let saved = &mut self.saved;
        match tell(row) {
            Some(Kept::Session { id, app, record }) => {
                self.largest_session = self.largest_session.max(id);
                let sql = "INSERT OR IGNORE INTO sessions (session, app, record) VALUES (?1, ?2, ?3)";
                saved.sessions += disk.execute(sql, (id.cast_signed(), app, record))?;
            }
            Some(Kept::Event { app, sequence, payload, about }) => {
                self.largest_session = self.largest_session.max(about.map_or(0, |session| session.0));
                note(&mut self.sequences, app, sequence);
                let sql = "INSERT OR IGNORE INTO events (app, sequence, payload) VALUES (?1, ?2, ?3)";
                saved.events += disk.execute(sql, (app, sequence.cast_signed(), payload))?;
            }
            Some(Kept::Next { name, next }) => {
                if name == SESSION_COUNTER {
                    self.largest_session = self.largest_session.max(next - 1);
                }
                note(&mut self.sequences, name, next - 1);
            }
            Some(Kept::Recurrence { app, record }) => {
                let sql = "INSERT OR IGNORE INTO recurrences (app, record) VALUES (?1, ?2)";
                saved.recurrences += disk.execute(sql, (app, record))?;
            }
            Some(Kept::Rights { app, background_refresh, schedule }) => {
                let sql =
                    "INSERT OR IGNORE INTO rights (app, background_refresh, schedule) VALUES (?1, ?2, ?3)";
                saved.rights += disk.execute(sql, (app, background_refresh, schedule))?;
            }
            Some(Kept::Grants { app, bluetooth }) => {
                let sql = "INSERT OR IGNORE INTO grants (app, bluetooth) VALUES (?1, ?2)";
                saved.grants += disk.execute(sql, (app, bluetooth))?;
            }
            Some(Kept::Strap { device, name, role, added_at_ms }) => {
                let sql =
                    "INSERT OR IGNORE INTO straps (device, name, role, added_at_ms) VALUES (?1, ?2, ?3, ?4)";
                saved.straps += disk.execute(sql, (device, name, role, added_at_ms))?;
            }
            Some(Kept::Schema) => {}
            None => saved.unreadable += 1,
        }
        Ok(())
    }

    /// Sets the numbers that must never be given twice.
    pub(super) fn finish(self) -> rusqlite::Result<Saved> {
        let next = |largest: u64| (largest + FAR).cast_signed();
        for (app, largest) in &self.sequences {
            let sql = "INSERT INTO sequences (app, next) VALUES (?1, ?2)";
            self.disk.execute(sql, (app, next(*largest)))?;
        }
        let largest = self.sequences.values().copied().max().unwrap_or(0);
        for (name, largest) in [(SESSION_COUNTER, self.largest_session), (FIRST_OF_APP, largest)] {
            let sql = "INSERT OR REPLACE INTO counters (name, next) VALUES (?1, ?2)";
            self.disk.execute(sql, (name, next(largest)))?;
        }
        Ok(self.saved)
    }
}

fn note(sequences: &mut BTreeMap<String, u64>, name: &str, number: u64) {
    let largest = sequences.entry(name.to_owned()).or_default();
    *largest = number.max(*largest);
}

/// A number that counts; none where it is one that no counter reaches.
fn number(value: i64) -> Option<u64> {
    u64::try_from(value).ok().filter(|number| (1..=NUMBER_MAX).contains(number))
}

fn tell(row: &Row) -> Option<Kept<'_>> {
    use Value::{Integer, Null, Text};
    let is_app = |app: &str| AppId::parse(app).is_ok();
    match (row.number, &row.values[..]) {
        (Some(id), [Null, Text(app), Text(text)]) => {
            let id = number(id)?;
            record::to_session(SessionId(id), app, text).ok()?;
            Some(Kept::Session { id, app, record: text })
        }
        (Some(_), [Text(_), Text(_), Text(_), Integer(_), Text(_) | Null]) => Some(Kept::Schema),
        (None, [Text(app), Integer(sequence), Text(payload)]) if is_app(app) => {
            let event = record::to_event(payload).ok()?;
            Some(Kept::Event { app, sequence: number(*sequence)?, payload, about: session_of(&event) })
        }
        (None, [Text(name), Integer(next)]) if is_app(name) => {
            Some(Kept::Next { name, next: number(*next)? })
        }
        (None, [Text(app), Text(text)]) if recurrence_record::to_recurrence(app, text).is_ok() => {
            Some(Kept::Recurrence { app, record: text })
        }
        (None, [Text(app), Text(text)]) if is_app(app) && grants::to_profiles(text).is_ok() => {
            Some(Kept::Grants { app, bluetooth: text })
        }
        (None, [Text(app), Integer(refresh @ 0..=1), Integer(schedule @ 0..=1)]) if is_app(app) => {
            Some(Kept::Rights { app, background_refresh: *refresh == 1, schedule: *schedule == 1 })
        }
        (None, [Text(device), name, role, Integer(added_at_ms)]) if DeviceId::parse(device).is_ok() => {
            Some(Kept::Strap { device, name: text(name)?, role: text(role)?, added_at_ms: *added_at_ms })
        }
        _ => None,
    }
}

/// A text, or none; nothing where it is neither.
#[expect(clippy::option_option, reason = "a value that is not readable is not one that is missing")]
fn text(value: &Value) -> Option<Option<&str>> {
    match value {
        Value::Null => Some(None),
        Value::Text(text) => Some(Some(text)),
        Value::Integer(_) | Value::Other => None,
    }
}

const fn session_of(event: &AppEvent) -> Option<SessionId> {
    match event {
        AppEvent::Handle { session, .. }
        | AppEvent::DidStart { session, .. }
        | AppEvent::WillExpire { session, .. }
        | AppEvent::DidInvalidate { session, .. }
        | AppEvent::RepeatAsked { session, .. } => Some(*session),
        AppEvent::StateChanged { .. } => None,
    }
}
