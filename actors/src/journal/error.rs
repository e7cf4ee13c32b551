use std::path::PathBuf;

use carpus_core::AppId;

/// Why the database cannot be used. It is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer Carpus wrote it.
    #[error(
        "{path} was written by a newer version of Carpus (format {found}, this one knows {supported}); install that \
         version again, or move the file away to start afresh", path = path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that this version knows.
        supported: i64,
    },
    /// It is the database of another program.
    #[error("{path} is the database of another program; move it away to start afresh", path = path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged, or no database at all. It is set aside then.
    #[error("{path} is damaged: {why}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It is damaged, and could not be set aside.
    #[error(
        "{path} is damaged ({why}), and cannot be set aside; see to it that its folder may be written and has room, \
         or move it away to start afresh", path = path.display()
    )]
    NotSetAside {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What the operating system says.
        #[source]
        cause: std::io::Error,
    },
    /// The operating system or the database refused.
    #[error("{path} cannot be opened; check that its folder exists, has room and may be written", path = path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The database's word.
        #[source]
        cause: rusqlite::Error,
    },
}

/// Why a request to the journal failed. Nothing of it is on disk, and nothing was delivered.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The app has left too many events unacknowledged.
    #[error("{app} has left {limit} events unacknowledged; it makes no session until it acknowledges some")]
    Full {
        /// The app.
        app: AppId,
        /// How many may wait.
        limit: usize,
    },
    /// Too many requests wait for the disk.
    #[error("the journal is behind; try again in a moment")]
    Busy,
    /// The journal's thread is being started, or started again; whether it did what was asked is not known.
    #[error("the journal is not available at the moment")]
    Unavailable,
    /// The disk is full.
    #[error("the disk is full; free some space")]
    DiskFull(#[source] rusqlite::Error),
    /// The file or its file system cannot be written.
    #[error("the journal cannot be written: the file or its file system is read-only")]
    ReadOnly(#[source] rusqlite::Error),
    /// The disk fails, or its file system turned read-only.
    #[error("the disk cannot be written")]
    DiskFails(#[source] rusqlite::Error),
    /// A recurrence names a time zone by nothing that could be written down (A10).
    #[error("the time zone of the recurrence has no name in the IANA time zone database")]
    UnnamedZone,
    /// Anything else that the database says.
    #[error("the journal failed")]
    Failed(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::DiskFull(error),
            Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied) => {
                Self::ReadOnly(error)
            }
            Some(rusqlite::ErrorCode::SystemIoFailure) => Self::DiskFails(error),
            _ => Self::Failed(error),
        }
    }
}

impl JournalError {
    /// Whether the disk is to blame, and nothing that was asked of it.
    pub(super) const fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::DiskFull(_) | Self::ReadOnly(_) | Self::DiskFails(_))
    }

    /// Whether the database was found to be damaged.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, Self::Failed(error) if super::store::is_damage(error))
    }

    /// What to do about it.
    pub(super) const fn remedy(&self) -> &'static str {
        match self {
            Self::DiskFull(_) => "free some space; what waits is written by itself then",
            _ => {
                "look at the disk and at the kernel's log; what waits is written by itself when it works again"
            }
        }
    }
}
