//! The instants of a recurrence (A10), found by going through the days one by one and asking of each, for every
//! stretch of time in which the zone's clocks keep one offset, whether the time of day is in it.

use carpus_core::WallTime;
use carpus_core::recurrence::{Recurrence, RecurrenceZone};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

const SECOND_MS: i64 = 1000;
const DAY_MS: i64 = 86_400 * SECOND_MS;
/// The days looked at: the last one has every weekday before it, though a zone may leave a date out.
const DAYS_BACK: i64 = 2;
const DAYS_AHEAD: i64 = 11;
/// Stretches begin and end this far beyond those days.
const MARGIN_DAYS: i64 = 3;

/// A time in which the zone's clocks keep one offset.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    start_ms: i64,
    end_ms: i64,
    offset_ms: i64,
}

/// The first instant of the rule after `after`.
pub(super) fn a10_next(rule: &Recurrence, after: WallTime, board: &TimeZone) -> Option<WallTime> {
    let zone = match &rule.zone {
        RecurrenceZone::Board => board,
        RecurrenceZone::Named(zone) => zone,
    };
    let after_ms = after.unix_ms();
    let offset = zone.to_offset(Timestamp::from_millisecond(after_ms).ok()?);
    let today = (after_ms + i64::from(offset.seconds()) * SECOND_MS).div_euclid(DAY_MS);
    let stretches = stretches(zone, after_ms);
    let mut instants = Vec::new();
    for day in today - DAYS_BACK..=today + DAYS_AHEAD {
        if rule.weekdays.contains(weekday(day)?) {
            instants.extend(instant(&stretches, day * DAY_MS + time_of_day_ms(rule)));
        }
    }
    let end_ms = Timestamp::MAX.as_millisecond();
    let next = instants.into_iter().filter(|at| *at > after_ms && *at <= end_ms).min()?;
    Some(WallTime::from_unix_ms(next))
}

/// When clocks show this date and time: the first time, if they do twice; if they never do, when they skip it.
fn instant(stretches: &[Stretch], local_ms: i64) -> Option<i64> {
    for stretch in stretches {
        let at = local_ms - stretch.offset_ms;
        if stretch.start_ms <= at && at < stretch.end_ms {
            return Some(at);
        }
    }
    for pair in stretches.windows(2) {
        let [before, after] = pair else { continue };
        let change_ms = after.start_ms;
        if change_ms + before.offset_ms <= local_ms && local_ms < change_ms + after.offset_ms {
            return Some(change_ms);
        }
    }
    None
}

fn stretches(zone: &TimeZone, around_ms: i64) -> Vec<Stretch> {
    let first_ms = around_ms - (DAYS_BACK + MARGIN_DAYS) * DAY_MS;
    let last_ms = around_ms + (DAYS_AHEAD + MARGIN_DAYS) * DAY_MS;
    let from = Timestamp::from_millisecond(first_ms).unwrap_or(Timestamp::MIN);
    let offset_ms = |seconds: i32| i64::from(seconds) * SECOND_MS;
    let mut stretches = vec![Stretch {
        start_ms: first_ms,
        end_ms: last_ms,
        offset_ms: offset_ms(zone.to_offset(from).seconds()),
    }];
    for change in zone.following(from) {
        let change_ms = change.timestamp().as_millisecond();
        if change_ms >= last_ms {
            break;
        }
        if let Some(before) = stretches.last_mut() {
            before.end_ms = change_ms;
        }
        let offset_ms = offset_ms(change.offset().seconds());
        stretches.push(Stretch { start_ms: change_ms, end_ms: last_ms, offset_ms });
    }
    stretches
}

/// The weekday of a day since 1970-01-01, which was a Thursday.
fn weekday(day: i64) -> Option<Weekday> {
    const THURSDAY: i64 = 3;
    const WEEK: i64 = 7;
    let since_monday = i8::try_from((day + THURSDAY).rem_euclid(WEEK)).ok()?;
    Weekday::from_monday_zero_offset(since_monday).ok()
}

fn time_of_day_ms(rule: &Recurrence) -> i64 {
    let time = rule.time;
    let minutes = i64::from(time.hour()) * 60 + i64::from(time.minute());
    (minutes * 60 + i64::from(time.second())) * SECOND_MS + i64::from(time.millisecond())
}
