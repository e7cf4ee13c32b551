//! What an app may reach of the files, the processes and the sockets of the board: a Landlock domain of its own
//! (landlock(7), `Documentation/userspace-api/landlock.rst`).
//!
//! An app reads and executes the system and its own folder, reads and writes its data, and reaches nothing else by a
//! path: no state of the runtime, no other app's data, no device but the harmless ones. It signals and traces nobody
//! outside its domain. What it got as an open descriptor, its log, it keeps.
//!
//! Not in reach of this: the network, and sockets that have a path (D-Bus, the runtime's own), which Landlock holds
//! only from Linux 7.1 on. There the groups decide, which an app does not have (`crate::spawn`).

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, PathFdError, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, Scope,
};

use crate::spawn;

/// The version of which everything is asked: the first that keeps signals within an app, Linux 6.12.
const WANTED: ABI = ABI::V6;

/// Programs and libraries. What a distribution leaves out is passed over.
const PROGRAMS: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// Files that programs read: the loader's cache, time zones, names of hosts and users, certificates; the resolver's
/// file, to which one in /etc may lead; and how many processors and how much memory there is, which language
/// runtimes ask to size their pools.
const READ: [&str; 11] = [
    "/etc",
    "/run/systemd/resolve",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
    "/proc/uptime",
    "/proc/version",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/kernel/mm/transparent_hugepage",
];
/// Devices that lead nowhere. Random numbers are only read: writing feeds the kernel's pool.
const SINKS: [&str; 3] = ["/dev/null", "/dev/zero", "/dev/full"];
const RANDOM: [&str; 2] = ["/dev/random", "/dev/urandom"];

/// What an app is given beyond the system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach<'a> {
    /// Its own folder, to read and execute.
    pub(crate) folder: &'a Path,
    /// Its data, to read and write.
    pub(crate) data: &'a Path,
    /// What the operator opened for all apps, to read and execute.
    pub(crate) readable: &'a [PathBuf],
}

/// What this kernel's Landlock can do, of what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abilities {
    version: i32,
}

impl Abilities {
    /// Asks the kernel.
    pub(crate) fn of_this_kernel() -> Self {
        Self { version: spawn::landlock_version() }
    }

    #[cfg(test)]
    pub(crate) const fn of_version(version: i32) -> Self {
        Self { version }
    }

    /// Whether there is anything to be enforced.
    pub(crate) const fn any(self) -> bool {
        self.version > 0
    }

    /// What is missing, for people; none when everything wanted is there.
    pub(crate) fn missing(self) -> Option<Missing> {
        (self.version < WANTED as i32).then_some(Missing { version: self.version })
    }
}

/// What this kernel's Landlock cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    version: i32,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.version <= 0 {
            return out.write_str(
                "the kernel has no Landlock, or it is switched off: an app can read and change what its user can, \
                 other apps' data included, and end their processes",
            );
        }
        write!(out, "the kernel's Landlock is of version {}: an app can", self.version)?;
        // The versions that brought each part (landlock.rst, "Previous limitations").
        let parts = [
            (ABI::V3, " cut files off that its user may write,"),
            (ABI::V5, " use the controls of devices that it is handed,"),
            (ABI::V6, " signal other apps and the runtime, and reach abstract sockets"),
        ];
        let missing = parts.iter().filter(|(since, _)| self.version < *since as i32);
        missing.into_iter().try_for_each(|(_, what)| out.write_str(what))
    }
}

/// Makes the rules of an app's domain, as far as the kernel knows them; none where it knows no Landlock. They are
/// enforced by the app's process itself, before it becomes the app.
///
/// # Errors
/// When the kernel refuses a rule, or a folder that must be there is not.
pub(crate) fn prepare(reach: Reach<'_>) -> io::Result<Option<OwnedFd>> {
    let rules = rules(reach).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(rules.into())
}

fn rules(reach: Reach<'_>) -> Result<RulesetCreated, Refusal> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let execute = read | AccessFs::Execute;
    let sink = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    // Without devices of its own making, without programs of its own writing.
    let write = AccessFs::from_all(WANTED)
        & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(WANTED))?
        .scope(Scope::Signal | Scope::AbstractUnixSocket)?
        .create()?;
    for (paths, access) in [(&PROGRAMS[..], execute), (&READ, read), (&SINKS, sink), (&RANDOM, read)] {
        for path in paths {
            rules = allow_if_there(rules, Path::new(path), access)?;
        }
    }
    for path in reach.readable {
        rules = allow_if_there(rules, path, execute)?;
    }
    rules = allow(rules, reach.folder, execute)?;
    allow(rules, reach.data, write)
}

fn allow_if_there(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, Refusal> {
    if path.exists() { allow(rules, path, access) } else { Ok(rules) }
}

fn allow(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, Refusal> {
    // What cannot be done to a file may not be allowed for one.
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(WANTED) };
    Ok(rules.add_rule(PathBeneath::new(PathFd::new(path)?, access))?)
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Rules(#[from] landlock::RulesetError),
    #[error(transparent)]
    Path(#[from] PathFdError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_depends_on_the_version() {
        let missing = |version| Abilities { version }.missing().map(|missing| missing.to_string());
        assert_eq!((missing(6), missing(7)), (None, None));
        assert!(missing(0).unwrap().contains("no Landlock"));
        assert!(missing(-1).unwrap().contains("no Landlock"));
        let four = missing(4).unwrap();
        assert!(
            four.contains("version 4") && four.contains("signal") && !four.contains("cut files"),
            "{four}"
        );
        assert!(missing(2).unwrap().contains("cut files off"));
        assert!(!Abilities { version: 0 }.any() && Abilities { version: 1 }.any());
    }

    #[test]
    fn a_data_folder_that_is_not_there_is_told() {
        let folder = Path::new("/usr");
        let reach = Reach { folder, data: Path::new("/nowhere/to/be/found"), readable: &[] };
        let error = prepare(reach).unwrap_err().to_string();
        assert!(error.contains("/nowhere/to/be/found"), "{error}");
    }
}
