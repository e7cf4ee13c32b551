//! What several interfaces share: states, reasons, error codes, causes, haptics.

use serde::{Deserialize, Serialize};
use zlink::idl;
use zlink::introspect::{CustomType, Type};

use crate::names::names;

names! {
    /// The states of an app (L1).
    enum AppState, a "state of an app" {
        /// There is no process.
        NotRunning = "not-running",
        /// Frontmost, but the screen is off or the app is on its way.
        Inactive = "inactive",
        /// Frontmost, and the screen is on.
        Active = "active",
        /// Not frontmost, and running.
        Background = "background",
        /// Not frontmost, and frozen.
        Suspended = "suspended",
    }
}

names! {
    /// The types of extended runtime session; each follows from the mode in the manifest (M1).
    enum SessionKind, a "type of session" {
        /// Short wellness tasks; frontmost; 10 min.
        SelfCare = "self-care",
        /// Silent meditation, breathing; frontmost; 1 h.
        Mindfulness = "mindfulness",
        /// Stretching, range of motion; background; 1 h.
        PhysicalTherapy = "physical-therapy",
        /// Watches heart rate and motion to choose the moment to wake; background, schedulable; 30 min.
        Alarm = "alarm",
    }
}

names! {
    /// The states of a session (S1).
    enum SessionState, a "state of a session" {
        /// Made, neither started nor scheduled.
        NotStarted = "not-started",
        /// Waits for its time.
        Scheduled = "scheduled",
        /// Runs.
        Running = "running",
        /// Over; it never runs again.
        Invalid = "invalid",
    }
}

names! {
    /// Why a session ended, in WatchKit's words (S7).
    enum Reason, a "reason" {
        /// Ended by the app, or normally.
        None = "none",
        /// Another session of the app ran already.
        SessionInProgress = "session-in-progress",
        /// The time was up.
        Expired = "expired",
        /// The user left the app during a frontmost session.
        ResignedFrontmost = "resigned-frontmost",
        /// The system could not let it run.
        SuppressedBySystem = "suppressed-by-system",
        /// An error; its code says which.
        Error = "error",
    }
}

names! {
    /// The error codes of a session (S8); their numbers are WatchKit's.
    enum ErrorCode, a "session error" {
        /// 1
        Unknown = "unknown",
        /// 2
        ScheduledTooFarInAdvance = "scheduled-too-far-in-advance",
        /// 3
        MustBeActiveToStartOrSchedule = "must-be-active-to-start-or-schedule",
        /// 4
        NotYetStarted = "not-yet-started",
        /// 5
        ExceededResourceLimits = "exceeded-resource-limits",
        /// 6
        BackgroundRefreshDisabled = "background-refresh-disabled",
        /// 7
        NotApprovedToStartSession = "not-approved-to-start-session",
        /// 8
        NotApprovedToSchedule = "not-approved-to-schedule",
        /// 9
        MustBeActiveToPrompt = "must-be-active-to-prompt",
        /// 10
        UnsupportedSessionType = "unsupported-session-type",
    }
}

impl ErrorCode {
    /// The code's number, 1 to 10.
    pub const fn number(self) -> i64 {
        self as i64 + 1
    }

    /// The code with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

names! {
    /// The haptics (H1).
    enum HapticType, a "haptic" {
        /// 0
        Notification = "notification",
        /// 1
        DirectionUp = "direction-up",
        /// 2
        DirectionDown = "direction-down",
        /// 3
        Success = "success",
        /// 4
        Failure = "failure",
        /// 5
        Retry = "retry",
        /// 6
        Start = "start",
        /// 7
        Stop = "stop",
        /// 8
        Click = "click",
        /// 9
        NavigationLeftTurn = "navigation-left-turn",
        /// 10
        NavigationRightTurn = "navigation-right-turn",
        /// 11
        NavigationGenericManeuver = "navigation-generic-maneuver",
        /// 12
        UnderwaterDepthPrompt = "underwater-depth-prompt",
        /// 13
        UnderwaterDepthCriticalPrompt = "underwater-depth-critical-prompt",
    }
}

impl HapticType {
    /// WatchKit's number for it, 0 to 13.
    pub const fn number(self) -> i64 {
        self as i64
    }
}

/// An error of a session (S8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct SessionError {
    /// WatchKit's number, 1 to 10.
    pub code: i64,
    /// Its name: unknown, scheduled-too-far-in-advance, must-be-active-to-start-or-schedule, not-yet-started,
    /// exceeded-resource-limits, background-refresh-disabled, not-approved-to-start-session,
    /// not-approved-to-schedule, must-be-active-to-prompt, unsupported-session-type.
    pub name: String,
}

impl SessionError {
    /// The code; one that this version does not know reads as [`ErrorCode::Unknown`].
    pub fn error_code(&self) -> ErrorCode {
        ErrorCode::from_number(self.code).unwrap_or(ErrorCode::Unknown)
    }
}

impl From<ErrorCode> for SessionError {
    fn from(code: ErrorCode) -> Self {
        Self { code: code.number(), name: code.name().to_owned() }
    }
}

/// How an app's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// It returned this code.
    Code(i64),
    /// This signal ended it.
    Signal(i64),
    /// It could not be launched, or nobody can tell.
    Unknown,
}

/// What ended a session, exactly (S9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "CauseMembers", try_from = "CauseMembers")]
pub enum Cause {
    /// The app called `invalidate()`.
    AppInvalidated,
    /// The user stopped the alarm.
    UserStoppedAlarm,
    /// The session's limit was reached.
    LimitReached,
    /// The crown was pressed.
    Crown,
    /// Another app was opened.
    OtherApp {
        /// The other app's identifier.
        app: String,
    },
    /// The system covered the screen.
    Covered,
    /// The battery was too low.
    LowBattery,
    /// The board was too hot.
    Overheated,
    /// The CPU allowance was spent.
    CpuBudgetSpent {
        /// CPU time used within the window, in milliseconds.
        used_ms: u64,
        /// The allowance, in milliseconds.
        limit_ms: u64,
        /// The window, in milliseconds.
        window_ms: u64,
    },
    /// The app's process ended.
    AppExited {
        /// How.
        status: ExitStatus,
    },
    /// The app set no delegate in time.
    NoDelegate,
    /// The time to start at was already past.
    ScheduledInPast,
    /// The board or the runtime was off at the time.
    MissedWhileOff,
    /// The user switched it off.
    DisabledByUser,
    /// The call was refused by a rule; the error code says which.
    Refused,
    /// What the session needs could not be written to disk.
    NotSaved,
    /// A cause that this version does not know: the runtime is newer than its reader.
    Other {
        /// The cause's name.
        name: String,
    },
}

impl Cause {
    /// The cause's name as the rules write it, without its data.
    pub fn name(&self) -> &str {
        match self {
            Self::AppInvalidated => "app-invalidated",
            Self::UserStoppedAlarm => "user-stopped-alarm",
            Self::LimitReached => "limit-reached",
            Self::Crown => "crown",
            Self::OtherApp { .. } => "other-app",
            Self::Covered => "covered",
            Self::LowBattery => "low-battery",
            Self::Overheated => "overheated",
            Self::CpuBudgetSpent { .. } => "cpu-budget-spent",
            Self::AppExited { .. } => "app-exited",
            Self::NoDelegate => "no-delegate",
            Self::ScheduledInPast => "scheduled-in-past",
            Self::MissedWhileOff => "missed-while-off",
            Self::DisabledByUser => "disabled-by-user",
            Self::Refused => "refused",
            Self::NotSaved => "not-saved",
            Self::Other { name } => name,
        }
    }
}

impl std::fmt::Display for Cause {
    /// The name with its data, for people: `other-app (toothbrush)`.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())?;
        match self {
            Self::OtherApp { app } => write!(out, " ({app})"),
            Self::CpuBudgetSpent { used_ms, limit_ms, window_ms } => {
                write!(out, " ({used_ms} ms of {limit_ms} ms in {window_ms} ms)")
            }
            Self::AppExited { status: ExitStatus::Code(code) } => write!(out, " (code {code})"),
            Self::AppExited { status: ExitStatus::Signal(signal) } => write!(out, " (signal {signal})"),
            _ => Ok(()),
        }
    }
}

/// What ended a session, exactly (S9).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, CustomType)]
#[zlink(rename = "Cause")]
struct CauseMembers {
    /// app-invalidated, user-stopped-alarm, limit-reached, crown, other-app, covered, low-battery, overheated,
    /// cpu-budget-spent, app-exited, no-delegate, scheduled-in-past, missed-while-off, disabled-by-user, refused,
    /// not-saved. A later version may know more.
    name: String,
    /// other-app: the app that was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    /// cpu-budget-spent: CPU time used within the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used_ms: Option<u64>,
    /// cpu-budget-spent: the allowance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit_ms: Option<u64>,
    /// cpu-budget-spent: the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window_ms: Option<u64>,
    /// app-exited: the code that the app returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    /// app-exited: the signal that ended the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<i64>,
}

impl From<Cause> for CauseMembers {
    fn from(cause: Cause) -> Self {
        let named = Self { name: cause.name().to_owned(), ..Self::default() };
        match cause {
            Cause::OtherApp { app } => Self { app: Some(app), ..named },
            Cause::CpuBudgetSpent { used_ms, limit_ms, window_ms } => {
                Self { used_ms: Some(used_ms), limit_ms: Some(limit_ms), window_ms: Some(window_ms), ..named }
            }
            Cause::AppExited { status: ExitStatus::Code(code) } => Self { exit_code: Some(code), ..named },
            Cause::AppExited { status: ExitStatus::Signal(signal) } => Self { signal: Some(signal), ..named },
            _ => named,
        }
    }
}

/// An object lacks a member that its kind needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{of:?} without the member {member:?}")]
pub struct MissingMember {
    /// The kind of the object, as it names itself.
    pub of: String,
    /// The member.
    pub member: &'static str,
}

/// Takes a member that the kind `of` needs.
pub(crate) fn need<T>(value: Option<T>, of: &str, member: &'static str) -> Result<T, MissingMember> {
    value.ok_or_else(|| MissingMember { of: of.to_owned(), member })
}

impl TryFrom<CauseMembers> for Cause {
    type Error = MissingMember;

    fn try_from(members: CauseMembers) -> Result<Self, MissingMember> {
        let name = members.name.as_str();
        Ok(match name {
            "app-invalidated" => Self::AppInvalidated,
            "user-stopped-alarm" => Self::UserStoppedAlarm,
            "limit-reached" => Self::LimitReached,
            "crown" => Self::Crown,
            "other-app" => Self::OtherApp { app: need(members.app, name, "app")? },
            "covered" => Self::Covered,
            "low-battery" => Self::LowBattery,
            "overheated" => Self::Overheated,
            "cpu-budget-spent" => Self::CpuBudgetSpent {
                used_ms: need(members.used_ms, name, "used_ms")?,
                limit_ms: need(members.limit_ms, name, "limit_ms")?,
                window_ms: need(members.window_ms, name, "window_ms")?,
            },
            "app-exited" => Self::AppExited { status: exit_status(members.exit_code, members.signal) },
            "no-delegate" => Self::NoDelegate,
            "scheduled-in-past" => Self::ScheduledInPast,
            "missed-while-off" => Self::MissedWhileOff,
            "disabled-by-user" => Self::DisabledByUser,
            "refused" => Self::Refused,
            "not-saved" => Self::NotSaved,
            _ => Self::Other { name: members.name },
        })
    }
}

fn exit_status(code: Option<i64>, signal: Option<i64>) -> ExitStatus {
    match (code, signal) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        (None, None) => ExitStatus::Unknown,
    }
}

impl Type for Cause {
    const TYPE: &'static idl::Type<'static> = CauseMembers::TYPE;
}

impl CustomType for Cause {
    const CUSTOM_TYPE: &'static idl::CustomType<'static> = CauseMembers::CUSTOM_TYPE;
}

/// A session, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct SessionInfo {
    /// The session's number; never given twice.
    pub session: u64,
    /// The identifier of its app.
    pub app: String,
    /// self-care, mindfulness, physical-therapy, alarm.
    pub kind: SessionKind,
    /// not-started, scheduled, running, invalid.
    pub state: SessionState,
    /// When it started, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_ms: Option<i64>,
    /// When it ends or ended at the latest, in Unix milliseconds; none until it runs (S5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_ms: Option<i64>,
    /// When it is due, in Unix milliseconds; only of a scheduled session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at_ms: Option<i64>,
}
