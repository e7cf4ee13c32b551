//! Making, starting and scheduling sessions: S1–S3, S6, S11–S13, A1–A3, A5.

use super::{Phase, Session, Watch};
use crate::app::{AppId, AppState};
use crate::limits::Extensions;
use crate::session::{Cause, End, ErrorCode, Reason, SessionId, SessionKind, SessionState};
use crate::time::{Now, WallTime};
use crate::watch::{CallError, Output};

impl Watch {
    /// The app makes a session, which is `not-started`. `id` was never given before. Its type follows from the
    /// manifest (M1); only an app that declares several names one (M4).
    ///
    /// # Errors
    /// When the app is unknown, declares no extended-runtime mode or not the one that it names, has too many
    /// sessions, or the number is taken.
    pub fn create(
        &mut self,
        app: &AppId,
        id: SessionId,
        named: Option<SessionKind>,
    ) -> Result<(), CallError> {
        let kind = self.kind_of_session(app, named)?.map_err(CallError::NotAllowed)?;
        let limit = self.limits.sessions_per_app;
        if self.all(app, |session| !session.is_over()).len() + self.fallbacks_alone(app) >= limit {
            return Err(CallError::TooManySessions { limit });
        }
        if self.sessions.contains_key(&id) || self.fallbacks.contains_key(&id) {
            return Err(CallError::TakenSession(id));
        }
        self.add_session(id, Session { draft: true, ..Session::new(app.clone(), kind, Phase::NotStarted) });
        Ok(())
    }

    fn kind_of_session(
        &self,
        app: &AppId,
        named: Option<SessionKind>,
    ) -> Result<Result<SessionKind, ErrorCode>, CallError> {
        let application = &self.known(app)?.application;
        Ok(application.kind_of_session(named, self.limits.extensions.several_modes))
    }

    /// The app starts a session (S2). When a rule is against it, the session is over with it, and
    /// `did_invalidate` tells the same as the error (S4).
    ///
    /// # Errors
    /// When the session is not the app's, was started before, or may not start now.
    pub fn start(&mut self, app: &AppId, id: SessionId, now: Now) -> Result<(), CallError> {
        let kind = self.startable(app, id)?;
        if let Some(end) = self.obstacles_to_start(app, Ok(kind)).into_iter().next() {
            return self.fail_start(id, end, now);
        }
        self.run(id, now.wall, now.after(self.limits.of(kind)), now);
        Ok(())
    }

    /// What stands in the way of a start, in the order of S13.
    fn obstacles_to_start(&self, app: &AppId, kind: Result<SessionKind, ErrorCode>) -> Vec<End> {
        let wrong_type = match kind {
            Ok(kind) => kind.is_schedulable().then_some(ErrorCode::NotApprovedToStartSession), // S2
            Err(code) => Some(code),
        };
        let obstacles = [
            wrong_type.map(refused),
            self.not_active(app),
            self.slot_taken(app),
            kind.ok().and_then(|kind| self.suppression_of(kind)),
        ];
        obstacles.into_iter().flatten().collect()
    }

    /// The app schedules an alarm session for the wall-clock instant `at` (A1–A3). The shell answers the app
    /// after it has done the [`Output::Save`] (A6).
    ///
    /// # Errors
    /// As [`Watch::start`].
    pub fn start_at(&mut self, app: &AppId, id: SessionId, at: WallTime, now: Now) -> Result<(), CallError> {
        self.schedule(app, id, at, Vec::new(), now)
    }

    /// As [`Watch::start_at`], in the place of the session that waits (A3). That one stands until the shell says that
    /// the new one is on disk ([`Watch::handle_saved`]), and stands on if the new one fails.
    ///
    /// # Errors
    /// As [`Watch::start`], and in strict mode.
    pub fn replace(&mut self, app: &AppId, id: SessionId, at: WallTime, now: Now) -> Result<(), CallError> {
        self.startable(app, id)?;
        if !self.limits.extensions.replace {
            return Err(CallError::NotOffered);
        }
        self.schedule(app, id, at, self.scheduled_sessions(app), now)
    }

    fn schedule(
        &mut self,
        app: &AppId,
        id: SessionId,
        at: WallTime,
        replaces: Vec<SessionId>,
        now: Now,
    ) -> Result<(), CallError> {
        let kind = self.startable(app, id)?;
        let obstacles = self.obstacles_to_schedule(app, Ok(kind), at, !replaces.is_empty(), now);
        if let Some(end) = obstacles.into_iter().next() {
            return self.fail_start(id, end, now);
        }
        if let Some(session) = self.sessions.get_mut(&id) {
            session.scheduled = true;
            session.replaces = replaces;
        }
        if at > now.wall {
            self.set_phase(id, Phase::Scheduled { at });
            self.save(id);
            self.put(Output::Arm { session: id, at });
        } else {
            let expiration = at.plus(self.limits.of(kind)); // A2: its time counts from the given instant
            let ends_at = Self::ends_at(expiration, now);
            self.plan_fallback(id, ends_at, expiration, now);
            self.run(id, at, ends_at, now);
            self.end_replaced_by(id, now);
        }
        Ok(())
    }

    /// The sessions whose place this one has taken are over (A3).
    pub(super) fn end_replaced_by(&mut self, id: SessionId, now: Now) {
        let Some(session) = self.sessions.get_mut(&id).filter(|session| !session.is_over()) else { return };
        for replaced in std::mem::take(&mut session.replaces) {
            let waits = |session: &Session| matches!(session.phase, Phase::Scheduled { .. });
            if self.sessions.get(&replaced).is_some_and(waits) {
                self.end(replaced, End::by(Reason::None, Cause::AppInvalidated), now);
            }
        }
    }

    /// What stands in the way of scheduling, in the order of S13.
    fn obstacles_to_schedule(
        &self,
        app: &AppId,
        kind: Result<SessionKind, ErrorCode>,
        at: WallTime,
        replaces: bool,
        now: Now,
    ) -> Vec<End> {
        let wrong_type = match kind {
            Ok(kind) => (!kind.is_schedulable()).then_some(ErrorCode::NotApprovedToSchedule), // A1
            Err(code) => Some(code),
        };
        let [no_right, no_refresh] = self.missing_rights(app);
        let waiting = !replaces && !self.scheduled_sessions(app).is_empty();
        let too_far = at > now.wall.plus(self.limits.schedule_ahead);
        let too_late = at < now.wall.minus(self.limits.past_tolerance);
        let at_once = at <= now.wall && !too_late;
        let obstacles = [
            wrong_type.map(refused),
            no_right,   // N6
            no_refresh, // A5
            self.not_active(app),
            waiting.then(in_progress),                                     // A3
            too_far.then(|| refused(ErrorCode::ScheduledTooFarInAdvance)), // A1
            too_late.then(|| End::with_error(ErrorCode::Unknown, Cause::ScheduledInPast)), // A2
            at_once.then(|| self.slot_taken(app)).flatten(),
            kind.ok().filter(|_| at_once).and_then(|kind| self.suppression_of(kind)),
        ];
        obstacles.into_iter().flatten().collect()
    }

    /// Which of the rights that scheduling needs the user took from the app: that to schedule (N6), and background
    /// refresh (A5).
    fn missing_rights(&self, app: &AppId) -> [Option<End>; 2] {
        let rights = self.apps.get(app).map(|installed| installed.rights).unwrap_or_default();
        [
            (!rights.schedule).then_some(ErrorCode::NotApprovedToSchedule),
            (!rights.background_refresh).then_some(ErrorCode::BackgroundRefreshDisabled),
        ]
        .map(|code| Some(End::with_error(code?, Cause::DisabledByUser)))
    }

    /// The user lets the app schedule nothing.
    pub(super) fn no_right_to_schedule(&self, app: &AppId) -> Option<End> {
        self.missing_rights(app).into_iter().flatten().next()
    }

    fn not_active(&self, app: &AppId) -> Option<End> {
        let active = self.app_state(app) == Some(AppState::Active);
        (!active).then(|| refused(ErrorCode::MustBeActiveToStartOrSchedule))
    }

    fn slot_taken(&self, app: &AppId) -> Option<End> {
        self.running_session(app).map(|_| in_progress()) // S3
    }

    /// Whether a session of the app could start now, or at `at`, and what stands in the way: all of it, first what a
    /// start would fail with; nothing when it would be taken (S11).
    ///
    /// # Errors
    /// When the app is unknown, and in strict mode.
    pub fn can_start(
        &self,
        app: &AppId,
        named: Option<SessionKind>,
        at: Option<WallTime>,
        now: Now,
    ) -> Result<Vec<End>, CallError> {
        let kind = self.kind_of_session(app, named)?;
        if !self.limits.extensions.can_start {
            return Err(CallError::NotOffered);
        }
        Ok(match at {
            None => self.obstacles_to_start(app, kind),
            Some(at) => self.obstacles_to_schedule(app, kind, at, false, now),
        })
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

    pub(super) fn session_of(&self, app: &AppId, id: SessionId) -> Result<&Session, CallError> {
        self.known(app)?;
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
        let Extensions { answers, causes, .. } = self.limits.extensions;
        match (answers, causes) {
            (false, _) => Ok(()), // S12: only `did_invalidate` tells
            (true, true) => Err(CallError::StartFailed(end)),
            (true, false) => Err(CallError::StartFailed(end.without_cause())),
        }
    }
}

pub(super) const fn refused(code: ErrorCode) -> End {
    End::with_error(code, Cause::Refused)
}

/// The end of a session in whose way another one of the app is (S3, A3).
pub(super) fn in_progress() -> End {
    End::by(Reason::SessionInProgress, Cause::Refused)
}
