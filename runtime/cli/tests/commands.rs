//! The command as scripts meet it: what it prints, and its exit codes; against a stand-in that answers frames.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// What the stand-in does with a call.
enum Then {
    /// Answers these frames, and waits for the next call.
    Answer(Vec<String>),
    /// Answers these frames, and goes on with the last one until the client hangs up.
    Repeat(String),
}

/// A stand-in for carpusd.
struct Runtime {
    folder: tempfile::TempDir,
    calls: Arc<Mutex<Vec<String>>>,
}

impl Runtime {
    /// Listens, and answers each call by its method.
    fn start(then: impl Fn(&str) -> Then + Clone + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (then, seen) = (then.clone(), Arc::clone(&seen));
                thread::spawn(move || serve(client.unwrap(), &then, &seen));
            }
        });
        Self { folder, calls }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carpus"));
        command.arg("--socket").arg(self.socket()).args(arguments).env("TZ", "UTC");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The calls that came, as frames.
    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

fn serve(client: UnixStream, then: &dyn Fn(&str) -> Then, seen: &Mutex<Vec<String>>) {
    let mut writer = client.try_clone().unwrap();
    let mut reader = BufReader::new(client);
    loop {
        let mut frame = Vec::new();
        if reader.read_until(0, &mut frame).unwrap_or(0) == 0 {
            return;
        }
        frame.pop();
        let frame = String::from_utf8(frame).unwrap();
        let call: Value = serde_json::from_str(&frame).unwrap();
        seen.lock().unwrap().push(frame);
        match then(call["method"].as_str().unwrap()) {
            Then::Answer(frames) => frames.iter().for_each(|frame| write!(writer, "{frame}\0").unwrap()),
            Then::Repeat(frame) => while write!(writer, "{frame}\0").is_ok() {},
        }
    }
}

fn answer(frame: &str) -> impl Fn(&str) -> Then + Clone + Send + 'static {
    let frame = frame.to_owned();
    move |_| Then::Answer(vec![frame.clone()])
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

const APPS: &str = r#"{"parameters":{"apps":[{"app":"heart-rate","name":"Heart Rate","version":"0.1.0","modes":["mindfulness"],"state":"active","pid":42},{"app":"smart-alarm","name":"Smart Alarm","version":"0.1.0","modes":["alarm"],"state":"not-running","background_refresh":true,"scheduling":false}]}}"#;

#[test]
fn a_list_is_an_aligned_table() {
    let output = Runtime::start(answer(APPS)).run(&["app", "list"]);
    assert_eq!(
        stdout(&output),
        "APP          NAME         VERSION  STATE        PID  MODES\n\
         heart-rate   Heart Rate   0.1.0    active       42   mindfulness\n\
         smart-alarm  Smart Alarm  0.1.0    not-running  –    alarm        no scheduling\n"
    );
    assert_eq!(code(&output), 0);
}

#[test]
fn with_json_a_list_is_an_object_a_line() {
    let output = Runtime::start(answer(APPS)).run(&["--json", "app", "list"]);
    let objects: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["app"], "heart-rate");
    assert_eq!(objects[0]["pid"], 42);
    assert_eq!(objects[1].get("pid"), None);
}

#[test]
fn a_command_sends_what_it_says() {
    let runtime = Runtime::start(answer(r#"{"parameters":{}}"#));
    for (arguments, call) in [
        (vec!["app", "open", "x"], r#"{"method":"io.carpus.Apps.Open","parameters":{"app":"x"}}"#),
        (vec!["wrist", "up"], r#"{"method":"io.carpus.Wrist.Raise","parameters":{}}"#),
        (vec!["crown"], r#"{"method":"io.carpus.Wrist.Crown","parameters":{}}"#),
        (vec!["alarm", "stop"], r#"{"method":"io.carpus.Monitor.StopAlarm","parameters":{}}"#),
        (
            vec!["simulate", "drop", "C0:FF:EE:00:00:01", "--for", "1m30s"],
            r#"{"method":"io.carpus.Simulation.DropOut","parameters":{"device":"C0:FF:EE:00:00:01","for_ms":90000}}"#,
        ),
        (vec!["alarm", "snooze"], r#"{"method":"io.carpus.Monitor.SnoozeAlarm","parameters":{}}"#),
        (
            vec!["alarm", "snooze", "7", "--for", "9m"],
            r#"{"method":"io.carpus.Monitor.SnoozeAlarm","parameters":{"session":7,"for_ms":540000}}"#,
        ),
        (vec!["wrist", "cover"], r#"{"method":"io.carpus.Wrist.Cover","parameters":{}}"#),
        (
            vec!["simulate", "board", "--battery", "4", "--temperature", "-5"],
            r#"{"method":"io.carpus.Simulation.SetBoard","parameters":{"battery_percent":4,"temperature_mdegc":-5000}}"#,
        ),
        (
            vec!["simulate", "board", "--plugged"],
            r#"{"method":"io.carpus.Simulation.SetBoard","parameters":{"external_power":true}}"#,
        ),
        (
            vec!["simulate", "press", "crown"],
            r#"{"method":"io.carpus.Simulation.Press","parameters":{"button":"crown"}}"#,
        ),
    ] {
        let output = runtime.run(&arguments);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(runtime.calls().last().unwrap(), call);
    }
    assert_eq!(stdout(&runtime.run(&["--json", "wrist", "up"])), "{\"done\":true}\n");
}

#[test]
fn a5_n6_the_rights_of_an_app_are_changed_and_shown() {
    let runtime = Runtime::start(|method| {
        let done = r#"{"parameters":{}}"#;
        Then::Answer(vec![if method.ends_with(".List") { APPS.to_owned() } else { done.to_owned() }])
    });
    let output = runtime.run(&["app", "rights", "smart-alarm", "--scheduling", "off"]);
    assert_eq!(stdout(&output), "smart-alarm: background refresh is on, scheduling is off\n");
    let set =
        r#"{"method":"io.carpus.Apps.SetRights","parameters":{"app":"smart-alarm","scheduling":false}}"#;
    assert_eq!(runtime.calls().first().unwrap(), set);
    let output = runtime.run(&["--json", "app", "rights", "smart-alarm"]);
    let rights: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let shown = serde_json::json!({"app": "smart-alarm", "background_refresh": true, "scheduling": false, "bluetooth": []});
    assert_eq!(rights, shown);
    assert_eq!(runtime.calls().len(), 3, "looking changes nothing");
    let output = runtime.run(&["app", "rights", "nobody"]);
    assert_eq!(code(&output), 1);
    assert_eq!(
        stderr(&output),
        "carpus: there is no app nobody; `carpus app list` shows the installed ones\n"
    );
}

#[test]
fn a10_the_alarms_that_come_again_are_shown() {
    let recurrences = r#"{"parameters":{"recurrences":[{"app":"wake","rule":{"weekdays":["saturday","sunday"],"time":"08:30","zone":"Europe/Berlin"},"next_ms":1790000000000},{"app":"nap","rule":{"weekdays":["monday","tuesday","wednesday","thursday","friday","saturday","sunday"],"time":"13:00"}}]}}"#;
    let runtime = Runtime::start(answer(recurrences));
    assert_eq!(
        stdout(&runtime.run(&["alarm", "recurring"])),
        "APP   TIME   ZONE           DAYS             NEXT\n\
         wake  08:30  Europe/Berlin  saturday sunday  2026-09-21 14:13:20\n\
         nap   13:00  the board's    every day        –\n"
    );
    let output = runtime.run(&["alarm", "recurring", "--json"]);
    let first: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!(first["rule"]["weekdays"], serde_json::json!(["saturday", "sunday"]));
}

#[test]
fn n5_a_snooze_without_room_says_what_to_do() {
    let refused = r#"{"error":"io.carpus.Monitor.NoRoomToSnooze","parameters":{"left_ms":90000}}"#;
    let output = Runtime::start(answer(refused)).run(&["alarm", "snooze"]);
    assert_eq!(code(&output), 1);
    let said = "carpus: the alarm rings on: its time is over in 90 s; name a shorter time with --for, or stop it \
                with `carpus alarm stop`\n";
    assert_eq!(stderr(&output), said);
}

#[test]
fn an_app_is_installed_by_its_whole_path() {
    let reply =
        r#"{"parameters":{"app":{"app":"x","name":"X","version":"1","modes":[],"state":"not-running"}}}"#;
    let runtime = Runtime::start(answer(reply));
    let output = runtime.command(&["app", "install", "."]).current_dir("/").output().unwrap();
    assert_eq!(stdout(&output), "X 1 is installed; open it with `carpus app open x`\n");
    assert_eq!(runtime.calls(), [r#"{"method":"io.carpus.Apps.Install","parameters":{"folder":"/"}}"#]);
    let output = runtime.run(&["app", "install", "/nowhere"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("/nowhere"), "{}", stderr(&output));
}

#[test]
fn exit_code_3_without_a_daemon_with_what_to_do() {
    let output = Command::new(env!("CARGO_BIN_EXE_carpus"))
        .args(["status", "--socket", "/nowhere/s"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 3);
    let said = stderr(&output);
    assert!(said.starts_with("carpus: carpusd is not running at /nowhere/s; start it with "), "{said}");
    assert_eq!(stdout(&output), "");
}

#[test]
fn exit_code_1_when_refused_and_4_when_not_permitted() {
    let unknown = r#"{"error":"io.carpus.Apps.UnknownApp","parameters":{"app":"x"}}"#;
    let output = Runtime::start(answer(unknown)).run(&["app", "open", "x"]);
    assert_eq!(code(&output), 1);
    assert_eq!(stderr(&output), "carpus: there is no app x; `carpus app list` shows the installed ones\n");

    let no = r#"{"error":"io.carpus.Apps.NotPermitted","parameters":{"message":"apps may not open apps"}}"#;
    let output = Runtime::start(answer(no)).run(&["--json", "app", "open", "x"]);
    assert_eq!(code(&output), 4);
    let error: Value = serde_json::from_str(&stderr(&output)).unwrap();
    assert_eq!(error["error"]["kind"], "not-permitted");
    assert_eq!(error["error"]["message"], "apps may not open apps");
    assert_eq!(error["error"]["exit_code"], 4);
}

#[test]
fn exit_code_2_for_wrong_usage() {
    for arguments in [
        vec!["fly"],
        vec!["device", "scan", "--for", "soon"],
        vec!["simulate", "press", "knob"],
        vec!["simulate", "board"],
        vec!["simulate", "board", "--battery", "101"],
        vec!["simulate", "board", "--battery", "4", "--plugged"],
        vec!["app", "rights", "x", "--scheduling", "maybe"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_carpus")).args(&arguments).output().unwrap();
        assert_eq!(code(&output), 2, "{arguments:?}");
    }
}

const SAMPLE: &str = r#"{"parameters":{"event":{"time_ms":1790000000123,"event":"sample","device":"C0:FF:EE:00:00:01","bpm":61,"rr_1024":[1001]}},"continues":true}"#;

#[test]
fn events_are_told_until_the_stream_ends() {
    let last =
        r#"{"parameters":{"event":{"time_ms":1790000000999,"event":"haptic","app":"x","haptic":"click"}}}"#;
    let runtime = Runtime::start(move |_| Then::Answer(vec![SAMPLE.to_owned(), last.to_owned()]));
    let output = runtime.run(&["events"]);
    assert_eq!(
        stdout(&output),
        "14:13:20.123 sample          C0:FF:EE:00:00:01 61 bpm rr 978 ms\n\
         14:13:20.999 haptic          click x\n"
    );
    assert_eq!(code(&output), 0);
    let output = runtime.run(&["events", "--json"]);
    let first: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!(first["rr_1024"], serde_json::json!([1001]));
    assert_eq!(first["rr_ms"], serde_json::json!([977.539_062_5]));
}

/// A runtime with an app to install that asks for more than it has: installed once the call says what is granted.
fn runtime_that_asks() -> Runtime {
    let calls = Arc::new(AtomicUsize::new(0));
    Runtime::start(move |_| {
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        Then::Answer(vec![if first { NEEDED.to_owned() } else { INSTALLED.to_owned() }])
    })
}

const NEEDED: &str = r#"{"error":"io.carpus.Apps.ConsentNeeded","parameters":{"app":"heart-rate","name":"Heart Rate","version":"0.1.0","bluetooth":["heart-rate","battery"]}}"#;

const INSTALLED: &str = r#"{"parameters":{"app":{"app":"heart-rate","name":"Heart Rate","version":"0.1.0","modes":[],"state":"not-running","background_refresh":true,"scheduling":true,"bluetooth":[{"profile":"heart-rate","granted":true},{"profile":"battery","granted":false}]}}}"#;

/// The grants of each install that was called for.
fn grants(runtime: &Runtime) -> Vec<Value> {
    let calls = runtime.calls();
    let parse = |frame: &String| -> Value { serde_json::from_str(frame).unwrap() };
    calls.iter().map(|frame| parse(frame)["parameters"]["bluetooth"].clone()).collect()
}

#[test]
fn m5_without_a_terminal_and_without_a_flag_nothing_is_granted() {
    for json in [&[][..], &["--json"]] {
        let runtime = runtime_that_asks();
        let output = runtime
            .command(&[json, &["app", "install", "/tmp"]].concat())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(code(&output), 1);
        let said = stderr(&output);
        assert!(
            said.contains("Heart Rate 0.1.0 (heart-rate) asks to read the straps: heart-rate, battery"),
            "{said}"
        );
        assert!(said.contains("`--grant heart-rate,battery`"), "{said}");
        assert_eq!(grants(&runtime), [Value::Null]);
    }
}

#[test]
fn m5_a_script_grants_with_a_flag() {
    let runtime = runtime_that_asks();
    let output = runtime.run(&["app", "install", "/tmp", "--yes"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(grants(&runtime), [Value::Null, serde_json::json!(["heart-rate", "battery"])]);
    for (list, granted) in [("battery", serde_json::json!(["battery"])), ("none", serde_json::json!([]))] {
        let runtime = Runtime::start(answer(INSTALLED));
        let output = runtime.run(&["app", "install", "/tmp", "--grant", list]);
        assert_eq!(
            stdout(&output),
            "Heart Rate 0.1.0 is installed; open it with `carpus app open heart-rate`\n"
        );
        assert_eq!(grants(&runtime), [granted]);
    }
    let output = runtime.run(&["app", "install", "/tmp", "--grant", "glucose"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("the names are: heart-rate, battery; or none"), "{}", stderr(&output));
}

/// Runs an install on a terminal, and types this.
fn install_at_a_terminal(runtime: &Runtime, typed: &str) -> Output {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let mut keyboard = std::fs::File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
    let terminal = std::fs::File::options().read(true).write(true).open(name).unwrap();
    keyboard.write_all(typed.as_bytes()).unwrap();
    runtime.command(&["app", "install", "/tmp"]).stdin(terminal).output().unwrap()
}

#[test]
fn m5_on_a_terminal_the_person_is_asked_and_no_answer_is_a_no() {
    for typed in ["y\n", "Yes\n"] {
        let runtime = runtime_that_asks();
        let output = install_at_a_terminal(&runtime, typed);
        assert_eq!(
            stderr(&output),
            "Heart Rate 0.1.0 asks to be told\n  each heartbeat that your straps measure (heart-rate)\n  \
             which straps you have, and how full their batteries are (battery)\n\
             Install it, and grant that? [y/N] "
        );
        assert_eq!(code(&output), 0);
        assert_eq!(grants(&runtime), [Value::Null, serde_json::json!(["heart-rate", "battery"])]);
    }
    for typed in ["\n", "n\n", "yesterday\n", "\u{4}"] {
        let runtime = runtime_that_asks();
        let output = install_at_a_terminal(&runtime, typed);
        assert_eq!(code(&output), 1);
        assert!(
            stderr(&output).contains("Heart Rate 0.1.0 is not installed: you did not agree"),
            "{typed:?}"
        );
        assert_eq!(grants(&runtime), [Value::Null]);
    }
}

#[test]
fn m5_what_an_app_was_not_granted_is_shown_and_can_be_granted() {
    let apps = INSTALLED.replace(r#"{"app":{"#, r#"{"apps":[{"#).replace("]}}}", "]}]}}");
    let runtime = Runtime::start(move |method| {
        let done = r#"{"parameters":{}}"#;
        Then::Answer(vec![if method.ends_with(".List") { apps.clone() } else { done.to_owned() }])
    });
    assert!(stdout(&runtime.run(&["app", "list"])).ends_with("  no battery\n"));
    let output = runtime.run(&["app", "rights", "heart-rate", "--bluetooth", "none"]);
    assert_eq!(
        stdout(&output),
        "heart-rate: background refresh is on, scheduling is on, heart-rate is granted, battery is not granted\n"
    );
    assert_eq!(
        runtime.calls()[1],
        r#"{"method":"io.carpus.Apps.SetRights","parameters":{"app":"heart-rate","bluetooth":[]}}"#
    );
}

/// Starts a command that tells events without end, and reads its first line.
fn endless(runtime: &Runtime) -> (Child, BufReader<impl Read + use<>>) {
    let mut child =
        runtime.command(&["events"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("61 bpm"), "{line}");
    (child, reader)
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let runtime = Runtime::start(|_| Then::Repeat(SAMPLE.to_owned()));
    let (child, reader) = endless(&runtime);
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
}

#[test]
fn exit_code_130_when_interrupted() {
    let runtime = Runtime::start(|_| Then::Answer(vec![SAMPLE.to_owned()]));
    let (child, _reader) = endless(&runtime);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stderr(&output).as_str()), (130, ""));
}
