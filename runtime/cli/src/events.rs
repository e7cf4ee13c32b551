//! `carpus events`: show what happens, as it happens.

use carpus_protocol::monitor::{Events, MonitorEvent};
use jiff::tz::TimeZone;

use crate::connection::Runtime;
use crate::describe::{event_json, event_line};
use crate::failure::Failure;
use crate::output::Output;

pub(crate) async fn run(runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    let zone = TimeZone::system();
    let mut events = runtime.stream(Events {}).await?;
    while let Some(reply) = events.next_or_interrupt().await? {
        print(&reply.event, &zone, output)?;
    }
    Ok(())
}

/// Prints an event.
pub(crate) fn print(event: &MonitorEvent, zone: &TimeZone, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        output.json_line(&event_json(event))
    } else {
        output.line(&event_line(event, zone))
    }
}
