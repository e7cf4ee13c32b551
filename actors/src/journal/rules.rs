//! What the journal keeps of each app beside its sessions: its recurrence (A10), and what the user lets it do
//! (A5, N6).

use actix::Message;
use carpus_core::{AppId, AppRights, RecurrenceRecord};
use rusqlite::{Row, Transaction};

use super::record::BadRecord;
use super::requests::text_in;
use super::subscriptions::Subscriptions;
use super::thread::{Request, World};
use super::{JournalError, recurrence_record};
use crate::report::with_causes;

/// Keeps the recurrence of an app, or replaces what was kept of it (A10).
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct SaveRecurrence(pub RecurrenceRecord);

/// Forgets the recurrence of an app.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct RemoveRecurrence(pub AppId);

/// Gives all recurrences that were kept, by app. One that cannot be read is left out and logged (A9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<RecurrenceRecord>, JournalError>")]
pub struct LoadRecurrences;

/// Keeps what the user lets an app do, or replaces what was kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), JournalError>")]
pub struct SaveRights(pub AppId, pub AppRights);

/// Gives what the user lets apps do, by app; an app that is not among them may do everything. What cannot be read is
/// left out and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<(AppId, AppRights)>, JournalError>")]
pub struct LoadRights;

impl Request for SaveRecurrence {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        let text = recurrence_record::of_recurrence(&self.0).ok_or(JournalError::UnnamedZone)?;
        disk.execute(
            "INSERT OR REPLACE INTO recurrences (app, record) VALUES (?1, ?2)",
            (self.0.app.as_str(), text),
        )?;
        Ok(())
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for RemoveRecurrence {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        disk.execute("DELETE FROM recurrences WHERE app = ?1", [self.0.as_str()])?;
        Ok(())
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for LoadRecurrences {
    type Found = Vec<RecurrenceRecord>;
    type Answer = Vec<RecurrenceRecord>;

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Vec<RecurrenceRecord>, JournalError> {
        let mut query = disk.prepare("SELECT app, record FROM recurrences ORDER BY app")?;
        let mut rows = query.query([])?;
        let mut recurrences = Vec::new();
        while let Some(row) = rows.next()? {
            let cause = match (text_in(row, 0), text_in(row, 1)) {
                (Ok(app), Ok(text)) => match recurrence_record::to_recurrence(app, text) {
                    Ok(record) => {
                        recurrences.push(record);
                        continue;
                    }
                    Err(error) => format!("of {app}: {}", with_causes(&error)),
                },
                (Err(error), _) | (_, Err(error)) => with_causes(&error),
            };
            tracing::warn!("a recurrence cannot be read; it is left out: {cause}");
        }
        Ok(recurrences)
    }

    fn publish(self, found: Vec<RecurrenceRecord>, _: &mut Subscriptions) -> Vec<RecurrenceRecord> {
        found
    }
}

impl Request for SaveRights {
    type Found = ();
    type Answer = ();

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        let Self(app, AppRights { background_refresh, schedule }) = self;
        disk.execute(
            "INSERT OR REPLACE INTO rights (app, background_refresh, schedule) VALUES (?1, ?2, ?3)",
            (app.as_str(), background_refresh, schedule),
        )?;
        Ok(())
    }

    fn publish(self, (): (), _: &mut Subscriptions) {}
}

impl Request for LoadRights {
    type Found = Vec<(AppId, AppRights)>;
    type Answer = Vec<(AppId, AppRights)>;

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Self::Found, JournalError> {
        let mut query = disk.prepare("SELECT app, background_refresh, schedule FROM rights ORDER BY app")?;
        let mut rows = query.query([])?;
        let mut rights = Vec::new();
        while let Some(row) = rows.next()? {
            match read_rights(row) {
                Ok(of_app) => rights.push(of_app),
                Err(error) => {
                    tracing::warn!(%error, "the rights of an app cannot be read; they are left out")
                }
            }
        }
        Ok(rights)
    }

    fn publish(self, found: Self::Found, _: &mut Subscriptions) -> Self::Answer {
        found
    }
}

fn read_rights(row: &Row<'_>) -> Result<(AppId, AppRights), BadRecord> {
    let app = AppId::parse(text_in(row, 0)?)?;
    Ok((app, AppRights { background_refresh: row.get(1)?, schedule: row.get(2)? }))
}
