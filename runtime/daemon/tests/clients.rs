//! Clients that err, or mean ill: each gets a true answer, and none disturbs another.

mod runtime;

use std::time::Duration;

use carpus_protocol::client::CallError;
use carpus_protocol::{apps, monitor, session, wrist};
use runtime::Runtime;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

async fn frame(stream: &mut UnixStream, call: &[u8]) -> Option<Value> {
    stream.write_all(call).await.ok()?;
    stream.write_all(b"\0").await.ok()?;
    let mut answer = Vec::new();
    loop {
        match stream.read_u8().await.ok()? {
            0 => return serde_json::from_slice(&answer).ok(),
            byte => answer.push(byte),
        }
    }
}

#[tokio::test]
async fn the_service_describes_itself_and_refuses_what_it_does_not_know() {
    let mut runtime = Runtime::start(&[]).await;
    let mut stream = UnixStream::connect(runtime.socket()).await.unwrap();
    let mut ask = async |call: Value| frame(&mut stream, call.to_string().as_bytes()).await.unwrap();
    let info = ask(json!({"method": "org.varlink.service.GetInfo"})).await;
    assert!(info["parameters"]["interfaces"].as_array().unwrap().contains(&json!("io.carpus.Session")));
    let interface = json!({"interface": "io.carpus.Session"});
    let text =
        ask(json!({"method": "org.varlink.service.GetInterfaceDescription", "parameters": interface})).await;
    assert!(text["parameters"]["description"].as_str().unwrap().starts_with("# "));
    let unknown = ask(json!({"method": "io.carpus.Wrist.Wave"})).await;
    assert_eq!(unknown["error"], "org.varlink.service.MethodNotFound");
    let elsewhere = ask(json!({"method": "io.elsewhere.Wave"})).await;
    assert_eq!(elsewhere["error"], "org.varlink.service.InterfaceNotFound");
    let wrong = ask(json!({"method": "io.carpus.Apps.Open", "parameters": {"app": 7}})).await;
    assert_eq!(wrong["error"], "org.varlink.service.InvalidParameter");
    assert_eq!(wrong["parameters"]["parameter"], "app");
    let stream_without_more = ask(json!({"method": "io.carpus.Monitor.Events"})).await;
    assert_eq!(stream_without_more["error"], "org.varlink.service.ExpectedMore");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_frame_that_is_too_long_or_no_json_cuts_its_client_off_and_no_other() {
    let mut runtime = Runtime::start(&["ipc.max_frame=4KiB"]).await;
    for call in [vec![b'x'; 5000], b"not json".to_vec(), b"[1,2,3]".to_vec()] {
        let mut stream = UnixStream::connect(runtime.socket()).await.unwrap();
        assert_eq!(frame(&mut stream, &call).await, None);
    }
    runtime.ask(monitor::Status {}).await;
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_client_beyond_the_limit_is_turned_away_and_its_place_comes_free() {
    let mut runtime = Runtime::start(&["ipc.max_clients=4"]).await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = runtime.client().await;
        client.call(&monitor::Status {}).await.unwrap();
        clients.push(client);
    }
    assert!(runtime.client().await.call(&monitor::Status {}).await.is_err());
    clients.pop();
    runtime::eventually("a place comes free", async || {
        runtime.client().await.call(&monitor::Status {}).await.is_ok()
    })
    .await;
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_client_that_reads_nothing_delays_nobody() {
    let mut runtime = Runtime::start(&[]).await;
    let mut lazy = UnixStream::connect(runtime.socket()).await.unwrap();
    lazy.write_all(b"{\"method\":\"io.carpus.Monitor.Events\",\"more\":true}\0").await.unwrap();
    let mut events = runtime.events().await;
    for _ in 0..200 {
        runtime.ask(wrist::Lower {}).await;
        runtime.ask(wrist::Raise {}).await;
    }
    events.next("sample").await;
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_stranger_is_no_app_and_an_app_is_no_operator() {
    let mut runtime = Runtime::start(&[]).await;
    let mut stranger = runtime.client().await;
    let guessed = stranger.call(&session::Attach { token: "0".repeat(32) }).await;
    assert!(matches!(guessed, Err(CallError::Refused(session::Error::BadToken))), "{guessed:?}");
    let unattached = stranger.call(&session::Create { kind: None }).await;
    assert!(matches!(unattached, Err(CallError::Refused(session::Error::NotAttached))), "{unattached:?}");

    let puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let refused = puppet.does("operate").await;
    assert_eq!(refused["refused"]["error"], "io.carpus.Wrist.NotPermitted", "{refused}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_process_that_called_and_ended_is_no_operator() {
    let mut runtime = Runtime::start(&[]).await;
    runtime.signal("-STOP"); // so that the process has ended before anybody can look whose it is
    let mut caller = std::process::Command::new(runtime::puppet_program());
    assert!(caller.arg("shout").env("CARPUS_SOCKET", runtime.socket()).status().unwrap().success());
    runtime.signal("-CONT");
    // Its call comes before the ones that are made from now on.
    runtime.ask(monitor::Status {}).await;
    assert!(runtime.ask(wrist::State {}).await.screen_on);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn an_app_that_connects_without_end_leaves_places_for_operators_and_other_apps() {
    let mut runtime = Runtime::start(&["ipc.max_clients=24"]).await;
    let greedy = runtime.install_puppet("greedy", "mindfulness").await;
    runtime.open("greedy").await;
    let held = greedy.does("connect 100").await;
    assert_eq!(held["ok"]["connections"], 2, "beside the two that it had: {held}");
    let modest = runtime.install_puppet("modest", "mindfulness").await;
    runtime.open("modest").await;
    modest.creates().await;
    let mut operators = Vec::new();
    for _ in 0..12 {
        let mut client = runtime.client().await;
        client.call(&monitor::Status {}).await.unwrap();
        operators.push(client);
    }
    drop(operators);
    assert!(runtime.stop().success());
    let said = runtime.log().lines().filter(|line| line.contains("gets no further one")).count();
    assert_eq!(said, 1, "once:\n{}", runtime.log());
}

#[tokio::test]
async fn an_app_knows_nothing_of_another_apps_session() {
    let mut runtime = Runtime::start(&[]).await;
    let one = runtime.install_puppet("one", "physical-therapy").await;
    let other = runtime.install_puppet("other", "physical-therapy").await;
    runtime.open("one").await;
    let session = one.creates().await;
    one.does(&format!("start {session}")).await;
    runtime.open("other").await;
    for order in ["invalidate", "start", "handled"] {
        let refused = other.does(&format!("{order} {session}")).await;
        assert_eq!(refused["refused"]["error"], "io.carpus.Session.UnknownSession", "{order}: {refused}");
    }
    let running = runtime.ask(monitor::Sessions {}).await.sessions;
    assert_eq!((running[0].app.as_str(), running[0].session), ("one", session));
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn m3_a_bad_manifest_is_refused_with_line_and_key() {
    let mut runtime = Runtime::start(&[]).await;
    let folder = runtime.path("bad");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("app.toml"), "[app]\nid = \"bad\"\nnmae = \"Bad\"\n").unwrap();
    let install = apps::Install { folder: folder.display().to_string(), bluetooth: None };
    let refused = runtime.client().await.call(&install).await;
    let Err(CallError::Refused(apps::Error::BadManifest { path, line, key, .. })) = refused else {
        panic!("{refused:?}")
    };
    assert!(path.ends_with("app.toml"), "{path}");
    assert!(line.is_some() && key.is_some(), "{line:?} {key:?}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn an_app_that_is_removed_is_gone_with_its_process() {
    let mut runtime = Runtime::start(&[]).await;
    let puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    puppet.creates().await;
    let pid = runtime.pid_of("breathe").await.unwrap();
    runtime.ask(apps::Remove { app: "breathe".to_owned() }).await;
    assert!(runtime.ask(apps::List {}).await.apps.is_empty());
    runtime::eventually("its process ends", async || !std::path::Path::new(&format!("/proc/{pid}")).exists())
        .await;
    tokio::time::timeout(Duration::from_secs(60), async { runtime.ask(monitor::Status {}).await })
        .await
        .unwrap();
    assert!(runtime.stop().success());
}
