//! What can go wrong for an app.

use std::path::PathBuf;
use std::time::SystemTime;

use carpus_protocol::client::{CallError, ConnectError};
use carpus_protocol::{ErrorCode, devices, haptics, session};

/// Why the runtime did not do what an app asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program was started by hand, not by the runtime.
    #[error("{missing} is not set: this program is an app of Carpus; start it with `carpus app open ID`")]
    NotLaunched {
        /// The environment variable that the runtime would have set.
        missing: &'static str,
    },
    /// Nobody listens on the socket, or it may not be used.
    #[error("no connection to carpusd at {}", .path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// The system's word.
        #[source]
        cause: std::io::Error,
    },
    /// The runtime does not know this process: it was launched by one whose place another has taken, and that one did
    /// not take it up. Nothing can be done any more; end the process, and the app is launched again when it is needed.
    #[error("carpusd does not know the launch token of this process; end it, and open the app again")]
    UnknownLaunch,
    /// The runtime is gone, and did not come back within [`RECONNECT_TIME`](crate::RECONNECT_TIME) (D5). The app's
    /// sessions are in its care; end the process, and it will be launched again when it is needed.
    #[error("carpusd is gone, and did not come back")]
    Disconnected,
    /// A rule of sessions refused the call (S8).
    #[error("{message} ({code})")]
    Session {
        /// Which rule.
        code: ErrorCode,
        /// What happened, for people.
        message: String,
    },
    /// The runtime has no such session (any more).
    #[error("there is no session {session}")]
    UnknownSession {
        /// The session's number.
        session: u64,
    },
    /// A haptic is not allowed now: the app is neither active nor frontmost, and runs no session (H2).
    #[error("{message}")]
    NotAllowed {
        /// Why, for people.
        message: String,
    },
    /// The instant cannot be told to the runtime: it is no number of milliseconds since 1970 of 64 bits.
    #[error("{instant:?} is too far from now to be told; name a time within the next 36 h")]
    NoSuchTime {
        /// The instant.
        instant: SystemTime,
    },
    /// The recurrence is none: it has no weekday, its time zone is not known, or no day to come has its time (A10).
    #[error("{message}")]
    BadRecurrence {
        /// What is wrong with it, for people.
        message: String,
    },
    /// The app has a recurrence already, or one of its sessions waits: end that first (A10).
    #[error("{message}")]
    RecurrenceInTheWay {
        /// What to do, for people.
        message: String,
    },
    /// It is beyond WatchKit, and the user turned that off for this board (`compat.strict`).
    #[error("{message}")]
    NotOffered {
        /// Which setting, for people.
        message: String,
    },
    /// The runtime knows no such strap.
    #[error("there is no device {device}")]
    UnknownDevice {
        /// What was asked for.
        device: String,
    },
    /// The app has too much of something.
    #[error("too many {what}: {limit} at most")]
    LimitReached {
        /// What there is too much of.
        what: String,
        /// How much is allowed.
        limit: i64,
    },
    /// The app may not do this.
    #[error("{message}")]
    NotPermitted {
        /// Why, for people.
        message: String,
    },
    /// It cannot be done now.
    #[error("{message}")]
    Unavailable {
        /// Why, for people.
        message: String,
    },
    /// The runtime and the app do not understand each other: one of them is much older.
    #[error("carpusd gave an answer that cannot be understood")]
    NotUnderstood(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        Self::NotRunning { path: error.path, cause: error.cause }
    }
}

impl<E> From<CallError<E>> for Error
where
    E: Into<Error> + std::error::Error + 'static,
{
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Refused(refusal) => refusal.into(),
            CallError::Disconnected => Self::Disconnected,
            CallError::NotTaken(problem) => Self::NotUnderstood(problem.to_string().into()),
            CallError::Failed(cause) => Self::NotUnderstood(cause.into()),
        }
    }
}

/// A connection of this crate is always attached first, so that this answer makes no sense.
fn not_attached() -> Error {
    Error::NotUnderstood("the connection was not attached".into())
}

impl From<session::Error> for Error {
    fn from(refusal: session::Error) -> Self {
        use session::Error as Refusal;
        match refusal {
            Refusal::NotAttached => not_attached(),
            Refusal::BadToken => Self::UnknownLaunch,
            Refusal::UnknownSession { session } => Self::UnknownSession { session },
            Refusal::Refused { code, message, .. } => {
                Self::Session { code: ErrorCode::from_number(code).unwrap_or(ErrorCode::Unknown), message }
            }
            Refusal::LimitReached { what, limit } => Self::LimitReached { what, limit },
            Refusal::BadRecurrence { message } => Self::BadRecurrence { message },
            Refusal::RecurrenceInTheWay { message } => Self::RecurrenceInTheWay { message },
            Refusal::NotOffered { message } => Self::NotOffered { message },
            Refusal::NotPermitted { message } => Self::NotPermitted { message },
            Refusal::Unavailable { message } => Self::Unavailable { message },
        }
    }
}

impl From<devices::Error> for Error {
    fn from(refusal: devices::Error) -> Self {
        use devices::Error as Refusal;
        match refusal {
            Refusal::UnknownDevice { device } => Self::UnknownDevice { device },
            Refusal::NotPermitted { message } => Self::NotPermitted { message },
            Refusal::NoAdapter { message } | Refusal::Unavailable { message } => {
                Self::Unavailable { message }
            }
        }
    }
}

impl From<haptics::Error> for Error {
    fn from(refusal: haptics::Error) -> Self {
        use haptics::Error as Refusal;
        match refusal {
            Refusal::NotAllowed { message } => Self::NotAllowed { message },
            Refusal::NotAttached => not_attached(),
            Refusal::NotPermitted { message } => Self::NotPermitted { message },
            Refusal::Unavailable { message } => Self::Unavailable { message },
        }
    }
}
