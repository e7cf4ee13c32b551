//! Years of a daily alarm in an hour's blink: each ring is held against instants that were reckoned in another way.

use std::time::Duration;

use carpus_core::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use carpus_core::schedule::Schedule;
use carpus_core::watch::{CallError, Output, Repeat, Watch};
use carpus_core::{AppEvent, AppId, Application, Haptic, Limits, Now, SessionId, SessionKind, WallTime};
use jiff::civil::{Date, DateTime, Time, date, time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// The zones, each with the year in which its years begin: Apia's hold the day that it skipped, 2011-12-30.
const PLACES: [(&str, i16); 4] = [
    ("Europe/Berlin", 2016),
    ("America/New_York", 2016),
    ("Australia/Lord_Howe", 2016),
    ("Pacific/Apia", 2007),
];

/// The times of day: a plain one, and two that daylight saving skips or repeats; the last one also where the clocks
/// move by half an hour, from 2:00 on (Lord Howe).
const TIMES: [Time; 3] = [time(7, 0, 0, 0), time(2, 30, 0, 0), time(2, 15, 0, 0)];

/// One series of alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Where.
    pub zone: &'static str,
    /// At which time of the day.
    pub time: Time,
    /// The first day.
    pub from: Date,
    /// The day after the last.
    pub until: Date,
    /// How often it rang.
    pub rings: usize,
    /// How many of the rings came at another time of the day than the rule's.
    pub moved: usize,
}

/// A series that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongRing {
    /// Where.
    pub zone: &'static str,
    /// The rule's time of the day.
    pub time: Time,
    /// The ring's place in the series.
    pub index: usize,
    /// When it was to ring.
    pub expected: Option<WallTime>,
    /// When it rang.
    pub rang: Option<WallTime>,
}

impl std::fmt::Display for WrongRing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { zone, time, index, expected, rang } = self;
        write!(out, "{zone}, daily at {time}, ring {index}: expected at {expected:?}, rang at {rang:?}")
    }
}

/// Lets `years` years of alarms go by in each of the zones.
///
/// # Errors
/// When a ring is missing, or at another instant than expected.
pub fn run(years: i16) -> Result<Vec<Series>, WrongRing> {
    let mut all = Vec::new();
    for (zone, year) in PLACES {
        for time in TIMES {
            all.push(series(zone, time, date(year, 1, 1), date(year + years, 1, 1))?);
        }
    }
    Ok(all)
}

fn series(zone: &'static str, time: Time, from: Date, until: Date) -> Result<Series, WrongRing> {
    let place = TimeZone::get(zone).expect("the built-in data has every zone");
    let expected = expected(&place, time, from, until);
    let rings = rings(&place, time, from, until);
    for index in 0..expected.len().max(rings.len()) {
        let (expected, rang) = (expected.get(index).copied(), rings.get(index).copied());
        if expected != rang {
            return Err(WrongRing { zone, time, index, expected, rang });
        }
    }
    let moved = rings.iter().filter(|at| local(&place, **at).time() != time).count();
    Ok(Series { zone, time, from, until, rings: rings.len(), moved })
}

fn local(zone: &TimeZone, at: WallTime) -> DateTime {
    let at = Timestamp::from_millisecond(at.unix_ms()).expect("within the years of the calendar");
    zone.to_datetime(at)
}

// --- what is expected

/// A clock on the wall is watched minute by minute around each time: the alarm rings when it shows that time, or
/// passes it, for the first time.
fn expected(zone: &TimeZone, time: Time, from: Date, until: Date) -> Vec<WallTime> {
    let days = std::iter::successors(Some(from), |day| day.tomorrow().ok()).take_while(|day| *day < until);
    days.map(|day| first_reached(zone, day.to_datetime(time))).collect()
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

fn first_reached(zone: &TimeZone, wanted: DateTime) -> WallTime {
    let as_utc =
        TimeZone::UTC.to_timestamp(wanted).expect("within the years of the calendar").as_millisecond();
    let offset_ms = |near: i64| {
        let near = Timestamp::from_millisecond(near).expect("within the years of the calendar");
        i64::from(zone.to_offset(near).seconds()) * 1000
    };
    let (before, after) = (offset_ms(as_utc - 2 * DAY_MS), offset_ms(as_utc + 2 * DAY_MS));
    let mut at = WallTime::from_unix_ms(as_utc - before.max(after));
    while local(zone, at) < wanted {
        at = at.plus(Duration::from_millis(MINUTE_MS.unsigned_abs()));
    }
    at
}

// --- what happens

fn rings(zone: &TimeZone, time: Time, from: Date, until: Date) -> Vec<WallTime> {
    let midnight = |day: Date| {
        let at = zone.to_timestamp(day.to_datetime(time)).expect("within the years of the calendar");
        at.checked_sub(Span::new().seconds(1)).expect("within the years of the calendar").as_millisecond()
    };
    let mut wearer = Wearer::new(WallTime::from_unix_ms(midnight(from)));
    let rule = Recurrence { weekdays: Weekdays::DAILY, time, zone: RecurrenceZone::Named(zone.clone()) };
    wearer.sleep_until(rule, WallTime::from_unix_ms(midnight(until)));
    wearer.rings
}

/// Someone who stops the alarm as soon as it rings, with an app that rings at once.
struct Wearer {
    watch: Watch,
    schedule: Schedule,
    now: Now,
    app: AppId,
    last_id: u64,
    rings: Vec<WallTime>,
}

impl Wearer {
    fn new(wall: WallTime) -> Self {
        let app = AppId::parse("wake").expect("a valid id");
        Self {
            watch: Watch::new(Limits::default()),
            schedule: Schedule::new(),
            now: Now { since_boot: Duration::ZERO, wall },
            app,
            last_id: 0,
            rings: Vec::new(),
        }
    }

    fn sleep_until(&mut self, rule: Recurrence, end: WallTime) {
        let app = self.app.clone();
        self.watch.handle_installed(Application { id: app.clone(), session_kinds: vec![SessionKind::Alarm] });
        self.watch.handle_open(&app, self.now).expect("it is installed");
        self.watch.handle_attached(&app, self.now);
        self.watch.set_recurrence(&app, rule, self.now).expect("it is active and has no rule");
        self.watch.handle_crown(self.now);
        self.perform();
        while let Some(at) = self.next().filter(|at| *at < end) {
            let span = at.since(self.now.wall);
            self.now = Now { since_boot: self.now.after(span), wall: at.max(self.now.wall) };
            self.watch.handle_timeout(self.now);
            self.perform();
            while let Some(session) = self.schedule.poll_due(self.now.wall) {
                self.watch.handle_due(session, self.now);
                self.perform();
            }
        }
    }

    /// The next instant at which something is due, on the wall clock, which nobody sets here.
    fn next(&mut self) -> Option<WallTime> {
        let timeout = self.watch.poll_timeout().map(|(at, _)| at.saturating_sub(self.now.since_boot));
        let timeout = timeout.map(|span| self.now.wall.plus(span));
        timeout.into_iter().chain(self.schedule.poll_timeout()).min()
    }

    fn perform(&mut self) {
        while let Some(output) = self.watch.poll_output() {
            match output {
                Output::Arm { session, at } => self.schedule.handle_arm(session, at),
                Output::Disarm { session } => self.schedule.handle_disarm(session),
                Output::Save(record) => self.watch.handle_saved(record.session, self.now),
                Output::WantOccurrence { app } => {
                    self.last_id += 1;
                    self.watch.handle_occurrence(&app, SessionId(self.last_id), self.now);
                }
                Output::Deliver { event, .. } => self.react(&event).expect("the app does what it should"),
                Output::Advance { event, record, .. } => {
                    self.watch.handle_saved(record.session, self.now);
                    self.react(&event).expect("the app does what it should");
                }
                Output::Ring { session, .. } => {
                    self.rings.push(self.now.wall);
                    self.watch.stop_alarm(session, self.now).expect("it rings");
                }
                _ => {}
            }
        }
    }

    fn react(&mut self, event: &AppEvent) -> Result<(), CallError> {
        match event {
            AppEvent::Handle { session, .. } => self.watch.handle_handled(&self.app, *session, self.now),
            AppEvent::DidStart { session, .. } => {
                let haptic = Haptic::Notification;
                self.watch.notify_user(&self.app, *session, haptic, Repeat::Default, self.now)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a10_every_ring_of_two_years_comes_at_its_time() {
        let all = run(2).unwrap();
        assert_eq!(all.len(), PLACES.len() * TIMES.len());
    }

    #[test]
    fn a10_a_time_that_does_not_exist_is_reached_after_the_gap() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = first_reached(&berlin, date(2026, 3, 29).at(2, 30, 0, 0));
        assert_eq!(local(&berlin, at), date(2026, 3, 29).at(3, 0, 0, 0));
    }
}
