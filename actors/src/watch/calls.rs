//! What apps and users ask of the watch.

use actix::prelude::*;
use carpus_core::session::{Cause, End, ErrorCode};
use carpus_core::watch::{CallError, Repeat, SessionView, Watch};
use carpus_core::{AppId, Haptic, SessionId, WallTime};
use futures_util::future::join_all;

use super::WatchActor;
use super::journal_queue::Saving;
use crate::journal::{JournalError, NextSessionId};
use crate::supervisor::Unavailable;

/// Why a call was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallFailure {
    /// A rule is against it.
    #[error(transparent)]
    Refused(CallError),
    /// The journal could not be written; nothing was promised (A6).
    #[error("the journal cannot be written: {0}")]
    NotSaved(String),
    /// A part of the runtime does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<JournalError> for CallFailure {
    fn from(error: JournalError) -> Self {
        Self::NotSaved(crate::report::with_causes(&error))
    }
}

/// What an app asks.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<AppAnswer, CallFailure>")]
pub struct AppCall {
    /// The app, as it was authenticated.
    pub app: AppId,
    /// What.
    pub request: Request,
}

/// The requests of apps.
#[derive(Clone, Debug)]
pub enum Request {
    /// A new session, which is `not-started`.
    Create,
    /// Start it (S2).
    Start(SessionId),
    /// Schedule it (A1).
    StartAt(SessionId, WallTime),
    /// End or cancel it (S6).
    Invalidate(SessionId),
    /// The delegate for it is set (A4).
    Handled(SessionId),
    /// Ring (N1).
    NotifyUser(SessionId, Haptic, Repeat),
    /// The answer to `RepeatAsked` (N2): how many were played, milliseconds to the next, another haptic.
    Repeat(SessionId, u32, i64, Option<Haptic>),
    /// How it stands.
    Info(SessionId),
}

/// What an app is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppAnswer {
    /// It is done.
    Done,
    /// The new session.
    Created(SessionId),
    /// How it stands.
    Info(SessionView),
}

type Answer = Result<AppAnswer, CallFailure>;

impl Handler<AppCall> for WatchActor {
    type Result = ResponseActFuture<Self, Answer>;

    fn handle(&mut self, AppCall { app, request }: AppCall, ctx: &mut Context<Self>) -> Self::Result {
        match request {
            Request::Create => self.create(app),
            Request::Info(id) => {
                let view = self.core.session(&app, id).ok_or(CallError::UnknownSession(id));
                Box::pin(fut::ready(view.map(AppAnswer::Info).map_err(CallFailure::from)))
            }
            Request::Start(_)
            | Request::StartAt(..)
            | Request::Invalidate(_)
            | Request::Handled(_)
            | Request::NotifyUser(..)
            | Request::Repeat(..) => {
                let (done, savings) = self.step_saving(ctx, |core, now| apply(core, &app, &request, now));
                self.answer_when_saved(done, savings)
            }
        }
    }
}

fn apply(core: &mut Watch, app: &AppId, request: &Request, now: carpus_core::Now) -> Result<(), CallError> {
    match *request {
        Request::Start(id) => core.start(app, id, now),
        Request::StartAt(id, at) => core.start_at(app, id, at, now),
        Request::Invalidate(id) => core.invalidate(app, id, now),
        Request::Handled(id) => core.handle_handled(app, id, now),
        Request::NotifyUser(id, haptic, repeat) => core.notify_user(app, id, haptic, repeat, now),
        Request::Repeat(id, played, interval_ms, haptic) => {
            core.handle_repeat(app, id, played, interval_ms, haptic)
        }
        Request::Create | Request::Info(_) => Ok(()),
    }
}

impl WatchActor {
    fn create(&self, app: AppId) -> ResponseActFuture<Self, Answer> {
        let journal = self.to.journal.clone();
        let id = async move { Ok(journal.send(NextSessionId).await??) };
        Box::pin(id.into_actor(self).map(move |id: Result<SessionId, CallFailure>, this, ctx| {
            let id = id?;
            this.step(ctx, |core, _| core.create(&app, id))?;
            Ok(AppAnswer::Created(id))
        }))
    }

    /// Persist before acknowledging (A6): the answer waits for the disk.
    fn answer_when_saved(
        &self,
        done: Result<(), CallError>,
        savings: Vec<Saving>,
    ) -> ResponseActFuture<Self, Answer> {
        let sessions: Vec<_> = savings.iter().map(Saving::session).collect();
        let (all, room) = (join_all(savings.into_iter().map(Saving::done)), self.journal.room());
        let saved = async move {
            room.await;
            all.await
        };
        Box::pin(saved.into_actor(self).map(move |saved, this, ctx| {
            let mut lost = None;
            for (session, _) in sessions.into_iter().zip(saved).filter(|(_, saved)| !saved) {
                if this.step(ctx, |core, now| core.handle_not_saved(session, now)) {
                    lost = Some(End::with_error(ErrorCode::Unknown, Cause::NotSaved));
                }
            }
            done?;
            lost.map_or(Ok(AppAnswer::Done), |end| Err(CallError::StartFailed(end).into()))
        }))
    }
}

/// What the user does.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<(), CallError>")]
pub enum UserCall {
    /// Opens an app (L2).
    Open(AppId),
    /// Ends an app.
    Close(AppId),
    /// Removes an app; it is uninstalled afterwards.
    Remove(AppId),
    /// Raises the wrist (L3).
    WristUp,
    /// Lowers the wrist (L3).
    WristDown,
    /// Presses the crown (L4).
    Crown,
    /// Stops a ringing alarm (N4).
    StopAlarm(SessionId),
    /// Opens the app of a ringing alarm (N4).
    OpenAlarm(SessionId),
}

impl Handler<UserCall> for WatchActor {
    type Result = Result<(), CallError>;

    fn handle(&mut self, call: UserCall, ctx: &mut Context<Self>) -> Self::Result {
        self.step(ctx, |core, now| {
            match call {
                UserCall::Open(app) => core.handle_open(&app, now)?,
                UserCall::Close(app) => core.handle_close(&app)?,
                UserCall::Remove(app) => core.handle_removed(&app, now)?,
                UserCall::WristUp => core.handle_wrist_up(now),
                UserCall::WristDown => core.handle_wrist_down(now),
                UserCall::Crown => core.handle_crown(now),
                UserCall::StopAlarm(session) => core.stop_alarm(session, now)?,
                UserCall::OpenAlarm(session) => core.open_alarm(session, now)?,
            }
            Ok(())
        })
    }
}
