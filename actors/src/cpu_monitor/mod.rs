//! The CPU budget of each running session (C1, C2): samples its app's process tree, and tells the watch when the
//! allowance is spent. It wakes up only while a session runs.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use carpus_core::budget::{Budget, Spending};
use carpus_core::{AppId, Limits, SessionId};
use carpus_devices::clock::Clock;

use crate::apps::{Apps, CpuTime, CpuTimes};
use crate::supervisor::{Handle, Outlet, answers_pings};
use crate::time;

/// The actor.
pub struct CpuMonitor {
    limits: Limits,
    sample_interval: Duration,
    clock: Arc<dyn Clock>,
    apps: Handle<Apps>,
    spent: Outlet<BudgetSpent>,
    begins: Outlet<MeasureAgain>,
    budgets: BTreeMap<SessionId, Measured>,
    sampling: Option<SpawnHandle>,
}

/// A session that is measured.
struct Measured {
    app: AppId,
    budget: Budget,
    /// The process that was read last.
    process: Option<u32>,
}

impl Measured {
    fn take_reading(&mut self, reading: &CpuTime, since_boot: Duration) -> Spending {
        if self.process.replace(reading.process).is_some_and(|before| before != reading.process) {
            self.budget.handle_new_process();
        }
        self.budget.handle_reading(reading.total, since_boot)
    }
}

/// The monitor begins, with no session: whoever knows of some has them measured again, with a fresh allowance. Sent
/// by the monitor.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct MeasureAgain;

/// A session's allowance is spent; sent by the monitor, once a session.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct BudgetSpent {
    /// The session.
    pub session: SessionId,
    /// What was used of what.
    pub spending: Spending,
}

impl CpuMonitor {
    /// A monitor that asks `apps` each `sample_interval` what they used, and tells `spent`; and, each time it begins,
    /// `begins`.
    pub fn new(
        limits: Limits,
        sample_interval: Duration,
        clock: Arc<dyn Clock>,
        apps: Handle<Apps>,
        spent: Outlet<BudgetSpent>,
        begins: Outlet<MeasureAgain>,
    ) -> Self {
        Self { limits, sample_interval, clock, apps, spent, begins, budgets: BTreeMap::new(), sampling: None }
    }

    fn sample_later(&mut self, ctx: &mut Context<Self>, wait: Duration) {
        if let Some(stale) = self.sampling.take() {
            ctx.cancel_future(stale);
        }
        if !self.budgets.is_empty() {
            self.sampling = Some(ctx.run_later(wait, |this, ctx| this.sample(ctx)));
        }
    }

    fn sample(&mut self, ctx: &mut Context<Self>) {
        let apps = self.budgets.values().map(|measured| measured.app.clone()).collect();
        let handle = self.apps.clone();
        let ask = async move { handle.send(CpuTimes(apps)).await };
        ctx.spawn(ask.into_actor(self).map(|times, this, ctx| {
            this.take_readings(&times.unwrap_or_default());
            this.sample_later(ctx, this.sample_interval);
        }));
    }

    fn take_readings(&mut self, times: &[CpuTime]) {
        let since_boot = time::now(&*self.clock).since_boot;
        let mut over = Vec::new();
        for (session, measured) in &mut self.budgets {
            let Some(reading) = times.iter().find(|time| time.app == measured.app) else { continue };
            let spending = measured.take_reading(reading, since_boot);
            tracing::trace!(%session, app = %measured.app, used = ?spending.used, limit = ?spending.limit, "cpu");
            if spending.is_over() {
                over.push(BudgetSpent { session: *session, spending });
            }
        }
        for spent in over {
            self.budgets.remove(&spent.session);
            self.spent.tell(spent);
        }
    }
}

answers_pings!(CpuMonitor);

impl Actor for CpuMonitor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.begins.tell(MeasureAgain);
    }
}

/// Measure the app while the session runs.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Measure(pub SessionId, pub AppId);

impl Handler<Measure> for CpuMonitor {
    type Result = ();

    fn handle(&mut self, Measure(session, app): Measure, ctx: &mut Context<Self>) {
        let budget = Budget::new(&self.limits);
        self.budgets.insert(session, Measured { app, budget, process: None });
        self.sample_later(ctx, Duration::ZERO);
    }
}

/// The session is over.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct StopMeasuring(pub SessionId);

impl Handler<StopMeasuring> for CpuMonitor {
    type Result = ();

    fn handle(&mut self, StopMeasuring(session): StopMeasuring, _: &mut Context<Self>) {
        self.budgets.remove(&session);
    }
}
