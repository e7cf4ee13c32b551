//! What the motor does: effects, their lengths, and when it stands still. No device, no clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use evdev::{FFEffectData, FFEffectKind};

use crate::log::{Record, StopCause};

/// The strength of all effects at the start: full, as the kernel's drivers have it.
const FULL_GAIN: u16 = u16::MAX;

/// An effect as a client gave it.
#[derive(Clone, Copy, Debug)]
struct Effect {
    strong: u16,
    weak: u16,
    length_ms: u16,
    delay_ms: u16,
}

/// The motor.
#[derive(Debug)]
pub(crate) struct Motor {
    gain: u16,
    effects: BTreeMap<i16, Effect>,
    /// The effects that move the motor, with the time at which each is over; none is until it is stopped.
    playing: BTreeMap<i16, Option<Instant>>,
    records: VecDeque<Record>,
}

impl Motor {
    pub(crate) fn new() -> Self {
        Self { gain: FULL_GAIN, effects: BTreeMap::new(), playing: BTreeMap::new(), records: VecDeque::new() }
    }

    /// A client gives an effect, or changes it.
    pub(crate) fn upload(&mut self, id: i16, data: &FFEffectData) {
        let (kind, strong, weak) = strength(&data.kind);
        let effect = Effect { strong, weak, length_ms: data.replay.length, delay_ms: data.replay.delay };
        self.effects.insert(id, effect);
        self.records.push_back(Record::Upload {
            effect: id,
            kind,
            strong,
            weak,
            length_ms: effect.length_ms,
            delay_ms: effect.delay_ms,
        });
    }

    /// A client takes an effect back.
    pub(crate) fn erase(&mut self, id: i16) {
        self.stop(id, StopCause::Asked);
        self.effects.remove(&id);
        self.records.push_back(Record::Erase { effect: id });
    }

    /// A client plays an effect so many times. An effect that nobody gave stays silent.
    pub(crate) fn play(&mut self, id: i16, times: u32, now: Instant) {
        let Some(effect) = self.effects.get(&id).copied() else {
            return;
        };
        self.stop(id, StopCause::Restarted);
        let once_ms = u64::from(effect.length_ms) + u64::from(effect.delay_ms);
        let length_ms = if effect.length_ms == 0 { 0 } else { once_ms * u64::from(times) };
        let end = (length_ms > 0).then(|| now + Duration::from_millis(length_ms));
        self.playing.insert(id, end);
        self.records.push_back(Record::Play {
            effect: id,
            strong: effect.strong,
            weak: effect.weak,
            gain: self.gain,
            length_ms,
        });
    }

    /// A client stops an effect.
    pub(crate) fn stop_asked(&mut self, id: i16) {
        self.stop(id, StopCause::Asked);
    }

    /// A client changes the strength of all effects.
    pub(crate) fn set_gain(&mut self, gain: u16) {
        self.gain = gain;
        self.records.push_back(Record::Gain { gain });
    }

    /// Ends the effects that are over.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let over: Vec<i16> = self
            .playing
            .iter()
            .filter(|(_, end)| end.is_some_and(|end| end <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.stop(id, StopCause::Length);
        }
    }

    /// When the next effect is over.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.playing.values().flatten().min().copied()
    }

    /// What happened, oldest first.
    pub(crate) fn poll_record(&mut self) -> Option<Record> {
        self.records.pop_front()
    }

    fn stop(&mut self, id: i16, cause: StopCause) {
        if self.playing.remove(&id).is_some() {
            self.records.push_back(Record::Stop { effect: id, cause });
        }
    }
}

/// The kind of an effect, and how strongly it moves the heavy and the light motor. Effects with one level move
/// both; those of steering wheels move neither.
fn strength(kind: &FFEffectKind) -> (&'static str, u16, u16) {
    let both = |name, level: i16| {
        let strength = level.unsigned_abs().saturating_mul(2);
        (name, strength, strength)
    };
    match *kind {
        FFEffectKind::Rumble { strong_magnitude, weak_magnitude } => {
            ("rumble", strong_magnitude, weak_magnitude)
        }
        FFEffectKind::Periodic { magnitude, .. } => both("periodic", magnitude),
        FFEffectKind::Constant { level, .. } => both("constant", level),
        FFEffectKind::Ramp { end_level, .. } => both("ramp", end_level),
        FFEffectKind::Damper => ("damper", 0, 0),
        FFEffectKind::Inertia => ("inertia", 0, 0),
        FFEffectKind::Spring { .. } => ("spring", 0, 0),
        FFEffectKind::Friction { .. } => ("friction", 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use evdev::{FFReplay, FFTrigger};

    use super::*;

    fn rumble(length_ms: u16) -> FFEffectData {
        FFEffectData {
            direction: 0,
            trigger: FFTrigger::default(),
            replay: FFReplay { length: length_ms, delay: 0 },
            kind: FFEffectKind::Rumble { strong_magnitude: 40_000, weak_magnitude: 7 },
        }
    }

    fn drain(motor: &mut Motor) -> Vec<Record> {
        std::iter::from_fn(|| motor.poll_record()).collect()
    }

    fn with_effect(length_ms: u16) -> (Motor, Instant) {
        let mut motor = Motor::new();
        motor.upload(0, &rumble(length_ms));
        drain(&mut motor);
        (motor, Instant::now())
    }

    #[test]
    fn an_effect_ends_after_its_length_times_its_repetitions() {
        let (mut motor, start) = with_effect(200);
        motor.play(0, 3, start);
        let end = start + Duration::from_millis(600);
        assert_eq!(motor.poll_timeout(), Some(end));
        motor.handle_timeout(end - Duration::from_millis(1));
        assert_eq!(
            drain(&mut motor),
            [Record::Play { effect: 0, strong: 40_000, weak: 7, gain: FULL_GAIN, length_ms: 600 }]
        );
        motor.handle_timeout(end);
        assert_eq!(drain(&mut motor), [Record::Stop { effect: 0, cause: StopCause::Length }]);
        assert_eq!(motor.poll_timeout(), None);
    }

    #[test]
    fn an_effect_without_length_plays_until_it_is_stopped() {
        let (mut motor, start) = with_effect(0);
        motor.play(0, 1, start);
        assert_eq!(motor.poll_timeout(), None);
        motor.stop_asked(0);
        assert_eq!(drain(&mut motor)[1], Record::Stop { effect: 0, cause: StopCause::Asked });
    }

    #[test]
    fn erasing_a_playing_effect_stops_it_and_forgets_it() {
        let (mut motor, start) = with_effect(200);
        motor.play(0, 1, start);
        motor.erase(0);
        motor.play(0, 1, start);
        let records = drain(&mut motor);
        assert_eq!(
            records[1..],
            [Record::Stop { effect: 0, cause: StopCause::Asked }, Record::Erase { effect: 0 }]
        );
    }

    #[test]
    fn playing_anew_stops_the_first_and_takes_the_gain_of_now() {
        let (mut motor, start) = with_effect(200);
        motor.play(0, 1, start);
        motor.set_gain(10);
        motor.play(0, 1, start);
        let records = drain(&mut motor);
        assert_eq!(records[2], Record::Stop { effect: 0, cause: StopCause::Restarted });
        assert_eq!(records[3], Record::Play { effect: 0, strong: 40_000, weak: 7, gain: 10, length_ms: 200 });
    }

    #[test]
    fn a_stop_without_a_play_is_nothing() {
        let (mut motor, _) = with_effect(200);
        motor.stop_asked(0);
        motor.stop_asked(9);
        assert_eq!(drain(&mut motor), []);
    }
}
