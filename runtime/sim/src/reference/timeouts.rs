//! What is due on the clock since boot: all of it, earliest first.

use std::time::Duration;

use carpus_core::session::{Cause, End, Reason};
use carpus_core::watch::TimeoutReason;
use carpus_core::{AppId, Now, SessionId};

use super::Reference;
use super::state::{App, Fallback, FallbackPhase, Phase, Session};

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due<'a> {
    pub(super) at: Duration,
    reason: TimeoutReason,
    whose: Whose<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whose<'a> {
    App(&'a AppId),
    Session(SessionId),
}

impl Reference {
    /// Everything that will be due, in no order.
    pub(super) fn all_due(&self) -> Vec<Due<'_>> {
        let mut all = Vec::new();
        let mut add = |at: Option<Duration>, reason, whose| {
            if let Some(at) = at {
                all.push(Due { at, reason, whose });
            }
        };
        for (id, app) in &self.apps {
            for (reason, at) in self.due_for_app(id, app) {
                add(at, reason, Whose::App(id));
            }
        }
        for (id, leave_by) in &self.left_behind {
            add(*leave_by, TimeoutReason::LeaveTime, Whose::App(id));
        }
        for (id, session) in &self.sessions {
            for (reason, at) in due_for_session(session) {
                add(at, reason, Whose::Session(*id));
            }
        }
        for (id, fallback) in &self.fallbacks {
            for (reason, at) in due_for_fallback(fallback) {
                add(at, reason, Whose::Session(*id));
            }
        }
        all
    }

    fn due_for_app(&self, id: &AppId, app: &App) -> [(TimeoutReason, Option<Duration>); 4] {
        let frontmost_until = app.frontmost_until.filter(|_| !self.l3_is_kept_frontmost(id));
        let ask_again_at = app.recurrence.as_ref().and_then(|declared| declared.ask_again_at);
        [
            (TimeoutReason::FrontmostTime, frontmost_until),
            (TimeoutReason::SuspendGrace, app.grace_until),
            (TimeoutReason::LeaveTime, app.leave_by),
            (TimeoutReason::Occurrence, ask_again_at),
        ]
    }

    pub(super) fn timeout(&mut self, now: Now) {
        while let Some(due) = self.all_due().into_iter().filter(|due| due.at <= now.since_boot).min() {
            match (due.reason, due.whose) {
                (reason, Whose::App(app)) => self.timeout_of_app(&app.clone(), reason, now),
                (reason, Whose::Session(id)) => self.timeout_of_session(id, reason, now),
            }
            self.a10_want_sessions(now);
        }
    }

    fn timeout_of_app(&mut self, app: &AppId, reason: TimeoutReason, now: Now) {
        match reason {
            TimeoutReason::FrontmostTime => self.l4_leave(app, now),
            TimeoutReason::SuspendGrace => self.l5_suspend(app, now),
            TimeoutReason::LeaveTime => self.l7_kill(app),
            TimeoutReason::Occurrence => self.a10_ask(app, now),
            _ => {}
        }
    }

    fn timeout_of_session(&mut self, id: SessionId, reason: TimeoutReason, now: Now) {
        let fallback = self.fallbacks.contains_key(&id);
        match reason {
            TimeoutReason::HandleTime => self.a4_no_delegate(id, now),
            TimeoutReason::WillExpire => self.s4_will_expire(id, now),
            TimeoutReason::Limit if self.session_mut(id).runs() => {
                self.end(id, End::by(Reason::Expired, Cause::LimitReached), now);
            }
            TimeoutReason::Limit => self.a4_no_delegate(id, now),
            TimeoutReason::SnoozeOver | TimeoutReason::NextHaptic if !fallback => self.n2_play(id, now),
            TimeoutReason::SnoozeOver | TimeoutReason::NextHaptic | TimeoutReason::Fallback => {
                self.n7_play(id, now);
            }
            TimeoutReason::FallbackOver => self.n7_end_fallback(id),
            _ => {}
        }
    }
}

fn due_for_session(session: &Session) -> [(TimeoutReason, Option<Duration>); 5] {
    let ends_at = session.span().map(|span| span.ends_at);
    let (deadline, will_expire_at) = match session.phase {
        Phase::Handed { deadline, .. } => (deadline, None),
        Phase::Running { will_expire_at, .. } => {
            (session.handed_again.and_then(|handed| handed.deadline), will_expire_at)
        }
        Phase::NotStarted | Phase::Waiting { .. } | Phase::Over => (None, None),
    };
    [
        (TimeoutReason::HandleTime, deadline),
        (TimeoutReason::SnoozeOver, session.ring.and_then(|ring| ring.snoozed_until)),
        (TimeoutReason::WillExpire, will_expire_at),
        (TimeoutReason::Limit, ends_at),
        (TimeoutReason::NextHaptic, session.ring.and_then(|ring| ring.next_at)),
    ]
}

fn due_for_fallback(fallback: &Fallback) -> Vec<(TimeoutReason, Option<Duration>)> {
    match fallback.phase {
        FallbackPhase::Planned => vec![(TimeoutReason::Fallback, Some(fallback.rings_at))],
        FallbackPhase::Ringing { next_at } => vec![
            (TimeoutReason::NextHaptic, Some(next_at)),
            (TimeoutReason::FallbackOver, Some(fallback.over_at)),
        ],
        FallbackPhase::Snoozed { until } => vec![
            (TimeoutReason::SnoozeOver, Some(until)),
            (TimeoutReason::FallbackOver, Some(fallback.over_at)),
        ],
    }
}
