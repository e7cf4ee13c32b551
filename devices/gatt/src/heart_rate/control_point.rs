use crate::DecodeError;
use crate::octets::Octets;

const CONTROL_POINT: &str = "Heart Rate Control Point";

/// The ATT application error that a strap answers to a command it does not know: *Control Point Not Supported*
/// (HRS, *Application Error Codes*).
pub const CONTROL_POINT_NOT_SUPPORTED: u8 = 0x80;

/// The ATT error for a value of the wrong length (Core Specification, Vol 3, Part F, 3.4.1.1).
pub const ATT_INVALID_ATTRIBUTE_VALUE_LENGTH: u8 = 0x0D;

/// A command that is written to the Heart Rate Control Point (0x2A39; GSS, *Heart Rate Control Point*).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ControlPoint {
    /// 1: set Energy Expended back to zero.
    ResetEnergyExpended,
}

impl ControlPoint {
    /// Decodes the value that was written. The sensor's side needs this.
    ///
    /// # Errors
    /// Not exactly one octet, or a reserved command. [`ControlPoint::att_error`] says what to answer.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut octets = Octets::new(value, CONTROL_POINT)?;
        let command = octets.u8(CONTROL_POINT)?;
        octets.finish(CONTROL_POINT)?;
        match command {
            1 => Ok(Self::ResetEnergyExpended),
            value => Err(DecodeError::InvalidValue {
                field: CONTROL_POINT,
                value,
                expected: "1 (reset energy expended)",
            }),
        }
    }

    /// Encodes the value to write.
    pub const fn encode(self) -> [u8; 1] {
        match self {
            Self::ResetEnergyExpended => [1],
        }
    }

    /// The ATT error that a sensor answers to a write which did not decode.
    pub const fn att_error(error: &DecodeError) -> u8 {
        match error {
            DecodeError::InvalidValue { .. } => CONTROL_POINT_NOT_SUPPORTED,
            _ => ATT_INVALID_ATTRIBUTE_VALUE_LENGTH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_is_the_only_command() {
        // GSS, Heart Rate Control Point: 1 resets Energy Expended, the rest is reserved.
        for command in 0..=u8::MAX {
            match ControlPoint::decode(&[command]) {
                Ok(decoded) => assert_eq!((command, decoded.encode()), (1, [1])),
                Err(error) => {
                    assert_ne!(command, 1);
                    assert_eq!(ControlPoint::att_error(&error), 0x80, "{error}");
                }
            }
        }
        assert_eq!(ControlPoint::decode(&[1]), Ok(ControlPoint::ResetEnergyExpended));
    }

    #[test]
    fn a_write_of_the_wrong_length_is_not_called_an_unknown_command() {
        let cases: [(&[u8], DecodeError); 2] = [
            (&[], DecodeError::Empty { field: CONTROL_POINT }),
            (&[1, 0], DecodeError::TrailingBytes { field: CONTROL_POINT, count: 1 }),
        ];
        for (value, expected) in cases {
            let error = ControlPoint::decode(value).unwrap_err();
            assert_eq!(error, expected);
            assert_eq!(ControlPoint::att_error(&error), 0x0D);
        }
    }
}
