//! Sound: a named thread that owns the speaker.
//!
//! A missing or failing speaker is never an error to whoever plays (N8): it is reported once, and opened again
//! when it can be.

#[cfg(test)]
mod tests;
mod thread;

use std::sync::Arc;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, ResponseFuture};
use carpus_core::haptics::Theme;
use carpus_core::{Haptic, Now};
use carpus_devices::audio::{OpenSpeaker, Sound};
use carpus_devices::clock::Clock;
use crossbeam_channel::{Sender, TrySendError};
use tokio::sync::oneshot;

use self::thread::{Command, SpeakerThread};
use crate::report::DeviceReport;
use crate::supervisor::{Outlet, Ping};
use crate::thread::{ThreadEnded, spawn as spawn_thread};

/// How many commands may wait for the speaker's thread: a few, since each new sound replaces the one before.
const QUEUE: usize = 16;

/// Which sound to play.
#[derive(Clone, Debug, PartialEq)]
pub enum WhichSound {
    /// The one that goes with a haptic, as the theme has it (H1).
    OfHaptic(Haptic),
    /// This one.
    This(Sound),
}

/// Plays a sound, instead of the one that plays now.
#[derive(Clone, Debug, PartialEq, Message)]
#[rtype(result = "()")]
pub struct PlaySound {
    /// What to play.
    pub sound: WhichSound,
    /// Who asked: an app's identifier, or a part of the runtime.
    pub origin: String,
    /// What the sound is, for the event stream: the name of a haptic, or `"alarm"`.
    pub name: String,
}

/// Stops the sound that plays now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct StopSound;

/// The speaker took a sound.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct SoundPlayed {
    /// What the sound is.
    pub name: String,
    /// Who asked.
    pub origin: String,
    /// When the speaker took it.
    pub at: Now,
}

/// What the actor needs.
pub struct AudioOptions {
    /// Opens the speaker, on the thread that owns it.
    pub open: OpenSpeaker,
    /// What each haptic sounds like (H1).
    pub theme: Arc<Theme>,
    /// How loud, 0.0 to 1.0.
    pub volume: f32,
    /// The board's clocks.
    pub clock: Arc<dyn Clock>,
    /// Is told each sound that the speaker took.
    pub played: Outlet<SoundPlayed>,
    /// Is told that the speaker is missing or failed, and that it works again.
    pub reports: Outlet<DeviceReport>,
}

/// The sound that goes with a haptic, as the theme of the actor has it (H1).
pub const fn sound_of(haptic: Haptic) -> WhichSound {
    WhichSound::OfHaptic(haptic)
}

/// The actor in front of the speaker's thread.
pub struct Audio {
    commands: Sender<Command>,
}

impl Audio {
    /// Starts the speaker's thread; to be called by the factory that makes the actor.
    pub fn new(options: AudioOptions, ctx: &mut Context<Self>) -> Self {
        let (commands, queue) = crossbeam_channel::bounded(QUEUE);
        spawn_thread("audio", ctx.address().downgrade().recipient(), move || {
            SpeakerThread::new(options).run(&queue)
        });
        Self { commands }
    }

    fn command(&self, command: Command) {
        match self.commands.try_send(command) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => tracing::warn!("the sound device hangs; a sound is left out"),
            Err(TrySendError::Disconnected(_)) => tracing::debug!("the speaker's thread is being restarted"),
        }
    }
}

impl Actor for Audio {
    type Context = Context<Self>;
}

impl Handler<PlaySound> for Audio {
    type Result = ();

    fn handle(&mut self, play: PlaySound, _: &mut Self::Context) {
        self.command(Command::Play(play));
    }
}

impl Handler<StopSound> for Audio {
    type Result = ();

    fn handle(&mut self, _: StopSound, _: &mut Self::Context) {
        self.command(Command::Stop);
    }
}

/// A thread that hangs does not answer.
impl Handler<Ping> for Audio {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        let asked = self.commands.try_send(Command::Ping(reply)).is_ok();
        Box::pin(async move { asked && answer.await.is_ok() })
    }
}

impl Handler<ThreadEnded> for Audio {
    type Result = ();

    fn handle(&mut self, _: ThreadEnded, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
