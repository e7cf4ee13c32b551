//! `io.carpus.Monitor`: watching the runtime, and the alarms on it.

use serde::{Deserialize, Serialize};
use zlink::ReplyError;
use zlink::introspect::{self, CustomType};

use crate::Done;
use crate::devices::Contact;
use crate::interface::{interface, say};
use crate::names::names;
use crate::recurrence::RecurrenceRule;
use crate::types::{Cause, HapticType, Reason, SessionError, SessionInfo, SessionState};

interface! {
    /// Watching the runtime, and the alarms on it. Only for operators.
    interface "io.carpus.Monitor";
    types [MonitorEvent, SessionInfo, SessionError, Cause, Alarm, AppRecurrence, RecurrenceRule, Problem, Child];
    errors Error = <Error as introspect::ReplyError>::VARIANTS;

    /// Tells all that happens from now on.
    stream Events {} -> EventsReply {
        /// What happened.
        event: MonitorEvent,
    };

    /// The sessions: those that are not over, and the last that ended.
    method Sessions {} -> SessionsReply {
        /// The sessions.
        sessions: Vec<SessionInfo>,
    };

    /// The alarms: scheduled ones and running ones.
    method Alarms {} -> AlarmsReply {
        /// The alarms.
        alarms: Vec<Alarm>,
    };

    /// The alarms that come again, by the rules that their apps declared.
    method Recurrences {} -> RecurrencesReply {
        /// One of an app at most.
        recurrences: Vec<AppRecurrence>,
    };

    /// Stops a ringing alarm, as the user does with the button Stop.
    method StopAlarm {
        /// The alarm's session; the one that rings when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u64>,
    } -> Done;

    /// Opens the app of a ringing alarm, as the user does with the button Open.
    method OpenAlarm {
        /// The alarm's session; the one that rings when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u64>,
    } -> Done;

    /// Lets a ringing alarm rest, and ring again later, as the user does with the button Snooze.
    method SnoozeAlarm {
        /// The alarm's session; the one that rings when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<u64>,
        /// For how long; 9 min, or what is set, when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        for_ms: Option<u64>,
    } -> Done;

    /// How the runtime is.
    method Status {} -> StatusReply {
        /// The runtime's version.
        version: String,
        /// Whether the devices are simulated.
        simulate: bool,
        /// What is missing or does not work, and what to do about it.
        problems: Vec<Problem>,
        /// The parts of the runtime, in the order in which they start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        children: Option<Vec<Child>>,
    };
}

names! {
    /// What can happen.
    enum EventKind, a "kind of event" {
        /// An app was installed or replaced: `app`.
        AppInstalled = "app_installed",
        /// An app changed its state: `app`, `state`.
        AppState = "app_state",
        /// An app's process ended: `app`, `message`.
        AppExited = "app_exited",
        /// A session changed its state: `session`, `app`, `state`.
        SessionState = "session_state",
        /// A session runs: `session`, `app`, `expiration_ms`.
        DidStart = "did_start",
        /// A session ends soon: `session`, `app`, `remaining_ms`.
        WillExpire = "will_expire",
        /// A session ended, or its start failed: `session`, `app`, `reason`, `error`, `cause`, `message`.
        DidInvalidate = "did_invalidate",
        /// A haptic was played: `haptic`, and the `app` it came from.
        Haptic = "haptic",
        /// A sound was played: `sound`, and the `app` it came from.
        Sound = "sound",
        /// An alert covers the screen: `alert`, `session`, `app`.
        AlertShown = "alert_shown",
        /// The alert is gone: `alert`, `session`, `app`.
        AlertCleared = "alert_cleared",
        /// A link changed its state: `device`, `name`, `state`, `message`.
        DeviceState = "device_state",
        /// A strap sent a heart rate: `device`, `name`, `bpm`, `rr_1024`, `contact`.
        Sample = "sample",
        /// An alarm was scheduled: `session`, `app`, `at_ms`.
        AlarmScheduled = "alarm_scheduled",
        /// An alarm was cancelled: `session`, `app`.
        AlarmCancelled = "alarm_cancelled",
        /// An alarm is due: `session`, `app`, `at_ms`.
        AlarmDue = "alarm_due",
        /// A peripheral sent what could not be read: `device`, `message`.
        Malformed = "malformed",
        /// Something is missing or does not work: `part`, `message`, `remedy`.
        Problem = "problem",
        /// An alarm was missed while the board or the runtime was off: `session`, `app`, `at_ms`, `message`.
        AlarmMissed = "alarm_missed",
        /// An alarm ended, and its app never rang: `session`, `app`, `message`, `remedy`.
        AlarmSilent = "alarm_silent",
        /// The user let an alarm rest; it will ring again: `session`, `app`.
        AlarmSnoozed = "alarm_snoozed",
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct MonitorEvent {
    /// When, in Unix milliseconds.
    pub time_ms: i64,
    /// app_installed, app_state, app_exited, session_state, did_start, will_expire, did_invalidate, haptic, sound,
    /// alert_shown, alert_cleared, device_state, sample, alarm_scheduled, alarm_cancelled, alarm_due, malformed,
    /// problem, alarm_missed, alarm_silent, alarm_snoozed.
    pub event: EventKind,
    /// The app it is about, or where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The session it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u64>,
    /// The new state of the app, the session or the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// When the session ends, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_ms: Option<i64>,
    /// The time that the session has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_ms: Option<u64>,
    /// When the alarm is due, in Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
    /// Why the session ended: none, session-in-progress, expired, resigned-frontmost, suppressed-by-system, error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The error with which the session ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SessionError>,
    /// What ended the session, exactly; left out in strict mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The peripheral's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The peripheral's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Beats per minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bpm: Option<u64>,
    /// The times between beats, oldest first, in 1/1024 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rr_1024: Option<Vec<u64>>,
    /// Whether the strap feels skin: unsupported, not-detected, detected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// The haptic that was played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub haptic: Option<HapticType>,
    /// The sound that was played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<String>,
    /// The alert: alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// The part of the runtime that has a problem: bluetooth, audio, haptics, buttons, apps, clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What to do about the problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl MonitorEvent {
    /// An event of this kind, of which nothing more is told yet.
    pub const fn new(time_ms: i64, event: EventKind) -> Self {
        Self {
            time_ms,
            event,
            app: None,
            session: None,
            state: None,
            expiration_ms: None,
            remaining_ms: None,
            at_ms: None,
            reason: None,
            error: None,
            cause: None,
            device: None,
            name: None,
            bpm: None,
            rr_1024: None,
            contact: None,
            haptic: None,
            sound: None,
            alert: None,
            part: None,
            message: None,
            remedy: None,
        }
    }
}

/// An alarm: a session that is scheduled, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct Alarm {
    /// The session's number.
    pub session: u64,
    /// The identifier of its app.
    pub app: String,
    /// When it is or was due, in Unix milliseconds.
    pub at_ms: i64,
    /// scheduled, running; invalid when the runtime rings in the place of an app whose session is over.
    pub state: SessionState,
    /// Whether it rings; one that is snoozed does not.
    pub ringing: bool,
    /// Whether the user let it rest, and it will ring again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed: Option<bool>,
    /// Whether it is the runtime that rings, because the app did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<bool>,
}

/// An alarm that comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct AppRecurrence {
    /// The identifier of its app.
    pub app: String,
    /// When it comes.
    pub rule: RecurrenceRule,
    /// The next instant by the rule, in Unix milliseconds. While the user lets the app schedule nothing, it rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_ms: Option<i64>,
}

/// Something that is missing or does not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct Problem {
    /// The part of the runtime: bluetooth, audio, haptics, buttons, apps, clock.
    pub part: String,
    /// What is wrong, for people.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

names! {
    /// How a part of the runtime can be.
    enum ChildState, a "state of a part of the runtime" {
        /// It failed, and is about to be started again.
        Waiting = "waiting",
        /// It was started, and has not answered yet.
        Starting = "starting",
        /// It works.
        Up = "up",
        /// It was told to stop.
        Stopping = "stopping",
        /// It ended, and stays so.
        Over = "over",
    }
}

/// A part of the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct Child {
    /// Its name.
    pub child: String,
    /// waiting, starting, up, stopping, over.
    pub state: ChildState,
    /// How often it failed and was started again since the runtime began.
    pub restarts: u64,
    /// Why it was the last time, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why a call of this interface was refused.
#[derive(Clone, Debug, PartialEq, Eq, ReplyError, introspect::ReplyError)]
#[zlink(interface = "io.carpus.Monitor")]
pub enum Error {
    /// There is no such alarm.
    UnknownSession {
        /// What was asked for.
        session: u64,
    },
    /// No alarm rings.
    NothingRings,
    /// The alarm cannot rest for that long: it rings on.
    NoRoomToSnooze {
        /// How long it rings at most, in milliseconds: it may rest for less than that.
        left_ms: i64,
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
        UnknownSession { session } => "there is no alarm with session {session}";
        NothingRings => "no alarm rings";
        NoRoomToSnooze { left_ms } => "the alarm rings on: its time is over in {} s", left_ms / 1000;
        NotOffered { message } => "{message}";
        NotPermitted { message } => "{message}";
        Unavailable { message } => "{message}";
    }
}
