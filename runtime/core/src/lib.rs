//! The rules of Carpus as state machines without I/O.
//!
//! Every rule lives in a plain struct that takes inputs together with the present time ([`Now`]) and gives back
//! outputs: `handle_…(input, now)`, `handle_timeout(now)`, `poll_timeout()`, `poll_output()`. The shell around it
//! drains the outputs after each mutation and arms one timer. Nothing here reads a clock, a file or a socket, so
//! the same rules run in the daemon and, years in seconds, in a simulation.
//!
//! Comments and tests cite the rules by number (`S7`), as the project's documentation lists them.

#![forbid(unsafe_code)]

pub mod app;
pub mod backlog;
pub mod budget;
pub mod event;
pub mod haptics;
pub mod limits;
pub mod link;
pub mod record;
pub mod recurrence;
pub mod sample;
pub mod schedule;
pub mod session;
pub mod supervision;
pub mod suppression;
pub mod time;
pub mod waking;
pub mod watch;

pub use app::{AppId, AppRights, AppState, Application};
pub use event::AppEvent;
pub use haptics::Haptic;
pub use limits::Limits;
pub use record::{
    RecordedFallback, RecordedPhase, RecordedRing, RecurrenceRecord, SessionRecord, UsedInstant,
};
pub use session::{SessionId, SessionKind, SessionState};
pub use time::{Now, WallTime};
