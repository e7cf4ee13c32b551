//! `carpus simulate`: steer simulated devices.

use std::time::Duration;

use carpus_protocol::simulation::{
    Button, DropOut, Fail, FailHow, Malformed, Mute, Press, SetBattery, SetBoard,
};
use clap::{Args, Subcommand};

use crate::connection::Runtime;
use crate::failure::Failure;
use crate::output::Output;
use crate::span;

/// Thousandths of a degree in a degree.
const MDEGC_PER_DEGREE: i64 = 1000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Break a strap's link, and keep it out of reach.
    Drop {
        /// The strap's address.
        device: String,
        /// For how long.
        #[arg(long = "for", value_name = "SPAN", value_parser = span::parse, default_value = "5s")]
        length: Duration,
    },
    /// Let a strap say nothing, with its link up.
    Mute {
        /// The strap's address.
        device: String,
        /// For how long.
        #[arg(long = "for", value_name = "SPAN", value_parser = span::parse, default_value = "5s")]
        length: Duration,
    },
    /// Let a strap send a message that cannot be read.
    Malformed {
        /// The strap's address.
        device: String,
    },
    /// Press a button: crown, side, stop, snooze.
    Press {
        /// The button.
        #[arg(value_parser = |text: &str| text.parse::<Button>())]
        button: Button,
    },
    /// Set the charge of a strap's battery.
    Battery {
        /// The strap's address.
        device: String,
        /// The charge in percent.
        #[arg(value_parser = clap::value_parser!(u64).range(0..=100))]
        percent: u64,
    },
    /// Let a part of the runtime fail: panic, stop, hang, flood (only a carpusd that was built for tests).
    Fail {
        /// The part, as `carpus status` names it.
        child: String,
        /// How.
        #[arg(value_parser = |text: &str| text.parse::<FailHow>())]
        how: FailHow,
    },
    /// Set how the board itself fares: the charge of its battery, and its temperature.
    Board(Board),
}

/// How the board is to fare: one of these at least.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Board {
    /// The charge in percent; the board then runs on its battery.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(0..=100))]
    battery: Option<u64>,
    /// Plug it in: the charge does not count then.
    #[arg(long, conflicts_with = "battery")]
    plugged: bool,
    /// The temperature in degrees Celsius.
    #[arg(
        long,
        value_name = "DEGREES",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(i64).range(-100..=200)
    )]
    temperature: Option<i64>,
}

pub(crate) async fn run(command: Command, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Drop { device, length } => {
            runtime.call(DropOut { device: device.clone(), for_ms: span::ms(length) }).await?;
            output.done(&format!("{device} is out of reach for {length:?}"))
        }
        Command::Mute { device, length } => {
            runtime.call(Mute { device: device.clone(), for_ms: span::ms(length) }).await?;
            output.done(&format!("{device} is silent for {length:?}"))
        }
        Command::Malformed { device } => {
            runtime.call(Malformed { device: device.clone() }).await?;
            output.done(&format!("{device} sends nonsense once"))
        }
        Command::Press { button } => {
            runtime.call(Press { button }).await?;
            output.done(&format!("the {button} button is pressed"))
        }
        Command::Battery { device, percent } => {
            runtime.call(SetBattery { device: device.clone(), percent }).await?;
            output.done(&format!("{device} has {percent} % left"))
        }
        Command::Fail { child, how } => {
            runtime.call(Fail { child: child.clone(), how }).await?;
            output.done(&format!("{child} fails: {how}"))
        }
        Command::Board(Board { battery, plugged, temperature }) => {
            let external_power = plugged.then_some(true);
            let temperature_mdegc = temperature.map(|degrees| degrees * MDEGC_PER_DEGREE);
            runtime.call(SetBoard { battery_percent: battery, external_power, temperature_mdegc }).await?;
            output.done("the board is as you said")
        }
    }
}
