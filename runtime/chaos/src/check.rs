//! What must hold, whatever was done.

use std::collections::{BTreeMap, BTreeSet};

use crate::attack::Done;
use crate::person::Seen;
use crate::record::{Line, Records};

/// Everything that was promised and not kept, each in a sentence.
///
/// While the disk is wrong an app is told what cannot be written down, and an alarm is stopped though that cannot be
/// written down: better told or rung twice than not at all. So what happened in those times may come again; and a
/// session that was started then, and not scheduled, is gone with a runtime that is killed before it can write.
pub(crate) fn check(apps: &Records, seen: &Seen, log: &str, done: &Done, gave_up: u32) -> Vec<String> {
    let may_come_again = |at_ms: u64| done.disk_was_wrong(at_ms);
    let mut found: Vec<String> = untold(apps, done)
        .into_iter()
        .map(|(app, session)| format!("{app}: the end of session {session} was never told (S4, D1)"))
        .collect();
    for (app, lines) in apps {
        found
            .extend(doubled(lines, may_come_again).into_iter().map(|what| format!("{app}: {what} (D1, D2)")));
        found.extend(silent(lines, seen).into_iter().map(|what| format!("{app}: {what}")));
    }
    let stopped_at = |session: &u64| seen.stopped.get(session).copied().unwrap_or_default();
    for session in seen.rang_again.iter().filter(|session| !may_come_again(stopped_at(session))) {
        found.push(format!("session {session} rang again after it was stopped (N3)"));
    }
    if seen.unanswered > 0 {
        found.push(format!("{} calls of the person were not answered", seen.unanswered));
    }
    found.extend(errors(log, gave_up));
    found
}

/// The sessions that were promised and whose end was not told and dealt with, each with its app.
pub(crate) fn untold(apps: &Records, done: &Done) -> BTreeSet<(String, u64)> {
    let mut untold = BTreeSet::new();
    for (app, lines) in apps {
        let told: BTreeSet<u64> = lines
            .iter()
            .filter(|line| line.is_dealt_with("did_invalidate"))
            .filter_map(|line| line.session)
            .collect();
        let promised = lines.iter().filter(|line| line.is_promise(done)).filter_map(|line| line.session);
        untold
            .extend(promised.filter(|session| !told.contains(session)).map(|session| (app.clone(), session)));
    }
    untold
}

impl Line {
    fn is_promise(&self, done: &Done) -> bool {
        self.what == "scheduled" || self.what == "started" && !done.disk_was_wrong(self.time_ms)
    }

    pub(crate) fn is_event(&self) -> bool {
        matches!(self.what.as_str(), "handle" | "did_start" | "will_expire" | "did_invalidate")
    }

    pub(crate) fn is_dealt_with(&self, event: &str) -> bool {
        self.what == "dealt_with" && self.detail["event"] == event
    }
}

/// The events that came twice: to one process, or again after they had been acknowledged. A session is handed over
/// again to a new process (S14, A4), which is told anew that it runs; its warning and its end come once.
fn doubled(lines: &[Line], may_come_again: impl Fn(u64) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut told = BTreeMap::new();
    let mut dealt_with = BTreeMap::new();
    let is_doubled = |first: Option<u64>| first.is_some_and(|first| !may_come_again(first));
    for line in lines {
        let Some(session) = line.session else { continue };
        if line.is_event() {
            let before = told.insert((line.process, session, line.what.as_str()), line.time_ms);
            if is_doubled(before) {
                found.push(format!(
                    "process {} was told {} of session {session} twice",
                    line.process, line.what
                ));
            }
            if line.what == "did_invalidate" && is_doubled(dealt_with.get(&session).copied()) {
                found.push(format!("the end of session {session} was told again after it was acknowledged"));
            }
        } else if line.is_dealt_with("did_invalidate") {
            dealt_with.insert(session, line.time_ms);
        }
    }
    found
}

/// The alarms that were acknowledged and did not ring, or rang too early.
fn silent(lines: &[Line], seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    let rang: BTreeSet<u64> =
        lines.iter().filter(|line| line.what == "rang").filter_map(|line| line.session).collect();
    for (session, at_ms) in alarms(lines) {
        match seen.rang.get(&session) {
            Some(felt_ms) if *felt_ms < at_ms => {
                found.push(format!("the alarm of session {session} rang {} ms early (A6)", at_ms - felt_ms));
            }
            None if !rang.contains(&session) => {
                found.push(format!(
                    "the alarm of session {session}, due at {at_ms}, was acknowledged and never rang (A6, N7)"
                ));
            }
            Some(_) | None => {}
        }
    }
    found
}

/// The alarms that were acknowledged, each with its time.
pub(crate) fn alarms(lines: &[Line]) -> BTreeMap<u64, u64> {
    let scheduled = lines.iter().filter(|line| line.what == "scheduled");
    scheduled.filter_map(|line| Some((line.session?, line.detail["at_ms"].as_u64()?))).collect()
}

/// An ERROR is a bug of ours, but for the one with which the runtime gives up on a part that was made to fail.
fn errors(log: &str, gave_up: u32) -> Vec<String> {
    let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
    let allowed = usize::try_from(gave_up).unwrap_or(usize::MAX);
    if errors.len() <= allowed { Vec::new() } else { errors.into_iter().map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(process: u32, what: &str, session: u64) -> Line {
        let detail = json!({});
        Line { time_ms: 0, process, what: what.to_owned(), session: Some(session), detail }
    }

    fn dealt_with(process: u32, event: &str, session: u64) -> Line {
        Line { detail: json!({ "event": event }), ..line(process, "dealt_with", session) }
    }

    fn scheduled(session: u64, at_ms: u64) -> Line {
        Line { detail: json!({ "at_ms": at_ms }), ..line(1, "scheduled", session) }
    }

    fn found(lines: Vec<Line>, seen: &Seen) -> Vec<String> {
        check(&Records::from([("alarm-1".to_owned(), lines)]), seen, "", &Done::default(), 0)
    }

    fn whole(session: u64) -> Vec<Line> {
        let told = ["handle", "did_start", "did_invalidate"];
        let mut lines = vec![scheduled(session, 1000)];
        for event in told {
            lines.extend([line(1, event, session), dealt_with(1, event, session)]);
        }
        lines
    }

    fn felt(session: u64, at_ms: u64) -> Seen {
        Seen { rang: BTreeMap::from([(session, at_ms)]), ..Seen::default() }
    }

    #[test]
    fn a_whole_session_is_no_finding() {
        assert_eq!(found(whole(7), &felt(7, 1001)), Vec::<String>::new());
    }

    #[test]
    fn an_alarm_that_never_rang_is_one() {
        assert!(found(whole(7), &Seen::default())[0].contains("never rang"));
    }

    #[test]
    fn an_alarm_that_rang_early_is_one() {
        assert!(found(whole(7), &felt(7, 900))[0].contains("100 ms early"));
    }

    #[test]
    fn an_end_that_was_never_told_is_one() {
        let lines = whole(7)[..5].to_vec();
        assert!(found(lines, &felt(7, 1001))[0].contains("never told"));
    }

    #[test]
    fn an_event_that_a_process_was_told_twice_is_one() {
        let mut lines = whole(7);
        lines.insert(3, line(1, "handle", 7));
        assert!(found(lines, &felt(7, 1001))[0].contains("handle of session 7 twice"));
    }

    #[test]
    fn a_new_process_is_handed_the_session_again() {
        let mut lines = whole(7);
        lines.splice(5..5, [line(2, "handle", 7), line(2, "did_start", 7)]);
        assert_eq!(found(lines, &felt(7, 1001)), Vec::<String>::new());
    }

    #[test]
    fn an_end_that_a_new_process_is_told_again_though_it_was_acknowledged_is_one() {
        let mut lines = whole(7);
        lines.push(line(2, "did_invalidate", 7));
        assert!(found(lines, &felt(7, 1001))[0].contains("told again"));
    }

    #[test]
    fn what_was_told_while_the_disk_was_wrong_may_come_again() {
        let mut lines = whole(7);
        lines.insert(3, line(1, "handle", 7));
        let done = Done { disk_faults: vec![(0, 10)], ..Done::default() };
        let apps = Records::from([("alarm-1".to_owned(), lines)]);
        assert_eq!(check(&apps, &felt(7, 1001), "", &done, 0), Vec::<String>::new());
    }

    #[test]
    fn an_error_in_the_log_is_one_unless_the_runtime_gave_up() {
        let log = "INFO ok\nERROR panicked too often\n";
        assert_eq!(check(&Records::new(), &Seen::default(), log, &Done::default(), 0).len(), 1);
        assert_eq!(check(&Records::new(), &Seen::default(), log, &Done::default(), 1).len(), 0);
    }
}
