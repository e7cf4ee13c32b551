//! What falls due when: an index over the times that apps, sessions and fallbacks hold, so that the next one is
//! found without asking all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::TimeoutReason;
use crate::app::AppId;
use crate::session::SessionId;

/// Whose time it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    App(AppId),
    Session(SessionId),
    /// The fallback alarm of a session, which may be over.
    Fallback(SessionId),
}

/// The times of one subject, each with its reason.
pub(super) type Times = [Option<(Duration, TimeoutReason)>; 4];

/// Nothing falls due.
pub(super) const NEVER: Times = [None; 4];

#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(Duration, TimeoutReason, Subject)>,
    by_subject: BTreeMap<Subject, Times>,
}

impl Timers {
    /// Replaces the times of a subject. The end of the clock is never reached.
    pub(super) fn set(&mut self, subject: Subject, times: Times) {
        let times = times.map(|time| time.filter(|(at, _)| *at < Duration::MAX));
        if self.by_subject.get(&subject).unwrap_or(&NEVER) == &times {
            return;
        }
        for (at, reason) in self.by_subject.remove(&subject).into_iter().flatten().flatten() {
            self.by_time.remove(&(at, reason, subject.clone()));
        }
        for (at, reason) in times.into_iter().flatten() {
            self.by_time.insert((at, reason, subject.clone()));
        }
        if times != NEVER {
            self.by_subject.insert(subject, times);
        }
    }

    /// The earliest; at one instant in the order of the reasons.
    pub(super) fn first(&self) -> Option<&(Duration, TimeoutReason, Subject)> {
        self.by_time.first()
    }
}
