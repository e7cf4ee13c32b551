//! The backend on a tree of files as the kernel shows it (S10).

use tempfile::TempDir;

use super::*;

/// `/sys/class` of a board, made up.
struct Board(TempDir);

impl Board {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A power supply with these attributes; of one that is there, these change.
    fn supply(self, name: &str, attributes: &[(&str, &str)]) -> Self {
        self.folder(&format!("power_supply/{name}"), attributes)
    }

    fn battery(self, name: &str, status: &str, percent: &str) -> Self {
        self.supply(name, &[("type", "Battery"), ("status", status), ("capacity", percent)])
    }

    fn zone(self, number: u32, temp: &str) -> Self {
        self.folder(&format!("thermal/thermal_zone{number}"), &[("type", "cpu-thermal"), ("temp", temp)])
    }

    fn folder(self, path: &str, attributes: &[(&str, &str)]) -> Self {
        let folder = self.0.path().join(path);
        fs::create_dir_all(&folder).unwrap();
        for (name, value) in attributes {
            fs::write(folder.join(name), format!("{value}\n")).unwrap();
        }
        self
    }

    fn sysfs(&self) -> SysfsConditions {
        SysfsConditions::in_folder(self.0.path())
    }

    fn percent(&self) -> Option<u8> {
        self.sysfs().read().battery_percent
    }

    fn mdegc(&self) -> Option<i32> {
        self.sysfs().read().temperature_mdegc
    }
}

#[test]
fn a_board_without_any_of_it_knows_nothing() {
    let board = Board::new();
    assert_eq!(board.sysfs().read(), Conditions::default());
    assert_eq!(board.sysfs().describe(), "no battery, no thermal zone");
    let nowhere = SysfsConditions::in_folder(board.0.path().join("nowhere"));
    assert_eq!(nowhere.read(), Conditions::default());
}

#[test]
fn s10_a_battery_that_is_used_tells_its_charge() {
    for (text, percent) in [("0", 0), ("4", 4), ("100", 100)] {
        assert_eq!(Board::new().battery("BAT0", "Discharging", text).percent(), Some(percent));
    }
    assert_eq!(Board::new().battery("BAT0", "Unknown", "40").percent(), Some(40));
}

#[test]
fn s10_on_external_power_the_charge_does_not_count() {
    for status in ["Charging", "Full", "Not charging"] {
        assert_eq!(Board::new().battery("BAT0", status, "3").percent(), None, "{status}");
    }
    for kind in ["Mains", "USB", "USB_PD", "Wireless"] {
        let plugged =
            |online| Board::new().battery("BAT0", "Discharging", "3").supply("AC", &[("type", kind), online]);
        assert_eq!(plugged(("online", "1")).percent(), None, "{kind}");
        assert_eq!(plugged(("online", "2")).percent(), None, "{kind}, programmable");
        assert_eq!(plugged(("online", "0")).percent(), Some(3), "{kind}, unplugged");
        assert_eq!(plugged(("manufacturer", "x")).percent(), Some(3), "{kind}, of which nothing is known");
    }
    let ups =
        Board::new().battery("BAT0", "Discharging", "3").supply("U", &[("type", "UPS"), ("online", "1")]);
    assert_eq!(ups.percent(), Some(3), "a reserve is no mains");
}

#[test]
fn the_battery_of_a_mouse_is_not_the_boards() {
    let mouse = [("type", "Battery"), ("scope", "Device"), ("status", "Discharging"), ("capacity", "3")];
    assert_eq!(Board::new().supply("hidpp_battery_0", &mouse).percent(), None);
    let pen = [("type", "Mains"), ("scope", "Device"), ("online", "1")];
    let board = Board::new().battery("BAT0", "Discharging", "30").supply("a", &mouse).supply("b", &pen);
    assert_eq!(board.percent(), Some(30));
    let own = [("type", "Battery"), ("scope", "System"), ("status", "Discharging"), ("capacity", "3")];
    assert_eq!(Board::new().supply("BAT0", &own).percent(), Some(3));
}

#[test]
fn of_two_batteries_the_fullest_counts() {
    let board = Board::new().battery("BAT0", "Discharging", "2").battery("BAT1", "Not charging", "90");
    assert_eq!(board.percent(), Some(90), "one waits while the other is used");
    let board = Board::new().battery("BAT0", "Charging", "2").battery("BAT1", "Unknown", "90");
    assert_eq!(board.percent(), None);
}

#[test]
fn a_charge_that_is_not_told_in_percent_is_reckoned() {
    let with = |more: &[(&str, &str)]| {
        let battery = Board::new().supply("BAT0", &[("type", "Battery"), ("status", "Discharging")]);
        battery.supply("BAT0", more).percent()
    };
    assert_eq!(with(&[("energy_now", "2500000"), ("energy_full", "50000000")]), Some(5));
    assert_eq!(with(&[("charge_now", "1499999"), ("charge_full", "3000000")]), Some(49));
    assert_eq!(with(&[("charge_now", "3100000"), ("charge_full", "3000000")]), Some(100));
    assert_eq!(with(&[("capacity", "255"), ("charge_now", "1"), ("charge_full", "2")]), Some(50));
    for unusable in [
        &[][..],
        &[("capacity", "101")],
        &[("capacity", "-1")],
        &[("capacity", "many")],
        &[("capacity", "")],
        &[("charge_now", "1"), ("charge_full", "0")],
        &[("charge_now", "18446744073709551615"), ("charge_full", "2")],
        &[("charge_now", "1")],
        &[("capacity", "40"), ("present", "0")],
    ] {
        assert_eq!(with(unusable), None, "{unusable:?}");
    }
}

#[test]
fn s10_the_hottest_zone_counts() {
    assert_eq!(Board::new().zone(0, "48312").mdegc(), Some(48_312));
    assert_eq!(Board::new().zone(0, "48312").zone(1, "81000").zone(10, "27800").mdegc(), Some(81_000));
    assert_eq!(Board::new().zone(0, "-5000").mdegc(), Some(-5000));
}

#[test]
fn s10_a_zone_that_cannot_be_read_or_reads_nonsense_is_skipped() {
    let board = Board::new().zone(0, "48312").zone(2, "hot").zone(3, "").zone(4, "99999999999999");
    assert_eq!(board.mdegc(), Some(48_312));
    for absurd in ["-274000", "127000", "255000", "125001", "-40001", "2147483647"] {
        assert_eq!(Board::new().zone(0, "48312").zone(1, absurd).mdegc(), Some(48_312), "{absurd}");
    }
    assert_eq!(Board::new().zone(0, "125000").mdegc(), Some(125_000));
    // A sensor that gives an error when it is read, as a folder does.
    let failing = Board::new().zone(0, "48312").folder("thermal/thermal_zone1/temp", &[]);
    assert_eq!(failing.mdegc(), Some(48_312));
    let fan = Board::new().folder("thermal/cooling_device0", &[("temp", "90000")]);
    assert_eq!(fan.mdegc(), None, "only zones measure");
}

#[test]
fn what_comes_and_goes_is_seen_at_the_next_reading() {
    let board = Board::new().battery("BAT0", "Discharging", "40").zone(0, "48312");
    let sysfs = board.sysfs();
    assert_eq!(sysfs.read(), Conditions { battery_percent: Some(40), temperature_mdegc: Some(48_312) });
    let board = board.battery("BAT0", "Charging", "41").zone(1, "50000");
    assert_eq!(sysfs.read(), Conditions { battery_percent: None, temperature_mdegc: Some(50_000) });
    fs::remove_dir_all(board.0.path().join("power_supply")).unwrap();
    assert_eq!(sysfs.read(), Conditions { battery_percent: None, temperature_mdegc: Some(50_000) });
}

#[test]
fn what_is_read_is_described() {
    let board = Board::new().battery("BAT0", "Discharging", "40").zone(0, "48312").zone(1, "255000");
    assert_eq!(board.sysfs().describe(), "battery BAT0, 1 thermal zone");
    let board = board.battery("BAT1", "Full", "100").zone(2, "50000");
    assert_eq!(board.sysfs().describe(), "batteries BAT0, BAT1, 2 thermal zones");
}

/// Whatever this machine has, or has not.
#[test]
fn the_kernels_own_tree_is_read() {
    let read = SysfsConditions::new().read();
    assert!(read.battery_percent.is_none_or(|percent| percent <= 100), "{read:?}");
    assert!(read.temperature_mdegc.is_none_or(|mdegc| PLAUSIBLE_MDEGC.contains(&mdegc)), "{read:?}");
}
