//! `io.carpus.Simulation`: steering simulated devices. It is there only with `--simulate`.

use zlink::ReplyError;
use zlink::introspect;

use crate::Done;
use crate::interface::{interface, say};
use crate::names::names;

interface! {
    /// Steers simulated devices. It is there only when the devices are simulated.
    interface "io.carpus.Simulation";
    types [];
    errors Error = <Error as introspect::ReplyError>::VARIANTS;

    /// Breaks a strap's link, and keeps the strap out of reach for a while.
    method DropOut {
        /// Its address.
        device: String,
        /// How long.
        for_ms: u64,
    } -> Done;

    /// Keeps a strap's link up, but lets it send nothing for a while.
    method Mute {
        /// Its address.
        device: String,
        /// How long.
        for_ms: u64,
    } -> Done;

    /// Lets a strap send one message that cannot be read.
    method Malformed {
        /// Its address.
        device: String,
    } -> Done;

    /// Presses a button.
    method Press {
        /// crown, side, stop, snooze.
        button: Button,
    } -> Done;

    /// Sets the charge of a strap's battery.
    method SetBattery {
        /// Its address.
        device: String,
        /// The charge, 0 to 100.
        percent: u64,
    } -> Done;

    /// Sets how the board itself fares; what is left out stays as it is.
    method SetBoard {
        /// The charge of its battery, 0 to 100; it then runs on the battery.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        battery_percent: Option<u64>,
        /// Whether external power comes in: then the charge of the battery does not count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external_power: Option<bool>,
        /// Its temperature, in thousandths of a degree Celsius.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        temperature_mdegc: Option<i64>,
    } -> Done;

    /// Sets what is wrong with the disk that the runtime writes to. Only in a runtime that is built for tests.
    method Disk {
        /// none, full, read_only, io_error, slow.
        fault: DiskFault,
    } -> Done;

    /// Lets a part of the runtime fail; what follows is what always follows. Only in a runtime that is built for tests.
    method Fail {
        /// The part, by the name that io.carpus.Monitor.Status gives it.
        child: String,
        /// panic, stop, hang, flood.
        how: FailHow,
    } -> Done;
}

names! {
    /// How a part of the runtime can fail.
    enum FailHow, a "way to fail" {
        /// It panics.
        Panic = "panic",
        /// It stops by itself.
        Stop = "stop",
        /// It answers nothing any more.
        Hang = "hang",
        /// It sends messages without end.
        Flood = "flood",
    }
}

names! {
    /// What is wrong with a disk.
    enum DiskFault, a "fault of a disk" {
        /// Nothing.
        None = "none",
        /// It is full.
        Full = "full",
        /// It is read-only.
        ReadOnly = "read_only",
        /// It fails.
        IoError = "io_error",
        /// Each write takes two seconds.
        Slow = "slow",
    }
}

names! {
    /// A button of the board, by what it does.
    enum Button, a "button" {
        /// Leaves the app.
        Crown = "crown",
        /// Turns the screen on and off.
        Side = "side",
        /// Stops a ringing alarm.
        Stop = "stop",
        /// Snoozes a ringing alarm.
        Snooze = "snooze",
    }
}

/// Why a call of this interface was refused.
#[derive(Clone, Debug, PartialEq, Eq, ReplyError, introspect::ReplyError)]
#[zlink(interface = "io.carpus.Simulation")]
pub enum Error {
    /// There is no such simulated strap.
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
        UnknownDevice { device } => "there is no simulated device {device}";
        NotPermitted { message } => "{message}";
        Unavailable { message } => "{message}";
    }
}
