//! What can be seen of the watch.

use super::{Phase, Process, Session, Watch, Wrist};
use crate::app::{AppId, AppState};
use crate::session::{SessionId, SessionKind, SessionState};
use crate::time::WallTime;

/// A session, to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The session.
    pub session: SessionId,
    /// Its app.
    pub app: AppId,
    /// Its kind.
    pub kind: SessionKind,
    /// Its state.
    pub state: SessionState,
    /// When it is due, for a scheduled one.
    pub scheduled_at: Option<WallTime>,
    /// From when its limit counts, once it runs.
    pub started_at: Option<WallTime>,
    /// When it will end or was to end; none before it runs (S5).
    pub expiration: Option<WallTime>,
}

/// An alarm session that waits, runs or rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmView {
    /// The session.
    pub session: SessionId,
    /// Its app.
    pub app: AppId,
    /// When it is due, or was.
    pub at: WallTime,
    /// Its state.
    pub state: SessionState,
    /// Whether it rings.
    pub ringing: bool,
    /// Whether its alert is shown (N4).
    pub alert: bool,
}

impl Watch {
    /// The state of an installed app.
    pub fn app_state(&self, app: &AppId) -> Option<AppState> {
        self.apps.get(app).map(|installed| installed.state)
    }

    /// The installed apps, each with its state.
    pub fn apps(&self) -> impl Iterator<Item = (&AppId, AppState)> {
        self.apps.iter().map(|(id, installed)| (id, installed.state))
    }

    /// The frontmost app, of which there is one at most (L6).
    pub fn frontmost(&self) -> Option<&AppId> {
        self.frontmost.as_ref()
    }

    /// Where the wrist is.
    pub fn wrist(&self) -> Wrist {
        self.wrist
    }

    /// Whether the app may play a haptic now: while active, frontmost, or in a running session; and not while the
    /// alarm of another app rings, which it would cut short (H2).
    pub fn may_play_haptic(&self, app: &AppId) -> bool {
        let present = self.frontmost.as_ref() == Some(app) || self.running_session(app).is_some();
        let drowns_an_alarm = self.sessions.values().any(|session| session.rings() && session.app != *app);
        present && !drowns_an_alarm
    }

    /// The app of a session that is known still.
    pub fn app_of(&self, id: SessionId) -> Option<&AppId> {
        self.sessions.get(&id).map(|session| &session.app)
    }

    /// One session of an app.
    pub fn session(&self, app: &AppId, id: SessionId) -> Option<SessionView> {
        self.session_of(app, id).ok().map(|session| session.view(id))
    }

    /// Every session that was started or scheduled and has not ended.
    pub fn open_sessions(&self) -> impl Iterator<Item = SessionView> {
        self.sessions.iter().filter(|(_, session)| session.is_open()).map(|(id, session)| session.view(*id))
    }

    /// Every alarm that waits for its time, and that time.
    pub fn waiting_alarms(&self) -> impl Iterator<Item = (SessionId, WallTime)> {
        self.sessions.iter().filter_map(|(id, session)| match session.phase {
            Phase::Scheduled { at } => Some((*id, at)),
            Phase::NotStarted | Phase::Handed { .. } | Phase::Running { .. } | Phase::Invalid { .. } => None,
        })
    }

    /// Every alarm that waits, runs or rings.
    pub fn alarms(&self) -> impl Iterator<Item = AlarmView> {
        self.sessions.iter().filter(|(_, session)| session.scheduled).filter_map(|(id, session)| {
            let (at, ringing) = match &session.phase {
                Phase::Scheduled { at } => (*at, false),
                Phase::Handed { since, .. } => (*since, false),
                Phase::Running { since, ring, .. } => (*since, ring.is_some()),
                Phase::NotStarted | Phase::Invalid { .. } => return None,
            };
            let (app, state, alert) =
                (session.app.clone(), session.phase.state(), self.alerts.contains_key(id));
            Some(AlarmView { session: *id, app, at, state, ringing, alert })
        })
    }

    pub(super) fn running_session(&self, app: &AppId) -> Option<SessionId> {
        // A session that was handed over has the slot already: nothing may start beside it (S3).
        self.find(app, Session::keeps_app_awake)
    }

    pub(super) fn running_frontmost_session(&self, app: &AppId) -> Option<SessionId> {
        self.find(app, |session| session.keeps_app_awake() && session.kind.is_frontmost())
    }

    pub(super) fn scheduled_sessions(&self, app: &AppId) -> Vec<SessionId> {
        self.all(app, |session| matches!(session.phase, Phase::Scheduled { .. }))
    }

    pub(super) fn is_ending(&self, app: &AppId) -> bool {
        self.apps.get(app).is_some_and(|installed| matches!(installed.process, Process::Ending { .. }))
    }

    pub(super) fn sessions_that_die_with(&self, app: &AppId) -> Vec<SessionId> {
        self.all(app, Session::keeps_app_awake)
    }

    pub(super) fn open_sessions_of(&self, app: &AppId) -> Vec<SessionId> {
        self.all(app, Session::is_open)
    }

    fn find(&self, app: &AppId, wanted: impl Fn(&Session) -> bool) -> Option<SessionId> {
        self.sessions.iter().find(|(_, session)| session.app == *app && wanted(session)).map(|(id, _)| *id)
    }

    fn all(&self, app: &AppId, wanted: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        let of_app = self.sessions.iter().filter(|(_, session)| session.app == *app && wanted(session));
        of_app.map(|(id, _)| *id).collect()
    }
}

impl Session {
    fn view(&self, id: SessionId) -> SessionView {
        let (scheduled_at, started_at) = match self.phase {
            Phase::Scheduled { at } => (Some(at), None),
            Phase::Handed { since, .. } => (Some(since), None),
            Phase::Running { since, .. } => (None, Some(since)),
            Phase::NotStarted | Phase::Invalid { .. } => (None, None),
        };
        SessionView {
            session: id,
            app: self.app.clone(),
            kind: self.kind,
            state: self.phase.state(),
            scheduled_at,
            started_at,
            expiration: self.expiration(),
        }
    }
}
