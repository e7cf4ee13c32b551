//! Apps that outlived the runtime, and what of them goes on (D2).

use std::collections::BTreeMap;
use std::time::Duration;

use super::ring::Ring;
use super::{Delegate, Draft, Phase, Process, Session, Standing, Survivor, Watch};
use crate::app::{AppId, AppState};
use crate::record::RecordedPhase;
use crate::session::{Cause, End, Reason, SessionId, SessionKind};
use crate::time::{Now, WallTime};
use crate::watch::Output;

impl Watch {
    /// The app has a process. It listens to nothing: its connection ended with the runtime.
    pub(super) fn adopt(&mut self, survivor: &Survivor, now: Now) {
        let Survivor { app, suspended } = survivor;
        let Some(installed) = self.apps.get_mut(app) else { return };
        installed.process = Process::Adopted;
        self.set_state(app, AppState::Background);
        if *suspended {
            if let Some(installed) = self.apps.get_mut(app) {
                installed.suspended_since = Some(now.since_boot);
            }
            self.set_state(app, AppState::Suspended);
        }
    }

    /// Whether the app was found alive.
    pub(super) fn survived(&self, app: &AppId) -> bool {
        self.apps.get(app).is_some_and(|installed| installed.process == Process::Adopted)
    }

    /// A session whose app is alive goes on.
    pub(super) fn resume(
        &mut self,
        id: SessionId,
        app: AppId,
        kind: SessionKind,
        recorded: RecordedPhase,
        now: Now,
    ) {
        match recorded {
            RecordedPhase::Handed { since, expiration, ends_at, rang, fallback, .. } => {
                let ends_at = self.resumed_end(kind, ends_at, expiration, now);
                let phase = Phase::Handed { since, ends_at, deadline: None };
                let session = Session::new(app, kind, phase);
                self.add_session(id, Session { scheduled: true, rang, ..session });
                self.resume_fallback(id, fallback, now);
            }
            RecordedPhase::Running {
                since,
                expiration,
                ends_at,
                scheduled,
                rang,
                warned,
                handed,
                ring,
                fallback,
                ..
            } => {
                let ends_at = self.resumed_end(kind, ends_at, expiration, now);
                let warns_at = ends_at.saturating_sub(self.limits.will_expire_lead);
                let phase = Phase::Running {
                    since,
                    expiration,
                    ends_at,
                    will_expire_at: (!warned).then_some(warns_at),
                    delegate: if handed { Delegate::Awaited { deadline: None } } else { Delegate::Set },
                    ring: ring.map(|ring| Ring::resumed(ring, now)),
                };
                self.put(Output::SessionStateChanged { session: id, app: app.clone(), state: phase.state() });
                self.put(Output::Measure { session: id, app: app.clone(), kind });
                let session = Session::new(app, kind, phase);
                self.add_session(id, Session { scheduled, rang, ..session });
                self.resume_fallback(id, fallback, now);
                self.loud.extend(ring.map(|_| id));
            }
            RecordedPhase::Scheduled { .. } | RecordedPhase::Fallback(_) => {}
        }
    }

    /// When a session ends that goes on: as it was to by the clock since boot, and never later than a new one.
    fn resumed_end(&self, kind: SessionKind, ends_at: Duration, expiration: WallTime, now: Now) -> Duration {
        let ends_at = if ends_at.is_zero() { Self::ends_at(expiration, now) } else { ends_at };
        ends_at.min(now.after(self.limits.of(kind)))
    }

    /// The wrist, what was told to end, the app in front, and what was made and not started. An app whose session
    /// runs only while it is in front is there, although nobody has written that down.
    pub(super) fn take_up_standing(&mut self, standing: Option<Standing>, now: Now) {
        let in_front = self.sessions.iter().find_map(|(_, session)| {
            (session.keeps_app_awake() && session.kind.is_frontmost()).then(|| session.app.clone())
        });
        let unknown = || Standing {
            wrist: self.wrist,
            frontmost: in_front,
            ending: BTreeMap::new(),
            drafts: Vec::new(),
            launches: BTreeMap::new(),
        };
        let Standing { wrist, frontmost, ending, drafts, .. } = standing.unwrap_or_else(unknown);
        self.wrist = wrist;
        for draft in drafts {
            self.take_up_draft(draft);
        }
        for app in ending.keys().filter(|app| self.survived(app)).cloned().collect::<Vec<_>>() {
            self.end_process(&app, now); // once more: the first time may have been lost
        }
        self.leave_unseen(frontmost.as_ref(), now);
        if let Some(app) = frontmost {
            let opened_again = ending.get(&app).copied().unwrap_or(false);
            self.take_up_front(&app, opened_again, now);
        }
    }

    /// An app was left, and the runtime died before the end of its session was on disk (T2).
    fn leave_unseen(&mut self, frontmost: Option<&AppId>, now: Now) {
        let left = self.sessions.iter().filter(|(_, session)| {
            session.keeps_app_awake() && session.kind.is_frontmost() && Some(&session.app) != frontmost
        });
        let cause = frontmost.cloned().map_or(Cause::Crown, Cause::OtherApp);
        for id in left.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.end(id, End::by(Reason::ResignedFrontmost, cause.clone()), now);
        }
    }

    fn take_up_draft(&mut self, Draft { session: id, app, kind }: Draft) {
        if self.survived(&app) && !self.sessions.contains_key(&id) && !self.fallbacks.contains_key(&id) {
            self.add_session(id, Session { draft: true, ..Session::new(app, kind, Phase::NotStarted) });
        }
    }

    /// The app that was in front is so still, if it is alive or the user waits for it.
    fn take_up_front(&mut self, app: &AppId, opened_again: bool, now: Now) {
        let is_alive = self.apps.get(app).is_some_and(|installed| installed.process != Process::None);
        if !self.apps.contains_key(app) || !(is_alive || opened_again) {
            return;
        }
        self.frontmost = Some(app.clone());
        if opened_again || self.survived(app) {
            self.bring_up(app);
        }
        if self.app_state(app) == Some(AppState::Suspended) {
            self.set_state(app, AppState::Background);
        }
        self.set_state(app, AppState::Inactive);
        self.follow_wrist(app, now);
    }

    /// An app that was found alive rests as before, unless a session keeps it.
    pub(super) fn settle(&mut self, app: &AppId, now: Now) {
        if self.survived(app) && self.running_session(app).is_some() {
            self.bring_up(app);
        }
        self.rest(app, now);
    }
}
