//! The ringing alarm: N1–N3.

use std::time::Duration;

use super::{Phase, Session, Watch};
use crate::app::AppId;
use crate::event::AppEvent;
use crate::haptics::Haptic;
use crate::record::RecordedRing;
use crate::session::SessionId;
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
    /// When it was taken up after a restart: its next haptic was due then.
    taken_up: Option<Duration>,
    /// When it rings again, while it is snoozed (N5).
    pub(super) snoozed_until: Option<Duration>,
}

impl Ring {
    pub(super) fn next(&self) -> Option<Duration> {
        let awake = self.snoozed_until.is_none();
        let interval = self.interval.filter(|interval| awake && !interval.is_zero())?; // N2: zero stops
        Some(self.taken_up.unwrap_or(self.last.saturating_add(interval)))
    }

    pub(super) const fn recorded(&self) -> RecordedRing {
        let Self { haptic, repeat, interval, played, snoozed_until, .. } = *self;
        RecordedRing { haptic, repeat, interval, played, snoozed_until }
    }

    /// One that rang before the runtime died: its next haptic is due now, unless it is snoozed. What the app was asked
    /// last it may answer still.
    pub(super) fn resumed(recorded: RecordedRing, now: Now) -> Self {
        let RecordedRing { haptic, repeat, interval, played, snoozed_until } = recorded;
        let (last, answered) = (now.since_boot, played.saturating_sub(1));
        Self { haptic, repeat, interval, played, answered, last, taken_up: Some(last), snoozed_until }
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
        if !session.scheduled || !self.is_running(id) {
            let is_error = self.limits.extensions.notify_errors;
            return if is_error { Err(CallError::NotARunningAlarm) } else { Ok(()) };
        }
        let interval = match repeat {
            Repeat::Default | Repeat::Ask => Some(self.limits.default_interval),
            Repeat::EveryMs(interval_ms) => self.allowed_interval(interval_ms),
        };
        if self.is_snoozed_beyond_its_end(id) {
            return Ok(()); // the app's alarm would end with the session; the runtime's goes on
        }
        let fallback = self.fallbacks.remove(&id); // N7: the app rings, and the runtime need not
        let fallback_snoozed = fallback.and_then(|fallback| fallback.ring?.snoozed_until);
        let Some(ring) = self.ring_mut(id) else { return Ok(()) };
        let (played, snoozed_until) =
            ring.map_or((0, fallback_snoozed), |ring| (ring.played, ring.snoozed_until));
        let last = now.since_boot;
        *ring = Some(Ring {
            haptic,
            repeat,
            interval,
            played,
            answered: played,
            last,
            taken_up: None,
            snoozed_until,
        });
        let saves = self.sessions.get(&id).is_some_and(|session| session.rang) || snoozed_until.is_some();
        if snoozed_until.is_none() {
            self.play_haptic(id, now); // the first one is written down with it
        }
        if saves {
            self.save(id);
        }
        self.loud.insert(id);
        if let Repeat::EveryMs(interval_ms) = repeat {
            self.say_if_changed(id, interval_ms);
        }
        self.refresh_alerts();
        Ok(())
    }

    /// Whether the user put the fallback alarm of the session off to a time at which the session is over (N5, N7).
    fn is_snoozed_beyond_its_end(&self, id: SessionId) -> bool {
        let ends_at = self.sessions.get(&id).and_then(Session::ends_at);
        let ring = self.fallbacks.get(&id).and_then(|fallback| fallback.ring);
        ring.and_then(|ring| ring.snoozed_until).is_some_and(|until| ends_at.is_some_and(|end| end <= until))
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
            let before = (ring.interval, ring.haptic);
            ring.answered = played;
            ring.interval = interval;
            ring.haptic = haptic.unwrap_or(ring.haptic);
            if (ring.interval, ring.haptic) != before {
                self.save(id);
            }
            self.say_if_changed(id, interval_ms);
        }
        Ok(())
    }

    /// The next haptic of a ringing alarm.
    pub(super) fn play_haptic(&mut self, id: SessionId, now: Now) {
        let Some(app) = self.sessions.get(&id).map(|session| session.app.clone()) else { return };
        let Some(Some(ring)) = self.ring_mut(id) else { return };
        ring.played = ring.played.saturating_add(1);
        ring.last = now.since_boot;
        ring.taken_up = None;
        let (haptic, played, asks) = (ring.haptic, ring.played, ring.repeat == Repeat::Ask);
        self.put(Output::Ring { session: id, app: app.clone(), haptic });
        self.note_rang(id);
        if asks {
            self.put(Output::Deliver { app, event: AppEvent::RepeatAsked { session: id, played } });
        }
    }

    /// The app has rung, which outlives a restart (N6, N7); after the haptic, as the power may fail in between.
    fn note_rang(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !std::mem::replace(&mut session.rang, true) {
            self.save(id);
        }
    }

    /// N2: zero or less stops; what is too short or too long is taken as the nearest that is neither.
    fn allowed_interval(&self, interval_ms: i64) -> Option<Duration> {
        Some(asked_interval(interval_ms)?.max(self.limits.min_interval).min(self.limits.max_interval))
    }

    fn say_if_changed(&mut self, id: SessionId, interval_ms: i64) {
        let (Some(asked), Some(given)) = (asked_interval(interval_ms), self.allowed_interval(interval_ms))
        else {
            return;
        };
        if given != asked {
            self.put(Output::IntervalChanged { session: id, asked, given });
        }
    }

    pub(super) fn ring_mut(&mut self, id: SessionId) -> Option<&mut Option<Ring>> {
        match self.sessions.get_mut(&id)?.phase {
            Phase::Running { ref mut ring, .. } => Some(ring),
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Handed { .. } | Phase::Invalid { .. } => {
                None
            }
        }
    }
}

fn asked_interval(interval_ms: i64) -> Option<Duration> {
    u64::try_from(interval_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis)
}

impl Session {
    pub(super) const fn ring(&self) -> Option<&Ring> {
        match &self.phase {
            Phase::Running { ring, .. } => ring.as_ref(),
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Handed { .. } | Phase::Invalid { .. } => {
                None
            }
        }
    }

    /// Whether it rings, or did and is not stopped yet; a snoozed alarm does not.
    pub(super) fn rings(&self) -> bool {
        self.ring().is_some_and(|ring| ring.snoozed_until.is_none())
    }

    /// When it ends, on the clock since boot, once that is fixed.
    pub(super) const fn ends_at(&self) -> Option<Duration> {
        match self.phase {
            Phase::Handed { ends_at, .. } | Phase::Running { ends_at, .. } => Some(ends_at),
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Invalid { .. } => None,
        }
    }
}
