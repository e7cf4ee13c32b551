//! From a strength and a length to the effect that the kernel plays.

use std::time::Duration;

use carpus_devices::haptics::Strength;
use evdev::{
    AttributeSetRef, FFEffectCode, FFEffectData, FFEffectKind, FFEnvelope, FFReplay, FFTrigger, FFWaveform,
};

/// The longest vibration of one effect: 32.767 s. The kernel leaves the behaviour of longer ones open
/// (`linux/input.h`, `struct ff_replay`), so a longer length is taken as this one.
pub const LENGTH_MAX: Duration = Duration::from_millis(LENGTH_MAX_MS as u64);

const LENGTH_MAX_MS: u16 = 0x7fff;

/// A length of 0 would play for ever.
const LENGTH_MIN_MS: u16 = 1;

/// The period of a sine that stands for a rumble: what the kernel itself takes when it has to render a rumble
/// on a device that knows periodic effects only.
const SINE_PERIOD_MS: u16 = 50;

/// Full strength of a level with a sign.
const LEVEL_MAX: u16 = i16::MAX as u16;

/// Full strength of a rumble.
const MAGNITUDE_MAX: u16 = u16::MAX;

/// No fading in or out: a haptic must be crisp.
const NO_ENVELOPE: FFEnvelope =
    FFEnvelope { attack_length: 0, attack_level: 0, fade_length: 0, fade_level: 0 };

/// The kinds of effect that a motor can turn into a vibration, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// A magnitude for the heavy and one for the light motor; both get the same.
    Rumble,
    /// A periodic force.
    Sine,
    /// A steady force.
    Constant,
}

impl Form {
    /// The best form that a device with these effects can play.
    pub(crate) fn best_of(effects: &AttributeSetRef<FFEffectCode>) -> Option<Self> {
        if effects.contains(FFEffectCode::FF_RUMBLE) {
            Some(Self::Rumble)
        } else if effects.contains(FFEffectCode::FF_PERIODIC) && effects.contains(FFEffectCode::FF_SINE) {
            Some(Self::Sine)
        } else if effects.contains(FFEffectCode::FF_CONSTANT) {
            Some(Self::Constant)
        } else {
            None
        }
    }

    fn kind(self, strength: Strength) -> FFEffectKind {
        match self {
            Self::Rumble => {
                let magnitude = scaled(strength, MAGNITUDE_MAX);
                FFEffectKind::Rumble { strong_magnitude: magnitude, weak_magnitude: magnitude }
            }
            Self::Sine => FFEffectKind::Periodic {
                waveform: FFWaveform::Sine,
                period: SINE_PERIOD_MS,
                magnitude: scaled(strength, LEVEL_MAX).cast_signed(),
                offset: 0,
                phase: 0,
                envelope: NO_ENVELOPE,
            },
            Self::Constant => FFEffectKind::Constant {
                level: scaled(strength, LEVEL_MAX).cast_signed(),
                envelope: NO_ENVELOPE,
            },
        }
    }
}

/// The effect for a vibration; none when there is nothing to feel.
pub(crate) fn effect(form: Form, strength: Strength, length: Duration) -> Option<FFEffectData> {
    if strength.as_percent() == 0 || length.is_zero() {
        return None;
    }
    Some(FFEffectData {
        direction: 0,
        trigger: FFTrigger { button: 0, interval: 0 },
        replay: FFReplay { length: length_ms(length), delay: 0 },
        kind: form.kind(strength),
    })
}

/// The gain of a device for `percent` of full strength.
pub(crate) fn gain(percent: u8) -> u16 {
    scaled(Strength::percent(percent), u16::MAX)
}

/// `strength`, weakened to `percent` of it, for a device that has no gain of its own. What is to be felt at
/// all stays at least 1 %.
pub(crate) fn weakened(strength: Strength, percent: u8) -> Strength {
    let product = u16::from(strength.as_percent()) * u16::from(percent.min(100));
    Strength::percent(u8::try_from(product.div_ceil(100)).unwrap_or(100))
}

fn scaled(strength: Strength, full: u16) -> u16 {
    let scaled = u32::from(full) * u32::from(strength.as_percent()) / 100;
    u16::try_from(scaled).unwrap_or(full)
}

fn length_ms(length: Duration) -> u16 {
    let ms = u16::try_from(length.as_millis()).unwrap_or(LENGTH_MAX_MS);
    ms.clamp(LENGTH_MIN_MS, LENGTH_MAX_MS)
}

#[cfg(test)]
mod tests {
    use evdev::AttributeSet;

    use super::*;

    fn kind(form: Form, percent: u8) -> FFEffectKind {
        effect(form, Strength::percent(percent), Duration::from_millis(1)).unwrap().kind
    }

    fn length_of(length: Duration) -> u16 {
        effect(Form::Rumble, Strength::FULL, length).unwrap().replay.length
    }

    #[test]
    fn strength_scales_both_motors_of_a_rumble() {
        let rumble =
            |magnitude| FFEffectKind::Rumble { strong_magnitude: magnitude, weak_magnitude: magnitude };
        assert_eq!(kind(Form::Rumble, 100), rumble(65_535));
        assert_eq!(kind(Form::Rumble, 50), rumble(32_767));
        assert_eq!(kind(Form::Rumble, 1), rumble(655));
    }

    #[test]
    fn strength_never_turns_a_level_negative() {
        for percent in 1..=100 {
            let FFEffectKind::Constant { level, envelope } = kind(Form::Constant, percent) else {
                panic!("not a constant effect");
            };
            assert!(level > 0, "{percent} % gives {level}");
            assert_eq!(envelope, NO_ENVELOPE);
            let FFEffectKind::Periodic { magnitude, waveform, period, .. } = kind(Form::Sine, percent) else {
                panic!("not a periodic effect");
            };
            assert_eq!((magnitude, waveform, period), (level, FFWaveform::Sine, 50));
        }
        assert!(matches!(kind(Form::Constant, 100), FFEffectKind::Constant { level: i16::MAX, .. }));
    }

    #[test]
    fn h3_every_effect_ends_by_itself() {
        assert_eq!(length_of(Duration::from_nanos(1)), 1);
        assert_eq!(length_of(Duration::from_millis(250)), 250);
        assert_eq!(length_of(LENGTH_MAX), 0x7fff);
        assert_eq!(length_of(Duration::from_millis(0x8000)), 0x7fff);
        assert_eq!(length_of(Duration::from_millis(0x1_0001)), 0x7fff);
        assert_eq!(length_of(Duration::MAX), 0x7fff);
    }

    #[test]
    fn nothing_to_feel_is_no_effect() {
        assert_eq!(effect(Form::Rumble, Strength::percent(0), Duration::from_secs(1)), None);
        assert_eq!(effect(Form::Rumble, Strength::FULL, Duration::ZERO), None);
    }

    #[test]
    fn an_effect_starts_at_once_and_waits_for_no_button() {
        let data = effect(Form::Sine, Strength::FULL, Duration::from_secs(1)).unwrap();
        assert_eq!((data.replay.delay, data.trigger.button, data.direction), (0, 0, 0));
    }

    #[test]
    fn the_best_form_is_taken() {
        let best =
            |effects: &[FFEffectCode]| Form::best_of(&AttributeSet::from_iter(effects.iter().copied()));
        let (rumble, constant) = (FFEffectCode::FF_RUMBLE, FFEffectCode::FF_CONSTANT);
        let (periodic, sine) = (FFEffectCode::FF_PERIODIC, FFEffectCode::FF_SINE);
        assert_eq!(best(&[constant, periodic, sine, rumble]), Some(Form::Rumble));
        assert_eq!(best(&[constant, periodic, sine]), Some(Form::Sine));
        assert_eq!(best(&[constant, periodic, FFEffectCode::FF_SQUARE]), Some(Form::Constant));
        assert_eq!(best(&[FFEffectCode::FF_SPRING, FFEffectCode::FF_GAIN]), None);
    }

    #[test]
    fn gain_reaches_from_nothing_to_full() {
        assert_eq!((gain(0), gain(50), gain(100), gain(255)), (0, 32_767, 65_535, 65_535));
    }

    #[test]
    fn weakening_keeps_what_is_to_be_felt() {
        let weak = |strength, gain| weakened(Strength::percent(strength), gain).as_percent();
        assert_eq!((weak(100, 100), weak(100, 40), weak(50, 50)), (100, 40, 25));
        assert_eq!((weak(1, 1), weak(0, 100), weak(80, 0), weak(80, 200)), (1, 0, 0, 80));
    }
}
