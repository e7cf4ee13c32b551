//! The disk: what is on it survives; a write that was not acknowledged when the power went is gone.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use carpus_core::recurrence::RecurrenceRecord;
use carpus_core::{AppEvent, AppId, SessionId, SessionRecord};

/// A write on its way.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Append(AppId, AppEvent),
    Conclude(AppId, AppEvent, SessionId, Option<SessionRecord>),
    Save(SessionRecord),
    Forget(SessionId),
    SaveRecurrence(RecurrenceRecord),
    ForgetRecurrence(AppId),
    /// Not a write: all before it are done, and the app that asked for a start is answered.
    Answer(SessionId, bool),
    /// Not a write: all before it are done, and the user's stop outlives a crash.
    Stopped(SessionId),
}

impl Write {
    pub(super) fn session(&self) -> Option<SessionId> {
        match self {
            Self::Append(_, event) if !event.is_durable() => None,
            Self::Append(_, event) => crate::compare::session_of_event(event),
            Self::Conclude(_, _, session, _) | Self::Forget(session) => Some(*session),
            Self::Save(record) => Some(record.session),
            Self::SaveRecurrence(_) | Self::ForgetRecurrence(_) | Self::Answer(..) | Self::Stopped(_) => None,
        }
    }

    /// Whether it touches the disk at all.
    pub(super) fn is_durable(&self) -> bool {
        match self {
            Self::Append(_, event) => event.is_durable(),
            Self::Answer(..) | Self::Stopped(_) => false,
            _ => true,
        }
    }
}

/// The events of one app.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    pub(super) waiting: VecDeque<(u64, AppEvent)>,
    last: u64,
}

impl Journal {
    pub(super) fn append(&mut self, event: AppEvent) -> u64 {
        self.last += 1;
        self.waiting.push_back((self.last, event));
        self.last
    }

    pub(super) fn acknowledge(&mut self, sequence: u64) {
        while self.waiting.front().is_some_and(|(number, _)| *number <= sequence) {
            self.waiting.pop_front();
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) records: BTreeMap<SessionId, SessionRecord>,
    pub(super) recurrences: BTreeMap<AppId, RecurrenceRecord>,
    pub(super) journals: Vec<Journal>,
    /// Writes on their way, in order, each with the time at which it is done.
    pub(super) pending: VecDeque<(Duration, Write)>,
    pub(super) latency: Duration,
    pub(super) full: bool,
    /// Whether a write failed since the runtime started.
    pub(super) failed: bool,
}

impl Disk {
    /// Does a write that touches records only.
    pub(super) fn keep(&mut self, write: &Write) {
        match write {
            Write::Conclude(_, _, session, None) | Write::Forget(session) => {
                self.records.remove(session);
            }
            Write::Conclude(_, _, _, Some(record)) | Write::Save(record) => {
                self.records.insert(record.session, record.clone());
            }
            Write::SaveRecurrence(record) => {
                self.recurrences.insert(record.app.clone(), record.clone());
            }
            Write::ForgetRecurrence(app) => {
                self.recurrences.remove(app);
            }
            Write::Append(..) | Write::Answer(..) | Write::Stopped(_) => {}
        }
    }
}
