//! Where the runtime keeps its things.

use std::env;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carpus_config::Settings;

use crate::args::Args;

/// Folders of the runtime are for its user only; the socket's also for its group.
const PRIVATE: u32 = 0o700;
const FOR_GROUP: u32 = 0o750;

/// The folders and the socket; the folders exist.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The state: the journal, the apps, their data and logs.
    pub state: PathBuf,
    /// The socket.
    pub socket: PathBuf,
}

impl Places {
    /// Finds the places (flags, then settings, then what systemd gives, then the user's own folders) and makes
    /// the folders.
    ///
    /// # Errors
    /// When there is no place, or a folder cannot be made.
    pub(crate) fn prepare(settings: &Settings, args: &Args) -> anyhow::Result<Self> {
        let state =
            args.state.clone().or_else(|| settings.paths.state.named().cloned()).or_else(default_state);
        let state = state.context("there is no place for the state; give one with --state DIR")?;
        let socket =
            args.socket.clone().or_else(|| settings.ipc.socket.named().cloned()).or_else(default_socket);
        let socket = socket.context("there is no place for the socket; give one with --socket PATH")?;
        make(&state, PRIVATE)?;
        for folder in ["apps", "data", "logs"] {
            make(&state.join(folder), PRIVATE)?;
        }
        if let Some(folder) = socket.parent() {
            make(folder, FOR_GROUP)?;
        }
        // Apps are started in folders of their own: the paths that they are told must not be relative.
        let absolute = |path: &Path| {
            std::path::absolute(path).with_context(|| format!("{} has no absolute form", path.display()))
        };
        Ok(Self { state: absolute(&state)?, socket: absolute(&socket)? })
    }
}

impl Places {
    /// The journal's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.state.join("state.db")
    }
}

fn make(folder: &Path, mode: u32) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(mode).create(folder);
    made.with_context(|| format!("the folder {} cannot be made", folder.display()))
}

fn default_state() -> Option<PathBuf> {
    let given = env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    given
        .or_else(|| absolute_variable("XDG_STATE_HOME").map(|folder| folder.join("carpus")))
        .or_else(|| absolute_variable("HOME").map(|home| home.join(".local/state/carpus")))
}

fn default_socket() -> Option<PathBuf> {
    let given = env::var_os("CARPUS_SOCKET").map(PathBuf::from);
    given
        .or_else(|| env::var_os("RUNTIME_DIRECTORY").map(|folder| PathBuf::from(folder).join("carpus.sock")))
        .or_else(|| absolute_variable("XDG_RUNTIME_DIR").map(|folder| folder.join("carpus/carpus.sock")))
}

fn absolute_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}
