//! What the watch asks its shell to do, and why it refuses a call.

use std::time::Duration;

use crate::app::{AppId, AppState};
use crate::event::AppEvent;
use crate::haptics::Haptic;
use crate::record::{RecurrenceRecord, SessionRecord};
use crate::session::{End, ErrorCode, SessionId, SessionKind, SessionState};
use crate::time::WallTime;

/// Something for the shell to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start the app's process.
    Launch {
        /// The app.
        app: AppId,
    },
    /// Take all CPU from the app (L5).
    Freeze {
        /// The app.
        app: AppId,
    },
    /// Give it back.
    Thaw {
        /// The app.
        app: AppId,
    },
    /// End the app's process: SIGTERM, and SIGKILL when it does not leave (L7).
    EndProcess {
        /// The app.
        app: AppId,
    },
    /// End the app's process at once: its time to leave is over (SIGKILL, L7).
    Kill {
        /// The app.
        app: AppId,
    },
    /// Tell the app (D1). What a session's next step tells comes as [`Output::Advance`], its end as
    /// [`Output::Conclude`].
    Deliver {
        /// The app.
        app: AppId,
        /// What.
        event: AppEvent,
    },
    /// Tell the app that a session went a step further, and write down where it stands now: in one write, so that no
    /// crash in between doubles or loses the step (D1, D2).
    Advance {
        /// The app.
        app: AppId,
        /// `handle`, `did_start` or `will_expire`.
        event: AppEvent,
        /// The session.
        record: SessionRecord,
    },
    /// Tell the app that a session ended, and put `keep` in the place of its record, or take that away: in one write,
    /// so that no crash in between doubles or loses the end (D1, D2).
    Conclude {
        /// The app.
        app: AppId,
        /// `did_invalidate`.
        event: AppEvent,
        /// The session.
        session: SessionId,
        /// What is still owed for it (N7).
        keep: Option<SessionRecord>,
    },
    /// Write the session down before the call that led to it is answered (A6); what changed, nobody is told (D2).
    Save(SessionRecord),
    /// Nothing is owed for the session any more: its record may go.
    Forget {
        /// The session.
        session: SessionId,
    },
    /// Write the recurrence down before the call that led to it is answered (A10).
    SaveRecurrence(RecurrenceRecord),
    /// There is no recurrence any more: its record may go.
    ForgetRecurrence {
        /// The app.
        app: AppId,
    },
    /// Call [`Watch::handle_occurrence`](super::Watch::handle_occurrence) with a number never given before (A10).
    WantOccurrence {
        /// The app.
        app: AppId,
    },
    /// Call [`Watch::handle_due`](super::Watch::handle_due) at the wall-clock instant.
    Arm {
        /// The session.
        session: SessionId,
        /// When.
        at: WallTime,
    },
    /// Don't any more.
    Disarm {
        /// The session.
        session: SessionId,
    },
    /// Measure what the app uses while the session runs (C1).
    Measure {
        /// The session.
        session: SessionId,
        /// Its app.
        app: AppId,
        /// Its kind, which has an allowance.
        kind: SessionKind,
    },
    /// The session is over: measure no more.
    StopMeasuring {
        /// The session.
        session: SessionId,
    },
    /// The alarm plays a haptic, and the sound that belongs to it (N1, N8).
    Ring {
        /// The session.
        session: SessionId,
        /// Its app.
        app: AppId,
        /// Which.
        haptic: Haptic,
    },
    /// The alarm is over or snoozed: no haptic and no sound of it may go on.
    Silence {
        /// The session.
        session: SessionId,
    },
    /// Show the alarm's alert with Stop, Open and Snooze (N4, N5).
    ShowAlert {
        /// The session.
        session: SessionId,
        /// Its app.
        app: AppId,
    },
    /// Take the alert away.
    ClearAlert {
        /// The session.
        session: SessionId,
        /// Its app.
        app: AppId,
    },
    /// An app asked for a longer or shorter time between two haptics than is allowed (N2); for the log.
    IntervalChanged {
        /// The session.
        session: SessionId,
        /// What was asked for.
        asked: Duration,
        /// What it got.
        given: Duration,
    },
    /// An alarm session ended without one haptic of its app (N6): warn the user, and offer to take from the app the
    /// right to schedule ([`AppRights`](crate::app::AppRights)).
    WarnSilent {
        /// The session.
        session: SessionId,
        /// Its app.
        app: AppId,
    },
    /// An alarm was missed while the board or the runtime was off (A7): tell the user.
    TellMissed {
        /// The session.
        session: SessionId,
        /// Its app.
        app: AppId,
        /// When it was due.
        at: WallTime,
    },
    /// For those who look on: the app's state changed.
    AppStateChanged {
        /// The app.
        app: AppId,
        /// The new state.
        state: AppState,
    },
    /// For those who look on: the session's state changed.
    SessionStateChanged {
        /// The session.
        session: SessionId,
        /// Its app.
        app: AppId,
        /// The new state.
        state: SessionState,
    },
}

/// What the next timeout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeoutReason {
    /// The frontmost time is over (L3).
    FrontmostTime,
    /// The grace before a suspension is over (L4).
    SuspendGrace,
    /// An app that was told to end did not (L7).
    LeaveTime,
    /// An app took too long to set a delegate (A4).
    HandleTime,
    /// A snooze is over (N5).
    SnoozeOver,
    /// `will_expire` is due (S4).
    WillExpire,
    /// A fallback alarm begins to ring (N7).
    Fallback,
    /// A session's limit is reached (T).
    Limit,
    /// An alarm's next haptic is due (N2).
    NextHaptic,
    /// A fallback alarm rang for as long as it may (N7).
    FallbackOver,
    /// A session for a recurrence is asked for again (A10).
    Occurrence,
}

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No such app is installed.
    #[error("no app {0} is installed")]
    UnknownApp(AppId),
    /// The app has no such session; another app's session is as unknown as none.
    #[error("this app has no session {0}")]
    UnknownSession(SessionId),
    /// The number is another session's.
    #[error("there is a session {0} already")]
    TakenSession(SessionId),
    /// The app has as many sessions that are not over as it may (a setting).
    #[error("this app has {limit} sessions that are not over, which is the limit")]
    TooManySessions {
        /// The limit.
        limit: usize,
    },
    /// The start failed, and the session with it: `did_invalidate` tells the same (S4).
    #[error("the session did not start: {}", .0.why())]
    StartFailed(End),
    /// The call is against a rule, and nothing changed (S6).
    #[error(transparent)]
    NotAllowed(ErrorCode),
    /// The session is past this: it was started before (S1).
    #[error("the session is {} already; make a new one", .0.name())]
    StartedBefore(SessionState),
    /// Only the running session of a scheduled alarm may notify the user (N1).
    #[error("only a running session that was made with start(at) may notify the user (rule N1)")]
    NotARunningAlarm,
    /// The session does not ring.
    #[error("session {0} does not ring")]
    NotRinging(SessionId),
    /// The window of the alarm has no room for the snooze: it rings on (N5).
    #[error("the alarm cannot be snoozed for that long: it has {} s left (rule N5)", left.as_secs())]
    NoRoomToSnooze {
        /// What is left of its window.
        left: Duration,
    },
    /// The call belongs to a rule beyond WatchKit, and those are off.
    #[error("this is beyond WatchKit, and the setting compat.strict turns it off")]
    NotOffered,
    /// One of the app's sessions waits, or it has a rule already (A10).
    #[error("this app has a scheduled session or a recurrence already; end that first (rule A10)")]
    RecurrenceInTheWay,
    /// The rule names no instant (A10).
    #[error("the recurrence names no instant: it has no weekday, or its calendar is over (rule A10)")]
    NoInstant,
    /// The session does not wait for a delegate.
    #[error("session {0} does not wait for a delegate")]
    NotHanded(SessionId),
}
