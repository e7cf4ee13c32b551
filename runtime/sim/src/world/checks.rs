//! What holds after each step, and at the end of a run.

use std::time::Duration;

use carpus_core::app::AppRights;
use carpus_core::session::ExitStatus;
use carpus_core::{AppState, RecordedPhase, SessionId, SessionState, WallTime};

use super::outage::Outage;
use super::{Done, World};
use crate::counts::Happening;
use crate::input::Input;
use crate::ledger::Entry;

type Checked = Result<(), String>;

/// At the end of a run the clock is set to this: the calendar ends in the year 9999.
const AFTER_THE_CALENDAR: WallTime = WallTime::from_unix_ms(253_402_300_800_000);
/// How much time passes at the end of a run.
const FAR_AHEAD: Duration = Duration::from_secs(10 * 365 * 86_400);
/// How often what came up at the end of a run is ended again.
const SETTLING_ROUNDS: u32 = 8;

fn must(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

impl World<'_> {
    /// The rules hold, and the reference sees the watch as it is.
    pub(super) fn check(&self) -> Checked {
        self.check_apps()?;
        self.check_sessions()?;
        self.check_views()?;
        self.check_schedule()?;
        self.check_disk()?;
        self.check_told()
    }

    fn check_apps(&self) -> Checked {
        let mut front = None;
        for (index, app) in self.ids.iter().enumerate() {
            let state = self.core.app_state(app);
            let expected = self.reference.app_state(app);
            must(state == expected, || {
                format!("app states differ: {app} {state:?}, reference {expected:?}")
            })?;
            let haptic = self.core.may_play_haptic(app);
            must(haptic == self.reference.may_play_haptic(app), || {
                format!("may_play_haptic differs: {app}")
            })?;
            let Some(state) = state else { continue };
            if matches!(state, AppState::Active | AppState::Inactive) {
                must(front.is_none(), || format!("L6: {app} is the second frontmost app"))?;
                front = Some(app);
            }
            self.check_process(index, state)?;
        }
        let frontmost = self.core.frontmost();
        must(frontmost == front, || format!("L6: {frontmost:?} is frontmost, {front:?} looks like it"))?;
        must(frontmost == self.reference.frontmost(), || "frontmost differs".to_owned())
    }

    fn check_process(&self, index: usize, state: AppState) -> Checked {
        let app = &self.ids[index];
        let Some(process) = &self.apps[index].process else {
            return must(state == AppState::NotRunning, || {
                format!("L1: {app} is {} without a process", state.name())
            });
        };
        must(state != AppState::NotRunning, || format!("L1: {app} has a process and is not running"))?;
        must(process.frozen == (state == AppState::Suspended) || process.leaving, || {
            format!("L5: {app} is {}, frozen: {}", state.name(), process.frozen)
        })?;
        must(state != AppState::Active || process.attached, || {
            format!("L2: {app} is active and does not listen")
        })
    }

    fn check_sessions(&self) -> Checked {
        for view in self.core.open_sessions() {
            let (id, runs) = (view.session, view.state == SessionState::Running);
            must(view.expiration.is_some() == runs, || format!("S5: session {id}"))?;
            let state = self.core.app_state(&view.app);
            must(!runs || state != Some(AppState::Suspended), || {
                format!("T1: {id} runs in a suspended app")
            })?;
        }
        let mut running_apps = vec![false; self.apps.len()];
        for (id, entry) in self.ledger.entries().filter(|(_, entry)| entry.is_live()) {
            let runs = entry.state == Some(SessionState::Running);
            must(!(runs && running_apps[entry.app]), || format!("S3: {id} runs beside another session"))?;
            running_apps[entry.app] |= runs;
            must(entry.measured == runs, || format!("C1: measured iff running: session {id}"))?;
            let active = self.core.app_state(&self.ids[entry.app]) == Some(AppState::Active);
            must(entry.alert == entry.wants_alert(active), || {
                format!("N4: the alert of session {id} is shown: {}", entry.alert)
            })?;
        }
        Ok(())
    }

    /// The sessions, as the core and the reference show them.
    fn check_views(&self) -> Checked {
        let mut open = 0;
        for (id, app, state) in self.reference.sessions() {
            let shown = self.core.session(&app, id).map(|view| view.state);
            must(shown == Some(state), || {
                format!("session states differ: {id} {shown:?}, reference {state:?}")
            })?;
            open += usize::from(matches!(state, SessionState::Scheduled | SessionState::Running));
        }
        must(self.core.open_sessions().count() == open, || "the core has more open sessions".to_owned())
    }

    fn check_schedule(&self) -> Checked {
        // What is due by now and was not reported yet, may have been dealt with on another report.
        let mut armed = self.armed.values().filter(|at| **at <= self.now.wall).count();
        for (id, at) in self.reference.waiting_alarms() {
            let shown = self.core.waiting_alarms().find(|(waiting, _)| *waiting == id);
            must(shown == Some((id, at)), || {
                format!("waiting alarms differ: {shown:?}, reference {id} {at:?}")
            })?;
            let is_armed = self.armed.get(&id) == Some(&at);
            must(is_armed || self.waits_for_exit(id), || {
                format!("A4: {id} waits and is not armed at its time")
            })?;
            armed += usize::from(is_armed && at > self.now.wall);
        }
        must(armed == self.armed.len(), || format!("A4: armed in vain: {:?}", self.armed))
    }

    /// It came due while its app's process was being ended (A4).
    fn waits_for_exit(&self, id: SessionId) -> bool {
        let app = self.ledger.entry(id).and_then(|entry| self.apps[entry.app].process.as_ref());
        app.is_some_and(|process| process.leaving)
    }

    /// The process of an app whose session runs was told so (S4, S14).
    fn check_told(&self) -> Checked {
        if !self.disk.is_settled() {
            return Ok(());
        }
        let runs =
            |(_, entry): &(SessionId, &Entry)| !entry.excused && entry.state == Some(SessionState::Running);
        for (id, entry) in self.ledger.entries().filter(runs) {
            let process = self.apps[entry.app].process.as_ref();
            let told = process.is_none_or(|process| entry.was_told(process.generation));
            must(told, || format!("S14: {id} runs, and its app's process was never handed it"))?;
        }
        Ok(())
    }

    /// On disk is what is open, or rings still (D2).
    fn check_disk(&self) -> Checked {
        if !self.disk.is_settled() {
            return Ok(());
        }
        let mut open = 0;
        for view in self.core.open_sessions() {
            open += 1;
            let id = view.session;
            must(self.disk.records.contains_key(&id), || format!("D2: {id} is open and not on disk"))?;
        }
        let fallbacks = self.disk.records.values();
        let fallbacks =
            fallbacks.filter(|record| matches!(record.phase, RecordedPhase::Fallback { .. })).count();
        let kept = self.disk.records.len();
        must(kept == open + fallbacks, || {
            format!("D2: {kept} records, {open} open sessions, {fallbacks} fallbacks")
        })
    }
}

// --- the end of a run
impl World<'_> {
    /// All apps exit, and the clock goes far ahead: after that nothing is owed to anyone.
    pub(super) fn settle(&mut self) -> Checked {
        self.fuse = None;
        self.disk.latency = Duration::ZERO;
        let done = self.fill_disk(false).and_then(|()| self.pass(Duration::from_secs(1)));
        self.survive(done)?;
        if self.disk.failed {
            let done = self.restart(Outage::kill(Duration::ZERO));
            self.survive(done)?;
        }
        for _ in 0..SETTLING_ROUNDS {
            let done = self.settle_once();
            self.survive(done)?;
            if self.is_quiet() {
                break;
            }
        }
        let done = self.read_all();
        self.survive(done)?;
        self.check_settled()?;
        let [sent, delivered] =
            [Happening::EventsSent, Happening::EventsDelivered].map(|happening| self.counts.of(happening));
        let [void, dropped] = [Happening::EventsSuperseded, Happening::EventsDropped]
            .map(|happening| self.counts.of(happening));
        must(sent == delivered + void + dropped, || {
            format!("D1: {sent} events sent, {delivered} delivered, {void} superseded, {dropped} dropped")
        })?;
        self.ledger.check_settled()
    }

    fn is_quiet(&mut self) -> bool {
        let lives = self.apps.iter().any(|app| app.process.is_some());
        !lives && self.core.poll_timeout().is_none() && self.schedule.poll_timeout().is_none()
    }

    fn settle_once(&mut self) -> Done {
        for app in 0..self.apps.len() {
            self.set_rights(app, AppRights { background_refresh: false, schedule: false })?;
            if self.apps[app].process.is_some() {
                self.exit(app, ExitStatus::Code(0))?;
            }
        }
        let alarm = self.schedule.poll_timeout().unwrap_or(AFTER_THE_CALENDAR);
        self.now.wall = self.now.wall.max(AFTER_THE_CALENDAR).max(alarm).plus(FAR_AHEAD);
        self.tell(&Input::ClockSet)?;
        self.agenda.clear();
        let last = self.core.poll_timeout().map_or(Duration::ZERO, |(at, _)| at);
        self.advance_to(last.max(self.now.since_boot + FAR_AHEAD));
        self.pass(Duration::ZERO)
    }

    /// Every app is launched once more, and reads what it was never told.
    fn read_all(&mut self) -> Done {
        for app in 0..self.apps.len() {
            while let Some((sequence, event)) = self.disk.journals[app].waiting.front().cloned() {
                self.receive(app, Some(sequence), &event)?;
                self.disk.journals[app].acknowledge(sequence);
            }
        }
        Ok(())
    }

    fn check_settled(&mut self) -> Checked {
        let next = self.core.poll_timeout();
        must(next.is_none(), || format!("the core waits for {next:?} at the end of the run"))?;
        must(self.schedule.poll_timeout().is_none(), || {
            "an alarm is armed at the end of the run".to_owned()
        })?;
        let left = self.disk.records.keys().next();
        must(left.is_none(), || format!("the record of {left:?} is left at the end of the run"))
    }
}
