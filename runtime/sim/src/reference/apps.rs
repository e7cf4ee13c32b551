//! The life cycle of apps (L).

use std::time::Duration;

use carpus_core::app::{AppRights, AppState};
use carpus_core::session::{Cause, End, ErrorCode, ExitStatus, Reason};
use carpus_core::watch::{CallError, Output};
use carpus_core::{AppEvent, AppId, Application, Now, SessionId};

use super::Reference;
use super::state::{App, HandedAgain, Phase, Process, Session};

type Call = Result<(), CallError>;

impl Reference {
    pub(super) fn put(&mut self, output: Output) {
        self.outputs.push(output);
    }

    pub(super) fn deliver(&mut self, app: &AppId, event: AppEvent) {
        self.put(Output::Deliver { app: app.clone(), event });
    }

    pub(super) fn app_mut(&mut self, app: &AppId) -> &mut App {
        self.apps.get_mut(app).expect("callers name apps that are installed")
    }

    pub(super) fn installed_app(&self, app: &AppId) -> Result<&App, CallError> {
        self.apps.get(app).ok_or_else(|| CallError::UnknownApp(app.clone()))
    }

    pub(super) fn is_active(&self, app: &AppId) -> bool {
        self.app_state(app) == Some(AppState::Active)
    }

    pub(super) fn is_ending(&self, app: &AppId) -> bool {
        self.apps.get(app).is_some_and(|app| app.process == Process::Ending)
    }

    /// The sessions of an app for which `which` holds, by number.
    pub(super) fn sessions_of(&self, app: &AppId, which: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        let matching =
            |(id, session): (&SessionId, &Session)| (session.app == *app && which(session)).then_some(*id);
        self.sessions.iter().filter_map(matching).collect()
    }

    pub(super) fn installed(&mut self, application: &Application) {
        let kinds = application.session_kinds.clone();
        match self.apps.get_mut(&application.id) {
            Some(app) => {
                app.kinds = kinds;
                // A10: the new version may declare what the old one did not; that is looked at as something due.
                if let Some(rule) = &mut app.recurrence {
                    rule.ask_again_at.get_or_insert(std::time::Duration::ZERO);
                }
            }
            None => {
                let mut app = App::new(kinds);
                if let Some(leave_by) = self.left_behind.remove(&application.id) {
                    app.process = Process::Ending;
                    app.leave_by = leave_by;
                }
                self.apps.insert(application.id.clone(), app);
            }
        }
    }

    /// What the user lets an app do (A5, N6).
    pub(super) fn rights(&mut self, app: &AppId, rights: AppRights) -> Call {
        self.installed_app(app)?;
        self.app_mut(app).rights = rights;
        Ok(())
    }

    pub(super) fn removed(&mut self, app: &AppId, now: Now) -> Call {
        self.installed_app(app)?;
        let recurrence = self.app_mut(app).recurrence.take();
        for id in self.sessions_of(app, |session| session.waits() || session.is_open()) {
            self.end(id, End::by(Reason::None, Cause::DisabledByUser), now);
        }
        if self.frontmost.as_ref() == Some(app) {
            self.l4_leave(app, now);
        }
        if matches!(self.app_mut(app).process, Process::Launching | Process::Attached) {
            self.l7_end_process(app, now);
        }
        if self.is_ending(app) {
            let leave_by = self.app_mut(app).leave_by;
            self.left_behind.insert(app.clone(), leave_by);
        }
        if recurrence.is_some() {
            self.put(Output::ForgetRecurrence { app: app.clone() });
        }
        let owed = self.fallbacks.iter().filter(|(_, fallback)| fallback.app == *app);
        for id in owed.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.n7_end_fallback(id);
        }
        self.sessions.retain(|_, session| session.app != *app);
        self.apps.remove(app);
        Ok(())
    }

    /// L1: an app's state changes; the app is told while it listens, but never that it is suspended or gone.
    pub(super) fn l1_set_state(&mut self, app: &AppId, state: AppState, now: Now) {
        let entry = self.app_mut(app);
        if entry.state == state {
            return;
        }
        entry.state = state;
        entry.suspended_at = (state == AppState::Suspended).then_some(now.since_boot);
        let listens = entry.process == Process::Attached;
        self.put(Output::AppStateChanged { app: app.clone(), state });
        if listens && !matches!(state, AppState::Suspended | AppState::NotRunning) {
            self.deliver(app, AppEvent::StateChanged { state });
        }
        if state != AppState::NotRunning {
            self.n4_alerts(app); // the alarms of an app that is gone end right away
        }
    }

    pub(super) fn l2_open(&mut self, app: &AppId, now: Now) -> Call {
        self.installed_app(app)?;
        self.l2_bring_to_front(app, now);
        Ok(())
    }

    /// Opens an app from its alert: the screen is on then (N4).
    pub(super) fn n4_bring_to_front(&mut self, app: &AppId, now: Now) {
        self.wrist_up = true;
        self.l2_bring_to_front(app, now);
    }

    fn l2_bring_to_front(&mut self, app: &AppId, now: Now) {
        if let Some(other) = self.frontmost.clone().filter(|other| other != app) {
            self.t2_left(&other, Cause::OtherApp(app.clone()), now);
        }
        self.frontmost = Some(app.clone());
        let begun = now.after(self.limits.frontmost_time);
        let wrist_up = self.wrist_up;
        let entry = self.app_mut(app);
        entry.grace_until = None;
        entry.frontmost_until = if wrist_up { None } else { entry.frontmost_until.or(Some(begun)) };
        match entry.process {
            Process::None => self.l2_launch(app, AppState::Inactive, now),
            Process::Ending => {
                entry.reopened = true;
                if entry.state == AppState::Suspended {
                    self.l1_set_state(app, AppState::Background, now);
                }
                self.l1_set_state(app, AppState::Inactive, now);
            }
            Process::Launching | Process::Attached => {
                self.l2_thaw(app, now);
                if !self.is_active(app) {
                    self.l1_set_state(app, AppState::Inactive, now);
                }
                self.l2_show(app, now);
            }
        }
    }

    pub(super) fn l2_launch(&mut self, app: &AppId, state: AppState, now: Now) {
        let entry = self.app_mut(app);
        entry.process = Process::Launching;
        entry.launches += 1;
        self.put(Output::Launch { app: app.clone() });
        self.l1_set_state(app, state, now);
    }

    pub(super) fn l2_thaw(&mut self, app: &AppId, now: Now) {
        if self.app_state(app) == Some(AppState::Suspended) {
            self.l1_set_state(app, AppState::Background, now);
            self.put(Output::Thaw { app: app.clone() });
        }
    }

    /// The frontmost app is active when it listens and the wrist is up.
    fn l2_show(&mut self, app: &AppId, now: Now) {
        let frontmost = self.frontmost.as_ref() == Some(app);
        if frontmost && self.wrist_up && self.app_mut(app).process == Process::Attached {
            self.l1_set_state(app, AppState::Active, now);
        }
    }

    pub(super) fn l3_wrist(&mut self, up: bool, now: Now) {
        if self.wrist_up == up {
            return;
        }
        self.wrist_up = up;
        let Some(app) = self.frontmost.clone() else { return };
        let frontmost_until = (!up).then(|| now.after(self.limits.frontmost_time));
        self.app_mut(&app).frontmost_until = frontmost_until;
        if up {
            self.l2_show(&app, now);
        } else {
            self.l1_set_state(&app, AppState::Inactive, now);
        }
    }

    /// A frontmost session keeps its app frontmost although the wrist is down (L3, T2). When it ends after the frontmost
    /// time, that is due at once.
    pub(super) fn l3_is_kept_frontmost(&self, app: &AppId) -> bool {
        self.sessions
            .values()
            .any(|session| session.app == *app && session.is_open() && session.is_frontmost_kind())
    }

    pub(super) fn l4_crown(&mut self, now: Now) {
        if let Some(app) = self.frontmost.clone() {
            self.t2_left(&app, Cause::Crown, now);
        }
    }

    pub(super) fn l4_covered(&mut self, now: Now) {
        if let Some(app) = self.frontmost.clone() {
            self.t2_left(&app, Cause::Covered, now);
        }
    }

    /// T2: the user leaves an app, and its frontmost sessions end.
    fn t2_left(&mut self, app: &AppId, cause: Cause, now: Now) {
        self.l4_leave(app, now);
        for id in self.sessions_of(app, |session| session.is_open() && session.is_frontmost_kind()) {
            self.end(id, End::by(Reason::ResignedFrontmost, cause.clone()), now);
        }
    }

    pub(super) fn l4_leave(&mut self, app: &AppId, now: Now) {
        self.frontmost = None;
        let entry = self.app_mut(app);
        entry.frontmost_until = None;
        entry.reopened = false;
        if entry.process != Process::None {
            self.l1_set_state(app, AppState::Background, now);
        }
        self.l4_begin_grace(app, now);
    }

    /// The grace begins when an app in the background has no session that keeps it.
    pub(super) fn l4_begin_grace(&mut self, app: &AppId, now: Now) {
        let kept = !self.sessions_of(app, Session::is_open).is_empty();
        let grace_until = now.after(self.limits.suspend_grace);
        let entry = self.app_mut(app);
        let lives = matches!(entry.process, Process::Launching | Process::Attached);
        if lives && entry.state == AppState::Background && entry.grace_until.is_none() && !kept {
            entry.grace_until = Some(grace_until);
        }
    }

    /// L4, L5: the grace is over.
    pub(super) fn l5_suspend(&mut self, app: &AppId, now: Now) {
        self.app_mut(app).grace_until = None;
        self.l1_set_state(app, AppState::Suspended, now);
        self.put(Output::Freeze { app: app.clone() });
    }

    /// L5: the app that is suspended longest goes first.
    pub(super) fn l5_memory_short(&mut self, now: Now) {
        let suspended = self.apps.iter().filter(|(_, app)| app.process != Process::Ending);
        let longest = suspended.filter_map(|(id, app)| Some((app.suspended_at?, id.clone()))).min();
        if let Some((_, app)) = longest {
            self.l7_end_process(&app, now);
        }
    }

    pub(super) fn l7_close(&mut self, app: &AppId, now: Now) -> Call {
        match self.installed_app(app)?.process {
            Process::None => {}
            Process::Ending => self.app_mut(app).reopened = false,
            Process::Launching | Process::Attached => self.l7_end_process(app, now),
        }
        Ok(())
    }

    fn l7_end_process(&mut self, app: &AppId, now: Now) {
        let leave_by = now.after(self.limits.leave_time);
        let entry = self.app_mut(app);
        entry.process = Process::Ending;
        entry.grace_until = None;
        entry.leave_by = Some(leave_by);
        self.put(Output::EndProcess { app: app.clone() });
    }

    /// L7: the app did not leave.
    pub(super) fn l7_kill(&mut self, app: &AppId) {
        match self.apps.get_mut(app) {
            Some(entry) => entry.leave_by = None,
            None => drop(self.left_behind.insert(app.clone(), None)),
        }
        self.put(Output::Kill { app: app.clone() });
    }

    /// A4: an alarm is due, and its app has to be there.
    pub(super) fn a4_bring_up(&mut self, app: &AppId, now: Now) {
        let entry = self.app_mut(app);
        entry.grace_until = None;
        if entry.process == Process::None {
            self.l2_launch(app, AppState::Background, now);
        } else {
            self.l2_thaw(app, now);
        }
    }

    pub(super) fn attached(&mut self, app: &AppId, now: Now) {
        match self.apps.get_mut(app) {
            Some(entry) if entry.process == Process::Launching => entry.process = Process::Attached,
            Some(_) | None => return,
        }
        self.l2_show(app, now);
        self.a4_begin_handle_time(app, now);
    }

    pub(super) fn exited(&mut self, app: &AppId, status: ExitStatus, now: Now) {
        self.left_behind.remove(app);
        if self.apps.get(app).is_none_or(|entry| entry.process == Process::None) {
            return;
        }
        if self.s14_is_launched_again(app, status, now) {
            self.s14_launch_again(app, now);
            return;
        }
        let entry = self.app_mut(app);
        let opened_again = std::mem::take(&mut entry.reopened);
        let was_ending = std::mem::replace(&mut entry.process, Process::None) == Process::Ending;
        entry.grace_until = None;
        entry.leave_by = None;
        if self.frontmost.as_ref() == Some(app) && !opened_again {
            self.app_mut(app).frontmost_until = None;
            self.frontmost = None;
        }
        self.l1_set_state(app, AppState::NotRunning, now);
        self.d2_end_with_process(app, status, now);
        if self.frontmost.as_ref() == Some(app) {
            self.l2_launch(app, AppState::Inactive, now);
        }
        if was_ending {
            self.a4_look_again(app, now);
        }
    }

    /// S14: it crashed in a session, and was not launched again too often already.
    fn s14_is_launched_again(&self, app: &AppId, status: ExitStatus, now: Now) -> bool {
        let Some(entry) = self.apps.get(app) else { return false };
        let lately = |at: &&Duration| now.since_boot.saturating_sub(**at) < self.limits.relaunch_window;
        let by_itself = matches!(entry.process, Process::Launching | Process::Attached);
        by_itself
            && status != ExitStatus::Code(0)
            && !self.sessions_of(app, Session::is_open).is_empty()
            && entry.relaunches.iter().filter(lately).count() < self.limits.relaunch_max as usize
    }

    /// S14: the session stays what it was, and the new process is handed it.
    fn s14_launch_again(&mut self, app: &AppId, now: Now) {
        let frontmost = self.frontmost.as_ref() == Some(app);
        let entry = self.app_mut(app);
        entry.relaunches.push(now.since_boot);
        entry.process = Process::None;
        entry.grace_until = None;
        self.l1_set_state(app, AppState::NotRunning, now);
        self.d2_forget_with_process(app);
        self.l2_launch(app, if frontmost { AppState::Inactive } else { AppState::Background }, now);
        for id in self.sessions_of(app, Session::is_open) {
            let session = self.session_mut(id);
            if let Phase::Handed { deadline, .. } = &mut session.phase {
                *deadline = None;
            } else {
                session.handed_again = Some(HandedAgain { deadline: None });
            }
            if let Some(span) = session.span() {
                self.d2_advance(id, AppEvent::Handle { session: id, expiration: span.expiration });
            }
        }
    }

    /// The sessions that an app cannot have without a process end, and those that only it knew are forgotten.
    fn d2_end_with_process(&mut self, app: &AppId, status: ExitStatus, now: Now) {
        for id in self.sessions_of(app, Session::is_open) {
            self.end(id, End::with_error(ErrorCode::Unknown, Cause::AppExited(status)), now);
        }
        self.d2_forget_with_process(app);
    }

    fn d2_forget_with_process(&mut self, app: &AppId) {
        let gone = |session: &Session| session.phase == Phase::NotStarted || session.is_over();
        self.sessions.retain(|_, session| session.app != *app || !gone(session));
    }
}
