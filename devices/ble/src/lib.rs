//! The Bluetooth adapter behind the port [`carpus_devices::bluetooth`]: btleplug on BlueZ, over D-Bus.
//!
//! What works where: any Linux with BlueZ (tried with 5.82) and an adapter with Bluetooth LE. BlueZ's own
//! D-Bus policy lets every user in; some distributions ask for the group `bluetooth`. libdbus is built in;
//! nothing of it is needed on the board or to build.
//!
//! How it uses BlueZ, and why:
//! * [`BluezRadio`] builds its session anew at each `open`, and the D-Bus connection below it when the bus is
//!   a new one. A second connection watches for the end of bluetoothd, of the adapter and of the bus: then
//!   the events and the values of all links end at once, and the caller opens again.
//! * A peripheral counts as seen only while a scan of ours runs, when it announces one of the services asked
//!   for (BlueZ mixes the filters of all programs) and when BlueZ hears it now, not just remembers it.
//! * What is connected already when a connect begins is a link left over: it is taken down first.
//! * A connect that fails, takes too long or is dropped is cancelled in BlueZ too, or the next one would find
//!   the adapter busy.
//! * A characteristic that is not there is looked for once more, since BlueZ may say that discovery is over
//!   before all of it is on the bus.
//!
//! # A panic that is none
//! bluez-async 0.9.0, below btleplug, removes the D-Bus match of a stream that was dropped in a task of its
//! own, and unwraps the answer. When a message came in between, or the bus is gone, that task panics. Nothing
//! is lost: tokio catches it, and no one waits for the task. But the message of the panic would look like a
//! fault of ours, so [`BluezRadio::new`] puts a filter before the process's panic hook that logs this one
//! panic ([`is_stray_panic`]) at debug level and hands on all others. All streams live in tasks, so that they
//! are dropped inside the runtime, as bluez-async needs it.

mod address;
mod connect;
mod error;
mod link;
mod radio;
mod scan;
mod session;
mod stray_panic;
mod watch;

pub use radio::{BluezOptions, BluezRadio};
pub use stray_panic::is_stray_panic;
