//! When an alarm comes again, as the rules and as the wire have it (A10).

use carpus_core::WallTime;
use carpus_core::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use carpus_protocol::session::{Error, RecurrenceReply, SetRecurrence};
use carpus_protocol::{self as wire, RecurrenceRule};
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

/// The rule that an app declares.
pub(super) fn recurrence(call: &SetRecurrence) -> Result<Recurrence, Error> {
    let SetRecurrence { weekdays, time, zone } = call;
    if weekdays.is_empty() {
        return Err(bad("the recurrence names no weekday; name one at least (rule A10)".to_owned()));
    }
    let days: Vec<_> = weekdays.iter().copied().map(weekday).collect();
    let zone = match zone.as_deref() {
        None => RecurrenceZone::Board,
        Some(name) => RecurrenceZone::Named(named_zone(name)?),
    };
    Ok(Recurrence { weekdays: Weekdays::of(&days), time: time_of_day(*time), zone })
}

fn bad(message: String) -> Error {
    Error::BadRecurrence { message }
}

/// A zone that has a name which can be written down; `Etc/Unknown` is none.
fn named_zone(name: &str) -> Result<TimeZone, Error> {
    let zone = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown() && zone.iana_name().is_some());
    zone.ok_or_else(|| {
        bad(format!(
            "the time zone {name:?} is not known here; name one of the IANA database, such as Europe/Berlin"
        ))
    })
}

fn time_of_day(time: wire::TimeOfDay) -> Time {
    // Each of them is at most 59.
    let part = |value: u8| i8::try_from(value).unwrap_or_default();
    Time::new(part(time.hour()), part(time.minute()), part(time.second()), 0).unwrap_or_default()
}

/// The rule that is kept for an app, and when its alarm comes next.
pub(super) fn reply(kept: Option<(Recurrence, Option<WallTime>)>) -> RecurrenceReply {
    let (rule, next) = kept.map_or((None, None), |(rule, next)| (Some(rule), next));
    RecurrenceReply { rule: rule.as_ref().map(on_wire), next_ms: next.map(WallTime::unix_ms) }
}

pub(super) fn on_wire(rule: &Recurrence) -> RecurrenceRule {
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let (hour, minute, second) = (part(rule.time.hour()), part(rule.time.minute()), part(rule.time.second()));
    let zone = match &rule.zone {
        RecurrenceZone::Board => None,
        RecurrenceZone::Named(zone) => zone.iana_name().map(str::to_owned),
    };
    RecurrenceRule {
        weekdays: rule.weekdays.iter().map(weekday_on_wire).collect(),
        time: wire::TimeOfDay::new(hour, minute, second).expect("jiff's times are times of a day"),
        zone,
    }
}

const fn weekday(day: wire::Weekday) -> Weekday {
    match day {
        wire::Weekday::Monday => Weekday::Monday,
        wire::Weekday::Tuesday => Weekday::Tuesday,
        wire::Weekday::Wednesday => Weekday::Wednesday,
        wire::Weekday::Thursday => Weekday::Thursday,
        wire::Weekday::Friday => Weekday::Friday,
        wire::Weekday::Saturday => Weekday::Saturday,
        wire::Weekday::Sunday => Weekday::Sunday,
    }
}

const fn weekday_on_wire(day: Weekday) -> wire::Weekday {
    match day {
        Weekday::Monday => wire::Weekday::Monday,
        Weekday::Tuesday => wire::Weekday::Tuesday,
        Weekday::Wednesday => wire::Weekday::Wednesday,
        Weekday::Thursday => wire::Weekday::Thursday,
        Weekday::Friday => wire::Weekday::Friday,
        Weekday::Saturday => wire::Weekday::Saturday,
        Weekday::Sunday => wire::Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(weekdays: &[wire::Weekday], zone: Option<&str>) -> SetRecurrence {
        let time = wire::TimeOfDay::new(7, 30, 15).unwrap();
        SetRecurrence { weekdays: weekdays.to_vec(), time, zone: zone.map(str::to_owned) }
    }

    #[test]
    fn a10_a_rule_survives_the_way_there_and_back() {
        for day in wire::Weekday::ALL {
            for zone in [None, Some("Europe/Berlin"), Some("UTC")] {
                let call = call(&[*day], zone);
                let told = reply(Some((recurrence(&call).unwrap(), Some(WallTime::from_unix_ms(9)))));
                let SetRecurrence { weekdays, time, zone } = call;
                assert_eq!(told.rule, Some(RecurrenceRule { weekdays, time, zone }));
                assert_eq!(told.next_ms, Some(9));
            }
        }
        assert_eq!(reply(None), RecurrenceReply { rule: None, next_ms: None });
    }

    #[test]
    fn a10_a_rule_without_a_weekday_or_with_a_zone_that_is_not_known_is_refused() {
        let no_day = call(&[], None);
        let refused = |call: &SetRecurrence, word: &str| matches!(recurrence(call), Err(Error::BadRecurrence { message }) if message.contains(word));
        assert!(refused(&no_day, "no weekday"));
        for zone in ["", "Mars/Olympus_Mons", "../../etc/passwd", "Etc/Unknown", "+02:00"] {
            assert!(refused(&call(&[wire::Weekday::Monday], Some(zone)), "not known"), "{zone}");
        }
    }
}
