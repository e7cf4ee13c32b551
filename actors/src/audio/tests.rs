use std::sync::Mutex;
use std::time::Duration;

use carpus_core::haptics::{Pattern, Step, Tone};
use carpus_devices::audio::{AudioError, Note, Speaker};
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
        Self::with_theme(mood, Theme::default())
    }

    fn with_theme(mood: Mood, theme: Theme) -> Self {
        let (told, tells) = mpsc::unbounded_channel();
        let bench = Bench { told, mood: Arc::new(Mutex::new(mood)) };
        let (on_played, played) = listener();
        let (on_device, devices) = listener();
        let options = AudioOptions {
            open: bench.opener(),
            theme: Arc::new(theme),
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

fn notes(tones: &[(u16, u64)]) -> Sound {
    let note = |(frequency_hz, length_ms): &(u16, u64)| Note {
        frequency_hz: f32::from(*frequency_hz),
        length: Duration::from_millis(*length_ms),
    };
    Sound::Notes(tones.iter().map(note).collect())
}

#[test]
fn a_sound_is_played_at_the_set_volume_and_reported() {
    in_real_time(async {
        let mut setup = Setup::new(Mood::Good);
        setup.play(Haptic::Start).await;
        assert_eq!(setup.tells.recv().await, Some(Told::Play(notes(&[(660, 250)]), 0.5)));
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
        let bell = WhichSound::This(Sound::File("bell.wav".into()));
        let play = PlaySound { sound: bell, origin: "an-app".to_owned(), name: "bell".to_owned() };
        setup.audio.send(play).await.unwrap();
        setup.play(Haptic::Stop).await;
        assert_eq!(setup.played.recv().await.unwrap().name, "stop", "the bell is not reported as played");
        assert!(setup.devices.try_recv().is_err());
    });
}

/// A theme whose click sounds like this.
fn clicking(tones: &[(u16, u64)]) -> Theme {
    let step = Step { strength_percent: 35, length: Duration::from_millis(45), pause: Duration::ZERO };
    let tone = |(frequency_hz, length_ms): &(u16, u64)| Tone {
        frequency_hz: *frequency_hz,
        length: Duration::from_millis(*length_ms),
    };
    let pattern = Pattern::new(vec![step], tones.iter().map(tone).collect()).unwrap();
    Theme::new([(Haptic::Click, pattern)]).unwrap()
}

#[test]
fn h1_a_haptic_sounds_as_the_theme_has_it() {
    in_real_time(async {
        let tones = [(440, 70), (0, 30), (880, 60)];
        let mut setup = Setup::with_theme(Mood::Good, clicking(&tones));
        setup.play(Haptic::Click).await;
        assert_eq!(setup.tells.recv().await, Some(Told::Play(notes(&tones), 0.5)));
        setup.play(Haptic::Start).await;
        assert_eq!(setup.tells.recv().await, Some(Told::Play(notes(&[(660, 250)]), 0.5)), "the built-in one");
    });
}

#[test]
fn h1_a_haptic_that_the_theme_has_silent_ends_the_sound_that_plays_and_is_not_reported() {
    for tones in [[].as_slice(), &[(0, 500)]] {
        in_real_time(async {
            let mut setup = Setup::with_theme(Mood::Good, clicking(tones));
            setup.play(Haptic::Start).await;
            setup.play(Haptic::Click).await;
            setup.play(Haptic::Stop).await;
            setup.tells.recv().await;
            assert_eq!(setup.tells.recv().await, Some(Told::Stop));
            assert_eq!(setup.played.recv().await.unwrap().name, "start");
            assert_eq!(setup.played.recv().await.unwrap().name, "stop");
        });
    }
}
