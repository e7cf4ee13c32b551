//! Apps as processes: launched into a session of their own, frozen, measured and ended as a whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use carpus_devices::BoxFuture;
use carpus_devices::processes::{AppLauncher, AppProcess, ExitStatus, Launch, ProcessError};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, waitid};

use crate::cgroup::{Cgroup, Subtree};
use crate::process_tree::ProcessTree;
use crate::{readiness, spawn};

/// What an app keeps of the runtime's environment.
const ENVIRONMENT_KEPT: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];
/// The search path of an app where the runtime has none.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";
/// An app's log is for the runtime's user and the operators' group.
const LOG_MODE: u32 = 0o640;
/// How often an end is looked for where the kernel cannot tell it.
const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Launches apps as real processes.
///
/// Where the runtime has a cgroup v2 subtree of its own (under systemd: `Delegate=yes`, best with
/// `DelegateSubgroup=daemon`), each app gets a group in it; the kernel then freezes, measures and kills all that
/// the app forks. Elsewhere the app's session and the descendants that `/proc` shows stand for it. A fork that
/// makes a session of its own *and* loses its parent between two looks at `/proc` escapes there.
///
/// A launched app is reaped when its `AppProcess` is dropped, not before, so that its process id stays its own
/// for as long as it can be signalled.
#[derive(Debug)]
pub struct Launcher {
    subtree: Option<Subtree>,
}

impl Launcher {
    /// Takes the runtime's cgroup subtree where there is one. To be called once, early, on the main thread: it
    /// moves the runtime into a leaf of its group.
    pub fn new() -> Self {
        match Subtree::claim() {
            Ok(subtree) => Self { subtree: Some(subtree) },
            Err(error) => {
                tracing::info!(reason = %error, "no cgroup of our own: apps are stopped by signals and measured in /proc");
                Self { subtree: None }
            }
        }
    }

    /// Uses process groups and `/proc` even where there are control groups.
    pub fn without_cgroups() -> Self {
        Self { subtree: None }
    }

    /// Without its group, an app is still better launched than not.
    fn group_for(&self, app: &str) -> Option<Cgroup> {
        let created = self.subtree.as_ref()?.create(app);
        created
            .inspect_err(
                |error| tracing::warn!(%error, app, "no cgroup for the app: signals and /proc hold it"),
            )
            .ok()
    }

    fn spawn(&self, launch: &Launch) -> Result<LinuxApp, ProcessError> {
        let failed = |cause: io::Error| ProcessError::Launch {
            program: launch.program.display().to_string(),
            cause: Arc::new(cause),
        };
        let mut command = command(launch)?;
        let group = self.group_for(&launch.app);
        let door = group.as_ref().map(Cgroup::door).transpose().map_err(failed)?;
        spawn::in_own_session(&mut command, door);
        let mut child = command.spawn().map_err(failed)?;
        let first = FirstProcess::open(child.id()).map_err(|error| {
            let _killed = child.kill();
            let _reaped = child.wait();
            failed(error)
        })?;
        let tree = match group {
            Some(group) => Tree::Group(group),
            None => Tree::Session(ProcessTree::new(first.pid)),
        };
        Ok(LinuxApp { tree, first: Arc::new(first) })
    }
}

impl Default for Launcher {
    fn default() -> Self {
        Self::new()
    }
}

impl AppLauncher for Launcher {
    fn launch(&self, launch: &Launch) -> Result<Arc<dyn AppProcess>, ProcessError> {
        Ok(Arc::new(self.spawn(launch)?))
    }

    fn describe(&self) -> String {
        if self.subtree.is_some() { "cgroup v2" } else { "process groups and /proc" }.to_owned()
    }
}

fn command(launch: &Launch) -> Result<Command, ProcessError> {
    let log_failed = |cause: io::Error| ProcessError::Log {
        path: launch.log.display().to_string(),
        cause: Arc::new(cause),
    };
    let log = open_log(&launch.log).map_err(log_failed)?;
    let errors = log.try_clone().map_err(log_failed)?;
    let mut command = Command::new(&launch.program);
    command
        .current_dir(&launch.folder)
        .env_clear()
        .envs(kept_environment(|name| std::env::var_os(name)))
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors);
    Ok(command)
}

fn open_log(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().append(true).create(true).mode(LOG_MODE).open(path)
}

fn kept_environment(read: impl Fn(&str) -> Option<OsString>) -> Vec<(&'static str, OsString)> {
    let value = |name| read(name).or_else(|| (name == "PATH").then(|| PATH_DEFAULT.into()));
    ENVIRONMENT_KEPT.into_iter().filter_map(|name| Some((name, value(name)?))).collect()
}

/// An app's first process, held by a handle of the kernel and reaped on drop.
#[derive(Debug)]
struct FirstProcess {
    pid: Pid,
    handle: OwnedFd,
}

impl FirstProcess {
    /// Opens a child that nobody has reaped.
    fn open(id: u32) -> io::Result<Self> {
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { pid, handle: pidfd_open(pid, PidfdFlags::empty())? })
    }

    /// How it ended, if it has; it stays unreaped.
    fn status(&self) -> io::Result<Option<ExitStatus>> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(waitid(WaitId::PidFd(self.handle.as_fd()), look)?.as_ref().map(exit_status))
    }
}

impl Drop for FirstProcess {
    fn drop(&mut self) {
        let reap = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        if let Err(error) = waitid(WaitId::PidFd(self.handle.as_fd()), reap) {
            tracing::debug!(%error, id = %self.pid, "the app's process was reaped elsewhere");
        }
    }
}

fn exit_status(status: &WaitIdStatus) -> ExitStatus {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        (None, None) => ExitStatus::Unknown,
    }
}

async fn wait_for_end(first: Arc<FirstProcess>) -> ExitStatus {
    if let Err(error) = readable(&first.handle).await {
        tracing::warn!(%error, id = %first.pid, "the kernel cannot tell the end of the app; it is looked for");
    }
    loop {
        match first.status() {
            Ok(Some(status)) => return status,
            Ok(None) => tokio::time::sleep(EXIT_POLL_INTERVAL).await,
            Err(error) => {
                tracing::warn!(%error, id = %first.pid, "how the app ended cannot be told");
                return ExitStatus::Unknown;
            }
        }
    }
}

/// A process handle becomes readable when the process ends (pidfd_open(2)).
async fn readable(process: &OwnedFd) -> io::Result<()> {
    let handle = readiness::watch(process.try_clone()?)?;
    let _ready = handle.readable().await?;
    Ok(())
}

/// All that belongs to an app.
#[derive(Debug)]
enum Tree {
    Group(Cgroup),
    Session(ProcessTree),
}

/// A running app. The tree is dropped first: a session's leader must stay unreaped for as long as it is signalled.
#[derive(Debug)]
struct LinuxApp {
    tree: Tree,
    first: Arc<FirstProcess>,
}

impl LinuxApp {
    /// Turns the outcome of steering, `Ok(false)` when nothing is alive, into the port's.
    fn steered(&self, what: &'static str, outcome: io::Result<bool>) -> Result<(), ProcessError> {
        match outcome {
            Ok(true) => Ok(()),
            Ok(false) => Err(ProcessError::Gone { id: self.id() }),
            Err(cause) => Err(self.failed(what, cause)),
        }
    }

    fn failed(&self, what: &'static str, cause: io::Error) -> ProcessError {
        ProcessError::Steer { id: self.id(), what, cause: Arc::new(cause) }
    }
}

impl Tree {
    fn freeze(&self) -> io::Result<bool> {
        match self {
            Self::Group(group) => group.set_frozen(true).and_then(|()| group.is_populated()),
            Self::Session(tree) => tree.signal(Signal::STOP),
        }
    }

    fn thaw(&self) -> io::Result<bool> {
        match self {
            Self::Group(group) => group.set_frozen(false).and_then(|()| group.is_populated()),
            Self::Session(tree) => tree.signal(Signal::CONT),
        }
    }

    /// The signal comes before the thaw, so that an app that is told to end does nothing else first.
    fn terminate(&self) -> io::Result<bool> {
        match self {
            Self::Group(group) => {
                let alive = group.is_populated()?;
                group.signal(Signal::TERM)?;
                group.set_frozen(false)?;
                Ok(alive)
            }
            Self::Session(tree) => {
                let alive = tree.signal(Signal::TERM)?;
                tree.signal(Signal::CONT)?;
                Ok(alive)
            }
        }
    }

    fn kill(&self) -> io::Result<()> {
        match self {
            Self::Group(group) => group.kill(),
            // A stopped process dies of it as well.
            Self::Session(tree) => tree.signal(Signal::KILL).map(|_alive| ()),
        }
    }

    fn cpu_time(&self) -> io::Result<Duration> {
        match self {
            Self::Group(group) => group.cpu_time(),
            Self::Session(tree) => tree.cpu_time(),
        }
    }

    fn contains(&self, id: i32) -> io::Result<bool> {
        match self {
            Self::Group(group) => group.contains(id),
            Self::Session(tree) => tree.contains(id),
        }
    }
}

impl AppProcess for LinuxApp {
    fn id(&self) -> u32 {
        self.first.pid.as_raw_nonzero().get().unsigned_abs()
    }

    fn exited(&self) -> BoxFuture<'static, ExitStatus> {
        Box::pin(wait_for_end(Arc::clone(&self.first)))
    }

    fn freeze(&self) -> Result<(), ProcessError> {
        self.steered("frozen", self.tree.freeze())
    }

    fn thaw(&self) -> Result<(), ProcessError> {
        self.steered("thawed", self.tree.thaw())
    }

    fn terminate(&self) -> Result<(), ProcessError> {
        self.steered("ended", self.tree.terminate())
    }

    fn kill(&self) -> Result<(), ProcessError> {
        self.tree.kill().map_err(|cause| self.failed("ended", cause))
    }

    fn cpu_time(&self) -> Result<Duration, ProcessError> {
        self.tree.cpu_time().map_err(|cause| self.failed("measured", cause))
    }

    fn contains(&self, id: u32) -> bool {
        let Ok(id) = i32::try_from(id) else { return false };
        self.tree.contains(id).unwrap_or_else(|error| {
            tracing::warn!(%error, id, app = self.id(), "whether the process belongs to the app cannot be told");
            false
        })
    }
}

#[cfg(test)]
mod tests;
