//! What systemd is told: that the runtime is ready, that it ends, and, as long as all of it is well, that it lives.

use std::time::Duration;

use sd_notify::NotifyState;

/// Tells systemd; without systemd, nobody.
pub(crate) fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!("systemd could not be told: {error}");
    }
}

/// The time of systemd's watchdog (`WatchdogSec=`): when it hears nothing for so long, it kills the runtime and starts it
/// afresh. None where nobody watches.
pub(crate) fn watchdog_time() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|time| !time.is_zero())
}

/// Tells systemd, where it watches, that every part of the runtime has answered. Whoever blocks the main thread keeps this
/// from being told.
pub(crate) fn pat_watchdog() {
    if watchdog_time().is_some() {
        tell(NotifyState::Watchdog);
    }
}
