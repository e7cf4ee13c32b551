//! Files that keep what holds until the board reboots, for a runtime that was killed and is started again (D2).

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where the kernel tells one boot from another (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// For the runtime's user only: launch tokens may be in it.
const MODE: u32 = 0o600;

/// A file of one boot. It lies beside the socket, on a board in memory.
///
/// It is replaced as a whole, so that a kill at any instant leaves the old content or the new. It is not flushed to the
/// disk: nothing in it is true after a loss of power.
#[derive(Clone, Debug)]
pub struct BootFile {
    path: PathBuf,
}

#[derive(Serialize)]
struct Stored<'a, T> {
    boot: &'a str,
    content: &'a T,
}

#[derive(Deserialize)]
struct Found<T> {
    boot: String,
    content: T,
}

impl BootFile {
    /// The file at this path.
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file beside a socket: `carpus.sock` and `apps` make `carpus.sock.apps`.
    pub fn beside(socket: &Path, what: &str) -> Self {
        Self::new(with_ending(socket, what))
    }

    /// What was stored last during this boot. None when there is no such file, when it is of another boot, and when
    /// it cannot be read, which is logged.
    pub fn load<T: DeserializeOwned>(&self) -> Option<T> {
        match self.try_load() {
            Ok(content) => content,
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%path, "what held before the restart is not known: {error}");
                None
            }
        }
    }

    fn try_load<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // The boot first: the content of a file of another one may have another form.
        let boot = serde_json::from_slice::<Found<serde::de::IgnoredAny>>(&text)?.boot;
        if boot != this_boot()? {
            tracing::debug!(path = %self.path.display(), "of another boot; left alone");
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice::<Found<T>>(&text)?.content))
    }

    /// Replaces the content.
    ///
    /// # Errors
    /// When the file cannot be written; the old content is still there then.
    pub fn store<T: Serialize>(&self, content: &T) -> io::Result<()> {
        let text = serde_json::to_vec(&Stored { boot: &this_boot()?, content })?;
        let new = with_ending(&self.path, "new");
        // One that a kill left behind may be of another mode.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        File::options().write(true).create_new(true).mode(MODE).open(&new)?.write_all(&text)?;
        fs::rename(&new, &self.path)
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut text = OsString::from(path);
    text.push(".");
    text.push(ending);
    text.into()
}

fn this_boot() -> io::Result<String> {
    Ok(fs::read_to_string(BOOT_ID)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
        file: BootFile,
    }

    fn bench() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let file = BootFile::beside(&folder.path().join("carpus.sock"), "apps");
        Bench { folder, file }
    }

    impl Bench {
        fn path(&self) -> PathBuf {
            self.folder.path().join("carpus.sock.apps")
        }
    }

    #[test]
    fn d2_what_was_stored_last_comes_back() {
        let bench = bench();
        assert_eq!(bench.file.load::<Vec<u32>>(), None);
        for content in [vec![1], vec![2, 3]] {
            bench.file.store(&content).unwrap();
            assert_eq!(bench.file.load(), Some(content));
        }
        assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), 1, "nothing else is left there");
    }

    #[test]
    fn only_the_runtimes_user_may_read_it_whoever_left_something_there() {
        let bench = bench();
        fs::write(bench.folder.path().join("carpus.sock.apps.new"), "of a runtime that was killed").unwrap();
        bench.file.store(&"secret").unwrap();
        assert_eq!(fs::metadata(bench.path()).unwrap().permissions().mode() & 0o777, MODE);
    }

    #[test]
    fn d2_what_another_boot_left_does_not_count_whatever_its_form() {
        let bench = bench();
        for content in ["[1]", r#"{"of": "another form"}"#] {
            fs::write(bench.path(), format!(r#"{{"boot": "another", "content": {content}}}"#)).unwrap();
            assert_eq!(bench.file.load::<Vec<u32>>(), None);
        }
    }

    #[test]
    fn what_is_torn_or_of_another_form_is_nothing() {
        let bench = bench();
        bench.file.store(&vec![1, 2, 3]).unwrap();
        assert_eq!(bench.file.load::<String>(), None);
        let whole = fs::read(bench.path()).unwrap();
        for length in 0..whole.len() {
            fs::write(bench.path(), &whole[..length]).unwrap();
            assert_eq!(bench.file.load::<Vec<u32>>(), None, "cut after {length} bytes");
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_and_keeps_what_was_there() {
        let file = BootFile::new("/nowhere/to/be/found".into());
        assert!(file.store(&1).is_err());
        assert_eq!(file.load::<u32>(), None);
    }
}
