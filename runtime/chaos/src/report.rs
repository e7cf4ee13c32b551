//! What was done, and what was checked.

use std::time::Duration;

use crate::attack::Done;
use crate::check;
use crate::person::Seen;
use crate::record::{Line, Records};
use crate::runtime::Runtime;

/// Prints the figures, then what was found.
pub(crate) fn print(done: &Done, apps: &Records, seen: &Seen, runtime: &Runtime, found: &[String]) {
    let lines = || apps.values().flatten();
    let of = |what: &str| lines().filter(|line| line.what == what).count();
    let alarms: usize = apps.values().map(|lines| check::alarms(lines).len()).sum();
    let dealt_with = of("dealt_with");
    let row = |what: &str, figure: String| println!("{what:<34} {figure:>8}");

    row("time", format!("{} s", done.time.as_secs()));
    row("kills of the runtime", done.kills_of_runtime.to_string());
    row("  before it served", done.kills_at_start.to_string());
    row("kills of apps", done.kills_of_apps.to_string());
    row("failures of its parts", done.failures_of_parts.to_string());
    row("times the disk was wrong", done.disk_faults.len().to_string());
    row("the runtime gave up", runtime.gave_up.to_string());
    row("processes of apps", of("launched").to_string());
    row("sessions started", of("started").to_string());
    row("alarms acknowledged", alarms.to_string());
    row("alarms felt", seen.rang.len().to_string());
    row("  rung by the runtime itself", seen.rung_by_runtime.len().to_string());
    row("  stopped by the person", seen.stopped.len().to_string());
    row("starts and schedules refused", of("refused").to_string());
    row("gaps told to apps", of("gap").to_string());
    row("events told", lines().filter(|line| line.is_event()).count().to_string());
    row("events acknowledged", dealt_with.to_string());
    row("  told again to a new process", again(apps).to_string());
    for (what, share) in [("serving again, half of the times", 50), ("serving again, 99 of 100", 99)] {
        row(what, format!("{} ms", percentile(&runtime.starts, share).as_millis()));
    }
    for what in found {
        println!("FOUND: {what}");
    }
    println!(
        "{}",
        if found.is_empty() { "nothing that was promised was lost" } else { "there are findings" }
    );
}

/// Events that a process died over: they were told again to the next one.
fn again(apps: &Records) -> usize {
    apps.values().map(|lines| (0..lines.len()).filter(|at| is_again(lines, *at)).count()).sum()
}

fn is_again(lines: &[Line], at: usize) -> bool {
    let line = &lines[at];
    let same = |other: &&Line| other.what == line.what && other.session == line.session;
    line.is_event() && lines[..at].iter().any(|other| same(&other) && other.process != line.process)
}

pub(crate) fn percentile(times: &[Duration], share: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * share / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or_default()
}
