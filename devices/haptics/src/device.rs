//! Finds and opens the input device that is the motor.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carpus_devices::haptics::MotorError;
use evdev::{Device, EventType};

use crate::effect::Form;

/// Where the kernel tells what an input device can do, readable without opening the device.
const INPUT_CLASS: &str = "/sys/class/input";

const REMEDY_NONE: &str = "connect a motor that the kernel drives as an input device with force feedback (on \
    a Raspberry Pi: a device tree overlay with a gpio-vibrator, pwm-vibrator or ti,drv2605l node), or name \
    the device in haptics.device";

const REMEDY_PERMISSION: &str = "add the runtime's user to the group input, or install the udev rule that \
    gives force feedback devices to it, and start the runtime again";

/// An open device that can vibrate.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) device: Device,
    pub(crate) form: Form,
}

impl Found {
    /// A device that does nothing but vibrate goes before one with keys and sticks; then the best form wins.
    fn rank(&self) -> (bool, Form) {
        let events = self.device.supported_events();
        let is_controller = events.contains(EventType::KEY) || events.contains(EventType::ABSOLUTE);
        (is_controller, self.form)
    }
}

/// Opens the device that the settings name.
pub(crate) fn open(path: &Path) -> Result<Found, MotorError> {
    let file = open_file(path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => not_permitted(path),
        ErrorKind::NotFound => missing(format!("{} does not exist: check haptics.device", path.display())),
        _ => MotorError::Failed(Arc::new(error)),
    })?;
    let device = into_device(file).map_err(|error| {
        tracing::debug!(path = %path.display(), %error, "not an input device");
        missing(format!("{} is not an input device: check haptics.device", path.display()))
    })?;
    with_form(path, device).ok_or_else(|| {
        missing(format!("{} has no force feedback that can vibrate: check haptics.device", path.display()))
    })
}

/// Looks for the best motor among the input devices in `folder`.
pub(crate) fn find(folder: &Path) -> Result<Found, MotorError> {
    let mut denied = None;
    let mut found: Vec<Found> = Vec::new();
    for path in event_devices(folder) {
        match open_file(&path) {
            Ok(file) => found.extend(into_device(file).ok().and_then(|device| with_form(&path, device))),
            Err(error) if error.kind() == ErrorKind::PermissionDenied && has_force_feedback(&path) => {
                denied.get_or_insert(path);
            }
            Err(error) => tracing::trace!(path = %path.display(), %error, "input device passed over"),
        }
    }
    match (found.into_iter().min_by_key(Found::rank), denied) {
        (Some(best), _) => Ok(best),
        (None, Some(path)) => Err(not_permitted(&path)),
        (None, None) => Err(missing(REMEDY_NONE.to_owned())),
    }
}

/// The `eventN` files of `folder` by number, so that the choice is the same each time.
fn event_devices(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut numbered: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((event_number(&entry.path())?, entry.path()))).collect();
    numbered.sort();
    numbered.into_iter().map(|(_, path)| path).collect()
}

fn event_number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("event")?.parse().ok()
}

/// Playing an effect is a write: a device that can only be read is of no use.
fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

fn into_device(file: File) -> io::Result<Device> {
    Device::from_fd(file.into())
}

fn with_form(path: &Path, device: Device) -> Option<Found> {
    let form = Form::best_of(device.supported_ff()?)?;
    Some(Found { path: path.to_owned(), device, form })
}

fn has_force_feedback(path: &Path) -> bool {
    let Some(name) = path.file_name() else {
        return false;
    };
    let capabilities = Path::new(INPUT_CLASS).join(name).join("device/capabilities/ff");
    fs::read_to_string(capabilities).is_ok_and(|text| is_any_set(&text))
}

/// Whether a bit map of sysfs (hexadecimal words with spaces between) has any bit set.
fn is_any_set(bitmap: &str) -> bool {
    bitmap.split_whitespace().any(|word| u64::from_str_radix(word, 16).is_ok_and(|bits| bits != 0))
}

fn missing(remedy: String) -> MotorError {
    MotorError::Missing { remedy }
}

fn not_permitted(path: &Path) -> MotorError {
    MotorError::NotPermitted { path: path.display().to_string(), remedy: REMEDY_PERMISSION.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(result: Result<Found, MotorError>) -> String {
        match result {
            Err(MotorError::Missing { remedy }) => remedy,
            Err(other) => panic!("{other}"),
            Ok(found) => panic!("found {}", found.path.display()),
        }
    }

    #[test]
    fn a_board_without_a_motor_is_told_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        assert!(remedy(find(folder.path())).contains("haptics.device"));
        assert!(remedy(find(&folder.path().join("nowhere"))).contains("gpio-vibrator"));
    }

    #[test]
    fn files_that_are_no_input_devices_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("event0"), b"not a device").unwrap();
        fs::create_dir(folder.path().join("event1")).unwrap();
        assert_eq!(remedy(find(folder.path())), REMEDY_NONE);
    }

    #[test]
    fn a_named_device_that_is_wrong_is_named_in_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("event0");
        assert!(remedy(open(&file)).contains("event0 does not exist"));
        fs::write(&file, b"not a device").unwrap();
        assert!(remedy(open(&file)).contains("event0 is not an input device"));
    }

    #[test]
    fn devices_are_tried_by_number() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["event10", "event2", "mouse0", "event", "eventful", "js0"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let names: Vec<_> =
            event_devices(folder.path()).into_iter().filter_map(|p| event_number(&p)).collect();
        assert_eq!(names, [2, 10]);
    }

    #[test]
    fn capabilities_are_read_from_sysfs() {
        assert!(is_any_set("107030000 0\n"));
        assert!(is_any_set("0 1"));
        assert!(!is_any_set("0\n"));
        assert!(!is_any_set("0 0"));
        assert!(!is_any_set(""));
        assert!(!is_any_set("none"));
    }
}
