//! The motor and the keys of the virtual board: two input devices made with uinput.
//!
//! `run` makes a force-feedback device that behaves as a vibration motor's driver does, and writes each thing that
//! happens to it as a line of JSON into a log: that log is the motor. It also makes a device with the board's keys,
//! which `press` presses. `play` is a client of the motor, to try it.

mod devices;
mod keys;
mod log;
mod motor;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::keys::Key;

/// Where `run` listens for keys to press.
const KEYS_SOCKET: &str = "/run/carpus-board/keys";
/// Where the motor's log lies.
const LOG_FILE: &str = "/var/log/carpus-board/motor.jsonl";

#[derive(Debug, Parser)]
#[command(about = "The motor and the keys of the virtual board")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the devices and serve them until the end.
    Run {
        /// The motor's log; lines are appended.
        #[arg(long, default_value = LOG_FILE)]
        log: PathBuf,
        /// The socket on which `press` sends keys.
        #[arg(long, default_value = KEYS_SOCKET)]
        keys: PathBuf,
    },
    /// Press and release a key of the board.
    Press {
        /// The key.
        key: Key,
        /// The socket of `run`.
        #[arg(long, default_value = KEYS_SOCKET)]
        keys: PathBuf,
    },
    /// Play a rumble on the motor, as an app's driver would.
    Play {
        /// The strength of the heavy motor, 0 to 65535.
        #[arg(long, default_value_t = u16::MAX)]
        strong: u16,
        /// The strength of the light motor, 0 to 65535.
        #[arg(long, default_value_t = 0)]
        weak: u16,
        /// How long, in milliseconds.
        #[arg(long, default_value_t = 200)]
        length_ms: u16,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Run { log, keys } => devices::serve(&log, &keys),
        Command::Press { key, keys } => keys::press(key, &keys),
        Command::Play { strong, weak, length_ms } => devices::play(strong, weak, length_ms),
    }
}
