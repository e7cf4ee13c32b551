//! How one haptic follows another (H2), and how much the motor may turn (H3).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Haptic, Step, Theme};
use crate::time::Now;

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

/// Plays haptics one at a time (H2): a new one stops the current one, and begins after a gap.
/// Times are those of the clock since boot.
#[derive(Clone, Debug)]
pub struct Sequencer {
    theme: Arc<Theme>,
    playing: Option<Playing>,
    /// The newest haptic that waits for the gap to pass.
    waiting: Option<Haptic>,
    gap: Duration,
    quiet_until: Duration,
    duty: Duty,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Copy, Debug)]
struct Playing {
    haptic: Haptic,
    /// Counted from 0.
    next_step: usize,
    next_at: Duration,
}

impl Default for Sequencer {
    /// The built-in theme, and the least gap.
    fn default() -> Self {
        Self::new(Arc::default(), HAPTIC_GAP)
    }
}

impl Sequencer {
    /// A motor at rest, that plays the patterns of `theme` and rests for `gap` between two haptics; a shorter one than
    /// [`HAPTIC_GAP`] is taken as that.
    pub fn new(theme: Arc<Theme>, gap: Duration) -> Self {
        Self {
            theme,
            gap: gap.max(HAPTIC_GAP),
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
            self.quiet_until = now.after(self.gap);
        }
    }

    fn begin_waiting(&mut self, now: Now) {
        let Some(haptic) = self.waiting.take() else { return };
        if self.duty.spend(self.theme.pattern(haptic).turning_length(), now) {
            self.outputs.push_back(Output::Begin(haptic));
            self.playing = Some(Playing { haptic, next_step: 0, next_at: now.since_boot });
        } else {
            self.outputs.push_back(Output::LeftOut(haptic));
        }
    }

    fn next_step(&mut self, now: Now) {
        let Some(playing) = &mut self.playing else { return };
        let steps = self.theme.pattern(playing.haptic).steps();
        let Some(&Step { strength_percent, length, pause }) = steps.get(playing.next_step) else {
            self.playing = None;
            self.quiet_until = now.after(self.gap);
            return;
        };
        playing.next_step += 1;
        playing.next_at = now.after(length + pause);
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
