//! Recurrence: the runtime schedules the next session by the rule that the app declared (A10).

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{Phase, Session, Watch};
use crate::app::{AppId, AppState};
use crate::record::{RecurrenceRecord, UsedInstant};
use crate::recurrence::Recurrence;
use crate::session::{Cause, End, ErrorCode, Reason, SessionId, SessionKind, SessionState};
use crate::time::{Now, WallTime};
use crate::watch::{CallError, Output};

/// An app's rule at work.
#[derive(Debug)]
pub(super) struct Recurring {
    rule: Recurrence,
    /// The instant that came due or was skipped last.
    last: Option<UsedInstant>,
    /// Whether a session is asked for, and did not come yet.
    asked: bool,
    /// When it is asked for again.
    pub(super) ask_at: Option<Duration>,
}

impl Recurring {
    /// Whether a session is wanted is to be looked at with the next timeout.
    pub(super) fn look_again(&mut self) {
        self.ask_at.get_or_insert(Duration::ZERO);
    }
}

impl Watch {
    /// The app declares when its alarm comes again. The shell answers the app after it has done the
    /// [`Output::SaveRecurrence`] (A6).
    ///
    /// # Errors
    /// When the app is unknown, no alarm app, not active, or not allowed to schedule; when one of its sessions waits
    /// or it has a rule already; when the rule names no instant; and in strict mode.
    pub fn set_recurrence(&mut self, app: &AppId, rule: Recurrence, now: Now) -> Result<(), CallError> {
        self.obstacle_to_recurrence(app)?;
        if rule.next(now.wall, &self.zone).is_none() {
            return Err(CallError::NoInstant);
        }
        if let Some(installed) = self.apps.get_mut(app) {
            installed.recurring = Some(Recurring { rule, last: None, asked: false, ask_at: None });
        }
        self.save_recurrence(app);
        self.want_occurrence(app, now);
        Ok(())
    }

    fn obstacle_to_recurrence(&self, app: &AppId) -> Result<(), CallError> {
        let installed = self.known(app)?;
        if !self.limits.extensions.recurrence {
            return Err(CallError::NotOffered);
        }
        if !installed.application.declares_alarm() {
            return Err(CallError::NotAllowed(ErrorCode::NotApprovedToSchedule));
        }
        if let Some(code) = self.no_right_to_schedule(app).and_then(|end| end.error) {
            return Err(CallError::NotAllowed(code));
        }
        if installed.state != AppState::Active {
            return Err(CallError::NotAllowed(ErrorCode::MustBeActiveToStartOrSchedule));
        }
        if installed.recurring.is_some() || !self.scheduled_sessions(app).is_empty() {
            return Err(CallError::RecurrenceInTheWay);
        }
        Ok(())
    }

    /// The app takes its rule back; the session that waits by it ends. Without a rule there is nothing to do.
    ///
    /// # Errors
    /// When the app is unknown or not active.
    pub fn clear_recurrence(&mut self, app: &AppId, now: Now) -> Result<(), CallError> {
        let installed = self.known(app)?;
        if installed.recurring.is_none() {
            return Ok(());
        }
        if installed.state != AppState::Active {
            return Err(CallError::NotAllowed(ErrorCode::MustBeActiveToStartOrSchedule));
        }
        self.forget_recurrence(app);
        for id in self.waiting_occurrences(app) {
            self.end(id, End::by(Reason::None, Cause::AppInvalidated), now);
        }
        Ok(())
    }

    /// The rule could not be written. One that was just declared is over with it; what changed of an older one will
    /// be reckoned anew.
    pub fn handle_recurrence_not_saved(&mut self, app: &AppId, now: Now) {
        let Some(installed) = self.apps.get_mut(app) else { return };
        if installed.recurring.as_ref().is_none_or(|recurring| recurring.last.is_some()) {
            return;
        }
        installed.recurring = None;
        for id in self.waiting_occurrences(app) {
            self.end(id, End::with_error(ErrorCode::Unknown, Cause::NotSaved), now);
        }
    }

    pub(super) fn forget_recurrence(&mut self, app: &AppId) {
        let Some(installed) = self.apps.get_mut(app) else { return };
        if installed.recurring.take().is_some() {
            self.put(Output::ForgetRecurrence { app: app.clone() });
        }
    }

    pub(super) fn restore_recurrence(&mut self, record: RecurrenceRecord) {
        let RecurrenceRecord { app, rule, last } = record;
        if let Some(installed) = self.apps.get_mut(&app) {
            installed.recurring = Some(Recurring { rule, last, asked: false, ask_at: None });
        }
    }

    /// The rule of an app, and the instant that it names next.
    pub fn recurrence(&self, app: &AppId, now: Now) -> Option<(&Recurrence, Option<WallTime>)> {
        let recurring = self.apps.get(app)?.recurring.as_ref()?;
        Some((&recurring.rule, self.next_instant(recurring, now)))
    }

    fn next_instant(&self, recurring: &Recurring, now: Now) -> Option<WallTime> {
        // What has come due does not come again, unless the clock was set back by so much that its day is another.
        let set_back_far = |last: &UsedInstant| last.noted.since(now.wall) > self.limits.schedule_ahead;
        let last = recurring.last.filter(|last| !set_back_far(last)).map(|last| last.at);
        recurring.rule.next(last.map_or(now.wall, |at| at.max(now.wall)), &self.zone)
    }

    fn waiting_occurrences(&self, app: &AppId) -> Vec<SessionId> {
        self.all(app, |session| session.recurring && matches!(session.phase, Phase::Scheduled { .. }))
    }

    /// Asks for a session for the rule's next instant, where one is missing.
    pub(super) fn want_occurrence(&mut self, app: &AppId, now: Now) {
        let recurring = self.apps.get(app).and_then(|installed| installed.recurring.as_ref());
        if recurring.is_some_and(|recurring| recurring.ask_at.is_none()) && self.may_want_occurrence(app, now)
        {
            self.ask_for_occurrence(app, now);
        }
    }

    fn may_want_occurrence(&self, app: &AppId, now: Now) -> bool {
        let Some(installed) = self.apps.get(app) else { return false };
        let Some(recurring) = installed.recurring.as_ref() else { return false };
        self.limits.extensions.recurrence
            && installed.application.declares_alarm()
            && self.no_right_to_schedule(app).is_none()
            && self.scheduled_sessions(app).is_empty()
            && self.next_instant(recurring, now).is_some()
    }

    fn ask_for_occurrence(&mut self, app: &AppId, now: Now) {
        let ask_at = now.after(self.limits.occurrence_retry);
        if let Some(recurring) = self.recurring_mut(app) {
            recurring.asked = true;
            recurring.ask_at = Some(ask_at);
            self.put(Output::WantOccurrence { app: app.clone() });
        }
    }

    /// No session came, or it could not be saved: it is asked for again, if it is wanted still.
    pub(super) fn want_occurrence_again(&mut self, app: &AppId, now: Now) {
        if let Some(recurring) = self.recurring_mut(app) {
            recurring.asked = false;
            recurring.ask_at = None;
        }
        self.want_occurrence(app, now);
    }

    pub(super) fn try_occurrence_later(&mut self, app: &AppId, now: Now) {
        let ask_at = now.after(self.limits.occurrence_retry);
        if let Some(recurring) = self.recurring_mut(app) {
            recurring.ask_at = Some(ask_at);
        }
    }

    /// The session that was asked for ([`Output::WantOccurrence`]); `id` was never given before. One that is not
    /// wanted any more is not made.
    pub fn handle_occurrence(&mut self, app: &AppId, id: SessionId, now: Now) {
        let may_want = self.may_want_occurrence(app, now);
        let taken = self.sessions.contains_key(&id) || self.fallbacks.contains_key(&id);
        let Some(recurring) = self.recurring_mut(app).filter(|recurring| recurring.asked && !taken) else {
            return; // where it is wanted still, it is asked for again
        };
        recurring.asked = false;
        recurring.ask_at = None;
        let recurring = self.apps.get(app).and_then(|installed| installed.recurring.as_ref());
        let Some(at) = recurring.filter(|_| may_want).and_then(|rule| self.next_instant(rule, now)) else {
            return;
        };
        let session = Session::new(app.clone(), SessionKind::Alarm, Phase::Scheduled { at });
        self.add_session(id, Session { scheduled: true, recurring: true, ..session });
        self.put(Output::SessionStateChanged {
            session: id,
            app: app.clone(),
            state: SessionState::Scheduled,
        });
        self.save(id);
        self.put(Output::Arm { session: id, at });
    }

    /// A session of the rule leaves its wait: its instant is used.
    pub(super) fn note_instant_used(&mut self, id: SessionId, now: Now) {
        let Some(session) = self.sessions.get(&id).filter(|session| session.recurring) else { return };
        let Phase::Scheduled { at, .. } = session.phase else { return };
        let app = session.app.clone();
        if let Some(recurring) = self.recurring_mut(&app) {
            recurring.last = Some(UsedInstant { at, noted: now.wall });
            self.save_recurrence(&app);
        }
    }

    fn save_recurrence(&mut self, app: &AppId) {
        if let Some(Recurring { rule, last, .. }) = self.recurring_mut(app) {
            let record = RecurrenceRecord { app: app.clone(), rule: rule.clone(), last: *last };
            self.put(Output::SaveRecurrence(record));
        }
    }

    /// The wall clock was set (A10): what waits by a rule moves to the rule's next instant.
    pub fn handle_clock_set(&mut self, now: Now) {
        let with_rule = self.apps.iter().filter(|(_, installed)| installed.recurring.is_some());
        let apps: Vec<_> = with_rule.map(|(app, _)| app.clone()).collect();
        for app in apps {
            for id in self.waiting_occurrences(&app) {
                self.move_occurrence(&app, id, now);
            }
            self.want_occurrence(&app, now);
        }
    }

    /// The board is in this time zone (A10).
    pub fn handle_time_zone(&mut self, zone: TimeZone, now: Now) {
        self.zone = zone;
        self.handle_clock_set(now);
    }

    fn move_occurrence(&mut self, app: &AppId, id: SessionId, now: Now) {
        let recurring = self.apps.get(app).and_then(|installed| installed.recurring.as_ref());
        let Some(next) = recurring.and_then(|recurring| self.next_instant(recurring, now)) else { return };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Phase::Scheduled { at, .. } = &mut session.phase else { return };
        if *at <= now.wall || *at == next {
            return; // what is due is dealt with by its time (A7)
        }
        *at = next;
        self.save(id);
        self.put(Output::Arm { session: id, at: next });
    }

    fn recurring_mut(&mut self, app: &AppId) -> Option<&mut Recurring> {
        self.apps.get_mut(app)?.recurring.as_mut()
    }
}
