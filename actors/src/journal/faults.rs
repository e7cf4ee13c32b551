//! A disk that fails when it is told to: for tests, and in a runtime that is built for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rusqlite::ffi;

/// How long one write takes on a slow disk.
pub const SLOW_WRITE: Duration = Duration::from_secs(2);

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum DiskFault {
    /// Nothing.
    #[default]
    None,
    /// It is full.
    Full,
    /// It is read-only.
    ReadOnly,
    /// It fails.
    Io,
    /// Each write takes [`SLOW_WRITE`].
    Slow,
}

/// Where it is said what is wrong with the disk; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct DiskFaults(Arc<AtomicU8>);

impl DiskFaults {
    /// From now on, this is wrong.
    pub fn set(&self, fault: DiskFault) {
        self.0.store(fault as u8, Ordering::SeqCst);
    }

    /// Happens before a transaction that changes something is committed.
    pub(super) fn happen(&self) -> rusqlite::Result<()> {
        let code = match self.0.load(Ordering::SeqCst) {
            code if code == DiskFault::Full as u8 => ffi::SQLITE_FULL,
            code if code == DiskFault::ReadOnly as u8 => ffi::SQLITE_READONLY,
            code if code == DiskFault::Io as u8 => ffi::SQLITE_IOERR,
            code if code == DiskFault::Slow as u8 => {
                std::thread::sleep(SLOW_WRITE);
                return Ok(());
            }
            _ => return Ok(()),
        };
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("told to fail".to_owned())))
    }
}
