//! Alarms on the wall clock: arms one timer for the next, and tells the watch what is due.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use actix::prelude::*;
use carpus_core::schedule::Schedule;
use carpus_core::{SessionId, WallTime};
use carpus_devices::clock::{Clock, WallTimer};

use crate::supervisor::Outlet;
use crate::time;

/// The actor.
pub struct Scheduler {
    schedule: Schedule,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn WallTimer>,
    due: Outlet<Due>,
    begins: Outlet<ArmAgain>,
    wait: Option<SpawnHandle>,
}

/// The scheduler begins, with no alarm: whoever knows of some arms them again. Sent by the scheduler.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct ArmAgain;

/// The time of a session has come; sent by the scheduler.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Due(pub SessionId);

impl Scheduler {
    /// A scheduler that tells `due`, and, each time it begins, `begins`.
    pub fn new(
        clock: Arc<dyn Clock>,
        timer: Arc<dyn WallTimer>,
        due: Outlet<Due>,
        begins: Outlet<ArmAgain>,
    ) -> Self {
        Self { schedule: Schedule::new(), clock, timer, due, begins, wait: None }
    }

    /// Runs one change of the schedule, tells what is due, and waits for the next.
    fn step(&mut self, ctx: &mut Context<Self>, change: impl FnOnce(&mut Schedule)) {
        change(&mut self.schedule);
        let wall = time::now(&*self.clock).wall;
        while let Some(session) = self.schedule.poll_due(wall) {
            self.due.tell(Due(session));
        }
        if let Some(stale) = self.wait.take() {
            ctx.cancel_future(stale);
        }
        // An alarm farther off than the system's clock can tell never comes.
        if let Some(next) = self.schedule.poll_timeout().and_then(time::system_time) {
            let wait = self.timer.sleep_until(next).into_actor(self).map(|_, this, ctx| {
                this.wait = None;
                this.step(ctx, as_it_is);
            });
            self.wait = Some(ctx.spawn(wait));
        }
    }
}

/// No change: the clock alone made something due.
fn as_it_is(_: &mut Schedule) {}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.begins.tell(ArmAgain);
    }
}

/// Call [`Due`] for the session at the instant.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Arm(pub SessionId, pub WallTime);

impl Handler<Arm> for Scheduler {
    type Result = ();

    fn handle(&mut self, Arm(session, at): Arm, ctx: &mut Context<Self>) {
        self.step(ctx, |schedule| schedule.handle_arm(session, at));
    }
}

/// Don't any more.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Disarm(pub SessionId);

impl Handler<Disarm> for Scheduler {
    type Result = ();

    fn handle(&mut self, Disarm(session): Disarm, ctx: &mut Context<Self>) {
        self.step(ctx, |schedule| schedule.handle_disarm(session));
    }
}
