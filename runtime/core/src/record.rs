//! What must survive a crash: one record for each session that is scheduled, runs or still owes an alarm (A6, N7,
//! D2), and one for each recurrence (A10).

use crate::app::AppId;
use crate::recurrence::Recurrence;
use crate::session::{SessionId, SessionKind};
use crate::time::WallTime;

/// A session on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session.
    pub session: SessionId,
    /// Its app.
    pub app: AppId,
    /// Its kind.
    pub kind: SessionKind,
    /// Where it stands.
    pub phase: RecordedPhase,
}

/// Where a recorded session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedPhase {
    /// It waits for its time (A6).
    Scheduled {
        /// When it is due.
        at: WallTime,
        /// Whether the app's recurrence made it (A10).
        recurring: bool,
    },
    /// It was handed to the app, and waits for the delegate (A4); or it runs.
    Running {
        /// When it was due or started.
        since: WallTime,
        /// When it will end.
        expiration: WallTime,
        /// Whether it was made with `start(at)` (S6, N1).
        scheduled: bool,
        /// Whether its alarm rang (N7).
        rang: bool,
    },
    /// It is over, and its app never rang: the runtime itself does (N7).
    Fallback {
        /// When.
        at: WallTime,
        /// Until when.
        until: WallTime,
    },
}

/// A recurrence on disk (A10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecurrenceRecord {
    /// The app that declared it.
    pub app: AppId,
    /// The rule.
    pub rule: Recurrence,
    /// The instant that came due or was skipped last.
    pub last: Option<UsedInstant>,
}

/// An instant of a recurrence that came due or was skipped (A10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedInstant {
    /// The instant.
    pub at: WallTime,
    /// What the wall clock showed when that happened: by it can be told how far the clock was set back since.
    pub noted: WallTime,
}
