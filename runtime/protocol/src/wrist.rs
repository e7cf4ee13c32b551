//! `io.carpus.Wrist`: the wrist and the crown.

use zlink::ReplyError;
use zlink::introspect;

use crate::Done;
use crate::interface::{interface, say};

interface! {
    /// The wrist and the crown, for operators and for whatever senses them.
    interface "io.carpus.Wrist";
    types [];
    errors Error = <Error as introspect::ReplyError>::VARIANTS;

    /// The wrist went up: the screen is on.
    method Raise {} -> Done;

    /// The wrist went down: the screen is off.
    method Lower {} -> Done;

    /// The crown was pressed: the frontmost app is left.
    method Crown {} -> Done;

    /// The system covers the screen, with a call perhaps: the frontmost app is left.
    method Cover {} -> Done;

    /// Where things stand.
    method State {} -> StateReply {
        /// Whether the screen is on.
        screen_on: bool,
        /// The identifier of the frontmost app, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        frontmost: Option<String>,
    };
}

/// Why a call of this interface was refused.
#[derive(Clone, Debug, PartialEq, Eq, ReplyError, introspect::ReplyError)]
#[zlink(interface = "io.carpus.Wrist")]
pub enum Error {
    /// The caller may not do this.
    NotPermitted {
        /// Why, for people.
        message: String,
    },
    /// It cannot be done now.
    Unavailable {
        /// Why, for people.
        message: String,
    },
}

say! {
    Error {
        NotPermitted { message } => "{message}";
        Unavailable { message } => "{message}";
    }
}
