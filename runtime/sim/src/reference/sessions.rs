//! Sessions: made, started, ended (S, T, C1).

use std::time::Duration;

use carpus_core::session::{Cause, End, ErrorCode, Reason};
use carpus_core::suppression::Conditions;
use carpus_core::watch::{CallError, Output};
use carpus_core::{AppEvent, AppId, Now, SessionId, SessionKind, SessionRecord, SessionState};

use super::Reference;
use super::state::{Phase, Session, Span};

type Call = Result<(), CallError>;

impl Reference {
    pub(super) fn session_mut(&mut self, id: SessionId) -> &mut Session {
        self.sessions.get_mut(&id).expect("callers name sessions that are known")
    }

    /// The session, if it is the app's.
    pub(super) fn own(&self, app: &AppId, id: SessionId) -> Result<&Session, CallError> {
        self.installed_app(app)?;
        let session = self.sessions.get(&id).filter(|session| session.app == *app);
        session.ok_or(CallError::UnknownSession(id))
    }

    /// The session, if it is the app's and was not started before (S1).
    pub(super) fn s1_fresh(&self, app: &AppId, id: SessionId) -> Result<&Session, CallError> {
        let session = self.own(app, id)?;
        match session.state() {
            SessionState::NotStarted => Ok(session),
            state => Err(CallError::StartedBefore(state)),
        }
    }

    pub(super) fn is_taken(&self, id: SessionId) -> bool {
        self.sessions.contains_key(&id) || self.fallbacks.contains_key(&id)
    }

    pub(super) fn s1_create(&mut self, app: &AppId, id: SessionId, kind: Option<SessionKind>) -> Call {
        self.installed_app(app)?;
        let kind = Ok(self.m4_kind(app, kind).map_err(CallError::NotAllowed)?);
        let limit = self.limits.sessions_per_app;
        let open = self.sessions_of(app, |session| !session.is_over()).len();
        if open + self.n7_owed_by(app) >= limit {
            return Err(CallError::TooManySessions { limit });
        }
        if self.is_taken(id) {
            return Err(CallError::TakenSession(id));
        }
        self.sessions.insert(id, Session::new(app.clone(), kind));
        Ok(())
    }

    /// The sessions of an app that are over and still owe an alarm.
    fn n7_owed_by(&self, app: &AppId) -> usize {
        let over = |id: &SessionId| self.sessions.get(id).is_none_or(Session::is_over);
        self.fallbacks.iter().filter(|(id, fallback)| fallback.app == *app && over(id)).count()
    }

    pub(super) fn s2_start(&mut self, app: &AppId, id: SessionId, now: Now) -> Call {
        let kind = self.s1_fresh(app, id)?.kind;
        if let Some(end) = self.s13_in_the_way_of_start(app, kind, now).into_iter().next() {
            return self.s4_start_failed(id, end, now);
        }
        let limit = kind.map_or(Duration::ZERO, |kind| self.limits.of(kind));
        let expiration = now.wall.plus(limit);
        self.s4_run(id, Span { since: now.wall, expiration, ends_at: now.after(limit) }, now);
        Ok(())
    }

    /// A start that fails ends its session, and the call tells the same (S4, S12).
    pub(super) fn s4_start_failed(&mut self, id: SessionId, end: End, now: Now) -> Call {
        self.end(id, end.clone(), now);
        if self.limits.extensions.answers { Err(CallError::StartFailed(self.s9_told(end))) } else { Ok(()) }
    }

    /// S4: the session runs from now on. `will_expire` comes before its end, but never later than half of what is left.
    pub(super) fn s4_run(&mut self, id: SessionId, span: Span, now: Now) {
        let left = span.ends_at.saturating_sub(now.since_boot);
        let lead = self.limits.will_expire_lead.min(left / 2);
        let will_expire_at = Some(span.ends_at.saturating_sub(lead));
        let session = self.session_mut(id);
        session.phase = Phase::Running { span, will_expire_at };
        let (app, kind) = (session.app.clone(), session.kind);
        self.s1_state_changed(id);
        if let Ok(kind) = kind {
            self.put(Output::Measure { session: id, app, kind });
        }
        self.d2_advance(id, AppEvent::DidStart { session: id, expiration: span.expiration });
    }

    pub(super) fn s1_state_changed(&mut self, id: SessionId) {
        let session = self.session_mut(id);
        let (app, state) = (session.app.clone(), session.state());
        self.put(Output::SessionStateChanged { session: id, app, state });
    }

    /// What has to be on disk of a session, or of the fallback alarm that it left.
    fn d2_record(&self, id: SessionId) -> Option<SessionRecord> {
        let fallback = self.fallbacks.get(&id);
        let record = self.sessions.get(&id).and_then(|session| {
            let launch = self.apps.get(&session.app).map_or(0, |app| app.launches);
            session.record(id, launch, fallback)
        });
        record.or_else(|| fallback.map(|fallback| fallback.record(id)))
    }

    pub(super) fn d2_save(&mut self, id: SessionId) {
        if let Some(record) = self.d2_record(id) {
            self.put(Output::Save(record));
        }
    }

    /// The app is told that a session went a step further, and that is written down with it.
    pub(super) fn d2_advance(&mut self, id: SessionId, event: AppEvent) {
        if let Some(record) = self.d2_record(id) {
            self.put(Output::Advance { app: record.app.clone(), event, record });
        }
    }

    /// S4: the end is near.
    pub(super) fn s4_will_expire(&mut self, id: SessionId, now: Now) {
        if let Phase::Running { span, will_expire_at } = &mut self.session_mut(id).phase {
            *will_expire_at = None;
            let remaining = span.ends_at.saturating_sub(now.since_boot);
            self.d2_advance(id, AppEvent::WillExpire { session: id, remaining });
        }
    }

    pub(super) fn s6_invalidate(&mut self, app: &AppId, id: SessionId, now: Now) -> Call {
        let session = self.own(app, id)?;
        match session.phase {
            Phase::NotStarted => return Err(CallError::NotAllowed(ErrorCode::NotYetStarted)),
            Phase::Over => return Ok(()),
            Phase::Waiting { .. } | Phase::Handed { .. } | Phase::Running { .. } => {}
        }
        if session.with_time && !self.is_active(app) {
            return Err(CallError::NotAllowed(ErrorCode::MustBeActiveToStartOrSchedule));
        }
        self.end(id, End::by(Reason::None, Cause::AppInvalidated), now);
        Ok(())
    }

    /// S10: a session that runs, or was handed over, ends when its type is suppressed.
    pub(super) fn s10_conditions(&mut self, conditions: Conditions, now: Now) {
        self.conditions = conditions;
        for (id, session) in self.sessions.clone() {
            if let Some(end) = self.s10_suppressed(session.kind).filter(|_| session.is_open()) {
                self.end(id, end, now);
            }
        }
    }

    /// C1, C2: the allowance of a running session is spent.
    pub(super) fn c1_budget_spent(&mut self, id: SessionId, used: Duration, limit: Duration, now: Now) {
        if self.sessions.get(&id).is_some_and(Session::runs) {
            let window = self.limits.budget_window;
            let cause = Cause::CpuBudgetSpent { used, limit, window };
            self.end(id, End::with_error(ErrorCode::ExceededResourceLimits, cause), now);
        }
    }

    /// S9: what an app is told of an end.
    pub(super) fn s9_told(&self, end: End) -> End {
        if self.limits.extensions.causes { end } else { End { cause: None, ..end } }
    }

    /// S4: the one end of a session, and what follows from it.
    pub(super) fn end(&mut self, id: SessionId, end: End, now: Now) {
        let before = self.session_mut(id).clone();
        self.a10_before_end(&before, &end, now);
        self.forget_old_one(&before.app);
        if n7_cancels(&end) {
            self.n7_silence_fallback(id);
        }
        self.n3_stop_ring(id);
        if before.waits() {
            self.put(Output::Disarm { session: id });
        }
        if before.runs() {
            self.put(Output::StopMeasuring { session: id });
        }
        let session = self.session_mut(id);
        session.phase = Phase::Over;
        session.handed_again = None;
        self.s1_state_changed(id);
        self.n6_warn(id, &before, &end);
        self.d1_conclude(id, &before.app, end);
        self.l4_begin_grace(&before.app, now);
    }

    /// D1, D2: the app is told, and what is still owed for the session stays on disk (N7).
    pub(super) fn d1_conclude(&mut self, id: SessionId, app: &AppId, end: End) {
        let event = AppEvent::DidInvalidate { session: id, end: self.s9_told(end) };
        let keep = self.fallbacks.get(&id).map(|fallback| fallback.record(id));
        self.put(Output::Conclude { app: app.clone(), event, session: id, keep });
    }

    /// N6: an alarm that was handed to its app or ran, and ended without one haptic of it.
    fn n6_warn(&mut self, id: SessionId, before: &Session, end: &End) {
        let silent = before.is_open() && before.with_time && !before.rang;
        if silent && end.cause != Some(Cause::DisabledByUser) {
            self.put(Output::WarnSilent { session: id, app: before.app.clone() });
        }
    }

    /// So many sessions that are over stay known: the one with the lowest number goes when the next one ends.
    pub(super) fn forget_old_one(&mut self, app: &AppId) {
        let over = self.sessions_of(app, Session::is_over);
        if let Some(first) = over.first().filter(|_| over.len() >= self.limits.sessions_per_app) {
            self.sessions.remove(first);
        }
    }
}

/// N7: no fallback alarm after these ends.
fn n7_cancels(end: &End) -> bool {
    matches!(end.cause, Some(Cause::AppInvalidated | Cause::UserStoppedAlarm | Cause::DisabledByUser))
}
