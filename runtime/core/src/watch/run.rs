//! Running and ending sessions: S4, S5, S7, S9.

use std::time::Duration;

use super::{Delegate, Phase, Session, Watch};
use crate::app::AppId;
use crate::event::AppEvent;
use crate::record::SessionRecord;
use crate::session::{Cause, End, ErrorCode, SessionId, SessionState};
use crate::time::{Now, WallTime};
use crate::watch::Output;

impl Watch {
    /// The app spent the session's CPU allowance (C2).
    pub fn handle_budget_spent(&mut self, id: SessionId, used: Duration, limit: Duration, now: Now) {
        let window = self.limits.budget_window;
        if matches!(self.sessions.get(&id), Some(Session { phase: Phase::Running { .. }, .. })) {
            let cause = Cause::CpuBudgetSpent { used, limit, window };
            self.end(id, End::with_error(ErrorCode::ExceededResourceLimits, cause), now);
        }
    }

    /// The session runs until `ends_at`; its limit counts from `since` (A2). The wall clock may have been set
    /// since the end was reckoned (A7), so it is not reckoned again.
    pub(super) fn run(&mut self, id: SessionId, since: WallTime, ends_at: Duration, now: Now) {
        let Some(session) = self.sessions.get(&id) else { return };
        let (app, kind) = (session.app.clone(), session.kind);
        let expiration = since.plus(self.limits.of(kind));
        let left = ends_at.saturating_sub(now.since_boot);
        let lead = self.limits.will_expire_lead.min(left / 2); // S4
        let will_expire_at = Some(ends_at.saturating_sub(lead));
        let delegate = Delegate::Set;
        self.set_phase(
            id,
            Phase::Running { since, expiration, ends_at, will_expire_at, delegate, ring: None },
        );
        self.put(Output::Measure { session: id, app, kind });
        self.advance(id, AppEvent::DidStart { session: id, expiration });
    }

    pub(super) fn say_will_expire(&mut self, id: SessionId, now: Now) {
        let Some(Session { phase: Phase::Running { ends_at, will_expire_at, .. }, .. }) =
            self.sessions.get_mut(&id)
        else {
            return;
        };
        *will_expire_at = None;
        let remaining = ends_at.saturating_sub(now.since_boot);
        self.advance(id, AppEvent::WillExpire { session: id, remaining });
    }

    /// Ends a session, whatever its state, with the one `did_invalidate` that it gets (S4).
    pub(super) fn end(&mut self, id: SessionId, end: End, now: Now) {
        let Some(session) = self.sessions.get(&id).filter(|session| !session.is_over()) else { return };
        let app = session.app.clone();
        let expiration = session.expiration();
        let waited = matches!(session.phase, Phase::Scheduled { .. });
        let is_silent = session.keeps_app_awake() && session.scheduled && !session.rang;
        let by_user = matches!(end.cause, Some(Cause::DisabledByUser));
        if waited && end.cause != Some(Cause::NotSaved) {
            self.note_instant_used(id, now);
        }
        self.stop_what_runs(id);
        let keep = self.keep_fallback(id, &end);
        self.make_room_for_ended(&app);
        self.set_phase(id, Phase::Invalid { expiration });
        if is_silent && !by_user {
            self.put(Output::WarnSilent { session: id, app: app.clone() }); // N6
        }
        self.conclude(id, &app, end, keep);
        self.rest(&app, now);
        self.refresh_alerts();
        if waited {
            self.want_occurrence(&app, now);
        }
    }

    fn stop_what_runs(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else { return };
        match session.phase {
            Phase::NotStarted | Phase::Handed { .. } | Phase::Invalid { .. } => {}
            Phase::Scheduled { .. } => self.put(Output::Disarm { session: id }),
            Phase::Running { .. } => {
                let rings = session.rings();
                self.put(Output::StopMeasuring { session: id });
                if rings {
                    self.put(Output::Silence { session: id });
                }
            }
        }
    }

    /// Tells the end, and takes the record away, or leaves the one to keep, in one write (D1, D2).
    fn conclude(&mut self, id: SessionId, app: &AppId, end: End, keep: Option<SessionRecord>) {
        let end = if self.limits.extensions.causes { end } else { end.without_cause() }; // S9
        let event = AppEvent::DidInvalidate { session: id, end };
        self.put(Output::Conclude { app: app.clone(), event, session: id, keep });
    }

    pub(super) fn set_phase(&mut self, id: SessionId, phase: Phase) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (before, state) = (session.phase.state(), phase.state());
        session.phase = phase;
        if before != state {
            debug_assert!(
                SessionState::TRANSITIONS.contains(&(before, state)),
                "the rules know no such change"
            );
            let app = session.app.clone();
            self.put(Output::SessionStateChanged { session: id, app, state });
        }
    }

    /// Ended sessions stay to be asked about (S5), no more of them than an app may have open. The one that ends
    /// next always stays.
    fn make_room_for_ended(&mut self, app: &AppId) {
        let ids = self.all(app, Session::is_over);
        for id in ids.iter().take((ids.len() + 1).saturating_sub(self.limits.sessions_per_app)) {
            self.forget_session(*id);
        }
    }

    pub(super) fn add_session(&mut self, id: SessionId, session: Session) {
        if let Some(installed) = self.apps.get_mut(&session.app) {
            installed.sessions.insert(id);
        }
        self.sessions.insert(id, session);
    }

    pub(super) fn forget_session(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id)
            && let Some(installed) = self.apps.get_mut(&session.app)
        {
            installed.sessions.remove(&id);
        }
    }
}

impl Session {
    /// When it will end or was to end; none before it runs (S5).
    pub(super) const fn expiration(&self) -> Option<WallTime> {
        match self.phase {
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Handed { .. } => None,
            Phase::Running { expiration, .. } => Some(expiration),
            Phase::Invalid { expiration } => expiration,
        }
    }
}
