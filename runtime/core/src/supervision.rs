//! Restarts: when a part of the runtime that failed is started again, and when the runtime gives up.
//!
//! One for one: the neighbours of a failed child run on. Each child may be restarted [`RestartPolicy::intensity`]
//! times within [`RestartPolicy::window`]; the failure after that escalates, so that whoever started the runtime
//! starts all of it afresh. The waits between restarts double, and vary a little, so that children which fail
//! together do not come back together.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::time::Now;

/// Waits that double from a shortest to a longest one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits of `min`, twice `min`, and so on up to `max`.
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, failures: 0 }
    }

    /// Counts one more failure, and gives the wait after it.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.wait_after(self.failures);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// Forgets the failures: it works again.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many failures were counted since the last [`reset`](Self::reset).
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// The wait after `failures` failures before this one.
    pub fn wait_after(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.min.saturating_mul(factor).min(self.max)
    }
}

/// When to start a child again, and when to give up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// How many restarts of one child are allowed within `window`.
    pub intensity: u32,
    /// The time over which restarts are counted.
    pub window: Duration,
    /// The wait before the first restart.
    pub backoff_min: Duration,
    /// The longest wait before a restart.
    pub backoff_max: Duration,
}

impl Default for RestartPolicy {
    /// Five restarts in a minute, after waits from 100 ms to 10 s: a fault that passes is over by then, one that
    /// stays is escalated within a minute.
    fn default() -> Self {
        Self {
            intensity: 5,
            window: Duration::from_secs(60),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
        }
    }
}

/// Names a child by its place in the order of starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId(pub usize);

/// What follows from a child's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is started again after this time; [`Supervision::poll_output`] says when.
    Restart {
        /// The wait.
        after: Duration,
    },
    /// It failed too often: the runtime must end, and be started afresh.
    Escalate,
}

/// What the supervisor must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start the child again.
    Start(ChildId),
}

/// The jitter takes up to this part (one quarter) off a wait.
const JITTER_DIVISOR: u64 = 4;

/// The restart policy at work. Times are those of the clock since boot.
#[derive(Clone, Debug)]
pub struct Supervision {
    policy: RestartPolicy,
    jitter: Jitter,
    history: BTreeMap<ChildId, VecDeque<Duration>>,
    due: BTreeMap<ChildId, Duration>,
    outputs: VecDeque<Output>,
    escalated: bool,
}

impl Supervision {
    /// A policy at work. `seed` decides the jitter: equal seeds give equal waits.
    pub const fn new(policy: RestartPolicy, seed: u64) -> Self {
        Self {
            policy,
            jitter: Jitter(seed),
            history: BTreeMap::new(),
            due: BTreeMap::new(),
            outputs: VecDeque::new(),
            escalated: false,
        }
    }

    /// A child ended without having been told to. After an escalation nothing is restarted any more.
    pub fn handle_exit(&mut self, child: ChildId, now: Now) -> Decision {
        let recent = self.restarts_in_window(child, now);
        if self.escalated || recent >= self.policy.intensity {
            self.escalate();
            return Decision::Escalate;
        }
        let after = self.wait_after(recent);
        self.history.entry(child).or_default().push_back(now.since_boot);
        self.due.insert(child, now.after(after));
        Decision::Restart { after }
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) named.
    pub fn handle_timeout(&mut self, now: Now) {
        let Self { due, outputs, .. } = self;
        due.retain(|child, at| {
            let waits = *at > now.since_boot;
            if !waits {
                outputs.push_back(Output::Start(*child));
            }
            waits
        });
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next, on the clock since boot.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.due.values().min().copied()
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn restarts_in_window(&mut self, child: ChildId, now: Now) -> u32 {
        let window = self.policy.window;
        let history = self.history.entry(child).or_default();
        while history.front().is_some_and(|at| now.since_boot.saturating_sub(*at) >= window) {
            history.pop_front();
        }
        u32::try_from(history.len()).unwrap_or(u32::MAX)
    }

    fn wait_after(&mut self, restarts: u32) -> Duration {
        let backoff = Backoff::new(self.policy.backoff_min, self.policy.backoff_max);
        self.jitter.shorten(backoff.wait_after(restarts))
    }

    fn escalate(&mut self) {
        self.escalated = true;
        self.due.clear();
        self.outputs.clear();
    }
}

/// A small generator of even pseudo-random numbers (SplitMix64): it spreads restarts, nothing hangs on its quality.
#[derive(Clone, Debug)]
struct Jitter(u64);

impl Jitter {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn shorten(&mut self, wait: Duration) -> Duration {
        let span_us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX) / JITTER_DIVISOR;
        wait.saturating_sub(Duration::from_micros(self.next() % span_us.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallTime;

    const CHILD: ChildId = ChildId(3);
    const OTHER: ChildId = ChildId(4);

    fn at(ms: u64) -> Now {
        Now { since_boot: Duration::from_millis(ms), wall: WallTime::default() }
    }

    fn policy() -> RestartPolicy {
        RestartPolicy {
            intensity: 3,
            window: Duration::from_secs(60),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_millis(300),
        }
    }

    fn wait_of(decision: Decision) -> Duration {
        match decision {
            Decision::Restart { after } => after,
            Decision::Escalate => panic!("it escalated"),
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(1));
        let waits: Vec<u128> = (0..5).map(|_| backoff.next_wait().as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 1000, 1000]);
        assert_eq!(backoff.failures(), 5);
        backoff.reset();
        assert_eq!(backoff.next_wait(), Duration::from_millis(250));
    }

    #[test]
    fn a_thousand_failures_do_not_overflow_a_wait() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::MAX);
        for _ in 0..1000 {
            backoff.next_wait();
        }
        assert_eq!(backoff.next_wait(), Duration::from_millis(1).saturating_mul(u32::MAX));
    }

    #[test]
    fn a_failed_child_starts_again_after_its_wait_and_not_before() {
        let mut supervision = Supervision::new(policy(), 1);
        let after = wait_of(supervision.handle_exit(CHILD, at(0)));
        assert_eq!(supervision.poll_timeout(), Some(after));

        supervision.handle_timeout(Now { since_boot: after - Duration::from_micros(1), ..at(0) });
        assert_eq!(supervision.poll_output(), None);

        supervision.handle_timeout(Now { since_boot: after, ..at(0) });
        assert_eq!(supervision.poll_output(), Some(Output::Start(CHILD)));
        assert_eq!(supervision.poll_output(), None);
        assert_eq!(supervision.poll_timeout(), None);
    }

    #[test]
    fn waits_grow_and_the_jitter_takes_at_most_a_quarter_off() {
        for seed in 0..200 {
            let mut supervision = Supervision::new(policy(), seed);
            for full_ms in [100, 200, 300] {
                let after = wait_of(supervision.handle_exit(CHILD, at(0)));
                let full = Duration::from_millis(full_ms);
                assert!(after <= full && after >= full * 3 / 4, "seed {seed}: {after:?} of {full:?}");
            }
        }
    }

    #[test]
    fn equal_seeds_give_equal_waits_and_different_ones_differ() {
        let first_wait = |seed| wait_of(Supervision::new(policy(), seed).handle_exit(CHILD, at(0)));
        assert_eq!(first_wait(7), first_wait(7));
        assert_ne!(first_wait(7), first_wait(8));
    }

    #[test]
    fn one_failure_more_than_the_intensity_escalates() {
        let mut supervision = Supervision::new(policy(), 1);
        for exit in 0..3 {
            wait_of(supervision.handle_exit(CHILD, at(exit * 1000)));
        }
        assert_eq!(supervision.handle_exit(CHILD, at(3000)), Decision::Escalate);
    }

    #[test]
    fn restarts_outside_the_window_no_longer_count() {
        let mut supervision = Supervision::new(policy(), 1);
        for exit in 0..50 {
            wait_of(supervision.handle_exit(CHILD, at(exit * 20_000)));
        }
    }

    #[test]
    fn children_are_counted_apart() {
        let mut supervision = Supervision::new(policy(), 1);
        for _ in 0..3 {
            wait_of(supervision.handle_exit(CHILD, at(0)));
            wait_of(supervision.handle_exit(OTHER, at(0)));
        }
        assert_eq!(supervision.handle_exit(OTHER, at(0)), Decision::Escalate);
    }

    #[test]
    fn after_an_escalation_nothing_is_started_any_more() {
        let mut supervision = Supervision::new(RestartPolicy { intensity: 1, ..policy() }, 1);
        wait_of(supervision.handle_exit(OTHER, at(0)));
        wait_of(supervision.handle_exit(CHILD, at(0)));
        supervision.handle_timeout(at(200));
        wait_of(supervision.handle_exit(ChildId(9), at(300)));
        assert_eq!(supervision.handle_exit(CHILD, at(400)), Decision::Escalate);
        assert_eq!(supervision.poll_timeout(), None);
        assert_eq!(supervision.poll_output(), None);
        assert_eq!(supervision.handle_exit(ChildId(10), at(500)), Decision::Escalate);
    }
}
