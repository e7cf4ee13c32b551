//! When is sleep light? A simple rule, and an honest one: it is no sleep laboratory.
//!
//! The heart beats slowest in deep sleep, and faster when sleep gets lighter. So the app takes the lowest median of
//! five minutes that it has seen so far; once the heart has been beating 8 % faster than that for two minutes, sleep
//! counts as light.

use std::collections::VecDeque;
use std::time::Duration;

/// The median is taken over this much.
const MEDIAN_SPAN: Duration = Duration::from_secs(5 * 60);

/// How long the heart must beat faster.
const RISE_LENGTH: Duration = Duration::from_secs(2 * 60);

/// How much faster, in percent of the lowest median.
const RISE_PERCENT: u64 = 8;

/// A pause in the data after which a rise starts anew: nobody knows what the heart did meanwhile.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What is known of this sleep.
#[derive(Debug, Default)]
pub(crate) struct LightSleep {
    /// The samples of the last five minutes: when, and beats per minute.
    recent: VecDeque<(Duration, u64)>,
    /// Since when there is data without a pause.
    heard_since: Option<Duration>,
    lowest_median_bpm: Option<u64>,
    /// Since when the heart has been beating faster.
    risen_since: Option<Duration>,
}

impl LightSleep {
    /// Takes in a sample, `at` after the start; true when sleep is light now.
    pub(crate) fn heard(&mut self, at: Duration, bpm: u64) -> bool {
        let pause = self.recent.back().is_none_or(|(last, _)| at.saturating_sub(*last) > PAUSE_MAX);
        if pause {
            self.recent.clear();
            self.heard_since = Some(at);
            self.risen_since = None;
        }
        self.recent.push_back((at, bpm));
        self.forget_before(at.saturating_sub(MEDIAN_SPAN));
        if self.heard_since.is_some_and(|since| at.saturating_sub(since) >= MEDIAN_SPAN) {
            let median = self.median_bpm();
            self.lowest_median_bpm = Some(self.lowest_median_bpm.map_or(median, |lowest| lowest.min(median)));
        }
        self.is_light(at, bpm)
    }

    fn is_light(&mut self, at: Duration, bpm: u64) -> bool {
        let risen = self.lowest_median_bpm.is_some_and(|lowest| bpm * 100 >= lowest * (100 + RISE_PERCENT));
        if !risen {
            self.risen_since = None;
            return false;
        }
        let since = *self.risen_since.get_or_insert(at);
        at.saturating_sub(since) >= RISE_LENGTH
    }

    fn forget_before(&mut self, start: Duration) {
        while self.recent.front().is_some_and(|(at, _)| *at < start) {
            self.recent.pop_front();
        }
    }

    /// The middle value of the last five minutes; the lower one of two.
    fn median_bpm(&self) -> u64 {
        let mut values: Vec<u64> = self.recent.iter().map(|(_, bpm)| *bpm).collect();
        values.sort_unstable();
        values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays spans of a steady heart, a sample a second; the second at which sleep is light.
    fn light_at(spans: &[(u64, u64)]) -> Option<u64> {
        let mut sleep = LightSleep::default();
        let seconds = spans.iter().flat_map(|(length_s, bpm)| std::iter::repeat_n(*bpm, *length_s as usize));
        (0..)
            .zip(seconds)
            .find(|(second, bpm)| sleep.heard(Duration::from_secs(*second), *bpm))
            .map(|(at, _)| at)
    }

    #[test]
    fn a_steady_heart_is_never_light_sleep() {
        assert_eq!(light_at(&[(1800, 60)]), None);
    }

    #[test]
    fn a_rise_of_two_minutes_is_light_sleep() {
        assert_eq!(light_at(&[(600, 50), (300, 54)]), Some(600 + 120));
    }

    #[test]
    fn a_rise_of_less_than_8_percent_is_not() {
        assert_eq!(light_at(&[(600, 50), (600, 53)]), None);
    }

    #[test]
    fn a_short_rise_is_not() {
        assert_eq!(light_at(&[(600, 50), (119, 60), (10, 50), (100, 60), (300, 50)]), None);
    }

    #[test]
    fn nothing_is_known_before_five_minutes() {
        assert_eq!(light_at(&[(60, 50), (239, 70)]), None);
    }

    #[test]
    fn the_lowest_median_counts_not_the_last() {
        // The rise is too slow for the median of the last five minutes, which follows it.
        assert_eq!(light_at(&[(600, 50), (300, 52), (300, 53), (130, 54)]), Some(1200 + 120));
    }

    #[test]
    fn a_pause_starts_the_rise_anew_but_keeps_the_lowest() {
        let mut sleep = LightSleep::default();
        (0..=300).for_each(|second| assert!(!sleep.heard(Duration::from_secs(second), 50)));
        (301..=400).for_each(|second| assert!(!sleep.heard(Duration::from_secs(second), 60)));
        let light = (440..).find(|second| sleep.heard(Duration::from_secs(*second), 60));
        assert_eq!(light, Some(440 + 120));
    }
}
