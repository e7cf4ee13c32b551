//! What a process does between `fork` and `exec` to become an app: it leaves behind what is the runtime's, and takes on
//! the limits of an app.
//!
//! This must be done there, so that nothing the program does or forks can miss it. The standard library and the crate
//! `landlock` have no safe call for that.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, getppid, getrlimit, setrlimit};

/// Files that an app makes are for its user only: other users of the board have no business in them.
const UMASK: Mode = Mode::RWXG.union(Mode::RWXO);
/// Where memory is short and no control group holds an app, the kernel's choice falls on apps before it falls on the
/// runtime, which has 0 (proc_pid_oom_score_adj(5): -1000 to 1000, and half of all memory counts 500).
const OOM_SCORE: &[u8] = b"500";
/// Standard input, output and errors are an app's; every descriptor from here on is the runtime's.
const FIRST_FOREIGN_FD: libc::c_uint = 3;
/// Capabilities are numbered from 0, in 64 bits (capabilities(7)).
const CAPABILITIES: libc::c_ulong = 64;

/// What the process of an app is bound by.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// The open `cgroup.procs` of its control group.
    pub(crate) cgroup_procs: Option<File>,
    /// The resources that the kernel counts for each process, and how much of each.
    pub(crate) limits: Vec<(Resource, u64)>,
    /// The rules of its Landlock domain.
    pub(crate) rules: Option<OwnedFd>,
}

/// Lets the child, before it executes the program: become the leader of a session and process group of its own; enter
/// its control group; give up the runtime's capabilities, its supplementary groups, and every way to new ones
/// (`no_new_privs`); take on the limits; and enter its Landlock domain. A child whose parent died meanwhile ends.
pub(crate) fn confine(command: &mut Command, bounds: Bounds) {
    let parent = rustix::process::getpid();
    // SAFETY: the closure runs in the child between fork and exec, where it is the only thread, and other threads of
    // the parent may have held any lock at the fork. All it does is make system calls, by rustix or by libc's thin
    // wrappers; it allocates nothing, takes no lock, and closes no descriptor but those it opens itself.
    unsafe {
        command.pre_exec(move || bounds.take_on(parent));
    }
}

impl Bounds {
    /// Runs in the child, and may only do what [`confine`] says.
    fn take_on(&self, parent: Pid) -> io::Result<()> {
        rustix::process::setsid()?;
        rustix::process::umask(UMASK);
        if let Some(procs) = &self.cgroup_procs {
            // "0" names the process that writes.
            rustix::io::write(procs, b"0")?;
        }
        stand_back_when_memory_is_short();
        for (resource, most) in &self.limits {
            limit(*resource, *most)?;
        }
        drop_privileges()?;
        close_on_exec();
        if let Some(rules) = &self.rules {
            allow_own_proc(rules)?;
            restrict_self(rules)?;
        }
        // A runtime that is killed now never writes down that this app runs; a later one finds nothing to be ended.
        if getppid() == Some(parent) { Ok(()) } else { Err(Errno::CHILD.into()) }
    }
}

/// A kernel without this file knows no such choice.
fn stand_back_when_memory_is_short() {
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(c"/proc/self/oom_score_adj", flags, Mode::empty()) {
        rustix::io::write(file, OOM_SCORE).ok();
    }
}

/// Never above what holds for the runtime itself.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

fn drop_privileges() -> io::Result<()> {
    // Only who may set groups can: under systemd the unit gives the right to, and to a user's runtime nobody does. The
    // runtime's groups are those of the devices: Bluetooth over D-Bus, sound, buttons.
    rustix::thread::set_thread_groups(&[]).ok();
    for capability in 0..CAPABILITIES {
        // SAFETY: the call takes plain numbers. It is refused to who has none to give, and for numbers that the kernel
        // does not know.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
    // Unknown to kernels before 4.3, which have no ambient capabilities.
    rustix::thread::clear_ambient_capability_set().ok();
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// The runtime opens everything so that no program inherits it; a library of a device may forget it. Unknown to kernels
/// before 5.11.
fn close_on_exec() {
    // SAFETY: the call takes plain numbers, and closes nothing now.
    unsafe {
        libc::syscall(libc::SYS_close_range, FIRST_FOREIGN_FD, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
}

/// `struct landlock_path_beneath_attr` of `include/uapi/linux/landlock.h`.
#[repr(C, packed)]
struct PathBeneathAttr {
    allowed_access: u64,
    parent_fd: i32,
}

const LANDLOCK_RULE_PATH_BENEATH: libc::c_int = 1;
const LANDLOCK_CREATE_RULESET_VERSION: libc::c_uint = 1;
const LANDLOCK_ACCESS_FS_READ_FILE: u64 = 1 << 2;
const LANDLOCK_ACCESS_FS_READ_DIR: u64 = 1 << 3;

/// Lets the process read what `/proc` tells of itself, of which the parent does not know the folder. Nobody else's:
/// that holds launch tokens.
fn allow_own_proc(rules: &OwnedFd) -> io::Result<()> {
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
    let own = rustix::fs::open(c"/proc/self", flags, Mode::empty())?;
    let attr = PathBeneathAttr {
        allowed_access: LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        parent_fd: own.as_raw_fd(),
    };
    // SAFETY: both descriptors are open for the call, and the attributes have the kernel's form and live on.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            rules.as_raw_fd(),
            LANDLOCK_RULE_PATH_BENEATH,
            &raw const attr,
            0,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(last_error()) }
}

fn restrict_self(rules: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is open for the call; the rest are plain numbers.
    let outcome = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0) };
    if outcome == 0 { Ok(()) } else { Err(last_error()) }
}

fn last_error() -> io::Error {
    io::Error::last_os_error()
}

/// The version of the kernel's Landlock; 0 or less where there is none.
pub(crate) fn landlock_version() -> i32 {
    // SAFETY: with this flag the call takes no pointer, opens nothing, and only tells the version.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    i32::try_from(version).unwrap_or_default()
}
