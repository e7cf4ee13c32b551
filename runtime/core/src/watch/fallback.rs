//! The fallback alarm (N7): what the runtime rings itself when an app did not.

use std::time::Duration;

use super::{Phase, Watch};
use crate::app::AppId;
use crate::haptics::Haptic;
use crate::record::{RecordedFallback, RecordedPhase, SessionRecord};
use crate::session::{Cause, End, SessionId, SessionKind};
use crate::time::{Now, WallTime};
use crate::watch::{Output, TimeoutReason};

/// The haptic of a fallback alarm.
const HAPTIC: Haptic = Haptic::Notification;

/// An alarm that the runtime rings unless the app does.
#[derive(Debug)]
pub(super) struct Fallback {
    pub(super) app: AppId,
    kind: SessionKind,
    /// When it rings, and when that is over.
    pub(super) rings_at: Duration,
    pub(super) over_at: Duration,
    /// The same on the wall clock, for the disk.
    at: WallTime,
    until: WallTime,
    pub(super) ring: Option<FallbackRing>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FallbackRing {
    pub(super) last: Duration,
    pub(super) snoozed_until: Option<Duration>,
}

impl Fallback {
    /// When it rings, on the wall clock.
    pub(super) const fn at(&self) -> WallTime {
        self.at
    }

    pub(super) fn rings(&self) -> bool {
        self.ring.is_some_and(|ring| ring.snoozed_until.is_none())
    }

    /// What is to be on disk when its session is over.
    pub(super) fn record(&self, session: SessionId) -> SessionRecord {
        let phase = RecordedPhase::Fallback(self.recorded());
        SessionRecord { session, app: self.app.clone(), kind: self.kind, phase }
    }

    pub(super) fn recorded(&self) -> RecordedFallback {
        let snoozed_until = self.ring.and_then(|ring| ring.snoozed_until);
        RecordedFallback {
            at: self.at,
            until: self.until,
            over_at: self.over_at,
            snoozed_until: snoozed_until.map(|at| self.until.minus(self.over_at.saturating_sub(at))),
        }
    }
}

impl RecordedFallback {
    /// When it is over; where that was not written, or on another boot, by the wall clock.
    fn over_at(self, now: Now) -> Duration {
        if self.over_at.is_zero() { now.after(self.until.since(now.wall)) } else { self.over_at }
    }
}

impl Watch {
    /// The session came due within its window, which closes at `ends_at` and `expiration`: if its app does not
    /// ring, the runtime will.
    pub(super) fn plan_fallback(&mut self, id: SessionId, ends_at: Duration, expiration: WallTime, now: Now) {
        let Some(session) = self.sessions.get(&id) else { return };
        if !self.limits.extensions.fallback {
            return;
        }
        let left = ends_at.saturating_sub(now.since_boot);
        let lead = self.limits.fallback_lead.min(left / 2);
        let rings_at = ends_at.saturating_sub(lead);
        let at = expiration.minus(lead);
        let fallback = Fallback {
            app: session.app.clone(),
            kind: session.kind,
            rings_at,
            over_at: rings_at.saturating_add(self.limits.fallback_time),
            at,
            until: at.plus(self.limits.fallback_time),
            ring: None,
        };
        self.fallbacks.insert(id, fallback);
    }

    /// An alarm whose window closed while the runtime was dead rings now, if it is not too late for that. Answers
    /// whether it does.
    pub(super) fn ring_late(
        &mut self,
        id: SessionId,
        app: &AppId,
        kind: SessionKind,
        expiration: WallTime,
        now: Now,
    ) -> bool {
        let lead = self.limits.fallback_lead.min(self.limits.of(kind) / 2);
        let at = expiration.minus(lead);
        let until = at.plus(self.limits.fallback_time);
        let in_time = self.limits.extensions.fallback && now.wall < until;
        if in_time {
            let planned = RecordedFallback { at, until, over_at: Duration::ZERO, snoozed_until: None };
            self.take_up_fallback(id, app.clone(), kind, planned, now);
        }
        in_time
    }

    pub(super) fn restore_fallback(
        &mut self,
        id: SessionId,
        app: AppId,
        kind: SessionKind,
        recorded: RecordedFallback,
        now: Now,
    ) {
        if !self.limits.extensions.fallback {
            self.put(Output::Forget { session: id });
        } else if recorded.over_at(now) > now.since_boot {
            self.take_up_fallback(id, app, kind, recorded, now);
        } else {
            self.put(Output::TellMissed { session: id, app, at: recorded.at });
            self.put(Output::Forget { session: id });
        }
    }

    fn take_up_fallback(
        &mut self,
        id: SessionId,
        app: AppId,
        kind: SessionKind,
        recorded: RecordedFallback,
        now: Now,
    ) {
        let RecordedFallback { at, until, snoozed_until, .. } = recorded;
        let over_at = recorded.over_at(now);
        let rings_at = over_at.saturating_sub(until.since(at));
        let ring = snoozed_until.map(|snoozed_until| FallbackRing {
            last: now.since_boot,
            snoozed_until: Some(over_at.saturating_sub(until.since(snoozed_until))),
        });
        if ring.is_some() {
            self.loud.insert(id);
        }
        self.fallbacks.insert(id, Fallback { app, kind, rings_at, over_at, at, until, ring });
    }

    /// That of a session which goes on.
    pub(super) fn resume_fallback(&mut self, id: SessionId, recorded: Option<RecordedFallback>, now: Now) {
        let (Some(recorded), Some(session)) = (recorded, self.sessions.get(&id)) else { return };
        let (Phase::Handed { since, .. } | Phase::Running { since, .. }) = session.phase else { return };
        let (app, kind) = (session.app.clone(), session.kind);
        if !self.limits.extensions.fallback {
            return;
        }
        if recorded.over_at(now) > now.since_boot {
            self.take_up_fallback(id, app, kind, recorded, now);
        } else {
            self.put(Output::TellMissed { session: id, app, at: since });
        }
    }

    /// What becomes of a session's fallback at its end: whoever ended it knowingly is awake. Otherwise it stays, and
    /// so does a record of it.
    pub(super) fn keep_fallback(&mut self, id: SessionId, end: &End) -> Option<SessionRecord> {
        if let Some(Cause::AppInvalidated | Cause::UserStoppedAlarm | Cause::DisabledByUser) = end.cause {
            self.drop_fallback(id);
        }
        let fallback = self.fallbacks.get(&id)?;
        Some(fallback.record(id))
    }

    /// The fallback is over, and silent.
    fn drop_fallback(&mut self, id: SessionId) {
        if self.fallbacks.remove(&id).is_some_and(|fallback| fallback.rings()) {
            self.put(Output::Silence { session: id });
        }
    }

    /// The fallback of a session is over; with it goes its record, unless the session itself still has one.
    pub(super) fn end_fallback(&mut self, id: SessionId) {
        self.drop_fallback(id);
        self.refresh_alerts();
        if self.sessions.get(&id).is_some_and(super::Session::is_open) {
            self.save(id);
        } else {
            self.put(Output::Forget { session: id });
        }
    }

    /// How many fallbacks of the app have a session that is over.
    pub(super) fn fallbacks_alone(&self, app: &AppId) -> usize {
        let is_over = |id: &SessionId| self.sessions.get(id).is_none_or(super::Session::is_over);
        self.fallbacks.iter().filter(|(id, fallback)| fallback.app == *app && is_over(id)).count()
    }

    pub(super) fn forget_fallbacks_of(&mut self, app: &AppId) {
        let of_app = self.fallbacks.iter().filter(|(_, fallback)| fallback.app == *app);
        let ids: Vec<_> = of_app.map(|(id, _)| *id).collect();
        for id in ids {
            self.end_fallback(id);
        }
    }

    pub(super) fn handle_fallback_timeout(&mut self, id: SessionId, reason: TimeoutReason, now: Now) {
        match reason {
            TimeoutReason::Fallback | TimeoutReason::NextHaptic | TimeoutReason::SnoozeOver => {
                self.ring_fallback(id, now);
            }
            TimeoutReason::FallbackOver => self.end_fallback(id),
            TimeoutReason::FrontmostTime
            | TimeoutReason::SuspendGrace
            | TimeoutReason::LeaveTime
            | TimeoutReason::HandleTime
            | TimeoutReason::WillExpire
            | TimeoutReason::Limit
            | TimeoutReason::Occurrence => {}
        }
    }

    fn ring_fallback(&mut self, id: SessionId, now: Now) {
        let Some(fallback) = self.fallbacks.get_mut(&id) else { return };
        fallback.ring = Some(FallbackRing { last: now.since_boot, snoozed_until: None });
        let app = fallback.app.clone();
        self.put(Output::Ring { session: id, app, haptic: HAPTIC });
        self.loud.insert(id);
        self.refresh_alerts();
    }

    /// The end of the window of a session that is due, on the clock since boot.
    pub(super) fn ends_at(expiration: WallTime, now: Now) -> Duration {
        now.after(expiration.since(now.wall))
    }

    pub(super) fn is_running(&self, id: SessionId) -> bool {
        self.sessions.get(&id).is_some_and(|session| matches!(session.phase, Phase::Running { .. }))
    }
}
