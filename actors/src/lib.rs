//! The actors of Carpus: thin shells around the rules of `carpus-core`, on actix.
//!
//! Each actor takes what it needs as a plain options struct; it knows the boards only through the ports of
//! `carpus-devices`, and its neighbours only through a [`supervisor::Handle`] or a [`supervisor::Outlet`].

pub mod apps;
pub mod audio;
pub mod ble;
pub mod boot_file;
pub mod conditions;
pub mod cpu_monitor;
mod device;
pub mod haptics;
pub mod inputs;
pub mod journal;
pub mod monitor;
pub mod report;
pub mod scheduler;
pub mod supervisor;
#[cfg(test)]
mod testing;
mod thread;
pub mod time;
pub mod watch;
