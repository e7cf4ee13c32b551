//! What was on disk when the runtime started, and what outlived it (D2).

use std::time::Duration;

use carpus_core::app::AppState;
use carpus_core::recurrence::RecurrenceRecord;
use carpus_core::session::{Cause, End, ErrorCode, ExitStatus, Reason};
use carpus_core::watch::{Draft, Kept, Output, Standing, Survivor, Wrist};
use carpus_core::{
    AppId, Now, RecordedFallback, RecordedPhase, RecordedRing, SessionId, SessionRecord, SessionState,
    WallTime,
};

use super::Reference;
use super::state::{Declared, Fallback, FallbackPhase, HandedAgain, Phase, Process, Ring, Session, Span};

/// What is known of a session that ran, or was handed over, when the runtime was killed.
#[derive(Clone, Copy, Debug)]
struct Ran {
    since: WallTime,
    expiration: WallTime,
    scheduled: bool,
    rang: bool,
}

impl Reference {
    /// What holds until the board reboots.
    pub fn standing(&self) -> Standing {
        let ending = self.apps.iter().filter(|(_, app)| app.process == Process::Ending);
        Standing {
            wrist: if self.wrist_up { Wrist::Up } else { Wrist::Down },
            frontmost: self.frontmost.clone(),
            ending: ending.map(|(id, app)| (id.clone(), app.reopened)).collect(),
            launches: self
                .apps
                .iter()
                .map(|(id, app)| (id.clone(), app.launches))
                .filter(|(_, n)| *n > 0)
                .collect(),
            drafts: self.sessions.iter().filter_map(|(id, session)| session.draft(*id)).collect(),
        }
    }

    pub(super) fn d2_restore(&mut self, kept: &Kept, now: Now) {
        self.d2_count_launches(kept);
        for survivor in &kept.survivors {
            self.d2_adopt(survivor, now);
        }
        for record in &kept.recurrences {
            self.a10_restore(record);
        }
        for record in &kept.sessions {
            self.a9_restore(record, kept.standing.is_some(), now);
        }
        self.a3_leave_one_waiting(&kept.sessions, now);
        let front = self.d2_was_frontmost(kept.standing.as_ref());
        if let Some(standing) = &kept.standing {
            self.wrist_up = standing.wrist == Wrist::Up;
            self.d2_restore_drafts(&standing.drafts);
            self.d2_restore_ending(standing, now);
        }
        self.t2_end_what_was_left(front.as_ref(), now);
        if let Some(front) = front {
            self.d2_restore_frontmost(&front, now);
        }
        for survivor in &kept.survivors {
            self.d2_go_on(&survivor.app, now);
        }
    }

    /// Processes are numbered on: a number that a record knows is not given again.
    fn d2_count_launches(&mut self, kept: &Kept) {
        for (id, app) in &mut self.apps {
            let noted = kept.standing.as_ref().and_then(|standing| standing.launches.get(id));
            let recorded = kept.sessions.iter().filter(|record| record.app == *id).filter_map(d2_launch);
            app.launches = noted.copied().or(recorded.max()).unwrap_or(0);
        }
    }

    /// The app is there already: it is not launched, but has to listen anew.
    fn d2_adopt(&mut self, survivor: &Survivor, now: Now) {
        let app = &survivor.app;
        if !self.apps.contains_key(app) {
            self.put(Output::Kill { app: app.clone() });
            return;
        }
        self.app_mut(app).process = Process::Launching;
        self.l1_set_state(app, AppState::Background, now);
        if survivor.suspended {
            self.l1_set_state(app, AppState::Suspended, now);
        }
    }

    /// The app in front. Where that is not known, it is the one whose session needs it.
    fn d2_was_frontmost(&self, standing: Option<&Standing>) -> Option<AppId> {
        match standing {
            Some(standing) => standing.frontmost.clone(),
            None => {
                let keeps = |session: &&Session| session.is_open() && session.is_frontmost_kind();
                self.sessions.values().find(keeps).map(|session| session.app.clone())
            }
        }
    }

    fn d2_lives(&self, app: &AppId) -> bool {
        self.apps.get(app).is_some_and(|app| app.process != Process::None)
    }

    /// A session that was made is known to the process that made it.
    fn d2_restore_drafts(&mut self, drafts: &[Draft]) {
        for Draft { session: id, app, kind } in drafts {
            if self.d2_lives(app) && !self.is_taken(*id) {
                self.sessions.insert(*id, Session::new(app.clone(), Ok(*kind)));
            }
        }
    }

    /// An app that was told to end is told so once more, and has its time for that anew (L7).
    fn d2_restore_ending(&mut self, standing: &Standing, now: Now) {
        let leave_by = now.after(self.limits.leave_time);
        for (app, opened_again) in &standing.ending {
            if self.d2_lives(app) {
                let entry = self.app_mut(app);
                entry.process = Process::Ending;
                entry.leave_by = Some(leave_by);
                entry.reopened = *opened_again;
                self.put(Output::EndProcess { app: app.clone() });
            } else if *opened_again && self.apps.contains_key(app) {
                self.l2_launch(app, AppState::Inactive, now);
            }
        }
    }

    /// T2: the app of a frontmost session was left, and the end of the session did not get to disk.
    fn t2_end_what_was_left(&mut self, front: Option<&AppId>, now: Now) {
        for (id, session) in self.sessions.clone() {
            if session.is_open() && session.is_frontmost_kind() && Some(&session.app) != front {
                let cause = front.map_or(Cause::Crown, |other| Cause::OtherApp(other.clone()));
                self.end(id, End::by(Reason::ResignedFrontmost, cause), now);
            }
        }
    }

    fn d2_restore_frontmost(&mut self, app: &AppId, now: Now) {
        if !self.d2_lives(app) {
            return;
        }
        self.frontmost = Some(app.clone());
        let frontmost_until = (!self.wrist_up).then(|| now.after(self.limits.frontmost_time));
        let entry = self.app_mut(app);
        entry.frontmost_until = frontmost_until;
        entry.grace_until = None;
        if self.is_ending(app) && self.app_state(app) == Some(AppState::Suspended) {
            self.l1_set_state(app, AppState::Background, now);
        }
        self.l2_thaw(app, now);
        self.l1_set_state(app, AppState::Inactive, now);
    }

    /// An app whose session goes on is not frozen; any other in the background has its grace anew.
    fn d2_go_on(&mut self, app: &AppId, now: Now) {
        if !self.d2_lives(app) {
            return;
        }
        let open = !self.sessions_of(app, Session::is_open).is_empty();
        if open && !self.is_ending(app) {
            self.l2_thaw(app, now);
        }
        self.l4_begin_grace(app, now);
        self.n4_alerts(app);
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
    fn a9_restore(&mut self, record: &SessionRecord, same_boot: bool, now: Now) {
        let id = record.session;
        if !self.apps.contains_key(&record.app) {
            self.put(Output::Forget { session: id });
            return;
        }
        if self.is_taken(id) {
            return;
        }
        // The process that had the session lives, and not another one that was launched after it.
        let launches = self.apps.get(&record.app).map(|app| app.launches);
        let lives = self.d2_lives(&record.app) && launches == d2_launch(record);
        match record.phase {
            RecordedPhase::Scheduled { at, recurring } => {
                self.a6_restore_waiting(record, at, false);
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.of_rule = recurring;
                }
            }
            RecordedPhase::Handed { .. } | RecordedPhase::Running { .. } if lives => {
                self.d2_goes_on(record, now);
            }
            RecordedPhase::Handed { since, expiration, rang, .. } => {
                self.d2_restore_running(record, Ran { since, expiration, scheduled: true, rang }, now);
            }
            RecordedPhase::Running { since, expiration, scheduled, rang, .. } => {
                self.d2_restore_running(record, Ran { since, expiration, scheduled, rang }, now);
            }
            RecordedPhase::Fallback(fallback) => self.n7_restore(record, fallback, same_boot, now),
        }
    }

    /// Its process lives, and it goes on with what is left on the clock since boot.
    fn d2_goes_on(&mut self, record: &SessionRecord, now: Now) {
        let id = record.session;
        let mut session = Session::new(record.app.clone(), Ok(record.kind));
        session.saved = true;
        match record.phase {
            RecordedPhase::Handed { since, expiration, ends_at, rang, fallback, .. } => {
                let span = Span { since, expiration, ends_at: d2_ends_at(ends_at, expiration, now) };
                session.phase = Phase::Handed { span, deadline: None };
                session.with_time = true;
                session.rang = rang;
                self.sessions.insert(id, session);
                self.n7_goes_on(id, span, fallback, now);
            }
            RecordedPhase::Running {
                since,
                expiration,
                ends_at,
                launch: _,
                scheduled,
                rang,
                warned,
                handed,
                ring,
                fallback,
            } => {
                let span = Span { since, expiration, ends_at: d2_ends_at(ends_at, expiration, now) };
                let will_expire_at = span.ends_at.saturating_sub(self.limits.will_expire_lead);
                let will_expire_at = if warned { None } else { Some(will_expire_at) };
                session.phase = Phase::Running { span, will_expire_at };
                session.with_time = scheduled;
                session.rang = rang;
                session.handed_again = handed.then_some(HandedAgain { deadline: None });
                session.played = ring.map_or(0, |ring| ring.played);
                session.ring = ring.map(|ring| n3_rings_on(ring, now));
                self.sessions.insert(id, session);
                self.s1_state_changed(id);
                self.put(Output::Measure { session: id, app: record.app.clone(), kind: record.kind });
                self.n7_goes_on(id, span, fallback, now);
            }
            RecordedPhase::Scheduled { .. } | RecordedPhase::Fallback(_) => {}
        }
    }

    /// The fallback alarm of a session that goes on, or none if it passed while the runtime was down (A7).
    fn n7_goes_on(&mut self, id: SessionId, span: Span, recorded: Option<RecordedFallback>, now: Now) {
        let Some(recorded) = recorded.filter(|_| self.limits.extensions.fallback) else { return };
        let by_span = span.ends_at.saturating_add(recorded.until.since(span.expiration));
        let over_at = if recorded.over_at.is_zero() { by_span } else { recorded.over_at };
        let app = self.session_mut(id).app.clone();
        if over_at <= now.since_boot {
            self.put(Output::TellMissed { session: id, app, at: span.since });
        } else {
            self.fallbacks.insert(id, n7_taken_up(app, &recorded, over_at));
        }
    }

    fn a6_restore_waiting(&mut self, record: &SessionRecord, at: WallTime, rang: bool) {
        let mut session = Session::new(record.app.clone(), Ok(record.kind));
        session.phase = Phase::Waiting { at };
        session.with_time = true;
        session.rang = rang;
        session.saved = true;
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
        let over_at = now.after(until.since(now.wall));
        let planned = RecordedFallback { at, until, over_at, snoozed_until: None };
        self.fallbacks.insert(record.session, n7_taken_up(record.app.clone(), &planned, over_at));
        true
    }

    /// A fallback alarm whose session is over. On the same boot its times are those on the clock since boot.
    fn n7_restore(&mut self, record: &SessionRecord, recorded: RecordedFallback, same_boot: bool, now: Now) {
        let (id, app) = (record.session, record.app.clone());
        let known = same_boot && !recorded.over_at.is_zero();
        let by_wall = now.after(recorded.until.since(now.wall));
        let over_at = if known { recorded.over_at } else { by_wall };
        if !self.limits.extensions.fallback {
            self.put(Output::Forget { session: id });
        } else if over_at <= now.since_boot {
            self.put(Output::TellMissed { session: id, app, at: recorded.at });
            self.put(Output::Forget { session: id });
        } else {
            self.fallbacks.insert(id, n7_taken_up(app, &recorded, over_at));
        }
    }
}

/// The number of the process that has the session.
const fn d2_launch(record: &SessionRecord) -> Option<u32> {
    match record.phase {
        RecordedPhase::Handed { launch, .. } | RecordedPhase::Running { launch, .. } => Some(launch),
        RecordedPhase::Scheduled { .. } | RecordedPhase::Fallback(_) => None,
    }
}

/// The end on the clock since boot, where it is known.
fn d2_ends_at(recorded: Duration, expiration: WallTime, now: Now) -> Duration {
    if recorded.is_zero() { now.after(expiration.since(now.wall)) } else { recorded }
}

/// An alarm that rang plays its next haptic at once; one that was snoozed stays so.
fn n3_rings_on(recorded: RecordedRing, now: Now) -> Ring {
    let awake = recorded.snoozed_until.is_none();
    Ring {
        haptic: recorded.haptic,
        interval: recorded.interval,
        repeat: recorded.repeat,
        answered: recorded.played == 0,
        last_at: now.since_boot,
        next_at: recorded.interval.filter(|_| awake).map(|_| now.since_boot),
        snoozed_until: recorded.snoozed_until,
        alert: false,
    }
}

/// All its times lie as far before its end as they did on the wall clock.
fn n7_taken_up(app: AppId, recorded: &RecordedFallback, over_at: Duration) -> Fallback {
    let before_end = |at: WallTime| over_at.saturating_sub(recorded.until.since(at));
    let snoozed = recorded.snoozed_until.map(before_end);
    Fallback {
        app,
        kind: carpus_core::SessionKind::Alarm,
        at: recorded.at,
        until: recorded.until,
        rings_at: before_end(recorded.at),
        over_at,
        phase: snoozed.map_or(FallbackPhase::Planned, |until| FallbackPhase::Snoozed { until }),
        alert: false,
    }
}
