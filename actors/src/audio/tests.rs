use std::sync::Mutex;
use std::time::Duration;

use carpus_devices::audio::{AudioError, Speaker};
use carpus_simulated::VirtualClock;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::*;
use crate::report::{DeviceMended, DeviceProblem};
use crate::testing::{in_real_time, listener};

#[derive(Clone, Debug, PartialEq)]
enum Told {
    Play(Sound, f32),
    Stop,
    Closed,
}

/// What the bench does instead of what it is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    Missing,
}

#[derive(Clone)]
struct Bench {
    told: UnboundedSender<Told>,
    mood: Arc<Mutex<Mood>>,
}

struct BenchSpeaker(Bench);

impl Bench {
    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn missing() -> AudioError {
        AudioError::Missing { remedy: "plug a speaker in".to_owned() }
    }

    fn tell(&self, told: Told) -> Result<(), AudioError> {
        match self.mood() {
            Mood::Good => {
                let _test_over = self.told.send(told);
                Ok(())
            }
            Mood::Missing => Err(Self::missing()),
        }
    }

    fn opener(&self) -> OpenSpeaker {
        let bench = self.clone();
        Box::new(move || match bench.mood() {
            Mood::Missing => Err(Self::missing()),
            Mood::Good => Ok(Box::new(BenchSpeaker(bench.clone()))),
        })
    }
}

impl Speaker for BenchSpeaker {
    fn play(&mut self, sound: &Sound, volume: f32) -> Result<(), AudioError> {
        if let Sound::File(path) = sound {
            let cause = Arc::new(std::io::Error::other("not a sound"));
            return Err(AudioError::BadSound { what: path.display().to_string(), cause });
        }
        self.0.tell(Told::Play(sound.clone(), volume))
    }

    fn stop(&mut self) -> Result<(), AudioError> {
        self.0.tell(Told::Stop)
    }

    fn describe(&self) -> String {
        "a speaker on the bench".to_owned()
    }
}

impl Drop for BenchSpeaker {
    fn drop(&mut self) {
        let _test_over = self.0.told.send(Told::Closed);
    }
}

struct Setup {
    bench: Bench,
    tells: UnboundedReceiver<Told>,
    audio: actix::Addr<Audio>,
    played: UnboundedReceiver<SoundPlayed>,
    devices: UnboundedReceiver<DeviceReport>,
}

impl Setup {
    fn new(mood: Mood) -> Self {
        let (told, tells) = mpsc::unbounded_channel();
        let bench = Bench { told, mood: Arc::new(Mutex::new(mood)) };
        let (on_played, played) = listener();
        let (on_device, devices) = listener();
        let options = AudioOptions {
            open: bench.opener(),
            volume: 0.5,
            clock: Arc::new(VirtualClock::new()),
            played: on_played,
            reports: on_device,
        };
        let audio = Audio::create(|ctx| Audio::new(options, ctx));
        Self { bench, tells, audio, played, devices }
    }

    async fn play(&self, haptic: Haptic) {
        let play = PlaySound {
            sound: sound_of(haptic),
            origin: "an-app".to_owned(),
            name: haptic.name().to_owned(),
        };
        self.audio.send(play).await.unwrap();
    }
}

#[test]
fn a_sound_is_played_at_the_set_volume_and_reported() {
    in_real_time(async {
        let mut setup = Setup::new(Mood::Good);
        setup.play(Haptic::Start).await;
        assert_eq!(setup.tells.recv().await, Some(Told::Play(sound_of(Haptic::Start), 0.5)));
        let played = setup.played.recv().await.unwrap();
        assert_eq!((played.name.as_str(), played.origin.as_str()), ("start", "an-app"));
    });
}

#[test]
fn stop_stops_and_the_end_of_the_actor_closes_the_speaker() {
    in_real_time(async {
        let mut setup = Setup::new(Mood::Good);
        setup.play(Haptic::Start).await;
        setup.audio.send(StopSound).await.unwrap();
        setup.tells.recv().await;
        assert_eq!(setup.tells.recv().await, Some(Told::Stop));
        drop(setup.audio);
        assert_eq!(setup.tells.recv().await, Some(Told::Stop));
        assert_eq!(setup.tells.recv().await, Some(Told::Closed));
    });
}

#[test]
fn n8_a_missing_speaker_is_said_once_and_used_when_it_comes() {
    in_real_time(async {
        let mut setup = Setup::new(Mood::Missing);
        let expected = DeviceProblem {
            part: "speaker",
            what: "no sound device was found".to_owned(),
            remedy: "plug a speaker in".to_owned(),
        };
        assert_eq!(setup.devices.recv().await, Some(DeviceReport::Problem(expected)));
        setup.play(Haptic::Start).await;
        setup.bench.set(Mood::Good);
        let mended = DeviceReport::Mended(DeviceMended { part: "speaker" });
        assert_eq!(setup.devices.recv().await, Some(mended));
        setup.play(Haptic::Stop).await;
        assert_eq!(setup.played.recv().await.unwrap().name, "stop");
    });
}

#[test]
fn a_sound_that_cannot_be_decoded_is_no_fault_of_the_speaker() {
    in_real_time(async {
        let mut setup = Setup::new(Mood::Good);
        let bell = Sound::File("bell.wav".into());
        let play = PlaySound { sound: bell, origin: "an-app".to_owned(), name: "bell".to_owned() };
        setup.audio.send(play).await.unwrap();
        setup.play(Haptic::Stop).await;
        assert_eq!(setup.played.recv().await.unwrap().name, "stop", "the bell is not reported as played");
        assert!(setup.devices.try_recv().is_err());
    });
}

#[test]
fn h1_each_haptic_has_a_sound_of_some_length() {
    for haptic in Haptic::ALL {
        let Sound::Notes(notes) = sound_of(haptic) else { panic!("{haptic:?} is not of notes") };
        assert!(notes.iter().map(|note| note.length).sum::<Duration>() > Duration::ZERO, "{haptic:?}");
    }
}
