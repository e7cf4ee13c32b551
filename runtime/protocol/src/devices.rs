//! `io.carpus.Devices`: the straps, and their heart rate.

use serde::{Deserialize, Serialize};
use zlink::ReplyError;
use zlink::introspect::{self, CustomType};

use crate::Done;
use crate::interface::{interface, say};
use crate::names::names;

interface! {
    /// The Bluetooth peripherals, and what they measure. Operators may call all of it. An app may call HeartRate with the
    /// permission heart-rate, and List with the permission battery.
    interface "io.carpus.Devices";
    types [Device, HeartRateSample];
    errors Error = <Error as introspect::ReplyError>::VARIANTS;

    /// The known peripherals, and those of the last scan. An app is told the known ones, each with its address, name,
    /// state and battery.
    method List {} -> ListReply {
        /// The peripherals.
        devices: Vec<Device>,
    };

    /// Looks for straps, and tells each when it is seen first.
    stream Scan {
        /// How long to look.
        for_ms: u64,
    } -> ScanReply {
        /// A strap.
        device: Device,
    };

    /// Makes a strap known: from now on the runtime keeps a link to it.
    method Add {
        /// Its address, AA:BB:CC:DD:EE:FF.
        device: String,
    } -> Done;

    /// Takes the link down, and forgets the strap.
    method Forget {
        /// Its address.
        device: String,
    } -> Done;

    /// Tells each heart rate sample from now on, of one strap or of all. A caller that reads too slowly loses the
    /// oldest, and is told how many. It ends with NotPermitted when the permission is taken back.
    stream HeartRate {
        /// The strap's address; all straps when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
    } -> HeartRateReply {
        /// A sample.
        sample: HeartRateSample,
    };
}

names! {
    /// The states of a link to a peripheral.
    enum LinkState, a "state of a link" {
        /// Known, and not seen.
        Absent = "absent",
        /// Seen in a scan.
        Seen = "seen",
        /// Being connected.
        Connecting = "connecting",
        /// Its services are being read.
        Discovering = "discovering",
        /// Being subscribed to.
        Subscribing = "subscribing",
        /// Data comes.
        Live = "live",
        /// Connected, but no data comes.
        Silent = "silent",
        /// The link broke.
        Lost = "lost",
        /// Waits before the next try.
        BackingOff = "backing-off",
    }
}

names! {
    /// Whether a strap feels skin.
    enum Contact, a "contact" {
        /// The strap cannot tell.
        Unsupported = "unsupported",
        /// No skin: the values are not to be trusted.
        NotDetected = "not-detected",
        /// Skin.
        Detected = "detected",
    }
}

/// A Bluetooth peripheral.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct Device {
    /// Its address, AA:BB:CC:DD:EE:FF.
    pub device: String,
    /// Its name, where it tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is used for, where known: heart-rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// absent, seen, connecting, discovering, subscribing, live, silent, lost, backing-off.
    pub state: LinkState,
    /// Why it is in this state, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the runtime keeps a link to it.
    pub known: bool,
    /// The charge of its battery, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_percent: Option<i64>,
    /// How strong its signal is, in dBm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rssi_dbm: Option<i64>,
    /// Where it is worn: other, chest, wrist, finger, hand, ear-lobe, foot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How many of its messages could not be read.
    pub malformed: u64,
    /// How many samples it has sent.
    pub samples: u64,
}

/// One message of a heart rate strap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct HeartRateSample {
    /// The strap's address.
    pub device: String,
    /// The strap's name, where it tells one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it arrived, in Unix milliseconds. The beats in it may be up to some seconds older.
    pub arrived_ms: i64,
    /// Beats per minute.
    pub bpm: u64,
    /// unsupported, not-detected, detected.
    pub contact: Contact,
    /// Energy expended since the strap was reset, in kilojoules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_kj: Option<u64>,
    /// The times between beats, oldest first, in 1/1024 s, exactly as the strap sent them.
    pub rr_1024: Vec<u64>,
    /// How many samples this reader lost right before this one.
    pub dropped_before: u64,
    /// Whether the strap's data was interrupted before this sample: its first RR interval is suspect.
    pub gap_before: bool,
}

/// Why a call of this interface was refused.
#[derive(Clone, Debug, PartialEq, Eq, ReplyError, introspect::ReplyError)]
#[zlink(interface = "io.carpus.Devices")]
pub enum Error {
    /// There is no Bluetooth adapter that could be used.
    NoAdapter {
        /// What is wrong and what to do about it, for people.
        message: String,
    },
    /// The peripheral is not known, or the text is not an address.
    UnknownDevice {
        /// What was asked for.
        device: String,
    },
    /// The caller may not do this.
    NotPermitted {
        /// Why, for people.
        message: String,
    },
    /// It cannot be done now.
    Unavailable {
        /// Why, for people.
        message: String,
    },
}

say! {
    Error {
        NoAdapter { message } => "{message}";
        UnknownDevice { device } => "there is no device {device}";
        NotPermitted { message } => "{message}";
        Unavailable { message } => "{message}";
    }
}
