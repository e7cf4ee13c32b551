//! One timer for all: what comes next, and what is due.

use std::time::Duration;

use super::{Phase, Watch};
use crate::app::AppId;
use crate::session::{Cause, End, ErrorCode, Reason, SessionId};
use crate::time::Now;
use crate::watch::TimeoutReason;

/// Something that falls due.
enum Due {
    App(AppId),
    Session(SessionId),
}

impl Watch {
    /// When [`Watch::handle_timeout`] is wanted next, on the clock since boot, and what for.
    pub fn poll_timeout(&self) -> Option<(Duration, TimeoutReason)> {
        self.next_due().map(|(at, reason, _)| (at, reason))
    }

    /// Does all that is due at `now`, earliest first.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((_, reason, due)) = self.next_due().filter(|(at, ..)| *at <= now.since_boot) {
            match due {
                Due::App(app) => self.handle_app_timeout(&app, reason, now),
                Due::Session(id) => self.handle_session_timeout(id, reason, now),
            }
        }
    }

    fn next_due(&self) -> Option<(Duration, TimeoutReason, Due)> {
        let of_apps = self.apps.iter().flat_map(|(id, app)| {
            let leaves_at = app.leaves_at.filter(|_| self.running_frontmost_session(id).is_none());
            [(leaves_at, TimeoutReason::FrontmostTime), (app.suspends_at, TimeoutReason::SuspendGrace)]
                .into_iter()
                .filter_map(|(at, reason)| Some((at?, reason, Due::App(id.clone()))))
        });
        let of_sessions = self.sessions.iter().flat_map(|(id, session)| {
            session
                .phase
                .timeouts()
                .into_iter()
                .filter_map(|(at, reason)| Some((at?, reason, Due::Session(*id))))
        });
        of_apps.chain(of_sessions).min_by_key(|(at, reason, _)| (*at, *reason))
    }

    fn handle_app_timeout(&mut self, app: &AppId, reason: TimeoutReason, now: Now) {
        if reason == TimeoutReason::FrontmostTime {
            self.step_back(app, now); // L3
        } else {
            self.suspend(app); // L4, L5
        }
    }

    fn handle_session_timeout(&mut self, id: SessionId, reason: TimeoutReason, now: Now) {
        match reason {
            TimeoutReason::WillExpire => self.say_will_expire(id, now),
            TimeoutReason::NextHaptic => self.play_haptic(id, now),
            TimeoutReason::HandleTime => {
                self.end(id, End::with_error(ErrorCode::Unknown, Cause::NoDelegate), now); // A4
            }
            TimeoutReason::Limit => self.end_at_limit(id, now),
            TimeoutReason::FrontmostTime | TimeoutReason::SuspendGrace => {}
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
}

impl Phase {
    fn timeouts(&self) -> [(Option<Duration>, TimeoutReason); 3] {
        use TimeoutReason::{HandleTime, Limit, NextHaptic, WillExpire};
        match self {
            Self::NotStarted | Self::Scheduled { .. } | Self::Invalid { .. } => {
                [(None, Limit), (None, WillExpire), (None, NextHaptic)]
            }
            Self::Handed { ends_at, deadline, .. } => {
                [(Some(*ends_at), Limit), (*deadline, HandleTime), (None, NextHaptic)]
            }
            Self::Running { ends_at, will_expire_at, ring, .. } => [
                (Some(*ends_at), Limit),
                (*will_expire_at, WillExpire),
                (ring.as_ref().and_then(super::ring::Ring::next), NextHaptic),
            ],
        }
    }
}
