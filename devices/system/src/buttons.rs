//! The buttons of the board, from the kernel's input devices.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use carpus_devices::BoxStream;
use carpus_devices::inputs::{Button, Buttons, InputError};
use evdev::{Device, EventType, InputEvent, KeyCode};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::io::unix::AsyncFd;

use crate::readiness;

/// The value of a key event that tells a press; 0 is the release, 2 a repeat
/// (the kernel's `Documentation/input/event-codes.rst`).
const PRESSED: i32 = 1;

/// Why a key map cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyMapError {
    /// No key of this name is known.
    #[error("{0:?} is not a key; write it as in the kernel's input-event-codes.h, for example KEY_HOMEPAGE")]
    UnknownKey(String),
    /// One key stands for two buttons.
    #[error("the key {0} is given to two buttons; give each button keys of its own")]
    GivenTwice(String),
}

/// Which key is which button.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyMap(BTreeMap<u16, Button>);

impl KeyMap {
    /// Reads keys by their names (`KEY_HOMEPAGE`, `BTN_0`). A button may have several keys.
    ///
    /// # Errors
    /// When a name is unknown or stands for two buttons.
    pub fn parse<'a>(keys: impl IntoIterator<Item = (&'a str, Button)>) -> Result<Self, KeyMapError> {
        let mut map = BTreeMap::new();
        for (name, button) in keys {
            let key = KeyCode::from_str(name).map_err(|_| KeyMapError::UnknownKey(name.to_owned()))?;
            if map.insert(key.code(), button).is_some_and(|other| other != button) {
                return Err(KeyMapError::GivenTwice(name.to_owned()));
            }
        }
        Ok(Self(map))
    }

    /// The button that an event presses, if it does.
    fn pressed(&self, event: &InputEvent) -> Option<Button> {
        let is_press = event.event_type() == EventType::KEY && event.value() == PRESSED;
        is_press.then(|| self.0.get(&event.code()).copied()).flatten()
    }

    fn is_any_on(&self, device: &Device) -> bool {
        device
            .supported_keys()
            .is_some_and(|keys| self.0.keys().any(|code| keys.contains(KeyCode::new(*code))))
    }
}

/// Buttons as keys of input devices.
///
/// Devices are looked for each time that [`Buttons::presses`] is called; one that is plugged in later is not seen
/// until then.
#[derive(Clone, Debug)]
pub struct EvdevButtons {
    keys: Arc<KeyMap>,
    device: Option<PathBuf>,
    folder: PathBuf,
}

impl EvdevButtons {
    /// Reads `keys` from `device`, or from all devices that have one of them.
    pub fn new(keys: KeyMap, device: Option<PathBuf>) -> Self {
        Self { keys: Arc::new(keys), device, folder: PathBuf::from("/dev/input") }
    }

    fn open(&self) -> Result<Vec<Device>, InputError> {
        let paths = match &self.device {
            Some(path) => vec![path.clone()],
            None => event_devices(&self.folder),
        };
        let mut devices = Vec::new();
        let mut refused = None;
        for path in paths {
            match Device::open(&path) {
                Ok(device) if self.keys.is_any_on(&device) => devices.push(device),
                Ok(_) => {}
                Err(error) => refused = worse(refused, error, path),
            }
        }
        if devices.is_empty() { Err(self.nothing_to_read(refused)) } else { Ok(devices) }
    }

    fn nothing_to_read(&self, refused: Option<(io::Error, PathBuf)>) -> InputError {
        match refused {
            Some((error, path)) if error.kind() == io::ErrorKind::PermissionDenied => {
                InputError::NotPermitted {
                    path: path.display().to_string(),
                    remedy: "add the runtime's user to the group `input`".to_owned(),
                }
            }
            Some((error, _)) if error.kind() != io::ErrorKind::NotFound => {
                InputError::Failed(Arc::new(error))
            }
            _ => InputError::Missing {
                remedy: match &self.device {
                    Some(path) => format!("check that {} is there and has the keys", path.display()),
                    None => "plug the buttons in, or change the keys in the settings".to_owned(),
                },
            },
        }
    }
}

impl Buttons for EvdevButtons {
    fn presses(&self) -> Result<BoxStream<'static, Button>, InputError> {
        let devices = self.open()?;
        let presses = devices.into_iter().map(|device| presses_of(device, Arc::clone(&self.keys)).boxed());
        Ok(stream::select_all(presses).boxed())
    }
}

/// The event devices of a folder, in the order of their names.
fn event_devices(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("event"))
    });
    paths.sort();
    paths
}

/// Of two refusals the one that a user can do something about.
fn worse(
    earlier: Option<(io::Error, PathBuf)>,
    error: io::Error,
    path: PathBuf,
) -> Option<(io::Error, PathBuf)> {
    match earlier {
        Some(earlier) if earlier.0.kind() == io::ErrorKind::PermissionDenied => Some(earlier),
        _ => Some((error, path)),
    }
}

/// An open device, and its readiness.
struct Watched {
    device: Device,
    readiness: AsyncFd<OwnedFd>,
}

impl Watched {
    /// To be called on a tokio runtime.
    fn new(device: Device) -> io::Result<Self> {
        device.set_nonblocking(true)?;
        let readiness = readiness::watch(device.as_fd().try_clone_to_owned()?)?;
        Ok(Self { device, readiness })
    }

    async fn next_batch(&mut self, keys: &KeyMap) -> io::Result<Vec<Button>> {
        loop {
            let mut ready = self.readiness.readable().await?;
            let presses = ready.try_io(|_| {
                Ok(self.device.fetch_events()?.filter_map(|event| keys.pressed(&event)).collect())
            });
            if let Ok(batch) = presses {
                return batch;
            }
        }
    }
}

/// The presses on one device, until it is gone. It joins the executor at the first poll.
fn presses_of(device: Device, keys: Arc<KeyMap>) -> impl Stream<Item = Button> + Send {
    let name = device.name().unwrap_or("nameless device").to_owned();
    stream::once(async move { Watched::new(device) })
        .flat_map(move |watched| batches(watched, Arc::clone(&keys)).boxed())
        .take_while(move |batch| {
            if let Err(error) = batch {
                tracing::warn!(%error, device = name, "an input device is gone");
            }
            std::future::ready(batch.is_ok())
        })
        .flat_map(|batch| stream::iter(batch.unwrap_or_default()))
}

fn batches(
    watched: io::Result<Watched>,
    keys: Arc<KeyMap>,
) -> impl Stream<Item = io::Result<Vec<Button>>> + Send {
    stream::unfold((Some(watched), keys), |(watched, keys)| async move {
        match watched? {
            Ok(mut watched) => {
                let batch = watched.next_batch(&keys).await;
                Some((batch, (Some(Ok(watched)), keys)))
            }
            Err(error) => Some((Err(error), (None, keys))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> KeyMap {
        KeyMap::parse([
            ("KEY_HOMEPAGE", Button::Crown),
            ("KEY_POWER", Button::Side),
            ("KEY_ENTER", Button::Side),
        ])
        .unwrap()
    }

    fn key(code: KeyCode, value: i32) -> InputEvent {
        InputEvent::new(EventType::KEY.0, code.code(), value)
    }

    #[test]
    fn a_press_of_a_mapped_key_is_its_button() {
        assert_eq!(keys().pressed(&key(KeyCode::KEY_HOMEPAGE, 1)), Some(Button::Crown));
        assert_eq!(keys().pressed(&key(KeyCode::KEY_POWER, 1)), Some(Button::Side));
        assert_eq!(keys().pressed(&key(KeyCode::KEY_ENTER, 1)), Some(Button::Side));
    }

    #[test]
    fn releases_repeats_other_keys_and_other_events_are_nothing() {
        assert_eq!(keys().pressed(&key(KeyCode::KEY_HOMEPAGE, 0)), None);
        assert_eq!(keys().pressed(&key(KeyCode::KEY_HOMEPAGE, 2)), None);
        assert_eq!(keys().pressed(&key(KeyCode::KEY_A, 1)), None);
        let same_code = InputEvent::new(EventType::RELATIVE.0, KeyCode::KEY_HOMEPAGE.code(), 1);
        assert_eq!(keys().pressed(&same_code), None);
    }

    #[test]
    fn a_name_that_is_no_key_is_told() {
        let error = KeyMap::parse([("KEY_CROWN", Button::Crown)]).unwrap_err();
        assert_eq!(error, KeyMapError::UnknownKey("KEY_CROWN".to_owned()));
        assert!(error.to_string().contains("KEY_HOMEPAGE"), "{error}");
    }

    #[test]
    fn a_key_for_two_buttons_is_refused() {
        let twice = [("KEY_POWER", Button::Side), ("KEY_POWER", Button::Stop)];
        assert_eq!(KeyMap::parse(twice), Err(KeyMapError::GivenTwice("KEY_POWER".to_owned())));
    }

    #[test]
    fn no_device_is_missing_with_a_remedy() {
        let empty = tempfile::tempdir().unwrap();
        let buttons = EvdevButtons { folder: empty.path().to_owned(), ..EvdevButtons::new(keys(), None) };
        assert!(matches!(buttons.presses().err(), Some(InputError::Missing { .. })));
        let named = EvdevButtons::new(keys(), Some(empty.path().join("event7")));
        let Some(InputError::Missing { remedy }) = named.presses().err() else { panic!("not missing") };
        assert!(remedy.contains("event7"), "{remedy}");
    }

    #[test]
    fn what_is_no_input_device_fails_with_the_kernels_word() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("event0"), "not a device").unwrap();
        std::fs::write(folder.path().join("mice"), "not looked at").unwrap();
        let buttons = EvdevButtons { folder: folder.path().to_owned(), ..EvdevButtons::new(keys(), None) };
        assert!(matches!(buttons.presses().err(), Some(InputError::Failed(_))));
    }

    #[test]
    fn a_refusal_by_permission_is_told_before_others() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let broken = || io::Error::from(io::ErrorKind::InvalidInput);
        for (first, second) in [(denied(), broken()), (broken(), denied())] {
            let refused = worse(worse(None, first, "a".into()), second, "b".into());
            let error = EvdevButtons::new(keys(), None).nothing_to_read(refused);
            assert!(matches!(error, InputError::NotPermitted { .. }), "{error}");
        }
    }
}
