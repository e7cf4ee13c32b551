//! Sessions end to end: real app processes, the real socket, simulated devices.

mod runtime;

use carpus_protocol::{apps, simulation, wrist};
use runtime::{Runtime, eventually, now_ms};

#[tokio::test]
async fn s4_a_session_starts_warns_and_expires_in_order() {
    let mut runtime = Runtime::start(&["session.mindfulness_limit=2s"]).await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.creates().await;
    assert!(puppet.does(&format!("start {session}")).await["ok"].is_object());
    let started = puppet.is_told("did_start").await;
    let warned = puppet.is_told("will_expire").await;
    let ended = puppet.is_told("did_invalidate").await;
    assert_eq!(ended["event"]["reason"], "expired");
    assert_eq!(ended["event"]["cause"]["name"], "limit-reached");
    let sequences = [&started, &warned, &ended].map(|told| told["sequence"].as_u64().unwrap());
    assert!(sequences.is_sorted(), "{sequences:?}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn s2_a_start_while_the_screen_is_off_is_refused() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    puppet.is_told("state_changed").await;
    runtime.ask(wrist::Lower {}).await;
    let session = puppet.creates().await;
    let refused = puppet.does(&format!("start {session}")).await;
    assert_eq!(refused["refused"]["parameters"]["code"], 3, "{refused}");
    assert_eq!(puppet.is_told("did_invalidate").await["event"]["error"]["code"], 3);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn t2_t3_the_crown_ends_self_care_and_leaves_physical_therapy_running() {
    let mut runtime = Runtime::start(&[]).await;
    let mut brushing = runtime.install_puppet("brushing", "self-care").await;
    let stretching = runtime.install_puppet("stretching", "physical-therapy").await;
    runtime.open("stretching").await;
    let therapy = stretching.creates().await;
    assert!(stretching.does(&format!("start {therapy}")).await["ok"].is_object());
    runtime.open("brushing").await;
    let care = brushing.creates().await;
    assert!(brushing.does(&format!("start {care}")).await["ok"].is_object());
    runtime.ask(wrist::Crown {}).await;
    let ended = brushing.is_told("did_invalidate").await;
    assert_eq!(ended["event"]["reason"], "resigned-frontmost");
    assert_eq!(ended["event"]["cause"]["name"], "crown");
    let running = runtime.ask(carpus_protocol::monitor::Sessions {}).await.sessions;
    assert_eq!(running.iter().map(|session| session.session).collect::<Vec<_>>(), [therapy]);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn l5_an_app_that_was_left_is_frozen_and_thawed_when_it_is_opened() {
    let mut runtime = Runtime::start(&["lifecycle.suspend_grace=100ms"]).await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    runtime.ask(wrist::Crown {}).await;
    while puppet.is_told("state_changed").await["event"]["state"] != "background" {}
    let state = async |wanted: &str| {
        let list = runtime.ask(apps::List {}).await;
        list.apps[0].state.name() == wanted
    };
    eventually("it is suspended", async || state("suspended").await).await;
    runtime.open("breathe").await;
    assert!(puppet.does("create").await["ok"].is_object());
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn l5_an_app_that_is_opened_while_the_disk_is_slow_is_not_frozen_afterwards() {
    let mut runtime = Runtime::start(&["lifecycle.suspend_grace=0s"]).await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.creates().await;
    let mut events = runtime.events().await;
    let disk = rusqlite::Connection::open(runtime.path("state/state.db")).unwrap();
    disk.execute_batch("BEGIN IMMEDIATE").unwrap(); // nobody else can write
    let refused = puppet.begins(&format!("start_at {session} 0")); // which it is told: that has to be written down
    events.next("did_invalidate").await;
    runtime.ask(wrist::Crown {}).await;
    eventually("it is suspended", async || {
        runtime.ask(apps::List {}).await.apps[0].state.name() == "suspended"
    })
    .await;
    runtime.open("breathe").await;
    disk.execute_batch("ROLLBACK").unwrap();
    puppet.is_told("did_invalidate").await;
    assert!(refused.answer()["refused"].is_object());
    puppet.creates().await; // it runs
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn c2_a_greedy_session_is_ended() {
    let settings = ["budget.window=10s", "budget.sample_interval=500ms", "budget.extended_runtime=5%"];
    let mut runtime = Runtime::start(&settings).await;
    let mut puppet = runtime.install_puppet("greedy", "physical-therapy").await;
    runtime.open("greedy").await;
    let session = puppet.creates().await;
    puppet.does(&format!("start {session}")).await;
    puppet.does("burn").await;
    let ended = puppet.is_told("did_invalidate").await;
    assert_eq!(ended["event"]["error"]["name"], "exceeded-resource-limits");
    assert_eq!(ended["event"]["cause"]["name"], "cpu-budget-spent");
    assert_eq!(ended["event"]["cause"]["limit_ms"], 500);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn s9_a_session_ends_with_its_app_and_the_app_learns_it_at_its_next_launch() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.creates().await;
    puppet.does(&format!("start {session}")).await;
    let started = puppet.is_told("did_start").await;
    puppet.does(&format!("acknowledge {}", started["sequence"])).await;
    let mut events = runtime.events().await;
    puppet.does("exit 0").await; // with any other code it is launched again (S14)
    let ended = events.next("did_invalidate").await;
    assert_eq!(ended["cause"]["name"], "app-exited");
    assert_eq!(ended["cause"]["exit_code"], 0);
    runtime.open("breathe").await;
    let told = puppet.is_told("did_invalidate").await; // D1: and no second did_start
    assert_eq!(told["event"]["session"], session);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn h2_a_haptic_is_played_with_its_sound_while_frontmost_and_refused_otherwise() {
    let mut runtime = Runtime::start(&[]).await;
    let puppet = runtime.install_puppet("breathe", "mindfulness").await;
    let mut events = runtime.events().await;
    runtime.open("breathe").await;
    assert!(puppet.does("play").await["ok"].is_object());
    assert_eq!(events.next("haptic").await["haptic"], "click");
    runtime.ask(wrist::Crown {}).await;
    let refused = puppet.does("play").await;
    assert_eq!(refused["refused"]["error"], "io.carpus.Haptics.NotAllowed", "{refused}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn s12_when_start_answers_the_slot_is_taken_and_when_invalidate_answers_it_is_free() {
    let mut runtime = Runtime::start(&[]).await;
    let puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    for _ in 0..20 {
        let (first, second) = (puppet.creates().await, puppet.creates().await);
        assert!(puppet.does(&format!("start {first}")).await["ok"].is_object());
        assert!(puppet.does(&format!("start {second}")).await["refused"].is_object());
        assert!(puppet.does(&format!("invalidate {first}")).await["ok"].is_object());
    }
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn l4_t2_a_screen_that_is_covered_ends_a_frontmost_session() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.creates().await;
    puppet.achieves(&format!("start {session}")).await;
    runtime.ask(wrist::Cover {}).await;
    let ended = puppet.is_told("did_invalidate").await;
    assert_eq!(ended["event"]["reason"], "resigned-frontmost");
    assert_eq!(ended["event"]["cause"]["name"], "covered");
    assert_eq!(runtime.ask(wrist::State {}).await.frontmost, None);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn s11_an_app_learns_all_that_stands_in_the_way_of_a_start_and_nothing_starts() {
    let mut runtime = Runtime::start(&[]).await;
    let puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let codes = async |order: &str| {
        let answer = puppet.achieves(order).await;
        let obstacles = answer["obstacles"].as_array().unwrap().clone();
        obstacles.iter().map(|obstacle| obstacle["error"]["code"].as_i64()).collect::<Vec<_>>()
    };
    assert_eq!(codes("can_start").await, []);
    runtime.ask(wrist::Lower {}).await;
    assert_eq!(codes("can_start").await, [Some(3)]);
    assert_eq!(codes(&format!("can_start {}", i64::MAX)).await, [Some(8), Some(3), Some(2)]);
    runtime.ask(wrist::Raise {}).await;
    let session = puppet.creates().await;
    puppet.achieves(&format!("start {session}")).await;
    let answer = puppet.achieves("can_start").await;
    assert_eq!(answer["obstacles"][0]["reason"], "session-in-progress");
    assert_eq!(answer["obstacles"].as_array().unwrap().len(), 1, "{answer}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn m4_an_app_with_several_modes_names_the_type_of_each_session() {
    let mut runtime = Runtime::start(&["session.several_modes=true"]).await;
    let mut puppet = runtime.install_puppet_with("both", &["mindfulness", "alarm"]).await;
    runtime.open("both").await;
    for (order, code) in [("create", 10), ("create self-care", 7)] {
        let refused = puppet.does(order).await;
        assert_eq!(refused["refused"]["parameters"]["code"], code, "{order}: {refused}");
    }
    let breathing = puppet.achieves("create mindfulness").await["session"].as_u64().unwrap();
    puppet.achieves(&format!("start {breathing}")).await;
    assert_eq!(puppet.is_told("did_start").await["event"]["session"], breathing);
    let alarm = puppet.achieves("create alarm").await["session"].as_u64().unwrap();
    puppet.achieves(&format!("start_at {alarm} {}", now_ms() + 3_600_000)).await;
    let sessions = runtime.ask(carpus_protocol::monitor::Sessions {}).await.sessions;
    let kinds: Vec<_> = sessions.iter().map(|session| (session.session, session.kind.name())).collect();
    assert_eq!(kinds, [(breathing, "mindfulness"), (alarm, "alarm")]);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn s10_a_low_battery_ends_a_session_and_keeps_others_from_starting_until_power_comes_in() {
    let mut runtime =
        Runtime::start(&["suppression.interval=100ms", "suppression.temperature_above=80C"]).await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.creates().await;
    puppet.achieves(&format!("start {session}")).await;
    let board = |battery_percent, external_power, temperature_mdegc| simulation::SetBoard {
        battery_percent,
        external_power,
        temperature_mdegc,
    };
    runtime.ask(board(Some(4), None, None)).await;
    let ended = puppet.is_told("did_invalidate").await;
    assert_eq!(ended["event"]["reason"], "suppressed-by-system");
    assert_eq!(ended["event"]["cause"]["name"], "low-battery");
    runtime.ask(board(None, Some(true), Some(85_000))).await;
    let obstacle = async || puppet.achieves("can_start").await["obstacles"][0]["cause"]["name"].clone();
    eventually("the board is too hot", async || obstacle().await == "overheated").await;
    runtime.ask(board(None, None, Some(40_000))).await;
    eventually("the board has cooled down", async || obstacle().await.is_null()).await;
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn l7_an_app_that_does_not_leave_is_killed() {
    let mut runtime = Runtime::start(&["lifecycle.leave_time=200ms"]).await;
    let puppet = runtime.install_puppet("stubborn", "mindfulness").await;
    runtime.open("stubborn").await;
    assert_eq!(puppet.achieves("deaf").await["listens"], true);
    puppet.achieves("hang").await;
    let mut events = runtime.events().await;
    runtime.ask(apps::Close { app: "stubborn".to_owned() }).await;
    assert_eq!(events.next("app_exited").await["message"], "signal 9");
    assert!(runtime.stop().success());
}
