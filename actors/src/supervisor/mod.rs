//! The supervisor: starts the children, starts a child that failed again, and gives up when one fails too often.
//!
//! A child is given as a factory, so that each life begins with fresh state. Its end is noticed by a guard in its
//! context, which works for a stop and for a panic alike; when to start it again is decided by
//! [`carpus_core::supervision`]. Neighbours hold a [`Handle`], which leads to the child that lives now.

mod exit;
mod handle;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message, ResponseFuture, SpawnHandle,
};
use carpus_core::Now;
use carpus_core::supervision::{ChildId, Decision, Output, RestartPolicy, Supervision};
use carpus_devices::clock::Clock;
use tokio::sync::oneshot;

use self::exit::{ChildEnded, ExitGuard};
use self::handle::Slot;
pub use self::handle::{ANSWER_TIME, Handle, Outlet, Unavailable, UnavailableCause};
use crate::time;

/// How long a child may take to stop before the next one is stopped.
const STOP_TIME: Duration = Duration::from_secs(5);

/// A child failed too often; the process must end, non-zero, so that the service manager starts it afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escalated {
    /// The child.
    pub child: &'static str,
}

/// What the supervisor needs.
pub struct SupervisorOptions {
    /// When to start a failed child again.
    pub policy: RestartPolicy,
    /// Decides the jitter of the waits between restarts.
    pub seed: u64,
    /// The board's clocks.
    pub clock: Arc<dyn Clock>,
    /// Called once, when a child failed too often.
    pub on_escalation: Box<dyn FnOnce(Escalated)>,
}

/// Stops every child in the reverse order of starting, each before the next, and starts none again. The answer
/// comes when all have stopped.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct StopAll;

/// Starts one life of a child.
type StartLife = Box<dyn FnMut(ExitGuard, oneshot::Receiver<()>)>;
/// Says in the child's handle that it is down, or gone for good.
type Close = Box<dyn Fn(Closed)>;

#[derive(Clone, Copy)]
enum Closed {
    ForNow,
    ForGood,
}

struct Child {
    name: &'static str,
    start: StartLife,
    close: Close,
    /// Orders the living child to stop; none while it is down or stopping.
    stop: Option<oneshot::Sender<()>>,
    is_up: bool,
}

enum Phase {
    Running,
    /// The children before this index are still to be stopped; the one at it is stopping.
    Stopping {
        next: usize,
    },
    Stopped,
}

/// The supervisor. Children are added with [`supervise`](Self::supervise) and
/// [`supervise_on`](Self::supervise_on) before it is started, in the order in which they start.
pub struct Supervisor {
    clock: Arc<dyn Clock>,
    supervision: Supervision,
    children: Vec<Child>,
    on_escalation: Option<Box<dyn FnOnce(Escalated)>>,
    phase: Phase,
    stopped: Vec<oneshot::Sender<()>>,
    wake: Option<SpawnHandle>,
    patience: Option<SpawnHandle>,
}

impl Supervisor {
    /// A supervisor without children.
    pub fn new(options: SupervisorOptions) -> Self {
        Self {
            clock: options.clock,
            supervision: Supervision::new(options.policy, options.seed),
            children: Vec::new(),
            on_escalation: Some(options.on_escalation),
            phase: Phase::Running,
            stopped: Vec::new(),
            wake: None,
            patience: None,
        }
    }

    /// Adds a child that lives beside the supervisor, on its thread. `factory` makes the actor, afresh for each
    /// life; `handle` is filled with its address.
    pub fn supervise<A, F>(&mut self, handle: &Handle<A>, mut factory: F)
    where
        A: Actor<Context = Context<A>>,
        F: FnMut(&mut Context<A>) -> A + 'static,
    {
        let slot = handle.clone();
        self.add(handle, move |guard, stop| {
            let addr = A::create(|ctx| {
                guard.attach(ctx, stop);
                factory(ctx)
            });
            slot.set(Slot::Up(addr));
        });
    }

    /// Adds a child that lives on an arbiter, a thread of its own.
    pub fn supervise_on<A, F>(&mut self, arbiter: ArbiterHandle, handle: &Handle<A>, factory: F)
    where
        A: Actor<Context = Context<A>>,
        F: Fn(&mut Context<A>) -> A + Send + Sync + 'static,
    {
        let slot = handle.clone();
        let factory = Arc::new(factory);
        self.add(handle, move |guard, stop| {
            let factory = Arc::clone(&factory);
            let addr = A::start_in_arbiter(&arbiter, move |ctx| {
                guard.attach(ctx, stop);
                factory(ctx)
            });
            slot.set(Slot::Up(addr));
        });
    }

    fn add<A: Actor>(
        &mut self,
        handle: &Handle<A>,
        start: impl FnMut(ExitGuard, oneshot::Receiver<()>) + 'static,
    ) {
        let slot = handle.clone();
        let close = move |closed| match closed {
            Closed::ForNow => slot.set(Slot::Down),
            Closed::ForGood => slot.set(Slot::Gone),
        };
        self.children.push(Child {
            name: handle.name(),
            start: Box::new(start),
            close: Box::new(close),
            stop: None,
            is_up: false,
        });
    }

    fn start_child(&mut self, child: ChildId, supervisor: &Addr<Self>) {
        let entry = &mut self.children[child.0];
        entry.is_up = true;
        let guard = ExitGuard { child, supervisor: supervisor.clone().recipient() };
        let (stop, ear) = oneshot::channel();
        entry.stop = Some(stop);
        // A factory that panics drops the guard: the child counts as ended, and the supervisor lives on.
        let _reported_by_the_guard = catch_unwind(AssertUnwindSafe(|| (entry.start)(guard, ear)));
    }

    /// Runs one mutation of the policy, starts the children that are due, and arms the one timer.
    fn step(&mut self, ctx: &mut Context<Self>, mutate: impl FnOnce(&mut Supervision, Now)) {
        let now = time::now(&*self.clock);
        mutate(&mut self.supervision, now);
        while let Some(Output::Start(child)) = self.supervision.poll_output() {
            self.start_child(child, &ctx.address());
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

    fn child_failed(&mut self, ended: ChildEnded, ctx: &mut Context<Self>) {
        let mut decision = Decision::Escalate;
        self.step(ctx, |supervision, now| decision = supervision.handle_exit(ended.child, now));
        let child = self.children[ended.child.0].name;
        let how = if ended.panicked { "panicked" } else { "stopped by itself" };
        match decision {
            Decision::Restart { after } => tracing::warn!(child, ?after, "{how}; it is started again"),
            Decision::Escalate => self.escalate(child, ended.panicked),
        }
    }

    fn escalate(&mut self, child: &'static str, panicked: bool) {
        let Some(tell) = self.on_escalation.take() else { return };
        if panicked {
            tracing::error!(child, "panicked too often; the runtime gives up");
        } else {
            tracing::warn!(child, "stopped by itself too often; the runtime gives up");
        }
        tell(Escalated { child });
    }

    /// Stops the next child from the back that is up; answers when none is left.
    fn stop_next(&mut self, ctx: &mut Context<Self>) {
        if let Some(stale) = self.patience.take() {
            ctx.cancel_future(stale);
        }
        let Phase::Stopping { next } = self.phase else { return };
        let Some(last_up) = self.children[..next].iter().rposition(|child| child.is_up) else {
            self.all_stopped();
            return;
        };
        self.phase = Phase::Stopping { next: last_up };
        let child = &mut self.children[last_up];
        (child.close)(Closed::ForGood);
        let asked = child.stop.take().is_some_and(|stop| stop.send(()).is_ok());
        tracing::debug!(child = child.name, asked, "stopping");
        self.patience = Some(ctx.run_later(STOP_TIME, move |this, ctx| {
            this.patience = None;
            tracing::warn!(child = this.children[last_up].name, "did not stop in time; going on");
            this.stop_next(ctx);
        }));
    }

    fn all_stopped(&mut self) {
        self.phase = Phase::Stopped;
        for answer in self.stopped.drain(..) {
            let _nobody_waits = answer.send(());
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for child in 0..self.children.len() {
            self.start_child(ChildId(child), &ctx.address());
        }
    }
}

impl Handler<ChildEnded> for Supervisor {
    type Result = ();

    fn handle(&mut self, ended: ChildEnded, ctx: &mut Self::Context) {
        let child = &mut self.children[ended.child.0];
        child.is_up = false;
        child.stop = None;
        match self.phase {
            Phase::Running => {
                (child.close)(Closed::ForNow);
                self.child_failed(ended, ctx);
            }
            Phase::Stopping { next } if next == ended.child.0 => self.stop_next(ctx),
            Phase::Stopping { .. } | Phase::Stopped => (child.close)(Closed::ForGood),
        }
    }
}

impl Handler<StopAll> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: StopAll, ctx: &mut Self::Context) -> Self::Result {
        let (stopped, all) = oneshot::channel();
        self.stopped.push(stopped);
        match self.phase {
            Phase::Running => {
                self.phase = Phase::Stopping { next: self.children.len() };
                for child in &self.children {
                    if !child.is_up {
                        (child.close)(Closed::ForGood);
                    }
                }
                if let Some(stale) = self.wake.take() {
                    ctx.cancel_future(stale);
                }
                self.stop_next(ctx);
            }
            Phase::Stopping { .. } => {}
            Phase::Stopped => self.all_stopped(),
        }
        Box::pin(async move {
            let _supervisor_gone = all.await;
        })
    }
}
