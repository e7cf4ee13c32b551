//! A child as the supervisor holds it: how it is begun, reached and cut off, whatever its type.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, AsyncContext as _, Context, Handler};
use carpus_core::supervision::{ChildId, Generation};
use tokio::sync::mpsc::unbounded_channel;

use super::handle::{Handle, Slot};
use super::life::{ExitGuard, Life, enter};
use super::orders::{Ear, Order, Orders, listen};
use super::{Ping, Supervisor};

/// From a ping that found its way full to the next.
const PING_AGAIN: Duration = Duration::from_millis(500);

/// What a life begins with.
pub(super) struct Birth {
    life: Arc<Life>,
    guard: ExitGuard,
    ear: Ear,
}

/// Whether a child that is down comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    ForNow,
    ForGood,
}

/// Comes to true when the child has answered, to false when it will not.
pub(super) type Answer = Pin<Box<dyn Future<Output = bool>>>;

/// Where the lives of one child begin.
pub(super) trait Nest {
    fn begin(&mut self, birth: Birth);
    /// The life in it was cut off.
    fn leave(&mut self) {}
    fn close(&self, closed: Closed);
    fn ping(&self, life: Arc<Life>) -> Answer;
}

/// A child.
pub(super) struct Child {
    pub(super) name: &'static str,
    pub(super) nest: Box<dyn Nest>,
    /// The life that was begun last, and the way to order something of it.
    life: Option<(Arc<Life>, Orders)>,
}

impl Child {
    pub(super) fn new(name: &'static str, nest: impl Nest + 'static) -> Self {
        Self { name, nest: Box::new(nest), life: None }
    }

    pub(super) fn begin(&mut self, id: ChildId, generation: Generation, supervisor: &Addr<Supervisor>) {
        let guard = ExitGuard { child: id, generation, supervisor: supervisor.clone().recipient() };
        let (orders, ear) = unbounded_channel();
        let life = Arc::new(Life::default());
        self.life = Some((Arc::clone(&life), orders));
        self.nest.begin(Birth { life, guard, ear });
    }

    /// False when it cannot hear any more.
    pub(super) fn order(&self, order: Order) -> bool {
        self.life.as_ref().is_some_and(|(_, orders)| orders.send(order).is_ok())
    }

    pub(super) fn cut_off(&mut self) {
        if let Some((life, _)) = self.life.take() {
            life.cut_off();
            self.nest.leave();
        }
    }

    pub(super) fn life(&self) -> Option<Arc<Life>> {
        self.life.as_ref().map(|(life, _)| Arc::clone(life))
    }
}

/// Begins a life on this thread.
fn begin_here<A>(handle: &Handle<A>, birth: Birth, factory: impl FnOnce(&mut Context<A>) -> A)
where
    A: Actor<Context = Context<A>>,
{
    let Birth { life, guard, ear } = birth;
    let _entered = enter(Some(Arc::clone(&life)));
    let mut ctx = Context::new();
    listen(ear, &mut ctx);
    let actor = factory(&mut ctx);
    handle.lead_to(ctx.address(), &life);
    life.run(ctx.into_future(actor), guard);
}

/// A child on the supervisor's thread.
pub(super) struct Beside<A: Actor, F> {
    pub(super) handle: Handle<A>,
    pub(super) factory: F,
}

impl<A, F> Nest for Beside<A, F>
where
    A: Actor<Context = Context<A>> + Handler<Ping>,
    F: FnMut(&mut Context<A>) -> A,
{
    fn begin(&mut self, birth: Birth) {
        begin_here(&self.handle, birth, &mut self.factory);
    }

    fn close(&self, closed: Closed) {
        close(&self.handle, closed);
    }

    fn ping(&self, life: Arc<Life>) -> Answer {
        ping(self.handle.clone(), life)
    }
}

/// A child on a thread of its own, which it gets anew when it was cut off.
pub(super) struct Apart<A: Actor, F> {
    pub(super) handle: Handle<A>,
    pub(super) factory: Arc<F>,
    pub(super) arbiter: Option<Arbiter>,
}

impl<A, F> Nest for Apart<A, F>
where
    A: Actor<Context = Context<A>> + Handler<Ping>,
    F: Fn(&mut Context<A>) -> A + Send + Sync + 'static,
{
    fn begin(&mut self, birth: Birth) {
        let arbiter = self.arbiter.take().filter(Arbiter::alive).unwrap_or_else(Arbiter::new);
        let (handle, factory) = (self.handle.clone(), Arc::clone(&self.factory));
        arbiter.spawn_fn(move || begin_here(&handle, birth, |ctx| factory(ctx)));
        self.arbiter = Some(arbiter);
    }

    fn leave(&mut self) {
        if let Some(arbiter) = self.arbiter.take() {
            arbiter.stop(); // if ever it comes to
        }
    }

    fn close(&self, closed: Closed) {
        close(&self.handle, closed);
    }

    fn ping(&self, life: Arc<Life>) -> Answer {
        ping(self.handle.clone(), life)
    }
}

fn close<A: Actor>(handle: &Handle<A>, closed: Closed) {
    handle.set(match closed {
        Closed::ForNow => Slot::Down,
        Closed::ForGood => Slot::Gone,
    });
}

/// Without a limit: the rules of supervision have one.
fn ping<A>(handle: Handle<A>, life: Arc<Life>) -> Answer
where
    A: Actor<Context = Context<A>> + Handler<Ping>,
{
    Box::pin(async move {
        while !life.is_cut_off() {
            let Some(addr) = handle.current().await else { return false };
            match addr.send(Ping).await {
                Ok(true) => return true,
                Ok(false) => tokio::time::sleep(PING_AGAIN).await,
                Err(_closed) => return false,
            }
        }
        false
    })
}
