//! Waiting on tokio until a kernel handle can be read.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches `handle` for readiness to read. To be called on a tokio runtime.
///
/// # Errors
/// When the kernel cannot watch it.
pub(crate) fn watch(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open and always the same descriptor until it is dropped, and the `AsyncFd` owns it.
    let watched = unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) };
    Ok(watched?)
}
