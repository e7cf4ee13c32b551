//! Values that are one of a few words, or "auto".

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::strict;
use crate::suggest::{nearest, with_near};
use crate::units::{ValueError, quoted};

/// The names of the keys and buttons of Linux (`linux/input-event-codes.h`), one on each line, sorted.
const KEY_NAMES: &str = include_str!("key_names.txt");
/// The word that lets the runtime choose.
const AUTO: &str = "auto";
/// The word that leaves a button without a key.
const NO_KEY: &str = "none";

/// The board, which decides the layer above the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Raspberry Pi Zero 2 W: four slow cores, 512 MB, a radio shared with Wi-Fi.
    RaspberryPiZero2W,
    /// Raspberry Pi 4.
    RaspberryPi4,
    /// Raspberry Pi 5.
    RaspberryPi5,
    /// A laptop or desktop computer.
    Desktop,
    /// The virtual board for tests and development.
    VirtualBoard,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 5] =
        [Self::RaspberryPiZero2W, Self::RaspberryPi4, Self::RaspberryPi5, Self::Desktop, Self::VirtualBoard];
    /// Their names, in the order of the variants.
    pub(crate) const NAMES: [&'static str; 5] =
        ["raspberry-pi-zero-2w", "raspberry-pi-4", "raspberry-pi-5", "desktop", "virtual-board"];

    /// The name, as written in the settings.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The settings of this board that differ from the defaults, as TOML.
    pub const fn toml(self) -> &'static str {
        match self {
            Self::RaspberryPiZero2W => include_str!("../profiles/raspberry-pi-zero-2w.toml"),
            Self::RaspberryPi4 => include_str!("../profiles/raspberry-pi-4.toml"),
            Self::RaspberryPi5 => include_str!("../profiles/raspberry-pi-5.toml"),
            Self::Desktop => include_str!("../profiles/desktop.toml"),
            Self::VirtualBoard => include_str!("../profiles/virtual-board.toml"),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.as_str() == text)
            .ok_or_else(|| not_one_of(text, "a profile", &Self::NAMES))
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parsed(deserializer)
    }
}

/// How much the runtime says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Faults of the runtime only.
    Error,
    /// And what is odd.
    Warn,
    /// And what happens.
    Info,
    /// And how.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// All levels, the quietest first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];
    /// Their names, in the order of the variants.
    pub(crate) const NAMES: [&'static str; 5] = ["error", "warn", "info", "debug", "trace"];

    /// The name, as written in the settings.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for LogLevel {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| not_one_of(text, "a log level", &Self::NAMES))
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parsed(deserializer)
    }
}

/// How apps are kept apart from the runtime and from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sandbox {
    /// As far as the kernel can.
    Auto,
    /// Fully: where the kernel cannot, no app is launched.
    Required,
    /// Not at all, to debug an app.
    Off,
}

impl Sandbox {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Required, Self::Off];
    /// Their names, in the order of the variants.
    pub(crate) const NAMES: [&'static str; 3] = ["auto", "required", "off"];

    /// The name, as written in the settings.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Sandbox {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|sandbox| sandbox.as_str() == text)
            .ok_or_else(|| not_one_of(text, "a way to keep apps apart", &Self::NAMES))
    }
}

impl<'de> Deserialize<'de> for Sandbox {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parsed(deserializer)
    }
}

/// A type of extended runtime session (T), as the settings name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionKind {
    /// Short wellness tasks.
    SelfCare,
    /// Silent meditation, breathing.
    Mindfulness,
    /// Stretching, range of motion.
    PhysicalTherapy,
    /// Smart alarm.
    Alarm,
}

impl SessionKind {
    /// All types.
    pub const ALL: [Self; 4] = [Self::SelfCare, Self::Mindfulness, Self::PhysicalTherapy, Self::Alarm];
    /// Their names, in the order of the variants: those of the modes in a manifest.
    pub(crate) const NAMES: [&'static str; 4] = ["self-care", "mindfulness", "physical-therapy", "alarm"];
    /// What one of them is, for people.
    pub(crate) const WANTED: &'static str = "a type of session";

    /// The name, as written in the settings.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl fmt::Display for SessionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SessionKind {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| not_one_of(text, Self::WANTED, &Self::NAMES))
    }
}

impl<'de> Deserialize<'de> for SessionKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parsed(deserializer)
    }
}

/// What the runtime finds by itself, unless the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AutoOr<T> {
    /// Found by the runtime (`"auto"`).
    Auto,
    /// Named by the user.
    Named(T),
}

impl<T> AutoOr<T> {
    /// What the user named, if anything.
    pub const fn named(&self) -> Option<&T> {
        match self {
            Self::Auto => None,
            Self::Named(value) => Some(value),
        }
    }
}

impl<'de, T: From<String>> Deserialize<'de> for AutoOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = strict::text(deserializer)?;
        Ok(if text == AUTO { Self::Auto } else { Self::Named(T::from(text)) })
    }
}

/// The Linux key behind a button of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputKey {
    /// The board has no such button (`"none"`).
    None,
    /// The name of the key in `linux/input-event-codes.h`: `KEY_HOMEPAGE`.
    Key(String),
}

impl InputKey {
    /// The name of the key, if there is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Key(name) => Some(name),
        }
    }
}

impl FromStr for InputKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == NO_KEY {
            return Ok(Self::None);
        }
        if KEY_NAMES.lines().any(|name| name == text) {
            return Ok(Self::Key(text.to_owned()));
        }
        Err(not_a_key(text))
    }
}

impl<'de> Deserialize<'de> for InputKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        strict::parsed(deserializer)
    }
}

/// What [`InputKey`] takes, for people.
pub(crate) const KEY_ALLOWED: &str = r#"a Linux key name such as "KEY_HOMEPAGE", or "none""#;

fn not_a_key(text: &str) -> ValueError {
    let near = nearest(text, KEY_NAMES.lines().chain([NO_KEY]));
    let hint =
        with_near(near.map(|near| format!("{near:?}")).as_deref(), &format!("allowed is {KEY_ALLOWED}"));
    ValueError::NotA { found: quoted(text), wanted: "the name of a key", hint }
}

/// Refuses a word that is none of `allowed`.
pub(crate) fn not_one_of(text: &str, wanted: &'static str, allowed: &[&'static str]) -> ValueError {
    let near = nearest(text, allowed.iter().copied());
    let hint = with_near(
        near.map(|near| format!("{near:?}")).as_deref(),
        &format!("allowed are {}", allowed.join(", ")),
    );
    ValueError::NotA { found: quoted(text), wanted, hint }
}

/// A path that the user named must not depend on where the daemon was started.
pub(crate) fn check_path(text: &str) -> Result<(), ValueError> {
    if text == AUTO || is_absolute(text) {
        return Ok(());
    }
    let hint = format!("allowed is {PATH_ALLOWED}");
    Err(ValueError::NotA { found: quoted(text), wanted: "an absolute path", hint })
}

/// As [`check_path`], where the runtime has no choice of its own.
pub(crate) fn check_absolute(text: &str) -> Result<(), ValueError> {
    if is_absolute(text) {
        return Ok(());
    }
    let hint = "write it from the root on: \"/opt/one\"".to_owned();
    Err(ValueError::NotA { found: quoted(text), wanted: "an absolute path", hint })
}

fn is_absolute(text: &str) -> bool {
    PathBuf::from(text).is_absolute() && is_plain(text)
}

/// What a path key takes.
pub(crate) const PATH_ALLOWED: &str = r#""auto" or an absolute path"#;

/// The longest path of a Unix socket in bytes: `sun_path` of unix(7) is 108 with the final NUL.
const SOCKET_PATH_MAX: usize = 107;
/// What a socket key takes.
pub(crate) const SOCKET_ALLOWED: &str = r#""auto" or an absolute path of at most 107 bytes"#;

/// As [`check_path`], and short enough for a socket.
pub(crate) fn check_socket(text: &str) -> Result<(), ValueError> {
    check_path(text)?;
    if text.len() <= SOCKET_PATH_MAX {
        return Ok(());
    }
    let hint = format!("allowed is {SOCKET_ALLOWED}");
    Err(ValueError::NotA { found: quoted(text), wanted: "short enough for a socket", hint })
}

/// What a key for a Bluetooth adapter takes.
pub(crate) const ADAPTER_ALLOWED: &str = r#""auto" or an adapter such as "hci0""#;

/// The kernel names adapters `hci` and a number.
pub(crate) fn check_adapter(text: &str) -> Result<(), ValueError> {
    let number = text.strip_prefix("hci").unwrap_or_default();
    let is_number = !number.is_empty() && number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit());
    if text == AUTO || is_number {
        return Ok(());
    }
    let hint = format!("allowed is {ADAPTER_ALLOWED}");
    Err(ValueError::NotA { found: quoted(text), wanted: "a Bluetooth adapter", hint })
}

/// The longest name of a device in characters; ALSA's are far shorter.
const NAME_MAX: usize = 128;
/// What a key for a device's name takes.
pub(crate) const NAME_ALLOWED: &str = r#""auto" or a name of 1 to 128 characters"#;

/// A name that can be shown on one line.
pub(crate) fn check_name(text: &str) -> Result<(), ValueError> {
    if !text.trim().is_empty() && text.chars().count() <= NAME_MAX && is_plain(text) {
        return Ok(());
    }
    let hint = format!("allowed is {NAME_ALLOWED}");
    Err(ValueError::NotA { found: quoted(text), wanted: "a device's name", hint })
}

/// No control characters, and no trace of text that was not UTF-8.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER)
}
