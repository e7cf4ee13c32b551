//! `carpus`: the command for people and scripts that look after the session runtime.
//!
//! Each command is a file; `--json` and the exit codes are described in the README beside this crate.

mod alarm;
mod app;
mod connection;
mod consent;
mod crown;
mod demo;
mod describe;
mod device;
mod events;
mod failure;
mod interrupt;
mod output;
mod session;
mod simulate;
mod span;
mod status;
mod wrist;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::connection::Runtime;
use crate::failure::Failure;
use crate::output::Output;

/// Looks after carpusd, the session runtime of a wearable.
#[derive(Debug, Parser)]
#[command(name = "carpus", version, propagate_version = true)]
struct Arguments {
    /// Print a JSON object a line, with keys that stay the same.
    #[arg(long, global = true)]
    json: bool,

    /// The socket of carpusd [default: $CARPUS_SOCKET, the user's own, or the system's].
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show it all on this machine, with simulated devices.
    Demo(demo::Arguments),
    /// Install, open and close apps, and say what they may do.
    #[command(subcommand)]
    App(app::Command),
    /// Look at the sessions.
    #[command(subcommand)]
    Session(session::Command),
    /// Look for heart rate straps, and watch them.
    #[command(subcommand)]
    Device(device::Command),
    /// Look at the alarms; stop, snooze or open the one that rings.
    #[command(subcommand)]
    Alarm(alarm::Command),
    /// Raise and lower the wrist, and cover the screen.
    #[command(subcommand)]
    Wrist(wrist::Command),
    /// Press the crown.
    Crown,
    /// Show what happens, as it happens.
    Events,
    /// Steer simulated devices (only with carpusd --simulate).
    #[command(subcommand)]
    Simulate(simulate::Command),
    /// Show how carpusd is, and what is missing.
    Status,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut output = Output::for_stdout(arguments.json);
    let result = run(arguments, &mut output).await.and_then(|()| output.flush());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.complain(&failure);
            failure.exit_code()
        }
    }
}

async fn run(arguments: Arguments, output: &mut Output) -> Result<(), Failure> {
    let runtime = Runtime::at(arguments.socket);
    match arguments.command {
        Command::Demo(demo) => demo::run(demo, output).await,
        Command::App(command) => app::run(command, &runtime, output).await,
        Command::Session(command) => session::run(command, &runtime, output).await,
        Command::Device(command) => device::run(command, &runtime, output).await,
        Command::Alarm(command) => alarm::run(command, &runtime, output).await,
        Command::Wrist(command) => wrist::run(command, &runtime, output).await,
        Command::Crown => crown::run(&runtime, output).await,
        Command::Events => events::run(&runtime, output).await,
        Command::Simulate(command) => simulate::run(command, &runtime, output).await,
        Command::Status => status::run(&runtime, output).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_may_come_last() {
        let arguments =
            Arguments::parse_from(["carpus", "app", "open", "heart-rate", "--json", "--socket", "/s"]);
        assert!(arguments.json);
        assert_eq!(arguments.socket, Some(PathBuf::from("/s")));
        let Command::App(app::Command::Open { app }) = arguments.command else { panic!("not an open") };
        assert_eq!(app, "heart-rate");
    }
}
