//! `io.carpus.Session`.

use carpus_actors::journal::{Acknowledge, Delivery, Subscribe};
use carpus_actors::supervisor::Unavailable;
use carpus_actors::watch::{AppAnswer, AppCall, Attached, CallFailure, Look, Request, View};
use carpus_core::watch::{CallError, Repeat};
use carpus_core::{AppId, SessionId, WallTime};
use carpus_protocol::AppState;
use carpus_protocol::session::{self as wire, AppEvent, Call, Error};
use tokio::sync::mpsc;

use super::client::{Answer, Client, done, failed, nothing, over};
use super::{convert, recurrence};

impl Client {
    pub(super) async fn session(&mut self, call: Call) -> Answer {
        if let Call::Attach(attach) = call {
            return self.attach(attach.token).await;
        }
        let Some(app) = self.app.clone() else { return failed(&Error::NotAttached) };
        match request(&call) {
            Err(error) => failed(&error),
            Ok(Some(request)) => self.request(app, request).await,
            Ok(None) => match call {
                Call::Acknowledge(acknowledged) => self.acknowledge(app, acknowledged.sequence).await,
                _ => failed(&Error::NotAttached),
            },
        }
    }

    async fn attach(&mut self, token: String) -> Answer {
        let unavailable = |error: Unavailable| failed(&Error::Unavailable { message: error.to_string() });
        let app = match self.authenticate(token).await {
            Ok(Some(app)) => app,
            Ok(None) => return failed(&Error::BadToken),
            Err(error) => return unavailable(error),
        };
        // A watch that is being restored answers when it is.
        let view = match self.services.watch.send(Look).await {
            Ok(view) => view,
            Err(error) => return unavailable(error),
        };
        self.attached_to = Some(self.services.watch.lifetime());
        let session = view.in_progress.iter().find(|(id, _)| *id == app).map(|(_, session)| session.0);
        match state_of(&app, view) {
            Some(state) => done(&wire::AttachReply { app: app.to_string(), state, session }),
            None => failed(&Error::BadToken),
        }
    }

    async fn request(&self, app: AppId, request: Request) -> Answer {
        match self.services.watch.send(AppCall { app, request }).await {
            Ok(Ok(AppAnswer::Done)) => nothing(),
            Ok(Ok(AppAnswer::Created(session))) => done(&wire::CreateReply { session: session.0 }),
            Ok(Ok(AppAnswer::Info(view))) => done(&wire::InfoReply { info: convert::session_info(&view) }),
            Ok(Ok(AppAnswer::Obstacles(ends))) => {
                done(&wire::CanStartReply { obstacles: ends.iter().map(convert::obstacle).collect() })
            }
            Ok(Ok(AppAnswer::Recurrence(kept))) => done(&recurrence::reply(kept)),
            Ok(Err(failure)) => failed(&refusal(failure)),
            Err(error) => failed(&Error::Unavailable { message: error.to_string() }),
        }
    }

    async fn acknowledge(&self, app: AppId, sequence: u64) -> Answer {
        match self.services.journal.send(Acknowledge { app, sequence }).await {
            Ok(Ok(())) => nothing(),
            Ok(Err(error)) => failed(&Error::Unavailable { message: error.to_string() }),
            Err(error) => failed(&Error::Unavailable { message: error.to_string() }),
        }
    }

    /// Sends the app its state, then the events that it has not acknowledged yet, then those that come (D1).
    pub(super) async fn stream_events(&mut self) -> zlink::Result<()> {
        let Some(app) = self.app.clone() else { return self.out.error(&Error::NotAttached).await };
        let (sink, mut events) = mpsc::channel(self.services.limits.max_queued_events);
        let stream = self.streams.begin(&app);
        let subscribed = self.services.journal.send(Subscribe { app: app.clone(), sink }).await;
        if let Err(message) = flatten(subscribed) {
            return self.out.error(&Error::Unavailable { message }).await;
        }
        let first = match self.listens(&app).await {
            Ok(state) => AppEvent::StateChanged { state },
            Err(error) => return self.out.error(&error).await,
        };
        self.out.next(wire::EventsReply { sequence: None, event: first }).await?;
        let Self { read, out, attached_to, .. } = self;
        loop {
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some(Delivery { sequence, event }) => {
                        out.next(wire::EventsReply { sequence, event: convert::app_event(&event) }).await?;
                    }
                    None if stream.is_replaced() => return out.end().await,
                    // It was too slow, or the journal is another one: it asks again (D1).
                    None => return Ok(()),
                },
                // It asks again, and the next watch knows that it listens.
                () = over(attached_to.as_mut()) => return Ok(()),
                () = Self::left(read) => return Ok(()),
            }
        }
    }

    /// Tells the watch that the app listens; its state from then on.
    async fn listens(&self, app: &AppId) -> Result<AppState, Error> {
        let unavailable = |error: Unavailable| Error::Unavailable { message: error.to_string() };
        self.services.watch.send(Attached(app.clone())).await.map_err(unavailable)?;
        let view = self.services.watch.send(Look).await.map_err(unavailable)?;
        state_of(app, view).ok_or(Error::BadToken)
    }
}

fn state_of(app: &AppId, view: View) -> Option<AppState> {
    let state = view.apps.into_iter().find(|(id, _)| id == app)?.1;
    Some(convert::same_name(state.name()))
}

fn flatten<E1: std::error::Error, E2: std::error::Error>(
    result: Result<Result<(), E1>, E2>,
) -> Result<(), String> {
    match result {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The request behind a call; none for those that are not for the watch.
///
/// # Errors
/// When the call names what there is not.
fn request(call: &Call) -> Result<Option<Request>, Error> {
    let (id, instant) = (SessionId, WallTime::from_unix_ms);
    Ok(Some(match call {
        Call::Attach(_) | Call::Events(_) | Call::Acknowledge(_) => return Ok(None),
        Call::Create(call) => Request::Create(call.kind.map(convert::session_kind)),
        Call::Start(call) => Request::Start(id(call.session)),
        Call::StartAt(call) => Request::StartAt(id(call.session), instant(call.at_ms)),
        Call::Replace(call) => Request::Replace(id(call.session), instant(call.at_ms)),
        Call::CanStart(call) => {
            Request::CanStart(call.kind.map(convert::session_kind), call.at_ms.map(instant))
        }
        Call::SetRecurrence(call) => Request::SetRecurrence(recurrence::recurrence(call)?),
        Call::ClearRecurrence(_) => Request::ClearRecurrence,
        Call::Recurrence(_) => Request::Recurrence,
        Call::Invalidate(call) => Request::Invalidate(id(call.session)),
        Call::Handled(call) => Request::Handled(id(call.session)),
        Call::NotifyUser(call) => {
            let repeat = match (call.ask, call.interval_ms) {
                (true, _) => Repeat::Ask,
                (false, Some(interval_ms)) => Repeat::EveryMs(i64::try_from(interval_ms).unwrap_or(i64::MAX)),
                (false, None) => Repeat::Default,
            };
            Request::NotifyUser(id(call.session), convert::haptic(call.haptic), repeat)
        }
        Call::Repeat(call) => {
            let played = u32::try_from(call.played).unwrap_or(u32::MAX);
            Request::Repeat(id(call.session), played, call.after_ms, call.haptic.map(convert::haptic))
        }
        Call::Info(call) => Request::Info(id(call.session)),
    }))
}

fn refusal(failure: CallFailure) -> Error {
    match failure {
        CallFailure::Refused(error) => refused(error),
        CallFailure::NotSaved(_) | CallFailure::Unavailable(_) => {
            Error::Unavailable { message: failure.to_string() }
        }
    }
}

fn refused(error: CallError) -> Error {
    use carpus_core::session::ErrorCode;
    let with_code = |code: ErrorCode, message: String| Error::Refused {
        code: i64::from(code.number()),
        name: code.name().to_owned(),
        message,
    };
    match error {
        CallError::UnknownSession(session) => Error::UnknownSession { session: session.0 },
        CallError::TooManySessions { limit } => Error::LimitReached {
            what: "sessions that are not over".to_owned(),
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
        },
        CallError::NotAllowed(code) => with_code(code, code.to_string()),
        CallError::StartFailed(end) => {
            with_code(end.error.unwrap_or(ErrorCode::Unknown), convert::sentence(&end))
        }
        CallError::NotOffered => Error::NotOffered { message: error.to_string() },
        CallError::RecurrenceInTheWay => Error::RecurrenceInTheWay { message: error.to_string() },
        CallError::NoInstant => Error::BadRecurrence { message: error.to_string() },
        CallError::TakenSession(_) => Error::Unavailable { message: error.to_string() },
        CallError::UnknownApp(_)
        | CallError::StartedBefore(_)
        | CallError::NotARunningAlarm
        | CallError::NotRinging(_)
        | CallError::NoRoomToSnooze { .. }
        | CallError::NotHanded(_) => with_code(ErrorCode::Unknown, error.to_string()),
    }
}
