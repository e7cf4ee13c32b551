//! What can be read of a damaged database is carried into a fresh one, and the damaged one is set aside (A6, A9).
//!
//! Neither the library of the database nor its trees are relied on: every page of the file and of its log is looked
//! at by itself, and each row on it is told by its shape. A page that is damaged costs the rows on it and no other,
//! whichever it is.

mod carry;
mod pages;
mod rows;
mod wal;

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use self::carry::Carrier;
use self::pages::{Header, MAGIC, Pages, ReadAt, be32};
use self::rows::{Row, Value};
use super::OpenError;
use super::store::{self, APPLICATION_ID};

/// How many rows of each kind were carried over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Sessions: alarms that wait, sessions that run, fallback alarms.
    pub sessions: usize,
    /// Recurrences.
    pub recurrences: usize,
    /// Events that apps have not acknowledged.
    pub events: usize,
    /// What the user lets apps do.
    pub rights: usize,
    /// What apps were granted.
    pub grants: usize,
    /// Straps.
    pub straps: usize,
    /// Rows that are there and cannot be read. How many were on what cannot be read at all, nobody knows.
    pub unreadable: usize,
}

impl fmt::Display for Saved {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sessions, recurrences, events, rights, grants, straps, unreadable } = self;
        write!(out, "saved: {sessions} sessions and alarms, {recurrences} recurrences, {events} events, ")?;
        write!(
            out,
            "{rights} rights, {grants} grants, {straps} straps; rows that are unreadable: {unreadable}"
        )
    }
}

/// A database that was damaged, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescue {
    /// Where it lies now; its log, if it had one, lies beside it.
    pub set_aside: PathBuf,
    /// What was wrong with it.
    pub why: String,
    /// What was carried over.
    pub saved: Saved,
}

/// What lies beside a database of SQLite, by the end of its name.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// The path with something added to its name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// What is wrong with the bytes of a database, whatever its library makes of them; none where nothing is.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn fault(path: &Path) -> io::Result<Option<&'static str>> {
    with_pages(path, |file, pages| {
        if file.length()? > 0 {
            let mut header = Header([0; pages::HEADER]);
            if !file.read_whole(0, &mut header.0)? {
                return Ok(Some("it is too short for a database"));
            }
            if let Some(fault) = header.fault() {
                return Ok(Some(fault));
            }
        } else if pages.numbers().next().is_some() {
            return Ok(Some("it is empty, and its log is not"));
        }
        Ok(pages.log_is_damaged().then_some("its log is damaged"))
    })
}

/// Whether a database that cannot be opened is still to be seen as another program's.
pub(super) fn is_foreign(path: &Path) -> bool {
    let foreign = with_pages(path, |file, pages| {
        let mut header = [0; pages::HEADER];
        file.read_whole(0, &mut header)?;
        if header[..16] != MAGIC[..] || i64::from(be32(&header, 68)) == APPLICATION_ID {
            return Ok(false);
        }
        let tables: Vec<String> = all_rows(pages).filter_map(|row| table_name(&row)).collect();
        Ok(!tables.is_empty() && !tables.iter().any(|name| store::TABLES.contains(&name.as_str())))
    });
    foreign.unwrap_or(false)
}

/// The name of the table that a row of the schema describes.
fn table_name(row: &Row) -> Option<String> {
    match &row.values[..] {
        [Value::Text(kind), Value::Text(name), Value::Text(_), Value::Integer(_), Value::Text(_)]
            if kind == "table" =>
        {
            Some(name.clone())
        }
        _ => None,
    }
}

fn all_rows<'a>(pages: &'a Pages<'_>) -> impl Iterator<Item = Row> + 'a {
    pages.numbers().filter_map(|number| Some((number, pages.read(number)?))).flat_map(
        move |(number, content)| rows::on_page(pages, number, &content).rows, //
    )
}

fn with_pages<T>(path: &Path, look: impl FnOnce(&dyn ReadAt, &Pages<'_>) -> io::Result<T>) -> io::Result<T> {
    let (file, log) = (open(path)?, open(&beside(path, "-wal"))?);
    let nothing: &[u8] = &[];
    let file: &dyn ReadAt = file.as_ref().map_or(&nothing, |file| file as &dyn ReadAt);
    let pages = Pages::of(file, log.as_ref().map(|log| log as &dyn ReadAt))?;
    look(file, &pages)
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets the database at `path` aside, with what lies beside it, and puts a fresh one with all that could be read of it
/// in its place. A runtime that is killed in between goes on with it at its next start ([`finish`]).
///
/// # Errors
/// When the fresh one cannot be written: then the damaged one is where it was.
pub(super) fn rescue(path: &Path, why: String) -> Result<Rescue, OpenError> {
    let stamp = free_stamp(path);
    let part = beside(path, ".part");
    let refused = |cause| OpenError::NotSetAside { path: path.to_owned(), why: why.clone(), cause };
    for ending in PARTS {
        remove(&beside(&part, ending)).map_err(refused)?; // of an attempt that was cut short
    }
    let saved = carry_over(path, &part).map_err(|cause| OpenError::Refused { path: part.clone(), cause })?;
    fs::rename(&part, beside(path, &format!(".fresh-{stamp}"))).map_err(refused)?;
    sync_folder(path).map_err(refused)?;
    put_in_place(path, &stamp).map_err(refused)?;
    let set_aside = beside(path, &format!(".damaged-{stamp}"));
    tracing::warn!(
        "{} was damaged ({why}); it lies in {} now, and a fresh one is in its place; {saved}",
        path.display(),
        set_aside.display()
    );
    Ok(Rescue { set_aside, why, saved })
}

fn carry_over(path: &Path, part: &Path) -> rusqlite::Result<Saved> {
    let mut connection = store::open_for_writing(part)?;
    let disk = connection.transaction()?;
    let carried = with_pages(path, |_, pages| Ok(carry(pages, Carrier::new(&disk))));
    let saved = carried.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))??;
    disk.commit()?;
    // The last connection writes the log into the file, and takes it away.
    connection.close().map_err(|(_, error)| error)?;
    if beside(part, "-wal").exists() {
        let kept = io::Error::other("the log could not be written into it");
        return Err(rusqlite::Error::ToSqlConversionFailure(kept.into()));
    }
    Ok(saved)
}

fn carry(pages: &Pages<'_>, mut carrier: Carrier<'_>) -> rusqlite::Result<Saved> {
    let free = pages.free();
    for number in pages.numbers().filter(|number| !free.contains(number)) {
        let Some(content) = pages.read(number) else { continue };
        let found = rows::on_page(pages, number, &content);
        carrier.saved.unreadable += found.unreadable;
        for row in &found.rows {
            carrier.take(row)?;
        }
    }
    carrier.finish()
}

/// Goes on with what a runtime that was killed had begun: it is done when no fresh database waits for its place.
///
/// # Errors
/// When the folder cannot be read or changed.
pub(super) fn finish(path: &Path) -> io::Result<()> {
    let prefix = file_name(&beside(path, ".fresh-"));
    for name in names_beside(path)? {
        if let Some(stamp) = name.strip_prefix(&prefix)
            && !PARTS[1..].iter().any(|ending| stamp.ends_with(ending))
        {
            put_in_place(path, stamp)?;
        }
    }
    Ok(())
}

/// Databases that were set aside and are still there.
pub fn set_aside(path: &Path) -> Vec<PathBuf> {
    let prefix = file_name(&beside(path, ".damaged-"));
    let mut names = names_beside(path).unwrap_or_default();
    names.retain(|name| name.starts_with(&prefix) && !PARTS[1..].iter().any(|ending| name.ends_with(ending)));
    names.sort();
    names.into_iter().map(|name| path.with_file_name(name)).collect()
}

/// The damaged one goes first: the log of one database must never lie beside another, which would take it for its own.
fn put_in_place(path: &Path, stamp: &str) -> io::Result<()> {
    for ending in PARTS {
        let from = beside(path, ending);
        let mut to = beside(path, &format!(".damaged-{stamp}{ending}"));
        let mut number = 2;
        while to.exists() {
            to = beside(path, &format!(".damaged-{stamp}-{number}{ending}"));
            number += 1;
        }
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    sync_folder(path)?;
    fs::rename(beside(path, &format!(".fresh-{stamp}")), path)?;
    sync_folder(path)
}

/// The present, to the second, as nothing beside `path` is named yet.
fn free_stamp(path: &Path) -> String {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let taken = |stamp: &str| {
        [".damaged-", ".fresh-"].iter().any(|kind| {
            let name = beside(path, &format!("{kind}{stamp}"));
            PARTS.iter().any(|ending| beside(&name, ending).exists())
        })
    };
    let mut stamps = std::iter::once(now.clone()).chain((2..).map(|number| format!("{now}-{number}")));
    stamps.find(|stamp| !taken(stamp)).unwrap_or(now)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn names_beside(path: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// So that what was renamed has its new name after a loss of power too.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// Reads all rows of a database and its log, as if they were damaged: for a fuzzer.
#[doc(hidden)]
pub(super) fn read_everything(database: &[u8], log: &[u8]) -> usize {
    let pages = Pages::of(&database, Some(&log));
    pages.map_or(0, |pages| pages.free().len() + all_rows(&pages).count())
}

/// In which bytes of the file, or of the log (true), each session lies.
#[cfg(test)]
pub(super) fn places(
    database: &[u8],
    log: &[u8],
) -> std::collections::BTreeMap<i64, Vec<(bool, std::ops::Range<usize>)>> {
    let pages = Pages::of(&database, Some(&log)).expect("bytes can be read");
    let free = pages.free();
    let mut places = std::collections::BTreeMap::new();
    for number in pages.numbers().filter(|number| !free.contains(number)) {
        let content = pages.read(number).expect("it is there");
        for row in rows::on_page(&pages, number, &content).rows {
            if let (Some(session), [Value::Null, Value::Text(_), Value::Text(_)]) =
                (row.number, &row.values[..])
            {
                let on = [number].into_iter().chain(row.overflow);
                places.insert(session, on.map(|page| pages.place(page)).collect());
            }
        }
    }
    places
}
