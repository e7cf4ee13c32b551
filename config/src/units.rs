//! Values with units: durations, percentages and sizes, written as text and parsed strictly.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::strict;

/// How to write a duration.
pub(crate) const DURATION_HINT: &str = "write 30s, 2min or 1h";
/// How to write a duration that is short.
pub(crate) const SHORT_DURATION_HINT: &str = "write 100ms or 1s";
/// How to write a percentage.
pub(crate) const PERCENT_HINT: &str = "write 15% or 80%";
/// How to write a temperature.
pub(crate) const CELSIUS_HINT: &str = "write 80C";
/// How to write a size.
pub(crate) const SIZE_HINT: &str = "write 512B, 64KiB or 1MiB";

/// The units of a duration, with their milliseconds, largest first.
const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];
/// The units of a size, with their bytes, largest first.
const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const PERCENT_UNITS: [(&str, u64); 1] = [("%", 1)];
const CELSIUS_UNITS: [(&str, u64); 1] = [("C", 1)];
/// Thousandths of a degree in a degree.
const MDEGC_PER_DEGREE: i32 = 1000;

/// The longest piece of a user's text that a message repeats, in characters.
const QUOTED_MAX: usize = 60;

/// Why a value does not fit its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// A bare number where a unit is needed.
    #[error("{found} has no unit; {hint}")]
    NoUnit {
        /// The value, as written.
        found: String,
        /// How to write it.
        hint: String,
    },
    /// A number with a unit that there is not.
    #[error("{found} has the unknown unit {unit}; {hint}")]
    UnknownUnit {
        /// The value, as written.
        found: String,
        /// Its unit, as written.
        unit: String,
        /// How to write it.
        hint: String,
    },
    /// Something else than what is wanted.
    #[error("{found} is not {wanted}; {hint}")]
    NotA {
        /// The value, as written.
        found: String,
        /// What the key takes.
        wanted: &'static str,
        /// How to write it, or what is allowed.
        hint: String,
    },
    /// An entry of a list that is there before.
    #[error("{found} is named twice; name it once")]
    Twice {
        /// The entry, as written.
        found: String,
    },
    /// The right kind of value, but too small or too large.
    #[error("{found} is out of range; allowed is {allowed}")]
    OutOfRange {
        /// The value, as written.
        found: String,
        /// The smallest and the largest value.
        allowed: String,
    },
}

/// `text` in quotes on one line, cut if it is long.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTED_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// Parses `"2min"`. Units are `ms`, `s`, `min` and `h`; one whole number with one unit.
///
/// # Errors
/// When the unit is missing or unknown, or the text is no duration.
pub fn parse_duration(text: &str) -> Result<Duration, ValueError> {
    parse_duration_as(text, DURATION_HINT)
}

/// As [`parse_duration`]; an error says `hint`.
pub(crate) fn parse_duration_as(text: &str, hint: &str) -> Result<Duration, ValueError> {
    let ms = parse_with_unit(text, &DURATION_UNITS, "a duration", hint)?;
    Ok(Duration::from_millis(ms))
}

/// `duration` in its largest whole unit, as [`parse_duration`] reads it: `90s`, `2min`. What is below a
/// millisecond is cut off.
pub fn format_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    format_with_unit(ms, &DURATION_UNITS, "0s")
}

/// A part of a whole, in whole percent; more than 100 where the whole is one core of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u32);

impl Percent {
    /// `percent` per cent.
    pub const fn new(percent: u32) -> Self {
        Self(percent)
    }

    /// The number before the `%`.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// As a factor: 15 % is 0.15.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl FromStr for Percent {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let percent = parse_with_unit(text, &PERCENT_UNITS, "a percentage", PERCENT_HINT)?;
        Ok(Self(u32::try_from(percent).unwrap_or(u32::MAX)))
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parsed(deserializer)
    }
}

/// A temperature in whole degrees Celsius, not below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Celsius(u32);

impl Celsius {
    /// `degrees` degrees.
    pub const fn new(degrees: u32) -> Self {
        Self(degrees)
    }

    /// The whole degrees.
    pub const fn degrees(self) -> u32 {
        self.0
    }

    /// In thousandths of a degree, as the kernel counts; the largest number where it would not fit.
    pub fn mdegc(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX).saturating_mul(MDEGC_PER_DEGREE)
    }
}

impl fmt::Display for Celsius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}C", self.0)
    }
}

impl FromStr for Celsius {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let degrees = parse_with_unit(text, &CELSIUS_UNITS, "a temperature", CELSIUS_HINT)?;
        Ok(Self(u32::try_from(degrees).unwrap_or(u32::MAX)))
    }
}

impl<'de> Deserialize<'de> for Celsius {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parsed(deserializer)
    }
}

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// `bytes` bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_with_unit(self.0, &SIZE_UNITS, "0B"))
    }
}

impl FromStr for ByteSize {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse_with_unit(text, &SIZE_UNITS, "a size", SIZE_HINT).map(Self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parsed(deserializer)
    }
}

/// Parses a whole number and its unit. What does not fit 64 bits becomes the largest number, which no
/// range allows.
fn parse_with_unit(
    text: &str,
    units: &[(&str, u64)],
    what: &'static str,
    hint: &str,
) -> Result<u64, ValueError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (found, hint) = (quoted(text), hint.to_owned());
    if number.is_empty() {
        return Err(ValueError::NotA { found, wanted: what, hint });
    }
    if unit.is_empty() {
        return Err(ValueError::NoUnit { found, hint });
    }
    if let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) {
        return Ok(number.parse::<u64>().map_or(u64::MAX, |number| number.saturating_mul(*factor)));
    }
    if unit.chars().all(|c| c.is_alphabetic() || c == '%') {
        return Err(ValueError::UnknownUnit { found, unit: quoted(unit), hint });
    }
    Err(ValueError::NotA { found, wanted: "a whole number with a unit", hint })
}

fn format_with_unit(amount: u64, units: &[(&str, u64)], zero: &str) -> String {
    if amount == 0 {
        return zero.to_owned();
    }
    match units.iter().find(|(_, factor)| amount.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", amount / factor),
        None => amount.to_string(),
    }
}
