//! One app attacks another, and the runtime: each attempt is refused, changes nothing, and leaves a line in the log.
//!
//! What the kernel has to refuse needs Landlock; where the kernel has none, those parts are passed over, and say so.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod runtime;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use carpus_protocol::{AnyCall, AppState, RawCall, apps, devices, monitor, session, simulation, wrist};
use runtime::{Puppet, Runtime, eventually};
use serde_json::{Value, json};

const STRAP: &str = "C0:FF:EE:00:00:01";

/// EPERM and EACCES (errno(3)).
const REFUSED: [i64; 2] = [1, 13];

/// A runtime with an app that minds its own business, and one that does not; each with the right to run beside others.
async fn beside_each_other(settings: &[&str]) -> (Runtime, Puppet, Puppet) {
    let runtime = Runtime::start(settings).await;
    let victim = runtime.install_puppet("victim", "physical-therapy").await;
    let intruder = runtime.install_intruder("intruder").await;
    runtime.open("victim").await;
    (runtime, victim, intruder)
}

fn frame(method: &str, parameters: &Value) -> String {
    json!({"method": method, "parameters": parameters}).to_string()
}

/// The lines of the log about the intruder that hold `words`.
fn lines(runtime: &Runtime, words: &str) -> Vec<String> {
    let log = runtime.log();
    let about = log.lines().filter(|line| line.contains("app=\"intruder\"") && line.contains(words));
    about.map(str::to_owned).collect()
}

/// Whether the kernel keeps apps apart here.
fn is_kept_apart(runtime: &Runtime) -> bool {
    let kept =
        runtime.log().contains("apart by Landlock") && !runtime.log().contains("not kept apart by Landlock");
    if !kept {
        eprintln!("passed over: this kernel has no Landlock");
    }
    kept
}

#[tokio::test]
async fn another_apps_session_is_out_of_reach_in_each_call() {
    let (mut runtime, mut victim, intruder) = beside_each_other(&[]).await;
    let session = victim.creates().await;
    victim.achieves(&format!("start {session}")).await;
    victim.is_told("did_start").await;
    runtime.open("intruder").await;
    let calls = [
        ("Start", json!({"session": session})),
        ("StartAt", json!({"session": session, "at_ms": runtime::now_ms() + 1000})),
        ("Replace", json!({"session": session, "at_ms": runtime::now_ms() + 1000})),
        ("Invalidate", json!({"session": session})),
        ("Handled", json!({"session": session})),
        ("NotifyUser", json!({"session": session, "haptic": "notification", "ask": false})),
        ("Repeat", json!({"session": session, "played": 1, "after_ms": 1000})),
        ("Info", json!({"session": session})),
    ];
    let with_a_session = session::INTROSPECTION.methods().filter(|method| {
        let mut inputs = method.inputs();
        inputs.any(|input| input.name().as_str() == "session")
    });
    assert_eq!(with_a_session.count(), calls.len(), "each call that names a session");
    for (method, parameters) in &calls {
        let method = format!("io.carpus.Session.{method}");
        let answer = intruder.does(&format!("call {}", frame(&method, parameters))).await;
        assert_eq!(answer["error"], "io.carpus.Session.UnknownSession", "{method}: {answer}");
        let never = json!({"session": session + 1000});
        let unknown = intruder.does(&format!("call {}", frame("io.carpus.Session.Info", &never))).await;
        assert_eq!(answer["error"], unknown["error"], "nor is it told that there is such a session");
    }
    let running = runtime.ask(monitor::Sessions {}).await.sessions;
    assert_eq!((running[0].app.as_str(), running[0].session), ("victim", session));
    assert_eq!(running[0].state.name(), "running");
    let said = lines(&runtime, "is none of its own");
    assert_eq!(said.len(), 2, "the first and the tenth: {said:#?}");
    assert!(said[0].contains(&format!("refused io.carpus.Session.Start: session {session}")), "{}", said[0]);
    assert!(runtime.stop().success());
}

fn token_of(pid: i64) -> String {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let mut variables = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    variables.find_map(|variable| variable.strip_prefix("CARPUS_LAUNCH_TOKEN=").map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn a_launch_token_that_is_guessed_or_stolen_opens_nothing() {
    let (mut runtime, _victim, intruder) = beside_each_other(&[]).await;
    runtime.open("intruder").await;
    let stolen = token_of(runtime.pid_of("victim").await.unwrap());
    let own = token_of(runtime.pid_of("intruder").await.unwrap());
    for token in [stolen.as_str(), &stolen[..stolen.len() - 1], "", &"0".repeat(stolen.len())] {
        let answer = intruder.does(&format!("attach {token}")).await;
        assert_eq!(answer["attached"]["error"], "io.carpus.Session.BadToken", "{answer}");
        assert_eq!(answer["created"]["error"], "io.carpus.Session.NotAttached", "{answer}");
    }
    let answer = intruder.does(&format!("attach {own}")).await;
    assert_eq!(answer["attached"]["parameters"]["app"], "intruder", "{answer}");
    assert_eq!(lines(&runtime, "launch token that it shows is not its own").len(), 1);
    // Nor does the intruder's token serve an operator, or an app of before.
    runtime.ask(apps::Close { app: "intruder".to_owned() }).await;
    eventually("it is closed", async || runtime.pid_of("intruder").await.is_none()).await;
    let late = runtime.client().await.call(&session::Attach { token: own.clone() }).await;
    assert!(late.is_err());
    assert!(!runtime.log().contains(&stolen) && !runtime.log().contains(&own));
    assert!(runtime.stop().success());
}

/// Parameters that a method takes.
fn parameters(method: &zlink::idl::Method<'_>) -> Value {
    let needed = method.inputs().filter(|input| input.ty().as_optional().is_none());
    let value = |input: &zlink::idl::Field<'_>| match input.name().as_str() {
        "device" => json!(STRAP),
        "button" => json!("crown"),
        "folder" => json!("/tmp"),
        "follow" => json!(false),
        "app" => json!("victim"),
        "fault" => json!("none"),
        "child" => json!("monitor"),
        "how" => json!("stop"),
        _ => json!(1),
    };
    needed
        .map(|input| (input.name().as_str().to_owned(), value(input)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A frame for each method of an interface, as a caller writes it.
fn every_call(interface: &zlink::idl::Interface<'_>) -> Vec<(String, String)> {
    let frame = |method: &zlink::idl::Method<'_>| {
        let name = format!("{}.{}", interface.name(), method.name());
        let parameters = parameters(method);
        let raw = RawCall { method: name.clone(), parameters: Some(parameters.clone()) };
        let call = AnyCall::try_from(raw).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let frame = json!({"method": name, "parameters": parameters, "more": call.streams()});
        (name, frame.to_string())
    };
    interface.methods().map(frame).collect()
}

#[tokio::test]
async fn no_call_for_operators_is_taken_from_an_app() {
    let (mut runtime, _victim, intruder) = beside_each_other(&[]).await;
    runtime.open("intruder").await;
    let before = runtime.ask(monitor::Status {}).await;
    let interfaces = [
        apps::INTROSPECTION,
        devices::INTROSPECTION,
        wrist::INTROSPECTION,
        monitor::INTROSPECTION,
        simulation::INTROSPECTION,
    ];
    for interface in interfaces {
        for (method, frame) in every_call(interface) {
            for connection in ["call", "raw"] {
                let answer = intruder.does(&format!("{connection} {frame}")).await;
                assert_eq!(
                    answer["error"],
                    format!("{}.NotPermitted", interface.name()),
                    "{method}: {answer}"
                );
            }
        }
        let said = lines(&runtime, &format!("refused {}.", interface.name()));
        assert!((1..=2).contains(&said.len()), "once, and at the tenth: {said:#?}");
    }
    let states = runtime.ask(apps::List {}).await.apps;
    let state = |app: &str| states.iter().find(|info| info.app == app).unwrap().state;
    assert_eq!(state("intruder"), AppState::Active);
    assert_ne!(state("victim"), AppState::NotRunning);
    assert!(runtime.ask(wrist::State {}).await.screen_on);
    assert_eq!(runtime.ask(monitor::Status {}).await, before);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn another_apps_events_are_neither_told_nor_acknowledged() {
    let (mut runtime, mut victim, intruder) = beside_each_other(&[]).await;
    let session = victim.creates().await;
    victim.achieves(&format!("start {session}")).await;
    victim.achieves(&format!("invalidate {session}")).await;
    victim.is_told("did_invalidate").await;
    runtime.open("intruder").await;
    let all = frame("io.carpus.Session.Acknowledge", &json!({"sequence": 1_000_000}));
    intruder.does(&format!("call {all}")).await;
    assert!(
        !std::fs::read_to_string(runtime.path("state/logs/intruder.log")).unwrap().contains("did_invalidate")
    );
    // The victim has acknowledged nothing, so it is told again.
    runtime.ask(apps::Close { app: "victim".to_owned() }).await;
    eventually("it is closed", async || runtime.pid_of("victim").await.is_none()).await;
    runtime.open("victim").await;
    assert_eq!(victim.is_told("did_invalidate").await["event"]["session"], session);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn no_process_outside_the_app_is_signalled() {
    let (mut runtime, _victim, intruder) = beside_each_other(&[]).await;
    runtime.open("intruder").await;
    if is_kept_apart(&runtime) {
        let victim = runtime.pid_of("victim").await.unwrap();
        for pid in [victim, i64::from(runtime.pid()), i64::from(std::process::id())] {
            for signal in [9, 15, 18, 19] {
                let answer = intruder.does(&format!("signal {pid} {signal}")).await;
                assert!(is_refused(&answer), "signal {signal} to {pid}: {answer}");
            }
        }
        assert_eq!(runtime.pid_of("victim").await, Some(victim));
    }
    assert!(runtime.stop().success());
}

fn is_refused(answer: &Value) -> bool {
    answer["errno"].as_i64().is_some_and(|number| REFUSED.contains(&number))
}

async fn assert_refused(intruder: &Puppet, orders: &[&str], path: &Path) {
    assert!(path.exists(), "{} is there to be reached for", path.display());
    for order in orders {
        let answer = intruder.does(&format!("{order} {}", path.display())).await;
        assert!(is_refused(&answer), "{order} {}: {answer}", path.display());
    }
}

#[tokio::test]
async fn no_file_but_its_own_is_read_or_written() {
    let (mut runtime, _victim, intruder) = beside_each_other(&[]).await;
    runtime.open("intruder").await;
    if is_kept_apart(&runtime) {
        let state = runtime.path("state");
        std::fs::write(state.join("data/victim/secret"), "secret").unwrap();
        let victim = runtime.pid_of("victim").await.unwrap();
        let files = [
            state.join("data/victim/secret"),
            state.join("data/victim/strings.sock"),
            state.join("logs/victim.log"),
            state.join("apps/victim/app.toml"),
            state.join("state.db"),
            runtime.path("carpusd.log"),
            format!("/proc/{victim}/environ").into(),
            format!("/proc/{victim}/mem").into(),
            format!("/proc/{}/environ", runtime.pid()).into(),
            format!("/proc/{}/mem", runtime.pid()).into(),
            "/proc/1/environ".into(),
            "/dev/kmsg".into(),
        ];
        let beside_the_socket = std::fs::read_dir(runtime.path("")).unwrap();
        let boot_files = beside_the_socket.map(|entry| entry.unwrap().path()).filter(|path| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"carpus.sock."))
        });
        for file in files.into_iter().chain(boot_files).filter(|file| file.exists()) {
            assert_refused(&intruder, &["read", "write"], &file).await;
        }
        for folder in ["data", "data/victim", "logs", "apps", "apps/victim", ""] {
            assert_refused(&intruder, &["list"], &state.join(folder)).await;
            let inside = state.join(folder).join("planted");
            let answer = intruder.does(&format!("create {}", inside.display())).await;
            assert!(is_refused(&answer) && !inside.exists(), "{}: {answer}", inside.display());
        }
        assert_refused(&intruder, &["remove"], &state.join("data/victim/secret")).await;
        assert_refused(&intruder, &["read", "remove", "run"], &state.join("apps/victim/puppet")).await;
        own_folders(&intruder, &state).await;
    }
    assert!(runtime.stop().success());
}

/// What it was installed as it may read and run, and not change: it would be another app at its next launch. Its data
/// it may change.
async fn own_folders(intruder: &Puppet, state: &Path) {
    let (installed, data) = (state.join("apps/intruder"), state.join("data/intruder"));
    assert_refused(intruder, &["write", "remove"], &installed.join("app.toml")).await;
    assert_refused(intruder, &["remove"], &installed.join("intruder")).await; // none writes to a program that runs
    let planted = installed.join("planted").display().to_string();
    assert!(is_refused(&intruder.does(&format!("create {planted}")).await));
    let manifest = intruder.does(&format!("read {}", installed.join("app.toml").display())).await;
    assert!(manifest["ok"].as_str().unwrap().contains("[app]"), "{manifest}");
    let own = data.join("notes").display().to_string();
    for order in ["create", "write", "read", "remove"] {
        let answer = intruder.does(&format!("{order} {own}")).await;
        assert!(!answer["ok"].is_null(), "{order}: {answer}");
    }
    // The log it has as its output; to open it anew would be to read and shorten it.
    assert_refused(intruder, &["read", "write"], &state.join("logs/intruder.log")).await;
}

#[tokio::test]
async fn no_device_is_opened() {
    const HARMLESS: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
    let (mut runtime, _victim, intruder) = beside_each_other(&[]).await;
    runtime.open("intruder").await;
    if is_kept_apart(&runtime) {
        let mut tried = 0;
        for folder in ["/dev", "/dev/input", "/dev/snd", "/dev/bus", "/dev/net"] {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for path in entries.map(|entry| entry.unwrap().path()) {
                use std::os::unix::fs::FileTypeExt as _;
                let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
                let name = path.file_name().unwrap().to_str().unwrap();
                if (kind.is_char_device() || kind.is_block_device()) && !HARMLESS.contains(&name) {
                    assert_refused(&intruder, &["read", "write"], &path).await;
                    tried += 1;
                }
            }
        }
        assert!(tried > 0, "a board has devices");
    }
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn no_abstract_socket_is_reached() {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};
    let (mut runtime, _victim, intruder) = beside_each_other(&[]).await;
    runtime.open("intruder").await;
    if is_kept_apart(&runtime) {
        let name = format!("carpus-test-{}", runtime.pid());
        let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let answer = intruder.does(&format!("abstract {name}")).await;
        assert!(is_refused(&answer), "{answer}");
    }
    assert!(runtime.stop().success());
}

/// A process that the app let loose, with two forks and sessions of its own and a clean environment.
#[tokio::test]
async fn a_process_that_an_app_lets_loose_may_do_nothing() {
    let (mut runtime, _victim, intruder) = beside_each_other(&[]).await;
    runtime.open("intruder").await;
    let answers = runtime.path("state/data/intruder");
    for (number, call) in ["Lower", "Crown"].into_iter().enumerate() {
        let file = answers.join(format!("answer-{number}"));
        let frame = frame(&format!("io.carpus.Wrist.{call}"), &json!({}));
        let answer = intruder.does(&format!("escape {} {frame}", file.display())).await;
        assert_eq!(answer["ok"], true, "{answer}");
        eventually("it calls", async || file.exists()).await;
        let answer: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(answer["error"], "io.carpus.Wrist.NotPermitted", "{answer}");
    }
    assert!(runtime.ask(wrist::State {}).await.screen_on);
    assert!(runtime.log().contains("refused io.carpus.Wrist.Lower"), "{}", runtime.log());
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn an_app_that_fills_the_runtime_is_cut_off_and_no_other() {
    let (mut runtime, victim, intruder) = beside_each_other(&["ipc.max_frame=4KiB"]).await;
    runtime.open("intruder").await;
    for _ in 0..3 {
        assert_eq!(intruder.does("bytes 8192").await["hung_up"], true);
    }
    let described = json!({"interface": "io.carpus.Session"});
    let describe = frame("org.varlink.service.GetInterfaceDescription", &described);
    let taken = intruder.does(&format!("unread 100000 {describe}")).await["taken"].as_u64().unwrap();
    assert!(taken < 100_000, "it is stuck when the answers are not read");
    victim.creates().await;
    runtime.ask(monitor::Status {}).await;
    eventually("it is cut off again", async || lines(&runtime, "was cut off").len() == 1).await;
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn an_app_that_calls_too_fast_is_slowed_down_and_no_other() {
    let settings = ["ipc.max_calls_per_second=1", "ipc.max_call_burst=8"];
    let (mut runtime, victim, intruder) = beside_each_other(&settings).await;
    runtime.open("intruder").await;
    // To connect, to show its token and to ask for its events were three; to connect once more and show it are two.
    let info = frame("io.carpus.Session.Info", &json!({"session": 1}));
    let at_the_limit = intruder.does(&format!("repeat 3 {info}")).await;
    assert_eq!(at_the_limit["answered"], 3, "{at_the_limit}");
    assert_eq!(lines(&runtime, "calls faster than it may"), Vec::<String>::new());
    let hasty = intruder.begins(&format!("repeat 1000 {info}"));
    eventually("it is slowed down", async || !lines(&runtime, "calls faster than it may").is_empty()).await;
    // It would take the intruder a quarter of an hour; the others wait for nothing.
    for _ in 0..3 {
        victim.creates().await;
        runtime.ask(monitor::Status {}).await;
    }
    assert!(runtime.stop().success());
    drop(hasty);
}

#[tokio::test]
async fn what_is_tried_again_and_again_is_logged_by_number() {
    let (mut runtime, _victim, intruder) = beside_each_other(&["ipc.max_call_burst=5000"]).await;
    runtime.open("intruder").await;
    let foreign = frame("io.carpus.Session.Invalidate", &json!({"session": 999}));
    assert_eq!(intruder.does(&format!("repeat 1000 {foreign}")).await["answered"], 1000);
    let said = lines(&runtime, "session 999 is none of its own");
    assert_eq!(said.len(), 4, "{said:#?}");
    assert!(said[3].contains("so far 1000 times"), "{}", said[3]);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    let mut runtime = Runtime::start_with_log(&[], "trace").await;
    let puppet = runtime.install_puppet("puppet", "physical-therapy").await;
    let intruder = runtime.install_intruder("intruder").await;
    let mut tokens = Vec::new();
    for (app, runs) in [("puppet", &puppet), ("intruder", &intruder)] {
        runtime.open(app).await;
        tokens.push(token_of(runtime.pid_of(app).await.unwrap()));
        runs.does("create").await;
    }
    intruder.does(&format!("attach {}", tokens[0])).await;
    intruder.does(&format!("attach {}", tokens[1])).await;
    intruder.does("bytes 100000").await;
    runtime.ask(apps::Close { app: "puppet".to_owned() }).await;
    assert!(runtime.stop().success());
    let log = runtime.log();
    assert!(log.contains("DEBUG"), "the log is talkative");
    for token in tokens {
        assert!(token.len() >= 16 && !log.contains(&token), "a launch token is in the log");
    }
    for app in ["puppet", "intruder"] {
        let log = std::fs::read_to_string(runtime.path(&format!("state/logs/{app}.log"))).unwrap();
        assert!(!log.contains("CARPUS_LAUNCH_TOKEN"), "{log}");
    }
}

/// The runtime's socket decides who operates: its user, and the members of its group.
#[tokio::test]
async fn who_is_neither_the_user_nor_in_the_group_cannot_connect() {
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65534;
    let mut runtime = Runtime::start(&[]).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&runtime.socket()), 0o660);
    assert_eq!(mode(&runtime.path("state")) & 0o077, 0, "what is kept is for the runtime's user alone");
    if rustix::process::geteuid().is_root() {
        std::fs::set_permissions(runtime.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
        let program = runtime.path("puppet");
        std::fs::copy(runtime::puppet_program(), &program).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let own_group = rustix::process::getegid().as_raw();
        let connects = |group| {
            let mut caller = std::process::Command::new(&program);
            caller.arg("shout").env("CARPUS_SOCKET", runtime.socket()).uid(NOBODY).gid(group);
            caller.output().unwrap()
        };
        let refused = connects(NOBODY);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("PermissionDenied"), "{said}");
        assert!(connects(own_group).status.success());
        // A member of the group operates: the wrist goes down.
        eventually("it is obeyed", async || !runtime.ask(wrist::State {}).await.screen_on).await;
    } else {
        eprintln!("passed over: only root can be another user");
    }
    assert!(runtime.stop().success());
}
