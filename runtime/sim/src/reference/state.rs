//! What the reference model knows of apps, sessions and alarms.

use std::time::Duration;

use carpus_core::app::{AppRights, AppState};
use carpus_core::recurrence::Recurrence;
use carpus_core::session::ErrorCode;
use carpus_core::watch::{Draft, Repeat};
use carpus_core::{
    AppId, Haptic, RecordedFallback, RecordedPhase, RecordedRing, SessionId, SessionKind, SessionRecord,
    SessionState, UsedInstant, WallTime,
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
    /// How often it was launched: the number of its process.
    pub(super) launches: u32,
    /// When it was launched again after it crashed in a session (S14).
    pub(super) relaunches: Vec<Duration>,
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
    /// Something of it is on disk: it is no draft any more (D2).
    pub(super) saved: bool,
    /// Its app crashed, and the new process has not yet set a delegate for it (S14).
    pub(super) handed_again: Option<HandedAgain>,
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

/// A session that runs waits for a delegate, too (S14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HandedAgain {
    /// None until the app listens.
    pub(super) deadline: Option<Duration>,
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
    /// What the app said; it may be asked after each haptic (N2).
    pub(super) repeat: Repeat,
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
            launches: 0,
            relaunches: Vec::new(),
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
            saved: false,
            handed_again: None,
            rang: false,
            played: 0,
            ring: None,
        }
    }

    /// While nothing of a session is on disk, it counts as one that was made and not started (D2).
    pub(super) fn draft(&self, id: SessionId) -> Option<Draft> {
        let draft = !self.saved && !self.is_over() && !self.of_rule;
        Some(Draft { session: id, app: self.app.clone(), kind: self.kind.ok().filter(|_| draft)? })
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

    /// What has to be on disk of it and of its fallback alarm; none when nothing has to.
    pub(super) fn record(
        &self,
        id: SessionId,
        launch: u32,
        fallback: Option<&Fallback>,
    ) -> Option<SessionRecord> {
        let fallback = fallback.map(Fallback::recorded);
        let phase = match self.phase {
            Phase::Waiting { at } => RecordedPhase::Scheduled { at, recurring: self.of_rule },
            Phase::Handed { span: Span { since, expiration, ends_at }, .. } => {
                RecordedPhase::Handed { since, expiration, ends_at, launch, rang: self.rang, fallback }
            }
            Phase::Running { span: Span { since, expiration, ends_at }, will_expire_at } => {
                RecordedPhase::Running {
                    since,
                    expiration,
                    ends_at,
                    launch,
                    scheduled: self.with_time,
                    rang: self.rang,
                    warned: will_expire_at.is_none(),
                    handed: self.handed_again.is_some(),
                    ring: self.ring.map(|ring| ring.recorded(self.played)),
                    fallback,
                }
            }
            Phase::NotStarted | Phase::Over => return None,
        };
        Some(SessionRecord { session: id, app: self.app.clone(), kind: self.kind.ok()?, phase })
    }
}

impl Ring {
    pub(super) const fn asks(&self) -> bool {
        matches!(self.repeat, Repeat::Ask)
    }

    fn recorded(&self, played: u32) -> RecordedRing {
        RecordedRing {
            haptic: self.haptic,
            repeat: self.repeat,
            interval: self.interval,
            played,
            snoozed_until: self.snoozed_until,
        }
    }
}

impl Fallback {
    /// Its times lie as far before its end on the wall clock as they do on the clock since boot.
    fn recorded(&self) -> RecordedFallback {
        let snoozed_until = match self.phase {
            FallbackPhase::Snoozed { until } => Some(self.until.minus(self.over_at.saturating_sub(until))),
            FallbackPhase::Planned | FallbackPhase::Ringing { .. } => None,
        };
        RecordedFallback { at: self.at, until: self.until, over_at: self.over_at, snoozed_until }
    }

    pub(super) fn sounds(&self) -> bool {
        matches!(self.phase, FallbackPhase::Ringing { .. })
    }

    pub(super) fn record(&self, id: SessionId) -> SessionRecord {
        let phase = RecordedPhase::Fallback(self.recorded());
        SessionRecord { session: id, app: self.app.clone(), kind: self.kind, phase }
    }
}
