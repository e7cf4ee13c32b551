//! The program of an app.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use crate::problem::{ConfigError, Origin, Position, Problem, Reason};
use crate::units::quoted;
use crate::values::is_plain;

/// The longest path of a program in bytes; far below the system's limit, so that folders fit before it.
const EXEC_MAX: usize = 255;
/// The permission bits of which a program has at least one.
const EXECUTABLE_BITS: u32 = 0o111;
const INSIDE: &str = r#"name a program inside it, such as "heart-rate" or "bin/heart-rate""#;

/// The program, and where the manifest names it.
pub(super) struct Exec {
    pub(super) path: PathBuf,
    pub(super) place: Position,
}

/// A path within the app's folder, by its text alone.
pub(super) fn parse(text: &str) -> Result<PathBuf, Reason> {
    let fault = |fault| Reason::Program { found: quoted(text), fault, remedy: INSIDE.to_owned() };
    if text.len() > EXEC_MAX || !is_plain(text) {
        return Err(fault("is not a path of at most 255 bytes"));
    }
    let mut path = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(fault("leaves the app's folder"));
            }
        }
    }
    if path.as_os_str().is_empty() { Err(fault("names no program in the app's folder")) } else { Ok(path) }
}

/// Whether the program is there, inside the folder also behind links, and may be executed.
pub(super) fn check(folder: &Path, exec: &Exec) -> Result<(), ConfigError> {
    find_fault(folder, exec).map_err(|reason| {
        let origin = Origin::File(exec.place.clone());
        ConfigError::one(Problem::of_key(origin, "app.exec", reason))
    })
}

fn find_fault(folder: &Path, exec: &Exec) -> Result<(), Reason> {
    let found = quoted(&exec.path.to_string_lossy());
    let fault = |fault, remedy: String| Err(Reason::Program { found: found.clone(), fault, remedy });
    let path = folder.join(&exec.path);
    match is_inside(folder, &path) {
        Ok(true) => {}
        Ok(false) => return fault("is a link that leaves the app's folder", INSIDE.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let remedy = format!("put the program into {}", folder.display());
            return fault("does not exist", remedy);
        }
        Err(error) => return Err(Reason::Unreadable(error)),
    }
    let metadata = path.metadata().map_err(Reason::Unreadable)?;
    if !metadata.is_file() {
        return fault("is not a file", "name the program itself".to_owned());
    }
    if !is_executable(&metadata) {
        return fault("is not executable", format!("run chmod +x {}", path.display()));
    }
    Ok(())
}

fn is_executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & EXECUTABLE_BITS != 0
}

/// Whether `path`, with all links followed, lies in `folder`.
pub(super) fn is_inside(folder: &Path, path: &Path) -> io::Result<bool> {
    Ok(path.canonicalize()?.starts_with(folder.canonicalize()?))
}
