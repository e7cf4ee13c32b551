//! What the rules say of all that comes out of a watch, kept apart from how it is done there.

use std::collections::BTreeSet;

use super::*;

/// The apps and sessions as the outputs tell them.
pub(super) struct Model {
    limits: Limits,
    apps: BTreeMap<&'static str, ModelApp>,
    sessions: BTreeMap<SessionId, ModelSession>,
}

#[derive(Default)]
struct ModelApp {
    state: Option<AppState>,
    process: Process,
    frozen: bool,
    /// Since when it could have been suspended (L4).
    idle_since: Option<Duration>,
    /// Since when it has been frontmost with the screen off (L3).
    dark_since: Option<Duration>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Process {
    #[default]
    None,
    Launching,
    Attached,
    Ending,
}

struct ModelSession {
    app: &'static str,
    state: SessionState,
    /// It was started or scheduled, with or without success.
    begun: bool,
    handed: bool,
    did_start: bool,
    will_expire: bool,
    ended: bool,
    saved: bool,
    measured: bool,
    ringing: bool,
    alert: bool,
}

impl ModelApp {
    fn state(&self) -> AppState {
        self.state.unwrap_or(AppState::NotRunning)
    }

    fn is_in_front(&self) -> bool {
        matches!(self.state(), AppState::Active | AppState::Inactive)
    }

    fn set_state(&mut self, state: AppState) {
        assert_ne!(self.state(), state, "no change of state");
        self.state = Some(state);
        self.idle_since = None;
        self.dark_since = None;
    }
}

impl ModelSession {
    /// It runs, or was handed to its app.
    fn keeps_awake(&self) -> bool {
        !self.ended && (self.handed || self.state == SessionState::Running)
    }

    fn is_frontmost(&self) -> bool {
        APPS.iter().any(|(name, kind)| *name == self.app && kind.is_frontmost())
    }

    fn is_alarm(&self) -> bool {
        APPS.iter().any(|(name, kind)| *name == self.app && kind.is_schedulable())
    }

    fn is_open(&self) -> bool {
        matches!(self.state, SessionState::Scheduled | SessionState::Running)
    }

    fn set_state(&mut self, state: SessionState) {
        use SessionState::{Invalid, NotStarted, Running, Scheduled};
        let legal = matches!(
            (self.state, state),
            (NotStarted, Scheduled | Running | Invalid) | (Scheduled, Running | Invalid) | (Running, Invalid)
        );
        assert!(legal, "S1: {:?} to {state:?}", self.state);
        self.state = state;
    }

    fn told(&mut self, event: &AppEvent) {
        assert!(!self.ended, "S4: told after its end: {event:?}");
        match event {
            AppEvent::Handle { .. } => {
                assert!(self.saved && !self.handed && !self.did_start);
                self.handed = true;
            }
            AppEvent::DidStart { .. } => {
                assert!(self.saved, "D1: saved before it is told");
                assert!(!self.did_start, "S4: did_start once");
                self.did_start = true;
            }
            AppEvent::WillExpire { .. } => {
                assert!(self.did_start && !self.will_expire, "S4: will_expire once");
                self.will_expire = true;
            }
            AppEvent::DidInvalidate { .. } => self.ended = true,
            AppEvent::RepeatAsked { .. } => assert!(self.ringing),
            AppEvent::StateChanged { .. } => {}
        }
    }
}

/// Turns a switch, which must not stand so already.
fn turn(switch: &mut bool, to: bool, what: &Output) {
    assert_ne!(*switch, to, "twice: {what:?}");
    *switch = to;
}

// --- what is done to the watch
impl Model {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, apps: BTreeMap::new(), sessions: BTreeMap::new() }
    }

    /// The app is installed, for the first time or after it was removed.
    pub(super) fn install(&mut self, name: &'static str) {
        self.apps.insert(name, ModelApp::default());
    }

    pub(super) fn created(&mut self, id: SessionId, name: &'static str) {
        let session = ModelSession {
            app: name,
            state: SessionState::NotStarted,
            begun: false,
            handed: false,
            did_start: false,
            will_expire: false,
            ended: false,
            saved: false,
            measured: false,
            ringing: false,
            alert: false,
        };
        self.sessions.insert(id, session);
    }

    pub(super) fn started(&mut self, id: SessionId, result: &Result<(), CallError>) {
        if matches!(result, Ok(()) | Err(CallError::StartFailed(_))) {
            self.session(id).begun = true;
        }
    }

    /// Those that are not over.
    pub(super) fn sessions(&self) -> Vec<(SessionId, &'static str)> {
        self.sessions.iter().map(|(id, session)| (*id, session.app)).collect()
    }

    pub(super) fn active(&self) -> Option<&'static str> {
        self.apps.iter().find(|(_, app)| app.state() == AppState::Active).map(|(name, _)| *name)
    }

    pub(super) fn launching(&self) -> Option<&'static str> {
        self.in_process(Process::Launching)
    }

    pub(super) fn ending(&self) -> Option<&'static str> {
        self.in_process(Process::Ending)
    }

    fn in_process(&self, process: Process) -> Option<&'static str> {
        self.apps.iter().find(|(_, app)| app.process == process).map(|(name, _)| *name)
    }

    pub(super) fn attached(&mut self, name: &str) {
        let app = self.app(name);
        if app.process == Process::Launching {
            app.process = Process::Attached;
        }
    }

    pub(super) fn screen_on(&mut self) {
        self.apps.values_mut().for_each(|app| app.dark_since = None);
    }

    pub(super) fn exited(&mut self, name: &str) {
        let app = self.app(name);
        app.process = Process::None;
        app.frozen = false;
        app.dark_since = None;
    }

    /// Every process is gone, and what was never started with it.
    pub(super) fn power_lost(&mut self) {
        self.apps.values_mut().for_each(|app| *app = ModelApp::default());
        for session in self.sessions.values_mut() {
            session.ringing = false;
            session.alert = false;
            if session.keeps_awake() && session.is_alarm() {
                // It is handed to its app again, unless its window is closed by then.
                session.state = SessionState::Scheduled;
                session.handed = false;
                session.did_start = false;
                session.will_expire = false;
            }
            session.measured = session.keeps_awake(); // it is stopped in any case
        }
    }

    fn app(&mut self, name: &str) -> &mut ModelApp {
        self.apps.get_mut(name).expect("a known app")
    }

    fn session(&mut self, id: SessionId) -> &mut ModelSession {
        self.sessions.get_mut(&id).expect("a known session")
    }
}

// --- what comes out of it
impl Model {
    pub(super) fn observe(&mut self, output: &Output) {
        match output {
            Output::Launch { app } => self.change_process(app, &[Process::None], Process::Launching),
            Output::EndProcess { app } => {
                self.change_process(app, &[Process::Launching, Process::Attached], Process::Ending);
            }
            Output::Freeze { app } => self.turn_frozen(app, true, output),
            Output::Thaw { app } => self.turn_frozen(app, false, output),
            Output::AppStateChanged { app, state } => self.app(app.as_str()).set_state(*state),
            Output::Deliver { event, .. } => {
                if let Some(id) = session_of(event) {
                    self.told(id, event);
                }
            }
            _ => self.observe_session(output),
        }
    }

    fn told(&mut self, id: SessionId, event: &AppEvent) {
        let session = self.session(id);
        let kept_awake = session.keeps_awake();
        session.told(event);
        if kept_awake || session.keeps_awake() {
            let name = session.app;
            self.app(name).idle_since = None;
        }
        if matches!(event, AppEvent::Handle { .. }) {
            let name = self.session(id).app;
            assert!(self.app(name).process != Process::Ending, "A4: it could not handle it");
        }
    }

    fn change_process(&mut self, app: &AppId, from: &[Process], to: Process) {
        let app = self.app(app.as_str());
        assert!(from.contains(&app.process), "a process launched or ended twice");
        app.process = to;
    }

    fn turn_frozen(&mut self, app: &AppId, frozen: bool, output: &Output) {
        let app = self.app(app.as_str());
        assert!(matches!(app.process, Process::Launching | Process::Attached), "{output:?} of no process");
        turn(&mut app.frozen, frozen, output);
    }

    fn observe_session(&mut self, output: &Output) {
        match output {
            Output::Save(record) => {
                let session = self.session(record.session);
                assert!(!session.ended, "saved after its end");
                session.saved = true;
            }
            Output::Forget { session: id } => {
                let session = self.session(*id);
                assert!(session.ended, "D1: forgotten before its end was told");
                turn(&mut session.saved, false, output);
            }
            Output::Measure { session, .. } => turn(&mut self.session(*session).measured, true, output),
            Output::StopMeasuring { session } => self.session(*session).measured = false,
            Output::Ring { session: id, .. } => {
                let session = self.session(*id);
                assert_eq!(session.state, SessionState::Running, "N1");
                session.ringing = true;
            }
            Output::Silence { session } => turn(&mut self.session(*session).ringing, false, output),
            Output::ShowAlert { session, .. } => turn(&mut self.session(*session).alert, true, output),
            Output::ClearAlert { session, .. } => turn(&mut self.session(*session).alert, false, output),
            Output::Arm { session, .. } => assert!(!self.session(*session).ended),
            Output::SessionStateChanged { session, state, .. } => self.session(*session).set_state(*state),
            _ => {}
        }
    }
}

// --- what holds after each input
impl Model {
    pub(super) fn check(&mut self, bench: &Bench) {
        self.check_front(bench);
        for (name, app) in &self.apps {
            self.check_app(name, app);
        }
        for session in self.sessions.values() {
            self.check_session(session);
        }
        self.check_views(bench);
        // Of a session that is over, nothing more may be heard: it is unknown from here on.
        self.sessions.retain(|_, session| !session.ended);
    }

    fn check_front(&self, bench: &Bench) {
        let front: Vec<_> =
            self.apps.iter().filter(|(_, app)| app.is_in_front()).map(|(name, _)| *name).collect();
        let frontmost = bench.watch.frontmost().map(AppId::as_str);
        assert_eq!(front, frontmost.into_iter().collect::<Vec<_>>(), "L6");
    }

    fn check_app(&self, name: &str, app: &ModelApp) {
        assert_eq!(app.state() == AppState::NotRunning, app.process == Process::None, "L1: {name}");
        let running = |session: &&ModelSession| session.app == name && session.state == SessionState::Running;
        assert!(self.sessions.values().filter(running).count() <= 1, "S3: {name}");
        let frontmost_session = |session: &ModelSession| running(&session) && session.is_frontmost();
        assert!(app.is_in_front() || !self.sessions.values().any(frontmost_session), "T2: {name}");
        if app.process == Process::Ending {
            return;
        }
        assert_eq!(app.frozen, app.state() == AppState::Suspended, "L5: {name}");
        assert!(!app.frozen || !self.is_kept_awake(name), "T1: {name} sleeps in a session");
        assert!(app.state() != AppState::Active || app.process == Process::Attached, "L2: {name}");
    }

    fn check_session(&self, session: &ModelSession) {
        assert_eq!(session.ended, session.state == SessionState::Invalid, "S4");
        assert!(!session.ended || session.begun, "S4: an end without a start");
        assert_eq!(session.saved, session.is_open(), "A6");
        assert_eq!(session.measured, session.state == SessionState::Running, "C1");
        assert!(!session.ringing || !session.ended, "N3");
        let app_state = self.apps.get(session.app).map(ModelApp::state);
        assert_eq!(session.alert, session.ringing && app_state != Some(AppState::Active), "N4");
    }

    /// What can be seen of the watch, and what is on disk, are the sessions that are open.
    fn check_views(&self, bench: &Bench) {
        let open: BTreeSet<_> =
            self.sessions.iter().filter(|(_, session)| session.is_open()).map(|(id, _)| *id).collect();
        for view in bench.watch.open_sessions() {
            assert_eq!(view.state, self.sessions[&view.session].state);
            assert_eq!(view.expiration.is_some(), view.state == SessionState::Running, "S5");
        }
        assert!(bench.watch.open_sessions().map(|view| view.session).eq(open.iter().copied()));
        assert!(bench.disk.keys().eq(open.iter()), "D2");
    }

    fn is_kept_awake(&self, name: &str) -> bool {
        self.sessions.values().any(|session| session.app == name && session.keeps_awake())
    }

    /// No app stays frontmost or awake for longer than it may. Only after all that is due was done.
    pub(super) fn check_times(&mut self, bench: &Bench) {
        let now = bench.now.since_boot;
        let is_dark = bench.watch.wrist() == crate::watch::Wrist::Down;
        for (name, kind) in APPS {
            let kept = self.is_kept_awake(name);
            let in_front = bench.watch.frontmost() == Some(&app(name));
            let (grace, frontmost_time) = (self.limits.suspend_grace, self.limits.frontmost_time);
            let app = self.app(name);
            let alive = matches!(app.process, Process::Launching | Process::Attached);
            let idle = app.state() == AppState::Background && alive && !kept;
            app.idle_since = idle.then(|| app.idle_since.unwrap_or(now));
            assert!(app.idle_since.is_none_or(|since| now < since + grace), "L4: {name} is not suspended");
            app.dark_since = (is_dark && in_front).then(|| app.dark_since.unwrap_or(now));
            let overdue = app.dark_since.is_some_and(|since| now >= since + frontmost_time);
            assert!(!overdue || (kept && kind.is_frontmost()), "L3: {name} stays frontmost");
        }
    }

    /// Nothing is owed to anyone.
    pub(super) fn check_settled(&self, bench: &Bench) {
        for (id, session) in &self.sessions {
            assert!(!session.begun, "S4: session {id} never ended");
        }
        assert_eq!(bench.watch.poll_timeout(), None);
        assert_eq!(bench.schedule.poll_timeout(), None);
        assert!(bench.disk.is_empty());
    }
}
