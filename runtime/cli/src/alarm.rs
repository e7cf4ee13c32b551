//! `carpus alarm`: look at the alarms; stop, snooze or open the one that rings.

use std::time::Duration;

use carpus_protocol::Weekday;
use carpus_protocol::monitor::{
    Alarm, Alarms, AppRecurrence, OpenAlarm, Recurrences, SnoozeAlarm, StopAlarm,
};
use clap::Subcommand;
use jiff::tz::TimeZone;

use crate::connection::Runtime;
use crate::describe::date_and_time;
use crate::failure::Failure;
use crate::output::{Cell, Output, Tone};
use crate::span;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the alarms.
    List,
    /// Show the alarms that come again.
    Recurring,
    /// Stop the alarm that rings.
    Stop {
        /// The number of its session, when several ring.
        session: Option<u64>,
    },
    /// Let the alarm that rings rest, and ring again later.
    Snooze {
        /// The number of its session, when several ring.
        session: Option<u64>,
        /// For how long [default: 9m, or what is set].
        #[arg(long = "for", value_name = "SPAN", value_parser = span::parse)]
        length: Option<Duration>,
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
        Command::Recurring => {
            let recurrences = runtime.call(Recurrences {}).await?.recurrences;
            let zone = TimeZone::system();
            let header = ["APP", "TIME", "ZONE", "DAYS", "NEXT"];
            output.table(&recurrences, &header, "no alarm comes again", |recurrence| {
                recurrence_row(recurrence, &zone)
            })
        }
        Command::Stop { session } => {
            runtime.call(StopAlarm { session }).await?;
            output.done("the alarm is stopped")
        }
        Command::Snooze { session, length } => {
            runtime.call(SnoozeAlarm { session, for_ms: length.map(span::ms) }).await?;
            output.done(&match length {
                Some(length) => format!("the alarm is snoozed for {length:?}"),
                None => "the alarm is snoozed".to_owned(),
            })
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
        Cell::new(Tone::Warning, doing(alarm)),
    ]
}

fn recurrence_row(recurrence: &AppRecurrence, zone: &TimeZone) -> Vec<Cell> {
    let AppRecurrence { app, rule, next_ms } = recurrence;
    vec![
        app.as_str().into(),
        rule.time.to_string().into(),
        rule.zone.as_deref().unwrap_or("the board's").into(),
        days(&rule.weekdays).into(),
        next_ms.map_or_else(|| "–".to_owned(), |next| date_and_time(next, zone)).into(),
    ]
}

fn days(weekdays: &[Weekday]) -> String {
    if Weekday::ALL.iter().all(|day| weekdays.contains(day)) {
        return "every day".to_owned();
    }
    weekdays.iter().map(|day| day.name()).collect::<Vec<_>>().join(" ")
}

/// What an alarm does; that of the runtime, which rings where the app did not, says so.
const fn doing(alarm: &Alarm) -> &'static str {
    match (alarm.ringing, matches!(alarm.snoozed, Some(true)), matches!(alarm.fallback, Some(true))) {
        (true, _, false) => "rings",
        (true, _, true) => "rings (fallback)",
        (false, true, false) => "snoozed",
        (false, true, true) => "snoozed (fallback)",
        (false, false, _) => "",
    }
}

#[cfg(test)]
mod tests {
    use carpus_protocol::SessionState;

    use super::*;

    #[test]
    fn n5_n7_an_alarm_says_what_it_does() {
        let alarm = |ringing, snoozed, fallback| Alarm {
            session: 3,
            app: "wake".to_owned(),
            at_ms: 0,
            state: SessionState::Running,
            ringing,
            snoozed,
            fallback,
        };
        assert_eq!(doing(&alarm(false, None, None)), "");
        assert_eq!(doing(&alarm(true, None, None)), "rings");
        assert_eq!(doing(&alarm(false, Some(true), Some(false))), "snoozed");
        assert_eq!(doing(&alarm(true, Some(false), Some(true))), "rings (fallback)");
        assert_eq!(doing(&alarm(false, Some(true), Some(true))), "snoozed (fallback)");
    }
}
