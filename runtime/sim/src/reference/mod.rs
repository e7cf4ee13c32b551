//! The rules once more, as plainly as they read: what the watch is compared with.
//!
//! No index, no cache and no shortcut: every question goes through all apps or all sessions, and each rule is a
//! function that carries its number. It is written apart from the watch, and shares only its vocabulary.

mod apps;
mod instants;
mod obstacles;
mod recurrences;
mod restore;
mod ringing;
mod scheduling;
mod sessions;
mod state;
#[cfg(test)]
mod tests;
mod timeouts;

use std::collections::BTreeMap;
use std::time::Duration;

use carpus_core::app::AppState;
use carpus_core::suppression::Conditions;
use carpus_core::watch::{CallError, Output};
use carpus_core::{AppId, Limits, Now, SessionId, SessionState, WallTime};
use jiff::tz::TimeZone;

use self::state::{App, Fallback, Phase, Session};
use crate::input::{Answer, Input};

/// The rules, without the watch.
#[derive(Debug)]
pub struct Reference {
    limits: Limits,
    apps: BTreeMap<AppId, App>,
    sessions: BTreeMap<SessionId, Session>,
    fallbacks: BTreeMap<SessionId, Fallback>,
    /// The processes that apps left behind when they were removed, and when they are killed, if they were not yet (L7).
    left_behind: BTreeMap<AppId, Option<Duration>>,
    frontmost: Option<AppId>,
    wrist_up: bool,
    conditions: Conditions,
    board_zone: TimeZone,
    outputs: Vec<Output>,
}

impl Reference {
    /// A watch on a raised wrist, with no app, and with its zone at UTC.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            apps: BTreeMap::new(),
            sessions: BTreeMap::new(),
            fallbacks: BTreeMap::new(),
            left_behind: BTreeMap::new(),
            frontmost: None,
            wrist_up: true,
            conditions: Conditions::default(),
            board_zone: TimeZone::UTC,
            outputs: Vec::new(),
        }
    }

    /// Takes one input, and gives its answer and all that follows from it, in order.
    pub fn apply(&mut self, input: &Input, now: Now) -> (Answer, Vec<Output>) {
        let answer = self.answer(input, now);
        self.a10_want_sessions(now);
        (answer, std::mem::take(&mut self.outputs))
    }

    fn answer(&mut self, input: &Input, now: Now) -> Answer {
        match input {
            Input::NotSaved(id) => return Answer::Lost(self.a6_not_saved(*id, now)),
            Input::CanStart(app, kind, at) => {
                return Answer::Obstacles(self.s11_can_start(app, *kind, *at, now));
            }
            _ => {}
        }
        match self.call(input, now) {
            Some(result) => Answer::Call(result),
            None => {
                self.report(input, now);
                Answer::None
            }
        }
    }

    /// What users and apps ask for, and get an answer to; none for every other input.
    fn call(&mut self, input: &Input, now: Now) -> Option<Result<(), CallError>> {
        Some(match input {
            Input::Removed(app) => self.removed(app, now),
            Input::Rights(app, rights) => self.rights(app, *rights),
            Input::Open(app) => self.l2_open(app, now),
            Input::Close(app) => self.l7_close(app, now),
            Input::StopAlarm(id) => self.n4_stop(*id, now),
            Input::OpenAlarm(id) => self.n4_open(*id, now),
            Input::Snooze(id, span) => self.n5_snooze(*id, *span, now),
            Input::Create(app, id, kind) => self.s1_create(app, *id, *kind),
            Input::Start(app, id) => self.s2_start(app, *id, now),
            Input::StartAt(app, id, at) => self.a1_start_at(app, *id, *at, now),
            Input::Replace(app, id, at) => self.a3_replace(app, *id, *at, now),
            Input::Invalidate(app, id) => self.s6_invalidate(app, *id, now),
            Input::Handled(app, id) => self.a4_handled(app, *id, now),
            Input::NotifyUser(app, id, haptic, repeat) => {
                self.n1_notify_user(app, *id, *haptic, *repeat, now)
            }
            Input::Repeat(app, id, played, interval_ms, haptic) => {
                self.n2_repeat(app, *id, *played, *interval_ms, *haptic)
            }
            Input::SetRecurrence(app, rule) => self.a10_set(app, rule, now),
            Input::ClearRecurrence(app) => self.a10_clear(app, now),
            _ => return None,
        })
    }

    /// What merely happens.
    fn report(&mut self, input: &Input, now: Now) {
        match input {
            Input::Installed(application) => self.installed(application),
            Input::WristUp => self.l3_wrist(true, now),
            Input::WristDown => self.l3_wrist(false, now),
            Input::Crown => self.l4_crown(now),
            Input::Covered => self.l4_covered(now),
            Input::Attached(app) => self.attached(app, now),
            Input::Exited(app, status) => self.exited(app, *status, now),
            Input::MemoryShort => self.l5_memory_short(now),
            Input::Conditions(conditions) => self.s10_conditions(*conditions, now),
            Input::ClockSet => self.a10_clock_set(now),
            Input::TimeZone(zone) => self.a10_zone_set(zone, now),
            Input::Due(id) => self.a4_due(*id, now),
            Input::BudgetSpent(id, used, limit) => self.c1_budget_spent(*id, *used, *limit, now),
            Input::Saved(id) => self.a3_saved(*id, now),
            Input::RecurrenceNotSaved(app) => self.a10_not_saved(app, now),
            Input::Occurrence(app, id) => self.a10_occurrence(app, *id, now),
            Input::Restore(kept) => self.d2_restore(kept, now),
            Input::Timeout => self.timeout(now),
            _ => {}
        }
    }

    /// The earliest instant on the clock since boot at which something is due.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.all_due().into_iter().map(|due| due.at).min()
    }

    /// The state of an app that is installed (L1).
    pub fn app_state(&self, app: &AppId) -> Option<AppState> {
        self.apps.get(app).map(|app| app.state)
    }

    /// The frontmost app (L6).
    pub fn frontmost(&self) -> Option<&AppId> {
        self.frontmost.as_ref()
    }

    /// The sessions that are known, with their apps and states (S1), by number.
    pub fn sessions(&self) -> Vec<(SessionId, AppId, SessionState)> {
        let view = |(id, session): (&SessionId, &Session)| (*id, session.app.clone(), session.state());
        self.sessions.iter().map(view).collect()
    }

    /// The alarms that wait, with their instants (A4), by number.
    pub fn waiting_alarms(&self) -> Vec<(SessionId, WallTime)> {
        let mut waiting = Vec::new();
        for (id, session) in &self.sessions {
            if let Phase::Waiting { at } = session.phase {
                waiting.push((*id, at));
            }
        }
        waiting
    }

    /// Whether the app may play a haptic (H2): frontmost or in a running session, while no other app's alarm rings.
    pub fn may_play_haptic(&self, app: &AppId) -> bool {
        let frontmost = self.frontmost.as_ref() == Some(app);
        let runs = self.sessions.values().any(|session| session.app == *app && session.runs());
        let drowned = self.sessions.values().any(|session| session.app != *app && session.sounds())
            || self.fallbacks.values().any(|fallback| fallback.app != *app && fallback.sounds());
        (frontmost || runs) && !drowned
    }
}
