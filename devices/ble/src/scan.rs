//! Which advertisements are worth telling. Pure: what BlueZ says comes in, what the port tells comes out.

use std::collections::{HashMap, HashSet};

use carpus_devices::bluetooth::{Advertisement, DeviceId};
use uuid::Uuid;

/// How many peripherals of one scan are remembered. In a crowd addresses come and go without end.
const REMEMBERED_MAX: usize = 256;

/// What the controller reports where it could not measure a signal strength (Bluetooth Core, HCI).
const RSSI_UNKNOWN: i16 = 127;

/// What to do when something was heard of a peripheral.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing.
    Ignore,
    /// Read its properties from BlueZ and hand them to [`Sightings::learn`].
    Ask,
    /// Tell this.
    Tell(Advertisement),
}

/// The peripherals of the scan that runs.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    /// What the scan looks for, while it runs; all, when empty.
    wanted: Option<Vec<Uuid>>,
    known: HashMap<DeviceId, Advertisement>,
    connected: HashSet<DeviceId>,
}

impl Sightings {
    /// A scan for peripherals with one of `services` begins. Gives what the one before looked for, if it still
    /// runs.
    pub(crate) fn begin(&mut self, services: Vec<Uuid>) -> Option<Vec<Uuid>> {
        self.known.clear();
        self.wanted.replace(services)
    }

    /// The scan did not begin; the one before, if any, goes on.
    pub(crate) fn go_back(&mut self, before: Option<Vec<Uuid>>) {
        self.wanted = before;
    }

    /// The scan is over.
    pub(crate) fn end(&mut self) {
        self.wanted = None;
        self.known.clear();
    }

    /// A link came or went: a connected peripheral does not advertise.
    pub(crate) fn set_connected(&mut self, device: &DeviceId, is_connected: bool) {
        if is_connected {
            self.connected.insert(device.clone());
        } else {
            self.connected.remove(device);
        }
    }

    /// BlueZ made something of an advertisement known, perhaps a new signal strength or new services.
    pub(crate) fn hear(
        &mut self,
        device: &DeviceId,
        rssi_dbm: Option<i16>,
        services: Option<Vec<Uuid>>,
    ) -> Heard {
        let Some(wanted) = &self.wanted else {
            return Heard::Ignore;
        };
        if self.connected.contains(device) {
            return Heard::Ignore;
        }
        let Some(known) = self.known.get_mut(device) else {
            return Heard::Ask;
        };
        if let Some(rssi_dbm) = rssi_dbm {
            known.rssi_dbm = measured(rssi_dbm);
        }
        if let Some(services) = services {
            known.services = services;
        }
        match (is_wanted(wanted, &known.services), &known.name) {
            (false, _) => Heard::Ignore,
            // BlueZ does not say when it learns a name.
            (true, None) => Heard::Ask,
            (true, Some(_)) => Heard::Tell(known.clone()),
        }
    }

    /// The properties of a peripheral were read. BlueZ has a signal strength only for what it hears in the
    /// running scan; the rest is remembered from earlier and may be far away.
    pub(crate) fn learn(&mut self, properties: Advertisement) -> Option<Advertisement> {
        let wanted = self.wanted.as_ref()?;
        let rssi_dbm = properties.rssi_dbm?;
        let seen = Advertisement { rssi_dbm: measured(rssi_dbm), ..properties };
        let is_wanted = is_wanted(wanted, &seen.services);
        if self.known.len() >= REMEMBERED_MAX {
            self.known.clear();
        }
        self.known.insert(seen.device.clone(), seen.clone());
        is_wanted.then_some(seen)
    }
}

fn is_wanted(wanted: &[Uuid], services: &[Uuid]) -> bool {
    wanted.is_empty() || wanted.iter().any(|service| services.contains(service))
}

fn measured(rssi_dbm: i16) -> Option<i16> {
    (rssi_dbm != RSSI_UNKNOWN).then_some(rssi_dbm)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEART_RATE: Uuid = Uuid::from_u128(0x180d);
    const BATTERY: Uuid = Uuid::from_u128(0x180f);

    fn strap() -> DeviceId {
        DeviceId::parse("AA:BB:CC:00:11:22").unwrap()
    }

    fn properties(rssi_dbm: Option<i16>, name: Option<&str>, services: &[Uuid]) -> Advertisement {
        Advertisement {
            device: strap(),
            name: name.map(str::to_owned),
            rssi_dbm,
            services: services.to_vec(),
        }
    }

    fn scanning() -> Sightings {
        let mut sightings = Sightings::default();
        sightings.begin(vec![HEART_RATE]);
        sightings
    }

    #[test]
    fn nothing_is_seen_while_no_scan_runs() {
        let mut sightings = Sightings::default();
        assert_eq!(sightings.hear(&strap(), Some(-40), None), Heard::Ignore);
        assert_eq!(sightings.learn(properties(Some(-40), None, &[HEART_RATE])), None);
        sightings.begin(vec![]);
        assert_eq!(sightings.hear(&strap(), Some(-40), None), Heard::Ask);
        sightings.end();
        assert_eq!(sightings.hear(&strap(), Some(-40), None), Heard::Ignore);
    }

    #[test]
    fn a_scan_that_runs_goes_on_when_another_is_refused() {
        let mut sightings = scanning();
        let before = sightings.begin(vec![BATTERY]);
        sightings.go_back(before);
        assert!(sightings.learn(properties(Some(-40), None, &[HEART_RATE])).is_some());
        let mut idle = Sightings::default();
        let before = idle.begin(vec![]);
        idle.go_back(before);
        assert_eq!(idle.hear(&strap(), Some(-40), None), Heard::Ignore);
    }

    #[test]
    fn what_other_programs_look_for_is_left_out() {
        let mut sightings = scanning();
        assert_eq!(sightings.learn(properties(Some(-40), Some("scale"), &[BATTERY])), None);
        assert_eq!(sightings.hear(&strap(), Some(-41), None), Heard::Ignore);
        let Heard::Tell(seen) = sightings.hear(&strap(), None, Some(vec![BATTERY, HEART_RATE])) else {
            panic!("not told although the service came");
        };
        assert_eq!((seen.rssi_dbm, seen.services), (Some(-41), vec![BATTERY, HEART_RATE]));
    }

    #[test]
    fn a_scan_for_all_takes_all() {
        let mut sightings = Sightings::default();
        sightings.begin(vec![]);
        assert!(sightings.learn(properties(Some(-40), None, &[])).is_some());
    }

    #[test]
    fn what_bluez_only_remembers_is_not_in_reach() {
        assert_eq!(scanning().learn(properties(None, Some("strap"), &[HEART_RATE])), None);
    }

    #[test]
    fn properties_are_read_until_there_is_a_name() {
        let mut sightings = scanning();
        assert_eq!(sightings.hear(&strap(), Some(-40), None), Heard::Ask);
        assert!(sightings.learn(properties(Some(-40), None, &[HEART_RATE])).is_some());
        assert_eq!(sightings.hear(&strap(), Some(-50), None), Heard::Ask);
        assert!(sightings.learn(properties(Some(-50), Some("strap"), &[HEART_RATE])).is_some());
        let told = Heard::Tell(properties(Some(-60), Some("strap"), &[HEART_RATE]));
        assert_eq!(sightings.hear(&strap(), Some(-60), None), told);
    }

    #[test]
    fn a_strength_that_was_not_measured_is_none() {
        let seen = scanning().learn(properties(Some(RSSI_UNKNOWN), Some("strap"), &[HEART_RATE])).unwrap();
        assert_eq!(seen.rssi_dbm, None);
    }

    #[test]
    fn a_connected_peripheral_is_not_told() {
        let mut sightings = scanning();
        sightings.set_connected(&strap(), true);
        assert_eq!(sightings.hear(&strap(), None, Some(vec![HEART_RATE])), Heard::Ignore);
        sightings.set_connected(&strap(), false);
        assert_eq!(sightings.hear(&strap(), Some(-40), None), Heard::Ask);
    }

    #[test]
    fn a_crowd_does_not_fill_the_memory() {
        let mut sightings = scanning();
        for number in 0..2_000u16 {
            let [high, low] = number.to_be_bytes();
            let device = DeviceId::parse(&format!("00:00:00:00:{high:02X}:{low:02X}")).unwrap();
            sightings.learn(Advertisement { device, ..properties(Some(-40), None, &[]) });
            assert!(sightings.known.len() <= REMEMBERED_MAX);
        }
    }
}
