//! The command line of `carpusd`.

use std::path::PathBuf;

use clap::Parser;

/// What the exit codes say.
const EXIT_CODES: &str = "\
Exit codes:
  0   it ended as it was asked to
  1   it could not start, and says why
  2   its command line was written wrongly
  70  a part of it failed too often: it gave up, to be started afresh";

/// The session runtime of a wearable. Settings come from /etc/carpus/*.toml, ~/.config/carpus/*.toml, CARPUS_…
/// variables and --set, each above the one before.
#[derive(Debug, Parser)]
#[command(name = "carpusd", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Use simulated straps, motor, speaker and buttons.
    #[arg(long)]
    pub simulate: bool,
    /// Keep the state in this folder.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Listen on this socket.
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Set one setting: --set lifecycle.suspend_grace=10s.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Read the settings from this folder only.
    #[arg(long, value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// Print each setting, and where it comes from, and end.
    #[arg(long)]
    pub print_settings: bool,
    /// End the apps that a carpusd which is gone left running, and end. Apps outlive a carpusd that was killed, for the
    /// next one to take over; this is for when there is to be no next one.
    #[arg(long)]
    pub end_apps: bool,
}
