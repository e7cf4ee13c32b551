//! The numbers behind the rules (T5): every limit, lead time and allowance, as values that a user may set.

use std::time::Duration;

use crate::session::SessionKind;

/// Limits, lead times and allowances; [`Limits::default`] holds those of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long an app stays frontmost after the wrist goes down (L3).
    pub frontmost_time: Duration,
    /// How long an app that was left runs on before it is suspended (L4).
    pub suspend_grace: Duration,
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
            sessions_per_app: 16,
            budget_window: Duration::from_secs(60),
            budget_per_mille: 150,
        }
    }
}

impl Limits {
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
