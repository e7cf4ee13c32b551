//! What was on disk when the runtime started (D2).

use carpus_core::recurrence::RecurrenceRecord;
use carpus_core::session::{Cause, End, ErrorCode, ExitStatus, Reason};
use carpus_core::watch::Output;
use carpus_core::{Now, RecordedPhase, SessionRecord, SessionState, WallTime};

use super::Reference;
use super::state::{Declared, Fallback, FallbackPhase, Phase, Session};

/// What is known of a session that ran when the runtime was killed.
#[derive(Clone, Copy, Debug)]
struct Ran {
    since: WallTime,
    expiration: WallTime,
    scheduled: bool,
    rang: bool,
}

impl Reference {
    pub(super) fn d2_restore(
        &mut self,
        sessions: &[SessionRecord],
        recurrences: &[RecurrenceRecord],
        now: Now,
    ) {
        for record in recurrences {
            self.a10_restore(record);
        }
        for record in sessions {
            self.a9_restore(record, now);
        }
        self.a3_leave_one_waiting(sessions, now);
    }

    fn a10_restore(&mut self, record: &RecurrenceRecord) {
        let (rule, last) = (record.rule.clone(), record.last);
        match self.apps.get_mut(&record.app) {
            Some(app) => {
                app.recurrence = Some(Declared { rule, last, asked: false, ask_again_at: None });
            }
            None => self.put(Output::ForgetRecurrence { app: record.app.clone() }),
        }
    }

    /// A9: each record by itself.
    fn a9_restore(&mut self, record: &SessionRecord, now: Now) {
        let id = record.session;
        if !self.apps.contains_key(&record.app) {
            self.put(Output::Forget { session: id });
            return;
        }
        if self.is_taken(id) {
            return;
        }
        match record.phase {
            RecordedPhase::Scheduled { at, recurring } => {
                self.a6_restore_waiting(record, at, false);
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.of_rule = recurring;
                }
            }
            RecordedPhase::Running { since, expiration, scheduled, rang } => {
                self.d2_restore_running(record, Ran { since, expiration, scheduled, rang }, now);
            }
            RecordedPhase::Fallback { at, until } => self.n7_restore(record, at, until, now),
        }
    }

    fn a6_restore_waiting(&mut self, record: &SessionRecord, at: WallTime, rang: bool) {
        let mut session = Session::new(record.app.clone(), Ok(record.kind));
        session.phase = Phase::Waiting { at };
        session.with_time = true;
        session.rang = rang;
        self.sessions.insert(record.session, session);
    }

    /// A3: of two sessions of an app that waited, the newer one stands. The alarms that ran are armed, too: they are
    /// handed over again.
    fn a3_leave_one_waiting(&mut self, records: &[SessionRecord], now: Now) {
        let waited = |record: &&SessionRecord| matches!(record.phase, RecordedPhase::Scheduled { .. });
        for record in records {
            let Some(session) = self.sessions.get(&record.session) else { continue };
            if let Phase::Waiting { at } = session.phase {
                self.a4_arm(record.session, at);
            }
        }
        for record in records.iter().filter(waited) {
            let newer = |other: &&SessionRecord| other.app == record.app && other.session > record.session;
            let waits = self.sessions.get(&record.session).is_some_and(Session::waits);
            if waits && records.iter().filter(waited).any(|other| newer(&other)) {
                self.end(record.session, End::by(Reason::None, Cause::AppInvalidated), now);
            }
        }
    }

    /// A session that ran ended with the runtime; but an alarm whose window is open is handed to its app again.
    fn d2_restore_running(&mut self, record: &SessionRecord, ran: Ran, now: Now) {
        if ran.scheduled && now.wall < ran.expiration {
            self.a6_restore_waiting(record, ran.since, ran.rang);
            return;
        }
        let id = record.session;
        let silent = ran.scheduled && !ran.rang;
        let missed = silent && !self.n7_restore_after_window(record, ran, now);
        let cause = Cause::AppExited(ExitStatus::Unknown);
        let app = record.app.clone();
        if missed {
            self.put(Output::TellMissed { session: id, app: record.app.clone(), at: ran.since });
        }
        self.put(Output::StopMeasuring { session: id });
        self.put(Output::SessionStateChanged { session: id, app, state: SessionState::Invalid });
        if silent {
            self.put(Output::WarnSilent { session: id, app: record.app.clone() });
        }
        self.d1_conclude(id, &record.app, End::with_error(ErrorCode::Unknown, cause));
        let mut session = Session::new(record.app.clone(), Ok(record.kind));
        session.phase = Phase::Over;
        self.forget_old_one(&record.app);
        self.sessions.insert(id, session);
    }

    /// N7: the window passed while the runtime was off, and the app never rang. Answers whether there is still time
    /// to ring for it.
    fn n7_restore_after_window(&mut self, record: &SessionRecord, ran: Ran, now: Now) -> bool {
        let lead = self.limits.fallback_lead.min(self.limits.alarm / 2);
        let at = ran.expiration.minus(lead);
        let until = at.plus(self.limits.fallback_time);
        if !self.limits.extensions.fallback || now.wall >= until {
            return false;
        }
        self.n7_plan_restored(record, at, until, now);
        true
    }

    fn n7_restore(&mut self, record: &SessionRecord, at: WallTime, until: WallTime, now: Now) {
        let (id, app) = (record.session, record.app.clone());
        if !self.limits.extensions.fallback {
            self.put(Output::Forget { session: id });
        } else if now.wall >= until {
            self.put(Output::TellMissed { session: id, app, at });
            self.put(Output::Forget { session: id });
        } else {
            self.n7_plan_restored(record, at, until, now);
        }
    }

    fn n7_plan_restored(&mut self, record: &SessionRecord, at: WallTime, until: WallTime, now: Now) {
        let on_boot_clock = |instant: WallTime| now.after(instant.since(now.wall));
        let fallback = Fallback {
            app: record.app.clone(),
            kind: record.kind,
            at,
            until,
            rings_at: on_boot_clock(at),
            over_at: on_boot_clock(until),
            phase: FallbackPhase::Planned,
            alert: false,
        };
        self.fallbacks.insert(record.session, fallback);
    }
}
