//! What a session is: kinds (T), states (S1), reasons (S7), error codes (S8), causes (S9).

use std::fmt;
use std::time::Duration;

use crate::app::AppId;

/// Names a session for good; never given twice, over restarts of the runtime too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// The types of extended runtime session (part 3 of the rules). The kind is never passed by an app: it follows
/// from the manifest (M1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKind {
    /// Short wellness tasks; frontmost; 10 min.
    SelfCare,
    /// Silent meditation, breathing; frontmost; 1 h.
    Mindfulness,
    /// Stretching, range of motion; background; 1 h.
    PhysicalTherapy,
    /// Watches heart rate and motion to choose the moment to wake; background, schedulable; 30 min.
    Alarm,
}

impl SessionKind {
    /// Every kind, in the order of the rules' table.
    pub const ALL: [Self; 4] = [Self::SelfCare, Self::Mindfulness, Self::PhysicalTherapy, Self::Alarm];

    /// The name of the mode in a manifest that gives this kind (M1).
    pub const fn name(self) -> &'static str {
        match self {
            Self::SelfCare => "self-care",
            Self::Mindfulness => "mindfulness",
            Self::PhysicalTherapy => "physical-therapy",
            Self::Alarm => "alarm",
        }
    }

    /// Whether the session ends when the user leaves the app (T2), or runs on (T3).
    pub const fn is_frontmost(self) -> bool {
        matches!(self, Self::SelfCare | Self::Mindfulness)
    }

    /// Whether `start(at)` is its way to start (T4, A1).
    pub const fn is_schedulable(self) -> bool {
        matches!(self, Self::Alarm)
    }
}

/// The states of a session (S1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// Made, neither started nor scheduled.
    NotStarted,
    /// Waits for its time (A3, A4).
    Scheduled,
    /// Runs.
    Running,
    /// Over. It never runs again.
    Invalid,
}

impl SessionState {
    /// Every change of state that the rules know (S1). The project's documentation draws them.
    pub const TRANSITIONS: [(Self, Self); 6] = [
        (Self::NotStarted, Self::Scheduled),
        (Self::NotStarted, Self::Running),
        (Self::NotStarted, Self::Invalid),
        (Self::Scheduled, Self::Running),
        (Self::Scheduled, Self::Invalid),
        (Self::Running, Self::Invalid),
    ];

    /// The state's name as the rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "not-started",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Invalid => "invalid",
        }
    }
}

/// Why a session ended, as WatchKit tells it (S7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Ended by the app, or normally.
    None,
    /// Another session of the app ran already (S3).
    SessionInProgress,
    /// The time was up.
    Expired,
    /// The user left the app during a frontmost session (T2).
    ResignedFrontmost,
    /// The system could not let it run (S10).
    SuppressedBySystem,
    /// An error; the code says which.
    Error,
}

impl Reason {
    /// The reason's name as the rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SessionInProgress => "session-in-progress",
            Self::Expired => "expired",
            Self::ResignedFrontmost => "resigned-frontmost",
            Self::SuppressedBySystem => "suppressed-by-system",
            Self::Error => "error",
        }
    }
}

/// The error codes (S8). Their numbers are WatchKit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ErrorCode {
    /// 1
    #[error("the session failed")]
    Unknown = 1,
    /// 2
    #[error("the time lies too far ahead")]
    ScheduledTooFarInAdvance = 2,
    /// 3
    #[error("the app must be active to start, schedule or cancel this session")]
    MustBeActiveToStartOrSchedule = 3,
    /// 4
    #[error("the session was never started")]
    NotYetStarted = 4,
    /// 5
    #[error("the session used more than its CPU allowance")]
    ExceededResourceLimits = 5,
    /// 6
    #[error("the user switched background refresh off for this app")]
    BackgroundRefreshDisabled = 6,
    /// 7
    #[error("the manifest declares no mode that allows this session to start")]
    NotApprovedToStartSession = 7,
    /// 8
    #[error("this app may not schedule a session")]
    NotApprovedToSchedule = 8,
    /// 9
    #[error("the app must be active to prompt")]
    MustBeActiveToPrompt = 9,
    /// 10
    #[error("this type of session is not supported")]
    UnsupportedSessionType = 10,
}

impl ErrorCode {
    /// Every code, by number.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::ScheduledTooFarInAdvance,
        Self::MustBeActiveToStartOrSchedule,
        Self::NotYetStarted,
        Self::ExceededResourceLimits,
        Self::BackgroundRefreshDisabled,
        Self::NotApprovedToStartSession,
        Self::NotApprovedToSchedule,
        Self::MustBeActiveToPrompt,
        Self::UnsupportedSessionType,
    ];

    /// The code's number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The code's name as the rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::ScheduledTooFarInAdvance => "scheduled-too-far-in-advance",
            Self::MustBeActiveToStartOrSchedule => "must-be-active-to-start-or-schedule",
            Self::NotYetStarted => "not-yet-started",
            Self::ExceededResourceLimits => "exceeded-resource-limits",
            Self::BackgroundRefreshDisabled => "background-refresh-disabled",
            Self::NotApprovedToStartSession => "not-approved-to-start-session",
            Self::NotApprovedToSchedule => "not-approved-to-schedule",
            Self::MustBeActiveToPrompt => "must-be-active-to-prompt",
            Self::UnsupportedSessionType => "unsupported-session-type",
        }
    }
}

/// How an app's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It could not be launched, or nobody can tell.
    Unknown,
}

/// What ended a session, exactly (S9): every end carries one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    OtherApp(AppId),
    /// The system covered the screen.
    Covered,
    /// The battery was too low (S10).
    LowBattery,
    /// The board was too hot (S10).
    Overheated,
    /// The CPU allowance was spent (C2).
    CpuBudgetSpent {
        /// CPU time used within the window.
        used: Duration,
        /// The allowance.
        limit: Duration,
        /// The window.
        window: Duration,
    },
    /// The app's process ended.
    AppExited(ExitStatus),
    /// The app set no delegate in time (A4).
    NoDelegate,
    /// The time to start at was already past (A2).
    ScheduledInPast,
    /// The board or the runtime was off at the time (A7).
    MissedWhileOff,
    /// The user switched it off.
    DisabledByUser,
    /// The call was refused by a rule; the error code says which.
    Refused,
    /// What the session needs could not be written to disk (A6).
    NotSaved,
}

impl Cause {
    /// The cause's name as the rules write it, without its data.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AppInvalidated => "app-invalidated",
            Self::UserStoppedAlarm => "user-stopped-alarm",
            Self::LimitReached => "limit-reached",
            Self::Crown => "crown",
            Self::OtherApp(_) => "other-app",
            Self::Covered => "covered",
            Self::LowBattery => "low-battery",
            Self::Overheated => "overheated",
            Self::CpuBudgetSpent { .. } => "cpu-budget-spent",
            Self::AppExited(_) => "app-exited",
            Self::NoDelegate => "no-delegate",
            Self::ScheduledInPast => "scheduled-in-past",
            Self::MissedWhileOff => "missed-while-off",
            Self::DisabledByUser => "disabled-by-user",
            Self::Refused => "refused",
            Self::NotSaved => "not-saved",
        }
    }
}

/// The end of a session: what `did_invalidate` tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// WatchKit's reason.
    pub reason: Reason,
    /// The error, when the reason is [`Reason::Error`] or the call was refused.
    pub error: Option<ErrorCode>,
    /// What ended it, exactly (S9). Every end carries one, but what an app is told in strict mode.
    pub cause: Option<Cause>,
}

impl End {
    /// An end without an error.
    pub const fn by(reason: Reason, cause: Cause) -> Self {
        Self { reason, error: None, cause: Some(cause) }
    }

    /// What ended it, in a word of the rules: the cause, or where that is not told the error or the reason.
    pub fn why(&self) -> &'static str {
        let cause = self.cause.as_ref().map(Cause::name);
        cause.or(self.error.map(ErrorCode::name)).unwrap_or(self.reason.name())
    }

    /// The same end, as an app is told it in strict mode.
    #[must_use]
    pub fn without_cause(self) -> Self {
        Self { cause: None, ..self }
    }

    /// An end with reason `error`.
    pub const fn with_error(error: ErrorCode, cause: Cause) -> Self {
        Self { reason: Reason::Error, error: Some(error), cause: Some(cause) }
    }
}
