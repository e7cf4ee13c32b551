//! `carpus app`: install, open and close apps, and say what they may do.

use std::path::{Path, PathBuf};

use carpus_protocol::apps::{AppInfo, BluetoothAccess, Close, List, Log, Open, Remove, SetRights};
use clap::{Subcommand, ValueEnum};

use serde_json::json;

use crate::connection::Runtime;
use crate::consent::{self, Consent, Profiles};
use crate::describe::app_state;
use crate::failure::Failure;
use crate::output::{Cell, Output, Tone};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Install the app in a folder, or replace it. What it asks for is asked of you, on a terminal.
    Install {
        /// The folder with app.toml and the program.
        folder: PathBuf,
        /// What it is granted of what it asks for, with commas between: heart-rate, battery; or none.
        #[arg(long, value_name = "LIST", conflicts_with = "yes")]
        grant: Option<Profiles>,
        /// Grant all that it asks for.
        #[arg(long, short)]
        yes: bool,
    },
    /// Show the installed apps.
    List,
    /// Bring an app to the front.
    Open {
        /// Its identifier.
        app: String,
    },
    /// End an app.
    Close {
        /// Its identifier.
        app: String,
    },
    /// End and remove an app.
    Remove {
        /// Its identifier.
        app: String,
    },
    /// Show what an app may do, or change it.
    Rights {
        /// Its identifier.
        app: String,
        /// Whether it may be refreshed in the background; without that it may schedule nothing either.
        #[arg(long, value_name = "on|off")]
        background_refresh: Option<Switch>,
        /// Whether it may schedule sessions.
        #[arg(long, value_name = "on|off")]
        scheduling: Option<Switch>,
        /// What it is granted of what it asks for, with commas between: heart-rate, battery; or none.
        #[arg(long, value_name = "LIST")]
        bluetooth: Option<Profiles>,
    },
    /// Show what an app printed.
    Log {
        /// Its identifier.
        app: String,
        /// How many of the last lines.
        #[arg(long, short = 'n', default_value_t = 50)]
        lines: u64,
        /// Go on with what comes, until Ctrl-C.
        #[arg(long, short)]
        follow: bool,
    },
}

/// Whether something is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl Switch {
    const fn is_on(self) -> bool {
        matches!(self, Self::On)
    }
}

pub(crate) async fn run(command: Command, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Install { folder, grant, yes } => {
            let consent = match grant {
                Some(profiles) => Consent::Given(profiles.0),
                None if yes => Consent::All,
                None => Consent::Ask,
            };
            install(&folder, consent, runtime, output).await
        }
        Command::List => {
            let apps = runtime.call(List {}).await?.apps;
            let none = "no app is installed; install one with `carpus app install FOLDER`";
            output.table(&apps, &["APP", "NAME", "VERSION", "STATE", "PID", "MODES", ""], none, row)
        }
        Command::Open { app } => {
            runtime.call(Open { app: app.clone() }).await?;
            output.done(&format!("{app} is opened"))
        }
        Command::Close { app } => {
            runtime.call(Close { app: app.clone() }).await?;
            output.done(&format!("{app} is closed"))
        }
        Command::Remove { app } => {
            runtime.call(Remove { app: app.clone() }).await?;
            output.done(&format!("{app} is removed"))
        }
        Command::Rights { app, background_refresh: None, scheduling: None, bluetooth: None } => {
            show_rights(&app, runtime, output).await
        }
        Command::Rights { app, background_refresh, scheduling, bluetooth } => {
            let rights = SetRights {
                app: app.clone(),
                background_refresh: background_refresh.map(Switch::is_on),
                scheduling: scheduling.map(Switch::is_on),
                bluetooth: bluetooth.map(|profiles| profiles.0),
            };
            runtime.call(rights).await?;
            show_rights(&app, runtime, output).await
        }
        Command::Log { app, lines, follow } => log(Log { app, lines, follow }, runtime, output).await,
    }
}

async fn install(
    folder: &Path,
    consent: Consent,
    runtime: &Runtime,
    output: &mut Output,
) -> Result<(), Failure> {
    let folder = absolute(folder)?;
    let installed = consent::install(folder, consent, runtime, output).await?;
    output.object(&installed, || {
        let AppInfo { app, name, version, .. } = &installed;
        vec![format!("{name} {version} is installed; open it with `carpus app open {app}`").into()]
    })
}

/// The runtime has another working directory, so it needs the whole path.
pub(crate) fn absolute(folder: &Path) -> Result<String, Failure> {
    let path = std::fs::canonicalize(folder).map_err(|error| {
        Failure::refused(format!("the folder {} cannot be used: {error}", folder.display()))
    })?;
    path.into_os_string().into_string().map_err(|path| {
        Failure::refused(format!("the path {} is not UTF-8", path.display()))
            .remedy("move the app to another folder")
    })
}

async fn show_rights(app: &str, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    let apps = runtime.call(List {}).await?.apps;
    let Some(info) = apps.iter().find(|info| info.app == app) else {
        return Err(Failure::refused(format!("there is no app {app}"))
            .remedy("`carpus app list` shows the installed ones"));
    };
    let word = |right: Option<bool>| if right.unwrap_or(true) { "on" } else { "off" };
    let rights = json!({
        "app": info.app,
        "background_refresh": info.background_refresh.unwrap_or(true),
        "scheduling": info.scheduling.unwrap_or(true),
        "bluetooth": asked(info),
    });
    output.object(&rights, || {
        let (refresh, scheduling) = (word(info.background_refresh), word(info.scheduling));
        let asked = asked(info).iter().map(|BluetoothAccess { profile, granted }| {
            format!(", {profile} is {}", if *granted { "granted" } else { "not granted" })
        });
        let asked: String = asked.collect();
        vec![format!("{app}: background refresh is {refresh}, scheduling is {scheduling}{asked}").into()]
    })
}

async fn log(log: Log, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    let mut lines = runtime.stream(log).await?;
    while let Some(reply) = lines.next_or_interrupt().await? {
        output.object(&reply, || vec![Cell::from(reply.line.as_str())])?;
    }
    Ok(())
}

fn row(app: &AppInfo) -> Vec<Cell> {
    vec![
        app.app.as_str().into(),
        app.name.as_str().into(),
        app.version.as_str().into(),
        app_state(app.state),
        app.pid.map_or_else(|| "–".to_owned(), |pid| pid.to_string()).into(),
        app.modes.join(" ").into(),
        Cell::new(Tone::Warning, missing_rights(app)),
    ]
}

/// What it asks of the straps.
fn asked(app: &AppInfo) -> &[BluetoothAccess] {
    app.bluetooth.as_deref().unwrap_or_default()
}

/// What the user has switched off for an app, or does not grant it.
fn missing_rights(app: &AppInfo) -> String {
    let switched_off = [
        (app.background_refresh == Some(false)).then_some("no background refresh"),
        (app.scheduling == Some(false)).then_some("no scheduling"),
    ];
    let not_granted = asked(app).iter().filter(|asked| !asked.granted);
    let missing = switched_off.into_iter().flatten().map(str::to_owned);
    let missing = missing.chain(not_granted.map(|asked| format!("no {}", asked.profile)));
    missing.collect::<Vec<_>>().join(", ")
}
