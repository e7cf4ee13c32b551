//! What the actors of the devices tell about them: a device is missing or failed, and it works again; and what is
//! wrong with the files that the devices play from.

use std::error::Error;

use actix::Message;
use carpus_devices::audio::AudioError;
use carpus_devices::bluetooth::BleError;
use carpus_devices::haptics::MotorError;
use carpus_devices::inputs::InputError;

/// A device is missing, or failed, or a file that it plays from cannot be used. Told once, until it works again
/// ([`DeviceMended`]) or something else is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceProblem {
    /// Which device: `"motor"`, `"speaker"`, `"bluetooth"`, `"buttons"`; `"theme"`, the file of the haptics' patterns
    /// and sounds (H1); `"clock"`, what wakes the board (A8); or `"apps"`, what keeps apps apart.
    pub part: &'static str,
    /// What is wrong, for people.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// A device of which a [`DeviceProblem`] was told works again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceMended {
    /// Which device, as the problem named it.
    pub part: &'static str,
}

/// How a device fares. One message, so that a problem and its end keep their order.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum DeviceReport {
    /// It is missing, or failed.
    Problem(DeviceProblem),
    /// It works again.
    Mended(DeviceMended),
}

/// An error of a device that can say what is wrong and what to do about it.
pub trait Fault: Error {
    /// What is wrong, with its causes.
    fn what(&self) -> String;
    /// What to do about it.
    fn remedy(&self) -> String;
    /// The report on `part` that follows from it.
    fn problem(&self, part: &'static str) -> DeviceProblem {
        DeviceProblem { part, what: self.what(), remedy: self.remedy() }
    }
}

const TRIED_AGAIN: &str = "check that it is plugged in; it is opened again by itself";

impl Fault for MotorError {
    fn what(&self) -> String {
        match self {
            Self::Missing { .. } => "no vibration motor was found".to_owned(),
            Self::NotPermitted { path, .. } => format!("{path} may not be used"),
            Self::Failed(_) => with_causes(self),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Missing { remedy } | Self::NotPermitted { remedy, .. } => remedy.clone(),
            Self::Failed(_) => TRIED_AGAIN.to_owned(),
        }
    }
}

impl Fault for AudioError {
    fn what(&self) -> String {
        match self {
            Self::Missing { .. } => "no sound device was found".to_owned(),
            Self::BadSound { .. } | Self::Failed(_) => with_causes(self),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Missing { remedy } => remedy.clone(),
            Self::BadSound { .. } => "choose another sound file, WAV or Vorbis".to_owned(),
            Self::Failed(_) => TRIED_AGAIN.to_owned(),
        }
    }
}

impl Fault for InputError {
    fn what(&self) -> String {
        match self {
            Self::Missing { .. } => "no input device has the keys that the settings name".to_owned(),
            Self::NotPermitted { path, .. } => format!("{path} may not be read"),
            Self::Failed(_) => with_causes(self),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Missing { remedy } | Self::NotPermitted { remedy, .. } => remedy.clone(),
            Self::Failed(_) => TRIED_AGAIN.to_owned(),
        }
    }
}

impl Fault for BleError {
    fn what(&self) -> String {
        match self {
            Self::NoAdapter { .. } => "no Bluetooth adapter was found".to_owned(),
            Self::NotPermitted { .. } => "the Bluetooth adapter may not be used".to_owned(),
            Self::PoweredOff { .. } => "the Bluetooth adapter is switched off".to_owned(),
            Self::Unknown(_)
            | Self::TimedOut { .. }
            | Self::Transient(_)
            | Self::Busy(_)
            | Self::NoCharacteristic { .. }
            | Self::Disconnected
            | Self::Failed(_) => with_causes(self),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::NoAdapter { remedy } | Self::NotPermitted { remedy } | Self::PoweredOff { remedy } => {
                remedy.clone()
            }
            Self::Unknown(_)
            | Self::TimedOut { .. }
            | Self::Transient(_)
            | Self::Busy(_)
            | Self::NoCharacteristic { .. }
            | Self::Disconnected
            | Self::Failed(_) => TRIED_AGAIN.to_owned(),
        }
    }
}

/// An error and its causes on one line: `"the radio failed for a moment: br-connection-canceled"`.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_missing_device_tells_its_remedy_apart_from_what_is_wrong() {
        let error = MotorError::Missing { remedy: "add dtoverlay=…".to_owned() };
        let problem = error.problem("motor");
        assert_eq!(problem.what, "no vibration motor was found");
        assert_eq!(problem.remedy, "add dtoverlay=…");
    }

    #[test]
    fn a_failure_tells_its_causes() {
        let cause = Arc::new(std::io::Error::other("no such device"));
        let problem = BleError::Transient(cause).problem("bluetooth");
        assert_eq!(problem.what, "the radio failed for a moment: no such device");
    }
}
