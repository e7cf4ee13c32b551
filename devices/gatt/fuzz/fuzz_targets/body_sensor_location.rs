//! Any bytes as `body_sensor_location`: see the property of that name.

#![no_main]

#[path = "../../tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|value: &[u8]| {
    properties::body_sensor_location(value);
});
