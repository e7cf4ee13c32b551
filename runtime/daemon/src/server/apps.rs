//! `io.carpus.Apps`.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carpus_actors::apps::{AddApp, DropApp, InstalledApp, ListApps};
use carpus_actors::journal::{ForgetApp, SaveGrants};
use carpus_actors::report::with_causes;
use carpus_actors::watch::{CallFailure, Installed, Look, SetRights, Settle, UserCall, View};
use carpus_config::manifest::BluetoothProfile as Profile;
use carpus_config::{ConfigError, Origin};
use carpus_core::watch::CallError;
use carpus_core::{AppId, AppRights, AppState};
use carpus_protocol::apps::{
    self as wire, AppInfo, BluetoothAccess, BluetoothProfile, Call, Error, Install, InstallReply, ListReply,
    Log, LogReply,
};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::client::{Answer, Client, Out, done, failed, nothing};
use super::convert::same_name;
use crate::grants::{self, Access};
use crate::install::{InstallError, Package};

/// How often a log that is followed is looked at.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);
/// The most lines that a client gets at once.
const LINES_MAX: u64 = 100_000;
/// The most bytes of a log that are read at once: an app may write faster than its log is cut.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// A longer line is told in pieces.
const LINE_BYTES_MAX: usize = 64 * 1024;

impl Client {
    pub(super) async fn apps(&self, call: Call) -> Answer {
        if let Err(message) = self.operator() {
            return failed(&Error::NotPermitted { message });
        }
        match call {
            Call::Install(install) => match self.install(install).await {
                Ok(app) => done(&InstallReply { app }),
                Err(error) => failed(&error),
            },
            Call::List(_) => match self.list_apps().await {
                Ok(apps) => done(&ListReply { apps }),
                Err(error) => failed(&error),
            },
            Call::Remove(remove) => answer(self.remove(&remove.app).await),
            Call::Open(open) => answer(self.on_app(&open.app, UserCall::Open).await),
            Call::Close(close) => answer(self.on_app(&close.app, UserCall::Close).await),
            Call::SetRights(rights) => answer(self.set_rights(&rights).await),
            Call::Log(_) => nothing(),
        }
    }

    async fn install(&self, Install { folder, bluetooth }: Install) -> Result<AppInfo, Error> {
        let (installer, grants) = (self.services.installer.clone(), self.services.grants.clone());
        let view = self.services.watch.send(Look).await.map_err(unavailable)?;
        let runs = move |app: &AppId| {
            view.apps.iter().any(|(id, state)| id == app && *state != AppState::NotRunning)
        };
        let said: Option<Vec<_>> = bluetooth.map(|said| said.into_iter().map(profile).collect());
        let consent = move |package: &Package| {
            grants::consent(&package.bluetooth, &grants.of(package.id()).granted, said.as_deref())
        };
        // Copying takes a while: on a thread of its own, so that nobody waits for it.
        let copied =
            tokio::task::spawn_blocking(move || installer.install(Path::new(&folder), runs, consent)).await;
        let (package, granted) = copied.map_err(unavailable)?.map_err(|error| install_error(&error))?;
        let app = package.app;
        self.services.apps.send(AddApp(app.clone())).await.map_err(unavailable)?;
        self.services.watch.send(Installed(app.application.clone())).await.map_err(unavailable)?;
        self.grant(app.application.id.clone(), Access { asked: package.bluetooth, granted }).await?;
        let view = self.services.watch.send(Look).await.map_err(unavailable)?;
        Ok(self.info(&app, None, &view))
    }

    /// Says what an app has from now on. What is taken away is gone at once; what is given counts once it is on disk.
    async fn grant(&self, app: AppId, access: Access) -> Result<(), Error> {
        let before = self.services.grants.of(&app);
        let kept = before.granted.intersection(&access.granted).copied().collect();
        self.services.grants.set(app.clone(), Access { asked: access.asked.clone(), granted: kept });
        if before.granted != access.granted {
            let bluetooth = access.granted.iter().map(ToString::to_string).collect();
            let save = SaveGrants { app: app.clone(), bluetooth };
            self.services.journal.send(save).await.map_err(unavailable)?.map_err(unavailable)?;
            tracing::info!(%app, bluetooth = ?access.granted, "the user grants");
        }
        self.services.grants.set(app, access);
        Ok(())
    }

    async fn remove(&self, text: &str) -> Result<(), Error> {
        let app = AppId::parse(text).map_err(|_| unknown(text))?;
        self.on_app(text, UserCall::Remove).await?;
        self.services.apps.send(DropApp(app.clone())).await.map_err(unavailable)?;
        // The ends of its sessions are written down first, so that they are forgotten with the rest.
        self.services.watch.send(Settle).await.map_err(unavailable)?;
        self.services
            .journal
            .send(ForgetApp { app: app.clone() })
            .await
            .map_err(unavailable)?
            .map_err(unavailable)?;
        self.services.grants.forget(&app);
        self.services.refusals.forget(&app);
        let installer = self.services.installer.clone();
        let removed = tokio::task::spawn_blocking(move || installer.remove(&app)).await;
        removed.map_err(unavailable)?.map_err(|error| install_error(&error))
    }

    async fn list_apps(&self) -> Result<Vec<AppInfo>, Error> {
        let apps = self.services.apps.send(ListApps).await.map_err(unavailable)?;
        let view = self.services.watch.send(Look).await.map_err(unavailable)?;
        Ok(apps.iter().map(|(app, pid)| self.info(app, *pid, &view)).collect())
    }

    /// What is left out stays as it is.
    async fn set_rights(&self, call: &wire::SetRights) -> Result<(), Error> {
        let app = AppId::parse(&call.app).map_err(|_| unknown(&call.app))?;
        let view = self.services.watch.send(Look).await.map_err(unavailable)?;
        if !view.apps.iter().any(|(id, _)| *id == app) {
            return Err(unknown(&call.app));
        }
        if let Some(said) = &call.bluetooth {
            let said: Vec<_> = said.iter().copied().map(profile).collect();
            let Access { asked, granted: before } = self.services.grants.of(&app);
            let granted = grants::consent(&asked, &before, Some(&said)).map_err(|error| Error::Refused {
                message: format!("{app} cannot be granted that: {error}"),
            })?;
            self.grant(app.clone(), Access { asked, granted }).await?;
        }
        if call.background_refresh.is_none() && call.scheduling.is_none() {
            return Ok(());
        }
        let AppRights { background_refresh, schedule } = rights_of(&app, &view);
        let rights = AppRights {
            background_refresh: call.background_refresh.unwrap_or(background_refresh),
            schedule: call.scheduling.unwrap_or(schedule),
        };
        match self.services.watch.send(SetRights(app, rights)).await.map_err(unavailable)? {
            Ok(()) => Ok(()),
            Err(CallFailure::Refused(CallError::UnknownApp(_))) => Err(unknown(&call.app)),
            Err(failure) => Err(unavailable(failure)),
        }
    }

    fn info(&self, app: &InstalledApp, pid: Option<u32>, view: &View) -> AppInfo {
        let id = &app.application.id;
        let state =
            view.apps.iter().find(|(known, _)| known == id).map_or(AppState::NotRunning, |(_, state)| *state);
        let rights = rights_of(id, view);
        AppInfo {
            app: id.to_string(),
            name: app.name.clone(),
            version: app.version.clone(),
            modes: app.modes.clone(),
            state: same_name(state.name()),
            pid: pid.map(i64::from),
            background_refresh: Some(rights.background_refresh),
            scheduling: Some(rights.schedule),
            bluetooth: Some(told_access(&self.services.grants.of(id))),
        }
    }

    async fn on_app(&self, text: &str, what: fn(AppId) -> UserCall) -> Result<(), Error> {
        let app = AppId::parse(text).map_err(|_| unknown(text))?;
        match self.services.watch.send(what(app)).await.map_err(unavailable)? {
            Ok(()) => Ok(()),
            Err(CallError::UnknownApp(_)) => Err(unknown(text)),
            Err(error) => Err(Error::Refused { message: error.to_string() }),
        }
    }

    pub(super) async fn stream_apps(&mut self, call: Call) -> zlink::Result<()> {
        let Call::Log(log) = call else { return Ok(()) };
        if let Err(message) = self.operator() {
            return self.out.error(&Error::NotPermitted { message }).await;
        }
        let installed = self.services.apps.send(ListApps).await.unwrap_or_default();
        if !installed.iter().any(|(app, _)| app.application.id.as_str() == log.app) {
            return self.out.error(&unknown(&log.app)).await;
        }
        let path = self.services.installer.log_of(&log.app);
        let (read, out, _) = self.parts();
        tokio::select! {
            told = tell_log(out, path, log) => told,
            () = Self::left(read) => Ok(()),
        }
    }
}

/// Sends the last lines of a log, and, when it is followed, each line that comes. A stream needs a last reply, so
/// one that is not followed keeps its last line back for it.
async fn tell_log(out: &mut Out, path: PathBuf, log: Log) -> zlink::Result<()> {
    let (starts_at, text) = match read_end(&path, LOG_BYTES_MAX).await {
        Ok(read) => read,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (0, Vec::new()),
        Err(error) => return out.error(&unavailable(error)).await,
    };
    let ends_at = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let whole = String::from_utf8_lossy(&text[..if log.follow { ends_at } else { text.len() }]).into_owned();
    let lines: Vec<&str> = whole.lines().collect();
    let wanted = usize::try_from(log.lines.min(LINES_MAX)).unwrap_or(usize::MAX);
    let lines = &lines[lines.len().saturating_sub(wanted)..];
    if log.follow {
        for line in lines {
            out.next(LogReply { line: (*line).to_owned() }).await?;
        }
        return follow(out, &path, starts_at + ends_at as u64).await;
    }
    let Some((last, before)) = lines.split_last() else {
        return out.error(&Error::Refused { message: format!("{} has written nothing yet", log.app) }).await;
    };
    for line in before {
        out.next(LogReply { line: (*line).to_owned() }).await?;
    }
    out.last(LogReply { line: (*last).to_owned() }).await
}

/// The last `max` bytes of a log, from the start of a line on, and where they start in it.
async fn read_end(path: &Path, max: u64) -> std::io::Result<(u64, Vec<u8>)> {
    let mut file = tokio::fs::File::open(path).await?;
    let from = file.metadata().await?.len().saturating_sub(max);
    file.seek(SeekFrom::Start(from)).await?;
    let mut text = Vec::new();
    file.take(max).read_to_end(&mut text).await?;
    let cut = if from == 0 { 0 } else { text.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
    Ok((from + cut as u64, text.split_off(cut)))
}

/// Takes the next line off the front, with its end; none while it is not whole, and not too long to wait for.
fn next_line(text: &mut Vec<u8>) -> Option<String> {
    let end = text.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n');
    let line: Vec<u8> = match end {
        Some(end) => text.drain(..=end).take(end).collect(),
        None if text.len() >= LINE_BYTES_MAX => text.drain(..LINE_BYTES_MAX).collect(),
        None => return None,
    };
    Some(String::from_utf8_lossy(&line).into_owned())
}

async fn follow(out: &mut Out, path: &Path, mut read_to: u64) -> zlink::Result<()> {
    let mut rest = Vec::new();
    loop {
        tokio::time::sleep(FOLLOW_INTERVAL).await;
        let Ok(mut file) = tokio::fs::File::open(path).await else { continue };
        let length = file.metadata().await?.len();
        if length < read_to {
            read_to = 0; // it was shortened
            rest.clear();
        }
        file.seek(SeekFrom::Start(read_to)).await?;
        let read = file.take((length - read_to).min(LOG_BYTES_MAX)).read_to_end(&mut rest).await?;
        read_to += read as u64;
        while let Some(line) = next_line(&mut rest) {
            out.next(LogReply { line }).await?;
        }
    }
}

fn rights_of(app: &AppId, view: &View) -> AppRights {
    view.rights.iter().find(|(id, _)| id == app).map(|(_, rights)| *rights).unwrap_or_default()
}

const fn profile(profile: BluetoothProfile) -> Profile {
    match profile {
        BluetoothProfile::HeartRate => Profile::HeartRate,
        BluetoothProfile::Battery => Profile::Battery,
    }
}

const fn told(profile: Profile) -> BluetoothProfile {
    match profile {
        Profile::HeartRate => BluetoothProfile::HeartRate,
        Profile::Battery => BluetoothProfile::Battery,
    }
}

fn told_access(access: &Access) -> Vec<BluetoothAccess> {
    let of = |asked: &Profile| BluetoothAccess { profile: told(*asked), granted: access.allows(*asked) };
    access.asked.iter().map(of).collect()
}

fn answer(result: Result<(), Error>) -> Answer {
    result.map_or_else(|error| failed(&error), |()| nothing())
}

fn unknown(app: &str) -> Error {
    Error::UnknownApp { app: app.to_owned() }
}

fn unavailable(error: impl std::error::Error) -> Error {
    Error::Unavailable { message: error.to_string() }
}

fn install_error(error: &InstallError) -> Error {
    match error {
        InstallError::Manifest(refused) => bad_manifest(refused),
        InstallError::ConsentNeeded { package } => Error::ConsentNeeded {
            app: package.id().to_string(),
            name: package.app.name.clone(),
            version: package.app.version.clone(),
            bluetooth: package.bluetooth.iter().copied().map(told).collect(),
        },
        _ => Error::Refused { message: with_causes(error) },
    }
}

/// The first problem with its place, and all others behind it: whoever corrects a manifest wants to do it once.
fn bad_manifest(refused: &ConfigError) -> Error {
    let Some((first, others)) = refused.problems().split_first() else {
        return Error::Refused { message: refused.to_string() };
    };
    let position = match &first.origin {
        Origin::File(position) => Some(position),
        Origin::Default | Origin::Profile(_) | Origin::Environment { .. } | Origin::Flag { .. } => None,
    };
    let reasons = std::iter::once(first.reason.to_string()).chain(others.iter().map(ToString::to_string));
    Error::BadManifest {
        path: position.map_or_else(String::new, |position| position.path.display().to_string()),
        line: position.and_then(|position| position.line).and_then(|line| i64::try_from(line).ok()),
        key: first.key.clone(),
        reason: reasons.collect::<Vec<_>>().join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_one_name_in_manifests_and_on_the_socket() {
        for of_manifest in Profile::ALL {
            assert_eq!(told(of_manifest).name(), of_manifest.as_str());
            assert_eq!(profile(told(of_manifest)), of_manifest);
        }
        assert_eq!(BluetoothProfile::ALL.len(), Profile::ALL.len());
    }

    #[tokio::test]
    async fn of_a_long_log_only_the_end_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(read_end(&path, 100).await.unwrap(), (0, b"one\ntwo\nthree\n".to_vec()));
        assert_eq!(read_end(&path, 8).await.unwrap(), (8, b"three\n".to_vec()));
    }

    #[test]
    fn a_line_without_end_is_told_in_pieces() {
        let mut text = vec![b'x'; LINE_BYTES_MAX + 1];
        assert_eq!(next_line(&mut text).unwrap().len(), LINE_BYTES_MAX);
        assert_eq!(next_line(&mut text), None);
        text.extend(b"y\n\nz");
        assert_eq!(next_line(&mut text).as_deref(), Some("xy"));
        assert_eq!(next_line(&mut text).as_deref(), Some(""));
        assert_eq!((next_line(&mut text), text), (None, b"z".to_vec()));
    }
}
