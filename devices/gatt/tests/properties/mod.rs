//! What holds for any bytes at all: a decoder does not panic, and what it decoded survives encoding and decoding
//! again. Called with random bytes and the corpus by the tests, and with generated ones by the fuzz targets.

#![allow(dead_code, unreachable_pub, reason = "each test and each fuzz target uses some of these")]

use std::error::Error;
use std::fmt::Debug;

use carpus_gatt::battery::BatteryLevel;
use carpus_gatt::device_information::{PnpId, SystemId, VendorIdSource, decode_string, encode_string};
use carpus_gatt::heart_rate::{BodySensorLocation, Contact, ControlPoint, Measurement};
use carpus_gatt::{DecodeError, VALUE_LEN_MAX};

/// Tries one input, and says whether it decoded.
pub type Property = fn(&[u8]) -> bool;

/// All properties, by the name of their fuzz target and corpus folder.
pub const ALL: [(&str, Property); 7] = [
    ("heart_rate_measurement", heart_rate_measurement),
    ("body_sensor_location", body_sensor_location),
    ("heart_rate_control_point", heart_rate_control_point),
    ("battery_level", battery_level),
    ("device_information_string", device_information_string),
    ("system_id", system_id),
    ("pnp_id", pnp_id),
];

/// Heart Rate Measurement. The fields are checked against a second reading of the bytes, by position.
pub fn heart_rate_measurement(value: &[u8]) -> bool {
    let Some(measurement) = decoded(value, Measurement::decode) else {
        return false;
    };
    let flags = value[0];
    let wide = flags & 0x01 != 0;
    let (energy_at, u16_at) = (if wide { 3 } else { 2 }, |at| u16::from_le_bytes([value[at], value[at + 1]]));
    let rr_at = energy_at + if flags & 0x08 != 0 { 2 } else { 0 };

    assert_eq!(measurement.bpm, if wide { u16_at(1) } else { value[1].into() });
    let contact = [Contact::Unsupported, Contact::Unsupported, Contact::NotDetected, Contact::Detected];
    assert_eq!(measurement.contact, contact[usize::from(flags >> 1 & 0x03)]);
    assert_eq!(measurement.energy_expended_kj, (flags & 0x08 != 0).then(|| u16_at(energy_at)));
    let rr: Vec<u16> = measurement.rr.iter().map(|rr| rr.raw()).collect();
    assert_eq!(rr, (rr_at..value.len()).step_by(2).map(u16_at).collect::<Vec<_>>());

    let encoded = measurement.encode();
    assert_eq!(Measurement::decode(&encoded), Ok(measurement.clone()));
    assert!(encoded.len() <= value.len(), "{encoded:02X?} is longer than {value:02X?}");
    let shortest = !wide || measurement.bpm > 0xFF;
    let plain_flags = flags & 0xE0 == 0 && flags & 0x06 != 0x02 && (flags & 0x10 == 0 || !rr.is_empty());
    if shortest && plain_flags {
        assert_eq!(encoded, value, "{measurement:?}");
    }
    true
}

/// Body Sensor Location.
pub fn body_sensor_location(value: &[u8]) -> bool {
    let Some(location) = decoded(value, BodySensorLocation::decode) else {
        return false;
    };
    assert_eq!(location.encode(), value);
    assert_eq!(matches!(location, BodySensorLocation::Other(_)), !(1..=6).contains(&value[0]));
    true
}

/// Heart Rate Control Point, and the answer to a command that is refused.
pub fn heart_rate_control_point(value: &[u8]) -> bool {
    match ControlPoint::decode(value) {
        Ok(command) => {
            assert_eq!(command.encode(), value);
            true
        }
        Err(error) => {
            check_error(&error, value);
            assert_eq!(ControlPoint::att_error(&error), if value.len() == 1 { 0x80 } else { 0x0D });
            false
        }
    }
}

/// Battery Level.
pub fn battery_level(value: &[u8]) -> bool {
    let Some(level) = decoded(value, BatteryLevel::decode) else {
        return false;
    };
    assert!(level.percent() <= 100, "{level:?}");
    assert_eq!(level.encode(), value);
    assert_eq!(BatteryLevel::new(level.percent()), Some(level));
    true
}

/// The strings of Device Information: only NULs at the end are lost.
pub fn device_information_string(value: &[u8]) -> bool {
    let Some(text) = decoded(value, decode_string) else {
        return false;
    };
    let (kept, dropped) = value.split_at(text.len());
    assert_eq!(text.as_bytes(), kept);
    assert!(dropped.iter().all(|&octet| octet == 0), "{dropped:02X?}");
    assert!(!text.ends_with('\0'), "{text:?}");
    assert_eq!(encode_string(&text), kept);
    true
}

/// System ID.
pub fn system_id(value: &[u8]) -> bool {
    let Some(system_id) = decoded(value, SystemId::decode) else {
        return false;
    };
    assert_eq!(system_id.encode(), value);
    assert_eq!(SystemId::from_eui64(system_id.eui64()), system_id);
    let oui = u64::from(system_id.organizationally_unique_identifier());
    assert_eq!(oui << 40 | system_id.manufacturer_identifier(), system_id.eui64());
    true
}

/// PnP ID.
pub fn pnp_id(value: &[u8]) -> bool {
    let Some(pnp_id) = decoded(value, PnpId::decode) else {
        return false;
    };
    assert_eq!(pnp_id.encode(), value);
    let known = !matches!(pnp_id.vendor_id_source, VendorIdSource::Other(_));
    assert_eq!(known, matches!(value[0], 1 | 2));
    true
}

/// Decodes twice, to the same result both times, and checks an error's particulars.
fn decoded<T: Debug + PartialEq>(
    value: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Option<T> {
    let result = decode(value);
    assert_eq!(result, decode(value));
    result.inspect_err(|error| check_error(error, value)).ok()
}

/// The numbers in an error are those of the value that it is about.
fn check_error(error: &DecodeError, value: &[u8]) {
    assert!(!error.kind().is_empty() && !error.to_string().is_empty());
    assert_eq!(error.source().is_some(), error.kind() == "invalid-utf8");
    match *error {
        DecodeError::Empty { .. } => assert!(value.is_empty()),
        DecodeError::Truncated { need, have, .. } => assert!(have == value.len() && have < need, "{error}"),
        DecodeError::TrailingBytes { count, .. } => assert!((1..value.len()).contains(&count), "{error}"),
        DecodeError::TooLong { have, max, .. } => {
            assert!(have == value.len() && have > max && max == VALUE_LEN_MAX, "{error}");
        }
        DecodeError::InvalidValue { value: octet, .. } => assert_eq!([octet], value),
        DecodeError::InvalidUtf8 { source, .. } => assert!(source.valid_up_to() < value.len()),
        _ => {}
    }
}
