use super::*;

fn measurement(bpm: u16, contact: Contact, energy_expended_kj: Option<u16>, rr: &[u16]) -> Measurement {
    let rr = rr.iter().copied().map(RrInterval::from_raw).collect();
    Measurement { bpm, contact, energy_expended_kj, rr }
}

/// Packets in the form that `encode` gives them. Layout: GSS, Heart Rate Measurement.
fn canonical_cases() -> Vec<(&'static [u8], Measurement)> {
    use Contact::{Detected, NotDetected, Unsupported};
    vec![
        // Flags 0: uint8 value, no contact feature, nothing else.
        (&[0x00, 0x48], measurement(72, Unsupported, None, &[])),
        (&[0x00, 0x00], measurement(0, Unsupported, None, &[])),
        (&[0x00, 0xFF], measurement(255, Unsupported, None, &[])),
        // Sensor Contact bits: bit 2 supported, bit 1 detected.
        (&[0x04, 0x00], measurement(0, NotDetected, None, &[])),
        (&[0x06, 0x3C], measurement(60, Detected, None, &[])),
        // Bit 0: uint16 value, least significant octet first.
        (&[0x01, 0x00, 0x01], measurement(256, Unsupported, None, &[])),
        (&[0x07, 0x2C, 0x01], measurement(300, Detected, None, &[])),
        (&[0x01, 0xFF, 0xFF], measurement(65535, Unsupported, None, &[])),
        // Bit 3: Energy Expended, uint16 in kilojoules.
        (&[0x08, 0x48, 0x34, 0x12], measurement(72, Unsupported, Some(0x1234), &[])),
        (&[0x0E, 0x48, 0xFF, 0xFF], measurement(72, Detected, Some(65535), &[])),
        (&[0x08, 0x48, 0x00, 0x00], measurement(72, Unsupported, Some(0), &[])),
        // Bit 4: RR-Interval, uint16 in 1/1024 s, one or more, oldest first.
        (&[0x10, 0x48, 0x55, 0x03], measurement(72, Unsupported, None, &[0x0355])),
        (&[0x16, 0x48, 0x55, 0x03, 0x40, 0x03], measurement(72, Detected, None, &[0x0355, 0x0340])),
        (&[0x10, 0x48, 0x00, 0x00, 0xFF, 0xFF], measurement(72, Unsupported, None, &[0, 0xFFFF])),
        // The RR intervals move back by two octets when energy is present, and by one when the value is uint16.
        (&[0x18, 0x48, 0x34, 0x12, 0x55, 0x03], measurement(72, Unsupported, Some(0x1234), &[0x0355])),
        (
            &[0x1F, 0x2C, 0x01, 0x34, 0x12, 0x55, 0x03, 0x40, 0x03],
            measurement(300, Detected, Some(0x1234), &[0x0355, 0x0340]),
        ),
        // The fullest packet at the smallest ATT_MTU, 23: 20 octets of value, 9 intervals.
        (
            &[0x16, 0x48, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9, 0],
            measurement(72, Detected, None, &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ),
    ]
}

/// Packets that mean the same as another one, which `encode` prefers.
fn other_cases() -> Vec<(&'static [u8], Measurement)> {
    vec![
        // A uint16 value that would fit in a uint8.
        (&[0x01, 0x48, 0x00], measurement(72, Contact::Unsupported, None, &[])),
        // Sensor Contact bits 0b01: not supported, whatever bit 1 says.
        (&[0x02, 0x48], measurement(72, Contact::Unsupported, None, &[])),
        // Reserved bits 5 to 7.
        (&[0xE0, 0x48], measurement(72, Contact::Unsupported, None, &[])),
        (&[0xF6, 0x48, 0x55, 0x03], measurement(72, Contact::Detected, None, &[0x0355])),
        // RR intervals announced, none sent.
        (&[0x16, 0x48], measurement(72, Contact::Detected, None, &[])),
        (&[0x18, 0x48, 0x34, 0x12], measurement(72, Contact::Unsupported, Some(0x1234), &[])),
    ]
}

#[test]
fn decodes_every_combination_of_flags() {
    for (value, expected) in canonical_cases().into_iter().chain(other_cases()) {
        assert_eq!(Measurement::decode(value), Ok(expected), "{value:02X?}");
    }
}

#[test]
fn encodes_the_shortest_form() {
    for (value, measurement) in canonical_cases() {
        assert_eq!(measurement.encode(), value, "{measurement:?}");
    }
    for (value, measurement) in other_cases() {
        let encoded = measurement.encode();
        assert!(encoded.len() <= value.len(), "{value:02X?}");
        assert_eq!(Measurement::decode(&encoded), Ok(measurement), "{value:02X?}");
    }
}

#[test]
fn refuses_malformed_packets_and_names_the_field() {
    let truncated = |field, need, have| DecodeError::Truncated { field, need, have };
    let trailing = |field, count| DecodeError::TrailingBytes { field, count };
    let cases: [(&[u8], DecodeError); 14] = [
        (&[], DecodeError::Empty { field: FLAGS }),
        (&[0x00], truncated(VALUE, 2, 1)),
        (&[0x01], truncated(VALUE, 3, 1)),
        (&[0x01, 0x48], truncated(VALUE, 3, 2)),
        (&[0x08, 0x48], truncated(ENERGY_EXPENDED, 4, 2)),
        (&[0x08, 0x48, 0x34], truncated(ENERGY_EXPENDED, 4, 3)),
        (&[0x09, 0x2C, 0x01, 0x34], truncated(ENERGY_EXPENDED, 5, 4)),
        // No field was announced for these octets.
        (&[0x00, 0x48, 0x00], trailing(VALUE, 1)),
        (&[0x00, 0x48, 0x55, 0x03], trailing(VALUE, 2)),
        (&[0x08, 0x48, 0x34, 0x12, 0x55, 0x03], trailing(ENERGY_EXPENDED, 2)),
        (&[0xE0, 0x48, 0x01], trailing(VALUE, 1)),
        // Half an RR interval, alone and after a whole one.
        (&[0x10, 0x48, 0x55], trailing(RR_INTERVAL, 1)),
        (&[0x10, 0x48, 0x55, 0x03, 0x40], trailing(RR_INTERVAL, 1)),
        (&[0x18, 0x48, 0x34, 0x12, 0x55], trailing(RR_INTERVAL, 1)),
    ];
    for (value, expected) in cases {
        assert_eq!(Measurement::decode(value), Err(expected), "{value:02X?}");
    }
}

#[test]
fn every_prefix_of_a_full_packet_is_decoded_or_refused_by_its_length() {
    let full = [0x1F, 0x2C, 0x01, 0x34, 0x12, 0x55, 0x03, 0x40, 0x03];
    for len in 0..=full.len() {
        let decoded = Measurement::decode(&full[..len]);
        // Whole up to the energy, then with each whole interval.
        assert_eq!(decoded.is_ok(), matches!(len, 5 | 7 | 9), "{len} octets: {decoded:?}");
    }
}

#[test]
fn the_largest_packet_of_an_attribute_decodes() {
    let mut value = vec![0x10, 0x48];
    value.extend((1..=255_u16).flat_map(u16::to_le_bytes));
    assert_eq!(value.len(), VALUE_LEN_MAX);

    let decoded = Measurement::decode(&value).unwrap();
    assert_eq!(decoded.rr.len(), 255);
    assert_eq!((decoded.rr[0].raw(), decoded.rr[254].raw()), (1, 255));
    assert_eq!(decoded.encode(), value);

    value.push(0);
    assert_eq!(Measurement::decode(&value), Err(DecodeError::TooLong { field: FLAGS, have: 513, max: 512 }));
}

#[test]
fn encoding_leaves_out_the_oldest_intervals_that_no_value_can_hold() {
    let intervals: Vec<u16> = (1..=255).collect();
    // 255 intervals take 510 octets; flags, uint16 value and energy leave 507, that is 253 intervals.
    let value = measurement(300, Contact::Detected, Some(1), &intervals).encode();
    assert_eq!(value.len(), 511);

    let decoded = Measurement::decode(&value).unwrap();
    assert_eq!(decoded, measurement(300, Contact::Detected, Some(1), &intervals[2..]));
}
