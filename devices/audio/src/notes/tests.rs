use std::num::NonZero;

use rodio::mixer::mixer;

use super::*;

const RATE: SampleRate = NonZero::new(48_000).unwrap();

fn note(frequency_hz: f32, ms: u64) -> Note {
    Note { frequency_hz, length: Duration::from_millis(ms) }
}

/// What a mono device at `RATE` would get.
fn heard(notes: &[Note]) -> Vec<f32> {
    let (input, output) = mixer(ChannelCount::MIN, RATE);
    input.add(NoteSource::new(notes, RATE));
    output.collect()
}

/// The amplitude of `frequency_hz` in `samples` (Goertzel).
fn amplitude(samples: &[f32], frequency_hz: f64) -> f64 {
    let turn = TAU * frequency_hz / f64::from(RATE.get());
    let coefficient = 2.0 * turn.cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (f64::from(*sample) + coefficient * last - before, last);
    }
    let power = last * last + before * before - coefficient * last * before;
    2.0 * power.max(0.0).sqrt() / samples.len() as f64
}

fn largest_step(samples: &[f32]) -> f32 {
    let padded: Vec<f32> = [0.0].into_iter().chain(samples.iter().copied()).chain([0.0]).collect();
    padded.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

#[test]
fn a_note_lasts_as_long_as_it_says() {
    assert_eq!(heard(&[note(440.0, 100)]).len(), 4_800);
    assert_eq!(heard(&[note(440.0, 100), note(0.0, 50), note(880.0, 1)]).len(), 4_800 + 2_400 + 48);
    assert_eq!(
        NoteSource::new(&[note(1.0, 100), note(2.0, 50)], RATE).total_duration().unwrap().as_millis(),
        150
    );
}

#[test]
fn many_odd_lengths_do_not_drift() {
    let third = Note { frequency_hz: 500.0, length: Duration::from_micros(333) };
    assert_eq!(heard(&[third; 3_000]).len(), 47_952);
}

#[test]
fn a_note_sounds_at_its_pitch_and_at_no_other() {
    let samples = heard(&[note(1_000.0, 200)]);
    assert!(amplitude(&samples, 1_000.0) > 0.9);
    for other in [500.0, 900.0, 1_100.0, 2_000.0, 3_000.0] {
        assert!(amplitude(&samples, other) < 0.02, "{other} Hz");
    }
}

#[test]
fn notes_follow_one_another() {
    let samples = heard(&[note(1_000.0, 100), note(0.0, 100), note(1_500.0, 100)]);
    let (first, rest) = samples.split_at(4_800);
    let (silence, last) = rest.split_at(4_800);
    assert!(amplitude(first, 1_000.0) > 0.9 && amplitude(first, 1_500.0) < 0.02);
    assert!(silence.iter().all(|sample| *sample == 0.0));
    assert!(amplitude(last, 1_500.0) > 0.9 && amplitude(last, 1_000.0) < 0.02);
}

#[test]
fn no_note_clicks() {
    // A full-scale sine moves at most TAU * f / rate from one sample to the next; an edge adds little to it.
    for (frequency_hz, ms) in [(440.0, 100), (441.7, 33), (1_000.0, 7), (250.0, 2)] {
        let samples = heard(&[note(frequency_hz, ms), note(frequency_hz * 1.5, ms)]);
        let steepest = TAU as f32 * frequency_hz * 1.5 / RATE.get() as f32;
        let step = largest_step(&samples);
        assert!(
            step <= steepest * 1.3,
            "{frequency_hz} Hz for {ms} ms steps by {step}, the sine by {steepest}"
        );
    }
}

#[test]
fn edges_are_soft_and_the_middle_is_full() {
    let edge = frames(EDGE, RATE);
    assert_eq!(edge, 240);
    assert_eq!(envelope(0, 4_800, edge), 0.0);
    assert_eq!(envelope(4_799, 4_800, edge), 0.0);
    assert!((envelope(120, 4_800, edge) - 0.5).abs() < 1e-12);
    assert_eq!(envelope(240, 4_800, edge), 1.0);
    assert_eq!(envelope(4_559, 4_800, edge), 1.0);
    assert!(envelope(5, 10, edge) < 1.0);
    assert_eq!(envelope(0, 1, edge), 1.0);
}

#[test]
fn what_cannot_be_heard_is_a_rest() {
    for frequency_hz in [0.0, -440.0, f32::NAN, f32::INFINITY, 24_000.0, 30_000.0] {
        let samples = heard(&[note(frequency_hz, 10)]);
        assert_eq!(samples.len(), 480, "{frequency_hz}");
        assert!(samples.iter().all(|sample| *sample == 0.0), "{frequency_hz}");
    }
}

#[test]
fn odd_input_does_no_harm() {
    assert_eq!(heard(&[]), []);
    assert_eq!(heard(&[note(440.0, 0)]), []);
    let endless = Note { frequency_hz: 440.0, length: Duration::MAX };
    assert_eq!(NoteSource::new(&[endless, endless], RATE).take(1_000).count(), 1_000);
}
