//! Background modes (M1, M2, M4).

use std::fmt;
use std::str::FromStr;

use crate::problem::Reason;
use crate::units::{ValueError, quoted};
use crate::values::not_one_of;

use super::ManifestOptions;
use super::fields::{Fields, Placed};

/// What an app may do when it is not active (M1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackgroundMode {
    /// Extended runtime for short wellness tasks.
    SelfCare,
    /// Extended runtime for silent meditation.
    Mindfulness,
    /// Extended runtime for stretching and range of motion.
    PhysicalTherapy,
    /// Extended runtime for a smart alarm.
    Alarm,
    /// Workout sessions.
    WorkoutProcessing,
    /// Playback goes on in the background.
    Audio,
    /// Fixes go on in the background.
    Location,
    /// Straps stay linked while the app is suspended.
    BluetoothCentral,
}

impl BackgroundMode {
    /// All modes.
    pub const ALL: [Self; 8] = [
        Self::SelfCare,
        Self::Mindfulness,
        Self::PhysicalTherapy,
        Self::Alarm,
        Self::WorkoutProcessing,
        Self::Audio,
        Self::Location,
        Self::BluetoothCentral,
    ];
    /// Their names, in the order of the variants.
    const NAMES: [&'static str; 8] = [
        "self-care",
        "mindfulness",
        "physical-therapy",
        "alarm",
        "workout-processing",
        "audio",
        "location",
        "bluetooth-central",
    ];

    /// The name, as written in a manifest.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// Whether it is one of the modes that make an extended runtime session (M1).
    pub const fn is_extended_runtime(self) -> bool {
        matches!(self, Self::SelfCare | Self::Mindfulness | Self::PhysicalTherapy | Self::Alarm)
    }
}

impl fmt::Display for BackgroundMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BackgroundMode {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| not_one_of(text, "a background mode", &Self::NAMES))
    }
}

/// How to write the modes.
pub(super) fn hint() -> String {
    r#"write modes = ["mindfulness", "bluetooth-central"]"#.to_owned()
}

/// Judges the texts of `background.modes`; what is wrong goes to `fields`.
pub(super) fn read(
    found: Vec<Placed>,
    options: ManifestOptions,
    fields: &mut Fields<'_>,
) -> Vec<BackgroundMode> {
    let mut modes = Vec::new();
    for (text, position) in found {
        match judge(&text, &modes, options) {
            Ok(mode) => modes.push(mode),
            Err(reason) => fields.refuse("modes", position, reason),
        }
    }
    modes
}

fn judge(text: &str, before: &[BackgroundMode], options: ManifestOptions) -> Result<BackgroundMode, Reason> {
    let mode: BackgroundMode = text.parse()?;
    let found = quoted(text);
    if before.contains(&mode) {
        return Err(Reason::NamedTwice { found });
    }
    let first = before.iter().find(|mode| mode.is_extended_runtime());
    match first {
        Some(first) if mode.is_extended_runtime() && !options.takes_several_modes() => Err(Reason::Mode {
            found,
            fault: format!("is a second extended-runtime mode beside {:?}", first.as_str()),
            remedy: "keep one of them",
        }),
        _ => Ok(mode),
    }
}
