//! `carpus wrist`: raise and lower the wrist, and cover the screen.

use carpus_protocol::wrist::{Cover, Lower, Raise, State};
use clap::Subcommand;

use crate::connection::Runtime;
use crate::failure::Failure;
use crate::output::Output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Raise it: the screen goes on.
    Up,
    /// Lower it: the screen goes off.
    Down,
    /// Cover the screen, as the system does for a call: the app in front is left.
    Cover,
    /// Show whether the screen is on, and which app is in front.
    State,
}

pub(crate) async fn run(command: Command, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Up => {
            runtime.call(Raise {}).await?;
            output.done("the wrist is up")
        }
        Command::Down => {
            runtime.call(Lower {}).await?;
            output.done("the wrist is down")
        }
        Command::Cover => {
            runtime.call(Cover {}).await?;
            output.done("the screen is covered")
        }
        Command::State => {
            let state = runtime.call(State {}).await?;
            output.object(&state, || {
                let screen = if state.screen_on { "the screen is on" } else { "the screen is off" };
                let front = match &state.frontmost {
                    Some(app) => format!("{app} is in front"),
                    None => "no app is in front".to_owned(),
                };
                vec![format!("{screen}, {front}").into()]
            })
        }
    }
}
