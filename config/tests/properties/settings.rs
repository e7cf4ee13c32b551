//! Settings: a file, and the words of the environment and of the command line.

use std::fs;

use carpus_config::{Loaded, Settings, Sources, parse_flag};

use super::check_refusal;

/// The folder of a process that tries settings, with one file in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn load(&self, text: &[u8]) -> Result<Loaded, carpus_config::ConfigError> {
        let path = self.0.path().join("a.toml");
        fs::write(&path, text).expect("the folder can be written");
        Settings::load(&Sources { system_dir: Some(self.0.path().to_owned()), ..Sources::default() })
    }
}

thread_local! {
    static FOLDER: Folder = Folder(tempfile::tempdir().expect("a folder for the test"));
}

/// One settings file.
pub fn settings_file(text: &[u8]) -> bool {
    check(FOLDER.with(|folder| folder.load(text)), text)
}

/// On each line a variable (`CARPUS_LOG__LEVEL=warn`) or what follows `--set` (`log.level=warn`).
pub fn settings_words(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let mut sources = Sources::default();
    for line in text.split('\n') {
        match line.split_once('=') {
            Some((name, value)) if name.starts_with("CARPUS_") => {
                sources.env.push((name.to_owned(), value.to_owned()));
            }
            _ => sources.flags.extend(parse_flag(line)),
        }
    }
    check(Settings::load(&sources), input)
}

fn check(loaded: Result<Loaded, carpus_config::ConfigError>, text: &[u8]) -> bool {
    match loaded {
        Ok(loaded) => {
            check_written(&loaded);
            true
        }
        Err(error) => {
            check_refusal(&error, text);
            false
        }
    }
}

/// The settings as `--print-settings` shows them are a settings file, of the same settings.
fn check_written(loaded: &Loaded) {
    let mut written = String::new();
    for (key, value, origin) in loaded.describe() {
        assert_eq!(loaded.origin(key), Some(origin));
        written.push_str(&format!("{key} = {value}\n"));
    }
    let again = FOLDER.with(|folder| folder.load(written.as_bytes())).expect("written settings are good");
    assert_eq!(again.settings, loaded.settings);
    let values = |loaded: &Loaded| -> Vec<String> {
        loaded.describe().map(|(key, value, _)| format!("{key} = {value}")).collect()
    };
    assert_eq!(values(&again), values(loaded));
}
