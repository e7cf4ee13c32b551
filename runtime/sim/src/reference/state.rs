//! What the reference model knows of apps, sessions and alarms.

use std::time::Duration;

use carpus_core::app::{AppRights, AppState};
use carpus_core::recurrence::Recurrence;
use carpus_core::session::ErrorCode;
use carpus_core::{
    AppId, Haptic, RecordedPhase, SessionId, SessionKind, SessionRecord, SessionState, UsedInstant, WallTime,
};

/// An installed app.
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) kinds: Vec<SessionKind>,
    pub(super) rights: AppRights,
    pub(super) state: AppState,
    pub(super) process: Process,
    /// It was opened while its process ends: it is launched again when that is over.
    pub(super) reopened: bool,
    /// When the frontmost time is over (L3); only with the wrist down.
    pub(super) frontmost_until: Option<Duration>,
    /// When the grace is over (L4).
    pub(super) grace_until: Option<Duration>,
    /// When its process must have left (L7).
    pub(super) leave_by: Option<Duration>,
    /// Since when it is suspended (L5).
    pub(super) suspended_at: Option<Duration>,
    pub(super) recurrence: Option<Declared>,
}

/// The process of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    None,
    /// Launched, and does not listen yet.
    Launching,
    /// Listens to its events.
    Attached,
    /// Told to end.
    Ending,
}

/// A recurrence that an app declared (A10).
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) rule: Recurrence,
    /// The newest instant that came due or was skipped.
    pub(super) last: Option<UsedInstant>,
    /// A session was asked for, and there was no answer yet.
    pub(super) asked: bool,
    /// A session was asked for, or could not be saved; when one is asked for again.
    pub(super) ask_again_at: Option<Duration>,
}

/// A session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) app: AppId,
    /// Its kind; or why it has none, which a start tells (S2, M4).
    pub(super) kind: Result<SessionKind, ErrorCode>,
    pub(super) phase: Phase,
    /// Made with `start(at)`, or for a recurrence (S6, N1).
    pub(super) with_time: bool,
    /// Made for the recurrence of its app (A10).
    pub(super) of_rule: bool,
    /// The sessions that end when this one is on disk (A3).
    pub(super) replaces: Vec<SessionId>,
    /// The app played a haptic in it (N6, N7).
    pub(super) rang: bool,
    /// How many haptics the app played in it (N2).
    pub(super) played: u32,
    pub(super) ring: Option<Ring>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    NotStarted,
    /// Waits for its instant (A4).
    Waiting {
        at: WallTime,
    },
    /// Waits for the delegate (A4).
    Handed {
        span: Span,
        /// None until the app listens.
        deadline: Option<Duration>,
    },
    Running {
        span: Span,
        /// None when it was said.
        will_expire_at: Option<Duration>,
    },
    Over,
}

/// From when to when a session runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) since: WallTime,
    pub(super) expiration: WallTime,
    /// The expiration on the clock since boot, as it was when the session was handed over or started.
    pub(super) ends_at: Duration,
}

/// The alarm that an app rings (N1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    pub(super) haptic: Haptic,
    /// From one haptic to the next; none plays no other.
    pub(super) interval: Option<Duration>,
    /// The app is asked after each haptic (N2).
    pub(super) asks: bool,
    /// It answered for the last one.
    pub(super) answered: bool,
    /// When the last haptic was played.
    pub(super) last_at: Duration,
    pub(super) next_at: Option<Duration>,
    pub(super) snoozed_until: Option<Duration>,
    pub(super) alert: bool,
}

/// The alarm that the runtime itself rings for a session (N7).
#[derive(Clone, Debug)]
pub(super) struct Fallback {
    pub(super) app: AppId,
    pub(super) kind: SessionKind,
    /// When it rings, and until when, on the wall clock.
    pub(super) at: WallTime,
    pub(super) until: WallTime,
    /// The same on the clock since boot.
    pub(super) rings_at: Duration,
    pub(super) over_at: Duration,
    pub(super) phase: FallbackPhase,
    pub(super) alert: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FallbackPhase {
    Planned,
    Ringing { next_at: Duration },
    Snoozed { until: Duration },
}

impl App {
    pub(super) fn new(kinds: Vec<SessionKind>) -> Self {
        Self {
            kinds,
            rights: AppRights::default(),
            state: AppState::NotRunning,
            process: Process::None,
            reopened: false,
            frontmost_until: None,
            grace_until: None,
            leave_by: None,
            suspended_at: None,
            recurrence: None,
        }
    }
}

impl Session {
    pub(super) fn new(app: AppId, kind: Result<SessionKind, ErrorCode>) -> Self {
        Self {
            app,
            kind,
            phase: Phase::NotStarted,
            with_time: false,
            of_rule: false,
            replaces: Vec::new(),
            rang: false,
            played: 0,
            ring: None,
        }
    }

    /// The state as the app sees it: a session that is handed over is still a scheduled one (S1, A4).
    pub(super) fn state(&self) -> SessionState {
        match self.phase {
            Phase::NotStarted => SessionState::NotStarted,
            Phase::Waiting { .. } | Phase::Handed { .. } => SessionState::Scheduled,
            Phase::Running { .. } => SessionState::Running,
            Phase::Over => SessionState::Invalid,
        }
    }

    pub(super) fn runs(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    pub(super) fn waits(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    /// It takes the one place that its app has (S3).
    pub(super) fn is_open(&self) -> bool {
        self.span().is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    pub(super) fn is_frontmost_kind(&self) -> bool {
        matches!(self.kind, Ok(SessionKind::SelfCare | SessionKind::Mindfulness))
    }

    pub(super) fn span(&self) -> Option<Span> {
        match self.phase {
            Phase::Handed { span, .. } | Phase::Running { span, .. } => Some(span),
            Phase::NotStarted | Phase::Waiting { .. } | Phase::Over => None,
        }
    }

    /// It rings, and is not snoozed.
    pub(super) fn sounds(&self) -> bool {
        self.ring.is_some_and(|ring| ring.snoozed_until.is_none())
    }

    /// What has to be on disk of it; none when nothing has to.
    pub(super) fn record(&self, id: SessionId) -> Option<SessionRecord> {
        let phase = match self.phase {
            Phase::Waiting { at } => RecordedPhase::Scheduled { at, recurring: self.of_rule },
            Phase::Handed { span, .. } | Phase::Running { span, .. } => RecordedPhase::Running {
                since: span.since,
                expiration: span.expiration,
                scheduled: self.with_time,
                rang: self.rang,
            },
            Phase::NotStarted | Phase::Over => return None,
        };
        Some(SessionRecord { session: id, app: self.app.clone(), kind: self.kind.ok()?, phase })
    }
}

impl Fallback {
    pub(super) fn sounds(&self) -> bool {
        matches!(self.phase, FallbackPhase::Ringing { .. })
    }

    pub(super) fn record(&self, id: SessionId) -> SessionRecord {
        let phase = RecordedPhase::Fallback { at: self.at, until: self.until };
        SessionRecord { session: id, app: self.app.clone(), kind: self.kind, phase }
    }
}
