//! An app on strings, for the tests of the runtime: it does what it is told on a socket in its data folder, and
//! answers with what came of it, a line of JSON each.
//!
//! It uses the wire as it is; the companion beside it uses the SDK. Orders: `create [KIND]`, `start N`,
//! `start_at N UNIX_MS`, `replace N UNIX_MS`, `can_start [UNIX_MS]`, `set_recurrence TIME ZONE [WEEKDAY …]`,
//! `clear_recurrence`, `recurrence`, `invalidate N`, `handled N`, `notify N INTERVAL_MS`, `play`, `acknowledge N`,
//! `told`, `operate`, `burn`, `hang`, `deaf` (to SIGTERM), `connect N`, `exit CODE`, `crash`.
//!
//! Events are written to its log as they come, with their sequence, and `told` answers with all of them. When the
//! runtime is lost it connects again, and a line `{"gap": …}` says so among the events; an order that was under way is
//! given again, and its answer has the member `again`. Started with the argument `shout` it connects, calls, and ends
//! without waiting for the answer.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use carpus_protocol::client::{CallError, Client};
use carpus_protocol::session::AppEvent;
use carpus_protocol::{HapticType, haptics, session, wrist};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// From one look for the runtime to the next.
const PAUSE: Duration = Duration::from_millis(20);
/// As long as apps look for it (D5).
const LOOKS_FOR: Duration = Duration::from_secs(2 * 60);
/// The exit code of a process that has no runtime any more.
const GONE: i32 = 3;
/// What came of a call whose answer was lost.
const DISCONNECTED: &str = "Disconnected";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    if std::env::args().nth(1).as_deref() == Some("shout") {
        return shout();
    }
    let mut calls = attached().await?;
    let folder = PathBuf::from(std::env::var("CARPUS_APP_DATA")?);
    let strings = folder.join("strings.sock");
    std::fs::remove_file(&strings).ok();
    let listener = UnixListener::bind(&strings)?;
    let told = Told::default();
    tokio::spawn(listen(attached().await?, told.clone()));
    loop {
        let (stream, _) = listener.accept().await?;
        obey(stream, &mut calls, &told).await?;
    }
}

/// The lines of its log.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Value>>>);

impl Told {
    fn write(&self, line: Value) {
        println!("{line}");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes down what it is told, over a runtime that is lost and found again.
async fn listen(mut client: Client, told: Told) {
    let mut state = None;
    loop {
        match client.stream(&session::Events {}).await {
            Ok(mut events) => {
                while let Some(Ok(session::EventsReply { sequence, event })) = events.next().await {
                    if let AppEvent::StateChanged { state: now } = &event
                        && state.replace(*now) == Some(*now)
                    {
                        continue; // the first on each stream, and no news
                    }
                    told.write(json!({"sequence": sequence, "event": event}));
                }
            }
            Err(error) => told.write(json!({"error": error.to_string()})),
        }
        let lost = Instant::now();
        client = attached_again().await;
        told.write(json!({"gap": {"length_ms": lost.elapsed().as_millis() as u64}}));
    }
}

/// Looks for the runtime; a process that it does not know ends.
async fn attached_again() -> Client {
    let lost = Instant::now();
    loop {
        match attached().await {
            Ok(client) => return client,
            Err(error) if lost.elapsed() > LOOKS_FOR || error.to_string().contains("no running app") => {
                println!("{}", json!({"gone": error.to_string()}));
                std::process::exit(GONE);
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn shout() -> Result<(), Failure> {
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

async fn attached() -> Result<Client, Failure> {
    let socket = PathBuf::from(std::env::var("CARPUS_SOCKET")?);
    let mut client = Client::connect(&socket).await?;
    let token = std::env::var("CARPUS_LAUNCH_TOKEN")?;
    client.call(&session::Attach { token }).await.map_err(|error| error.to_string())?;
    Ok(client)
}

async fn obey(stream: UnixStream, calls: &mut Client, told: &Told) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let mut answer = match line.as_str() {
            "told" => json!({"ok": {"told": told.all()}}),
            line => order(line, calls).await,
        };
        if answer["failed"] == DISCONNECTED {
            *calls = attached_again().await;
            answer = order(&line, calls).await;
            answer["again"] = true.into();
        }
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
        "crash" => std::process::abort(),
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
        Err(CallError::Disconnected) => json!({"failed": DISCONNECTED}),
        Err(error) => json!({"failed": format!("{error:?}")}),
    }
}
