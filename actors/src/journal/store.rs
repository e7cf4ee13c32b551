//! The database file: opened with care, brought to the newest format, never overwritten.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::OpenError;

/// Marks a database as one of Carpus: "Crps" in ASCII, in the place that SQLite's format keeps for that.
const APPLICATION_ID: i64 = 0x4372_7073;

/// How each SQLite database begins (SQLite's file format, 1.2.1).
const HEADER: &[u8; 16] = b"SQLite format 3\0";

/// How long to wait for another process that reads the database, a backup for instance.
const LOCK_TIME: Duration = Duration::from_secs(5);

/// Each entry brings the database from the format of its index to the next. An entry that was released is never
/// changed.
const MIGRATIONS: [&str; 2] = [include_str!("migrations/1.sql"), include_str!("migrations/2.sql")];

/// The format that this version writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

pub(super) struct Store {
    pub(super) connection: Connection,
}

/// Says whether the database at `path` can be used, without changing it. A missing or empty file can: it is filled
/// when the journal starts.
///
/// # Errors
/// [`OpenError`] says what is wrong and what to do about it.
pub fn check(path: &Path) -> Result<(), OpenError> {
    if is_missing_or_empty(path) {
        return Ok(());
    }
    check_header(path)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| refusal(path, error))?;
    check_ours(&connection, path)?;
    check_whole(&connection, path)
}

/// Opens the database at `path`, and makes or migrates it where needed.
///
/// # Errors
/// As [`check`]; also when the file cannot be written. A file that fails the check is left as it is.
pub(super) fn open(path: &Path) -> Result<Store, OpenError> {
    check(path)?;
    open_for_writing(path).map(|connection| Store { connection }).map_err(|error| refusal(path, error))
}

fn is_missing_or_empty(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// SQLite takes a file that is shorter than a page for an empty database, and fills one that is none from a log
/// that lies beside it: whether it is a database at all must be seen in its own first bytes.
fn check_header(path: &Path) -> Result<(), OpenError> {
    let mut header = [0; HEADER.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) if header == *HEADER => Ok(()),
        Ok(()) => Err(OpenError::NotOurs { path: path.to_owned(), what: "no database at all" }),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(OpenError::NotOurs { path: path.to_owned(), what: "no database at all" })
        }
        Err(_) => Ok(()), // the database says itself why it cannot be read
    }
}

fn check_ours(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let pragma = |name| pragma(connection, name).map_err(|error| refusal(path, error));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if application != APPLICATION_ID && !is_unfilled(connection).map_err(|error| refusal(path, error))? {
        return Err(OpenError::NotOurs { path: path.to_owned(), what: "the database of another program" });
    }
    if version > SCHEMA_VERSION {
        return Err(OpenError::NewerVersion {
            path: path.to_owned(),
            found: version,
            supported: SCHEMA_VERSION,
        });
    }
    Ok(())
}

/// Whether it is a database without anything in it: power was lost right after ours was made.
fn is_unfilled(connection: &Connection) -> rusqlite::Result<bool> {
    let entries: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let marks = pragma(connection, "application_id")? | pragma(connection, "user_version")?;
    Ok(entries == 0 && marks == 0)
}

fn check_whole(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let what: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| refusal(path, error))?;
    if what == "ok" { Ok(()) } else { Err(OpenError::Damaged { path: path.to_owned(), what }) }
}

fn open_for_writing(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_TIME)?;
    // FULL: with WAL, only this syncs at each commit, so that what was acknowledged survives a loss of power.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let version = usize::try_from(pragma(connection, "user_version")?).unwrap_or(0);
    let Some(migrations) = MIGRATIONS.get(version..).filter(|migrations| !migrations.is_empty()) else {
        return Ok(());
    };
    let transaction = connection.transaction()?;
    for migration in migrations {
        transaction.execute_batch(migration)?;
    }
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}"
    ))?;
    transaction.commit()
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}

fn refusal(path: &Path, cause: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match cause.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotOurs { path, what: "no database at all" },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, what: cause.to_string() },
        _ => OpenError::Refused { path, cause },
    }
}
