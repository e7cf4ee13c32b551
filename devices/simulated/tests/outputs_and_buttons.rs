//! The simulated motor, speaker and buttons, and how the simulated board fares.

#![allow(clippy::panic, clippy::unwrap_used, reason = "in tests they say what failed")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use carpus_devices::audio::{AudioError, Note, Sound};
use carpus_devices::clock::Clock;
use carpus_devices::conditions::Conditions;
use carpus_devices::haptics::{MotorError, Strength};
use carpus_devices::inputs::{Button, InputError};
use carpus_simulated::{MotorEvent, Simulation, SpeakerEvent, VirtualClock};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

const PULSE: Duration = Duration::from_millis(150);

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000)
}

fn board() -> (Simulation, VirtualClock) {
    let clock = VirtualClock::starting_at(start());
    (Simulation::builder().clock(Arc::new(clock.clone())).build(), clock)
}

fn beep() -> Sound {
    Sound::Notes(vec![Note { frequency_hz: 440.0, length: PULSE }, Note { frequency_hz: 0.0, length: PULSE }])
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_motor_keeps_what_it_was_told_and_when() {
    let (simulation, clock) = board();
    let mut motor = simulation.open_motor()().unwrap();
    tokio::time::advance(Duration::from_secs(2)).await;
    motor.vibrate(Strength::percent(80), PULSE).unwrap();
    clock.set_wall(start() - Duration::from_secs(3600));
    // On a thread of its own, as in the runtime.
    std::thread::scope(|scope| {
        let mut open = simulation.open_motor();
        scope.spawn(move || open().unwrap().stop().unwrap());
    });
    let log = simulation.motor_log();
    let events: Vec<MotorEvent> = log.iter().map(|record| record.event).collect();
    assert_eq!(
        events,
        [MotorEvent::Vibrate { strength: Strength::percent(80), length: PULSE }, MotorEvent::Stop]
    );
    assert_eq!(log[0].since_boot, Duration::from_secs(2));
    assert_eq!(log[0].wall, start() + Duration::from_secs(2));
    assert_eq!(log[1].since_boot, clock.since_boot());
    assert_eq!(log[1].wall, start() - Duration::from_secs(3600));
}

#[tokio::test(start_paused = true)]
async fn the_speaker_keeps_what_it_was_told() {
    let (simulation, _) = board();
    let mut speaker = simulation.open_speaker()().unwrap();
    speaker.play(&beep(), 0.5).unwrap();
    speaker.stop().unwrap();
    let events: Vec<SpeakerEvent> = simulation.speaker_log().into_iter().map(|record| record.event).collect();
    assert_eq!(events, [SpeakerEvent::Play { sound: beep(), volume: 0.5 }, SpeakerEvent::Stop]);
}

#[test]
fn a_sound_that_is_not_there_is_told_and_not_played() {
    let (simulation, _) = board();
    let mut speaker = simulation.open_speaker()().unwrap();
    let missing = Sound::File("/nowhere/ring.ogg".into());
    assert!(matches!(speaker.play(&missing, 1.0), Err(AudioError::BadSound { .. })));
    assert!(simulation.speaker_log().is_empty());
}

#[test]
fn n8_one_device_fails_and_the_other_goes_on() {
    let (simulation, _) = board();
    let (mut open_motor, mut open_speaker) = (simulation.open_motor(), simulation.open_speaker());
    let (mut motor, mut speaker) = (open_motor().unwrap(), open_speaker().unwrap());
    simulation.fail_motor(true);
    assert!(matches!(motor.vibrate(Strength::FULL, PULSE), Err(MotorError::Failed(_))));
    assert!(matches!(open_motor().err(), Some(MotorError::Missing { .. })));
    speaker.play(&beep(), 1.0).unwrap();

    simulation.fail_motor(false);
    assert!(motor.stop().is_err(), "it must be opened again");
    open_motor().unwrap().stop().unwrap();

    simulation.fail_speaker(true);
    assert!(matches!(speaker.stop(), Err(AudioError::Failed(_))));
    assert!(matches!(open_speaker().err(), Some(AudioError::Missing { .. })));
    assert_eq!((simulation.motor_log().len(), simulation.speaker_log().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_devices_are_told_is_written_down() {
    let (simulation, _) = board();
    let folder = tempfile::tempdir().unwrap();
    let mut motor = simulation.open_motor()().unwrap();
    motor.stop().unwrap();
    simulation.record_to(&folder.path().join("records")).unwrap();
    motor.vibrate(Strength::percent(80), PULSE).unwrap();
    motor.stop().unwrap();
    let mut speaker = simulation.open_speaker()().unwrap();
    speaker.play(&beep(), 0.5).unwrap();
    let file = folder.path().join("ring.wav");
    std::fs::write(&file, "").unwrap();
    speaker.play(&Sound::File(file.clone()), 1.0).unwrap();

    assert_eq!(
        lines(&folder.path().join("records/motor.jsonl")),
        [
            json!({"time_ms": 1_000_000_000, "event": "vibrate", "strength_percent": 80, "length_ms": 150}),
            json!({"time_ms": 1_000_000_000, "event": "stop"}),
        ]
    );
    let notes =
        [json!({"frequency_hz": 440.0, "length_ms": 150}), json!({"frequency_hz": 0.0, "length_ms": 150})];
    assert_eq!(
        lines(&folder.path().join("records/speaker.jsonl")),
        [
            json!({"time_ms": 1_000_000_000, "event": "play", "notes": notes, "volume": 0.5}),
            json!({"time_ms": 1_000_000_000, "event": "play", "file": file, "volume": 1.0}),
        ]
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let (simulation, _) = board();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(simulation.record_to(&file).is_err());
}

#[tokio::test(start_paused = true)]
async fn presses_reach_all_who_listen() {
    let (simulation, _) = board();
    let buttons = simulation.buttons();
    simulation.press(Button::Side);
    let (mut one, mut other) = (buttons.presses().unwrap(), buttons.presses().unwrap());
    simulation.press(Button::Crown);
    simulation.press(Button::Snooze);
    for presses in [&mut one, &mut other] {
        assert_eq!(presses.next().await, Some(Button::Crown));
        assert_eq!(presses.next().await, Some(Button::Snooze));
    }
}

#[tokio::test(start_paused = true)]
async fn buttons_that_are_pulled_out_must_be_opened_again() {
    let (simulation, _) = board();
    let buttons = simulation.buttons();
    let mut presses = buttons.presses().unwrap();
    simulation.press(Button::Stop);
    simulation.fail_buttons(true);
    assert_eq!(presses.next().await, Some(Button::Stop));
    assert_eq!(presses.next().await, None);
    assert!(matches!(buttons.presses().err(), Some(InputError::Missing { .. })));
    simulation.fail_buttons(false);
    let mut presses = buttons.presses().unwrap();
    simulation.press(Button::Crown);
    assert_eq!(presses.next().await, Some(Button::Crown));
}

#[test]
fn s10_the_board_fares_as_the_script_says() {
    let (simulation, _) = board();
    let conditions = simulation.conditions();
    assert_eq!(conditions.read(), Conditions::default());
    simulation.set_board_battery(Some(4));
    simulation.clone().set_board_temperature(Some(81_500));
    assert_eq!(conditions.read(), Conditions { battery_percent: Some(4), temperature_mdegc: Some(81_500) });
    simulation.set_board_battery(Some(101));
    simulation.set_board_temperature(None);
    assert_eq!(conditions.read(), Conditions { battery_percent: Some(100), temperature_mdegc: None });
    simulation.set_board_battery(None);
    assert_eq!(conditions.read(), Conditions::default());
}
