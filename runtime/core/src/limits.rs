//! The numbers behind the rules (T5): every limit, lead time and allowance, as values that a user may set.

use std::time::Duration;

use crate::session::SessionKind;
use crate::suppression::Suppression;

/// Limits, lead times and allowances; [`Limits::default`] holds those of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long an app stays frontmost after the wrist goes down (L3).
    pub frontmost_time: Duration,
    /// How long an app that was left runs on before it is suspended (L4).
    pub suspend_grace: Duration,
    /// How long an app that was told to end has to do so, before it is killed (L7).
    pub leave_time: Duration,
    /// How often an app that crashes in a session is launched again within [`Limits::relaunch_window`] (S14).
    pub relaunch_max: u32,
    /// The time within which those launches are counted (S14).
    pub relaunch_window: Duration,
    /// How long before its end a session says `will_expire` (S4).
    pub will_expire_lead: Duration,
    /// Limit of a self-care session (T).
    pub self_care: Duration,
    /// Limit of a mindfulness session (T).
    pub mindfulness: Duration,
    /// Limit of a physical-therapy session (T).
    pub physical_therapy: Duration,
    /// Window of a smart alarm (T).
    pub alarm: Duration,
    /// How far ahead an alarm may be scheduled (A1).
    pub schedule_ahead: Duration,
    /// How long ago the time of an alarm may lie for it to start at once (A2).
    pub past_tolerance: Duration,
    /// How long an app may take to set a delegate for a session it is handed (A4).
    pub handle_time: Duration,
    /// Time between the haptics of an alarm, when the app names none (N2).
    pub default_interval: Duration,
    /// The longest time between the haptics of an alarm (N2).
    pub max_interval: Duration,
    /// The shortest time between the haptics of an alarm: the gap without which two are felt as one (N2, H2).
    pub min_interval: Duration,
    /// How long a snooze is when the user names no time (N5).
    pub snooze: Duration,
    /// How long before the end of its window an alarm that did not ring is rung by the runtime (N7).
    pub fallback_lead: Duration,
    /// How long the runtime then rings (N7).
    pub fallback_time: Duration,
    /// How long the runtime waits before it tries again to schedule the next session of a recurrence (A10).
    pub occurrence_retry: Duration,
    /// When sessions are suppressed, and which (S10).
    pub suppression: Suppression,
    /// Which of the rules beyond WatchKit are on.
    pub extensions: Extensions,
    /// How many sessions that are not over one app may have: a bound on what an app can make the runtime hold.
    pub sessions_per_app: usize,
    /// The window over which a session's CPU use is averaged (C1).
    pub budget_window: Duration,
    /// The share of one core that a session may use, in thousandths (C2).
    pub budget_per_mille: u32,
}

impl Default for Limits {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            frontmost_time: Duration::from_secs(2 * MINUTE),
            suspend_grace: Duration::from_secs(5),
            leave_time: Duration::from_secs(5),
            relaunch_max: 3,
            relaunch_window: Duration::from_secs(MINUTE),
            will_expire_lead: Duration::from_secs(30),
            self_care: Duration::from_secs(10 * MINUTE),
            mindfulness: Duration::from_secs(HOUR),
            physical_therapy: Duration::from_secs(HOUR),
            alarm: Duration::from_secs(30 * MINUTE),
            schedule_ahead: Duration::from_secs(36 * HOUR),
            past_tolerance: Duration::from_secs(MINUTE),
            handle_time: Duration::from_secs(5),
            default_interval: Duration::from_secs(3),
            max_interval: Duration::from_secs(60),
            min_interval: Duration::from_millis(100),
            snooze: Duration::from_secs(9 * MINUTE),
            fallback_lead: Duration::from_secs(MINUTE),
            fallback_time: Duration::from_secs(10 * MINUTE),
            occurrence_retry: Duration::from_secs(MINUTE),
            suppression: Suppression::default(),
            extensions: Extensions::default(),
            sessions_per_app: 16,
            budget_window: Duration::from_secs(60),
            budget_per_mille: 150,
        }
    }
}

/// The rules beyond WatchKit, those marked **+**, as switches. The ones that belong to other parts (M3, C3, C4) are
/// switched where they are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions {
    /// Several extended-runtime modes in a manifest (M4). Off unless the settings turn it on.
    pub several_modes: bool,
    /// Every end tells its cause (S9).
    pub causes: bool,
    /// `can_start()` (S11).
    pub can_start: bool,
    /// A call answers what came of it (S12).
    pub answers: bool,
    /// `replace()` (A3).
    pub replace: bool,
    /// Recurrence (A10).
    pub recurrence: bool,
    /// `notify_user` elsewhere than in a running alarm is an error (N1).
    pub notify_errors: bool,
    /// Snooze (N5).
    pub snooze: bool,
    /// The fallback alarm (N7).
    pub fallback: bool,
}

impl Default for Extensions {
    fn default() -> Self {
        Self {
            several_modes: false,
            causes: true,
            can_start: true,
            answers: true,
            replace: true,
            recurrence: true,
            notify_errors: true,
            snooze: true,
            fallback: true,
        }
    }
}

impl Extensions {
    /// All off: strict mode.
    pub const NONE: Self = Self {
        several_modes: false,
        causes: false,
        can_start: false,
        answers: false,
        replace: false,
        recurrence: false,
        notify_errors: false,
        snooze: false,
        fallback: false,
    };
}

impl Limits {
    /// Strict mode: every rule beyond WatchKit is off, and the numbers are those of the rules (T5). What only bounds
    /// an app, and which sessions are suppressed, stays as it is set.
    #[must_use]
    pub fn strict(self) -> Self {
        Self {
            sessions_per_app: self.sessions_per_app,
            suppression: self.suppression,
            extensions: Extensions::NONE,
            ..Self::default()
        }
    }

    /// How long a session of `kind` may run.
    pub const fn of(&self, kind: SessionKind) -> Duration {
        match kind {
            SessionKind::SelfCare => self.self_care,
            SessionKind::Mindfulness => self.mindfulness,
            SessionKind::PhysicalTherapy => self.physical_therapy,
            SessionKind::Alarm => self.alarm,
        }
    }
}
