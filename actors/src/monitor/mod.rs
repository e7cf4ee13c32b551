//! What people and programs that look on are told: every report of the other actors, as one stream of
//! observations, and the list of what is missing on this board.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use actix::prelude::*;
use carpus_core::session::{SessionId, SessionState};
use carpus_core::{AppEvent, AppId, AppState, Haptic, WallTime};
use carpus_devices::clock::Clock;
use tokio::sync::broadcast;

use crate::audio::SoundPlayed;
use crate::ble::BleReport;
use crate::haptics::HapticPlayed;
use crate::report::{DeviceProblem, DeviceReport};
use crate::supervisor::answers_pings;
use crate::time;

/// Something that was seen, and when.
#[derive(Clone, Debug)]
pub struct Observed {
    /// When.
    pub at: WallTime,
    /// What.
    pub what: Observation,
}

/// Something that an onlooker may want to know.
#[derive(Clone, Debug)]
pub enum Observation {
    /// An app was installed or replaced.
    Installed(AppId),
    /// An app's state changed.
    AppState(AppId, AppState),
    /// An app's process ended.
    AppExited(AppId, carpus_core::session::ExitStatus),
    /// A session's state changed.
    SessionState(SessionId, AppId, SessionState),
    /// An app was told something.
    Told(AppId, AppEvent),
    /// A haptic was played.
    Haptic(Haptic, String),
    /// A sound was played: its name, and for whom.
    Sound(String, String),
    /// An alarm's alert is shown.
    AlertShown(SessionId, AppId),
    /// An alarm's alert is gone.
    AlertCleared(SessionId, AppId),
    /// An alarm waits for its time.
    AlarmScheduled(SessionId, Option<AppId>, WallTime),
    /// An alarm is due, and was to be at the instant.
    AlarmDue(SessionId, AppId, WallTime),
    /// An alarm waits no more.
    AlarmCancelled(SessionId, Option<AppId>),
    /// An alarm was missed while the board or the runtime was off (A7).
    AlarmMissed(SessionId, AppId, WallTime),
    /// An alarm session ended without one haptic of its app (N6).
    AlarmSilent(SessionId, AppId),
    /// The user snoozed an alarm (N5).
    AlarmSnoozed(SessionId, AppId),
    /// Something about a strap.
    Ble(BleReport),
    /// How a device of the board fares.
    Device(DeviceReport),
}

/// The actor.
pub struct Monitor {
    clock: Arc<dyn Clock>,
    observers: broadcast::Sender<Arc<Observed>>,
    backlog: usize,
    problems: Vec<DeviceProblem>,
}

impl Monitor {
    /// A monitor that keeps the last `backlog` observations for an onlooker that reads slowly; one that falls
    /// behind further is told how many it lost.
    pub fn new(clock: Arc<dyn Clock>, backlog: usize) -> Self {
        let backlog = backlog.max(1);
        Self { clock, observers: broadcast::Sender::new(backlog), backlog, problems: Vec::new() }
    }

    /// With what was found wrong before there was a monitor, and stays so: a monitor that is started afresh knows it
    /// too.
    #[must_use]
    pub fn with_problems(mut self, problems: impl IntoIterator<Item = DeviceProblem>) -> Self {
        self.problems.extend(problems);
        self
    }

    fn publish(&self, what: Observation) {
        if self.observers.receiver_count() > 0 {
            let at = time::now(&*self.clock).wall;
            // An error means that the last onlooker just left.
            self.observers.send(Arc::new(Observed { at, what })).ok();
        }
    }
}

answers_pings!(Monitor);

impl Actor for Monitor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Reporters leave out what finds the mailbox full; a burst of samples must fit.
        ctx.set_mailbox_capacity(self.backlog);
    }
}

/// Tells the onlookers.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Observe(pub Observation);

impl Handler<Observe> for Monitor {
    type Result = ();

    fn handle(&mut self, Observe(what): Observe, _: &mut Context<Self>) {
        self.publish(what);
    }
}

impl Handler<BleReport> for Monitor {
    type Result = ();

    fn handle(&mut self, report: BleReport, _: &mut Context<Self>) {
        self.publish(Observation::Ble(report));
    }
}

impl Handler<HapticPlayed> for Monitor {
    type Result = ();

    fn handle(&mut self, played: HapticPlayed, _: &mut Context<Self>) {
        self.publish(Observation::Haptic(played.haptic, played.origin));
    }
}

impl Handler<SoundPlayed> for Monitor {
    type Result = ();

    fn handle(&mut self, played: SoundPlayed, _: &mut Context<Self>) {
        self.publish(Observation::Sound(played.name, played.origin));
    }
}

impl Handler<DeviceReport> for Monitor {
    type Result = ();

    fn handle(&mut self, report: DeviceReport, _: &mut Context<Self>) {
        let part = match &report {
            DeviceReport::Problem(problem) => problem.part,
            DeviceReport::Mended(mended) => mended.part,
        };
        self.problems.retain(|known| known.part != part);
        if let DeviceReport::Problem(problem) = &report {
            self.problems.push(problem.clone());
        }
        self.publish(Observation::Device(report));
    }
}

/// Asks for all observations from now on.
#[derive(Message, Debug)]
#[rtype(result = "broadcast::Receiver<Arc<Observed>>")]
pub struct LookOn;

impl Handler<LookOn> for Monitor {
    type Result = MessageResult<LookOn>;

    fn handle(&mut self, _: LookOn, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.observers.subscribe())
    }
}

/// Asks for what is missing on this board now.
#[derive(Message, Debug)]
#[rtype(result = "Vec<DeviceProblem>")]
pub struct Problems;

impl Handler<Problems> for Monitor {
    type Result = Vec<DeviceProblem>;

    fn handle(&mut self, _: Problems, _: &mut Context<Self>) -> Self::Result {
        self.problems.clone()
    }
}
