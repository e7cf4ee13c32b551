//! The watch as a whole: which app is frontmost, which session runs, what rings (parts 1, 3, 4, 5 and 6).
//!
//! ```
//! use carpus_core::watch::{Output, Watch};
//! use carpus_core::{AppId, AppState, Application, Limits, Now, SessionKind, WallTime};
//! use std::time::Duration;
//!
//! let now = Now { since_boot: Duration::ZERO, wall: WallTime::from_unix_ms(0) };
//! let breathe = AppId::parse("breathe").expect("a valid id");
//! let mut watch = Watch::new(Limits::default());
//! watch.handle_installed(Application { id: breathe.clone(), session_kinds: vec![SessionKind::Mindfulness] });
//! watch.handle_open(&breathe, now).expect("it is installed");
//! assert!(matches!(watch.poll_output(), Some(Output::Launch { .. })));
//! watch.handle_attached(&breathe, now);
//! assert_eq!(watch.app_state(&breathe), Some(AppState::Active));
//! ```

mod adopt;
mod alert;
mod due;
mod fallback;
mod lifecycle;
mod output;
mod recorded;
mod recurring;
mod relaunch;
mod restore;
mod ring;
mod run;
mod start;
mod timeouts;
mod timers;
mod tracked;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::app::{AppId, AppRights, AppState, Application};
use crate::limits::Limits;
use crate::session::{Cause, End, ErrorCode, ExitStatus, Reason, SessionId, SessionKind, SessionState};
use crate::suppression::Conditions;
use crate::time::{Now, WallTime};

use fallback::Fallback;
use recurring::Recurring;
use timers::Timers;
use tracked::Tracked;

pub use output::{CallError, Output, TimeoutReason};
pub use restore::{Draft, Kept, Standing, Survivor};
pub use ring::Repeat;
pub use view::{AlarmView, SessionView};

/// The state machine behind the watch actor.
#[derive(Debug)]
pub struct Watch {
    limits: Limits,
    apps: Tracked<AppId, Installed>,
    /// Apps that were removed and whose process did not end yet, with the time at which it is killed (L7).
    leaving: BTreeMap<AppId, Duration>,
    sessions: Tracked<SessionId, Session>,
    /// The alarms that the runtime itself rings, or will (N7), by the session that did not.
    fallbacks: Tracked<SessionId, Fallback>,
    frontmost: Option<AppId>,
    wrist: Wrist,
    conditions: Conditions,
    /// The board's time zone (A10).
    zone: TimeZone,
    /// The sessions with an alarm or a fallback that rings, or did so lately.
    loud: BTreeSet<SessionId>,
    /// The alerts that are shown (N4), each with its app, which may be gone before its alert.
    alerts: BTreeMap<SessionId, AppId>,
    timers: Timers,
    outputs: VecDeque<Output>,
}

/// Where the wrist is; the screen follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrist {
    /// The screen is on.
    Up,
    /// The screen is off.
    Down,
}

/// An installed app.
#[derive(Debug)]
struct Installed {
    application: Application,
    rights: AppRights,
    state: AppState,
    process: Process,
    /// When the frontmost time is over (L3).
    leaves_at: Option<Duration>,
    /// When the grace is over (L4).
    suspends_at: Option<Duration>,
    /// When its time to leave is over (L7).
    kill_at: Option<Duration>,
    /// Since when it is suspended (L5).
    suspended_since: Option<Duration>,
    /// How often it was launched; it names its process to the records of its sessions (D2).
    launches: u32,
    /// When it was launched again after a crash, of late (S14).
    relaunches: VecDeque<Duration>,
    /// All of its sessions.
    sessions: BTreeSet<SessionId>,
    recurring: Option<Recurring>,
}

/// The process of an app, as far as the rules know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    None,
    /// Launched; it does not yet listen to its events.
    Launching,
    /// Found alive when the runtime was started again; it does not listen again yet (D2).
    Adopted,
    Attached,
    /// Told to end; `relaunch` when the user opened the app again meanwhile.
    Ending {
        relaunch: bool,
    },
}

#[derive(Debug)]
struct Session {
    app: AppId,
    kind: SessionKind,
    /// Made with `start(at)` (S6, N1).
    scheduled: bool,
    /// Made by the app's recurrence (A10).
    recurring: bool,
    /// Its app called for a haptic (N6, N7), maybe before the runtime died.
    rang: bool,
    /// Its app made it, and nothing of it is on disk yet (D2).
    draft: bool,
    /// The waiting sessions that end as soon as this one is on disk (A3).
    replaces: Vec<SessionId>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    NotStarted,
    Scheduled {
        at: WallTime,
    },
    /// Due, and handed to the app; waits for the delegate (A4).
    Handed {
        since: WallTime,
        ends_at: Duration,
        /// When the app has to have set its delegate; runs from the moment the app listens.
        deadline: Option<Duration>,
    },
    Running {
        since: WallTime,
        expiration: WallTime,
        ends_at: Duration,
        /// Taken when it was said (S4).
        will_expire_at: Option<Duration>,
        delegate: Delegate,
        ring: Option<ring::Ring>,
    },
    Invalid {
        expiration: Option<WallTime>,
    },
}

/// Whether the process that is there has set its delegate for a session that runs (S14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delegate {
    Set,
    /// The process that had set it crashed, and the next one was handed the session.
    Awaited {
        /// When it has to be set; runs from the moment the app listens.
        deadline: Option<Duration>,
    },
}

impl Watch {
    /// A watch with no app, the wrist up.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            apps: Tracked::new(),
            leaving: BTreeMap::new(),
            sessions: Tracked::new(),
            fallbacks: Tracked::new(),
            frontmost: None,
            wrist: Wrist::Up,
            conditions: Conditions::default(),
            zone: TimeZone::UTC,
            loud: BTreeSet::new(),
            alerts: BTreeMap::new(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do, in order; to be drained after each mutation.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// An app was installed, or replaced by another version while it was not running.
    pub fn handle_installed(&mut self, application: Application) {
        let id = application.id.clone();
        if let Some(installed) = self.apps.get_mut(&id) {
            installed.application = application;
            if let Some(recurring) = &mut installed.recurring {
                recurring.look_again(); // the new version may declare what the old one did not
            }
            return;
        }
        let mut installed = Installed::new(application);
        if let Some(kill_at) = self.leaving.remove(&id) {
            // It was removed a moment ago, and its process lives still.
            installed.process = Process::Ending { relaunch: false };
            installed.kill_at = Some(kill_at);
        }
        self.apps.insert(id, installed);
    }

    /// An app is being removed: its sessions end, its process is told to end.
    ///
    /// # Errors
    /// When no such app is installed.
    pub fn handle_removed(&mut self, app: &AppId, now: Now) -> Result<(), CallError> {
        self.known(app)?;
        self.forget_recurrence(app);
        for session in self.open_sessions_of(app) {
            self.end(session, End::by(Reason::None, Cause::DisabledByUser), now);
        }
        self.forget_fallbacks_of(app);
        if self.frontmost.as_ref() == Some(app) {
            self.step_back(app, now);
        }
        self.end_process(app, now);
        if let Some(installed) = self.apps.remove(app) {
            if let Process::Ending { .. } = installed.process {
                self.leaving.insert(app.clone(), installed.kill_at.unwrap_or(Duration::MAX));
            }
            for session in installed.sessions {
                self.sessions.remove(&session);
            }
        }
        Ok(())
    }

    /// The user changed what an app may do (A5, N6). What waits already, waits on.
    ///
    /// # Errors
    /// When no such app is installed.
    pub fn handle_rights(&mut self, app: &AppId, rights: AppRights, now: Now) -> Result<(), CallError> {
        let installed = self.apps.get_mut(app).ok_or_else(|| CallError::UnknownApp(app.clone()))?;
        installed.rights = rights;
        self.want_occurrence(app, now);
        Ok(())
    }

    /// The board measured its battery and its temperature: sessions that may not run any more end (S10).
    pub fn handle_conditions(&mut self, conditions: Conditions, now: Now) {
        self.conditions = conditions;
        let suppressed = |session: &Session| self.suppression_of(session.kind);
        let ends: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.keeps_app_awake())
            .filter_map(|(id, session)| Some((*id, suppressed(session)?)))
            .collect();
        for (id, end) in ends {
            self.end(id, end, now);
        }
    }

    /// The end of a session of `kind`, if none may run now (S10).
    fn suppression_of(&self, kind: SessionKind) -> Option<End> {
        let cause = self.limits.suppression.of(kind, self.conditions)?;
        Some(End::by(Reason::SuppressedBySystem, cause))
    }

    fn known(&self, app: &AppId) -> Result<&Installed, CallError> {
        self.apps.get(app).ok_or_else(|| CallError::UnknownApp(app.clone()))
    }

    fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}

impl Installed {
    fn new(application: Application) -> Self {
        Self {
            application,
            rights: AppRights::default(),
            state: AppState::NotRunning,
            process: Process::None,
            leaves_at: None,
            suspends_at: None,
            kill_at: None,
            suspended_since: None,
            launches: 0,
            relaunches: VecDeque::new(),
            sessions: BTreeSet::new(),
            recurring: None,
        }
    }
}

impl Process {
    /// Whether it was started, and not told to end.
    const fn is_alive(self) -> bool {
        matches!(self, Self::Launching | Self::Adopted | Self::Attached)
    }
}

impl Phase {
    const fn state(&self) -> SessionState {
        match self {
            Self::NotStarted => SessionState::NotStarted,
            Self::Scheduled { .. } | Self::Handed { .. } => SessionState::Scheduled,
            Self::Running { .. } => SessionState::Running,
            Self::Invalid { .. } => SessionState::Invalid,
        }
    }
}

impl Session {
    const fn new(app: AppId, kind: SessionKind, phase: Phase) -> Self {
        Self {
            app,
            kind,
            scheduled: false,
            recurring: false,
            rang: false,
            draft: false,
            replaces: Vec::new(),
            phase,
        }
    }

    /// Whether the session keeps its app from being suspended (T1, A4).
    const fn keeps_app_awake(&self) -> bool {
        matches!(self.phase, Phase::Handed { .. } | Phase::Running { .. })
    }

    /// Whether it has ended, or its start failed.
    const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Invalid { .. })
    }

    /// Whether it was started or scheduled and has not ended.
    const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Scheduled { .. } | Phase::Handed { .. } | Phase::Running { .. })
    }
}

/// The end of a session whose app's process ended.
const fn app_exited(status: ExitStatus) -> End {
    End::with_error(ErrorCode::Unknown, Cause::AppExited(status))
}
