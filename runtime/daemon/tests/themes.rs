//! A user's theme end to end: its patterns reach the motor and the speaker, and a broken one keeps nothing from running.

mod runtime;

use std::fs;

use carpus_protocol::monitor::Status;
use runtime::{Runtime, eventually};
use serde_json::Value;

const THEME: &str = r#"[click]
steps = [ { strength = "35%", length = "45ms", pause = "60ms" }, { strength = "70%", length = "55ms" } ]
tones = [ { frequency_hz = 440, length = "65ms" } ]
"#;

/// What a simulated device was told to begin, whole lines only.
fn told(runtime: &Runtime, device: &str) -> Vec<Value> {
    let text = fs::read_to_string(runtime.path("state/simulated").join(device)).unwrap_or_default();
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let lines = whole.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record is JSON"));
    lines.filter(|line| line["event"] != "stop").collect()
}

/// A runtime with this text as its theme, in which an app has played a click.
async fn clicked(theme: &str) -> Runtime {
    let mut runtime = Runtime::start(&[]).await;
    assert!(runtime.stop().success());
    fs::write(runtime.path("theme.toml"), theme).expect("a theme");
    let settings = format!("[haptics]\ntheme = \"{}\"\n", runtime.path("theme.toml").display());
    fs::write(runtime.path("config/board.toml"), settings).expect("settings");
    runtime.launch().await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    puppet.is_told("state_changed").await;
    assert!(puppet.does("play").await["ok"].is_object());
    runtime
}

#[tokio::test]
async fn h1_a_users_theme_is_felt_and_heard() {
    let mut runtime = clicked(THEME).await;
    eventually("the motor and the speaker were told all of it", async || {
        told(&runtime, "motor.jsonl").len() == 2 && told(&runtime, "speaker.jsonl").len() == 1
    })
    .await;
    let steps: Vec<(Value, Value)> = told(&runtime, "motor.jsonl")
        .into_iter()
        .map(|line| (line["strength_percent"].clone(), line["length_ms"].clone()))
        .collect();
    assert_eq!(steps, [(35.into(), 45.into()), (70.into(), 55.into())]);
    let notes = &told(&runtime, "speaker.jsonl")[0]["notes"];
    assert_eq!((notes[0]["frequency_hz"].as_f64(), &notes[0]["length_ms"]), (Some(440.0), &65.into()));
    assert_eq!(runtime.ask(Status {}).await.problems.len(), 0);
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn h1_a_broken_theme_is_told_with_its_place_and_the_built_in_one_plays() {
    let mut runtime = clicked(&THEME.replace("35%", "0%")).await;
    eventually("the motor was told something", async || !told(&runtime, "motor.jsonl").is_empty()).await;
    let step = &told(&runtime, "motor.jsonl")[0];
    assert_eq!((&step["strength_percent"], &step["length_ms"]), (&80.into(), &40.into()));
    let problems = runtime.ask(Status {}).await.problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    let place = format!("{}:2:13: click.steps.strength: ", runtime.path("theme.toml").display());
    assert_eq!(problems[0].part, "theme");
    assert_eq!(problems[0].what, format!("{place}\"0%\" is out of range; allowed is 1% to 100%"));
    assert!(problems[0].remedy.contains("built-in theme"), "{}", problems[0].remedy);
    assert!(runtime.stop().success());
    let told_in_log = runtime.log().lines().filter(|line| line.contains(&place)).count();
    assert_eq!(told_in_log, 1, "once");
}
