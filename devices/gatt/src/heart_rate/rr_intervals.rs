use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use thiserror::Error;

use crate::VALUE_LEN_MAX;

/// The time between two heartbeats (R waves), in units of 1/1024 s (GSS, *Heart Rate Measurement*,
/// *RR-Interval*). Up to almost 64 s.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RrInterval(u16);

impl RrInterval {
    /// Units in a second.
    pub const UNITS_PER_SECOND: u16 = 1024;
    /// Octets on the air.
    pub(super) const LEN: usize = size_of::<u16>();

    /// An interval of `raw` / 1024 s.
    pub const fn from_raw(raw: u16) -> Self {
        Self(raw)
    }

    /// The interval nearest to `duration`; the longest one if it is longer than that.
    pub fn from_duration(duration: Duration) -> Self {
        let units = (duration.as_nanos() * u128::from(Self::UNITS_PER_SECOND) + 500_000_000) / 1_000_000_000;
        Self(u16::try_from(units).unwrap_or(u16::MAX))
    }

    /// The interval in units of 1/1024 s, as sent.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// The interval in milliseconds, exactly.
    pub fn as_ms(self) -> f64 {
        f64::from(self.0) * 1000.0 / f64::from(Self::UNITS_PER_SECOND)
    }

    /// The interval, to the nanosecond below.
    pub const fn as_duration(self) -> Duration {
        Duration::from_nanos(self.0 as u64 * 1_000_000_000 / Self::UNITS_PER_SECOND as u64)
    }
}

impl fmt::Debug for RrInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/1024 s", self.0)
    }
}

/// The RR intervals of one packet, oldest first, held inline. It reads as a slice.
#[derive(Clone)]
pub struct RrIntervals {
    // A u8 counts exactly up to the capacity, so it cannot point past the end.
    len: u8,
    slots: [RrInterval; Self::CAPACITY],
}

impl RrIntervals {
    /// As many as one value can hold: what an attribute's 512 octets leave after the flags and an 8-bit heart
    /// rate. So every packet that can be sent can be decoded, whatever ATT_MTU was negotiated.
    pub const CAPACITY: usize = (VALUE_LEN_MAX - 2) / RrInterval::LEN;

    /// No intervals.
    pub const fn new() -> Self {
        Self { len: 0, slots: [RrInterval(0); Self::CAPACITY] }
    }

    /// Adds the newest interval.
    ///
    /// # Errors
    /// There are [`CAPACITY`](Self::CAPACITY) intervals already.
    pub fn push(&mut self, rr: RrInterval) -> Result<(), TooManyRrIntervals> {
        let len = usize::from(self.len);
        let slot = self.slots.get_mut(len).ok_or(TooManyRrIntervals { have: len + 1 })?;
        *slot = rr;
        self.len += 1;
        Ok(())
    }
}

const _: () = assert!(RrIntervals::CAPACITY == u8::MAX as usize);

/// More RR intervals than one packet can hold.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{have} RR intervals do not fit in one packet, at most {max} do", max = RrIntervals::CAPACITY)]
pub struct TooManyRrIntervals {
    /// How many there are.
    pub have: usize,
}

impl Deref for RrIntervals {
    type Target = [RrInterval];

    fn deref(&self) -> &[RrInterval] {
        &self.slots[..usize::from(self.len)]
    }
}

impl TryFrom<&[RrInterval]> for RrIntervals {
    type Error = TooManyRrIntervals;

    fn try_from(intervals: &[RrInterval]) -> Result<Self, TooManyRrIntervals> {
        let mut all = Self::new();
        let have = intervals.len();
        all.slots.get_mut(..have).ok_or(TooManyRrIntervals { have })?.copy_from_slice(intervals);
        all.len = u8::try_from(have).map_err(|_| TooManyRrIntervals { have })?;
        Ok(all)
    }
}

/// Keeps the newest (last) intervals if there are more than fit. Use `try_from` to be told instead.
impl FromIterator<RrInterval> for RrIntervals {
    fn from_iter<I: IntoIterator<Item = RrInterval>>(intervals: I) -> Self {
        let mut newest = Self::new();
        for rr in intervals {
            if newest.push(rr).is_err() {
                newest.slots.rotate_left(1);
                newest.slots[Self::CAPACITY - 1] = rr;
            }
        }
        newest
    }
}

impl<'a> IntoIterator for &'a RrIntervals {
    type Item = &'a RrInterval;
    type IntoIter = std::slice::Iter<'a, RrInterval>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Default for RrIntervals {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for RrIntervals {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for RrIntervals {}

impl fmt::Debug for RrIntervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(count: u16) -> Vec<RrInterval> {
        (0..count).map(RrInterval::from_raw).collect()
    }

    #[test]
    fn converts_units() {
        // 1024 units are a second by definition; one unit is 0.9765625 ms.
        let cases = [
            (0, 0.0, Duration::ZERO),
            (1, 0.976_562_5, Duration::from_nanos(976_562)),
            (512, 500.0, Duration::from_millis(500)),
            (1024, 1000.0, Duration::from_secs(1)),
            (u16::MAX, 63_999.023_437_5, Duration::from_nanos(63_999_023_437)),
        ];
        for (raw, ms, duration) in cases {
            let rr = RrInterval::from_raw(raw);
            assert_eq!(rr.as_ms(), ms, "{rr:?}");
            assert_eq!(rr.as_duration(), duration, "{rr:?}");
        }
    }

    #[test]
    fn every_interval_survives_the_way_through_a_duration() {
        for raw in 0..=u16::MAX {
            let rr = RrInterval::from_raw(raw);
            assert_eq!(RrInterval::from_duration(rr.as_duration()), rr);
        }
        assert_eq!(RrInterval::from_duration(Duration::from_secs(64)).raw(), u16::MAX);
        assert_eq!(RrInterval::from_duration(Duration::MAX).raw(), u16::MAX);
    }

    #[test]
    fn holds_a_full_packet_and_no_more() {
        let full = counting(255);
        let mut intervals = RrIntervals::try_from(full.as_slice()).unwrap();
        assert_eq!(*intervals, full);
        assert_eq!(intervals.push(RrInterval::default()), Err(TooManyRrIntervals { have: 256 }));
        assert_eq!(*intervals, full, "a refused interval changes nothing");

        assert_eq!(
            RrIntervals::try_from(counting(300).as_slice()).unwrap_err().to_string(),
            "300 RR intervals do not fit in one packet, at most 255 do"
        );
    }

    #[test]
    fn collecting_keeps_the_newest() {
        let intervals: RrIntervals = counting(300).into_iter().collect();
        assert_eq!(*intervals, counting(300)[45..]);
    }

    #[test]
    fn equality_and_debug_see_only_the_intervals_held() {
        let two = RrIntervals::try_from(counting(2).as_slice()).unwrap();
        assert_ne!(two, RrIntervals::new());
        assert_eq!(two, counting(2).into_iter().collect());
        assert_eq!(format!("{two:?}"), "[0/1024 s, 1/1024 s]");
    }
}
