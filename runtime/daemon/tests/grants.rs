//! What an app asks of the user, and what it gets (M5).

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod runtime;

use carpus_protocol::apps::{self, AppInfo, BluetoothAccess, BluetoothProfile};
use carpus_protocol::client::CallError;
use runtime::{Puppet, Runtime, eventually};
use serde_json::Value;

const STRAP: &str = "C0:FF:EE:00:00:01";
const READ_HEART_RATE: &str = r#"call {"method":"io.carpus.Devices.HeartRate","more":true}"#;
const LIST_STRAPS: &str = r#"call {"method":"io.carpus.Devices.List"}"#;
const NOT_PERMITTED: &str = "io.carpus.Devices.NotPermitted";

use BluetoothProfile::{Battery, HeartRate};

/// Lays out an app of this version that asks for these.
fn lay_out(runtime: &Runtime, version: &str, asks: &[BluetoothProfile]) {
    let names: Vec<_> = asks.iter().map(|profile| profile.name()).collect();
    let manifest =
        format!("[background]\nmodes = [\"physical-therapy\"]\n[permissions]\nbluetooth = {names:?}\n");
    runtime.lay_out("intruder", "asks", version, &manifest);
}

/// What the app asks for, and whether it has it.
fn access(info: &AppInfo) -> Vec<(BluetoothProfile, bool)> {
    let access = info.bluetooth.iter().flatten();
    access.map(|BluetoothAccess { profile, granted }| (*profile, *granted)).collect()
}

async fn access_now(runtime: &Runtime) -> Vec<(BluetoothProfile, bool)> {
    let apps = runtime.ask(apps::List {}).await.apps;
    access(apps.iter().find(|info| info.app == "asks").unwrap())
}

async fn set(
    runtime: &Runtime,
    bluetooth: Vec<BluetoothProfile>,
) -> Result<carpus_protocol::Done, CallError<apps::Error>> {
    let rights = apps::SetRights {
        app: "asks".to_owned(),
        background_refresh: None,
        scheduling: None,
        bluetooth: Some(bluetooth),
    };
    runtime.client().await.call(&rights).await
}

async fn close(runtime: &Runtime) {
    runtime.ask(apps::Close { app: "asks".to_owned() }).await;
    eventually("it is closed", async || runtime.pid_of("asks").await.is_none()).await;
}

fn asking(runtime: &Runtime) -> Puppet {
    runtime.puppet("asks")
}

fn is_sample(answer: &Value) -> bool {
    answer["parameters"]["sample"]["device"] == STRAP
}

#[tokio::test]
async fn m5_an_app_that_asks_is_not_installed_without_an_answer() {
    let mut runtime = Runtime::start(&[]).await;
    lay_out(&runtime, "1", &[HeartRate, Battery]);
    let refused = runtime.install("asks", None).await.unwrap_err();
    let CallError::Refused(apps::Error::ConsentNeeded { app, name, version, bluetooth }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((app.as_str(), name.as_str(), version.as_str()), ("asks", "asks", "1"));
    assert_eq!(bluetooth, [HeartRate, Battery]);
    assert!(runtime.ask(apps::List {}).await.apps.is_empty());
    let installed = runtime.install("asks", Some(vec![Battery])).await.unwrap();
    assert_eq!(access(&installed), [(HeartRate, false), (Battery, true)]);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn m5_an_app_reads_the_straps_only_where_it_asks_and_the_user_grants_it() {
    let mut runtime = Runtime::start(&[]).await;
    runtime.install_intruder("asks").await;
    runtime.open("asks").await;
    let app = asking(&runtime);
    for order in [READ_HEART_RATE, LIST_STRAPS, READ_HEART_RATE] {
        let answer = app.does(order).await;
        assert_eq!(answer["error"], NOT_PERMITTED, "{answer}");
        let message = answer["parameters"]["message"].as_str().unwrap();
        assert!(message.contains("below [permissions] in its app.toml"), "{message}");
    }
    let said = runtime.log().lines().filter(|line| line.contains("refused io.carpus.Devices.")).count();
    assert_eq!(said, 1, "{}", runtime.log());
    assert!(matches!(
        set(&runtime, vec![HeartRate]).await,
        Err(CallError::Refused(apps::Error::Refused { .. }))
    ));

    close(&runtime).await;
    lay_out(&runtime, "2", &[HeartRate, Battery]);
    runtime.install("asks", Some(vec![])).await.unwrap();
    runtime.open("asks").await;
    let answer = app.does(READ_HEART_RATE).await;
    let message = answer["parameters"]["message"].as_str().unwrap();
    assert!(message.contains("`carpus app rights asks --bluetooth heart-rate`"), "{message}");

    set(&runtime, vec![HeartRate]).await.unwrap();
    assert!(is_sample(&app.does(READ_HEART_RATE).await));
    assert_eq!(app.does(LIST_STRAPS).await["error"], NOT_PERMITTED);

    set(&runtime, vec![Battery]).await.unwrap();
    assert_eq!(app.does(READ_HEART_RATE).await["error"], NOT_PERMITTED);
    let straps = app.does(LIST_STRAPS).await["parameters"]["devices"].take();
    let strap = straps.as_array().unwrap().iter().find(|strap| strap["device"] == STRAP).unwrap();
    assert!(
        strap["battery_percent"].is_u64() && strap["samples"] == 0 && strap["rssi_dbm"].is_null(),
        "{strap}"
    );
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn m5_what_is_taken_back_ends_at_once() {
    let mut runtime = Runtime::start(&[]).await;
    lay_out(&runtime, "1", &[HeartRate]);
    runtime.install("asks", Some(vec![HeartRate])).await.unwrap();
    runtime.open("asks").await;
    let mut app = asking(&runtime);
    let reading = app.begins(&format!("until_end {}", READ_HEART_RATE.trim_start_matches("call ")));
    app.is_told("reads").await;
    set(&runtime, vec![]).await.unwrap();
    let ended = tokio::task::spawn_blocking(|| reading.answer()).await.unwrap();
    assert_eq!(ended["last"]["error"], NOT_PERMITTED, "{ended}");
    assert!(ended["before"].as_u64().unwrap() >= 1, "{ended}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn m5_grants_outlive_the_runtime_and_updates_that_ask_for_no_more() {
    let mut runtime = Runtime::start(&[]).await;
    lay_out(&runtime, "1", &[HeartRate]);
    runtime.install("asks", Some(vec![HeartRate])).await.unwrap();
    assert!(runtime.stop().success());
    runtime.launch().await;
    assert_eq!(access_now(&runtime).await, [(HeartRate, true)]);

    lay_out(&runtime, "2", &[HeartRate]);
    let updated = runtime.install("asks", None).await.unwrap();
    assert_eq!((updated.version.as_str(), access(&updated)), ("2", vec![(HeartRate, true)]));
    lay_out(&runtime, "3", &[HeartRate, Battery]);
    let refused = runtime.install("asks", None).await;
    assert!(matches!(refused, Err(CallError::Refused(apps::Error::ConsentNeeded { .. }))), "{refused:?}");
    let apps = runtime.ask(apps::List {}).await.apps;
    assert_eq!((apps[0].version.as_str(), access(&apps[0])), ("2", vec![(HeartRate, true)]), "it stays");

    // What an update asks for no more is not its by the next one that does.
    lay_out(&runtime, "4", &[]);
    assert_eq!(access(&runtime.install("asks", None).await.unwrap()), []);
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
    lay_out(&runtime, "5", &[HeartRate]);
    assert!(runtime.install("asks", None).await.is_err());
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn m5_an_app_that_is_removed_has_no_grants_when_it_comes_again() {
    let mut runtime = Runtime::start(&[]).await;
    lay_out(&runtime, "1", &[HeartRate]);
    runtime.install("asks", Some(vec![HeartRate])).await.unwrap();
    runtime.ask(apps::Remove { app: "asks".to_owned() }).await;
    assert!(runtime.install("asks", None).await.is_err());
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await;
    assert!(runtime.install("asks", None).await.is_err());
    assert!(runtime.stop().success());
}
