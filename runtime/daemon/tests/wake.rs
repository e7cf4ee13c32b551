//! That people wake: alarms that are snoozed, replaced, come again, or are rung by the runtime because their app is not
//! able to.

mod runtime;

use carpus_protocol::client::CallError;
use carpus_protocol::{apps, monitor, simulation, wrist};
use runtime::{Events, Puppet, Runtime, now_ms};
use serde_json::{Value, json};

const HOUR_MS: i64 = 3_600_000;

/// An app with an alarm that rings, the wrist down.
async fn ringing(runtime: &Runtime) -> (Puppet, u64, Events) {
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.has_an_alarm().await;
    runtime.ask(wrist::Lower {}).await;
    let mut events = runtime.events().await;
    puppet.achieves(&format!("notify {session} 200")).await;
    events.next("alert_shown").await;
    (puppet, session, events)
}

/// The alarms as JSON.
async fn alarms(runtime: &Runtime) -> Vec<Value> {
    let alarms = runtime.ask(monitor::Alarms {}).await.alarms;
    alarms.iter().map(|alarm| json!(alarm)).collect()
}

#[tokio::test]
async fn n7_n6_an_alarm_rings_although_its_app_hangs_and_the_user_is_warned_of_the_app() {
    let settings = ["session.alarm_limit=3s", "alarm.fallback_lead=2s", "alarm.fallback_time=1h"];
    let mut runtime = Runtime::start(&settings).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let mut events = runtime.events().await;
    let session = puppet.has_an_alarm().await;
    puppet.achieves("hang").await;
    assert_eq!(events.next("alert_shown").await["session"], session);
    assert_eq!(events.next("haptic").await["haptic"], "notification");
    let rings = &alarms(&runtime).await[0];
    assert_eq!((&rings["ringing"], &rings["fallback"]), (&json!(true), &json!(true)), "{rings}");
    let silent = events.next("alarm_silent").await;
    assert_eq!(silent["session"], session);
    assert!(
        silent["remedy"].as_str().unwrap().contains("carpus app rights wake --scheduling off"),
        "{silent}"
    );
    assert_eq!(events.next("did_invalidate").await["cause"]["name"], "limit-reached");
    events.next("haptic").await; // it rings on
    let rings = &alarms(&runtime).await[0];
    assert_eq!((&rings["state"], &rings["ringing"]), (&json!("invalid"), &json!(true)), "{rings}");
    runtime.ask(monitor::StopAlarm { session: None }).await;
    events.next("alert_cleared").await;
    assert!(alarms(&runtime).await.is_empty());
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn n7_a_fallback_alarm_rings_on_after_the_runtime_was_killed() {
    let settings = ["session.alarm_limit=2s", "alarm.fallback_time=1h"];
    let mut runtime = Runtime::start(&settings).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let mut events = runtime.events().await;
    let session = puppet.has_an_alarm().await;
    puppet.achieves("hang").await;
    events.next("alert_shown").await;
    events.next("did_invalidate").await;
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
    runtime::eventually("it rings", async || {
        let alarms = alarms(&runtime).await;
        alarms.len() == 1 && alarms[0]["session"] == session && alarms[0]["ringing"] == true
    })
    .await;
    runtime.ask(monitor::StopAlarm { session: Some(session) }).await;
    assert!(alarms(&runtime).await.is_empty());
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn n5_an_alarm_is_snoozed_and_rings_again() {
    let mut runtime = Runtime::start(&[]).await;
    let (_puppet, session, mut events) = ringing(&runtime).await;
    let snooze = |for_ms: i64| monitor::SnoozeAlarm { session: None, for_ms: u64::try_from(for_ms).ok() };
    let too_long = runtime.client().await.call(&snooze(HOUR_MS)).await;
    let Err(CallError::Refused(monitor::Error::NoRoomToSnooze { left_ms })) = too_long else {
        panic!("{too_long:?}")
    };
    assert!((1..=30 * 60_000).contains(&left_ms), "{left_ms}");
    events.next("haptic").await; // it rings on
    runtime.ask(monitor::SnoozeAlarm { session: None, for_ms: None }).await;
    assert_eq!(events.next("alert_cleared").await["session"], session);
    assert_eq!(events.next("alarm_snoozed").await["session"], session);
    let rests = &alarms(&runtime).await[0];
    assert_eq!((&rests["ringing"], &rests["snoozed"]), (&json!(false), &json!(true)), "{rests}");
    runtime.ask(snooze(300)).await; // anew, for less
    assert_eq!(events.next("alert_shown").await["session"], session);
    events.next("haptic").await;
    runtime.ask(simulation::Press { button: simulation::Button::Snooze }).await;
    assert_eq!(events.next("alarm_snoozed").await["app"], "wake");
    runtime.ask(monitor::StopAlarm { session: None }).await;
    assert_eq!(events.next("did_invalidate").await["cause"]["name"], "user-stopped-alarm");
    let nothing = runtime.client().await.call(&snooze(300)).await;
    assert!(matches!(nothing, Err(CallError::Refused(monitor::Error::NothingRings))), "{nothing:?}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a3_an_alarm_takes_the_place_of_another_in_one_step() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let first = puppet.schedules(now_ms() + HOUR_MS).await;
    let second = puppet.creates().await;
    puppet.achieves(&format!("replace {second} {}", now_ms() + 2 * HOUR_MS)).await;
    let waits = async || {
        alarms(&runtime).await.iter().map(|alarm| alarm["session"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(waits().await, [second], "when it is answered, the first is over");
    let ended = puppet.is_told("did_invalidate").await;
    assert_eq!(ended["event"]["session"], first);
    assert_eq!(ended["event"]["cause"]["name"], "app-invalidated");
    let third = puppet.creates().await;
    let refused = puppet.does(&format!("replace {third} {}", now_ms() + 37 * HOUR_MS)).await;
    assert_eq!(refused["refused"]["parameters"]["code"], 2, "{refused}");
    assert_eq!(waits().await, [second], "it stands on");
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
    let alarms = alarms(&runtime).await;
    assert_eq!((alarms.len(), &alarms[0]["session"]), (1, &json!(second)));
    assert!(runtime.stop().success());
}

/// The time of day in UTC, to the second: `HH:MM:SS`.
fn time_of_day(at_ms: i64) -> String {
    let second_of_day = at_ms.div_euclid(1000).rem_euclid(24 * 3600);
    format!("{:02}:{:02}:{:02}", second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60)
}

const DAILY: &str = "monday tuesday wednesday thursday friday saturday sunday";

#[tokio::test]
async fn a10_a_rule_outlives_the_runtime_and_is_taken_back() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    for rule in
        ["set_recurrence 07:30 UTC".to_owned(), format!("set_recurrence 07:30 Mars/Olympus_Mons {DAILY}")]
    {
        let refused = puppet.does(&rule).await;
        assert_eq!(refused["refused"]["error"], "io.carpus.Session.BadRecurrence", "{refused}");
    }
    let at = (now_ms() + 12 * HOUR_MS) / 1000 * 1000;
    let rule = format!("set_recurrence {} UTC {DAILY}", time_of_day(at));
    puppet.achieves(&rule).await;
    let in_the_way = puppet.does(&rule).await;
    assert_eq!(in_the_way["refused"]["error"], "io.carpus.Session.RecurrenceInTheWay", "{in_the_way}");
    let the_alarm = async |runtime: &Runtime| {
        runtime::eventually("an alarm waits by the rule", async || alarms(runtime).await.len() == 1).await;
        alarms(runtime).await.remove(0)
    };
    let before = the_alarm(&runtime).await;
    assert_eq!(before["at_ms"], at);
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
    // The rule was on disk when it was answered; its session may not have been yet, and then there is another.
    let after = the_alarm(&runtime).await;
    assert_eq!((&after["app"], &after["at_ms"]), (&before["app"], &before["at_ms"]));
    runtime.open("wake").await;
    let kept = puppet.achieves("recurrence").await;
    let shown = runtime.ask(monitor::Recurrences {}).await.recurrences.remove(0);
    assert_eq!(
        (shown.app.as_str(), shown.next_ms, json!(shown.rule)),
        ("wake", Some(at), kept["rule"].clone())
    );
    assert_eq!(kept["next_ms"], at);
    assert_eq!(kept["rule"]["zone"], "UTC");
    let written = time_of_day(at);
    assert_eq!(kept["rule"]["time"].as_str().unwrap(), written.strip_suffix(":00").unwrap_or(&written));
    assert_eq!(kept["rule"]["weekdays"].as_array().unwrap().len(), 7);
    puppet.achieves("clear_recurrence").await;
    assert_eq!(puppet.is_told("did_invalidate").await["event"]["session"], after["session"]);
    assert!(alarms(&runtime).await.is_empty());
    assert_eq!(puppet.achieves("recurrence").await, json!({}));
    assert_eq!(runtime.ask(monitor::Recurrences {}).await.recurrences, []);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a10_an_alarm_comes_again_although_its_app_does_nothing_for_it() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let at = (now_ms() + 4500) / 1000 * 1000;
    puppet.achieves(&format!("set_recurrence {} UTC {DAILY}", time_of_day(at))).await;
    let session = puppet.is_told("handle").await["event"]["session"].as_u64().unwrap();
    puppet.achieves(&format!("handled {session}")).await;
    runtime::eventually("the next one waits", async || {
        alarms(&runtime).await.iter().any(|alarm| alarm["at_ms"] == at + 24 * HOUR_MS)
    })
    .await;
    assert!(runtime.stop().success());
}

async fn set_rights(
    runtime: &Runtime,
    app: &str,
    (background_refresh, scheduling): (Option<bool>, Option<bool>),
) -> Result<carpus_protocol::Done, CallError<apps::Error>> {
    let rights = apps::SetRights { app: app.to_owned(), background_refresh, scheduling, bluetooth: None };
    runtime.client().await.call(&rights).await
}

#[tokio::test]
async fn a5_n6_the_user_takes_a_right_from_an_app_for_good_and_gives_it_back() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let waiting = puppet.schedules(now_ms() + HOUR_MS).await;
    set_rights(&runtime, "wake", (Some(false), None)).await.unwrap();
    assert_eq!(alarms(&runtime).await[0]["session"], waiting, "it stands");
    set_rights(&runtime, "wake", (None, Some(false))).await.unwrap();
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
    let app = runtime.ask(apps::List {}).await.apps.remove(0);
    assert_eq!((app.background_refresh, app.scheduling), (Some(false), Some(false)));
    runtime.open("wake").await;
    for (rights, code) in [((None, None), 8), ((None, Some(true)), 6)] {
        set_rights(&runtime, "wake", rights).await.unwrap();
        let session = puppet.creates().await;
        let refused = puppet.does(&format!("start_at {session} {}", now_ms() + HOUR_MS)).await;
        assert_eq!(refused["refused"]["parameters"]["code"], code, "{refused}");
        let told = puppet.is_told("did_invalidate").await;
        assert_eq!(told["event"]["cause"]["name"], "disabled-by-user");
    }
    set_rights(&runtime, "wake", (Some(true), None)).await.unwrap();
    puppet.achieves(&format!("invalidate {waiting}")).await;
    puppet.schedules(now_ms() + HOUR_MS).await;
    for nobody in ["nobody", "../etc"] {
        let unknown = set_rights(&runtime, nobody, (None, None)).await;
        assert!(matches!(unknown, Err(CallError::Refused(apps::Error::UnknownApp { .. }))), "{unknown:?}");
    }
    assert!(runtime.stop().success());
}
