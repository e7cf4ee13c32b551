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
//! watch.handle_installed(Application { id: breathe.clone(), session_kind: Some(SessionKind::Mindfulness) });
//! watch.handle_open(&breathe, now).expect("it is installed");
//! assert!(matches!(watch.poll_output(), Some(Output::Launch { .. })));
//! watch.handle_attached(&breathe, now);
//! assert_eq!(watch.app_state(&breathe), Some(AppState::Active));
//! ```

mod lifecycle;
mod output;
mod ring;
mod run;
mod start;
mod timeouts;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::app::{AppId, AppState, Application};
use crate::limits::Limits;
use crate::session::{Cause, End, ErrorCode, ExitStatus, Reason, SessionId, SessionKind, SessionState};
use crate::time::{Now, WallTime};

pub use output::{CallError, Output, TimeoutReason};
pub use ring::Repeat;
pub use view::{AlarmView, SessionView};

/// The state machine behind the watch actor.
#[derive(Debug)]
pub struct Watch {
    limits: Limits,
    apps: BTreeMap<AppId, Installed>,
    sessions: BTreeMap<SessionId, Session>,
    frontmost: Option<AppId>,
    wrist: Wrist,
    /// The alerts that are shown (N4), each with its app, which may be gone before its alert.
    alerts: BTreeMap<SessionId, AppId>,
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
    state: AppState,
    process: Process,
    /// When the frontmost time is over (L3).
    leaves_at: Option<Duration>,
    /// When the grace is over (L4).
    suspends_at: Option<Duration>,
}

/// The process of an app, as far as the rules know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    None,
    /// Launched; it does not yet listen to its events.
    Launching,
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
        ring: Option<ring::Ring>,
    },
    Invalid {
        expiration: Option<WallTime>,
    },
}

impl Watch {
    /// A watch with no app, the wrist up.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            apps: BTreeMap::new(),
            sessions: BTreeMap::new(),
            frontmost: None,
            wrist: Wrist::Up,
            alerts: BTreeMap::new(),
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
        match self.apps.get_mut(&id) {
            Some(installed) => installed.application = application,
            None => {
                self.apps.insert(id, Installed::new(application));
            }
        }
    }

    /// An app is being removed: its sessions end, its process is told to end.
    ///
    /// # Errors
    /// When no such app is installed.
    pub fn handle_removed(&mut self, app: &AppId, now: Now) -> Result<(), CallError> {
        self.known(app)?;
        for session in self.open_sessions_of(app) {
            self.end(session, End::by(Reason::None, Cause::DisabledByUser), now);
        }
        if self.frontmost.as_ref() == Some(app) {
            self.step_back(app, now);
        }
        self.end_process(app);
        self.apps.remove(app);
        self.sessions.retain(|_, session| session.app != *app);
        Ok(())
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
            state: AppState::NotRunning,
            process: Process::None,
            leaves_at: None,
            suspends_at: None,
        }
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
    /// Whether the session keeps its app from being suspended (T1, A4).
    const fn keeps_app_awake(&self) -> bool {
        matches!(self.phase, Phase::Handed { .. } | Phase::Running { .. })
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
