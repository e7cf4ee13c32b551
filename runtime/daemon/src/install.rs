//! Installing apps: a folder with a manifest is checked, copied, and put in its place in one step.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use carpus_actors::apps::InstalledApp;
use carpus_config::ConfigError;
use carpus_config::manifest::{BackgroundMode as ManifestMode, Manifest, ManifestOptions};
use carpus_core::app::{BackgroundMode, BadAppId, BadModes};
use carpus_core::{AppId, Application, SessionKind};

/// The largest app, in bytes of all its files: a bound on what one install can take from the disk.
const APP_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// The most files and folders of an app: empty ones take room as well.
const APP_ENTRIES_MAX: u64 = 20_000;

/// The folders in which apps live.
#[derive(Debug)]
pub(crate) struct Installer {
    apps: PathBuf,
    logs: PathBuf,
    max_installed: usize,
    manifests: ManifestOptions,
    /// Held while the folders are changed: one change at a time.
    changes: Mutex<()>,
}

/// Why an app was not installed, or not removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// The manifest was refused (M1–M4).
    #[error(transparent)]
    Manifest(#[from] ConfigError),
    /// The identifier was refused.
    #[error(transparent)]
    Id(#[from] BadAppId),
    /// The modes were refused (M2).
    #[error(transparent)]
    Modes(#[from] BadModes),
    /// The app runs.
    #[error("{0} is running; close it first")]
    Runs(AppId),
    /// As many apps as may be are installed.
    #[error("{limit} apps are installed, which is the limit (apps.max_installed); remove one first")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// The app is too large.
    #[error(
        "{} holds more than {} MB or {APP_ENTRIES_MAX} files; an app may not",
        folder.display(), APP_BYTES_MAX / 1_000_000
    )]
    TooLarge {
        /// The app's folder.
        folder: PathBuf,
    },
    /// Something in the folder is neither a file nor a folder.
    #[error("{} is neither a file nor a folder; an app holds only these", .0.display())]
    NotAFile(PathBuf),
    /// The disk failed.
    #[error("{what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's word.
        #[source]
        cause: io::Error,
    },
}

impl Installer {
    /// An installer for the folders below `state`.
    pub(crate) fn new(state: &Path, max_installed: usize, manifests: ManifestOptions) -> Self {
        let (apps, logs) = (state.join("apps"), state.join("logs"));
        Self { apps, logs, max_installed, manifests, changes: Mutex::new(()) }
    }

    /// Finishes what an earlier runtime was killed in: brings back the version that it had moved away and not
    /// replaced yet, and removes what it had not put in place.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn tidy(&self) -> Result<(), InstallError> {
        let failed = |cause| InstallError::Io { what: "cannot read", path: self.apps.clone(), cause };
        for entry in fs::read_dir(&self.apps).map_err(failed)? {
            let folder = entry.map_err(failed)?.path();
            let name =
                folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix('.'));
            let Some((app, suffix)) = name.and_then(|name| name.rsplit_once('.')) else { continue };
            let place = self.apps.join(app);
            match suffix {
                "old" if !place.exists() => fs::rename(&folder, &place).map_err(|cause| {
                    InstallError::Io { what: "cannot put back", path: folder.clone(), cause }
                })?,
                "old" | "new" => remove_folder(&folder)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The apps that are installed. One whose manifest is refused is left out, with a warning: it must not keep
    /// the others from running.
    ///
    /// # Errors
    /// When the folder of the apps cannot be read.
    pub(crate) fn installed(&self) -> Result<Vec<InstalledApp>, InstallError> {
        let failed = |cause| InstallError::Io { what: "cannot read", path: self.apps.clone(), cause };
        fs::create_dir_all(&self.apps).map_err(failed)?;
        let mut folders: Vec<_> = fs::read_dir(&self.apps)
            .and_then(|entries| {
                entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()
            })
            .map_err(failed)?;
        folders.sort();
        let shown = |folder: &PathBuf| {
            folder.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
        };
        Ok(folders
            .iter()
            .filter(|folder| shown(folder))
            .filter_map(|folder| self.read_or_warn(folder))
            .collect())
    }

    fn read_or_warn(&self, folder: &Path) -> Option<InstalledApp> {
        match self.read(folder) {
            Ok(app) => Some(app),
            Err(error) => {
                tracing::warn!(
                    "an installed app is left out: {}",
                    carpus_actors::report::with_causes(&error)
                );
                None
            }
        }
    }

    fn read(&self, folder: &Path) -> Result<InstalledApp, InstallError> {
        let manifest = Manifest::load(folder, self.manifests)?;
        let id = AppId::parse(&manifest.id)?;
        let modes: Vec<_> = manifest.modes.iter().copied().map(mode).collect();
        Ok(InstalledApp {
            application: if self.manifests.takes_several_modes() {
                Application::with_several_modes(id, &modes)
            } else {
                Application::new(id, &modes)?
            },
            name: manifest.name,
            version: manifest.version,
            modes: manifest.modes.iter().map(ToString::to_string).collect(),
            program: folder.join(manifest.exec),
            folder: folder.to_owned(),
        })
    }

    /// Installs the app in `folder`, or replaces an installed version of it that does not run.
    ///
    /// # Errors
    /// When the manifest is refused, the app runs, there are too many, or the disk fails. The version that was
    /// installed before stays then.
    pub(crate) fn install(
        &self,
        folder: &Path,
        runs: impl Fn(&AppId) -> bool,
    ) -> Result<InstalledApp, InstallError> {
        let _change = self.changes.lock().unwrap_or_else(PoisonError::into_inner); // it guards no value
        let app = self.read(folder)?.application.id;
        if runs(&app) {
            return Err(InstallError::Runs(app));
        }
        let place = self.apps.join(app.as_str());
        if !place.exists() && self.installed()?.len() >= self.max_installed {
            return Err(InstallError::TooMany { limit: self.max_installed });
        }
        let staged = self.apps.join(format!(".{app}.new"));
        remove_folder(&staged)?;
        let installed = copy_folder(folder, &staged, &mut Room::default())
            // What was checked first may not be what was copied.
            .and_then(|()| self.read(&staged))
            .and_then(|_| self.swap_in(&staged, &place, &self.apps.join(format!(".{app}.old"))));
        if let Err(error) = installed {
            remove_folder(&staged)?;
            return Err(error);
        }
        self.read(&place)
    }

    /// Puts the staged folder in its place; at no moment is there neither the old nor the new version on disk.
    /// [`Self::tidy`] finishes it after a loss of power.
    fn swap_in(&self, staged: &Path, place: &Path, old: &Path) -> Result<(), InstallError> {
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |cause| InstallError::Io { what, path, cause }
        };
        remove_folder(old)?;
        if place.exists() {
            fs::rename(place, old).map_err(io("cannot move away", place))?;
        }
        fs::rename(staged, place).map_err(io("cannot put in place", place))?;
        remove_folder(old)
    }

    /// Removes the app's folder and its log.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn remove(&self, app: &AppId) -> Result<(), InstallError> {
        let _change = self.changes.lock().unwrap_or_else(PoisonError::into_inner); // it guards no value
        remove_folder(&self.apps.join(app.as_str()))?;
        let log = self.log_of(app.as_str());
        match fs::remove_file(&log) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(InstallError::Io { what: "cannot remove", path: log, cause })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Where the app's output is kept.
    pub(crate) fn log_of(&self, app: &str) -> PathBuf {
        self.logs.join(format!("{app}.log"))
    }
}

const fn mode(mode: ManifestMode) -> BackgroundMode {
    match mode {
        ManifestMode::SelfCare => BackgroundMode::ExtendedRuntime(SessionKind::SelfCare),
        ManifestMode::Mindfulness => BackgroundMode::ExtendedRuntime(SessionKind::Mindfulness),
        ManifestMode::PhysicalTherapy => BackgroundMode::ExtendedRuntime(SessionKind::PhysicalTherapy),
        ManifestMode::Alarm => BackgroundMode::ExtendedRuntime(SessionKind::Alarm),
        ManifestMode::WorkoutProcessing => BackgroundMode::WorkoutProcessing,
        ManifestMode::Audio => BackgroundMode::Audio,
        ManifestMode::Location => BackgroundMode::Location,
        ManifestMode::BluetoothCentral => BackgroundMode::BluetoothCentral,
    }
}

fn remove_folder(folder: &Path) -> Result<(), InstallError> {
    match fs::remove_dir_all(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(InstallError::Io { what: "cannot remove", path: folder.to_owned(), cause })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What may still be copied of an app.
struct Room {
    bytes: u64,
    entries: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: APP_BYTES_MAX, entries: APP_ENTRIES_MAX }
    }
}

impl Room {
    /// Takes the room of one entry; none when there is not enough.
    fn take(&mut self, bytes: u64) -> Option<()> {
        self.entries = self.entries.checked_sub(1)?;
        self.bytes = self.bytes.checked_sub(bytes)?;
        Some(())
    }
}

/// Copies files and folders, and nothing else: a link could lead out of the app.
fn copy_folder(from: &Path, to: &Path, room: &mut Room) -> Result<(), InstallError> {
    let io = |what, path: &Path| {
        let path = path.to_owned();
        move |cause| InstallError::Io { what, path, cause }
    };
    fs::create_dir_all(to).map_err(io("cannot make", to))?;
    for entry in fs::read_dir(from).map_err(io("cannot read", from))? {
        let entry = entry.map_err(io("cannot read", from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let metadata = entry.metadata().map_err(io("cannot read", &path))?;
        let bytes = if metadata.is_file() { metadata.len() } else { 0 };
        room.take(bytes).ok_or_else(|| InstallError::TooLarge { folder: from.to_owned() })?;
        if metadata.is_dir() {
            copy_folder(&path, &target, room)?;
        } else if metadata.is_file() {
            fs::copy(&path, &target).map_err(io("cannot copy", &path))?;
        } else {
            return Err(InstallError::NotAFile(path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn app_folder(root: &Path, version: &str) -> PathBuf {
        let folder = root.join("source");
        fs::create_dir_all(&folder).unwrap();
        let manifest = format!(
            "[app]\nid = \"breathe\"\nname = \"Breathe\"\nversion = \"{version}\"\nexec = \"run\"\n\
             [background]\nmodes = [\"mindfulness\"]\n"
        );
        fs::write(folder.join("app.toml"), manifest).unwrap();
        fs::write(folder.join("run"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(folder.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    fn installer(root: &Path) -> Installer {
        installer_with(root, ManifestOptions::default())
    }

    fn installer_with(root: &Path, manifests: ManifestOptions) -> Installer {
        let installer = Installer::new(&root.join("state"), 1, manifests);
        installer.installed().unwrap();
        installer
    }

    /// The app's folder, with these modes in its manifest.
    fn app_with_modes(root: &Path, modes: &str) -> PathBuf {
        let folder = app_folder(root, "1");
        let manifest = fs::read_to_string(folder.join("app.toml")).unwrap();
        fs::write(folder.join("app.toml"), manifest.replace("\"mindfulness\"", modes)).unwrap();
        folder
    }

    #[test]
    fn an_app_is_installed_replaced_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        let app = installer.install(&app_folder(root.path(), "1"), |_| false).unwrap();
        assert_eq!(
            (app.version.as_str(), app.application.session_kinds),
            ("1", vec![SessionKind::Mindfulness])
        );
        let app = installer.install(&app_folder(root.path(), "2"), |_| false).unwrap();
        assert_eq!(app.version, "2");
        assert_eq!(installer.installed().unwrap().len(), 1);
        installer.remove(&app.application.id).unwrap();
        assert!(installer.installed().unwrap().is_empty());
    }

    #[test]
    fn m3_a_refused_manifest_leaves_the_installed_version_alone() {
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        let folder = app_folder(root.path(), "1");
        installer.install(&folder, |_| false).unwrap();
        let manifest = fs::read_to_string(folder.join("app.toml")).unwrap();
        fs::write(folder.join("app.toml"), manifest.replace("mindfulness", "mindfullness")).unwrap();
        assert!(matches!(installer.install(&folder, |_| false), Err(InstallError::Manifest(_))));
        assert_eq!(installer.installed().unwrap()[0].version, "1");
    }

    #[test]
    fn m4_an_app_with_several_modes_is_installed_where_the_settings_allow_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = app_with_modes(root.path(), r#""mindfulness", "audio", "alarm""#);
        let refused = installer(root.path()).install(&folder, |_| false);
        assert!(matches!(refused, Err(InstallError::Manifest(_))));
        let several = ManifestOptions { several_modes: true, strict: false };
        let app = installer_with(root.path(), several).install(&folder, |_| false).unwrap();
        assert_eq!(app.application.session_kinds, [SessionKind::Mindfulness, SessionKind::Alarm]);
        assert_eq!(app.modes, ["mindfulness", "audio", "alarm"]);
        assert!(
            installer(root.path()).installed().unwrap().is_empty(),
            "left out once they allow it no more"
        );
    }

    #[test]
    fn m3_in_strict_mode_an_app_with_none_or_several_modes_is_installed() {
        let root = tempfile::tempdir().unwrap();
        let strict = installer_with(root.path(), ManifestOptions { several_modes: false, strict: true });
        let none = strict.install(&app_with_modes(root.path(), r#""audio""#), |_| false).unwrap();
        assert_eq!(none.application.session_kinds, []);
        let two = app_with_modes(root.path(), r#""alarm", "self-care""#);
        let two = strict.install(&two, |_| false).unwrap();
        assert_eq!(two.application.session_kinds, [SessionKind::Alarm, SessionKind::SelfCare]);
    }

    #[test]
    fn a_running_app_is_not_replaced() {
        let root = tempfile::tempdir().unwrap();
        let folder = app_folder(root.path(), "1");
        assert!(matches!(installer(root.path()).install(&folder, |_| true), Err(InstallError::Runs(_))));
    }

    #[test]
    fn an_install_that_was_cut_short_is_finished_at_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        installer.install(&app_folder(root.path(), "1"), |_| false).unwrap();
        let apps = root.path().join("state/apps");
        // Power was lost between the two steps of a replacement.
        fs::rename(apps.join("breathe"), apps.join(".breathe.old")).unwrap();
        copy_folder(&app_folder(root.path(), "2"), &apps.join(".breathe.new"), &mut Room::default()).unwrap();
        assert!(installer.installed().unwrap().is_empty());
        installer.tidy().unwrap();
        assert_eq!(installer.installed().unwrap()[0].version, "1");
        assert!(!apps.join(".breathe.new").exists());
        // And here after them.
        copy_folder(&app_folder(root.path(), "0"), &apps.join(".breathe.old"), &mut Room::default()).unwrap();
        installer.tidy().unwrap();
        assert_eq!(installer.installed().unwrap()[0].version, "1");
        assert!(!apps.join(".breathe.old").exists());
    }

    #[test]
    fn an_install_that_fails_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        let folder = app_folder(root.path(), "1");
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        installer.install(&folder, |_| false).unwrap_err();
        assert_eq!(fs::read_dir(root.path().join("state/apps")).unwrap().count(), 0);
    }

    #[test]
    fn too_many_files_are_refused_as_too_large() {
        let root = tempfile::tempdir().unwrap();
        let folder = app_folder(root.path(), "1");
        let copied = copy_folder(&folder, &root.path().join("copy"), &mut Room { bytes: 1000, entries: 1 });
        assert!(matches!(copied, Err(InstallError::TooLarge { .. })));
    }

    #[test]
    fn a_link_is_not_copied() {
        let root = tempfile::tempdir().unwrap();
        let folder = app_folder(root.path(), "1");
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        assert!(matches!(installer(root.path()).install(&folder, |_| false), Err(InstallError::NotAFile(_))));
    }

    #[test]
    fn no_more_apps_than_allowed() {
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        let folder = app_folder(root.path(), "1");
        installer.install(&folder, |_| false).unwrap();
        let manifest = fs::read_to_string(folder.join("app.toml")).unwrap();
        fs::write(folder.join("app.toml"), manifest.replace("\"breathe\"", "\"other\"")).unwrap();
        assert!(matches!(installer.install(&folder, |_| false), Err(InstallError::TooMany { limit: 1 })));
    }
}
