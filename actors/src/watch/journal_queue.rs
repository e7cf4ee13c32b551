//! What the watch writes into the journal, one after another: an event must not overtake another, and a record
//! must not go before the event that makes it needless is on disk (D1).

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use actix::{Handler, Message};
use carpus_core::{AppEvent, AppId, AppRights, RecurrenceRecord, SessionId, SessionRecord};
use tokio::sync::{mpsc, oneshot};

use crate::journal::{
    Append, Conclude, Journal, JournalError, RemoveRecurrence, RemoveSession, SaveRecurrence, SaveRights,
    SaveSession,
};
use crate::supervisor::{Handle, Unavailable};

/// How many orders may wait before those who cause more are held up: far more than the rules need at once.
const ORDERS_MAX: usize = 256;

/// How many ends that could not be written are kept to be written later: more than sessions run at once. An app that
/// takes no events makes more of them than any memory holds.
const UNTOLD_MAX: usize = 64;

/// The queue; a task of its own works it off.
pub(super) struct JournalQueue {
    orders: mpsc::UnboundedSender<Order>,
    /// How many orders are not done.
    waiting: Rc<Cell<usize>>,
}

/// What came of an order; when it was not written, the reason, for people.
pub(super) type Written = Result<(), String>;

struct Order {
    what: What,
    /// Whoever asked may be gone.
    done: oneshot::Sender<Written>,
}

enum What {
    Append(Append),
    Conclude(Conclude),
    Save(SessionRecord),
    Forget(SessionId),
    SaveRecurrence(RecurrenceRecord),
    ForgetRecurrence(AppId),
    SaveRights(AppId, AppRights),
    TellUntold(AppId),
    GiveUpUntold(AppId),
    Settle,
}

/// An order on its way to the disk.
pub(super) struct Writing {
    pub(super) subject: Subject,
    written: oneshot::Receiver<Written>,
}

/// Whom it concerns whether an order was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The rules: this session is on disk, or is not (A6).
    Session(SessionId),
    /// The rules: the recurrence of this app is on disk, or is not (A10).
    Recurrence(AppId),
    /// Whoever takes a recurrence back: it is gone from the disk, or is not.
    EndOfRecurrence,
    /// Only whoever waits.
    Nobody,
}

impl Writing {
    /// Waits until it is on disk, or cannot be.
    pub(super) async fn done(self) -> Written {
        self.written.await.unwrap_or_else(|_gone| Err("the runtime is ending".to_owned()))
    }
}

impl JournalQueue {
    pub(super) fn new(journal: Handle<Journal>) -> Self {
        let (orders, mut next) = mpsc::unbounded_channel::<Order>();
        let waiting = Rc::new(Cell::new(0_usize));
        let left = Rc::clone(&waiting);
        actix::spawn(async move {
            let mut writer = Writer { journal, untold: BTreeMap::new() };
            while let Some(Order { what, done }) = next.recv().await {
                let written = writer.write(what).await;
                left.set(left.get().saturating_sub(1));
                done.send(written).ok();
            }
        });
        Self { orders, waiting }
    }

    pub(super) fn append(&self, app: AppId, event: AppEvent) {
        self.put(What::Append(Append { app, event }), Subject::Nobody);
    }

    /// The end of a session and what becomes of its record, in one write.
    pub(super) fn conclude(&self, end: Conclude) -> Writing {
        self.put(What::Conclude(end), Subject::Nobody)
    }

    pub(super) fn save(&self, record: SessionRecord) -> Writing {
        let session = record.session;
        self.put(What::Save(record), Subject::Session(session))
    }

    pub(super) fn forget(&self, session: SessionId) {
        self.put(What::Forget(session), Subject::Nobody);
    }

    pub(super) fn save_recurrence(&self, record: RecurrenceRecord) -> Writing {
        let app = record.app.clone();
        self.put(What::SaveRecurrence(record), Subject::Recurrence(app))
    }

    pub(super) fn forget_recurrence(&self, app: AppId) -> Writing {
        self.put(What::ForgetRecurrence(app), Subject::EndOfRecurrence)
    }

    pub(super) fn save_rights(&self, app: AppId, rights: AppRights) -> Writing {
        self.put(What::SaveRights(app, rights), Subject::Nobody)
    }

    /// Tries once more to tell the app the ends of its sessions that could not be written.
    pub(super) fn tell_untold(&self, app: AppId) {
        self.put(What::TellUntold(app), Subject::Nobody);
    }

    /// The app is removed: nobody is left to be told.
    pub(super) fn give_up_untold(&self, app: AppId) {
        self.put(What::GiveUpUntold(app), Subject::Nobody);
    }

    /// Waits until all orders so far are done.
    pub(super) fn settled(&self) -> impl Future<Output = ()> + use<> {
        let settled = self.put(What::Settle, Subject::Nobody).done();
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

    fn put(&self, what: What, subject: Subject) -> Writing {
        let (done, written) = oneshot::channel();
        self.waiting.set(self.waiting.get() + 1);
        // The task ends only with the runtime.
        self.orders.send(Order { what, done }).ok();
        Writing { subject, written }
    }
}

/// Works the orders off.
struct Writer {
    journal: Handle<Journal>,
    /// The ends that could not be written, on a full disk for instance. The records of their sessions are still on
    /// disk, from which a restart would tell them; so they go with the end, and not before it (D2).
    untold: BTreeMap<SessionId, Conclude>,
}

impl Writer {
    async fn write(&mut self, what: What) -> Written {
        let journal = &self.journal;
        match what {
            What::Append(append) => send(journal, format!("an event for {}", append.app), append).await,
            What::Conclude(end) => self.conclude(end).await,
            What::Save(record) => {
                send(journal, format!("session {}", record.session), SaveSession(record)).await
            }
            What::Forget(session) => match self.untold.remove(&session) {
                Some(end) => self.conclude(Conclude { keep: None, ..end }).await,
                None => send(journal, format!("the end of session {session}"), RemoveSession(session)).await,
            },
            What::SaveRecurrence(record) => {
                send(journal, format!("the recurrence of {}", record.app), SaveRecurrence(record)).await
            }
            What::ForgetRecurrence(app) => {
                send(journal, format!("the end of the recurrence of {app}"), RemoveRecurrence(app)).await
            }
            What::SaveRights(app, rights) => {
                send(journal, format!("the rights of {app}"), SaveRights(app, rights)).await
            }
            What::TellUntold(app) => self.tell_untold(&app).await,
            What::GiveUpUntold(app) => {
                self.untold.retain(|_, end| end.app != app);
                Ok(())
            }
            What::Settle => Ok(()),
        }
    }

    async fn conclude(&mut self, end: Conclude) -> Written {
        let written = send(&self.journal, format!("the end of session {}", end.session), end.clone()).await;
        if written.is_err() {
            self.untold.insert(end.session, end);
            if self.untold.len() > UNTOLD_MAX {
                self.untold.pop_first();
            }
        }
        written
    }

    async fn tell_untold(&mut self, app: &AppId) -> Written {
        let of_app = self.untold.extract_if(.., |_, end| end.app == *app);
        let ends: Vec<_> = of_app.map(|(_, end)| end).collect();
        for end in ends {
            self.conclude(end).await?;
        }
        Ok(())
    }
}

/// If it was not written, the log says so.
async fn send<M>(journal: &Handle<Journal>, what: String, message: M) -> Written
where
    Journal: Handler<M>,
    M: Message<Result = Result<(), JournalError>> + Send + 'static,
{
    let cause = match journal.send(message).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => crate::report::with_causes(&error),
        Err(Unavailable { .. }) => "the journal does not answer".to_owned(),
    };
    tracing::warn!("{what} could not be written down: {cause}");
    Err(cause)
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
