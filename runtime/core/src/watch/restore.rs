//! What survives a restart of the runtime or the board (A4, A7, N7, A10, D2).

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Delegate, Phase, Process, Session, Watch, Wrist, app_exited};
use crate::app::AppId;
use crate::record::{RecordedFallback, RecordedPhase, RecurrenceRecord, SessionRecord};
use crate::session::{Cause, End, ExitStatus, Reason, SessionId, SessionKind};
use crate::time::{Now, WallTime};
use crate::watch::Output;

/// All that an earlier life of the runtime left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The sessions on disk.
    pub sessions: Vec<SessionRecord>,
    /// The recurrences on disk.
    pub recurrences: Vec<RecurrenceRecord>,
    /// How the watch stood, on the same boot; none where that is not known.
    pub standing: Option<Standing>,
    /// The apps whose process lives still, which is so on the same boot only.
    pub survivors: Vec<Survivor>,
}

/// What holds until the board reboots, and no longer (D2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where the wrist is.
    pub wrist: Wrist,
    /// The app in front.
    pub frontmost: Option<AppId>,
    /// The apps that were told to end and have not, each with whether the user opened it again meanwhile.
    pub ending: BTreeMap<AppId, bool>,
    /// The sessions that were made, and of which nothing is on disk yet.
    pub drafts: Vec<Draft>,
    /// How often each app was launched, where it was: by that can be told whether the record of a session is of the
    /// process that lives.
    pub launches: BTreeMap<AppId, u32>,
}

/// A session that was made, and not started as far as anyone can rely on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The session.
    pub session: SessionId,
    /// Its app.
    pub app: AppId,
    /// Its kind.
    pub kind: SessionKind,
}

/// An app whose process outlived the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// The app.
    pub app: AppId,
    /// Whether it is frozen (L5).
    pub suspended: bool,
}

impl Watch {
    /// What is to be kept for a restart on the same boot, beside the records.
    pub fn standing(&self) -> Standing {
        let ending = self.apps.iter().filter_map(|(app, installed)| match installed.process {
            Process::Ending { relaunch } => {
                Some((app.clone(), relaunch && self.frontmost.as_ref() == Some(app)))
            }
            Process::None | Process::Launching | Process::Adopted | Process::Attached => None,
        });
        let drafts = self.sessions.iter().filter(|(_, session)| session.draft && !session.is_over());
        let drafts =
            drafts.map(|(id, session)| Draft { session: *id, app: session.app.clone(), kind: session.kind });
        let launched = self.apps.iter().filter(|(_, installed)| installed.launches > 0);
        Standing {
            wrist: self.wrist,
            frontmost: self.frontmost.clone(),
            ending: ending.collect(),
            drafts: drafts.collect(),
            launches: launched.map(|(app, installed)| (app.clone(), installed.launches)).collect(),
        }
    }

    /// Takes up what an earlier life of the runtime left; the apps are installed already, and nothing else happened
    /// yet.
    ///
    /// A scheduled session stands (A4). One that ran or was handed over goes on with its app, if that is alive. If
    /// not, an alarm whose window is still open is handed to its app again: nobody oversleeps because the runtime
    /// died; any other ends with that cause. A fallback alarm that is due still rings (N7). The record of an app that
    /// is no longer installed goes.
    pub fn restore(&mut self, kept: Kept, now: Now) {
        let Kept { sessions, recurrences, standing, survivors } = kept;
        for survivor in &survivors {
            self.adopt(survivor, now);
        }
        let with_rule = self.restore_recurrences(recurrences);
        self.restore_launches(&sessions, standing.as_ref());
        self.restore_sessions(sessions, standing.is_some(), now);
        self.take_up_standing(standing, now);
        for survivor in survivors {
            self.settle(&survivor.app, now);
        }
        self.refresh_alerts();
        for app in with_rule {
            self.want_occurrence(&app, now);
        }
    }

    fn restore_recurrences(&mut self, recurrences: Vec<RecurrenceRecord>) -> Vec<AppId> {
        let mut apps = Vec::new();
        for record in recurrences {
            if self.apps.contains_key(&record.app) {
                apps.push(record.app.clone());
                self.restore_recurrence(record);
            } else {
                self.put(Output::ForgetRecurrence { app: record.app });
            }
        }
        apps
    }

    /// The launches are counted on, so that no number is given twice while a record has it.
    fn restore_launches(&mut self, sessions: &[SessionRecord], standing: Option<&Standing>) {
        for record in sessions {
            if let RecordedPhase::Handed { launch, .. } | RecordedPhase::Running { launch, .. } = record.phase
                && let Some(installed) = self.apps.get_mut(&record.app)
            {
                installed.launches = installed.launches.max(launch);
            }
        }
        for (app, launches) in standing.iter().flat_map(|standing| &standing.launches) {
            if let Some(installed) = self.apps.get_mut(app) {
                installed.launches = *launches;
            }
        }
    }

    /// How often an app was launched.
    pub(super) fn launches(&self, app: &AppId) -> u32 {
        self.apps.get(app).map_or(0, |installed| installed.launches)
    }

    fn restore_sessions(&mut self, sessions: Vec<SessionRecord>, same_boot: bool, now: Now) {
        let mut waiting = Vec::new();
        for record in sessions {
            if let RecordedPhase::Scheduled { .. } = record.phase {
                waiting.push(record.session);
            }
            if self.apps.contains_key(&record.app) {
                self.restore_one(record, same_boot, now);
            } else {
                self.put(Output::Forget { session: record.session });
            }
        }
        self.keep_one_waiting_session_per_app(&waiting, now);
    }

    fn restore_one(&mut self, record: SessionRecord, same_boot: bool, now: Now) {
        let SessionRecord { session: id, app, kind, phase } = record;
        match phase {
            RecordedPhase::Scheduled { at, recurring } => {
                let phase = Phase::Scheduled { at };
                self.stand(id, Session { scheduled: true, recurring, ..Session::new(app, kind, phase) }, at);
            }
            RecordedPhase::Handed { launch, .. } | RecordedPhase::Running { launch, .. }
                if self.survived(&app) && (!same_boot || launch == self.launches(&app)) =>
            {
                self.resume(id, app, kind, phase, now);
            }
            RecordedPhase::Handed { since, expiration, rang, .. } => {
                self.restore_orphan(id, Session::alarm(app, kind, since, rang), (since, expiration), now);
            }
            RecordedPhase::Running { since, expiration, scheduled, rang, .. } => {
                let session = Session { scheduled, ..Session::alarm(app, kind, since, rang) };
                self.restore_orphan(id, session, (since, expiration), now);
            }
            RecordedPhase::Fallback(recorded) => {
                let over_at = if same_boot { recorded.over_at } else { Duration::ZERO };
                self.restore_fallback(id, app, kind, RecordedFallback { over_at, ..recorded }, now);
            }
        }
    }

    /// A session of a process which is gone; another one may be there already.
    fn restore_orphan(
        &mut self,
        id: SessionId,
        session: Session,
        (since, expiration): (WallTime, WallTime),
        now: Now,
    ) {
        let Session { kind, scheduled, rang, .. } = session;
        if scheduled && now.wall < expiration {
            return self.stand(id, session, since);
        }
        let app = session.app.clone();
        let phase = Phase::Running {
            since,
            expiration,
            ends_at: now.after(expiration.since(now.wall)),
            will_expire_at: None,
            delegate: Delegate::Set,
            ring: None,
        };
        self.add_session(id, Session { phase, ..session });
        if scheduled && !rang && !self.ring_late(id, &app, kind, expiration, now) {
            self.put(Output::TellMissed { session: id, app, at: since });
        }
        self.end(id, app_exited(ExitStatus::Unknown), now);
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

impl Session {
    /// A session that was made with `start(at)` and is due since then.
    fn alarm(app: AppId, kind: SessionKind, since: WallTime, rang: bool) -> Self {
        let session = Self::new(app, kind, Phase::Scheduled { at: since });
        Self { scheduled: true, rang, ..session }
    }
}
