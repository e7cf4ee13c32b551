//! Instants on the wire are Unix milliseconds.

use std::time::{Duration, SystemTime};

use crate::Error;

/// The instant `unix_ms` milliseconds after 1970, or before when negative. One that the system cannot express
/// reads as 1970.
pub(crate) fn from_unix_ms(unix_ms: i64) -> SystemTime {
    let span = Duration::from_millis(unix_ms.unsigned_abs());
    let instant = if unix_ms < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(span)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(span)
    };
    instant.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Milliseconds since 1970, rounded down.
///
/// # Errors
/// When there are more of them than the wire can hold.
pub(crate) fn unix_ms(instant: SystemTime) -> Result<i64, Error> {
    let ms = match instant.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).ok(),
        Err(before) => {
            let span = before.duration();
            let whole = i64::try_from(span.as_millis()).ok().map(|ms| -ms);
            let is_whole = span.subsec_nanos().is_multiple_of(1_000_000);
            whole.and_then(|ms| ms.checked_sub(i64::from(!is_whole)))
        }
    };
    ms.ok_or(Error::NoSuchTime { instant })
}

/// A span in whole milliseconds; a span that is not zero never becomes zero.
pub(crate) fn span_ms(span: Duration) -> u64 {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    if span.is_zero() { 0 } else { ms.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_way_there_and_back() {
        for ms in [0, 1, 1_790_000_000_123, -1, -1_500] {
            assert_eq!(unix_ms(from_unix_ms(ms)).unwrap(), ms);
        }
        assert_eq!(unix_ms(SystemTime::UNIX_EPOCH - Duration::from_micros(1)).unwrap(), -1, "rounded down");
        assert_eq!(unix_ms(SystemTime::UNIX_EPOCH + Duration::from_micros(1999)).unwrap(), 1);
    }

    #[test]
    fn an_instant_beyond_what_the_wire_holds_is_no_time() {
        let too_far = Duration::from_secs(u64::MAX / 4);
        let (ahead, before) =
            (SystemTime::UNIX_EPOCH.checked_add(too_far), SystemTime::UNIX_EPOCH.checked_sub(too_far));
        for instant in [ahead.unwrap(), before.unwrap()] {
            let error = unix_ms(instant).unwrap_err();
            assert!(matches!(error, Error::NoSuchTime { instant: told } if told == instant), "{error:?}");
        }
    }

    #[test]
    fn no_number_panics() {
        for ms in [i64::MIN, i64::MAX] {
            let _ = from_unix_ms(ms);
        }
    }

    #[test]
    fn n2_a_short_span_is_not_taken_as_a_stop() {
        assert_eq!(span_ms(Duration::ZERO), 0);
        assert_eq!(span_ms(Duration::from_micros(1)), 1);
        assert_eq!(span_ms(Duration::from_millis(2500)), 2500);
    }
}
