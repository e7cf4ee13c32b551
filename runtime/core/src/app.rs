//! Apps: identity, background modes (M1), and the states of the life cycle (L1).

use std::fmt;
use std::sync::Arc;

use crate::session::{ErrorCode, SessionKind};

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

impl BackgroundMode {
    /// The type of session that the mode allows, if it is one for extended runtime.
    pub const fn session_kind(self) -> Option<SessionKind> {
        match self {
            Self::ExtendedRuntime(kind) => Some(kind),
            Self::WorkoutProcessing | Self::Audio | Self::Location | Self::BluetoothCentral => None,
        }
    }
}

/// An installed app, as far as the rules need to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its identifier.
    pub id: AppId,
    /// Its extended-runtime modes, which decide the type of its sessions: one as a rule (M2); none means it may
    /// start none (S2), and several are allowed by a setting only (M4).
    pub session_kinds: Vec<SessionKind>,
}

/// What the user lets an app do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppRights {
    /// Background refresh, without which it may schedule nothing (A5).
    pub background_refresh: bool,
    /// Scheduling sessions (N6).
    pub schedule: bool,
}

impl Default for AppRights {
    /// Everything is allowed until the user says otherwise.
    fn default() -> Self {
        Self { background_refresh: true, schedule: true }
    }
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
    /// An app that declares `modes`, one of them for extended runtime at most.
    ///
    /// # Errors
    /// With more than one extended-runtime mode (M2).
    pub fn new(id: AppId, modes: &[BackgroundMode]) -> Result<Self, BadModes> {
        let mut kinds = modes.iter().copied().filter_map(BackgroundMode::session_kind);
        match (kinds.next(), kinds.next()) {
            (Some(first), Some(second)) => Err(BadModes::SeveralExtendedRuntimeModes(first, second)),
            (Some(_), None) | (None, _) => Ok(Self::with_several_modes(id, modes)),
        }
    }

    /// An app that declares `modes`, as many of them for extended runtime as it likes (M4).
    pub fn with_several_modes(id: AppId, modes: &[BackgroundMode]) -> Self {
        let mut session_kinds = Vec::new();
        for kind in modes.iter().copied().filter_map(BackgroundMode::session_kind) {
            if !session_kinds.contains(&kind) {
                session_kinds.push(kind);
            }
        }
        Self { id, session_kinds }
    }

    /// The type of a session that the app makes: the one that the manifest declares (M1), or, where it declares
    /// several, the one that is `named` (M4).
    ///
    /// # Errors
    /// When it declares none, or not the one that is named; when none is named of several; and when one is named
    /// although `several_modes` are not allowed.
    pub fn kind_of_session(
        &self,
        named: Option<SessionKind>,
        several_modes: bool,
    ) -> Result<SessionKind, ErrorCode> {
        match (self.session_kinds.as_slice(), named) {
            ([], _) => Err(ErrorCode::NotApprovedToStartSession), // S2
            (_, Some(_)) if !several_modes => Err(ErrorCode::UnsupportedSessionType), // M1
            (kinds, Some(kind)) if kinds.contains(&kind) => Ok(kind),
            (_, Some(_)) => Err(ErrorCode::NotApprovedToStartSession),
            ([kind], None) => Ok(*kind),
            (_, None) if several_modes => Err(ErrorCode::UnsupportedSessionType),
            (_, None) => Err(ErrorCode::NotApprovedToStartSession), // M2
        }
    }

    /// Whether its sessions can be scheduled (A1).
    pub fn declares_alarm(&self) -> bool {
        self.session_kinds.contains(&SessionKind::Alarm)
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
    /// Every change of state that the rules know (L2–L7, A4). The project's documentation draws them.
    pub const TRANSITIONS: [(Self, Self); 13] = [
        (Self::NotRunning, Self::Inactive),
        (Self::NotRunning, Self::Background),
        (Self::Inactive, Self::Active),
        (Self::Active, Self::Inactive),
        (Self::Inactive, Self::Background),
        (Self::Active, Self::Background),
        (Self::Background, Self::Inactive),
        (Self::Background, Self::Suspended),
        (Self::Suspended, Self::Background),
        (Self::Inactive, Self::NotRunning),
        (Self::Active, Self::NotRunning),
        (Self::Background, Self::NotRunning),
        (Self::Suspended, Self::NotRunning),
    ];

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
