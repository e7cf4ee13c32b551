//! The time zones of the virtual world, from the time-zone data that is built in.

use std::sync::OnceLock;

use jiff::tz::TimeZone;

/// Zones with different daylight saving: whole and half hours, both hemispheres, none, and one that skipped a day.
pub const NAMES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
];

/// A zone by its place in [`NAMES`].
pub fn zone(index: u8) -> &'static TimeZone {
    static ZONES: OnceLock<Vec<TimeZone>> = OnceLock::new();
    let zones = ZONES.get_or_init(|| {
        NAMES.iter().map(|name| TimeZone::get(name).expect("the built-in data has every zone")).collect()
    });
    &zones[usize::from(index) % zones.len()]
}

/// The place of a zone in [`NAMES`].
pub fn index_of(name: &str) -> Option<u8> {
    NAMES.iter().position(|known| *known == name).and_then(|index| u8::try_from(index).ok())
}
