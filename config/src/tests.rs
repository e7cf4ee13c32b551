//! Tests of the whole crate through its public face.

mod agreement;
mod defaults;
mod layering;
mod limits;
mod manifests;
mod mutations;
mod refusals;
mod themes;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{ConfigError, Loaded, Settings, Sources};

/// A system folder and a user folder for settings files, thrown away at the end.
struct Folders {
    dir: TempDir,
}

impl Folders {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("system")).unwrap();
        fs::create_dir(dir.path().join("user")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes `system/NAME.toml` or `user/NAME.toml`.
    fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn sources(&self) -> Sources {
        Sources {
            system_dir: Some(self.path("system")),
            user_dir: Some(self.path("user")),
            ..Sources::default()
        }
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        Settings::load(&self.sources())
    }

    /// What is refused, with the folder's own path cut off.
    fn refusals(&self) -> Vec<String> {
        lines(&self.load().unwrap_err(), self.dir.path())
    }
}

/// The lines of an error, with `root` cut off.
fn lines(error: &ConfigError, root: &Path) -> Vec<String> {
    let shown = error.to_string().replace(&format!("{}/", root.display()), "");
    let lines: Vec<String> = shown.lines().map(str::to_owned).collect();
    let told = error.problems().len() + usize::from(error.left_out() > 0);
    assert_eq!(lines.len(), told, "one line for each problem:\n{shown}");
    lines
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn of_env(list: &[(&str, &str)]) -> Sources {
    Sources { env: pairs(list), ..Sources::default() }
}

fn of_flags(list: &[(&str, &str)]) -> Sources {
    Sources { flags: pairs(list), ..Sources::default() }
}
