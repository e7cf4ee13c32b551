//! D5: an app that loses the runtime finds it again and goes on, against a stand-in that is killed at any point.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod board;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use board::{Board, STRAP, TOKEN, did_invalidate};
use carpus::{
    App, AppState, Error, Event, ExtendedRuntimeSession, Gap, Haptic, Recurrence, Repeat, SessionDelegate,
    SessionState, TimeOfDay,
};
use carpus_protocol::session::AppEvent;

/// Longer than anything here takes: a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connected() -> (Board, App) {
    let board = Board::start();
    let app = App::connect_to(&board.path, TOKEN).await.unwrap();
    assert_eq!(next(&app).await, Event::StateChanged { state: AppState::Active });
    (board, app)
}

async fn next(app: &App) -> Event {
    let event = tokio::time::timeout(PATIENCE, app.next_event()).await.expect("an event comes in time");
    event.unwrap().expect("the events go on")
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let held = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, held).await.unwrap_or_else(|_| panic!("{what}: not in time"));
}

/// Waits until the runtime was started so many times, and is listened to.
async fn lives(board: &Board, lives: u32) {
    until("the app listens again", || board.state().lives >= lives && board.is_heard()).await;
}

fn warned(session: u64) -> AppEvent {
    AppEvent::WillExpire { session, remaining_ms: 1 }
}

/// The session of an event, for those that tell of one.
fn session_of(event: &Event) -> Option<u64> {
    match event {
        Event::Handle { session, .. }
        | Event::DidStart { session, .. }
        | Event::WillExpire { session, .. }
        | Event::DidInvalidate { session, .. } => Some(session.id()),
        Event::StateChanged { .. } | Event::DidReconnect { .. } => None,
    }
}

#[tokio::test]
async fn d5_events_go_on_after_the_gap_each_once_and_the_gap_is_told_between_them() {
    let (board, app) = connected().await;
    for session in [1, 2, 3] {
        board.tell(warned(session));
    }
    assert_eq!(session_of(&next(&app).await), Some(1));
    assert_eq!(session_of(&next(&app).await), Some(2)); // in hand, and not acknowledged; 3 waits in the app
    let before = SystemTime::now();
    board.kill();
    lives(&board, 2).await;
    board.tell(warned(4));
    assert_eq!(session_of(&next(&app).await), Some(3));
    let Event::DidReconnect { gap } = next(&app).await else { panic!() };
    assert!(
        gap.since >= before && gap.length > Duration::ZERO && gap.until() <= SystemTime::now(),
        "{gap:?}"
    );
    assert_eq!(session_of(&next(&app).await), Some(4));
    app.acknowledge().await.unwrap();
    let again = App::connect_to(&board.path, TOKEN).await.unwrap();
    board.tell(warned(5));
    next(&again).await;
    assert_eq!(session_of(&next(&again).await), Some(5), "all others were acknowledged");
}

#[tokio::test]
async fn d5_what_waits_in_the_app_is_told_while_the_runtime_is_lost() {
    let (board, app) = connected().await;
    board.tell(warned(1));
    board.tell(warned(2));
    assert_eq!(session_of(&next(&app).await), Some(1));
    board.state().comes_back = false;
    board.kill();
    assert_eq!(session_of(&next(&app).await), Some(2));
    let acknowledged = tokio::spawn({
        let app = app.clone();
        async move { app.acknowledge().await }
    });
    board.revive();
    acknowledged.await.unwrap().unwrap();
    let Event::DidReconnect { .. } = next(&app).await else { panic!() };
}

#[tokio::test]
async fn d5_gaps_that_nobody_was_told_of_are_one_and_an_unchanged_state_is_no_news() {
    let (board, app) = connected().await;
    for life in 2..5 {
        board.kill();
        lives(&board, life).await;
    }
    board.state().app_state = AppState::Background;
    board.kill();
    lives(&board, 5).await;
    let Event::DidReconnect { .. } = next(&app).await else { panic!() };
    assert_eq!(next(&app).await, Event::StateChanged { state: AppState::Background });
    assert_eq!(app.state(), AppState::Background);
}

#[tokio::test]
async fn d5_a_stream_that_was_only_cut_off_is_a_gap_too() {
    let (board, app) = connected().await;
    board.tell(warned(1));
    board.cut_events();
    lives(&board, 1).await;
    assert_eq!(session_of(&next(&app).await), Some(1));
    let Event::DidReconnect { .. } = next(&app).await else { panic!() };
    assert_eq!(board.state().lives, 1);
}

#[tokio::test]
async fn events_that_another_connection_has_taken_are_not_taken_back() {
    let (board, app) = connected().await;
    board.replace_events();
    assert_eq!(app.next_event().await.unwrap(), None);
    board.kill();
    assert!(app.session().await.is_ok(), "calls go on");
    assert!(!board.is_heard());
    assert_eq!(app.next_event().await.unwrap(), None);
}

#[tokio::test]
async fn d5_a_runtime_that_is_not_ready_yet_is_not_gone() {
    let (board, app) = connected().await;
    board.state().unavailable = 5;
    board.kill();
    app.session().await.unwrap();
    assert_eq!(board.state().unavailable, 0);
    board.state().unavailable = 5;
    App::connect_to(&board.path, TOKEN).await.unwrap(); // nor for one that was just launched
    assert_eq!(board.state().unavailable, 0);
}

#[tokio::test]
async fn a_full_disk_holds_up_acknowledgements_and_nothing_else() {
    let (board, app) = connected().await;
    board.state().disk_full = 2;
    board.tell(warned(1));
    board.state().sessions.insert(3, board::Session { state: SessionState::Scheduled, at_ms: None });
    board.tell(AppEvent::Handle { session: 3, expiration_ms: 9 });
    assert_eq!(session_of(&next(&app).await), Some(1));
    assert!(matches!(next(&app).await, Event::Handle { .. }));
    assert!(matches!(next(&app).await, Event::DidStart { .. }), "a session is taken over in time");
    assert!(board.state().is_owed());
    app.acknowledge().await.unwrap();
    assert!(!board.state().is_owed());
    assert_eq!(board.state().disk_full, 0);
    board.state().disk_full = 1;
    board.tell(warned(2));
    next(&app).await;
    let acknowledged = tokio::spawn({
        let app = app.clone();
        async move { app.acknowledge().await }
    });
    until("it was put off", || board.state().disk_full == 0).await;
    board.kill();
    acknowledged.await.unwrap().unwrap();
    assert!(!board.state().is_owed());
}

#[track_caller]
fn gone(result: Result<(), Error>) {
    assert!(matches!(result, Err(Error::Disconnected)), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn d5_a_runtime_that_does_not_come_back_is_gone_for_everything() {
    let (board, app) = connected().await;
    let session = app.session().await.unwrap();
    let mut straps = app.heart_rate().await.unwrap();
    board.tell(warned(1));
    next(&app).await;
    board.mention(AppEvent::StateChanged { state: AppState::Inactive });
    assert_eq!(next(&app).await, Event::StateChanged { state: AppState::Inactive });
    board.tell(warned(2));
    next(&app).await;
    board.state().comes_back = false;
    board.kill();
    let began = tokio::time::Instant::now();
    gone(session.start().await);
    assert!(began.elapsed() >= carpus::RECONNECT_TIME, "virtual time: {:?}", began.elapsed());
    for _ in 0..2 {
        gone(app.next_event().await.map(drop));
    }
    gone(app.acknowledge().await);
    gone(app.until_active().await);
    gone(app.play(Haptic::Click).await);
    gone(straps.next().await.unwrap().map(drop));
    assert!(straps.next().await.is_none());
}

#[tokio::test]
async fn d2_a_process_that_the_runtime_does_not_know_is_told_to_end() {
    let (board, app) = connected().await;
    board.state().knows_app = false;
    board.kill();
    let error = app.next_event().await.unwrap_err();
    assert!(matches!(error, Error::UnknownLaunch), "{error:?}");
    let error = app.session().await.unwrap_err();
    assert!(matches!(error, Error::UnknownLaunch), "{error:?}");
    let error = app.heart_rate().await.unwrap_err();
    assert!(matches!(error, Error::UnknownLaunch), "{error:?}");
}

#[tokio::test]
async fn d5_an_app_that_is_launched_while_the_runtime_is_away_waits_for_it() {
    let board = Board::start();
    board.state().comes_back = false;
    board.kill();
    let connecting = tokio::spawn({
        let path = board.path.clone();
        async move { App::connect_to(&path, TOKEN).await }
    });
    board.revive();
    connecting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn h2_a_tap_that_would_be_late_is_left_out() {
    let (board, app) = connected().await;
    board.state().comes_back = false;
    board.kill();
    app.play(Haptic::Click).await.unwrap();
    app.stop_haptic().await.unwrap();
    assert!(board.state().effects.is_empty());
}

#[tokio::test]
async fn h2_a_tap_is_never_played_twice() {
    for step in 0..4 {
        let (board, app) = connected().await;
        board.strike_in(step);
        app.play(Haptic::Click).await.unwrap();
        assert!(board.state().effects.len() <= 1, "{step}: {:?}", board.state().effects);
    }
}

#[tokio::test]
async fn n2_a_closure_answers_after_the_gap() {
    let (board, app) = connected().await;
    let session = app.session().await.unwrap();
    let every_second = |_played| Some((Duration::from_secs(1), Haptic::Retry));
    session.notify_user(Haptic::Notification, Repeat::ask(every_second)).await.unwrap();
    board.kill();
    lives(&board, 2).await;
    board.mention(AppEvent::RepeatAsked { session: session.id(), played: 1 });
    board.tell(warned(1));
    let Event::DidReconnect { .. } = next(&app).await else { panic!() };
    assert_eq!(session_of(&next(&app).await), Some(1));
    let effects = board.state().effects.clone();
    assert_eq!(effects, ["io.carpus.Session.NotifyUser", "io.carpus.Session.Repeat"]);
}

#[tokio::test]
async fn d3_d5_samples_go_on_and_the_first_tells_of_the_gap() {
    let (board, app) = connected().await;
    let mut straps = app.heart_rate_of(STRAP).await.unwrap();
    until("the strap is read", || board.readers() == 1).await;
    let mut told = Vec::new();
    for life in 1..4 {
        for bpm in [60, 61] {
            board.sample(life * 100 + bpm);
            let sample = tokio::time::timeout(PATIENCE, straps.next()).await.unwrap().unwrap().unwrap();
            told.push((sample.bpm, sample.gap_before));
        }
        board.kill();
        until("the strap is read again", || u64::from(board.state().lives) > life && board.readers() == 1)
            .await;
    }
    assert_eq!(told, [(160, false), (161, false), (260, true), (261, false), (360, true), (361, false)]);
}

#[tokio::test]
async fn s14_a_process_that_is_launched_again_goes_on_with_its_session() {
    let board = Board::start();
    {
        let mut state = board.state();
        let handed = board::Session { state: SessionState::Scheduled, at_ms: None };
        state.sessions.insert(3, handed);
        state.in_progress = Some(3);
    }
    board.tell(AppEvent::DidStart { session: 3, expiration_ms: 9 }); // the crashed one did not acknowledge it
    board.tell(AppEvent::Handle { session: 3, expiration_ms: 9 });
    let app = App::connect_to(&board.path, TOKEN).await.unwrap();
    assert_eq!(app.begin_session().await.unwrap().id(), 3);
    assert_eq!(app.handed_session().map(|session| session.id()), Some(3));
    let mut kinds = Vec::new();
    for _ in 0..4 {
        kinds.push(next(&app).await);
    }
    assert!(
        matches!(
            kinds.as_slice(),
            [
                Event::StateChanged { .. },
                Event::DidStart { .. },
                Event::Handle { .. },
                Event::DidStart { .. }
            ]
        ),
        "{kinds:?}"
    );
    assert_eq!(board.state().effects, ["run 3"], "and no other session was begun");
}

#[tokio::test]
async fn an_app_without_a_session_begins_one() {
    let (board, app) = connected().await;
    assert_eq!(app.handed_session(), None);
    let session = app.begin_session().await.unwrap();
    assert_eq!(board.state().effects, [format!("begin {}", session.id())]);
}

/// The calls, each with what it has to have done in the end.
const SCENARIOS: [&str; 9] = [
    "start",
    "start_at",
    "replace",
    "invalidate",
    "invalidate unknown",
    "set_recurrence",
    "clear_recurrence",
    "notify_user",
    "handle",
];

fn rule() -> Recurrence {
    Recurrence::daily(TimeOfDay::new(7, 30, 0).unwrap()).in_zone("Europe/Berlin")
}

fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(9)
}

/// Does a scenario with a strike after so many steps; false when it was over before.
async fn does(scenario: &str, strike_in: u32) -> bool {
    let (board, app) = connected().await;
    let session = app.session().await.unwrap();
    let id = session.id();
    match scenario {
        "invalidate" => session.start().await.unwrap(),
        "invalidate unknown" => drop(board.state().sessions.remove(&id)),
        "clear_recurrence" => app.set_recurrence(rule()).await.unwrap(),
        "handle" => {
            board.state().sessions.get_mut(&id).unwrap().state = SessionState::Scheduled;
            board.tell(AppEvent::Handle { session: id, expiration_ms: 9 });
            assert!(matches!(next(&app).await, Event::Handle { .. }));
        }
        _ => {}
    }
    board.state().effects.clear();
    board.strike_in(strike_in);
    tokio::time::timeout(PATIENCE, call(scenario, &app, &session))
        .await
        .expect("it is done in time")
        .unwrap();
    let (effects, sessions) = {
        let state = board.state();
        (state.effects.clone(), state.sessions.clone())
    };
    let done = match scenario {
        "start" | "start_at" | "replace" => vec![format!("begin {id}")],
        "invalidate" => vec![format!("invalidate {id}")],
        "set_recurrence" => vec!["set rule".to_owned()],
        "handle" => vec![format!("run {id}")],
        "notify_user" => {
            assert!((1..=2).contains(&effects.len()), "{effects:?}");
            effects.clone()
        }
        _ => vec![],
    };
    assert_eq!(effects, done, "{scenario}, killed after {strike_in} steps: once, and no more than that");
    match scenario {
        "start" | "handle" => assert_eq!(sessions[&id].state, SessionState::Running),
        "start_at" | "replace" => assert_eq!(sessions[&id].at_ms, Some(9_000)),
        "clear_recurrence" => assert_eq!(app.recurrence().await.unwrap(), None),
        _ => {}
    }
    !board.is_to_strike()
}

async fn call(scenario: &str, app: &App, session: &ExtendedRuntimeSession) -> Result<(), Error> {
    match scenario {
        "start" => session.start().await,
        "start_at" => session.start_at(at()).await,
        "replace" => session.replace(at()).await,
        "invalidate" | "invalidate unknown" => session.invalidate().await,
        "set_recurrence" => app.set_recurrence(rule()).await,
        "clear_recurrence" => app.clear_recurrence().await,
        "notify_user" => session.notify_user(Haptic::Notification, Repeat::Default).await,
        _ => app.acknowledge().await,
    }
}

#[tokio::test]
async fn d5_each_call_has_its_effect_once_wherever_the_runtime_is_killed() {
    for scenario in SCENARIOS {
        let mut steps = 0;
        while does(scenario, steps).await {
            steps += 1;
        }
        assert!(steps >= 3, "{scenario}: read, done, half told: {steps}");
    }
}

#[tokio::test]
async fn s8_a_refusal_stays_a_refusal() {
    for strike_in in 0..4 {
        let (board, app) = connected().await;
        let session = app.session().await.unwrap();
        board.state().app_state = AppState::Background;
        board.strike_in(strike_in);
        let error = session.start().await.unwrap_err();
        assert!(matches!(error, Error::Session { .. }), "{strike_in}: {error:?}");
        assert!(board.state().effects.is_empty());
    }
}

#[derive(Default)]
struct Diary(Vec<String>);

impl SessionDelegate for Diary {
    async fn will_expire(&mut self, session: &ExtendedRuntimeSession, _remaining: Duration) {
        self.0.push(format!("warned {}", session.id()));
    }

    async fn did_invalidate(&mut self, session: &ExtendedRuntimeSession, _end: &carpus::End) {
        self.0.push(format!("ended {}", session.id()));
    }

    async fn did_reconnect(&mut self, _gap: &Gap) {
        self.0.push("gap".to_owned());
    }
}

#[tokio::test]
async fn d5_a_delegate_is_told_over_the_gap_and_run_goes_on() {
    let (board, app) = connected().await;
    board.tell(warned(1));
    let script = async {
        until("the first is acknowledged", || !board.state().is_owed()).await;
        board.kill();
        lives(&board, 2).await;
        board.tell(did_invalidate(1));
        board.replace_events();
    };
    let mut diary = Diary::default();
    let (ran, ()) = tokio::join!(app.run(&mut diary), script);
    ran.unwrap();
    assert_eq!(diary.0, ["warned 1", "gap", "ended 1"]);
}

/// A history by chance: events come, sessions are begun and ended, and the runtime is killed at any step.
async fn history(seed: u64) {
    const EVENTS: u64 = 40;
    const SESSIONS: usize = 12;
    let mut chance = fastrand::Rng::with_seed(seed);
    let (board, app) = connected().await;
    let teller = {
        let (board, mut chance) = (board.clone(), chance.fork());
        async move {
            for number in 0..EVENTS {
                board.tell(warned(1_000 + number));
                tokio::time::sleep(Duration::from_micros(chance.u64(0..3_000))).await;
            }
        }
    };
    let killer = {
        let (board, mut chance) = (board.clone(), chance.fork());
        async move {
            loop {
                board.strike_in(chance.u32(0..200));
                while board.is_to_strike() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
    };
    let player = {
        let app = app.clone();
        async move {
            for _ in 0..SESSIONS {
                let session = app.session().await.unwrap();
                session.start().await.unwrap();
                session.invalidate().await.unwrap();
            }
        }
    };
    let told = async {
        let mut told = Vec::new();
        // Each session is told to have begun and ended.
        while told.len() < usize::try_from(EVENTS).unwrap() + 2 * SESSIONS {
            let event = next(&app).await;
            let kind = match &event {
                Event::DidStart { .. } => "did_start",
                Event::WillExpire { .. } => "will_expire",
                Event::DidInvalidate { .. } => "did_invalidate",
                _ => continue,
            };
            told.push((kind.to_owned(), session_of(&event)));
            if chance.bool() {
                app.acknowledge().await.unwrap();
            }
        }
        told
    };
    let everything = async { tokio::join!(teller, player, told).2 };
    let told = tokio::select! {
        told = tokio::time::timeout(PATIENCE, everything) => told.expect("all is told in time"),
        () = killer => panic!("it kills for ever"),
    };
    let history = board.state().history.clone();
    let happened: Vec<_> = history.iter().map(|event| (event.kind().to_owned(), session_in(event))).collect();
    assert_eq!(told, happened, "seed {seed}: each event once, in order");
    let effects = board.state().effects.clone();
    let mut counts = BTreeMap::new();
    effects.iter().for_each(|effect| *counts.entry(effect).or_insert(0) += 1);
    assert!(counts.values().all(|count| *count == 1), "seed {seed}: {effects:?}");
    assert_eq!(effects.len(), 2 * SESSIONS, "seed {seed}");
}

fn session_in(event: &AppEvent) -> Option<u64> {
    match event {
        AppEvent::DidStart { session, .. }
        | AppEvent::WillExpire { session, .. }
        | AppEvent::DidInvalidate { session, .. } => Some(*session),
        _ => None,
    }
}

#[tokio::test]
async fn d1_d5_whenever_the_runtime_is_killed_each_event_is_told_once_and_in_order() {
    let first = fastrand::u64(..);
    for seed in (0..6).map(|number: u64| first.wrapping_add(number)) {
        println!("seed {seed}");
        history(seed).await;
    }
}
