//! Threads that belong to an actor: they own what blocks, a device or the database.

use actix::{Message, WeakRecipient};
use tokio::sync::oneshot;

use crate::supervisor::life;

/// Answers a ping; whoever asked may be gone.
pub(crate) fn answer(ping: oneshot::Sender<()>) {
    ping.send(()).ok();
}

/// The thread of an actor ended: the actor must end too, so that both are started afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub(crate) struct ThreadEnded;

struct EndGuard(WeakRecipient<ThreadEnded>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        if let Some(actor) = self.0.upgrade() {
            actor.do_send(ThreadEnded);
        }
    }
}

/// Starts the named thread of an actor, which works in the life of the actor. The actor is told when the thread ends, by
/// a panic too, or when it could not be started. The actor asks the thread to end by dropping its end of their queue.
pub(crate) fn spawn(
    name: &'static str,
    actor: WeakRecipient<ThreadEnded>,
    body: impl FnOnce() + Send + 'static,
) {
    let guard = EndGuard(actor);
    let life = life::current();
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _told_last = guard;
        let _entered = life::enter(life);
        body();
    });
    if let Err(error) = started {
        tracing::warn!(thread = name, %error, "the thread could not be started");
    }
}
