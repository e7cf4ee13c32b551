//! How long a runtime that was killed takes until all is restored, beside one that has nothing to restore.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, bail};
use carpus_protocol::client::Client;
use carpus_protocol::{apps, monitor, wrist};
use tokio::time::{Instant, sleep};

use crate::report::percentile;
use crate::runtime::Runtime;

/// Room for the apps, of which the one that was left last is suspended at once.
const SETTINGS: [&str; 4] =
    ["apps.max_installed=256", "apps.max_running=256", "ipc.max_clients=1024", "lifecycle.suspend_grace=0s"];
/// So far ahead are the alarms that none is due.
const AHEAD_S: &str = "36000";
/// How long an app may take to schedule its alarm.
const APP_MAX: Duration = Duration::from_secs(30);

/// Prints the times of `times` restarts with so many apps that run and so many alarms.
pub(crate) async fn measure(apps: usize, alarms: usize, times: usize) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut runtime = Runtime::in_folder(folder.path(), &SETTINGS)?;
    runtime.launch_and_serve().await?;
    let nothing = times_of_restarts(&mut runtime, times, 0, &BTreeMap::new()).await?;

    eprintln!("installing {alarms} apps, each with an alarm");
    for number in 0..alarms {
        schedule(&runtime, &format!("alarm-{number:03}")).await?;
    }
    for number in 0..alarms.saturating_sub(apps) {
        close(&runtime, &format!("alarm-{number:03}")).await?;
    }
    let running = processes(&runtime).await?;
    let all = times_of_restarts(&mut runtime, times, alarms, &running).await?;
    runtime.end().await?;

    println!(
        "{:<44} {:>8} {:>8} {:>8}",
        "from the start of the process until restored", "half", "9 of 10", "most"
    );
    let rows = [
        ("nothing to restore".to_owned(), nothing),
        (format!("{} apps run, {alarms} alarms", running.len()), all),
    ];
    for (what, times) in rows {
        let [half, most_of, most] = [50, 90, 100].map(|share| percentile(&times, share).as_millis());
        println!("{what:<44} {half:>5} ms {most_of:>5} ms {most:>5} ms");
    }
    Ok(())
}

/// Kills it and starts it again; everything has to be there again, with the same processes.
async fn times_of_restarts(
    runtime: &mut Runtime,
    times: usize,
    alarms: usize,
    running: &BTreeMap<String, i64>,
) -> anyhow::Result<Vec<Duration>> {
    let mut taken = Vec::new();
    for _ in 0..times {
        runtime.kill().await?;
        let started = Instant::now();
        runtime.launch_and_serve().await?;
        let mut watch = Client::connect(&runtime.socket()).await?;
        let stand = watch.call(&monitor::Alarms {}).await?.alarms.len();
        taken.push(started.elapsed());
        if stand != alarms {
            bail!("{stand} of {alarms} alarms stand");
        }
        let now = processes(runtime).await?;
        if now != *running {
            bail!("other processes run than before: {now:?}, not {running:?}");
        }
    }
    Ok(taken)
}

/// Installs an app, and lets it schedule its alarm.
async fn schedule(runtime: &Runtime, app: &str) -> anyhow::Result<()> {
    let data = runtime.data_folder().join(app);
    fs::create_dir_all(&data)?;
    fs::write(data.join("ahead_s"), AHEAD_S)?;
    runtime.install(app, "alarm").await?;
    let mut watch = Client::connect(&runtime.socket()).await?;
    watch.call(&wrist::Raise {}).await?;
    watch.call(&apps::Open { app: app.to_owned() }).await?;
    let deadline = Instant::now() + APP_MAX;
    while !fs::read_to_string(data.join("record.jsonl")).unwrap_or_default().contains("\"scheduled\"") {
        if Instant::now() > deadline {
            bail!("{app} scheduled no alarm within {APP_MAX:?}");
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Ends an app; its alarm stands.
async fn close(runtime: &Runtime, app: &str) -> anyhow::Result<()> {
    let mut watch = Client::connect(&runtime.socket()).await?;
    watch.call(&apps::Close { app: app.to_owned() }).await.context("an app cannot be closed")?;
    let deadline = Instant::now() + APP_MAX;
    while processes(runtime).await?.contains_key(app) && Instant::now() < deadline {
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn processes(runtime: &Runtime) -> anyhow::Result<BTreeMap<String, i64>> {
    let mut watch = Client::connect(&runtime.socket()).await?;
    let listed = watch.call(&apps::List {}).await?.apps;
    Ok(listed.into_iter().filter_map(|app| Some((app.app, app.pid?))).collect())
}
