//! The app, and its way to the runtime.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carpus_protocol::client::CallError;
use carpus_protocol::{AppState, HapticType, Method, SessionKind, haptics, session};
use tokio::sync::watch;

use crate::builder::AppBuilder;
use crate::connection::Endpoint;
use crate::delegate::{self, SessionDelegate};
use crate::events::Event;
use crate::link::Calls;
use crate::pump::{self, Events, Pumped};
use crate::recurrence::{Recurrence, Recurring};
use crate::repeats::Repeats;
use crate::session::ExtendedRuntimeSession;
use crate::straps::HeartRates;
use crate::time::unix_ms;
use crate::{End, Error};

/// How late a tap may be: later it would tell of something that is over, and is left out.
const TAP_TIME: Duration = Duration::from_millis(500);

/// This app, connected to the runtime. Clones are the same connection. A runtime that is lost is found again; see the
/// [crate] for what becomes of calls meanwhile.
///
/// Any future of this crate may be dropped before it is done, as `tokio::select!` does: nothing is lost by that. A
/// call that was already sent is still carried out.
#[derive(Clone, Debug)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    id: String,
    /// The session that was running or handed over when this process connected.
    handed: Option<u64>,
    calls: Calls,
    events: Events,
    repeats: Repeats,
    state: watch::Receiver<AppState>,
}

impl App {
    /// Connects to the runtime that launched this process.
    ///
    /// # Errors
    /// [`Error::NotLaunched`] when the process was started by hand; [`Error::NotRunning`] when no runtime is there or
    /// comes back within [`RECONNECT_TIME`](crate::RECONNECT_TIME); [`Error::UnknownLaunch`].
    pub async fn connect() -> Result<Self, Error> {
        Self::builder().connect().await
    }

    /// Connects to a runtime with a launch token. Apps use [`App::connect`]; this is for tests of apps.
    ///
    /// # Errors
    /// As [`App::connect`].
    pub async fn connect_to(socket: &Path, token: &str) -> Result<Self, Error> {
        Self::builder().socket(socket).token(token).connect().await
    }

    /// Connects with settings of the app's own.
    pub fn builder() -> AppBuilder {
        AppBuilder::default()
    }

    pub(crate) async fn connect_with(endpoint: Endpoint) -> Result<Self, Error> {
        let connection = endpoint.connect_first().await?;
        let session::AttachReply { app: id, session: handed, .. } = connection.attached.clone();
        let repeats = Repeats::default();
        let Pumped { events, calls, state } = pump::start(endpoint.clone(), connection, repeats.clone());
        Ok(Self { inner: Arc::new(Inner { endpoint, id, handed, calls, events, repeats, state }) })
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
        active.map(drop).map_err(|_| self.inner.calls.error())
    }

    /// The session that this process was launched to go on with: one that is due (A4), or the one in which the app
    /// crashed (S14). Its [`Event::Handle`] comes, or is among those that wait, and then `DidStart`. An app that has
    /// one starts no other: S3 would refuse it.
    ///
    /// This is how it was when the process connected; that the session is over is told by its `DidInvalidate`.
    pub fn handed_session(&self) -> Option<ExtendedRuntimeSession> {
        self.inner.handed.map(|session| ExtendedRuntimeSession::new(self.clone(), session))
    }

    /// Goes on with the session that this process was handed ([`handed_session`](Self::handed_session)); without one,
    /// waits until the app is active, makes a session and starts it.
    ///
    /// # Errors
    /// As [`session`](Self::session) and [`ExtendedRuntimeSession::start`].
    pub async fn begin_session(&self) -> Result<ExtendedRuntimeSession, Error> {
        if let Some(session) = self.handed_session() {
            return Ok(session);
        }
        self.until_active().await?;
        let session = self.session().await?;
        session.start().await?;
        Ok(session)
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
        let answered = self.inner.calls.call(&recurrence.clone().call()).await?;
        // An answer was lost: the rule in the way may be this one.
        if answered.again && matches!(answered.answer, Err(CallError::Refused(_))) {
            let kept = self.recurrence().await?;
            if kept.is_some_and(|kept| kept.rule.is_same(&recurrence)) {
                return Ok(());
            }
        }
        Ok(answered.answer.map(drop)?)
    }

    /// Takes the rule back, and with it the session that waits by it. Only while the app is active; without a rule
    /// there is nothing to do.
    ///
    /// # Errors
    /// [`Error::Session`] when the app is not active.
    pub async fn clear_recurrence(&self) -> Result<(), Error> {
        let answered = self.inner.calls.call(&session::ClearRecurrence {}).await?;
        // An answer was lost: the rule may be gone already, though the app is not active any more.
        let refused_again = answered.again && matches!(answered.answer, Err(CallError::Refused(_)));
        if refused_again && self.recurrence().await?.is_none() {
            return Ok(());
        }
        Ok(answered.answer.map(drop)?)
    }

    /// The rule that is kept for this app, if there is one.
    ///
    /// # Errors
    /// When the runtime is gone.
    pub async fn recurrence(&self) -> Result<Option<Recurring>, Error> {
        self.call(&session::Recurrence {}).await.map(Recurring::from_reply)
    }

    /// What comes next: the states of the app, starting with the present one, and the events of its sessions, in
    /// order and each once, over a runtime that is lost and found again too (D5). None when another connection of this
    /// app has the events now.
    ///
    /// Asking for the next event says that the one before was dealt with. One that was not is told again when the
    /// app is launched the next time (D1); so an app that ends by itself calls [`App::acknowledge`] before.
    ///
    /// # Errors
    /// When the runtime is gone for good ([`Error::Disconnected`]), or does not know this process
    /// ([`Error::UnknownLaunch`]): then the process should end.
    pub async fn next_event(&self) -> Result<Option<Event>, Error> {
        while let Some(event) = self.inner.events.next().await? {
            if let Some(event) = Event::for_app(event, self) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Says that the last event was dealt with, without waiting for another. Done when that is on disk; a runtime that
    /// is lost, or whose disk is full, is waited for.
    ///
    /// # Errors
    /// When the runtime is gone for good; [`Error::Unavailable`] when it could not write that down for as long
    /// ([`RECONNECT_TIME`](crate::RECONNECT_TIME)).
    pub async fn acknowledge(&self) -> Result<(), Error> {
        self.inner.events.acknowledge().await
    }

    /// Hands each event to the delegate, and acknowledges it when the delegate is done with it. Ends when another
    /// connection of this app has the events.
    ///
    /// # Errors
    /// As [`App::next_event`].
    pub async fn run(&self, delegate: &mut impl SessionDelegate) -> Result<(), Error> {
        while let Some(event) = self.next_event().await? {
            delegate::dispatch(delegate, event).await;
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
        HeartRates::start(self.inner.endpoint.clone(), device).await
    }

    /// Taps on the wrist. Done when the runtime has accepted it, not when it was played. While the runtime is lost
    /// there is none: a tap that could not be sent within half a second, or whose answer was lost, is left out.
    ///
    /// # Errors
    /// [`Error::NotAllowed`] when the app is neither active nor frontmost and runs no session (H2); or when there
    /// is no motor.
    pub async fn play(&self, haptic: HapticType) -> Result<(), Error> {
        self.call_soon(&haptics::Play { haptic }).await
    }

    /// Stops the haptic that plays. While the runtime is lost, none does.
    ///
    /// # Errors
    /// When the runtime is gone for good.
    pub async fn stop_haptic(&self) -> Result<(), Error> {
        self.call_soon(&haptics::Stop {}).await
    }

    async fn call_soon<M>(&self, method: &M) -> Result<(), Error>
    where
        M: Method<Error = haptics::Error>,
    {
        match self.inner.calls.call_soon(TAP_TIME, method).await? {
            Some(answer) => Ok(answer.map(drop)?),
            None => Ok(()),
        }
    }

    pub(crate) async fn call<M>(&self, method: &M) -> Result<M::Reply, Error>
    where
        M: Method,
        M::Error: Into<Error> + std::error::Error + 'static,
    {
        Ok(self.inner.calls.call(method).await?.answer?)
    }

    pub(crate) fn calls(&self) -> &Calls {
        &self.inner.calls
    }

    pub(crate) fn repeats(&self) -> &Repeats {
        &self.inner.repeats
    }
}
