//! An app on strings, for the tests of the runtime: it does what it is told on a socket in its data folder, and
//! answers with what came of it, a line of JSON each.
//!
//! Orders: `create [KIND]`, `start N`, `start_at N UNIX_MS`, `replace N UNIX_MS`, `can_start [UNIX_MS]`,
//! `set_recurrence TIME ZONE [WEEKDAY …]`, `clear_recurrence`, `recurrence`, `invalidate N`, `handled N`,
//! `notify N INTERVAL_MS`, `play`, `acknowledge N`, `operate`, `burn`, `hang`, `deaf`, `connect N`, `exit CODE`. Events
//! are written to its log, as they come. Started with the argument `shout` it connects, calls, and ends without waiting
//! for the answer.

use std::path::PathBuf;

use carpus_protocol::client::{CallError, Client};
use carpus_protocol::{HapticType, haptics, session, wrist};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("shout") {
        return shout();
    }
    let mut calls = attached().await?;
    let folder = PathBuf::from(std::env::var("CARPUS_APP_DATA")?);
    let strings = folder.join("strings.sock");
    std::fs::remove_file(&strings).ok();
    let listener = UnixListener::bind(&strings)?;
    let mut events =
        attached().await?.stream(&session::Events {}).await.map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => println!("{}", json!({"sequence": event.sequence, "event": event.event})),
                Err(error) => println!("{}", json!({"error": error.to_string()})),
            }
        }
    });
    loop {
        let (stream, _) = listener.accept().await?;
        obey(stream, &mut calls).await?;
    }
}

fn shout() -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Write as _;
    let mut stream = std::os::unix::net::UnixStream::connect(std::env::var("CARPUS_SOCKET")?)?;
    Ok(stream.write_all(b"{\"method\":\"io.carpus.Wrist.Lower\"}\0")?)
}

/// Holds as many connections as it gets, up to `wanted`, for as long as it lives.
async fn connect(wanted: i64) -> Value {
    let mut held = Vec::new();
    while (held.len() as i64) < wanted {
        match attached().await {
            Ok(client) => held.push(client),
            Err(_) => break,
        }
    }
    let count = held.len();
    std::mem::forget(held);
    json!({"ok": {"connections": count}})
}

async fn attached() -> Result<Client, Box<dyn std::error::Error>> {
    let socket = PathBuf::from(std::env::var("CARPUS_SOCKET")?);
    let mut client = Client::connect(&socket).await?;
    let token = std::env::var("CARPUS_LAUNCH_TOKEN")?;
    client.call(&session::Attach { token }).await.map_err(|error| error.to_string())?;
    Ok(client)
}

async fn obey(stream: UnixStream, calls: &mut Client) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = order(&line, calls).await;
        write.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn order(line: &str, calls: &mut Client) -> Value {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<i64>().ok()).unwrap_or_default();
    let session = number(1).unsigned_abs();
    match words.first().copied().unwrap_or_default() {
        "create" => {
            let kind = words.get(1).and_then(|kind| kind.parse().ok());
            answer(calls.call(&session::Create { kind }).await)
        }
        "start" => answer(calls.call(&session::Start { session }).await),
        "start_at" => answer(calls.call(&session::StartAt { session, at_ms: number(2) }).await),
        "replace" => answer(calls.call(&session::Replace { session, at_ms: number(2) }).await),
        "can_start" => {
            let at_ms = words.get(1).and_then(|at| at.parse().ok());
            answer(calls.call(&session::CanStart { kind: None, at_ms }).await)
        }
        "set_recurrence" => answer(calls.call(&recurrence(&words)).await),
        "clear_recurrence" => answer(calls.call(&session::ClearRecurrence {}).await),
        "recurrence" => answer(calls.call(&session::Recurrence {}).await),
        "invalidate" => answer(calls.call(&session::Invalidate { session }).await),
        "handled" => answer(calls.call(&session::Handled { session }).await),
        "notify" => {
            let interval_ms = Some(number(2).unsigned_abs());
            let haptic = HapticType::Notification;
            answer(calls.call(&session::NotifyUser { session, haptic, interval_ms, ask: false }).await)
        }
        "play" => answer(calls.call(&haptics::Play { haptic: HapticType::Click }).await),
        "acknowledge" => answer(calls.call(&session::Acknowledge { sequence: session }).await),
        "operate" => answer(calls.call(&wrist::Lower {}).await),
        "connect" => connect(number(1)).await,
        "burn" => {
            std::thread::spawn(|| {
                loop {
                    std::hint::spin_loop();
                }
            });
            json!({"ok": {}})
        }
        "hang" => {
            // As soon as this is answered: the thread is the only one.
            tokio::spawn(async { std::thread::sleep(std::time::Duration::MAX) });
            json!({"ok": {}})
        }
        "deaf" => {
            // Whoever listens for the signal is not ended by it.
            let ignored = signal(SignalKind::terminate());
            json!({"ok": {"listens": ignored.is_ok()}})
        }
        "exit" => std::process::exit(i32::try_from(number(1)).unwrap_or(1)),
        other => json!({"unknown": other}),
    }
}

fn recurrence(words: &[&str]) -> session::SetRecurrence {
    let time = words.get(1).and_then(|time| time.parse().ok()).expect("a time of day");
    let weekdays = words.iter().skip(3).filter_map(|day| day.parse().ok()).collect();
    session::SetRecurrence { weekdays, time, zone: words.get(2).map(|zone| (*zone).to_owned()) }
}

fn answer<R: serde::Serialize, E: serde::Serialize + std::fmt::Debug>(
    result: Result<R, CallError<E>>,
) -> Value {
    match result {
        Ok(reply) => json!({"ok": reply}),
        Err(CallError::Refused(error)) => json!({"refused": error}),
        Err(error) => json!({"failed": format!("{error:?}")}),
    }
}
