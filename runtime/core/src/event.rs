//! What an app is told, in order (D1).

use std::time::Duration;

use crate::app::AppState;
use crate::session::{End, SessionId};
use crate::time::WallTime;

/// Something that an app learns. Those for which [`AppEvent::is_durable`] holds are written to the journal first
/// and delivered until they are acknowledged; the others matter to a living app only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppEvent {
    /// The app's state changed (L1).
    StateChanged {
        /// The new state.
        state: AppState,
    },
    /// A scheduled session is due and is handed to the app (A4): set a delegate, and say so.
    Handle {
        /// The session.
        session: SessionId,
        /// When it will end.
        expiration: WallTime,
    },
    /// The session runs (S4).
    DidStart {
        /// The session.
        session: SessionId,
        /// When it will end (S5).
        expiration: WallTime,
    },
    /// The session will end soon (S4).
    WillExpire {
        /// The session.
        session: SessionId,
        /// The time left.
        remaining: Duration,
    },
    /// The session ended, or its start failed (S4).
    DidInvalidate {
        /// The session.
        session: SessionId,
        /// Why.
        end: End,
    },
    /// The alarm played a haptic; how long until the next one, and which (N2)?
    RepeatAsked {
        /// The session.
        session: SessionId,
        /// How many haptics it has played so far.
        played: u32,
    },
}

impl AppEvent {
    /// Whether the event must survive a crash of the app, the runtime or the board (D1).
    pub const fn is_durable(&self) -> bool {
        match self {
            Self::Handle { .. }
            | Self::DidStart { .. }
            | Self::WillExpire { .. }
            | Self::DidInvalidate { .. } => true,
            Self::StateChanged { .. } | Self::RepeatAsked { .. } => false,
        }
    }
}
