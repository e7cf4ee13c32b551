use super::*;

/// Name, message, and the class that they mean.
const CASES: &[(&str, &str, Class)] = &[
    ("org.freedesktop.DBus.Error.ServiceUnknown", "The name org.bluez was not provided", Class::NoService),
    (
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "Could not get owner of name 'org.bluez'",
        Class::NoService,
    ),
    ("org.freedesktop.DBus.Error.Spawn.ChildExited", "Process bluetoothd exited", Class::NoService),
    (
        "org.freedesktop.DBus.Error.NoReply",
        "Message recipient disconnected from message bus without replying",
        Class::NoService,
    ),
    ("org.freedesktop.DBus.Error.FileNotFound", "Failed to connect to socket", Class::NoBus),
    ("org.freedesktop.DBus.Error.NoServer", "Connection refused", Class::NoBus),
    ("org.freedesktop.DBus.Error.Disconnected", "Connection is closed", Class::NoBus),
    ("org.freedesktop.DBus.Error.Failed", "Failed to send message", Class::NoBus),
    ("org.freedesktop.DBus.Error.Failed", "something else", Class::Other),
    ("org.freedesktop.DBus.Error.AccessDenied", "Rejected send message", Class::NotPermitted),
    ("org.freedesktop.DBus.Error.AuthFailed", "", Class::NotPermitted),
    ("org.freedesktop.DBus.Error.NoReply", "Did not receive a reply", Class::TimedOut),
    ("org.freedesktop.DBus.Error.Timeout", "Timeout waiting for reply", Class::TimedOut),
    ("org.freedesktop.DBus.Error.UnknownObject", "Method \"Connect\" ... doesn't exist", Class::Gone),
    ("org.freedesktop.DBus.Error.UnknownMethod", "Method \"GetAll\" ... doesn't exist", Class::Gone),
    ("org.freedesktop.DBus.Error.InvalidArgs", "", Class::Other),
    ("org.bluez.Error.NotReady", "Resource Not Ready", Class::Off),
    ("org.bluez.Error.Failed", "Not Powered", Class::Off),
    ("org.bluez.Error.Failed", "le-connection-adapter-not-powered", Class::Off),
    ("org.bluez.Error.Failed", "br-connection-adapter-not-powered", Class::Off),
    ("org.bluez.Error.Blocked", "Blocked through rfkill", Class::Blocked),
    ("org.bluez.Error.Failed", "Blocked through rfkill", Class::Blocked),
    ("org.bluez.Error.InProgress", "Operation already in progress", Class::Busy),
    ("org.bluez.Error.InProgress", "In Progress", Class::Busy),
    ("org.bluez.Error.Busy", "", Class::Busy),
    ("org.bluez.Error.Failed", "Operation already in progress", Class::Busy),
    ("org.bluez.Error.Failed", "le-connection-busy", Class::Busy),
    ("org.bluez.Error.Failed", "le-connection-concurrent-connection-limit", Class::Busy),
    ("org.bluez.Error.DoesNotExist", "Does Not Exist", Class::Gone),
    ("org.bluez.Error.NotConnected", "Not Connected", Class::NotConnected),
    ("org.bluez.Error.Failed", "Not connected", Class::NotConnected),
    ("org.bluez.Error.AlreadyConnected", "Already Connected", Class::AlreadySo),
    ("org.bluez.Error.Failed", "le-connection-already-connected", Class::AlreadySo),
    ("org.bluez.Error.Failed", "No discovery started", Class::AlreadySo),
    ("org.bluez.Error.Failed", "le-connection-abort-by-local", Class::Transient),
    ("org.bluez.Error.Failed", "le-connection-abort-by-remote", Class::Transient),
    ("org.bluez.Error.Failed", "le-connection-refused", Class::Transient),
    ("org.bluez.Error.Failed", "le-connection-timeout", Class::Transient),
    ("org.bluez.Error.Failed", "le-connection-unknown", Class::Transient),
    ("org.bluez.Error.Failed", "le-connection-link-layer-protocol-error", Class::Transient),
    ("org.bluez.Error.Failed", "br-connection-page-timeout", Class::Transient),
    ("org.bluez.Error.Failed", "Software caused connection abort", Class::Transient),
    ("org.bluez.Error.Failed", "Host is down", Class::Transient),
    ("org.bluez.Error.ConnectionAttemptFailed", "Page Timeout", Class::Transient),
    ("org.bluez.Error.Failed", "le-connection-not-supported", Class::Other),
    ("org.bluez.Error.Failed", "br-connection-profile-unavailable", Class::Other),
    ("org.bluez.Error.Failed", "le-connection-key-missing", Class::Other),
    ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0e", Class::Other),
    ("org.bluez.Error.NotPermitted", "Read not permitted", Class::Other),
    ("org.bluez.Error.NotSupported", "Operation is not supported", Class::Other),
    ("org.bluez.Error.AuthenticationFailed", "Authentication Failed", Class::Other),
    ("", "", Class::Other),
];

fn strap() -> DeviceId {
    DeviceId::parse("AA:BB:CC:00:11:22").unwrap()
}

/// As btleplug hands it up.
fn from_btleplug(name: &str, message: &str) -> btleplug::Error {
    let error = dbus::Error::new_custom(name.to_owned(), message);
    btleplug::Error::Other(Box::new(BluetoothError::DbusError(error)))
}

#[test]
fn each_error_of_the_bus_has_its_class() {
    for (name, message, class) in CASES {
        assert_eq!(classify(name, message), *class, "{name}: {message}");
    }
}

#[test]
fn a_class_is_found_inside_of_btleplugs_error() {
    let strap = strap();
    let asked = Asked::of("connecting", &strap);
    let error = |message| asked.failed(from_btleplug("org.bluez.Error.Failed", message));
    assert!(matches!(error("le-connection-abort-by-local"), BleError::Transient(_)));
    assert!(matches!(error("le-connection-busy"), BleError::Busy(_)));
    assert!(matches!(error("Not connected"), BleError::Disconnected));
    assert!(matches!(error("no such luck"), BleError::Failed(_)));
}

#[test]
fn what_is_gone_is_the_peripheral_or_else_the_adapter() {
    let strap = strap();
    let error = || from_btleplug("org.freedesktop.DBus.Error.UnknownObject", "gone");
    assert!(
        matches!(Asked::of("connecting", &strap).failed(error()), BleError::Unknown(device) if device == strap)
    );
    assert!(matches!(Asked::adapter("scanning").failed(error()), BleError::NoAdapter { .. }));
    let not_found = Asked::of("connecting", &strap).failed(btleplug::Error::DeviceNotFound);
    assert!(matches!(not_found, BleError::Unknown(_)));
}

#[test]
fn a_timeout_says_what_was_asked_and_for_how_long() {
    let strap = strap();
    let asked = Asked::of("reading", &strap);
    let error = asked.failed(btleplug::Error::TimedOut(Duration::from_secs(7)));
    assert_eq!(error.to_string(), "reading took longer than 7s");
    let error = asked.failed(btleplug::Error::Other(Box::new(BluetoothError::ServiceDiscoveryTimedOut)));
    assert_eq!(error.to_string(), "reading took longer than 30s");
}

#[test]
fn remedies_differ_where_the_causes_do() {
    let remedy = |name: &str| match Asked::adapter("opening")
        .bus_failed(dbus::Error::new_custom(name.to_owned(), ""))
    {
        BleError::NoAdapter { remedy }
        | BleError::NotPermitted { remedy }
        | BleError::PoweredOff { remedy } => remedy,
        other => panic!("{other}"),
    };
    assert!(remedy("org.freedesktop.DBus.Error.ServiceUnknown").contains("systemctl"));
    assert!(remedy("org.freedesktop.DBus.Error.FileNotFound").contains("dbus"));
    assert!(remedy("org.freedesktop.DBus.Error.AccessDenied").contains("group bluetooth"));
    assert!(remedy("org.bluez.Error.NotReady").contains("power on"));
    assert!(remedy("org.bluez.Error.Blocked").contains("rfkill"));
    assert!(remedy("org.freedesktop.DBus.Error.UnknownObject").contains("bluetooth.adapter"));
}

#[test]
fn what_is_already_so_is_told_apart() {
    assert!(is_already_so(&from_btleplug("org.bluez.Error.AlreadyConnected", "Already Connected")));
    assert!(is_already_so(&from_btleplug("org.bluez.Error.Failed", "No discovery started")));
    assert!(!is_already_so(&from_btleplug("org.bluez.Error.Failed", "le-connection-busy")));
    assert!(is_not_connected(&btleplug::Error::NotConnected));
    assert!(is_not_connected(&from_btleplug("org.bluez.Error.NotConnected", "Not Connected")));
    assert!(!is_not_connected(&btleplug::Error::DeviceNotFound));
}
