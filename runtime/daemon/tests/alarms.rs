//! Alarms end to end: they ring although the app or the runtime died in between.

mod runtime;

use carpus_protocol::monitor;
use runtime::{Runtime, now_ms};

#[tokio::test]
async fn a4_n4_an_alarm_rings_although_its_app_was_killed_and_the_user_stops_it() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.creates().await;
    let mut events = runtime.events().await;
    let scheduled = puppet.does(&format!("start_at {session} {}", now_ms() + 1500)).await;
    assert!(scheduled["ok"].is_object(), "{scheduled}");
    assert_eq!(events.next("alarm_scheduled").await["app"], "wake");
    puppet.does("exit 1").await;
    events.next("app_exited").await;
    assert!(events.next("alarm_due").await["at_ms"].is_i64());
    let handed = puppet.is_told("handle").await; // launched again
    assert_eq!(handed["event"]["session"], session);
    assert!(puppet.does(&format!("handled {session}")).await["ok"].is_object());
    puppet.is_told("did_start").await;
    assert!(puppet.does(&format!("notify {session} 500")).await["ok"].is_object());
    assert_eq!(events.next("alert_shown").await["session"], session);
    events.next("haptic").await;
    events.next("sound").await;
    events.next("haptic").await; // N2: and again
    runtime.ask(monitor::StopAlarm { session: None }).await;
    let ended = puppet.is_told("did_invalidate").await;
    assert_eq!(ended["event"]["cause"]["name"], "user-stopped-alarm");
    assert!(runtime.ask(monitor::Alarms {}).await.alarms.is_empty());
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a6_an_acknowledged_alarm_survives_a_killed_runtime() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.creates().await;
    assert!(puppet.does(&format!("start_at {session} {}", now_ms() + 2000)).await["ok"].is_object());
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
    assert_eq!(puppet.is_told("handle").await["event"]["session"], session);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn d2_an_alarm_that_rings_when_the_runtime_is_killed_rings_on() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.has_an_alarm().await;
    puppet.achieves(&format!("notify {session} 500")).await;
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
    let mut events = runtime.events().await;
    events.next("haptic").await; // which nobody asked for anew
    runtime.ask(monitor::StopAlarm { session: None }).await;
    assert_eq!(puppet.is_told("did_invalidate").await["event"]["cause"]["name"], "user-stopped-alarm");
    let told = puppet.achieves("told").await["told"].clone();
    let told = told.as_array().unwrap();
    // Nothing was acknowledged, so it is told again on the new connection, with the same numbers.
    let mut handed: Vec<_> = told.iter().filter(|line| line["event"]["kind"] == "handle").collect();
    handed.dedup_by_key(|line| line["sequence"].clone());
    assert_eq!(handed.len(), 1, "it is handed over once: {told:?}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn d2_an_alarm_that_rings_when_the_runtime_and_the_app_are_killed_is_handed_to_the_app_again() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.schedules(now_ms() + 300).await;
    let handed = puppet.is_told("handle").await;
    puppet.achieves(&format!("handled {session}")).await;
    puppet.achieves(&format!("notify {session} 500")).await;
    puppet.achieves(&format!("acknowledge {}", handed["sequence"])).await;
    runtime.signal("-KILL");
    runtime.wait();
    puppet.begins("crash");
    runtime.launch().await;
    let again = puppet.is_told("handle").await;
    assert_eq!(again["event"]["session"], session);
    assert!(again["sequence"].as_u64() > handed["sequence"].as_u64());
    puppet.achieves(&format!("handled {session}")).await;
    puppet.achieves(&format!("notify {session} 500")).await;
    runtime.ask(monitor::StopAlarm { session: None }).await;
    assert_eq!(puppet.is_told("did_invalidate").await["event"]["cause"]["name"], "user-stopped-alarm");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a4_an_app_that_sets_no_delegate_loses_the_session() {
    let mut runtime = Runtime::start(&["alarm.handle_time=1s"]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.creates().await;
    puppet.does(&format!("start_at {session} {}", now_ms() + 500)).await;
    puppet.is_told("handle").await;
    let ended = puppet.is_told("did_invalidate").await;
    assert_eq!(ended["event"]["cause"]["name"], "no-delegate");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a1_a2_a3_what_may_not_be_scheduled_is_refused_with_its_code() {
    let hour = 3_600_000;
    let mut runtime = Runtime::start(&[]).await;
    let wake = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    for (at, code) in [(now_ms() + 37 * hour, 2), (now_ms() - hour, 1), (i64::MAX, 2), (i64::MIN + 1, 1)] {
        let session = wake.creates().await;
        let refused = wake.does(&format!("start_at {session} {at}")).await;
        assert_eq!(refused["refused"]["parameters"]["code"], code, "at {at}: {refused}");
    }
    let session = wake.creates().await;
    assert!(wake.does(&format!("start_at {session} {}", now_ms() + hour)).await["ok"].is_object());
    let second = wake.creates().await;
    assert!(wake.does(&format!("start_at {second} {}", now_ms() + hour)).await["refused"].is_object());
    let breathe = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = breathe.creates().await;
    let refused = breathe.does(&format!("start_at {session} {}", now_ms() + hour)).await;
    assert_eq!(refused["refused"]["parameters"]["code"], 8, "{refused}");
    assert!(runtime.stop().success());
}
