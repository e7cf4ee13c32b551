//! The ringing alarm: N1–N4.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Phase, Session, Watch};
use crate::app::{AppId, AppState};
use crate::event::AppEvent;
use crate::haptics::Haptic;
use crate::session::{Cause, End, Reason, SessionId};
use crate::time::Now;
use crate::watch::{CallError, Output};

/// When the next haptic of an alarm comes (N2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// At the default interval.
    Default,
    /// This many milliseconds after the one before; zero or less: never again.
    EveryMs(i64),
    /// The app is asked after each; until it answers, at the interval it gave last, or the default.
    Ask,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    haptic: Haptic,
    repeat: Repeat,
    /// From the last haptic to the next; none: there is no next.
    interval: Option<Duration>,
    /// How many haptics the session has played, over all its rings: it names the question that an app answers.
    played: u32,
    /// How many had been played when the app last answered.
    answered: u32,
    last: Duration,
}

impl Ring {
    pub(super) fn next(&self) -> Option<Duration> {
        let interval = self.interval.filter(|interval| !interval.is_zero())?; // N2: zero stops
        Some(self.last.saturating_add(interval))
    }

    fn awaits_answer(&self, played: u32) -> bool {
        self.repeat == Repeat::Ask && self.played == played && self.answered < played
    }
}

impl Watch {
    /// The app rings: a haptic now, and again as `repeat` says, until it is stopped (N1–N3). Calling again
    /// replaces the haptic and the repetition.
    ///
    /// # Errors
    /// When the session is not the app's, or no running alarm (N1).
    pub fn notify_user(
        &mut self,
        app: &AppId,
        id: SessionId,
        haptic: Haptic,
        repeat: Repeat,
        now: Now,
    ) -> Result<(), CallError> {
        let session = self.session_of(app, id)?;
        if !session.scheduled || !matches!(session.phase, Phase::Running { .. }) {
            return Err(CallError::NotARunningAlarm);
        }
        let interval = match repeat {
            Repeat::Default | Repeat::Ask => Some(self.limits.default_interval),
            Repeat::EveryMs(interval_ms) => self.allowed_interval(interval_ms),
        };
        if let Some(ring) = self.ring_mut(id) {
            let played = ring.map_or(0, |before| before.played);
            *ring = Some(Ring { haptic, repeat, interval, played, answered: played, last: now.since_boot });
        }
        self.play_haptic(id, now);
        if let Repeat::EveryMs(interval_ms) = repeat {
            self.say_if_shortened(id, interval_ms);
        }
        self.refresh_alerts();
        Ok(())
    }

    /// The app says when the next haptic comes, and which (N2). An answer that comes twice or late, after the
    /// next haptic, changes nothing.
    ///
    /// # Errors
    /// When the session is not the app's or does not ring.
    pub fn handle_repeat(
        &mut self,
        app: &AppId,
        id: SessionId,
        played: u32,
        interval_ms: i64,
        haptic: Option<Haptic>,
    ) -> Result<(), CallError> {
        self.session_of(app, id)?;
        let interval = self.allowed_interval(interval_ms);
        let Some(Some(ring)) = self.ring_mut(id) else { return Err(CallError::NotRinging(id)) };
        if ring.awaits_answer(played) {
            ring.answered = played;
            ring.interval = interval;
            ring.haptic = haptic.unwrap_or(ring.haptic);
            self.say_if_shortened(id, interval_ms);
        }
        Ok(())
    }

    /// The user stops the alarm (N3, N4).
    ///
    /// # Errors
    /// When the session does not ring.
    pub fn stop_alarm(&mut self, id: SessionId, now: Now) -> Result<(), CallError> {
        self.ringing(id)?;
        self.end(id, End::by(Reason::None, Cause::UserStoppedAlarm), now);
        Ok(())
    }

    /// The user opens the app of the alarm from its alert (N4): the app becomes active and has to end it.
    ///
    /// # Errors
    /// When the session does not ring.
    pub fn open_alarm(&mut self, id: SessionId, now: Now) -> Result<(), CallError> {
        let app = self.ringing(id)?;
        self.handle_open(&app, now)
    }

    fn ringing(&self, id: SessionId) -> Result<AppId, CallError> {
        match self.sessions.get(&id) {
            Some(Session { app, phase: Phase::Running { ring: Some(_), .. }, .. }) => Ok(app.clone()),
            Some(_) | None => Err(CallError::NotRinging(id)),
        }
    }

    /// The next haptic of a ringing alarm.
    pub(super) fn play_haptic(&mut self, id: SessionId, now: Now) {
        let Some(app) = self.sessions.get(&id).map(|session| session.app.clone()) else { return };
        let Some(Some(ring)) = self.ring_mut(id) else { return };
        ring.played = ring.played.saturating_add(1);
        ring.last = now.since_boot;
        let (haptic, played, asks) = (ring.haptic, ring.played, ring.repeat == Repeat::Ask);
        self.put(Output::Ring { session: id, app: app.clone(), haptic });
        if asks {
            self.put(Output::Deliver { app, event: AppEvent::RepeatAsked { session: id, played } });
        }
    }

    /// N2: zero or less stops; more than the longest interval is taken as that.
    fn allowed_interval(&self, interval_ms: i64) -> Option<Duration> {
        Some(asked_interval(interval_ms)?.min(self.limits.max_interval))
    }

    fn say_if_shortened(&mut self, id: SessionId, interval_ms: i64) {
        let (Some(asked), Some(given)) = (asked_interval(interval_ms), self.allowed_interval(interval_ms))
        else {
            return;
        };
        if given < asked {
            self.put(Output::IntervalShortened { session: id, asked, given });
        }
    }

    fn ring_mut(&mut self, id: SessionId) -> Option<&mut Option<Ring>> {
        match self.sessions.get_mut(&id)?.phase {
            Phase::Running { ref mut ring, .. } => Some(ring),
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Handed { .. } | Phase::Invalid { .. } => {
                None
            }
        }
    }

    /// Shows an alert for each ringing session whose app is not active, and for no other (N4).
    pub(super) fn refresh_alerts(&mut self) {
        let ringing = self.sessions.iter().filter(|(_, session)| self.alerts_for(session));
        let wanted: BTreeMap<_, _> = ringing.map(|(id, session)| (*id, session.app.clone())).collect();
        let shown = std::mem::replace(&mut self.alerts, wanted.clone());
        for (session, app) in shown.iter().filter(|(id, _)| !wanted.contains_key(id)) {
            self.put(Output::ClearAlert { session: *session, app: app.clone() });
        }
        for (session, app) in wanted.into_iter().filter(|(id, _)| !shown.contains_key(id)) {
            self.put(Output::ShowAlert { session, app });
        }
    }

    fn alerts_for(&self, session: &Session) -> bool {
        session.rings() && self.app_state(&session.app) != Some(AppState::Active)
    }
}

fn asked_interval(interval_ms: i64) -> Option<Duration> {
    u64::try_from(interval_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
}

impl Session {
    /// Whether it rings, or did and is not stopped yet.
    pub(super) const fn rings(&self) -> bool {
        matches!(self.phase, Phase::Running { ring: Some(_), .. })
    }
}
