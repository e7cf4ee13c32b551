//! The app, as one connection to the runtime.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use carpus_protocol::client::{self, Client};
use carpus_protocol::{AppState, HapticType, SessionKind, haptics, session};
use tokio::sync::{Mutex, watch};

use crate::delegate::{self, SessionDelegate};
use crate::events::{Event, Events, Repeats};
use crate::recurrence::{Recurrence, Recurring};
use crate::session::ExtendedRuntimeSession;
use crate::straps::HeartRates;
use crate::time::unix_ms;
use crate::{End, Error};

/// The environment variable in which the runtime gives an app its launch token.
pub const TOKEN_VARIABLE: &str = "CARPUS_LAUNCH_TOKEN";

/// This app, connected to the runtime. Clones are the same connection.
///
/// Any future of this crate may be dropped before it is done, as `tokio::select!` does: nothing is lost by that. A
/// call that was already sent is still carried out.
#[derive(Clone, Debug)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    socket: PathBuf,
    token: String,
    id: String,
    calls: Arc<Mutex<Client>>,
    events: Events,
    repeats: Repeats,
    state: watch::Receiver<AppState>,
}

impl App {
    /// Connects to the runtime that launched this process.
    ///
    /// # Errors
    /// [`Error::NotLaunched`] when the process was started by hand; or when the runtime is gone.
    pub async fn connect() -> Result<Self, Error> {
        let token =
            std::env::var(TOKEN_VARIABLE).map_err(|_| Error::NotLaunched { missing: TOKEN_VARIABLE })?;
        let socket = client::socket_path(|name| std::env::var_os(name), Path::exists);
        Self::connect_to(&socket, &token).await
    }

    /// Connects to a runtime with a launch token. Apps use [`App::connect`]; this is for tests of apps.
    ///
    /// # Errors
    /// When nobody listens, or the token is not known.
    pub async fn connect_to(socket: &Path, token: &str) -> Result<Self, Error> {
        // The stream comes first: a state that changes after the attach below is then told on it.
        let (events, _) = attach(socket, token).await?;
        let replies = events.stream(&session::Events {}).await?;
        let (calls, attached) = attach(socket, token).await?;
        let calls = Arc::new(Mutex::new(calls));
        let repeats = Repeats::default();
        let (state_sender, state) = watch::channel(attached.state);
        let events = Events::start(replies, Arc::clone(&calls), repeats.clone(), state_sender);
        let inner = Inner {
            socket: socket.to_owned(),
            token: token.to_owned(),
            id: attached.app,
            calls,
            events,
            repeats,
            state,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The app's identifier, from its manifest.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// The app's state, as last told (L1).
    pub fn state(&self) -> AppState {
        *self.inner.state.borrow()
    }

    /// Waits until the app is active: before that no session can be started or scheduled (S2, A1). An app that was
    /// just opened is soon; one that was launched for an alarm that is due may never be.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub async fn until_active(&self) -> Result<(), Error> {
        let mut state = self.inner.state.clone();
        let active = state.wait_for(|state| *state == AppState::Active).await;
        active.map(drop).map_err(|_| Error::Disconnected)
    }

    /// Makes a session. Its type follows from the manifest. It is not started yet (S1).
    ///
    /// # Errors
    /// When the manifest allows none, or there are too many.
    pub async fn session(&self) -> Result<ExtendedRuntimeSession, Error> {
        self.create(None).await
    }

    /// Makes a session of one of the types that the manifest declares, where the board allows several (M4). It is
    /// not started yet (S1).
    ///
    /// # Errors
    /// When the manifest does not declare the type, when the board allows one type only, or there are too many
    /// sessions.
    pub async fn session_of(&self, kind: SessionKind) -> Result<ExtendedRuntimeSession, Error> {
        self.create(Some(kind)).await
    }

    async fn create(&self, kind: Option<SessionKind>) -> Result<ExtendedRuntimeSession, Error> {
        let created = self.call(&session::Create { kind }).await?;
        Ok(ExtendedRuntimeSession::new(self.clone(), created.session))
    }

    /// What stands in the way of [`ExtendedRuntimeSession::start`] now, without starting: all of it, first what the
    /// start would fail with; nothing when it would be taken (S11).
    ///
    /// # Errors
    /// [`Error::NotOffered`] in strict mode; or when the runtime is gone.
    pub async fn can_start(&self) -> Result<Vec<End>, Error> {
        self.obstacles(None, None).await
    }

    /// The same for [`ExtendedRuntimeSession::start_at`] with this time.
    ///
    /// # Errors
    /// As [`App::can_start`]; and [`Error::NoSuchTime`].
    pub async fn can_start_at(&self, at: SystemTime) -> Result<Vec<End>, Error> {
        self.obstacles(None, Some(at)).await
    }

    /// The same for a session of this type, as [`App::session_of`] makes it: a start now, or at a time.
    ///
    /// # Errors
    /// As [`App::can_start_at`].
    pub async fn can_start_of(&self, kind: SessionKind, at: Option<SystemTime>) -> Result<Vec<End>, Error> {
        self.obstacles(Some(kind), at).await
    }

    async fn obstacles(&self, kind: Option<SessionKind>, at: Option<SystemTime>) -> Result<Vec<End>, Error> {
        let at_ms = at.map(unix_ms).transpose()?;
        let obstacles = self.call(&session::CanStart { kind, at_ms }).await?.obstacles;
        Ok(obstacles.into_iter().map(End::from).collect())
    }

    /// Declares when the alarm of this app comes again: from now on the runtime schedules each next session by
    /// itself, and hands it to the app when it is due (A10). Only while the app is active, has no rule yet, and none
    /// of its sessions waits. When this is done the rule is on disk.
    ///
    /// # Errors
    /// [`Error::BadRecurrence`] for one without a weekday, or with a zone that is not known;
    /// [`Error::RecurrenceInTheWay`]; [`Error::NotOffered`] in strict mode; or [`Error::Session`] with the code of the
    /// rule that refused it.
    pub async fn set_recurrence(&self, recurrence: Recurrence) -> Result<(), Error> {
        self.call(&recurrence.call()).await.map(drop)
    }

    /// Takes the rule back, and with it the session that waits by it. Only while the app is active; without a rule
    /// there is nothing to do.
    ///
    /// # Errors
    /// [`Error::Session`] when the app is not active.
    pub async fn clear_recurrence(&self) -> Result<(), Error> {
        self.call(&session::ClearRecurrence {}).await.map(drop)
    }

    /// The rule that is kept for this app, if there is one.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub async fn recurrence(&self) -> Result<Option<Recurring>, Error> {
        self.call(&session::Recurrence {}).await.map(Recurring::from_reply)
    }

    /// What comes next: the states of the app, starting with the present one, and the events of its sessions, in
    /// order. None when the runtime ended the stream.
    ///
    /// Asking for the next event says that the one before was dealt with. One that was not is told again when the
    /// app is launched the next time (D1); so an app that ends by itself calls [`App::acknowledge`] before.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub async fn next_event(&self) -> Result<Option<Event>, Error> {
        while let Some(event) = self.inner.events.next().await? {
            if let Some(event) = Event::for_app(event, self) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Says that the last event was dealt with, without waiting for another.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub async fn acknowledge(&self) -> Result<(), Error> {
        self.inner.events.acknowledge().await
    }

    /// Hands each event to the delegate, and acknowledges it when the delegate is done with it. Ends when the
    /// runtime ends the stream.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub async fn run(&self, delegate: &mut impl SessionDelegate) -> Result<(), Error> {
        while let Some(event) = self.next_event().await? {
            delegate::dispatch(delegate, event).await;
            self.acknowledge().await?;
        }
        Ok(())
    }

    /// The heart rate of all straps, from now on.
    ///
    /// # Errors
    /// When the runtime is gone. A refusal is the first item of the stream.
    pub async fn heart_rate(&self) -> Result<HeartRates, Error> {
        self.heart_rates(None).await
    }

    /// The heart rate of one strap, by its address, from now on.
    ///
    /// # Errors
    /// When the runtime is gone. A refusal is the first item of the stream.
    pub async fn heart_rate_of(&self, device: &str) -> Result<HeartRates, Error> {
        self.heart_rates(Some(device.to_owned())).await
    }

    async fn heart_rates(&self, device: Option<String>) -> Result<HeartRates, Error> {
        let (client, _) = attach(&self.inner.socket, &self.inner.token).await?;
        HeartRates::start(client, device).await
    }

    /// Taps on the wrist. Done when the runtime has accepted it, not when it was played.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] when the app is neither active nor frontmost and runs no session (H2); or when there
    /// is no motor.
    pub async fn play(&self, haptic: HapticType) -> Result<(), Error> {
        self.call(&haptics::Play { haptic }).await.map(drop)
    }

    /// Stops the haptic that plays.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub async fn stop_haptic(&self) -> Result<(), Error> {
        self.call(&haptics::Stop {}).await.map(drop)
    }

    pub(crate) async fn call<M>(&self, method: &M) -> Result<M::Reply, Error>
    where
        M: carpus_protocol::Method,
        M::Error: Into<Error> + std::error::Error + 'static,
    {
        Ok(self.inner.calls.lock().await.call(method).await?)
    }

    pub(crate) fn repeats(&self) -> &Repeats {
        &self.inner.repeats
    }
}

/// Each connection says first which app it belongs to.
async fn attach(socket: &Path, token: &str) -> Result<(Client, session::AttachReply), Error> {
    let mut client = Client::connect(socket).await?;
    let attached = client.call(&session::Attach { token: token.to_owned() }).await?;
    Ok((client, attached))
}
