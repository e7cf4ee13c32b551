//! What the supervisor orders a child to do; a child has an ear for it beside its mailbox.

use actix::fut::{ActorStreamExt as _, wrap_stream};
use actix::{Actor, ActorContext as _, AsyncContext as _, Context};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

#[cfg(debug_assertions)]
use super::fail::{Noise, Way, fail};
#[cfg(debug_assertions)]
use crate::supervisor::Outlet;

/// An order to a child.
pub(super) enum Order {
    /// Stop, when the messages that are in the mailbox are handled.
    Stop,
    /// Fail in this way, for a test of what follows.
    #[cfg(debug_assertions)]
    Fail(Way, Outlet<Noise>),
}

pub(super) type Orders = UnboundedSender<Order>;
pub(super) type Ear = UnboundedReceiver<Order>;

/// Gives the child its ear.
pub(super) fn listen<A: Actor<Context = Context<A>>>(mut ear: Ear, ctx: &mut Context<A>) {
    let orders = futures_util::stream::poll_fn(move |task| ear.poll_recv(task));
    let obeying = wrap_stream::<_, A>(orders).map(|order, _child, ctx: &mut Context<A>| match order {
        Order::Stop => ctx.stop(),
        #[cfg(debug_assertions)]
        Order::Fail(way, sink) => fail(way, sink, ctx),
    });
    ctx.spawn(obeying.finish());
}
