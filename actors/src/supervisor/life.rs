//! One life of a child: what it sends is counted, and once it is cut off nothing of it reaches anybody.
//!
//! Whatever runs in a life, the actor and the threads that it started, has it at hand on its own thread; so nobody who
//! wires actors together can forget to count.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use actix::{Message, Recipient};
use carpus_core::supervision::{ChildId, Exit, Generation};
use tokio::task::AbortHandle;

/// A life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub(super) struct ChildEnded {
    pub(super) child: ChildId,
    pub(super) generation: Generation,
    pub(super) exit: Exit,
}

/// One life of a child.
#[derive(Debug, Default)]
pub(crate) struct Life {
    sent: AtomicU64,
    is_cut_off: AtomicBool,
    task: OnceLock<AbortHandle>,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Life>>> = const { RefCell::new(None) };
}

/// The life that this thread works in, if any.
pub(crate) fn current() -> Option<Arc<Life>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Whether the life that this thread works in was cut off: another has taken its place.
pub(crate) fn is_cut_off() -> bool {
    current().is_some_and(|life| life.is_cut_off())
}

/// Counts a message of the life that this thread works in; false when it must not go out.
pub(super) fn may_send() -> bool {
    let counted = CURRENT.try_with(|current| current.borrow().as_ref().is_none_or(|life| life.count()));
    counted.unwrap_or(true) // a thread that ends works in no life
}

/// Works in this life until the guard is dropped.
pub(crate) fn enter(life: Option<Arc<Life>>) -> Entered {
    Entered { before: CURRENT.try_with(|current| current.replace(life)).ok().flatten() }
}

/// See [`enter`].
pub(crate) struct Entered {
    before: Option<Arc<Life>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        // An error means that the thread ends, and nobody works on it any more.
        CURRENT.try_with(|current| current.replace(before)).ok();
    }
}

impl Life {
    /// How many messages it has sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off.load(Ordering::Acquire)
    }

    fn count(&self) -> bool {
        self.sent.fetch_add(1, Ordering::Relaxed);
        !self.is_cut_off()
    }

    /// From here on nothing that it sends goes out. Its actor is dropped as soon as its thread lets go of it.
    pub(super) fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::Release);
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    /// Runs the actor on this thread, in this life; `guard` tells its end.
    pub(super) fn run(self: Arc<Self>, actor: impl Future<Output = ()> + 'static, guard: ExitGuard) {
        let task = InLife { life: Arc::clone(&self), actor: Some(Box::pin(actor)), _guard: guard };
        let task = actix::spawn(task).abort_handle();
        if self.task.set(task).is_ok() && self.is_cut_off() {
            self.cut_off(); // it was cut off while it began
        }
    }
}

/// Tells the supervisor, when it is dropped, that the life is over, whatever ended it: a stop, a panic, the end of its
/// thread.
pub(super) struct ExitGuard {
    pub(super) child: ChildId,
    pub(super) generation: Generation,
    pub(super) supervisor: Recipient<ChildEnded>,
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        let exit = if std::thread::panicking() { Exit::Panicked } else { Exit::Stopped };
        self.supervisor.do_send(ChildEnded { child: self.child, generation: self.generation, exit });
    }
}

/// An actor that runs in a life.
struct InLife<F> {
    life: Arc<Life>,
    actor: Option<Pin<Box<F>>>,
    /// Dropped after the actor.
    _guard: ExitGuard,
}

impl<F: Future<Output = ()>> Future for InLife<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let _entered = enter(Some(Arc::clone(&self.life)));
        self.actor.as_mut().map_or(Poll::Ready(()), |actor| actor.as_mut().poll(task))
    }
}

impl<F> Drop for InLife<F> {
    fn drop(&mut self) {
        let _entered = enter(Some(Arc::clone(&self.life)));
        self.actor = None;
    }
}
