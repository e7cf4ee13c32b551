//! D1, D2: what is durable, in which order it is written, and what a restart makes of it.

use super::*;
use crate::record::RecordedPhase;
use SessionKind::{Alarm, Mindfulness};

fn is_save(output: &Output) -> bool {
    matches!(output, Output::Save(_))
}

fn is_forget(output: &Output) -> bool {
    matches!(output, Output::Forget { .. })
}

/// What was told of a session together with its record, and whether that says that it was warned.
fn steps(bench: &Bench, id: SessionId) -> Vec<String> {
    let step = |output: &Output| match output {
        Output::Advance { event, record, .. } if record.session == id => Some(match (event, record.phase) {
            (AppEvent::Handle { .. }, RecordedPhase::Handed { .. }) => "handle".to_owned(),
            (AppEvent::DidStart { .. }, RecordedPhase::Running { warned, .. }) => {
                format!("did-start {warned}")
            }
            (AppEvent::WillExpire { .. }, RecordedPhase::Running { warned, .. }) => {
                format!("will-expire {warned}")
            }
            other => panic!("{other:?}"),
        }),
        _ => None,
    };
    bench.log.iter().filter_map(|(_, output)| step(output)).collect()
}

fn record(id: u64, name: &str, phase: RecordedPhase) -> SessionRecord {
    SessionRecord { session: SessionId(id), app: app(name), kind: Alarm, phase }
}

fn restored(records: Vec<SessionRecord>) -> Bench {
    let mut bench = Bench::of(Alarm);
    bench.act(|watch, now| watch.restore(Kept { sessions: records, ..Kept::default() }, now));
    bench
}

#[test]
fn d1_what_is_told_of_a_session_is_durable_and_what_only_a_living_app_needs_is_not() {
    let session = SessionId(1);
    let expiration = WallTime::default();
    let end = in_progress();
    let events = [
        (AppEvent::Handle { session, expiration }, true),
        (AppEvent::DidStart { session, expiration }, true),
        (AppEvent::WillExpire { session, remaining: SECOND }, true),
        (AppEvent::DidInvalidate { session, end }, true),
        (AppEvent::StateChanged { state: AppState::Active }, false),
        (AppEvent::RepeatAsked { session, played: 1 }, false),
    ];
    for (event, durable) in events {
        assert_eq!(event.is_durable(), durable, "{event:?}");
    }
}

#[test]
fn d2_each_step_of_a_session_is_told_and_written_down_in_one_write() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.advance(HOUR - MINUTE / 2);
    let (mut other, alarm) = Bench::alarm();
    other.advance(30 * MINUTE - MINUTE / 2);
    assert_eq!(steps(&bench, id), ["did-start false", "will-expire true"]);
    assert_eq!(steps(&other, alarm), ["handle", "did-start false", "will-expire true"]);
    assert_eq!(bench.count(is_save), 0, "nothing was to be written down but what was told");
}

#[test]
fn d1_its_end_is_told_and_it_is_forgotten_in_one_write() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.invalidate("a", id).unwrap();
    assert_eq!((bench.count(is_did_invalidate), bench.count(is_forget)), (1, 0));
    assert!(bench.disk.is_empty());
}

#[test]
fn d1_so_is_the_end_of_a_scheduled_and_of_a_handed_session() {
    for wait in [Duration::ZERO, HOUR] {
        let (mut bench, id) = Bench::scheduled();
        bench.advance(wait);
        bench.invalidate("a", id).unwrap();
        assert_eq!((bench.count(is_did_invalidate), bench.count(is_forget)), (1, 0));
        assert!(bench.disk.is_empty());
    }
}

#[test]
fn d1_the_end_of_a_session_that_owes_an_alarm_is_told_and_the_rest_is_kept_in_one_write() {
    let (mut bench, id) = Bench::alarm();
    bench.look_anew();
    bench.exit("a", ExitStatus::Code(0));
    let keeps = |output: &Output| match output {
        Output::Conclude { session, keep: Some(record), .. } => {
            *session == id && matches!(record.phase, RecordedPhase::Fallback(_))
        }
        _ => false,
    };
    assert_eq!(bench.count(keeps), 1);
    assert_eq!(bench.count(is_save) + bench.count(is_forget), 0);
}

#[test]
fn d1_a_start_that_failed_is_told_and_nothing_is_saved_or_forgotten() {
    let mut bench = Bench::of(Mindfulness);
    let id = bench.create("a");
    bench.start("a", id).unwrap_err();
    assert_eq!(bench.count(is_did_invalidate), 1);
    assert_eq!(bench.count(is_save) + bench.count(is_forget), 0);
}

#[test]
fn d1_the_end_is_told_though_the_app_is_dead() {
    let (mut bench, _) = Bench::scheduled();
    bench.exit("a", ExitStatus::Code(0));
    bench.set_clock(bench.wall_in(24 * HOUR));
    assert_eq!(bench.count(is_did_invalidate), 1);
}

#[test]
fn d1_the_haptics_stop_before_anything_is_written() {
    let (mut bench, id) = Bench::alarm();
    bench.notify("a", id, Repeat::Default).unwrap();
    bench.act(|watch, now| watch.stop_alarm(id, now)).unwrap();
    assert!(
        bench.place(|output| *output == Output::Silence { session: id }) < bench.place(is_did_invalidate)
    );
}

#[test]
fn d2_a_running_session_ends_with_the_runtime_for_a_true_reason() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.power_loss(MINUTE, &[("a", Mindfulness)]);
    assert_eq!(bench.end(id).cause, Some(Cause::AppExited(ExitStatus::Unknown)));
    assert!(bench.disk.is_empty());
    assert_eq!(bench.watch.open_sessions().count(), 0);
}

#[test]
fn d2_a_session_that_ended_before_is_not_ended_twice() {
    let (mut bench, id) = Bench::running(Mindfulness);
    bench.invalidate("a", id).unwrap();
    bench.power_loss(MINUTE, &[("a", Mindfulness)]);
    assert_eq!(bench.end(id).cause, Some(Cause::AppInvalidated));
}

#[test]
fn d2_a_scheduled_session_stands_with_its_instant() {
    let (mut bench, id) = Bench::scheduled();
    let at = bench.wall_in(HOUR);
    bench.power_loss(MINUTE, &[("a", Alarm)]);
    let alarms: Vec<_> = bench.watch.alarms().map(|alarm| (alarm.session, alarm.at, alarm.state)).collect();
    assert_eq!(alarms, [(id, at, SessionState::Scheduled)]);
}

#[test]
fn d2_an_alarm_that_ran_is_handed_to_its_app_again_while_its_window_is_open() {
    let (mut bench, id) = Bench::alarm();
    bench.power_loss(MINUTE, &[("a", Alarm)]);
    bench.attach("a");
    bench.handled("a", id).unwrap();
    assert_eq!(bench.session_state("a", id), SessionState::Running);
    bench.advance(HOUR);
    assert_eq!(bench.end(id), End::by(Reason::Expired, Cause::LimitReached));
}

#[test]
fn d2_an_alarm_whose_window_closed_while_off_is_over_and_says_why() {
    let (mut bench, id) = Bench::alarm();
    bench.power_loss(HOUR, &[("a", Alarm)]);
    assert_eq!(bench.end(id).cause, Some(Cause::AppExited(ExitStatus::Unknown)));
}

#[test]
fn d2_the_record_of_an_app_that_is_gone_goes_and_blocks_no_other() {
    let at = WallTime::from_unix_ms(1_700_000_000_000).plus(HOUR);
    let mut bench = restored(vec![
        record(1, "gone", RecordedPhase::Scheduled { at, recurring: false }),
        record(2, "a", RecordedPhase::Scheduled { at, recurring: false }),
    ]);
    assert_eq!(bench.count(|output| *output == Output::Forget { session: SessionId(1) }), 1);
    bench.advance(HOUR);
    bench.handled("a", SessionId(2)).unwrap();
}

#[test]
fn d2_a_restored_alarm_is_invalidated_only_while_its_app_is_active() {
    let at = WallTime::from_unix_ms(1_700_000_000_000).plus(HOUR);
    let mut bench = restored(vec![record(1, "a", RecordedPhase::Scheduled { at, recurring: false })]);
    bench.invalidate("a", SessionId(1)).unwrap_err();
    bench.launch("a");
    bench.invalidate("a", SessionId(1)).unwrap();
}
