//! Alarms on the wall clock (A4, A6, A7): which is next, and which are due.

use std::collections::{BTreeMap, BTreeSet};

use crate::session::SessionId;
use crate::time::WallTime;

/// The alarms that wait, by their wall-clock instant.
#[derive(Debug, Default)]
pub struct Schedule {
    by_time: BTreeSet<(WallTime, SessionId)>,
    times: BTreeMap<SessionId, WallTime>,
}

impl Schedule {
    /// A schedule with no alarm.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an alarm, or moves it to another instant.
    pub fn handle_arm(&mut self, session: SessionId, at: WallTime) {
        self.handle_disarm(session);
        self.times.insert(session, at);
        self.by_time.insert((at, session));
    }

    /// Takes an alarm out; one that is not there is no error.
    pub fn handle_disarm(&mut self, session: SessionId) {
        if let Some(at) = self.times.remove(&session) {
            self.by_time.remove(&(at, session));
        }
    }

    /// The next alarm's instant. Wanted again after each change of the schedule or the clock.
    pub fn poll_timeout(&self) -> Option<WallTime> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out one alarm that is due at `wall`, earliest first; to be called until there is none.
    pub fn poll_due(&mut self, wall: WallTime) -> Option<SessionId> {
        let (_, session) = *self.by_time.first().filter(|(at, _)| *at <= wall)?;
        self.handle_disarm(session);
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_ms: i64) -> WallTime {
        WallTime::from_unix_ms(unix_ms)
    }

    #[test]
    fn a4_alarms_come_due_in_order_and_once() {
        let mut schedule = Schedule::new();
        schedule.handle_arm(SessionId(1), at(300));
        schedule.handle_arm(SessionId(2), at(100));
        schedule.handle_arm(SessionId(3), at(200));
        assert_eq!(schedule.poll_timeout(), Some(at(100)));
        assert_eq!(schedule.poll_due(at(99)), None);
        assert_eq!(schedule.poll_due(at(250)), Some(SessionId(2)));
        assert_eq!(schedule.poll_due(at(250)), Some(SessionId(3)));
        assert_eq!(schedule.poll_due(at(250)), None);
        assert_eq!(schedule.poll_timeout(), Some(at(300)));
    }

    #[test]
    fn a7_a_clock_set_back_makes_nothing_due_and_nothing_twice() {
        let mut schedule = Schedule::new();
        schedule.handle_arm(SessionId(1), at(100));
        assert_eq!(schedule.poll_due(at(-1_000_000)), None);
        assert_eq!(schedule.poll_due(at(100)), Some(SessionId(1)));
        assert_eq!(schedule.poll_due(at(100)), None);
    }

    #[test]
    fn arming_again_moves_an_alarm() {
        let mut schedule = Schedule::new();
        schedule.handle_arm(SessionId(1), at(100));
        schedule.handle_arm(SessionId(1), at(200));
        assert_eq!(schedule.poll_due(at(150)), None);
        schedule.handle_disarm(SessionId(1));
        schedule.handle_disarm(SessionId(1));
        assert_eq!(schedule.poll_timeout(), None);
    }
}
