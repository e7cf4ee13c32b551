//! The vibration motor behind the port [`carpus_devices::haptics`]: evdev force feedback.
//!
//! What works where:
//! * Any Linux device with force feedback (`EV_FF`): the kernel's `gpio-vibra` (a motor on a GPIO line, on or
//!   off), `pwm-vibra` and `drv260x` (with levels), a game controller, a virtual device made by `uinput`.
//!   Rumble effects come first; a device without them gets a sine, or a constant force.
//! * A Raspberry Pi has no such device until the device tree names one: a node `gpio-vibrator` or
//!   `pwm-vibrator` for a motor on a pin, or `ti,drv2605l` for that chip, loaded as an overlay.
//! * Motors without a kernel driver (a GPIO line or a PWM channel driven from user space, the ROM effects of
//!   a DRV2605L) are not reached from here.
//!
//! The dead-man stop (H3) is the kernel's: each effect carries its length, and the kernel erases all effects
//! of a process when its last handle of the device closes, however the process ends.

mod device;
mod effect;
mod motor;

use std::path::{Path, PathBuf};

use carpus_devices::haptics::{Motor, OpenMotor};

pub use effect::LENGTH_MAX;

/// Where the kernel keeps the input devices.
const INPUT_DEVICES: &str = "/dev/input";

/// Which motor, and how strong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MotorOptions {
    /// The device, such as `/dev/input/event3`; none looks for the best one.
    pub device: Option<PathBuf>,
    /// The strength of every vibration, in percent of what is asked for; more than 100 is taken as 100.
    pub gain_percent: u8,
}

/// Gives what opens the motor, for the thread that will own it.
pub fn open_motor(options: MotorOptions) -> OpenMotor {
    Box::new(move || {
        let found = match &options.device {
            Some(path) => device::open(path)?,
            None => device::find(Path::new(INPUT_DEVICES))?,
        };
        let motor = motor::EvdevMotor::new(found, options.gain_percent)?;
        tracing::info!(motor = motor.describe(), "vibration motor opened");
        Ok(Box::new(motor))
    })
}
