//! One runtime at a time on a state: two would hand out the same alarms and sessions twice.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};

/// The lock is for the runtime's user only.
const MODE: u32 = 0o600;

/// Keeps other runtimes off a state. The kernel gives the lock back when the runtime ends, whatever ends it.
#[derive(Debug)]
pub(crate) struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the lock of the folder `state`.
    ///
    /// # Errors
    /// When another runtime has it, or the file system refuses.
    pub(crate) fn take(state: &Path) -> anyhow::Result<Self> {
        let path = state.join("lock");
        let file = File::options().write(true).create(true).truncate(false).mode(MODE).open(&path);
        let file = file.with_context(|| format!("the lock {} cannot be opened", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "another carpusd uses the state in {}; stop it first, or give this one another --state",
                state.display()
            ),
            Err(TryLockError::Error(cause)) => {
                Err(cause).with_context(|| format!("the lock {} cannot be taken", path.display()))
            }
        }
    }
}
