//! The rules' types as the protocol's, and back.

use std::fmt::Debug;
use std::str::FromStr;

use carpus_core::session::{Cause, End, ErrorCode, ExitStatus, Reason};
use carpus_core::watch::{AlarmView, SessionView};
use carpus_core::{AppEvent, Haptic, SessionKind, WallTime};
use carpus_protocol as wire;
use carpus_protocol::monitor;
use carpus_protocol::session as wire_session;

/// The protocol's value of the same name. The rules and the wire use the same names; the tests hold them together.
pub(super) fn same_name<T: FromStr<Err: Debug>>(name: &str) -> T {
    name.parse().expect("the rules and the wire use the same names")
}

pub(super) fn haptic(haptic: wire::HapticType) -> Haptic {
    let same = |candidate: &&Haptic| candidate.name() == haptic.name();
    Haptic::ALL.iter().find(same).copied().expect("the rules and the wire use the same names")
}

pub(super) const fn session_kind(kind: wire::SessionKind) -> SessionKind {
    match kind {
        wire::SessionKind::SelfCare => SessionKind::SelfCare,
        wire::SessionKind::Mindfulness => SessionKind::Mindfulness,
        wire::SessionKind::PhysicalTherapy => SessionKind::PhysicalTherapy,
        wire::SessionKind::Alarm => SessionKind::Alarm,
    }
}

pub(super) fn session_error(code: ErrorCode) -> wire::SessionError {
    wire::SessionError { code: i64::from(code.number()), name: code.name().to_owned() }
}

pub(super) fn exit_status(status: ExitStatus) -> wire::ExitStatus {
    match status {
        ExitStatus::Code(code) => wire::ExitStatus::Code(i64::from(code)),
        ExitStatus::Signal(signal) => wire::ExitStatus::Signal(i64::from(signal)),
        ExitStatus::Unknown => wire::ExitStatus::Unknown,
    }
}

pub(super) fn cause(cause: &Cause) -> wire::Cause {
    match cause {
        Cause::AppInvalidated => wire::Cause::AppInvalidated,
        Cause::UserStoppedAlarm => wire::Cause::UserStoppedAlarm,
        Cause::LimitReached => wire::Cause::LimitReached,
        Cause::Crown => wire::Cause::Crown,
        Cause::OtherApp(app) => wire::Cause::OtherApp { app: app.to_string() },
        Cause::Covered => wire::Cause::Covered,
        Cause::LowBattery => wire::Cause::LowBattery,
        Cause::Overheated => wire::Cause::Overheated,
        Cause::CpuBudgetSpent { used, limit, window } => wire::Cause::CpuBudgetSpent {
            used_ms: millis(*used),
            limit_ms: millis(*limit),
            window_ms: millis(*window),
        },
        Cause::AppExited(status) => wire::Cause::AppExited { status: exit_status(*status) },
        Cause::NoDelegate => wire::Cause::NoDelegate,
        Cause::ScheduledInPast => wire::Cause::ScheduledInPast,
        Cause::MissedWhileOff => wire::Cause::MissedWhileOff,
        Cause::DisabledByUser => wire::Cause::DisabledByUser,
        Cause::Refused => wire::Cause::Refused,
        Cause::NotSaved => wire::Cause::NotSaved,
    }
}

/// What stands in the way of a start.
pub(super) fn obstacle(end: &End) -> wire_session::Obstacle {
    wire_session::Obstacle {
        reason: same_name(end.reason.name()),
        error: end.error.map(session_error),
        cause: end.cause.as_ref().map(cause),
        message: sentence(end),
    }
}

/// An end in a sentence, for people.
pub(super) fn sentence(end: &End) -> String {
    match (&end.cause, end.error) {
        (Some(cause), error) => sentence_of_cause(cause, error),
        (None, Some(code)) => code.to_string(),
        (None, None) => sentence_of_reason(end.reason).to_owned(),
    }
}

/// What is left to say in strict mode, which tells no cause.
const fn sentence_of_reason(reason: Reason) -> &'static str {
    match reason {
        Reason::None => "the session ended",
        Reason::SessionInProgress => "another session of the app is in the way",
        Reason::Expired => "the session reached its time limit",
        Reason::ResignedFrontmost => "the user left the app",
        Reason::SuppressedBySystem => "the system lets no such session run now",
        Reason::Error => "the session failed",
    }
}

fn sentence_of_cause(cause: &Cause, error: Option<ErrorCode>) -> String {
    match (cause, error) {
        (Cause::AppInvalidated, _) => "the app ended the session".to_owned(),
        (Cause::UserStoppedAlarm, _) => "the user stopped the alarm".to_owned(),
        (Cause::LimitReached, _) => "the session reached its time limit".to_owned(),
        (Cause::Crown, _) => "the user left the app with the crown".to_owned(),
        (Cause::OtherApp(app), _) => format!("the user opened {app}"),
        (Cause::Covered, _) => "the system covered the screen".to_owned(),
        (Cause::CpuBudgetSpent { used, limit, window }, _) => {
            format!("the app used {used:.1?} of CPU within {window:?}; {limit:?} are allowed")
        }
        (Cause::AppExited(status), _) => format!("the app's process ended ({})", exit_sentence(*status)),
        (Cause::NoDelegate, _) => "the app set no delegate in time".to_owned(),
        (Cause::ScheduledInPast, _) => "the time to start at is past".to_owned(),
        (Cause::MissedWhileOff, _) => "the board or the runtime was off at the time".to_owned(),
        (Cause::NotSaved, _) => "the session could not be written to disk".to_owned(),
        (Cause::Refused, None) => "another session of the app is in the way".to_owned(),
        (Cause::Refused | Cause::LowBattery | Cause::Overheated | Cause::DisabledByUser, Some(code)) => {
            code.to_string()
        }
        (Cause::LowBattery, None) => "the battery is low".to_owned(),
        (Cause::Overheated, None) => "the board is too hot".to_owned(),
        (Cause::DisabledByUser, None) => "the user switched it off".to_owned(),
    }
}

pub(super) fn exit_sentence(status: ExitStatus) -> String {
    match status {
        ExitStatus::Code(code) => format!("exit code {code}"),
        ExitStatus::Signal(signal) => format!("signal {signal}"),
        ExitStatus::Unknown => "nobody saw how".to_owned(),
    }
}

pub(super) fn app_event(event: &AppEvent) -> wire_session::AppEvent {
    use wire_session::AppEvent as Wire;
    match event {
        AppEvent::StateChanged { state } => Wire::StateChanged { state: same_name(state.name()) },
        AppEvent::Handle { session, expiration } => {
            Wire::Handle { session: session.0, expiration_ms: expiration.unix_ms() }
        }
        AppEvent::DidStart { session, expiration } => {
            Wire::DidStart { session: session.0, expiration_ms: expiration.unix_ms() }
        }
        AppEvent::WillExpire { session, remaining } => {
            Wire::WillExpire { session: session.0, remaining_ms: millis(*remaining) }
        }
        AppEvent::DidInvalidate { session, end } => Wire::DidInvalidate {
            session: session.0,
            reason: same_name(end.reason.name()),
            error: end.error.map(session_error),
            cause: end.cause.as_ref().map(cause),
            message: sentence(end),
        },
        AppEvent::RepeatAsked { session, played } => {
            Wire::RepeatAsked { session: session.0, played: u64::from(*played) }
        }
    }
}

pub(super) fn session_info(view: &SessionView) -> wire::SessionInfo {
    wire::SessionInfo {
        session: view.session.0,
        app: view.app.to_string(),
        kind: same_name(view.kind.name()),
        state: same_name(view.state.name()),
        started_at_ms: view.started_at.map(WallTime::unix_ms),
        expiration_ms: view.expiration.map(WallTime::unix_ms),
        scheduled_at_ms: view.scheduled_at.map(WallTime::unix_ms),
    }
}

pub(super) fn alarm(view: &AlarmView) -> monitor::Alarm {
    monitor::Alarm {
        session: view.session.0,
        app: view.app.to_string(),
        at_ms: view.at.unix_ms(),
        state: same_name(view.state.name()),
        ringing: view.ringing,
        snoozed: Some(view.snoozed),
        fallback: Some(view.fallback),
    }
}

pub(super) fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use carpus_core::{AppState, SessionState};

    use super::*;

    #[test]
    fn the_rules_and_the_wire_use_the_same_names() {
        for kind in SessionKind::ALL {
            assert_eq!(same_name::<wire::SessionKind>(kind.name()).name(), kind.name());
            assert_eq!(session_kind(same_name(kind.name())), kind);
        }
        for code in ErrorCode::ALL {
            assert_eq!(same_name::<wire::ErrorCode>(code.name()).name(), code.name());
        }
        for wire_haptic in wire::HapticType::ALL {
            assert_eq!(haptic(*wire_haptic).name(), wire_haptic.name());
        }
        use AppState::{Active, Background, Inactive, NotRunning, Suspended};
        for state in [NotRunning, Inactive, Active, Background, Suspended] {
            assert_eq!(same_name::<wire::AppState>(state.name()).name(), state.name());
        }
        use SessionState::{Invalid, NotStarted, Running, Scheduled};
        for state in [NotStarted, Scheduled, Running, Invalid] {
            assert_eq!(same_name::<wire::SessionState>(state.name()).name(), state.name());
        }
        use Reason::{Error, Expired, ResignedFrontmost, SessionInProgress, SuppressedBySystem};
        for reason in [Reason::None, SessionInProgress, Expired, ResignedFrontmost, SuppressedBySystem, Error]
        {
            assert_eq!(same_name::<wire::Reason>(reason.name()).name(), reason.name());
        }
    }

    #[test]
    fn s9_in_strict_mode_nothing_tells_the_cause() {
        let greedy = Cause::CpuBudgetSpent {
            used: std::time::Duration::from_secs(10),
            limit: std::time::Duration::from_secs(9),
            window: std::time::Duration::from_secs(60),
        };
        let ends = [
            End::with_error(ErrorCode::ExceededResourceLimits, greedy),
            End::by(Reason::ResignedFrontmost, Cause::Crown),
            End::by(Reason::SuppressedBySystem, Cause::Overheated),
        ];
        for end in ends {
            let (whole, strict) = (obstacle(&end), obstacle(&end.without_cause()));
            assert!(whole.cause.is_some());
            assert_eq!((strict.cause, strict.reason, strict.error), (None, whole.reason, whole.error));
            assert_ne!(strict.message, whole.message, "the sentence would tell it");
        }
    }

    #[test]
    fn causes_keep_their_names_and_data() {
        let spent = Cause::CpuBudgetSpent {
            used: std::time::Duration::from_millis(9001),
            limit: std::time::Duration::from_secs(9),
            window: std::time::Duration::from_secs(60),
        };
        let on_wire = serde_json::to_value(cause(&spent)).unwrap();
        assert_eq!(on_wire["name"], spent.name());
        assert_eq!(on_wire["used_ms"], 9001);
        let exited = serde_json::to_value(cause(&Cause::AppExited(ExitStatus::Signal(9)))).unwrap();
        assert_eq!(exited["signal"], 9);
    }
}
