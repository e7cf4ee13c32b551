//! The alert of an alarm, and what the user does with it: N4, N5.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Fallback, Phase, Session, Watch, Wrist};
use crate::app::{AppId, AppState};
use crate::session::{Cause, End, Reason, SessionId};
use crate::time::Now;
use crate::watch::{CallError, Output};

/// What rings, or is snoozed.
enum Ringing {
    /// The app's own alarm.
    Session,
    /// That of the runtime (N7).
    Fallback,
}

impl Watch {
    /// The user stops the alarm, and its session with it (N3, N4, N7).
    ///
    /// # Errors
    /// When the session does not ring.
    pub fn stop_alarm(&mut self, id: SessionId, now: Now) -> Result<(), CallError> {
        self.ringing(id)?;
        if self.sessions.get(&id).is_some_and(Session::is_open) {
            self.end(id, End::by(Reason::None, Cause::UserStoppedAlarm), now);
        } else {
            self.end_fallback(id);
        }
        Ok(())
    }

    /// The user opens the app of the alarm from its alert (N4): the screen is on, the app becomes active and has to
    /// end its alarm. A fallback alarm ends itself (N7).
    ///
    /// # Errors
    /// When the session does not ring.
    pub fn open_alarm(&mut self, id: SessionId, now: Now) -> Result<(), CallError> {
        let (app, ringing) = self.ringing(id)?;
        let rings = self.sessions.get(&id).is_some_and(Session::rings)
            || self.fallbacks.get(&id).is_some_and(Fallback::rings);
        if !rings {
            return Err(CallError::NotRinging(id)); // N5: while it is snoozed there is no alert to open it from
        }
        if let Ringing::Fallback = ringing {
            self.end_fallback(id);
        }
        self.wrist = Wrist::Up;
        self.handle_open(&app, now)
    }

    /// The user wants the alarm to ring again after `span`, or the time that is set (N5).
    ///
    /// # Errors
    /// When the session does not ring, or its window has no room for that; it rings on.
    pub fn snooze_alarm(&mut self, id: SessionId, span: Option<Duration>, now: Now) -> Result<(), CallError> {
        if !self.limits.extensions.snooze {
            return Err(CallError::NotOffered);
        }
        let (_, ringing) = self.ringing(id)?;
        let until = now.after(span.unwrap_or(self.limits.snooze));
        let ends_at = match ringing {
            Ringing::Session => self.sessions.get(&id).and_then(Session::ends_at),
            Ringing::Fallback => self.fallbacks.get(&id).map(|fallback| fallback.over_at),
        };
        let ends_at = ends_at.unwrap_or_default();
        if until <= now.since_boot || until >= ends_at {
            return Err(CallError::NoRoomToSnooze { left: ends_at.saturating_sub(now.since_boot) });
        }
        self.put_to_sleep(id, until);
        self.save(id);
        self.refresh_alerts();
        Ok(())
    }

    fn put_to_sleep(&mut self, id: SessionId, until: Duration) {
        let snoozed_until = match self.ring_mut(id) {
            Some(Some(ring)) => Some(&mut ring.snoozed_until),
            Some(None) | None => None,
        };
        let before = match snoozed_until {
            Some(snoozed_until) => snoozed_until.replace(until),
            None => {
                let fallback = self.fallbacks.get_mut(&id).and_then(|fallback| fallback.ring.as_mut());
                fallback.and_then(|ring| ring.snoozed_until.replace(until))
            }
        };
        if before.is_none() {
            self.put(Output::Silence { session: id });
        }
    }

    /// The snooze is over: it rings again (N5).
    pub(super) fn end_snooze(&mut self, id: SessionId, now: Now) {
        if let Some(Some(ring)) = self.ring_mut(id) {
            ring.snoozed_until = None;
        }
        self.play_haptic(id, now);
        self.refresh_alerts();
    }

    fn ringing(&self, id: SessionId) -> Result<(AppId, Ringing), CallError> {
        if let Some(Session { app, phase: Phase::Running { ring: Some(_), .. }, .. }) = self.sessions.get(&id)
        {
            return Ok((app.clone(), Ringing::Session));
        }
        match self.fallbacks.get(&id) {
            Some(fallback) if fallback.ring.is_some() => Ok((fallback.app.clone(), Ringing::Fallback)),
            Some(_) | None => Err(CallError::NotRinging(id)),
        }
    }

    /// Shows an alert for each alarm that rings while its app is not active, and for each fallback that does, and
    /// for no other (N4, N7).
    pub(super) fn refresh_alerts(&mut self) {
        if self.loud.is_empty() {
            return;
        }
        let mut loud = std::mem::take(&mut self.loud);
        loud.retain(|id| self.is_loud(*id));
        let wanted: BTreeMap<_, _> =
            loud.iter().filter_map(|id| Some((*id, self.app_with_alert(*id)?.clone()))).collect();
        self.loud = loud;
        let shown = std::mem::replace(&mut self.alerts, wanted.clone());
        for (session, app) in shown.iter().filter(|(id, _)| !wanted.contains_key(id)) {
            self.put(Output::ClearAlert { session: *session, app: app.clone() });
        }
        for (session, app) in wanted.into_iter().filter(|(id, _)| !shown.contains_key(id)) {
            self.put(Output::ShowAlert { session, app });
        }
    }

    fn is_loud(&self, id: SessionId) -> bool {
        let by_app = self.sessions.get(&id).is_some_and(|session| session.ring().is_some());
        by_app || self.fallbacks.get(&id).is_some_and(|fallback| fallback.ring.is_some())
    }

    /// The app of an alarm whose alert is to be shown.
    fn app_with_alert(&self, id: SessionId) -> Option<&AppId> {
        let session = self.sessions.get(&id).filter(|session| session.rings());
        let inactive = session.filter(|session| self.app_state(&session.app) != Some(AppState::Active));
        let fallback = self.fallbacks.get(&id).filter(|fallback| fallback.rings());
        inactive.map(|session| &session.app).or(fallback.map(|fallback| &fallback.app))
    }

    /// Whether an alarm rings that is not this app's (H2).
    pub(super) fn another_rings(&self, app: &AppId) -> bool {
        self.loud.iter().any(|id| {
            let session = self.sessions.get(id).filter(|session| session.rings());
            let fallback = self.fallbacks.get(id).filter(|fallback| fallback.rings());
            session.is_some_and(|session| session.app != *app)
                || fallback.is_some_and(|fallback| fallback.app != *app)
        })
    }
}
