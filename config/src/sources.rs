//! Where the settings are read from.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::problem::{ConfigError, Reason};

/// The folder of the system's settings.
const SYSTEM_DIR: &str = "/etc/carpus";
/// The name of the folder in the user's configuration.
const USER_DIR_NAME: &str = "carpus";
/// How many settings files a folder may have: each is read whole, and a folder with more of them is a mistake.
const FILES_MAX: usize = 64;
/// The ending of a settings file.
const FILE_ENDING: &str = ".toml";

/// Where the settings are read from, above the defaults. Given explicitly, so that tests need neither a
/// real environment nor real folders; a folder that is not there has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The system's settings: each `*.toml` in it, in the order of the names.
    pub system_dir: Option<PathBuf>,
    /// The user's settings, above the system's, likewise.
    pub user_dir: Option<PathBuf>,
    /// The environment. Variables that do not begin with `CARPUS_` are passed over.
    pub env: Vec<(String, String)>,
    /// The `--set key=value` of the command line; of two with the same key the later counts.
    pub flags: Vec<(String, String)>,
}

/// Why the text after `--set` is no setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not key=value; write --set log.level=debug")]
pub struct FlagError(String);

impl Sources {
    /// The sources of this process: `/etc/carpus`, `$XDG_CONFIG_HOME/carpus` (or `~/.config/carpus`), its
    /// environment, and `flags`.
    pub fn from_process(flags: Vec<(String, String)>) -> Self {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let user = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        Self {
            system_dir: Some(PathBuf::from(SYSTEM_DIR)),
            user_dir: user.map(|dir| dir.join(USER_DIR_NAME)),
            env: carpus_variables(std::env::vars_os()),
            flags,
        }
    }

    /// The settings files, lowest first.
    pub(crate) fn files(&self) -> Vec<Result<PathBuf, ConfigError>> {
        [&self.system_dir, &self.user_dir].into_iter().flatten().flat_map(|dir| files_in(dir)).collect()
    }
}

/// Splits the text after `--set`: `log.level=debug` into key and value.
///
/// # Errors
/// When there is no `=`, or nothing before it.
pub fn parse_flag(text: &str) -> Result<(String, String), FlagError> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err(FlagError(text.to_owned())),
    }
}

/// The variables that are for Carpus, sorted; what is not UTF-8 in them is marked, and refused later.
fn carpus_variables(all: impl Iterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = all
        .filter(|(name, _)| name.as_encoded_bytes().starts_with(b"CARPUS_"))
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    variables.sort();
    variables
}

/// The settings files of a folder, in the order of their names. Hidden ones are passed over, as a shell's
/// `*.toml` does: editors leave such files.
fn files_in(dir: &Path) -> Vec<Result<PathBuf, ConfigError>> {
    let names = match list(dir) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![Err(ConfigError::of_file(dir, Reason::Unreadable(error)))],
    };
    if names.len() > FILES_MAX {
        return vec![Err(ConfigError::of_file(dir, Reason::TooManyFiles(FILES_MAX)))];
    }
    names.into_iter().map(|name| Ok(dir.join(name))).collect()
}

fn list(dir: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.ends_with(FILE_ENDING.as_bytes()) && !bytes.starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_for_carpus_are_taken_in_order() {
        let all = [("HOME", "/root"), ("CARPUS_LOG__LEVEL", "warn"), ("CARPUS_IPC__SOCKET", "auto")];
        let all = all.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let taken = carpus_variables(all.into_iter());
        let expected = [("CARPUS_IPC__SOCKET", "auto"), ("CARPUS_LOG__LEVEL", "warn")];
        assert_eq!(taken, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_process_reads_the_systems_folder_and_its_flags() {
        let flags = vec![("log.level".to_owned(), "debug".to_owned())];
        let sources = Sources::from_process(flags.clone());
        assert_eq!(sources.system_dir, Some(PathBuf::from("/etc/carpus")));
        assert_eq!(sources.flags, flags);
        assert!(sources.user_dir.is_none_or(|dir| dir.is_absolute() && dir.ends_with("carpus")));
    }

    #[test]
    fn a_variable_that_is_not_utf8_is_marked() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(b"/tmp/\xff".to_vec());
        let taken = carpus_variables([(OsString::from("CARPUS_IPC__SOCKET"), value)].into_iter());
        assert_eq!(taken, [("CARPUS_IPC__SOCKET".to_owned(), "/tmp/\u{fffd}".to_owned())]);
    }

    #[test]
    fn flags_are_split_at_the_first_equals_sign() {
        assert_eq!(parse_flag("audio.device=hw:CARD=0"), Ok(("audio.device".into(), "hw:CARD=0".into())));
        assert_eq!(parse_flag("log.level="), Ok(("log.level".into(), String::new())));
        let refused = parse_flag("log.level").unwrap_err().to_string();
        assert_eq!(refused, r#""log.level" is not key=value; write --set log.level=debug"#);
        assert!(parse_flag("=debug").is_err());
    }
}
