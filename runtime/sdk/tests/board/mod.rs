//! A stand-in for the runtime that can be killed at any point, and comes back as one that was started again does: what
//! is on disk stands, connections are gone, and the app does not count as active until it listens.

// Each test binary uses a part.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use carpus_protocol::devices::{self, Contact, HeartRateReply, HeartRateSample};
use carpus_protocol::session::{self, AppEvent, Call, Error, EventsReply};
use carpus_protocol::{
    AnyCall, AppState, Cause, Done, ErrorCode, Reason, RecurrenceRule, SessionInfo, SessionKind, SessionState,
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

/// The launch token that it knows.
pub(crate) const TOKEN: &str = "the-token";

/// The strap that it has.
pub(crate) const STRAP: &str = "C0:FF:EE:00:00:01";

/// How long it takes to come back.
const DOWN_TIME: Duration = Duration::from_millis(3);

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) state: SessionState,
    pub(crate) at_ms: Option<i64>,
}

/// What outlives a life of the runtime, and what is known of the present one.
#[derive(Debug)]
pub(crate) struct State {
    /// What is not acknowledged.
    journal: Vec<EventsReply>,
    next_sequence: u64,
    /// All that was ever put into the journal.
    pub(crate) history: Vec<AppEvent>,
    pub(crate) sessions: BTreeMap<u64, Session>,
    next_session: u64,
    /// What was done, each time it was.
    pub(crate) effects: Vec<String>,
    pub(crate) rule: Option<RecurrenceRule>,
    /// The state of the app while it listens.
    pub(crate) app_state: AppState,
    /// The app's session that runs or was handed over.
    pub(crate) in_progress: Option<u64>,
    /// Whether it knows the app's process.
    pub(crate) knows_app: bool,
    /// Whether it answers that a part of it is not there.
    pub(crate) unavailable: u32,
    /// How many acknowledgements it cannot write down.
    pub(crate) disk_full: u32,
    /// After so many steps it is killed.
    strike_in: Option<u32>,
    /// The steps so far.
    pub(crate) steps: u32,
    /// Whether it comes back after it was killed.
    pub(crate) comes_back: bool,
    /// How often it was started.
    pub(crate) lives: u32,
    /// Where the app's events go in this life; none until it listens.
    events: Option<mpsc::UnboundedSender<Option<EventsReply>>>,
    samples: Vec<mpsc::UnboundedSender<HeartRateReply>>,
}

/// The stand-in, and the test's hold on it.
#[derive(Clone)]
pub(crate) struct Board {
    pub(crate) path: PathBuf,
    shared: Arc<Shared>,
    _folder: Arc<tempfile::TempDir>,
}

struct Shared {
    state: Mutex<State>,
    struck: Notify,
    wanted_back: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Board {
    pub(crate) fn start() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let path = folder.path().join("carpus.sock");
        let state = State {
            journal: Vec::new(),
            next_sequence: 1,
            history: Vec::new(),
            sessions: BTreeMap::new(),
            next_session: 7,
            effects: Vec::new(),
            rule: None,
            app_state: AppState::Active,
            in_progress: None,
            knows_app: true,
            unavailable: 0,
            disk_full: 0,
            strike_in: None,
            steps: 0,
            comes_back: true,
            lives: 0,
            events: None,
            samples: Vec::new(),
        };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), struck: Notify::new(), wanted_back: Notify::new() });
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(keep(listener, path.clone(), Arc::clone(&shared)));
        Self { path, shared, _folder: folder }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }

    /// Kills it in so many steps; 0 is the next one.
    pub(crate) fn strike_in(&self, steps: u32) {
        self.state().strike_in = Some(steps);
    }

    /// Whether a strike that was ordered has not come yet.
    pub(crate) fn is_to_strike(&self) -> bool {
        self.state().strike_in.is_some()
    }

    /// Kills it now; it comes back unless that was forbidden.
    pub(crate) fn kill(&self) {
        self.shared.struck.notify_one();
    }

    /// Lets it come back after all.
    pub(crate) fn revive(&self) {
        self.state().comes_back = true;
        self.shared.wanted_back.notify_one();
    }

    /// Writes an event down, and tells it.
    pub(crate) fn tell(&self, event: AppEvent) {
        self.state().tell(event);
    }

    /// Tells what is not written down; it is lost when the app does not listen.
    pub(crate) fn mention(&self, event: AppEvent) {
        self.state().send(Some(EventsReply { sequence: None, event }));
    }

    /// Gives the app's events to another connection of it.
    pub(crate) fn replace_events(&self) {
        self.state().send(None);
    }

    /// Breaks off the stream of events, as for an app that does not read.
    pub(crate) fn cut_events(&self) {
        self.state().events = None;
    }

    /// Whether the app listens in this life.
    pub(crate) fn is_heard(&self) -> bool {
        self.state().events.as_ref().is_some_and(|events| !events.is_closed())
    }

    pub(crate) fn sample(&self, bpm: u64) {
        let sample = HeartRateSample {
            device: STRAP.to_owned(),
            name: None,
            arrived_ms: 1_000,
            bpm,
            contact: Contact::Detected,
            energy_kj: None,
            rr_1024: vec![],
            dropped_before: 0,
            gap_before: false,
        };
        self.state().samples.retain(|to| to.send(HeartRateReply { sample: sample.clone() }).is_ok());
    }

    /// How many read the strap.
    pub(crate) fn readers(&self) -> usize {
        self.state().samples.iter().filter(|to| !to.is_closed()).count()
    }
}

impl State {
    fn tell(&mut self, event: AppEvent) {
        let reply = EventsReply { sequence: Some(self.next_sequence), event: event.clone() };
        self.next_sequence += 1;
        self.history.push(event);
        self.journal.push(reply.clone());
        self.send(Some(reply));
    }

    fn send(&mut self, reply: Option<EventsReply>) {
        if let Some(events) = &self.events {
            let _ = events.send(reply);
        }
    }

    /// Whether something is not acknowledged.
    pub(crate) fn is_owed(&self) -> bool {
        !self.journal.is_empty()
    }

    fn is_active(&self) -> bool {
        self.app_state == AppState::Active && self.events.is_some()
    }

    /// Another step; whether it is the one at which it is killed.
    fn step(&mut self) -> bool {
        self.steps += 1;
        match self.strike_in {
            Some(0) => {
                self.strike_in = None;
                true
            }
            Some(steps) => {
                self.strike_in = Some(steps - 1);
                false
            }
            None => false,
        }
    }
}

async fn keep(mut listener: UnixListener, path: PathBuf, shared: Arc<Shared>) {
    loop {
        shared.state().lives += 1;
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    clients.spawn(Client::new(accepted.unwrap().0, Arc::clone(&shared)).serve());
                }
                () = shared.struck.notified() => break,
            }
        }
        drop(listener);
        clients.shutdown().await;
        {
            let mut state = shared.state();
            (state.events, state.samples) = (None, Vec::new());
        }
        if !shared.state().comes_back {
            shared.wanted_back.notified().await;
        }
        tokio::time::sleep(DOWN_TIME).await;
        std::fs::remove_file(&path).unwrap();
        listener = UnixListener::bind(&path).unwrap();
    }
}

struct Client {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    shared: Arc<Shared>,
}

impl Client {
    fn new(stream: UnixStream, shared: Arc<Shared>) -> Self {
        let (read, write) = stream.into_split();
        Self { read: BufReader::new(read), write, shared }
    }

    /// A point at which it may be killed.
    async fn step(&self) {
        if self.shared.state().step() {
            self.shared.struck.notify_one();
            std::future::pending::<()>().await;
        }
    }

    async fn next_call(&mut self) -> Option<AnyCall> {
        let mut frame = Vec::new();
        self.read.read_until(0, &mut frame).await.ok().filter(|read| *read > 0)?;
        frame.pop();
        let call: Value = serde_json::from_slice(&frame).unwrap();
        Some(AnyCall::parse(call["method"].as_str().unwrap(), Some(call["parameters"].clone())).unwrap())
    }

    async fn serve(mut self) {
        self.step().await; // accepted
        while let Some(call) = self.next_call().await {
            self.step().await; // read
            match call {
                AnyCall::Session(Call::Events(_)) => return self.stream_events().await,
                AnyCall::Devices(devices::Call::HeartRate(_)) => return self.stream_samples().await,
                call => {
                    let answer = answer(&mut self.shared.state(), &call);
                    self.step().await; // done
                    self.write(&answer).await;
                }
            }
        }
    }

    /// A frame, in two parts.
    async fn write(&mut self, frame: &Value) {
        let mut bytes = serde_json::to_vec(frame).unwrap();
        bytes.push(0);
        let (one, other) = bytes.split_at(bytes.len() / 2);
        if self.write.write_all(one).await.is_err() {
            return; // the app is gone, or has another connection
        }
        self.step().await; // half told
        let _ = self.write.write_all(other).await;
        self.step().await; // told
    }

    async fn stream_events(mut self) {
        let (sender, mut events) = mpsc::unbounded_channel();
        let state = {
            let mut state = self.shared.state();
            for waiting in &state.journal {
                sender.send(Some(waiting.clone())).unwrap();
            }
            state.events = Some(sender);
            state.app_state
        };
        let first = EventsReply { sequence: None, event: AppEvent::StateChanged { state } };
        self.write(&streamed(&first)).await;
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                _hang_up = self.read.fill_buf() => return,
            };
            match event {
                Some(Some(event)) => self.write(&streamed(&event)).await,
                Some(None) => return self.write(&json!({})).await,
                None => return,
            }
        }
    }

    async fn stream_samples(mut self) {
        let (sender, mut samples) = mpsc::unbounded_channel();
        self.shared.state().samples.push(sender);
        loop {
            let sample = tokio::select! {
                sample = samples.recv() => sample,
                _hang_up = self.read.fill_buf() => return,
            };
            let Some(sample) = sample else { return };
            self.write(&streamed(&sample)).await;
        }
    }
}

fn streamed(reply: &impl Serialize) -> Value {
    json!({ "parameters": reply, "continues": true })
}

fn refused(code: ErrorCode, message: &str) -> Error {
    Error::Refused { code: code.number(), name: code.name().to_owned(), message: message.to_owned() }
}

fn answer(state: &mut State, call: &AnyCall) -> Value {
    let answer = match call {
        AnyCall::Session(call) => session_call(state, call),
        AnyCall::Haptics(call) => {
            state.effects.push(call.method().to_owned());
            Ok(json!(Done {}))
        }
        other => panic!("{other:?}"),
    };
    match answer {
        Ok(parameters) => json!({ "parameters": parameters }),
        Err(error) => serde_json::to_value(error).unwrap(),
    }
}

fn session_call(state: &mut State, call: &Call) -> Result<Value, Error> {
    match call {
        Call::Attach(attach) => return attached(state, attach),
        Call::Acknowledge(_) if state.disk_full > 0 => {
            state.disk_full -= 1;
            return Err(Error::Unavailable { message: "the disk is full".to_owned() });
        }
        Call::Acknowledge(acknowledged) => {
            state.journal.retain(|event| event.sequence > Some(acknowledged.sequence));
        }
        Call::Create(_) => {
            let session = state.next_session;
            state.next_session += 1;
            state.sessions.insert(session, Session { state: SessionState::NotStarted, at_ms: None });
            return Ok(json!(session::CreateReply { session }));
        }
        Call::Start(start) => {
            begin(state, start.session, SessionState::Running, None)?;
            state.tell(AppEvent::DidStart { session: start.session, expiration_ms: 9 });
        }
        Call::StartAt(start) => {
            begin(state, start.session, SessionState::Scheduled, Some(start.at_ms))?;
        }
        Call::Replace(start) => {
            begin(state, start.session, SessionState::Scheduled, Some(start.at_ms))?;
        }
        Call::Invalidate(ended) => invalidate(state, ended.session)?,
        Call::Handled(handled) => hand_over(state, handled.session)?,
        Call::NotifyUser(_) | Call::Repeat(_) => state.effects.push(call.method().to_owned()),
        Call::SetRecurrence(set) => {
            if state.rule.is_some() {
                return Err(Error::RecurrenceInTheWay { message: "there is one".to_owned() });
            }
            state.effects.push("set rule".to_owned());
            let (weekdays, time, zone) = (set.weekdays.clone(), set.time, set.zone.clone());
            state.rule = Some(RecurrenceRule { weekdays, time, zone });
        }
        Call::ClearRecurrence(_) => {
            if !state.is_active() {
                return Err(refused(ErrorCode::MustBeActiveToStartOrSchedule, "not active"));
            }
            state.rule = None;
        }
        Call::Recurrence(_) => {
            return Ok(json!(session::RecurrenceReply { rule: state.rule.clone(), next_ms: None }));
        }
        Call::Info(info) => return info_of(state, info.session),
        Call::CanStart(_) => return Ok(json!(session::CanStartReply { obstacles: vec![] })),
        Call::Events(_) => panic!("a stream"),
    }
    Ok(json!(Done {}))
}

fn attached(state: &mut State, attach: &session::Attach) -> Result<Value, Error> {
    if state.unavailable > 0 {
        state.unavailable -= 1;
        return Err(Error::Unavailable { message: "it is being started again".to_owned() });
    }
    if attach.token != TOKEN || !state.knows_app {
        return Err(Error::BadToken);
    }
    let session = state.in_progress;
    Ok(json!(session::AttachReply { app: "heart-rate".to_owned(), state: state.app_state, session }))
}

fn begin(state: &mut State, id: u64, to: SessionState, at_ms: Option<i64>) -> Result<(), Error> {
    let is_active = state.is_active();
    let Some(session) = state.sessions.get_mut(&id) else {
        return Err(Error::UnknownSession { session: id });
    };
    if session.state != SessionState::NotStarted {
        return Err(refused(ErrorCode::Unknown, "it was started before"));
    }
    if !is_active {
        session.state = SessionState::Invalid;
        return Err(refused(ErrorCode::MustBeActiveToStartOrSchedule, "not active"));
    }
    *session = Session { state: to, at_ms };
    state.effects.push(format!("begin {id}"));
    Ok(())
}

fn invalidate(state: &mut State, id: u64) -> Result<(), Error> {
    match state.sessions.get_mut(&id) {
        None => return Err(Error::UnknownSession { session: id }),
        Some(Session { state: SessionState::Invalid, .. }) => return Ok(()),
        Some(session) => session.state = SessionState::Invalid,
    }
    state.effects.push(format!("invalidate {id}"));
    state.tell(did_invalidate(id));
    Ok(())
}

fn hand_over(state: &mut State, id: u64) -> Result<(), Error> {
    match state.sessions.get_mut(&id) {
        Some(session) if session.state == SessionState::Scheduled => session.state = SessionState::Running,
        Some(_) => return Ok(()),
        None => return Err(Error::UnknownSession { session: id }),
    }
    state.effects.push(format!("run {id}"));
    state.tell(AppEvent::DidStart { session: id, expiration_ms: 9 });
    Ok(())
}

fn info_of(state: &State, id: u64) -> Result<Value, Error> {
    let session = state.sessions.get(&id).ok_or(Error::UnknownSession { session: id })?;
    let info = SessionInfo {
        session: id,
        app: "heart-rate".to_owned(),
        kind: SessionKind::Alarm,
        state: session.state,
        started_at_ms: (session.state == SessionState::Running).then_some(1),
        expiration_ms: None,
        scheduled_at_ms: session.at_ms.filter(|_| session.state == SessionState::Scheduled),
    };
    Ok(json!(session::InfoReply { info }))
}

pub(crate) fn did_invalidate(session: u64) -> AppEvent {
    AppEvent::DidInvalidate {
        session,
        reason: Reason::None,
        error: None,
        cause: Some(Cause::AppInvalidated),
        message: "it ended".to_owned(),
    }
}
