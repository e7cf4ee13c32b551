//! The closures that say how alarms go on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError};

use carpus_protocol::session;

use crate::session::RepeatHandler;
use crate::time::span_ms;

/// The closures that say how alarms go on, by session. They stay when the runtime is lost and found again.
#[derive(Clone, Default)]
pub(crate) struct Repeats(Arc<std::sync::Mutex<BTreeMap<u64, RepeatHandler>>>);

impl fmt::Debug for Repeats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Repeats")
    }
}

impl Repeats {
    pub(crate) fn set(&self, session: u64, handler: Option<RepeatHandler>) {
        let mut handlers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match handler {
            Some(handler) => handlers.insert(session, handler),
            None => handlers.remove(&session),
        };
    }

    /// The answer to the runtime's question; none when the app gave no closure (it may have been launched anew).
    pub(crate) fn answer(&self, session: u64, played: u64) -> Option<session::Repeat> {
        let mut handlers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = handlers.get_mut(&session)?(played);
        let (after_ms, haptic) = match next {
            Some((after, haptic)) => (i64::try_from(span_ms(after)).unwrap_or(i64::MAX), Some(haptic)),
            None => (0, None),
        };
        Some(session::Repeat { session, played, after_ms, haptic })
    }
}
