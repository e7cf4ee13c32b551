//! Takes little-endian fields from the front of a value, and says which field was missing.

use crate::{DecodeError, VALUE_LEN_MAX};

/// The part of a value that is not decoded yet.
pub(crate) struct Octets<'a> {
    rest: &'a [u8],
    value_len: usize,
}

impl<'a> Octets<'a> {
    /// Starts on a value whose first field is `field`; an empty or an impossibly long value is refused.
    pub(crate) fn new(value: &'a [u8], field: &'static str) -> Result<Self, DecodeError> {
        if value.is_empty() {
            return Err(DecodeError::Empty { field });
        }
        check_len(value, field)?;
        Ok(Self { rest: value, value_len: value.len() })
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.take::<1>(field).map(|[octet]| octet)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.take(field).map(u16::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.take(field).map(u64::from_le_bytes)
    }

    /// Takes a u16 if two octets are left.
    pub(crate) fn next_u16(&mut self) -> Option<u16> {
        let (octets, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u16::from_le_bytes(*octets))
    }

    /// Ends the value: nothing may be left after `last_field`.
    pub(crate) fn finish(self, last_field: &'static str) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { field: last_field, count }),
        }
    }

    fn take<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((octets, rest)) = self.rest.split_first_chunk::<N>() else {
            let need = self.value_len - self.rest.len() + N;
            return Err(DecodeError::Truncated { field, need, have: self.value_len });
        };
        self.rest = rest;
        Ok(*octets)
    }
}

/// Refuses a value that is longer than an attribute can be.
pub(crate) fn check_len(value: &[u8], field: &'static str) -> Result<(), DecodeError> {
    if value.len() > VALUE_LEN_MAX {
        return Err(DecodeError::TooLong { field, have: value.len(), max: VALUE_LEN_MAX });
    }
    Ok(())
}
