use carpus_core::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use jiff::civil::Weekday;

use super::*;
use crate::testing::{in_virtual_time, pass};

/// At 7 in the morning.
fn daily(zone: RecurrenceZone) -> Recurrence {
    Recurrence { weekdays: Weekdays::DAILY, time: jiff::civil::time(7, 0, 0, 0), zone }
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// The next morning, at this hour UTC.
fn tomorrow_at(hour: u32) -> WallTime {
    time::wall_time(start() + HOUR * (12 + hour))
}

async fn with_rule(board: &Board, rule: &Recurrence) -> Life {
    let life = board.begin().await;
    let _told = life.open().await;
    let answer = life.call(Request::SetRecurrence(rule.clone())).await.unwrap();
    assert_eq!(answer, AppAnswer::Done);
    settle().await;
    life
}

#[test]
fn a10_a_rule_is_on_disk_when_it_is_answered_and_its_first_session_follows() {
    in_virtual_time(async {
        let board = Board::new();
        let rule = daily(RecurrenceZone::Board);
        let life = board.begin().await;
        let _told = life.open().await;
        life.slow_disk().await;
        life.call(Request::SetRecurrence(rule.clone())).await.unwrap();
        assert_eq!(rows(&board, "recurrences"), 1);
        settle().await;
        let at = tomorrow_at(7);
        let answer = life.call(Request::Recurrence).await.unwrap();
        assert_eq!(answer, AppAnswer::Recurrence(Some((rule.clone(), Some(at)))));
        assert_eq!(life.look().await.recurrences, [(app(), rule, Some(at))]);
        let alarm = life.alarm().await;
        assert_eq!(alarm.at, at);
        assert_eq!(life.kept().await, [(alarm.session, RecordedPhase::Scheduled { at, recurring: true })]);
    });
}

#[test]
fn a10_the_next_session_is_scheduled_each_day_without_the_app() {
    in_virtual_time(async {
        let board = Board::new();
        let weekdays = Weekdays::of(&[Weekday::Sunday, Weekday::Tuesday]);
        let mut life = with_rule(&board, &Recurrence { weekdays, ..daily(RecurrenceZone::Board) }).await;
        for _ in 0..8 {
            pass(HOUR * 24).await;
            // The app that the alarm launched hangs; one that lives is looked at every few seconds.
            life.launcher.exit("wake-up", carpus_devices::processes::ExitStatus::Code(0));
        }
        let due = |observation| match observation {
            Observation::AlarmDue(_, _, at) => Some(at.since(time::wall_time(start()))),
            _ => None,
        };
        let due: Vec<_> = life.observed().into_iter().filter_map(due).collect();
        // From Saturday noon: Sunday, Tuesday and Sunday, 7 o'clock.
        assert_eq!(due, [HOUR * 19, HOUR * (19 + 48), HOUR * (19 + 7 * 24)]);
    });
}

#[test]
fn a10_a_rule_that_cannot_be_written_down_is_not_declared() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let _told = life.open().await;
        let allow = board.refuse("recurrences");
        let failed = life.call(Request::SetRecurrence(daily(RecurrenceZone::Board))).await;
        assert!(matches!(failed, Err(CallFailure::NotSaved(_))), "{failed:?}");
        allow();
        settle().await;
        assert_eq!(life.call(Request::Recurrence).await.unwrap(), AppAnswer::Recurrence(None));
        assert_eq!((life.kept().await, life.alarms().await), (Vec::new(), Vec::new()));
        life.call(Request::SetRecurrence(daily(RecurrenceZone::Board))).await.unwrap();
    });
}

#[test]
fn a10_a_rule_that_was_taken_back_is_off_the_disk_with_its_session_when_it_is_answered() {
    in_virtual_time(async {
        let board = Board::new();
        let life = with_rule(&board, &daily(RecurrenceZone::Board)).await;
        life.slow_disk().await;
        life.call(Request::ClearRecurrence).await.unwrap();
        assert_eq!((rows(&board, "recurrences"), rows(&board, "sessions")), (0, 0));
        assert_eq!(life.alarms().await, []);
    });
}

#[test]
fn a10_a_rule_that_cannot_be_taken_off_the_disk_is_not_said_to_be() {
    in_virtual_time(async {
        let board = Board::new();
        let life = with_rule(&board, &daily(RecurrenceZone::Board)).await;
        let _never_allowed = board.refuse_to("DELETE ON", "recurrences");
        let failed = life.call(Request::ClearRecurrence).await;
        assert!(matches!(failed, Err(CallFailure::NotSaved(_))), "{failed:?}");
    });
}

#[test]
fn a10_a_rule_and_its_session_outlive_a_restart() {
    in_virtual_time(async {
        let board = Board::new();
        let rule = daily(RecurrenceZone::Named(zone("Europe/Berlin")));
        let life = with_rule(&board, &rule).await;
        let before = life.alarm().await;
        life.end().await;
        let life = board.begin().await;
        settle().await;
        assert_eq!(life.look().await.recurrences, [(app(), rule, Some(tomorrow_at(6)))]);
        assert_eq!(life.alarm().await, before);
    });
}

#[test]
fn a10_a_session_that_was_lost_before_it_was_written_is_scheduled_after_the_restart() {
    in_virtual_time(async {
        let board = Board::new();
        board.begin().await.end().await; // the database is made
        let allow = board.refuse("sessions");
        let life = with_rule(&board, &daily(RecurrenceZone::Board)).await;
        assert_eq!(life.kept().await, []);
        life.end().await;
        allow();
        let life = board.begin().await;
        settle().await;
        assert_eq!(life.alarm().await.at, tomorrow_at(7));
    });
}

#[test]
fn a10_where_no_number_is_to_be_had_the_session_is_scheduled_later() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let _told = life.open().await;
        let allow = board.refuse("counters");
        life.call(Request::SetRecurrence(daily(RecurrenceZone::Board))).await.unwrap();
        settle().await;
        assert_eq!(life.alarms().await, []);
        allow();
        pass(MINUTE * 2).await;
        assert_eq!(life.alarm().await.at, tomorrow_at(7));
    });
}

#[test]
fn a10_what_waits_moves_with_the_time_zone_of_the_board() {
    in_virtual_time(async {
        let board = Board::new();
        *board.zone() = zone("Europe/Berlin");
        let life = with_rule(&board, &daily(RecurrenceZone::Board)).await;
        assert_eq!(life.alarm().await.at, tomorrow_at(6));
        *board.zone() = zone("America/New_York");
        pass(MINUTE * 2).await;
        let alarm = life.alarm().await;
        assert_eq!(alarm.at, tomorrow_at(12));
        assert_eq!(
            life.kept().await,
            [(alarm.session, RecordedPhase::Scheduled { at: alarm.at, recurring: true })]
        );
    });
}

#[test]
fn a10_a_zone_that_changed_while_the_runtime_was_off_counts_from_its_start_on() {
    in_virtual_time(async {
        let board = Board::new();
        let life = with_rule(&board, &daily(RecurrenceZone::Board)).await;
        assert_eq!(life.alarm().await.at, tomorrow_at(7));
        life.end().await;
        *board.zone() = zone("Europe/Berlin");
        let life = board.begin().await;
        settle().await;
        assert_eq!(life.alarm().await.at, tomorrow_at(6));
    });
}

#[test]
fn a10_what_waits_moves_when_the_clock_is_set() {
    in_virtual_time(async {
        let board = Board::new();
        let life = with_rule(&board, &daily(RecurrenceZone::Board)).await;
        board.clock.set_wall(start() - HOUR * 24 * 30);
        pass(SECOND).await;
        assert_eq!(life.alarm().await.at, tomorrow_at(7).minus(HOUR * 24 * 30));
    });
}

#[test]
fn a5_n6_a_rule_rests_while_the_user_lets_the_app_schedule_nothing() {
    in_virtual_time(async {
        let board = Board::new();
        let life = board.begin().await;
        let _told = life.open().await;
        let may = |schedule| SetRights(app(), AppRights { schedule, ..AppRights::default() });
        life.call(Request::SetRecurrence(daily(RecurrenceZone::Board))).await.unwrap();
        settle().await;
        life.watch.send(may(false)).await.unwrap().unwrap();
        let session = life.alarm().await.session;
        life.call(Request::Invalidate(session)).await.unwrap();
        settle().await;
        assert_eq!(life.alarms().await, []);
        life.watch.send(may(true)).await.unwrap().unwrap();
        settle().await;
        assert_eq!(life.alarm().await.at, tomorrow_at(7 + 24), "the morning that was skipped is skipped");
    });
}

#[derive(Message)]
#[rtype(result = "()")]
struct Quit;

impl Handler<Quit> for WatchActor {
    type Result = ();

    fn handle(&mut self, _: Quit, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

#[test]
fn a10_a_watch_that_is_started_again_alone_knows_the_zone_of_the_board() {
    in_virtual_time(async {
        let board = Board::new();
        *board.zone() = zone("Europe/Berlin");
        let life = with_rule(&board, &daily(RecurrenceZone::Board)).await;
        life.watch.send(Quit).await.unwrap();
        pass(SECOND).await;
        let recurrences = life.look().await.recurrences;
        assert_eq!(recurrences, [(app(), daily(RecurrenceZone::Board), Some(tomorrow_at(6)))]);
    });
}
