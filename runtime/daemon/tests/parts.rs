//! Parts of the runtime that fail: each is replaced, what stands goes on standing, and where it does not help the runtime
//! gives up.

mod runtime;

use std::os::unix::net::UnixDatagram;

use carpus_protocol::SessionState;
use carpus_protocol::monitor::{Alarm, Alarms, ChildState, Status};
use carpus_protocol::simulation::{Disk, DiskFault, Fail, FailHow};
use runtime::{Runtime, eventually, now_ms};

/// Hangs and floods are noticed within moments, and nothing is given up.
const QUICK: [&str; 6] = [
    "supervision.ping_interval=200ms",
    "supervision.ping_limit=1s",
    "supervision.flood_limit=5000",
    "supervision.backoff_min=10ms",
    "supervision.backoff_max=50ms",
    "supervision.intensity=1000",
];

const HOUR_MS: i64 = 3_600_000;

/// How often the part was started again; none while not every part is up.
async fn restarts_of(runtime: &Runtime, child: &str) -> Option<u64> {
    // The part that tells the status may be the one that fails.
    let children = runtime.client().await.call(&Status {}).await.ok()?.children?;
    let all_up = children.iter().all(|child| child.state == ChildState::Up);
    children.into_iter().find(|known| known.child == child && all_up).map(|known| known.restarts)
}

async fn fail(runtime: &Runtime, child: &str, how: FailHow) {
    let mut before = None;
    eventually("every part is up", async || {
        before = restarts_of(runtime, child).await;
        before.is_some()
    })
    .await;
    runtime.ask(Fail { child: child.to_owned(), how }).await;
    eventually(&format!("{child} is there again after it was to {how}"), async || {
        restarts_of(runtime, child).await > before
    })
    .await;
}

async fn has_alarm(runtime: &Runtime, session: u64) -> bool {
    let alarms = runtime.client().await.call(&Alarms {}).await;
    alarms.is_ok_and(|reply| has(&reply.alarms, session))
}

fn has(alarms: &[Alarm], session: u64) -> bool {
    alarms.iter().any(|alarm| alarm.session == session && alarm.state == SessionState::Scheduled)
}

fn assert_no_error(runtime: &Runtime) {
    let log = runtime.log();
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.is_empty(), "an ERROR is a bug of ours:\n{}", errors.join("\n"));
}

#[tokio::test]
async fn each_part_that_fails_in_any_way_is_replaced_and_alarms_stand() {
    let mut runtime = Runtime::start(&QUICK).await;
    let puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.schedules(now_ms() + HOUR_MS).await;
    let children = runtime.ask(Status {}).await.children.unwrap();
    let names: Vec<String> = children.into_iter().map(|child| child.child).collect();
    assert_eq!(names.len(), 11, "{names:?}");
    for name in &names {
        for how in FailHow::ALL {
            fail(&runtime, name, *how).await;
            assert!(has_alarm(&runtime, session).await, "after {name} was to {how}");
        }
    }
    let log = runtime.log();
    for why in [
        "panicked; it is",
        "stopped by itself; it is",
        "did not answer in time; it is",
        "sent too many messages; it is",
    ] {
        let told = log.lines().filter(|line| line.contains("WARN") && line.contains(why)).count();
        assert!(told >= names.len(), "{why}: {told}");
    }
    assert_no_error(&runtime);
    runtime.signal("-TERM");
    assert!(runtime.wait().success());
}

#[tokio::test]
async fn when_the_part_below_fails_the_one_that_rests_on_it_begins_anew_after_it() {
    let mut runtime = Runtime::start(&QUICK).await;
    fail(&runtime, "apps", FailHow::Stop).await;
    assert_eq!(restarts_of(&runtime, "watch").await, Some(0), "it was only stopped for the other");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_part_that_there_is_not_is_refused_with_those_that_there_are() {
    let mut runtime = Runtime::start(&[]).await;
    let call = Fail { child: "heart".to_owned(), how: FailHow::Panic };
    let refused = format!("{:?}", runtime.client().await.call(&call).await.unwrap_err());
    assert!(refused.contains("no part heart") && refused.contains("watch"), "{refused}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_part_that_fails_too_often_ends_the_runtime_with_70_and_the_next_one_has_all() {
    let settings =
        ["supervision.intensity=1", "supervision.backoff_min=10ms", "supervision.backoff_max=10ms"];
    let mut runtime = Runtime::start(&settings).await;
    let puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.schedules(now_ms() + HOUR_MS).await;
    fail(&runtime, "conditions", FailHow::Stop).await;
    runtime.ask(Fail { child: "conditions".to_owned(), how: FailHow::Stop }).await;
    assert_eq!(runtime.wait().code(), Some(70));
    assert_no_error(&runtime);
    assert!(runtime.log().contains("the runtime gives up"));

    runtime.launch().await;
    eventually("the alarm is there", async || has_alarm(&runtime, session).await).await;
    assert!(runtime.stop().success());
}

/// A card that takes two seconds for each write is slow, and not hung.
#[tokio::test]
async fn a_slow_disk_is_no_hang() {
    let settings = ["supervision.ping_interval=200ms", "supervision.ping_limit=6s"];
    let mut runtime = Runtime::start(&settings).await;
    let puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    runtime.ask(Disk { fault: DiskFault::Slow }).await;
    let session = puppet.schedules(now_ms() + HOUR_MS).await;
    assert!(has_alarm(&runtime, session).await);
    runtime.ask(Disk { fault: DiskFault::None }).await;
    assert_eq!(restarts_of(&runtime, "journal").await, Some(0));
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn systemd_is_told_again_and_again_that_all_parts_answer() {
    let folder = tempfile::tempdir().unwrap();
    let notify = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    notify.set_read_timeout(Some(runtime::PATIENCE)).unwrap();
    let mut runtime = Runtime::start(&[]).await;
    assert!(runtime.stop().success());
    let mut command = runtime.command();
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "1000000");
    let mut child = command.spawn().unwrap();
    let told = || {
        let mut text = [0; 256];
        let length = notify.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).trim().to_owned()
    };
    // The parts may have answered before the socket is served.
    let mut heard: Vec<String> = Vec::new();
    while heard.iter().filter(|line| *line == "WATCHDOG=1").count() < 5 {
        heard.push(told());
    }
    assert!(heard.iter().any(|line| line == "READY=1"), "{heard:?}");
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}
