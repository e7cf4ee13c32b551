//! What the runtime makes of calls that are odd or wrong, and a client of answers that come late.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use carpus_protocol::client::{CallError, Client};
use carpus_protocol::{AnyCall, CallProblem, RawCall, session, wrist};
use serde_json::json;
use zlink::Connection;
use zlink::tokio::unix::Stream;

fn parse(frame: &str) -> Result<AnyCall, CallProblem> {
    serde_json::from_str::<RawCall>(frame).unwrap().try_into()
}

#[test]
fn a_call_without_parameters_may_leave_them_out() {
    let expected = AnyCall::Wrist(wrist::Call::Raise(wrist::Raise {}));
    for frame in [
        r#"{"method":"io.carpus.Wrist.Raise"}"#,
        r#"{"method":"io.carpus.Wrist.Raise","parameters":{}}"#,
        r#"{"method":"io.carpus.Wrist.Raise","parameters":null}"#,
    ] {
        assert_eq!(parse(frame).unwrap(), expected, "{frame}");
    }
}

#[test]
fn an_optional_parameter_may_be_null_or_left_out() {
    for parameters in [json!({}), json!({"session": null})] {
        let call = AnyCall::parse("io.carpus.Monitor.StopAlarm", Some(parameters)).unwrap();
        let expected = carpus_protocol::monitor::StopAlarm { session: None };
        assert_eq!(call, AnyCall::Monitor(carpus_protocol::monitor::Call::StopAlarm(expected)));
    }
}

/// The name of the parameter that a call is refused for.
fn refused_for(method: &str, parameters: serde_json::Value) -> String {
    match AnyCall::parse(method, Some(parameters)) {
        Err(CallProblem::InvalidParameter { parameter, .. }) => parameter,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_parameter_is_named() {
    let start_at = "io.carpus.Session.StartAt";
    assert_eq!(refused_for(start_at, json!({"session": 1})), "at_ms", "missing");
    assert_eq!(refused_for(start_at, json!({"session": "1", "at_ms": 2})), "session", "a string");
    assert_eq!(refused_for(start_at, json!({"session": 1, "at_ms": 2.5})), "at_ms", "a fraction");
    assert_eq!(refused_for(start_at, json!({"session": -1, "at_ms": 2})), "session", "negative");
    assert_eq!(refused_for(start_at, json!({"session": 1, "at_ms": 2, "at": 3})), "at", "unknown");
    assert_eq!(refused_for("io.carpus.Haptics.Play", json!({"haptic": "Click"})), "haptic", "no such name");
    let recurrence = "io.carpus.Session.SetRecurrence";
    assert_eq!(
        refused_for(recurrence, json!({"weekdays": ["mon"], "time": "07:30"})),
        "weekdays",
        "no such day"
    );
    assert_eq!(
        refused_for(recurrence, json!({"weekdays": ["monday"], "time": "24:00"})),
        "time",
        "no such time"
    );
    assert_eq!(refused_for(recurrence, json!({"weekdays": ["monday"], "time": 7})), "time", "a number");
    assert_eq!(refused_for("io.carpus.Session.Create", json!({"kind": "nap"})), "kind", "no such type");
    assert_eq!(refused_for("io.carpus.Wrist.Raise", json!([])), "parameters", "no object");
    assert_eq!(refused_for("io.carpus.Wrist.Raise", json!({"session": 1})), "session", "takes none");
}

#[test]
fn bad_input_a_time_that_is_no_number_of_milliseconds_is_refused_where_the_call_is_read() {
    for at_ms in ["\"NaN\"", "\"Infinity\"", "null", "true", "1e30", "0.5", "9223372036854775808", "[]"] {
        let frame = format!(
            r#"{{"method":"io.carpus.Session.StartAt","parameters":{{"session":1,"at_ms":{at_ms}}}}}"#
        );
        let refused = parse(&frame).unwrap_err();
        assert!(
            matches!(&refused, CallProblem::InvalidParameter { parameter, .. } if parameter == "at_ms"),
            "{at_ms}: {refused:?}"
        );
    }
    for at_ms in ["NaN", "Infinity", "-Infinity", "1e400", "0x10"] {
        let frame = format!(
            r#"{{"method":"io.carpus.Session.StartAt","parameters":{{"session":1,"at_ms":{at_ms}}}}}"#
        );
        assert!(serde_json::from_str::<RawCall>(&frame).is_err(), "{at_ms} is no JSON");
    }
    for at_ms in [i64::MIN, -1, 253_402_300_799_000, i64::MAX] {
        // Of these the rules decide.
        let parameters = json!({"session": 1, "at_ms": at_ms});
        assert!(AnyCall::parse("io.carpus.Session.StartAt", Some(parameters)).is_ok());
    }
}

#[test]
fn an_unknown_method_or_interface_is_named() {
    let no_method = CallProblem::MethodNotFound { method: "io.carpus.Wrist.Wave".to_owned() };
    assert_eq!(AnyCall::parse("io.carpus.Wrist.Wave", None), Err(no_method));
    for (method, interface) in [("io.carpus.Foot.Kick", "io.carpus.Foot"), ("Kick", ""), ("", ""), (".", "")]
    {
        let no_interface = CallProblem::InterfaceNotFound { interface: interface.to_owned() };
        assert_eq!(AnyCall::parse(method, None), Err(no_interface), "{method:?}");
    }
}

#[test]
fn a_later_runtime_may_tell_an_app_what_it_does_not_know_yet() {
    let event: session::AppEvent =
        serde_json::from_value(json!({"kind": "budget_warning", "session": 1, "used_ms": 5})).unwrap();
    assert_eq!(event, session::AppEvent::Other { kind: "budget_warning".to_owned() });
    let event: session::AppEvent = serde_json::from_value(json!({
        "kind": "did_invalidate", "session": 1, "reason": "error", "cause": {"name": "sun-flare", "size": 3},
        "error": {"code": 99, "name": "burnt"}, "message": "", "colour": "red",
    }))
    .unwrap();
    let session::AppEvent::DidInvalidate { cause, error, .. } = event else { panic!("{event:?}") };
    assert_eq!(cause.unwrap().name(), "sun-flare");
    assert_eq!(error.unwrap().error_code(), carpus_protocol::ErrorCode::Unknown);
}

#[test]
fn an_event_that_lacks_what_its_kind_needs_is_refused() {
    let error =
        serde_json::from_value::<session::AppEvent>(json!({"kind": "did_start", "session": 1})).unwrap_err();
    assert_eq!(error.to_string(), r#""did_start" without the member "expiration_ms""#);
}

#[test]
fn s8_error_codes_have_the_numbers_of_the_rules() {
    let names: Vec<_> =
        carpus_protocol::ErrorCode::ALL.iter().map(|code| format!("{} {code}", code.number())).collect();
    assert_eq!(
        names,
        [
            "1 unknown",
            "2 scheduled-too-far-in-advance",
            "3 must-be-active-to-start-or-schedule",
            "4 not-yet-started",
            "5 exceeded-resource-limits",
            "6 background-refresh-disabled",
            "7 not-approved-to-start-session",
            "8 not-approved-to-schedule",
            "9 must-be-active-to-prompt",
            "10 unsupported-session-type",
        ]
    );
}

#[test]
fn h1_haptics_have_the_numbers_of_the_rules() {
    use carpus_protocol::HapticType;
    assert_eq!(HapticType::Notification.number(), 0);
    assert_eq!(HapticType::Click.number(), 8);
    assert_eq!(HapticType::UnderwaterDepthCriticalPrompt.number(), 13);
}

#[tokio::test]
async fn a_call_that_was_dropped_does_not_mix_up_the_next_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let mut client = Client::connect(&path).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut server = Connection::new(Stream::try_from(stream).unwrap());

    tokio::select! {
        answer = client.call(&session::Start { session: 1 }) => panic!("{answer:?}"),
        call = server.receive_call::<RawCall>() => { call.unwrap(); }
    }
    server.send_error(&session::Error::UnknownSession { session: 1 }, vec![]).await.unwrap();
    let answer = async {
        server.receive_call::<RawCall>().await.unwrap();
        let reply = zlink::Reply::new(Some(session::CreateReply { session: 2 }));
        server.send_reply(&reply, vec![]).await.unwrap();
    };
    let (created, ()) = tokio::join!(client.call(&session::Create { kind: None }), answer);
    assert_eq!(created.unwrap().session, 2);

    drop(server);
    let gone = client.call(&session::Create { kind: None }).await;
    assert!(matches!(gone, Err(CallError::Disconnected)), "{gone:?}");
}

#[tokio::test]
async fn a_wrong_call_comes_back_as_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let mut client = Client::connect(&path).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let mut server = Connection::new(Stream::try_from(stream).unwrap());
    let problem = CallProblem::MethodNotFound { method: "io.carpus.Wrist.Raise".to_owned() };
    let answer = async {
        server.receive_call::<RawCall>().await.unwrap();
        server.send_error(&problem.reply(), vec![]).await.unwrap();
    };
    let (raised, ()) = tokio::join!(client.call(&wrist::Raise {}), answer);
    assert!(matches!(raised, Err(CallError::NotTaken(_))), "{raised:?}");
}
