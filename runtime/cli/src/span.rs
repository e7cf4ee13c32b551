//! Spans of time as people write them: `20s`, `1m30s`, `500ms`, `8h`.

use std::time::Duration;

/// The longest span that makes sense on a command line, in milliseconds: a year.
const SPAN_MS_MAX: u64 = 366 * 24 * 3600 * 1000;

/// Reads a span.
///
/// # Errors
/// When it is not a list of numbers with the units ms, s, m, h.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a span; write it like 20s, 1m30s, 500ms or 8h");
    let mut rest = text;
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let part_ms =
            number.parse::<u64>().ok().zip(unit_ms(unit)).and_then(|(number, ms)| number.checked_mul(ms));
        total_ms = part_ms.and_then(|part| total_ms.checked_add(part)).ok_or_else(wrong)?;
        rest = tail;
    }
    if text.is_empty() || total_ms > SPAN_MS_MAX { Err(wrong()) } else { Ok(Duration::from_millis(total_ms)) }
}

fn unit_ms(unit: &str) -> Option<u64> {
    match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    }
}

/// A span in milliseconds, as the protocol takes it.
pub(crate) fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        assert_eq!(parse("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("8h"), Ok(Duration::from_secs(8 * 3600)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "20",
            "s",
            "-1s",
            "1.5s",
            "20 s",
            "1d",
            "99999999999999999999s",
            "18446744073709551615h",
            "9000h",
            "1s2",
            "ü",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
