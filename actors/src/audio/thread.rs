//! The thread that owns the speaker.

use std::sync::Arc;

use carpus_core::Haptic;
use carpus_core::haptics::{Theme, Tone};
use carpus_devices::audio::{AudioError, Note, Sound, Speaker};
use carpus_devices::clock::Clock;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::oneshot;

use super::{AudioOptions, PlaySound, SoundPlayed, WhichSound};
use crate::device::Device;
use crate::report::with_causes;
use crate::supervisor::{Outlet, life};
use crate::thread::answer;
use crate::time;

/// What the speaker's thread is told.
pub(super) enum Command {
    Play(PlaySound),
    Stop,
    /// Answered at once: the thread lives.
    Ping(oneshot::Sender<()>),
}

pub(super) struct SpeakerThread {
    speaker: Device<dyn Speaker, AudioError>,
    theme: Arc<Theme>,
    volume: f32,
    clock: Arc<dyn Clock>,
    played: Outlet<SoundPlayed>,
}

impl SpeakerThread {
    pub(super) fn new(options: AudioOptions) -> Self {
        Self {
            speaker: Device::new(options.open, "speaker", options.reports),
            theme: options.theme,
            volume: options.volume,
            clock: options.clock,
            played: options.played,
        }
    }

    /// Serves the queue until its other end is dropped; then the speaker falls silent and is closed.
    pub(super) fn run(mut self, queue: &Receiver<Command>) {
        while !life::is_cut_off() {
            self.speaker.try_open(self.clock.since_boot());
            match self.next_command(queue) {
                Ok(Command::Play(play)) => self.play(play),
                Ok(Command::Stop) => self.stop(),
                Ok(Command::Ping(ping)) => answer(ping),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.stop();
    }

    fn next_command(&self, queue: &Receiver<Command>) -> Result<Command, RecvTimeoutError> {
        match self.speaker.retry_at() {
            Some(due) => queue.recv_timeout(due.saturating_sub(self.clock.since_boot())),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn play(&mut self, play: PlaySound) {
        let sound = match play.sound {
            WhichSound::OfHaptic(haptic) => sound_of_haptic(&self.theme, haptic),
            WhichSound::This(sound) => Some(sound),
        };
        let Some(sound) = sound else { return self.stop() };
        let at = time::now(&*self.clock);
        let volume = self.volume;
        let mut bad_sound = None;
        let taken = self.speaker.run(at.since_boot, |speaker| match speaker.play(&sound, volume) {
            Err(error @ AudioError::BadSound { .. }) => {
                bad_sound = Some(error);
                Ok(())
            }
            outcome => outcome,
        });
        match bad_sound {
            Some(error) => tracing::warn!(sound = play.name, "{}", with_causes(&error)),
            None if taken => self.played.tell(SoundPlayed { name: play.name, origin: play.origin, at }),
            None => {}
        }
    }

    fn stop(&mut self) {
        self.speaker.run(self.clock.since_boot(), |speaker| speaker.stop());
    }
}

/// What a haptic sounds like; none where the theme has it silent.
fn sound_of_haptic(theme: &Theme, haptic: Haptic) -> Option<Sound> {
    let tones = theme.pattern(haptic).tones();
    let note = |tone: &Tone| Note { frequency_hz: f32::from(tone.frequency_hz), length: tone.length };
    let is_silent = tones.iter().all(|tone| tone.frequency_hz == 0);
    (!is_silent).then(|| Sound::Notes(tones.iter().map(note).collect()))
}
