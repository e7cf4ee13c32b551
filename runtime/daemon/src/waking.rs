//! What an alarm can wake this board from, for people (A8).

use carpus_actors::report::DeviceProblem;
use carpus_core::waking::Waking;

const PART: &str = "clock";

/// What there is to say of a board on which an alarm could be slept through; alarms ring there while it is awake.
pub(crate) fn problem(waking: Waking) -> Option<DeviceProblem> {
    let problem = DeviceProblem {
        part: PART,
        what: "no alarm wakes this board from suspend: it takes CAP_WAKE_ALARM and a real-time clock with an alarm"
            .to_owned(),
        remedy: "start carpusd by its systemd unit, which has the capability; on a Raspberry Pi without a clock of \
                 its own add one (dtoverlay=i2c-rtc,ds3231); until then keep the board from sleeping while an alarm \
                 waits"
            .to_owned(),
    };
    (!waking.from_suspend).then_some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a8_a_board_that_no_alarm_wakes_is_said_with_a_remedy() {
        let problem = problem(Waking::default()).expect("nothing wakes it");
        assert_eq!(problem.part, "clock");
        assert!(problem.remedy.contains("systemd"));
    }

    #[test]
    fn a8_a_board_that_an_alarm_wakes_from_suspend_has_no_problem() {
        assert!(super::problem(Waking { from_suspend: true, from_power_off: None }).is_none());
    }
}
