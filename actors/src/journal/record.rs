//! How events and sessions are written: JSON, by mirrors of the core's types. The names here are those on disk: what
//! one version has written, each later one reads.

use carpus_core::session::{Cause, End, ErrorCode, ExitStatus, Reason};
use carpus_core::{
    AppEvent, AppId, AppState, RecordedPhase, SessionId, SessionKind, SessionRecord, WallTime,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is on disk cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadRecord {
    #[error("the text is not what this version writes")]
    Text(#[from] serde_json::Error),
    #[error(transparent)]
    App(#[from] carpus_core::app::BadAppId),
}

/// The text of a durable event; none for any other.
pub(super) fn of_event(event: &AppEvent) -> Option<String> {
    event.is_durable().then(|| to_text(|writer| StoredEvent::serialize(event, writer)))
}

pub(super) fn to_event(text: &str) -> Result<AppEvent, BadRecord> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let event = StoredEvent::deserialize(&mut reader)?;
    reader.end()?;
    Ok(event)
}

/// The text of a session, without its number and its app, which have columns of their own.
pub(super) fn of_session(record: &SessionRecord) -> String {
    let stored = StoredSession { kind: record.kind, phase: record.phase };
    to_text(|writer| stored.serialize(writer))
}

pub(super) fn to_session(session: SessionId, app: &str, text: &str) -> Result<SessionRecord, BadRecord> {
    let StoredSession { kind, phase } = serde_json::from_str(text)?;
    Ok(SessionRecord { session, app: AppId::parse(app)?, kind, phase })
}

type Writer<'a> = &'a mut serde_json::Serializer<&'a mut Vec<u8>>;

fn to_text(write: impl FnOnce(Writer<'_>) -> Result<(), serde_json::Error>) -> String {
    let mut text = Vec::new();
    write(&mut serde_json::Serializer::new(&mut text)).expect("the mirrors hold numbers and text only");
    String::from_utf8(text).expect("JSON is UTF-8")
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "AppEvent", tag = "kind", rename_all = "kebab-case")]
enum StoredEvent {
    #[serde(skip)]
    StateChanged { state: AppState },
    Handle {
        #[serde(with = "number")]
        session: SessionId,
        #[serde(rename = "expiration_ms", with = "unix_ms")]
        expiration: WallTime,
    },
    DidStart {
        #[serde(with = "number")]
        session: SessionId,
        #[serde(rename = "expiration_ms", with = "unix_ms")]
        expiration: WallTime,
    },
    WillExpire {
        #[serde(with = "number")]
        session: SessionId,
        #[serde(rename = "remaining_us", with = "micros")]
        remaining: std::time::Duration,
    },
    DidInvalidate {
        #[serde(with = "number")]
        session: SessionId,
        #[serde(with = "StoredEnd")]
        end: End,
    },
    #[serde(skip)]
    RepeatAsked { session: SessionId, played: u32 },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "End")]
struct StoredEnd {
    #[serde(with = "StoredReason")]
    reason: Reason,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "error_code")]
    error: Option<ErrorCode>,
    /// Missing where it was not told, in strict mode (S9).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "cause")]
    cause: Option<Cause>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Reason", rename_all = "kebab-case")]
enum StoredReason {
    None,
    SessionInProgress,
    Expired,
    ResignedFrontmost,
    SuppressedBySystem,
    Error,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Cause", rename_all = "kebab-case")]
enum StoredCause {
    AppInvalidated,
    UserStoppedAlarm,
    LimitReached,
    Crown,
    OtherApp(#[serde(with = "app_id")] AppId),
    Covered,
    LowBattery,
    Overheated,
    CpuBudgetSpent {
        #[serde(rename = "used_us", with = "micros")]
        used: std::time::Duration,
        #[serde(rename = "limit_us", with = "micros")]
        limit: std::time::Duration,
        #[serde(rename = "window_us", with = "micros")]
        window: std::time::Duration,
    },
    AppExited(#[serde(with = "StoredExit")] ExitStatus),
    NoDelegate,
    ScheduledInPast,
    MissedWhileOff,
    DisabledByUser,
    Refused,
    NotSaved,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ExitStatus", rename_all = "kebab-case")]
enum StoredExit {
    Code(i32),
    Signal(i32),
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    #[serde(with = "StoredKind")]
    kind: SessionKind,
    #[serde(flatten, with = "StoredPhase")]
    phase: RecordedPhase,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "SessionKind", rename_all = "kebab-case")]
enum StoredKind {
    SelfCare,
    Mindfulness,
    PhysicalTherapy,
    Alarm,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RecordedPhase", tag = "phase", rename_all = "kebab-case")]
enum StoredPhase {
    Scheduled {
        #[serde(rename = "at_ms", with = "unix_ms")]
        at: WallTime,
        /// Missing where no recurrence made it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        recurring: bool,
    },
    Running {
        #[serde(rename = "since_ms", with = "unix_ms")]
        since: WallTime,
        #[serde(rename = "expiration_ms", with = "unix_ms")]
        expiration: WallTime,
        scheduled: bool,
        /// Missing in what the first version wrote.
        #[serde(default)]
        rang: bool,
    },
    Fallback {
        #[serde(rename = "at_ms", with = "unix_ms")]
        at: WallTime,
        #[serde(rename = "until_ms", with = "unix_ms")]
        until: WallTime,
    },
}

mod cause {
    use super::{Cause, Deserialize, Deserializer, Serialize, Serializer, StoredCause};

    #[derive(Serialize, Deserialize)]
    struct Stored(#[serde(with = "StoredCause")] Cause);

    #[expect(clippy::ref_option, reason = "the shape that serde calls")]
    pub(super) fn serialize<S: Serializer>(cause: &Option<Cause>, writer: S) -> Result<S::Ok, S::Error> {
        cause.clone().map(Stored).serialize(writer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Cause>, D::Error> {
        Ok(Option::<Stored>::deserialize(reader)?.map(|Stored(cause)| cause))
    }
}

mod number {
    use super::{Deserialize, Deserializer, Serializer, SessionId};

    pub(super) fn serialize<S: Serializer>(session: &SessionId, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_u64(session.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<SessionId, D::Error> {
        u64::deserialize(reader).map(SessionId)
    }
}

mod unix_ms {
    use super::{Deserialize, Deserializer, Serializer, WallTime};

    pub(super) fn serialize<S: Serializer>(time: &WallTime, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_i64(time.unix_ms())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<WallTime, D::Error> {
        i64::deserialize(reader).map(WallTime::from_unix_ms)
    }
}

mod micros {
    use std::time::Duration;

    use super::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_u64(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Duration, D::Error> {
        u64::deserialize(reader).map(Duration::from_micros)
    }
}

mod app_id {
    use serde::de::Error;

    use super::{AppId, Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(app: &AppId, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(app.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<AppId, D::Error> {
        AppId::parse(&String::deserialize(reader)?).map_err(D::Error::custom)
    }
}

mod error_code {
    use serde::Serialize;
    use serde::de::Error;

    use super::{Deserialize, Deserializer, ErrorCode, Serializer};

    #[expect(clippy::ref_option, reason = "the shape that serde calls")]
    pub(super) fn serialize<S: Serializer>(code: &Option<ErrorCode>, writer: S) -> Result<S::Ok, S::Error> {
        code.map(ErrorCode::number).serialize(writer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<ErrorCode>, D::Error> {
        let number = Option::<u8>::deserialize(reader)?;
        let known = |number| ErrorCode::ALL.into_iter().find(|code| code.number() == number);
        number
            .map(|number| known(number).ok_or_else(|| D::Error::custom(format!("no error code {number}"))))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
                record(
                    SessionKind::PhysicalTherapy,
                    RecordedPhase::Running {
                        since: WallTime::from_unix_ms(-1),
                        expiration: WallTime::from_unix_ms(9),
                        scheduled: false,
                        rang: false,
                    },
                ),
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
        let running =
            |rang| RecordedPhase::Running { since: at(-1), expiration: at(9), scheduled: true, rang };
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
                running(false),
                r#"{"kind":"alarm","phase":"running","since_ms":-1,"expiration_ms":9,"scheduled":true,"rang":false}"#,
            ),
            (
                running(true),
                r#"{"kind":"alarm","phase":"running","since_ms":-1,"expiration_ms":9,"scheduled":true,"rang":true}"#,
            ),
            (
                RecordedPhase::Fallback { at: at(7), until: at(8) },
                r#"{"kind":"alarm","phase":"fallback","at_ms":7,"until_ms":8}"#,
            ),
        ];
        for (phase, text) in golden {
            let record = record(SessionKind::Alarm, phase);
            assert_eq!(of_session(&record), text);
            assert_eq!(to_session(S, "heart-rate", text).unwrap(), record);
        }
        for kind in SessionKind::ALL {
            let text = of_session(&record(
                kind,
                RecordedPhase::Scheduled { at: WallTime::default(), recurring: false },
            ));
            assert!(text.contains(&format!(r#""kind":"{}""#, kind.name())), "{text}");
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
}
