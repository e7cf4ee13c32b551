//! A virtual watch: the rules' real state machines in a world with a user, apps, a disk, two clocks and a battery,
//! beside a reference model that knows the rules only.
//!
//! A run is a [`History`]: what the world is made of, and a list of plain steps. Every choice is drawn from a
//! seed before the run; playing a history is deterministic, and leaving out steps gives another valid history. So
//! a history that breaks a rule can be made shorter until only what matters is left, and be kept as text.

#![forbid(unsafe_code)]

pub mod compare;
pub mod counts;
pub mod generate;
pub mod history;
pub mod input;
mod ledger;
mod random;
pub mod reference;
pub mod runner;
pub mod shrink;
mod world;
pub mod years;
pub mod zones;

pub use counts::Counts;
pub use generate::generate;
pub use history::History;
pub use world::{Failure, play, trace};
