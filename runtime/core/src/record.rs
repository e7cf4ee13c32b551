//! What must survive a crash: one record for each session that is scheduled or runs (A6, D2).

use crate::app::AppId;
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
    },
    /// It was handed to the app, and waits for the delegate (A4); or it runs.
    Running {
        /// When it was due or started.
        since: WallTime,
        /// When it will end.
        expiration: WallTime,
        /// Whether it was made with `start(at)` (S6, N1).
        scheduled: bool,
    },
}
