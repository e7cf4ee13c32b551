//! What can be wrong with the bytes of a characteristic.

use std::str::Utf8Error;

use thiserror::Error;

/// Why the value of a characteristic could not be decoded.
///
/// `field` is the characteristic and the field by their names in the specification. Counts are in octets.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The value has no octets at all.
    #[error("{field}: the value is empty")]
    Empty {
        /// The first field that should be there.
        field: &'static str,
    },
    /// The value ends inside a field, or before a field that its flags announce.
    #[error("{field}: the value ends too early, {have} of {need} octets")]
    Truncated {
        /// The field that is cut short.
        field: &'static str,
        /// Length that the value must have at least, up to the end of this field.
        need: usize,
        /// Length that the value has.
        have: usize,
    },
    /// Octets are left over after the last field, for instance half an RR interval.
    #[error("{field}: {count} octets too many at the end of the value")]
    TrailingBytes {
        /// The last field that was decoded.
        field: &'static str,
        /// How many octets are left over.
        count: usize,
    },
    /// The value is longer than an attribute can be ([`VALUE_LEN_MAX`](crate::VALUE_LEN_MAX)).
    #[error("{field}: the value has {have} octets, an attribute at most {max}")]
    TooLong {
        /// The first field of the value.
        field: &'static str,
        /// Length that the value has.
        have: usize,
        /// Length that it may have at most.
        max: usize,
    },
    /// A field holds a number that the specification does not allow.
    #[error("{field}: {value} is not allowed, expected {expected}")]
    InvalidValue {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: u8,
        /// What it may hold.
        expected: &'static str,
    },
    /// A string is not UTF-8.
    #[error("{field}: the string is not UTF-8")]
    InvalidUtf8 {
        /// The field.
        field: &'static str,
        /// Where it stops being UTF-8.
        source: Utf8Error,
    },
}

impl DecodeError {
    /// A short name of the kind of error that stays the same across releases: to count errors, and to log each
    /// kind once per strap.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "empty",
            Self::Truncated { .. } => "truncated",
            Self::TrailingBytes { .. } => "trailing-bytes",
            Self::TooLong { .. } => "too-long",
            Self::InvalidValue { .. } => "invalid-value",
            Self::InvalidUtf8 { .. } => "invalid-utf8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_where_what_and_how_much() {
        let cases = [
            (
                DecodeError::Truncated { field: "PnP ID: Product ID", need: 5, have: 4 },
                "PnP ID: Product ID: the value ends too early, 4 of 5 octets",
                "truncated",
            ),
            (
                DecodeError::InvalidValue { field: "Battery Level", value: 101, expected: "0 to 100" },
                "Battery Level: 101 is not allowed, expected 0 to 100",
                "invalid-value",
            ),
            (
                DecodeError::TooLong { field: "String", have: 513, max: 512 },
                "String: the value has 513 octets, an attribute at most 512",
                "too-long",
            ),
        ];
        for (error, message, kind) in cases {
            assert_eq!(error.to_string(), message);
            assert_eq!(error.kind(), kind);
        }
    }

    #[test]
    fn kinds_are_distinct() {
        let source = String::from_utf8(vec![0xFF]).unwrap_err().utf8_error();
        let field = "field";
        let kinds = [
            DecodeError::Empty { field },
            DecodeError::Truncated { field, need: 2, have: 1 },
            DecodeError::TrailingBytes { field, count: 1 },
            DecodeError::TooLong { field, have: 513, max: 512 },
            DecodeError::InvalidValue { field, value: 2, expected: "1" },
            DecodeError::InvalidUtf8 { field, source },
        ]
        .map(|error| error.kind());
        let distinct: std::collections::BTreeSet<_> = kinds.into_iter().collect();
        assert_eq!(distinct.len(), kinds.len());
    }
}
