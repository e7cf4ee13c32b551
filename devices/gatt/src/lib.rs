//! Decoders and encoders for the Bluetooth GATT characteristics of heart-rate straps.
//!
//! Bytes in, typed values out, and back: no I/O, no clock, no log. One module per service:
//!
//! | module | service | characteristics |
//! |---|---|---|
//! | [`heart_rate`] | Heart Rate (0x180D) | measurement, body sensor location, control point |
//! | [`battery`] | Battery (0x180F) | level |
//! | [`device_information`] | Device Information (0x180A) | names and revisions, system ID, PnP ID |
//!
//! [`uuid`] holds their assigned numbers. Field names are those of the Bluetooth *GATT Specification
//! Supplement* (GSS), which defines the layouts; what a sensor and a collector do with them is in the service
//! specifications (HRS, BAS, DIS). All numbers on the air are little-endian.
//!
//! Whatever a strap sends, a decoder answers with a value or a [`DecodeError`]; it never panics.
//!
//! # Example
//!
//! ```
//! use carpus_gatt::heart_rate::{Contact, Measurement};
//!
//! // Flags 0x16: 8-bit heart rate, contact detected, RR intervals follow.
//! let measurement = Measurement::decode(&[0x16, 0x48, 0x55, 0x03, 0x40, 0x03])?;
//!
//! assert_eq!(measurement.bpm, 72);
//! assert_eq!(measurement.contact, Contact::Detected);
//! assert_eq!(measurement.energy_expended_kj, None);
//! let rr_ms: Vec<f64> = measurement.rr.iter().map(|rr| rr.as_ms()).collect();
//! assert_eq!(rr_ms, [833.0078125, 812.5]);
//!
//! // Half an interval is an error with a name, not a guess.
//! let error = Measurement::decode(&[0x10, 0x48, 0x55]).unwrap_err();
//! assert_eq!(error.kind(), "trailing-bytes");
//! # Ok::<(), carpus_gatt::DecodeError>(())
//! ```

pub mod battery;
pub mod device_information;
mod error;
pub mod heart_rate;
mod octets;
pub mod uuid;

pub use error::DecodeError;

/// The longest value that an attribute can have, in octets (Core Specification, Vol 3, Part F, 3.2.9).
pub const VALUE_LEN_MAX: usize = 512;
