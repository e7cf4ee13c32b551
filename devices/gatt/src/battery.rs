//! The Battery service (BAS).

use crate::DecodeError;
use crate::octets::Octets;

const LEVEL: &str = "Battery Level";

/// Battery Level (0x2A19): the charge that is left, 0 to 100 percent (GSS, *Battery Level*).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BatteryLevel(u8);

impl BatteryLevel {
    /// A fully charged battery.
    pub const FULL: Self = Self(100);

    /// A level in percent; none if it is over 100.
    pub const fn new(percent: u8) -> Option<Self> {
        if percent <= Self::FULL.0 { Some(Self(percent)) } else { None }
    }

    /// The charge that is left, 0 to 100 percent.
    pub const fn percent(self) -> u8 {
        self.0
    }

    /// Decodes the value of the characteristic.
    ///
    /// # Errors
    /// Not exactly one octet, or more than 100 percent: the other numbers are reserved.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(value, LEVEL)?;
        let percent = octets.u8(LEVEL)?;
        octets.finish(LEVEL)?;
        Self::new(percent).ok_or(DecodeError::InvalidValue {
            field: LEVEL,
            value: percent,
            expected: "0 to 100 percent",
        })
    }

    /// Encodes the value of the characteristic.
    pub const fn encode(self) -> [u8; 1] {
        [self.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_the_specification_allows() {
        // GSS, Battery Level: uint8, 0 is fully discharged, 100 fully charged, the rest reserved.
        let expected = "0 to 100 percent";
        let cases: [(&[u8], Result<u8, DecodeError>); 6] = [
            (&[0], Ok(0)),
            (&[57], Ok(57)),
            (&[100], Ok(100)),
            (&[101], Err(DecodeError::InvalidValue { field: LEVEL, value: 101, expected })),
            (&[], Err(DecodeError::Empty { field: LEVEL })),
            (&[57, 0], Err(DecodeError::TrailingBytes { field: LEVEL, count: 1 })),
        ];
        for (value, expected) in cases {
            assert_eq!(BatteryLevel::decode(value).map(BatteryLevel::percent), expected, "{value:02X?}");
        }
    }

    #[test]
    fn every_level_survives_the_round_trip() {
        for percent in 0..=u8::MAX {
            let level = BatteryLevel::new(percent);
            assert_eq!(level.is_some(), percent <= 100, "{percent}");
            if let Some(level) = level {
                assert_eq!(BatteryLevel::decode(&level.encode()), Ok(level));
            }
        }
    }
}
