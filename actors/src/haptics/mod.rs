//! Haptics: a named thread that owns the motor and plays the patterns of a [`Theme`] (H1–H3).
//!
//! A missing or failing motor is never an error to whoever plays (N8): it is reported once, and opened again when
//! it can be.

#[cfg(test)]
mod tests;
mod thread;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseFuture};
use carpus_core::haptics::Theme;
use carpus_core::{Haptic, Now};
use carpus_devices::clock::Clock;
use carpus_devices::haptics::OpenMotor;
use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::oneshot;

use self::thread::{Command, MotorThread};
use crate::report::DeviceReport;
use crate::supervisor::{Outlet, Ping};
use crate::thread::{ThreadEnded, spawn as spawn_thread};

/// How many commands may wait for the motor's thread. It takes each at once, unless the driver hangs.
const QUEUE: usize = 64;

/// Plays a haptic, instead of the one that plays now (H2).
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Play {
    /// Which one.
    pub haptic: Haptic,
    /// Who asked: an app's identifier, or a part of the runtime.
    pub origin: String,
}

/// Stops the haptic that plays now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct StopHaptics;

/// A haptic began on the motor.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct HapticPlayed {
    /// Which one.
    pub haptic: Haptic,
    /// Who asked.
    pub origin: String,
    /// When the motor began.
    pub at: Now,
}

/// What the actor needs.
pub struct HapticsOptions {
    /// Opens the motor, on the thread that owns it.
    pub open: OpenMotor,
    /// What each haptic feels like (H1).
    pub theme: Arc<Theme>,
    /// The rest of the motor between two haptics (H2).
    pub gap: Duration,
    /// The board's clocks.
    pub clock: Arc<dyn Clock>,
    /// Is told each haptic that the motor played.
    pub played: Outlet<HapticPlayed>,
    /// Is told that the motor is missing or failed, and that it works again.
    pub reports: Outlet<DeviceReport>,
}

/// The actor in front of the motor's thread.
pub struct Haptics {
    commands: Sender<Command>,
}

impl Haptics {
    /// Starts the motor's thread; to be called by the factory that makes the actor.
    pub fn new(options: HapticsOptions, ctx: &mut Context<Self>) -> Self {
        let (commands, queue) = crossbeam_channel::bounded(QUEUE);
        spawn_thread("haptics", ctx.address().downgrade().recipient(), move || {
            MotorThread::new(options).run(&queue)
        });
        Self { commands }
    }

    fn command(&self, command: Command) {
        match self.commands.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => tracing::warn!("the motor's driver hangs; a haptic is left out"),
            Err(TrySendError::Disconnected(_)) => tracing::debug!("the motor's thread is being restarted"),
        }
    }
}

impl Actor for Haptics {
    type Context = Context<Self>;
}

impl Handler<Play> for Haptics {
    type Result = ();

    fn handle(&mut self, play: Play, _: &mut Self::Context) {
        self.command(Command::Play(play));
    }
}

impl Handler<StopHaptics> for Haptics {
    type Result = ();

    fn handle(&mut self, _: StopHaptics, _: &mut Self::Context) {
        self.command(Command::Stop);
    }
}

/// A thread that hangs does not answer.
impl Handler<Ping> for Haptics {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        let asked = self.commands.try_send(Command::Ping(reply)).is_ok();
        Box::pin(async move { asked && answer.await.is_ok() })
    }
}

impl Handler<ThreadEnded> for Haptics {
    type Result = ();

    fn handle(&mut self, _: ThreadEnded, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
