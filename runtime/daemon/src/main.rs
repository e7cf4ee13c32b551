//! `carpusd`, the session runtime: reads the settings, opens the backends, starts the actors, serves the socket.

mod args;
mod backends;
mod descriptors;
mod grants;
mod install;
mod lock;
mod logging;
mod options;
mod paths;
mod server;
mod systemd;
mod theme;
mod time_zone;
mod waking;
mod wiring;

use std::process::ExitCode;

use anyhow::Context as _;
use carpus_config::{Loaded, Settings, Sources};
use clap::Parser as _;

use args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("carpusd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = Settings::load(&args.sources()?)?;
    if args.print_settings {
        print_settings(&loaded);
        return Ok(ExitCode::SUCCESS);
    }
    logging::start(&loaded.settings);
    let places = paths::Places::prepare(&loaded.settings, args)?;
    let _lock = lock::StateLock::take(&places.state)?; // until the end
    if args.end_apps {
        backends::end_apps(&loaded.settings, &places)?;
        return Ok(ExitCode::SUCCESS);
    }
    let system = actix::System::new();
    let code =
        system.block_on(wiring::run(loaded.settings, places, args.simulate)).context("carpusd stopped")?;
    Ok(code)
}

fn print_settings(loaded: &Loaded) {
    let width = loaded.describe().map(|(key, text, _)| key.len() + text.len()).max().unwrap_or(0);
    for (key, text, origin) in loaded.describe() {
        let pad = width.saturating_sub(key.len() + text.len());
        println!("{key} = {text}{:pad$}  # {origin}", "");
    }
}

impl Args {
    fn sources(&self) -> anyhow::Result<Sources> {
        let flags = self.set.iter().map(|text| carpus_config::parse_flag(text)).collect::<Result<_, _>>()?;
        let mut sources = Sources::from_process(flags);
        if let Some(folder) = &self.config {
            sources.system_dir = Some(folder.clone());
            sources.user_dir = None;
        }
        Ok(sources)
    }
}
