//! The simulated board: what is plugged in, and the hands that play with it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use carpus_devices::audio::OpenSpeaker;
use carpus_devices::bluetooth::{DeviceId, Radio};
use carpus_devices::clock::Clock;
use carpus_devices::conditions::BoardConditions;
use carpus_devices::haptics::OpenMotor;
use carpus_devices::inputs::{Button, Buttons};

use crate::adapter::Adapter;
use crate::buttons::SimulatedButtons;
use crate::clock::VirtualClock;
use crate::conditions::SimulatedConditions;
use crate::motor::{MotorHardware, MotorRecord};
use crate::radio::SimulatedRadio;
use crate::speaker::{SpeakerHardware, SpeakerRecord};
use crate::strap::Strap;

/// The straps that are there when none is described: address, name, beats per minute at rest.
const DEFAULT_STRAPS: [(&str, &str, f64); 2] =
    [("C0:FF:EE:00:00:01", "Carpus Strap A", 62.0), ("C0:FF:EE:00:00:02", "Carpus Strap B", 75.0)];

/// The script names a strap that is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no simulated strap {0}")]
pub struct UnknownStrap(pub DeviceId);

/// What a simulated board is made of.
pub struct SimulationBuilder {
    straps: Vec<Strap>,
    seed: u64,
    clock: Option<Arc<dyn Clock>>,
}

impl SimulationBuilder {
    /// The straps around the board, instead of the two default ones.
    #[must_use]
    pub fn straps(mut self, straps: impl IntoIterator<Item = Strap>) -> Self {
        self.straps = straps.into_iter().collect();
        self
    }

    /// What all randomness follows from; 0 by default.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The clock that records are stamped with; a [`VirtualClock`] by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The board.
    pub fn build(self) -> Simulation {
        let clock = self.clock.unwrap_or_else(|| Arc::new(VirtualClock::new()));
        Simulation {
            adapter: Adapter::new(self.straps, self.seed),
            motor: MotorHardware::new(Arc::clone(&clock)),
            speaker: SpeakerHardware::new(clock),
            buttons: SimulatedButtons::new(),
            conditions: SimulatedConditions::default(),
        }
    }
}

/// A simulated board. A clone is the same board.
#[derive(Clone)]
pub struct Simulation {
    adapter: Adapter,
    motor: MotorHardware,
    speaker: SpeakerHardware,
    buttons: SimulatedButtons,
    conditions: SimulatedConditions,
}

impl Simulation {
    /// A board to be described.
    pub fn builder() -> SimulationBuilder {
        SimulationBuilder { straps: default_straps(), seed: 0, clock: None }
    }

    /// Its Bluetooth adapter.
    pub fn radio(&self) -> Arc<dyn Radio> {
        Arc::new(SimulatedRadio { adapter: self.adapter.clone() })
    }

    /// Opens its motor.
    pub fn open_motor(&self) -> OpenMotor {
        self.motor.opener()
    }

    /// Opens its speaker.
    pub fn open_speaker(&self) -> OpenSpeaker {
        self.speaker.opener()
    }

    /// Its buttons.
    pub fn buttons(&self) -> Arc<dyn Buttons> {
        Arc::new(self.buttons.clone())
    }

    /// How it fares.
    pub fn conditions(&self) -> Arc<dyn BoardConditions> {
        Arc::new(self.conditions.clone())
    }

    /// The addresses of its straps.
    pub fn straps(&self) -> Vec<DeviceId> {
        self.adapter.devices()
    }

    /// Presses a button. Who listens later does not hear of it.
    pub fn press(&self, button: Button) {
        self.buttons.press(button);
    }

    /// Takes a strap out of reach for `length`: its link is lost, it does not advertise, and connects to it wait.
    ///
    /// # Errors
    /// When there is no such strap.
    pub fn drop_out(&self, strap: &DeviceId, length: Duration) -> Result<(), UnknownStrap> {
        known(strap, self.adapter.drop_out(strap, length))
    }

    /// Keeps a strap from telling its heart rate for `length`, with its link up.
    ///
    /// # Errors
    /// When there is no such strap.
    pub fn mute(&self, strap: &DeviceId, length: Duration) -> Result<(), UnknownStrap> {
        known(strap, self.adapter.mute(strap, length))
    }

    /// Lets a strap send one heart rate measurement that cannot be decoded, to those who listen now.
    ///
    /// # Errors
    /// When there is no such strap.
    pub fn malformed(&self, strap: &DeviceId) -> Result<(), UnknownStrap> {
        known(strap, self.adapter.mismeasure(strap))
    }

    /// Takes a strap off the skin, or puts it back.
    ///
    /// # Errors
    /// When there is no such strap.
    pub fn set_contact(&self, strap: &DeviceId, has_contact: bool) -> Result<(), UnknownStrap> {
        self.with_sensor(strap, |sensor| sensor.set_contact(has_contact))
    }

    /// Changes the rate at rest of the heart below a strap.
    ///
    /// # Errors
    /// When there is no such strap.
    pub fn set_resting_bpm(&self, strap: &DeviceId, bpm: f64) -> Result<(), UnknownStrap> {
        self.with_sensor(strap, |sensor| sensor.set_resting_bpm(bpm))
    }

    /// Sets the charge of a strap's battery, and notifies it; more than 100 percent is taken as 100.
    ///
    /// # Errors
    /// When there is no such strap.
    pub fn set_battery(&self, strap: &DeviceId, percent: u8) -> Result<(), UnknownStrap> {
        known(strap, self.adapter.set_battery(strap, percent))
    }

    /// Lets the next `count` connects to a strap fail for a moment.
    ///
    /// # Errors
    /// When there is no such strap.
    pub fn fail_connects(&self, strap: &DeviceId, count: u32) -> Result<(), UnknownStrap> {
        known(strap, self.adapter.fail_connects(strap, count))
    }

    /// Lets discovery miss the heart rate measurement in the next `count` links to a strap, as BlueZ does when
    /// services are resolved before they are exported.
    ///
    /// # Errors
    /// When there is no such strap.
    pub fn hide_measurement(&self, strap: &DeviceId, count: u32) -> Result<(), UnknownStrap> {
        known(strap, self.adapter.hide_measurement(strap, count))
    }

    /// Switches the adapter on or off. Off takes all links and the scan down, and forgets all straps.
    pub fn set_adapter(&self, on: bool) {
        self.adapter.set_power(on);
    }

    /// Stops or starts the Bluetooth service. Stopping it is like switching the adapter off, and ends all event
    /// streams.
    pub fn set_service(&self, running: bool) {
        self.adapter.set_service(running);
    }

    /// Sets the charge of the board's own battery; more than 100 percent is taken as 100. None: there is no battery,
    /// or external power comes in. It is none at first.
    pub fn set_board_battery(&self, percent: Option<u8>) {
        self.conditions.set_battery(percent);
    }

    /// Sets the temperature of the board, in thousandths of a degree Celsius. None: nothing measures it. It is none
    /// at first.
    pub fn set_board_temperature(&self, mdegc: Option<i32>) {
        self.conditions.set_temperature(mdegc);
    }

    /// Pulls the motor out, or plugs it in. One that was open before must be opened again.
    pub fn fail_motor(&self, failing: bool) {
        self.motor.recorder().set_failing(failing);
    }

    /// Pulls the speaker out, or plugs it in. One that was open before must be opened again.
    pub fn fail_speaker(&self, failing: bool) {
        self.speaker.recorder().set_failing(failing);
    }

    /// Pulls the buttons out, or plugs them in. Streams of presses end, and must be opened again.
    pub fn fail_buttons(&self, failing: bool) {
        self.buttons.set_failing(failing);
    }

    /// What the motor was told, the last 10,000 times, oldest first.
    pub fn motor_log(&self) -> Vec<MotorRecord> {
        self.motor.recorder().records()
    }

    /// What the speaker was told, the last 10,000 times, oldest first.
    pub fn speaker_log(&self) -> Vec<SpeakerRecord> {
        self.speaker.recorder().records()
    }

    /// Writes what the motor and the speaker are told from now on to the end of `motor.jsonl` and
    /// `speaker.jsonl` in `folder`: a line of JSON each, with the wall-clock time in `time_ms`.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub fn record_to(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        self.motor.recorder().write_to(&folder.join("motor.jsonl"))?;
        self.speaker.recorder().write_to(&folder.join("speaker.jsonl"))
    }

    fn with_sensor(
        &self,
        strap: &DeviceId,
        change: impl FnOnce(&mut crate::strap::Sensor),
    ) -> Result<(), UnknownStrap> {
        known(strap, self.adapter.lock().station(strap).map(|station| change(&mut station.sensor)))
    }
}

impl Default for Simulation {
    /// The board of `--simulate`: two straps, a motor, a speaker and buttons.
    fn default() -> Self {
        Self::builder().build()
    }
}

fn default_straps() -> Vec<Strap> {
    DEFAULT_STRAPS
        .into_iter()
        .map(|(address, name, bpm)| {
            Strap::new(DeviceId::parse(address).expect("the addresses above are well-formed"), name, bpm)
        })
        .collect()
}

fn known(strap: &DeviceId, done: Option<()>) -> Result<(), UnknownStrap> {
    done.ok_or_else(|| UnknownStrap(strap.clone()))
}
