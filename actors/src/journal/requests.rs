//! What the journal can be asked. Each answers after it is on disk.

use actix::Message;
use carpus_core::{AppEvent, AppId, SessionId, SessionRecord, WallTime};
use carpus_devices::bluetooth::DeviceId;
use rusqlite::{OptionalExtension, Row, Transaction};
use tokio::sync::mpsc::Sender;

use super::record::BadRecord;
use super::thread::{Request, World};
use super::{Delivery, JournalError, record, subscriptions::Subscriptions};

/// How many session numbers are reserved at a time: one write to the card for each so many sessions.
const SESSION_IDS_RESERVED: u64 = 16;
/// The largest number of a session or an event: readers of JSON hold no larger one exactly. At a million a second, it
/// lasts for 285 years; what is larger on the disk is damaged.
pub(super) const NUMBER_MAX: u64 = 1 << 53;
/// The counter of session numbers.
pub(super) const SESSION_COUNTER: &str = "session";
/// The counter that holds the first number of the events of an app that has had none: 1, until a damaged database left
/// it open which numbers were given.
pub(super) const FIRST_OF_APP: &str = "sequence";

/// Adds an event for an app, and delivers it. A durable one ([`AppEvent::is_durable`]) gets the app's next number,
/// which is the answer, and is kept until it is acknowledged; any other is only delivered, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<u64>, JournalError>")]
pub struct Append {
    /// The app.
    pub app: AppId,
    /// The event.
    pub event: AppEvent,
}

/// Adds an event of a session, as [`Append`] does, and keeps where the session stands then: both, or neither (D1, D2).
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<u64>, JournalError>")]
pub struct Advance {
    /// The app.
    pub app: AppId,
    /// The event.
    pub event: AppEvent,
    /// The session.
    pub record: SessionRecord,
}

/// Adds the last event of a session, as [`Append`] does, and puts `keep` in the place of what was kept of the session,
/// or takes that away: all of it, or nothing (D1, D2).
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<u64>, JournalError>")]
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

/// As [`NextSessionId`], for a session that this app makes. One that leaves too many events unacknowledged is refused:
/// it causes no more. The events of the sessions that it has are written nevertheless, so that each of them ends (S4);
/// they are few, since it makes no others.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<SessionId, JournalError>")]
pub struct NextSessionIdOf(pub AppId);

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

/// Forgets all that is kept of an app: its events, their numbers, its sessions, its recurrence, its rights,
/// what it was granted. Its subscription ends.
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

pub(super) const fn from_column(number: i64) -> u64 {
    number.cast_unsigned()
}

/// A column that holds text, or what is wrong with it: a byte that was changed on the disk makes it unreadable, and
/// must not block others (A9).
pub(super) fn text_in<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str, BadRecord> {
    row.get_ref(column).map_err(BadRecord::Row)?.as_str().map_err(BadRecord::NoText)
}

fn next_sequence(disk: &Transaction<'_>, app: &AppId) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO sequences (app, next)
               VALUES (?1, 1 + coalesce((SELECT next FROM counters WHERE name = ?2), 1))
               ON CONFLICT (app) DO UPDATE SET next = next + 1 RETURNING next - 1";
    disk.query_row(sql, [app.as_str(), FIRST_OF_APP], |row| row.get(0)).map(from_column)
}

fn undelivered(disk: &Transaction<'_>, app: &AppId) -> rusqlite::Result<usize> {
    let sql = "SELECT count(*) FROM events WHERE app = ?1";
    let count: i64 = disk.query_row(sql, [app.as_str()], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Writes an event, where it is durable, and gives it the app's next number.
pub(super) fn append(
    disk: &Transaction<'_>,
    app: &AppId,
    event: &AppEvent,
) -> Result<Option<u64>, JournalError> {
    let Some(payload) = record::of_event(event) else { return Ok(None) };
    let sequence = next_sequence(disk, app)?;
    disk.execute(
        "INSERT INTO events (app, sequence, payload) VALUES (?1, ?2, ?3)",
        (app.as_str(), to_column(sequence), payload),
    )?;
    Ok(Some(sequence))
}

pub(super) fn save_session(disk: &Transaction<'_>, record: &SessionRecord) -> rusqlite::Result<()> {
    disk.execute(
        "INSERT OR REPLACE INTO sessions (session, app, record) VALUES (?1, ?2, ?3)",
        (to_column(record.session.0), record.app.as_str(), record::of_session(record)),
    )?;
    Ok(())
}

pub(super) fn remove_session(disk: &Transaction<'_>, session: SessionId) -> rusqlite::Result<()> {
    disk.execute("DELETE FROM sessions WHERE session = ?1", [to_column(session.0)])?;
    Ok(())
}

/// A request that adds an event, and perhaps changes a record with it.
macro_rules! tells {
    ($request:ident, |$this:ident, $disk:ident| $also:block) => {
        impl Request for $request {
            /// The event's number, where it has one.
            type Found = Option<u64>;
            type Answer = Option<u64>;

            fn apply(&self, $disk: &Transaction<'_>, _: &mut World) -> Result<Option<u64>, JournalError> {
                let $this = self;
                let sequence = append($disk, &$this.app, &$this.event)?;
                $also
                Ok(sequence)
            }

            fn publish(self, sequence: Option<u64>, subscriptions: &mut Subscriptions) -> Option<u64> {
                subscriptions.deliver(&self.app, Delivery { sequence, event: self.event });
                sequence
            }
        }
    };
}

tells!(Append, |this, disk| {});
impl Request for Advance {
    /// The event's number, where it has one.
    type Found = Option<u64>;
    type Answer = Option<u64>;

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Option<u64>, JournalError> {
        if let AppEvent::Handle { session, .. } = &self.event {
            forget_handings(disk, &self.app, *session)?;
        }
        let sequence = append(disk, &self.app, &self.event)?;
        save_session(disk, &self.record)?;
        Ok(sequence)
    }

    fn publish(self, sequence: Option<u64>, subscriptions: &mut Subscriptions) -> Option<u64> {
        subscriptions.deliver(&self.app, Delivery { sequence, event: self.event });
        sequence
    }
}

/// A session is handed over once more because the process that it was handed to is gone (S14, A4): what that one was
/// told of its beginning, and did not deal with, is not for the next one.
fn forget_handings(disk: &Transaction<'_>, app: &AppId, session: SessionId) -> Result<(), JournalError> {
    let mut query = disk.prepare("SELECT sequence, payload FROM events WHERE app = ?1")?;
    let mut rows = query.query([app.as_str()])?;
    let mut old: Vec<i64> = Vec::new();
    while let Some(row) = rows.next()? {
        let event = text_in(row, 1).and_then(record::to_event).ok(); // one that cannot be read stays
        if let Some(AppEvent::Handle { session: of, .. } | AppEvent::DidStart { session: of, .. }) = event
            && of == session
        {
            old.push(row.get(0)?);
        }
    }
    for sequence in old {
        disk.execute("DELETE FROM events WHERE app = ?1 AND sequence = ?2", (app.as_str(), sequence))?;
    }
    Ok(())
}

tells!(Conclude, |this, disk| {
    match &this.keep {
        Some(record) => save_session(disk, record)?,
        None => remove_session(disk, this.session)?,
    }
});

impl Request for Subscribe {
    type Found = Vec<Delivery>;
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Vec<Delivery>, JournalError> {
        let mut query =
            disk.prepare("SELECT sequence, payload FROM events WHERE app = ?1 ORDER BY sequence")?;
        let mut rows = query.query([self.app.as_str()])?;
        let mut waiting = Vec::new();
        while let Some(row) = rows.next()? {
            let sequence: i64 = row.get(0)?;
            match text_in(row, 1).and_then(record::to_event) {
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
        let mut rows = query.query([])?;
        let mut sessions = Vec::new();
        while let Some(row) = rows.next()? {
            let session: i64 = row.get(0)?;
            let id = SessionId(from_column(session));
            match (text_in(row, 1), text_in(row, 2)) {
                (Ok(app), Ok(text)) => match record::to_session(id, app, text) {
                    Ok(record) => sessions.push(record),
                    Err(error) => {
                        tracing::warn!(session, app, %error, "a session cannot be read; it is left out");
                    }
                },
                (Err(error), _) | (_, Err(error)) => {
                    tracing::warn!(session, %error, "a session cannot be read; it is left out");
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
        next_session_id(disk, world)
    }

    fn publish(self, found: SessionId, _: &mut Subscriptions) -> SessionId {
        found
    }
}

impl Request for NextSessionIdOf {
    type Found = SessionId;
    type Answer = SessionId;

    fn apply(&self, disk: &Transaction<'_>, world: &mut World) -> Result<SessionId, JournalError> {
        let Self(app) = self;
        if undelivered(disk, app)? >= world.max_undelivered {
            return Err(JournalError::Full { app: app.clone(), limit: world.max_undelivered });
        }
        next_session_id(disk, world)
    }

    fn publish(self, found: SessionId, _: &mut Subscriptions) -> SessionId {
        found
    }
}

fn next_session_id(disk: &Transaction<'_>, world: &mut World) -> Result<SessionId, JournalError> {
    if let Some(id) = world.session_ids.next() {
        return Ok(SessionId(id));
    }
    let reserved = reserve_session_ids(disk)?;
    world.session_ids = reserved.start + 1..reserved.end;
    Ok(SessionId(reserved.start))
}

/// A counter that was changed on the disk, or is behind a session that is kept, is not believed.
fn reserve_session_ids(disk: &Transaction<'_>) -> rusqlite::Result<std::ops::Range<u64>> {
    let read = "SELECT next FROM counters WHERE name = ?1";
    let next: Option<i64> = disk.query_row(read, [SESSION_COUNTER], |row| row.get(0)).optional()?;
    let read = "SELECT max(session) FROM sessions WHERE session <= ?1";
    let largest: Option<i64> = disk.query_row(read, [to_column(NUMBER_MAX)], |row| row.get(0))?;
    let believed = next.map(from_column).filter(|next| (1..=NUMBER_MAX).contains(next)).unwrap_or(1);
    let start = believed.max(largest.map_or(1, |largest| from_column(largest.max(0)) + 1));
    let end = start + SESSION_IDS_RESERVED;
    let write = "INSERT OR REPLACE INTO counters (name, next) VALUES (?1, ?2)";
    disk.execute(write, (SESSION_COUNTER, to_column(end)))?;
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
        let mut rows = query.query([])?;
        let mut straps = Vec::new();
        while let Some(row) = rows.next()? {
            match read_strap(row) {
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

fn read_strap(row: &Row<'_>) -> Result<KnownStrap, BadRecord> {
    let device = DeviceId::parse(text_in(row, 0)?)?;
    let text = |column| match row.get_ref(column) {
        Ok(rusqlite::types::ValueRef::Null) => Ok(None),
        _ => text_in(row, column).map(|text| Some(text.to_owned())),
    };
    let added_at = WallTime::from_unix_ms(row.get(3)?);
    Ok(KnownStrap { device, name: text(1)?, role: text(2)?, added_at })
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
            "DELETE FROM grants WHERE app = ?1",
        ] {
            disk.execute(sql, [self.app.as_str()])?;
        }
        Ok(())
    }

    fn publish(self, (): (), subscriptions: &mut Subscriptions) {
        subscriptions.remove(&self.app);
    }
}
