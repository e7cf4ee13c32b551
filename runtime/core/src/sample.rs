//! How good a sample is (D4): when it arrived, what is missing before it, and whether it still counts as live.

use std::time::Duration;

use crate::time::Now;

/// Straps notify each second; when a sample comes later than this after the one before, something is missing.
pub const PAUSE_MAX: Duration = Duration::from_secs(3);

/// The circumstances of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it arrived here.
    pub at: Now,
    /// Whether something is missing between the strap's sample before and this one: the link was down, packets were
    /// malformed, or the strap was silent. The first RR interval after a gap is suspect.
    pub gap_before: bool,
}

impl Arrival {
    /// How old the sample is, on the clock that nobody sets.
    pub fn age(self, now: Now) -> Duration {
        now.since_boot.saturating_sub(self.at.since_boot)
    }

    /// Whether the sample may be shown as live: a strap that was silent for `no_data_time` says nothing of the
    /// present (D4).
    pub fn is_live(self, no_data_time: Duration, now: Now) -> bool {
        self.age(now) < no_data_time
    }
}

/// Notes, for one strap, which of its samples have a gap before them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Continuity {
    last: Option<Duration>,
    broken: bool,
}

impl Continuity {
    /// Something of the strap was lost: its link went down, or a packet could not be read.
    pub const fn handle_loss(&mut self) {
        self.broken = self.last.is_some();
    }

    /// A sample arrived. The strap's first one has no gap before it.
    pub fn handle_sample(&mut self, now: Now) -> Arrival {
        let silent = self.last.is_some_and(|last| now.since_boot.saturating_sub(last) > PAUSE_MAX);
        let gap_before = std::mem::take(&mut self.broken) || silent;
        self.last = Some(now.since_boot);
        Arrival { at: now, gap_before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallTime;

    const NO_DATA: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Now {
        Now { since_boot: Duration::from_secs(seconds), wall: WallTime::default() }
    }

    #[test]
    fn d4_a_sample_ages_and_is_live_no_more_after_the_time_without_data() {
        let arrival = Continuity::default().handle_sample(at(100));
        assert_eq!(arrival.age(at(103)), Duration::from_secs(3));
        assert!(arrival.is_live(NO_DATA, at(109)));
        assert!(!arrival.is_live(NO_DATA, at(110)));
    }

    #[test]
    fn d4_a_clock_that_is_set_ages_nothing() {
        let arrival = Continuity::default().handle_sample(at(100));
        let later = Now { wall: WallTime::from_unix_ms(i64::MAX), ..at(101) };
        assert_eq!(arrival.age(later), Duration::from_secs(1));
        assert_eq!(arrival.age(at(99)), Duration::ZERO);
    }

    #[test]
    fn d4_the_first_sample_of_a_strap_has_no_gap_before_it() {
        let mut strap = Continuity::default();
        strap.handle_loss();
        assert!(!strap.handle_sample(at(0)).gap_before);
    }

    #[test]
    fn d4_a_loss_is_a_gap_before_the_next_sample_only() {
        let mut strap = Continuity::default();
        strap.handle_sample(at(0));
        assert!(!strap.handle_sample(at(1)).gap_before);
        strap.handle_loss();
        assert!(strap.handle_sample(at(2)).gap_before);
        assert!(!strap.handle_sample(at(3)).gap_before);
    }

    #[test]
    fn d4_silence_is_a_gap() {
        let mut strap = Continuity::default();
        strap.handle_sample(at(0));
        assert!(!strap.handle_sample(at(3)).gap_before);
        assert!(strap.handle_sample(at(7)).gap_before);
    }
}
