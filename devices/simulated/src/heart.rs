//! A heart: when it beats, from a few numbers and a seed. Pure: time is an argument.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::random::Random;

/// The unit of RR intervals on the air is 1/1024 s (Heart Rate Measurement, RR-Interval).
const TICKS_PER_SECOND: f64 = 1024.0;
/// No heart beats faster or slower than this; it also keeps RR intervals within 16 bits.
const BPM_MIN: f64 = 20.0;
/// See [`BPM_MIN`].
const BPM_MAX: f64 = 240.0;
/// The slow wave of the heart rate, about one in ten seconds: blood-pressure regulation (Mayer waves).
const SLOW_WAVE_HZ: f64 = 0.1;
/// How far the phase of a wave wanders per beat, in radians (standard deviation), so that it is no pure tone.
const PHASE_WANDER_RAD: f64 = 0.03;

/// How a heart beats.
#[derive(Clone, Debug, PartialEq)]
pub struct HeartSettings {
    /// Its rate at rest, in beats per minute.
    pub resting_bpm: f64,
    /// How much breathing changes an RR interval at rest, as a part of it (respiratory sinus arrhythmia);
    /// 0.05 for most people, more for the young and trained.
    pub breathing_depth: f64,
    /// How often the person breathes, in hertz.
    pub breathing_hz: f64,
    /// How much the slow wave of about 0.1 Hz changes an RR interval, as a part of it.
    pub slow_depth: f64,
    /// The rest: standard deviation of what each RR interval differs by, as a part of it.
    pub noise_depth: f64,
    /// What the person does, in the order of time; empty for rest. Between points the rate changes evenly, and
    /// the last point lasts.
    pub activity: Vec<ActivityPoint>,
}

/// A point of an activity profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivityPoint {
    /// When, from the start of the heart.
    pub at: Duration,
    /// How many beats per minute are added to the resting rate.
    pub extra_bpm: f64,
}

impl HeartSettings {
    /// A healthy heart at rest.
    pub fn resting(bpm: f64) -> Self {
        Self {
            resting_bpm: bpm,
            breathing_depth: 0.05,
            breathing_hz: 0.25,
            slow_depth: 0.02,
            noise_depth: 0.008,
            activity: Vec::new(),
        }
    }

    /// The mean rate at `time_s` seconds from the start, in beats per minute.
    fn mean_bpm(&self, time_s: f64) -> f64 {
        let bpm = self.resting_bpm + self.extra_bpm(time_s);
        if bpm.is_finite() { bpm.clamp(BPM_MIN, BPM_MAX) } else { BPM_MIN }
    }

    fn extra_bpm(&self, time_s: f64) -> f64 {
        let after = self.activity.iter().position(|point| point.at.as_secs_f64() > time_s);
        let next = after.unwrap_or(self.activity.len());
        let earlier = next.checked_sub(1).and_then(|index| self.activity.get(index));
        match (earlier, self.activity.get(next)) {
            (None, None) => 0.0,
            (Some(point), None) => point.extra_bpm,
            // Rest until the profile begins.
            (None, Some(_)) => 0.0,
            (Some(from), Some(to)) => {
                let (start_s, end_s) = (from.at.as_secs_f64(), to.at.as_secs_f64());
                let part = (time_s - start_s) / (end_s - start_s);
                from.extra_bpm + part * (to.extra_bpm - from.extra_bpm)
            }
        }
    }
}

/// One heartbeat, with the interval that it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// When, in 1/1024 s from the start of the heart.
    pub at_ticks: u64,
    /// The time since the beat before, in 1/1024 s.
    pub rr_ticks: u16,
}

/// A beating heart. The first interval begins at its start.
#[derive(Clone, Debug)]
pub struct Heart {
    settings: HeartSettings,
    random: Random,
    breath_phase_rad: f64,
    slow_phase_rad: f64,
    /// When the last beat was, not rounded.
    last_s: f64,
    last_ticks: u64,
    /// The beat after the last one given, already drawn.
    next: Option<(f64, Beat)>,
}

impl Heart {
    /// A heart that beats the same for the same settings and seed.
    pub fn new(settings: HeartSettings, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (breath_phase_rad, slow_phase_rad) = (random.unit() * TAU, random.unit() * TAU);
        Self { settings, random, breath_phase_rad, slow_phase_rad, last_s: 0.0, last_ticks: 0, next: None }
    }

    /// The beats up to and including `until` that were not given yet, in order.
    pub fn beats_until(&mut self, until: Duration) -> impl Iterator<Item = Beat> {
        let until_ticks = to_ticks(until);
        std::iter::from_fn(move || self.beat_by(until_ticks))
    }

    /// Changes the rate at rest, from the next drawn beat on.
    pub fn set_resting_bpm(&mut self, bpm: f64) {
        self.settings.resting_bpm = bpm;
    }

    fn beat_by(&mut self, until_ticks: u64) -> Option<Beat> {
        let (at_s, beat) = self.next.take().unwrap_or_else(|| self.draw());
        if beat.at_ticks > until_ticks {
            self.next = Some((at_s, beat));
            return None;
        }
        (self.last_s, self.last_ticks) = (at_s, beat.at_ticks);
        Some(beat)
    }

    fn draw(&mut self) -> (f64, Beat) {
        let bpm = self.settings.mean_bpm(self.last_s);
        // Effort silences the vagus nerve, and with it the waves.
        let calm = (self.settings.resting_bpm / bpm).clamp(0.0, 1.0).powi(2);
        let breath = (TAU * self.settings.breathing_hz * self.last_s + self.breath_phase_rad).sin();
        let slow = (TAU * SLOW_WAVE_HZ * self.last_s + self.slow_phase_rad).sin();
        let waves = self.settings.breathing_depth * breath + self.settings.slow_depth * slow;
        let change = calm * waves + self.settings.noise_depth * self.random.normal();
        self.breath_phase_rad += PHASE_WANDER_RAD * self.random.normal();
        self.slow_phase_rad += PHASE_WANDER_RAD * self.random.normal();

        let change = if change.is_finite() { change } else { 0.0 };
        let rr_s = (60.0 / bpm * (1.0 + change)).clamp(60.0 / BPM_MAX, 60.0 / BPM_MIN);
        let at_s = self.last_s + rr_s;
        // Each beat is rounded, not each interval, so that their sum does not drift.
        let at_ticks = (at_s * TICKS_PER_SECOND).round() as u64;
        let rr_ticks = u16::try_from(at_ticks - self.last_ticks).unwrap_or(u16::MAX);
        (at_s, Beat { at_ticks, rr_ticks })
    }
}

/// A time in 1/1024 s, rounded down.
pub(crate) fn to_ticks(time: Duration) -> u64 {
    let below_second = u64::from(time.subsec_nanos()) * 1024 / 1_000_000_000;
    time.as_secs().saturating_mul(1024).saturating_add(below_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_MINUTES: Duration = Duration::from_secs(600);

    fn beats(settings: HeartSettings, seed: u64, until: Duration) -> Vec<Beat> {
        Heart::new(settings, seed).beats_until(until).collect()
    }

    fn mean_bpm(beats: &[Beat]) -> f64 {
        let ticks: u64 = beats.iter().map(|beat| u64::from(beat.rr_ticks)).sum();
        60.0 * TICKS_PER_SECOND * beats.len() as f64 / ticks as f64
    }

    /// How much of the frequency `hz` is in the RR intervals: the amplitude of that wave, in seconds.
    fn amplitude_s(beats: &[Beat], hz: f64) -> f64 {
        let rr_s = |beat: &Beat| f64::from(beat.rr_ticks) / TICKS_PER_SECOND;
        let mean_s = beats.iter().map(rr_s).sum::<f64>() / beats.len() as f64;
        let (mut real, mut imaginary) = (0.0, 0.0);
        for beat in beats {
            let angle = TAU * hz * beat.at_ticks as f64 / TICKS_PER_SECOND;
            real += (rr_s(beat) - mean_s) * angle.cos();
            imaginary += (rr_s(beat) - mean_s) * angle.sin();
        }
        2.0 * f64::hypot(real, imaginary) / beats.len() as f64
    }

    #[test]
    fn the_mean_rate_is_the_resting_rate() {
        for bpm in [45.0, 62.0, 75.0, 100.0] {
            for seed in 0..5 {
                let mean = mean_bpm(&beats(HeartSettings::resting(bpm), seed, TEN_MINUTES));
                assert!((mean - bpm).abs() < 0.01 * bpm, "{mean} instead of {bpm}, seed {seed}");
            }
        }
    }

    #[test]
    fn breathing_and_the_slow_wave_are_seen_in_the_intervals() {
        let beats = beats(HeartSettings::resting(62.0), 3, Duration::from_secs(120));
        let elsewhere = [0.05, 0.15, 0.2, 0.3, 0.35, 0.4].map(|hz| amplitude_s(&beats, hz));
        let breath = amplitude_s(&beats, 0.25);
        let slow = amplitude_s(&beats, SLOW_WAVE_HZ);
        assert!(breath > 0.02, "breathing changes an interval by {breath} s");
        for other in elsewhere {
            assert!(breath > 3.0 * other, "{breath} s at 0.25 Hz, {elsewhere:?} elsewhere");
            assert!(slow > 1.2 * other, "{slow} s at 0.1 Hz, {elsewhere:?} elsewhere");
        }
    }

    #[test]
    fn the_intervals_add_up_to_the_time() {
        for seed in 0..5 {
            let beats = beats(HeartSettings::resting(62.0), seed, TEN_MINUTES);
            let sum: u64 = beats.iter().map(|beat| u64::from(beat.rr_ticks)).sum();
            let last = beats.last().unwrap();
            assert_eq!(sum, last.at_ticks);
            let left = to_ticks(TEN_MINUTES) - sum;
            assert!(left < 2048, "{left} ticks after the last beat");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_beats_however_they_are_asked_for() {
        let at_once = beats(HeartSettings::resting(62.0), 7, TEN_MINUTES);
        let mut heart = Heart::new(HeartSettings::resting(62.0), 7);
        let second_by_second: Vec<Beat> = (1..=600)
            .flat_map(|second| heart.beats_until(Duration::from_secs(second)).collect::<Vec<_>>())
            .collect();
        assert_eq!(at_once, second_by_second);
        assert_ne!(at_once, beats(HeartSettings::resting(62.0), 8, TEN_MINUTES));
    }

    #[test]
    fn effort_raises_the_rate_and_silences_the_waves() {
        let minute = |minutes: u64| Duration::from_secs(60 * minutes);
        let activity = vec![
            ActivityPoint { at: minute(5), extra_bpm: 0.0 },
            ActivityPoint { at: minute(6), extra_bpm: 80.0 },
        ];
        let settings = HeartSettings { activity, ..HeartSettings::resting(60.0) };
        let mut heart = Heart::new(settings, 1);
        let rest: Vec<Beat> = heart.beats_until(minute(5)).collect();
        let rising: Vec<Beat> = heart.beats_until(minute(6)).collect();
        let effort: Vec<Beat> = heart.beats_until(minute(11)).collect();
        assert!((mean_bpm(&rest) - 60.0).abs() < 1.0);
        assert!((mean_bpm(&rising) - 100.0).abs() < 5.0, "{}", mean_bpm(&rising));
        assert!((mean_bpm(&effort) - 140.0).abs() < 2.0);
        assert!(amplitude_s(&effort, 0.25) < 0.3 * amplitude_s(&rest, 0.25));
    }

    #[test]
    fn rates_beyond_all_reason_are_held_within_it() {
        for bpm in [-5.0, 0.0, 1e9, f64::NAN, f64::INFINITY] {
            let beats = beats(HeartSettings::resting(bpm), 1, Duration::from_secs(60));
            assert!((18..=245).contains(&beats.len()), "{} beats at {bpm} bpm", beats.len());
        }
    }

    #[test]
    fn a_time_before_the_last_one_gives_nothing() {
        let mut heart = Heart::new(HeartSettings::resting(60.0), 1);
        assert!(heart.beats_until(Duration::from_secs(10)).count() > 5);
        assert_eq!(heart.beats_until(Duration::from_secs(5)).count(), 0);
    }
}
