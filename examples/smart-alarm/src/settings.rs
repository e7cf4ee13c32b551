//! The file `alarm` in the app's data folder.
//! ```text
//! # How long after opening the app the half hour begins in which it may ring; seconds.
//! wake_in_s = 28800
//! # light-sleep: watch the heart, and ring in light sleep, at the latest when the half hour is almost over.
//! # now: do not watch at all, ring as soon as the half hour begins.
//! ring = light-sleep
//! ```

use std::path::PathBuf;
use std::time::Duration;

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

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub wake_in: Duration,
    pub ring: Ring,
}

impl Settings {
    /// What holds without a file.
    const DEFAULT: Self = Self { wake_in: WAKE_IN_DEFAULT, ring: Ring::InLightSleep };

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
                    "alarm:{number}: {line:?} makes no sense; write wake_in_s = 28800 or ring = now"
                ));
            }
        }
        settings
    }

    fn set(&mut self, line: &str) -> Option<()> {
        let (key, value) = line.split_once('=')?;
        match (key.trim(), value.trim()) {
            ("wake_in_s", seconds) => self.wake_in = Duration::from_secs(seconds.parse().ok()?),
            ("ring", "now") => self.ring = Ring::Now,
            ("ring", "light-sleep") => self.ring = Ring::InLightSleep,
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Settings, Vec<String>) {
        let mut complaints = Vec::new();
        let settings = Settings::read(text, |complaint| complaints.push(complaint));
        (settings, complaints)
    }

    #[test]
    fn the_file_is_read() {
        let expected = Settings { wake_in: Duration::from_secs(90), ring: Ring::Now };
        assert_eq!(read("# soon\n\nwake_in_s = 90 # seconds\nring=now\n"), (expected, vec![]));
        assert_eq!(read(""), (Settings::DEFAULT, vec![]));
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
