//! The speaker behind the port [`carpus_devices::audio`]: rodio on ALSA.
//!
//! What works where:
//! * Any Linux sound output that ALSA reaches: a sound card, the headphone jack or HDMI of a board, an I²S
//!   amplifier, and PipeWire or PulseAudio where they install their ALSA plugin. `default` is tried first and
//!   then each card; ALSA's null device is refused, since an alarm that nobody hears is worse than an error.
//! * Notes are synthesised; files may be WAV or Ogg Vorbis, up to [`FILE_SIZE_MAX`] bytes.
//! * A device that takes no samples is found out at the next call, so that its owner opens it again.
//!
//! Nothing here waits for the device's callback. Opening takes some ten to some hundred milliseconds, reading
//! a file as long as the disk takes: use a thread of its own.

mod alsa_lib;
mod notes;
mod output;
mod sound_file;
mod speaker;
mod voice;

use carpus_devices::audio::{OpenSpeaker, Speaker};

pub use sound_file::FILE_SIZE_MAX;

/// Which output, and how it is fed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpeakerOptions {
    /// The ALSA name of the output, as `aplay -L` lists it; none takes the default or else the first card
    /// that opens.
    pub device: Option<String>,
    /// How many frames the device asks for at a time: more for a slow board, fewer for less delay. None, or
    /// 0, takes about 50 ms.
    pub buffer_frames: Option<u32>,
}

/// Gives what opens the speaker, for the thread that will own it.
pub fn open_speaker(options: SpeakerOptions) -> OpenSpeaker {
    Box::new(move || {
        let speaker = speaker::RodioSpeaker::open(&options)?;
        tracing::info!(speaker = speaker.describe(), "speaker opened");
        Ok(Box::new(speaker))
    })
}
