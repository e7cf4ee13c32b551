//! Any bytes as `heart_rate_control_point`: see the property of that name.

#![no_main]

#[path = "../../tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|value: &[u8]| {
    properties::heart_rate_control_point(value);
});
