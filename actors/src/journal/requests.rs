//! What the journal can be asked. Each answers after it is on disk.

use actix::Message;
use carpus_core::{AppEvent, AppId, SessionId, SessionRecord, WallTime};
use carpus_devices::bluetooth::DeviceId;
use rusqlite::{OptionalExtension, Row, Transaction};
use tokio::sync::mpsc::Sender;

use super::thread::{Request, World};
use super::{Delivery, JournalError, record, subscriptions::Subscriptions};

/// How many session numbers are reserved at a time: one write to the card for each so many sessions.
const SESSION_IDS_RESERVED: u64 = 16;
/// The first session number.
const FIRST_SESSION_ID: u64 = 1;

/// Adds an event for an app, and delivers it. A durable one ([`AppEvent::is_durable`]) gets the app's next number
/// and is kept until it is acknowledged; any other is only delivered, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct Append {
    /// The app.
    pub app: AppId,
    /// The event.
    pub event: AppEvent,
}

/// Adds the last event of a session, as [`Append`] does, and puts `keep` in the place of what was kept of the session,
/// or takes that away: all of it, or nothing (D1, D2). An app that leaves too many events unacknowledged is refused
/// this one as any other, and the session's record stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct Conclude {
    /// The app.
    pub app: AppId,
    /// The event.
    pub event: AppEvent,
    /// The session.
    pub session: SessionId,
    /// What is still owed for it (N7).
    pub keep: Option<SessionRecord>,
}

/// Gives the events of `app` to `sink` from now on, those that it has not acknowledged first. An older subscription
/// of the app ends. A sink that is full is dropped; whoever reads it subscribes again.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct Subscribe {
    /// The app.
    pub app: AppId,
    /// Where its events go.
    pub sink: Sender<Delivery>,
}

/// Forgets the events of `app` up to and including `sequence`: it has dealt with them.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct Acknowledge {
    /// The app.
    pub app: AppId,
    /// The number of the newest event that it has dealt with.
    pub sequence: u64,
}

/// Keeps a session, or replaces what was kept of it (A6).
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct SaveSession(pub SessionRecord);

/// Forgets a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct RemoveSession(pub SessionId);

/// Gives all sessions that were kept, by number. One that cannot be read is left out and logged (A9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<SessionRecord>, JournalError>")]
pub struct LoadSessions;

/// Gives a number for a new session, never given before, over restarts too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<SessionId, JournalError>")]
pub struct NextSessionId;

/// A strap of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownStrap {
    /// Its address.
    pub device: DeviceId,
    /// Its name, where it tells one.
    pub name: Option<String>,
    /// What the user uses it for, where they say so.
    pub role: Option<String>,
    /// When it was added.
    pub added_at: WallTime,
}

/// Keeps a strap, or replaces what was kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct SaveStrap(pub KnownStrap);

/// Forgets a strap.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct ForgetStrap(pub DeviceId);

/// Gives all straps that were kept, by address. One that cannot be read is left out and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<KnownStrap>, JournalError>")]
pub struct LoadStraps;

/// Forgets all that is kept of an app: its events, their numbers, its sessions, its recurrence, its rights. Its
/// subscription ends.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct ForgetApp {
    /// The app.
    pub app: AppId,
}

/// SQLite holds 64-bit numbers with a sign. Ours count from 1 by ones, and stay far below the sign.
const fn to_column(number: u64) -> i64 {
    number.cast_signed()
}

const fn from_column(number: i64) -> u64 {
    number.cast_unsigned()
}

fn next_sequence(disk: &Transaction<'_>, app: &AppId) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO sequences (app, next) VALUES (?1, 2)
               ON CONFLICT (app) DO UPDATE SET next = next + 1 RETURNING next - 1";
    disk.query_row(sql, [app.as_str()], |row| row.get(0)).map(from_column)
}

fn undelivered(disk: &Transaction<'_>, app: &AppId) -> rusqlite::Result<usize> {
    let sql = "SELECT count(*) FROM events WHERE app = ?1";
    let count: i64 = disk.query_row(sql, [app.as_str()], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Writes an event, where it is durable, and gives it the app's next number. A refusal has written nothing.
fn append(
    disk: &Transaction<'_>,
    world: &World,
    app: &AppId,
    event: &AppEvent,
) -> Result<Option<u64>, JournalError> {
    let Some(payload) = record::of_event(event) else { return Ok(None) };
    if undelivered(disk, app)? >= world.max_undelivered {
        tracing::warn!(%app, limit = world.max_undelivered, "too many events are unacknowledged");
        return Err(JournalError::Full { app: app.clone(), limit: world.max_undelivered });
    }
    let sequence = next_sequence(disk, app)?;
    disk.execute(
        "INSERT INTO events (app, sequence, payload) VALUES (?1, ?2, ?3)",
        (app.as_str(), to_column(sequence), payload),
    )?;
    Ok(Some(sequence))
}

fn save_session(disk: &Transaction<'_>, record: &SessionRecord) -> rusqlite::Result<()> {
    disk.execute(
        "INSERT OR REPLACE INTO sessions (session, app, record) VALUES (?1, ?2, ?3)",
        (to_column(record.session.0), record.app.as_str(), record::of_session(record)),
    )?;
    Ok(())
}

fn remove_session(disk: &Transaction<'_>, session: SessionId) -> rusqlite::Result<()> {
    disk.execute("DELETE FROM sessions WHERE session = ?1", [to_column(session.0)])?;
    Ok(())
}

impl Request for Append {
    /// The event's number, where it has one.
    type Found = Option<u64>;
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, world: &mut World) -> Result<Option<u64>, JournalError> {
        append(disk, world, &self.app, &self.event)
    }

    fn publish(self, sequence: Option<u64>, subscriptions: &mut Subscriptions) {
        subscriptions.deliver(&self.app, Delivery { sequence, event: self.event });
    }
}

impl Request for Conclude {
    /// The event's number, where it has one.
    type Found = Option<u64>;
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, world: &mut World) -> Result<Option<u64>, JournalError> {
        let sequence = append(disk, world, &self.app, &self.event)?;
        match &self.keep {
            Some(record) => save_session(disk, record)?,
            None => remove_session(disk, self.session)?,
        }
        Ok(sequence)
    }

    fn publish(self, sequence: Option<u64>, subscriptions: &mut Subscriptions) {
        subscriptions.deliver(&self.app, Delivery { sequence, event: self.event });
    }
}

impl Request for Subscribe {
    type Found = Vec<Delivery>;
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Vec<Delivery>, JournalError> {
        let mut query =
            disk.prepare("SELECT sequence, payload FROM events WHERE app = ?1 ORDER BY sequence")?;
        let rows = query.query_map([self.app.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut waiting = Vec::new();
        for row in rows {
            let (sequence, payload): (i64, String) = row?;
            match record::to_event(&payload) {
                Ok(event) => waiting.push(Delivery { sequence: Some(from_column(sequence)), event }),
                Err(error) => tracing::warn!(app = %self.app, sequence, %error, "an event cannot be read"),
            }
        }
        Ok(waiting)
    }

    fn publish(self, waiting: Vec<Delivery>, subscriptions: &mut Subscriptions) {
        subscriptions.replace(&self.app, self.sink, waiting);
    }
}

impl Request for Acknowledge {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        let sql = "DELETE FROM events WHERE app = ?1 AND sequence <= ?2";
        disk.execute(sql, (self.app.as_str(), to_column(self.sequence)))?;
        Ok(())
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for SaveSession {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        Ok(save_session(disk, &self.0)?)
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for RemoveSession {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        Ok(remove_session(disk, self.0)?)
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for LoadSessions {
    type Found = Vec<SessionRecord>;
    type Answer = Vec<SessionRecord>;

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Vec<SessionRecord>, JournalError> {
        let mut query = disk.prepare("SELECT session, app, record FROM sessions ORDER BY session")?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let mut sessions = Vec::new();
        for row in rows {
            let (session, app, text): (i64, String, String) = row?;
            match record::to_session(SessionId(from_column(session)), &app, &text) {
                Ok(record) => sessions.push(record),
                Err(error) => {
                    tracing::warn!(session, app, %error, "a session cannot be read; it is left out")
                }
            }
        }
        Ok(sessions)
    }

    fn publish(self, found: Vec<SessionRecord>, _: &mut Subscriptions) -> Vec<SessionRecord> {
        found
    }
}

impl Request for NextSessionId {
    type Found = SessionId;
    type Answer = SessionId;

    fn apply(&self, disk: &Transaction<'_>, world: &mut World) -> Result<SessionId, JournalError> {
        if let Some(id) = world.session_ids.next() {
            return Ok(SessionId(id));
        }
        let reserved = reserve_session_ids(disk)?;
        world.session_ids = reserved.start + 1..reserved.end;
        Ok(SessionId(reserved.start))
    }

    fn publish(self, found: SessionId, _: &mut Subscriptions) -> SessionId {
        found
    }
}

fn reserve_session_ids(disk: &Transaction<'_>) -> rusqlite::Result<std::ops::Range<u64>> {
    let read = "SELECT next FROM counters WHERE name = 'session'";
    let next: Option<i64> = disk.query_row(read, [], |row| row.get(0)).optional()?;
    let start = next.map_or(FIRST_SESSION_ID, from_column);
    let end = start + SESSION_IDS_RESERVED;
    disk.execute("INSERT OR REPLACE INTO counters (name, next) VALUES ('session', ?1)", [to_column(end)])?;
    Ok(start..end)
}

impl Request for SaveStrap {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        let KnownStrap { device, name, role, added_at } = &self.0;
        disk.execute(
            "INSERT OR REPLACE INTO straps (device, name, role, added_at_ms) VALUES (?1, ?2, ?3, ?4)",
            (device.as_str(), name, role, added_at.unix_ms()),
        )?;
        Ok(())
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for ForgetStrap {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        disk.execute("DELETE FROM straps WHERE device = ?1", [self.0.as_str()])?;
        Ok(())
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for LoadStraps {
    type Found = Vec<KnownStrap>;
    type Answer = Vec<KnownStrap>;

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Vec<KnownStrap>, JournalError> {
        let mut query = disk.prepare("SELECT device, name, role, added_at_ms FROM straps ORDER BY device")?;
        let rows = query.query_map([], read_strap)?;
        let mut straps = Vec::new();
        for row in rows {
            match row? {
                Ok(strap) => straps.push(strap),
                Err(error) => tracing::warn!(%error, "a strap cannot be read; it is left out"),
            }
        }
        Ok(straps)
    }

    fn publish(self, found: Vec<KnownStrap>, _: &mut Subscriptions) -> Vec<KnownStrap> {
        found
    }
}

fn read_strap(row: &Row<'_>) -> rusqlite::Result<Result<KnownStrap, carpus_devices::bluetooth::BadDeviceId>> {
    let device: String = row.get(0)?;
    let (name, role) = (row.get(1)?, row.get(2)?);
    let added_at = WallTime::from_unix_ms(row.get(3)?);
    Ok(DeviceId::parse(&device).map(|device| KnownStrap { device, name, role, added_at }))
}

impl Request for ForgetApp {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        for sql in [
            "DELETE FROM events WHERE app = ?1",
            "DELETE FROM sequences WHERE app = ?1",
            "DELETE FROM sessions WHERE app = ?1",
            "DELETE FROM recurrences WHERE app = ?1",
            "DELETE FROM rights WHERE app = ?1",
        ] {
            disk.execute(sql, [self.app.as_str()])?;
        }
        Ok(())
    }

    fn publish(self, (): (), subscriptions: &mut Subscriptions) {
        subscriptions.remove(&self.app);
    }
}
