//! What a haptic feels and sounds like (H1), and the bounds that make it one that can be felt, heard and repeated.

use std::time::Duration;

/// One step of a pattern on the motor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How strongly the motor turns, in percent of its full strength (1 to 100).
    pub strength_percent: u8,
    /// How long it turns, at least [`STEP_LENGTH_MIN`].
    pub length: Duration,
    /// How long it then rests.
    pub pause: Duration,
}

/// One tone of the sound that goes with a haptic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// Pitch in hertz, [`FREQUENCY_MIN_HZ`] to [`FREQUENCY_MAX_HZ`]; 0 is a rest.
    pub frequency_hz: u16,
    /// How long it sounds, at least [`TONE_LENGTH_MIN`].
    pub length: Duration,
}

/// The longest a pattern may take, on the motor with its pauses and on the speaker: so the usual repeat of an alarm
/// (3 s, N2) leaves a rest.
pub const PATTERN_LENGTH_MAX: Duration = Duration::from_secs(2);

/// The longest a pattern may turn the motor, its pauses left out: so the usual repeat of an alarm (3 s, N2) never
/// comes upon the limit to what the motor may turn (H3), which is one half of the time.
pub const TURNING_LENGTH_MAX: Duration = Duration::from_millis(1500);

/// The shortest step: motors take some tens of milliseconds to spin up, anything shorter is not felt.
pub const STEP_LENGTH_MIN: Duration = Duration::from_millis(40);

/// The strongest step, in percent of the motor's full strength.
pub const STRENGTH_MAX_PERCENT: u8 = 100;

/// The most steps of a pattern; more are not told apart.
pub const STEPS_MAX: usize = 32;

/// The shortest tone: anything shorter has no pitch.
pub const TONE_LENGTH_MIN: Duration = Duration::from_millis(10);

/// The most tones of a pattern; more are not told apart.
pub const TONES_MAX: usize = 64;

/// The lowest pitch that people hear, in hertz.
pub const FREQUENCY_MIN_HZ: u16 = 20;

/// The highest pitch that people hear, in hertz.
pub const FREQUENCY_MAX_HZ: u16 = 20_000;

/// What a haptic feels and sounds like (H1), within the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub(super) steps: Vec<Step>,
    pub(super) tones: Vec<Tone>,
}

/// Why steps and tones are no pattern. Steps and tones are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// Nothing would be felt.
    #[error("there is no step; allowed are 1 to {STEPS_MAX}")]
    NoSteps,
    /// More steps than [`STEPS_MAX`].
    #[error("there are {found} steps; allowed are 1 to {STEPS_MAX}")]
    TooManySteps {
        /// How many.
        found: usize,
    },
    /// A step does not turn the motor, or more than it can.
    #[error("step {step} has the strength {found_percent}%; allowed is 1% to {STRENGTH_MAX_PERCENT}%")]
    Strength {
        /// Which step.
        step: usize,
        /// Its strength in percent.
        found_percent: u8,
    },
    /// A step is shorter than [`STEP_LENGTH_MIN`].
    #[error("step {step} takes {found:?}; allowed is {STEP_LENGTH_MIN:?} or more")]
    StepTooShort {
        /// Which step.
        step: usize,
        /// Its length.
        found: Duration,
    },
    /// The steps and their pauses take longer than [`PATTERN_LENGTH_MAX`].
    #[error("the steps and their pauses take {found:?} together; allowed is {PATTERN_LENGTH_MAX:?} or less")]
    TooLong {
        /// How long.
        found: Duration,
    },
    /// The motor turns for longer than [`TURNING_LENGTH_MAX`].
    #[error("the steps take {found:?} together, without pauses; allowed is {TURNING_LENGTH_MAX:?} or less")]
    TurnsTooLong {
        /// How long.
        found: Duration,
    },
    /// More tones than [`TONES_MAX`].
    #[error("there are {found} tones; allowed are 0 to {TONES_MAX}")]
    TooManyTones {
        /// How many.
        found: usize,
    },
    /// A pitch that nobody hears.
    #[error(
        "tone {tone} has {found_hz} Hz; allowed are 0, a rest, and {FREQUENCY_MIN_HZ} to {FREQUENCY_MAX_HZ} Hz"
    )]
    Frequency {
        /// Which tone.
        tone: usize,
        /// Its pitch in hertz.
        found_hz: u16,
    },
    /// A tone is shorter than [`TONE_LENGTH_MIN`].
    #[error("tone {tone} takes {found:?}; allowed is {TONE_LENGTH_MIN:?} or more")]
    ToneTooShort {
        /// Which tone.
        tone: usize,
        /// Its length.
        found: Duration,
    },
    /// The tones take longer than [`PATTERN_LENGTH_MAX`].
    #[error("the tones take {found:?} together; allowed is {PATTERN_LENGTH_MAX:?} or less")]
    SoundTooLong {
        /// How long.
        found: Duration,
    },
}

impl Pattern {
    /// A pattern of at least one step; without tones it is silent.
    ///
    /// # Errors
    /// With the first bound that the steps, then the tones, break.
    pub fn new(steps: Vec<Step>, tones: Vec<Tone>) -> Result<Self, BadPattern> {
        check_steps(&steps)?;
        check_tones(&tones)?;
        Ok(Self { steps, tones })
    }

    /// On the motor, one after another; at least one.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// On the speaker, one after another.
    pub fn tones(&self) -> &[Tone] {
        &self.tones
    }

    /// How long the motor turns, its pauses left out.
    pub fn turning_length(&self) -> Duration {
        total(self.steps.iter().map(|step| step.length))
    }

    /// Whether nobody can tell the two apart by touch: the motor does the same, however the steps are cut.
    pub fn feels_like(&self, other: &Self) -> bool {
        self.felt() == other.felt()
    }

    /// What the motor does: strengths and their lengths, no two of a kind beside each other, without the last rest.
    fn felt(&self) -> Vec<(u8, Duration)> {
        let spans =
            self.steps.iter().flat_map(|step| [(step.strength_percent, step.length), (0, step.pause)]);
        let mut felt: Vec<(u8, Duration)> = Vec::new();
        for (strength, length) in spans.filter(|(_, length)| !length.is_zero()) {
            match felt.last_mut() {
                Some((last, whole)) if *last == strength => *whole = whole.saturating_add(length),
                _ => felt.push((strength, length)),
            }
        }
        felt.pop_if(|(strength, _)| *strength == 0);
        felt
    }
}

/// Judges the steps of a pattern alone.
///
/// # Errors
/// With the first bound that they break.
pub fn check_steps(steps: &[Step]) -> Result<(), BadPattern> {
    match steps.len() {
        0 => return Err(BadPattern::NoSteps),
        1..=STEPS_MAX => {}
        found => return Err(BadPattern::TooManySteps { found }),
    }
    for (step, Step { strength_percent, length, .. }) in (1..).zip(steps) {
        if !(1..=STRENGTH_MAX_PERCENT).contains(strength_percent) {
            return Err(BadPattern::Strength { step, found_percent: *strength_percent });
        }
        if *length < STEP_LENGTH_MIN {
            return Err(BadPattern::StepTooShort { step, found: *length });
        }
    }
    let turning = total(steps.iter().map(|step| step.length));
    let whole = total(steps.iter().flat_map(|step| [step.length, step.pause]));
    if whole > PATTERN_LENGTH_MAX {
        return Err(BadPattern::TooLong { found: whole });
    }
    if turning > TURNING_LENGTH_MAX {
        return Err(BadPattern::TurnsTooLong { found: turning });
    }
    Ok(())
}

/// Judges the tones of a pattern alone.
///
/// # Errors
/// With the first bound that they break.
pub fn check_tones(tones: &[Tone]) -> Result<(), BadPattern> {
    if tones.len() > TONES_MAX {
        return Err(BadPattern::TooManyTones { found: tones.len() });
    }
    for (tone, Tone { frequency_hz, length }) in (1..).zip(tones) {
        if *frequency_hz != 0 && !(FREQUENCY_MIN_HZ..=FREQUENCY_MAX_HZ).contains(frequency_hz) {
            return Err(BadPattern::Frequency { tone, found_hz: *frequency_hz });
        }
        if *length < TONE_LENGTH_MIN {
            return Err(BadPattern::ToneTooShort { tone, found: *length });
        }
    }
    let whole = total(tones.iter().map(|tone| tone.length));
    if whole > PATTERN_LENGTH_MAX {
        return Err(BadPattern::SoundTooLong { found: whole });
    }
    Ok(())
}

/// The sum of lengths that may be anything.
fn total(lengths: impl Iterator<Item = Duration>) -> Duration {
    lengths.fold(Duration::ZERO, Duration::saturating_add)
}
