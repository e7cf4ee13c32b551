//! Between BlueZ's names of a peripheral and its address.

use btleplug::api::BDAddr;
use btleplug::platform::PeripheralId;
use carpus_devices::bluetooth::DeviceId;

/// How BlueZ begins the last part of a peripheral's object path.
const DEVICE_PREFIX: &str = "dev_";

/// The address in `id`, which reads `hci0/dev_AA_BB_CC_DD_EE_FF`.
pub(crate) fn of_id(id: &PeripheralId) -> Option<DeviceId> {
    of_path(&id.to_string())
}

/// The identifier for an address.
pub(crate) fn of_address(address: BDAddr) -> Option<DeviceId> {
    DeviceId::parse(&address.to_string()).ok()
}

fn of_path(path: &str) -> Option<DeviceId> {
    let (_, last) = path.rsplit_once('/')?;
    DeviceId::parse(&last.strip_prefix(DEVICE_PREFIX)?.replace('_', ":")).ok()
}

/// The name of a peripheral, for people. BlueZ's alias is what the user calls it, or else what it calls
/// itself, or else its address with dashes, which is no name.
pub(crate) fn readable_name(
    alias: Option<String>,
    name: Option<String>,
    device: &DeviceId,
) -> Option<String> {
    let placeholder = device.as_str().replace(':', "-");
    alias.or(name).filter(|text| !text.is_empty() && *text != placeholder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_path_gives_the_address() {
        let id: bluez_async::DeviceId = "hci1/dev_AA_BB_CC_00_11_2f".parse().unwrap();
        assert_eq!(of_id(&PeripheralId::from(id)).unwrap().as_str(), "AA:BB:CC:00:11:2F");
    }

    #[test]
    fn what_is_no_peripheral_gives_none() {
        for path in
            ["", "hci0", "hci0/dev_", "hci0/dev_AA_BB", "hci0/xyz_AA_BB_CC_00_11_22", "dev_AA_BB_CC_00_11_22"]
        {
            assert_eq!(of_path(path), None, "{path}");
        }
    }

    #[test]
    fn an_address_is_an_identifier() {
        let address = BDAddr::from([0xaa, 0xbb, 0, 1, 2, 0xff]);
        assert_eq!(of_address(address).unwrap().as_str(), "AA:BB:00:01:02:FF");
    }

    #[test]
    fn a_placeholder_is_no_name() {
        let device = DeviceId::parse("AA:BB:CC:00:11:22").unwrap();
        let name = |alias: Option<&str>, name: Option<&str>| {
            readable_name(alias.map(str::to_owned), name.map(str::to_owned), &device)
        };
        assert_eq!(name(Some("AA-BB-CC-00-11-22"), None), None);
        assert_eq!(name(Some("My strap"), Some("HRM")), Some("My strap".to_owned()));
        assert_eq!(name(None, Some("HRM")), Some("HRM".to_owned()));
        assert_eq!((name(Some(""), None), name(None, None)), (None, None));
    }
}
