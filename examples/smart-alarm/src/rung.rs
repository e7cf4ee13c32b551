//! The file `rung` in the app's data folder: in which session it rang last. A process that is launched again after a
//! crash learns from it that its alarm rings.

use std::path::PathBuf;

fn file() -> Option<PathBuf> {
    std::env::var_os("CARPUS_APP_DATA").map(|folder| PathBuf::from(folder).join("rung"))
}

/// Writes down that the session rang.
pub(crate) fn note(session: u64) {
    let Some(file) = file() else { return };
    if let Err(error) = std::fs::write(&file, session.to_string()) {
        println!("{}: {error}", file.display());
    }
}

/// Whether the session rang.
pub(crate) fn has(session: u64) -> bool {
    let text = file().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    text == session.to_string()
}
