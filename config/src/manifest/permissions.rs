//! What an app asks of the user (M5).

use std::fmt;
use std::str::FromStr;

use crate::problem::Reason;
use crate::units::{ValueError, quoted};
use crate::values::not_one_of;

use super::fields::{Fields, Placed};

/// A Bluetooth profile of straps whose data an app asks for (M5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BluetoothProfile {
    /// Each heart rate sample, with the times between beats.
    HeartRate,
    /// Which straps there are, and the charge of their batteries.
    Battery,
}

impl BluetoothProfile {
    /// All profiles.
    pub const ALL: [Self; 2] = [Self::HeartRate, Self::Battery];
    /// Their names, in the order of the variants.
    const NAMES: [&'static str; 2] = ["heart-rate", "battery"];

    /// The name, as written in a manifest.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for BluetoothProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BluetoothProfile {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.as_str() == text)
            .ok_or_else(|| not_one_of(text, "a Bluetooth profile", &Self::NAMES))
    }
}

/// How to write the profiles.
pub(super) fn hint() -> String {
    r#"write bluetooth = ["heart-rate"]"#.to_owned()
}

/// Judges the texts of `permissions.bluetooth`; what is wrong goes to `fields`.
pub(super) fn read(found: Vec<Placed>, fields: &mut Fields<'_>) -> Vec<BluetoothProfile> {
    let mut profiles = Vec::new();
    for (text, position) in found {
        match judge(&text, &profiles) {
            Ok(profile) => profiles.push(profile),
            Err(reason) => fields.refuse("bluetooth", position, reason),
        }
    }
    profiles
}

fn judge(text: &str, before: &[BluetoothProfile]) -> Result<BluetoothProfile, Reason> {
    let profile: BluetoothProfile = text.parse()?;
    if before.contains(&profile) {
        return Err(Reason::NamedTwice { found: quoted(text) });
    }
    Ok(profile)
}
