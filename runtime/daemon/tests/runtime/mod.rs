//! A `carpusd --simulate` of its own for each test: real processes, a real socket, a folder that goes with it.

// Each test binary uses a part; and what fails here fails the test.
#![allow(dead_code, unreachable_pub, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use carpus_protocol::client::{CallError, Client};
use carpus_protocol::{AppState, Method, apps, monitor};
use serde_json::Value;

/// From one look at what is waited for to the next.
const PAUSE: Duration = Duration::from_millis(10);

/// Longer than anything here takes: a test that hangs fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Runtime {
    pub folder: tempfile::TempDir,
    child: Option<Child>,
    settings: Vec<String>,
    log_filter: &'static str,
}

impl Runtime {
    /// Starts a runtime with these settings above the defaults, and waits until it serves.
    pub async fn start(settings: &[&str]) -> Self {
        Self::start_with_log(settings, "info,carpus=debug").await
    }

    /// Starts a runtime that logs what `log_filter` lets through.
    pub async fn start_with_log(settings: &[&str], log_filter: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("config")).unwrap();
        let settings = settings.iter().map(|text| (*text).to_owned()).collect();
        let mut runtime = Self { folder, child: None, settings, log_filter };
        runtime.launch().await;
        runtime
    }

    /// Starts it (again) on the same state.
    pub async fn launch(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.command();
        self.child = Some(command.stderr(log).stdin(Stdio::null()).spawn().unwrap());
        let socket = self.socket();
        eventually("the runtime serves", async || Client::connect(&socket).await.is_ok()).await;
    }

    pub fn command(&self) -> Command {
        self.command_on(&self.path("state"), &self.socket())
    }

    pub fn command_on(&self, state: &Path, socket: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carpusd"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("CARPUS_LOG", self.log_filter);
        command.arg("--simulate").arg("--state").arg(state).arg("--socket").arg(socket);
        command.arg("--config").arg(self.path("config"));
        for setting in &self.settings {
            command.arg("--set").arg(setting);
        }
        command
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path("carpus.sock")
    }

    fn log_path(&self) -> PathBuf {
        self.path("carpusd.log")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.socket()).await.unwrap()
    }

    /// A call that must succeed.
    pub async fn ask<M: Method>(&self, method: M) -> M::Reply {
        self.client().await.call(&method).await.unwrap_or_else(|error| panic!("{method:?}: {error:?}"))
    }

    /// Everything that happens from now on.
    pub async fn events(&self) -> Events {
        let replies = self.client().await.stream(&monitor::Events {}).await.unwrap();
        // The stream has no first reply: a second call on another connection shows that the first was taken.
        let events = Events { replies };
        self.ask(monitor::Status {}).await;
        events
    }

    /// Installs the puppet under a name, with a mode.
    pub async fn install_puppet(&self, app: &str, mode: &str) -> Puppet {
        self.install_puppet_with(app, &[mode]).await
    }

    /// Installs the puppet under a name, with modes.
    pub async fn install_puppet_with(&self, app: &str, modes: &[&str]) -> Puppet {
        self.lay_out("puppet", app, "1", &format!("[background]\nmodes = {modes:?}\n"));
        self.install(app, None).await.unwrap();
        self.puppet(app)
    }

    /// Installs the intruder under a name.
    pub async fn install_intruder(&self, app: &str) -> Puppet {
        self.lay_out("intruder", app, "1", "[background]\nmodes = [\"physical-therapy\"]\n");
        self.install(app, None).await.unwrap();
        self.puppet(app)
    }

    /// The strings of an app that is installed.
    pub fn puppet(&self, app: &str) -> Puppet {
        Puppet { app: app.to_owned(), state: self.path("state"), lines_read: 0 }
    }

    /// Makes the folder of an app that one of the example programs is, with this at the end of its manifest.
    pub fn lay_out(&self, program: &str, app: &str, version: &str, manifest: &str) {
        let folder = self.source_of(app);
        fs::create_dir_all(&folder).unwrap();
        let start = format!(
            "[app]\nid = \"{app}\"\nname = \"{app}\"\nversion = \"{version}\"\nexec = \"{program}\"\n"
        );
        fs::write(folder.join("app.toml"), start + manifest).unwrap();
        fs::copy(example_program(program), folder.join(program)).unwrap();
        fs::set_permissions(folder.join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Installs an app whose folder was made.
    pub async fn install(
        &self,
        app: &str,
        bluetooth: Option<Vec<apps::BluetoothProfile>>,
    ) -> Result<apps::AppInfo, CallError<apps::Error>> {
        let install = apps::Install { folder: self.source_of(app).display().to_string(), bluetooth };
        self.client().await.call(&install).await.map(|installed| installed.app)
    }

    fn source_of(&self, app: &str) -> PathBuf {
        self.path(&format!("source-{app}"))
    }

    /// Opens an app with the wrist up, and waits until it listens: before that it is not active.
    pub async fn open(&self, app: &str) {
        self.ask(apps::Open { app: app.to_owned() }).await;
        eventually(&format!("{app} is active"), async || {
            let list = self.ask(apps::List {}).await;
            list.apps.iter().any(|info| info.app == app && info.state == AppState::Active)
        })
        .await;
    }

    pub async fn pid_of(&self, app: &str) -> Option<i64> {
        let list = self.ask(apps::List {}).await;
        list.apps.into_iter().find(|info| info.app == app).and_then(|info| info.pid)
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.take().unwrap().wait().unwrap()
    }

    /// Ends it in good order, and looks at its log.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM");
        let status = self.wait();
        self.assert_no_error_logged();
        status
    }

    pub fn assert_no_error_logged(&self) {
        let log = self.log();
        let errors: Vec<&str> =
            log.lines().filter(|line| line.contains("ERROR") || line.contains("panicked")).collect();
        assert!(errors.is_empty(), "an ERROR is a bug of ours:\n{}", errors.join("\n"));
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
        // Apps outlive a runtime that was killed (D2).
        self.command().arg("--end-apps").stderr(Stdio::null()).status().ok();
        if std::thread::panicking() {
            eprintln!("--- log of carpusd\n{}", self.log());
        }
    }
}

pub fn puppet_program() -> PathBuf {
    example_program("puppet")
}

pub fn example_program(name: &str) -> PathBuf {
    let carpusd = Path::new(env!("CARGO_BIN_EXE_carpusd"));
    let program = carpusd.with_file_name("examples").join(name);
    assert!(
        program.exists(),
        "{} is missing; cargo builds it with the tests of this package",
        program.display()
    );
    program
}

pub struct Events {
    replies: carpus_protocol::client::Replies<monitor::Events>,
}

impl Events {
    /// The next event of this kind, as JSON; the others are passed over.
    pub async fn next(&mut self, kind: &str) -> Value {
        let found = async {
            loop {
                let reply = self.replies.next().await.expect("the stream goes on").unwrap();
                let event = serde_json::to_value(reply.event).unwrap();
                if event["event"] == kind {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no event {kind} came"))
    }
}

/// The hand that holds a puppet's strings.
pub struct Puppet {
    pub app: String,
    state: PathBuf,
    lines_read: usize,
}

impl Puppet {
    /// Gives an order, and takes the answer.
    pub async fn does(&self, order: &str) -> Value {
        let strings = self.strings();
        let mut answer = Value::Null;
        eventually("the puppet obeys", async || {
            let Ok(mut stream) = UnixStream::connect(&strings) else { return false };
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            writeln!(stream, "{order}").unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            answer = serde_json::from_str(&line).unwrap_or(Value::Null);
            true
        })
        .await;
        answer
    }

    /// Gives an order whose answer may take a while.
    pub fn begins(&self, order: &str) -> Begun {
        let mut stream = UnixStream::connect(self.strings()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        writeln!(stream, "{order}").unwrap();
        Begun(stream)
    }

    fn strings(&self) -> PathBuf {
        self.state.join("data").join(&self.app).join("strings.sock")
    }

    /// A new session; its number.
    pub async fn creates(&self) -> u64 {
        let answer = self.does("create").await;
        answer["ok"]["session"].as_u64().unwrap_or_else(|| panic!("{answer}"))
    }

    /// Gives an order that has to succeed; what it is answered.
    pub async fn achieves(&self, order: &str) -> Value {
        let mut answer = self.does(order).await;
        assert!(answer["ok"].is_object(), "{order}: {answer}");
        answer["ok"].take()
    }

    /// A new session that is scheduled; its number.
    pub async fn schedules(&self, at_ms: i64) -> u64 {
        let session = self.creates().await;
        self.achieves(&format!("start_at {session} {at_ms}")).await;
        session
    }

    /// An alarm that is due in a moment, and that it takes over; the session's number.
    pub async fn has_an_alarm(&mut self) -> u64 {
        let session = self.schedules(now_ms() + 1000).await;
        assert_eq!(self.is_told("handle").await["event"]["session"], session);
        self.achieves(&format!("handled {session}")).await;
        self.is_told("did_start").await;
        session
    }

    /// The next event that it was told of this kind; the others are passed over.
    pub async fn is_told(&mut self, kind: &str) -> Value {
        let log = self.state.join("logs").join(format!("{}.log", self.app));
        let mut found = Value::Null;
        let mut lines_read = self.lines_read;
        eventually(&format!("{} is told {kind}", self.app), async || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
            for line in whole.lines().skip(lines_read) {
                lines_read += 1;
                let told: Value = serde_json::from_str(line).unwrap_or(Value::Null);
                if told["event"]["kind"] == kind {
                    found = told;
                    return true;
                }
            }
            false
        })
        .await;
        self.lines_read = lines_read;
        found
    }
}

/// An order that was given to a puppet. It obeys one at a time.
pub struct Begun(UnixStream);

impl Begun {
    /// What came of it.
    pub fn answer(self) -> Value {
        let mut line = String::new();
        BufReader::new(self.0).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

/// What a command prints that has to end by itself; one that does not fails the test.
pub async fn output_of(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("{command:?} goes on and on");
        }
        tokio::time::sleep(PAUSE).await;
    }
    child.wait_with_output().unwrap()
}

/// Waits until something holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Now, in Unix milliseconds.
pub fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}
