//! The CPU allowance of a session (C1, C2): seconds of CPU to spend over a sliding window.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::Limits;

/// What a session has used of its allowance within the window.
#[derive(Debug)]
pub struct Budget {
    window: Duration,
    allowance: Duration,
    /// Readings of the process tree's total CPU time, oldest first; the first one may lie before the window.
    readings: VecDeque<Reading>,
    /// What the processes before the present one had used in all.
    before: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Duration,
    total: Duration,
}

/// What was used, and what may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// CPU time used within the window.
    pub used: Duration,
    /// CPU time that may be used within the window.
    pub limit: Duration,
    /// The window.
    pub window: Duration,
}

impl Spending {
    /// Whether more was used than allowed (C2).
    pub fn is_over(&self) -> bool {
        self.used > self.limit
    }
}

impl Budget {
    /// A fresh allowance: the limits' share of one core, times the window.
    pub fn new(limits: &Limits) -> Self {
        const PER_MILLE: u32 = 1000;
        let allowance = limits.budget_window.saturating_mul(limits.budget_per_mille) / PER_MILLE;
        Self { window: limits.budget_window, allowance, readings: VecDeque::new(), before: Duration::ZERO }
    }

    /// The app's process is another one (S14), which counts from zero: all that it uses is the session's too.
    pub fn handle_new_process(&mut self) {
        self.before = self.readings.back().map_or(Duration::ZERO, |last| last.total);
    }

    /// Takes a reading of the total CPU time that the app's process tree has used so far. The first one is the
    /// start of the count: what was used before it is not the session's.
    pub fn handle_reading(&mut self, total: Duration, since_boot: Duration) -> Spending {
        let total = self.before.saturating_add(total);
        let total = self.readings.back().map_or(total, |last| last.total.max(total));
        self.readings.push_back(Reading { at: since_boot, total });
        let start = since_boot.saturating_sub(self.window);
        while self.readings.get(1).is_some_and(|second| second.at <= start) {
            self.readings.pop_front();
        }
        Spending {
            used: total.saturating_sub(self.total_at(start)),
            limit: self.allowance,
            window: self.window,
        }
    }

    /// The total at `start`, which lies between the first two readings or before the first: on the line
    /// between them, so that a seldom sampled spike is spread over the time it was seen in.
    fn total_at(&self, start: Duration) -> Duration {
        let (Some(first), second) = (self.readings.front(), self.readings.get(1)) else {
            return Duration::ZERO;
        };
        let Some(second) = second.filter(|_| first.at < start) else { return first.total };
        let share = (start - first.at).as_secs_f64() / (second.at - first.at).as_secs_f64();
        let grown = second.total - first.total;
        let before_start = Duration::try_from_secs_f64(grown.as_secs_f64() * share).unwrap_or(grown);
        first.total + before_start.min(grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn budget() -> Budget {
        Budget::new(&Limits::default())
    }

    #[test]
    fn c2_the_allowance_is_limit_times_window() {
        assert_eq!(budget().handle_reading(SECOND, SECOND).limit, 9 * SECOND);
    }

    #[test]
    fn c1_a_spike_within_the_allowance_is_let_pass() {
        let mut budget = budget();
        budget.handle_reading(Duration::ZERO, Duration::ZERO);
        let spending = budget.handle_reading(8 * SECOND, 8 * SECOND);
        assert_eq!(spending.used, 8 * SECOND);
        assert!(!spending.is_over());
        let later = budget.handle_reading(8 * SECOND, 69 * SECOND);
        assert_eq!(later.used, Duration::ZERO);
    }

    #[test]
    fn c2_it_is_spent_when_used_up_not_at_the_end_of_the_window() {
        let mut budget = budget();
        budget.handle_reading(Duration::ZERO, Duration::ZERO);
        assert!(budget.handle_reading(10 * SECOND, 10 * SECOND).is_over());
    }

    #[test]
    fn c1_steady_use_below_the_limit_never_spends_it() {
        let mut budget = budget();
        for second in 0..600_u32 {
            let spending = budget.handle_reading(second * SECOND * 14 / 100, second * SECOND);
            assert!(!spending.is_over(), "at {second} s: {spending:?}");
        }
    }

    #[test]
    fn c1_steady_use_above_the_limit_spends_it() {
        let mut budget = budget();
        let over = (0..120_u32)
            .find(|second| budget.handle_reading(*second * SECOND / 5, *second * SECOND).is_over());
        assert_eq!(over, Some(46), "20 % of a core spends 9 s just after 45 s");
    }

    #[test]
    fn what_was_used_before_the_session_is_not_counted() {
        let mut budget = budget();
        assert_eq!(budget.handle_reading(500 * SECOND, SECOND).used, Duration::ZERO);
    }

    #[test]
    fn c1_s14_what_a_process_that_was_launched_again_uses_counts_from_its_start() {
        let mut budget = budget();
        budget.handle_reading(500 * SECOND, SECOND);
        budget.handle_reading(504 * SECOND, 10 * SECOND);
        budget.handle_new_process();
        assert_eq!(budget.handle_reading(3 * SECOND, 20 * SECOND).used, 7 * SECOND);
        assert!(budget.handle_reading(6 * SECOND, 30 * SECOND).is_over());
    }

    #[test]
    fn a_reading_that_goes_down_counts_as_no_use() {
        let mut budget = budget();
        budget.handle_reading(5 * SECOND, SECOND);
        assert_eq!(budget.handle_reading(SECOND, 2 * SECOND).used, Duration::ZERO);
    }

    #[test]
    fn readings_of_any_size_at_any_time_are_taken() {
        for window in [Duration::ZERO, SECOND, Duration::MAX] {
            let limits = Limits { budget_window: window, budget_per_mille: u32::MAX, ..Limits::default() };
            let mut budget = Budget::new(&limits);
            for (total, at) in [
                (Duration::ZERO, Duration::ZERO),
                (Duration::MAX, Duration::MAX),
                (Duration::ZERO, SECOND),
                (Duration::MAX, Duration::MAX),
            ] {
                budget.handle_reading(total, at);
            }
        }
    }

    #[test]
    fn the_longest_use_over_the_longest_time_does_not_overflow() {
        let mut budget = budget();
        budget.handle_reading(Duration::ZERO, Duration::ZERO);
        let spending = budget.handle_reading(Duration::MAX, Duration::MAX);
        assert!(spending.used <= 2 * spending.window, "all of it lies before the window: {spending:?}");
    }

    #[test]
    fn c1_what_a_seldom_reading_saw_before_the_window_is_not_counted() {
        let mut budget = budget();
        budget.handle_reading(2 * SECOND, 60 * SECOND);
        let spending = budget.handle_reading(12 * SECOND, 180 * SECOND);
        assert_eq!(spending.used, 5 * SECOND, "half of ten seconds of CPU in two minutes");
    }

    #[test]
    fn a_seldom_reading_is_spread_over_the_time_between() {
        let mut budget = budget();
        budget.handle_reading(Duration::ZERO, Duration::ZERO);
        let spending = budget.handle_reading(10 * SECOND, 120 * SECOND);
        assert_eq!(spending.used, 5 * SECOND);
    }
}
