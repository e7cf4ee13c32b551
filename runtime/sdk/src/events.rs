//! What the runtime tells an app, in order.

use std::fmt;
use std::time::{Duration, SystemTime};

use carpus_protocol::session::{self, AppEvent};
use carpus_protocol::{AppState, Cause, ErrorCode, Reason};

use crate::App;
use crate::pump::News;
use crate::session::ExtendedRuntimeSession;
use crate::time::from_unix_ms;

/// Something that happened to the app or to one of its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The app's state changed (L1).
    StateChanged {
        /// The new state.
        state: AppState,
    },
    /// A session is now this app's to deal with: a scheduled one is due (A4), or the app crashed in a session and was
    /// launched again for it (S14). The runtime waits 5 s for the app to take it over, which it does by asking for the
    /// next event; then comes `DidStart`.
    ///
    /// After a crash the session is the one that ran before, its time has run on, and its alarm rings on if it did: an
    /// app goes on with it, and starts no other. [`App::handed_session`] tells of it right after the connect. What the
    /// crashed process was told and did not acknowledge, `DidStart` among it, is told again before this event (D1).
    Handle {
        /// The session.
        session: ExtendedRuntimeSession,
        /// When it will end.
        expiration: SystemTime,
    },
    /// The session runs (S4). A process that was launched again in its session (S14) is told so, too: with the same
    /// expiration.
    DidStart {
        /// The session.
        session: ExtendedRuntimeSession,
        /// When it will end (S5).
        expiration: SystemTime,
    },
    /// The session ends soon (S4).
    WillExpire {
        /// The session.
        session: ExtendedRuntimeSession,
        /// The time left.
        remaining: Duration,
    },
    /// The session ended, or its start failed (S4).
    DidInvalidate {
        /// The session.
        session: ExtendedRuntimeSession,
        /// How.
        end: End,
    },
    /// The app had lost the runtime, which was started again or cut the app off, and has found it again (D5). Nothing
    /// is to be done: sessions, calls and events go on by themselves. Events that are kept until they are acknowledged
    /// were not lost; of the samples of straps, those of the gap were.
    DidReconnect {
        /// From when to when.
        gap: Gap,
    },
}

/// A time without the runtime (D5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When the app noticed that the runtime was gone.
    pub since: SystemTime,
    /// How long it took to find it again. Several gaps of which the app was not told yet count as one.
    pub length: Duration,
}

impl Gap {
    /// When the runtime was found again; the clock may have been set meanwhile.
    pub fn until(&self) -> SystemTime {
        self.since.checked_add(self.length).unwrap_or(self.since)
    }
}

/// How a session ended, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Why, in WatchKit's words (S7).
    pub reason: Reason,
    /// The error, if any (S8).
    pub error: Option<ErrorCode>,
    /// What ended it, exactly (S9); none in strict mode, which tells what WatchKit tells.
    pub cause: Option<Cause>,
    /// The end in a sentence, for people.
    pub message: String,
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(out)?;
        if let Some(cause) = &self.cause {
            write!(out, ": {cause}")?;
        }
        if let Some(error) = self.error {
            write!(out, ", {error}")?;
        }
        Ok(())
    }
}

impl From<session::Obstacle> for End {
    fn from(session::Obstacle { reason, error, cause, message }: session::Obstacle) -> Self {
        Self { reason, error: error.map(|error| error.error_code()), cause, message }
    }
}

impl Event {
    /// The event with sessions that the app can use; none when it is not for the app to see: it was answered here,
    /// or this version does not know it.
    pub(crate) fn for_app(news: News, app: &App) -> Option<Self> {
        let event = match news {
            News::Told(event) => event,
            News::Gap(gap) => return Some(Self::DidReconnect { gap }),
        };
        let of = |session| ExtendedRuntimeSession::new(app.clone(), session);
        Some(match event {
            AppEvent::StateChanged { state } => Self::StateChanged { state },
            AppEvent::Handle { session, expiration_ms } => {
                Self::Handle { session: of(session), expiration: from_unix_ms(expiration_ms) }
            }
            AppEvent::DidStart { session, expiration_ms } => {
                Self::DidStart { session: of(session), expiration: from_unix_ms(expiration_ms) }
            }
            AppEvent::WillExpire { session, remaining_ms } => {
                Self::WillExpire { session: of(session), remaining: Duration::from_millis(remaining_ms) }
            }
            AppEvent::DidInvalidate { session, reason, error, cause, message } => {
                let error = error.map(|error| error.error_code());
                Self::DidInvalidate { session: of(session), end: End { reason, error, cause, message } }
            }
            AppEvent::RepeatAsked { .. } | AppEvent::Other { .. } => return None,
        })
    }
}
