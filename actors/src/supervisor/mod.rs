//! The supervisor: starts the children, replaces a child that failed, hangs or floods, and gives up when that does not
//! help.
//!
//! A child is given as a factory, so that each life begins with fresh state. Who is started again and when, and who
//! counts as hanging, is decided by [`carpus_core::supervision`]; this actor performs it. Neighbours hold a
//! [`Handle`], which leads to the child that lives now.

mod child;
mod fail;
mod handle;
pub(crate) mod life;
mod orders;
mod ping;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix::prelude::*;
use carpus_core::Now;
use carpus_core::supervision::{
    ChildId, ChildSpec, ChildView, Failure, Generation, Output, Policy, Supervision,
};
pub use carpus_core::supervision::{GroupId, Restart, Strategy};
use carpus_devices::clock::Clock;
use tokio::sync::oneshot;

use self::child::{Apart, Beside, Child, Closed, Nest};
#[cfg(debug_assertions)]
use self::fail::Noise;
pub use self::fail::{Fail, FailRefused, Way};
pub use self::handle::{ANSWER_TIME, Handle, Lifetime, Outlet, Unavailable, UnavailableCause};
use self::life::ChildEnded;
use self::orders::Order;
pub use self::ping::Ping;
pub(crate) use self::ping::answers_pings;
use crate::time;

/// A child failed too often; the process must end, non-zero, so that the service manager starts it afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escalated {
    /// The child.
    pub child: &'static str,
}

/// What the supervisor needs.
pub struct SupervisorOptions {
    /// When to start a failed child again, and what counts as failed.
    pub policy: Policy,
    /// Decides the jitter of the waits between restarts.
    pub seed: u64,
    /// The board's clocks.
    pub clock: Arc<dyn Clock>,
    /// Called whenever every child has answered since the last time.
    pub on_healthy: Box<dyn FnMut()>,
    /// Called once, when a child failed too often.
    pub on_escalation: Box<dyn FnOnce(Escalated)>,
}

/// Stops every child in the reverse order of starting, each before the next, and starts none again. The answer
/// comes when all have stopped.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct StopAll;

/// Asks how the children are, in the order of starting.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Vec<ChildView>")]
pub struct ListChildren;

/// The supervisor. Children are added before it is started, in the order in which they start.
pub struct Supervisor {
    clock: Arc<dyn Clock>,
    supervision: Supervision,
    children: Vec<Child>,
    on_healthy: Box<dyn FnMut()>,
    on_escalation: Option<Box<dyn FnOnce(Escalated)>>,
    /// Whether a child that goes down stays so.
    is_ending: bool,
    stopped: Vec<oneshot::Sender<()>>,
    wake: Option<SpawnHandle>,
}

impl Supervisor {
    /// A supervisor without children.
    pub fn new(options: SupervisorOptions) -> Self {
        Self {
            clock: options.clock,
            supervision: Supervision::new(options.policy, options.seed),
            children: Vec::new(),
            on_healthy: options.on_healthy,
            on_escalation: Some(options.on_escalation),
            is_ending: false,
            stopped: Vec::new(),
            wake: None,
        }
    }

    /// A group for children that share the count of their restarts, and that rest on each other or do not.
    pub fn group(&mut self, strategy: Strategy) -> GroupId {
        self.supervision.add_group(strategy)
    }

    /// Adds a child that lives beside the supervisor, on its thread, in a group of its own; each end of it is followed
    /// by a restart. `factory` makes the actor, afresh for each life; `handle` is filled with its address.
    pub fn supervise<A, F>(&mut self, handle: &Handle<A>, factory: F)
    where
        A: Actor<Context = Context<A>> + Handler<Ping>,
        F: FnMut(&mut Context<A>) -> A + 'static,
    {
        let group = self.group(Strategy::OneForOne);
        self.supervise_in(group, Restart::Permanent, handle, factory);
    }

    /// As [`supervise`](Self::supervise), in this group of the supervisor's and with this kind of restart.
    pub fn supervise_in<A, F>(&mut self, group: GroupId, restart: Restart, handle: &Handle<A>, factory: F)
    where
        A: Actor<Context = Context<A>> + Handler<Ping>,
        F: FnMut(&mut Context<A>) -> A + 'static,
    {
        let nest = Beside { handle: handle.clone(), factory };
        self.add(handle.name(), restart, group, nest);
    }

    /// As [`supervise`](Self::supervise), for a child on a thread of its own. When it hangs, its thread is left to
    /// itself, and it goes on on another.
    pub fn supervise_apart<A, F>(&mut self, handle: &Handle<A>, factory: F)
    where
        A: Actor<Context = Context<A>> + Handler<Ping>,
        F: Fn(&mut Context<A>) -> A + Send + Sync + 'static,
    {
        let group = self.group(Strategy::OneForOne);
        let nest = Apart { handle: handle.clone(), factory: Arc::new(factory), arbiter: None };
        self.add(handle.name(), Restart::Permanent, group, nest);
    }

    fn add(&mut self, name: &'static str, restart: Restart, group: GroupId, nest: impl Nest + 'static) {
        if self.supervision.add_child(ChildSpec { name, restart, group }).is_some() {
            self.children.push(Child::new(name, nest));
        }
    }

    /// Runs one mutation of the policy, performs what it asks for, and arms the one timer.
    fn step(&mut self, ctx: &mut Context<Self>, mutate: impl FnOnce(&mut Supervision, Now)) {
        let now = time::now(&*self.clock);
        mutate(&mut self.supervision, now);
        while let Some(output) = self.supervision.poll_output() {
            self.perform(output, ctx);
        }
        if let Some(stale) = self.wake.take() {
            ctx.cancel_future(stale);
        }
        self.wake = self.supervision.poll_timeout().map(|at| {
            ctx.run_later(at.saturating_sub(now.since_boot), |this, ctx| {
                this.wake = None;
                this.step(ctx, Supervision::handle_timeout);
            })
        });
    }

    fn perform(&mut self, output: Output, ctx: &mut Context<Self>) {
        match output {
            Output::Start(child, generation) => self.begin(child, generation, &ctx.address()),
            Output::Stop(child, _) => self.stop(child),
            Output::Abandon(child, _) => {
                self.children[child.0].cut_off();
                self.close(child);
            }
            Output::Ping(child, generation) => self.ping(child, generation, ctx),
            Output::Failed { child, failure, after } => {
                self.close(child);
                tracing::warn!(child = self.children[child.0].name, ?after, "{failure}; it is started again");
            }
            Output::Over { child, failure } => {
                self.children[child.0].nest.close(Closed::ForGood);
                tracing::info!(child = self.children[child.0].name, "{failure}; it stays so");
            }
            Output::Healthy => (self.on_healthy)(),
            Output::Escalate { child, failure } => self.escalate(child, failure),
            Output::AllStopped => {
                for answer in self.stopped.drain(..) {
                    let _nobody_waits = answer.send(());
                }
            }
        }
    }

    fn begin(&mut self, id: ChildId, generation: Generation, supervisor: &Addr<Self>) {
        let child = &mut self.children[id.0];
        // A factory that panics drops the guard: the child counts as ended, and the supervisor lives on.
        let begun = catch_unwind(AssertUnwindSafe(|| child.begin(id, generation, supervisor)));
        let _reported_by_the_guard = begun;
    }

    fn stop(&mut self, id: ChildId) {
        self.close(id);
        let child = &self.children[id.0];
        let asked = child.order(Order::Stop);
        tracing::debug!(child = child.name, asked, "stopping");
    }

    /// Its neighbours' calls wait for its next life, if there is to be one.
    fn close(&self, id: ChildId) {
        self.children[id.0].nest.close(if self.is_ending { Closed::ForGood } else { Closed::ForNow });
    }

    fn ping(&self, id: ChildId, generation: Generation, ctx: &mut Context<Self>) {
        let child = &self.children[id.0];
        let Some(life) = child.life() else { return };
        let answer = child.nest.ping(Arc::clone(&life));
        ctx.spawn(answer.into_actor(self).map(move |answered, this, ctx| {
            if answered {
                let sent = life.sent();
                this.step(ctx, |supervision, now| supervision.handle_answer(id, generation, sent, now));
            }
        }));
    }

    fn escalate(&mut self, id: ChildId, failure: Failure) {
        let child = self.children[id.0].name;
        if failure == Failure::Panicked {
            tracing::error!(child, "panicked too often; the runtime gives up");
        } else {
            tracing::warn!(child, "{failure} too often; the runtime gives up");
        }
        self.close_those_that_are_down();
        if let Some(tell) = self.on_escalation.take() {
            tell(Escalated { child });
        }
    }

    /// From here on nobody waits for a child that is down.
    fn close_those_that_are_down(&mut self) {
        self.is_ending = true;
        for (child, view) in self.children.iter().zip(self.supervision.children()) {
            if !view.state.is_alive() {
                child.nest.close(Closed::ForGood);
            }
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.step(ctx, Supervision::handle_begin);
    }
}

impl Handler<ChildEnded> for Supervisor {
    type Result = ();

    fn handle(&mut self, ended: ChildEnded, ctx: &mut Self::Context) {
        let ChildEnded { child, generation, exit } = ended;
        self.step(ctx, |supervision, now| supervision.handle_exit(child, generation, exit, now));
        if self.is_ending {
            self.close_those_that_are_down();
        }
    }
}

impl Handler<StopAll> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: StopAll, ctx: &mut Self::Context) -> Self::Result {
        let (stopped, all) = oneshot::channel();
        self.stopped.push(stopped);
        self.close_those_that_are_down();
        self.step(ctx, Supervision::handle_stop_all);
        Box::pin(async move {
            let _supervisor_gone = all.await;
        })
    }
}

impl Handler<ListChildren> for Supervisor {
    type Result = Vec<ChildView>;

    fn handle(&mut self, _: ListChildren, _: &mut Self::Context) -> Self::Result {
        self.supervision.children().collect()
    }
}

#[cfg(debug_assertions)]
impl Handler<Fail> for Supervisor {
    type Result = Result<(), FailRefused>;

    fn handle(&mut self, Fail { child, way }: Fail, ctx: &mut Self::Context) -> Self::Result {
        let Some(known) = self.children.iter().find(|known| known.name == child) else {
            let names: Vec<_> = self.children.iter().map(|child| child.name).collect();
            return Err(FailRefused::Unknown { child, known: names.join(", ") });
        };
        let sink = ctx.address().recipient::<Noise>().into();
        if known.order(Order::Fail(way, sink)) { Ok(()) } else { Err(FailRefused::Down { child }) }
    }
}

#[cfg(debug_assertions)]
impl Handler<Noise> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Noise, _: &mut Self::Context) {}
}

#[cfg(not(debug_assertions))]
impl Handler<Fail> for Supervisor {
    type Result = Result<(), FailRefused>;

    fn handle(&mut self, _: Fail, _: &mut Self::Context) -> Self::Result {
        Err(FailRefused::NotInThisBuild)
    }
}
