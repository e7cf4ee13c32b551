//! How events and sessions are written: JSON, by mirrors of the core's types. The names here are those on disk: what
//! one version has written, each later one reads.

mod phase;
#[cfg(test)]
mod tests;

use carpus_core::session::{Cause, End, ErrorCode, ExitStatus, Reason};
use carpus_core::{
    AppEvent, AppId, AppState, RecordedPhase, SessionId, SessionKind, SessionRecord, WallTime,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::phase::StoredPhase;

/// What is on disk cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadRecord {
    #[error("the text is not what this version writes")]
    Text(#[from] serde_json::Error),
    #[error(transparent)]
    App(#[from] carpus_core::app::BadAppId),
    #[error(transparent)]
    Device(#[from] carpus_devices::bluetooth::BadDeviceId),
    #[error("the column holds no text")]
    NoText(#[source] rusqlite::types::FromSqlError),
    #[error("the row cannot be read")]
    Row(#[from] rusqlite::Error),
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
