//! Apps as processes of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::{BoxFuture, Cause};

/// How to launch an app.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The app's identifier; names its control group.
    pub app: String,
    /// The program, absolute.
    pub program: PathBuf,
    /// The working directory: the app's folder.
    pub folder: PathBuf,
    /// What is added to an otherwise clean environment.
    pub environment: Vec<(String, String)>,
    /// The file that gets the app's output, appended; created when missing.
    pub log: PathBuf,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// It returned this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It ended, and nobody can tell how (an adopted process).
    Unknown,
}

/// Why a process could not be launched or steered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program could not be started.
    #[error("{program} could not be started")]
    Launch {
        /// The program.
        program: String,
        /// The kernel's word.
        #[source]
        cause: Cause,
    },
    /// The app's log could not be opened.
    #[error("the log {path} could not be opened")]
    Log {
        /// The file.
        path: String,
        /// The kernel's word.
        #[source]
        cause: Cause,
    },
    /// A signal, a freeze or a reading failed.
    #[error("process {id} could not be {what}")]
    Steer {
        /// The process.
        id: u32,
        /// What was tried: `"frozen"`, `"thawed"`, `"ended"`, `"measured"`.
        what: &'static str,
        /// The kernel's word.
        #[source]
        cause: Cause,
    },
    /// The process is gone.
    #[error("process {id} is gone")]
    Gone {
        /// The process.
        id: u32,
    },
}

/// A running app: the process and all that it forked.
pub trait AppProcess: Send + Sync {
    /// The process id of the app's first process.
    fn id(&self) -> u32;
    /// Waits for the end of the first process. May be asked once.
    fn exited(&self) -> BoxFuture<'static, ExitStatus>;
    /// Takes all CPU from the whole tree (L5).
    ///
    /// # Errors
    /// When the kernel refuses or the process is gone.
    fn freeze(&self) -> Result<(), ProcessError>;
    /// Gives the CPU back.
    ///
    /// # Errors
    /// When the kernel refuses or the process is gone.
    fn thaw(&self) -> Result<(), ProcessError>;
    /// Asks the whole tree to end (SIGTERM); thaws it first, so that it can.
    ///
    /// # Errors
    /// When the kernel refuses or the process is gone.
    fn terminate(&self) -> Result<(), ProcessError>;
    /// Ends the whole tree at once (SIGKILL).
    ///
    /// # Errors
    /// When the kernel refuses.
    fn kill(&self) -> Result<(), ProcessError>;
    /// CPU time that the whole tree has used so far, ended children included. Never goes down.
    ///
    /// # Errors
    /// When it cannot be read.
    fn cpu_time(&self) -> Result<Duration, ProcessError>;
    /// Whether process `id` belongs to the tree.
    fn contains(&self, id: u32) -> bool;
}

/// Launches apps.
pub trait AppLauncher: Send + Sync {
    /// Starts the program in a process group (and, where there is one, a control group) of its own, with a
    /// clean environment, its input from nowhere and its output into the log.
    ///
    /// # Errors
    /// When the log or the program cannot be opened.
    fn launch(&self, launch: &Launch) -> Result<Arc<dyn AppProcess>, ProcessError>;
    /// How apps are frozen and measured here, for people: `"cgroup v2"` or `"process groups and /proc"`.
    fn describe(&self) -> String;
}
