use std::time::Duration;

use carpus_core::watch::Repeat;
use carpus_core::{Haptic, RecordedFallback, RecordedRing};

use super::*;

const S: SessionId = SessionId(7);

fn invalidated(end: End) -> AppEvent {
    AppEvent::DidInvalidate { session: S, end }
}

fn ended_by(cause: Cause) -> AppEvent {
    invalidated(End::by(Reason::None, cause))
}

fn app() -> AppId {
    AppId::parse("heart-rate").unwrap()
}

/// What the versions before the third could say of a session that runs.
fn running(scheduled: bool, rang: bool) -> RecordedPhase {
    RecordedPhase::Running {
        since: WallTime::from_unix_ms(-1),
        expiration: WallTime::from_unix_ms(9),
        ends_at: Duration::ZERO,
        scheduled,
        rang,
        warned: false,
        handed: false,
        launch: 0,
        ring: None,
        fallback: None,
    }
}

/// What version 1 wrote. If this fails, do not change the text: make the reader accept both.
fn golden_events() -> Vec<(AppEvent, &'static str)> {
    let expiration = WallTime::from_unix_ms(1_700_000_000_123);
    vec![
        (
            AppEvent::Handle { session: S, expiration },
            r#"{"kind":"handle","session":7,"expiration_ms":1700000000123}"#,
        ),
        (
            AppEvent::DidStart { session: S, expiration },
            r#"{"kind":"did-start","session":7,"expiration_ms":1700000000123}"#,
        ),
        (
            AppEvent::WillExpire { session: S, remaining: Duration::from_millis(29_500) },
            r#"{"kind":"will-expire","session":7,"remaining_us":29500000}"#,
        ),
        (
            invalidated(End::by(Reason::Expired, Cause::LimitReached)),
            r#"{"kind":"did-invalidate","session":7,"end":{"reason":"expired","cause":"limit-reached"}}"#,
        ),
        (
            invalidated(End::with_error(ErrorCode::ScheduledTooFarInAdvance, Cause::Refused)),
            r#"{"kind":"did-invalidate","session":7,"end":{"reason":"error","error":2,"cause":"refused"}}"#,
        ),
        (
            ended_by(Cause::OtherApp(app())),
            r#"{"kind":"did-invalidate","session":7,"end":{"reason":"none","cause":{"other-app":"heart-rate"}}}"#,
        ),
        (
            ended_by(Cause::AppExited(ExitStatus::Signal(9))),
            r#"{"kind":"did-invalidate","session":7,"end":{"reason":"none","cause":{"app-exited":{"signal":9}}}}"#,
        ),
        (
            ended_by(Cause::AppExited(ExitStatus::Code(-1))),
            r#"{"kind":"did-invalidate","session":7,"end":{"reason":"none","cause":{"app-exited":{"code":-1}}}}"#,
        ),
        (
            ended_by(Cause::AppExited(ExitStatus::Unknown)),
            r#"{"kind":"did-invalidate","session":7,"end":{"reason":"none","cause":{"app-exited":"unknown"}}}"#,
        ),
        (
            ended_by(Cause::CpuBudgetSpent {
                used: Duration::from_micros(9_000_001),
                limit: Duration::from_secs(9),
                window: Duration::from_secs(60),
            }),
            r#"{"kind":"did-invalidate","session":7,"end":{"reason":"none","cause":{"cpu-budget-spent":{"used_us":9000001,"limit_us":9000000,"window_us":60000000}}}}"#,
        ),
    ]
}

#[test]
fn d1_events_are_written_and_read_as_version_1_did() {
    for (event, text) in golden_events() {
        assert_eq!(of_event(&event).as_deref(), Some(text));
        assert_eq!(to_event(text).unwrap(), event);
    }
}

#[test]
fn s7_s8_s9_each_reason_code_and_cause_is_written_by_its_name_and_read_back() {
    let reasons = [
        Reason::None,
        Reason::SessionInProgress,
        Reason::Expired,
        Reason::ResignedFrontmost,
        Reason::SuppressedBySystem,
        Reason::Error,
    ];
    for reason in reasons {
        let event = invalidated(End::by(reason, Cause::Crown));
        let text = of_event(&event).unwrap();
        assert!(text.contains(&format!(r#""reason":"{}""#, reason.name())), "{text}");
        assert_eq!(to_event(&text).unwrap(), event);
    }
    for code in ErrorCode::ALL {
        let event = invalidated(End::with_error(code, Cause::Refused));
        assert_eq!(to_event(&of_event(&event).unwrap()).unwrap(), event);
    }
    let causes = [
        Cause::AppInvalidated,
        Cause::UserStoppedAlarm,
        Cause::LimitReached,
        Cause::Crown,
        Cause::Covered,
        Cause::LowBattery,
        Cause::Overheated,
        Cause::NoDelegate,
        Cause::ScheduledInPast,
        Cause::MissedWhileOff,
        Cause::DisabledByUser,
        Cause::Refused,
        Cause::NotSaved,
    ];
    for cause in causes {
        let name = cause.name();
        let event = ended_by(cause);
        let text = of_event(&event).unwrap();
        assert!(text.contains(&format!(r#""cause":"{name}""#)), "{text}");
        assert_eq!(to_event(&text).unwrap(), event);
    }
}

#[test]
fn a6_sessions_that_version_1_wrote_are_read() {
    let record = |kind, phase| SessionRecord { session: S, app: app(), kind, phase };
    let golden = [
        (
            record(
                SessionKind::Alarm,
                RecordedPhase::Scheduled { at: WallTime::from_unix_ms(5), recurring: false },
            ),
            r#"{"kind":"alarm","phase":"scheduled","at_ms":5}"#,
        ),
        (
            record(SessionKind::PhysicalTherapy, running(false, false)),
            r#"{"kind":"physical-therapy","phase":"running","since_ms":-1,"expiration_ms":9,"scheduled":false}"#,
        ),
    ];
    for (record, text) in golden {
        assert_eq!(to_session(S, "heart-rate", text).unwrap(), record);
    }
}

/// What version 2 wrote. If this fails, do not change the text: make the reader accept both.
#[test]
fn a6_n7_sessions_are_written_and_read_as_version_2_did() {
    let record = |kind, phase| SessionRecord { session: S, app: app(), kind, phase };
    let at = WallTime::from_unix_ms;
    let golden = [
        (
            RecordedPhase::Scheduled { at: at(5), recurring: false },
            r#"{"kind":"alarm","phase":"scheduled","at_ms":5}"#,
        ),
        (
            RecordedPhase::Scheduled { at: at(5), recurring: true },
            r#"{"kind":"alarm","phase":"scheduled","at_ms":5,"recurring":true}"#,
        ),
        (
            running(true, false),
            r#"{"kind":"alarm","phase":"running","since_ms":-1,"expiration_ms":9,"scheduled":true,"rang":false}"#,
        ),
        (
            running(true, true),
            r#"{"kind":"alarm","phase":"running","since_ms":-1,"expiration_ms":9,"scheduled":true,"rang":true}"#,
        ),
        (
            RecordedPhase::Fallback(RecordedFallback {
                at: at(7),
                until: at(8),
                over_at: Duration::ZERO,
                snoozed_until: None,
            }),
            r#"{"kind":"alarm","phase":"fallback","at_ms":7,"until_ms":8}"#,
        ),
    ];
    for (phase, text) in golden {
        let record = record(SessionKind::Alarm, phase);
        assert_eq!(of_session(&record), text);
        assert_eq!(to_session(S, "heart-rate", text).unwrap(), record);
    }
    for kind in SessionKind::ALL {
        let text =
            of_session(&record(kind, RecordedPhase::Scheduled { at: WallTime::default(), recurring: false }));
        assert!(text.contains(&format!(r#""kind":"{}""#, kind.name())), "{text}");
    }
}

/// What version 3 wrote where version 2 could not. If this fails, do not change the text: make the reader accept both.
#[test]
fn d2_n7_sessions_are_written_and_read_as_version_3_did() {
    let at = WallTime::from_unix_ms;
    let owed =
        RecordedFallback { at: at(7), until: at(8), over_at: Duration::from_secs(70), snoozed_until: None };
    let ring = RecordedRing {
        haptic: Haptic::Notification,
        repeat: Repeat::EveryMs(1500),
        interval: Some(Duration::from_millis(1500)),
        played: 3,
        snoozed_until: Some(Duration::from_secs(90)),
    };
    let asked = RecordedRing { repeat: Repeat::Ask, interval: None, snoozed_until: None, ..ring };
    let full = |ring| RecordedPhase::Running {
        since: at(-1),
        expiration: at(9),
        ends_at: Duration::from_secs(60),
        scheduled: true,
        rang: true,
        warned: true,
        handed: true,
        launch: 4,
        ring: Some(ring),
        fallback: Some(RecordedFallback { snoozed_until: Some(at(9)), ..owed }),
    };
    let golden = [
        (
            RecordedPhase::Handed {
                since: at(-1),
                expiration: at(9),
                ends_at: Duration::from_secs(60),
                rang: false,
                launch: 3,
                fallback: Some(owed),
            },
            r#"{"kind":"alarm","phase":"handed","since_ms":-1,"expiration_ms":9,"ends_at_us":60000000,"rang":false,"launch":3,"fallback":{"at_ms":7,"until_ms":8,"over_at_us":70000000}}"#,
        ),
        (
            full(ring),
            r#"{"kind":"alarm","phase":"running","since_ms":-1,"expiration_ms":9,"ends_at_us":60000000,"scheduled":true,"rang":true,"warned":true,"handed":true,"launch":4,"ring":{"haptic":"notification","repeat":{"every-ms":1500},"interval_us":1500000,"played":3,"snoozed_until_us":90000000},"fallback":{"at_ms":7,"until_ms":8,"over_at_us":70000000,"snoozed_until_ms":9}}"#,
        ),
        (
            full(asked),
            r#"{"kind":"alarm","phase":"running","since_ms":-1,"expiration_ms":9,"ends_at_us":60000000,"scheduled":true,"rang":true,"warned":true,"handed":true,"launch":4,"ring":{"haptic":"notification","repeat":"ask","played":3},"fallback":{"at_ms":7,"until_ms":8,"over_at_us":70000000,"snoozed_until_ms":9}}"#,
        ),
        (
            RecordedPhase::Fallback(RecordedFallback { snoozed_until: Some(at(9)), ..owed }),
            r#"{"kind":"alarm","phase":"fallback","at_ms":7,"until_ms":8,"over_at_us":70000000,"snoozed_until_ms":9}"#,
        ),
    ];
    for (phase, text) in golden {
        let record = SessionRecord { session: S, app: app(), kind: SessionKind::Alarm, phase };
        assert_eq!(of_session(&record), text);
        assert_eq!(to_session(S, "heart-rate", text).unwrap(), record);
    }
    for haptic in Haptic::ALL {
        for repeat in [Repeat::Default, Repeat::Ask, Repeat::EveryMs(-1)] {
            let phase = full(RecordedRing { haptic, repeat, ..ring });
            let record = SessionRecord { session: S, app: app(), kind: SessionKind::Alarm, phase };
            assert_eq!(to_session(S, "heart-rate", &of_session(&record)).unwrap(), record);
        }
    }
}

/// What version 2 wrote; its other events are those of version 1.
#[test]
fn s9_an_end_whose_cause_is_not_told_is_written_and_read_without_one() {
    let text = r#"{"kind":"did-invalidate","session":7,"end":{"reason":"error","error":2}}"#;
    let end = End::with_error(ErrorCode::ScheduledTooFarInAdvance, Cause::Refused).without_cause();
    assert_eq!(of_event(&invalidated(end.clone())).as_deref(), Some(text));
    assert_eq!(to_event(text).unwrap(), invalidated(end));
}

#[test]
fn events_that_are_not_durable_are_not_written() {
    assert_eq!(of_event(&AppEvent::StateChanged { state: AppState::Active }), None);
    assert_eq!(of_event(&AppEvent::RepeatAsked { session: S, played: 1 }), None);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    for text in [
        "",
        "{}",
        "null",
        r#"{"kind":"state-changed","state":"active"}"#,
        r#"{"kind":"handle","session":-1,"expiration_ms":0}"#,
        r#"{"kind":"handle","session":1,"expiration_ms":0} x"#,
        r#"{"kind":"did-invalidate","session":7,"end":{"reason":"error","error":99,"cause":"refused"}}"#,
        r#"{"kind":"did-invalidate","session":7,"end":{"reason":"none","cause":{"other-app":"NOT AN ID"}}}"#,
    ] {
        assert!(to_event(text).is_err(), "{text}");
    }
    assert!(to_session(S, "NOT AN ID", r#"{"kind":"alarm","phase":"scheduled","at_ms":5}"#).is_err());
    assert!(to_session(S, "a", r#"{"kind":"nap","phase":"scheduled","at_ms":5}"#).is_err());
}
