//! Plays three notes, or a file: `tone [DEVICE|-] [FILE]`, to try an output by hand.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use carpus_audio::{SpeakerOptions, open_speaker};
use carpus_devices::audio::{AudioError, Note, Sound};

const NOTE: Duration = Duration::from_millis(400);
const VOLUME: f32 = 0.5;

fn main() -> Result<(), AudioError> {
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().filter(|name| name != "-");
    let mut speaker = open_speaker(SpeakerOptions { device, buffer_frames: None })()?;
    println!("{}", speaker.describe());
    let sound = match arguments.next() {
        Some(file) => Sound::File(PathBuf::from(file)),
        None => {
            Sound::Notes([440.0, 0.0, 660.0].map(|frequency_hz| Note { frequency_hz, length: NOTE }).to_vec())
        }
    };
    speaker.play(&sound, VOLUME)?;
    thread::sleep(NOTE * 5);
    speaker.stop()?;
    println!("played");
    Ok(())
}
