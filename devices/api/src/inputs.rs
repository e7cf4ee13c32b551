//! The buttons of the board.

use crate::{BoxStream, Cause};

/// A button by what it does, not by its key code: the backend maps the keys of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Button {
    /// The crown: leaves the app.
    Crown,
    /// The side button: turns the screen on and off.
    Side,
    /// Stops a ringing alarm.
    Stop,
    /// Snoozes a ringing alarm.
    Snooze,
}

/// Why no button can be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InputError {
    /// No device has one of the keys that the settings name.
    #[error("no input device has the keys that the settings name; {remedy}")]
    Missing {
        /// What to do about it.
        remedy: String,
    },
    /// Devices are there, but the runtime may not read them.
    #[error("{path} may not be read; {remedy}")]
    NotPermitted {
        /// The device.
        path: String,
        /// What to do about it.
        remedy: String,
    },
    /// A device failed or went away.
    #[error("the input device failed")]
    Failed(#[source] Cause),
}

/// The buttons of the board.
pub trait Buttons: Send + Sync {
    /// Each press (not the release, not the repeats), from all devices that have a mapped key.
    /// The stream ends when the last device is gone; the caller opens it again.
    ///
    /// # Errors
    /// When there is no device to read.
    fn presses(&self) -> Result<BoxStream<'static, Button>, InputError>;
}
