//! The runtime as the service manager sees it: a process that is started again when it ends.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use carpus_protocol::client::Client;
use carpus_protocol::{apps, monitor};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// The exit code of a runtime that gave up on one of its parts: it wants to be started afresh.
const GAVE_UP: i32 = 70;
/// How long the runtime may take until it serves: far more than it needs, on a machine that is busy.
const START_MAX: Duration = Duration::from_secs(30);
/// From one look at whether it serves to the next.
const LOOK: Duration = Duration::from_millis(2);
/// How long its end in good order may take.
const END_MAX: Duration = Duration::from_secs(30);

/// A `carpusd --simulate` in a folder of its own.
pub(crate) struct Runtime {
    folder: PathBuf,
    programs: PathBuf,
    settings: &'static [&'static str],
    child: Option<Child>,
    /// From its start until it served, for each life.
    pub(crate) starts: Vec<Duration>,
    /// How often it gave up by itself.
    pub(crate) gave_up: u32,
}

impl Runtime {
    /// The programs are those beside this one. Nothing runs yet.
    pub(crate) fn in_folder(folder: &Path, settings: &'static [&'static str]) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let programs = own.parent().context("a program lies in a folder")?.to_owned();
        for program in ["carpusd", "chaos-app"] {
            if !programs.join(program).exists() {
                bail!("{program} is missing in {}; build the workspace first", programs.display());
            }
        }
        fs::create_dir_all(folder)?;
        let folder = folder.to_owned();
        Ok(Self { folder, programs, settings, child: None, starts: Vec::new(), gave_up: 0 })
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("carpus.sock")
    }

    pub(crate) fn data_folder(&self) -> PathBuf {
        self.folder.join("state/data")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("carpusd.log")
    }

    pub(crate) fn log(&self) -> anyhow::Result<String> {
        fs::read_to_string(self.log_file()).context("the log of carpusd")
    }

    /// Starts the process, without waiting for it.
    pub(crate) fn launch(&mut self) -> anyhow::Result<()> {
        let log = File::options().append(true).create(true).open(self.log_file())?;
        let mut command = Command::new(self.programs.join("carpusd"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.arg("--simulate").arg("--state").arg(self.folder.join("state"));
        command.arg("--socket").arg(self.socket()).arg("--config").arg(self.folder.join("no-settings"));
        fs::create_dir_all(self.folder.join("no-settings"))?;
        for setting in self.settings {
            command.arg("--set").arg(setting);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        self.child = Some(command.spawn().context("carpusd cannot be started")?);
        Ok(())
    }

    /// Starts it, waits until it serves, and takes the time.
    pub(crate) async fn launch_and_serve(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        self.launch()?;
        self.until_it_serves().await?;
        self.starts.push(started.elapsed());
        Ok(())
    }

    async fn until_it_serves(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_MAX;
        while Instant::now() < deadline {
            if self.serves().await {
                return Ok(());
            }
            if let Some(status) = self.ended()? {
                bail!("carpusd ended before it served: {status}; see {}", self.log_file().display());
            }
            sleep(LOOK).await;
        }
        bail!("carpusd does not serve within {START_MAX:?}")
    }

    /// Whether it answers.
    async fn serves(&self) -> bool {
        let asked =
            async { Client::connect(&self.socket()).await.ok()?.call(&monitor::Status {}).await.ok() };
        matches!(timeout(START_MAX, asked).await, Ok(Some(_)))
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<std::process::ExitStatus>> {
        match &mut self.child {
            Some(child) => Ok(child.try_wait()?),
            None => Ok(None),
        }
    }

    /// Kills it, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await.context("carpusd cannot be killed")?;
        }
        Ok(())
    }

    /// As the service manager does: one that ended by itself is started again. Giving up is its right; any other end
    /// is a finding.
    pub(crate) async fn start_again_if_ended(&mut self) -> anyhow::Result<()> {
        let Some(status) = self.ended()? else { return Ok(()) };
        if status.code() != Some(GAVE_UP) {
            bail!("carpusd ended by itself: {status}");
        }
        self.gave_up += 1;
        self.child = None;
        self.launch_and_serve().await
    }

    /// Lays out and installs an app with this background mode.
    pub(crate) async fn install(&self, app: &str, mode: &str) -> anyhow::Result<()> {
        let folder = self.folder.join("apps").join(app);
        fs::create_dir_all(&folder)?;
        let manifest = format!(
            "[app]\nid = \"{app}\"\nname = \"{app}\"\nversion = \"1\"\nexec = \"chaos-app\"\n\
             [background]\nmodes = [\"{mode}\"]\n"
        );
        fs::write(folder.join("app.toml"), manifest)?;
        fs::copy(self.programs.join("chaos-app"), folder.join("chaos-app"))?;
        fs::set_permissions(folder.join("chaos-app"), fs::Permissions::from_mode(0o755))?;
        let mut client = Client::connect(&self.socket()).await?;
        client.call(&apps::Install { folder: folder.display().to_string(), bluetooth: None }).await?;
        Ok(())
    }

    /// Ends it in good order.
    pub(crate) async fn end(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let id = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        rustix::process::kill_process(id.context("carpusd is gone")?, rustix::process::Signal::TERM)?;
        let status = timeout(END_MAX, child.wait()).await.context("carpusd does not end on SIGTERM")??;
        if status.success() { Ok(()) } else { bail!("carpusd ended on SIGTERM with {status}") }
    }
}
