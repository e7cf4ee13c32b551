use super::*;

#[test]
fn decodes_strings() {
    // GSS, Manufacturer Name String: utf8s. The padded ones are seen on straps that send a fixed buffer.
    let cases: [(&[u8], &str); 7] = [
        (b"Polar Electro Oy", "Polar Electro Oy"),
        (b"H10\0", "H10"),
        (b"3.1.1\0\0\0\0\0", "3.1.1"),
        (b"", ""),
        (b"\0\0", ""),
        (b"a\0b\0", "a\0b"),
        ("Gürtel 心拍".as_bytes(), "Gürtel 心拍"),
    ];
    for (value, expected) in cases {
        assert_eq!(decode_string(value).as_deref(), Ok(expected), "{value:02X?}");
    }
}

#[test]
fn a_string_that_is_not_utf8_is_refused_with_the_place() {
    // Latin-1 "Gürtel", an unpaired surrogate, an overlong NUL, and a character cut in half.
    let cases: [(&[u8], usize); 4] =
        [(b"G\xFCrtel", 1), (b"\xED\xA0\x80", 0), (b"H\xC0\x80", 1), (b"\xE5\xBF", 0)];
    for (value, valid_up_to) in cases {
        let error = decode_string(value).unwrap_err();
        let DecodeError::InvalidUtf8 { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.valid_up_to(), valid_up_to, "{value:02X?}");
    }
}

#[test]
fn a_string_is_as_long_as_an_attribute_at_most() {
    let longest = "x".repeat(VALUE_LEN_MAX);
    assert_eq!(decode_string(longest.as_bytes()).as_deref(), Ok(longest.as_str()));

    let error = decode_string("x".repeat(VALUE_LEN_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!(error, DecodeError::TooLong { field: STRING, have: 513, max: 512 });
}

#[test]
fn a_text_too_long_to_send_is_cut_between_characters() {
    let text = format!("{}é!", "x".repeat(VALUE_LEN_MAX - 1));
    assert_eq!(encode_string(&text), "x".repeat(VALUE_LEN_MAX - 1).as_bytes());
    assert_eq!(encode_string("H10"), b"H10");
}

#[test]
fn decodes_a_system_id_made_from_a_device_address() {
    // GSS, System ID: the address 12:34:56:9A:BC:DE becomes the EUI-64 12-34-56-FF-FE-9A-BC-DE, sent from the
    // least significant octet on.
    let system_id = SystemId::decode(&[0xDE, 0xBC, 0x9A, 0xFE, 0xFF, 0x56, 0x34, 0x12]).unwrap();
    assert_eq!(system_id, SystemId::from_eui64(0x1234_56FF_FE9A_BCDE));
    assert_eq!(system_id.organizationally_unique_identifier(), 0x123456);
    assert_eq!(system_id.manufacturer_identifier(), 0xFF_FE9A_BCDE);
    assert_eq!(system_id.encode(), [0xDE, 0xBC, 0x9A, 0xFE, 0xFF, 0x56, 0x34, 0x12]);
}

#[test]
fn a_system_id_has_eight_octets() {
    let cases: [(&[u8], DecodeError); 3] = [
        (&[], DecodeError::Empty { field: SYSTEM_ID }),
        (&[0; 7], DecodeError::Truncated { field: SYSTEM_ID, need: 8, have: 7 }),
        (&[0; 9], DecodeError::TrailingBytes { field: SYSTEM_ID, count: 1 }),
    ];
    for (value, expected) in cases {
        assert_eq!(SystemId::decode(value), Err(expected), "{value:02X?}");
    }
}

#[test]
fn decodes_pnp_ids() {
    // GSS, PnP ID: Vendor ID Source uint8, Vendor ID, Product ID, Product Version uint16. Company identifier
    // 0x006B is Polar Electro Oy, USB vendor 0x1915 is Nordic Semiconductor ASA;
    // the product numbers are made up.
    let cases = [
        (
            [0x01, 0x6B, 0x00, 0x22, 0x00, 0x10, 0x03],
            PnpId {
                vendor_id_source: VendorIdSource::BluetoothSig,
                vendor_id: 0x006B,
                product_id: 0x0022,
                product_version: 0x0310,
            },
        ),
        (
            [0x02, 0x15, 0x19, 0xEE, 0xEE, 0x01, 0x00],
            PnpId {
                vendor_id_source: VendorIdSource::UsbImplementersForum,
                vendor_id: 0x1915,
                product_id: 0xEEEE,
                product_version: 0x0001,
            },
        ),
        (
            [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
            PnpId {
                vendor_id_source: VendorIdSource::Other(0),
                vendor_id: 0,
                product_id: 0,
                product_version: 0,
            },
        ),
    ];
    for (value, pnp_id) in cases {
        assert_eq!(PnpId::decode(&value), Ok(pnp_id), "{value:02X?}");
        assert_eq!(pnp_id.encode(), value);
    }
}

#[test]
fn a_pnp_id_has_seven_octets_and_says_which_field_is_missing() {
    let cases = [
        (0, DecodeError::Empty { field: PNP_VENDOR_ID_SOURCE }),
        (1, DecodeError::Truncated { field: PNP_VENDOR_ID, need: 3, have: 1 }),
        (2, DecodeError::Truncated { field: PNP_VENDOR_ID, need: 3, have: 2 }),
        (4, DecodeError::Truncated { field: PNP_PRODUCT_ID, need: 5, have: 4 }),
        (6, DecodeError::Truncated { field: PNP_PRODUCT_VERSION, need: 7, have: 6 }),
        (9, DecodeError::TrailingBytes { field: PNP_PRODUCT_VERSION, count: 2 }),
    ];
    for (len, expected) in cases {
        assert_eq!(PnpId::decode(&vec![1; len]), Err(expected), "{len} octets");
    }
}
