//! The thread that owns the database: takes all that waits, writes it in one transaction, then answers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;
use rusqlite::{Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::reserve::Reserve;
use super::salvage::Rescue;
use super::store::{self, Store};
use super::subscriptions::Subscriptions;
use super::{JournalError, JournalOptions, OpenError};
use crate::report::{DeviceMended, DeviceProblem, DeviceReport, with_causes};
use crate::thread::answer;

/// How many requests go into one transaction at most, so that the first of them need not wait long.
const BATCH_MAX: usize = 256;
/// From one look for room for the reserve to the next: it is not urgent, and the board sleeps.
const RESERVE_INTERVAL: Duration = Duration::from_secs(60);
/// How the disk is called in reports.
const DISK: &str = "disk";

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

    /// Whether it has written nothing when it is refused.
    const REFUSES_CLEANLY: bool = true;

    /// Reads and writes, inside a transaction.
    fn apply(&self, disk: &Transaction<'_>, world: &mut World) -> Result<Self::Found, JournalError>;

    /// Runs after it is on disk.
    fn publish(self, found: Self::Found, subscriptions: &mut Subscriptions) -> Self::Answer;
}

/// A request with its way back, whatever its kind.
pub(super) trait Job: Send {
    /// Applies it inside the transaction; `Break` when the transaction must be given up.
    fn apply(&mut self, disk: &Transaction<'_>, world: &mut World) -> ControlFlow<()>;
    /// Why it was not done, where it says so itself.
    fn error(&self) -> Option<&JournalError>;
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
        // After an error of the database the transaction is not to be trusted.
        let goes_on = match found {
            Ok(_) => true,
            Err(JournalError::Full { .. } | JournalError::UnnamedZone) => R::REFUSES_CLEANLY,
            Err(_) => false,
        };
        self.found = Some(found);
        if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn error(&self) -> Option<&JournalError> {
        self.found.as_ref().and_then(|found| found.as_ref().err())
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
    options: JournalOptions,
    store: Store,
    world: World,
    subscriptions: Subscriptions,
    reserve: Reserve,
    /// The actor in front of it is gone: the next one has its own thread, and asks what this one has written.
    over: Arc<AtomicBool>,
    /// It was told that the disk cannot be written.
    disk_fails: bool,
    /// Whoever asks whether it lives is answered after each transaction.
    pings: Receiver<oneshot::Sender<()>>,
}

impl JournalThread {
    /// Opens the database and serves the queue until its other end is dropped.
    pub(super) fn serve(
        options: &JournalOptions,
        queue: &Receiver<Box<dyn Job>>,
        pings: Receiver<oneshot::Sender<()>>,
        over: Arc<AtomicBool>,
    ) {
        let mut thread = match Self::open(options, over) {
            Ok(thread) => thread,
            Err(error) => return tracing::warn!("{}", with_causes(&error)),
        };
        thread.pings = pings.clone();
        let looks = crossbeam_channel::tick(RESERVE_INTERVAL);
        let never = crossbeam_channel::never();
        loop {
            let look = if thread.reserve.is_wanted() { &looks } else { &never };
            crossbeam_channel::select! {
                recv(queue) -> first => {
                    let Ok(first) = first else { return };
                    let mut batch = vec![first];
                    batch.extend(queue.try_iter().take(BATCH_MAX - 1));
                    thread.run(batch);
                }
                // An error means that the actor is gone; then the queue ends as well.
                recv(pings) -> ping => {
                    ping.map(answer).ok();
                }
                recv(look) -> _look => thread.reserve.hold(),
            }
        }
    }

    pub(super) fn open(options: &JournalOptions, over: Arc<AtomicBool>) -> Result<Self, OpenError> {
        let (store, rescue) = store::open(&options.path)?;
        let thread = Self {
            options: options.clone(),
            store,
            world: World::new(options.max_undelivered),
            subscriptions: Subscriptions::default(),
            reserve: Reserve::beside(&options.path, options.reserve_bytes),
            over,
            disk_fails: false,
            pings: crossbeam_channel::never(),
        };
        thread.tell_rescue(rescue);
        Ok(thread)
    }

    /// Writes `batch` in one transaction. If that fails, each request gets a transaction of its own, so that one
    /// that cannot be written takes no other down.
    pub(super) fn run(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let mut outcome = self.write(&mut batch);
        if outcome.as_ref().is_err_and(|lost| self.make_room(&batch, lost.as_ref())) {
            outcome = self.write(&mut batch);
        }
        match outcome {
            Ok(()) => self.finish(batch, None),
            Err(lost) if batch.len() == 1 => {
                self.look_at(&batch, lost.as_ref());
                self.finish(batch, lost);
            }
            Err(_) => {
                for job in batch {
                    self.run(vec![job]);
                }
            }
        }
    }

    /// Where the disk is full: gives up the reserve, and lets the log begin anew, which needs no more room then.
    fn make_room(&mut self, batch: &[Box<dyn Job>], lost: Option<&JournalError>) -> bool {
        let is_full = matches!(error_of(batch, lost), Some(JournalError::DiskFull(_)));
        if is_full && self.reserve.release() {
            tracing::warn!("the disk is full: the reserve of {} is given up", self.options.path.display());
            return self.restart_log();
        }
        is_full && self.restart_log()
    }

    /// Writes what the log holds into the database, so that the log is written from its beginning again.
    fn restart_log(&self) -> bool {
        let sql = "PRAGMA wal_checkpoint(RESTART)";
        self.store.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).is_ok_and(|busy| busy == 0)
    }

    /// The error is none where the job that failed holds it itself.
    fn write(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Option<JournalError>> {
        let outcome = self.try_write(batch);
        self.pings.try_iter().for_each(answer);
        match &outcome {
            Err(_) => self.world.after_failure(),
            Ok(true) if self.disk_fails => {
                self.disk_fails = false;
                tracing::info!("the disk can be written again");
                self.options.reports.tell(DeviceReport::Mended(DeviceMended { part: DISK }));
            }
            Ok(_) => {}
        }
        outcome.map(drop)
    }

    /// Whether anything was changed.
    fn try_write(&mut self, batch: &mut [Box<dyn Job>]) -> Result<bool, Option<JournalError>> {
        let before = self.store.connection.total_changes();
        // Immediate: only its beginning waits for another writer; one that turns from reading to writing is refused.
        let disk = self.store.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let disk = disk.map_err(|error| Some(error.into()))?;
        // Now nobody else writes: what is not written yet when the next thread asks is never written by this one.
        if self.over.load(Ordering::SeqCst) {
            return Err(Some(JournalError::Unavailable));
        }
        for job in batch {
            if job.apply(&disk, &mut self.world).is_break() {
                return Err(None);
            }
        }
        let changed = disk.total_changes() > before;
        #[cfg(any(test, debug_assertions))]
        if changed {
            self.options.faults.happen().map_err(|error| Some(error.into()))?;
        }
        disk.commit().map_err(|error| Some(error.into()))?;
        Ok(changed)
    }

    fn finish(&mut self, batch: Vec<Box<dyn Job>>, mut lost: Option<JournalError>) {
        for job in batch {
            job.finish(lost.take(), &mut self.subscriptions);
        }
    }

    /// What follows from an error beside the answer.
    fn look_at(&mut self, batch: &[Box<dyn Job>], lost: Option<&JournalError>) {
        let Some(error) = error_of(batch, lost) else { return };
        if error.is_of_the_disk() && !self.disk_fails {
            self.disk_fails = true;
            tracing::warn!("{}; {}", with_causes(error), error.remedy());
            let (what, remedy) = (error.to_string(), error.remedy().to_owned());
            self.options.reports.tell(DeviceReport::Problem(DeviceProblem { part: DISK, what, remedy }));
        } else if error.is_damage() {
            self.begin_anew(with_causes(error));
        }
    }

    /// The database showed only now that it is damaged.
    fn begin_anew(&mut self, why: String) {
        let path = &self.options.path;
        // The damaged one is let go of before another takes its place.
        match rusqlite::Connection::open_in_memory() {
            Ok(nothing) => self.store.connection = nothing,
            Err(error) => return tracing::warn!("the damaged database cannot be let go of: {error}"),
        }
        match store::again(path, why) {
            Ok((store, rescue)) => {
                self.store = store;
                self.tell_rescue(rescue);
            }
            Err(error) => tracing::warn!("{}", with_causes(&error)),
        }
    }

    fn tell_rescue(&self, rescue: Option<Rescue>) {
        if let Some(rescue) = rescue {
            self.options.reports.tell(DeviceReport::Problem(rescue.problem()));
        }
    }
}

fn error_of<'a>(batch: &'a [Box<dyn Job>], lost: Option<&'a JournalError>) -> Option<&'a JournalError> {
    lost.or_else(|| batch.iter().find_map(|job| job.error()))
}
