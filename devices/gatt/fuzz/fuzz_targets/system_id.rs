//! Any bytes as `system_id`: see the property of that name.

#![no_main]

#[path = "../../tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|value: &[u8]| {
    properties::system_id(value);
});
