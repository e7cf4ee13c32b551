//! One sound on its way to the device: at its volume, released softly, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rodio::source::SeekError;
use rodio::{ChannelCount, Sample, SampleRate, Source};

use crate::notes::{EDGE, frames, raised_cosine};

/// How long a device may take before a sound that makes no progress means that it has stalled. Buffers are a
/// fraction of this.
const STALL_AFTER: Duration = Duration::from_secs(1);

/// What the thread that plays and the device's callback tell each other. Each value stands for itself, so no
/// order between them matters.
#[derive(Debug, Default)]
struct Progress {
    is_released: AtomicBool,
    is_done: AtomicBool,
    samples: AtomicU64,
}

/// The handle of a sound that plays. Dropping it lets the sound go on.
#[derive(Debug)]
pub(crate) struct Playing {
    progress: Arc<Progress>,
    since: Instant,
    samples_per_second: u64,
}

impl Playing {
    /// Lets the sound fade out and end.
    pub(crate) fn release(&self) {
        self.progress.is_released.store(true, Ordering::Relaxed);
    }

    /// Whether the device should have taken more of the sound by `now`.
    pub(crate) fn has_stalled(&self, now: Instant) -> bool {
        let taken = self.progress.samples.load(Ordering::Relaxed);
        let taken = Duration::from_micros(taken.saturating_mul(1_000_000) / self.samples_per_second.max(1));
        let is_done = self.progress.is_done.load(Ordering::Relaxed);
        !is_done && is_behind(taken, now.saturating_duration_since(self.since))
    }
}

/// A device that works takes a second of sound in a second, ahead of time; half of that is a wide margin.
fn is_behind(taken: Duration, waited: Duration) -> bool {
    waited >= STALL_AFTER && taken < waited / 2
}

/// A source at its volume, which can be released.
pub(crate) struct Voice<S> {
    source: S,
    volume: f32,
    progress: Arc<Progress>,
    /// Samples of the release that are left, once it has begun.
    release_left: Option<u64>,
    release_samples: u64,
}

impl<S: Source> Voice<S> {
    /// The voice for `source`, and its handle. A `volume` outside 0.0 to 1.0 is taken as the nearer of the
    /// two.
    pub(crate) fn new(source: S, volume: f32) -> (Self, Playing) {
        let channels = u64::from(source.channels().get());
        let progress = Arc::new(Progress::default());
        let playing = Playing {
            progress: Arc::clone(&progress),
            since: Instant::now(),
            samples_per_second: u64::from(source.sample_rate().get()) * channels,
        };
        let release_samples = frames(EDGE, source.sample_rate()).max(1) * channels;
        let volume = if volume.is_nan() { 0.0 } else { volume.clamp(0.0, 1.0) };
        (Self { source, volume, progress, release_left: None, release_samples }, playing)
    }

    fn advance(&mut self) -> Option<Sample> {
        let level = self.release_level()?;
        let sample = self.source.next()?;
        Some(sample * self.volume * level)
    }

    /// The level of the sample to come; none at the end of the release.
    fn release_level(&mut self) -> Option<f32> {
        if self.release_left.is_none() && !self.progress.is_released.load(Ordering::Relaxed) {
            return Some(1.0);
        }
        let left = self.release_left.unwrap_or(self.release_samples).checked_sub(1)?;
        self.release_left = Some(left);
        Some(raised_cosine(left as f64 / self.release_samples as f64) as f32)
    }
}

impl<S: Source> Iterator for Voice<S> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let sample = self.advance();
        match sample {
            Some(_) => self.progress.samples.fetch_add(1, Ordering::Relaxed),
            None => u64::from(self.progress.is_done.swap(true, Ordering::Relaxed)),
        };
        sample
    }
}

impl<S: Source> Source for Voice<S> {
    fn current_span_len(&self) -> Option<usize> {
        self.source.current_span_len()
    }

    fn channels(&self) -> ChannelCount {
        self.source.channels()
    }

    fn sample_rate(&self) -> SampleRate {
        self.source.sample_rate()
    }

    fn total_duration(&self) -> Option<Duration> {
        self.source.total_duration()
    }

    fn try_seek(&mut self, position: Duration) -> Result<(), SeekError> {
        self.source.try_seek(position)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use rodio::buffer::SamplesBuffer;
    use rodio::mixer::mixer;

    use super::*;

    const RATE: SampleRate = NonZero::new(8_000).unwrap();
    const STEREO: ChannelCount = NonZero::new(2).unwrap();

    fn ones(samples: usize) -> SamplesBuffer {
        SamplesBuffer::new(ChannelCount::MIN, RATE, vec![1.0; samples])
    }

    #[test]
    fn volume_scales_and_is_kept_in_range() {
        let level = |volume| Voice::new(ones(1), volume).0.next().unwrap();
        assert_eq!((level(0.25), level(0.0), level(1.0)), (0.25, 0.0, 1.0));
        assert_eq!((level(7.0), level(-1.0), level(f32::NAN)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn a_released_sound_fades_within_the_edge_and_ends() {
        let (mut voice, playing) = Voice::new(ones(8_000), 1.0);
        assert!(voice.by_ref().take(100).all(|sample| sample == 1.0));
        playing.release();
        let rest: Vec<f32> = voice.by_ref().collect();
        assert_eq!(rest.len(), 40, "5 ms at 8 kHz");
        assert!(rest.is_sorted_by(|a, b| a >= b), "{rest:?}");
        assert!(rest[0] > 0.99 && rest[39] == 0.0);
        assert_eq!(voice.next(), None, "stays silent");
    }

    #[test]
    fn a_new_sound_replaces_the_one_before_without_a_gap() {
        let (input, mut output) = mixer(ChannelCount::MIN, RATE);
        let (old, playing) = Voice::new(ones(8_000), 0.5);
        input.add(old);
        assert_eq!(output.by_ref().take(10).last(), Some(0.5));
        playing.release();
        input.add(Voice::new(ones(60), 0.25).0);
        let after: Vec<f32> = output.collect();
        assert_eq!(after.len(), 60);
        assert!(after[0] > 0.7 && after[59] == 0.25);
        assert!(after.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.03), "{after:?}");
    }

    #[test]
    fn progress_counts_time_not_channels() {
        let source = SamplesBuffer::new(STEREO, RATE, vec![1.0; 64_000]);
        let (mut voice, playing) = Voice::new(source, 1.0);
        let start = playing.since;
        assert_eq!(voice.by_ref().take(16_000).count(), 16_000);
        assert!(!playing.has_stalled(start + Duration::from_millis(2_000)));
        assert!(playing.has_stalled(start + Duration::from_millis(2_001)));
    }

    #[test]
    fn a_sound_that_is_over_has_not_stalled() {
        let (mut voice, playing) = Voice::new(ones(10), 1.0);
        let much_later = playing.since + Duration::from_secs(3_600);
        assert!(playing.has_stalled(much_later));
        assert_eq!(voice.by_ref().count(), 10);
        assert!(!playing.has_stalled(much_later));
    }

    #[test]
    fn a_device_is_given_time_to_begin() {
        assert!(!is_behind(Duration::ZERO, Duration::from_millis(999)));
        assert!(is_behind(Duration::ZERO, STALL_AFTER));
        assert!(!is_behind(Duration::from_millis(500), STALL_AFTER));
    }
}
