//! A board that is not there: every port of Carpus, scriptable, with faults. It is what `carpusd --simulate`
//! runs on, and what tests of the actors run on.
//!
//! All waiting is on tokio's clock, so that a paused runtime makes it virtual.
//!
//! | type | port |
//! |---|---|
//! | [`Simulation`] | `Radio` with straps, `Motor`, `Speaker`, `Buttons`, `BoardConditions` |
//! | [`VirtualClock`], [`VirtualWallTimer`] | `Clock`, `WallTimer`, for tests under paused time |
//! | [`SimulatedLauncher`] | `AppLauncher` without processes, for tests |
//!
//! # Example
//!
//! ```
//! use carpus_simulated::Simulation;
//! use futures_util::StreamExt as _;
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(async {
//!
//! let simulation = Simulation::default();
//! let radio = simulation.radio();
//! let mut events = radio.open().await?;
//! radio.start_scan(vec![]).await?;
//! println!("{:?}", events.next().await); // Seen: Carpus Strap A
//! # Ok::<(), carpus_devices::bluetooth::BleError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adapter;
mod buttons;
mod clock;
mod conditions;
mod heart;
mod launcher;
mod link;
mod motor;
mod radio;
mod random;
mod record;
mod simulation;
mod speaker;
mod strap;

pub use clock::{VirtualClock, VirtualWallTimer};
pub use heart::{ActivityPoint, Beat, Heart, HeartSettings};
pub use launcher::{SimulatedLauncher, Steering};
pub use motor::{MotorEvent, MotorRecord};
pub use simulation::{Simulation, SimulationBuilder, UnknownStrap};
pub use speaker::{SpeakerEvent, SpeakerRecord};
pub use strap::Strap;
