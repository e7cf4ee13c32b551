//! When an alarm comes again (A10): weekdays, a time of day, a time zone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zlink::idl;
use zlink::introspect::{CustomType, Type};

use crate::names::names;

names! {
    /// The days of the week.
    enum Weekday, a "weekday" {
        /// The first, as ISO 8601 counts.
        Monday = "monday",
        /// 2
        Tuesday = "tuesday",
        /// 3
        Wednesday = "wednesday",
        /// 4
        Thursday = "thursday",
        /// 5
        Friday = "friday",
        /// 6
        Saturday = "saturday",
        /// 7
        Sunday = "sunday",
    }
}

/// A time of day to the second, such as 07:30; a string on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
    second: u8,
}

/// The text or the numbers are no time of day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time of day; write it like \"07:30\" or \"07:30:15\", from 00:00 to 23:59:59")]
pub struct BadTimeOfDay(pub String);

impl TimeOfDay {
    /// The time `hour:minute:second`; none when a day has no such time.
    pub const fn new(hour: u8, minute: u8, second: u8) -> Option<Self> {
        if hour < 24 && minute < 60 && second < 60 { Some(Self { hour, minute, second }) } else { None }
    }

    /// The hour, 0 to 23.
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// The minute, 0 to 59.
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// The second, 0 to 59.
    pub const fn second(self) -> u8 {
        self.second
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hour, minute, second } = self;
        write!(out, "{hour:02}:{minute:02}")?;
        if *second == 0 { Ok(()) } else { write!(out, ":{second:02}") }
    }
}

impl FromStr for TimeOfDay {
    type Err = BadTimeOfDay;

    fn from_str(text: &str) -> Result<Self, BadTimeOfDay> {
        let two_digits = |part: &str| {
            let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse::<u8>().ok()).flatten()
        };
        let parts: Option<Vec<u8>> = text.split(':').map(two_digits).collect();
        let time = match parts.as_deref() {
            Some([hour, minute]) => Self::new(*hour, *minute, 0),
            Some([hour, minute, second]) => Self::new(*hour, *minute, *second),
            Some(_) | None => None,
        };
        time.ok_or_else(|| BadTimeOfDay(text.to_owned()))
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Type for TimeOfDay {
    const TYPE: &'static idl::Type<'static> = &idl::Type::String;
}

/// When an alarm comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct RecurrenceRule {
    /// On which days, one at least: monday, tuesday, wednesday, thursday, friday, saturday, sunday.
    pub weekdays: Vec<Weekday>,
    /// At which time of the day: 07:30, or 07:30:15.
    pub time: TimeOfDay,
    /// In which time zone, by its IANA name (Europe/Berlin); that of the board, whichever it is by then, when left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_read_and_written() {
        for text in ["00:00", "07:30", "23:59", "07:30:15", "23:59:59"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        assert_eq!("07:30:00".parse(), Ok(TimeOfDay::new(7, 30, 0).unwrap()));
    }

    #[test]
    fn what_no_day_has_is_refused() {
        for text in [
            "",
            "7:30",
            "07:3",
            "24:00",
            "07:60",
            "07:30:60",
            "07",
            "07:30:15:00",
            "07:30 ",
            "+7:30",
            "٠٧:٣٠",
        ] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(BadTimeOfDay(text.to_owned())));
        }
        assert_eq!(TimeOfDay::new(24, 0, 0), None);
    }
}
