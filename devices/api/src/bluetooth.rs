//! The Bluetooth adapter and the links to peripherals.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::{BoxFuture, BoxStream, Cause};

/// What names a peripheral for good: its address, `AA:BB:CC:DD:EE:FF`, upper case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(String);

/// The text is not a Bluetooth address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a Bluetooth address; write it as AA:BB:CC:DD:EE:FF")]
pub struct BadDeviceId(pub String);

impl DeviceId {
    /// Reads an address in either case.
    ///
    /// # Errors
    /// When the text is not six hexadecimal bytes with colons between them.
    pub fn parse(text: &str) -> Result<Self, BadDeviceId> {
        let bytes: Vec<&str> = text.split(':').collect();
        let valid = bytes.len() == 6
            && bytes
                .iter()
                .all(|byte| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit()));
        if valid { Ok(Self(text.to_ascii_uppercase())) } else { Err(BadDeviceId(text.to_owned())) }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A peripheral as it was seen in a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Which peripheral.
    pub device: DeviceId,
    /// Its name, where it tells one.
    pub name: Option<String>,
    /// Signal strength in dBm, where known.
    pub rssi_dbm: Option<i16>,
    /// The services it announces.
    pub services: Vec<Uuid>,
}

/// What the adapter tells without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RadioEvent {
    /// A peripheral advertises.
    Seen(Advertisement),
    /// A link is up.
    Connected(DeviceId),
    /// A link is gone.
    Disconnected(DeviceId),
    /// The adapter was switched on or off.
    Powered(bool),
}

/// Classes of failure, each with a remedy of its own.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BleError {
    /// No adapter, or no Bluetooth service on the bus.
    #[error("no Bluetooth adapter was found; {remedy}")]
    NoAdapter {
        /// What to do about it.
        remedy: String,
    },
    /// The runtime may not use the adapter.
    #[error("the Bluetooth adapter may not be used; {remedy}")]
    NotPermitted {
        /// What to do about it.
        remedy: String,
    },
    /// The adapter is off or blocked.
    #[error("the Bluetooth adapter is switched off; {remedy}")]
    PoweredOff {
        /// What to do about it.
        remedy: String,
    },
    /// The peripheral is not known here (any more): scan for it first.
    #[error("{0} is not in reach")]
    Unknown(DeviceId),
    /// It did not answer in time.
    #[error("{what} took longer than {limit:?}")]
    TimedOut {
        /// What was asked.
        what: &'static str,
        /// How long it was given.
        limit: Duration,
    },
    /// A passing failure of the radio: try again soon.
    #[error("the radio failed for a moment")]
    Transient(#[source] Cause),
    /// The adapter does something else: stop the scan, one connect at a time.
    #[error("the adapter is busy")]
    Busy(#[source] Cause),
    /// The peripheral has no such characteristic (yet).
    #[error("{device} has no characteristic {characteristic}")]
    NoCharacteristic {
        /// The peripheral.
        device: DeviceId,
        /// What was asked for.
        characteristic: Uuid,
    },
    /// The link is gone.
    #[error("the link is gone")]
    Disconnected,
    /// Anything else.
    #[error("Bluetooth failed")]
    Failed(#[source] Cause),
}

/// A value that a peripheral sent by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Which characteristic.
    pub characteristic: Uuid,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// A Bluetooth adapter.
pub trait Radio: Send + Sync {
    /// Opens the adapter (again), and gives its events from now on; the stream ends when the adapter or the
    /// Bluetooth service is gone. Known peripherals may be told first.
    fn open(&self) -> BoxFuture<'_, Result<BoxStream<'static, RadioEvent>, BleError>>;
    /// Starts looking for peripherals that announce one of `services` (all, when empty).
    fn start_scan(&self, services: Vec<Uuid>) -> BoxFuture<'_, Result<(), BleError>>;
    /// Stops looking.
    fn stop_scan(&self) -> BoxFuture<'_, Result<(), BleError>>;
    /// Connects and discovers. The caller sees to it that one connect runs at a time and no scan.
    fn connect(&self, device: DeviceId, limit: Duration) -> BoxFuture<'_, Result<Arc<dyn Link>, BleError>>;
    /// What the adapter is, for people.
    fn describe(&self) -> BoxFuture<'_, Result<String, BleError>>;
}

/// A connected peripheral.
pub trait Link: Send + Sync {
    /// Which peripheral.
    fn device(&self) -> DeviceId;
    /// Its name, where it tells one.
    fn name(&self) -> Option<String>;
    /// The characteristics that discovery found.
    fn characteristics(&self) -> Vec<Uuid>;
    /// Reads a value.
    fn read(&self, characteristic: Uuid) -> BoxFuture<'_, Result<Vec<u8>, BleError>>;
    /// Writes a value and waits for the answer.
    fn write(&self, characteristic: Uuid, value: Vec<u8>) -> BoxFuture<'_, Result<(), BleError>>;
    /// Subscribes to each of `characteristics` and gives their values from the first on. The stream ends
    /// when the link is gone.
    fn subscribe(
        &self,
        characteristics: Vec<Uuid>,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Notification>, BleError>>;
    /// Takes the link down.
    fn disconnect(&self) -> BoxFuture<'_, Result<(), BleError>>;
}
