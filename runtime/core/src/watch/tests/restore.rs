//! A9, A10, D2, N6, N7: what a restart makes of what is on disk.

use super::*;
use crate::record::{RecordedFallback, RecordedPhase, RecordedRing};
use crate::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use SessionKind::{Alarm, Mindfulness};
use SessionState::{Running, Scheduled};

const A: [(&str, SessionKind); 1] = [("a", Alarm)];
const DAY: Duration = Duration::from_secs(24 * 3600);
/// From the present of a new bench to seven o'clock.
const TO_SEVEN: Duration = Duration::from_secs(8 * 3600 + 46 * 60 + 40);

fn daily() -> Recurrence {
    let time = jiff::civil::time(7, 0, 0, 0);
    Recurrence { weekdays: Weekdays::DAILY, time, zone: RecurrenceZone::Board }
}

/// An alarm app, active, with a rule.
fn with_rule() -> Bench {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    bench.act(|watch, now| watch.set_recurrence(&app("a"), daily(), now)).unwrap();
    bench
}

fn is_warning(output: &Output) -> bool {
    matches!(output, Output::WarnSilent { .. })
}

const ODD_FALLBACK: RecordedFallback = RecordedFallback {
    at: WallTime::from_unix_ms(i64::MAX),
    until: WallTime::from_unix_ms(i64::MIN),
    over_at: Duration::MAX,
    snoozed_until: Some(WallTime::from_unix_ms(i64::MAX)),
};

/// An alarm that runs, with all that can be odd about it.
pub(super) fn running(since: WallTime, expiration: WallTime) -> RecordedPhase {
    let ring = RecordedRing {
        haptic: Haptic::Click,
        repeat: Repeat::EveryMs(i64::MIN),
        interval: Some(Duration::MAX),
        played: u32::MAX,
        snoozed_until: Some(Duration::MAX),
    };
    RecordedPhase::Running {
        since,
        expiration,
        ends_at: Duration::MAX,
        scheduled: true,
        rang: false,
        warned: true,
        handed: true,
        launch: u32::MAX,
        ring: Some(ring),
        fallback: Some(ODD_FALLBACK),
    }
}

#[test]
fn a9_a_bad_record_blocks_no_other_alarm() {
    let (mut bench, id) = Bench::scheduled();
    let odd = [
        RecordedPhase::Scheduled { at: WallTime::from_unix_ms(i64::MIN), recurring: false },
        RecordedPhase::Fallback(ODD_FALLBACK),
        running(WallTime::from_unix_ms(i64::MAX), WallTime::from_unix_ms(i64::MIN)),
        RecordedPhase::Handed {
            since: WallTime::from_unix_ms(i64::MAX),
            expiration: WallTime::from_unix_ms(i64::MIN),
            ends_at: Duration::MAX,
            rang: false,
            launch: u32::MAX,
            fallback: Some(ODD_FALLBACK),
        },
    ];
    for (phase, number) in odd.into_iter().zip(100..) {
        let record = SessionRecord { session: SessionId(number), app: app("b"), kind: Alarm, phase };
        bench.disk.insert(SessionId(number), record);
    }
    bench.power_loss(MINUTE, &[("a", Alarm), ("b", Alarm)]);
    bench.advance(HOUR - MINUTE);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.disk.len(), 1);
}

#[test]
fn d2_the_alarm_that_ran_is_handed_again_though_the_next_one_waits() {
    let (mut bench, ran) = Bench::alarm();
    bench.open("a");
    let next = bench.schedule("a", DAY);
    bench.power_loss(MINUTE, &A);
    bench.attach("a");
    bench.handled("a", ran).unwrap();
    assert_eq!(bench.session_state("a", ran), Running);
    assert_eq!(bench.session_state("a", next), Scheduled);
    bench.advance(DAY - MINUTE);
    bench.handled("a", next).unwrap();
    assert_eq!(bench.session_state("a", next), Running);
}

#[test]
fn d2_of_two_sessions_that_waited_the_newer_stands_and_each_app_keeps_its_own() {
    let (mut bench, first) = Bench::scheduled();
    let at = bench.wall_in(2 * HOUR);
    for (number, name) in [(50, "a"), (51, "b")] {
        let phase = RecordedPhase::Scheduled { at, recurring: false };
        let record = SessionRecord { session: SessionId(number), app: app(name), kind: Alarm, phase };
        bench.disk.insert(SessionId(number), record);
    }
    bench.power_loss(MINUTE, &[("a", Alarm), ("b", Alarm)]);
    assert_eq!(bench.end(first), End::by(Reason::None, Cause::AppInvalidated));
    let waiting: Vec<_> = bench.waiting().into_iter().map(|(id, _)| id).collect();
    assert_eq!(waiting, [SessionId(50), SessionId(51)]);
}

#[test]
fn d2_an_alarm_that_is_restored_past_its_time_is_handed_at_once() {
    let (mut bench, id) = Bench::scheduled();
    bench.power_loss(HOUR + MINUTE, &A);
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), Running);
}

#[test]
fn n6_an_alarm_that_rang_before_the_restart_did_not_end_in_silence() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::Default).unwrap();
    for _ in 0..2 {
        bench.power_loss(MINUTE, &A);
        bench.attach("a");
        bench.handled("a", id).unwrap();
    }
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!(bench.end(id).reason, Reason::Expired);
    assert_eq!(bench.count(is_warning), 0);
}

#[test]
fn n7_an_alarm_that_rang_before_the_restart_and_that_nobody_stopped_has_its_fallback_anew() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::Default).unwrap();
    bench.look_anew();
    bench.power_loss(MINUTE, &A);
    bench.handled("a", id).unwrap();
    bench.advance(28 * MINUTE - MS);
    assert_eq!(bench.rings(), []);
    bench.advance(MS);
    assert_eq!(bench.rings(), [Duration::ZERO]);
    bench.notify("a", id, Repeat::EveryMs(0)).unwrap();
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!((bench.rings(), bench.disk.len()), (vec![], 0), "its app rang again");
}

#[test]
fn n6_an_alarm_that_rang_before_the_restart_may_ring_again() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::Default).unwrap();
    bench.power_loss(MINUTE, &A);
    bench.handled("a", id).unwrap();
    bench.look_anew();
    bench.notify("a", id, Repeat::Default).unwrap();
    assert_eq!(bench.rings(), [Duration::ZERO]);
    assert!(super::ring::alert(&bench));
    bench.act(|watch, now| watch.stop_alarm(id, now)).unwrap();
    assert!(!super::ring::alert(&bench));
}

#[test]
fn n6_an_alarm_whose_window_closed_in_silence_while_off_warns_the_user() {
    for (off, rang, warnings) in [(HOUR, false, 1), (HOUR, true, 0), (35 * MINUTE, false, 1)] {
        let (mut bench, id) = Bench::alarm();
        if rang {
            bench.notify("a", id, Repeat::Default).unwrap();
        }
        bench.look_anew();
        bench.power_loss(off, &A);
        assert_eq!(bench.end(id).cause, Some(Cause::AppExited(ExitStatus::Unknown)));
        assert_eq!(bench.count(is_warning), warnings, "{off:?}, {rang}");
    }
}

#[test]
fn d2_a_session_of_another_type_ends_whether_its_time_is_over_or_not() {
    for off in [MINUTE, 2 * HOUR] {
        let (mut bench, id) = Bench::running(Mindfulness);
        bench.power_loss(off, &[("a", Mindfulness)]);
        assert_eq!(bench.end(id).cause, Some(Cause::AppExited(ExitStatus::Unknown)));
        assert_eq!(bench.count(is_warning), 0);
        assert_eq!(bench.count(|output| matches!(output, Output::TellMissed { .. })), 0);
        assert!(bench.disk.is_empty());
    }
}

#[test]
fn n7_a_restored_window_that_is_shorter_than_twice_the_lead_rings_from_its_middle() {
    let mut bench = Bench::with(Limits { alarm: MINUTE, ..Limits::default() });
    bench.install("a", Alarm);
    bench.launch("a");
    let id = bench.run("a");
    let at = bench.wall_in(30 * SECOND);
    bench.power_loss(2 * MINUTE, &A);
    let until = at.plus(10 * MINUTE);
    let over_at = bench.now.since_boot + until.since(bench.now.wall);
    let fallback = RecordedFallback { at, until, over_at, snoozed_until: None };
    assert_eq!(bench.disk[&id].phase, RecordedPhase::Fallback(fallback));
}

#[test]
fn a10_a_rule_and_its_waiting_session_stand() {
    let mut bench = with_rule();
    let waiting = bench.waiting();
    bench.power_loss(HOUR, &A);
    assert_eq!(bench.waiting(), waiting);
    bench.advance(TO_SEVEN - HOUR);
    assert_eq!(bench.waiting().len(), 1);
    assert_ne!(bench.waiting(), waiting);
}

#[test]
fn a10_a_restored_rule_whose_session_is_missing_gets_one() {
    let mut bench = with_rule();
    bench.disk.clear();
    bench.power_loss(HOUR, &A);
    let at = bench.wall_in(TO_SEVEN - HOUR);
    assert_eq!(bench.waiting().into_iter().map(|(_, at)| at).collect::<Vec<_>>(), [at]);
}

#[test]
fn a10_a_restored_waiting_session_is_the_rules_and_is_skipped_when_it_is_invalidated() {
    let mut bench = with_rule();
    let (id, _) = bench.waiting()[0];
    bench.power_loss(HOUR, &A);
    bench.launch("a");
    bench.invalidate("a", id).unwrap();
    let at = bench.wall_in(TO_SEVEN - HOUR + DAY);
    assert_eq!(bench.waiting().into_iter().map(|(_, at)| at).collect::<Vec<_>>(), [at]);
}

#[test]
fn a10_a_session_that_the_app_scheduled_itself_is_not_the_rules_over_a_restart_either() {
    let mut bench = with_rule();
    let id = bench.create("a");
    let at = bench.wall_in(HOUR);
    bench.act(|watch, now| watch.replace(&app("a"), id, at, now)).unwrap();
    bench.act(|watch, now| watch.handle_saved(id, now));
    bench.power_loss(MINUTE, &A);
    let east = jiff::tz::TimeZone::fixed(jiff::tz::offset(5));
    bench.act(|watch, now| watch.handle_time_zone(east, now));
    assert_eq!(bench.waiting(), [(id, at)]);
}

#[test]
fn a10_what_was_skipped_stays_skipped_over_a_restart() {
    let mut bench = with_rule();
    bench.invalidate("a", bench.waiting()[0].0).unwrap();
    bench.disk.clear();
    let at = bench.wall_in(TO_SEVEN + DAY);
    bench.power_loss(HOUR, &A);
    assert_eq!(bench.waiting().into_iter().map(|(_, at)| at).collect::<Vec<_>>(), [at]);
}

#[test]
fn a10_an_alarm_that_is_handed_again_brings_back_nothing_that_was_skipped() {
    let mut bench = with_rule();
    let (ran, _) = bench.waiting()[0];
    bench.advance(TO_SEVEN);
    bench.handled("a", ran).unwrap();
    bench.invalidate("a", bench.waiting()[0].0).unwrap();
    bench.disk.retain(|id, _| *id == ran);
    let at = bench.wall_in(2 * DAY);
    bench.power_loss(MINUTE, &A);
    bench.attach("a");
    bench.handled("a", ran).unwrap();
    assert_eq!(bench.waiting().into_iter().map(|(_, at)| at).collect::<Vec<_>>(), [at]);
}

#[test]
fn a10_the_rule_of_an_app_that_is_gone_goes() {
    let mut bench = with_rule();
    bench.power_loss(HOUR, &[]);
    assert!(bench.rules.is_empty() && bench.disk.is_empty());
}
