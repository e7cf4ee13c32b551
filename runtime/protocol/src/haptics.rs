//! `io.carpus.Haptics`: taps on the wrist.

use zlink::ReplyError;
use zlink::introspect;

use crate::Done;
use crate::interface::{interface, say};
use crate::types::HapticType;

interface! {
    /// Taps on the wrist. Allowed while the app is active, frontmost, or in a running session.
    interface "io.carpus.Haptics";
    types [];
    errors Error = <Error as introspect::ReplyError>::VARIANTS;

    /// Plays a haptic; one that plays already is stopped first. Answers when it was accepted, not when it ended.
    method Play {
        /// notification, direction-up, direction-down, success, failure, retry, start, stop, click,
        /// navigation-left-turn, navigation-right-turn, navigation-generic-maneuver, underwater-depth-prompt,
        /// underwater-depth-critical-prompt.
        haptic: HapticType,
    } -> Done;

    /// Stops the haptic that plays.
    method Stop {} -> Done;
}

/// Why a call of this interface was refused.
#[derive(Clone, Debug, PartialEq, Eq, ReplyError, introspect::ReplyError)]
#[zlink(interface = "io.carpus.Haptics")]
pub enum Error {
    /// The app is neither active nor frontmost, and runs no session.
    NotAllowed {
        /// Why, for people.
        message: String,
    },
    /// The connection was not attached: call io.carpus.Session.Attach first.
    NotAttached,
    /// The caller may not do this.
    NotPermitted {
        /// Why, for people.
        message: String,
    },
    /// It cannot be done now: there is no motor, or it failed.
    Unavailable {
        /// Why, for people.
        message: String,
    },
}

say! {
    Error {
        NotAllowed { message } => "{message}";
        NotAttached => "the connection was not attached to an app";
        NotPermitted { message } => "{message}";
        Unavailable { message } => "{message}";
    }
}
