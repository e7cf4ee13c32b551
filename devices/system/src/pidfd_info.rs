//! How a process ended that was no child of ours: `PIDFD_GET_INFO` with `PIDFD_INFO_EXIT`, in Linux since 6.15
//! (ioctl_pidfd(2) and `include/uapi/linux/pidfd.h`).
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;

use carpus_devices::processes::ExitStatus;

/// How the process ended, once its parent has reaped it. None before, and on kernels that cannot tell.
pub(crate) fn exit_status(process: &OwnedFd) -> Option<ExitStatus> {
    // SAFETY: the struct has integers only, for which zero is a value.
    let mut info: libc::pidfd_info = unsafe { MaybeUninit::zeroed().assume_init() };
    info.mask = u64::from(libc::PIDFD_INFO_EXIT);
    // SAFETY: the request carries the size of the struct, and the kernel writes no more than that into it. The
    // descriptor is open for as long as it is borrowed.
    let outcome = unsafe { libc::ioctl(process.as_raw_fd(), libc::PIDFD_GET_INFO, &raw mut info) };
    if outcome != 0 || info.mask & u64::from(libc::PIDFD_INFO_EXIT) == 0 {
        return None;
    }
    let status = std::process::ExitStatus::from_raw(info.exit_code);
    Some(match (status.code(), status.signal()) {
        (Some(code), _) => ExitStatus::Code(code),
        (None, Some(signal)) => ExitStatus::Signal(signal),
        (None, None) => ExitStatus::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    /// Whether this kernel is 6.15 or later.
    fn kernel_can_tell() -> bool {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release.split(['.', '-']).map_while(|number| number.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(6), Some(15))
    }

    #[test]
    fn how_a_process_ended_is_known_when_it_is_reaped() {
        for (script, status) in [("exit 7", ExitStatus::Code(7)), ("kill -KILL $$", ExitStatus::Signal(9))] {
            let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
            let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
            let process = pidfd_open(pid, PidfdFlags::empty()).unwrap();
            assert_eq!(exit_status(&process), None);
            child.wait().unwrap();
            assert_eq!(exit_status(&process), kernel_can_tell().then_some(status));
        }
    }
}
