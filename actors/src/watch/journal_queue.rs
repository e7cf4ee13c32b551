//! What the watch writes into the journal, one after another: an event must not overtake another, and a record
//! must not go before the event that makes it needless is on disk (D1).

use std::cell::Cell;
use std::rc::Rc;

use carpus_core::{AppEvent, AppId, SessionId, SessionRecord};
use tokio::sync::{mpsc, oneshot};

use crate::journal::{Append, Journal, JournalError, RemoveSession, SaveSession};
use crate::supervisor::{Handle, Unavailable};

/// How many orders may wait before those who cause more are held up: far more than the rules need at once.
const ORDERS_MAX: usize = 256;

/// The queue; a task of its own works it off.
pub(super) struct JournalQueue {
    orders: mpsc::UnboundedSender<Order>,
    /// How many orders are not done.
    waiting: Rc<Cell<usize>>,
}

enum Order {
    Append(AppId, AppEvent),
    Save(SessionRecord, oneshot::Sender<bool>),
    Forget(SessionId),
    Settle(oneshot::Sender<()>),
}

/// A record on its way to the disk.
pub(super) struct Saving {
    session: SessionId,
    saved: oneshot::Receiver<bool>,
}

impl Saving {
    pub(super) const fn session(&self) -> SessionId {
        self.session
    }

    /// Whether it is on disk.
    pub(super) async fn done(self) -> bool {
        self.saved.await.unwrap_or(false)
    }
}

impl JournalQueue {
    pub(super) fn new(journal: Handle<Journal>) -> Self {
        let (orders, mut next) = mpsc::unbounded_channel();
        let waiting = Rc::new(Cell::new(0_usize));
        let left = Rc::clone(&waiting);
        actix::spawn(async move {
            while let Some(order) = next.recv().await {
                write(&journal, order).await;
                left.set(left.get().saturating_sub(1));
            }
        });
        Self { orders, waiting }
    }

    pub(super) fn append(&self, app: AppId, event: AppEvent) {
        self.put(Order::Append(app, event));
    }

    pub(super) fn save(&self, record: SessionRecord) -> Saving {
        let (done, saved) = oneshot::channel();
        let session = record.session;
        self.put(Order::Save(record, done));
        Saving { session, saved }
    }

    pub(super) fn forget(&self, session: SessionId) {
        self.put(Order::Forget(session));
    }

    /// Waits until all orders so far are done.
    pub(super) fn settled(&self) -> impl Future<Output = ()> + use<> {
        let (done, settled) = oneshot::channel();
        self.put(Order::Settle(done));
        async move {
            // An error means that nothing is left to wait for.
            settled.await.ok();
        }
    }

    /// Waits, where too many orders do, until those are done: an app causes no more than the disk can take.
    pub(super) fn room(&self) -> impl Future<Output = ()> + use<> {
        let settled = (self.waiting.get() > ORDERS_MAX).then(|| self.settled());
        async move {
            if let Some(settled) = settled {
                settled.await;
            }
        }
    }

    fn put(&self, order: Order) {
        self.waiting.set(self.waiting.get() + 1);
        // The task ends only with the runtime.
        self.orders.send(order).ok();
    }
}

async fn write(journal: &Handle<Journal>, order: Order) {
    match order {
        Order::Append(app, event) => {
            let what = format!("an event for {app}");
            said(&what, journal.send(Append { app, event }).await);
        }
        Order::Save(record, done) => {
            let what = format!("session {}", record.session);
            // Whoever asked may be gone.
            done.send(said(&what, journal.send(SaveSession(record)).await)).ok();
        }
        Order::Forget(session) => {
            said(&format!("the end of session {session}"), journal.send(RemoveSession(session)).await);
        }
        Order::Settle(done) => drop(done.send(())),
    }
}

/// Whether it was written; if not, the log says so.
fn said(what: &str, written: Result<Result<(), JournalError>, Unavailable>) -> bool {
    match written {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!("{what} could not be written down: {}", crate::report::with_causes(&error));
            false
        }
        Err(error) => {
            tracing::warn!("{what} could not be written down: {error}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::testing::in_virtual_time;

    #[test]
    fn who_causes_more_than_the_disk_can_take_is_held_up() {
        in_virtual_time(async {
            let queue = JournalQueue::new(Handle::new("journal")); // which is not there yet
            for session in 0..=ORDERS_MAX as u64 {
                assert!(queue.room().now_or_never().is_some(), "{session}");
                queue.forget(SessionId(session));
            }
            assert!(queue.room().now_or_never().is_none());
        });
    }
}
