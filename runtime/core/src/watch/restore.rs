//! What survives a restart of the runtime or the board (A4, A7, N7, A10, D2).

use super::{Phase, Session, Watch, app_exited};
use crate::record::{RecordedPhase, RecurrenceRecord, SessionRecord};
use crate::session::{Cause, End, ExitStatus, Reason, SessionId};
use crate::time::{Now, WallTime};
use crate::watch::Output;

impl Watch {
    /// Takes up what was on disk when the runtime started; the apps are installed already.
    ///
    /// A scheduled session stands (A4). An alarm that ran, and whose window is still open, is handed to its app again:
    /// nobody oversleeps because the runtime died. Any other that ran lost its process together with the runtime,
    /// and ends with that cause. A fallback alarm that is due still rings (N7). The record of an app that is no
    /// longer installed goes.
    pub fn restore(&mut self, sessions: Vec<SessionRecord>, recurrences: Vec<RecurrenceRecord>, now: Now) {
        let mut apps = Vec::new();
        for record in recurrences {
            if self.apps.contains_key(&record.app) {
                apps.push(record.app.clone());
                self.restore_recurrence(record);
            } else {
                self.put(Output::ForgetRecurrence { app: record.app });
            }
        }
        let mut waiting = Vec::new();
        for record in sessions {
            if let RecordedPhase::Scheduled { .. } = record.phase {
                waiting.push(record.session);
            }
            if self.apps.contains_key(&record.app) {
                self.restore_one(record, now);
            } else {
                self.put(Output::Forget { session: record.session });
            }
        }
        self.keep_one_waiting_session_per_app(&waiting, now);
        for app in apps {
            self.want_occurrence(&app, now);
        }
    }

    fn restore_one(&mut self, record: SessionRecord, now: Now) {
        let SessionRecord { session: id, app, kind, phase } = record;
        match phase {
            RecordedPhase::Scheduled { at, recurring } => {
                let phase = Phase::Scheduled { at };
                self.stand(id, Session { scheduled: true, recurring, ..Session::new(app, kind, phase) }, at);
            }
            RecordedPhase::Running { since, expiration, scheduled: true, rang } if now.wall < expiration => {
                let phase = Phase::Scheduled { at: since };
                self.stand(id, Session { scheduled: true, rang, ..Session::new(app, kind, phase) }, since);
            }
            RecordedPhase::Running { since, expiration, scheduled, rang } => {
                let phase = Phase::Running {
                    since,
                    expiration,
                    ends_at: now.after(expiration.since(now.wall)),
                    will_expire_at: None,
                    ring: None,
                };
                let session = Session::new(app.clone(), kind, phase);
                self.add_session(id, Session { scheduled, rang, ..session });
                if scheduled && !rang && !self.ring_late(id, &app, kind, expiration, now) {
                    self.put(Output::TellMissed { session: id, app, at: since });
                }
                self.end(id, app_exited(ExitStatus::Unknown), now);
            }
            RecordedPhase::Fallback { at, until } => self.restore_fallback(id, app, kind, (at, until), now),
        }
    }

    fn stand(&mut self, id: SessionId, session: Session, at: WallTime) {
        self.add_session(id, session);
        self.put(Output::Arm { session: id, at });
    }

    /// The runtime died while one was about to take the place of another (A3): the newer one stands. An alarm that
    /// ran, and is to be handed over again, is in nobody's way.
    fn keep_one_waiting_session_per_app(&mut self, waited: &[SessionId], now: Now) {
        let apps: Vec<_> = self.apps.iter().map(|(app, _)| app.clone()).collect();
        for app in apps {
            let mut waiting = self.scheduled_sessions(&app);
            waiting.retain(|id| waited.contains(id));
            waiting.pop();
            for older in waiting {
                self.end(older, End::by(Reason::None, Cause::AppInvalidated), now);
            }
        }
    }
}
