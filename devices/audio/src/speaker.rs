//! The open speaker.

use std::sync::Arc;
use std::time::Instant;

use carpus_devices::audio::{AudioError, Sound, Speaker};
use rodio::Source;

use crate::SpeakerOptions;
use crate::notes::NoteSource;
use crate::output::{self, Output};
use crate::sound_file;
use crate::voice::{Playing, Voice};

/// The device takes no samples although it reports no failure.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it has stopped taking samples")]
struct Stalled;

/// A stream to the device, open as long as this lives, with at most one sound on it besides the last
/// milliseconds of the one before.
///
/// Sounds go straight to the mixer and not through a `rodio::Player`: to replace what a player plays means
/// to wait for the device's callback, for ever if the device hangs, and it cuts the sound off with a click.
pub(crate) struct RodioSpeaker {
    output: Output,
    playing: Option<Playing>,
}

impl RodioSpeaker {
    pub(crate) fn open(options: &SpeakerOptions) -> Result<Self, AudioError> {
        Ok(Self { output: output::open(options)?, playing: None })
    }

    fn check(&self) -> Result<(), AudioError> {
        if let Some(error) = self.output.health.failure() {
            return Err(AudioError::Failed(Arc::new(error)));
        }
        match &self.playing {
            Some(playing) if playing.has_stalled(Instant::now()) => {
                Err(AudioError::Failed(Arc::new(Stalled)))
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, source: impl Source + Send + 'static, volume: f32) {
        let (voice, playing) = Voice::new(source, volume);
        self.output.sink.mixer().add(voice);
        self.playing = Some(playing);
    }

    fn release(&mut self) {
        if let Some(playing) = self.playing.take() {
            playing.release();
        }
    }
}

impl Speaker for RodioSpeaker {
    fn play(&mut self, sound: &Sound, volume: f32) -> Result<(), AudioError> {
        self.check()?;
        match sound {
            Sound::Notes(notes) => {
                let source = NoteSource::new(notes, self.output.sink.config().sample_rate());
                self.release();
                self.start(source, volume);
            }
            Sound::File(path) => {
                // What plays now goes on when the file turns out to be bad.
                let source = sound_file::open(path)?;
                self.release();
                self.start(source, volume);
            }
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<(), AudioError> {
        let result = self.check();
        self.release();
        result
    }

    fn describe(&self) -> String {
        let config = self.output.sink.config();
        let (name, rate, channels) = (&self.output.name, config.sample_rate(), config.channel_count());
        format!("{name}, {rate} Hz, {channels} channels")
    }
}
