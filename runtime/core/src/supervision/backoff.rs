//! The waits between attempts.

use std::time::Duration;

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

/// The jitter takes up to this part (one quarter) off a wait.
const JITTER_DIVISOR: u64 = 4;

/// A small generator of even pseudo-random numbers (SplitMix64): it spreads restarts, nothing hangs on its quality.
#[derive(Clone, Debug)]
pub(super) struct Jitter(pub(super) u64);

impl Jitter {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn shorten(&mut self, wait: Duration) -> Duration {
        let span_us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX) / JITTER_DIVISOR;
        wait.saturating_sub(Duration::from_micros(self.next() % span_us.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
