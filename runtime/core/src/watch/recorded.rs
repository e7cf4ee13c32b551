//! Where a session stands, as it is written down (D2, A6).

use super::fallback::Fallback;
use super::{Delegate, Phase, Session, Watch};
use crate::event::AppEvent;
use crate::record::{RecordedPhase, SessionRecord};
use crate::session::SessionId;
use crate::time::WallTime;
use crate::watch::Output;

impl Watch {
    /// Writes down where the session stands.
    pub(super) fn save(&mut self, id: SessionId) {
        if let Some(record) = self.record(id) {
            self.put(Output::Save(record));
        }
    }

    /// Tells its app that the session went a step further, and writes down that it did.
    pub(super) fn advance(&mut self, id: SessionId, event: AppEvent) {
        if let Some(record) = self.record(id) {
            self.put(Output::Advance { app: record.app.clone(), event, record });
        }
    }

    /// Tells its app to set a delegate for the session (A4, S14).
    pub(super) fn tell_handle(&mut self, id: SessionId) {
        let closes_at = self.sessions.get(&id).and_then(|session| self.closes_at(session));
        if let Some(expiration) = closes_at {
            self.advance(id, AppEvent::Handle { session: id, expiration });
        }
    }

    /// What is to be on disk of a session that is open, or of its fallback when it is over.
    fn record(&self, id: SessionId) -> Option<SessionRecord> {
        let fallback = self.fallbacks.get(&id);
        match self.sessions.get(&id).filter(|session| session.is_open()) {
            Some(session) => {
                let phase =
                    session.recorded(self.closes_at(session), self.launches(&session.app), fallback)?;
                Some(SessionRecord { session: id, app: session.app.clone(), kind: session.kind, phase })
            }
            None => fallback.map(|fallback| fallback.record(id)),
        }
    }

    /// The end of the window of a session that was handed over or runs.
    pub(super) fn closes_at(&self, session: &Session) -> Option<WallTime> {
        match session.phase {
            Phase::Handed { since, .. } => Some(since.plus(self.limits.of(session.kind))),
            Phase::Running { expiration, .. } => Some(expiration),
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Invalid { .. } => None,
        }
    }
}

impl Session {
    /// Where it stands; `closes_at` is the end of its window, and `launch` that of its app's process. None: there is
    /// nothing to write down.
    fn recorded(
        &self,
        closes_at: Option<WallTime>,
        launch: u32,
        fallback: Option<&Fallback>,
    ) -> Option<RecordedPhase> {
        let rang = self.rang;
        let fallback = fallback.map(Fallback::recorded);
        match &self.phase {
            Phase::NotStarted | Phase::Invalid { .. } => None,
            Phase::Scheduled { at } => Some(RecordedPhase::Scheduled { at: *at, recurring: self.recurring }),
            Phase::Handed { since, ends_at, .. } => Some(RecordedPhase::Handed {
                since: *since,
                expiration: closes_at?,
                ends_at: *ends_at,
                rang,
                launch,
                fallback,
            }),
            Phase::Running { since, expiration, ends_at, will_expire_at, delegate, ring } => {
                Some(RecordedPhase::Running {
                    since: *since,
                    expiration: *expiration,
                    ends_at: *ends_at,
                    scheduled: self.scheduled,
                    rang,
                    warned: will_expire_at.is_none(),
                    handed: *delegate != Delegate::Set,
                    launch,
                    ring: ring.as_ref().map(super::ring::Ring::recorded),
                    fallback,
                })
            }
        }
    }
}
