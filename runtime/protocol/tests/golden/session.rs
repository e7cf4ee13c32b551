//! `io.carpus.Session`.

use carpus_protocol::session::AppEvent;
use carpus_protocol::{
    AnyCall, AppState, Cause, Done, ErrorCode, ExitStatus, HapticType, Reason, RecurrenceRule, SessionInfo,
    SessionKind, SessionState, TimeOfDay, Weekday, session,
};

use crate::frames::Frames;
use crate::text;

#[tokio::test]
async fn session() {
    use session::*;
    let any = AnyCall::Session;
    let mut frames = Frames::of(INTROSPECTION);
    frames.call(Attach { token: text("a-token") }, |call| any(Call::Attach(call))).await;
    let attached = AttachReply { app: text("heart-rate"), state: AppState::Inactive, session: None };
    frames.reply::<Attach>("", attached).await;
    frames.call(Events {}, |call| any(Call::Events(call))).await;
    for (what, sequence, event) in app_events() {
        frames.reply::<Events>(&format!(" {what}"), EventsReply { sequence, event }).await;
    }
    frames.call(Acknowledge { sequence: 12 }, |call| any(Call::Acknowledge(call))).await;
    frames.reply::<Acknowledge>("", Done {}).await;
    frames.call(Create { kind: None }, |call| any(Call::Create(call))).await;
    frames.reply::<Create>("", CreateReply { session: 3 }).await;
    frames.call(Start { session: 3 }, |call| any(Call::Start(call))).await;
    frames.reply::<Start>("", Done {}).await;
    frames.call(StartAt { session: 3, at_ms: 1_790_000_000_000 }, |call| any(Call::StartAt(call))).await;
    frames.reply::<StartAt>("", Done {}).await;
    frames.call(Invalidate { session: 3 }, |call| any(Call::Invalidate(call))).await;
    frames.reply::<Invalidate>("", Done {}).await;
    frames.call(Handled { session: 3 }, |call| any(Call::Handled(call))).await;
    frames.reply::<Handled>("", Done {}).await;
    alarm_frames(&mut frames).await;
    let info = SessionInfo {
        session: 3,
        app: text("smart-alarm"),
        kind: SessionKind::Alarm,
        state: SessionState::Running,
        started_at_ms: Some(1_790_000_000_001),
        expiration_ms: Some(1_790_001_800_001),
        scheduled_at_ms: Some(1_790_000_000_000),
    };
    frames.call(Info { session: 3 }, |call| any(Call::Info(call))).await;
    frames.reply::<Info>("", InfoReply { info }).await;
    frames.error("NotAttached", Error::NotAttached).await;
    frames.error("BadToken", Error::BadToken).await;
    frames.error("UnknownSession", Error::UnknownSession { session: 9 }).await;
    let code = ErrorCode::NotYetStarted;
    let refused =
        Error::Refused { code: code.number(), name: text(code.name()), message: text("not started") };
    frames.error("Refused", refused).await;
    frames.error("LimitReached", Error::LimitReached { what: text("sessions"), limit: 16 }).await;
    frames.error("NotPermitted", Error::NotPermitted { message: text("no") }).await;
    frames.error("Unavailable", Error::Unavailable { message: text("later") }).await;
    frames.next_version();
    version_2(&mut frames).await;
    frames.next_version();
    let attached = AttachReply { app: text("heart-rate"), state: AppState::Background, session: Some(3) };
    frames.reply::<Attach>(" in a session", attached).await;
    frames.check();
}

async fn version_2(frames: &mut Frames) {
    use session::*;
    let any = AnyCall::Session;
    for kind in SessionKind::ALL {
        frames.call(Create { kind: Some(*kind) }, |call| any(Call::Create(call))).await;
    }
    frames.call(Replace { session: 4, at_ms: 1_790_000_000_000 }, |call| any(Call::Replace(call))).await;
    frames.reply::<Replace>("", Done {}).await;
    frames.call(CanStart { kind: None, at_ms: None }, |call| any(Call::CanStart(call))).await;
    let at_ms = Some(1_790_000_000_000);
    let can_start_at = CanStart { kind: Some(SessionKind::Alarm), at_ms };
    frames.call(can_start_at, |call| any(Call::CanStart(call))).await;
    frames.reply::<CanStart>(" yes", CanStartReply { obstacles: vec![] }).await;
    frames.reply::<CanStart>(" no", CanStartReply { obstacles: obstacles() }).await;
    recurrence_frames(frames).await;
    let told = AppEvent::DidInvalidate {
        session: 3,
        reason: Reason::Error,
        error: Some(ErrorCode::Unknown.into()),
        cause: None,
        message: text("the session failed"),
    };
    frames
        .reply::<Events>(" did_invalidate in strict mode", EventsReply { sequence: Some(4), event: told })
        .await;
    frames.error("BadRecurrence", Error::BadRecurrence { message: text("no weekday") }).await;
    frames.error("RecurrenceInTheWay", Error::RecurrenceInTheWay { message: text("end it first") }).await;
    frames.error("NotOffered", Error::NotOffered { message: text("compat.strict") }).await;
}

fn obstacles() -> Vec<session::Obstacle> {
    let obstacle = |reason, error: Option<ErrorCode>, cause, message| session::Obstacle {
        reason,
        error: error.map(Into::into),
        cause,
        message: text(message),
    };
    vec![
        obstacle(
            Reason::Error,
            Some(ErrorCode::MustBeActiveToStartOrSchedule),
            Some(Cause::Refused),
            "not active",
        ),
        obstacle(Reason::SuppressedBySystem, None, Some(Cause::LowBattery), "the battery is low"),
        obstacle(Reason::SessionInProgress, None, None, "in the way"),
    ]
}

async fn recurrence_frames(frames: &mut Frames) {
    use session::*;
    let any = AnyCall::Session;
    let daily = Weekday::ALL.to_vec();
    let time = TimeOfDay::new(7, 30, 0).unwrap();
    let here = SetRecurrence { weekdays: daily.clone(), time, zone: None };
    frames.call(here, |call| any(Call::SetRecurrence(call))).await;
    let (weekdays, time) = (vec![Weekday::Saturday], TimeOfDay::new(23, 59, 58).unwrap());
    let there = SetRecurrence { weekdays: weekdays.clone(), time, zone: Some(text("Europe/Berlin")) };
    frames.call(there, |call| any(Call::SetRecurrence(call))).await;
    frames.reply::<SetRecurrence>("", Done {}).await;
    frames.call(ClearRecurrence {}, |call| any(Call::ClearRecurrence(call))).await;
    frames.reply::<ClearRecurrence>("", Done {}).await;
    frames.call(Recurrence {}, |call| any(Call::Recurrence(call))).await;
    let rule = RecurrenceRule { weekdays, time, zone: Some(text("Europe/Berlin")) };
    let reply = RecurrenceReply { rule: Some(rule), next_ms: Some(1_790_000_000_000) };
    frames.reply::<Recurrence>("", reply).await;
    frames.reply::<Recurrence>(" none", RecurrenceReply { rule: None, next_ms: None }).await;
}

async fn alarm_frames(frames: &mut Frames) {
    use session::*;
    let any = AnyCall::Session;
    let plain = NotifyUser { session: 3, haptic: HapticType::Notification, interval_ms: None, ask: true };
    let timed = NotifyUser { session: 3, haptic: HapticType::Success, interval_ms: Some(1500), ask: false };
    let stop = Repeat { session: 3, played: 4, after_ms: 0, haptic: None };
    let change = Repeat { session: 3, played: 4, after_ms: 2500, haptic: Some(HapticType::Retry) };
    frames.call(plain, |call| any(Call::NotifyUser(call))).await;
    frames.call(timed, |call| any(Call::NotifyUser(call))).await;
    frames.reply::<NotifyUser>("", Done {}).await;
    frames.call(stop, |call| any(Call::Repeat(call))).await;
    frames.call(change, |call| any(Call::Repeat(call))).await;
    frames.reply::<Repeat>("", Done {}).await;
}

fn app_events() -> Vec<(String, Option<u64>, AppEvent)> {
    let mut events = vec![
        (text("state_changed"), None, AppEvent::StateChanged { state: AppState::Active }),
        (text("handle"), Some(1), AppEvent::Handle { session: 3, expiration_ms: 1_790_001_800_000 }),
        (text("did_start"), Some(2), AppEvent::DidStart { session: 3, expiration_ms: 1_790_001_800_000 }),
        (text("will_expire"), Some(3), AppEvent::WillExpire { session: 3, remaining_ms: 30_000 }),
        (text("repeat_asked"), None, AppEvent::RepeatAsked { session: 3, played: 4 }),
    ];
    for cause in causes() {
        let reason = if cause == Cause::LimitReached { Reason::Expired } else { Reason::Error };
        let error = (reason == Reason::Error).then(|| ErrorCode::Unknown.into());
        let message = format!("it ended: {}", cause.name());
        let what = format!("did_invalidate {}", cause.name());
        let cause = Some(cause);
        events.push((what, Some(4), AppEvent::DidInvalidate { session: 3, reason, error, cause, message }));
    }
    let ended = |reason, error| AppEvent::DidInvalidate {
        session: 3,
        reason,
        error,
        cause: Some(Cause::AppInvalidated),
        message: String::new(),
    };
    let reasons = Reason::ALL.iter().map(|reason| (format!("did_invalidate {reason}"), *reason, None));
    let errors = ErrorCode::ALL
        .iter()
        .map(|code| (format!("did_invalidate error {code}"), Reason::Error, Some((*code).into())));
    events.extend(reasons.chain(errors).map(|(what, reason, error)| (what, Some(4), ended(reason, error))));
    events
}

fn causes() -> Vec<Cause> {
    vec![
        Cause::AppInvalidated,
        Cause::UserStoppedAlarm,
        Cause::LimitReached,
        Cause::Crown,
        Cause::OtherApp { app: text("toothbrush") },
        Cause::Covered,
        Cause::LowBattery,
        Cause::Overheated,
        Cause::CpuBudgetSpent { used_ms: 9_100, limit_ms: 9_000, window_ms: 60_000 },
        Cause::AppExited { status: ExitStatus::Code(1) },
        Cause::AppExited { status: ExitStatus::Signal(9) },
        Cause::AppExited { status: ExitStatus::Unknown },
        Cause::NoDelegate,
        Cause::ScheduledInPast,
        Cause::MissedWhileOff,
        Cause::DisabledByUser,
        Cause::Refused,
        Cause::NotSaved,
    ]
}
