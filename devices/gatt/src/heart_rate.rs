//! The Heart Rate service (HRS).

mod body_sensor_location;
mod control_point;
mod rr_intervals;
#[cfg(test)]
mod tests;

pub use body_sensor_location::BodySensorLocation;
pub use control_point::{ATT_INVALID_ATTRIBUTE_VALUE_LENGTH, CONTROL_POINT_NOT_SUPPORTED, ControlPoint};
pub use rr_intervals::{RrInterval, RrIntervals, TooManyRrIntervals};

use crate::octets::Octets;
use crate::{DecodeError, VALUE_LEN_MAX};

const FLAGS: &str = "Heart Rate Measurement: Flags";
const VALUE: &str = "Heart Rate Measurement: Heart Rate Measurement Value";
const ENERGY_EXPENDED: &str = "Heart Rate Measurement: Energy Expended";
const RR_INTERVAL: &str = "Heart Rate Measurement: RR-Interval";

/// The bits of the Flags field (GSS, *Heart Rate Measurement*, *Flags field*). Bits 5 to 7 are reserved.
mod flag {
    pub(super) const VALUE_IS_U16: u8 = 1 << 0;
    pub(super) const CONTACT_DETECTED: u8 = 1 << 1;
    pub(super) const CONTACT_SUPPORTED: u8 = 1 << 2;
    pub(super) const ENERGY_EXPENDED: u8 = 1 << 3;
    pub(super) const RR_INTERVALS: u8 = 1 << 4;
}

/// Whether the strap feels skin (the Sensor Contact bits of the Flags field).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Contact {
    /// The strap does not measure contact, or not in this connection.
    #[default]
    Unsupported,
    /// The strap measures contact and has none, or a poor one: its heart rate is not to be trusted.
    NotDetected,
    /// The strap has contact.
    Detected,
}

impl Contact {
    const fn from_flags(flags: u8) -> Self {
        match (flags & flag::CONTACT_SUPPORTED != 0, flags & flag::CONTACT_DETECTED != 0) {
            (false, _) => Self::Unsupported,
            (true, false) => Self::NotDetected,
            (true, true) => Self::Detected,
        }
    }

    const fn to_flags(self) -> u8 {
        match self {
            Self::Unsupported => 0,
            Self::NotDetected => flag::CONTACT_SUPPORTED,
            Self::Detected => flag::CONTACT_SUPPORTED | flag::CONTACT_DETECTED,
        }
    }
}

/// Heart Rate Measurement (0x2A37), which a strap notifies about once a second
/// (GSS, *Heart Rate Measurement*; HRS 3.1).
///
/// It holds its RR intervals inline and is about half a kilobyte large: in a queue, keep the intervals and drop
/// the rest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Measurement {
    /// The heart rate in beats per minute, as sent. A strap without a reading sends 0.
    pub bpm: u16,
    /// Whether the strap feels skin.
    pub contact: Contact,
    /// The energy expended since the last reset, in kilojoules, if the packet has it. It stays at 65535 once it
    /// gets there, until [`ControlPoint::ResetEnergyExpended`] is written.
    pub energy_expended_kj: Option<u16>,
    /// The times between heartbeats, oldest first.
    pub rr: RrIntervals,
}

impl Measurement {
    /// Decodes the value of a notification.
    ///
    /// Reserved flags are ignored, as the specification asks. A packet that announces RR intervals and has none
    /// is taken as one without: its heart rate is good. The decoder does not allocate.
    ///
    /// # Errors
    /// The value is empty, ends before a field that its flags announce, or goes on after the last one. An odd
    /// octet after the RR intervals counts as trailing.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(value, FLAGS)?;
        let flags = octets.u8(FLAGS)?;
        let bpm = if flags & flag::VALUE_IS_U16 != 0 { octets.u16(VALUE)? } else { octets.u8(VALUE)?.into() };
        let mut last_field = VALUE;

        let mut energy_expended_kj = None;
        if flags & flag::ENERGY_EXPENDED != 0 {
            energy_expended_kj = Some(octets.u16(ENERGY_EXPENDED)?);
            last_field = ENERGY_EXPENDED;
        }
        let mut rr = RrIntervals::new();
        if flags & flag::RR_INTERVALS != 0 {
            rr = std::iter::from_fn(|| octets.next_u16()).map(RrInterval::from_raw).collect();
            last_field = RR_INTERVAL;
        }
        octets.finish(last_field)?;
        Ok(Self { bpm, contact: Contact::from_flags(flags), energy_expended_kj, rr })
    }

    /// Encodes the value of a notification, in the shortest form: the heart rate takes one octet up to 255 bpm,
    /// two above.
    ///
    /// The oldest RR intervals are left out if the value would otherwise be longer than an attribute can be,
    /// which takes more than 253 of them. The transport's limit is the caller's: with the smallest ATT_MTU, 23,
    /// a notification holds 20 octets, that is 9 intervals beside an 8-bit heart rate.
    pub fn encode(&self) -> Vec<u8> {
        let mut flags = self.contact.to_flags();
        let mut value = Vec::with_capacity(1 + 2 + 2 + 2 * self.rr.len());
        value.push(0);
        match u8::try_from(self.bpm) {
            Ok(bpm) => value.push(bpm),
            Err(_) => {
                flags |= flag::VALUE_IS_U16;
                value.extend(self.bpm.to_le_bytes());
            }
        }
        if let Some(energy_kj) = self.energy_expended_kj {
            flags |= flag::ENERGY_EXPENDED;
            value.extend(energy_kj.to_le_bytes());
        }
        if !self.rr.is_empty() {
            flags |= flag::RR_INTERVALS;
            let fitting = (VALUE_LEN_MAX - value.len()) / RrInterval::LEN;
            let newest = &self.rr[self.rr.len().saturating_sub(fitting)..];
            value.extend(newest.iter().flat_map(|rr| rr.raw().to_le_bytes()));
        }
        value[0] = flags;
        value
    }
}
