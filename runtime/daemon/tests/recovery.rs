//! D2: apps outlive a runtime that is killed, and the next one takes them over. Real processes.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod runtime;

use std::fs;
use std::path::Path;

use carpus_protocol::{AppState, apps, wrist};
use runtime::{Runtime, eventually, output_of};

impl Runtime {
    async fn is_killed(&mut self) {
        self.signal("-KILL");
        self.wait();
    }

    async fn state_of(&self, app: &str) -> AppState {
        let list = self.ask(apps::List {}).await;
        list.apps.into_iter().find(|info| info.app == app).unwrap().state
    }

    async fn is_in_state(&self, app: &str, state: AppState) {
        eventually(&format!("{app} is {state:?}"), async || self.state_of(app).await == state).await;
    }
}

/// The state of a process in proc_pid_stat(5); none when it is gone or only its status is left.
fn process_state(pid: i64) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    (state != 'Z').then_some(state)
}

/// Whether a process is stopped, by a signal or by the freezer of its control group.
fn is_frozen(pid: i64) -> bool {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let path = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let events = |mount| fs::read_to_string(format!("{mount}{path}/cgroup.events")).unwrap_or_default();
    let in_group =
        ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].iter().any(|mount| events(mount).contains("frozen 1"));
    in_group || process_state(pid) == Some('T')
}

/// What the app was told at its start, of which nobody else may learn.
fn launch_token(pid: i64) -> String {
    let environment = String::from_utf8(fs::read(format!("/proc/{pid}/environ")).unwrap()).unwrap();
    let token = environment.split('\0').find_map(|variable| variable.strip_prefix("CARPUS_LAUNCH_TOKEN="));
    token.unwrap().to_owned()
}

#[tokio::test]
async fn d2_an_app_is_the_same_process_after_the_runtime_was_killed() {
    let mut runtime = Runtime::start(&[]).await;
    runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let pid = runtime.pid_of("breathe").await.unwrap();
    for _ in 0..2 {
        runtime.is_killed().await;
        assert!(process_state(pid).is_some(), "it outlives the runtime");
        runtime.launch().await;
        assert_eq!(runtime.pid_of("breathe").await, Some(pid));
    }
    assert!(runtime.stop().success());
    assert_eq!(process_state(pid), None, "in good order it ends with the runtime");
}

#[tokio::test]
async fn d2_l5_a_frozen_app_stays_frozen_while_the_runtime_is_away_and_when_it_is_back() {
    let mut runtime = Runtime::start(&["lifecycle.suspend_grace=0s"]).await;
    runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let pid = runtime.pid_of("breathe").await.unwrap();
    runtime.ask(wrist::Crown {}).await;
    runtime.is_in_state("breathe", AppState::Suspended).await;
    eventually("the kernel has stopped it", async || is_frozen(pid)).await;
    runtime.is_killed().await;
    assert!(is_frozen(pid));
    runtime.launch().await;
    assert_eq!(
        (runtime.pid_of("breathe").await, runtime.state_of("breathe").await),
        (Some(pid), AppState::Suspended)
    );
    assert!(is_frozen(pid));
    assert!(runtime.stop().success());
    assert_eq!(process_state(pid), None);
}

#[tokio::test]
async fn d2_an_app_that_was_not_written_down_is_not_left_behind() {
    let mut runtime = Runtime::start(&[]).await;
    runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    let pid = runtime.pid_of("breathe").await.unwrap();
    runtime.is_killed().await;
    // As if the kill had come between the launch and its note.
    fs::remove_file(runtime.path("carpus.sock.apps")).unwrap();
    runtime.launch().await;
    eventually("it is ended", async || process_state(pid).is_none()).await;
    assert_ne!(runtime.pid_of("breathe").await, Some(pid));
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn d2_an_app_that_ended_meanwhile_is_not_running() {
    let mut runtime = Runtime::start(&[]).await;
    let puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    puppet.creates().await;
    let pid = runtime.pid_of("breathe").await.unwrap();
    runtime.is_killed().await;
    let killed = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
    assert!(killed.success());
    eventually("it is gone", async || process_state(pid).is_none()).await;
    runtime.launch().await;
    assert_ne!(runtime.pid_of("breathe").await, Some(pid));
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn what_a_killed_runtime_left_is_ended_when_there_is_to_be_no_next_one() {
    let mut runtime = Runtime::start(&[]).await;
    let mut other = Runtime::start(&[]).await;
    for runtime in [&runtime, &other] {
        runtime.install_puppet("breathe", "mindfulness").await;
        runtime.open("breathe").await;
    }
    let (pid, others) = (runtime.pid_of("breathe").await.unwrap(), other.pid_of("breathe").await.unwrap());
    let early = output_of(runtime.command().arg("--end-apps")).await;
    assert!(!early.status.success(), "the runtime lives, and ends its apps itself");
    assert!(process_state(pid).is_some());
    runtime.is_killed().await;
    assert!(output_of(runtime.command().arg("--end-apps")).await.status.success());
    eventually("it is ended", async || process_state(pid).is_none()).await;
    assert!(process_state(others).is_some(), "another runtime's app runs on");
    runtime.launch().await;
    assert_eq!(runtime.pid_of("breathe").await, None);
    assert!(runtime.stop().success() && other.stop().success());
}

#[tokio::test]
async fn no_launch_token_is_in_a_log() {
    let mut runtime = Runtime::start_with_log(&[], "trace").await;
    let puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    puppet.creates().await;
    let pid = runtime.pid_of("breathe").await.unwrap();
    let token = launch_token(pid);
    assert!(token.len() >= 32, "{token}");
    runtime.is_killed().await;
    runtime.launch().await;
    assert_eq!(runtime.pid_of("breathe").await, Some(pid));
    assert!(runtime.stop().success());
    let log = runtime.log();
    assert!(log.contains("DEBUG") && log.contains("breathe"));
    assert!(!log.contains(&token), "the runtime's log");
    for entry in fs::read_dir(runtime.path("state/logs")).unwrap() {
        let path = entry.unwrap().path();
        assert!(!fs::read_to_string(&path).unwrap().contains(&token), "{}", path.display());
    }
    assert!(Path::new(&runtime.path("state/logs/breathe.log")).exists());
}
