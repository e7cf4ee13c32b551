//! The processes of the apps: launched with a token, frozen, thawed, ended, and what they used.

mod log;
mod survivors;
#[cfg(test)]
mod tests;
mod token;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::Permissions;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use carpus_core::session::ExitStatus;
use carpus_core::{AppId, Application};
use carpus_devices::processes::{self, AppLauncher, AppProcess, Launch, ProcessError};
use futures_util::future::join_all;

use crate::boot_file::BootFile;
use crate::report::with_causes;
use crate::supervisor::{Outlet, answers_pings};

pub use log::trim_log;
pub use survivors::{Survivor, Survivors};

/// How often the logs of running apps are looked at: often enough that a talkative one does not fill the card, and
/// seldom enough that it costs nothing.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Where, in an app's data, programs put what they need for a while.
const TEMPORARY_FOLDER: &str = "tmp";
/// An app's data is for the runtime's user only.
const PRIVATE: u32 = 0o700;

/// The actor. Apps outlive it: its next life, in this process or a later one, adopts them (D2).
pub struct Apps {
    launcher: Arc<dyn AppLauncher>,
    options: AppsOptions,
    exited: Outlet<Exited>,
    installed: BTreeMap<AppId, InstalledApp>,
    running: BTreeMap<AppId, Running>,
    launches: u64,
    freezes: u64,
    /// Whether the logs are being looked after.
    keeps_logs: bool,
    /// What the next life has to know.
    boot_file: BootFile,
    /// Ends of adopted apps that nobody was there yet to be told of; none once somebody is.
    ended_early: Option<Vec<Exited>>,
}

/// What the actor needs to know.
#[derive(Clone, Debug)]
pub struct AppsOptions {
    /// The socket of the runtime, told to each app.
    pub socket: PathBuf,
    /// Where each app gets a folder for its data.
    pub data: PathBuf,
    /// Where each app gets its log.
    pub logs: PathBuf,
    /// The longest log of an app, in bytes.
    pub max_log_bytes: u64,
    /// How long an app may take to end when all are ended at once (L7).
    pub leave_time: Duration,
    /// How many apps may run at once.
    pub max_running: usize,
}

/// An app as it lies on disk.
#[derive(Clone, Debug)]
pub struct InstalledApp {
    /// What the rules need to know.
    pub application: Application,
    /// Its name, for people.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The modes it declares, by name.
    pub modes: Vec<String>,
    /// Its folder.
    pub folder: PathBuf,
    /// Its program, absolute.
    pub program: PathBuf,
}

struct Running {
    process: Arc<dyn AppProcess>,
    token: String,
    launch: u64,
    gone: tokio::sync::watch::Receiver<bool>,
    rest: Rest,
    /// Whether an earlier life of the actor launched it.
    is_adopted: bool,
}

/// Whether an app may be ended to make room for another (L5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// It runs, or was told to end.
    None,
    /// It is frozen; a smaller number is longer ago.
    Frozen(u64),
    /// It was killed, and is about to be gone.
    MakesRoom,
}

/// An app's process ended, or could not be launched; sent by the actor.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Exited {
    /// The app.
    pub app: AppId,
    /// How.
    pub status: ExitStatus,
}

#[derive(Debug, thiserror::Error)]
enum LaunchError {
    #[error("{running} apps run already, which is the limit (apps.max_running)")]
    TooMany { running: usize },
    #[error("the folder {path} for its data could not be made")]
    Data { path: PathBuf, source: std::io::Error },
    #[error("no random numbers for its launch token")]
    Token(#[from] std::io::Error),
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl Apps {
    /// When it starts, it adopts those of the `installed` apps that run already; `exited` is told of each end.
    pub fn new(
        launcher: Arc<dyn AppLauncher>,
        options: AppsOptions,
        exited: Outlet<Exited>,
        installed: Vec<InstalledApp>,
    ) -> Self {
        let installed = installed.into_iter().map(|app| (app.application.id.clone(), app)).collect();
        let boot_file = BootFile::beside(&options.socket, "apps");
        Self {
            launcher,
            options,
            exited,
            installed,
            running: BTreeMap::new(),
            launches: 0,
            freezes: 0,
            keeps_logs: false,
            boot_file,
            ended_early: Some(Vec::new()),
        }
    }

    fn launch(&mut self, app: &AppId, ctx: &mut Context<Self>) {
        let Some(installed) = self.installed.get(app) else {
            return self.exited.tell(Exited { app: app.clone(), status: ExitStatus::Unknown });
        };
        if let Err(error) = self.try_launch(app, &installed.clone(), ctx) {
            let cause = with_causes(&error);
            tracing::warn!(%app, "the app could not be launched: {cause}");
            self.exited.tell(Exited { app: app.clone(), status: ExitStatus::Unknown });
        }
    }

    fn try_launch(
        &mut self,
        app: &AppId,
        installed: &InstalledApp,
        ctx: &mut Context<Self>,
    ) -> Result<(), LaunchError> {
        self.make_room()?;
        let data = self.options.data.join(app.as_str());
        let temporary = data.join(TEMPORARY_FOLDER);
        make_private(&data).and_then(|()| make_private(&temporary))?;
        let log = self.log_of(app);
        trim_log(&log, self.options.max_log_bytes);
        let token = token::random()?;
        let environment = vec![
            ("CARPUS_APP_ID".to_owned(), app.to_string()),
            ("CARPUS_APP_DATA".to_owned(), data.display().to_string()),
            ("CARPUS_LAUNCH_TOKEN".to_owned(), token.clone()),
            ("CARPUS_SOCKET".to_owned(), self.options.socket.display().to_string()),
            // What programs write unasked goes to the only place that is theirs.
            ("HOME".to_owned(), data.display().to_string()),
            ("TMPDIR".to_owned(), temporary.display().to_string()),
        ];
        let process = self.launcher.launch(&Launch {
            app: app.to_string(),
            program: installed.program.clone(),
            folder: installed.folder.clone(),
            data,
            environment,
            log,
        })?;
        tracing::info!(%app, pid = process.id(), "launched");
        self.follow(app.clone(), process, token, None, ctx);
        self.keep();
        Ok(())
    }

    /// Cuts the logs of running apps, again and again while there are any; on a thread of its own, as the card may
    /// be slow.
    fn keep_logs_short(&mut self, ctx: &mut Context<Self>) {
        self.keeps_logs = !self.running.is_empty();
        if !self.keeps_logs {
            return;
        }
        let (logs, max_bytes) =
            (self.running.keys().map(|app| self.log_of(app)).collect::<Vec<_>>(), self.options.max_log_bytes);
        let cut = tokio::task::spawn_blocking(move || logs.iter().for_each(|log| trim_log(log, max_bytes)));
        ctx.spawn(cut.into_actor(self).map(|_, _, ctx| {
            ctx.run_later(LOG_INTERVAL, Self::keep_logs_short);
        }));
    }

    /// Where as many apps run as may, the one that is suspended longest is ended for the next (L5).
    fn make_room(&mut self) -> Result<(), LaunchError> {
        let running = self.running.values().filter(|running| running.rest != Rest::MakesRoom).count();
        if running < self.options.max_running {
            return Ok(());
        }
        let frozen = self.running.iter_mut().filter_map(|(app, running)| match running.rest {
            Rest::Frozen(when) => Some((when, app, running)),
            Rest::None | Rest::MakesRoom => None,
        });
        let Some((_, app, longest)) = frozen.min_by_key(|(when, ..)| *when) else {
            return Err(LaunchError::TooMany { running });
        };
        tracing::info!(%app, "suspended longest: it is ended to make room for another (apps.max_running)");
        longest.rest = Rest::MakesRoom;
        report(app, longest.process.kill());
        Ok(())
    }

    /// Waits, apart, for the end of the process; `adopted` is how one rests that ran already.
    fn follow(
        &mut self,
        app: AppId,
        process: Arc<dyn AppProcess>,
        token: String,
        adopted: Option<Rest>,
        ctx: &mut Context<Self>,
    ) {
        self.launches += 1;
        let launch = self.launches;
        let (tell_gone, gone) = tokio::sync::watch::channel(false);
        // With this life of the actor the wait ends too: the next life then still learns how the process ended.
        ctx.spawn(process.exited().into_actor(self).map({
            let app = app.clone();
            move |status, this, _| {
                // First the end, then that it is gone: whoever waits for that finds the end dealt with.
                this.ended(app, launch, status);
                tell_gone.send_replace(true);
            }
        }));
        let (rest, is_adopted) = (adopted.unwrap_or(Rest::None), adopted.is_some());
        let running = Running { process, token, launch, gone, rest, is_adopted };
        if let Some(before) = self.running.insert(app.clone(), running) {
            report(&app, before.process.kill());
        }
        if !std::mem::replace(&mut self.keeps_logs, true) {
            ctx.run_later(LOG_INTERVAL, Self::keep_logs_short);
        }
    }

    /// The process of one launch ended.
    fn ended(&mut self, app: AppId, launch: u64, status: processes::ExitStatus) {
        if self.running.get(&app).is_none_or(|running| running.launch != launch) {
            return;
        }
        let Some(running) = self.running.remove(&app) else { return };
        report(&app, running.process.kill()); // what it forked
        self.keep();
        tracing::info!(%app, ?status, "ended");
        let exited = Exited { app, status: exit_status(status) };
        match &mut self.ended_early {
            Some(early) if running.is_adopted => early.push(exited),
            Some(_) | None => self.exited.tell(exited),
        }
    }

    fn log_of(&self, app: &AppId) -> PathBuf {
        self.options.logs.join(format!("{app}.log"))
    }

    /// SIGKILL: it was told to end, and did not in time (L7).
    fn kill(&self, app: &AppId) {
        if let Some(running) = self.running.get(app) {
            tracing::warn!(%app, "did not end in time after SIGTERM (lifecycle.leave_time); it is killed");
            report(app, running.process.kill());
        }
    }

    /// SIGTERM, and SIGKILL when it does not leave in time (L7).
    fn end_within_leave_time(&mut self, app: &AppId) {
        self.steer(app, Rest::None, |process| process.terminate());
        let Some(running) = self.running.get(app) else { return };
        let (process, mut gone, app) = (running.process.clone(), running.gone.clone(), app.clone());
        let leave_time = self.options.leave_time;
        actix::spawn(async move {
            if tokio::time::timeout(leave_time, gone.wait_for(|gone| *gone)).await.is_err() {
                tracing::warn!(%app, "did not end within {leave_time:?} of SIGTERM; it is killed");
                report(&app, process.kill());
            }
        });
    }

    fn freeze(&mut self, app: &AppId) {
        let rest = self.next_freeze();
        self.steer(app, rest, |process| process.freeze());
    }

    const fn next_freeze(&mut self) -> Rest {
        self.freezes += 1;
        Rest::Frozen(self.freezes)
    }

    fn steer(
        &mut self,
        app: &AppId,
        rest: Rest,
        act: impl FnOnce(&dyn AppProcess) -> Result<(), ProcessError>,
    ) {
        if let Some(running) = self.running.get_mut(app).filter(|running| running.rest != Rest::MakesRoom) {
            running.rest = rest;
            report(app, act(&*running.process));
        }
    }
}

/// A folder that only the runtime's user may look into, also where there is one from before that others may.
fn make_private(folder: &Path) -> Result<(), LaunchError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(folder);
    let made = made.and_then(|()| std::fs::set_permissions(folder, Permissions::from_mode(PRIVATE)));
    made.map_err(|source| LaunchError::Data { path: folder.to_owned(), source })
}

/// A process may end at any moment: that it is gone is no news here.
fn report(app: &dyn Display, result: Result<(), ProcessError>) {
    match result {
        Ok(()) | Err(ProcessError::Gone { .. }) => {}
        Err(error) => tracing::warn!(%app, "{}", with_causes(&error)),
    }
}

answers_pings!(Apps);

impl Actor for Apps {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.adopt_all(ctx);
    }
}

const fn exit_status(status: processes::ExitStatus) -> ExitStatus {
    match status {
        processes::ExitStatus::Code(code) => ExitStatus::Code(code),
        processes::ExitStatus::Signal(signal) => ExitStatus::Signal(signal),
        processes::ExitStatus::Unknown => ExitStatus::Unknown,
    }
}

/// What the watch wants of an app's process.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub enum Steer {
    /// Start it.
    Launch(AppId),
    /// Take its CPU (L5).
    Freeze(AppId),
    /// Give it back.
    Thaw(AppId),
    /// Ask it to end: SIGTERM. Whoever asks keeps the time that it has (L7).
    End(AppId),
    /// End it at once: SIGKILL (L7).
    Kill(AppId),
}

impl Handler<Steer> for Apps {
    type Result = ();

    fn handle(&mut self, steer: Steer, ctx: &mut Context<Self>) {
        match steer {
            Steer::Launch(app) => self.launch(&app, ctx),
            Steer::Freeze(app) => self.freeze(&app),
            Steer::Thaw(app) => self.steer(&app, Rest::None, |process| process.thaw()),
            Steer::End(app) => self.steer(&app, Rest::None, |process| process.terminate()),
            Steer::Kill(app) => self.kill(&app),
        }
    }
}

/// An app was installed.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct AddApp(pub InstalledApp);

impl Handler<AddApp> for Apps {
    type Result = ();

    fn handle(&mut self, AddApp(app): AddApp, _: &mut Context<Self>) {
        self.installed.insert(app.application.id.clone(), app);
    }
}

/// An app was removed.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct DropApp(pub AppId);

impl Handler<DropApp> for Apps {
    type Result = ();

    fn handle(&mut self, DropApp(app): DropApp, _: &mut Context<Self>) {
        self.installed.remove(&app);
    }
}

/// Asks for the installed apps, each with the process id of one that runs.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Vec<(InstalledApp, Option<u32>)>")]
pub struct ListApps;

impl Handler<ListApps> for Apps {
    type Result = Vec<(InstalledApp, Option<u32>)>;

    fn handle(&mut self, _: ListApps, _: &mut Context<Self>) -> Self::Result {
        let pid = |id: &AppId| self.running.get(id).map(|running| running.process.id());
        self.installed.iter().map(|(id, app)| (app.clone(), pid(id))).collect()
    }
}

/// Asks which app a caller is, by its launch token and the process id of the peer.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Option<AppId>")]
pub struct Authenticate {
    /// The token that it shows.
    pub token: String,
    /// The process at the other end of the socket.
    pub pid: u32,
}

impl Handler<Authenticate> for Apps {
    type Result = Option<AppId>;

    fn handle(&mut self, Authenticate { token, pid }: Authenticate, _: &mut Context<Self>) -> Self::Result {
        let (app, running) = self.running.iter().find(|(_, running)| running.token == token)?;
        // A token that leaked does not serve a process that is none of the app's.
        running.process.contains(pid).then(|| app.clone())
    }
}

/// Asks which app, if any, a process belongs to.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "Option<AppId>")]
pub struct AppOf {
    /// The process.
    pub pid: u32,
}

impl Handler<AppOf> for Apps {
    type Result = Option<AppId>;

    fn handle(&mut self, AppOf { pid }: AppOf, _: &mut Context<Self>) -> Self::Result {
        self.running.iter().find(|(_, running)| running.process.contains(pid)).map(|(app, _)| app.clone())
    }
}

/// Asks whether a process belongs to any app, even if it got away from it and [`AppOf`] knows it no more.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "bool")]
pub struct OfSomeApp {
    /// The process.
    pub pid: u32,
}

impl Handler<OfSomeApp> for Apps {
    type Result = bool;

    fn handle(&mut self, OfSomeApp { pid }: OfSomeApp, _: &mut Context<Self>) -> bool {
        self.launcher.is_of_some_app(pid)
    }
}

/// Asks for the CPU time that each of these apps' process trees has used; one that does not run is left out.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Vec<CpuTime>")]
pub struct CpuTimes(pub Vec<AppId>);

/// What an app's process tree has used.
#[derive(Clone, Debug)]
pub struct CpuTime {
    /// The app.
    pub app: AppId,
    /// Its process, by whose end the count begins anew.
    pub process: u32,
    /// The CPU time since its launch.
    pub total: Duration,
}

impl Handler<CpuTimes> for Apps {
    type Result = Vec<CpuTime>;

    fn handle(&mut self, CpuTimes(apps): CpuTimes, _: &mut Context<Self>) -> Self::Result {
        let time = |app: AppId| {
            let process = &self.running.get(&app)?.process;
            Some(CpuTime { process: process.id(), total: process.cpu_time().ok()?, app })
        };
        apps.into_iter().filter_map(time).collect()
    }
}

/// Ends every app, and answers when all are gone (L7).
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct EndAll;

impl Handler<EndAll> for Apps {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: EndAll, _: &mut Context<Self>) -> Self::Result {
        let running: Vec<_> = self.running.keys().cloned().collect();
        for app in &running {
            self.end_within_leave_time(app);
        }
        let all: Vec<_> = self.running.values().map(|running| running.gone.clone()).collect();
        Box::pin(async move {
            // An error means that nobody can tell any more, which is as good as gone.
            join_all(
                all.into_iter().map(|mut gone| async move { gone.wait_for(|gone| *gone).await.is_ok() }),
            )
            .await;
        })
    }
}
