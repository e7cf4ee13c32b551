//! How the supervisor finds out whether a child lives.

use actix::Message;

/// Asks a child whether it lives. It comes through the mailbox like any other message, so that a child that hangs, or
/// for which too much waits, does not answer. A child in front of a thread passes it on to the thread.
///
/// The answer is false when the way to the thread is full at the moment: the supervisor asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "bool")]
pub struct Ping;

/// Lets an actor that has no thread behind it answer the pings of the supervisor.
macro_rules! answers_pings {
    ($actor:ty) => {
        impl actix::Handler<$crate::supervisor::Ping> for $actor {
            type Result = bool;

            fn handle(&mut self, _: $crate::supervisor::Ping, _: &mut Self::Context) -> bool {
                true
            }
        }
    };
}
pub(crate) use answers_pings;
