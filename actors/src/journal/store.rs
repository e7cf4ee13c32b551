//! The database file: opened with care, brought to the newest format, never overwritten.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::OpenError;
use super::salvage::{self, Rescue};

/// Marks a database as one of Carpus: "Crps" in ASCII, in the place that SQLite's format keeps for that.
pub(super) const APPLICATION_ID: i64 = 0x4372_7073;

/// How long to wait for another process that reads the database, a backup for instance.
const LOCK_TIME: Duration = Duration::from_secs(5);

/// Each entry brings the database from the format of its index to the next. An entry that was released is never
/// changed.
const MIGRATIONS: [&str; 3] =
    [include_str!("migrations/1.sql"), include_str!("migrations/2.sql"), include_str!("migrations/3.sql")];

/// The format that this version writes.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// The tables of all formats.
pub(super) const TABLES: [&str; 8] =
    ["counters", "events", "grants", "recurrences", "rights", "sequences", "sessions", "straps"];

pub(super) struct Store {
    pub(super) connection: Connection,
}

/// Sees to it that there is a database at `path` that can be used. A missing or empty file can: it is filled when the
/// journal starts. One that is damaged is set aside, and a fresh one with all that can be read of it takes its place.
///
/// # Errors
/// [`OpenError`] says what is wrong and what to do about it; the file is as it was then.
pub fn prepare(path: &Path) -> Result<Option<Rescue>, OpenError> {
    salvage::finish(path).map_err(|cause| OpenError::NotSetAside {
        path: path.to_owned(),
        why: "a fresh one waits for its place".to_owned(),
        cause,
    })?;
    match check(path) {
        Ok(()) => Ok(None),
        Err(OpenError::Damaged { why, .. }) => salvage::rescue(path, why).map(Some),
        Err(refused) => Err(refused),
    }
}

/// Opens the database at `path`, and makes or migrates it where needed; as [`prepare`], where it is damaged.
///
/// # Errors
/// As [`prepare`]; also when the file cannot be written.
pub(super) fn open(path: &Path) -> Result<(Store, Option<Rescue>), OpenError> {
    let rescue = prepare(path)?;
    let opened = open_for_writing(path).and_then(|connection| {
        let version = pragma(&connection, "user_version")?;
        Ok((has_all_tables(&connection, version)?, connection))
    });
    match opened {
        Ok((true, connection)) => Ok((Store { connection }, rescue)),
        Ok((false, _)) => again(path, "its tables are not those of Carpus".to_owned()),
        Err(error) => match refusal(path, error) {
            OpenError::Damaged { why, .. } => again(path, why),
            refused => Err(refused),
        },
    }
}

/// Opens a database that showed only now that it is damaged.
pub(super) fn again(path: &Path, why: String) -> Result<(Store, Option<Rescue>), OpenError> {
    let rescue = salvage::rescue(path, why)?;
    let connection = open_for_writing(path).map_err(|error| refusal(path, error))?;
    Ok((Store { connection }, Some(rescue)))
}

/// Says whether the database at `path` can be used, without changing it.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    let damaged = |why: &str| OpenError::Damaged { path: path.to_owned(), why: why.to_owned() };
    // Whether it is a database at all, and whether its log is whole, is seen in its bytes: SQLite takes a file that is
    // shorter than a page for an empty database, and forgets what lies in a log behind a damaged place.
    match salvage::fault(path) {
        Ok(None) => {}
        Ok(Some(_)) if salvage::is_foreign(path) => return Err(foreign(path)),
        Ok(Some(why)) => return Err(damaged(why)),
        Err(_) => {} // the database says itself why it cannot be read
    }
    if is_missing_or_empty(path) {
        return Ok(());
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| refusal(path, error))?;
    let checked = look(&connection, path);
    match checked {
        Err(OpenError::Damaged { .. }) if salvage::is_foreign(path) => Err(foreign(path)),
        checked => checked,
    }
}

fn look(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let refused = |error| refusal(path, error);
    let pragma = |name| pragma(connection, name).map_err(refused);
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if is_unfilled(connection).map_err(refused)? {
        return Ok(());
    }
    if application != APPLICATION_ID {
        let tables = has_all_tables(connection, 1).map_err(refused)?;
        let why = "its mark as a database of Carpus is gone".to_owned();
        return Err(if tables { OpenError::Damaged { path: path.to_owned(), why } } else { foreign(path) });
    }
    if version > SCHEMA_VERSION {
        return Err(OpenError::NewerVersion {
            path: path.to_owned(),
            found: version,
            supported: SCHEMA_VERSION,
        });
    }
    let why = if has_all_tables(connection, version).map_err(refused)? {
        // Of the whole, not `quick_check`: that leaves out whether rows are where their keys belong.
        let sql = "PRAGMA integrity_check(1)";
        let said: String = connection.query_row(sql, [], |row| row.get(0)).map_err(refused)?;
        if said == "ok" {
            return Ok(());
        }
        said
    } else {
        "its tables are not those of Carpus".to_owned()
    };
    Err(OpenError::Damaged { path: path.to_owned(), why })
}

fn is_missing_or_empty(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

fn foreign(path: &Path) -> OpenError {
    OpenError::NotOurs { path: path.to_owned() }
}

/// Whether it is a database without anything in it: power was lost right after ours was made.
fn is_unfilled(connection: &Connection) -> rusqlite::Result<bool> {
    let entries: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let marks = pragma(connection, "application_id")? | pragma(connection, "user_version")?;
    Ok(entries == 0 && marks == 0)
}

/// Whether the tables are there as the format of this version made them.
fn has_all_tables(connection: &Connection, version: i64) -> rusqlite::Result<bool> {
    let Some(migrations) = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(..version)) else {
        return Ok(false);
    };
    let expected = Connection::open_in_memory()?;
    for migration in migrations {
        expected.execute_batch(migration)?;
    }
    let mut query = expected.prepare("SELECT name, sql FROM sqlite_schema")?;
    let mut rows = query.query([])?;
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 AND sql = ?2";
    while let Some(row) = rows.next()? {
        let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
        if connection.query_row(sql, [name, text], |row| row.get::<_, i64>(0))? != 1 {
            return Ok(false);
        }
    }
    Ok(version > 0)
}

pub(super) fn open_for_writing(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(LOCK_TIME)?;
    // FULL: with WAL, only this syncs at each commit, so that what was acknowledged survives a loss of power.
    // What is deleted is overwritten: it cannot come back when rows are collected from a damaged file.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON",
    )?;
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

/// Whether the error says that the file does not hold what it should.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::TypeMismatch)
    )
}

fn refusal(path: &Path, cause: rusqlite::Error) -> OpenError {
    // SQL that the library does not understand is in the file: ours it does.
    let odd = matches!(cause.sqlite_error_code(), Some(ErrorCode::Unknown))
        || !matches!(cause, rusqlite::Error::SqliteFailure(..));
    if is_damage(&cause) || odd {
        return OpenError::Damaged { path: path.to_owned(), why: cause.to_string() };
    }
    OpenError::Refused { path: path.to_owned(), cause }
}
