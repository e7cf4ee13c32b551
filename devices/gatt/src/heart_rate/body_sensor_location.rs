use crate::DecodeError;
use crate::octets::Octets;

const LOCATION: &str = "Body Sensor Location";

/// Body Sensor Location (0x2A38): where the sensor is meant to be worn (GSS, *Body Sensor Location*).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum BodySensorLocation {
    /// 1.
    Chest,
    /// 2.
    Wrist,
    /// 3.
    Finger,
    /// 4.
    Hand,
    /// 5.
    EarLobe,
    /// 6.
    Foot,
    /// 0 is any other place; 7 and above are reserved.
    Other(u8),
}

impl BodySensorLocation {
    /// Decodes the value of the characteristic. A reserved number is not an error.
    ///
    /// # Errors
    /// Not exactly one octet.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(value, LOCATION)?;
        let raw = octets.u8(LOCATION)?;
        octets.finish(LOCATION)?;
        Ok(raw.into())
    }

    /// Encodes the value of the characteristic.
    pub fn encode(self) -> [u8; 1] {
        [self.into()]
    }
}

impl From<u8> for BodySensorLocation {
    fn from(raw: u8) -> Self {
        match raw {
            1 => Self::Chest,
            2 => Self::Wrist,
            3 => Self::Finger,
            4 => Self::Hand,
            5 => Self::EarLobe,
            6 => Self::Foot,
            other => Self::Other(other),
        }
    }
}

impl From<BodySensorLocation> for u8 {
    fn from(location: BodySensorLocation) -> Self {
        match location {
            BodySensorLocation::Chest => 1,
            BodySensorLocation::Wrist => 2,
            BodySensorLocation::Finger => 3,
            BodySensorLocation::Hand => 4,
            BodySensorLocation::EarLobe => 5,
            BodySensorLocation::Foot => 6,
            BodySensorLocation::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_assigned_locations() {
        // GSS, Body Sensor Location: 0 Other, 1 Chest, ... 6 Foot, 7 to 255 reserved.
        let cases: [(&[u8], Result<BodySensorLocation, DecodeError>); 11] = [
            (&[0], Ok(BodySensorLocation::Other(0))),
            (&[1], Ok(BodySensorLocation::Chest)),
            (&[2], Ok(BodySensorLocation::Wrist)),
            (&[3], Ok(BodySensorLocation::Finger)),
            (&[4], Ok(BodySensorLocation::Hand)),
            (&[5], Ok(BodySensorLocation::EarLobe)),
            (&[6], Ok(BodySensorLocation::Foot)),
            (&[7], Ok(BodySensorLocation::Other(7))),
            (&[255], Ok(BodySensorLocation::Other(255))),
            (&[], Err(DecodeError::Empty { field: LOCATION })),
            (&[1, 1], Err(DecodeError::TrailingBytes { field: LOCATION, count: 1 })),
        ];
        for (value, expected) in cases {
            assert_eq!(BodySensorLocation::decode(value), expected, "{value:02X?}");
        }
    }

    #[test]
    fn every_number_survives_the_round_trip() {
        for raw in 0..=u8::MAX {
            assert_eq!(BodySensorLocation::from(raw).encode(), [raw]);
        }
    }
}
