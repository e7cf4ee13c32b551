//! `carpus session`: look at the sessions.

use carpus_protocol::monitor::Sessions;
use clap::Subcommand;
use jiff::tz::TimeZone;

use crate::connection::Runtime;
use crate::describe::session_row;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the sessions that run or wait, and the last that ended.
    List,
}

pub(crate) async fn run(command: Command, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    let Command::List = command;
    let sessions = runtime.call(Sessions {}).await?.sessions;
    let zone = TimeZone::system();
    let header = ["SESSION", "APP", "TYPE", "STATE", "START", "END"];
    output.table(&sessions, &header, "there is no session", |session| session_row(session, &zone))
}
