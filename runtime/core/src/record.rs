//! What must survive a crash: one record for each session that is scheduled, runs or still owes an alarm (A6, N7,
//! D2), and one for each recurrence (A10).

use std::time::Duration;

use crate::app::AppId;
use crate::haptics::Haptic;
use crate::recurrence::Recurrence;
use crate::session::{SessionId, SessionKind};
use crate::time::WallTime;
use crate::watch::Repeat;

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
    /// It was handed to the app, and waits for the delegate (A4).
    Handed {
        /// When it was due.
        since: WallTime,
        /// When it will end.
        expiration: WallTime,
        /// The same on the clock since boot, which counts on that boot only (D2). Zero where it was not written.
        ends_at: Duration,
        /// Whether its alarm rang, before it was handed over once more (N7).
        rang: bool,
        /// Which launch of its app that is (D2).
        launch: u32,
        /// What the runtime rings if the app does not (N7).
        fallback: Option<RecordedFallback>,
    },
    /// It runs.
    Running {
        /// When it was due or started.
        since: WallTime,
        /// When it will end.
        expiration: WallTime,
        /// The same on the clock since boot, which counts on that boot only (D2). Zero where it was not written.
        ends_at: Duration,
        /// Whether it was made with `start(at)` (S6, N1).
        scheduled: bool,
        /// Whether its alarm rang (N7).
        rang: bool,
        /// Whether `will_expire` was told (S4).
        warned: bool,
        /// Whether its app crashed, and it was handed over again and waits for the delegate (S14).
        handed: bool,
        /// Which launch of its app that is (D2).
        launch: u32,
        /// How it rings, since its app called for that (N1).
        ring: Option<RecordedRing>,
        /// What the runtime rings if the app does not (N7).
        fallback: Option<RecordedFallback>,
    },
    /// It is over, and its app never rang: the runtime itself does (N7).
    Fallback(RecordedFallback),
}

/// How an alarm rings (N2, N5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedRing {
    /// The haptic.
    pub haptic: Haptic,
    /// What the app said about the next ones.
    pub repeat: Repeat,
    /// From one to the next; none: there is no next.
    pub interval: Option<Duration>,
    /// How many had been played when this was written.
    pub played: u32,
    /// When it rings again, while it is snoozed; on the clock since boot, which counts on that boot only.
    pub snoozed_until: Option<Duration>,
}

/// A fallback alarm (N7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedFallback {
    /// When it rings.
    pub at: WallTime,
    /// Until when.
    pub until: WallTime,
    /// The same on the clock since boot, which counts on that boot only (D2). Zero where it was not written.
    pub over_at: Duration,
    /// When it rings again, while it is snoozed (N5).
    pub snoozed_until: Option<WallTime>,
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
