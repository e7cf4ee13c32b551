//! The journal: what must survive a crash of an app, of the runtime, or of the board (A6, D1, D2).
//!
//! A named thread owns the database; the actor in front of it hands requests over a bounded queue. The thread takes
//! all that waits, writes it in one transaction, and answers after it is on disk: few, batched writes, since cards
//! wear. Events are numbered per app and delivered in order until they are acknowledged.

mod error;
mod record;
mod requests;
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
    Acknowledge, Append, ForgetApp, ForgetStrap, KnownStrap, LoadSessions, LoadStraps, NextSessionId,
    RemoveSession, SaveSession, SaveStrap, Subscribe,
};
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
    jobs: Sender<Box<dyn Job>>,
}

impl Journal {
    /// Starts the journal's thread, which opens the database; to be called by the factory that makes the actor.
    /// A database that cannot be opened ends the thread and the actor: run [`check`] first to tell the user why.
    pub fn new(options: JournalOptions, ctx: &mut Context<Self>) -> Self {
        let (jobs, queue) = crossbeam_channel::bounded(QUEUE);
        spawn_thread("journal", ctx.address().downgrade().recipient(), move || {
            JournalThread::serve(options, &queue)
        });
        Self { jobs }
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
        let taken = self.jobs.try_send(Box::new(Work::new(request, reply)));
        Box::pin(async move {
            match taken {
                Ok(()) => answer.await.unwrap_or(Err(JournalError::Unavailable)),
                Err(TrySendError::Full(_)) => Err(JournalError::Busy),
                Err(TrySendError::Disconnected(_)) => Err(JournalError::Unavailable),
            }
        })
    }
}

impl Handler<ThreadEnded> for Journal {
    type Result = ();

    fn handle(&mut self, _: ThreadEnded, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
