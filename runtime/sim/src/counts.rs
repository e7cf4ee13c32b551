//! How often the things happened that a run is about: so that one sees that they did.

use std::fmt;

macro_rules! happenings {
    ($($name:ident => $text:literal,)*) => {
        /// Something that happened in a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Happening {
            $(#[doc = $text] $name,)*
        }

        const TEXTS: &[&str] = &[$($text,)*];
    };
}

happenings! {
    Inputs => "inputs",
    SessionsBegun => "sessions begun",
    StartsRefused => "starts refused",
    SessionsEnded => "sessions ended",
    AlarmsAcknowledged => "alarms acknowledged",
    Occurrences => "occurrences",
    HandedOver => "handed over",
    HandedAgain => "handed again",
    RungByApp => "rung by app",
    RungByFallback => "rung by fallback",
    ToldMissed => "told missed",
    WarnedSilent => "warned silent",
    Alerts => "alerts",
    StoppedByUser => "stopped by user",
    Snoozed => "snoozed",
    OpenedFromAlert => "opened from alert",
    Replaced => "replaced",
    BudgetsSpent => "budgets spent",
    Suppressed => "suppressed",
    NotSaved => "not saved",
    WritesFailed => "writes failed",
    WritesLost => "writes lost",
    EventsSent => "events sent",
    EventsDelivered => "events delivered once",
    EventsSuperseded => "events superseded",
    EventsDropped => "events dropped with their app",
    AppsLaunched => "apps launched",
    AppCrashes => "app crashes",
    Relaunches => "relaunches",
    AppsFrozen => "apps frozen",
    AppsKilled => "apps killed",
    PowerLosses => "power losses",
    RuntimeKills => "runtime kills",
    Adoptions => "adoptions",
    AppsDiedMeanwhile => "apps died meanwhile",
    CutShort => "cut short",
    ClockSets => "clock sets",
    ZoneSets => "zone sets",
    ChildFailures => "child failures",
    Escalations => "escalations",
    Redeliveries => "redeliveries",
}

/// Counts of what happened.
#[derive(Clone, Debug)]
pub struct Counts([u64; TEXTS.len()]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; TEXTS.len()])
    }
}

impl Counts {
    /// It happened once more.
    pub const fn add(&mut self, happening: Happening) {
        self.0[happening as usize] += 1;
    }

    /// How often it happened.
    pub const fn of(&self, happening: Happening) -> u64 {
        self.0[happening as usize]
    }

    /// Adds what happened in another run.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// What never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        TEXTS.iter().zip(self.0).filter(|(_, count)| *count == 0).map(|(text, _)| *text).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (text, count)) in TEXTS.iter().zip(self.0).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(out, "{comma}{count} {text}")?;
        }
        Ok(())
    }
}
