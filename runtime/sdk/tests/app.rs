//! An app against a stand-in for the runtime: a real socket, the real protocol.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod runtime;

use std::time::{Duration, SystemTime};

use carpus::{
    App, AppState, Cause, End, Error, ErrorCode, Event, ExtendedRuntimeSession, Haptic, Reason, Recurrence,
    Recurring, Repeat, SessionDelegate, SessionState, TimeOfDay, Weekday,
};
use carpus_protocol::devices::{Contact, HeartRateReply, HeartRateSample};
use carpus_protocol::session::{self, AppEvent, Call};
use carpus_protocol::{AnyCall, SessionInfo, SessionKind, devices, haptics};
use runtime::{Answer, Runtime, TOKEN};

async fn connected() -> (Runtime, App) {
    let mut runtime = Runtime::start();
    let app = App::connect_to(&runtime.path, TOKEN).await.unwrap();
    assert_eq!(runtime.called().await, AnyCall::Session(Call::Events(session::Events {})));
    let first = app.next_event().await.unwrap();
    assert_eq!(first, Some(Event::StateChanged { state: AppState::Inactive }));
    (runtime, app)
}

fn acknowledge(sequence: u64) -> AnyCall {
    AnyCall::Session(Call::Acknowledge(session::Acknowledge { sequence }))
}

fn did_start(session: u64) -> AppEvent {
    AppEvent::DidStart { session, expiration_ms: 1_790_000_000_000 }
}

fn did_invalidate(session: u64) -> AppEvent {
    AppEvent::DidInvalidate {
        session,
        reason: Reason::Expired,
        error: None,
        cause: Some(Cause::LimitReached),
        message: "the time was up".to_owned(),
    }
}

#[tokio::test]
async fn a_program_started_by_hand_is_told_how_to_start_it() {
    let error = App::connect().await.unwrap_err();
    assert!(matches!(error, Error::NotLaunched { .. }), "{error:?}");
    assert!(error.to_string().contains("carpus app open"), "{error}");
}

#[tokio::test]
async fn connecting_tells_who_the_app_is_and_how_it_stands() {
    let (_runtime, app) = connected().await;
    assert_eq!(app.id(), "heart-rate");
    assert_eq!(app.state(), AppState::Inactive);
}

#[tokio::test]
async fn connecting_fails_without_a_runtime_and_with_a_wrong_token() {
    let runtime = Runtime::start();
    let stranger = App::builder().socket(&runtime.path).token("wrong").reconnect_time(Duration::ZERO);
    let error = stranger.connect().await.unwrap_err();
    assert!(matches!(error, Error::UnknownLaunch), "{error:?}");
    let nowhere = runtime.path.with_file_name("nothing");
    let impatient = App::builder().socket(&nowhere).token(TOKEN).reconnect_time(Duration::ZERO);
    let error = impatient.connect().await.unwrap_err();
    assert!(matches!(&error, Error::NotRunning { path, .. } if *path == nowhere), "{error:?}");
}

#[tokio::test]
async fn d1_events_come_in_order_and_are_acknowledged_when_the_next_is_asked_for() {
    let (mut runtime, app) = connected().await;
    runtime.tell(Some(1), did_start(7));
    runtime.tell(Some(2), AppEvent::WillExpire { session: 7, remaining_ms: 30_000 });
    runtime.tell(Some(3), did_invalidate(7));

    let Some(Event::DidStart { session, expiration }) = app.next_event().await.unwrap() else { panic!() };
    assert_eq!(session.id(), 7);
    assert_eq!(expiration, SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_000));
    assert_eq!(runtime.called_already(), None, "the app may still be busy with the first");

    let Some(Event::WillExpire { remaining, .. }) = app.next_event().await.unwrap() else { panic!() };
    assert_eq!(remaining, Duration::from_secs(30));
    assert_eq!(runtime.called().await, acknowledge(1));

    let Some(Event::DidInvalidate { end, .. }) = app.next_event().await.unwrap() else { panic!() };
    assert_eq!(end.to_string(), "expired: limit-reached");
    assert_eq!(runtime.called().await, acknowledge(2));

    app.acknowledge().await.unwrap();
    assert_eq!(runtime.called().await, acknowledge(3));
    app.acknowledge().await.unwrap();
    assert_eq!(runtime.called_already(), None, "an event is acknowledged once");
}

#[tokio::test]
async fn a_next_event_that_was_dropped_loses_nothing() {
    let (mut runtime, app) = connected().await;
    tokio::select! {
        biased;
        event = app.next_event() => panic!("{event:?}"),
        () = std::future::ready(()) => {}
    }
    runtime.tell(Some(1), did_start(7));
    runtime.tell(Some(2), did_start(8));
    for number in [7, 8] {
        let Some(Event::DidStart { session, .. }) = app.next_event().await.unwrap() else { panic!() };
        assert_eq!(session.id(), number);
    }
    assert_eq!(runtime.called().await, acknowledge(1));
}

#[tokio::test]
async fn a4_a_due_session_is_taken_over_when_the_app_has_dealt_with_it() {
    let (mut runtime, app) = connected().await;
    runtime.tell(Some(4), AppEvent::Handle { session: 7, expiration_ms: 5 });
    runtime.tell(Some(5), did_start(7));
    let Some(Event::Handle { session, .. }) = app.next_event().await.unwrap() else { panic!() };
    assert_eq!(runtime.called_already(), None);
    let _next = app.next_event().await.unwrap();
    let handled = session::Handled { session: session.id() };
    assert_eq!(runtime.called().await, AnyCall::Session(Call::Handled(handled)));
    assert_eq!(runtime.called().await, acknowledge(4));
}

#[tokio::test]
async fn an_event_of_a_later_runtime_is_passed_over_and_acknowledged() {
    let (mut runtime, app) = connected().await;
    runtime.tell(Some(1), AppEvent::Other { kind: "budget_warning".to_owned() });
    runtime.tell(Some(2), did_start(7));
    let event = app.next_event().await.unwrap();
    assert!(matches!(event, Some(Event::DidStart { .. })), "{event:?}");
    assert_eq!(runtime.called().await, acknowledge(1));
}

#[tokio::test]
async fn s2_an_app_can_wait_until_it_is_active() {
    let (runtime, app) = connected().await;
    let waiting = app.until_active();
    runtime.tell(None, AppEvent::StateChanged { state: AppState::Active });
    waiting.await.unwrap();
    assert_eq!(app.state(), AppState::Active);
}

#[tokio::test]
async fn l1_a_state_is_told_once() {
    let (runtime, app) = connected().await;
    for state in [AppState::Inactive, AppState::Active, AppState::Active, AppState::Inactive] {
        runtime.tell(None, AppEvent::StateChanged { state });
    }
    for state in [AppState::Active, AppState::Inactive] {
        assert_eq!(app.next_event().await.unwrap(), Some(Event::StateChanged { state }));
    }
}

#[tokio::test]
async fn a_stream_that_the_runtime_ends_is_over_for_good() {
    let (runtime, app) = connected().await;
    runtime.end_events();
    for _ in 0..2 {
        assert_eq!(app.next_event().await.unwrap(), None);
    }
}

#[derive(Default)]
struct Diary(Vec<String>);

impl SessionDelegate for Diary {
    async fn did_start(&mut self, session: &ExtendedRuntimeSession, _expiration: SystemTime) {
        self.0.push(format!("{} started", session.id()));
    }

    async fn will_expire(&mut self, session: &ExtendedRuntimeSession, remaining: Duration) {
        self.0.push(format!("{} has {remaining:?}", session.id()));
    }

    async fn did_invalidate(&mut self, session: &ExtendedRuntimeSession, end: &End) {
        self.0.push(format!("{} ended, {end}", session.id()));
    }

    async fn handle(&mut self, session: &ExtendedRuntimeSession, _expiration: SystemTime) {
        self.0.push(format!("{} is mine", session.id()));
    }

    async fn state_changed(&mut self, state: AppState) {
        self.0.push(state.to_string());
    }
}

#[tokio::test]
async fn a_delegate_is_told_everything_and_each_event_is_acknowledged_at_once() {
    let (mut runtime, app) = connected().await;
    runtime.tell(None, AppEvent::StateChanged { state: AppState::Background });
    runtime.tell(Some(1), AppEvent::Handle { session: 7, expiration_ms: 5 });
    runtime.tell(Some(2), did_start(7));
    runtime.tell(Some(3), AppEvent::WillExpire { session: 7, remaining_ms: 30_000 });
    runtime.tell(Some(4), did_invalidate(7));
    runtime.end_events();
    let mut diary = Diary::default();
    app.run(&mut diary).await.unwrap();
    let expected = ["background", "7 is mine", "7 started", "7 has 30s", "7 ended, expired: limit-reached"];
    assert_eq!(diary.0, expected);
    let handled = session::Handled { session: 7 };
    assert_eq!(runtime.called().await, AnyCall::Session(Call::Handled(handled)));
    for sequence in 1..=4 {
        assert_eq!(runtime.called().await, acknowledge(sequence));
    }
}

#[tokio::test]
async fn a_session_calls_what_it_says() {
    let (mut runtime, app) = connected().await;
    let session = app.session().await.unwrap();
    assert_eq!(runtime.called().await, AnyCall::Session(Call::Create(session::Create { kind: None })));
    session.start().await.unwrap();
    assert_eq!(runtime.called().await, AnyCall::Session(Call::Start(session::Start { session: 7 })));
    session.start_at(SystemTime::UNIX_EPOCH + Duration::from_secs(9)).await.unwrap();
    let start_at = session::StartAt { session: 7, at_ms: 9_000 };
    assert_eq!(runtime.called().await, AnyCall::Session(Call::StartAt(start_at)));
    session.invalidate().await.unwrap();
    assert_eq!(
        runtime.called().await,
        AnyCall::Session(Call::Invalidate(session::Invalidate { session: 7 }))
    );
    runtime.answer(Answer::Info(SessionInfo {
        session: 7,
        app: "heart-rate".to_owned(),
        kind: SessionKind::Mindfulness,
        state: SessionState::Running,
        started_at_ms: Some(1),
        expiration_ms: Some(2_000),
        scheduled_at_ms: None,
    }));
    let expiration = session.expiration_date().await.unwrap();
    assert_eq!(expiration, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(2)));
}

#[tokio::test]
async fn m4_a3_a_session_has_a_type_where_the_app_names_one_and_takes_the_place_of_another() {
    let (mut runtime, app) = connected().await;
    let session = app.session_of(SessionKind::Alarm).await.unwrap();
    let create = session::Create { kind: Some(SessionKind::Alarm) };
    assert_eq!(runtime.called().await, AnyCall::Session(Call::Create(create)));
    session.replace(SystemTime::UNIX_EPOCH + Duration::from_secs(9)).await.unwrap();
    let replace = session::Replace { session: 7, at_ms: 9_000 };
    assert_eq!(runtime.called().await, AnyCall::Session(Call::Replace(replace)));
}

#[tokio::test]
async fn s11_an_app_can_ask_what_stands_in_the_way() {
    let (mut runtime, app) = connected().await;
    runtime.answer(Answer::Obstacles(vec![]));
    assert_eq!(app.can_start().await.unwrap(), []);
    let can_start = |kind, at_ms| AnyCall::Session(Call::CanStart(session::CanStart { kind, at_ms }));
    assert_eq!(runtime.called().await, can_start(None, None));
    runtime.answer(Answer::Obstacles(vec![session::Obstacle {
        reason: Reason::Error,
        error: Some(ErrorCode::MustBeActiveToStartOrSchedule.into()),
        cause: Some(Cause::Refused),
        message: "not active".to_owned(),
    }]));
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
    let obstacles = app.can_start_at(at).await.unwrap();
    let end = End {
        reason: Reason::Error,
        error: Some(ErrorCode::MustBeActiveToStartOrSchedule),
        cause: Some(Cause::Refused),
        message: "not active".to_owned(),
    };
    assert_eq!(obstacles, [end]);
    assert_eq!(runtime.called().await, can_start(None, Some(9_000)));
    runtime.answer(Answer::Obstacles(vec![]));
    assert_eq!(app.can_start_of(SessionKind::Alarm, Some(at)).await.unwrap(), []);
    assert_eq!(runtime.called().await, can_start(Some(SessionKind::Alarm), Some(9_000)));
}

#[tokio::test]
async fn a10_an_app_declares_when_its_alarm_comes_again() {
    let (mut runtime, app) = connected().await;
    let time = TimeOfDay::new(7, 30, 0).unwrap();
    let weekends = Recurrence::new(&[Weekday::Sunday, Weekday::Saturday, Weekday::Sunday], time)
        .in_zone("Europe/Berlin");
    app.set_recurrence(weekends.clone()).await.unwrap();
    let (weekdays, zone) = (vec![Weekday::Saturday, Weekday::Sunday], Some("Europe/Berlin".to_owned()));
    let set = session::SetRecurrence { weekdays: weekdays.clone(), time, zone: zone.clone() };
    assert_eq!(runtime.called().await, AnyCall::Session(Call::SetRecurrence(set)));
    runtime.answer(Answer::Recurrence(session::RecurrenceReply {
        rule: Some(carpus_protocol::RecurrenceRule { weekdays, time, zone }),
        next_ms: Some(9_000),
    }));
    let next = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(9));
    assert_eq!(app.recurrence().await.unwrap(), Some(Recurring { rule: weekends, next }));
    runtime.called().await;
    app.clear_recurrence().await.unwrap();
    assert_eq!(runtime.called().await, AnyCall::Session(Call::ClearRecurrence(session::ClearRecurrence {})));
    runtime.answer(Answer::Recurrence(session::RecurrenceReply { rule: None, next_ms: None }));
    assert_eq!(app.recurrence().await.unwrap(), None);
    runtime.answer(Answer::Session(session::Error::BadRecurrence { message: "no weekday".to_owned() }));
    let error = app.set_recurrence(Recurrence::new(&[], time)).await.unwrap_err();
    assert!(matches!(&error, Error::BadRecurrence { message } if message == "no weekday"), "{error:?}");
}

#[tokio::test]
async fn a_time_that_the_wire_cannot_hold_is_refused_before_it_is_sent() {
    let (mut runtime, app) = connected().await;
    let session = app.session().await.unwrap();
    runtime.called().await;
    let never = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::MAX / 4);
    for error in [
        session.start_at(never).await.unwrap_err(),
        session.replace(never).await.unwrap_err(),
        app.can_start_at(never).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::NoSuchTime { instant } if instant == never), "{error:?}");
    }
    assert_eq!(runtime.called_already(), None);
}

#[tokio::test]
async fn s9_in_strict_mode_an_end_has_no_cause() {
    let (runtime, app) = connected().await;
    runtime.tell(
        Some(1),
        AppEvent::DidInvalidate {
            session: 7,
            reason: Reason::Error,
            error: Some(ErrorCode::ExceededResourceLimits.into()),
            cause: None,
            message: "too greedy".to_owned(),
        },
    );
    let Some(Event::DidInvalidate { end, .. }) = app.next_event().await.unwrap() else { panic!() };
    assert_eq!(end.cause, None);
    assert_eq!(end.to_string(), "error, exceeded-resource-limits");
}

#[tokio::test]
async fn s8_a_refusal_carries_its_code() {
    let (runtime, app) = connected().await;
    let session = app.session().await.unwrap();
    for code in ErrorCode::ALL {
        runtime.answer(Answer::Session(session::Error::Refused {
            code: code.number(),
            name: code.name().to_owned(),
            message: "no".to_owned(),
        }));
        let error = session.start().await.unwrap_err();
        assert!(matches!(&error, Error::Session { code: told, .. } if told == code), "{error:?}");
        assert_eq!(error.to_string(), format!("no ({code})"));
    }
    runtime.answer(Answer::Session(session::Error::UnknownSession { session: 7 }));
    let error = session.start().await.unwrap_err();
    assert!(matches!(error, Error::UnknownSession { session: 7 }), "{error:?}");
}

#[tokio::test]
async fn h2_a_haptic_that_is_not_allowed_is_an_error_of_its_own() {
    let (mut runtime, app) = connected().await;
    runtime.answer(Answer::Haptic(haptics::Error::NotAllowed { message: "in the background".to_owned() }));
    let error = app.play(Haptic::Success).await.unwrap_err();
    assert!(matches!(&error, Error::NotAllowed { message } if message == "in the background"), "{error:?}");
    let play = haptics::Play { haptic: Haptic::Success };
    assert_eq!(runtime.called().await, AnyCall::Haptics(haptics::Call::Play(play)));
    app.stop_haptic().await.unwrap();
    assert_eq!(runtime.called().await, AnyCall::Haptics(haptics::Call::Stop(haptics::Stop {})));
}

/// The answer that the SDK gave to `repeat_asked`.
async fn repeated(runtime: &mut Runtime) -> (u64, i64, Option<Haptic>) {
    match runtime.called().await {
        AnyCall::Session(Call::Repeat(repeat)) => (repeat.played, repeat.after_ms, repeat.haptic),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn n2_the_closure_is_asked_while_the_app_is_busy() {
    let (mut runtime, app) = connected().await;
    let session = app.session().await.unwrap();
    let stronger = |played| (played < 2).then_some((Duration::from_millis(2500), Haptic::Retry));
    session.notify_user(Haptic::Notification, Repeat::ask(stronger)).await.unwrap();
    runtime.called().await;
    let notify =
        session::NotifyUser { session: 7, haptic: Haptic::Notification, interval_ms: None, ask: true };
    assert_eq!(runtime.called().await, AnyCall::Session(Call::NotifyUser(notify)));

    runtime.tell(None, AppEvent::RepeatAsked { session: 7, played: 1 });
    assert_eq!(repeated(&mut runtime).await, (1, 2500, Some(Haptic::Retry)));
    runtime.tell(None, AppEvent::RepeatAsked { session: 7, played: 2 });
    assert_eq!(repeated(&mut runtime).await, (2, 0, None), "None stops the alarm");

    runtime.tell(Some(1), did_invalidate(7));
    runtime.tell(None, AppEvent::RepeatAsked { session: 7, played: 3 });
    runtime.tell(Some(2), did_start(8));
    app.next_event().await.unwrap();
    app.next_event().await.unwrap();
    assert_eq!(runtime.called().await, acknowledge(1), "a session that is over answers no more");
}

#[tokio::test]
async fn n2_a_fixed_interval_is_passed_on() {
    let (mut runtime, app) = connected().await;
    let session = app.session().await.unwrap();
    session.notify_user(Haptic::Click, Repeat::Every(Duration::from_secs(5))).await.unwrap();
    session.notify_user(Haptic::Click, Repeat::Default).await.unwrap();
    runtime.called().await;
    for interval_ms in [Some(5000), None] {
        let notify = session::NotifyUser { session: 7, haptic: Haptic::Click, interval_ms, ask: false };
        assert_eq!(runtime.called().await, AnyCall::Session(Call::NotifyUser(notify)));
    }
}

fn sample(bpm: u64) -> HeartRateReply {
    HeartRateReply {
        sample: HeartRateSample {
            device: "C0:FF:EE:00:00:01".to_owned(),
            name: None,
            arrived_ms: 1_000,
            bpm,
            contact: Contact::Detected,
            energy_kj: None,
            rr_1024: vec![1001],
            dropped_before: 3,
            gap_before: true,
        },
    }
}

#[tokio::test]
async fn d3_samples_come_exactly_as_the_strap_sent_them() {
    let (mut runtime, app) = connected().await;
    let mut straps = app.heart_rate_of("C0:FF:EE:00:00:01").await.unwrap();
    let subscribed = devices::HeartRate { device: Some("C0:FF:EE:00:00:01".to_owned()) };
    assert_eq!(runtime.called().await, AnyCall::Devices(devices::Call::HeartRate(subscribed)));
    (61..=80).for_each(|bpm| runtime.sample(sample(bpm)));
    for bpm in 61..=80 {
        let told = straps.next().await.unwrap().unwrap();
        assert_eq!((told.bpm, told.dropped_before, told.gap_before), (bpm, 3, true));
        assert_eq!(told.rr[0].as_millis_f64(), 977.539_062_5);
        assert_eq!(told.arrived, SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_refused_subscription_says_so_first_and_ends() {
    let (runtime, app) = connected().await;
    let mut straps = app.heart_rate().await.unwrap();
    runtime.refuse_samples(devices::Error::NoAdapter { message: "switch it on".to_owned() });
    let error = straps.next().await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Unavailable { message } if message == "switch it on"), "{error:?}");
    assert!(straps.next().await.is_none());
}

#[tokio::test]
async fn dropping_a_subscription_ends_it_and_another_can_be_made() {
    let (runtime, app) = connected().await;
    // The stand-in has one feed: the second stream gets it only when the first one was hung up.
    drop(app.heart_rate().await.unwrap());
    let mut straps = app.heart_rate().await.unwrap();
    runtime.sample(sample(61));
    assert_eq!(straps.next().await.unwrap().unwrap().bpm, 61);
}
