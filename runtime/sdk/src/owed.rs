//! What the app has dealt with, and the runtime was not told yet.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::Error;

/// From one attempt to acknowledge to the next, where the runtime cannot write that down: its disk may be full.
const PAUSE: Duration = Duration::from_secs(1);

/// What the app has dealt with, and the runtime was not told yet.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// The sessions that the app was handed and has taken over.
    pub(crate) handed: VecDeque<u64>,
    /// The newest sequence that it has dealt with; that counts for all before it.
    pub(crate) sequence: Option<u64>,
    /// Who waits until nothing is owed.
    askers: Vec<oneshot::Sender<Result<(), Error>>>,
    put_off: Option<PutOff>,
}

/// The runtime could not write it down.
#[derive(Clone, Copy, Debug)]
struct PutOff {
    since: Instant,
    until: Instant,
}

impl Owed {
    pub(crate) fn asks(&mut self, asker: oneshot::Sender<Result<(), Error>>) {
        self.askers.push(asker);
    }

    /// What is to be acknowledged now.
    pub(crate) fn due(&self) -> Option<u64> {
        let put_off = self.put_off.is_some_and(|put_off| Instant::now() < put_off.until);
        self.sequence.filter(|_| !put_off)
    }

    /// Nothing is owed any more, of what can be told now.
    pub(crate) fn is_paid(&mut self) {
        if self.sequence.is_none() {
            self.put_off = None;
            // An app may have stopped waiting for it.
            self.askers.drain(..).for_each(|asker| drop(asker.send(Ok(()))));
        }
    }

    /// It is tried again later; whoever has waited for so long is told why.
    pub(crate) fn put_off(&mut self, patience: Duration, why: &dyn std::error::Error) {
        let now = Instant::now();
        let since = self.put_off.map_or(now, |put_off| put_off.since);
        self.put_off = Some(PutOff { since, until: now + PAUSE });
        if now - since >= patience {
            self.refuse(|| Error::Unavailable { message: why.to_string() });
        }
    }

    /// The runtime is not there: it is tried as soon as it is.
    pub(crate) fn wait_for_runtime(&mut self) {
        self.put_off = None;
    }

    pub(crate) fn refuse(&mut self, error: impl Fn() -> Error) {
        self.askers.drain(..).for_each(|asker| drop(asker.send(Err(error()))));
    }

    /// Waits until something that was put off is to be tried again.
    pub(crate) async fn falls_due(&self) {
        match self.put_off {
            Some(put_off) => tokio::time::sleep_until(put_off.until).await,
            None => std::future::pending().await,
        }
    }
}
