//! What the runtime tells an app, in order.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use carpus_protocol::client::{CallError, Client, Replies};
use carpus_protocol::session::{self, AppEvent};
use carpus_protocol::{AppState, Cause, ErrorCode, Reason};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::session::{ExtendedRuntimeSession, RepeatHandler};
use crate::time::{from_unix_ms, span_ms};
use crate::{App, Error};

/// Something that happened to the app or to one of its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The app's state changed (L1).
    StateChanged {
        /// The new state.
        state: AppState,
    },
    /// A scheduled session is due, and is now this app's to deal with (A4). The runtime waits 5 s for the app to
    /// take it over, which it does by asking for the next event; then comes `DidStart`.
    Handle {
        /// The session.
        session: ExtendedRuntimeSession,
        /// When it will end.
        expiration: SystemTime,
    },
    /// The session runs (S4).
    DidStart {
        /// The session.
        session: ExtendedRuntimeSession,
        /// When it will end (S5).
        expiration: SystemTime,
    },
    /// The session ends soon (S4).
    WillExpire {
        /// The session.
        session: ExtendedRuntimeSession,
        /// The time left.
        remaining: Duration,
    },
    /// The session ended, or its start failed (S4).
    DidInvalidate {
        /// The session.
        session: ExtendedRuntimeSession,
        /// How.
        end: End,
    },
}

/// How a session ended, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Why, in WatchKit's words (S7).
    pub reason: Reason,
    /// The error, if any (S8).
    pub error: Option<ErrorCode>,
    /// What ended it, exactly (S9); none in strict mode, which tells what WatchKit tells.
    pub cause: Option<Cause>,
    /// The end in a sentence, for people.
    pub message: String,
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(out)?;
        if let Some(cause) = &self.cause {
            write!(out, ": {cause}")?;
        }
        if let Some(error) = self.error {
            write!(out, ", {error}")?;
        }
        Ok(())
    }
}

impl From<session::Obstacle> for End {
    fn from(session::Obstacle { reason, error, cause, message }: session::Obstacle) -> Self {
        Self { reason, error: error.map(|error| error.error_code()), cause, message }
    }
}

impl Event {
    /// The event with sessions that the app can use; none when it is not for the app to see: it was answered here,
    /// or this version does not know it.
    pub(crate) fn for_app(event: AppEvent, app: &App) -> Option<Self> {
        let of = |session| ExtendedRuntimeSession::new(app.clone(), session);
        Some(match event {
            AppEvent::StateChanged { state } => Self::StateChanged { state },
            AppEvent::Handle { session, expiration_ms } => {
                Self::Handle { session: of(session), expiration: from_unix_ms(expiration_ms) }
            }
            AppEvent::DidStart { session, expiration_ms } => {
                Self::DidStart { session: of(session), expiration: from_unix_ms(expiration_ms) }
            }
            AppEvent::WillExpire { session, remaining_ms } => {
                Self::WillExpire { session: of(session), remaining: Duration::from_millis(remaining_ms) }
            }
            AppEvent::DidInvalidate { session, reason, error, cause, message } => {
                let error = error.map(|error| error.error_code());
                Self::DidInvalidate { session: of(session), end: End { reason, error, cause, message } }
            }
            AppEvent::RepeatAsked { .. } | AppEvent::Other { .. } => return None,
        })
    }
}

/// The closures that say how alarms go on, by session.
#[derive(Clone, Default)]
pub(crate) struct Repeats(Arc<std::sync::Mutex<BTreeMap<u64, RepeatHandler>>>);

impl fmt::Debug for Repeats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Repeats")
    }
}

impl Repeats {
    pub(crate) fn set(&self, session: u64, handler: Option<RepeatHandler>) {
        let mut handlers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match handler {
            Some(handler) => handlers.insert(session, handler),
            None => handlers.remove(&session),
        };
    }

    /// The answer to the runtime's question; none when the app gave no closure (it may have been launched anew).
    fn answer(&self, session: u64, played: u64) -> Option<session::Repeat> {
        let mut handlers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = handlers.get_mut(&session)?(played);
        let (after_ms, haptic) = match next {
            Some((after, haptic)) => (i64::try_from(span_ms(after)).unwrap_or(i64::MAX), Some(haptic)),
            None => (0, None),
        };
        Some(session::Repeat { session, played, after_ms, haptic })
    }
}

/// What the app asks the pump for.
#[derive(Debug)]
enum Wish {
    /// The one before was dealt with; the next one, please.
    Next,
    /// The one before was dealt with.
    Acknowledge(oneshot::Sender<Result<(), Error>>),
}

/// The app's end of the pump.
#[derive(Debug)]
pub(crate) struct Events {
    wishes: mpsc::UnboundedSender<Wish>,
    arrivals: Mutex<Arrivals>,
}

#[derive(Debug)]
struct Arrivals {
    events: mpsc::Receiver<Result<Option<AppEvent>, Error>>,
    /// The next event was asked for, and has not been taken yet.
    asked: bool,
}

impl Events {
    /// Starts the pump: a task that reads the runtime's stream, so that questions are answered while the app is
    /// busy, and hands the app one event at a time.
    pub(crate) fn start(
        replies: Replies<session::Events>,
        calls: Arc<Mutex<Client>>,
        repeats: Repeats,
        state: watch::Sender<AppState>,
    ) -> Self {
        let (wishes, wished) = mpsc::unbounded_channel();
        let (arrivals, events) = mpsc::channel(1);
        let queue = VecDeque::from([Ok(Some(state_event(*state.borrow())))]);
        let state = Some(state);
        let pump = Pump { calls, repeats, state, queue, taken: None, wanted: false, arrivals };
        tokio::spawn(pump.run(replies, wished));
        Self { wishes, arrivals: Mutex::new(Arrivals { events, asked: false }) }
    }

    pub(crate) async fn next(&self) -> Result<Option<AppEvent>, Error> {
        let mut arrivals = self.arrivals.lock().await;
        if !arrivals.asked {
            self.wishes.send(Wish::Next).map_err(|_| Error::Disconnected)?;
            arrivals.asked = true;
        }
        let event = arrivals.events.recv().await.ok_or(Error::Disconnected)?;
        arrivals.asked = false;
        event
    }

    pub(crate) async fn acknowledge(&self) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.wishes.send(Wish::Acknowledge(answer)).map_err(|_| Error::Disconnected)?;
        answered.await.map_err(|_| Error::Disconnected)?
    }
}

/// What the app has taken and not yet dealt with.
#[derive(Debug)]
struct Taken {
    sequence: Option<u64>,
    /// The session that it was handed.
    handed: Option<u64>,
}

#[derive(Debug)]
struct Pump {
    calls: Arc<Mutex<Client>>,
    repeats: Repeats,
    /// None when the stream is over: nobody need wait for a state any more.
    state: Option<watch::Sender<AppState>>,
    /// What came and was not taken yet; its last item may be the end of the stream.
    queue: VecDeque<Result<Option<session::EventsReply>, Error>>,
    taken: Option<Taken>,
    /// The app waits for an event.
    wanted: bool,
    arrivals: mpsc::Sender<Result<Option<AppEvent>, Error>>,
}

/// The app's state as an event: it is the first one, so that an app need not ask.
fn state_event(state: AppState) -> session::EventsReply {
    session::EventsReply { sequence: None, event: AppEvent::StateChanged { state } }
}

impl Pump {
    async fn run(mut self, mut replies: Replies<session::Events>, mut wishes: mpsc::UnboundedReceiver<Wish>) {
        let mut over = false;
        loop {
            tokio::select! {
                wish = wishes.recv() => match wish {
                    Some(wish) => self.grant(wish).await,
                    None => return,
                },
                reply = replies.next(), if !over => over = self.take_in(reply).await,
            }
            if over {
                self.state = None;
            }
            self.deliver().await;
        }
    }

    async fn grant(&mut self, wish: Wish) {
        let settled = self.settle().await;
        match wish {
            Wish::Acknowledge(answer) => {
                // The app may have stopped waiting for it.
                let _ = answer.send(settled);
            }
            Wish::Next => {
                if let Err(error) = settled {
                    self.queue.push_front(Err(error));
                }
                self.wanted = true;
            }
        }
    }

    /// Tells the runtime that what the app took was dealt with.
    async fn settle(&mut self) -> Result<(), Error> {
        let Some(taken) = self.taken.take() else {
            return Ok(());
        };
        let mut calls = self.calls.lock().await;
        if let Some(session) = taken.handed {
            match calls.call(&session::Handled { session }).await {
                // It is refused when the session ended meanwhile, which the app is told next.
                Ok(_) | Err(CallError::Refused(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(sequence) = taken.sequence {
            calls.call(&session::Acknowledge { sequence }).await?;
        }
        Ok(())
    }

    /// Takes in what came from the runtime; true when nothing more will come.
    async fn take_in(
        &mut self,
        reply: Option<Result<session::EventsReply, CallError<session::Error>>>,
    ) -> bool {
        match reply {
            Some(Ok(reply)) => {
                if self.is_news(&reply.event) {
                    self.note(&reply.event).await;
                    self.queue.push_back(Ok(Some(reply)));
                }
                false
            }
            Some(Err(error)) => {
                self.queue.push_back(Err(error.into()));
                true
            }
            None => {
                self.queue.push_back(Ok(None));
                true
            }
        }
    }

    /// A state that the app was told already is none: the runtime and this crate both begin with the present one.
    fn is_news(&self, event: &AppEvent) -> bool {
        match (event, &self.state) {
            (AppEvent::StateChanged { state }, Some(known)) => *state != *known.borrow(),
            _ => true,
        }
    }

    /// What need not wait until the app takes the event.
    async fn note(&mut self, event: &AppEvent) {
        match event {
            AppEvent::StateChanged { state } => {
                if let Some(sender) = &self.state {
                    sender.send_replace(*state);
                }
            }
            AppEvent::DidInvalidate { session, .. } => self.repeats.set(*session, None),
            AppEvent::RepeatAsked { session, played } => {
                if let Some(answer) = self.repeats.answer(*session, *played) {
                    // The session may have ended meanwhile; and if the runtime is gone, the stream says so.
                    let _ = self.calls.lock().await.call(&answer).await;
                }
            }
            AppEvent::Handle { .. } | AppEvent::DidStart { .. } | AppEvent::WillExpire { .. } => {}
            AppEvent::Other { .. } => {}
        }
    }

    async fn deliver(&mut self) {
        if !self.wanted {
            return;
        }
        let Some(next) = self.queue.pop_front() else {
            return;
        };
        self.wanted = false;
        let next = next.map(|reply| {
            let reply = reply?;
            let handed = match &reply.event {
                AppEvent::Handle { session, .. } => Some(*session),
                _ => None,
            };
            self.taken = Some(Taken { sequence: reply.sequence, handed });
            Some(reply.event)
        });
        // When nobody takes it, the app is gone.
        let _ = self.arrivals.send(next).await;
    }
}
