//! The two clocks of the board, and a timer on the wall clock.

use std::time::{Duration, SystemTime};

use crate::BoxFuture;

/// The clocks of the board. Production reads the kernel's; tests give virtual ones.
pub trait Clock: Send + Sync {
    /// Time since boot; it goes on while the board is suspended and never steps (`CLOCK_BOOTTIME`).
    fn since_boot(&self) -> Duration;
    /// The wall clock; it may be set forward or back at any moment (`CLOCK_REALTIME`).
    fn wall(&self) -> SystemTime;
}

/// Why a wait on the wall clock ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallTimerOutcome {
    /// The instant has come.
    Reached,
    /// The clock was set: the instant must be compared with the new time again.
    ClockSet,
}

/// A timer for an instant on the wall clock that notices when the clock is set.
pub trait WallTimer: Send + Sync {
    /// Waits for `at`, or for a step of the clock. Dropping the future takes the timer down.
    /// An instant in the past is reached at once.
    fn sleep_until(&self, at: SystemTime) -> BoxFuture<'static, WallTimerOutcome>;
    /// Waits until the clock is set, from the moment of this call on. It may end as well when the board wakes from a
    /// suspend, after which the clock may be another.
    fn clock_set(&self) -> BoxFuture<'static, ()>;
}
