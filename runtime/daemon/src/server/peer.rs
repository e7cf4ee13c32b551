//! Whose the process at the other end of a connection is.

use std::os::unix::fs::MetadataExt as _;

use carpus_actors::apps::{AppOf, OfSomeApp};
use carpus_core::AppId;

use super::Services;

/// Whose a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// Of this app.
    App(AppId),
    /// Of nobody whom the runtime launched.
    Operator,
    /// Of an app that let it loose, or of nobody knows whom: it may do nothing.
    Unknown,
}

impl Peer {
    /// Looks whose a process is, which connected as `user`. Apps run as the runtime's user, so that of another user is
    /// none. Of the runtime's own, one that has ended cannot be told from an app's that has connected and ended.
    pub(super) async fn of(pid: u32, user: u32, services: &Services) -> Self {
        match services.apps.send(AppOf { pid }).await {
            Ok(Some(app)) => return Self::App(app),
            Ok(None) if own_user().is_some_and(|own| own != user) => return Self::Operator,
            Ok(None) => {}
            Err(_) => return Self::Unknown,
        }
        match services.apps.send(OfSomeApp { pid }).await {
            // That it lives is looked at last: then it was this process that was looked at before.
            Ok(false) if is_alive(pid) => Self::Operator,
            Ok(_) | Err(_) => Self::Unknown,
        }
    }

    /// The app, if it is one's.
    pub(super) const fn app(&self) -> Option<&AppId> {
        match self {
            Self::App(app) => Some(app),
            Self::Operator | Self::Unknown => None,
        }
    }
}

fn own_user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
}

/// Whether a process has not ended yet, from its state in `/proc/PID/stat` (proc_pid_stat(5)).
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X' | 'x'))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_that_ended_is_not_alive_reaped_or_not() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        assert!(is_alive(pid));
        drop(child.stdin.take()); // it ends
        while is_alive(pid) {
            std::thread::yield_now();
        }
        assert!(std::path::Path::new(&format!("/proc/{pid}")).exists(), "nobody has reaped it");
        child.wait().unwrap();
        assert!(!is_alive(pid));
    }
}
