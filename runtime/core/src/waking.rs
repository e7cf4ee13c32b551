//! Waking (A8): what an alarm can wake the board from, and so how it may rest while one waits.

use std::time::Duration;

use crate::session::SessionId;
use crate::time::{Now, WallTime};

/// What the board can be woken from, as the runtime found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waking {
    /// Whether a timer of the kernel wakes it from suspend (`CLOCK_REALTIME_ALARM`).
    pub from_suspend: bool,
    /// Whether its real-time clock switches it on, and then how long it takes from there until the runtime is up.
    pub from_power_off: Option<Duration>,
}

/// How the board rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Suspended to memory.
    Suspend,
    /// Switched off.
    PowerOff,
}

/// Why the board may not rest so now: an alarm or a session would be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotRest {
    /// A session runs, which goes on with the screen off (T1), or its alarm rings.
    #[error("session {0} is not over")]
    InSession(SessionId),
    /// Nothing would wake the board.
    #[error("nothing wakes this board from that, and an alarm waits")]
    NothingWakes,
    /// The alarm comes before the board could be up again.
    #[error("an alarm is due before the board could be up again")]
    TooSoon,
}

impl Waking {
    /// When the board has to be woken if it rests now, with `next` the next alarm that waits. None: nothing waits.
    ///
    /// # Errors
    /// When the alarm would be missed.
    pub fn plan(self, rest: Rest, next: Option<WallTime>, now: Now) -> Result<Option<WallTime>, CannotRest> {
        let Some(alarm) = next else { return Ok(None) };
        let lead = match rest {
            Rest::Suspend => self.from_suspend.then_some(Duration::ZERO),
            Rest::PowerOff => self.from_power_off,
        };
        let wake_at = alarm.minus(lead.ok_or(CannotRest::NothingWakes)?);
        if wake_at > now.wall { Ok(Some(wake_at)) } else { Err(CannotRest::TooSoon) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { since_boot: Duration::from_secs(100), wall: WallTime::from_unix_ms(1_000_000) };
    const BOOT: Duration = Duration::from_secs(40);

    fn alarm_in(seconds: u64) -> Option<WallTime> {
        Some(NOW.wall.plus(Duration::from_secs(seconds)))
    }

    #[test]
    fn a8_a_board_with_an_alarm_timer_is_woken_from_suspend_at_the_alarm() {
        let waking = Waking { from_suspend: true, from_power_off: None };
        assert_eq!(waking.plan(Rest::Suspend, alarm_in(60), NOW), Ok(alarm_in(60)));
        assert_eq!(waking.plan(Rest::PowerOff, alarm_in(60), NOW), Err(CannotRest::NothingWakes));
    }

    #[test]
    fn a8_a_board_that_its_clock_switches_on_is_woken_early_by_the_time_it_takes() {
        let waking = Waking { from_suspend: false, from_power_off: Some(BOOT) };
        assert_eq!(waking.plan(Rest::PowerOff, alarm_in(60), NOW), Ok(alarm_in(20)));
        assert_eq!(waking.plan(Rest::Suspend, alarm_in(60), NOW), Err(CannotRest::NothingWakes));
    }

    #[test]
    fn a8_an_alarm_that_is_due_before_the_board_is_up_keeps_it_on() {
        let waking = Waking { from_suspend: true, from_power_off: Some(BOOT) };
        assert_eq!(waking.plan(Rest::PowerOff, alarm_in(40), NOW), Err(CannotRest::TooSoon));
        assert_eq!(waking.plan(Rest::PowerOff, alarm_in(41), NOW), Ok(alarm_in(1)));
        assert_eq!(waking.plan(Rest::Suspend, alarm_in(0), NOW), Err(CannotRest::TooSoon));
    }

    #[test]
    fn a8_a_board_with_no_alarm_may_rest_as_it_likes() {
        for rest in [Rest::Suspend, Rest::PowerOff] {
            assert_eq!(Waking::default().plan(rest, None, NOW), Ok(None));
        }
    }
}
