//! Addresses that outlive a restart.
//!
//! What goes through them is counted for the life of the child that sends, and what a life sends that was cut off goes
//! nowhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message, Recipient};
use tokio::sync::watch;

use super::life::{Life, may_send};

/// How long [`Handle::send`] waits for an answer, the restart of a child included.
pub const ANSWER_TIME: Duration = Duration::from_secs(10);

/// An actor did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{actor} is not available: {cause}")]
pub struct Unavailable {
    /// Which one, by its name.
    pub actor: &'static str,
    /// Why.
    pub cause: UnavailableCause,
}

/// Why an actor did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnavailableCause {
    /// It ended while it had the message; whether it did what was asked is not known.
    #[error("it ended before it answered")]
    Ended,
    /// It gave no answer in time; it may be waiting for its restart.
    #[error("it gave no answer within {0:?}")]
    TimedOut(Duration),
    /// The children were stopped for good.
    #[error("the runtime is ending")]
    ShutDown,
    /// It was not asked: the life of the child that asks was cut off, and another has taken its place.
    #[error("who asks was replaced")]
    AskerReplaced,
}

/// The address of a supervised child, as its neighbours hold it: it always leads to the child that lives now.
///
/// Made before the child, so that children that know each other can be wired without a registry; filled by the
/// [`Supervisor`](super::Supervisor).
pub struct Handle<A: Actor> {
    name: &'static str,
    slot: Arc<watch::Sender<Slot<A>>>,
}

/// Where a handle leads.
pub(super) enum Slot<A: Actor> {
    /// To nothing yet, or not at the moment.
    Down,
    /// To the child that lives now.
    Up(Addr<A>),
    /// To nothing any more: the runtime ends.
    Gone,
}

impl<A: Actor> Slot<A> {
    fn addr(&self) -> Option<&Addr<A>> {
        match self {
            Self::Up(addr) => Some(addr),
            Self::Down | Self::Gone => None,
        }
    }

    fn is_settled(&self) -> bool {
        match self {
            Self::Up(addr) => addr.connected(),
            Self::Down => false,
            Self::Gone => true,
        }
    }
}

impl<A: Actor> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self { name: self.name, slot: Arc::clone(&self.slot) }
    }
}

impl<A: Actor> fmt::Debug for Handle<A> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Handle").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<A: Actor> Handle<A> {
    /// The handle of a child that is not started yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, slot: Arc::new(watch::Sender::new(Slot::Down)) }
    }

    /// The handle of an actor that runs already, outside any supervisor.
    pub fn of(name: &'static str, addr: Addr<A>) -> Self {
        Self { name, slot: Arc::new(watch::Sender::new(Slot::Up(addr))) }
    }

    /// The child's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the child lives at this moment.
    pub fn is_up(&self) -> bool {
        self.slot.borrow().addr().is_some_and(Addr::connected)
    }

    /// Asks, and waits for the answer up to [`ANSWER_TIME`]. A child that is being restarted is waited for; a
    /// message that a child took with it when it ended is not sent twice.
    ///
    /// # Errors
    /// [`Unavailable`] when there is no answer.
    pub async fn send<M>(&self, message: M) -> Result<M::Result, Unavailable>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        self.send_within(ANSWER_TIME, message).await
    }

    /// As [`send`](Self::send), with a limit of the caller's.
    ///
    /// # Errors
    /// [`Unavailable`] when there is no answer within `limit`.
    pub async fn send_within<M>(&self, limit: Duration, message: M) -> Result<M::Result, Unavailable>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        // The limit lies around the whole: the timeout of actix's own request does not run while the mailbox is
        // full. The address is a fresh clone, which has a free place in the mailbox of its own.
        let answer = async {
            if !may_send() {
                return Err(UnavailableCause::AskerReplaced);
            }
            let addr = self.current().await.ok_or(UnavailableCause::ShutDown)?;
            addr.send(message).await.map_err(|_closed| UnavailableCause::Ended)
        };
        let answer = tokio::time::timeout(limit, answer).await;
        answer
            .unwrap_or(Err(UnavailableCause::TimedOut(limit)))
            .map_err(|cause| Unavailable { actor: self.name, cause })
    }

    /// Tells, without an answer. A message told while the child is down is lost.
    pub fn do_send<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        if may_send() {
            self.tell(message);
        }
    }

    /// Tells, unless the mailbox is full or the child is down; false when it was not taken. All senders of this
    /// kind share one place in the mailbox.
    pub fn try_send<M>(&self, message: M) -> bool
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        may_send() && self.try_tell(message)
    }

    /// The life that the child lives now.
    pub fn lifetime(&self) -> Lifetime<A> {
        let slot = self.slot.subscribe();
        let addr = slot.borrow().addr().cloned();
        Lifetime { addr, slot }
    }

    /// The way for one kind of message to this child, that neighbours hold who need to know nothing else of it.
    pub fn outlet<M>(&self) -> Outlet<M>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        Outlet { target: Arc::new(self.clone()) }
    }

    pub(super) fn set(&self, slot: Slot<A>) {
        self.slot.send_replace(slot);
    }

    /// Leads to the child that begins, unless its life was cut off meanwhile.
    pub(super) fn lead_to(&self, addr: Addr<A>, life: &Life) {
        self.slot.send_if_modified(|slot| {
            // Who cuts it off says so before this slot is changed: either it is seen here, or the change comes after.
            let begins = !life.is_cut_off();
            if begins {
                *slot = Slot::Up(addr);
            }
            begins
        });
    }

    pub(super) async fn current(&self) -> Option<Addr<A>> {
        // Without a turn of the executor where the child is up: calls reach it in the order in which they are made.
        let up = self.slot.borrow().addr().filter(|addr| addr.connected()).cloned();
        if up.is_some() {
            return up;
        }
        let mut slot = self.slot.subscribe();
        let settled = slot.wait_for(Slot::is_settled).await.ok()?;
        settled.addr().cloned()
    }
}

/// One life of a child, for who has to begin anew with the next one.
pub struct Lifetime<A: Actor> {
    /// None when the child was down.
    addr: Option<Addr<A>>,
    slot: watch::Receiver<Slot<A>>,
}

impl<A: Actor> Lifetime<A> {
    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        let lives = self.addr.as_ref().is_some_and(Addr::connected);
        !lives || self.slot.borrow().addr() != self.addr.as_ref()
    }

    /// Waits until it is over.
    pub async fn over(&mut self) {
        if self.addr.is_some() {
            let addr = &self.addr;
            // An error means that nobody holds the child any more.
            self.slot.wait_for(|slot| slot.addr() != addr.as_ref()).await.ok();
        }
    }
}

impl<A: Actor> fmt::Debug for Lifetime<A> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lifetime").field("over", &self.is_over()).finish_non_exhaustive()
    }
}

trait Target<M>: Send + Sync {
    fn tell(&self, message: M);
    fn try_tell(&self, message: M) -> bool;
}

impl<A, M> Target<M> for Handle<A>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn tell(&self, message: M) {
        match self.slot.borrow().addr() {
            Some(addr) => addr.do_send(message),
            None => tracing::debug!(actor = self.name, "told nothing: it is down"),
        }
    }

    fn try_tell(&self, message: M) -> bool {
        self.slot.borrow().addr().is_some_and(|addr| addr.try_send(message).is_ok())
    }
}

impl<M> Target<M> for Recipient<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn tell(&self, message: M) {
        self.do_send(message);
    }

    fn try_tell(&self, message: M) -> bool {
        self.try_send(message).is_ok()
    }
}

struct Nobody;

impl<M> Target<M> for Nobody {
    fn tell(&self, _message: M) {}

    fn try_tell(&self, _message: M) -> bool {
        true
    }
}

/// The way for one kind of message to whoever wants it: a child (through its [`Handle`], over restarts), an actor
/// (from its `Recipient`), or nobody. Usable from any thread.
pub struct Outlet<M> {
    target: Arc<dyn Target<M>>,
}

impl<M> Outlet<M> {
    /// An outlet that nobody listens to.
    pub fn nobody() -> Self {
        Self { target: Arc::new(Nobody) }
    }

    /// Tells; what is told while the listener is down is lost.
    pub fn tell(&self, message: M) {
        if may_send() {
            self.target.tell(message);
        }
    }

    /// Tells, unless the listener's mailbox is full; false when it was not taken.
    pub fn try_tell(&self, message: M) -> bool {
        may_send() && self.target.try_tell(message)
    }
}

impl<M> Clone for Outlet<M> {
    fn clone(&self) -> Self {
        Self { target: Arc::clone(&self.target) }
    }
}

impl<M> fmt::Debug for Outlet<M> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Outlet")
    }
}

impl<M> From<Recipient<M>> for Outlet<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn from(recipient: Recipient<M>) -> Self {
        Self { target: Arc::new(recipient) }
    }
}
