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
    /// The working directory: the app's folder, which it reads and executes.
    pub folder: PathBuf,
    /// Where it keeps its data, which nobody else reads: a folder that is there.
    pub data: PathBuf,
    /// What is added to an otherwise clean environment.
    pub environment: Vec<(String, String)>,
    /// The file that gets the app's output, appended; created when missing. The app has it open, and reaches it in no
    /// other way.
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

/// Names a process for as long as the board runs, also to a runtime that did not launch it (D2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// The process id of the app's first process.
    pub id: u32,
    /// When it started, in clock ticks after boot: `/proc/PID/stat`, field 22 (proc_pid_stat(5)). A later process that
    /// gets the same id started later.
    pub started: u64,
    /// Its control group, where it has one.
    pub group: Option<PathBuf>,
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
    /// The settings want apps kept apart from each other, and the kernel cannot do all of that.
    #[error("apps cannot be kept apart here, which the settings require (apps.sandbox): {missing}")]
    NotKeptApart {
        /// What the kernel cannot do.
        missing: String,
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
        /// What was tried: `"frozen"`, `"thawed"`, `"ended"`, `"measured"`, `"adopted"`.
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
    /// What a later runtime finds it by ([`AppLauncher::adopt`]).
    fn identity(&self) -> ProcessIdentity;
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
    /// Whether its CPU is taken, as far as can be told.
    fn is_frozen(&self) -> bool;
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
    /// clean environment, its input from nowhere and its output into the log, and kept from all that is not its own.
    ///
    /// # Errors
    /// When the log or the program cannot be opened, or the app cannot be kept apart as the settings want it.
    fn launch(&self, launch: &Launch) -> Result<Arc<dyn AppProcess>, ProcessError>;
    /// Takes over a process that runs already: one that an earlier life of this runtime launched, or an earlier part of
    /// this life. None when it is gone. How it ended is known where the kernel tells.
    ///
    /// # Errors
    /// When it is there and cannot be held.
    fn adopt(&self, identity: &ProcessIdentity) -> Result<Option<Arc<dyn AppProcess>>, ProcessError>;
    /// Ends what an earlier life of this runtime left running and nobody has adopted. What other runtimes launched is
    /// left alone.
    fn sweep(&self);
    /// Whether process `id` was launched here as an app, by this life of the runtime or an earlier one, or descends from
    /// such a process, however it got away from it.
    fn is_of_some_app(&self, id: u32) -> bool;
    /// How apps are frozen, measured and kept apart here, for people: `"cgroup v2, kept apart by Landlock"`.
    fn describe(&self) -> String;
}
