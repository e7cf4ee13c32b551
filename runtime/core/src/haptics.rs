//! Haptics (H1): the fourteen types, what each feels and sounds like, and how one follows another (H2, H3).

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Now;

/// The types of haptic (H1). Their numbers are WatchKit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Haptic {
    /// 0
    Notification = 0,
    /// 1
    DirectionUp = 1,
    /// 2
    DirectionDown = 2,
    /// 3
    Success = 3,
    /// 4
    Failure = 4,
    /// 5
    Retry = 5,
    /// 6
    Start = 6,
    /// 7
    Stop = 7,
    /// 8
    Click = 8,
    /// 9
    NavigationLeftTurn = 9,
    /// 10
    NavigationRightTurn = 10,
    /// 11
    NavigationGenericManeuver = 11,
    /// 12
    UnderwaterDepthPrompt = 12,
    /// 13
    UnderwaterDepthCriticalPrompt = 13,
}

impl Haptic {
    /// Every type, by number.
    pub const ALL: [Self; 14] = [
        Self::Notification,
        Self::DirectionUp,
        Self::DirectionDown,
        Self::Success,
        Self::Failure,
        Self::Retry,
        Self::Start,
        Self::Stop,
        Self::Click,
        Self::NavigationLeftTurn,
        Self::NavigationRightTurn,
        Self::NavigationGenericManeuver,
        Self::UnderwaterDepthPrompt,
        Self::UnderwaterDepthCriticalPrompt,
    ];

    /// The type's number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The type's name as the rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notification => "notification",
            Self::DirectionUp => "direction-up",
            Self::DirectionDown => "direction-down",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Retry => "retry",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Click => "click",
            Self::NavigationLeftTurn => "navigation-left-turn",
            Self::NavigationRightTurn => "navigation-right-turn",
            Self::NavigationGenericManeuver => "navigation-generic-maneuver",
            Self::UnderwaterDepthPrompt => "underwater-depth-prompt",
            Self::UnderwaterDepthCriticalPrompt => "underwater-depth-critical-prompt",
        }
    }
}

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

/// The least rest of the motor between one haptic and the next (H2).
pub const HAPTIC_GAP: Duration = Duration::from_millis(100);

/// How long the motor may turn at a stretch of busy playing, before its rests count (H3).
pub const DUTY_RESERVE: Duration = Duration::from_secs(20);

/// Of each second, the motor may turn for this part (one half) in the long run: more heats a coin motor up (H3).
const DUTY_DIVISOR: u32 = 2;

/// What the shell must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A haptic begins; its first [`Output::Vibrate`] follows.
    Begin(Haptic),
    /// Turn the motor; it ends by itself after `length` (H3).
    Vibrate {
        /// In percent of full strength.
        strength_percent: u8,
        /// For how long.
        length: Duration,
    },
    /// Stop the motor.
    Stop,
    /// The haptic is not played: the motor has turned too much of late, and must cool (H3).
    LeftOut(Haptic),
}

/// Plays haptics one at a time (H2): a new one stops the current one, and begins after [`HAPTIC_GAP`].
/// Times are those of the clock since boot.
#[derive(Clone, Debug)]
pub struct Sequencer {
    playing: Option<Playing>,
    /// The newest haptic that waits for the gap to pass.
    waiting: Option<Haptic>,
    quiet_until: Duration,
    duty: Duty,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug)]
struct Playing {
    steps: &'static [Step],
    next_at: Duration,
}

impl Default for Sequencer {
    fn default() -> Self {
        Self::new()
    }
}

impl Sequencer {
    /// A motor at rest.
    pub const fn new() -> Self {
        Self {
            playing: None,
            waiting: None,
            quiet_until: Duration::ZERO,
            duty: Duty { reserve: DUTY_RESERVE, at: Duration::ZERO },
            outputs: VecDeque::new(),
        }
    }

    /// Plays `haptic` instead of what plays or waits now.
    pub fn handle_play(&mut self, haptic: Haptic, now: Now) {
        self.interrupt(now);
        self.waiting = Some(haptic);
        self.handle_timeout(now);
    }

    /// Stops what plays or waits now.
    pub fn handle_stop(&mut self, now: Now) {
        self.interrupt(now);
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) named.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.playing.is_none() && self.quiet_until <= now.since_boot {
            self.begin_waiting(now);
        }
        if self.playing.is_some_and(|playing| playing.next_at <= now.since_boot) {
            self.next_step(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next, on the clock since boot.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.playing {
            Some(playing) => Some(playing.next_at),
            None => self.waiting.map(|_| self.quiet_until),
        }
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn interrupt(&mut self, now: Now) {
        self.waiting = None;
        if self.playing.take().is_some() {
            self.outputs.push_back(Output::Stop);
            self.quiet_until = now.after(HAPTIC_GAP);
        }
    }

    fn begin_waiting(&mut self, now: Now) {
        let Some(haptic) = self.waiting.take() else { return };
        let steps = pattern(haptic).steps;
        if self.duty.spend(steps.iter().map(|step| step.length).sum(), now) {
            self.outputs.push_back(Output::Begin(haptic));
            self.playing = Some(Playing { steps, next_at: now.since_boot });
        } else {
            self.outputs.push_back(Output::LeftOut(haptic));
        }
    }

    fn next_step(&mut self, now: Now) {
        let Some(playing) = &mut self.playing else { return };
        let Some((step, rest)) = playing.steps.split_first() else {
            self.playing = None;
            self.quiet_until = now.after(HAPTIC_GAP);
            return;
        };
        *playing = Playing { steps: rest, next_at: now.after(step.length + step.pause) };
        let Step { strength_percent, length, .. } = *step;
        self.outputs.push_back(Output::Vibrate { strength_percent, length });
    }
}

/// How much the motor may still turn (H3): a reserve that fills with time and is spent by haptics. One that is
/// stopped early has spent its whole length.
#[derive(Clone, Debug)]
struct Duty {
    reserve: Duration,
    at: Duration,
}

impl Duty {
    fn spend(&mut self, length: Duration, now: Now) -> bool {
        let earned = now.since_boot.saturating_sub(self.at) / DUTY_DIVISOR;
        self.reserve = self.reserve.saturating_add(earned).min(DUTY_RESERVE);
        self.at = now.since_boot;
        match self.reserve.checked_sub(length) {
            Some(left) => {
                self.reserve = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallTime;

    fn at(ms: u64) -> Now {
        Now { since_boot: Duration::from_millis(ms), wall: WallTime::default() }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn outputs(sequencer: &mut Sequencer) -> Vec<Output> {
        std::iter::from_fn(|| sequencer.poll_output()).collect()
    }

    /// Lets the time pass from one timeout to the next, up to `until`; gives each output with its time.
    fn run(sequencer: &mut Sequencer, until_ms: u64) -> Vec<(u64, Output)> {
        let mut seen = Vec::new();
        while let Some(due) = sequencer.poll_timeout().filter(|due| *due <= ms(until_ms)) {
            sequencer.handle_timeout(Now { since_boot: due, ..at(0) });
            let due_ms = u64::try_from(due.as_millis()).unwrap();
            seen.extend(outputs(sequencer).into_iter().map(|output| (due_ms, output)));
        }
        seen
    }

    fn vibrate(strength_percent: u8, length_ms: u64) -> Output {
        Output::Vibrate { strength_percent, length: ms(length_ms) }
    }

    #[test]
    fn h1_numbers_and_names_are_those_of_the_rules() {
        for (number, haptic) in Haptic::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(haptic.number()), number);
        }
        let names: Vec<&str> = Haptic::ALL.into_iter().map(Haptic::name).collect();
        assert_eq!(
            names.join(" "),
            "notification direction-up direction-down success failure retry start stop click navigation-left-turn \
             navigation-right-turn navigation-generic-maneuver underwater-depth-prompt underwater-depth-critical-prompt"
        );
    }

    #[test]
    fn h1_each_type_has_a_pattern_and_a_sound_of_its_own() {
        for (index, first) in Haptic::ALL.into_iter().enumerate() {
            for second in Haptic::ALL.into_iter().skip(index + 1) {
                assert_ne!(pattern(first).steps, pattern(second).steps, "{first:?} {second:?}");
                assert_ne!(pattern(first).tones, pattern(second).tones, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn h1_each_pattern_can_be_felt_and_heard_and_is_short() {
        for haptic in Haptic::ALL {
            let Pattern { steps, tones } = pattern(haptic);
            let motor: Duration = steps.iter().map(|step| step.length + step.pause).sum();
            let sound: Duration = tones.iter().map(|tone| tone.length).sum();
            assert!(motor > Duration::ZERO && motor < PATTERN_LENGTH_MAX, "{haptic:?}: {motor:?}");
            assert!(sound > Duration::ZERO && sound < PATTERN_LENGTH_MAX, "{haptic:?}: {sound:?}");
            assert!(steps.iter().all(|step| step.length >= STEP_LENGTH_MIN), "{haptic:?}");
            assert!(steps.iter().all(|step| (1..=100).contains(&step.strength_percent)), "{haptic:?}");
        }
    }

    #[test]
    fn a_pattern_plays_step_by_step() {
        let mut sequencer = Sequencer::new();
        sequencer.handle_play(Haptic::Notification, at(1000));
        assert_eq!(outputs(&mut sequencer), [Output::Begin(Haptic::Notification), vibrate(100, 200)]);
        assert_eq!(run(&mut sequencer, 60_000), [(1300, vibrate(100, 200))]);
        assert_eq!(sequencer.poll_timeout(), None, "it is at rest again");
    }

    #[test]
    fn h2_a_new_haptic_stops_the_current_one_and_begins_after_the_gap() {
        let mut sequencer = Sequencer::new();
        sequencer.handle_play(Haptic::UnderwaterDepthCriticalPrompt, at(0));
        outputs(&mut sequencer);
        sequencer.handle_play(Haptic::Start, at(200));
        assert_eq!(outputs(&mut sequencer), [Output::Stop]);
        assert_eq!(
            run(&mut sequencer, 60_000),
            [(300, Output::Begin(Haptic::Start)), (300, vibrate(100, 300))]
        );
    }

    #[test]
    fn h2_the_gap_holds_after_a_haptic_that_ended_by_itself_too() {
        let mut sequencer = Sequencer::new();
        sequencer.handle_play(Haptic::Click, at(0));
        outputs(&mut sequencer);
        run(&mut sequencer, 40);
        sequencer.handle_play(Haptic::Start, at(50));
        assert_eq!(outputs(&mut sequencer), []);
        assert_eq!(sequencer.poll_timeout(), Some(ms(140)));
    }

    #[test]
    fn h2_of_several_that_wait_only_the_newest_plays() {
        let mut sequencer = Sequencer::new();
        sequencer.handle_play(Haptic::Failure, at(0));
        outputs(&mut sequencer);
        for (haptic, when) in [(Haptic::Start, 10), (Haptic::Stop, 20), (Haptic::Click, 30)] {
            sequencer.handle_play(haptic, at(when));
        }
        assert_eq!(outputs(&mut sequencer), [Output::Stop]);
        assert_eq!(
            run(&mut sequencer, 60_000),
            [(110, Output::Begin(Haptic::Click)), (110, vibrate(80, 40))]
        );
    }

    #[test]
    fn stop_ends_what_plays_and_forgets_what_waits() {
        let mut sequencer = Sequencer::new();
        sequencer.handle_play(Haptic::Failure, at(0));
        sequencer.handle_play(Haptic::Start, at(10));
        outputs(&mut sequencer);
        sequencer.handle_stop(at(20));
        assert_eq!(sequencer.poll_timeout(), None);
        assert_eq!(outputs(&mut sequencer), [], "the first was stopped already");

        sequencer.handle_play(Haptic::Start, at(1000));
        outputs(&mut sequencer);
        sequencer.handle_stop(at(1100));
        assert_eq!(outputs(&mut sequencer), [Output::Stop]);
        assert_eq!(sequencer.poll_timeout(), None);
    }

    #[test]
    fn h3_no_vibration_is_told_without_its_end() {
        for haptic in Haptic::ALL {
            let mut sequencer = Sequencer::new();
            sequencer.handle_play(haptic, at(0));
            let mut all = outputs(&mut sequencer);
            all.extend(run(&mut sequencer, 60_000).into_iter().map(|(_, output)| output));
            let lengths: Vec<Duration> = all
                .iter()
                .filter_map(|output| match output {
                    Output::Vibrate { length, .. } => Some(*length),
                    _ => None,
                })
                .collect();
            assert_eq!(lengths, pattern(haptic).steps.iter().map(|step| step.length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn h3_a_motor_that_is_never_left_alone_turns_half_of_the_time_at_most() {
        let mut sequencer = Sequencer::new();
        let mut turned = Duration::ZERO;
        let mut left_out = 0;
        for second in (0..3600).step_by(2) {
            sequencer.handle_play(Haptic::UnderwaterDepthCriticalPrompt, at(second * 1000));
            let mut all = outputs(&mut sequencer);
            all.extend(run(&mut sequencer, second * 1000 + 1999).into_iter().map(|(_, output)| output));
            for output in all {
                match output {
                    Output::Vibrate { length, .. } => turned += length,
                    Output::LeftOut(_) => left_out += 1,
                    Output::Begin(_) | Output::Stop => {}
                }
            }
        }
        assert!(left_out > 0);
        assert!(turned <= Duration::from_secs(1800) + DUTY_RESERVE, "{turned:?}");
        assert!(turned >= Duration::from_secs(1700), "the allowance is used: {turned:?}");
    }

    #[test]
    fn n2_the_default_repeat_of_an_alarm_is_never_left_out() {
        for haptic in Haptic::ALL {
            let mut sequencer = Sequencer::new();
            for play in 0..600 {
                sequencer.handle_play(haptic, at(play * 3000));
                assert_eq!(sequencer.poll_output(), Some(Output::Begin(haptic)), "{haptic:?} no. {play}");
                outputs(&mut sequencer);
                run(&mut sequencer, play * 3000 + 2999);
                outputs(&mut sequencer);
            }
        }
    }
}
