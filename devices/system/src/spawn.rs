//! Starting a program in a session, and where there is one a control group, of its own.
//!
//! Both must be done between `fork` and `exec`, so that nothing the program forks can miss them. The standard
//! library has no safe call for that.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Makes the child the leader of a new session and process group, and lets it enter the control group whose open
/// `cgroup.procs` is given.
pub(crate) fn in_own_session(command: &mut Command, cgroup_procs: Option<File>) {
    let enter = move || -> io::Result<()> {
        rustix::process::setsid()?;
        if let Some(procs) = &cgroup_procs {
            // "0" names the process that writes.
            rustix::io::write(procs, b"0")?;
        }
        Ok(())
    };
    // SAFETY: the closure runs in the child between fork and exec. It makes two plain system calls through
    // rustix, allocates nothing, takes no lock, and closes nothing.
    unsafe {
        command.pre_exec(enter);
    }
}
