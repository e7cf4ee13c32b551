//! What each haptic feels and sounds like (H1).

use std::time::Duration;

use super::Haptic;

/// One step of a pattern on the motor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How strongly the motor turns, in percent of its full strength.
    pub strength_percent: u8,
    /// How long it turns.
    pub length: Duration,
    /// How long it then rests.
    pub pause: Duration,
}

/// One tone of the sound that goes with a haptic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// Pitch in hertz; 0 is a rest.
    pub frequency_hz: u16,
    /// How long it sounds.
    pub length: Duration,
}

/// What a haptic feels and sounds like (H1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// On the motor.
    pub steps: &'static [Step],
    /// On the speaker.
    pub tones: &'static [Tone],
}

/// A pattern is over before this time, so that the shortest usual repeat of an alarm (3 s, N2) leaves a rest.
pub const PATTERN_LENGTH_MAX: Duration = Duration::from_secs(2);

/// The shortest step: motors take some tens of milliseconds to spin up, anything shorter is not felt.
pub const STEP_LENGTH_MIN: Duration = Duration::from_millis(40);

const fn step(strength_percent: u8, length_ms: u64, pause_ms: u64) -> Step {
    Step {
        strength_percent,
        length: Duration::from_millis(length_ms),
        pause: Duration::from_millis(pause_ms),
    }
}

const fn tone(frequency_hz: u16, length_ms: u64) -> Tone {
    Tone { frequency_hz, length: Duration::from_millis(length_ms) }
}

/// The built-in pattern of each type, by number. Up rises, down falls; left begins long, right begins short; the
/// critical prompt is the strongest of all.
const PATTERNS: [Pattern; 14] = [
    Pattern { steps: &[step(100, 200, 100), step(100, 200, 0)], tones: &[tone(880, 120), tone(1175, 220)] },
    Pattern { steps: &[step(40, 120, 60), step(100, 220, 0)], tones: &[tone(523, 110), tone(784, 180)] },
    Pattern { steps: &[step(100, 220, 60), step(40, 120, 0)], tones: &[tone(784, 110), tone(523, 180)] },
    Pattern {
        steps: &[step(70, 80, 80), step(70, 80, 80), step(100, 300, 0)],
        tones: &[tone(523, 90), tone(659, 90), tone(784, 240)],
    },
    Pattern {
        steps: &[step(100, 400, 120), step(60, 400, 0)],
        tones: &[tone(392, 240), tone(0, 60), tone(262, 360)],
    },
    Pattern {
        steps: &[step(80, 120, 80), step(80, 120, 80), step(80, 120, 0)],
        tones: &[tone(440, 90), tone(0, 60), tone(440, 90), tone(0, 60), tone(440, 90)],
    },
    Pattern { steps: &[step(100, 300, 0)], tones: &[tone(660, 250)] },
    Pattern {
        steps: &[step(100, 300, 150), step(100, 300, 0)],
        tones: &[tone(660, 200), tone(0, 80), tone(660, 200)],
    },
    Pattern { steps: &[step(80, 40, 0)], tones: &[tone(1000, 20)] },
    Pattern {
        steps: &[step(90, 240, 80), step(90, 80, 160), step(90, 240, 80), step(90, 80, 0)],
        tones: &[tone(698, 180), tone(587, 80), tone(0, 80), tone(698, 180), tone(587, 80)],
    },
    Pattern {
        steps: &[step(90, 80, 80), step(90, 240, 160), step(90, 80, 80), step(90, 240, 0)],
        tones: &[tone(587, 80), tone(698, 180), tone(0, 80), tone(587, 80), tone(698, 180)],
    },
    Pattern { steps: &[step(60, 500, 0)], tones: &[tone(622, 400)] },
    Pattern {
        steps: &[step(100, 150, 100), step(100, 150, 100), step(100, 150, 100), step(100, 150, 0)],
        tones: &[tone(988, 120), tone(0, 80), tone(988, 120), tone(0, 80), tone(988, 120)],
    },
    Pattern {
        steps: &[step(100, 500, 100), step(100, 500, 100), step(100, 500, 0)],
        tones: &[tone(1319, 350), tone(988, 150), tone(1319, 350), tone(988, 150), tone(1319, 350)],
    },
];

/// The built-in pattern of `haptic`.
pub const fn pattern(haptic: Haptic) -> &'static Pattern {
    &PATTERNS[haptic.number() as usize]
}
