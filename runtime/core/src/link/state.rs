//! Where a link stands, and why.

use std::fmt;
use std::time::Duration;

/// Where a strap's link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// Out of reach, as far as is known: it must be seen in a scan first.
    Absent,
    /// Seen, and about to be connected.
    Seen,
    /// The radio connects.
    Connecting,
    /// The link is up, its services are being discovered.
    Discovering,
    /// Its notifications are being switched on.
    Subscribing,
    /// Its notifications are on.
    Live,
    /// The link is up, but the strap says nothing; it is taken down, to be connected afresh.
    Silent,
    /// The link went down by itself; it is connected again in a moment.
    Lost,
    /// Something failed; it is tried again after a wait.
    BackingOff,
}

impl LinkState {
    /// The state's name in lists and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Seen => "seen",
            Self::Connecting => "connecting",
            Self::Discovering => "discovering",
            Self::Subscribing => "subscribing",
            Self::Live => "live",
            Self::Silent => "silent",
            Self::Lost => "lost",
            Self::BackingOff => "backing-off",
        }
    }
}

/// Classes of failure, each with a wait of its own before the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// The radio failed for a moment.
    Transient,
    /// The adapter was busy with something else.
    Busy,
    /// The strap is not known to the adapter (any more): it must be seen first.
    NotFound,
    /// The strap did not answer in time: it is probably out of reach, and must be seen first.
    TimedOut,
    /// The link came up, but a characteristic that a strap must have is not there (yet).
    Incomplete,
    /// The link went down before it was of use.
    Disconnected,
    /// Anything else.
    Other,
}

impl FailureClass {
    /// The wait after the first failure of this class: short where the radio mends itself in a moment.
    pub(super) const fn first_wait(self, min: Duration) -> Duration {
        match self {
            Self::Transient | Self::NotFound | Self::Disconnected => min,
            Self::Busy | Self::Incomplete => min.saturating_mul(4),
            Self::TimedOut | Self::Other => min.saturating_mul(8),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Transient => "the radio failed for a moment",
            Self::Busy => "the adapter was busy",
            Self::NotFound => "it is not in reach",
            Self::TimedOut => "it did not answer in time",
            Self::Incomplete => "it does not offer the heart rate",
            Self::Disconnected => "the link went down at once",
            Self::Other => "Bluetooth failed",
        }
    }
}

/// Why a link is not up, or was taken up afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkReason {
    /// It could not be connected.
    ConnectFailed(FailureClass),
    /// It was up, and the strap said nothing for this long.
    NoData(Duration),
    /// It went down by itself.
    Disconnected,
    /// The adapter is gone, or switched off.
    AdapterGone,
}

impl fmt::Display for LinkReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectFailed(class) => out.write_str(class.text()),
            Self::NoData(time) => write!(out, "it said nothing for {} s", time.as_secs()),
            Self::Disconnected => out.write_str("the link went down"),
            Self::AdapterGone => out.write_str("the adapter is gone or switched off"),
        }
    }
}
