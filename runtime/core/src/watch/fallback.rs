//! The fallback alarm (N7): what the runtime rings itself when an app did not.

use std::time::Duration;

use super::{Phase, Watch};
use crate::app::AppId;
use crate::haptics::Haptic;
use crate::record::{RecordedPhase, SessionRecord};
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
            self.take_up_fallback(id, app.clone(), kind, at, until, now);
        }
        in_time
    }

    pub(super) fn restore_fallback(
        &mut self,
        id: SessionId,
        app: AppId,
        kind: SessionKind,
        (at, until): (WallTime, WallTime),
        now: Now,
    ) {
        if !self.limits.extensions.fallback {
            self.put(Output::Forget { session: id });
        } else if now.wall < until {
            self.take_up_fallback(id, app, kind, at, until, now);
        } else {
            self.put(Output::TellMissed { session: id, app, at });
            self.put(Output::Forget { session: id });
        }
    }

    fn take_up_fallback(
        &mut self,
        id: SessionId,
        app: AppId,
        kind: SessionKind,
        at: WallTime,
        until: WallTime,
        now: Now,
    ) {
        let rings_at = now.after(at.since(now.wall));
        let over_at = now.after(until.since(now.wall));
        self.fallbacks.insert(id, Fallback { app, kind, rings_at, over_at, at, until, ring: None });
    }

    /// What becomes of a session's fallback at its end: whoever ended it knowingly is awake. Otherwise it stays, and
    /// so does a record of it.
    pub(super) fn keep_fallback(&mut self, id: SessionId, end: &End) -> Option<SessionRecord> {
        if let Some(Cause::AppInvalidated | Cause::UserStoppedAlarm | Cause::DisabledByUser) = end.cause {
            self.drop_fallback(id);
        }
        let fallback = self.fallbacks.get(&id)?;
        let phase = RecordedPhase::Fallback { at: fallback.at, until: fallback.until };
        Some(SessionRecord { session: id, app: fallback.app.clone(), kind: fallback.kind, phase })
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
        if !self.sessions.get(&id).is_some_and(super::Session::is_open) {
            self.put(Output::Forget { session: id });
        }
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
