//! A10: the runtime schedules the next session by the rule that an app declared. The instants that a rule names are
//! tried in `recurrence.rs`.

use jiff::civil::Weekday;
use jiff::tz::{self, TimeZone};

use super::*;
use crate::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use SessionKind::{Alarm, Mindfulness};
use SessionState::Scheduled;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// From the present of a new bench, a Tuesday, 22:13:20 UTC, to seven o'clock.
const TO_SEVEN: Duration = Duration::from_secs(8 * 3600 + 46 * 60 + 40);

fn on(weekdays: Weekdays) -> Recurrence {
    Recurrence { weekdays, time: jiff::civil::time(7, 0, 0, 0), zone: RecurrenceZone::Board }
}

fn daily() -> Recurrence {
    on(Weekdays::DAILY)
}

fn set(bench: &mut Bench, rule: Recurrence) -> Result<(), CallError> {
    bench.act(|watch, now| watch.set_recurrence(&app("a"), rule, now))
}

fn clear(bench: &mut Bench) -> Result<(), CallError> {
    bench.act(|watch, now| watch.clear_recurrence(&app("a"), now))
}

fn zone(bench: &mut Bench, hours: i8) {
    let zone = TimeZone::fixed(tz::offset(hours));
    bench.act(|watch, now| watch.handle_time_zone(zone, now));
}

/// The wall clock is set, and the watch is told.
fn set_clock(bench: &mut Bench, set: impl FnOnce(WallTime) -> WallTime) {
    bench.now.wall = set(bench.now.wall);
    bench.act(Watch::handle_clock_set);
    bench.catch_up();
}

/// An alarm app, active.
fn active() -> Bench {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    bench
}

/// An alarm app, active, with this rule.
fn with_rule(rule: Recurrence) -> Bench {
    let mut bench = active();
    set(&mut bench, rule).unwrap();
    bench
}

/// When the one waiting session of the bench is due, from now.
fn due_in(bench: &Bench) -> Duration {
    let [(_, at)] = bench.waiting()[..] else { panic!("one waits, of {:?}", bench.waiting()) };
    at.since(bench.now.wall)
}

fn waits(bench: &Bench) -> SessionId {
    bench.waiting().pop().unwrap().0
}

fn wants(bench: &Bench) -> usize {
    bench.count(|output| *output == Output::WantOccurrence { app: app("a") })
}

fn not_allowed(code: ErrorCode) -> Result<(), CallError> {
    Err(CallError::NotAllowed(code))
}

#[test]
fn a10_a_rule_schedules_the_next_session() {
    let bench = with_rule(daily());
    assert_eq!(due_in(&bench), TO_SEVEN);
    let id = waits(&bench);
    assert_eq!(bench.session_state("a", id), Scheduled);
    assert_eq!(bench.schedule.poll_timeout(), Some(bench.wall_in(TO_SEVEN)));
    assert!(bench.disk.contains_key(&id) && bench.rules.contains_key(&app("a")));
    assert!(
        bench.place(|output| matches!(output, Output::SaveRecurrence(_)))
            < bench.place(|output| { matches!(output, Output::WantOccurrence { .. }) })
    );
}

#[test]
fn a10_the_app_is_not_needed_for_it() {
    let mut bench = with_rule(daily());
    bench.exit("a", ExitStatus::Code(0));
    for _ in 0..3 {
        let id = waits(&bench);
        bench.advance(due_in(&bench));
        bench.handled("a", id).unwrap();
        bench.notify("a", id, Repeat::Default).unwrap();
        bench.act(|watch, now| watch.stop_alarm(id, now)).unwrap();
        assert_eq!(due_in(&bench), DAY);
        bench.exit("a", ExitStatus::Code(0));
    }
}

#[test]
fn a10_an_app_declares_its_rule_only_while_active_and_allowed_to() {
    let mut bench = active();
    bench.wrist_down();
    assert_eq!(set(&mut bench, daily()), not_allowed(ErrorCode::MustBeActiveToStartOrSchedule));
    bench.wrist_up();
    bench.allow("a", AppRights { background_refresh: false, schedule: true });
    assert_eq!(set(&mut bench, daily()), not_allowed(ErrorCode::BackgroundRefreshDisabled));
    bench.allow("a", AppRights { background_refresh: false, schedule: false });
    assert_eq!(set(&mut bench, daily()), not_allowed(ErrorCode::NotApprovedToSchedule));
    bench.allow("a", AppRights::default());
    assert_eq!(bench.count(|output| matches!(output, Output::SaveRecurrence(_))), 0);
    assert_eq!(set(&mut bench, daily()), Ok(()));
}

#[test]
fn a10_only_an_alarm_app_has_a_rule() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    assert_eq!(set(&mut bench, daily()), not_allowed(ErrorCode::NotApprovedToSchedule));
    let unknown = bench.act(|watch, now| watch.set_recurrence(&app("x"), daily(), now));
    assert_eq!(unknown, Err(CallError::UnknownApp(app("x"))));
}

#[test]
fn a10_a_waiting_session_or_a_rule_is_in_the_way_of_a_rule() {
    let (mut bench, id) = Bench::scheduled();
    assert_eq!(set(&mut bench, daily()), Err(CallError::RecurrenceInTheWay));
    bench.invalidate("a", id).unwrap();
    set(&mut bench, daily()).unwrap();
    assert_eq!(set(&mut bench, on(Weekdays::of(&[Weekday::Friday]))), Err(CallError::RecurrenceInTheWay));
    bench.withholds_numbers = true;
    bench.invalidate("a", waits(&bench)).unwrap();
    assert_eq!(bench.waiting(), []);
    assert_eq!(set(&mut bench, daily()), Err(CallError::RecurrenceInTheWay), "one at most");
}

#[test]
fn a10_a_session_that_runs_is_not_in_the_way_of_a_rule() {
    let (mut bench, _) = Bench::running(Alarm);
    set(&mut bench, daily()).unwrap();
    assert_eq!(due_in(&bench), TO_SEVEN);
}

#[test]
fn a10_a_rule_that_names_no_instant_is_refused() {
    let mut bench = active();
    assert_eq!(set(&mut bench, on(Weekdays::default())), Err(CallError::NoInstant));
    assert_eq!(bench.rules.len(), 0);
    set(&mut bench, daily()).unwrap();
}

#[test]
fn a10_the_app_takes_its_rule_back_while_active() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    bench.crown();
    assert_eq!(clear(&mut bench), not_allowed(ErrorCode::MustBeActiveToStartOrSchedule));
    assert_eq!(bench.rules.len(), 1);
    bench.open("a");
    assert_eq!(clear(&mut bench), Ok(()));
    assert_eq!(bench.end(id), End::by(Reason::None, Cause::AppInvalidated));
    assert!(bench.rules.is_empty() && bench.disk.is_empty());
    bench.look_anew();
    bench.advance(3 * DAY);
    assert_eq!((wants(&bench), bench.waiting()), (0, vec![]));
}

#[test]
fn a10_taking_back_no_rule_changes_nothing() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.look_anew();
    assert_eq!(clear(&mut bench), Ok(()));
    assert_eq!((bench.log.len(), bench.session_state("a", id)), (0, Scheduled));
    let unknown = bench.act(|watch, now| watch.clear_recurrence(&app("x"), now));
    assert_eq!(unknown, Err(CallError::UnknownApp(app("x"))));
}

#[test]
fn a10_a_session_that_the_rule_made_and_that_runs_outlives_it() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    bench.advance(TO_SEVEN);
    bench.handled("a", id).unwrap();
    clear(&mut bench).unwrap();
    assert_eq!(bench.session_state("a", id), SessionState::Running);
    assert_eq!(bench.waiting(), []);
}

#[test]
fn a10_as_soon_as_a_session_is_handed_over_the_next_one_is_scheduled() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    bench.advance(TO_SEVEN);
    assert_eq!(bench.session_state("a", id), Scheduled);
    assert_eq!(due_in(&bench), DAY);
}

#[test]
fn a10_the_next_one_may_lie_further_ahead_than_an_app_may_schedule() {
    let bench = with_rule(on(Weekdays::of(&[Weekday::Monday])));
    assert_eq!(due_in(&bench), TO_SEVEN + 5 * DAY);
}

#[test]
fn a10_invalidating_a_waiting_one_skips_that_one_only() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    bench.invalidate("a", id).unwrap();
    assert_eq!(due_in(&bench), TO_SEVEN + DAY);
    bench.advance(TO_SEVEN + DAY);
    assert_eq!(due_in(&bench), DAY);
}

#[test]
fn a10_a_skipped_instant_that_lies_far_ahead_is_not_scheduled_again() {
    let mut bench = with_rule(on(Weekdays::of(&[Weekday::Monday])));
    bench.invalidate("a", waits(&bench)).unwrap();
    assert_eq!(due_in(&bench), TO_SEVEN + 12 * DAY);
    let mut bench = with_rule(daily());
    bench.invalidate("a", waits(&bench)).unwrap();
    bench.invalidate("a", waits(&bench)).unwrap();
    assert_eq!(due_in(&bench), TO_SEVEN + 2 * DAY);
}

#[test]
fn a10_a_session_that_takes_the_place_of_the_rules_own_skips_it() {
    let mut bench = with_rule(daily());
    let own = waits(&bench);
    let id = bench.create("a");
    let at = bench.wall_in(HOUR);
    bench.act(|watch, now| watch.replace(&app("a"), id, at, now)).unwrap();
    bench.act(|watch, now| watch.handle_saved(id, now));
    assert_eq!(bench.end(own).cause, Some(Cause::AppInvalidated));
    assert_eq!(bench.waiting(), [(id, at)], "that one waits now");
    bench.advance(HOUR);
    assert_eq!(due_in(&bench), TO_SEVEN + DAY - HOUR);
}

#[test]
fn a10_a_missed_one_or_one_that_could_not_start_is_followed_by_the_next() {
    let mut bench = with_rule(daily());
    let missed = waits(&bench);
    set_clock(&mut bench, |now| now.plus(TO_SEVEN + HOUR));
    assert_eq!(bench.end(missed).cause, Some(Cause::MissedWhileOff));
    assert_eq!(due_in(&bench), DAY - HOUR);
    let (mut bench, _) = Bench::running(Alarm);
    set(&mut bench, Recurrence { time: jiff::civil::time(22, 30, 0, 0), ..daily() }).unwrap();
    let beside = waits(&bench);
    bench.advance(due_in(&bench));
    assert_eq!(bench.end(beside), in_progress());
    assert_eq!(due_in(&bench), DAY);
}

#[test]
fn a10_the_zone_of_the_board_moves_what_waits() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    bench.look_anew();
    zone(&mut bench, 2);
    assert_eq!((due_in(&bench), waits(&bench)), (TO_SEVEN - 2 * HOUR, id));
    let at = bench.wall_in(TO_SEVEN - 2 * HOUR);
    assert_eq!(bench.disk[&id].phase, crate::record::RecordedPhase::Scheduled { at, recurring: true });
    assert_eq!(bench.schedule.poll_timeout(), Some(at));
    bench.look_anew();
    zone(&mut bench, 2);
    assert_eq!(bench.log, [], "it is there already");
}

#[test]
fn a10_a_named_zone_stays_where_the_board_goes() {
    let zone_of_rule = RecurrenceZone::Named(TimeZone::fixed(tz::offset(1)));
    let mut bench = with_rule(Recurrence { zone: zone_of_rule, ..daily() });
    assert_eq!(due_in(&bench), TO_SEVEN - HOUR);
    zone(&mut bench, 9);
    assert_eq!(due_in(&bench), TO_SEVEN - HOUR);
}

#[test]
fn a10_a_clock_that_is_set_moves_what_waits_for_a_later_time() {
    let mut bench = with_rule(daily());
    set_clock(&mut bench, |now| now.minus(3 * DAY));
    assert_eq!(due_in(&bench), TO_SEVEN);
    set_clock(&mut bench, |now| now.plus(TO_SEVEN - MINUTE));
    assert_eq!(due_in(&bench), MINUTE);
}

#[test]
fn a10_a_session_that_the_app_scheduled_itself_does_not_move() {
    let mut bench = with_rule(daily());
    let id = bench.create("a");
    let at = bench.wall_in(HOUR);
    bench.act(|watch, now| watch.replace(&app("a"), id, at, now)).unwrap();
    bench.act(|watch, now| watch.handle_saved(id, now));
    zone(&mut bench, 5);
    assert_eq!(bench.waiting(), [(id, at)]);
}

#[test]
fn a10_what_is_due_by_the_clock_that_is_set_does_not_move() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    set_clock(&mut bench, |now| now.plus(TO_SEVEN));
    bench.handled("a", id).unwrap();
    assert_eq!(due_in(&bench), DAY);
}

#[test]
fn a10_what_came_due_is_not_scheduled_again_though_the_clock_is_set_back() {
    for (back, next) in [(HOUR, DAY + HOUR), (36 * HOUR, DAY + 36 * HOUR), (36 * HOUR + MS, 12 * HOUR + MS)] {
        let mut bench = with_rule(daily());
        bench.advance(TO_SEVEN);
        set_clock(&mut bench, |now| now.minus(back));
        assert_eq!(due_in(&bench), next, "{back:?}");
    }
}

#[test]
fn a10_what_was_skipped_is_not_scheduled_again_though_the_clock_is_set_back() {
    let mut bench = with_rule(daily());
    bench.invalidate("a", waits(&bench)).unwrap();
    set_clock(&mut bench, |now| now.minus(DAY));
    assert_eq!(due_in(&bench), TO_SEVEN + 2 * DAY);
}

#[test]
fn a10_while_the_user_forbids_it_the_rule_rests() {
    for rights in [(false, true), (true, false), (false, false)] {
        let (background_refresh, schedule) = rights;
        let mut bench = with_rule(daily());
        let id = waits(&bench);
        bench.allow("a", AppRights { background_refresh, schedule });
        assert_eq!(bench.waiting().len(), 1, "what waits, waits on");
        bench.advance(TO_SEVEN);
        bench.handled("a", id).unwrap();
        bench.advance(DAY);
        assert_eq!(bench.waiting(), []);
        bench.allow("a", AppRights::default());
        assert_eq!(due_in(&bench), DAY);
    }
}

#[test]
fn a10_a_session_is_asked_for_until_it_comes() {
    let mut bench = active();
    bench.withholds_numbers = true;
    set(&mut bench, daily()).unwrap();
    assert_eq!(wants(&bench), 1);
    bench.advance(MINUTE - MS);
    bench.allow("a", AppRights::default());
    assert_eq!(wants(&bench), 1);
    bench.advance(MS);
    assert_eq!(wants(&bench), 2);
    bench.advance(MINUTE);
    assert_eq!(wants(&bench), 3);
    bench.withholds_numbers = false;
    bench.advance(MINUTE);
    assert_eq!(due_in(&bench), TO_SEVEN - 3 * MINUTE);
    bench.look_anew();
    bench.advance(HOUR);
    assert_eq!(wants(&bench), 0);
}

#[test]
fn a10_an_answer_that_is_not_wanted_makes_no_session() {
    let mut bench = with_rule(daily());
    let waiting = bench.waiting();
    bench.give_number(&app("a"));
    bench.give_number(&app("x"));
    assert_eq!(bench.waiting(), waiting);
    bench.withholds_numbers = true;
    bench.invalidate("a", waits(&bench)).unwrap();
    bench.allow("a", AppRights { background_refresh: false, schedule: true });
    bench.give_number(&app("a"));
    assert_eq!(bench.waiting(), []);
    bench.allow("a", AppRights::default());
    bench.look_anew();
    bench.give_number(&app("a"));
    bench.give_number(&app("a"));
    assert_eq!(bench.waiting().len(), 1);
}

#[test]
fn a10_an_answer_with_a_number_that_is_taken_makes_no_session_and_it_is_asked_for_again() {
    let mut bench = active();
    let taken = bench.create("a");
    bench.withholds_numbers = true;
    set(&mut bench, daily()).unwrap();
    bench.act(|watch, now| watch.handle_occurrence(&app("a"), taken, now));
    assert_eq!((bench.session_state("a", taken), bench.waiting()), (SessionState::NotStarted, vec![]));
    bench.withholds_numbers = false;
    bench.advance(MINUTE);
    assert_eq!(bench.waiting().len(), 1);
}

#[test]
fn a10_a_session_that_could_not_be_saved_is_tried_again_for_the_same_instant() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    bench.look_anew();
    assert!(bench.act(|watch, now| watch.handle_not_saved(id, now)));
    assert_eq!(bench.end(id), End::with_error(ErrorCode::Unknown, Cause::NotSaved));
    assert_eq!((wants(&bench), bench.waiting()), (0, vec![]), "not at once");
    bench.advance(MINUTE - MS);
    assert_eq!(wants(&bench), 0);
    bench.advance(MS);
    assert_eq!(due_in(&bench), TO_SEVEN - MINUTE);
}

#[test]
fn a10_a_session_of_the_app_that_could_not_be_saved_is_not_tried_again() {
    let (mut bench, id) = Bench::scheduled();
    bench.act(|watch, now| watch.handle_not_saved(id, now));
    bench.advance(HOUR);
    assert_eq!((wants(&bench), bench.waiting()), (0, vec![]));
}

#[test]
fn a10_a_rule_that_could_not_be_written_is_over_and_so_is_what_waits_by_it() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    bench.act(|watch, now| watch.handle_recurrence_not_saved(&app("a"), now));
    assert_eq!(bench.end(id), End::with_error(ErrorCode::Unknown, Cause::NotSaved));
    assert_eq!(bench.watch.recurrence(&app("a"), bench.now), None);
    assert_eq!(bench.waiting(), []);
    set(&mut bench, daily()).unwrap();
}

#[test]
fn a10_a_rule_of_which_only_a_change_could_not_be_written_stands() {
    let mut bench = with_rule(daily());
    bench.advance(TO_SEVEN);
    let waiting = bench.waiting();
    bench.act(|watch, now| watch.handle_recurrence_not_saved(&app("a"), now));
    bench.act(|watch, now| watch.handle_recurrence_not_saved(&app("x"), now));
    assert_eq!(bench.waiting(), waiting);
    bench.install("b", Alarm);
    bench.look_anew();
    bench.act(|watch, now| watch.handle_recurrence_not_saved(&app("b"), now));
    assert_eq!(bench.log, []);
}

#[test]
fn a10_a_rule_can_be_seen_with_its_next_instant() {
    let mut bench = with_rule(daily());
    assert_eq!(bench.watch.recurrence(&app("a"), bench.now), Some((&daily(), Some(bench.wall_in(TO_SEVEN)))));
    bench.invalidate("a", waits(&bench)).unwrap();
    let (_, next) = bench.watch.recurrence(&app("a"), bench.now).unwrap();
    assert_eq!(next, Some(bench.wall_in(TO_SEVEN + DAY)));
    assert_eq!(bench.watch.recurrence(&app("x"), bench.now), None);
}

#[test]
fn a10_a_rule_rests_while_the_app_declares_no_alarm() {
    let mut bench = with_rule(daily());
    let id = waits(&bench);
    bench.install("a", Mindfulness);
    bench.act(Watch::handle_timeout);
    bench.invalidate("a", id).unwrap();
    bench.advance(DAY);
    assert_eq!(bench.waiting(), []);
    bench.install("a", Alarm);
    bench.act(Watch::handle_timeout);
    assert_eq!(due_in(&bench), TO_SEVEN);
}

#[test]
fn a10_an_app_that_is_removed_takes_its_rule_along() {
    let mut bench = with_rule(daily());
    bench.remove("a");
    assert!(bench.rules.is_empty() && bench.disk.is_empty());
    bench.install("a", Alarm);
    assert_eq!(bench.watch.recurrence(&app("a"), bench.now), None);
}
