//! The vibration motor.

use std::time::Duration;

use crate::Cause;

/// How strongly the motor turns, in percent of its full strength (0 to 100).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strength(u8);

impl Strength {
    /// The motor's full strength.
    pub const FULL: Self = Self(100);

    /// A strength of `percent`; more than 100 is taken as 100.
    pub const fn percent(percent: u8) -> Self {
        Self(if percent > 100 { 100 } else { percent })
    }

    /// The strength in percent, 0 to 100.
    pub const fn as_percent(self) -> u8 {
        self.0
    }
}

/// Why the motor did not do what it was told.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MotorError {
    /// No vibration motor was found.
    #[error("no vibration motor was found; {remedy}")]
    Missing {
        /// What to do about it.
        remedy: String,
    },
    /// A motor is there, but the runtime may not use it.
    #[error("{path} may not be used; {remedy}")]
    NotPermitted {
        /// The device.
        path: String,
        /// What to do about it.
        remedy: String,
    },
    /// The device failed or went away.
    #[error("the vibration motor failed")]
    Failed(#[source] Cause),
}

/// A vibration motor, owned by one thread.
pub trait Motor {
    /// Turns the motor for `length` at `strength`, replacing what it does now. The device itself ends the
    /// vibration after `length`, so that a stopped runtime leaves no motor running (H3). Does not wait.
    ///
    /// # Errors
    /// When the device refuses or is gone; the caller opens it again later.
    fn vibrate(&mut self, strength: Strength, length: Duration) -> Result<(), MotorError>;

    /// Stops the motor at once.
    ///
    /// # Errors
    /// When the device refuses or is gone.
    fn stop(&mut self) -> Result<(), MotorError>;

    /// What the motor is, for people: `"gpio-vibrator at /dev/input/event3"`.
    fn describe(&self) -> String;
}

/// Opens the motor on the thread that will own it; called again after a failure.
pub type OpenMotor = Box<dyn FnMut() -> Result<Box<dyn Motor>, MotorError> + Send>;
