//! Installing apps: a folder with a manifest is checked, copied, and put in its place in one step.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use carpus_actors::apps::InstalledApp;
use carpus_config::ConfigError;
use carpus_config::manifest::{BackgroundMode as ManifestMode, BluetoothProfile, Manifest, ManifestOptions};
use carpus_core::app::{BackgroundMode, BadAppId, BadModes};
use carpus_core::{AppId, Application, SessionKind};

use crate::grants::BadConsent;

/// What apps may take of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InstallLimits {
    /// How many apps may be installed.
    pub(crate) installed: usize,
    /// The files of one app together, in bytes.
    pub(crate) app_bytes: u64,
    /// The files and folders of one app: empty ones take room as well.
    pub(crate) app_files: u64,
}

/// The folders in which apps live.
#[derive(Debug)]
pub(crate) struct Installer {
    apps: PathBuf,
    logs: PathBuf,
    limits: InstallLimits,
    manifests: ManifestOptions,
    /// Held while the folders are changed: one change at a time.
    changes: Mutex<()>,
}

/// An app in its folder, with what it asks of the user.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    /// The app.
    pub app: InstalledApp,
    /// The profiles of straps whose data it asks for (M5).
    pub bluetooth: Vec<BluetoothProfile>,
}

impl Package {
    /// The app's identifier.
    pub(crate) const fn id(&self) -> &AppId {
        &self.app.application.id
    }
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
    /// The user has not said whether the app may have what it asks for (M5).
    #[error("{} asks for more than it was granted; say what it is granted", package.app.name)]
    ConsentNeeded {
        /// The app that asks.
        package: Box<Package>,
    },
    /// The user grants what the app does not ask for (M5).
    #[error("{app} cannot be granted that: {cause}")]
    NotAsked {
        /// The app.
        app: AppId,
        /// What it asks for.
        cause: BadConsent,
    },
    /// The folder became another app's while it was copied.
    #[error("the folder of {0} was changed while it was copied; install it again")]
    Changed(AppId),
    /// The app is too large.
    #[error(
        "{} holds more than {} bytes, which is the limit (apps.max_app_size)",
        folder.display(), limits.app_bytes
    )]
    TooLarge {
        /// The app's folder.
        folder: PathBuf,
        /// The limits.
        limits: InstallLimits,
    },
    /// The app has too many files.
    #[error(
        "{} holds more than {} files and folders, which is the limit (apps.max_app_files)",
        folder.display(), limits.app_files
    )]
    TooManyFiles {
        /// The app's folder.
        folder: PathBuf,
        /// The limits.
        limits: InstallLimits,
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
    pub(crate) fn new(state: &Path, limits: InstallLimits, manifests: ManifestOptions) -> Self {
        let (apps, logs) = (state.join("apps"), state.join("logs"));
        Self { apps, logs, limits, manifests, changes: Mutex::new(()) }
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
    pub(crate) fn installed(&self) -> Result<Vec<Package>, InstallError> {
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

    fn read_or_warn(&self, folder: &Path) -> Option<Package> {
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

    fn read(&self, folder: &Path) -> Result<Package, InstallError> {
        let manifest = Manifest::load(folder, self.manifests)?;
        let id = AppId::parse(&manifest.id)?;
        let modes: Vec<_> = manifest.modes.iter().copied().map(mode).collect();
        let bluetooth = manifest.bluetooth;
        let app = InstalledApp {
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
        };
        Ok(Package { app, bluetooth })
    }

    /// Installs the app in `folder`, or replaces an installed version of it that does not run. `consent` says what it
    /// is granted (M5).
    ///
    /// # Errors
    /// When the manifest is refused, the user has to be asked, the app runs, there are too many, or the disk fails. The
    /// version that was installed before stays then.
    pub(crate) fn install(
        &self,
        folder: &Path,
        runs: impl Fn(&AppId) -> bool,
        consent: impl Fn(&Package) -> Result<Granted, BadConsent>,
    ) -> Result<(Package, Granted), InstallError> {
        let _change = self.changes.lock().unwrap_or_else(PoisonError::into_inner); // it guards no value
        let package = self.read(folder)?;
        let app = package.id().clone();
        if runs(&app) {
            return Err(InstallError::Runs(app));
        }
        let place = self.apps.join(app.as_str());
        if !place.exists() && self.installed()?.len() >= self.limits.installed {
            return Err(InstallError::TooMany { limit: self.limits.installed });
        }
        ask(&package, &consent)?; // before anything is copied
        let staged = self.apps.join(format!(".{app}.new"));
        remove_folder(&staged)?;
        let installed = Room::of(folder, self.limits)
            .copy_folder(folder, &staged)
            // What was checked first may not be what was copied.
            .and_then(|()| self.read(&staged))
            .and_then(|copied| same_app(copied, &app))
            .and_then(|copied| ask(&copied, &consent))
            .and_then(|granted| {
                self.swap_in(&staged, &place, &self.apps.join(format!(".{app}.old"))).map(|()| granted)
            });
        match installed {
            Ok(granted) => Ok((self.read(&place)?, granted)),
            Err(error) => {
                remove_folder(&staged)?;
                Err(error)
            }
        }
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

/// What an app is granted.
pub(crate) type Granted = BTreeSet<BluetoothProfile>;

fn ask(
    package: &Package,
    consent: impl Fn(&Package) -> Result<Granted, BadConsent>,
) -> Result<Granted, InstallError> {
    consent(package).map_err(|cause| match cause {
        BadConsent::Needed => InstallError::ConsentNeeded { package: Box::new(package.clone()) },
        BadConsent::NotAsked { .. } => InstallError::NotAsked { app: package.id().clone(), cause },
    })
}

/// What was copied is put into the place of the app that was checked, and of no other.
fn same_app(copied: Package, app: &AppId) -> Result<Package, InstallError> {
    if copied.id() == app { Ok(copied) } else { Err(InstallError::Changed(app.clone())) }
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
    files: u64,
    folder: PathBuf,
    limits: InstallLimits,
}

impl Room {
    /// The room of an app, all of it left.
    fn of(folder: &Path, limits: InstallLimits) -> Self {
        Self { bytes: limits.app_bytes, files: limits.app_files, folder: folder.to_owned(), limits }
    }

    /// Takes the room of one file of this size, or of a folder.
    fn take(&mut self, bytes: u64) -> Result<(), InstallError> {
        let (folder, limits) = (self.folder.clone(), self.limits);
        let Some(files) = self.files.checked_sub(1) else {
            return Err(InstallError::TooManyFiles { folder, limits });
        };
        let Some(bytes) = self.bytes.checked_sub(bytes) else {
            return Err(InstallError::TooLarge { folder, limits });
        };
        (self.files, self.bytes) = (files, bytes);
        Ok(())
    }

    /// Copies files and folders, and nothing else: a link could lead out of the app.
    fn copy_folder(&mut self, from: &Path, to: &Path) -> Result<(), InstallError> {
        let io = |what, path: &Path| {
            let path = path.to_owned();
            move |cause| InstallError::Io { what, path, cause }
        };
        fs::create_dir_all(to).map_err(io("cannot make", to))?;
        for entry in fs::read_dir(from).map_err(io("cannot read", from))? {
            let entry = entry.map_err(io("cannot read", from))?;
            let (path, target) = (entry.path(), to.join(entry.file_name()));
            let metadata = entry.metadata().map_err(io("cannot read", &path))?;
            self.take(if metadata.is_file() { metadata.len() } else { 0 })?;
            if metadata.is_dir() {
                self.copy_folder(&path, &target)?;
            } else if metadata.is_file() {
                fs::copy(&path, &target).map_err(io("cannot copy", &path))?;
            } else {
                return Err(InstallError::NotAFile(path));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::grants::consent;

    /// The user is not asked, as the app asks for nothing.
    fn install(installer: &Installer, folder: &Path) -> Result<InstalledApp, InstallError> {
        install_with(installer, folder, Some(&[])).map(|(package, _)| package.app)
    }

    fn install_with(
        installer: &Installer,
        folder: &Path,
        said: Option<&[BluetoothProfile]>,
    ) -> Result<(Package, Granted), InstallError> {
        installer.install(folder, |_| false, |package| consent(&package.bluetooth, &Granted::new(), said))
    }

    const LIMITS: InstallLimits = InstallLimits { installed: 1, app_bytes: 1 << 20, app_files: 100 };

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
        installer_within(root, LIMITS, manifests)
    }

    fn installer_within(root: &Path, limits: InstallLimits, manifests: ManifestOptions) -> Installer {
        let installer = Installer::new(&root.join("state"), limits, manifests);
        installer.installed().unwrap();
        installer
    }

    fn copy_folder(from: &Path, to: &Path) {
        Room::of(from, LIMITS).copy_folder(from, to).unwrap();
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
        let app = install(&installer, &app_folder(root.path(), "1")).unwrap();
        assert_eq!(
            (app.version.as_str(), app.application.session_kinds),
            ("1", vec![SessionKind::Mindfulness])
        );
        let app = install(&installer, &app_folder(root.path(), "2")).unwrap();
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
        install(&installer, &folder).unwrap();
        let manifest = fs::read_to_string(folder.join("app.toml")).unwrap();
        fs::write(folder.join("app.toml"), manifest.replace("mindfulness", "mindfullness")).unwrap();
        assert!(matches!(install(&installer, &folder), Err(InstallError::Manifest(_))));
        assert_eq!(installer.installed().unwrap()[0].app.version, "1");
    }

    #[test]
    fn m4_an_app_with_several_modes_is_installed_where_the_settings_allow_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = app_with_modes(root.path(), r#""mindfulness", "audio", "alarm""#);
        let refused = install(&installer(root.path()), &folder);
        assert!(matches!(refused, Err(InstallError::Manifest(_))));
        let several = ManifestOptions { several_modes: true, strict: false };
        let app = install(&installer_with(root.path(), several), &folder).unwrap();
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
        let none = install(&strict, &app_with_modes(root.path(), r#""audio""#)).unwrap();
        assert_eq!(none.application.session_kinds, []);
        let two = app_with_modes(root.path(), r#""alarm", "self-care""#);
        let two = install(&strict, &two).unwrap();
        assert_eq!(two.application.session_kinds, [SessionKind::Alarm, SessionKind::SelfCare]);
    }

    #[test]
    fn m5_an_app_that_asks_is_installed_only_when_the_user_has_answered() {
        use BluetoothProfile::{Battery, HeartRate};
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        let folder = app_folder(root.path(), "1");
        let manifest = fs::read_to_string(folder.join("app.toml")).unwrap();
        fs::write(folder.join("app.toml"), manifest + "[permissions]\nbluetooth = [\"heart-rate\"]\n")
            .unwrap();
        let refused = install_with(&installer, &folder, None);
        let Err(InstallError::ConsentNeeded { package }) = refused else { panic!("{refused:?}") };
        assert_eq!((package.app.name.as_str(), package.bluetooth), ("Breathe", vec![HeartRate]));
        let refused = install_with(&installer, &folder, Some(&[Battery]));
        assert!(matches!(refused, Err(InstallError::NotAsked { .. })), "{refused:?}");
        assert_eq!(fs::read_dir(root.path().join("state/apps")).unwrap().count(), 0);
        let (_, granted) = install_with(&installer, &folder, Some(&[])).unwrap();
        assert_eq!(granted, Granted::new());
        let (package, granted) = install_with(&installer, &folder, Some(&[HeartRate])).unwrap();
        assert_eq!((package.bluetooth, granted), (vec![HeartRate], Granted::from([HeartRate])));
    }

    #[test]
    fn a_running_app_is_not_replaced() {
        let root = tempfile::tempdir().unwrap();
        let folder = app_folder(root.path(), "1");
        assert!(matches!(
            installer(root.path()).install(&folder, |_| true, |_| Ok(Granted::new())),
            Err(InstallError::Runs(_))
        ));
    }

    #[test]
    fn an_install_that_was_cut_short_is_finished_at_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        install(&installer, &app_folder(root.path(), "1")).unwrap();
        let apps = root.path().join("state/apps");
        // Power was lost between the two steps of a replacement.
        fs::rename(apps.join("breathe"), apps.join(".breathe.old")).unwrap();
        copy_folder(&app_folder(root.path(), "2"), &apps.join(".breathe.new"));
        assert!(installer.installed().unwrap().is_empty());
        installer.tidy().unwrap();
        assert_eq!(installer.installed().unwrap()[0].app.version, "1");
        assert!(!apps.join(".breathe.new").exists());
        // And here after them.
        copy_folder(&app_folder(root.path(), "0"), &apps.join(".breathe.old"));
        installer.tidy().unwrap();
        assert_eq!(installer.installed().unwrap()[0].app.version, "1");
        assert!(!apps.join(".breathe.old").exists());
    }

    #[test]
    fn an_install_that_fails_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        let folder = app_folder(root.path(), "1");
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        install(&installer, &folder).unwrap_err();
        assert_eq!(fs::read_dir(root.path().join("state/apps")).unwrap().count(), 0);
    }

    /// What comes of installing an app of two files, its folder not counted, within these limits.
    fn installed_within(bytes: impl Fn(u64) -> u64, files: u64) -> Result<InstalledApp, InstallError> {
        let root = tempfile::tempdir().unwrap();
        let folder = app_folder(root.path(), "1");
        let size = |name| fs::metadata(folder.join(name)).unwrap().len();
        let limits =
            InstallLimits { app_bytes: bytes(size("app.toml") + size("run")), app_files: files, ..LIMITS };
        install(&installer_within(root.path(), limits, ManifestOptions::default()), &folder)
    }

    #[test]
    fn an_app_as_large_as_may_be_is_installed_and_a_byte_more_is_refused() {
        installed_within(|all| all, 2).unwrap();
        let refused = installed_within(|all| all - 1, 2).unwrap_err();
        assert!(matches!(refused, InstallError::TooLarge { .. }), "{refused}");
        assert!(refused.to_string().ends_with("bytes, which is the limit (apps.max_app_size)"), "{refused}");
    }

    #[test]
    fn an_app_of_as_many_files_as_may_be_is_installed_and_one_more_is_refused() {
        installed_within(|all| all, 2).unwrap();
        let refused = installed_within(|all| all, 1).unwrap_err();
        assert!(matches!(refused, InstallError::TooManyFiles { .. }), "{refused}");
        assert!(
            refused.to_string().ends_with("1 files and folders, which is the limit (apps.max_app_files)")
        );
    }

    #[test]
    fn a_link_is_not_copied() {
        let root = tempfile::tempdir().unwrap();
        let folder = app_folder(root.path(), "1");
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        assert!(matches!(install(&installer(root.path()), &folder), Err(InstallError::NotAFile(_))));
    }

    #[test]
    fn no_more_apps_than_allowed() {
        let root = tempfile::tempdir().unwrap();
        let installer = installer(root.path());
        let folder = app_folder(root.path(), "1");
        install(&installer, &folder).unwrap();
        let manifest = fs::read_to_string(folder.join("app.toml")).unwrap();
        fs::write(folder.join("app.toml"), manifest.replace("\"breathe\"", "\"other\"")).unwrap();
        assert!(matches!(install(&installer, &folder), Err(InstallError::TooMany { limit: 1 })));
    }
}
