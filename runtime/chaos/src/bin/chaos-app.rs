//! An app for the chaos runs: it starts or schedules a session whenever it may, and writes down, before anything else
//! can happen to it, what it was promised and what it was told.
//!
//! One line of JSON each, at the end of `record.jsonl` in its data folder, which outlives it.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use carpus::{App, AppState, Error, Event, ExtendedRuntimeSession, Haptic, Repeat};
use serde_json::{Value, json};
use tokio::time::sleep;

/// How far ahead alarms are scheduled, unless a file `ahead_s` in the data folder says: near enough for many in a run.
const AHEAD_MS: std::ops::Range<u64> = 500..12_000;
/// From one ring of an alarm to the next.
const RING_INTERVAL: Duration = Duration::from_millis(400);
/// One alarm of so many is forgotten by its app: the runtime has to ring it.
const FORGETS_ONE_OF: u64 = 4;

/// From one attempt to acknowledge to the next.
const RETRY: Duration = Duration::from_millis(100);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::var("CARPUS_APP_DATA")?);
    let mut record = Record::open(&folder)?;
    record.write("launched", None, json!({}))?;
    let app = App::connect().await?;
    let rest = folder.join("rest");
    loop {
        let Some(event) = app.next_event().await? else { return Ok(()) };
        let told = Told::of(&event);
        if let Some(Told { kind, session, detail }) = &told {
            record.write(kind, Some(*session), detail.clone())?;
        }
        if let Event::DidReconnect { gap } = &event {
            record.write("gap", None, json!({ "length_ms": gap.length.as_millis() }))?;
        }
        match event {
            Event::StateChanged { state: AppState::Active } if !rest.exists() => {
                begin(&app, &folder, &mut record).await?;
            }
            Event::DidStart { session, .. } if is_alarm(&app) => ring(&session, &mut record).await?,
            _ => {}
        }
        acknowledge(&app).await?;
        if let Some(Told { kind, session, .. }) = told {
            record.write("dealt_with", Some(session), json!({ "event": kind }))?;
        }
    }
}

/// A disk that is full or fails takes no acknowledgement for a while.
async fn acknowledge(app: &App) -> Result<(), Error> {
    while let Err(error) = app.acknowledge().await {
        match error {
            Error::Unavailable { .. } => sleep(RETRY).await,
            gone => return Err(gone),
        }
    }
    Ok(())
}

fn is_alarm(app: &App) -> bool {
    app.id().starts_with("alarm")
}

/// Starts or schedules a session. What is refused because there is one already is no matter.
async fn begin(app: &App, folder: &Path, record: &mut Record) -> Result<(), Box<dyn std::error::Error>> {
    let session = match app.session().await {
        Ok(session) => session,
        Err(error) => return Ok(record.write("refused", None, why(&error))?),
    };
    let (promised, detail, answer) = if is_alarm(app) {
        let at = SystemTime::now() + ahead(folder);
        ("scheduled", json!({ "at_ms": unix_ms(at) }), session.start_at(at).await)
    } else {
        ("started", json!({}), session.start().await)
    };
    match answer {
        Ok(()) => record.write(promised, Some(session.id()), detail)?,
        Err(error) => record.write("refused", Some(session.id()), why(&error))?,
    }
    Ok(())
}

fn ahead(folder: &Path) -> Duration {
    let told = std::fs::read_to_string(folder.join("ahead_s")).ok().and_then(|text| text.trim().parse().ok());
    told.map_or_else(|| Duration::from_millis(fastrand::u64(AHEAD_MS)), Duration::from_secs)
}

async fn ring(session: &ExtendedRuntimeSession, record: &mut Record) -> std::io::Result<()> {
    if session.id().is_multiple_of(FORGETS_ONE_OF) {
        return record.write("forgot", Some(session.id()), json!({}));
    }
    match session.notify_user(Haptic::Notification, Repeat::Every(RING_INTERVAL)).await {
        Ok(()) => record.write("rang", Some(session.id()), json!({})),
        Err(error) => record.write("did_not_ring", Some(session.id()), why(&error)),
    }
}

fn why(error: &Error) -> Value {
    json!({ "error": error.to_string() })
}

/// An event of a session, as it is written down.
struct Told {
    kind: &'static str,
    session: u64,
    detail: Value,
}

impl Told {
    fn of(event: &Event) -> Option<Self> {
        let (kind, session, detail) = match event {
            Event::Handle { session, .. } => ("handle", session, json!({})),
            Event::DidStart { session, .. } => ("did_start", session, json!({})),
            Event::WillExpire { session, .. } => ("will_expire", session, json!({})),
            Event::DidInvalidate { session, end } => {
                ("did_invalidate", session, json!({ "end": end.to_string() }))
            }
            _ => return None,
        };
        Some(Self { kind, session: session.id(), detail })
    }
}

/// What the app was promised and told.
struct Record {
    file: File,
    process: u32,
}

impl Record {
    fn open(folder: &Path) -> std::io::Result<Self> {
        let file = File::options().append(true).create(true).open(folder.join("record.jsonl"))?;
        Ok(Self { file, process: std::process::id() })
    }

    /// One write for a line: it is whole, or not there.
    fn write(&mut self, what: &str, session: Option<u64>, detail: Value) -> std::io::Result<()> {
        let line = json!({
            "time_ms": unix_ms(SystemTime::now()),
            "process": self.process,
            "what": what,
            "session": session,
            "detail": detail,
        });
        self.file.write_all(format!("{line}\n").as_bytes())
    }
}

fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
