//! `carpus alarm`: look at the alarms, and stop one.

use carpus_protocol::monitor::{Alarm, Alarms, OpenAlarm, StopAlarm};
use clap::Subcommand;
use jiff::tz::TimeZone;

use crate::connection::Runtime;
use crate::describe::date_and_time;
use crate::failure::Failure;
use crate::output::{Cell, Output, Tone};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the alarms.
    List,
    /// Stop the alarm that rings.
    Stop {
        /// The number of its session, when several ring.
        session: Option<u64>,
    },
    /// Open the app of the alarm that rings.
    Open {
        /// The number of its session, when several ring.
        session: Option<u64>,
    },
}

pub(crate) async fn run(command: Command, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::List => {
            let alarms = runtime.call(Alarms {}).await?.alarms;
            let zone = TimeZone::system();
            let header = ["SESSION", "APP", "TIME", "STATE", ""];
            output.table(&alarms, &header, "no alarm is set", |alarm| row(alarm, &zone))
        }
        Command::Stop { session } => {
            runtime.call(StopAlarm { session }).await?;
            output.done("the alarm is stopped")
        }
        Command::Open { session } => {
            runtime.call(OpenAlarm { session }).await?;
            output.done("the app of the alarm is opened")
        }
    }
}

fn row(alarm: &Alarm, zone: &TimeZone) -> Vec<Cell> {
    vec![
        alarm.session.to_string().into(),
        alarm.app.as_str().into(),
        date_and_time(alarm.at_ms, zone).into(),
        alarm.state.name().into(),
        Cell::new(Tone::Warning, if alarm.ringing { "rings" } else { "" }),
    ]
}
