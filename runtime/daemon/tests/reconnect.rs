//! D5, S14: an app on the SDK lives through a runtime that is killed, and through its own crashes. Real processes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod runtime;

use carpus_protocol::simulation::{Fail, FailHow};
use carpus_protocol::{AppState, apps, monitor};
use runtime::{Puppet, Runtime, eventually, now_ms};
use serde_json::Value;

/// The end of a manifest that asks for the straps.
const ASKS_FOR_STRAPS: &str =
    "[background]\nmodes = [\"MODE\", \"bluetooth-central\"]\n[permissions]\nbluetooth = [\"heart-rate\"]\n";

/// An app on the SDK, installed and allowed to read the straps.
async fn companion(runtime: &Runtime, app: &str, mode: &str) -> Puppet {
    runtime.lay_out("companion", app, "1", &ASKS_FOR_STRAPS.replace("MODE", mode));
    runtime.install(app, Some(vec![apps::BluetoothProfile::HeartRate])).await.unwrap();
    runtime.puppet(app)
}

/// Kills the runtime as nobody can help it, and starts it again.
async fn kill_and_start_again(runtime: &mut Runtime) {
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
}

async fn told(puppet: &Puppet) -> Vec<Value> {
    puppet.achieves("told").await["told"].as_array().unwrap().clone()
}

fn kinds(told: &[Value]) -> Vec<&str> {
    let kind = |line: &Value| match line["event"]["kind"].as_str() {
        Some("state_changed") | None => None,
        Some(_) => Some(()),
    };
    told.iter()
        .filter(|line| kind(line).is_some())
        .filter_map(|line| line["event"]["kind"].as_str())
        .collect()
}

fn samples(told: &[Value]) -> Vec<&Value> {
    told.iter().map(|line| &line["sample"]).filter(|sample| sample.is_object()).collect()
}

async fn state_of(runtime: &Runtime, app: &str) -> AppState {
    let list = runtime.ask(apps::List {}).await;
    list.apps.into_iter().find(|info| info.app == app).unwrap().state
}

#[tokio::test]
async fn d5_an_app_in_a_session_goes_on_as_the_same_process_and_is_told_of_the_gap() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = companion(&runtime, "breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.achieves("begin").await["session"].as_u64().unwrap();
    puppet.achieves("heart").await;
    puppet.is_told("did_start").await;
    eventually("samples come", async || !samples(&told(&puppet).await).is_empty()).await;
    let pid = runtime.pid_of("breathe").await;
    let before = runtime.ask(monitor::Sessions {}).await.sessions;

    kill_and_start_again(&mut runtime).await;
    puppet.is_told("did_reconnect").await;
    let heard = samples(&told(&puppet).await).len();
    eventually("samples come again", async || samples(&told(&puppet).await).len() > heard + 4).await;
    assert_eq!(runtime.pid_of("breathe").await, pid, "the same process");
    assert_eq!(
        runtime.ask(monitor::Sessions {}).await.sessions,
        before,
        "the same session, which ends when it did"
    );
    eventually("it is active", async || state_of(&runtime, "breathe").await == AppState::Active).await;
    let told = told(&puppet).await;
    assert_eq!(kinds(&told), ["did_start", "did_reconnect"]);
    let marks = samples(&told).iter().filter(|sample| sample["gap_before"] == true).count();
    let straps = samples(&told)
        .iter()
        .map(|sample| sample["device"].to_string())
        .collect::<std::collections::BTreeSet<_>>();
    assert!((1..=straps.len()).contains(&marks), "each strap tells of the gap once: {marks}");

    puppet.achieves(&format!("invalidate {session}")).await;
    puppet.is_told("did_invalidate").await;
    let next = puppet.achieves("begin").await["session"].as_u64().unwrap();
    assert_ne!(next, session);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn d5_a_call_that_is_made_while_the_runtime_is_away_waits_for_it() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = companion(&runtime, "breathe", "mindfulness").await;
    runtime.open("breathe").await;
    puppet.is_told("state_changed").await;
    runtime.signal("-KILL");
    runtime.wait();
    let begun = puppet.begins("begin");
    assert!(puppet.does("play").await["ok"].is_object(), "a tap that would be late is left out");
    runtime.launch().await;
    let begun = tokio::task::spawn_blocking(move || begun.answer()).await.unwrap();
    let session = begun["ok"]["session"].as_u64().unwrap_or_else(|| panic!("{begun}"));
    assert_eq!(puppet.is_told("did_start").await["event"]["session"], session);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn d1_d5_events_are_told_once_over_many_kills() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = companion(&runtime, "breathe", "mindfulness").await;
    runtime.open("breathe").await;
    for _ in 0..4 {
        let session = puppet.achieves("begin").await["session"].as_u64().unwrap();
        puppet.achieves(&format!("invalidate {session}")).await;
        kill_and_start_again(&mut runtime).await;
    }
    puppet.is_told("did_reconnect").await;
    eventually("all is told", async || kinds(&told(&puppet).await).len() >= 12).await;
    let told = told(&puppet).await;
    let of = |kind: &str| told.iter().filter(|line| line["event"]["kind"] == kind).count();
    assert_eq!((of("did_start"), of("did_invalidate")), (4, 4), "{told:?}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn d2_d5_an_alarm_is_rung_by_the_same_process_after_the_runtime_was_killed() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = companion(&runtime, "alarm", "alarm").await;
    runtime.open("alarm").await;
    let at_ms = now_ms() + 1_500;
    let session = puppet.achieves(&format!("schedule {at_ms}")).await["session"].as_u64().unwrap();
    kill_and_start_again(&mut runtime).await;
    let mut events = runtime.events().await;
    puppet.is_told("handle").await;
    puppet.is_told("did_start").await;
    puppet.achieves(&format!("notify {session}")).await;
    events.next("haptic").await;
    puppet.achieves(&format!("invalidate {session}")).await;
    let kinds_told = told(&puppet).await;
    assert_eq!(kinds(&kinds_told)[..3], ["did_reconnect", "handle", "did_start"]);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn s14_an_app_that_crashes_is_handed_its_session_again_and_goes_on_with_it() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = companion(&runtime, "breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.achieves("begin").await["session"].as_u64().unwrap();
    puppet.is_told("did_start").await;
    let (pid, before) = (runtime.pid_of("breathe").await, runtime.ask(monitor::Sessions {}).await.sessions);
    puppet.begins("crash");
    assert_eq!(puppet.is_told("handle").await["event"]["session"], session);
    assert_eq!(puppet.is_told("did_start").await["event"]["session"], session);
    assert_eq!(puppet.achieves("begin").await["session"], session, "it goes on with that one");
    assert_ne!(runtime.pid_of("breathe").await, pid);
    assert_eq!(runtime.ask(monitor::Sessions {}).await.sessions, before);
    let told = told(&puppet).await;
    assert_eq!(told[0]["launched"]["handed"], session);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn d5_a_part_that_fails_is_a_gap_and_no_error() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = companion(&runtime, "breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.achieves("begin").await["session"].as_u64().unwrap();
    puppet.is_told("did_start").await;
    for part in ["watch", "journal", "apps"] {
        runtime.ask(Fail { child: part.to_owned(), how: FailHow::Stop }).await;
        puppet.is_told("did_reconnect").await;
        eventually("it is active", async || state_of(&runtime, "breathe").await == AppState::Active).await;
    }
    puppet.achieves(&format!("invalidate {session}")).await;
    puppet.is_told("did_invalidate").await;
    puppet.achieves("begin").await;
    assert!(runtime.stop().success());
}
