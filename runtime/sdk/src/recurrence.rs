//! When an alarm comes again (A10).

use std::time::SystemTime;

use carpus_protocol::session::{RecurrenceReply, SetRecurrence};
use carpus_protocol::{RecurrenceRule, TimeOfDay, Weekday};

use crate::time::from_unix_ms;

/// When an app's alarm comes again: on which days, at which time of the day, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    weekdays: Vec<Weekday>,
    time: TimeOfDay,
    zone: Option<String>,
}

impl Recurrence {
    /// On these days at this time, in the time zone of the board, whichever it is by then.
    pub fn new(weekdays: &[Weekday], time: TimeOfDay) -> Self {
        let mut weekdays = weekdays.to_vec();
        weekdays.sort_unstable();
        weekdays.dedup();
        Self { weekdays, time, zone: None }
    }

    /// Every day at this time, in the time zone of the board, whichever it is by then.
    pub fn daily(time: TimeOfDay) -> Self {
        Self::new(Weekday::ALL, time)
    }

    /// The same in a zone by its IANA name, such as `Europe/Berlin`, wherever the board is.
    #[must_use]
    pub fn in_zone(self, zone: &str) -> Self {
        Self { zone: Some(zone.to_owned()), ..self }
    }

    /// The days, each once, from Monday on.
    pub fn weekdays(&self) -> &[Weekday] {
        &self.weekdays
    }

    /// The time of the day.
    pub const fn time(&self) -> TimeOfDay {
        self.time
    }

    /// The zone's IANA name; none for that of the board.
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// Whether it means the same: the names of zones are no different in another case.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same_zone = match (&self.zone, &other.zone) {
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        };
        same_zone && self.weekdays == other.weekdays && self.time == other.time
    }

    pub(crate) fn call(self) -> SetRecurrence {
        let Self { weekdays, time, zone } = self;
        SetRecurrence { weekdays, time, zone }
    }
}

impl From<RecurrenceRule> for Recurrence {
    fn from(RecurrenceRule { weekdays, time, zone }: RecurrenceRule) -> Self {
        Self { zone, ..Self::new(&weekdays, time) }
    }
}

/// A rule that the runtime keeps for the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurring {
    /// The rule.
    pub rule: Recurrence,
    /// The next instant by it.
    pub next: Option<SystemTime>,
}

impl Recurring {
    pub(crate) fn from_reply(reply: RecurrenceReply) -> Option<Self> {
        Some(Self { rule: reply.rule?.into(), next: reply.next_ms.map(from_unix_ms) })
    }
}
