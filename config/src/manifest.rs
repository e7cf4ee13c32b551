//! The manifest of an app: the file `app.toml` in its folder (M1–M5).
//!
//! ```toml
//! [app]
//! id = "heart-rate"          # a-z, 0-9, "." and "-"; unique on the device
//! name = "Heart Rate"        # for people
//! version = "0.1.0"
//! exec = "heart-rate"        # the program, a path within the folder
//! description = "Shows the heart rate of a strap."   # may be left out
//!
//! [background]               # may be left out
//! modes = ["mindfulness", "bluetooth-central"]
//!
//! [permissions]              # what the app asks of the user; may be left out
//! bluetooth = ["heart-rate"] # the profiles of straps whose data it reads
//! ```

mod fields;
mod mode;
mod permissions;
mod program;

use std::path::{Path, PathBuf};

use crate::document::Document;
use crate::problem::{ConfigError, Problem, Reason};
use crate::units::{ValueError, quoted};
use crate::values::is_plain;
use fields::Fields;
use program::Exec;

pub use mode::BackgroundMode;
pub use permissions::BluetoothProfile;

/// The name of the manifest in an app's folder.
pub const FILE_NAME: &str = "app.toml";

const APP: &str = "app";
const BACKGROUND: &str = "background";
const PERMISSIONS: &str = "permissions";
const APP_KEYS: [&str; 5] = ["id", "name", "version", "exec", "description"];
const BACKGROUND_KEYS: [&str; 1] = ["modes"];
const PERMISSIONS_KEYS: [&str; 1] = ["bluetooth"];

/// The longest id in characters, each of one byte: it is the name of folders, files and cgroups.
const ID_MAX: usize = 64;
/// The longest name in characters: it is shown on a small screen.
const NAME_MAX: usize = 64;
/// The longest version in characters.
const VERSION_MAX: usize = 32;
/// The longest description in characters.
const DESCRIPTION_MAX: usize = 256;

/// What the settings let a manifest declare; by default what the rules do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ManifestOptions {
    /// Several extended-runtime modes may be declared (M4).
    pub several_modes: bool,
    /// As in WatchKit, modes that no session can be started with are no matter of the manifest: the start is refused
    /// (M3).
    pub strict: bool,
}

impl ManifestOptions {
    /// Whether a manifest may declare several extended-runtime modes, for whichever reason.
    pub const fn takes_several_modes(self) -> bool {
        self.several_modes || self.strict
    }
}

/// What an app says about itself, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The id, unique on the device: 1 to 64 of `a-z`, `0-9`, `.` and `-`, the first a letter or digit.
    pub id: String,
    /// The name for people, 1 to 64 characters on one line.
    pub name: String,
    /// The version, 1 to 32 of letters, digits, `.`, `-` and `+`.
    pub version: String,
    /// The program, relative to the app's folder and inside it.
    pub exec: PathBuf,
    /// What the app is for, 1 to 256 characters on one line.
    pub description: Option<String>,
    /// The background modes, each once, in the order of the file.
    pub modes: Vec<BackgroundMode>,
    /// The profiles of straps whose data it asks for (M5), each once, in the order of the file.
    pub bluetooth: Vec<BluetoothProfile>,
}

impl Manifest {
    /// Reads `app.toml` in the folder of an app, and checks that its program is there and can be started.
    ///
    /// # Errors
    /// With everything that is wrong with the manifest and the program.
    pub fn load(folder: &Path, options: ManifestOptions) -> Result<Self, ConfigError> {
        let path = folder.join(FILE_NAME);
        let document = read_inside(folder, &path)?;
        let draft = Draft::of_document(&document, options);
        draft.finish(|exec| program::check(folder, exec))
    }

    /// Parses the text of a manifest; `path` is its name in messages. Looks at no file, so whether the
    /// program is there stays open.
    ///
    /// # Errors
    /// With everything that is wrong with the text.
    pub fn parse(text: &str, path: &Path, options: ManifestOptions) -> Result<Self, ConfigError> {
        let document = Document::new(path, text);
        Draft::of_document(&document, options).finish(|_| Ok(()))
    }
}

/// A manifest that is linked to from its folder could be any file that the daemon may read.
fn read_inside(folder: &Path, path: &Path) -> Result<Document, ConfigError> {
    let refused = |reason| ConfigError::of_file(path, reason);

    match program::is_inside(folder, path) {
        Ok(true) => Document::read(path),
        Ok(false) => Err(refused(Reason::LinkLeavesFolder)),
        Err(error) => Err(refused(Reason::Unreadable(error))),
    }
}

/// What could be read, and what was wrong. A key that is missing here has its problem.
#[derive(Default)]
struct Draft {
    id: Option<String>,
    name: Option<String>,
    version: Option<String>,
    exec: Option<Exec>,
    description: Option<String>,
    modes: Vec<BackgroundMode>,
    bluetooth: Vec<BluetoothProfile>,
    problems: Vec<Problem>,
}

impl Draft {
    fn of_document(document: &Document, options: ManifestOptions) -> Self {
        let table = match document.parse() {
            Ok(table) => table,
            Err(error) => {
                return Self { problems: error.into_problems(), ..Self::default() };
            }
        };
        let mut draft = Self::default();
        let mut top = Fields::top(document, &table);
        top.refuse_unknown(&[APP, BACKGROUND, PERMISSIONS]);
        if let Some(app) = top.section(APP) {
            draft.read_app(app);
        } else {
            top.require(APP, "write [app] with id, name, version and exec below it");
        }
        if let Some(background) = top.section(BACKGROUND) {
            draft.read_background(background, options);
        }
        if let Some(permissions) = top.section(PERMISSIONS) {
            draft.read_permissions(permissions);
        }
        draft.problems.extend(top.problems);
        draft.problems.sort_by_key(Problem::line);
        draft
    }

    fn read_app(&mut self, mut app: Fields<'_>) {
        app.refuse_unknown(&APP_KEYS);
        self.id = app.text("id", check_id);
        app.require("id", r#"write id = "heart-rate""#);
        self.name = app.text("name", |text| check_line(text, "a name", NAME_MAX));
        app.require("name", r#"write name = "Heart Rate""#);
        self.version = app.text("version", check_version);
        app.require("version", r#"write version = "0.1.0""#);
        let place = app.place("exec");
        self.exec = app.text("exec", program::parse).zip(place).map(|(path, place)| Exec { path, place });
        app.require("exec", r#"write exec = "heart-rate", the program in the app's folder"#);
        self.description = app.text("description", |text| check_line(text, "a description", DESCRIPTION_MAX));
        self.problems.extend(app.problems);
    }

    fn read_background(&mut self, mut background: Fields<'_>, options: ManifestOptions) {
        background.refuse_unknown(&BACKGROUND_KEYS);
        let found = background.texts("modes", "a list of background modes", mode::hint());
        self.modes = mode::read(found, options, &mut background);
        self.problems.extend(background.problems);
    }

    fn read_permissions(&mut self, mut permissions: Fields<'_>) {
        permissions.refuse_unknown(&PERMISSIONS_KEYS);
        let found = permissions.texts("bluetooth", "a list of Bluetooth profiles", permissions::hint());
        self.bluetooth = permissions::read(found, &mut permissions);
        self.problems.extend(permissions.problems);
    }

    /// The manifest, if nothing is wrong with it nor, by `check`, with its program.
    fn finish(self, check: impl FnOnce(&Exec) -> Result<(), ConfigError>) -> Result<Manifest, ConfigError> {
        let mut problems = self.problems;
        if let Some(exec) = &self.exec {
            problems.extend(check(exec).err().map(ConfigError::into_problems).unwrap_or_default());
            problems.sort_by_key(Problem::line);
        }
        match (self.id, self.name, self.version, self.exec) {
            (Some(id), Some(name), Some(version), Some(exec)) if problems.is_empty() => Ok(Manifest {
                id,
                name,
                version,
                exec: exec.path,
                description: self.description,
                modes: self.modes,
                bluetooth: self.bluetooth,
            }),
            _ => Err(ConfigError::of(problems)),
        }
    }
}

fn check_id(text: &str) -> Result<String, Reason> {
    let first = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let fits = text.len() <= ID_MAX
        && text.bytes().next().is_some_and(first)
        && text.bytes().all(|b| first(b) || b == b'.' || b == b'-');
    if fits {
        return Ok(text.to_owned());
    }
    let allowed = r#"allowed are 1 to 64 of a-z, 0-9, "." and "-", the first a letter or digit"#;
    Err(not_a(text, "an app's id", allowed.to_owned()))
}

fn check_version(text: &str) -> Result<String, Reason> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    if (1..=VERSION_MAX).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    let hint = format!(r#"allowed are 1 to {VERSION_MAX} of letters, digits, ".", "-" and "+""#);
    Err(not_a(text, "a version", hint))
}

fn check_line(text: &str, wanted: &'static str, max: usize) -> Result<String, Reason> {
    if !text.trim().is_empty() && text.chars().count() <= max && is_plain(text) {
        return Ok(text.to_owned());
    }
    Err(not_a(text, wanted, format!("allowed are 1 to {max} characters on one line")))
}

fn not_a(text: &str, wanted: &'static str, hint: String) -> Reason {
    ValueError::NotA { found: quoted(text), wanted, hint }.into()
}
