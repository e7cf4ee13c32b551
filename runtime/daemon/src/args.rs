//! The command line of `carpusd`.

use std::path::PathBuf;

use clap::Parser;

/// The session runtime of a wearable. Settings come from /etc/carpus/*.toml, ~/.config/carpus/*.toml, CARPUS_…
/// variables and --set, each above the one before.
#[derive(Debug, Parser)]
#[command(name = "carpusd", version)]
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
}
