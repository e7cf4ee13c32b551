//! `carpus demo`: the whole of it on this machine, with simulated devices and nothing left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use carpus_protocol::apps::Open;
use carpus_protocol::monitor::{EventKind, Events, MonitorEvent};
use carpus_protocol::wrist::Raise;
use jiff::tz::TimeZone;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::connection::Runtime;
use crate::consent::{self, Consent};
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::Output;
use crate::{app, events, span};

/// How long carpusd may take to listen: a slow card on a small board.
const START_MAX: Duration = Duration::from_secs(15);

/// How often to see whether it listens yet.
const START_POLL: Duration = Duration::from_millis(50);

/// How long carpusd may take to stop: it gives its apps 5 s to leave.
const STOP_MAX: Duration = Duration::from_secs(15);

/// How much of carpusd's log to show when it failed.
const LOG_LINES: usize = 12;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How long to show it.
    #[arg(long = "for", value_name = "SPAN", value_parser = span::parse, default_value = "20s")]
    length: Duration,

    /// The folder of the app to show [default: examples/heart-rate, beside this command].
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,
}

/// What was seen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    samples: usize,
    sessions: usize,
    haptics: usize,
    sounds: usize,
}

impl Tally {
    fn count(&mut self, event: &MonitorEvent) {
        match event.event {
            EventKind::Sample => self.samples += 1,
            EventKind::DidStart => self.sessions += 1,
            EventKind::Haptic => self.haptics += 1,
            EventKind::Sound => self.sounds += 1,
            _ => {}
        }
    }

    fn summary(&self) -> String {
        let several =
            |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let parts = [
            several(self.samples, "sample"),
            several(self.sessions, "session"),
            several(self.haptics, "haptic"),
            several(self.sounds, "sound"),
        ];
        parts.join(", ")
    }
}

pub(crate) async fn run(arguments: Arguments, output: &mut Output) -> Result<(), Failure> {
    let beside = beside_this_command()?;
    let app = arguments.app.unwrap_or_else(|| beside.join("examples/heart-rate"));
    let app = app::absolute(&app).map_err(|failure| failure.remedy("name another with --app"))?;
    let (mut keyboard, mut request) = (Interrupts::by_keyboard()?, Interrupts::by_request()?);
    let mut daemon = Daemon::start(&beside.join("carpusd"))?;
    let mut tally = Tally::default();
    let shown = tokio::select! {
        shown = show(&mut daemon, app, arguments.length, &mut tally, output) => shown,
        () = keyboard.next() => Ok(()),
        () = request.next() => Ok(()),
    };
    let stopped = daemon.stop().await;
    shown.and(stopped).map_err(|failure| daemon.with_log(failure))?;
    if tally.samples == 0 {
        let none = format!("no heart rate sample came in {:?}", arguments.length);
        return Err(daemon.with_log(Failure::refused(none)));
    }
    output.say(&format!("carpusd is stopped: {}", tally.summary()))
}

/// The folder that this command is in.
fn beside_this_command() -> Result<PathBuf, Failure> {
    let command = std::env::current_exe()
        .map_err(|error| Failure::refused(format!("this command cannot find itself: {error}")))?;
    Ok(command.parent().map(Path::to_owned).unwrap_or_default())
}

/// Installs and opens the app, and prints what happens until the time is up.
async fn show(
    daemon: &mut Daemon,
    folder: String,
    length: Duration,
    tally: &mut Tally,
    output: &mut Output,
) -> Result<(), Failure> {
    daemon.until_it_listens().await?;
    let runtime = daemon.runtime();
    let mut happening = runtime.stream(Events {}).await?;
    // The straps are simulated: there is nobody whose heart rate it could be.
    let app = consent::install(folder, Consent::All, &runtime, output).await?;
    output.say(&format!(
        "carpusd runs with simulated devices; the wrist goes up, and {} is opened",
        app.name
    ))?;
    runtime.call(Raise {}).await?;
    runtime.call(Open { app: app.app }).await?;

    let zone = TimeZone::system();
    let end = Instant::now() + length;
    loop {
        tokio::select! {
            event = happening.next() => match event? {
                Some(reply) => {
                    tally.count(&reply.event);
                    events::print(&reply.event, &zone, output)?;
                }
                None => return Ok(()),
            },
            () = sleep_until(end) => return Ok(()),
            ended = daemon.child.wait() => return Err(ended_early(ended)),
        }
    }
}

fn ended_early(ended: std::io::Result<ExitStatus>) -> Failure {
    match ended {
        Ok(status) => Failure::refused(format!("carpusd ended early ({status})")),
        Err(error) => Failure::refused(format!("carpusd cannot be watched: {error}")),
    }
}

/// A carpusd of the demo's own, in a folder that goes with it.
struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    fn start(program: &Path) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("carpus-demo-").tempdir();
        let folder = folder.map_err(|error| Failure::refused(format!("no folder for the demo: {error}")))?;
        let start = || -> std::io::Result<Child> {
            // Its own settings, not those of this machine.
            fs::create_dir(folder.path().join("config"))?;
            let log = fs::File::create(folder.path().join("carpusd.log"))?;
            Command::new(program)
                .arg("--simulate")
                .arg("--state")
                .arg(folder.path().join("state"))
                .arg("--config")
                .arg(folder.path().join("config"))
                .arg("--socket")
                .arg(socket(&folder))
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                // Ctrl-C is for the demo, which then stops carpusd in good order.
                .process_group(0)
                .kill_on_drop(true)
                .spawn()
        };
        let child = start().map_err(|error| {
            Failure::refused(format!("{} cannot be started: {error}", program.display()))
                .remedy("carpusd belongs beside the command carpus")
        })?;
        Ok(Self { child, folder })
    }

    fn runtime(&self) -> Runtime {
        Runtime::at(Some(socket(&self.folder)))
    }

    async fn until_it_listens(&mut self) -> Result<(), Failure> {
        let runtime = self.runtime();
        let listens = async {
            while !runtime.listens().await {
                sleep(START_POLL).await;
            }
        };
        tokio::select! {
            waited = timeout(START_MAX, listens) => {
                waited.map_err(|_| Failure::refused(format!("carpusd does not listen after {START_MAX:?}")))
            }
            ended = self.child.wait() => Err(ended_early(ended)),
        }
    }

    /// Stops it as systemd does, and waits.
    async fn stop(&mut self) -> Result<(), Failure> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return Ok(()) };
        kill_process(id, Signal::TERM)
            .map_err(|error| Failure::refused(format!("carpusd cannot be stopped: {error}")))?;
        match timeout(STOP_MAX, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(ended) => Err(ended_early(ended)),
            Err(_) => Err(Failure::refused(format!("carpusd did not stop within {STOP_MAX:?}"))),
        }
    }

    /// Adds the end of carpusd's log, which goes with the folder.
    fn with_log(&self, failure: Failure) -> Failure {
        if failure.kind.is_quiet() {
            return failure;
        }
        let log = fs::read_to_string(self.folder.path().join("carpusd.log")).unwrap_or_default();
        match last_lines(&log, LOG_LINES) {
            "" => failure,
            lines => failure.remedy(format!("its log ends with\n{lines}")),
        }
    }
}

fn socket(folder: &TempDir) -> PathBuf {
    folder.path().join("carpus.sock")
}

fn last_lines(text: &str, count: usize) -> &str {
    let text = text.trim_end();
    let start = text.rmatch_indices('\n').nth(count.saturating_sub(1)).map_or(0, |(newline, _)| newline + 1);
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_log() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a\nb", 5), "a\nb");
        assert_eq!(last_lines("", 5), "");
    }

    #[test]
    fn a_tally_counts_what_the_demo_promises() {
        let mut tally = Tally::default();
        for kind in [
            EventKind::Sample,
            EventKind::Sample,
            EventKind::DidStart,
            EventKind::Haptic,
            EventKind::AppState,
        ] {
            tally.count(&MonitorEvent::new(0, kind));
        }
        assert_eq!(tally.summary(), "2 samples, 1 session, 1 haptic, 0 sounds");
    }
}
