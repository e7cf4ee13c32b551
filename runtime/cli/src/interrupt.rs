//! Ctrl-C, and being asked to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Signals that came since this was made; none is missed between two waits.
#[derive(Debug)]
pub(crate) struct Interrupts(Signal);

impl Interrupts {
    /// Ctrl-C.
    pub(crate) fn by_keyboard() -> Result<Self, Failure> {
        Self::of(SignalKind::interrupt())
    }

    /// SIGTERM.
    pub(crate) fn by_request() -> Result<Self, Failure> {
        Self::of(SignalKind::terminate())
    }

    fn of(kind: SignalKind) -> Result<Self, Failure> {
        let watched = signal(kind);
        watched.map(Self).map_err(|error| Failure::refused(format!("signals cannot be watched: {error}")))
    }

    /// Waits for the next one. May be dropped and asked again.
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}
