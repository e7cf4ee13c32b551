//! Suppression (S10): a battery that is too low, or a board that is too hot, for some types of session.

use crate::session::{Cause, SessionKind};

/// What the board measures. None: it cannot tell, or the battery is being charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The battery's charge, in percent.
    pub battery_percent: Option<u8>,
    /// The temperature of the hottest part, in thousandths of a degree Celsius.
    pub temperature_mdegc: Option<i32>,
}

/// When sessions are suppressed, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The charge, in percent, below which they are; 0 is never.
    pub battery_below_percent: u8,
    /// The temperature, in thousandths of a degree Celsius, above which they are.
    pub temperature_above_mdegc: i32,
    /// The types of session that are suppressed.
    pub kinds: Vec<SessionKind>,
}

impl Default for Suppression {
    /// Below 5 % a battery's gauge is a guess, and above 80 °C a Raspberry Pi slows its cores down. An alarm is never
    /// suppressed.
    fn default() -> Self {
        Self {
            battery_below_percent: 5,
            temperature_above_mdegc: 80_000,
            kinds: vec![SessionKind::SelfCare, SessionKind::Mindfulness, SessionKind::PhysicalTherapy],
        }
    }
}

impl Suppression {
    /// Why no session of `kind` may run under these conditions, if so.
    pub fn of(&self, kind: SessionKind, conditions: Conditions) -> Option<Cause> {
        let low = conditions.battery_percent.is_some_and(|percent| percent < self.battery_below_percent);
        let hot = conditions.temperature_mdegc.is_some_and(|mdegc| mdegc > self.temperature_above_mdegc);
        match (self.kinds.contains(&kind), low, hot) {
            (true, true, _) => Some(Cause::LowBattery),
            (true, false, true) => Some(Cause::Overheated),
            (false, ..) | (true, false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(battery_percent: Option<u8>, temperature_mdegc: Option<i32>) -> Option<Cause> {
        let conditions = Conditions { battery_percent, temperature_mdegc };
        Suppression::default().of(SessionKind::Mindfulness, conditions)
    }

    #[test]
    fn s10_a_battery_below_the_set_charge_suppresses() {
        assert_eq!(cause(Some(4), None), Some(Cause::LowBattery));
        assert_eq!(cause(Some(5), None), None);
        assert_eq!(cause(Some(100), None), None);
    }

    #[test]
    fn s10_a_board_above_the_set_temperature_suppresses() {
        assert_eq!(cause(None, Some(80_001)), Some(Cause::Overheated));
        assert_eq!(cause(None, Some(80_000)), None);
        assert_eq!(cause(None, Some(-40_000)), None);
    }

    #[test]
    fn s10_a_low_battery_is_named_before_the_heat() {
        assert_eq!(cause(Some(0), Some(i32::MAX)), Some(Cause::LowBattery));
    }

    #[test]
    fn s10_what_the_board_cannot_tell_suppresses_nothing() {
        assert_eq!(cause(None, None), None);
    }

    #[test]
    fn s10_only_the_types_that_the_settings_name_are_suppressed() {
        let conditions = Conditions { battery_percent: Some(0), temperature_mdegc: Some(i32::MAX) };
        assert_eq!(Suppression::default().of(SessionKind::Alarm, conditions), None);
        let all = Suppression { kinds: SessionKind::ALL.to_vec(), ..Suppression::default() };
        assert_eq!(all.of(SessionKind::Alarm, conditions), Some(Cause::LowBattery));
    }

    #[test]
    fn s10_a_set_charge_of_zero_is_never() {
        let never = Suppression { battery_below_percent: 0, ..Suppression::default() };
        let conditions = Conditions { battery_percent: Some(0), temperature_mdegc: None };
        assert_eq!(never.of(SessionKind::SelfCare, conditions), None);
    }
}
