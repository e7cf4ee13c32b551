//! The few rules that are easy to read in two ways.

use std::time::Duration;

use carpus_core::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use carpus_core::session::ExitStatus;
use carpus_core::watch::{Kept, Output, Repeat, Survivor};
use carpus_core::{
    AppId, Application, Haptic, Limits, Now, SessionId, SessionKind, SessionRecord, SessionState, WallTime,
};
use jiff::civil::{Weekday, time};
use jiff::tz::TimeZone;

use super::Reference;
use super::instants::a10_next;
use crate::input::Input;

/// The first instant after `after` of a rule in a named zone; as text, in UTC.
fn next(days: &[Weekday], at: (i8, i8), zone: &str, after: &str) -> String {
    let zone = RecurrenceZone::Named(TimeZone::get(zone).unwrap());
    let rule = Recurrence { weekdays: Weekdays::of(days), time: time(at.0, at.1, 0, 0), zone };
    let after: jiff::Timestamp = after.parse().unwrap();
    let next = a10_next(&rule, WallTime::from_unix_ms(after.as_millisecond()), &TimeZone::UTC).unwrap();
    jiff::Timestamp::from_millisecond(next.unix_ms()).unwrap().to_string()
}

const SUNDAY: &[Weekday] = &[Weekday::Sunday];

#[test]
fn a10_a_plain_time_comes_on_the_next_such_weekday_and_never_at_once() {
    let monday = &[Weekday::Monday];
    assert_eq!(next(monday, (7, 0), "Europe/Berlin", "2026-01-05T05:59:59Z"), "2026-01-05T06:00:00Z");
    assert_eq!(next(monday, (7, 0), "Europe/Berlin", "2026-01-05T06:00:00Z"), "2026-01-12T06:00:00Z");
}

#[test]
fn a10_a_time_in_a_gap_rings_when_the_gap_is_over() {
    assert_eq!(next(SUNDAY, (2, 30), "Europe/Berlin", "2026-03-28T12:00:00Z"), "2026-03-29T01:00:00Z");
    assert_eq!(next(SUNDAY, (2, 0), "Australia/Lord_Howe", "2026-10-03T00:00:00Z"), "2026-10-03T15:30:00Z");
}

#[test]
fn a10_a_date_that_a_zone_left_out_rings_when_it_is_over() {
    let friday = &[Weekday::Friday];
    assert_eq!(next(friday, (7, 0), "Pacific/Apia", "2011-12-28T12:00:00Z"), "2011-12-30T10:00:00Z");
}

#[test]
fn a10_a_time_that_comes_twice_rings_the_first_time_only() {
    assert_eq!(next(SUNDAY, (2, 30), "Europe/Berlin", "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z");
    assert_eq!(next(SUNDAY, (2, 30), "Europe/Berlin", "2026-10-25T00:30:00Z"), "2026-11-01T01:30:00Z");
}

#[test]
fn a10_the_calendar_ends() {
    let rule = Recurrence { weekdays: Weekdays::DAILY, time: time(7, 0, 0, 0), zone: RecurrenceZone::Board };
    for unix_ms in [i64::MIN, i64::MAX, jiff::Timestamp::MAX.as_millisecond()] {
        assert_eq!(a10_next(&rule, WallTime::from_unix_ms(unix_ms), &TimeZone::UTC), None);
    }
}

/// The reference, with an app whose alarm runs.
struct Bench {
    reference: Reference,
    app: AppId,
    id: SessionId,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        let app = AppId::parse("a").unwrap();
        let now = Now { since_boot: Duration::ZERO, wall: WallTime::from_unix_ms(0) };
        let mut bench = Self { reference: Reference::new(Limits::default()), app, id: SessionId(1), now };
        bench.install();
        bench.put(Input::Open(bench.app.clone()));
        bench.put(Input::Attached(bench.app.clone()));
        bench.put(Input::Create(bench.app.clone(), bench.id, None));
        bench.put(Input::StartAt(bench.app.clone(), bench.id, bench.now.wall));
        bench
    }

    fn install(&mut self) {
        let session_kinds = vec![SessionKind::Alarm];
        self.put(Input::Installed(Application { id: self.app.clone(), session_kinds }));
    }

    fn put(&mut self, input: Input) -> Vec<Output> {
        self.reference.apply(&input, self.now).1
    }

    fn crash(&mut self, at_s: u64) -> Vec<Output> {
        self.now.since_boot = Duration::from_secs(at_s);
        self.put(Input::Exited(self.app.clone(), ExitStatus::Signal(11)))
    }

    /// The runtime is killed and started again; the app's process outlives it, and `record` is on disk.
    fn restart(&mut self, record: SessionRecord) -> Vec<Output> {
        let standing = Some(self.reference.standing());
        let survivors = vec![Survivor { app: self.app.clone(), suspended: false }];
        self.reference = Reference::new(Limits::default());
        self.install();
        let kept = Kept { sessions: vec![record], standing, survivors, ..Kept::default() };
        self.put(Input::Restore(kept))
    }

    fn state(&self) -> SessionState {
        self.reference.sessions()[0].2
    }
}

fn records(outputs: &[Output]) -> Vec<&SessionRecord> {
    const fn record(output: &Output) -> Option<&SessionRecord> {
        match output {
            Output::Advance { record, .. } => Some(record),
            _ => None,
        }
    }
    outputs.iter().filter_map(record).collect()
}

#[test]
fn s14_three_crashes_in_a_minute_are_forgiven_and_the_fourth_ends_the_session() {
    let mut bench = Bench::new();
    for at_s in [1, 2, 3] {
        assert_eq!(records(&bench.crash(at_s)).len(), 1, "it is handed over again");
    }
    assert_eq!(records(&bench.crash(61)).len(), 1, "what is 60 s ago counts no more");
    assert_eq!(bench.state(), SessionState::Running);
    assert_eq!(records(&bench.crash(61)).len(), 0);
    assert_eq!(bench.reference.sessions(), [], "with its process the session is forgotten");
}

#[test]
fn d2_a_session_goes_on_in_the_process_that_has_it_and_in_no_other() {
    for crashed in [false, true] {
        let mut bench = Bench::new();
        let outputs = bench.crash(1);
        let record = records(&outputs)[0].clone();
        if crashed {
            bench.crash(2); // and what that led to is not on disk
        }
        bench.restart(record);
        let state = if crashed { SessionState::Scheduled } else { SessionState::Running };
        assert_eq!(bench.state(), state);
    }
}

#[test]
fn n5_notify_user_in_a_snoozed_fallback_changes_what_will_ring_and_not_when() {
    let mut reference = Reference::new(Limits::default());
    let (app, id) = (AppId::parse("a").unwrap(), SessionId(1));
    let mut put = |input: Input, at_s: i64| {
        let since_boot = Duration::from_secs(at_s.unsigned_abs());
        reference.apply(&input, Now { since_boot, wall: WallTime::from_unix_ms(at_s * 1000) }).1
    };
    let rings = |outputs: Vec<Output>| -> Vec<Haptic> {
        let haptic = |output: &Output| match output {
            Output::Ring { haptic, .. } => Some(*haptic),
            _ => None,
        };
        outputs.iter().filter_map(haptic).collect()
    };
    put(Input::Installed(Application { id: app.clone(), session_kinds: vec![SessionKind::Alarm] }), 0);
    put(Input::Open(app.clone()), 0);
    put(Input::Attached(app.clone()), 0);
    put(Input::Create(app.clone(), id, None), 0);
    put(Input::StartAt(app.clone(), id, WallTime::from_unix_ms(0)), 0);
    assert_eq!(rings(put(Input::Timeout, 29 * 60)), [Haptic::Notification]);
    put(Input::Snooze(id, Some(Duration::from_secs(30))), 29 * 60);
    assert_eq!(rings(put(Input::NotifyUser(app, id, Haptic::Success, Repeat::Default), 29 * 60 + 10)), []);
    assert_eq!(rings(put(Input::Timeout, 29 * 60 + 29)), []);
    assert_eq!(rings(put(Input::Timeout, 29 * 60 + 30)), [Haptic::Success]);
}
