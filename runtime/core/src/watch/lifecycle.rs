//! The life cycle of apps: L1–L7, and what it means for sessions (T2, T3).

use super::{Installed, Process, Session, Watch, Wrist, app_exited};
use crate::app::{AppId, AppState};
use crate::event::AppEvent;
use crate::session::{Cause, End, ExitStatus, Reason};
use crate::time::Now;
use crate::watch::{CallError, Output};

impl Watch {
    /// The user opens an app (L2). The frontmost app, if it is another one, is left (L4, L6).
    ///
    /// # Errors
    /// When no such app is installed.
    pub fn handle_open(&mut self, app: &AppId, now: Now) -> Result<(), CallError> {
        self.known(app)?;
        if let Some(other) = self.frontmost.clone().filter(|frontmost| frontmost != app) {
            self.leave(&other, &Cause::OtherApp(app.clone()), now);
        }
        self.frontmost = Some(app.clone());
        self.bring_up(app);
        if self.app_state(app) != Some(AppState::Active) {
            self.set_state(app, AppState::Inactive);
        }
        self.follow_wrist(app, now);
        Ok(())
    }

    /// The wrist went up, and the screen on (L3).
    pub fn handle_wrist_up(&mut self, now: Now) {
        self.handle_wrist(Wrist::Up, now);
    }

    /// The wrist went down, and the screen off (L3). That alone ends no session (T2).
    pub fn handle_wrist_down(&mut self, now: Now) {
        self.handle_wrist(Wrist::Down, now);
    }

    fn handle_wrist(&mut self, wrist: Wrist, now: Now) {
        self.wrist = wrist;
        if let Some(app) = self.frontmost.clone() {
            self.follow_wrist(&app, now);
        }
    }

    /// The crown was pressed: the frontmost app is left (L4).
    pub fn handle_crown(&mut self, now: Now) {
        self.handle_left(&Cause::Crown, now);
    }

    /// The system covered the screen: the frontmost app is left (L4). An alarm alert is no such cover.
    pub fn handle_covered(&mut self, now: Now) {
        self.handle_left(&Cause::Covered, now);
    }

    fn handle_left(&mut self, cause: &Cause, now: Now) {
        if let Some(app) = self.frontmost.clone() {
            self.leave(&app, cause, now);
        }
    }

    /// The app listens to its events: it is up.
    pub fn handle_attached(&mut self, app: &AppId, now: Now) {
        let Some(installed) = self.apps.get_mut(app) else { return };
        if !matches!(installed.process, Process::Launching | Process::Adopted) {
            return;
        }
        installed.process = Process::Attached;
        if self.frontmost.as_ref() == Some(app) {
            self.follow_wrist(app, now);
        }
        self.start_handle_time(app, now);
    }

    /// The user ends the app. Its running session ends with its process; a scheduled one stands (A4).
    ///
    /// # Errors
    /// When no such app is installed.
    pub fn handle_close(&mut self, app: &AppId, now: Now) -> Result<(), CallError> {
        self.known(app)?;
        self.end_process(app, now);
        Ok(())
    }

    /// Memory is short: the app that is suspended longest is ended (L5). Its scheduled session stays (A4).
    pub fn handle_memory_short(&mut self, now: Now) {
        let suspended = self.apps.iter().filter_map(|(id, installed)| {
            Some((installed.suspended_since.filter(|_| installed.process.is_alive())?, id))
        });
        if let Some((_, app)) = suspended.min() {
            let app = app.clone();
            self.end_process(&app, now);
        }
    }

    /// The app's process ended, or could not be launched.
    pub fn handle_exited(&mut self, app: &AppId, status: ExitStatus, now: Now) {
        if self.leaving.remove(app).is_some() {
            self.apps.touch(app.clone());
        }
        let Some(installed) = self.apps.get_mut(app).filter(|app| app.process != Process::None) else {
            return;
        };
        let process = std::mem::replace(&mut installed.process, Process::None);
        installed.suspends_at = None;
        installed.suspended_since = None;
        installed.kill_at = None;
        self.set_state(app, AppState::NotRunning);
        if process.is_alive() && self.may_relaunch(app, status, now) {
            self.forget_sessions_that_are_not_open(app);
            self.relaunch(app, now);
        } else {
            self.end_with_process(app, process, status, now);
        }
    }

    /// The app is gone, and the sessions that lived in its process.
    fn end_with_process(&mut self, app: &AppId, exited: Process, status: ExitStatus, now: Now) {
        if let Some(installed) = self.apps.get_mut(app)
            && exited != (Process::Ending { relaunch: true })
        {
            installed.leaves_at = None;
        }
        for session in self.all(app, Session::keeps_app_awake) {
            self.end(session, app_exited(status), now);
        }
        // The others can be named by nobody any more (S1).
        self.forget_sessions_that_are_not_open(app);
        if self.frontmost.as_ref() == Some(app) {
            self.reopen_or_clear_front(app, exited, now);
        }
        if matches!(exited, Process::Ending { .. }) {
            for session in self.scheduled_sessions(app) {
                self.handle_due(session, now); // A4: it may have come due meanwhile
            }
        }
    }

    fn forget_sessions_that_are_not_open(&mut self, app: &AppId) {
        for id in self.all(app, |session| !session.is_open()) {
            self.forget_session(id);
        }
    }

    /// The frontmost app exited: it comes back only when the user opened it again while it was ending.
    fn reopen_or_clear_front(&mut self, app: &AppId, exited: Process, now: Now) {
        if exited == (Process::Ending { relaunch: true }) {
            self.bring_up(app);
            self.follow_wrist(app, now);
        } else {
            self.frontmost = None;
        }
    }

    /// Sees to it that the app has a process that gets CPU.
    pub(super) fn bring_up(&mut self, app: &AppId) {
        let Some(installed) = self.apps.get_mut(app) else { return };
        installed.suspends_at = None;
        installed.suspended_since = None;
        let output = match installed.process {
            Process::None => {
                installed.process = Process::Launching;
                installed.launches = installed.launches.saturating_add(1);
                Some(Output::Launch { app: app.clone() })
            }
            Process::Launching | Process::Adopted | Process::Attached => {
                (installed.state == AppState::Suspended).then(|| Output::Thaw { app: app.clone() })
            }
            Process::Ending { .. } => {
                installed.process = Process::Ending { relaunch: true };
                None
            }
        };
        if installed.state == AppState::Suspended {
            self.set_state(app, AppState::Background);
        }
        self.outputs.extend(output);
    }

    /// Tells the app to leave, and gives it time to do so (L7).
    pub(super) fn end_process(&mut self, app: &AppId, now: Now) {
        let kill_at = now.after(self.limits.leave_time);
        let Some(installed) = self.apps.get_mut(app) else { return };
        match installed.process {
            Process::None => {}
            Process::Launching | Process::Adopted | Process::Attached => {
                installed.process = Process::Ending { relaunch: false };
                installed.kill_at = Some(kill_at);
                installed.suspends_at = None;
                self.put(Output::EndProcess { app: app.clone() });
            }
            Process::Ending { .. } => installed.process = Process::Ending { relaunch: false },
        }
    }

    /// The time to leave is over (L7).
    pub(super) fn kill(&mut self, app: &AppId) {
        if let Some(installed) = self.apps.get_mut(app) {
            installed.kill_at = None;
        } else if self.leaving.contains_key(app) {
            self.leaving.insert(app.clone(), std::time::Duration::MAX);
            self.apps.touch(app.clone());
        }
        self.put(Output::Kill { app: app.clone() });
    }

    /// The frontmost app is active with the screen on, inactive with it off (L2, L3).
    pub(super) fn follow_wrist(&mut self, app: &AppId, now: Now) {
        let frontmost_time = self.limits.frontmost_time;
        let Some(installed) = self.apps.get_mut(app) else { return };
        let state = match self.wrist {
            Wrist::Up => {
                installed.leaves_at = None;
                match installed.process {
                    Process::Attached => AppState::Active,
                    Process::Ending { relaunch: false } => installed.state, // until its exit
                    Process::None
                    | Process::Launching
                    | Process::Adopted
                    | Process::Ending { relaunch: true } => AppState::Inactive,
                }
            }
            Wrist::Down => {
                installed.leaves_at.get_or_insert(now.after(frontmost_time));
                AppState::Inactive
            }
        };
        self.set_state(app, state);
        self.refresh_alerts();
    }

    /// The user leaves the app: frontmost sessions end (T2), background ones run on (T3).
    pub(super) fn leave(&mut self, app: &AppId, cause: &Cause, now: Now) {
        self.step_back(app, now);
        if let Some(session) = self.running_frontmost_session(app) {
            self.end(session, End::by(Reason::ResignedFrontmost, cause.clone()), now);
        }
    }

    /// The app is frontmost no more: → `background`.
    pub(super) fn step_back(&mut self, app: &AppId, now: Now) {
        self.frontmost = None;
        if let Some(installed) = self.apps.get_mut(app) {
            installed.leaves_at = None;
        }
        self.set_state(app, AppState::Background);
        self.rest(app, now);
        self.refresh_alerts();
    }

    /// Gives an app in the background its grace before it is suspended, unless a session keeps it (L3, L4).
    pub(super) fn rest(&mut self, app: &AppId, now: Now) {
        if self.running_session(app).is_some() {
            return;
        }
        let suspends_at = now.after(self.limits.suspend_grace);
        let Some(installed) = self.apps.get_mut(app) else { return };
        if installed.state == AppState::Background && installed.process.is_alive() {
            installed.suspends_at.get_or_insert(suspends_at);
        }
    }

    /// The grace is over: the app gets no more CPU (L5).
    pub(super) fn suspend(&mut self, app: &AppId, now: Now) {
        let Some(installed) = self.apps.get_mut(app) else { return };
        installed.suspends_at = None;
        if installed.process.is_alive() {
            installed.suspended_since = Some(now.since_boot);
            self.set_state(app, AppState::Suspended);
            self.put(Output::Freeze { app: app.clone() });
        }
    }

    pub(super) fn set_state(&mut self, app: &AppId, state: AppState) {
        let Some(installed) = self.apps.get_mut(app) else { return };
        if installed.state == state {
            return;
        }
        debug_assert!(
            AppState::TRANSITIONS.contains(&(installed.state, state)),
            "the rules know no such change"
        );
        installed.state = state;
        let told = Installed::is_told(installed.process, state);
        self.put(Output::AppStateChanged { app: app.clone(), state });
        if told {
            self.put(Output::Deliver { app: app.clone(), event: AppEvent::StateChanged { state } });
        }
    }
}

impl Installed {
    /// A process that does not listen yet is told its state when it attaches. One that is frozen could not listen
    /// to that, and one that ended to nothing.
    fn is_told(process: Process, state: AppState) -> bool {
        process == Process::Attached && !matches!(state, AppState::Suspended | AppState::NotRunning)
    }
}
