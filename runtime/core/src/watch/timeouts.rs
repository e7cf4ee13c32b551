//! One timer for all: what comes next, and what is due.

use std::time::Duration;

use super::timers::{NEVER, Subject, Times};
use super::{Delegate, Fallback, Installed, Phase, Watch};
use crate::app::AppId;
use crate::session::{Cause, End, ErrorCode, Reason, SessionId};
use crate::time::Now;
use crate::watch::TimeoutReason;

impl Watch {
    /// When [`Watch::handle_timeout`] is wanted next, on the clock since boot, and what for.
    pub fn poll_timeout(&mut self) -> Option<(Duration, TimeoutReason)> {
        self.follow_changes();
        self.timers.first().map(|(at, reason, _)| (*at, *reason))
    }

    /// Does all that is due at `now`, earliest first.
    pub fn handle_timeout(&mut self, now: Now) {
        loop {
            self.follow_changes();
            let Some((_, reason, subject)) = self.timers.first().filter(|(at, ..)| *at <= now.since_boot)
            else {
                return;
            };
            let reason = *reason;
            match subject.clone() {
                Subject::App(app) => self.handle_app_timeout(&app, reason, now),
                Subject::Session(id) => self.handle_session_timeout(id, reason, now),
                Subject::Fallback(id) => self.handle_fallback_timeout(id, reason, now),
            }
        }
    }

    /// Brings the timers up to date with all that was changed.
    fn follow_changes(&mut self) {
        for id in self.sessions.take_touched() {
            let session = self.sessions.get(&id);
            let times = session.map_or(NEVER, |session| session.phase.times());
            if let Some(app) = session.map(|session| session.app.clone()) {
                self.apps.get_mut(&app); // whose frontmost time a session may hold
            }
            self.timers.set(Subject::Session(id), times);
        }
        for app in self.apps.take_touched() {
            let times = match (self.apps.get(&app), self.leaving.get(&app)) {
                (Some(installed), _) => installed.times(self.running_frontmost_session(&app).is_some()),
                (None, Some(kill_at)) => [Some((*kill_at, TimeoutReason::LeaveTime)), None, None, None],
                (None, None) => NEVER,
            };
            self.timers.set(Subject::App(app), times);
        }
        for id in self.fallbacks.take_touched() {
            let times = self.fallbacks.get(&id).map_or(NEVER, |fallback| self.times_of(fallback));
            self.timers.set(Subject::Fallback(id), times);
        }
    }

    fn handle_app_timeout(&mut self, app: &AppId, reason: TimeoutReason, now: Now) {
        match reason {
            TimeoutReason::FrontmostTime => self.step_back(app, now), // L3
            TimeoutReason::SuspendGrace => self.suspend(app, now),    // L4, L5
            TimeoutReason::LeaveTime => self.kill(app),               // L7
            TimeoutReason::Occurrence => self.want_occurrence_again(app, now),
            TimeoutReason::HandleTime
            | TimeoutReason::SnoozeOver
            | TimeoutReason::WillExpire
            | TimeoutReason::Fallback
            | TimeoutReason::Limit
            | TimeoutReason::NextHaptic
            | TimeoutReason::FallbackOver => {}
        }
    }

    fn handle_session_timeout(&mut self, id: SessionId, reason: TimeoutReason, now: Now) {
        match reason {
            TimeoutReason::WillExpire => self.say_will_expire(id, now),
            TimeoutReason::NextHaptic => self.play_haptic(id, now),
            TimeoutReason::SnoozeOver => self.end_snooze(id, now),
            TimeoutReason::HandleTime => {
                self.end(id, End::with_error(ErrorCode::Unknown, Cause::NoDelegate), now); // A4
            }
            TimeoutReason::Limit => self.end_at_limit(id, now),
            TimeoutReason::FrontmostTime
            | TimeoutReason::SuspendGrace
            | TimeoutReason::LeaveTime
            | TimeoutReason::Fallback
            | TimeoutReason::FallbackOver
            | TimeoutReason::Occurrence => {}
        }
    }

    fn end_at_limit(&mut self, id: SessionId, now: Now) {
        let handed = self.sessions.get(&id).is_some_and(|s| matches!(s.phase, Phase::Handed { .. }));
        let end = if handed {
            End::with_error(ErrorCode::Unknown, Cause::NoDelegate)
        } else {
            End::by(Reason::Expired, Cause::LimitReached)
        };
        self.end(id, end, now);
    }

    fn times_of(&self, fallback: &Fallback) -> Times {
        let next = match &fallback.ring {
            None => (fallback.rings_at, TimeoutReason::Fallback),
            Some(ring) => match ring.snoozed_until {
                Some(until) => (until, TimeoutReason::SnoozeOver),
                None => (ring.last.saturating_add(self.limits.default_interval), TimeoutReason::NextHaptic),
            },
        };
        [Some(next), Some((fallback.over_at, TimeoutReason::FallbackOver)), None, None]
    }
}

impl Installed {
    /// A session that runs while the app is frontmost keeps it so, with the screen off as well (T2).
    fn times(&self, in_frontmost_session: bool) -> Times {
        let leaves_at = self.leaves_at.filter(|_| !in_frontmost_session);
        let ask_at = self.recurring.as_ref().and_then(|recurring| recurring.ask_at);
        [
            leaves_at.map(|at| (at, TimeoutReason::FrontmostTime)),
            self.suspends_at.map(|at| (at, TimeoutReason::SuspendGrace)),
            self.kill_at.map(|at| (at, TimeoutReason::LeaveTime)),
            ask_at.map(|at| (at, TimeoutReason::Occurrence)),
        ]
    }
}

impl Phase {
    fn times(&self) -> Times {
        use TimeoutReason::{HandleTime, Limit, NextHaptic, SnoozeOver, WillExpire};
        match self {
            Self::NotStarted | Self::Scheduled { .. } | Self::Invalid { .. } => NEVER,
            Self::Handed { ends_at, deadline, .. } => {
                [Some((*ends_at, Limit)), deadline.map(|at| (at, HandleTime)), None, None]
            }
            Self::Running { ends_at, will_expire_at, delegate, ring, .. } => {
                let next = ring.as_ref().and_then(super::ring::Ring::next).map(|at| (at, NextHaptic));
                let snoozed_until = ring.as_ref().and_then(|ring| ring.snoozed_until);
                let deadline = match delegate {
                    Delegate::Set => None,
                    Delegate::Awaited { deadline } => *deadline,
                };
                [
                    Some((*ends_at, Limit)),
                    will_expire_at.map(|at| (at, WillExpire)),
                    next.or(snoozed_until.map(|at| (at, SnoozeOver))), // what is snoozed has no next
                    deadline.map(|at| (at, HandleTime)),
                ]
            }
        }
    }
}
