//! The file `alarm` in the app's data folder.
//! ```text
//! # How long after opening the app the half hour begins in which it may ring; seconds.
//! wake_in_s = 28800
//! # Or at which time of the day it begins, and on which days (every day, if none is named): then the alarm comes
//! # again by itself.
//! # wake_at = 06:30 monday tuesday wednesday thursday friday
//! # light-sleep: watch the heart, and ring in light sleep, at the latest when the half hour is almost over.
//! # now: do not watch at all, ring as soon as the half hour begins.
//! ring = light-sleep
//! ```

use std::path::PathBuf;
use std::time::Duration;

use carpus::{Recurrence, Weekday};

/// Eight hours of sleep.
const WAKE_IN_DEFAULT: Duration = Duration::from_secs(8 * 3600);

/// When to ring within the half hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    /// In light sleep, at the latest at the end.
    InLightSleep,
    /// At once.
    Now,
}

/// When the half hour begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Begins {
    /// So long after the app was opened.
    In(Duration),
    /// At this time of each of these days.
    Each(Recurrence),
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub begins: Begins,
    pub ring: Ring,
}

impl Settings {
    /// What holds without a file.
    const DEFAULT: Self = Self { begins: Begins::In(WAKE_IN_DEFAULT), ring: Ring::InLightSleep };

    /// Reads the file, if there is one.
    pub(crate) fn load() -> Self {
        let file = std::env::var_os("CARPUS_APP_DATA").map(|folder| PathBuf::from(folder).join("alarm"));
        let text = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        Self::read(&text, |complaint| println!("{complaint}"))
    }

    /// Reads the text of the file. A line that makes no sense is told and passed over: an alarm at the usual time is
    /// better than none.
    fn read(text: &str, mut complain: impl FnMut(String)) -> Self {
        let mut settings = Self::DEFAULT;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() && settings.set(line).is_none() {
                complain(format!(
                    "alarm:{number}: {line:?} makes no sense; write wake_in_s = 28800, wake_at = 06:30 monday, or \
                     ring = now"
                ));
            }
        }
        settings
    }

    fn set(&mut self, line: &str) -> Option<()> {
        let (key, value) = line.split_once('=')?;
        match (key.trim(), value.trim()) {
            ("wake_in_s", seconds) => self.begins = Begins::In(Duration::from_secs(seconds.parse().ok()?)),
            ("wake_at", rule) => self.begins = Begins::Each(recurrence(rule)?),
            ("ring", "now") => self.ring = Ring::Now,
            ("ring", "light-sleep") => self.ring = Ring::InLightSleep,
            _ => return None,
        }
        Some(())
    }
}

/// `06:30`, or `06:30 saturday sunday`.
fn recurrence(text: &str) -> Option<Recurrence> {
    let mut words = text.split_whitespace();
    let time = words.next()?.parse().ok()?;
    let days: Vec<Weekday> = words.map(|day| day.parse().ok()).collect::<Option<_>>()?;
    Some(if days.is_empty() { Recurrence::daily(time) } else { Recurrence::new(&days, time) })
}

#[cfg(test)]
mod tests {
    use carpus::TimeOfDay;

    use super::*;

    fn read(text: &str) -> (Settings, Vec<String>) {
        let mut complaints = Vec::new();
        let settings = Settings::read(text, |complaint| complaints.push(complaint));
        (settings, complaints)
    }

    #[test]
    fn the_file_is_read() {
        let expected = Settings { begins: Begins::In(Duration::from_secs(90)), ring: Ring::Now };
        assert_eq!(read("# soon\n\nwake_in_s = 90 # seconds\nring=now\n"), (expected, vec![]));
        assert_eq!(read(""), (Settings::DEFAULT, vec![]));
    }

    #[test]
    fn an_alarm_may_come_again() {
        let time = TimeOfDay::new(6, 30, 0).unwrap();
        let begins = |text| read(text).0.begins;
        assert_eq!(begins("wake_at = 06:30"), Begins::Each(Recurrence::daily(time)));
        let weekends = Recurrence::new(&[Weekday::Saturday, Weekday::Sunday], time);
        assert_eq!(begins("wake_at = 06:30 saturday sunday"), Begins::Each(weekends));
        for wrong in ["wake_at =", "wake_at = 6:30", "wake_at = 24:00", "wake_at = 06:30 someday"] {
            let (settings, complaints) = read(wrong);
            assert_eq!((settings, complaints.len()), (Settings::DEFAULT, 1), "{wrong}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told_and_the_rest_holds() {
        let (settings, complaints) =
            read("wake_in_s = -1\nring = now\ncolour\nwake_in_s = 99999999999999999999");
        assert_eq!(settings, Settings { ring: Ring::Now, ..Settings::DEFAULT });
        assert_eq!(complaints.len(), 3);
        assert!(complaints[0].starts_with("alarm:1: "), "{}", complaints[0]);
    }
}
