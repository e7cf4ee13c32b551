//! What apps ask of the watch.

use actix::prelude::*;
use carpus_core::recurrence::Recurrence;
use carpus_core::session::{End, SessionKind};
use carpus_core::watch::{CallError, Repeat, SessionView, Watch};
use carpus_core::{AppId, Haptic, Now, SessionId, WallTime};

use super::WatchActor;
use super::journal_queue::Writing;
use super::written::Lost;
use crate::journal::{JournalError, NextSessionIdOf};
use crate::supervisor::Unavailable;
use crate::time;

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
    /// A new session, which is `not-started`; of this type, where the app declares several (M4).
    Create(Option<SessionKind>),
    /// Start it (S2).
    Start(SessionId),
    /// Schedule it (A1).
    StartAt(SessionId, WallTime),
    /// Schedule it in the place of the one that waits (A3). Answered when that one is over.
    Replace(SessionId, WallTime),
    /// What stands in the way of a start of a session, of this type where the app declares several: of `start(at)`
    /// where an instant is given (S11).
    CanStart(Option<SessionKind>, Option<WallTime>),
    /// Declare when the alarm comes again (A10). Answered when the rule is on disk.
    SetRecurrence(Recurrence),
    /// Take the rule back (A10).
    ClearRecurrence,
    /// Which rule there is (A10).
    Recurrence,
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
    /// What stands in the way, first what a start would fail with; empty when it would be taken (S11).
    Obstacles(Vec<End>),
    /// The rule, where there is one, and the instant that it names next (A10).
    Recurrence(Option<(Recurrence, Option<WallTime>)>),
}

impl From<CallError> for CallFailure {
    fn from(error: CallError) -> Self {
        Self::Refused(error)
    }
}

type Answer = Result<AppAnswer, CallFailure>;

impl Handler<AppCall> for WatchActor {
    type Result = ResponseActFuture<Self, Answer>;

    fn handle(&mut self, AppCall { app, request }: AppCall, ctx: &mut Context<Self>) -> Self::Result {
        match request {
            Request::Create(kind) => self.create(app, kind),
            Request::Info(_) | Request::CanStart(..) | Request::Recurrence => {
                let answer = ask(&self.core, &app, &request, time::now(&*self.clock));
                Box::pin(fut::ready(answer.map_err(CallFailure::from)))
            }
            Request::Start(_)
            | Request::StartAt(..)
            | Request::Replace(..)
            | Request::SetRecurrence(_)
            | Request::ClearRecurrence
            | Request::Invalidate(_)
            | Request::Handled(_)
            | Request::NotifyUser(..)
            | Request::Repeat(..) => {
                let (done, writings) = self.step_writing(ctx, |core, now| apply(core, &app, &request, now));
                self.answer_when_written(&request, done, writings)
            }
        }
    }
}

/// What is only asked, and changes nothing.
fn ask(core: &Watch, app: &AppId, request: &Request, now: Now) -> Result<AppAnswer, CallError> {
    match *request {
        Request::Info(id) => core.session(app, id).map(AppAnswer::Info).ok_or(CallError::UnknownSession(id)),
        Request::CanStart(kind, at) => core.can_start(app, kind, at, now).map(AppAnswer::Obstacles),
        Request::Recurrence => {
            let recurrence = core.recurrence(app, now).map(|(rule, next)| (rule.clone(), next));
            Ok(AppAnswer::Recurrence(recurrence))
        }
        _ => Ok(AppAnswer::Done),
    }
}

fn apply(core: &mut Watch, app: &AppId, request: &Request, now: Now) -> Result<(), CallError> {
    match *request {
        Request::Start(id) => core.start(app, id, now),
        Request::StartAt(id, at) => core.start_at(app, id, at, now),
        Request::Replace(id, at) => core.replace(app, id, at, now),
        Request::SetRecurrence(ref rule) => core.set_recurrence(app, rule.clone(), now),
        Request::ClearRecurrence => core.clear_recurrence(app, now),
        Request::Invalidate(id) => core.invalidate(app, id, now),
        Request::Handled(id) => core.handle_handled(app, id, now),
        Request::NotifyUser(id, haptic, repeat) => core.notify_user(app, id, haptic, repeat, now),
        Request::Repeat(id, played, interval_ms, haptic) => {
            core.handle_repeat(app, id, played, interval_ms, haptic)
        }
        Request::Create(_) | Request::Info(_) | Request::CanStart(..) | Request::Recurrence => Ok(()),
    }
}

impl WatchActor {
    fn create(&self, app: AppId, kind: Option<SessionKind>) -> ResponseActFuture<Self, Answer> {
        let journal = self.to.journal.clone();
        let maker = app.clone();
        let id = async move { Ok(journal.send(NextSessionIdOf(maker)).await??) };
        Box::pin(id.into_actor(self).map(move |id: Result<SessionId, CallFailure>, this, ctx| {
            let id = id?;
            this.step(ctx, |core, _| core.create(&app, id, kind))?;
            Ok(AppAnswer::Created(id))
        }))
    }

    /// Persist before acknowledging (A6): the answer waits for the disk.
    fn answer_when_written(
        &self,
        request: &Request,
        done: Result<(), CallError>,
        writings: Vec<Writing>,
    ) -> ResponseActFuture<Self, Answer> {
        let (room, written) = (self.journal.room(), self.follow(writings));
        let of_recurrence = matches!(request, Request::SetRecurrence(_) | Request::ClearRecurrence);
        let extensions = self.extensions;
        Box::pin(room.into_actor(self).then(move |(), _, _| written).map(move |lost, _, _| {
            done?;
            match lost {
                Some(Lost::Recurrence(cause)) if of_recurrence => Err(CallFailure::NotSaved(cause)),
                Some(Lost::Session(end)) if extensions.answers => {
                    let end = if extensions.causes { end } else { end.without_cause() };
                    Err(CallError::StartFailed(end).into())
                }
                Some(Lost::Recurrence(_) | Lost::Session(_)) | None => Ok(AppAnswer::Done),
            }
        }))
    }
}
