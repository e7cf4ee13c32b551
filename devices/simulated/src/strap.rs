//! A strap: what it says about itself, and what it senses.

use std::collections::VecDeque;
use std::time::Duration;

use carpus_devices::bluetooth::DeviceId;
use carpus_gatt::battery::BatteryLevel;
use carpus_gatt::device_information::encode_string;
use carpus_gatt::heart_rate::{BodySensorLocation, Contact, Measurement, RrInterval};
use carpus_gatt::uuid as numbers;
use uuid::Uuid;

use crate::heart::{Beat, Heart, HeartSettings, to_ticks};
use crate::random::Random;

pub(crate) const HEART_RATE_SERVICE: Uuid = Uuid::from_u128(numbers::expand(numbers::HEART_RATE_SERVICE));
pub(crate) const MEASUREMENT: Uuid = Uuid::from_u128(numbers::expand(numbers::HEART_RATE_MEASUREMENT));
pub(crate) const BATTERY_LEVEL: Uuid = Uuid::from_u128(numbers::expand(numbers::BATTERY_LEVEL));
pub(crate) const CONTROL_POINT: Uuid = Uuid::from_u128(numbers::expand(numbers::HEART_RATE_CONTROL_POINT));

/// All characteristics of a strap, in the order of their services.
const CHARACTERISTICS: [u16; 9] = [
    numbers::HEART_RATE_MEASUREMENT,
    numbers::BODY_SENSOR_LOCATION,
    numbers::HEART_RATE_CONTROL_POINT,
    numbers::BATTERY_LEVEL,
    numbers::MANUFACTURER_NAME,
    numbers::MODEL_NUMBER,
    numbers::SERIAL_NUMBER,
    numbers::HARDWARE_REVISION,
    numbers::FIRMWARE_REVISION,
];

/// How many beats a strap remembers; more than any heart makes between two notifications.
const BEATS_KEPT: usize = 32;
/// Over how many beats a strap averages the rate that it shows.
const BEATS_AVERAGED: usize = 8;
/// Every how many notifications the energy is told, as straps do to keep packets short.
const ENERGY_EVERY: u32 = 10;
/// Energy that a body uses at rest, about 1 kcal a minute, in kilojoules per beat at 60 bpm. That it grows with
/// the square of the rate is rough, and enough for a strap that nobody wears.
const ENERGY_KJ_PER_BEAT: f64 = 0.07;
/// Measurements that no decoder may take: an announced field is missing, or half of one is there.
const MALFORMED: [&[u8]; 4] = [&[0x01, 0x48], &[0x10, 0x48, 0x55], &[], &[0x08, 0x48, 0x01]];

/// A strap of the simulation, as it is described before it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Strap {
    /// Its address.
    pub device: DeviceId,
    /// The name that it advertises.
    pub name: String,
    /// The heart below it.
    pub heart: HeartSettings,
    /// The charge of its battery in percent; more than 100 is taken as 100.
    pub battery_percent: u8,
    /// Who made it.
    pub manufacturer: String,
    /// What it is.
    pub model: String,
    /// Its serial number.
    pub serial: String,
}

impl Strap {
    /// A strap on a healthy heart at rest.
    pub fn new(device: DeviceId, name: &str, resting_bpm: f64) -> Self {
        Self {
            serial: device.as_str().replace(':', ""),
            device,
            name: name.to_owned(),
            heart: HeartSettings::resting(resting_bpm),
            battery_percent: 90,
            manufacturer: "Carpus".to_owned(),
            model: "Simulated Strap".to_owned(),
        }
    }
}

/// What a strap answers to a read or a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such characteristic.
    Unknown,
    /// It cannot be asked this.
    NotPermitted,
    /// It refuses with this ATT error code.
    Att(u8),
}

/// A strap at work: its sensor and its attributes.
#[derive(Debug)]
pub(crate) struct Sensor {
    pub(crate) strap: Strap,
    heart: Heart,
    /// The last beats, oldest first.
    beats: VecDeque<Beat>,
    has_contact: bool,
    energy_kj: f64,
    notifications: u32,
    malformed: usize,
}

impl Sensor {
    pub(crate) fn new(strap: Strap, seed: u64) -> Self {
        Self {
            heart: Heart::new(strap.heart.clone(), Random::new(seed).next_u64()),
            strap,
            beats: VecDeque::with_capacity(BEATS_KEPT),
            has_contact: true,
            energy_kj: 0.0,
            notifications: 0,
            malformed: 0,
        }
    }

    pub(crate) fn characteristics() -> Vec<Uuid> {
        CHARACTERISTICS.into_iter().map(|assigned| Uuid::from_u128(numbers::expand(assigned))).collect()
    }

    pub(crate) fn can_notify(characteristic: Uuid) -> bool {
        characteristic == MEASUREMENT || characteristic == BATTERY_LEVEL
    }

    pub(crate) fn set_battery(&mut self, percent: u8) {
        self.strap.battery_percent = percent;
    }

    pub(crate) fn set_contact(&mut self, has_contact: bool) {
        self.has_contact = has_contact;
    }

    pub(crate) fn set_resting_bpm(&mut self, bpm: f64) {
        self.heart.set_resting_bpm(bpm);
    }

    pub(crate) fn battery_value(&self) -> Vec<u8> {
        BatteryLevel::new(self.strap.battery_percent).unwrap_or(BatteryLevel::FULL).encode().to_vec()
    }

    /// The value of a notification at `now` for who was last told at `last`, both from the simulation's start.
    pub(crate) fn measure(&mut self, last: Duration, now: Duration) -> Vec<u8> {
        self.beat_until(now);
        self.notifications = self.notifications.wrapping_add(1);
        if !self.has_contact {
            return Measurement {
                bpm: 0,
                contact: Contact::NotDetected,
                energy_expended_kj: None,
                rr: [].into_iter().collect(),
            }
            .encode();
        }
        let (after, until) = (to_ticks(last), to_ticks(now));
        let tells_energy = self.notifications.is_multiple_of(ENERGY_EVERY);
        Measurement {
            bpm: self.shown_bpm(),
            contact: Contact::Detected,
            // The value stays at its largest once it is there (Heart Rate Service); so does a saturating cast.
            energy_expended_kj: tells_energy.then_some(self.energy_kj as u16),
            rr: self
                .beats
                .iter()
                .filter(|beat| after < beat.at_ticks && beat.at_ticks <= until)
                .map(|beat| RrInterval::from_raw(beat.rr_ticks))
                .collect(),
        }
        .encode()
    }

    /// The next of the measurements that cannot be decoded.
    pub(crate) fn mismeasure(&mut self) -> Vec<u8> {
        let value = MALFORMED[self.malformed % MALFORMED.len()];
        self.malformed += 1;
        value.to_vec()
    }

    pub(crate) fn read(&self, characteristic: Uuid) -> Result<Vec<u8>, Refusal> {
        let text = |text: &str| Ok(encode_string(text).to_vec());
        match assigned(characteristic).ok_or(Refusal::Unknown)? {
            numbers::BODY_SENSOR_LOCATION => Ok(BodySensorLocation::Chest.encode().to_vec()),
            numbers::BATTERY_LEVEL => Ok(self.battery_value()),
            numbers::MANUFACTURER_NAME => text(&self.strap.manufacturer),
            numbers::MODEL_NUMBER => text(&self.strap.model),
            numbers::SERIAL_NUMBER => text(&self.strap.serial),
            numbers::HARDWARE_REVISION | numbers::FIRMWARE_REVISION => text(env!("CARGO_PKG_VERSION")),
            _ => Err(Refusal::NotPermitted),
        }
    }

    pub(crate) fn write(&mut self, characteristic: Uuid, value: &[u8]) -> Result<(), Refusal> {
        use carpus_gatt::heart_rate::ControlPoint;
        if assigned(characteristic).is_none() {
            return Err(Refusal::Unknown);
        }
        if characteristic != CONTROL_POINT {
            return Err(Refusal::NotPermitted);
        }
        match ControlPoint::decode(value) {
            Ok(ControlPoint::ResetEnergyExpended) => {
                self.energy_kj = 0.0;
                Ok(())
            }
            Err(error) => Err(Refusal::Att(ControlPoint::att_error(&error))),
        }
    }

    fn beat_until(&mut self, now: Duration) {
        for beat in self.heart.beats_until(now) {
            if self.beats.len() == BEATS_KEPT {
                self.beats.pop_front();
            }
            self.beats.push_back(beat);
            let bpm = 60.0 * 1024.0 / f64::from(beat.rr_ticks);
            self.energy_kj += ENERGY_KJ_PER_BEAT * bpm / 60.0;
        }
    }

    fn shown_bpm(&self) -> u16 {
        let recent = self.beats.iter().rev().take(BEATS_AVERAGED);
        let (count, ticks) =
            recent.fold((0, 0), |(count, ticks), beat| (count + 1, ticks + u32::from(beat.rr_ticks)));
        if ticks == 0 { 0 } else { (60.0 * 1024.0 * f64::from(count) / f64::from(ticks)).round() as u16 }
    }
}

/// The 16-bit number of a characteristic that straps have.
fn assigned(characteristic: Uuid) -> Option<u16> {
    CHARACTERISTICS.into_iter().find(|assigned| numbers::expand(*assigned) == characteristic.as_u128())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensor(bpm: f64) -> Sensor {
        Sensor::new(Strap::new(DeviceId::parse("C0:FF:EE:00:00:01").unwrap(), "Strap", bpm), 1)
    }

    fn second(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn measure(sensor: &mut Sensor, seconds: u64) -> Measurement {
        Measurement::decode(&sensor.measure(second(seconds - 1), second(seconds))).unwrap()
    }

    #[test]
    fn each_second_tells_the_beats_that_it_brought() {
        let mut sensor = sensor(62.0);
        let told: Vec<Measurement> = (1..=60).map(|seconds| measure(&mut sensor, seconds)).collect();
        assert!(told.iter().all(|one| one.rr.len() <= 3 && one.contact == Contact::Detected));
        let ticks: u64 = told.iter().flat_map(|one| one.rr.iter()).map(|rr| u64::from(rr.raw())).sum();
        assert!((58 * 1024..=60 * 1024).contains(&ticks), "{ticks}");
        assert!(told[10..].iter().all(|one| (55..=70).contains(&one.bpm)));
        assert_eq!(told.iter().filter(|one| one.energy_expended_kj.is_some()).count(), 6);
    }

    #[test]
    fn two_listeners_hear_the_same_beats() {
        let mut sensor = sensor(75.0);
        sensor.measure(second(0), second(20));
        let one = sensor.measure(second(20), second(22));
        let other = Measurement::decode(&sensor.measure(second(20), second(22))).unwrap();
        assert_eq!(Measurement::decode(&one).unwrap().rr, other.rr);
        assert!(other.rr.len() >= 2);
    }

    #[test]
    fn without_contact_there_is_no_rate() {
        let mut sensor = sensor(62.0);
        sensor.set_contact(false);
        let told = measure(&mut sensor, 5);
        assert_eq!((told.bpm, told.contact, told.rr.len()), (0, Contact::NotDetected, 0));
        sensor.set_contact(true);
        assert_eq!(measure(&mut sensor, 6).contact, Contact::Detected);
    }

    #[test]
    fn malformed_measurements_are_refused_by_the_decoder() {
        let mut sensor = sensor(62.0);
        for _ in 0..2 * MALFORMED.len() {
            let value = sensor.mismeasure();
            assert!(Measurement::decode(&value).is_err(), "{value:02X?}");
        }
    }

    #[test]
    fn the_energy_grows_and_is_reset_by_the_control_point() {
        let mut sensor = sensor(62.0);
        sensor.beat_until(second(600));
        assert!(sensor.energy_kj > 30.0, "{} kJ", sensor.energy_kj);
        assert_eq!(sensor.write(CONTROL_POINT, &[1]), Ok(()));
        assert_eq!(sensor.energy_kj, 0.0);
        assert_eq!(sensor.write(CONTROL_POINT, &[2]), Err(Refusal::Att(0x80)));
        assert_eq!(sensor.write(BATTERY_LEVEL, &[50]), Err(Refusal::NotPermitted));
        assert_eq!(sensor.write(Uuid::nil(), &[]), Err(Refusal::Unknown));
    }

    #[test]
    fn what_can_be_read_is_what_the_strap_is() {
        let mut sensor = sensor(62.0);
        sensor.set_battery(33);
        assert_eq!(sensor.read(BATTERY_LEVEL), Ok(vec![33]));
        sensor.set_battery(200);
        assert_eq!(sensor.read(BATTERY_LEVEL), Ok(vec![100]));
        let read = |assigned| sensor.read(Uuid::from_u128(numbers::expand(assigned)));
        assert_eq!(read(numbers::BODY_SENSOR_LOCATION), Ok(vec![1]));
        assert_eq!(read(numbers::MANUFACTURER_NAME), Ok(b"Carpus".to_vec()));
        assert_eq!(read(numbers::SERIAL_NUMBER), Ok(b"C0FFEE000001".to_vec()));
        assert_eq!(sensor.read(MEASUREMENT), Err(Refusal::NotPermitted));
        assert_eq!(sensor.read(Uuid::nil()), Err(Refusal::Unknown));
    }
}
