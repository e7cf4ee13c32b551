//! Processes of apps that nobody holds, told by marks that an app is launched with.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use rustix::process::Signal;

use crate::process_tree::signal_one;
use crate::procfs::{self, Stat};

/// The variable in an app's environment that names the runtime that launched it (`place::key`).
pub(crate) const MARK: &str = "CARPUS_RUNTIME";
/// How often what is left is listed: what forks while it is ended is found by the next look.
const LOOKS_MAX: usize = 10;
/// How often nothing must be found, and the pause between: a process has no environment for an instant while it becomes
/// another program.
const EMPTY_LOOKS: usize = 2;
const PAUSE: Duration = Duration::from_millis(20);

/// Ends the processes that carry the mark of a runtime, their sessions and their descendants, unless they are `held`.
/// Processes of other users are not looked at.
pub(crate) fn sweep(key: &str, held: impl Fn(u32) -> bool) {
    let mut strays = Strays::new(key);
    let mut empty_looks = 0;
    for _ in 0..LOOKS_MAX {
        let left: Vec<Stat> = match strays.find() {
            Ok(left) => left.into_iter().filter(|stat| !held(stat.id.unsigned_abs())).collect(),
            Err(error) => {
                return tracing::warn!("what an earlier runtime left running is not known: {error}");
            }
        };
        if left.is_empty() {
            empty_looks += 1;
            if empty_looks == EMPTY_LOOKS {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        for stat in left {
            tracing::info!(pid = stat.id, "an earlier runtime left this process: it is ended");
            if let Err(error) = signal_one(&stat, Signal::KILL) {
                tracing::warn!(pid = stat.id, "it could not be ended: {error}");
            }
        }
    }
}

/// What was found so far of the processes of one runtime's apps.
struct Strays {
    mark: String,
    user: u32,
    /// The sessions of those that carry the mark: what is in one is an app's, when its leader has ended too.
    sessions: BTreeSet<i32>,
}

impl Strays {
    fn new(key: &str) -> Self {
        let user = rustix::process::geteuid().as_raw();
        Self { mark: format!("{MARK}={key}"), user, sessions: BTreeSet::new() }
    }

    fn find(&mut self) -> io::Result<Vec<Stat>> {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        let all: Vec<Stat> =
            procfs::read_all()?.into_iter().filter(|stat| stat.id != own && stat.is_alive()).collect();
        let marked: Vec<&Stat> = all.iter().filter(|stat| self.is_marked(stat.id)).collect();
        let mut ids: BTreeSet<i32> = marked.iter().map(|stat| stat.id).collect();
        // An app leads a session of its own. Where one that carries the mark was started by hand, the session is a
        // person's.
        let is_an_apps = |leader: &i32| ids.contains(leader) || !all.iter().any(|stat| stat.id == *leader);
        self.sessions.extend(marked.iter().map(|stat| stat.session).filter(is_an_apps));
        loop {
            let is_one = |stat: &&Stat| self.sessions.contains(&stat.session) || ids.contains(&stat.parent);
            let more: Vec<i32> = all.iter().filter(is_one).map(|stat| stat.id).collect();
            let before = ids.len();
            ids.extend(more);
            if ids.len() == before {
                break;
            }
        }
        Ok(all.into_iter().filter(|stat| ids.contains(&stat.id)).collect())
    }

    fn is_marked(&self, id: i32) -> bool {
        let carries =
            |all: Vec<u8>| all.split(|byte| *byte == 0).any(|variable| variable == self.mark.as_bytes());
        is_of_user(id, self.user) && fs::read(format!("/proc/{id}/environ")).is_ok_and(carries)
    }
}

fn is_of_user(id: i32, user: u32) -> bool {
    fs::metadata(format!("/proc/{id}")).is_ok_and(|metadata| metadata.uid() == user)
}

/// What a process takes on when it is launched as an app, and neither it nor a fork of it can put off again: it gets no
/// new privileges, and may write no file beyond a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    /// Whether the runtime itself has them not: where it has, each process of its user may.
    tell: bool,
}

impl Marks {
    pub(crate) fn learn() -> Self {
        Self { tell: !are_on(std::process::id()) }
    }

    /// Whether a process of the runtime's user carries them. A process of another user is no app.
    pub(crate) fn are_on(self, id: u32) -> bool {
        let user = rustix::process::geteuid().as_raw();
        self.tell && i32::try_from(id).is_ok_and(|id| is_of_user(id, user)) && are_on(id)
    }
}

fn are_on(id: u32) -> bool {
    let read = |name| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
    gets_no_new_privileges(&read("status")) && has_limited_files(&read("limits"))
}

/// proc_pid_status(5): `NoNewPrivs: 1`.
fn gets_no_new_privileges(status: &str) -> bool {
    status.lines().filter_map(|line| line.strip_prefix("NoNewPrivs:")).any(|value| value.trim() == "1")
}

/// proc_pid_limits(5): `Max file size  SOFT  HARD  bytes`, a number or `unlimited`.
fn has_limited_files(limits: &str) -> bool {
    let hard =
        limits.lines().filter_map(|line| line.strip_prefix("Max file size")?.split_whitespace().nth(1));
    hard.into_iter().any(|hard| hard != "unlimited")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_are_read_as_the_kernel_writes_them() {
        assert!(gets_no_new_privileges("Name:\tx\nNoNewPrivs:\t1\n"));
        assert!(!gets_no_new_privileges("Name:\tNoNewPrivs:\t1\nNoNewPrivs:\t0\n"));
        let limits =
            |hard| format!("Limit  Soft Limit  Hard Limit  Units\nMax file size   1024   {hard}   bytes\n");
        assert!(has_limited_files(&limits("1024")) && !has_limited_files(&limits("unlimited")));
        assert!(!has_limited_files("") && !has_limited_files("Max file size"));
    }
}
