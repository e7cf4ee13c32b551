//! The thread that owns the database: takes all that waits, writes it in one transaction, then answers.

use std::ops::ControlFlow;

use crossbeam_channel::Receiver;
use rusqlite::{Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::store::{self, Store};
use super::subscriptions::Subscriptions;
use super::{JournalError, JournalOptions, OpenError};
use crate::report::with_causes;

/// How many requests go into one transaction at most, so that the first of them need not wait long.
const BATCH_MAX: usize = 256;

/// What a request may read and change besides the database. Changes of a transaction that failed are undone by
/// [`World::after_failure`].
pub(super) struct World {
    pub(super) max_undelivered: usize,
    /// Session numbers that are reserved on disk and not given out yet.
    pub(super) session_ids: std::ops::Range<u64>,
}

impl World {
    pub(super) const fn new(max_undelivered: usize) -> Self {
        Self { max_undelivered, session_ids: 0..0 }
    }

    /// A reservation of the failed transaction may not be on disk: reserve afresh.
    const fn after_failure(&mut self) {
        self.session_ids = 0..0;
    }
}

/// A request to the journal. What it does to the database happens in [`apply`](Self::apply), which may run more than
/// once; what others see of it happens in [`publish`](Self::publish), after it is on disk.
pub(super) trait Request: Send + 'static {
    /// What it reads.
    type Found: Send;
    /// What it is answered.
    type Answer: Send + 'static;

    /// Reads and writes, inside a transaction.
    fn apply(&self, disk: &Transaction<'_>, world: &mut World) -> Result<Self::Found, JournalError>;

    /// Runs after it is on disk.
    fn publish(self, found: Self::Found, subscriptions: &mut Subscriptions) -> Self::Answer;
}

/// A request with its way back, whatever its kind.
pub(super) trait Job: Send {
    /// Applies it inside the transaction; `Break` when the transaction must be given up.
    fn apply(&mut self, disk: &Transaction<'_>, world: &mut World) -> ControlFlow<()>;
    /// Answers it; `lost` when the commit failed.
    fn finish(self: Box<Self>, lost: Option<JournalError>, subscriptions: &mut Subscriptions);
}

/// See [`Job`].
pub(super) struct Work<R: Request> {
    request: R,
    found: Option<Result<R::Found, JournalError>>,
    reply: oneshot::Sender<Result<R::Answer, JournalError>>,
}

impl<R: Request> Work<R> {
    pub(super) const fn new(request: R, reply: oneshot::Sender<Result<R::Answer, JournalError>>) -> Self {
        Self { request, found: None, reply }
    }
}

impl<R: Request> Job for Work<R> {
    fn apply(&mut self, disk: &Transaction<'_>, world: &mut World) -> ControlFlow<()> {
        let found = self.request.apply(disk, world);
        // A refusal has written nothing; after an error of the database the transaction is not to be trusted.
        let goes_on = matches!(found, Ok(_) | Err(JournalError::Full { .. } | JournalError::UnnamedZone));
        self.found = Some(found);
        if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn finish(self: Box<Self>, lost: Option<JournalError>, subscriptions: &mut Subscriptions) {
        let Self { request, found, reply } = *self;
        let answer = match (lost, found) {
            (Some(error), _) | (None, Some(Err(error))) => Err(error),
            (None, Some(Ok(found))) => Ok(request.publish(found, subscriptions)),
            (None, None) => Err(JournalError::Unavailable),
        };
        let _asker_gone = reply.send(answer);
    }
}

pub(super) struct JournalThread {
    store: Store,
    world: World,
    subscriptions: Subscriptions,
}

impl JournalThread {
    /// Opens the database and serves the queue until its other end is dropped.
    pub(super) fn serve(options: &JournalOptions, queue: &Receiver<Box<dyn Job>>) {
        let mut thread = match Self::open(options) {
            Ok(thread) => thread,
            Err(error) => return tracing::warn!("{}", with_causes(&error)),
        };
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH_MAX - 1));
            thread.run(batch);
        }
    }

    pub(super) fn open(options: &JournalOptions) -> Result<Self, OpenError> {
        let (store, world) = (store::open(&options.path)?, World::new(options.max_undelivered));
        Ok(Self { store, world, subscriptions: Subscriptions::default() })
    }

    /// Writes `batch` in one transaction. If that fails, each request gets a transaction of its own, so that one
    /// that cannot be written takes no other down.
    pub(super) fn run(&mut self, mut batch: Vec<Box<dyn Job>>) {
        match self.write(&mut batch) {
            Ok(()) => self.finish(batch, None),
            Err(error) if batch.len() == 1 => self.finish(batch, error),
            Err(_) => {
                for job in batch {
                    self.run(vec![job]);
                }
            }
        }
    }

    /// The error is none where the job that failed holds it itself.
    fn write(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Option<JournalError>> {
        let outcome = self.try_write(batch);
        if outcome.is_err() {
            self.world.after_failure();
        }
        outcome
    }

    fn try_write(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Option<JournalError>> {
        // Immediate: only its beginning waits for another writer; one that turns from reading to writing is refused.
        let disk = self.store.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let disk = disk.map_err(|error| Some(error.into()))?;
        for job in batch {
            if job.apply(&disk, &mut self.world).is_break() {
                return Err(None);
            }
        }
        disk.commit().map_err(|error| Some(error.into()))
    }

    fn finish(&mut self, batch: Vec<Box<dyn Job>>, mut lost: Option<JournalError>) {
        for job in batch {
            job.finish(lost.take(), &mut self.subscriptions);
        }
    }
}
