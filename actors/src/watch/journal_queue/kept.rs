//! Steps that could not be written, on a full disk for instance, and are to be written in their order.

use std::collections::{BTreeMap, VecDeque};

use carpus_core::{AppId, RecordedPhase, SessionId, SessionRecord};

use crate::journal::{Advance, Step};

/// How many steps are kept for one app. Its sessions that are not over make a few each, and while the disk cannot be
/// written it makes no new ones beyond those whose numbers were reserved; that is far less. Each takes some 300 bytes.
pub(super) const KEPT_MAX: usize = 256;

/// What keeps its order: the steps of an app. Those that name none but a session have a lane of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Of(AppId),
    OfNoApp,
}

/// The number of the newest event of apps.
pub(super) type Newest = BTreeMap<AppId, Option<u64>>;

#[derive(Debug, Default)]
pub(super) struct Kept {
    lanes: BTreeMap<Lane, VecDeque<Step>>,
}

/// The app that a step tells a durable event.
pub(super) const fn app_of_event(step: &Step) -> Option<&AppId> {
    match step {
        Step::Append(request) if request.event.is_durable() => Some(&request.app),
        Step::Advance(request) => Some(&request.app),
        Step::Conclude(request) => Some(&request.app),
        _ => None,
    }
}

const fn app_of(step: &Step) -> Option<&AppId> {
    match step {
        Step::Append(request) => Some(&request.app),
        Step::Advance(request) => Some(&request.app),
        Step::Conclude(request) => Some(&request.app),
        Step::Save(record) => Some(&record.app),
        Step::SaveRecurrence(record) => Some(&record.app),
        Step::ForgetRecurrence(app) | Step::SaveRights(app, _) => Some(app),
        Step::Forget(_) => None,
    }
}

const fn session_of(step: &Step) -> Option<SessionId> {
    match step {
        Step::Advance(request) => Some(request.record.session),
        Step::Conclude(request) => Some(request.session),
        Step::Save(record) => Some(record.session),
        Step::Forget(session) => Some(*session),
        Step::Append(_) | Step::SaveRecurrence(_) | Step::ForgetRecurrence(_) | Step::SaveRights(..) => None,
    }
}

/// Whether a step is kept that cannot be written. What somebody waits for is refused instead (A6, A10).
const fn is_kept(step: &Step) -> bool {
    match step {
        Step::Advance(_) | Step::Conclude(_) | Step::Forget(_) => true,
        Step::Append(request) => request.event.is_durable(),
        Step::Save(record) => !matches!(record.phase, RecordedPhase::Scheduled { .. }),
        Step::SaveRecurrence(_) | Step::ForgetRecurrence(_) | Step::SaveRights(..) => false,
    }
}

impl Kept {
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    pub(super) fn lanes(&self) -> Vec<Lane> {
        self.lanes.keys().cloned().collect()
    }

    /// The lanes that these steps come behind.
    pub(super) fn lanes_of<'a>(&self, steps: impl Iterator<Item = &'a Step>) -> Vec<Lane> {
        let mut lanes: Vec<Lane> = steps.filter_map(|step| self.lane_before(step)).collect();
        lanes.sort();
        lanes.dedup();
        lanes
    }

    fn lane_before(&self, step: &Step) -> Option<Lane> {
        let lane = match app_of(step) {
            Some(app) => Lane::Of(app.clone()),
            None => self.lane_with(session_of(step)?)?,
        };
        self.lanes.contains_key(&lane).then_some(lane)
    }

    fn lane_with(&self, session: SessionId) -> Option<Lane> {
        let has = |steps: &VecDeque<Step>| steps.iter().any(|step| session_of(step) == Some(session));
        self.lanes.iter().find(|(_, steps)| has(steps)).map(|(lane, _)| lane.clone())
    }

    pub(super) fn steps(&self, lane: &Lane) -> impl Iterator<Item = &Step> {
        self.lanes.get(lane).into_iter().flatten()
    }

    pub(super) fn first(&self, lane: &Lane) -> Option<&Step> {
        self.lanes.get(lane)?.front()
    }

    pub(super) fn first_is_written(&mut self, lane: &Lane) {
        let Some(steps) = self.lanes.get_mut(lane) else { return };
        steps.pop_front();
        if steps.is_empty() {
            self.clear(lane);
        }
    }

    /// The event of this step was told: what is left of it is the record.
    pub(super) fn is_told(&mut self, lane: &Lane, index: usize) {
        let step = self.lanes.get_mut(lane).and_then(|steps| steps.get_mut(index));
        if let Some(step) = step
            && let Step::Advance(Advance { record, .. }) = step
        {
            *step = Step::Save(record.clone());
        }
    }

    pub(super) fn clear(&mut self, lane: &Lane) {
        self.lanes.remove(lane);
        match lane {
            Lane::Of(app) => tracing::info!(%app, "what could not be written down is on disk now"),
            Lane::OfNoApp => tracing::info!("what could not be written down is on disk now"),
        }
    }

    pub(super) fn give_up(&mut self, app: AppId) {
        self.lanes.remove(&Lane::Of(app));
    }

    /// Whether something that was kept must be on disk before this: of the same session, or, before an event, any of the
    /// same app.
    pub(super) fn must_wait(&self, step: &Step) -> bool {
        let of_session = session_of(step).is_some_and(|session| self.lane_with(session).is_some());
        let of_app = app_of_event(step).is_some_and(|app| self.lanes.contains_key(&Lane::Of(app.clone())));
        of_session || of_app
    }

    /// Keeps a step that could not be written, if it is one to be kept. Gives the reason back, for whoever waits.
    pub(super) fn lose(&mut self, step: Step, cause: String) -> String {
        let waits = self.must_wait(&step);
        if !is_kept(&step) && !waits {
            tracing::warn!("{} could not be written down: {cause}", name(&step));
            return cause;
        }
        let before = session_of(&step).and_then(|session| self.lane_with(session));
        let own = || app_of(&step).map_or(Lane::OfNoApp, |app| Lane::Of(app.clone()));
        let lane = before.unwrap_or_else(own);
        if waits {
            tracing::debug!("{} is kept", name(&step));
        } else {
            tracing::warn!(
                "{} could not be written down, and is kept to be written later: {cause}",
                name(&step)
            );
        }
        let steps = self.lanes.entry(lane).or_default();
        if let Some(step) = folded(steps, step) {
            steps.push_back(step);
        }
        if steps.len() > KEPT_MAX {
            drop_one(steps);
        }
        cause
    }

    /// Sessions as they stand when what is kept is on disk too.
    pub(super) fn over(&self, on_disk: Vec<SessionRecord>) -> Vec<SessionRecord> {
        let mut sessions: BTreeMap<SessionId, SessionRecord> =
            on_disk.into_iter().map(|record| (record.session, record)).collect();
        for step in self.lanes.values().flatten() {
            let (session, record) = match step {
                Step::Advance(request) => (request.record.session, Some(&request.record)),
                Step::Save(record) => (record.session, Some(record)),
                Step::Conclude(request) => (request.session, request.keep.as_ref()),
                Step::Forget(session) => (*session, None),
                _ => continue,
            };
            match record {
                Some(record) => sessions.insert(session, record.clone()),
                None => sessions.remove(&session),
            };
        }
        sessions.into_values().collect()
    }
}

/// Puts a record in the place of the one that the last step of the same session has: what was in between, nobody is told.
/// Gives the step back where it cannot.
fn folded(steps: &mut VecDeque<Step>, step: Step) -> Option<Step> {
    let Step::Save(record) = step else { return Some(step) };
    let last = steps.iter_mut().rev().find(|step| session_of(step) == Some(record.session));
    match last {
        Some(Step::Save(last)) => *last = record,
        Some(Step::Advance(last)) => last.record = record,
        Some(Step::Conclude(last)) => last.keep = Some(record),
        _ => return Some(Step::Save(record)),
    }
    None
}

/// Gives up the oldest step of a session whose end is kept too, of which its app need not know; else the oldest.
fn drop_one(steps: &mut VecDeque<Step>) {
    let ended = |session| {
        steps.iter().any(|step| matches!(step, Step::Conclude(end) if Some(end.session) == session))
    };
    let needless = steps.iter().position(|step| matches!(step, Step::Advance(_)) && ended(session_of(step)));
    if let Some(step) = steps.remove(needless.unwrap_or(0)) {
        tracing::warn!("more waits for the disk than is kept: {} is given up", name(&step));
    }
}

fn name(step: &Step) -> String {
    match step {
        Step::Append(request) => format!("an event for {}", request.app),
        Step::Advance(request) => format!("a step of session {}", request.record.session),
        Step::Conclude(request) => format!("the end of session {}", request.session),
        Step::Save(record) => format!("session {}", record.session),
        Step::Forget(session) => format!("the end of session {session}"),
        Step::SaveRecurrence(record) => format!("the recurrence of {}", record.app),
        Step::ForgetRecurrence(app) => format!("the end of the recurrence of {app}"),
        Step::SaveRights(app, _) => format!("the rights of {app}"),
    }
}
