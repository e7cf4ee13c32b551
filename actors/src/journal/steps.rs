//! What the watch writes, several steps at once: one write for all that waits, or nothing of it.

use actix::Message;
use carpus_core::{AppEvent, AppId, AppRights, RecurrenceRecord, SessionId, SessionRecord};
use rusqlite::{OptionalExtension as _, Transaction};

use super::requests::{Advance, Append, Conclude, RemoveSession, SaveSession, from_column};
use super::rules::{RemoveRecurrence, SaveRecurrence, SaveRights};
use super::subscriptions::Subscriptions;
use super::thread::{Request, World};
use super::{Delivery, JournalError};

/// One of the requests that change what the watch has on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Append(Append),
    Advance(Advance),
    Conclude(Conclude),
    Save(SessionRecord),
    Forget(SessionId),
    SaveRecurrence(RecurrenceRecord),
    ForgetRecurrence(AppId),
    SaveRights(AppId, AppRights),
}

/// Makes these steps, in this order: all of them, or none. Answers with the number of the last durable event of each,
/// in the same order.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Vec<Option<u64>>, JournalError>")]
pub(crate) struct TakeSteps(pub(crate) Vec<Step>);

/// Tells an app an event that cannot be written, if it listens; whether it does. It has no number, and is told once.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<bool, JournalError>")]
pub(crate) struct TellUnwritten {
    pub(crate) app: AppId,
    pub(crate) event: AppEvent,
}

/// The number of the newest event that an app was ever told; none where there was none yet. It tells whether a write
/// of which nobody knows the outcome was made.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<Option<u64>, JournalError>")]
pub(crate) struct NewestOf(pub(crate) AppId);

impl Request for TakeSteps {
    type Found = Vec<Option<u64>>;
    type Answer = Vec<Option<u64>>;

    // A step that is refused may follow one that was made.
    const REFUSES_CLEANLY: bool = false;

    fn apply(&self, disk: &Transaction<'_>, world: &mut World) -> Result<Self::Found, JournalError> {
        self.0.iter().map(|step| step.apply(disk, world)).collect()
    }

    fn publish(self, found: Self::Found, subscriptions: &mut Subscriptions) -> Self::Answer {
        for (step, sequence) in self.0.into_iter().zip(&found) {
            step.publish(*sequence, subscriptions);
        }
        found
    }
}

impl Step {
    fn apply(&self, disk: &Transaction<'_>, world: &mut World) -> Result<Option<u64>, JournalError> {
        match self {
            Self::Append(request) => return request.apply(disk, world),
            Self::Advance(request) => return request.apply(disk, world),
            Self::Conclude(request) => return request.apply(disk, world),
            Self::Save(record) => SaveSession(record.clone()).apply(disk, world)?,
            Self::Forget(session) => RemoveSession(*session).apply(disk, world)?,
            Self::SaveRecurrence(record) => SaveRecurrence(record.clone()).apply(disk, world)?,
            Self::ForgetRecurrence(app) => RemoveRecurrence(app.clone()).apply(disk, world)?,
            Self::SaveRights(app, rights) => SaveRights(app.clone(), *rights).apply(disk, world)?,
        }
        Ok(None)
    }

    fn publish(self, sequence: Option<u64>, subscriptions: &mut Subscriptions) {
        match self {
            Self::Append(request) => drop(request.publish(sequence, subscriptions)),
            Self::Advance(request) => drop(request.publish(sequence, subscriptions)),
            Self::Conclude(request) => drop(request.publish(sequence, subscriptions)),
            Self::Save(_)
            | Self::Forget(_)
            | Self::SaveRecurrence(_)
            | Self::ForgetRecurrence(_)
            | Self::SaveRights(..) => {}
        }
    }
}

impl Request for TellUnwritten {
    type Found = ();
    type Answer = bool;

    fn apply(&self, _: &Transaction<'_>, _: &mut World) -> Result<(), JournalError> {
        Ok(())
    }

    fn publish(self, (): (), subscriptions: &mut Subscriptions) -> bool {
        subscriptions.deliver(&self.app, Delivery { sequence: None, event: self.event })
    }
}

impl Request for NewestOf {
    type Found = Option<u64>;
    type Answer = Option<u64>;

    fn apply(&self, disk: &Transaction<'_>, _: &mut World) -> Result<Option<u64>, JournalError> {
        let sql = "SELECT next - 1 FROM sequences WHERE app = ?1";
        let newest: Option<i64> = disk.query_row(sql, [self.0.as_str()], |row| row.get(0)).optional()?;
        Ok(newest.map(from_column))
    }

    fn publish(self, found: Option<u64>, _: &mut Subscriptions) -> Option<u64> {
        found
    }
}
