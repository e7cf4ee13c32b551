//! How the supervisor learns that a child ended, and how a child learns that it shall end.

use actix::fut::wrap_future;
use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Message, Recipient};
use carpus_core::supervision::ChildId;
use tokio::sync::oneshot;

/// A child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub(super) struct ChildEnded {
    pub(super) child: ChildId,
    pub(super) panicked: bool,
}

/// A value in the child's context that is dropped together with the child, whatever ends it: a stop, a panic
/// (in which only `Drop` runs), the end of its arbiter. Its `Drop` tells the supervisor.
pub(super) struct ExitGuard {
    pub(super) child: ChildId,
    pub(super) supervisor: Recipient<ChildEnded>,
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        let panicked = std::thread::panicking();
        self.supervisor.do_send(ChildEnded { child: self.child, panicked });
    }
}

impl ExitGuard {
    /// Puts the guard into the context of a child, and beside it the ear for the order to stop. When the order
    /// comes, the messages that are in the mailbox already are handled first.
    pub(super) fn attach<A>(self, ctx: &mut Context<A>, stop: oneshot::Receiver<()>)
    where
        A: Actor<Context = Context<A>>,
    {
        ctx.spawn(wrap_future(async move {
            let _dropped_with_the_child = self;
            std::future::pending().await
        }));
        ctx.spawn(wrap_future(stop).map(|order, _child: &mut A, ctx: &mut Context<A>| {
            if order.is_ok() {
                ctx.stop();
            }
        }));
    }
}
