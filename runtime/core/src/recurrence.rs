//! Recurrence (A10): weekdays, a time of day and a time zone, and the instants they name.

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::time::WallTime;

pub use crate::record::RecurrenceRecord;

/// A set of weekdays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Every day.
    pub const DAILY: Self = Self(0b111_1111);

    /// These days.
    pub fn of(days: &[Weekday]) -> Self {
        Self(days.iter().fold(0, |bits, day| bits | Self::bit(*day)))
    }

    /// Whether `day` is among them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }

    /// Whether there is no day among them.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The days, from Monday on.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        Weekday::Monday.cycle_forward().take(7).filter(move |day| self.contains(*day))
    }

    const fn bit(day: Weekday) -> u8 {
        1 << day.to_monday_zero_offset()
    }
}

/// Where a recurrence's time of day is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecurrenceZone {
    /// In the zone that the board is set to, whichever that is by then.
    Board,
    /// In this zone, wherever the board is.
    Named(TimeZone),
}

/// When an alarm comes again (A10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// On which days.
    pub weekdays: Weekdays,
    /// At which time of the day.
    pub time: Time,
    /// Where.
    pub zone: RecurrenceZone,
}

/// How many days ahead an instant is looked for: a week, the day of the week on which it begins, and one more on
/// either side for days that a zone skips, or for which the date differs from zone to zone.
const DAYS_AHEAD: usize = 10;

impl Recurrence {
    /// The first instant after `after`, where the board's own zone is `board`. None when there is no weekday in the
    /// set, or the calendar ends (in the year 9999).
    pub fn next(&self, after: WallTime, board: &TimeZone) -> Option<WallTime> {
        let zone = match &self.zone {
            RecurrenceZone::Board => board,
            RecurrenceZone::Named(zone) => zone,
        };
        let from = Timestamp::from_millisecond(after.unix_ms()).ok()?;
        let first = zone.to_datetime(from).date().yesterday().ok()?;
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(DAYS_AHEAD);
        days.filter(|day| self.weekdays.contains(day.weekday()))
            .filter_map(|day| instant(zone, day, self.time))
            .find(|at| *at > after)
    }
}

/// The instant at which the day has this time. One that does not exist is the first after the gap; of two, it is
/// the first.
fn instant(zone: &TimeZone, day: Date, time: Time) -> Option<WallTime> {
    let ambiguous = zone.to_ambiguous_timestamp(day.to_datetime(time));
    let at = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.compatible().ok()?,
        AmbiguousOffset::Gap { .. } => {
            // Read with the offset before the gap, the time lies at the transition or after it.
            let after_gap = ambiguous.later().ok()?.as_millisecond();
            let just_after = Timestamp::from_millisecond(after_gap.saturating_add(1)).ok()?;
            zone.preceding(just_after).next()?.timestamp()
        }
    };
    Some(WallTime::from_unix_ms(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn daily(hour: i8, minute: i8, name: &str) -> Recurrence {
        let zone = RecurrenceZone::Named(zone(name));
        Recurrence { weekdays: Weekdays::DAILY, time: time(hour, minute, 0, 0), zone }
    }

    /// The instants after noon UTC of the day, as UTC.
    fn instants(rule: &Recurrence, (year, month, day): (i16, i8, i8), count: usize) -> Vec<String> {
        let noon = date(year, month, day).at(12, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
        let mut after = WallTime::from_unix_ms(noon.timestamp().as_millisecond());
        let mut found = Vec::new();
        for _ in 0..count {
            after = rule.next(after, &TimeZone::UTC).unwrap();
            let at = Timestamp::from_millisecond(after.unix_ms()).unwrap();
            found.push(at.strftime("%m-%d %H:%M").to_string());
        }
        found
    }

    #[test]
    fn a10_an_alarm_keeps_its_time_of_day_over_a_change_of_offset() {
        let berlin = daily(7, 0, "Europe/Berlin");
        assert_eq!(instants(&berlin, (2026, 3, 27), 3), ["03-28 06:00", "03-29 05:00", "03-30 05:00"]);
        assert_eq!(instants(&berlin, (2026, 10, 23), 3), ["10-24 05:00", "10-25 06:00", "10-26 06:00"]);
    }

    #[test]
    fn a10_a_time_that_does_not_exist_rings_at_the_first_instant_after_the_gap() {
        for (rule, (year, month, day), expected) in [
            (daily(2, 30, "Europe/Berlin"), (2026, 3, 28), "03-29 01:00"),
            (daily(2, 0, "Europe/Berlin"), (2026, 3, 28), "03-29 01:00"),
            (daily(2, 59, "America/New_York"), (2026, 3, 7), "03-08 07:00"),
            (daily(2, 15, "Australia/Lord_Howe"), (2026, 10, 3), "10-03 15:30"),
            (daily(0, 30, "America/Santiago"), (2026, 9, 5), "09-06 04:00"),
            (daily(0, 0, "Africa/Cairo"), (2026, 4, 23), "04-23 22:00"),
        ] {
            assert_eq!(instants(&rule, (year, month, day), 1), [expected], "{rule:?}");
        }
    }

    #[test]
    fn a10_a_time_that_exists_twice_rings_the_first_time_only() {
        for (rule, (year, month, day), expected) in [
            (daily(2, 30, "Europe/Berlin"), (2026, 10, 24), ["10-25 00:30", "10-26 01:30"]),
            (daily(1, 30, "America/New_York"), (2026, 10, 31), ["11-01 05:30", "11-02 06:30"]),
            (daily(1, 45, "Australia/Lord_Howe"), (2026, 4, 4), ["04-04 14:45", "04-05 15:15"]),
        ] {
            assert_eq!(instants(&rule, (year, month, day), 2), expected, "{rule:?}");
        }
    }

    #[test]
    fn a10_a_day_that_a_zone_skips_rings_when_it_would_have_begun() {
        let apia = daily(7, 0, "Pacific/Apia");
        // Friday, 2011-12-30, did not exist there: after the gap it is Saturday, 0:00.
        assert_eq!(instants(&apia, (2011, 12, 29), 3), ["12-29 17:00", "12-30 10:00", "12-30 17:00"]);
    }

    #[test]
    fn a10_only_the_weekdays_of_the_rule_ring() {
        let weekdays = Weekdays::of(&[Weekday::Monday, Weekday::Friday]);
        let rule = Recurrence { weekdays, ..daily(7, 0, "UTC") };
        // 2026-11-22 is a Sunday.
        assert_eq!(
            instants(&rule, (2026, 11, 22), 4),
            ["11-23 07:00", "11-27 07:00", "11-30 07:00", "12-04 07:00"]
        );
        assert_eq!(weekdays.iter().collect::<Vec<_>>(), [Weekday::Monday, Weekday::Friday]);
    }

    #[test]
    fn a10_a_weekday_that_is_named_twice_counts_once() {
        let twice = Weekdays::of(&[Weekday::Sunday, Weekday::Friday, Weekday::Sunday]);
        assert_eq!(twice.iter().collect::<Vec<_>>(), [Weekday::Friday, Weekday::Sunday]);
    }

    #[test]
    fn a10_each_single_weekday_is_found_within_the_week() {
        for day in Weekdays::DAILY.iter() {
            let rule = Recurrence { weekdays: Weekdays::of(&[day]), ..daily(7, 0, "UTC") };
            let noon = WallTime::from_unix_ms(0);
            let at = rule.next(noon, &TimeZone::UTC).unwrap();
            let date = Timestamp::from_millisecond(at.unix_ms()).unwrap().to_zoned(TimeZone::UTC);
            assert_eq!(date.weekday(), day);
            assert!(at.since(noon) <= std::time::Duration::from_secs(7 * 86_400));
        }
    }

    #[test]
    fn a10_the_next_instant_is_later_than_the_one_before() {
        let rule = daily(7, 0, "UTC");
        let seven = rule.next(WallTime::from_unix_ms(0), &TimeZone::UTC).unwrap();
        assert_eq!(seven.unix_ms(), 7 * 3_600_000);
        assert_eq!(rule.next(seven, &TimeZone::UTC).unwrap().unix_ms(), 31 * 3_600_000);
    }

    #[test]
    fn a10_a_rule_without_a_zone_of_its_own_follows_the_board() {
        let rule = Recurrence { zone: RecurrenceZone::Board, ..daily(7, 0, "UTC") };
        let at = |board| rule.next(WallTime::from_unix_ms(0), &zone(board)).unwrap().unix_ms() / 3_600_000;
        assert_eq!((at("UTC"), at("Europe/Berlin"), at("Asia/Tokyo")), (7, 6, 22));
    }

    #[test]
    fn a10_a_rule_without_a_weekday_or_beyond_the_calendar_names_no_instant() {
        let never = Recurrence { weekdays: Weekdays::default(), ..daily(7, 0, "UTC") };
        assert_eq!(never.next(WallTime::from_unix_ms(0), &TimeZone::UTC), None);
        for unix_ms in [i64::MIN, i64::MAX] {
            assert_eq!(daily(7, 0, "UTC").next(WallTime::from_unix_ms(unix_ms), &TimeZone::UTC), None);
        }
        assert!(Weekdays::default().is_empty() && !Weekdays::DAILY.is_empty());
    }
}
