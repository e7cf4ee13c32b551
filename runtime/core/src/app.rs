//! Apps: identity, background modes (M1), and the states of the life cycle (L1).

use std::fmt;
use std::sync::Arc;

use crate::session::SessionKind;

/// The longest identifier of an app, in bytes: it names folders and control groups.
pub const APP_ID_MAX_BYTES: usize = 64;

/// Names an app: lower-case letters, digits, `.` and `-`, starting with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Arc<str>);

/// The text is not an app's identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an app id; use lower-case letters, digits, '.' and '-', at most {APP_ID_MAX_BYTES}")]
pub struct BadAppId(pub String);

impl AppId {
    /// Reads an identifier.
    ///
    /// # Errors
    /// When a character or the length is not allowed.
    pub fn parse(text: &str) -> Result<Self, BadAppId> {
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = text.len() <= APP_ID_MAX_BYTES
            && text.bytes().next().is_some_and(lower)
            && text.bytes().all(|byte| lower(byte) || byte == b'.' || byte == b'-');
        if valid { Ok(Self(text.into())) } else { Err(BadAppId(text.to_owned())) }
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The background modes that a manifest may declare (M1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackgroundMode {
    /// One of the four types of extended runtime session.
    ExtendedRuntime(SessionKind),
    /// Workout sessions.
    WorkoutProcessing,
    /// Playback in the background.
    Audio,
    /// Location in the background.
    Location,
    /// Bluetooth in the background.
    BluetoothCentral,
}

/// An installed app, as far as the rules need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its identifier.
    pub id: AppId,
    /// Its extended-runtime mode, which decides the type of its sessions; none means it may start none (S2).
    pub session_kind: Option<SessionKind>,
}

/// Why a set of background modes is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadModes {
    /// More than one extended-runtime mode (M2).
    #[error(
        "declares two extended-runtime modes, {} and {}; exactly one is allowed (rule M2)",
        .0.name(),
        .1.name()
    )]
    SeveralExtendedRuntimeModes(SessionKind, SessionKind),
}

impl Application {
    /// An app that declares `modes`.
    ///
    /// # Errors
    /// With more than one extended-runtime mode (M2).
    pub fn new(id: AppId, modes: &[BackgroundMode]) -> Result<Self, BadModes> {
        let mut kinds = modes.iter().filter_map(|mode| match mode {
            BackgroundMode::ExtendedRuntime(kind) => Some(*kind),
            BackgroundMode::WorkoutProcessing
            | BackgroundMode::Audio
            | BackgroundMode::Location
            | BackgroundMode::BluetoothCentral => None,
        });
        let session_kind = kinds.next();
        match (session_kind, kinds.next()) {
            (Some(first), Some(second)) => Err(BadModes::SeveralExtendedRuntimeModes(first, second)),
            (Some(_), None) | (None, _) => Ok(Self { id, session_kind }),
        }
    }
}

/// The states of an app (L1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppState {
    /// There is no process.
    NotRunning,
    /// Frontmost, but the screen is off or the app is on its way.
    Inactive,
    /// Frontmost, and the screen is on.
    Active,
    /// Not frontmost, and running.
    Background,
    /// Not frontmost, and frozen (L5).
    Suspended,
}

impl AppState {
    /// The state's name as the rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotRunning => "not-running",
            Self::Inactive => "inactive",
            Self::Active => "active",
            Self::Background => "background",
            Self::Suspended => "suspended",
        }
    }
}
