//! The time zone of the board (A10).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carpus_actors::report::with_causes;
use carpus_actors::time::ReadZone;
use jiff::tz::TimeZone;

/// Reads the zone that the board is set to at each call: that of `TZ`, else that of `/etc/localtime`. A board without
/// one is in UTC, as for the C library.
pub(crate) fn reader() -> ReadZone {
    let said = AtomicBool::new(false);
    Arc::new(move || {
        // Kept for five minutes otherwise.
        jiff::tz::reset_system_time_zone_cache();
        TimeZone::try_system().unwrap_or_else(|error| {
            if !said.swap(true, Ordering::Relaxed) {
                let cause = with_causes(&error);
                tracing::warn!("the board has no time zone, UTC is taken; set it with timedatectl: {cause}");
            }
            TimeZone::UTC
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a10_the_zone_is_that_of_the_operating_system() {
        let zone = reader()();
        let expected = TimeZone::try_system().unwrap_or(TimeZone::UTC);
        assert_eq!(zone, expected);
        assert_eq!(reader()(), zone);
    }
}
