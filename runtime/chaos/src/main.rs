//! The runtime under attack, with real processes: `carpusd` and its apps are killed at any instant, its actors fail,
//! its disk fails, over and over; and whatever was promised must hold all the same.
//!
//! Nothing in it looks into the runtime: it knows what the apps wrote down ([`record`]), what a person would have felt
//! and seen ([`person`]), and the log.

mod attack;
mod check;
mod person;
mod record;
mod report;
mod restarts;
mod runtime;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser;

use crate::attack::{Attack, Length};
use crate::person::Person;
use crate::runtime::Runtime;

/// The runtime under attack, with real processes.
#[derive(Debug, Parser)]
enum Command {
    /// Kills carpusd and its apps at random, and checks that nothing that was promised is lost.
    Attack(AttackArguments),
    /// Takes the time from the start of a carpusd that was killed until all is restored.
    Restarts(RestartsArguments),
}

#[derive(Debug, clap::Args)]
struct AttackArguments {
    /// Until carpusd and its apps were killed so often, all together.
    #[arg(long, default_value_t = 300)]
    kills: u32,
    /// For so long instead: 90s, 30m, 2h.
    #[arg(long = "for", value_name = "SPAN", value_parser = span)]
    length: Option<Duration>,
    /// The seed of what is done; real processes go their own way all the same.
    #[arg(long)]
    seed: Option<u64>,
    /// Where everything is kept; a temporary folder that goes when nothing was found.
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct RestartsArguments {
    /// How many apps run.
    #[arg(long, default_value_t = 20)]
    apps: usize,
    /// How many apps have an alarm that waits.
    #[arg(long, default_value_t = 100)]
    alarms: usize,
    /// How often carpusd is killed.
    #[arg(long, default_value_t = 20)]
    times: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Attack(arguments) => attack(&arguments).await,
        Command::Restarts(RestartsArguments { apps, alarms, times }) => {
            restarts::measure(apps, alarms, times).await.map(|()| true)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("carpus-chaos: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// True when nothing was found.
async fn attack(arguments: &AttackArguments) -> anyhow::Result<bool> {
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    let folder = match &arguments.folder {
        Some(folder) => std::path::absolute(folder)?,
        None => tempfile::Builder::new().prefix("carpus-chaos-").tempdir()?.keep(),
    };
    let mut runtime = Runtime::in_folder(&folder, &attack::SETTINGS)?;
    println!("seed {seed}; everything is in {}", folder.display());

    let person = Person::new(&runtime);
    let life = person.live();
    let length = arguments.length.map_or(Length::Kills(arguments.kills), Length::Time);
    let done = Attack::new(seed, person.clone()).run(&mut runtime, length).await;
    let done = done.with_context(|| format!("the run stopped; seed {seed}, {}", folder.display()))?;
    let settled = person.settle(&mut runtime, &done).await;
    life.abort();
    let ended = runtime.end().await;

    let apps = record::read_all(&runtime.data_folder())?;
    let mut found = check::check(&apps, &person.seen(), &runtime.log()?, &done, runtime.gave_up);
    found.extend([settled, ended].into_iter().filter_map(|part| Some(format!("{:#}", part.err()?))));
    report::print(&done, &apps, &person.seen(), &runtime, &found);
    if found.is_empty() && arguments.folder.is_none() {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(found.is_empty())
}

fn span(text: &str) -> anyhow::Result<Duration> {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => bail!("{text} is no time; write 90s, 30m or 2h"),
    };
    Ok(Duration::from_secs(number.parse::<u64>()?.saturating_mul(seconds)))
}
