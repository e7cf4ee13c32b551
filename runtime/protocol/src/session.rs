//! `io.carpus.Session`: what an app does with its sessions, and what it is told.

use serde::{Deserialize, Serialize};
use zlink::ReplyError;
use zlink::idl;
use zlink::introspect::{self, CustomType, Type};

use crate::Done;
use crate::interface::{interface, say};
use crate::recurrence::{RecurrenceRule, TimeOfDay, Weekday};
use crate::types::{
    AppState, Cause, HapticType, MissingMember, Reason, SessionError, SessionInfo, SessionKind, need,
};

interface! {
    /// What an app does with its sessions, and what it is told. Only for apps: the first call on each connection
    /// is Attach.
    interface "io.carpus.Session";
    types [SessionInfo, SessionError, Cause, AppEvent, Obstacle, RecurrenceRule];
    errors Error = <Error as introspect::ReplyError>::VARIANTS;

    /// Says which app this connection belongs to. The token is in the app's environment, CARPUS_LAUNCH_TOKEN.
    method Attach {
        /// The launch token.
        token: String,
    } -> AttachReply {
        /// The app's identifier.
        app: String,
        /// not-running, inactive, active, background, suspended.
        state: AppState,
        /// The app's session that runs or was handed over, if there is one. A process that has just been launched goes
        /// on with it, and is handed it by the event `handle`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u64>,
    };

    /// Tells what happens to the app and its sessions, in order: first the app's state as it is now, then what was
    /// not acknowledged yet, then what comes. Needs a connection of its own. When another connection of the app asks
    /// for its events, the stream ends with a last, empty reply; when the connection only breaks, ask again.
    stream Events {} -> EventsReply {
        /// Only of events that are kept until they are acknowledged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sequence: Option<u64>,
        /// What happened.
        event: AppEvent,
    };

    /// Says that the event, and with it all before it, was dealt with; it is not told again.
    method Acknowledge {
        /// The event's sequence.
        sequence: u64,
    } -> Done;

    /// Makes a session. Its type follows from the app's manifest. It is not started yet.
    method Create {
        /// self-care, mindfulness, physical-therapy, alarm: which of the types that the manifest declares. Only where
        /// it may declare several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<SessionKind>,
    } -> CreateReply {
        /// The session's number.
        session: u64,
    };

    /// Starts the session now. Only while the app is active; not for alarms.
    method Start {
        /// The session.
        session: u64,
    } -> Done;

    /// Schedules the session; alarms only. When this answers, the alarm is on disk.
    method StartAt {
        /// The session.
        session: u64,
        /// When it is due, in Unix milliseconds; at most 36 h ahead.
        at_ms: i64,
    } -> Done;

    /// Schedules the session, as StartAt does, in the place of the app's session that waits. That one stands until
    /// this one is on disk, and stands on if this one is refused. Without one that waits it is the same as StartAt.
    method Replace {
        /// The session that is to wait from now on.
        session: u64,
        /// When it is due, in Unix milliseconds; at most 36 h ahead.
        at_ms: i64,
    } -> Done;

    /// What stands in the way of a start, without starting: nothing when it would be taken now.
    method CanStart {
        /// The type of session, as for Create.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<SessionKind>,
        /// Of StartAt with this time, in Unix milliseconds; of Start when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_ms: Option<i64>,
    } -> CanStartReply {
        /// All of it; first what the start would fail with.
        obstacles: Vec<Obstacle>,
    };

    /// Declares when the app's alarm comes again: from now on the runtime schedules each next session by itself. Only
    /// while the app is active, has no rule yet, and none of its sessions waits. When this answers, the rule is on
    /// disk.
    method SetRecurrence {
        /// On which days, one at least: monday, tuesday, wednesday, thursday, friday, saturday, sunday.
        weekdays: Vec<Weekday>,
        /// At which time of the day: 07:30, or 07:30:15.
        time: TimeOfDay,
        /// In which time zone, by its IANA name (Europe/Berlin); that of the board, whichever it is by then, when
        /// left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    } -> Done;

    /// Takes the rule back, and ends the session that waits by it. Only while the app is active. Without a rule there
    /// is nothing to do.
    method ClearRecurrence {} -> Done;

    /// The app's rule, if it has one, and when its alarm comes next.
    method Recurrence {} -> RecurrenceReply {
        /// The rule.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<RecurrenceRule>,
        /// The next instant by the rule, in Unix milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_ms: Option<i64>,
    };

    /// Ends a running session, or cancels a scheduled one.
    method Invalidate {
        /// The session.
        session: u64,
    } -> Done;

    /// Says that the app took over the session that the event `handle` gave it, and has a delegate for it.
    method Handled {
        /// The session.
        session: u64,
    } -> Done;

    /// Starts the alarm: this haptic, again and again, until the user stops it or the session ends. Only in a
    /// running session that was scheduled.
    method NotifyUser {
        /// The session.
        session: u64,
        /// The haptic: notification, direction-up, direction-down, success, failure, retry, start, stop, click,
        /// navigation-left-turn, navigation-right-turn, navigation-generic-maneuver, underwater-depth-prompt,
        /// underwater-depth-critical-prompt.
        haptic: HapticType,
        /// From one haptic to the next; 3 s when left out, 0.1 s at least, 60 s at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interval_ms: Option<u64>,
        /// Whether to ask the app after each haptic with the event `repeat_asked`. Without an answer in time the
        /// alarm goes on as before.
        ask: bool,
    } -> Done;

    /// Answers the event `repeat_asked`.
    method Repeat {
        /// The session.
        session: u64,
        /// How many haptics were played, as the event told.
        played: u64,
        /// To the next haptic; zero or less stops, less than 0.1 s is taken as 0.1 s, more than 60 s as 60 s.
        after_ms: i64,
        /// Another haptic from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        haptic: Option<HapticType>,
    } -> Done;

    /// Where a session stands.
    method Info {
        /// The session.
        session: u64,
    } -> InfoReply {
        /// The session.
        info: SessionInfo,
    };
}

/// What stands in the way of a start: the end that the session would come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct Obstacle {
    /// none, session-in-progress, expired, resigned-frontmost, suppressed-by-system, error.
    pub reason: Reason,
    /// The error, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SessionError>,
    /// What it is, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The same in a sentence, for people.
    pub message: String,
}

/// Why a call of this interface was refused.
#[derive(Clone, Debug, PartialEq, Eq, ReplyError, introspect::ReplyError)]
#[zlink(interface = "io.carpus.Session")]
pub enum Error {
    /// The connection was not attached: call Attach first.
    NotAttached,
    /// No running app has this token.
    BadToken,
    /// The app has no such session.
    UnknownSession {
        /// The session.
        session: u64,
    },
    /// A rule of sessions refused it.
    Refused {
        /// The error's number, 1 to 10.
        code: i64,
        /// The error's name; see SessionError.
        name: String,
        /// What happened, for people.
        message: String,
    },
    /// There is too much of something.
    LimitReached {
        /// What there is too much of.
        what: String,
        /// How much is allowed.
        limit: i64,
    },
    /// The recurrence is none: it has no weekday, its time zone is not known, or no day to come has its time.
    BadRecurrence {
        /// What is wrong with it, for people.
        message: String,
    },
    /// The app has a recurrence already, or one of its sessions waits.
    RecurrenceInTheWay {
        /// What to do first, for people.
        message: String,
    },
    /// It is beyond WatchKit, and the runtime's settings turn that off.
    NotOffered {
        /// Which setting, for people.
        message: String,
    },
    /// The caller may not do this.
    NotPermitted {
        /// Why, for people.
        message: String,
    },
    /// It cannot be done now.
    Unavailable {
        /// Why, for people.
        message: String,
    },
}

say! {
    Error {
        NotAttached => "the connection was not attached to an app";
        BadToken => "no running app has this launch token";
        UnknownSession { session } => "the app has no session {session}";
        Refused { code, name, message } => "{message} ({name}, code {code})";
        LimitReached { what, limit } => "too many {what}: {limit} at most";
        BadRecurrence { message } => "{message}";
        RecurrenceInTheWay { message } => "{message}";
        NotOffered { message } => "{message}";
        NotPermitted { message } => "{message}";
        Unavailable { message } => "{message}";
    }
}

/// What an app is told (D1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "AppEventMembers", try_from = "AppEventMembers")]
pub enum AppEvent {
    /// The app's state changed (L1).
    StateChanged {
        /// The new state.
        state: AppState,
    },
    /// A scheduled session is due and is handed to the app (A4).
    Handle {
        /// The session.
        session: u64,
        /// When it will end, in Unix milliseconds.
        expiration_ms: i64,
    },
    /// The session runs (S4).
    DidStart {
        /// The session.
        session: u64,
        /// When it will end, in Unix milliseconds (S5).
        expiration_ms: i64,
    },
    /// The session will end soon (S4).
    WillExpire {
        /// The session.
        session: u64,
        /// The time left, in milliseconds.
        remaining_ms: u64,
    },
    /// The session ended, or its start failed (S4).
    DidInvalidate {
        /// The session.
        session: u64,
        /// Why, in WatchKit's words (S7).
        reason: Reason,
        /// The error, if any (S8).
        error: Option<SessionError>,
        /// What ended it, exactly (S9); none in strict mode, which tells what WatchKit tells.
        cause: Option<Cause>,
        /// The end in a sentence, for people.
        message: String,
    },
    /// The alarm played a haptic; how long until the next one, and which (N2)?
    RepeatAsked {
        /// The session.
        session: u64,
        /// How many haptics it has played so far.
        played: u64,
    },
    /// An event that this version does not know: the runtime is newer than the app.
    Other {
        /// The event's kind.
        kind: String,
    },
}

impl AppEvent {
    /// The event's kind on the wire.
    pub fn kind(&self) -> &str {
        match self {
            Self::StateChanged { .. } => "state_changed",
            Self::Handle { .. } => "handle",
            Self::DidStart { .. } => "did_start",
            Self::WillExpire { .. } => "will_expire",
            Self::DidInvalidate { .. } => "did_invalidate",
            Self::RepeatAsked { .. } => "repeat_asked",
            Self::Other { kind } => kind,
        }
    }
}

/// What an app is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, CustomType)]
#[zlink(rename = "AppEvent")]
struct AppEventMembers {
    /// state_changed: the app's state. handle: a scheduled session is due and handed to the app, which answers
    /// with Handled. did_start: the session runs. will_expire: it ends soon. did_invalidate: it ended, or its
    /// start failed. repeat_asked: the alarm played a haptic; answer with Repeat. A later version may know more:
    /// ignore those.
    kind: String,
    /// state_changed: not-running, inactive, active, background, suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<AppState>,
    /// All but state_changed: the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<u64>,
    /// handle, did_start: when the session ends, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expiration_ms: Option<i64>,
    /// will_expire: the time left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remaining_ms: Option<u64>,
    /// did_invalidate: none, session-in-progress, expired, resigned-frontmost, suppressed-by-system, error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// did_invalidate: the error, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<SessionError>,
    /// did_invalidate: what ended it, exactly; left out in strict mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// did_invalidate: the end in a sentence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// repeat_asked: how many haptics the alarm has played so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    played: Option<u64>,
}

impl From<AppEvent> for AppEventMembers {
    fn from(event: AppEvent) -> Self {
        let named = Self { kind: event.kind().to_owned(), ..Self::default() };
        match event {
            AppEvent::StateChanged { state } => Self { state: Some(state), ..named },
            AppEvent::Handle { session, expiration_ms } | AppEvent::DidStart { session, expiration_ms } => {
                Self { session: Some(session), expiration_ms: Some(expiration_ms), ..named }
            }
            AppEvent::WillExpire { session, remaining_ms } => {
                Self { session: Some(session), remaining_ms: Some(remaining_ms), ..named }
            }
            AppEvent::DidInvalidate { session, reason, error, cause, message } => Self {
                session: Some(session),
                reason: Some(reason),
                error,
                cause,
                message: Some(message),
                ..named
            },
            AppEvent::RepeatAsked { session, played } => {
                Self { session: Some(session), played: Some(played), ..named }
            }
            AppEvent::Other { .. } => named,
        }
    }
}

impl TryFrom<AppEventMembers> for AppEvent {
    type Error = MissingMember;

    fn try_from(members: AppEventMembers) -> Result<Self, MissingMember> {
        let kind = members.kind.as_str();
        let session = || need(members.session, kind, "session");
        Ok(match kind {
            "state_changed" => Self::StateChanged { state: need(members.state, kind, "state")? },
            "handle" => Self::Handle {
                session: session()?,
                expiration_ms: need(members.expiration_ms, kind, "expiration_ms")?,
            },
            "did_start" => Self::DidStart {
                session: session()?,
                expiration_ms: need(members.expiration_ms, kind, "expiration_ms")?,
            },
            "will_expire" => Self::WillExpire {
                session: session()?,
                remaining_ms: need(members.remaining_ms, kind, "remaining_ms")?,
            },
            "did_invalidate" => Self::DidInvalidate {
                session: session()?,
                reason: need(members.reason, kind, "reason")?,
                error: members.error,
                cause: members.cause,
                message: members.message.unwrap_or_default(),
            },
            "repeat_asked" => {
                Self::RepeatAsked { session: session()?, played: need(members.played, kind, "played")? }
            }
            _ => Self::Other { kind: members.kind },
        })
    }
}

impl Type for AppEvent {
    const TYPE: &'static idl::Type<'static> = AppEventMembers::TYPE;
}

impl CustomType for AppEvent {
    const CUSTOM_TYPE: &'static idl::CustomType<'static> = AppEventMembers::CUSTOM_TYPE;
}
