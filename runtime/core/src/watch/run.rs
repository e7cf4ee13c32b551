//! Running and ending sessions: S4, S5, S7, S9, and what survives a restart (D2).

use std::time::Duration;

use super::{Phase, Session, Watch, app_exited};
use crate::app::AppId;
use crate::event::AppEvent;
use crate::record::{RecordedPhase, SessionRecord};
use crate::session::{Cause, End, ErrorCode, ExitStatus, SessionId, SessionKind, SessionState};
use crate::time::{Now, WallTime};
use crate::watch::Output;

impl Watch {
    /// Takes up the sessions that were on disk when the runtime started.
    ///
    /// A scheduled one stands (A4). An alarm that ran, and whose window is still open, is handed to its app again:
    /// nobody oversleeps because the runtime died. Any other that ran lost its process together with the runtime,
    /// and ends with that cause. The record of an app that is no longer installed goes.
    pub fn restore(&mut self, records: Vec<SessionRecord>, now: Now) {
        for record in records {
            if self.apps.contains_key(&record.app) {
                self.restore_one(record, now);
            } else {
                self.put(Output::Forget { session: record.session });
            }
        }
    }

    fn restore_one(&mut self, record: SessionRecord, now: Now) {
        let SessionRecord { session: id, app, kind, phase } = record;
        match phase {
            RecordedPhase::Scheduled { at } => self.stand(id, app, kind, at),
            RecordedPhase::Running { since, expiration, scheduled: true } => {
                self.stand(id, app, kind, since);
                if now.wall >= expiration {
                    self.end(id, app_exited(ExitStatus::Unknown), now);
                }
            }
            RecordedPhase::Running { since, expiration, scheduled: false } => {
                let ends_at = now.after(expiration.since(now.wall));
                let phase = Phase::Running { since, expiration, ends_at, will_expire_at: None, ring: None };
                self.sessions.insert(id, Session { app, kind, scheduled: false, phase });
                self.end(id, app_exited(ExitStatus::Unknown), now);
            }
        }
    }

    fn stand(&mut self, id: SessionId, app: AppId, kind: SessionKind, at: WallTime) {
        self.sessions.insert(id, Session { app, kind, scheduled: true, phase: Phase::Scheduled { at } });
        self.put(Output::Arm { session: id, at });
    }

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
        let (app, kind, scheduled) = (session.app.clone(), session.kind, session.scheduled);
        let expiration = since.plus(self.limits.of(kind));
        let left = ends_at.saturating_sub(now.since_boot);
        let lead = self.limits.will_expire_lead.min(left / 2); // S4
        let will_expire_at = Some(ends_at.saturating_sub(lead));
        self.set_phase(id, Phase::Running { since, expiration, ends_at, will_expire_at, ring: None });
        self.save(id, RecordedPhase::Running { since, expiration, scheduled });
        self.put(Output::Measure { session: id, app: app.clone(), kind });
        self.put(Output::Deliver { app, event: AppEvent::DidStart { session: id, expiration } });
    }

    pub(super) fn say_will_expire(&mut self, id: SessionId, now: Now) {
        let Some(Session { app, phase: Phase::Running { ends_at, will_expire_at, .. }, .. }) =
            self.sessions.get_mut(&id)
        else {
            return;
        };
        *will_expire_at = None;
        let event = AppEvent::WillExpire { session: id, remaining: ends_at.saturating_sub(now.since_boot) };
        let app = app.clone();
        self.put(Output::Deliver { app, event });
    }

    /// Ends a session, whatever its state, with the one `did_invalidate` that it gets (S4).
    pub(super) fn end(&mut self, id: SessionId, end: End, now: Now) {
        let Some(session) = self.sessions.get(&id) else { return };
        let app = session.app.clone();
        let expiration = session.expiration();
        match session.phase {
            Phase::Invalid { .. } => return,
            Phase::NotStarted | Phase::Handed { .. } => {}
            Phase::Scheduled { .. } => self.put(Output::Disarm { session: id }),
            Phase::Running { ref ring, .. } => {
                let rang = ring.is_some();
                self.put(Output::StopMeasuring { session: id });
                if rang {
                    self.put(Output::Silence { session: id });
                }
            }
        }
        let was_open = self.sessions.get(&id).is_some_and(Session::is_open);
        self.make_room_for_ended(&app);
        self.set_phase(id, Phase::Invalid { expiration });
        self.put(Output::Deliver { app: app.clone(), event: AppEvent::DidInvalidate { session: id, end } });
        if was_open {
            self.put(Output::Forget { session: id }); // after the event is in the journal (D1)
        }
        self.rest(&app, now);
        self.refresh_alerts();
    }

    pub(super) fn set_phase(&mut self, id: SessionId, phase: Phase) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (before, state) = (session.phase.state(), phase.state());
        session.phase = phase;
        if before != state {
            let app = session.app.clone();
            self.put(Output::SessionStateChanged { session: id, app, state });
        }
    }

    pub(super) fn save(&mut self, id: SessionId, phase: RecordedPhase) {
        if let Some(session) = self.sessions.get(&id) {
            let record = SessionRecord { session: id, app: session.app.clone(), kind: session.kind, phase };
            self.put(Output::Save(record));
        }
    }

    /// Ended sessions stay to be asked about (S5), no more of them than an app may have open. The one that ends
    /// next always stays.
    fn make_room_for_ended(&mut self, app: &AppId) {
        let ended = |session: &Session| session.app == *app && session.phase.state() == SessionState::Invalid;
        let ids: Vec<_> =
            self.sessions.iter().filter(|(_, session)| ended(session)).map(|(id, _)| *id).collect();
        for id in ids.iter().take((ids.len() + 1).saturating_sub(self.limits.sessions_per_app)) {
            self.sessions.remove(id);
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
