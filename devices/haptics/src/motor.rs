//! The open motor.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carpus_devices::haptics::{Motor, MotorError, Strength};
use evdev::{Device, FFEffect, FFEffectCode};

use crate::device::Found;
use crate::effect::{self, Form};

/// A motor behind an evdev device. At most one effect of ours is on the device at a time.
pub(crate) struct EvdevMotor {
    /// Erased from the device when dropped; dropped before the device.
    playing: Option<FFEffect>,
    device: Device,
    path: PathBuf,
    form: Form,
    /// What the device does not weaken by itself, in percent.
    gain_percent: u8,
}

impl EvdevMotor {
    pub(crate) fn new(found: Found, gain_percent: u8) -> Result<Self, MotorError> {
        let Found { path, mut device, form } = found;
        let has_gain = device.supported_ff().is_some_and(|effects| effects.contains(FFEffectCode::FF_GAIN));
        if has_gain {
            device.set_ff_gain(effect::gain(gain_percent)).map_err(failed)?;
        }
        let gain_percent = if has_gain { 100 } else { gain_percent };
        Ok(Self { playing: None, device, path, form, gain_percent })
    }
}

impl Motor for EvdevMotor {
    fn vibrate(&mut self, strength: Strength, length: Duration) -> Result<(), MotorError> {
        // A device may have room for one effect only; erasing also stops it.
        self.playing = None;
        let strength = effect::weakened(strength, self.gain_percent);
        let Some(data) = effect::effect(self.form, strength, length) else {
            return Ok(());
        };
        let mut uploaded = self.device.upload_ff_effect(data).map_err(failed)?;
        uploaded.play(1).map_err(failed)?;
        self.playing = Some(uploaded);
        Ok(())
    }

    fn stop(&mut self) -> Result<(), MotorError> {
        match self.playing.take() {
            Some(mut playing) => playing.stop().map_err(failed),
            None => Ok(()),
        }
    }

    fn describe(&self) -> String {
        format!("{} at {}", self.device.name().unwrap_or("a device without a name"), self.path.display())
    }
}

fn failed(error: io::Error) -> MotorError {
    MotorError::Failed(Arc::new(error))
}
