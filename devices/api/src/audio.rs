//! The speaker.

use std::path::PathBuf;
use std::time::Duration;

use crate::Cause;

/// One note of a synthesised sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Note {
    /// Pitch in hertz; 0 is a rest.
    pub frequency_hz: f32,
    /// How long it sounds.
    pub length: Duration,
}

/// What to play.
#[derive(Clone, Debug, PartialEq)]
pub enum Sound {
    /// Notes after one another, synthesised.
    Notes(Vec<Note>),
    /// A WAV or Vorbis file.
    File(PathBuf),
}

/// Why nothing was heard.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AudioError {
    /// No output device was found.
    #[error("no sound device was found; {remedy}")]
    Missing {
        /// What to do about it.
        remedy: String,
    },
    /// The sound itself cannot be read or decoded.
    #[error("the sound {what} cannot be played")]
    BadSound {
        /// The file.
        what: String,
        /// The decoder's or the file system's word.
        #[source]
        cause: Cause,
    },
    /// The device failed or went away.
    #[error("the sound device failed")]
    Failed(#[source] Cause),
}

/// A sound output, owned by one thread.
pub trait Speaker {
    /// Plays `sound` at `volume` (0.0 to 1.0), replacing what plays now. Does not wait for its end.
    ///
    /// # Errors
    /// When the device or the sound fails.
    fn play(&mut self, sound: &Sound, volume: f32) -> Result<(), AudioError>;

    /// Stops at once.
    ///
    /// # Errors
    /// When the device is gone.
    fn stop(&mut self) -> Result<(), AudioError>;

    /// What the device is, for people.
    fn describe(&self) -> String;
}

/// Opens the speaker on the thread that will own it; called again after a failure.
pub type OpenSpeaker = Box<dyn FnMut() -> Result<Box<dyn Speaker>, AudioError> + Send>;
