use std::time::Duration;

use crate::time::Now;

/// The rest after a scan that could not be started.
const REST_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// When to scan: short scans with rests between, or one long one while someone watches.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    phase: Phase,
    /// Someone watches until then.
    watched_until: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Off,
    On { until: Duration },
    Resting { until: Duration },
}

/// What a scan must do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanChange {
    Start,
    /// It is in the way, or needed no more.
    Stop,
    /// It has run for its whole time.
    End,
}

impl Scan {
    pub(super) const fn new() -> Self {
        Self { phase: Phase::Off, watched_until: None }
    }

    pub(super) fn want_until(&mut self, until: Duration) {
        self.watched_until = self.watched_until.max(Some(until));
        self.end_rest();
    }

    pub(super) fn end_rest(&mut self) {
        if matches!(self.phase, Phase::Resting { .. }) {
            self.phase = Phase::Off;
        }
    }

    pub(super) fn failed(&mut self, now: Now) {
        if matches!(self.phase, Phase::On { .. }) {
            self.phase = Phase::Resting { until: now.after(REST_AFTER_FAILURE) };
        }
    }

    /// Takes a running scan for ended; true when there was one.
    pub(super) fn stop(&mut self) -> bool {
        let on = matches!(self.phase, Phase::On { .. });
        if on {
            self.phase = Phase::Off;
        }
        on
    }

    /// The adapter is gone, and the scan with it.
    pub(super) const fn forget(&mut self) {
        self.phase = Phase::Off;
    }

    /// Says what the scan must do now. `allowed`: nothing else keeps the adapter busy; `needed`: a strap is to be found.
    pub(super) fn settle(
        &mut self,
        allowed: bool,
        needed: bool,
        time: Duration,
        rest: Duration,
        now: Now,
    ) -> Option<ScanChange> {
        self.watched_until.take_if(|until| *until <= now.since_boot);
        let watched = self.watched_until.is_some();
        let wanted = allowed && (needed || watched);
        match self.phase {
            Phase::On { .. } if !wanted => {
                self.phase = Phase::Off;
                Some(ScanChange::Stop)
            }
            Phase::On { until } if until <= now.since_boot && !watched => {
                self.phase = Phase::Resting { until: now.after(rest) };
                Some(ScanChange::End)
            }
            Phase::Resting { until } if until <= now.since_boot && wanted => self.start(time, now),
            Phase::Off if wanted => self.start(time, now),
            Phase::Resting { until } if until <= now.since_boot => {
                self.phase = Phase::Off;
                None
            }
            Phase::On { .. } | Phase::Resting { .. } | Phase::Off => None,
        }
    }

    fn start(&mut self, time: Duration, now: Now) -> Option<ScanChange> {
        self.phase = Phase::On { until: now.after(time) };
        Some(ScanChange::Start)
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        match self.phase {
            Phase::On { until } => Some(self.watched_until.map_or(until, |watched| watched.max(until))),
            Phase::Resting { until } => Some(until),
            Phase::Off => self.watched_until,
        }
    }
}
