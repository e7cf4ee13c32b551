//! Control groups of version 2 (the kernel's `Documentation/admin-guide/cgroup-v2.rst`): one for each app.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::procfs::is_gone;

/// The group of the runtime itself: the kernel wants no process in a group that divides its resources.
/// A systemd unit may put the runtime there from the start (`DelegateSubgroup=daemon`).
const DAEMON_GROUP: &str = "daemon";
/// Where systemd puts what it runs beside the daemon of such a unit (`ExecStopPost=`).
const CONTROL_GROUP: &str = ".control";
/// The folder for the groups of apps where the runtime sits in the root group.
const ROOT_FOLDER: &str = "carpus";
/// What the names of the groups of apps begin with.
const APP_PREFIX: &str = "app-";
/// The resources that are divided among apps, where the kernel offers them.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];
/// How many groups of one app there may be, those that are still ending included.
const SAME_NAME_MAX: u32 = 1000;
/// How often a group without `cgroup.kill` is killed member by member before it is given up.
const KILL_PASSES_MAX: usize = 8;

/// How much all processes of one app may have together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupLimits {
    /// Processes, each thread counted.
    pub(crate) processes: u64,
    /// Memory in bytes.
    pub(crate) memory_bytes: u64,
}

/// The part of the hierarchy that is the runtime's.
#[derive(Debug)]
pub(crate) struct Subtree {
    folder: PathBuf,
    /// The path of `folder` as `/proc/PID/cgroup` tells it.
    path: String,
    /// What the names of this runtime's groups hold, and no other runtime's do.
    key: String,
    limits: GroupLimits,
    leftovers: Leftovers,
}

/// Where a runtime finds its groups.
struct Place {
    folder: PathBuf,
    path: String,
    /// Whether resources may be divided there.
    is_divisible: bool,
}

/// Groups whose app was dropped while the last process was still ending.
type Leftovers = Arc<Mutex<Vec<PathBuf>>>;

impl Subtree {
    /// Finds the group that the runtime was started in, and moves the runtime into a leaf of it. `key` is the name of
    /// the runtime among others.
    ///
    /// # Errors
    /// When there is no cgroup v2, no freezer, or the group is not the runtime's to change.
    pub(crate) fn claim(key: &str, limits: GroupLimits) -> io::Result<Self> {
        let own =
            own_path(&fs::read_to_string("/proc/self/cgroup")?).ok_or_else(|| missing("no cgroup v2"))?;
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let folder = own_folder(&mounts, &own).ok_or_else(|| missing("cgroup v2 is not mounted"))?;
        let leaf = [DAEMON_GROUP, CONTROL_GROUP].into_iter().find(|leaf| own.ends_with(&format!("/{leaf}")));
        let Place { folder, path, is_divisible } = match leaf {
            _ if is_root(&folder) => Place::in_root(&folder, &own)?,
            Some(leaf) => Place::around(&folder, &own, leaf)?,
            None => Place::with_leaf(folder, own)?,
        };
        if !folder.join("cgroup.freeze").exists() {
            return Err(missing("the kernel has no cgroup freezer"));
        }
        let subtree = Self { folder, path, key: key.to_owned(), limits, leftovers: Leftovers::default() };
        if is_divisible {
            subtree.enable_controllers();
        }
        Ok(subtree)
    }

    /// Divides what can be divided. Freezing and measuring work without; a group that other processes share
    /// cannot be divided.
    fn enable_controllers(&self) {
        let offered = fs::read_to_string(self.folder.join("cgroup.controllers")).unwrap_or_default();
        for controller in CONTROLLERS {
            if !offered.split_whitespace().any(|name| name == controller) {
                continue;
            }
            if let Err(error) =
                fs::write(self.folder.join("cgroup.subtree_control"), format!("+{controller}"))
            {
                tracing::debug!(%error, controller, "the cgroup controller stays off for apps");
            }
        }
    }

    /// Whether the memory and the number of processes of each app are limited.
    pub(crate) fn limits_apps(&self) -> bool {
        let enabled = fs::read_to_string(self.folder.join("cgroup.subtree_control")).unwrap_or_default();
        ["memory", "pids"].iter().all(|wanted| enabled.split_whitespace().any(|name| name == *wanted))
    }

    /// Ends what is left in groups of this runtime that are not `in_use`, and removes them: an earlier life of the
    /// runtime made them, and nobody else would ever end them.
    pub(crate) fn sweep(&self, in_use: &[PathBuf]) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let folder = entry.path();
            if !self.made(&folder) || in_use.contains(&folder) {
                continue;
            }
            tracing::info!(folder = %folder.display(), "an earlier runtime left this group: what runs in it is ended");
            let group = self.group(folder);
            if let Err(error) = group.kill() {
                let folder = group.folder.display();
                tracing::warn!(%folder, "what an earlier runtime left running cannot be ended: {error}");
            }
            drop(group); // removes it, now or when its processes have ended
        }
    }

    /// Whether this runtime, or an earlier one of its place, made the group.
    fn made(&self, folder: &Path) -> bool {
        folder.parent() == Some(&self.folder)
            && folder.file_name().and_then(|name| name.to_str()).and_then(owner) == Some(&self.key)
    }

    /// The group that an earlier life of the runtime made for an app; none when it is not there, or not its own.
    pub(crate) fn adopt(&self, folder: &Path) -> Option<Cgroup> {
        (self.made(folder) && folder.is_dir()).then(|| self.group(folder.to_owned()))
    }

    fn group(&self, folder: PathBuf) -> Cgroup {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("{}/{name}", self.path);
        Cgroup { folder, path, cpu_us_max: Mutex::new(0), leftovers: Arc::clone(&self.leftovers) }
    }

    /// Makes a group for `app`, with the limits of one.
    pub(crate) fn create(&self, app: &str) -> io::Result<Cgroup> {
        lock(&self.leftovers).retain(|folder| fs::remove_dir(folder).is_err() && folder.exists());
        for number in 1..=SAME_NAME_MAX {
            let folder = self.folder.join(format!("{APP_PREFIX}{app}@{}-{number}", self.key));
            match fs::create_dir(&folder) {
                Ok(()) => {
                    let group = self.group(folder);
                    group.limit(self.limits)?;
                    return Ok(group);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Place {
    /// In the root group, which may hold processes, the runtime stays where it is.
    fn in_root(root: &Path, path: &str) -> io::Result<Self> {
        let folder = root.join(ROOT_FOLDER);
        fs::create_dir_all(&folder)?;
        may_move_within(root)?;
        may_create_in(&folder)?;
        let path = format!("{}/{ROOT_FOLDER}", path.trim_end_matches('/'));
        Ok(Self { folder, path, is_divisible: true })
    }

    /// The runtime is in a leaf already; its subtree is around it.
    fn around(folder: &Path, path: &str, leaf: &str) -> io::Result<Self> {
        let folder = folder.parent().ok_or_else(|| missing("no group around the runtime's"))?;
        may_move_within(folder)?;
        may_create_in(folder)?;
        let path = path.strip_suffix(leaf).unwrap_or(path).trim_end_matches('/').to_owned();
        Ok(Self { folder: folder.to_owned(), path, is_divisible: true })
    }

    /// Apps outlive the runtime, and a service manager puts the next one where this one was put: into a group that
    /// could take no process if its resources were divided.
    fn with_leaf(folder: PathBuf, path: String) -> io::Result<Self> {
        may_move_within(&folder)?;
        may_create_in(&folder)?;
        let leaf = folder.join(DAEMON_GROUP);
        fs::create_dir_all(&leaf)?;
        fs::write(leaf.join("cgroup.procs"), "0")?;
        Ok(Self { folder, path, is_divisible: false })
    }
}

/// The group of one app. It is removed when this is dropped; if it still has processes then, before a later app
/// gets its group.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folder: PathBuf,
    path: String,
    /// The most CPU time that was ever read, in microseconds.
    cpu_us_max: Mutex<u64>,
    leftovers: Leftovers,
}

impl Cgroup {
    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sets the limits, where the controllers are there for it.
    fn limit(&self, limits: GroupLimits) -> io::Result<()> {
        let files = [
            ("pids.max", limits.processes.to_string()),
            ("memory.max", limits.memory_bytes.to_string()),
            // What is left of an app of which one process was ended for want of memory is of no use.
            ("memory.oom.group", "1".to_owned()),
        ];
        for (file, text) in files.map(|(name, text)| (self.folder.join(name), text)) {
            if file.exists() {
                fs::write(file, text)?;
            }
        }
        Ok(())
    }

    /// The open file that a process writes "0" to, to enter the group.
    pub(crate) fn door(&self) -> io::Result<File> {
        File::options().write(true).open(self.folder.join("cgroup.procs"))
    }

    /// Whether any process of the group is alive.
    pub(crate) fn is_populated(&self) -> io::Result<bool> {
        let events = fs::read_to_string(self.folder.join("cgroup.events"))?;
        Ok(value(&events, "populated").unwrap_or(0) != 0)
    }

    /// Takes the CPU from all processes, or gives it back. The kernel may take a moment to stop the last one.
    pub(crate) fn set_frozen(&self, frozen: bool) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.freeze"), if frozen { "1" } else { "0" })
    }

    /// Whether the CPU is taken from it, or about to be.
    pub(crate) fn is_frozen(&self) -> bool {
        fs::read_to_string(self.folder.join("cgroup.freeze")).is_ok_and(|text| text.trim() == "1")
    }

    /// Sends `signal` to each process.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        for id in self.members()? {
            self.signal_member(id, signal)?;
        }
        Ok(())
    }

    /// Ends all processes at once, frozen or not.
    pub(crate) fn kill(&self) -> io::Result<()> {
        match fs::write(self.folder.join("cgroup.kill"), "1") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.kill_one_by_one(),
            done => done,
        }
    }

    /// For kernels before 5.14. Frozen, the group stops forking while its members are killed.
    fn kill_one_by_one(&self) -> io::Result<()> {
        self.set_frozen(true)?;
        for _ in 0..KILL_PASSES_MAX {
            if self.members()?.is_empty() {
                break;
            }
            self.signal(Signal::KILL)?;
        }
        self.set_frozen(false)
    }

    /// CPU time of all processes, the ended ones included; it never goes down.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(self.folder.join("cpu.stat"))?;
        let usage_us = value(&stat, "usage_usec").ok_or_else(|| missing("cpu.stat has no usage_usec"))?;
        let mut most_us = lock(&self.cpu_us_max);
        *most_us = usage_us.max(*most_us);
        Ok(Duration::from_micros(*most_us))
    }

    /// Whether process `id` is in the group, or in a group below it.
    pub(crate) fn contains(&self, id: i32) -> io::Result<bool> {
        match fs::read_to_string(format!("/proc/{id}/cgroup")) {
            Ok(groups) => Ok(own_path(&groups).is_some_and(|path| is_within(&path, &self.path))),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn members(&self) -> io::Result<Vec<i32>> {
        let list = fs::read_to_string(self.folder.join("cgroup.procs"))?;
        Ok(list.lines().filter_map(|line| line.parse().ok()).collect())
    }

    fn signal_member(&self, id: i32, signal: Signal) -> io::Result<()> {
        let Some(pid) = Pid::from_raw(id) else {
            return Ok(());
        };
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(Errno::SRCH) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // Once the handle is open, the id stays that of the same process or of none.
        if !self.contains(id)? {
            return Ok(());
        }
        match pidfd_send_signal(&process, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.folder) {
            tracing::debug!(%error, folder = %self.folder.display(), "the app's cgroup is not empty yet");
            lock(&self.leftovers).push(std::mem::take(&mut self.folder));
        }
    }
}

/// What these locks hold is whole at any moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process may be moved between two groups by who may write `cgroup.procs` of a group around both.
fn may_move_within(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(folder.join("cgroup.procs"), rustix::fs::Access::WRITE_OK)?)
}

fn may_create_in(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(folder, rustix::fs::Access::WRITE_OK)?)
}

fn missing(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, what.to_owned())
}

/// The path of the v2 group in a text of `/proc/PID/cgroup`.
fn own_path(groups: &str) -> Option<String> {
    groups.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_owned)
}

/// The folder of the group `path`, from `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
fn own_folder(mounts: &str, path: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        if source.split_whitespace().next() != Some("cgroup2") {
            return None;
        }
        let mut fields = mount.split_whitespace().skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = Path::new(path).strip_prefix(root).ok()?;
        // A path that leaves the namespace cannot be reached.
        let reachable = !below.components().any(|part| part.as_os_str() == "..");
        reachable.then(|| Path::new(&unescape(point)).join(below))
    })
}

/// Mount points hold spaces and other separators as octal escapes.
fn unescape(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

/// The root of the hierarchy: the only group that cannot be frozen.
fn is_root(folder: &Path) -> bool {
    !folder.join("cgroup.freeze").exists()
}

/// The runtime's key in the name of an app's group.
fn owner(name: &str) -> Option<&str> {
    let (_, key_and_number) = name.strip_prefix(APP_PREFIX)?.rsplit_once('@')?;
    Some(key_and_number.split_once('-')?.0)
}

fn is_within(path: &str, group: &str) -> bool {
    path.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A number in a file of `name value` lines.
fn value(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
        30 23 0:27 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw\n\
        31 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
        41 30 0:38 / /sys/fs/cgroup/my\\040unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    #[test]
    fn the_own_group_is_found_beside_version_1() {
        let groups = "5:cpu:/x\n0::/system.slice/carpusd.service\n";
        assert_eq!(own_path(groups).unwrap(), "/system.slice/carpusd.service");
        assert_eq!(own_path("1:cpu:/\n"), None);
    }

    #[test]
    fn its_folder_is_below_the_mount() {
        let folder = own_folder(HYBRID, "/system.slice/carpusd.service").unwrap();
        assert_eq!(folder, Path::new("/sys/fs/cgroup/my unified/system.slice/carpusd.service"));
        assert_eq!(own_folder("30 23 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n", "/"), None);
    }

    #[test]
    fn a_container_sees_part_of_the_hierarchy() {
        let mounts = "41 30 0:38 /pod/one /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(own_folder(mounts, "/pod/one/x").unwrap(), Path::new("/sys/fs/cgroup/x"));
        assert_eq!(own_folder(mounts, "/pod/other"), None);
        let namespaced = "41 30 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(own_folder(namespaced, "/../outside"), None);
    }

    #[test]
    fn a_group_belongs_to_the_runtime_in_its_name() {
        assert_eq!(owner("app-heart-rate@00c0ffee-2"), Some("00c0ffee"));
        for name in ["daemon", "app-heart-rate", "app-x@00c0ffee", "x@00c0ffee-2"] {
            assert_eq!(owner(name), None, "{name}");
        }
    }

    #[test]
    fn a_group_holds_what_is_below_it_and_not_its_namesakes() {
        assert!(is_within("/a/app-x@1-1", "/a/app-x@1-1"));
        assert!(is_within("/a/app-x@1-1/below", "/a/app-x@1-1"));
        assert!(!is_within("/a/app-x@1-10", "/a/app-x@1-1"));
        assert!(!is_within("/a", "/a/app-x@1-1"));
    }

    #[test]
    fn values_are_read_by_their_whole_name() {
        let stat = "usage_usec_peak 3\nusage_usec 42\n";
        assert_eq!(value(stat, "usage_usec"), Some(42));
        assert_eq!(value(stat, "usage"), None);
    }

    /// On machines where the tests may make control groups; elsewhere nothing is there to be tested. Each test is a
    /// runtime of its own.
    fn subtree(key: &str) -> Option<Subtree> {
        let limits = GroupLimits { processes: 64, memory_bytes: 1 << 27 };
        Subtree::claim(&format!("{key}{}", std::process::id()), limits).ok()
    }

    fn sleeper(group: &Cgroup) -> std::process::Child {
        let mut command = std::process::Command::new("sleep");
        command.arg("1000");
        let bounds =
            crate::spawn::Bounds { cgroup_procs: Some(group.door().unwrap()), limits: vec![], rules: None };
        crate::spawn::confine(&mut command, bounds);
        command.spawn().unwrap()
    }

    #[test]
    fn d2_what_an_earlier_runtime_left_is_ended_and_what_another_made_is_not() {
        use std::os::unix::process::ExitStatusExt as _;
        let (Some(subtree), Some(other)) = (subtree("one"), subtree("other")) else { return };
        let (left, used, others) =
            (subtree.create("left").unwrap(), subtree.create("used").unwrap(), other.create("left").unwrap());
        let (mut ended, mut kept) = (sleeper(&left), [sleeper(&used), sleeper(&others)]);
        subtree.sweep(std::slice::from_ref(&used.folder));
        assert_eq!(ended.wait().unwrap().signal(), Some(9));
        for child in &mut kept {
            assert!(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn d2_a_group_is_adopted_by_a_runtime_of_its_place_only() {
        let (Some(subtree), Some(other)) = (subtree("mine"), subtree("yours")) else { return };
        let group = subtree.create("app").unwrap();
        let adopted = subtree.adopt(group.folder()).unwrap();
        assert_eq!(adopted.path, group.path);
        assert!(other.adopt(group.folder()).is_none());
        assert!(subtree.adopt(&subtree.folder).is_none() && subtree.adopt(Path::new("/tmp")).is_none());
    }

    #[test]
    fn l5_a_frozen_group_says_so() {
        let Some(subtree) = subtree("frozen") else { return };
        let group = subtree.create("app").unwrap();
        assert!(!group.is_frozen());
        group.set_frozen(true).unwrap();
        assert!(subtree.adopt(group.folder()).unwrap().is_frozen());
    }

    #[test]
    fn a_group_that_is_dropped_too_early_is_removed_later() {
        let Some(subtree) = subtree("early") else { return };
        let group = subtree.create("test-early").unwrap();
        let folder = group.folder.clone();
        let mut child = sleeper(&group);
        drop(group);
        assert!(folder.exists());
        child.kill().unwrap();
        child.wait().unwrap();
        subtree.create("test-later").unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn namesakes_get_groups_of_their_own() {
        let Some(subtree) = subtree("names") else { return };
        let (one, other) = (subtree.create("test-name").unwrap(), subtree.create("test-name").unwrap());
        assert_ne!(one.path, other.path);
        assert!(!one.is_populated().unwrap());
    }

    #[test]
    fn an_apps_group_has_its_limits_where_the_controllers_are_there() {
        let Some(subtree) = subtree("limits").filter(Subtree::limits_apps) else { return };
        let group = subtree.create("app").unwrap();
        let read = |name| fs::read_to_string(group.folder.join(name)).unwrap().trim().to_owned();
        assert_eq!(["pids.max", "memory.max", "memory.oom.group"].map(read), ["64", "134217728", "1"]);
    }

    #[test]
    fn members_are_killed_one_by_one_on_old_kernels() {
        use std::os::unix::process::ExitStatusExt as _;
        let Some(subtree) = subtree("kill") else { return };
        let group = subtree.create("test-kill").unwrap();
        let mut child = sleeper(&group);
        assert!(group.contains(child.id().cast_signed()).unwrap());
        group.kill_one_by_one().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
}
