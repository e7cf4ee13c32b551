//! The ports of Carpus: what the runtime asks of a board, as traits, and the types that cross them.
//!
//! A backend (BlueZ, ALSA, evdev, Linux, or the simulated devices) implements these traits; the actors use
//! nothing else. No backend, no actor and no executor type appears here: futures and streams are boxed.

pub mod audio;
pub mod bluetooth;
pub mod clock;
pub mod conditions;
pub mod haptics;
pub mod inputs;
pub mod processes;

use std::pin::Pin;

use futures_core::Stream;

/// A boxed future that any executor can run.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A boxed stream that any executor can poll.
pub type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;

/// The text of a cause that a backend gives, kept as a value so that errors can be cloned and compared.
pub type Cause = std::sync::Arc<dyn std::error::Error + Send + Sync + 'static>;
