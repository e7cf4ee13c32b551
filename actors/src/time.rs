//! The board's clocks as the rules want them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use carpus_core::{Now, WallTime};
use carpus_devices::clock::Clock;
use jiff::tz::TimeZone;

/// Reads the time zone that the board is set to now (A10).
pub type ReadZone = Arc<dyn Fn() -> TimeZone + Send + Sync>;

/// The present on both clocks.
pub fn now(clock: &dyn Clock) -> Now {
    Now { since_boot: clock.since_boot(), wall: wall_time(clock.wall()) }
}

/// A time of the operating system as an instant of the rules, to the millisecond below.
pub fn wall_time(time: SystemTime) -> WallTime {
    let unix_ms = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    WallTime::from_unix_ms(unix_ms)
}

/// An instant of the rules as a time of the operating system; none when that cannot express it.
pub fn system_time(at: WallTime) -> Option<SystemTime> {
    let span = std::time::Duration::from_millis(at.unix_ms().unsigned_abs());
    if at.unix_ms() >= 0 { UNIX_EPOCH.checked_add(span) } else { UNIX_EPOCH.checked_sub(span) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn wall_times_before_and_after_the_epoch() {
        let span = Duration::from_millis(1500);
        assert_eq!(wall_time(UNIX_EPOCH + span).unix_ms(), 1500);
        assert_eq!(wall_time(UNIX_EPOCH - span).unix_ms(), -1500);
    }
}
