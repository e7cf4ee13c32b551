//! Chooses and opens the output device.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use carpus_devices::audio::AudioError;
use rodio::cpal::traits::{DeviceTrait, HostTrait};
use rodio::cpal::{self, BufferSize, Device, DeviceId, ErrorKind, Host, HostId};
use rodio::{DeviceSinkBuilder, DeviceSinkError, MixerDeviceSink};

use crate::SpeakerOptions;
use crate::alsa_lib::{Hushed, leads_to_null};

/// ALSA's name for the output that its configuration chooses.
const DEFAULT: &str = "default";

/// A card's own output with conversions done by ALSA, so that it takes any rate and format.
const CARD_PREFIX: &str = "plughw:";

/// Where the kernel's sound devices are.
const SOUND_DEVICES: &str = "/dev/snd";

const REMEDY_NONE: &str = "connect or enable a sound card (on a Raspberry Pi: dtparam=audio=on, or the \
    overlay of your sound board, in config.txt); aplay -L lists what there is, and audio.device names one of them";

const REMEDY_PERMISSION: &str = "add the runtime's user to the group audio, and start the runtime again";

/// Why a device cannot be the speaker.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("no such device")]
    NotThere,
    #[error("it leads to the null device, which plays nothing")]
    Null,
    #[error(transparent)]
    Device(#[from] cpal::Error),
    #[error(transparent)]
    Sink(#[from] DeviceSinkError),
}

impl OpenError {
    fn kind(&self) -> Option<ErrorKind> {
        use DeviceSinkError::{BuildError, DefaultSinkConfigError, PlayError, SupportedConfigsError};
        match self {
            Self::NotThere | Self::Null | Self::Sink(DeviceSinkError::NoDevice) => {
                Some(ErrorKind::DeviceNotAvailable)
            }
            Self::Device(error)
            | Self::Sink(
                PlayError(error)
                | DefaultSinkConfigError(error)
                | BuildError(error)
                | SupportedConfigsError(error),
            ) => Some(error.kind()),
            Self::Sink(DeviceSinkError::UnsupportedSampleFormat) => None,
        }
    }

    fn into_audio_error(self, device: Option<&str>) -> AudioError {
        let remedy = match (&self, self.kind()) {
            (_, Some(ErrorKind::PermissionDenied)) => REMEDY_PERMISSION.to_owned(),
            // To one who may not open its files, ALSA says of a card that it does not exist.
            (Self::NotThere | Self::Device(_) | Self::Sink(_), Some(ErrorKind::DeviceNotAvailable))
                if has_closed_card(Path::new(SOUND_DEVICES)) =>
            {
                REMEDY_PERMISSION.to_owned()
            }
            (Self::Null, _) => format!(
                "{} leads to ALSA's null device, which plays nothing: name another in audio.device",
                device.unwrap_or(DEFAULT)
            ),
            (_, Some(ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable)) => match device {
                Some(device) => format!("{device} is not there: aplay -L lists the names for audio.device"),
                None => REMEDY_NONE.to_owned(),
            },
            _ => return AudioError::Failed(Arc::new(self)),
        };
        AudioError::Missing { remedy }
    }
}

/// What the stream has said of itself since it was opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<Mutex<Option<cpal::Error>>>);

impl Health {
    /// Why the stream plays no longer.
    pub(crate) fn failure(&self) -> Option<cpal::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Called on the stream's thread, perhaps often: the first failure is kept and logged.
    fn report(&self, error: cpal::Error) {
        match error.kind() {
            ErrorKind::Xrun => tracing::debug!("the sound device ran out of samples"),
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => tracing::debug!(%error, "sound device"),
            _ => {
                let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if first.is_none() {
                    tracing::warn!(%error, "the sound device failed");
                    *first = Some(error);
                }
            }
        }
    }
}

/// An open output.
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) sink: MixerDeviceSink,
    pub(crate) health: Health,
}

/// Opens the device of the settings; without one the default, or else the first card that opens.
pub(crate) fn open(options: &SpeakerOptions) -> Result<Output, AudioError> {
    let _hushed = Hushed::start();
    let device = options.device.as_deref();
    let host =
        cpal::host_from_id(HostId::Alsa).map_err(|error| OpenError::from(error).into_audio_error(device))?;
    let mut first_error = None;
    for name in candidates(&host, device) {
        match open_device(&host, &name, options.buffer_frames) {
            Ok(output) => return Ok(output),
            Err(error) => {
                tracing::debug!(device = name, %error, "sound device passed over");
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or(OpenError::NotThere).into_audio_error(device))
}

fn candidates(host: &Host, device: Option<&str>) -> Vec<String> {
    if let Some(device) = device {
        return vec![device.to_owned()];
    }
    let listed = host.output_devices().into_iter().flatten();
    let names = listed.filter_map(|device| Some(device.id().ok()?.id().to_owned()));
    let mut cards: Vec<String> = names.filter(|name| name.starts_with(CARD_PREFIX)).collect();
    cards.sort();
    cards.insert(0, DEFAULT.to_owned());
    cards
}

fn open_device(host: &Host, name: &str, buffer_frames: Option<u32>) -> Result<Output, OpenError> {
    let device = device(host, name).ok_or(OpenError::NotThere)?;
    if leads_to_null(name) {
        return Err(OpenError::Null);
    }
    let health = Health::default();
    let reporter = health.clone();
    let description = device.description()?;
    let mut builder = DeviceSinkBuilder::from_device(device)?;
    if let Some(frames) = buffer_frames.filter(|frames| *frames > 0) {
        builder = builder.with_buffer_size(BufferSize::Fixed(frames));
    }
    let builder = builder.with_error_callback(move |error| reporter.report(error));
    let mut sink = builder.open_sink_or_fallback()?;
    sink.log_on_drop(false);
    Ok(Output { name: format!("{} ({name})", description.name()), sink, health })
}

/// Whether there is a sound card that this process may not open.
fn has_closed_card(folder: &Path) -> bool {
    let controls = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    controls.filter(|entry| entry.file_name().to_string_lossy().starts_with("controlC")).any(|entry| {
        File::open(entry.path()).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    })
}

fn device(host: &Host, name: &str) -> Option<Device> {
    if name == DEFAULT {
        return host.default_output_device();
    }
    host.device_by_id(&DeviceId::new(HostId::Alsa, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(device: &str) -> String {
        let options = SpeakerOptions { device: Some(device.to_owned()), buffer_frames: None };
        match open(&options) {
            Err(AudioError::Missing { remedy }) => remedy,
            Err(other) => panic!("{other}"),
            Ok(output) => panic!("opened {}", output.name),
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_named_with_what_to_do() {
        let text = remedy("plughw:CARD=NoSuchCard,DEV=0");
        assert!(text.contains("NoSuchCard") && text.contains("aplay -L"), "{text}");
    }

    #[test]
    fn n8_the_null_device_is_never_taken_for_a_speaker() {
        assert!(remedy("null").contains("plays nothing"));
    }

    #[test]
    fn the_default_is_tried_first_and_a_named_device_alone() {
        let host = cpal::host_from_id(HostId::Alsa).unwrap();
        let names = candidates(&host, None);
        assert_eq!(names[0], DEFAULT);
        assert!(names[1..].iter().all(|name| name.starts_with("plughw:")), "{names:?}");
        assert_eq!(candidates(&host, Some("hw:1,0")), ["hw:1,0"]);
    }

    #[test]
    fn each_kind_of_failure_has_its_remedy() {
        let remedy = |kind, device| match OpenError::from(cpal::Error::new(kind)).into_audio_error(device) {
            AudioError::Missing { remedy } => Some(remedy),
            _ => None,
        };
        assert_eq!(remedy(ErrorKind::PermissionDenied, None).unwrap(), REMEDY_PERMISSION);
        assert_eq!(remedy(ErrorKind::DeviceNotAvailable, None).unwrap(), REMEDY_NONE);
        assert!(remedy(ErrorKind::HostUnavailable, Some("usb")).unwrap().starts_with("usb is not there"));
        assert_eq!(remedy(ErrorKind::DeviceBusy, None), None);
    }

    #[test]
    fn a_card_that_can_be_opened_is_not_called_closed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_closed_card(&folder.path().join("nowhere")));
        fs::write(folder.path().join("controlC0"), b"").unwrap();
        assert!(!has_closed_card(folder.path()));
    }

    #[test]
    fn an_underrun_is_no_failure_and_the_first_failure_stays() {
        let health = Health::default();
        health.report(cpal::Error::new(ErrorKind::Xrun));
        assert_eq!(health.failure(), None);
        health.report(cpal::Error::new(ErrorKind::DeviceNotAvailable));
        health.report(cpal::Error::new(ErrorKind::BackendError));
        assert_eq!(health.failure().map(|error| error.kind()), Some(ErrorKind::DeviceNotAvailable));
    }
}
