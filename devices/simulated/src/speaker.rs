//! The simulated speaker.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use carpus_devices::audio::{AudioError, Note, OpenSpeaker, Sound, Speaker};
use carpus_devices::clock::Clock;
use serde_json::{Map, Value, json};

use crate::adapter::cause;
use crate::record::{Recorder, decimal, length_ms, line};

/// What a speaker was told.
#[derive(Clone, Debug, PartialEq)]
pub enum SpeakerEvent {
    /// To play.
    Play {
        /// What.
        sound: Sound,
        /// How loud, 0.0 to 1.0.
        volume: f32,
    },
    /// To stop.
    Stop,
}

/// What a speaker was told, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeakerRecord {
    /// When, after boot.
    pub since_boot: Duration,
    /// When, on the wall clock.
    pub wall: SystemTime,
    /// What.
    pub event: SpeakerEvent,
}

/// The speaker that is there, however often it is opened.
#[derive(Clone)]
pub(crate) struct SpeakerHardware {
    clock: Arc<dyn Clock>,
    recorder: Arc<Mutex<Recorder<SpeakerRecord>>>,
}

impl SpeakerHardware {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, recorder: Arc::default() }
    }

    pub(crate) fn recorder(&self) -> MutexGuard<'_, Recorder<SpeakerRecord>> {
        // A recorder is whole after each of its steps.
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn opener(&self) -> OpenSpeaker {
        let hardware = self.clone();
        Box::new(move || {
            let number = hardware
                .recorder()
                .open()
                .ok_or_else(|| AudioError::Missing { remedy: "plug the simulated speaker in".to_owned() })?;
            Ok(Box::new(SimulatedSpeaker { hardware: hardware.clone(), number }))
        })
    }
}

/// A speaker that was opened.
struct SimulatedSpeaker {
    hardware: SpeakerHardware,
    number: u64,
}

impl SimulatedSpeaker {
    fn told(&self, event: SpeakerEvent) -> Result<(), AudioError> {
        let (since_boot, wall) = (self.hardware.clock.since_boot(), self.hardware.clock.wall());
        let mut recorder = self.hardware.recorder();
        if !recorder.works(self.number) {
            return Err(AudioError::Failed(cause("the simulated speaker was pulled out")));
        }
        let line = match &event {
            SpeakerEvent::Play { sound, volume } => play_line(sound, *volume),
            SpeakerEvent::Stop => line("stop", []),
        };
        recorder.push(SpeakerRecord { since_boot, wall, event }, wall, line);
        Ok(())
    }
}

impl Speaker for SimulatedSpeaker {
    fn play(&mut self, sound: &Sound, volume: f32) -> Result<(), AudioError> {
        if let Sound::File(path) = sound {
            File::open(path).map_err(|error| AudioError::BadSound {
                what: path.display().to_string(),
                cause: Arc::new(error),
            })?;
        }
        self.told(SpeakerEvent::Play { sound: sound.clone(), volume })
    }

    fn stop(&mut self) -> Result<(), AudioError> {
        self.told(SpeakerEvent::Stop)
    }

    fn describe(&self) -> String {
        "simulated speaker".to_owned()
    }
}

fn play_line(sound: &Sound, volume: f32) -> Map<String, Value> {
    let what = match sound {
        Sound::Notes(notes) => ("notes", notes.iter().map(note).collect()),
        Sound::File(path) => ("file", path.display().to_string().into()),
    };
    line("play", [what, ("volume", decimal(volume))])
}

fn note(note: &Note) -> Value {
    json!({ "frequency_hz": decimal(note.frequency_hz), "length_ms": length_ms(note.length) })
}
