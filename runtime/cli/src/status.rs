//! `carpus status`: how the runtime is, and what is missing.

use carpus_protocol::monitor::{Child, ChildState, Problem, Status, StatusReply};

use crate::connection::Runtime;
use crate::failure::Failure;
use crate::output::{Cell, Output, Tone};

pub(crate) async fn run(runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    let status = runtime.call(Status {}).await?;
    output.object(&status, || summary(&status))?;
    if !output.is_json() {
        status.problems.iter().try_for_each(|problem| output.line(&line(problem)))?;
        status.children.iter().flatten().try_for_each(|child| output.line(&child_line(child)))?;
    }
    Ok(())
}

fn summary(status: &StatusReply) -> Vec<Cell> {
    let devices = if status.simulate { "simulated devices" } else { "real devices" };
    let health = match status.problems.len() {
        0 => Cell::new(Tone::Good, "nothing is missing"),
        1 => Cell::new(Tone::Warning, "1 thing is missing"),
        several => Cell::new(Tone::Warning, format!("{several} things are missing")),
    };
    vec![format!("carpusd {}, {devices},", status.version).into(), health]
}

fn line(problem: &Problem) -> Vec<Cell> {
    let Problem { part, what, remedy } = problem;
    let mut cells = vec![Cell::new(Tone::Warning, format!("  {part}:")), what.as_str().into()];
    if !remedy.is_empty() {
        cells.push(format!("→ {remedy}").into());
    }
    cells
}

/// A part of the runtime, and how often it failed.
fn child_line(child: &Child) -> Vec<Cell> {
    let Child { child: name, state, restarts, reason } = child;
    let tone = if *state == ChildState::Up { Tone::Good } else { Tone::Warning };
    let mut cells = vec![format!("  {name}:").into(), Cell::new(tone, state.to_string())];
    if *restarts > 0 {
        let times = if *restarts == 1 { "once".to_owned() } else { format!("{restarts} times") };
        let why = reason.as_ref().map(|reason| format!(": it {reason}")).unwrap_or_default();
        cells.push(format!("(started again {times}{why})").into());
    }
    cells
}
