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
//!     app.until_active().await?;
//!     app.session().await?.start().await?;
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
//! Letters with a number, such as S4, name the rules of the runtime.

mod app;
mod delegate;
mod error;
mod events;
mod recurrence;
mod session;
mod straps;
mod time;

pub use app::{App, TOKEN_VARIABLE};
pub use carpus_protocol::devices::Contact;
pub use carpus_protocol::{
    AppState, BadTimeOfDay, Cause, ErrorCode, ExitStatus, HapticType as Haptic, Reason, SessionKind,
    SessionState, TimeOfDay, Weekday,
};
pub use delegate::SessionDelegate;
pub use error::Error;
pub use events::{End, Event};
pub use recurrence::{Recurrence, Recurring};
pub use session::{ExtendedRuntimeSession, Repeat, RepeatHandler};
pub use straps::{HeartRate, HeartRates, RrInterval};
