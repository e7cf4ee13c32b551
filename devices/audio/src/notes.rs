//! Notes as samples: a sine with soft edges.

use std::f64::consts::{PI, TAU};
use std::time::Duration;

use carpus_devices::audio::Note;
use rodio::source::SeekError;
use rodio::{ChannelCount, Sample, SampleRate, Source};

/// How long a note takes to reach its full level, and to fall to nothing: short enough to sound at once, long
/// enough not to click.
pub(crate) const EDGE: Duration = Duration::from_millis(5);

/// One note, in frames.
#[derive(Clone, Copy, Debug)]
struct Span {
    frequency_hz: f64,
    /// The first frame behind the note, counted from the start of the sound.
    end: u64,
}

/// Notes after one another, in one channel.
#[derive(Clone, Debug)]
pub(crate) struct NoteSource {
    spans: Vec<Span>,
    rate: SampleRate,
    length: Duration,
    /// The note that sounds.
    current: usize,
    /// Its first frame.
    start: u64,
    /// The frame to come.
    frame: u64,
    edge_frames: u64,
}

impl NoteSource {
    /// The source of `notes` at `rate` frames a second. A pitch that cannot be heard at this rate (not a
    /// number, not positive, above half the rate) is a rest.
    pub(crate) fn new(notes: &[Note], rate: SampleRate) -> Self {
        let mut length = Duration::ZERO;
        let spans = notes
            .iter()
            .map(|note| {
                length = length.saturating_add(note.length);
                Span { frequency_hz: audible_hz(note.frequency_hz, rate), end: frames(length, rate) }
            })
            .collect();
        Self { spans, rate, length, current: 0, start: 0, frame: 0, edge_frames: frames(EDGE, rate) }
    }

    /// The note that the frame to come belongs to.
    fn span(&mut self) -> Option<Span> {
        loop {
            let span = *self.spans.get(self.current)?;
            if self.frame < span.end {
                return Some(span);
            }
            self.start = span.end;
            self.current += 1;
        }
    }
}

impl Iterator for NoteSource {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let span = self.span()?;
        let (position, length) = (self.frame - self.start, span.end - self.start);
        self.frame += 1;
        let phase = TAU * span.frequency_hz * position as f64 / f64::from(self.rate.get());
        Some((phase.sin() * envelope(position, length, self.edge_frames)) as Sample)
    }
}

impl Source for NoteSource {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> ChannelCount {
        ChannelCount::MIN
    }

    fn sample_rate(&self) -> SampleRate {
        self.rate
    }

    fn total_duration(&self) -> Option<Duration> {
        Some(self.length)
    }

    fn try_seek(&mut self, _: Duration) -> Result<(), SeekError> {
        Err(SeekError::NotSupported { underlying_source: std::any::type_name::<Self>() })
    }
}

/// The level of frame `position` of a note that is `length` frames long: a raised cosine at both edges, each
/// at most half the note.
fn envelope(position: u64, length: u64, edge_frames: u64) -> f64 {
    let edge = edge_frames.min(length / 2);
    let from_border = position.min(length - 1 - position);
    if from_border >= edge { 1.0 } else { raised_cosine(from_border as f64 / edge as f64) }
}

/// Rises from 0 to 1 while `part` does, flat at both ends.
pub(crate) fn raised_cosine(part: f64) -> f64 {
    (1.0 - (PI * part).cos()) / 2.0
}

/// `length` in frames, to the nearest one.
pub(crate) fn frames(length: Duration, rate: SampleRate) -> u64 {
    (length.as_secs_f64() * f64::from(rate.get())).round() as u64
}

fn audible_hz(frequency_hz: f32, rate: SampleRate) -> f64 {
    let frequency_hz = f64::from(frequency_hz);
    let nyquist_hz = f64::from(rate.get()) / 2.0;
    if frequency_hz > 0.0 && frequency_hz < nyquist_hz { frequency_hz } else { 0.0 }
}

#[cfg(test)]
mod tests;
