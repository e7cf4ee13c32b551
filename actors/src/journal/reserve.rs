//! A file beside the database that takes up some room, and is given up when the disk is full: so that the ends of
//! sessions, removals and alarms can still be written for a while.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::salvage::beside;

/// How many times as much as the reserve takes must be free before it is made (again): a disk that is nearly full
/// is not to be filled by it.
const FREE_FACTOR: u64 = 4;

/// What is written into it: not zeros, which some file systems keep no room for.
const FILLER: [u8; 4096] = [0xC5; 4096];

pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    held: bool,
}

impl Reserve {
    /// The reserve beside a database; none is kept where `bytes` is zero.
    pub(super) fn beside(database: &Path, bytes: u64) -> Self {
        let mut reserve = Self { path: beside(database, ".reserve"), bytes, held: false };
        reserve.hold();
        reserve
    }

    /// Whether it is to be made as soon as there is room.
    pub(super) const fn is_wanted(&self) -> bool {
        !self.held && self.bytes > 0
    }

    /// Makes it, where there is room.
    pub(super) fn hold(&mut self) {
        match self.try_hold() {
            Ok(held) => self.held = held,
            Err(error) => {
                tracing::debug!("{} cannot be made: {error}", self.path.display());
                self.release();
            }
        }
    }

    /// Gives its room back; false where there is none to be given.
    pub(super) fn release(&mut self) -> bool {
        self.held = false;
        fs::remove_file(&self.path).is_ok()
    }

    fn try_hold(&self) -> io::Result<bool> {
        let there = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if there == self.bytes {
            return Ok(self.bytes > 0);
        }
        if there > 0 {
            fs::remove_file(&self.path)?; // of another size
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let disk = rustix::fs::statvfs(folder.unwrap_or(Path::new(".")))?;
        if self.bytes == 0 || disk.f_bavail.saturating_mul(disk.f_frsize) < self.bytes * FREE_FACTOR {
            return Ok(false);
        }
        let mut file = File::create(&self.path)?;
        let mut left = self.bytes;
        while left > 0 {
            let part = left.min(FILLER.len() as u64);
            file.write_all(&FILLER[..usize::try_from(part).unwrap_or(FILLER.len())])?;
            left -= part;
        }
        file.sync_all()?;
        Ok(true)
    }
}
