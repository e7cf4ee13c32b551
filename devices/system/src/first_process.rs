//! An app's first process, held by a handle of the kernel: a child of this runtime, or one that an earlier runtime
//! launched.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use carpus_devices::processes::ExitStatus;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus, pidfd_open, waitid};

use crate::{pidfd_info, procfs, readiness};

/// How often an end is looked for where the kernel cannot tell it.
const EXIT_POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How often it is asked how a process ended that was no child, and the pause between: the kernel knows as soon as the
/// parent that it was left to has taken note, which takes it a moment, or for ever.
const STATUS_LOOKS_MAX: u32 = 20;
const STATUS_LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// The process. Once its end was told, a child is reaped when this is dropped, not before, so that its process id stays
/// its own for as long as it can be signalled. One whose end was not told is left for whoever adopts it.
#[derive(Debug)]
pub(crate) struct FirstProcess {
    pub(crate) pid: Pid,
    /// When it started, in clock ticks after boot.
    pub(crate) started: u64,
    handle: OwnedFd,
    end_is_told: AtomicBool,
}

/// What a look at the process shows.
enum Look {
    Runs,
    Ended(ExitStatus),
    /// It ended, and how is not known yet.
    EndedSomehow,
}

impl FirstProcess {
    /// Holds a process that is there. None when no process has this id.
    pub(crate) fn open(id: u32) -> io::Result<Option<Self>> {
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => handle,
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // Read after the handle is open: from then on the id is that of the same process or of none.
        let stat = procfs::read(pid.as_raw_nonzero().get())?;
        Ok(stat.map(|stat| Self {
            pid,
            started: stat.start_ticks,
            handle,
            end_is_told: AtomicBool::new(false),
        }))
    }

    /// As [`open`](Self::open), but none as well when the id is another process's by now, or the process has ended and
    /// only its parent, which is another, has not taken note.
    pub(crate) fn find(id: u32, started: u64) -> io::Result<Option<Self>> {
        let Some(found) = Self::open(id)?.filter(|process| process.started == started) else {
            return Ok(None);
        };
        Ok((found.is_child()? || !matches!(found.look()?, Look::Ended(_) | Look::EndedSomehow))
            .then_some(found))
    }

    fn is_child(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::PidFd(self.handle.as_fd()), options) {
            Ok(_) => Ok(true),
            Err(Errno::CHILD) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// A child stays unreaped by this.
    fn look(&self) -> io::Result<Look> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::PidFd(self.handle.as_fd()), options) {
            Ok(status) => Ok(status.as_ref().map_or(Look::Runs, |status| Look::Ended(exit_status(status)))),
            Err(Errno::CHILD) => self.look_at_no_child(),
            Err(error) => Err(error.into()),
        }
    }

    fn look_at_no_child(&self) -> io::Result<Look> {
        let stat = procfs::read(self.pid.as_raw_nonzero().get())?;
        if stat.is_some_and(|stat| stat.start_ticks == self.started && stat.is_alive()) {
            return Ok(Look::Runs);
        }
        Ok(pidfd_info::exit_status(&self.handle).map_or(Look::EndedSomehow, Look::Ended))
    }
}

impl Drop for FirstProcess {
    fn drop(&mut self) {
        if !self.end_is_told.load(Ordering::Relaxed) {
            return;
        }
        let reap = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        match waitid(WaitId::PidFd(self.handle.as_fd()), reap) {
            Ok(_) | Err(Errno::CHILD) => {}
            Err(error) => tracing::debug!(%error, id = %self.pid, "the app's process could not be reaped"),
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

/// Waits for the end, and tells how the process ended.
pub(crate) async fn wait_for_end(first: Arc<FirstProcess>) -> ExitStatus {
    if let Err(error) = readable(&first.handle).await {
        tracing::warn!(%error, id = %first.pid, "the kernel cannot tell the end of the app; it is looked for");
    }
    let mut looks = 0;
    let status = loop {
        match first.look() {
            Ok(Look::Runs) => tokio::time::sleep(EXIT_POLL_INTERVAL).await,
            Ok(Look::Ended(status)) => break status,
            Ok(Look::EndedSomehow) if looks < STATUS_LOOKS_MAX => {
                looks += 1;
                tokio::time::sleep(STATUS_LOOK_INTERVAL).await;
            }
            Ok(Look::EndedSomehow) => break ExitStatus::Unknown,
            Err(error) => {
                tracing::warn!(%error, id = %first.pid, "how the app ended cannot be told");
                break ExitStatus::Unknown;
            }
        }
    };
    first.end_is_told.store(true, Ordering::Relaxed);
    status
}

/// A process handle becomes readable when the process ends (pidfd_open(2)).
async fn readable(process: &OwnedFd) -> io::Result<()> {
    let handle = readiness::watch(process.try_clone()?)?;
    let _ready = handle.readable().await?;
    Ok(())
}
