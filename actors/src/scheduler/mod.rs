//! The wall clock: arms one timer for the next alarm, tells the watch what is due, and when the clock or the time zone
//! of the board was set.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use carpus_core::schedule::Schedule;
use carpus_core::{SessionId, WallTime};
use carpus_devices::clock::{Clock, WallTimer};
use jiff::tz::TimeZone;

use crate::supervisor::{Outlet, answers_pings};
use crate::time::{self, ReadZone};

/// How often the board's time zone is read. The kernel tells nobody when it changes; a traveller who sets it finds
/// their alarms moved within a minute, and a look costs the reading of one link.
const ZONE_INTERVAL: Duration = Duration::from_secs(60);

/// The actor.
pub struct Scheduler {
    schedule: Schedule,
    options: SchedulerOptions,
    wait: Option<SpawnHandle>,
    /// The time zone that was told last.
    zone: Option<TimeZone>,
}

/// What the actor needs.
#[derive(Clone)]
pub struct SchedulerOptions {
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The timer on the wall clock.
    pub timer: Arc<dyn WallTimer>,
    /// The time zone of the board.
    pub zone: ReadZone,
    /// Is told what is due.
    pub due: Outlet<Due>,
    /// Is told each time the scheduler begins.
    pub begins: Outlet<ArmAgain>,
    /// Is told when the wall clock was set.
    pub clock_set: Outlet<ClockSet>,
    /// Is told the time zone, once after each start and when it changes.
    pub zone_changed: Outlet<ZoneChanged>,
}

/// The scheduler begins, with no alarm: whoever knows of some arms them again. Sent by the scheduler.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct ArmAgain;

/// The time of a session has come; sent by the scheduler.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct Due(pub SessionId);

/// The wall clock was set, forward or back; sent by the scheduler.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct ClockSet;

/// The board is in this time zone; sent by the scheduler.
#[derive(Message, Clone, Debug, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct ZoneChanged(pub TimeZone);

impl Scheduler {
    /// A scheduler without an alarm.
    pub fn new(options: SchedulerOptions) -> Self {
        Self { schedule: Schedule::new(), options, wait: None, zone: None }
    }

    /// Runs one change of the schedule, tells what is due, and waits for the next.
    fn step(&mut self, ctx: &mut Context<Self>, change: impl FnOnce(&mut Schedule)) {
        change(&mut self.schedule);
        let wall = time::now(&*self.options.clock).wall;
        while let Some(session) = self.schedule.poll_due(wall) {
            self.options.due.tell(Due(session));
        }
        if let Some(stale) = self.wait.take() {
            ctx.cancel_future(stale);
        }
        // An alarm farther off than the system's clock can tell never comes.
        if let Some(next) = self.schedule.poll_timeout().and_then(time::system_time) {
            let wait = self.options.timer.sleep_until(next).into_actor(self).map(|_, this, ctx| {
                this.wait = None;
                this.step(ctx, as_it_is);
            });
            self.wait = Some(ctx.spawn(wait));
        }
    }

    /// Listens for the clock to be set, again and again. Each wait begins before the one before it is told, so that no
    /// step of the clock falls between two.
    fn listen_to_clock(&self, ctx: &mut Context<Self>) {
        let set = self.options.timer.clock_set();
        ctx.spawn(set.into_actor(self).map(|(), this, ctx| {
            this.listen_to_clock(ctx);
            this.options.clock_set.tell(ClockSet);
            this.look_at_zone(); // a board that travelled while it was suspended hears of its clock first
        }));
    }

    fn look_at_zone(&mut self) {
        let zone = (self.options.zone)();
        if self.zone.as_ref() != Some(&zone) {
            self.options.zone_changed.tell(ZoneChanged(zone.clone()));
            self.zone = Some(zone);
        }
    }
}

/// No change: the clock alone made something due.
fn as_it_is(_: &mut Schedule) {}

answers_pings!(Scheduler);

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.options.begins.tell(ArmAgain);
        self.listen_to_clock(ctx);
        self.look_at_zone();
        ctx.run_interval(ZONE_INTERVAL, |this, _| this.look_at_zone());
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
