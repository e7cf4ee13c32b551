//! Alarms that wait and come due (A1–A7).

use carpus_core::session::{Cause, End, ErrorCode, Reason};
use carpus_core::watch::{CallError, Output};
use carpus_core::{AppEvent, AppId, Now, SessionId, WallTime};

use super::Reference;
use super::state::{Phase, Process, Session, Span};

type Call = Result<(), CallError>;

impl Reference {
    pub(super) fn a1_start_at(&mut self, app: &AppId, id: SessionId, at: WallTime, now: Now) -> Call {
        let kind = self.s1_fresh(app, id)?.kind;
        let in_the_way = self.s13_in_the_way_of_start_at(app, kind, at, false, now);
        if let Some(end) = in_the_way.into_iter().next() {
            return self.s4_start_failed(id, end, now);
        }
        self.session_mut(id).with_time = true;
        if self.a2_starts_at_once(at, now) {
            self.a2_begin(id, at, now);
        } else {
            self.a1_schedule(id, at);
        }
        Ok(())
    }

    /// A3: the first stands until the second is on disk, and stands on if the second is refused.
    pub(super) fn a3_replace(&mut self, app: &AppId, id: SessionId, at: WallTime, now: Now) -> Call {
        let kind = self.s1_fresh(app, id)?.kind;
        if !self.limits.extensions.replace {
            return Err(CallError::NotOffered);
        }
        let in_the_way = self.s13_in_the_way_of_start_at(app, kind, at, true, now);
        if let Some(end) = in_the_way.into_iter().next() {
            return self.s4_start_failed(id, end, now);
        }
        let old = self.sessions_of(app, Session::waits);
        self.session_mut(id).with_time = true;
        if self.a2_starts_at_once(at, now) {
            self.a2_begin(id, at, now);
            self.a3_end_replaced(old, now);
        } else {
            self.session_mut(id).replaces = old;
            self.a1_schedule(id, at);
        }
        Ok(())
    }

    fn a3_end_replaced(&mut self, replaced: Vec<SessionId>, now: Now) {
        for id in replaced {
            if self.sessions.get(&id).is_some_and(Session::waits) {
                self.end(id, End::by(Reason::None, Cause::AppInvalidated), now);
            }
        }
    }

    /// A3: the second is on disk, so the first ends.
    pub(super) fn a3_saved(&mut self, id: SessionId, now: Now) {
        let Some(session) = self.sessions.get_mut(&id).filter(|session| !session.is_over()) else { return };
        session.saved = true;
        let replaced = std::mem::take(&mut session.replaces);
        self.a3_end_replaced(replaced, now);
    }

    /// A6: a waiting session that is not on disk cannot stand. Answers whether it was lost.
    pub(super) fn a6_not_saved(&mut self, id: SessionId, now: Now) -> bool {
        if !self.sessions.get(&id).is_some_and(Session::waits) {
            return false;
        }
        self.end(id, End::with_error(ErrorCode::Unknown, Cause::NotSaved), now);
        true
    }

    /// A2: it starts at once, and its time counts from the one that was given.
    fn a2_begin(&mut self, id: SessionId, at: WallTime, now: Now) {
        let span = self.a4_span(at, now);
        self.n7_plan(id, span, now);
        self.s4_run(id, span, now);
    }

    pub(super) fn a1_schedule(&mut self, id: SessionId, at: WallTime) {
        self.session_mut(id).phase = Phase::Waiting { at };
        self.s1_state_changed(id);
        self.d2_save(id);
        self.a4_arm(id, at);
    }

    pub(super) fn a4_arm(&mut self, id: SessionId, at: WallTime) {
        self.put(Output::Arm { session: id, at });
    }

    /// The window of an alarm that is due: it ends a fixed time after the instant, on the clock since boot from now on.
    fn a4_span(&self, at: WallTime, now: Now) -> Span {
        let expiration = at.plus(self.limits.alarm);
        Span { since: at, expiration, ends_at: now.after(expiration.since(now.wall)) }
    }

    /// A4, A7: the instant of a waiting session has come, so the schedule says.
    pub(super) fn a4_due(&mut self, id: SessionId, now: Now) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Phase::Waiting { at } = session.phase else { return };
        let app = session.app.clone();
        if now.wall < at {
            self.a4_arm(id, at);
        } else if now.wall >= at.plus(self.limits.alarm) {
            self.a7_missed(id, &app, at, now);
        } else if !self.is_ending(&app) {
            self.a4_due_in_window(id, &app, at, now);
        }
    }

    /// A7: the user is told before the record goes, for the power may fail in between.
    fn a7_missed(&mut self, id: SessionId, app: &AppId, at: WallTime, now: Now) {
        self.put(Output::TellMissed { session: id, app: app.clone(), at });
        self.end(id, End::with_error(ErrorCode::Unknown, Cause::MissedWhileOff), now);
    }

    fn a4_due_in_window(&mut self, id: SessionId, app: &AppId, at: WallTime, now: Now) {
        let span = self.a4_span(at, now);
        self.n7_plan(id, span, now);
        let kind = self.session_mut(id).kind;
        match self.s3_slot(app).or_else(|| self.s10_suppressed(kind)) {
            Some(end) => self.end(id, end, now),
            None => self.a4_hand_over(id, app, span, now),
        }
    }

    fn a4_hand_over(&mut self, id: SessionId, app: &AppId, span: Span, now: Now) {
        let session = self.session_mut(id);
        session.phase = Phase::Handed { span, deadline: None };
        let of_rule = session.of_rule;
        self.a4_bring_up(app, now);
        self.d2_advance(id, AppEvent::Handle { session: id, expiration: span.expiration });
        if self.app_mut(app).process == Process::Attached {
            self.a4_begin_handle_time(app, now);
        }
        if of_rule {
            self.a10_note_instant(app, span.since, now);
        }
    }

    /// A4: the app listens, and has so long to set a delegate.
    pub(super) fn a4_begin_handle_time(&mut self, app: &AppId, now: Now) {
        let begun = now.after(self.limits.handle_time);
        for session in self.sessions.values_mut().filter(|session| session.app == *app) {
            if let Phase::Handed { deadline, .. } = &mut session.phase {
                *deadline = Some(begun);
            }
            if let Some(handed) = &mut session.handed_again {
                handed.deadline = Some(begun);
            }
        }
    }

    /// The alarms that may have come due while the app's process was ending.
    pub(super) fn a4_look_again(&mut self, app: &AppId, now: Now) {
        for id in self.sessions_of(app, Session::waits) {
            self.a4_due(id, now);
        }
    }

    pub(super) fn a4_handled(&mut self, app: &AppId, id: SessionId, now: Now) -> Call {
        let session = self.own(app, id)?;
        match session.phase {
            Phase::Handed { span, .. } => {
                self.s4_run(id, span, now);
                Ok(())
            }
            Phase::Running { span, .. } => {
                self.s14_started_again(id, span);
                Ok(())
            }
            Phase::NotStarted | Phase::Waiting { .. } | Phase::Over => Err(CallError::NotHanded(id)),
        }
    }

    /// S14: the session ran all along, and the new process of its app has it now.
    fn s14_started_again(&mut self, id: SessionId, span: Span) {
        if self.session_mut(id).handed_again.take().is_some() {
            self.d2_advance(id, AppEvent::DidStart { session: id, expiration: span.expiration });
        }
    }

    /// A4: no delegate was set in time.
    pub(super) fn a4_no_delegate(&mut self, id: SessionId, now: Now) {
        self.end(id, End::with_error(ErrorCode::Unknown, Cause::NoDelegate), now);
    }
}
