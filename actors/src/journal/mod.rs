//! The journal: what must survive a crash of an app, of the runtime, or of the board (A6, D1, D2).
//!
//! A named thread owns the database; the actor in front of it hands requests over a bounded queue. The thread takes
//! all that waits, writes it in one transaction, and answers after it is on disk: few, batched writes, since cards
//! wear. Events are numbered per app and delivered in order until they are acknowledged.

mod error;
mod record;
mod recurrence_record;
mod requests;
mod rules;
mod store;
mod subscriptions;
#[cfg(test)]
mod tests;
mod thread;

use std::path::PathBuf;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseFuture};
use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::oneshot;

pub use self::error::{JournalError, OpenError};
pub use self::requests::{
    Acknowledge, Append, Conclude, ForgetApp, ForgetStrap, KnownStrap, LoadSessions, LoadStraps,
    NextSessionId, RemoveSession, SaveSession, SaveStrap, Subscribe,
};
pub use self::rules::{LoadRecurrences, LoadRights, RemoveRecurrence, SaveRecurrence, SaveRights};
pub use self::store::{SCHEMA_VERSION, check};
pub use self::subscriptions::Delivery;
use self::thread::{Job, JournalThread, Request, Work};
use crate::thread::{ThreadEnded, spawn as spawn_thread};

/// How many requests may wait for the journal's thread; more are refused with [`JournalError::Busy`].
const QUEUE: usize = 1024;

/// What the actor needs.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// The database; created when missing, in a directory that exists.
    pub path: PathBuf,
    /// How many events may wait for one app's acknowledgement; at the limit, further ones are refused with
    /// [`JournalError::Full`].
    pub max_undelivered: usize,
}

/// The actor in front of the journal's thread.
pub struct Journal {
    disk: Disk,
}

/// Who does the work.
enum Disk {
    /// The journal's thread.
    Thread(Sender<Box<dyn Job>>),
    /// The actor itself, at once: for tests in virtual time, which does not wait for a thread.
    #[cfg(test)]
    InPlace(std::cell::RefCell<JournalThread>),
}

impl Disk {
    fn take(&self, job: Box<dyn Job>) -> Result<(), JournalError> {
        match self {
            Self::Thread(jobs) => jobs.try_send(job).map_err(|error| match error {
                TrySendError::Full(_) => JournalError::Busy,
                TrySendError::Disconnected(_) => JournalError::Unavailable,
            }),
            #[cfg(test)]
            Self::InPlace(thread) => {
                thread.borrow_mut().run(vec![job]);
                Ok(())
            }
        }
    }
}

impl Journal {
    /// Starts the journal's thread, which opens the database; to be called by the factory that makes the actor.
    /// A database that cannot be opened ends the thread and the actor: run [`check`] first to tell the user why.
    pub fn new(options: JournalOptions, ctx: &mut Context<Self>) -> Self {
        let (jobs, queue) = crossbeam_channel::bounded(QUEUE);
        spawn_thread("journal", ctx.address().downgrade().recipient(), move || {
            JournalThread::serve(&options, &queue)
        });
        Self { disk: Disk::Thread(jobs) }
    }

    /// A journal without a thread, whose time is that of the test.
    #[cfg(test)]
    pub(crate) fn in_place(options: &JournalOptions) -> Self {
        let thread = JournalThread::open(options).expect("a database for the test");
        Self { disk: Disk::InPlace(thread.into()) }
    }
}

impl Actor for Journal {
    type Context = Context<Self>;
}

impl<R> Handler<R> for Journal
where
    R: Request + Message<Result = Result<<R as Request>::Answer, JournalError>>,
{
    type Result = ResponseFuture<R::Result>;

    fn handle(&mut self, request: R, _: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        let taken = self.disk.take(Box::new(Work::new(request, reply)));
        Box::pin(async move {
            taken?;
            answer.await.unwrap_or(Err(JournalError::Unavailable))
        })
    }
}

impl Handler<ThreadEnded> for Journal {
    type Result = ();

    fn handle(&mut self, _: ThreadEnded, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// Lets everything that comes after it wait for so long, as a slow disk does.
#[cfg(test)]
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Stall(pub(crate) std::time::Duration);

#[cfg(test)]
impl Handler<Stall> for Journal {
    type Result = ();

    fn handle(&mut self, Stall(span): Stall, ctx: &mut Self::Context) {
        use actix::fut::WrapFuture as _;
        ctx.wait(tokio::time::sleep(span).into_actor(self));
    }
}
