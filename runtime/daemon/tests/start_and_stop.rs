//! How the runtime starts, what it refuses to start with, and how it ends.

mod runtime;

use std::fs;
use std::os::unix::net::UnixDatagram;

use runtime::Runtime;

#[tokio::test]
async fn it_tells_systemd_when_it_is_ready_and_ends_cleanly_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let notify = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    notify.set_read_timeout(Some(runtime::PATIENCE)).unwrap();
    let mut runtime = Runtime::start(&[]).await;
    runtime.stop();
    let mut command = runtime.command();
    let mut child = command.env("NOTIFY_SOCKET", folder.path().join("notify")).spawn().unwrap();
    let told = || {
        let mut text = [0; 256];
        let length = notify.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    assert!(told().starts_with("READY=1"));
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(told().starts_with("STOPPING=1"));
    assert!(child.wait().unwrap().success());
    assert!(!runtime.socket().exists());
}

#[tokio::test]
async fn apps_end_with_the_runtime() {
    let mut runtime = Runtime::start(&[]).await;
    let puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    puppet.creates().await;
    let pid = runtime.pid_of("breathe").await.unwrap();
    assert!(runtime.stop().success());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn s14_an_app_that_ends_with_the_runtime_did_not_crash() {
    let mut runtime = Runtime::start(&[]).await;
    let mut puppet = runtime.install_puppet("stretch", "physical-therapy").await;
    runtime.open("stretch").await;
    let session = puppet.creates().await;
    puppet.achieves(&format!("start {session}")).await;
    puppet.is_told("did_start").await;
    assert!(runtime.stop().success());
    let log = runtime.log();
    let (_, ending) = log.split_once("SIGTERM: ending").unwrap();
    assert!(!ending.contains("launched"), "{ending}");

    runtime.launch().await;
    runtime.open("stretch").await;
    let end = puppet.is_told("did_invalidate").await["event"].clone();
    assert_eq!((end["session"].as_u64(), end["cause"]["name"].as_str()), (Some(session), Some("app-exited")));
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_taken_socket_is_refused_and_left_alone() {
    let mut runtime = Runtime::start(&[]).await;
    let second = runtime::output_of(&mut runtime.command_on(&runtime.path("other"), &runtime.socket())).await;
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another carpusd listens on"), "{said}");
    runtime.ask(carpus_protocol::monitor::Status {}).await;
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_second_runtime_on_the_same_state_is_refused_and_the_first_runs_on() {
    let mut runtime = Runtime::start(&[]).await;
    for socket in [runtime.path("other.sock"), runtime.socket()] {
        let second = runtime::output_of(&mut runtime.command_on(&runtime.path("state"), &socket)).await;
        assert_eq!(second.status.code(), Some(1));
        let said = String::from_utf8_lossy(&second.stderr);
        assert!(said.contains("another carpusd uses the state in"), "{said}");
    }
    assert!(!runtime.path("other.sock").exists());
    runtime.ask(carpus_protocol::monitor::Status {}).await;
    runtime.signal("-KILL");
    runtime.wait();
    runtime.launch().await; // a runtime that was killed holds nothing
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn with_bluetooth_switched_off_a_known_strap_keeps_nothing_from_starting() {
    let mut runtime = Runtime::start(&[]).await;
    let strap = "C0:FF:EE:00:00:01".to_owned();
    runtime.ask(carpus_protocol::devices::Add { device: strap }).await;
    assert!(runtime.stop().success());
    fs::write(runtime.path("config/board.toml"), "[bluetooth]\nenabled = false\n").unwrap();
    runtime.launch().await;
    runtime.ask(carpus_protocol::monitor::Status {}).await;
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_state_of_a_newer_version_is_refused_and_not_touched() {
    let mut runtime = Runtime::start(&[]).await;
    assert!(runtime.stop().success());
    let path = runtime.path("state/state.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.pragma_update(None, "user_version", 9999).unwrap();
    drop(database);
    let before = fs::read(&path).unwrap();
    let refused = runtime::output_of(&mut runtime.command()).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("newer version"), "{said}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn wrong_settings_are_refused_with_their_place() {
    let mut runtime = Runtime::start(&[]).await;
    assert!(runtime.stop().success());
    fs::write(runtime.path("config/board.toml"), "[session]\nwill_expire_laed = \"30s\"\n").unwrap();
    let refused = runtime::output_of(&mut runtime.command()).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("board.toml:2") && said.contains("will_expire_lead"), "{said}");
}

#[tokio::test]
async fn without_an_adapter_a_motor_or_a_speaker_it_starts_says_so_and_runs_sessions() {
    let mut runtime = Runtime::start(&[]).await;
    assert!(runtime.stop().success());
    // The real devices of a machine that has none: no --simulate.
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_carpusd"))
        .env_clear()
        .env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
        .arg("--state")
        .arg(runtime.path("state"))
        .arg("--socket")
        .arg(runtime.socket())
        .arg("--config")
        .arg(runtime.path("config"))
        .args(["--set", "haptics.device=/nonexistent", "--set", "inputs.device=/nonexistent"])
        .args(["--set", "audio.device=nonexistent"])
        .stderr(fs::File::create(runtime.path("real.log")).unwrap())
        .spawn()
        .unwrap();
    runtime::eventually("it serves", async || {
        carpus_protocol::client::Client::connect(&runtime.socket()).await.is_ok()
    })
    .await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let session = puppet.creates().await;
    assert!(puppet.does(&format!("start {session}")).await["ok"].is_object());
    puppet.is_told("did_start").await;
    assert!(puppet.does("play").await["ok"].is_object()); // N8: no device is no error
    runtime::eventually("each missing part is told with its remedy", async || {
        let problems = runtime.ask(carpus_protocol::monitor::Status {}).await.problems;
        let mut parts: Vec<_> = problems.iter().map(|problem| problem.part.as_str()).collect();
        parts.retain(|part| *part != "clock"); // A8: what wakes the machine that tests is its own affair
        parts.sort_unstable();
        parts == ["bluetooth", "buttons", "motor", "speaker"] && problems.iter().all(|p| !p.remedy.is_empty())
    })
    .await;
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
    let log = fs::read_to_string(runtime.path("real.log")).unwrap();
    assert!(!log.contains("ERROR"), "{log}");
    for part in ["motor", "speaker", "bluetooth", "buttons"] {
        assert_eq!(
            log.lines().filter(|line| line.contains("WARN") && line.contains(part)).count(),
            1,
            "{part}:\n{log}"
        );
    }
}
