//! Apps as processes: launched into a session of their own, confined, frozen, measured and ended as a whole; and
//! adopted by the next runtime.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use carpus_devices::BoxFuture;
use carpus_devices::processes::{AppLauncher, AppProcess, ExitStatus, Launch, ProcessError, ProcessIdentity};
use rustix::process::{Resource, Signal};

use crate::cgroup::{Cgroup, GroupLimits, Subtree};
use crate::domain::{self, Abilities, Reach};
use crate::first_process::{FirstProcess, wait_for_end};
use crate::place;
use crate::process_tree::ProcessTree;
use crate::spawn::{self, Bounds};
use crate::strays::{self, Marks};

/// What an app keeps of the runtime's environment: where programs are, and in which language and time zone to speak.
/// Everything else, the home folder too, is the runtime's own.
const ENVIRONMENT_KEPT: [&str; 3] = ["PATH", "LANG", "TZ"];
/// The search path of an app where the runtime has none.
const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";
/// An app's log is for the runtime's user and the operators' group.
const LOG_MODE: u32 = 0o640;

/// How apps are kept apart from the runtime and from each other by Landlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// As far as the kernel can.
    Auto,
    /// Fully: where the kernel cannot, no app is launched.
    Required,
    /// Not at all, to debug an app.
    Off,
}

/// How much one app may have.
#[derive(Clone, Copy, Debug)]
pub struct AppLimits {
    /// Open files of each of its processes.
    pub open_files: u64,
    /// The longest file that it may write, in bytes.
    pub file_bytes: u64,
    /// Its processes, each thread counted. Held by control groups only.
    pub processes: u64,
    /// The memory of all its processes together, in bytes. Held by control groups only.
    pub memory_bytes: u64,
}

/// What a [`Launcher`] needs to know.
#[derive(Clone, Debug)]
pub struct LauncherOptions {
    /// A folder that is this runtime's alone, over restarts: by it the next one finds what this one launched.
    pub place: PathBuf,
    /// How apps are kept apart.
    pub sandbox: Sandbox,
    /// What apps may read and execute beyond the system, their folder and their data.
    pub readable: Vec<PathBuf>,
    /// How much one app may have.
    pub limits: AppLimits,
}

/// Launches apps as real processes.
///
/// Where the runtime has a cgroup v2 subtree of its own (under systemd: `Delegate=yes` with
/// `DelegateSubgroup=daemon`), each app gets a group in it; the kernel then freezes, measures, limits and kills all that
/// the app forks. Elsewhere the app's session and the descendants that `/proc` shows stand for it. A fork that makes a
/// session of its own *and* loses its parent between two looks at `/proc` escapes there; it keeps the bounds of an app.
///
/// Each app is bound before it begins: no capabilities, no groups of devices, no way to new privileges, limits on files,
/// and a Landlock domain of its own. Memory and processes are limited by the control group. Without one they are not,
/// as the kernel counts neither for an app: the limit on address space (`RLIMIT_AS`) counts what is reserved and never
/// used, by which language runtimes would fail that use little, and the one on processes (`RLIMIT_NPROC`) counts all of
/// a user's. What holds then is that the kernel, out of memory, ends apps before it ends the runtime.
///
/// A launched app is reaped when its end was told and its `AppProcess` is dropped, not before, so that its process id
/// stays its own for as long as it can be signalled. Apps are not ended with the launcher: the next one adopts them.
#[derive(Debug)]
pub struct Launcher {
    key: String,
    subtree: Option<Subtree>,
    abilities: Abilities,
    options: LauncherOptions,
    marks: Marks,
    /// Who was launched or adopted, and is still held.
    held: Mutex<Vec<Weak<LinuxApp>>>,
}

impl Launcher {
    /// Takes the runtime's cgroup subtree where there is one. To be called once, early, on the main thread: it
    /// moves the runtime into a leaf of its group.
    ///
    /// # Errors
    /// When `options.place` is not there.
    pub fn new(options: LauncherOptions) -> io::Result<Self> {
        let mut launcher = Self::without_cgroups(options)?;
        let AppLimits { processes, memory_bytes, .. } = launcher.options.limits;
        match Subtree::claim(&launcher.key, GroupLimits { processes, memory_bytes }) {
            Ok(subtree) => {
                if !subtree.limits_apps() {
                    tracing::info!("the control groups of apps limit neither memory nor processes here");
                }
                launcher.subtree = Some(subtree);
            }
            Err(error) => {
                tracing::info!(reason = %error, "no cgroup of our own: apps are stopped by signals and measured in /proc");
            }
        }
        Ok(launcher)
    }

    /// Uses process groups and `/proc` even where there are control groups.
    ///
    /// # Errors
    /// When `options.place` is not there.
    pub fn without_cgroups(options: LauncherOptions) -> io::Result<Self> {
        Ok(Self {
            key: place::key(&options.place)?,
            subtree: None,
            abilities: Abilities::of_this_kernel(),
            options,
            marks: Marks::learn(),
            held: Mutex::default(),
        })
    }

    /// What the kernel cannot do to keep apps apart, for people, where the settings want it done; none where nothing
    /// is missing.
    pub fn shortcoming(&self) -> Option<String> {
        match self.options.sandbox {
            Sandbox::Off => None,
            Sandbox::Auto | Sandbox::Required => self.abilities.missing().map(|missing| missing.to_string()),
        }
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
        if self.options.sandbox == Sandbox::Required
            && let Some(missing) = self.abilities.missing()
        {
            return Err(ProcessError::NotKeptApart { missing: missing.to_string() });
        }
        let failed = |cause: io::Error| ProcessError::Launch {
            program: launch.program.display().to_string(),
            cause: Arc::new(cause),
        };
        let mut command = command(launch, &self.key)?;
        let group = self.group_for(&launch.app);
        spawn::confine(&mut command, self.bounds(launch, group.as_ref()).map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        let first =
            FirstProcess::open(child.id()).and_then(|first| first.ok_or(io::ErrorKind::NotFound.into()));
        let first = first.map_err(|error| {
            let _killed = child.kill();
            let _reaped = child.wait();
            failed(error)
        })?;
        Ok(LinuxApp::new(first, group))
    }

    fn bounds(&self, launch: &Launch, group: Option<&Cgroup>) -> io::Result<Bounds> {
        let AppLimits { open_files, file_bytes, .. } = self.options.limits;
        // A core of an app would hold what it knows, and fill the card.
        let limits = vec![(Resource::Nofile, open_files), (Resource::Fsize, file_bytes), (Resource::Core, 0)];
        let readable = &self.options.readable;
        let rules = match self.options.sandbox {
            Sandbox::Auto | Sandbox::Required if self.abilities.any() => {
                domain::prepare(Reach { folder: &launch.folder, data: &launch.data, readable })?
            }
            Sandbox::Auto | Sandbox::Required | Sandbox::Off => None,
        };
        Ok(Bounds { cgroup_procs: group.map(Cgroup::door).transpose()?, limits, rules })
    }

    fn hold(&self, app: LinuxApp) -> Arc<dyn AppProcess> {
        let app = Arc::new(app);
        let mut held = self.lock();
        held.retain(|app| app.strong_count() > 0);
        held.push(Arc::downgrade(&app));
        app
    }

    fn held(&self) -> Vec<Arc<LinuxApp>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<LinuxApp>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner) // a list is whole at any moment
    }
}

impl AppLauncher for Launcher {
    fn launch(&self, launch: &Launch) -> Result<Arc<dyn AppProcess>, ProcessError> {
        Ok(self.hold(self.spawn(launch)?))
    }

    fn adopt(&self, identity: &ProcessIdentity) -> Result<Option<Arc<dyn AppProcess>>, ProcessError> {
        let id = identity.id;
        let found = FirstProcess::find(id, identity.started).map_err(|cause| ProcessError::Steer {
            id,
            what: "adopted",
            cause: Arc::new(cause),
        })?;
        let group = || self.subtree.as_ref()?.adopt(identity.group.as_deref()?);
        Ok(found.map(|first| self.hold(LinuxApp::new(first, group()))))
    }

    fn sweep(&self) {
        let held = self.held();
        if let Some(subtree) = &self.subtree {
            let groups: Vec<PathBuf> = held.iter().filter_map(|app| app.identity().group).collect();
            subtree.sweep(&groups);
        }
        strays::sweep(&self.key, |id| held.iter().any(|app| app.contains(id)));
    }

    fn is_of_some_app(&self, id: u32) -> bool {
        self.held().iter().any(|app| app.contains(id)) || self.marks.are_on(id)
    }

    fn describe(&self) -> String {
        let held_by = if self.subtree.is_some() { "cgroup v2" } else { "process groups and /proc" };
        let apart = match (self.options.sandbox, self.abilities.missing()) {
            (Sandbox::Off, _) => "not kept apart",
            (_, None) => "kept apart by Landlock",
            (_, Some(_)) if self.abilities.any() => "kept apart by Landlock in part",
            (_, Some(_)) => "not kept apart by Landlock",
        };
        format!("{held_by}, {apart}")
    }
}

fn command(launch: &Launch, key: &str) -> Result<Command, ProcessError> {
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
        .env(strays::MARK, key)
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
    fn new(first: FirstProcess, group: Option<Cgroup>) -> Self {
        let tree = match group {
            Some(group) => Tree::Group(group),
            None => Tree::Session(ProcessTree::new(first.pid, first.started)),
        };
        Self { tree, first: Arc::new(first) }
    }

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

    fn is_frozen(&self) -> io::Result<bool> {
        match self {
            Self::Group(group) => Ok(group.is_frozen()),
            Self::Session(tree) => tree.is_stopped(),
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
        self.first.id()
    }

    fn identity(&self) -> ProcessIdentity {
        let group = match &self.tree {
            Tree::Group(group) => Some(group.folder().to_owned()),
            Tree::Session(_) => None,
        };
        ProcessIdentity { id: self.id(), started: self.first.started, group }
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

    fn is_frozen(&self) -> bool {
        self.tree.is_frozen().unwrap_or_else(|error| {
            tracing::warn!(%error, app = self.id(), "whether the app is frozen cannot be told");
            false
        })
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
