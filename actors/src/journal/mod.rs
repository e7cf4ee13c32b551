//! The journal: what must survive a crash of an app, of the runtime, or of the board (A6, D1, D2).
//!
//! A named thread owns the database; the actor in front of it hands requests over a bounded queue. The thread takes
//! all that waits, writes it in one transaction, and answers after it is on disk: few, batched writes, since cards
//! wear. Events are numbered per app and delivered in order until they are acknowledged.

mod error;
#[cfg(any(test, debug_assertions))]
mod faults;
#[doc(hidden)]
pub mod fuzzing;
mod grants;
mod record;
mod recurrence_record;
mod requests;
mod reserve;
mod rules;
mod salvage;
mod steps;
mod store;
mod subscriptions;
#[cfg(test)]
mod tests;
mod thread;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseFuture};
use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::oneshot;

pub use self::error::{JournalError, OpenError};
#[cfg(any(test, debug_assertions))]
pub use self::faults::{DiskFault, DiskFaults, SLOW_WRITE};
pub use self::grants::{LoadGrants, SaveGrants};
pub use self::requests::{
    Acknowledge, Advance, Append, Conclude, ForgetApp, ForgetStrap, KnownStrap, LoadSessions, LoadStraps,
    NextSessionId, NextSessionIdOf, RemoveSession, SaveSession, SaveStrap, Subscribe,
};
pub use self::rules::{LoadRecurrences, LoadRights, RemoveRecurrence, SaveRecurrence, SaveRights};
pub use self::salvage::{Rescue, Saved, set_aside};
pub(crate) use self::steps::{NewestOf, Step, TakeSteps, TellUnwritten};
pub use self::store::{SCHEMA_VERSION, prepare};
pub use self::subscriptions::Delivery;
use self::thread::{Job, JournalThread, Request, Work};
use crate::report::{DeviceProblem, DeviceReport};
use crate::supervisor::{Outlet, Ping};
use crate::thread::{ThreadEnded, spawn as spawn_thread};

/// How many requests may wait for the journal's thread; more are refused with [`JournalError::Busy`].
const QUEUE: usize = 1024;
/// How many pings may wait for the journal's thread: the supervisor asks one at a time.
const PINGS: usize = 4;

/// What the actor needs.
#[derive(Clone, Debug)]
pub struct JournalOptions {
    /// The database; created when missing, in a directory that exists.
    pub path: PathBuf,
    /// How many events may wait for one app's acknowledgement; at the limit, it makes no further session
    /// ([`NextSessionIdOf`]).
    pub max_undelivered: usize,
    /// The size of a file that is given up when the disk is full, so that the journal can be written for a while more;
    /// zero for none.
    pub reserve_bytes: u64,
    /// Who is told that the disk cannot be written, or that the database was damaged.
    pub reports: Outlet<DeviceReport>,
    /// What is wrong with the disk, for tests.
    #[cfg(any(test, debug_assertions))]
    pub faults: DiskFaults,
}

impl JournalOptions {
    /// A journal at `path` with nobody who is told, and without a reserve.
    pub fn at(path: PathBuf, max_undelivered: usize) -> Self {
        Self {
            path,
            max_undelivered,
            reserve_bytes: 0,
            reports: Outlet::nobody(),
            #[cfg(any(test, debug_assertions))]
            faults: DiskFaults::default(),
        }
    }
}

impl Rescue {
    /// What the user is told of it.
    pub fn problem(&self) -> DeviceProblem {
        DeviceProblem {
            part: DATABASE,
            what: format!("the database was damaged ({}); {}", self.why, self.saved),
            remedy: remedy(&self.set_aside),
        }
    }
}

/// How the database is called in reports.
const DATABASE: &str = "database";

fn remedy(set_aside: &std::path::Path) -> String {
    format!("look whether an alarm is missing; the damaged one is kept in {}", set_aside.display())
}

/// What the user is told of a database that was set aside at an earlier start and is still there; none where there is
/// none.
pub fn set_aside_before(path: &std::path::Path) -> Option<DeviceProblem> {
    let newest = set_aside(path).pop()?;
    let what = "the database was damaged at an earlier start, and what could be read was saved".to_owned();
    let remedy = format!("{}; remove that to have this said no more", remedy(&newest));
    Some(DeviceProblem { part: DATABASE, what, remedy })
}

/// The actor in front of the journal's thread.
pub struct Journal {
    disk: Disk,
    /// Tells the thread that this actor is gone.
    over: Arc<AtomicBool>,
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

/// Who does the work.
enum Disk {
    /// The journal's thread, and a way past its queue for pings.
    Thread(Sender<Box<dyn Job>>, Sender<oneshot::Sender<()>>),
    /// The actor itself, at once: for tests in virtual time, which does not wait for a thread.
    #[cfg(test)]
    InPlace(std::cell::RefCell<JournalThread>),
}

impl Disk {
    fn take(&self, job: Box<dyn Job>) -> Result<(), JournalError> {
        match self {
            Self::Thread(jobs, _) => jobs.try_send(job).map_err(|error| match error {
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
    /// A database that cannot be opened ends the thread and the actor: run [`prepare`] first to tell the user why.
    pub fn new(options: JournalOptions, ctx: &mut Context<Self>) -> Self {
        let (jobs, queue) = crossbeam_channel::bounded(QUEUE);
        let (asks, pings) = crossbeam_channel::bounded(PINGS);
        let over = Arc::new(AtomicBool::new(false));
        let of_thread = Arc::clone(&over);
        spawn_thread("journal", ctx.address().downgrade().recipient(), move || {
            JournalThread::serve(&options, &queue, pings, of_thread)
        });
        Self { disk: Disk::Thread(jobs, asks), over }
    }

    /// A journal without a thread, whose time is that of the test.
    #[cfg(test)]
    pub(crate) fn in_place(options: &JournalOptions) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let thread = JournalThread::open(options, Arc::clone(&over)).expect("a database for the test");
        Self { disk: Disk::InPlace(thread.into()), over }
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

/// The thread answers between two transactions, however much waits for it: a slow disk is no hang.
impl Handler<Ping> for Journal {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        let asked = match &self.disk {
            Disk::Thread(_, asks) => asks.try_send(reply).is_ok(),
            #[cfg(test)]
            Disk::InPlace(_) => reply.send(()).is_ok(),
        };
        Box::pin(async move { asked && answer.await.is_ok() })
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
