//! `carpus app`: install, open and close apps.

use std::path::{Path, PathBuf};

use carpus_protocol::apps::{AppInfo, Close, Install, List, Log, Open, Remove};
use clap::Subcommand;

use crate::connection::Runtime;
use crate::describe::app_state;
use crate::failure::Failure;
use crate::output::{Cell, Output};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Install the app in a folder, or replace it.
    Install {
        /// The folder with app.toml and the program.
        folder: PathBuf,
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

pub(crate) async fn run(command: Command, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Install { folder } => install(&folder, runtime, output).await,
        Command::List => {
            let apps = runtime.call(List {}).await?.apps;
            let none = "no app is installed; install one with `carpus app install FOLDER`";
            output.table(&apps, &["APP", "NAME", "VERSION", "STATE", "PID", "MODES"], none, row)
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
        Command::Log { app, lines, follow } => log(Log { app, lines, follow }, runtime, output).await,
    }
}

async fn install(folder: &Path, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    let folder = absolute(folder)?;
    let installed = runtime.call(Install { folder }).await?.app;
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
    ]
}
