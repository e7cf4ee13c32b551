//! What an app of Carpus links: sessions that run on with the wrist down, heart rate straps, haptics.
//!
//! An app is a program of its own with a manifest, `app.toml`, that the runtime launches. It runs on a tokio runtime
//! of one thread or more. A whole one, which meditates for as long as its session lasts:
//! ```no_run
//! use std::time::SystemTime;
//!
//! use carpus::{App, End, Error, ExtendedRuntimeSession, Haptic, SessionDelegate};
//!
//! struct Meditation {
//!     app: App,
//! }
//!
//! impl SessionDelegate for Meditation {
//!     async fn did_start(&mut self, _session: &ExtendedRuntimeSession, _expiration: SystemTime) {
//!         if let Err(error) = self.app.play(Haptic::Start).await {
//!             eprintln!("no tap: {error}");
//!         }
//!     }
//!
//!     async fn did_invalidate(&mut self, _session: &ExtendedRuntimeSession, end: &End) {
//!         println!("over: {end}");
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Error> {
//!     let app = App::connect().await?;
//!     app.begin_session().await?;
//!     let mut straps = app.heart_rate().await?;
//!     let mut delegate = Meditation { app: app.clone() };
//!     tokio::select! {
//!         over = app.run(&mut delegate) => over,
//!         failed = async { loop {
//!             match straps.next().await {
//!                 Some(Ok(sample)) => println!("{} bpm", sample.bpm),
//!                 Some(Err(error)) => break Err(error),
//!                 None => break Ok(()),
//!             }
//!         } } => failed,
//!     }
//! }
//! ```
//! Instead of a delegate, [`App::next_event`] gives the same events as values.
//!
//! # When the app crashes
//!
//! An app that crashes in a session is launched again, and is handed the session (S14). [`App::begin_session`] goes on
//! with it; an app that starts its sessions another way looks at [`App::handed_session`] first.
//!
//! # When the runtime is lost
//!
//! A runtime that is killed, and started again, takes its apps up again: they go on as the same processes with the
//! same sessions (D2). An app finds it by itself (D5): its events go on after the last that it acknowledged, each is
//! told once, and [`Event::DidReconnect`] tells of the gap. Calls wait, and are made again where the answer was lost.
//! After [`RECONNECT_TIME`] without a runtime everything ends with [`Error::Disconnected`].
//!
//! What a call does that was made or under way while the runtime was lost:
//!
//! | call | made again? | what that means |
//! |---|---|---|
//! | [`session`](App::session), [`session_of`](App::session_of) | yes | a session whose number was lost stays behind, not started, and counts among `session.max_per_app` until the app ends |
//! | [`start`](ExtendedRuntimeSession::start) | yes | a success if the session runs by now; over by now, it is refused, and its `DidInvalidate` tells why it ended |
//! | [`start_at`](ExtendedRuntimeSession::start_at), [`replace`](ExtendedRuntimeSession::replace) | yes | a success if the session waits for that instant by now, or runs |
//! | [`invalidate`](ExtendedRuntimeSession::invalidate) | yes | a success if the session is over, or not known any more |
//! | [`notify_user`](ExtendedRuntimeSession::notify_user) | yes | an alarm that rings already rings on as the call says, with one haptic more |
//! | the answer of a [`Repeat::ask`] closure | no | the alarm goes on as before, and asks after the next haptic |
//! | [`set_recurrence`](App::set_recurrence) | yes | a success if the rule that is kept by now is this one |
//! | [`clear_recurrence`](App::clear_recurrence) | yes | a success if there is no rule by now |
//! | [`can_start`](App::can_start), [`recurrence`](App::recurrence), [`state`](ExtendedRuntimeSession::state) and the dates of a session | yes | they only ask |
//! | taking a session over, [`acknowledge`](App::acknowledge) | yes | a second time changes nothing; the same goes for a runtime whose disk is full |
//! | [`play`](App::play), [`stop_haptic`](App::stop_haptic) | no | sent only if the runtime is there within half a second; else left out: a tap that is late, or comes twice, tells something wrong |
//! | [`heart_rate`](App::heart_rate) and the stream | yes | the next sample of each strap says that some are missing ([`HeartRate::gap_before`]) |
//!
//! What a rule refuses is refused, whenever the call gets there: a start that got to a runtime for which the app is not
//! active any more fails as any other.
//!
//! Letters with a number, such as S4, name the rules of the runtime.

mod app;
mod builder;
mod connection;
mod delegate;
mod error;
mod events;
mod link;
mod owed;
mod pump;
mod recurrence;
mod repeats;
mod session;
mod straps;
mod time;

pub use app::App;
pub use builder::{AppBuilder, TOKEN_VARIABLE};
pub use carpus_protocol::devices::Contact;
pub use carpus_protocol::{
    AppState, BadTimeOfDay, Cause, ErrorCode, ExitStatus, HapticType as Haptic, Reason, SessionKind,
    SessionState, TimeOfDay, Weekday,
};
pub use connection::RECONNECT_TIME;
pub use delegate::SessionDelegate;
pub use error::Error;
pub use events::{End, Event, Gap};
pub use recurrence::{Recurrence, Recurring};
pub use session::{ExtendedRuntimeSession, Repeat, RepeatHandler};
pub use straps::{HeartRate, HeartRates, RrInterval};
