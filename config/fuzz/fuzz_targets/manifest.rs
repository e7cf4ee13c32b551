//! Any bytes as `manifest`: see the property of that name.

#![no_main]

#[path = "../../tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    properties::manifest(input);
});
