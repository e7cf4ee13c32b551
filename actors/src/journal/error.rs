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
    /// It is not a database, or not one of Carpus.
    #[error("{path} is not a Carpus database ({what}); move it away to start afresh", path = path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// It is damaged.
    #[error("{path} is damaged ({what}); move it away to start afresh, or restore a copy", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the database's own check says.
        what: String,
    },
    /// The operating system or the database refused.
    #[error("{path} cannot be opened; check that its folder exists and may be written", path = path.display())]
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
    #[error(
        "{app} has left {limit} events unacknowledged; no further one is taken until it acknowledges some"
    )]
    Full {
        /// The app.
        app: AppId,
        /// How many may wait.
        limit: usize,
    },
    /// Too many requests wait for the disk.
    #[error("the journal is behind; try again in a moment")]
    Busy,
    /// The journal's thread is being started, or started again.
    #[error("the journal is not available at the moment")]
    Unavailable,
    /// The disk is full.
    #[error("the disk is full; free some space")]
    DiskFull(#[source] rusqlite::Error),
    /// The file or its file system cannot be written.
    #[error("the journal cannot be written: the file or its file system is read-only")]
    ReadOnly(#[source] rusqlite::Error),
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
            _ => Self::Failed(error),
        }
    }
}
