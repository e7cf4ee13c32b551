//! From the errors of BlueZ, D-Bus and btleplug to the classes of the port.

use std::sync::Arc;
use std::time::Duration;

use bluez_async::BluetoothError;
use carpus_devices::Cause;
use carpus_devices::bluetooth::{BleError, DeviceId};

/// How long bluez-async waits for an answer on D-Bus, and for the end of a service discovery.
const BLUEZ_ASYNC_LIMIT: Duration = Duration::from_secs(30);

const REMEDY_NO_SERVICE: &str =
    "BlueZ does not answer: install bluez, and start it with systemctl enable --now bluetooth";
const REMEDY_NO_BUS: &str =
    "the D-Bus system bus cannot be reached: start dbus, or set DBUS_SYSTEM_BUS_ADDRESS";
const REMEDY_NO_ADAPTER: &str = "plug in or enable an adapter (bluetoothctl list shows what \
    BlueZ has), and check bluetooth.adapter";
const REMEDY_WENT_AWAY: &str = "BlueZ or the adapter went away: it has to be opened again";
const REMEDY_NOT_PERMITTED: &str = "D-Bus refuses: add the runtime's user to the group bluetooth, \
    where BlueZ's D-Bus policy asks for that, and start the runtime again";
const REMEDY_OFF: &str = "switch it on with bluetoothctl power on";
const REMEDY_BLOCKED: &str =
    "it cannot be switched on; if rfkill list shows it blocked: rfkill unblock bluetooth";

/// What was tried when an error came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// In the words of an error message: `"connecting"`.
    pub(crate) what: &'static str,
    /// The peripheral that it was about.
    pub(crate) device: Option<&'a DeviceId>,
}

impl<'a> Asked<'a> {
    pub(crate) fn adapter(what: &'static str) -> Self {
        Self { what, device: None }
    }

    pub(crate) fn of(what: &'static str, device: &'a DeviceId) -> Self {
        Self { what, device: Some(device) }
    }

    /// The error for an answer that took longer than `limit`.
    pub(crate) fn timed_out(self, limit: Duration) -> BleError {
        BleError::TimedOut { what: self.what, limit }
    }

    /// The class of `error`.
    pub(crate) fn failed(self, error: btleplug::Error) -> BleError {
        match &error {
            btleplug::Error::PermissionDenied => self.ble_error(Class::NotPermitted, Arc::new(error)),
            btleplug::Error::DeviceNotFound => self.ble_error(Class::Gone, Arc::new(error)),
            btleplug::Error::NotConnected => BleError::Disconnected,
            btleplug::Error::NoAdapterAvailable => no_adapter(),
            btleplug::Error::TimedOut(limit) => self.timed_out(*limit),
            btleplug::Error::Other(other) => {
                let class = other.downcast_ref().map_or(Class::Other, classify_bluez);
                self.ble_error(class, Arc::new(error))
            }
            btleplug::Error::UnexpectedCallback
            | btleplug::Error::UnexpectedCharacteristic
            | btleplug::Error::NoSuchCharacteristic
            | btleplug::Error::NotSupported(_)
            | btleplug::Error::Uuid(_)
            | btleplug::Error::InvalidBDAddr(_)
            | btleplug::Error::RuntimeError(_) => BleError::Failed(Arc::new(error)),
        }
    }

    /// The class of an error of D-Bus itself.
    pub(crate) fn bus_failed(self, error: dbus::Error) -> BleError {
        self.ble_error(classify_dbus(&error), Arc::new(error))
    }

    fn ble_error(self, class: Class, cause: Cause) -> BleError {
        match class {
            Class::NoService => BleError::NoAdapter { remedy: REMEDY_NO_SERVICE.to_owned() },
            Class::NoBus => BleError::NoAdapter { remedy: REMEDY_NO_BUS.to_owned() },
            Class::NoAdapter => no_adapter(),
            Class::NotPermitted => BleError::NotPermitted { remedy: REMEDY_NOT_PERMITTED.to_owned() },
            Class::Off => BleError::PoweredOff { remedy: REMEDY_OFF.to_owned() },
            Class::Blocked => blocked(),
            Class::Gone => self.device.cloned().map_or_else(no_adapter, BleError::Unknown),
            Class::TimedOut => self.timed_out(BLUEZ_ASYNC_LIMIT),
            Class::Transient => BleError::Transient(cause),
            Class::Busy => BleError::Busy(cause),
            Class::NotConnected => BleError::Disconnected,
            Class::AlreadySo | Class::Other => BleError::Failed(cause),
        }
    }
}

/// No adapter, or not the one of the settings.
pub(crate) fn no_adapter() -> BleError {
    BleError::NoAdapter { remedy: REMEDY_NO_ADAPTER.to_owned() }
}

/// The adapter is off, and BlueZ cannot switch it on.
pub(crate) fn blocked() -> BleError {
    BleError::PoweredOff { remedy: REMEDY_BLOCKED.to_owned() }
}

/// The session with the adapter is over.
pub(crate) fn went_away() -> BleError {
    BleError::NoAdapter { remedy: REMEDY_WENT_AWAY.to_owned() }
}

/// Whether the error says that what was asked for is so already: connected, or no longer scanning.
pub(crate) fn is_already_so(error: &btleplug::Error) -> bool {
    class_of(error) == Some(Class::AlreadySo)
}

/// Whether the error says that there is no link.
pub(crate) fn is_not_connected(error: &btleplug::Error) -> bool {
    matches!(error, btleplug::Error::NotConnected) || class_of(error) == Some(Class::NotConnected)
}

fn class_of(error: &btleplug::Error) -> Option<Class> {
    match error {
        btleplug::Error::Other(other) => other.downcast_ref().map(classify_bluez),
        _ => None,
    }
}

/// What an error asks for. Finer than the port's classes where the remedies differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    NoService,
    NoBus,
    NoAdapter,
    NotPermitted,
    Off,
    Blocked,
    /// The object (peripheral or adapter) is not there any more.
    Gone,
    TimedOut,
    Transient,
    Busy,
    NotConnected,
    AlreadySo,
    Other,
}

fn classify_bluez(error: &BluetoothError) -> Class {
    match error {
        BluetoothError::NoBluetoothAdapters => Class::NoAdapter,
        BluetoothError::DbusError(error) => classify_dbus(error),
        BluetoothError::ServiceDiscoveryTimedOut => Class::TimedOut,
        BluetoothError::XmlParseError(_)
        | BluetoothError::UuidNotFound { .. }
        | BluetoothError::UuidParseError(_)
        | BluetoothError::FlagParseError(_)
        | BluetoothError::AddressTypeParseError(_)
        | BluetoothError::RequiredPropertyMissing(_)
        | BluetoothError::MacAddressParseError(_)
        | BluetoothError::ModaliasParseError(_)
        | BluetoothError::DeviceIdParseError(_) => Class::Other,
    }
}

fn classify_dbus(error: &dbus::Error) -> Class {
    classify(error.name().unwrap_or_default(), error.message().unwrap_or_default())
}

/// The class of a D-Bus error by its name and, where that says little, its message. The names and messages
/// are those of libdbus and of BlueZ 5.82, with some of its older ones.
fn classify(name: &str, message: &str) -> Class {
    match name.strip_prefix("org.bluez.Error.") {
        Some(bluez) => classify_bluez_name(bluez, message),
        None => classify_bus_name(name, message),
    }
}

fn classify_bus_name(name: &str, message: &str) -> Class {
    match name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name) {
        "ServiceUnknown" | "NameHasNoOwner" => Class::NoService,
        // The service ended before it answered.
        "NoReply" if message.contains("disconnected") => Class::NoService,
        name if name.starts_with("Spawn.") => Class::NoService,
        "FileNotFound" | "NoServer" | "Disconnected" | "BadAddress" => Class::NoBus,
        "Failed" if message.contains("Failed to send message") => Class::NoBus,
        "AccessDenied" | "AuthFailed" | "InteractiveAuthorizationRequired" => Class::NotPermitted,
        "NoReply" | "Timeout" | "TimedOut" => Class::TimedOut,
        "UnknownObject" | "UnknownMethod" | "UnknownInterface" => Class::Gone,
        _ => Class::Other,
    }
}

fn classify_bluez_name(name: &str, message: &str) -> Class {
    match name {
        "NotReady" => Class::Off,
        "Blocked" => Class::Blocked,
        "InProgress" | "Busy" => Class::Busy,
        "DoesNotExist" => Class::Gone,
        "NotConnected" => Class::NotConnected,
        "AlreadyConnected" => Class::AlreadySo,
        "ConnectionAttemptFailed" => Class::Transient,
        "Failed" => classify_message(message),
        // Not NotPermitted: that is a peripheral which refuses one value, not BlueZ which refuses us.
        _ => Class::Other,
    }
}

/// BlueZ's catch-all `Failed` carries its reason in the message only.
fn classify_message(message: &str) -> Class {
    let reason = message.strip_prefix("le-connection-").or_else(|| message.strip_prefix("br-connection-"));
    match reason {
        Some("adapter-not-powered") => Class::Off,
        Some("already-connected") => Class::AlreadySo,
        Some("busy" | "concurrent-connection-limit") => Class::Busy,
        Some(
            "not-supported"
            | "invalid-arguments"
            | "invalid-argument"
            | "key-missing"
            | "profile-unavailable",
        ) => Class::Other,
        // abort-by-local, refused, timeout, page-timeout, link-layer-protocol-error, unknown, …
        Some(_) => Class::Transient,
        None => classify_sentence(message),
    }
}

fn classify_sentence(message: &str) -> Class {
    match message {
        "Not Powered" | "Resource Not Ready" => Class::Off,
        "Blocked through rfkill" => Class::Blocked,
        "Operation already in progress" | "In Progress" | "Device or resource busy" => Class::Busy,
        "Not connected" | "Not Connected" => Class::NotConnected,
        "No discovery started" | "Already Connected" => Class::AlreadySo,
        // What older versions say in place of le-connection-…
        "Software caused connection abort"
        | "Connection refused"
        | "Connection timed out"
        | "Connection reset by peer"
        | "Host is down"
        | "Input/output error"
        | "Operation canceled"
        | "Page Timeout"
        | "Resource temporarily unavailable" => Class::Transient,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests;
