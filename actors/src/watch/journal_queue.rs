//! What the watch writes into the journal, one after another: an event must not overtake another, and a record
//! must not go before the event that makes it needless is on disk (D1).
//!
//! The queue outlives the watch: what one life of it ordered is written before the next one reads what is there. All
//! that waits goes in one write, so that a slow disk delays answers and nothing else. What tells of a session that is
//! on disk already, and cannot be written, is kept, and written later in the order in which it was ordered.

mod kept;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use carpus_core::{AppEvent, AppId, AppRights, RecurrenceRecord, SessionId, SessionRecord};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::kept::{Kept, Lane, app_of_event};
use super::calls::CallFailure;
use crate::journal::{
    Advance, Append, Conclude, Journal, JournalError, LoadSessions, NewestOf, Step, TakeSteps, TellUnwritten,
};
use crate::report::with_causes;
use crate::supervisor::{Handle, Unavailable, UnavailableCause};

/// How many orders may wait before those who cause more are held up: far more than the rules need at once.
const ORDERS_MAX: usize = 256;
/// From one attempt to write what was kept to the next: soon enough for an app that waits for its event, and rare
/// enough for a card that fails.
pub(super) const RETRY: Duration = Duration::from_secs(5);
/// How long a write may take before it is asked what came of it: longer than any disk that works. Who waits for an
/// answer waits less.
const WRITE_TIME: Duration = Duration::from_secs(600);

/// The queue; a task of its own works it off, until the last clone is gone.
#[derive(Clone, Debug)]
pub struct JournalQueue {
    orders: mpsc::UnboundedSender<Order>,
    /// How many orders are not done.
    waiting: Arc<AtomicUsize>,
}

/// What came of an order; when it was not written, the reason, for people.
pub(super) type Written = Result<(), String>;

#[derive(Debug)]
struct Order {
    what: What,
    /// Whoever asked may be gone.
    done: oneshot::Sender<Written>,
}

#[derive(Debug)]
enum What {
    Step(Box<Step>),
    TellUntold(AppId),
    GiveUpUntold(AppId),
    Sessions(oneshot::Sender<Result<Vec<SessionRecord>, CallFailure>>),
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
        self.written.await.unwrap_or_else(|_gone| Err(ENDING.to_owned()))
    }
}

const ENDING: &str = "the runtime is ending";

impl JournalQueue {
    /// A queue for the watch, over all its lives. To be made inside the runtime, whose end is its own.
    pub fn new(journal: Handle<Journal>) -> Self {
        let (orders, next) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let writer = Writer { journal, kept: Kept::default(), newest: kept::Newest::new() };
        actix::spawn(writer.work(next, Arc::clone(&waiting)));
        Self { orders, waiting }
    }

    pub(super) fn append(&self, app: AppId, event: AppEvent) {
        self.put(Step::Append(Append { app, event }), Subject::Nobody);
    }

    /// A step of a session and where it stands then, in one write. Where it cannot be written, it is kept.
    pub(super) fn advance(&self, step: Advance) -> Writing {
        let session = step.record.session;
        self.put(Step::Advance(step), Subject::Session(session))
    }

    /// The end of a session and what becomes of its record, in one write. Where it cannot be written, it is kept.
    pub(super) fn conclude(&self, end: Conclude) -> Writing {
        self.put(Step::Conclude(end), Subject::Nobody)
    }

    pub(super) fn save(&self, record: SessionRecord) -> Writing {
        let session = record.session;
        self.put(Step::Save(record), Subject::Session(session))
    }

    pub(super) fn forget(&self, session: SessionId) -> Writing {
        self.put(Step::Forget(session), Subject::Nobody)
    }

    pub(super) fn save_recurrence(&self, record: RecurrenceRecord) -> Writing {
        let app = record.app.clone();
        self.put(Step::SaveRecurrence(record), Subject::Recurrence(app))
    }

    pub(super) fn forget_recurrence(&self, app: AppId) -> Writing {
        self.put(Step::ForgetRecurrence(app), Subject::EndOfRecurrence)
    }

    pub(super) fn save_rights(&self, app: AppId, rights: AppRights) -> Writing {
        self.put(Step::SaveRights(app, rights), Subject::Nobody)
    }

    /// Tries once more to write what was kept of the app.
    pub(super) fn tell_untold(&self, app: AppId) {
        self.order(What::TellUntold(app), Subject::Nobody);
    }

    /// The app is removed: nobody is left to be told.
    pub(super) fn give_up_untold(&self, app: AppId) {
        self.order(What::GiveUpUntold(app), Subject::Nobody);
    }

    /// All sessions as they stand after what was ordered so far: as they are on disk, and over that what is kept.
    pub(super) fn sessions(&self) -> impl Future<Output = Result<Vec<SessionRecord>, CallFailure>> + use<> {
        let (reply, answer) = oneshot::channel();
        self.order(What::Sessions(reply), Subject::Nobody);
        async move {
            let ending = UnavailableCause::ShutDown;
            let gone = Unavailable { actor: "journal queue", cause: ending };
            answer.await.unwrap_or(Err(CallFailure::Unavailable(gone)))
        }
    }

    /// Waits until all orders so far are done.
    pub(super) fn settled(&self) -> impl Future<Output = ()> + use<> {
        let settled = self.order(What::Settle, Subject::Nobody).done();
        async move {
            // An error means that nothing is left to wait for.
            settled.await.ok();
        }
    }

    /// Waits, where too many orders do, until those are done: an app causes no more than the disk can take.
    pub(super) fn room(&self) -> impl Future<Output = ()> + use<> {
        let settled = (self.waiting.load(Ordering::Relaxed) > ORDERS_MAX).then(|| self.settled());
        async move {
            if let Some(settled) = settled {
                settled.await;
            }
        }
    }

    fn put(&self, step: Step, subject: Subject) -> Writing {
        self.order(What::Step(Box::new(step)), subject)
    }

    fn order(&self, what: What, subject: Subject) -> Writing {
        let (done, written) = oneshot::channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The task ends only with the runtime.
        self.orders.send(Order { what, done }).ok();
        Writing { subject, written }
    }
}

/// Works the orders off.
struct Writer {
    journal: Handle<Journal>,
    kept: Kept,
    /// The number of the newest event of each app, as far as it is known here: nobody else gives any.
    newest: kept::Newest,
}

/// A step, and who waits for it.
type Run = Vec<(Step, oneshot::Sender<Written>)>;

impl Writer {
    async fn work(mut self, mut orders: mpsc::UnboundedReceiver<Order>, waiting: Arc<AtomicUsize>) {
        let mut retry_at = Instant::now();
        loop {
            let first = tokio::select! {
                first = orders.recv() => match first {
                    Some(first) => first,
                    None => return,
                },
                () = tokio::time::sleep_until(retry_at), if !self.kept.is_empty() => {
                    self.catch_up_all().await;
                    retry_at = Instant::now() + RETRY;
                    continue;
                }
            };
            let kept_before = !self.kept.is_empty();
            let mut taken = vec![first];
            while taken.len() < ORDERS_MAX
                && let Ok(next) = orders.try_recv()
            {
                taken.push(next);
            }
            let count = taken.len();
            self.work_off(taken).await;
            waiting.fetch_sub(count, Ordering::Relaxed);
            if !kept_before {
                retry_at = Instant::now() + RETRY;
            }
        }
    }

    async fn work_off(&mut self, orders: Vec<Order>) {
        let mut run = Run::new();
        for Order { what, done } in orders {
            let what = match what {
                What::Step(step) => {
                    run.push((*step, done));
                    continue;
                }
                what => what,
            };
            self.write(std::mem::take(&mut run)).await;
            match what {
                What::TellUntold(app) => self.catch_up(&Lane::Of(app)).await,
                What::GiveUpUntold(app) => {
                    self.newest.remove(&app);
                    self.kept.give_up(app);
                }
                What::Sessions(reply) => {
                    let _asker_gone = reply.send(self.sessions().await);
                }
                What::Settle => self.catch_up_all().await,
                What::Step(_) => {} // done above
            }
            done.send(Ok(())).ok();
        }
        self.write(run).await;
    }

    /// Writes all that wait at once, and before them what was kept of the same apps. If that fails, each gets a write
    /// of its own, so that one that cannot be written takes no other down.
    async fn write(&mut self, run: Run) {
        if run.is_empty() {
            return;
        }
        let lanes = self.kept.lanes_of(run.iter().map(|(step, _)| step));
        let kept = lanes.iter().flat_map(|lane| self.kept.steps(lane));
        let steps: Vec<Step> = kept.chain(run.iter().map(|(step, _)| step)).cloned().collect();
        let is_single = steps.len() == 1;
        match self.take(steps).await {
            Ok(()) => {
                for lane in &lanes {
                    self.kept.clear(lane);
                }
                run.into_iter().for_each(|(_, done)| drop(done.send(Ok(()))));
            }
            Err(cause) if is_single => {
                for (step, done) in run {
                    done.send(Err(self.lose(step, cause.clone()).await)).ok();
                }
            }
            Err(_) => {
                for lane in &lanes {
                    self.catch_up(lane).await;
                }
                for (step, done) in run {
                    done.send(self.write_one(step).await).ok();
                }
            }
        }
    }

    async fn write_one(&mut self, step: Step) -> Written {
        if self.kept.must_wait(&step) {
            return Err(self
                .lose(step, "what was to be written before it waits for the disk".to_owned())
                .await);
        }
        match self.take(vec![step.clone()]).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.lose(step, cause).await),
        }
    }

    async fn catch_up_all(&mut self) {
        for lane in self.kept.lanes() {
            self.catch_up(&lane).await;
        }
    }

    /// Writes what was kept, in its order, up to the first that cannot be written.
    async fn catch_up(&mut self, lane: &Lane) {
        while let Some(step) = self.kept.first(lane).cloned() {
            if let Err(cause) = self.take(vec![step]).await {
                tracing::debug!("what was kept cannot be written yet: {cause}");
                return self.tell_unwritten(lane).await;
            }
            self.kept.first_is_written(lane);
        }
    }

    async fn lose(&mut self, step: Step, cause: String) -> String {
        let lane = app_of_event(&step).cloned().map(Lane::Of);
        let cause = self.kept.lose(step, cause);
        if let Some(lane) = lane {
            self.tell_unwritten(&lane).await;
        }
        cause
    }

    /// Tells an app that listens what its sessions went on to, though it is not on disk: nobody shall oversleep because
    /// a disk fails. Whatever crashes before it is, what is on disk still says that it is to be told. An end waits for
    /// the disk: it is to be told exactly once (S4).
    async fn tell_unwritten(&mut self, lane: &Lane) {
        for index in 0..self.kept.steps(lane).count() {
            let Some(Step::Advance(Advance { app, event, .. })) = self.kept.steps(lane).nth(index).cloned()
            else {
                continue;
            };
            match self.journal.send(TellUnwritten { app, event }).await {
                Ok(Ok(true)) => self.kept.is_told(lane, index),
                Ok(Ok(false) | Err(_)) | Err(_) => return,
            }
        }
    }

    async fn sessions(&mut self) -> Result<Vec<SessionRecord>, CallFailure> {
        self.catch_up_all().await;
        let on_disk = self.journal.send(LoadSessions).await??;
        Ok(self.kept.over(on_disk))
    }

    /// Writes the steps: all, or none. Where the journal ends while it has them, and its next life begins, that one is
    /// asked what came of them, so that no event is told twice.
    async fn take(&mut self, steps: Vec<Step>) -> Written {
        let witness = steps.iter().rev().find_map(app_of_event).cloned();
        if let Some(app) = &witness
            && !self.newest.contains_key(app)
        {
            let newest = self.ask(app).await?;
            self.newest.insert(app.clone(), newest);
        }
        let apps: Vec<Option<AppId>> = steps.iter().map(|step| app_of_event(step).cloned()).collect();
        match self.journal.send_within(WRITE_TIME, TakeSteps(steps)).await {
            Ok(Ok(numbers)) => {
                for (app, number) in apps.into_iter().zip(numbers) {
                    self.newest.extend(app.zip(Some(number)));
                }
                Ok(())
            }
            Ok(Err(error @ JournalError::Unavailable)) => self.find_out(witness, &error).await,
            Err(error) => self.find_out(witness, &error).await,
            Ok(Err(error)) => Err(with_causes(&error)),
        }
    }

    /// What came of a write of which the journal did not say it.
    async fn find_out(&mut self, witness: Option<AppId>, error: &(dyn std::error::Error + Sync)) -> Written {
        let before = witness.as_ref().and_then(|app| self.newest.get(app).copied());
        self.newest.clear(); // of the other apps of the same write
        // Steps without an event can be made twice.
        let (Some(app), Some(before)) = (witness, before) else { return Err(with_causes(error)) };
        let newest = self.ask(&app).await?;
        if newest > before { Ok(()) } else { Err(with_causes(error)) }
    }

    /// The number of the newest event of an app; waits for a journal that is being started again.
    async fn ask(&self, app: &AppId) -> Result<Option<u64>, String> {
        loop {
            match self.journal.send(NewestOf(app.clone())).await {
                Ok(Ok(newest)) => return Ok(newest),
                Err(Unavailable { cause: UnavailableCause::ShutDown, .. }) => return Err(ENDING.to_owned()),
                Ok(Err(JournalError::Unavailable | JournalError::Busy)) | Err(_) => {
                    tokio::time::sleep(RETRY).await;
                }
                Ok(Err(error)) => return Err(with_causes(&error)),
            }
        }
    }
}
