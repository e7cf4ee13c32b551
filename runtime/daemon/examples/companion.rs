//! An app on the SDK and on strings, for the tests of what an app lives through: it does what it is told on a socket in
//! its data folder, and answers with what came of it, a line of JSON each.
//!
//! Orders: `begin` (a session, or the one that it was handed), `schedule UNIX_MS`, `invalidate N`, `notify N`, `play`,
//! `heart` (reads the straps from now on), `told`, `hang`, `deaf` (to SIGTERM), `exit CODE`, `crash`. What it is told is
//! written to its log as it comes, samples and gaps among it, and `told` answers with all of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use carpus::{App, Error, Event, ExtendedRuntimeSession, Haptic, HeartRates, Repeat};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};

/// From one haptic of an alarm to the next.
const RING_INTERVAL: Duration = Duration::from_millis(200);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = App::connect().await?;
    let strings = PathBuf::from(std::env::var("CARPUS_APP_DATA")?).join("strings.sock");
    std::fs::remove_file(&strings).ok();
    let listener = UnixListener::bind(&strings)?;
    let companion = Companion { app, told: Arc::default(), sessions: Arc::default() };
    let handed = companion.app.handed_session().map(|session| session.id());
    companion.tell(json!({"launched": {"handed": handed}}));
    tokio::spawn(obey_all(listener, companion.clone()));
    companion.listen().await?;
    Ok(())
}

async fn obey_all(listener: UnixListener, companion: Companion) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(obey(stream, companion.clone()));
    }
}

async fn obey(stream: UnixStream, companion: Companion) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = companion.order(&line).await;
        if write.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
            return; // whoever gave the order is gone
        }
    }
}

#[derive(Clone)]
struct Companion {
    app: App,
    told: Arc<Mutex<Vec<Value>>>,
    sessions: Arc<Mutex<BTreeMap<u64, ExtendedRuntimeSession>>>,
}

impl Companion {
    async fn listen(&self) -> Result<(), Error> {
        while let Some(event) = self.app.next_event().await? {
            let line = self.line_of(&event);
            self.tell(line);
            self.app.acknowledge().await?;
        }
        Ok(())
    }

    fn tell(&self, line: Value) {
        println!("{line}");
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn line_of(&self, event: &Event) -> Value {
        let of = |kind: &str, session: &ExtendedRuntimeSession| {
            self.know(session);
            json!({"event": {"kind": kind, "session": session.id()}})
        };
        match event {
            Event::StateChanged { state } => {
                json!({"event": {"kind": "state_changed", "state": state.name()}})
            }
            Event::Handle { session, .. } => of("handle", session),
            Event::DidStart { session, .. } => of("did_start", session),
            Event::WillExpire { session, .. } => of("will_expire", session),
            Event::DidInvalidate { session, end } => {
                let mut line = of("did_invalidate", session);
                line["event"]["end"] = end.to_string().into();
                line
            }
            Event::DidReconnect { gap } => {
                let length_ms = u64::try_from(gap.length.as_millis()).unwrap_or(u64::MAX);
                json!({"event": {"kind": "did_reconnect", "length_ms": length_ms}})
            }
        }
    }

    fn know(&self, session: &ExtendedRuntimeSession) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session.id(), session.clone());
    }

    fn session(&self, number: u64) -> Option<ExtendedRuntimeSession> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
    }

    async fn order(&self, line: &str) -> Value {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = words.get(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        let done = match words.first().copied().unwrap_or_default() {
            "begin" => self.begun(self.app.begin_session().await),
            "schedule" => self.schedule(number).await,
            "play" => self.app.play(Haptic::Click).await.map(|()| json!({})),
            "heart" => self.app.heart_rate().await.map(|straps| {
                tokio::spawn(self.clone().read(straps));
                json!({})
            }),
            "told" => Ok(json!({"told": *self.told.lock().unwrap_or_else(PoisonError::into_inner)})),
            "hang" => {
                // As soon as this is answered: the thread is the only one.
                tokio::spawn(async { std::thread::sleep(Duration::MAX) });
                Ok(json!({}))
            }
            // Whoever listens for the signal is not ended by it.
            "deaf" => Ok(json!({"listens": signal(SignalKind::terminate()).is_ok()})),
            "crash" => std::process::abort(),
            "exit" => std::process::exit(i32::try_from(number).unwrap_or(1)),
            of_session => match self.session(number) {
                Some(session) => order_of_session(of_session, &session).await,
                None => return json!({"unknown": line}),
            },
        };
        match done {
            Ok(answer) => json!({"ok": answer}),
            Err(error) => json!({"error": error.to_string()}),
        }
    }

    fn begun(&self, begun: Result<ExtendedRuntimeSession, Error>) -> Result<Value, Error> {
        begun.map(|session| {
            self.know(&session);
            json!({"session": session.id()})
        })
    }

    async fn schedule(&self, at_ms: u64) -> Result<Value, Error> {
        let session = self.app.session().await?;
        session.start_at(SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms)).await?;
        self.begun(Ok(session))
    }

    async fn read(self, mut straps: HeartRates) {
        while let Some(sample) = straps.next().await {
            self.tell(match sample {
                Ok(sample) => {
                    json!({"sample": {"device": sample.device, "bpm": sample.bpm, "gap_before": sample.gap_before}})
                }
                Err(error) => json!({"no_samples": error.to_string()}),
            });
        }
    }
}

async fn order_of_session(order: &str, session: &ExtendedRuntimeSession) -> Result<Value, Error> {
    match order {
        "invalidate" => session.invalidate().await.map(|()| json!({})),
        "notify" => {
            let ring = session.notify_user(Haptic::Notification, Repeat::Every(RING_INTERVAL));
            ring.await.map(|()| json!({}))
        }
        "state" => session.state().await.map(|state| json!({"state": state.name()})),
        other => Ok(json!({"unknown": other})),
    }
}
