//! Sessions: what keeps an app running after the wrist goes down.

use std::fmt;
use std::time::{Duration, SystemTime};

use carpus_protocol::client::CallError;
use carpus_protocol::{Done, HapticType, Method, SessionInfo, SessionState, session};

use crate::time::{from_unix_ms, span_ms, unix_ms};
use crate::{App, Error};

/// An extended runtime session. It is one-shot: when it is over, make another.
///
/// Clones are the same session. Dropping it ends nothing: the session lives in the runtime, and its events are told
/// to the app.
#[derive(Clone)]
pub struct ExtendedRuntimeSession {
    app: App,
    id: u64,
}

impl fmt::Debug for ExtendedRuntimeSession {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("ExtendedRuntimeSession").field(&self.id).finish()
    }
}

impl PartialEq for ExtendedRuntimeSession {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for ExtendedRuntimeSession {}

/// How an alarm goes on after its first haptic (N2).
pub enum Repeat {
    /// Every 3 s.
    Default,
    /// With this time from one haptic to the next; more than 60 s is taken as 60 s, less than 0.1 s as 0.1 s.
    Every(Duration),
    /// As the closure says after each haptic; see [`Repeat::ask`].
    Ask(RepeatHandler),
}

/// Says, from the number of haptics played so far, how long until the next one and which; `None` stops.
pub type RepeatHandler = Box<dyn FnMut(u64) -> Option<(Duration, HapticType)> + Send>;

impl Repeat {
    /// Asks `handler` after each haptic, with the number of haptics played so far, for the time to the next one and
    /// its type; `None` stops the alarm. It must answer quickly: without an answer the alarm goes on as before.
    pub fn ask(handler: impl FnMut(u64) -> Option<(Duration, HapticType)> + Send + 'static) -> Self {
        Self::Ask(Box::new(handler))
    }
}

impl fmt::Debug for Repeat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("Default"),
            Self::Every(interval) => out.debug_tuple("Every").field(interval).finish(),
            Self::Ask(_) => out.write_str("Ask(..)"),
        }
    }
}

impl ExtendedRuntimeSession {
    pub(crate) const fn new(app: App, id: u64) -> Self {
        Self { app, id }
    }

    /// The session's number; the runtime never gives it twice.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Starts the session now. Only while the app is active, and not for alarms (S2). When this is done the start
    /// was taken; `did_start` says that the session runs.
    ///
    /// # Errors
    /// [`Error::Session`] with the code of the rule that refused it.
    pub async fn start(&self) -> Result<(), Error> {
        let runs = |info: &SessionInfo| info.state == SessionState::Running;
        self.begin(&session::Start { session: self.id }, runs).await
    }

    /// Schedules the session; alarms only, while the app is active, at most 36 h ahead (A1). When this is done the
    /// alarm is on disk, and the app need not run until it is due (A4, A6).
    ///
    /// # Errors
    /// [`Error::Session`] with the code of the rule that refused it; [`Error::NoSuchTime`].
    pub async fn start_at(&self, at: SystemTime) -> Result<(), Error> {
        let at_ms = unix_ms(at)?;
        self.begin(&session::StartAt { session: self.id, at_ms }, |info| is_begun(info, at_ms)).await
    }

    /// Schedules this session, as [`start_at`](Self::start_at) does, in the place of the app's session that waits
    /// (A3). That one stands until this one is on disk, and stands on if this one is refused; then it ends with cause
    /// `app-invalidated`. Without one that waits it is the same as `start_at`.
    ///
    /// # Errors
    /// [`Error::Session`] with the code of the rule that refused it; [`Error::NoSuchTime`]; and
    /// [`Error::NotOffered`] in strict mode.
    pub async fn replace(&self, at: SystemTime) -> Result<(), Error> {
        let at_ms = unix_ms(at)?;
        self.begin(&session::Replace { session: self.id, at_ms }, |info| is_begun(info, at_ms)).await
    }

    /// A start whose answer was lost may have been carried out: then it is refused when it is called again, and the
    /// session stands where it was to stand.
    async fn begin<M>(&self, method: &M, is_done: impl Fn(&SessionInfo) -> bool) -> Result<(), Error>
    where
        M: Method<Reply = Done, Error = session::Error>,
    {
        let answered = self.app.calls().call(method).await?;
        let refused_again = answered.again && matches!(answered.answer, Err(CallError::Refused(_)));
        if refused_again && self.info().await.is_ok_and(|info| is_done(&info)) {
            return Ok(());
        }
        Ok(answered.answer.map(drop)?)
    }

    /// Ends the session if it runs, cancels it if it is scheduled (S6). When this is done the app may start another.
    /// One that is over, or that the runtime does not know any more, needs no end.
    ///
    /// # Errors
    /// [`Error::Session`] with the code of the rule that refused it.
    pub async fn invalidate(&self) -> Result<(), Error> {
        match self.app.call(&session::Invalidate { session: self.id }).await {
            Ok(Done {}) | Err(Error::UnknownSession { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Rings: plays the haptic, again and again, until the user stops it or the session ends (N1–N3). Only in a
    /// running session that was scheduled.
    ///
    /// # Errors
    /// [`Error::Session`] with the code of the rule that refused it.
    pub async fn notify_user(&self, haptic: HapticType, repeat: Repeat) -> Result<(), Error> {
        let (interval_ms, handler) = match repeat {
            Repeat::Default => (None, None),
            Repeat::Every(interval) => (Some(span_ms(interval)), None),
            Repeat::Ask(handler) => (None, Some(handler)),
        };
        let ask = handler.is_some();
        self.app.repeats().set(self.id, handler);
        self.app.call(&session::NotifyUser { session: self.id, haptic, interval_ms, ask }).await.map(drop)
    }

    /// Where the session stands (S1).
    ///
    /// # Errors
    /// When the runtime does not know it any more.
    pub async fn state(&self) -> Result<SessionState, Error> {
        self.info().await.map(|info| info.state)
    }

    /// From when its limit counts; none until it runs. A process that goes on with the session of one that crashed
    /// (S14) learns from it how far that one was.
    ///
    /// # Errors
    /// When the runtime does not know it any more.
    pub async fn start_date(&self) -> Result<Option<SystemTime>, Error> {
        self.info().await.map(|info| info.started_at_ms.map(from_unix_ms))
    }

    /// When the session ends at the latest; none until it runs (S5).
    ///
    /// # Errors
    /// When the runtime does not know it any more.
    pub async fn expiration_date(&self) -> Result<Option<SystemTime>, Error> {
        self.info().await.map(|info| info.expiration_ms.map(from_unix_ms))
    }

    async fn info(&self) -> Result<SessionInfo, Error> {
        self.app.call(&session::Info { session: self.id }).await.map(|reply| reply.info)
    }
}

/// Whether the session waits for this instant, or runs already (A2).
fn is_begun(info: &SessionInfo, at_ms: i64) -> bool {
    match info.state {
        SessionState::Running => true,
        SessionState::Scheduled => info.scheduled_at_ms == Some(at_ms),
        SessionState::NotStarted | SessionState::Invalid => false,
    }
}
