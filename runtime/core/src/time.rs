//! Time as an argument: a clock that never steps, and the wall clock.

use std::time::Duration;

/// An instant on the wall clock, in milliseconds since 1970-01-01T00:00Z (rule A6). All arithmetic saturates,
/// so that no time an app can name leads to a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(i64);

impl WallTime {
    /// The instant `unix_ms` milliseconds after (or, negative, before) the epoch.
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since the epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// The instant `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(saturating_ms(span)))
    }

    /// The instant `span` earlier.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_ms(span)))
    }

    /// How long after `earlier` this is; zero when it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn saturating_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// The present, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Time since boot: never steps, and goes on while the board is suspended.
    pub since_boot: Duration,
    /// The wall clock: may be set forward or back.
    pub wall: WallTime,
}

impl Now {
    /// The instant on the clock since boot that lies `span` ahead.
    pub fn after(self, span: Duration) -> Duration {
        self.since_boot.saturating_add(span)
    }
}
