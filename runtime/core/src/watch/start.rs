//! Making, starting and scheduling sessions: S1–S3, S6, A1–A4.

use super::{Phase, Process, Session, Watch};
use crate::app::{AppId, AppState};
use crate::event::AppEvent;
use crate::record::RecordedPhase;
use crate::session::{Cause, End, ErrorCode, Reason, SessionId, SessionKind, SessionState};
use crate::time::{Now, WallTime};
use crate::watch::{CallError, Output};

impl Watch {
    /// The app makes a session, which is `not-started`. `id` was never given before.
    ///
    /// # Errors
    /// When the app is unknown, declares no extended-runtime mode (M1), or has too many sessions.
    pub fn create(&mut self, app: &AppId, id: SessionId) -> Result<(), CallError> {
        let Some(kind) = self.known(app)?.application.session_kind else {
            return Err(CallError::NotAllowed(ErrorCode::NotApprovedToStartSession));
        };
        let limit = self.limits.sessions_per_app;
        let alive =
            |session: &&Session| session.app == *app && session.phase.state() != SessionState::Invalid;
        if self.sessions.values().filter(alive).count() >= limit {
            return Err(CallError::TooManySessions { limit });
        }
        let session = Session { app: app.clone(), kind, scheduled: false, phase: Phase::NotStarted };
        self.sessions.insert(id, session);
        Ok(())
    }

    /// The app starts a session (S2). When a rule is against it, the session is over with it, and
    /// `did_invalidate` tells the same as the error (S4).
    ///
    /// # Errors
    /// When the session is not the app's, was started before, or may not start now.
    pub fn start(&mut self, app: &AppId, id: SessionId, now: Now) -> Result<(), CallError> {
        let kind = self.startable(app, id)?;
        if let Some(end) = self.obstacle_to_start(app, kind) {
            return self.fail_start(id, end, now);
        }
        self.run(id, now.wall, now.after(self.limits.of(kind)), now);
        Ok(())
    }

    fn obstacle_to_start(&self, app: &AppId, kind: SessionKind) -> Option<End> {
        if kind.is_schedulable() {
            return Some(refused(ErrorCode::NotApprovedToStartSession));
        }
        if self.app_state(app) != Some(AppState::Active) {
            return Some(refused(ErrorCode::MustBeActiveToStartOrSchedule));
        }
        if self.running_session(app).is_some() {
            return Some(End::by(Reason::SessionInProgress, Cause::Refused)); // S3
        }
        None
    }

    /// The app schedules an alarm session for the wall-clock instant `at` (A1–A3). The shell answers the app
    /// after it has done the [`Output::Save`] (A6).
    ///
    /// # Errors
    /// As [`Watch::start`].
    pub fn start_at(&mut self, app: &AppId, id: SessionId, at: WallTime, now: Now) -> Result<(), CallError> {
        let kind = self.startable(app, id)?;
        if let Some(end) = self.obstacle_to_schedule(app, kind, at, now) {
            return self.fail_start(id, end, now);
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.scheduled = true;
        }
        if at <= now.wall {
            let left = at.plus(self.limits.of(kind)).since(now.wall);
            self.run(id, at, now.after(left), now); // A2: its time counts from the given instant
        } else {
            self.set_phase(id, Phase::Scheduled { at });
            self.save(id, RecordedPhase::Scheduled { at });
            self.put(Output::Arm { session: id, at });
        }
        Ok(())
    }

    fn obstacle_to_schedule(&self, app: &AppId, kind: SessionKind, at: WallTime, now: Now) -> Option<End> {
        if !kind.is_schedulable() {
            return Some(refused(ErrorCode::NotApprovedToSchedule)); // A1
        }
        if self.app_state(app) != Some(AppState::Active) {
            return Some(refused(ErrorCode::MustBeActiveToStartOrSchedule));
        }
        if !self.scheduled_sessions(app).is_empty() {
            return Some(End::by(Reason::SessionInProgress, Cause::Refused)); // A3
        }
        if at > now.wall.plus(self.limits.schedule_ahead) {
            return Some(refused(ErrorCode::ScheduledTooFarInAdvance)); // A1
        }
        if at < now.wall.minus(self.limits.past_tolerance) {
            return Some(End::with_error(ErrorCode::Unknown, Cause::ScheduledInPast)); // A2
        }
        if at <= now.wall && self.running_session(app).is_some() {
            return Some(End::by(Reason::SessionInProgress, Cause::Refused)); // S3
        }
        None
    }

    /// The app ends a running session, or cancels a scheduled one (S6). A session that is over stays so.
    ///
    /// # Errors
    /// When the session is not the app's, was never started, or may be ended only by an active app.
    pub fn invalidate(&mut self, app: &AppId, id: SessionId, now: Now) -> Result<(), CallError> {
        let session = self.session_of(app, id)?;
        match session.phase {
            Phase::NotStarted => return Err(CallError::NotAllowed(ErrorCode::NotYetStarted)),
            Phase::Invalid { .. } => return Ok(()),
            Phase::Scheduled { .. } | Phase::Handed { .. } | Phase::Running { .. } => {}
        }
        if session.scheduled && self.app_state(app) != Some(AppState::Active) {
            return Err(CallError::NotAllowed(ErrorCode::MustBeActiveToStartOrSchedule));
        }
        self.end(id, End::by(Reason::None, Cause::AppInvalidated), now);
        Ok(())
    }

    /// The time of a scheduled session has come (A4), or its record was found late (A7).
    pub fn handle_due(&mut self, id: SessionId, now: Now) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Phase::Scheduled { at } = session.phase else { return };
        let app = session.app.clone();
        let expiration = at.plus(self.limits.of(session.kind));
        if now.wall < at {
            self.put(Output::Arm { session: id, at }); // A7: the clock was set back
        } else if now.wall >= expiration {
            self.end(id, End::with_error(ErrorCode::Unknown, Cause::MissedWhileOff), now);
            self.put(Output::TellMissed { session: id, app, at });
        } else if self.is_ending(&app) {
            // That process cannot handle it any more. The next one does, when this one has exited.
        } else if self.running_session(&app).is_some() {
            self.end(id, End::by(Reason::SessionInProgress, Cause::Refused), now); // S3
        } else {
            self.hand_over(id, &app, at, expiration, now);
        }
    }

    fn hand_over(&mut self, id: SessionId, app: &AppId, at: WallTime, expiration: WallTime, now: Now) {
        let ends_at = now.after(expiration.since(now.wall));
        self.set_phase(id, Phase::Handed { since: at, ends_at, deadline: None });
        self.save(id, RecordedPhase::Running { since: at, expiration, scheduled: true });
        self.bring_up(app);
        if self.app_state(app) == Some(AppState::NotRunning) {
            self.set_state(app, AppState::Background);
        }
        self.put(Output::Deliver { app: app.clone(), event: AppEvent::Handle { session: id, expiration } });
        if self.apps.get(app).is_some_and(|installed| installed.process == Process::Attached) {
            self.start_handle_time(app, now);
        }
    }

    /// From now on the app, which listens, has its time to set a delegate (A4).
    pub(super) fn start_handle_time(&mut self, app: &AppId, now: Now) {
        let due = now.after(self.limits.handle_time);
        for session in self.sessions.values_mut().filter(|session| session.app == *app) {
            if let Phase::Handed { deadline, .. } = &mut session.phase {
                deadline.get_or_insert(due);
            }
        }
    }

    /// The app has set its delegate for a session that it was handed (A4): now the session runs. An answer that
    /// comes twice changes nothing: a session is handed over again when the runtime died in between.
    ///
    /// # Errors
    /// When the session is not the app's, or does not wait for a delegate.
    pub fn handle_handled(&mut self, app: &AppId, id: SessionId, now: Now) -> Result<(), CallError> {
        match self.session_of(app, id)?.phase {
            Phase::Handed { since, ends_at, .. } => {
                self.run(id, since, ends_at, now);
                Ok(())
            }
            Phase::Running { .. } => Ok(()),
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Invalid { .. } => {
                Err(CallError::NotHanded(id))
            }
        }
    }

    /// The record of a session could not be written. A scheduled session is over with it, as nobody may rely on
    /// it (A6); one that runs, runs on. Answers whether it is over.
    pub fn handle_not_saved(&mut self, id: SessionId, now: Now) -> bool {
        let scheduled = self.sessions.get(&id).is_some_and(|s| matches!(s.phase, Phase::Scheduled { .. }));
        if scheduled {
            self.end(id, End::with_error(ErrorCode::Unknown, Cause::NotSaved), now);
        }
        scheduled
    }

    pub(super) fn session_of(&self, app: &AppId, id: SessionId) -> Result<&Session, CallError> {
        self.sessions.get(&id).filter(|session| session.app == *app).ok_or(CallError::UnknownSession(id))
    }

    fn startable(&self, app: &AppId, id: SessionId) -> Result<SessionKind, CallError> {
        let session = self.session_of(app, id)?;
        match session.phase.state() {
            SessionState::NotStarted => Ok(session.kind),
            state @ (SessionState::Scheduled | SessionState::Running | SessionState::Invalid) => {
                Err(CallError::StartedBefore(state)) // S1
            }
        }
    }

    fn fail_start(&mut self, id: SessionId, end: End, now: Now) -> Result<(), CallError> {
        self.end(id, end.clone(), now);
        Err(CallError::StartFailed(end))
    }
}

const fn refused(code: ErrorCode) -> End {
    End::with_error(code, Cause::Refused)
}
