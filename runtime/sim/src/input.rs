//! All that can be put into the rules, as values: what a history is made of.

use std::time::Duration;

use carpus_core::app::AppRights;
use carpus_core::recurrence::Recurrence;
use carpus_core::session::{End, ExitStatus};
use carpus_core::suppression::Conditions;
use carpus_core::watch::{CallError, Kept, Repeat};
use carpus_core::{AppId, Application, Haptic, SessionId, SessionKind, WallTime};
use jiff::tz::TimeZone;

/// One input of the watch. Its time is given with it.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// An app is installed.
    Installed(Application),
    /// An app is removed.
    Removed(AppId),
    /// The user changes what an app may (A5, N6).
    Rights(AppId, AppRights),
    /// The user opens an app (L2).
    Open(AppId),
    /// The wrist goes up (L3).
    WristUp,
    /// The wrist goes down (L3).
    WristDown,
    /// The crown is pressed (L4).
    Crown,
    /// The system covers the screen (L4).
    Covered,
    /// The user ends an app (L7).
    Close(AppId),
    /// The user stops an alarm (N4).
    StopAlarm(SessionId),
    /// The user opens the app of an alarm (N4).
    OpenAlarm(SessionId),
    /// The user snoozes an alarm (N5).
    Snooze(SessionId, Option<Duration>),
    /// An app listens to its events.
    Attached(AppId),
    /// An app's process ended.
    Exited(AppId, ExitStatus),
    /// Memory is short (L5).
    MemoryShort,
    /// The board's battery and temperature (S10).
    Conditions(Conditions),
    /// The wall clock was set (A7, A10).
    ClockSet,
    /// The board's time zone (A10).
    TimeZone(TimeZone),
    /// An app makes a session; the number is fresh.
    Create(AppId, SessionId, Option<SessionKind>),
    /// An app starts one (S2).
    Start(AppId, SessionId),
    /// An app schedules one (A1).
    StartAt(AppId, SessionId, WallTime),
    /// An app schedules one in the place of another (A3).
    Replace(AppId, SessionId, WallTime),
    /// An app ends one (S6).
    Invalidate(AppId, SessionId),
    /// An app has set its delegate (A4).
    Handled(AppId, SessionId),
    /// An app rings (N1).
    NotifyUser(AppId, SessionId, Haptic, Repeat),
    /// An app answers how the alarm goes on (N2).
    Repeat(AppId, SessionId, u32, i64, Option<Haptic>),
    /// An app asks whether it could start (S11).
    CanStart(AppId, Option<SessionKind>, Option<WallTime>),
    /// An app declares a recurrence (A10).
    SetRecurrence(AppId, Recurrence),
    /// An app takes it back (A10).
    ClearRecurrence(AppId),
    /// The schedule says that an alarm's instant has come (A4).
    Due(SessionId),
    /// The CPU allowance of a session is spent (C2): used, limit.
    BudgetSpent(SessionId, Duration, Duration),
    /// A session's record is on disk (A6).
    Saved(SessionId),
    /// A session's record could not be written (A6).
    NotSaved(SessionId),
    /// A recurrence could not be written (A10).
    RecurrenceNotSaved(AppId),
    /// A fresh session for a recurrence (A10).
    Occurrence(AppId, SessionId),
    /// What was on disk when the runtime started, and what outlived it (D2).
    Restore(Kept),
    /// What is due on the clock since boot is done.
    Timeout,
}

/// What an input is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It has no answer.
    None,
    /// It is done, or refused.
    Call(Result<(), CallError>),
    /// What stands in the way of a start (S11).
    Obstacles(Result<Vec<End>, CallError>),
    /// Whether a session was lost with its record.
    Lost(bool),
}
