//! What the Bluetooth actor is asked, and what it tells.

use std::sync::Arc;
use std::time::Duration;

use actix::Message;
use carpus_core::link::{LinkReason, LinkState};
use carpus_devices::bluetooth::{Advertisement, DeviceId};
use carpus_gatt::heart_rate::BodySensorLocation;
use tokio::sync::mpsc;

use super::samples::{HeartSample, SampleQueue};

/// A strap, as [`ListStraps`] and the event stream show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrapInfo {
    /// Its address.
    pub id: DeviceId,
    /// Its name, where it tells one.
    pub name: Option<String>,
    /// Where its link stands.
    pub state: LinkState,
    /// Why the link is not up, or why it was taken up afresh.
    pub reason: Option<LinkReason>,
    /// The charge of its battery, where it tells one.
    pub battery_percent: Option<u8>,
    /// Where it is worn, where it tells that.
    pub location: Option<BodySensorLocation>,
    /// Who made it, where it tells that.
    pub manufacturer: Option<String>,
    /// Its model number, where it tells one.
    pub model: Option<String>,
    /// How many packets could not be decoded since the runtime started.
    pub malformed: u64,
    /// How many samples came since the runtime started.
    pub samples: u64,
    /// Signal strength of its last advertisement, in dBm.
    pub rssi_dbm: Option<i16>,
    /// Whether it is one of the user's straps; the others were only seen in a scan.
    pub known: bool,
}

/// A strap of the user's, known before the runtime started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenStrap {
    /// Its address.
    pub device: DeviceId,
    /// Its name, where one was kept.
    pub name: Option<String>,
}

/// Looks for heart-rate straps for a while. Each advertisement goes to `sink` (one that is full misses some); the
/// sink is dropped when the time is over.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ScanRefused>")]
pub struct ScanFor {
    /// For how long.
    pub duration: Duration,
    /// Who wants to know.
    pub sink: mpsc::Sender<Advertisement>,
}

/// Why no scan was started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanRefused {
    /// There is no adapter that could scan.
    #[error("{what}; {remedy}")]
    NoAdapter {
        /// What is wrong.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Too many scans are wanted at once.
    #[error(
        "{limit} scans run already, which is the limit (bluetooth.max_scans); try again when one is over"
    )]
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
}

/// Makes a strap one of the user's: it is connected, now and whenever it is in reach. One that is already is left
/// as it is, but for a new name.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), TooManyStraps>")]
pub struct AddStrap(pub DeviceId, pub Option<String>);

/// No further strap can be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} straps are known already, which is the limit (bluetooth.max_straps); forget one first")]
pub struct TooManyStraps {
    /// How many are allowed.
    pub limit: usize,
}

/// Takes a strap's link down and forgets it; false when it was not known.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "bool")]
pub struct ForgetStrap(pub DeviceId);

/// Lists the user's straps, and those that were seen in the last scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Vec<StrapInfo>")]
pub struct ListStraps;

/// Gives each heart-rate sample from now on to `queue`, until its reader is dropped.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SubscribeHeart {
    /// Of which strap; all, when none is named.
    pub device: Option<DeviceId>,
    /// The writing end of a [`sample_queue`](super::sample_queue).
    pub queue: SampleQueue,
}

/// What the Bluetooth actor tells by itself.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum BleReport {
    /// A link changed its state.
    StrapState {
        /// The strap.
        device: DeviceId,
        /// Its name, where it tells one.
        name: Option<String>,
        /// The new state.
        state: LinkState,
        /// Why, where there is a reason.
        reason: Option<LinkReason>,
    },
    /// A strap was added by itself (simulation only): whoever keeps the straps may save it.
    StrapAdded {
        /// The strap.
        device: DeviceId,
        /// Its name, where it tells one.
        name: Option<String>,
    },
    /// A sample came.
    Sample(Arc<HeartSample>),
    /// A packet could not be decoded.
    Malformed {
        /// The strap.
        device: DeviceId,
        /// What is wrong with the packet, as a stable word.
        kind: &'static str,
        /// How many of the strap's packets could not be decoded so far.
        count: u64,
    },
}
