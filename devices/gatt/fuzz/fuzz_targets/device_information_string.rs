//! Any bytes as `device_information_string`: see the property of that name.

#![no_main]

#[path = "../../tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|value: &[u8]| {
    properties::device_information_string(value);
});
