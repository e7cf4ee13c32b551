//! The disk: what is on it survives; a write that was not done when the runtime died is gone. Writes that fail are
//! tried again when there is room, in their order; but a start is told so at once (A6).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use carpus_core::recurrence::RecurrenceRecord;
use carpus_core::{AppEvent, AppId, RecordedPhase, SessionId, SessionRecord};

/// A write on its way.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Append(AppId, AppEvent),
    /// And for which process of the app that was.
    Advance(AppId, AppEvent, SessionRecord, Option<u64>),
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
            Self::Save(record) | Self::Advance(_, _, record, _) => Some(record.session),
            Self::SaveRecurrence(_) | Self::ForgetRecurrence(_) | Self::Answer(..) | Self::Stopped(_) => None,
        }
    }

    /// Whether it is tried again when it failed.
    fn is_tried_again(&self) -> bool {
        match self {
            Self::Advance(..) | Self::Conclude(..) | Self::Forget(_) => true,
            Self::Save(record) => !matches!(record.phase, RecordedPhase::Scheduled { .. }),
            _ => false,
        }
    }

    fn app(&self) -> Option<&AppId> {
        match self {
            Self::Append(app, _) | Self::Advance(app, ..) | Self::Conclude(app, ..) => Some(app),
            Self::Save(record) => Some(&record.app),
            _ => None,
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
    /// The numbers of those that nobody is to be told any more.
    superseded: BTreeSet<u64>,
}

impl Journal {
    pub(super) fn append(&mut self, event: AppEvent) -> u64 {
        self.last += 1;
        self.waiting.push_back((self.last, event));
        self.last
    }

    /// The session is handed over: what another process was to be told of that, and did not acknowledge, is void.
    /// Answers the numbers.
    pub(super) fn supersede(&mut self, handed: SessionId) -> Vec<u64> {
        let void = |event: &AppEvent| match event {
            AppEvent::Handle { session, .. } | AppEvent::DidStart { session, .. } => *session == handed,
            _ => false,
        };
        let numbers = self.waiting.iter().filter(|(_, event)| void(event)).map(|(number, _)| *number);
        let numbers: Vec<_> = numbers.collect();
        self.waiting.retain(|(_, event)| !void(event));
        self.superseded.extend(&numbers);
        numbers
    }

    /// Whether nothing is missing between the two.
    pub(super) fn follows(&self, sequence: u64, before: u64) -> bool {
        (before + 1..sequence).all(|number| self.superseded.contains(&number))
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
    /// It was slow or full at least once.
    pub(super) was_late: bool,
    pub(super) full: bool,
    /// What failed and is tried again, in order.
    pub(super) kept: VecDeque<Write>,
    /// The sessions of which a write failed, and none was done since.
    pub(super) unwritten: BTreeSet<SessionId>,
    /// Whether a write failed for good since the runtime started.
    pub(super) failed: bool,
}

impl Disk {
    /// All that was ordered is on it, for good or not.
    pub(super) fn is_settled(&self) -> bool {
        !self.failed && self.pending.is_empty() && self.kept.is_empty()
    }

    /// The writes that are gone when the runtime dies.
    pub(super) fn lost(&self) -> impl Iterator<Item = &Write> {
        let pending = self.pending.iter().map(|(_, write)| write);
        pending.chain(&self.kept).filter(|write| write.is_durable())
    }

    /// A write failed.
    pub(super) fn fail(&mut self, write: &Write) {
        self.was_late = true;
        self.unwritten.extend(write.session());
        if write.is_tried_again() {
            self.kept.push_back(write.clone());
        } else {
            self.failed = true;
        }
    }

    /// There is room: what failed is tried again, before all else.
    pub(super) fn try_again(&mut self, now: Duration) {
        while let Some(write) = self.kept.pop_back() {
            self.pending.push_front((now, write));
        }
    }

    /// Nobody tries them again. Answers the sessions of which nothing ever was on disk.
    pub(super) fn give_up_kept(&mut self) -> Vec<SessionId> {
        self.kept.clear();
        let unwritten = std::mem::take(&mut self.unwritten);
        unwritten.into_iter().filter(|session| !self.records.contains_key(session)).collect()
    }

    pub(super) fn give_up_kept_of(&mut self, app: &AppId) {
        self.kept.retain(|write| write.app() != Some(app));
    }

    /// The records, as they will be when all that failed is written.
    pub(super) fn records_with_kept(&self) -> Vec<SessionRecord> {
        let mut records = self.records.clone();
        self.kept.iter().for_each(|write| keep_record(&mut records, write));
        records.into_values().collect()
    }

    /// Does a write that touches records only.
    pub(super) fn keep(&mut self, write: &Write) {
        keep_record(&mut self.records, write);
        if let Some(session) = write.session() {
            self.unwritten.remove(&session);
        }
        match write {
            Write::SaveRecurrence(record) => {
                self.recurrences.insert(record.app.clone(), record.clone());
            }
            Write::ForgetRecurrence(app) => {
                self.recurrences.remove(app);
            }
            _ => {}
        }
    }
}

fn keep_record(records: &mut BTreeMap<SessionId, SessionRecord>, write: &Write) {
    match write {
        Write::Conclude(_, _, session, None) | Write::Forget(session) => {
            records.remove(session);
        }
        Write::Conclude(_, _, _, Some(record)) | Write::Save(record) | Write::Advance(_, _, record, _) => {
            records.insert(record.session, record.clone());
        }
        _ => {}
    }
}
