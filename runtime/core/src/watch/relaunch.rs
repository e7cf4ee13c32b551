//! An app that crashes in a session is launched again (S14).

use super::{Delegate, Phase, Session, Watch};
use crate::app::{AppId, AppState};
use crate::event::AppEvent;
use crate::session::{ExitStatus, SessionId};
use crate::time::Now;

impl Watch {
    /// Whether the app, whose process ended by itself with `status`, is launched again for its session. If so, that
    /// is counted.
    pub(super) fn may_relaunch(&mut self, app: &AppId, status: ExitStatus, now: Now) -> bool {
        let (max, window) = (self.limits.relaunch_max, self.limits.relaunch_window);
        if status == ExitStatus::Code(0) || self.running_session(app).is_none() {
            return false;
        }
        let Some(installed) = self.apps.get_mut(app) else { return false };
        let is_late = |at: &std::time::Duration| now.since_boot.saturating_sub(*at) < window;
        installed.relaunches.retain(is_late);
        let may = installed.relaunches.len() < usize::try_from(max).unwrap_or(usize::MAX);
        if may {
            installed.relaunches.push_back(now.since_boot);
        }
        may
    }

    /// The app crashed in a session, and stays where it was: in front, or behind. The new process is handed the
    /// session.
    pub(super) fn relaunch(&mut self, app: &AppId, now: Now) {
        self.bring_up(app);
        if self.frontmost.as_ref() == Some(app) {
            self.follow_wrist(app, now);
        } else {
            self.set_state(app, AppState::Background);
        }
        self.refresh_alerts();
        for id in self.all(app, Session::keeps_app_awake) {
            self.hand_over_again(id);
        }
    }

    fn hand_over_again(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match &mut session.phase {
            Phase::Handed { deadline, .. } => *deadline = None,
            Phase::Running { delegate, .. } => *delegate = Delegate::Awaited { deadline: None },
            Phase::NotStarted | Phase::Scheduled { .. } | Phase::Invalid { .. } => {}
        }
        self.tell_handle(id);
    }

    /// The process that was launched again has set its delegate: the session goes on as it was.
    pub(super) fn run_on(&mut self, id: SessionId) {
        let Some(Session { phase: Phase::Running { expiration, delegate, .. }, .. }) =
            self.sessions.get_mut(&id)
        else {
            return;
        };
        *delegate = Delegate::Set;
        let expiration = *expiration;
        self.advance(id, AppEvent::DidStart { session: id, expiration });
    }
}

impl Session {
    /// Whether it was handed over, and the app has not said yet that its delegate is set (A4, S14).
    pub(super) const fn awaits_delegate(&self) -> bool {
        matches!(self.phase, Phase::Handed { .. } | Phase::Running { delegate: Delegate::Awaited { .. }, .. })
    }
}
