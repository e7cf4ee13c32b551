//! How the board fares, from the kernel's classes `power_supply` and `thermal`.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use carpus_devices::conditions::{BoardConditions, Conditions};

#[cfg(test)]
mod tests;

/// The temperatures that a working sensor of a working board tells, in thousandths of a degree Celsius: what chips
/// are made for at most. A sensor that fails reads -273, 127 or 255 degrees and the like.
const PLAUSIBLE_MDEGC: RangeInclusive<i32> = -40_000..=125_000;
/// A full battery.
const PERCENT_MAX: u64 = 100;

/// The batteries and thermal zones of the running kernel. Each reading looks for them anew: a battery may be taken
/// out, and a driver come late.
#[derive(Clone, Debug)]
pub struct SysfsConditions {
    class: PathBuf,
}

impl SysfsConditions {
    /// Those of this board.
    pub fn new() -> Self {
        Self::in_folder("/sys/class")
    }

    /// Those below `class`, which holds the folders `power_supply` and `thermal` as `/sys/class` does.
    pub fn in_folder(class: impl Into<PathBuf>) -> Self {
        Self { class: class.into() }
    }

    /// The supplies of the board itself, batteries among them.
    fn supplies(&self) -> Vec<Supply> {
        let all = folders(&self.class.join("power_supply")).into_iter().map(Supply);
        all.filter(|supply| !supply.belongs_to_a_device()).collect()
    }

    fn zones(&self) -> Vec<PathBuf> {
        let mut zones = folders(&self.class.join("thermal"));
        zones.retain(|folder| name(folder).starts_with("thermal_zone"));
        zones
    }
}

impl Default for SysfsConditions {
    fn default() -> Self {
        Self::new()
    }
}

impl BoardConditions for SysfsConditions {
    fn read(&self) -> Conditions {
        Conditions {
            battery_percent: battery_percent(&self.supplies()),
            temperature_mdegc: self.zones().iter().filter_map(|zone| temperature_mdegc(zone)).max(),
        }
    }

    fn describe(&self) -> String {
        let supplies = self.supplies();
        let batteries: Vec<String> = supplies.iter().filter(|s| s.is_battery()).map(Supply::name).collect();
        let battery = match &batteries[..] {
            [] => "no battery".to_owned(),
            [one] => format!("battery {one}"),
            several => format!("batteries {}", several.join(", ")),
        };
        let zones = match self.zones().iter().filter(|zone| temperature_mdegc(zone).is_some()).count() {
            0 => "no thermal zone".to_owned(),
            1 => "1 thermal zone".to_owned(),
            count => format!("{count} thermal zones"),
        };
        format!("{battery}, {zones}")
    }
}

/// The charge of the fullest battery, from which a board with several runs on; none on external power.
fn battery_percent(supplies: &[Supply]) -> Option<u8> {
    let (batteries, others): (Vec<_>, Vec<_>) = supplies.iter().partition(|supply| supply.is_battery());
    if others.into_iter().any(Supply::feeds) || are_spared(&batteries) {
        return None;
    }
    batteries.into_iter().filter_map(Supply::percent).max()
}

/// Whether the batteries say that something else feeds the board. Of two, one is `Full` or `Not charging` also while
/// the board runs on the other.
fn are_spared(batteries: &[&Supply]) -> bool {
    let any_is = |wanted: &[&str]| {
        batteries
            .iter()
            .filter_map(|battery| battery.attribute("status"))
            .any(|status| wanted.contains(&&*status))
    };
    any_is(&["Charging", "Full", "Not charging"]) && !any_is(&["Discharging"])
}

/// A folder of the class `power_supply`; its attributes are those of the kernel's
/// `Documentation/ABI/testing/sysfs-class-power`.
struct Supply(PathBuf);

impl Supply {
    fn name(&self) -> String {
        name(&self.0)
    }

    fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.0, name)
    }

    /// Whether it feeds a mouse, a pen or the like, not the board.
    fn belongs_to_a_device(&self) -> bool {
        self.attribute("scope").is_some_and(|scope| scope == "Device")
    }

    fn is_battery(&self) -> bool {
        self.attribute("type").is_some_and(|kind| kind == "Battery")
    }

    /// Whether power comes in through it: a mains adapter, a USB port or a wireless charger that is online.
    fn feeds(&self) -> bool {
        let is_external = |kind: String| {
            kind.starts_with("USB") || ["Mains", "Wireless", "BrickID"].contains(&kind.as_str())
        };
        self.attribute("type").is_some_and(is_external)
            && self.attribute("online").is_some_and(|online| online != "0")
    }

    /// The charge of a battery. Some drivers tell the energy or the charge only.
    fn percent(&self) -> Option<u8> {
        if self.attribute("present").is_some_and(|present| present == "0") {
            return None;
        }
        self.number("capacity")
            .filter(|percent| *percent <= PERCENT_MAX)
            .or_else(|| self.ratio_percent("energy_now", "energy_full"))
            .or_else(|| self.ratio_percent("charge_now", "charge_full"))
            .and_then(|percent| u8::try_from(percent).ok())
    }

    fn ratio_percent(&self, now: &str, full: &str) -> Option<u64> {
        let (now, full) = (self.number(now)?, self.number(full)?);
        // A worn battery holds a little more than it last counted as full.
        Some(now.checked_mul(PERCENT_MAX)?.checked_div(full)?.min(PERCENT_MAX))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.attribute(name)?.parse().ok()
    }
}

/// The temperature of a zone. One whose sensor sleeps, fails or is absent cannot be read, or reads nonsense.
fn temperature_mdegc(zone: &Path) -> Option<i32> {
    attribute(zone, "temp")?.parse().ok().filter(|mdegc| PLAUSIBLE_MDEGC.contains(mdegc))
}

/// An attribute's text; none where the driver has no such attribute, or cannot read it now.
fn attribute(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join(name)).ok().map(|text| text.trim().to_owned())
}

/// What is in a folder, by name; nothing where there is no such folder.
fn folders(class: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(class).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
