//! Recurrence (A10): the runtime schedules the next session of a rule that an app declared.

use carpus_core::recurrence::{Recurrence, RecurrenceRecord};
use carpus_core::session::{Cause, End, ErrorCode, Reason};
use carpus_core::watch::{CallError, Output};
use carpus_core::{AppId, Now, SessionId, SessionKind, UsedInstant, WallTime};
use jiff::tz::TimeZone;

use super::Reference;
use super::instants::a10_next;
use super::state::{Declared, Phase, Session};

type Call = Result<(), CallError>;

impl Reference {
    pub(super) fn a10_set(&mut self, app: &AppId, rule: &Recurrence, now: Now) -> Call {
        self.a10_in_the_way(app)?;
        let declared = Declared { rule: rule.clone(), last: None, asked: false, ask_again_at: None };
        if self.a10_next_of(&declared, now).is_none() {
            return Err(CallError::NoInstant);
        }
        self.app_mut(app).recurrence = Some(declared);
        self.a10_save(app);
        Ok(())
    }

    fn a10_in_the_way(&self, app: &AppId) -> Call {
        let entry = self.installed_app(app)?;
        if !self.limits.extensions.recurrence {
            return Err(CallError::NotOffered);
        }
        let code = if !entry.kinds.contains(&SessionKind::Alarm) || !entry.rights.schedule {
            ErrorCode::NotApprovedToSchedule
        } else if !entry.rights.background_refresh {
            ErrorCode::BackgroundRefreshDisabled
        } else if !self.is_active(app) {
            ErrorCode::MustBeActiveToStartOrSchedule
        } else if entry.recurrence.is_some() || !self.sessions_of(app, Session::waits).is_empty() {
            return Err(CallError::RecurrenceInTheWay);
        } else {
            return Ok(());
        };
        Err(CallError::NotAllowed(code))
    }

    pub(super) fn a10_clear(&mut self, app: &AppId, now: Now) -> Call {
        if self.installed_app(app)?.recurrence.is_none() {
            return Ok(());
        }
        if !self.is_active(app) {
            return Err(CallError::NotAllowed(ErrorCode::MustBeActiveToStartOrSchedule));
        }
        self.put(Output::ForgetRecurrence { app: app.clone() });
        self.a10_take_back(app, &End::by(Reason::None, Cause::AppInvalidated), now);
        Ok(())
    }

    /// The rule could not be written down, so it does not stand, nor does what it led to. One that stood before stands
    /// on: it is only its newest instant that is not on disk.
    pub(super) fn a10_not_saved(&mut self, app: &AppId, now: Now) {
        let declared = self.apps.get(app).and_then(|entry| entry.recurrence.as_ref());
        if declared.is_some_and(|declared| declared.last.is_none()) {
            self.a10_take_back(app, &End::with_error(ErrorCode::Unknown, Cause::NotSaved), now);
        }
    }

    fn a10_take_back(&mut self, app: &AppId, end: &End, now: Now) {
        self.app_mut(app).recurrence = None;
        for id in self.sessions_of(app, |session| session.waits() && session.of_rule) {
            self.end(id, end.clone(), now);
        }
    }

    /// A session is wanted while the rule has none that waits, has an instant to come, and nothing forbids it.
    fn a10_is_wanted(&self, app: &AppId, now: Now) -> bool {
        let Some(entry) = self.apps.get(app) else { return false };
        let allowed = entry.rights.schedule
            && entry.rights.background_refresh
            && entry.kinds.contains(&SessionKind::Alarm);
        let waits = !self.sessions_of(app, Session::waits).is_empty();
        let next = |declared: &Declared| self.a10_next_of(declared, now).is_some();
        self.limits.extensions.recurrence && allowed && !waits && entry.recurrence.as_ref().is_some_and(next)
    }

    /// Asks for a session for every rule that wants one, and did not ask yet.
    pub(super) fn a10_want_sessions(&mut self, now: Now) {
        let asks_not = |declared: &Declared| declared.ask_again_at.is_none();
        let with_rule = self.apps.iter().filter(|(_, entry)| entry.recurrence.as_ref().is_some_and(asks_not));
        for app in with_rule.map(|(app, _)| app.clone()).collect::<Vec<_>>() {
            if self.a10_is_wanted(&app, now) {
                self.a10_ask(&app, now);
            }
        }
    }

    pub(super) fn a10_ask(&mut self, app: &AppId, now: Now) {
        let again_at = now.after(self.limits.occurrence_retry);
        let wanted = self.a10_is_wanted(app, now);
        if let Some(declared) = &mut self.app_mut(app).recurrence {
            declared.asked = wanted;
            declared.ask_again_at = wanted.then_some(again_at);
        }
        if wanted {
            self.put(Output::WantOccurrence { app: app.clone() });
        }
    }

    /// There is a number for a session of the rule, if one is wanted.
    pub(super) fn a10_occurrence(&mut self, app: &AppId, id: SessionId, now: Now) {
        let Some(declared) = self.apps.get(app).and_then(|app| app.recurrence.as_ref()) else { return };
        let next = self.a10_next_of(declared, now);
        if !declared.asked || self.is_taken(id) || next.is_none() {
            return;
        }
        if let Some(declared) = &mut self.app_mut(app).recurrence {
            declared.asked = false;
            declared.ask_again_at = None;
        }
        let Some(at) = next.filter(|_| self.a10_is_wanted(app, now)) else { return };
        let mut session = Session::new(app.clone(), Ok(SessionKind::Alarm));
        session.with_time = true;
        session.of_rule = true;
        self.sessions.insert(id, session);
        self.a1_schedule(id, at);
    }

    /// The rule's next instant. One that came due or was skipped is not taken again, though the clock was set back
    /// by as much as an alarm may lie ahead (A1).
    fn a10_next_of(&self, declared: &Declared, now: Now) -> Option<WallTime> {
        let bound = self.limits.schedule_ahead;
        let after = match declared.last {
            Some(UsedInstant { at, noted }) if at > now.wall && noted.since(now.wall) <= bound => at,
            Some(_) | None => now.wall,
        };
        a10_next(&declared.rule, after, &self.board_zone)
    }

    /// The instant came due, or was skipped.
    pub(super) fn a10_note_instant(&mut self, app: &AppId, at: WallTime, now: Now) {
        if let Some(declared) = &mut self.app_mut(app).recurrence {
            declared.last = Some(UsedInstant { at, noted: now.wall });
            self.a10_save(app);
        }
    }

    fn a10_save(&mut self, app: &AppId) {
        if let Some(Declared { rule, last, .. }) = self.app_mut(app).recurrence.clone() {
            self.put(Output::SaveRecurrence(RecurrenceRecord { app: app.clone(), rule, last }));
        }
    }

    /// A waiting session of the rule ends: its instant is done with; but one that could not be written down is
    /// wanted again, after a while.
    pub(super) fn a10_before_end(&mut self, before: &Session, end: &End, now: Now) {
        let Phase::Waiting { at } = before.phase else { return };
        if !before.of_rule {
            return;
        }
        if end.cause != Some(Cause::NotSaved) {
            self.a10_note_instant(&before.app, at, now);
            return;
        }
        let again_at = now.after(self.limits.occurrence_retry);
        if let Some(declared) = &mut self.app_mut(&before.app).recurrence {
            declared.asked = false;
            declared.ask_again_at = Some(again_at);
        }
    }

    pub(super) fn a10_clock_set(&mut self, now: Now) {
        for app in self.apps.keys().cloned().collect::<Vec<_>>() {
            self.a10_move(&app, now);
        }
    }

    pub(super) fn a10_zone_set(&mut self, zone: &TimeZone, now: Now) {
        self.board_zone = zone.clone();
        self.a10_clock_set(now);
    }

    /// A session of the rule that waits for a later time moves to the rule's next instant.
    fn a10_move(&mut self, app: &AppId, now: Now) {
        let Some(declared) = self.app_mut(app).recurrence.clone() else { return };
        for id in self.sessions_of(app, |session| session.waits() && session.of_rule) {
            let Phase::Waiting { at } = self.session_mut(id).phase else { continue };
            let Some(next) = self.a10_next_of(&declared, now) else { continue };
            if at > now.wall && next != at {
                let session = self.session_mut(id);
                session.phase = Phase::Waiting { at: next };
                self.d2_save(id);
                self.a4_arm(id, next);
            }
        }
    }
}
