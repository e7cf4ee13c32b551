//! A scheduled session comes due and is handed to its app: A4, A6, A7.

use super::start::in_progress;
use super::{Delegate, Phase, Process, Session, Watch};
use crate::app::{AppId, AppState};
use crate::session::{Cause, End, ErrorCode, SessionId};
use crate::time::{Now, WallTime};
use crate::watch::{CallError, Output};

impl Watch {
    /// The time of a scheduled session has come (A4), or its record was found late (A7).
    pub fn handle_due(&mut self, id: SessionId, now: Now) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Phase::Scheduled { at, .. } = session.phase else { return };
        let (app, kind) = (session.app.clone(), session.kind);
        let expiration = at.plus(self.limits.of(kind));
        if now.wall < at {
            self.put(Output::Arm { session: id, at }); // A7: the clock was set back
        } else if now.wall >= expiration {
            // The user is told before the record goes: the power may fail in between.
            self.put(Output::TellMissed { session: id, app, at });
            self.end(id, End::with_error(ErrorCode::Unknown, Cause::MissedWhileOff), now);
        } else if self.is_ending(&app) {
            // That process cannot handle it any more. The next one does, when this one has exited.
        } else if let Some(end) = self.obstacle_when_due(&app, kind) {
            self.plan_fallback(id, Self::ends_at(expiration, now), expiration, now);
            self.end(id, end, now);
        } else {
            self.hand_over(id, &app, at, expiration, now);
        }
    }

    fn obstacle_when_due(&self, app: &AppId, kind: crate::session::SessionKind) -> Option<End> {
        let slot_taken = self.running_session(app).map(|_| in_progress()); // S3
        slot_taken.or_else(|| self.suppression_of(kind)) // S10
    }

    fn hand_over(&mut self, id: SessionId, app: &AppId, at: WallTime, expiration: WallTime, now: Now) {
        let ends_at = Self::ends_at(expiration, now);
        self.note_instant_used(id, now);
        self.set_phase(id, Phase::Handed { since: at, ends_at, deadline: None });
        self.plan_fallback(id, ends_at, expiration, now);
        self.bring_up(app);
        if self.app_state(app) == Some(AppState::NotRunning) {
            self.set_state(app, AppState::Background);
        }
        self.tell_handle(id);
        if self.apps.get(app).is_some_and(|installed| installed.process == Process::Attached) {
            self.start_handle_time(app, now);
        }
        self.want_occurrence(app, now);
    }

    /// From now on the app, which listens, has its time to set a delegate (A4, S14).
    pub(super) fn start_handle_time(&mut self, app: &AppId, now: Now) {
        let due = now.after(self.limits.handle_time);
        for id in self.all(app, Session::awaits_delegate) {
            if let Some(Session {
                phase:
                    Phase::Handed { deadline, .. }
                    | Phase::Running { delegate: Delegate::Awaited { deadline }, .. },
                ..
            }) = self.sessions.get_mut(&id)
            {
                deadline.get_or_insert(due);
            }
        }
    }

    /// The app has set its delegate for a session that it was handed (A4): now the session runs, or it ran all along
    /// and its app has it again (S14). An answer that comes twice changes nothing: a session is handed over again
    /// when the runtime died in between.
    ///
    /// # Errors
    /// When the session is not the app's, or does not wait for a delegate.
    pub fn handle_handled(&mut self, app: &AppId, id: SessionId, now: Now) -> Result<(), CallError> {
        match self.session_of(app, id)?.phase {
            Phase::Handed { since, ends_at, .. } => self.run(id, since, ends_at, now),
            Phase::Running { delegate: Delegate::Awaited { .. }, .. } => self.run_on(id),
            Phase::Running { delegate: Delegate::Set, .. } => {}
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Invalid { .. } => {
                return Err(CallError::NotHanded(id));
            }
        }
        Ok(())
    }

    /// A record of a session is on disk, by an [`Output::Save`] or an [`Output::Advance`]: it is no draft any more
    /// (D2), and the one that it replaces is over (A3).
    pub fn handle_saved(&mut self, id: SessionId, now: Now) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.draft = false;
        }
        self.end_replaced_by(id, now);
    }

    /// The record of a session could not be written. A scheduled session is over with it, as nobody may rely on
    /// it (A6); one that runs, runs on. Answers whether it is over.
    pub fn handle_not_saved(&mut self, id: SessionId, now: Now) -> bool {
        let Some(session) = self.sessions.get(&id) else { return false };
        let Phase::Scheduled { .. } = session.phase else { return false };
        let app = session.app.clone();
        if session.recurring {
            self.try_occurrence_later(&app, now);
        }
        self.end(id, End::with_error(ErrorCode::Unknown, Cause::NotSaved), now);
        true
    }
}
