//! The built-in pattern of each type (H1). `config/themes/default.toml` is the same as a file.

use std::time::Duration;

use super::{Haptic, Step, Tone};

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
pub(super) const BUILT_IN: [(&[Step], &[Tone]); Haptic::ALL.len()] = [
    (&[step(100, 200, 100), step(100, 200, 0)], &[tone(880, 120), tone(1175, 220)]),
    (&[step(40, 120, 60), step(100, 220, 0)], &[tone(523, 110), tone(784, 180)]),
    (&[step(100, 220, 60), step(40, 120, 0)], &[tone(784, 110), tone(523, 180)]),
    (
        &[step(70, 80, 80), step(70, 80, 80), step(100, 300, 0)],
        &[tone(523, 90), tone(659, 90), tone(784, 240)],
    ),
    (&[step(100, 400, 120), step(60, 400, 0)], &[tone(392, 240), tone(0, 60), tone(262, 360)]),
    (
        &[step(80, 120, 80), step(80, 120, 80), step(80, 120, 0)],
        &[tone(440, 90), tone(0, 60), tone(440, 90), tone(0, 60), tone(440, 90)],
    ),
    (&[step(100, 300, 0)], &[tone(660, 250)]),
    (&[step(100, 300, 150), step(100, 300, 0)], &[tone(660, 200), tone(0, 80), tone(660, 200)]),
    (&[step(80, 40, 0)], &[tone(1000, 20)]),
    (
        &[step(90, 240, 80), step(90, 80, 160), step(90, 240, 80), step(90, 80, 0)],
        &[tone(698, 180), tone(587, 80), tone(0, 80), tone(698, 180), tone(587, 80)],
    ),
    (
        &[step(90, 80, 80), step(90, 240, 160), step(90, 80, 80), step(90, 240, 0)],
        &[tone(587, 80), tone(698, 180), tone(0, 80), tone(587, 80), tone(698, 180)],
    ),
    (&[step(60, 500, 0)], &[tone(622, 400)]),
    (
        &[step(100, 150, 100), step(100, 150, 100), step(100, 150, 100), step(100, 150, 0)],
        &[tone(988, 120), tone(0, 80), tone(988, 120), tone(0, 80), tone(988, 120)],
    ),
    (
        &[step(100, 500, 100), step(100, 500, 100), step(100, 500, 0)],
        &[tone(1319, 350), tone(988, 150), tone(1319, 350), tone(988, 150), tone(1319, 350)],
    ),
];
