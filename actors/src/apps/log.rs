//! The log of an app: its output, kept within a size.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Cuts a log that is longer than `max_bytes` down to its last half of that, from the start of a line on. A
/// process that appends to it goes on at the new end. A log that cannot be cut stays as it is, with a warning.
pub fn trim_log(path: &Path, max_bytes: u64) {
    if let Err(error) = try_trim(path, max_bytes)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), "the log could not be shortened: {error}");
    }
}

fn try_trim(path: &Path, max_bytes: u64) -> io::Result<()> {
    let length = std::fs::metadata(path)?.len();
    if length <= max_bytes {
        return Ok(());
    }
    let mut tail = Vec::new();
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(length - max_bytes / 2))?;
    file.take(max_bytes / 2).read_to_end(&mut tail)?;
    let start = tail.iter().position(|byte| *byte == b'\n').map_or(0, |end_of_line| end_of_line + 1);
    OpenOptions::new().write(true).truncate(true).open(path)?.write_all(&tail[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_keeps_its_last_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let text: String = (0..100).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, &text).unwrap();
        trim_log(&path, 100);
        let left = std::fs::read_to_string(&path).unwrap();
        assert!(left.len() <= 50 && left.starts_with("line ") && left.ends_with("line 99\n"), "{left:?}");
    }

    #[test]
    fn a_short_or_missing_log_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        trim_log(&path, 100);
        std::fs::write(&path, "short\n").unwrap();
        trim_log(&path, 100);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "short\n");
    }
}
