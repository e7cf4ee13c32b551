//! Sounds from files.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use carpus_devices::Cause;
use carpus_devices::audio::AudioError;
use rodio::Decoder;

/// The largest sound file that is played: 16 MiB, some minutes of WAV. It is read at once, since the device's
/// callback must not wait for a slow card.
pub const FILE_SIZE_MAX: u64 = 16 * 1024 * 1024;

/// What is wrong with a sound file, beyond what the file system or the decoder say.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum FileError {
    #[error("it is larger than {FILE_SIZE_MAX} bytes")]
    TooLarge,
    #[error("it is not a file")]
    NotAFile,
}

/// Opens a WAV or Ogg Vorbis file.
pub(crate) fn open(path: &Path) -> Result<Decoder<Cursor<Vec<u8>>>, AudioError> {
    let bytes = read(path).map_err(|cause| bad(path, cause))?;
    Decoder::new(Cursor::new(bytes)).map_err(|error| bad(path, Arc::new(error)))
}

fn read(path: &Path) -> Result<Vec<u8>, Cause> {
    let cause = |error: std::io::Error| -> Cause { Arc::new(error) };
    // Asked before opening: to open a pipe would wait for its writer.
    if !path.metadata().map_err(cause)?.is_file() {
        return Err(Arc::new(FileError::NotAFile));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(cause)?.take(FILE_SIZE_MAX + 1).read_to_end(&mut bytes).map_err(cause)?;
    if bytes.len() as u64 > FILE_SIZE_MAX { Err(Arc::new(FileError::TooLarge)) } else { Ok(bytes) }
}

fn bad(path: &Path, cause: Cause) -> AudioError {
    AudioError::BadSound { what: path.display().to_string(), cause }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rodio::Source;

    use super::*;

    /// A WAV file of 16-bit samples in one channel at 8 kHz.
    fn wav(samples: &[i16]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let length = u32::try_from(data.len()).unwrap();
        let mut bytes = Vec::new();
        bytes.extend(b"RIFF");
        bytes.extend((36 + length).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16u32.to_le_bytes());
        bytes.extend([1u16, 1].map(u16::to_le_bytes).concat());
        bytes.extend([8_000u32, 16_000].map(u32::to_le_bytes).concat());
        bytes.extend([2u16, 16].map(u16::to_le_bytes).concat());
        bytes.extend(b"data");
        bytes.extend(length.to_le_bytes());
        bytes.extend(data);
        bytes
    }

    fn refused(path: &Path) -> String {
        match open(path) {
            Err(AudioError::BadSound { what, cause }) => format!("{what}: {cause}"),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{} was accepted", path.display()),
        }
    }

    #[test]
    fn a_wav_file_is_decoded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("beep.wav");
        fs::write(&path, wav(&[0, 16_384, -16_384, 0])).unwrap();
        let source = open(&path).unwrap();
        assert_eq!((source.channels().get(), source.sample_rate().get()), (1, 8_000));
        let samples: Vec<f32> = source.collect();
        assert_eq!(samples, [0.0, 0.5, -0.5, 0.0]);
    }

    /// Half a second of 500 Hz at 8 kHz, at half the full level.
    #[test]
    fn a_vorbis_file_is_decoded() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sounds/500-hz.ogg");
        let source = open(&path).unwrap();
        assert_eq!((source.channels().get(), source.sample_rate().get()), (1, 8_000));
        let samples: Vec<f32> = source.collect();
        assert!((3_900..=4_100).contains(&samples.len()), "{} samples", samples.len());
        let rises = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        assert!((245..=255).contains(&rises), "{rises} waves");
        let peak = samples[1_000..3_000].iter().copied().fold(0.0, f32::max);
        assert!((0.45..0.55).contains(&peak), "peak {peak}");
    }

    #[test]
    fn what_is_no_sound_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("noise");
        assert!(refused(&path).contains("noise: No such file"), "{}", refused(&path));
        assert!(refused(folder.path()).contains("not a file"));
        for bytes in [&b""[..], b"RIFF", b"plain text, and more of it", &[0xff; 4_096], b"OggS\0\x02"] {
            fs::write(&path, bytes).unwrap();
            assert!(refused(&path).contains("noise"), "{bytes:?}");
        }
    }

    #[test]
    fn a_broken_off_file_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("short.wav");
        let whole = wav(&[1_000; 64]);
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            if let Ok(source) = open(&path) {
                assert!(source.count() <= 64);
            }
        }
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.wav");
        File::create(&path).unwrap().set_len(FILE_SIZE_MAX + 1).unwrap();
        assert!(refused(&path).contains("larger than"));
    }
}
