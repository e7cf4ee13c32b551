//! What can be seen of the watch.

use super::{Phase, Process, Session, Watch, Wrist};
use crate::app::{AppId, AppRights, AppState};
use crate::session::{SessionId, SessionKind, SessionState};
use crate::time::{Now, WallTime};
use crate::waking::{CannotRest, Rest, Waking};

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
    /// Whether it is snoozed (N5).
    pub snoozed: bool,
    /// Whether it is the runtime that rings, in the place of the app (N7).
    pub fallback: bool,
}

impl Watch {
    /// The state of an installed app.
    pub fn app_state(&self, app: &AppId) -> Option<AppState> {
        self.apps.get(app).map(|installed| installed.state)
    }

    /// What the user lets an installed app do (A5, N6).
    pub fn rights(&self, app: &AppId) -> Option<AppRights> {
        self.apps.get(app).map(|installed| installed.rights)
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
        let runs = |session: &Session| matches!(session.phase, Phase::Running { .. });
        let present = self.frontmost.as_ref() == Some(app) || self.find(app, runs).is_some();
        present && !self.another_rings(app)
    }

    /// The app of a session that is known still.
    pub fn app_of(&self, id: SessionId) -> Option<&AppId> {
        self.sessions.get(&id).map(|session| &session.app)
    }

    /// The session of the app that runs or was handed over (S3): a process that is launched meanwhile goes on with it.
    pub fn session_in_progress(&self, app: &AppId) -> Option<SessionId> {
        self.running_session(app)
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
            Phase::Scheduled { at, .. } => Some((*id, at)),
            Phase::NotStarted | Phase::Handed { .. } | Phase::Running { .. } | Phase::Invalid { .. } => None,
        })
    }

    /// When the board has to be woken if it rests now (A8). None: no alarm waits.
    ///
    /// # Errors
    /// When a session would be cut short, or an alarm missed.
    pub fn may_rest(&self, rest: Rest, waking: Waking, now: Now) -> Result<Option<WallTime>, CannotRest> {
        let in_session = self.sessions.iter().find(|(_, session)| session.keeps_app_awake());
        let rings = self.fallbacks.iter().find(|(_, fallback)| fallback.ring.is_some());
        if let Some(id) = in_session.map(|(id, _)| *id).or(rings.map(|(id, _)| *id)) {
            return Err(CannotRest::InSession(id));
        }
        let alarms = self.waiting_alarms().map(|(_, at)| at);
        let fallbacks = self.fallbacks.iter().map(|(_, fallback)| fallback.at());
        waking.plan(rest, alarms.chain(fallbacks).min(), now)
    }

    /// Every alarm that waits, runs or rings, and each that the runtime rings in the place of an app.
    pub fn alarms(&self) -> impl Iterator<Item = AlarmView> {
        let of_sessions =
            self.sessions.iter().filter(|(_, session)| session.scheduled).filter_map(|(id, session)| {
                let at = match &session.phase {
                    Phase::Scheduled { at, .. } => *at,
                    Phase::Handed { since, .. } | Phase::Running { since, .. } => *since,
                    Phase::NotStarted | Phase::Invalid { .. } => return None,
                };
                Some(self.alarm_view(*id, &session.app, at, session.phase.state()))
            });
        let over =
            self.fallbacks.iter().filter(|(id, _)| !self.sessions.get(id).is_some_and(Session::is_open));
        let of_fallbacks = over
            .map(|(id, fallback)| self.alarm_view(*id, &fallback.app, fallback.at(), SessionState::Invalid));
        of_sessions.chain(of_fallbacks)
    }

    fn alarm_view(&self, id: SessionId, app: &AppId, at: WallTime, state: SessionState) -> AlarmView {
        let ring = self.sessions.get(&id).and_then(Session::ring);
        let fallback = self.fallbacks.get(&id).and_then(|fallback| fallback.ring);
        let snoozed =
            ring.and_then(|ring| ring.snoozed_until).or(fallback.and_then(|ring| ring.snoozed_until));
        AlarmView {
            session: id,
            app: app.clone(),
            at,
            state,
            ringing: (ring.is_some() || fallback.is_some()) && snoozed.is_none(),
            alert: self.alerts.contains_key(&id),
            snoozed: snoozed.is_some(),
            fallback: fallback.is_some(),
        }
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

    pub(super) fn open_sessions_of(&self, app: &AppId) -> Vec<SessionId> {
        self.all(app, Session::is_open)
    }

    fn find(&self, app: &AppId, wanted: impl Fn(&Session) -> bool) -> Option<SessionId> {
        self.of_app(app).find(|(_, session)| wanted(session)).map(|(id, _)| id)
    }

    /// Those of an app, by number.
    pub(super) fn all(&self, app: &AppId, wanted: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        self.of_app(app).filter(|(_, session)| wanted(session)).map(|(id, _)| id).collect()
    }

    fn of_app(&self, app: &AppId) -> impl Iterator<Item = (SessionId, &Session)> {
        let ids = self.apps.get(app).into_iter().flat_map(|installed| &installed.sessions);
        ids.filter_map(|id| Some((*id, self.sessions.get(id)?)))
    }
}

impl Session {
    fn view(&self, id: SessionId) -> SessionView {
        let (scheduled_at, started_at) = match self.phase {
            Phase::Scheduled { at, .. } => (Some(at), None),
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
