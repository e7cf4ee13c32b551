//! Strict mode, `compat.strict`: the runtime does as WatchKit does, and what the rules add is off.

mod runtime;

use carpus_protocol::client::CallError;
use carpus_protocol::{monitor, wrist};
use runtime::{Runtime, now_ms};
use serde_json::Value;

const STRICT: &str = "compat.strict=true";

fn is_not_offered(answer: &Value) -> bool {
    answer["refused"]["error"] == "io.carpus.Session.NotOffered"
}

#[tokio::test]
async fn s12_s9_only_did_invalidate_tells_of_a_start_that_failed_and_no_cause() {
    let mut runtime = Runtime::start(&[STRICT, "session.mindfulness_limit=2s"]).await;
    let mut puppet = runtime.install_puppet("breathe", "mindfulness").await;
    runtime.open("breathe").await;
    runtime.ask(wrist::Lower {}).await;
    let session = puppet.creates().await;
    puppet.achieves(&format!("start {session}")).await;
    let told = puppet.is_told("did_invalidate").await;
    assert_eq!(told["event"]["session"], session);
    assert_eq!(told["event"]["error"]["code"], 3);
    assert_eq!(told["event"].get("cause"), None, "{told}");
    runtime.ask(wrist::Raise {}).await;
    let session = puppet.creates().await;
    let before = now_ms();
    puppet.achieves(&format!("start {session}")).await;
    let expiration_ms = puppet.is_told("did_start").await["event"]["expiration_ms"].as_i64().unwrap();
    assert!(expiration_ms >= before + 3_600_000, "T5: an hour, whatever the settings say");
    runtime.ask(wrist::Crown {}).await;
    let told = puppet.is_told("did_invalidate").await;
    assert_eq!((&told["event"]["reason"], told["event"].get("cause")), (&"resigned-frontmost".into(), None));
    assert!(!told["event"]["message"].as_str().unwrap().contains("crown"), "{told}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn s11_a3_a10_m4_what_watchkit_has_not_is_not_offered() {
    let mut runtime = Runtime::start(&[STRICT]).await;
    let puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.creates().await;
    for order in [
        "can_start".to_owned(),
        format!("replace {session} {}", now_ms() + 3_600_000),
        "set_recurrence 07:30 UTC monday".to_owned(),
    ] {
        let answer = puppet.does(&order).await;
        assert!(is_not_offered(&answer), "{order}: {answer}");
    }
    let refused = puppet.does("create alarm").await;
    assert_eq!(refused["refused"]["parameters"]["code"], 10, "M4: {refused}");
    puppet.achieves(&format!("notify {session} 500")).await; // N1: ignored silently
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn n5_there_is_no_snooze() {
    let mut runtime = Runtime::start(&[STRICT]).await;
    let mut puppet = runtime.install_puppet("wake", "alarm").await;
    runtime.open("wake").await;
    let session = puppet.has_an_alarm().await;
    runtime.ask(wrist::Lower {}).await;
    let mut events = runtime.events().await;
    puppet.achieves(&format!("notify {session} 200")).await;
    events.next("alert_shown").await;
    let refused = runtime.client().await.call(&monitor::SnoozeAlarm { session: None, for_ms: None }).await;
    let Err(CallError::Refused(monitor::Error::NotOffered { message })) = refused else {
        panic!("{refused:?}")
    };
    assert!(message.contains("compat.strict"), "{message}");
    events.next("haptic").await; // it rings on
    assert!(runtime.stop().success());
}
