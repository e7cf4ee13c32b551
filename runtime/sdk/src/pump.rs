//! The pump: a task that reads what the runtime tells, hands it to the app one by one, and finds the runtime again.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carpus_protocol::Method;
use carpus_protocol::client::{CallError, Replies};
use carpus_protocol::session::{self, AppEvent, EventsReply};
use carpus_protocol::{AppState, Done};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::Error;
use crate::connection::{Connection, Endpoint, EventStream, Pauses};
use crate::events::Gap;
use crate::link::{Calls, Line, Link, Over};
use crate::owed::Owed;
use crate::repeats::Repeats;

/// A connection that lasted shorter was lost at once: then the app pauses longer each time before it comes back.
const LASTS: Duration = Duration::from_millis(200);

/// What the app is given.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// The runtime told it.
    Told(AppEvent),
    /// The runtime was found again.
    Gap(Gap),
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
    calls: Calls,
}

type Arrival = Result<Option<News>, Error>;

#[derive(Debug)]
struct Arrivals {
    news: mpsc::Receiver<Arrival>,
    /// The next event was asked for, and has not been taken yet.
    asked: bool,
}

impl Events {
    /// What comes next; none when the runtime ended the stream for good.
    pub(crate) async fn next(&self) -> Arrival {
        let mut arrivals = self.arrivals.lock().await;
        if !arrivals.asked {
            self.wishes.send(Wish::Next).map_err(|_| self.calls.error())?;
            arrivals.asked = true;
        }
        let news = arrivals.news.recv().await.ok_or_else(|| self.calls.error())?;
        arrivals.asked = false;
        news
    }

    pub(crate) async fn acknowledge(&self) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.wishes.send(Wish::Acknowledge(answer)).map_err(|_| self.calls.error())?;
        answered.await.map_err(|_| self.calls.error())?
    }
}

/// What the app holds of a pump that runs.
#[derive(Debug)]
pub(crate) struct Pumped {
    pub(crate) events: Events,
    pub(crate) calls: Calls,
    pub(crate) state: watch::Receiver<AppState>,
}

/// What the app has taken.
#[derive(Debug)]
struct Taken {
    sequence: Option<u64>,
    /// The session that it was handed.
    handed: Option<u64>,
}

/// What waits for the app.
#[derive(Debug)]
enum Waiting {
    Told(EventsReply),
    Gap(Gap),
}

/// Why nothing more comes.
#[derive(Clone, Debug)]
enum End {
    /// Another connection of the app has the events now.
    ByRuntime,
    Over(Over),
    NotUnderstood(String),
}

/// How the events come.
enum Source {
    /// They stream, since then.
    Runtime { replies: Replies<session::Events>, since: Instant },
    /// The runtime is looked for, since then.
    Search { found: Pin<Box<dyn Future<Output = Result<Connection, Error>> + Send>>, lost: Lost },
    /// No more of them come.
    Dry,
}

#[derive(Clone, Copy, Debug)]
struct Lost {
    at: SystemTime,
    since: Instant,
}

/// Something of which the pump has to take note.
enum Note {
    Reply(Option<Result<EventsReply, CallError<session::Error>>>),
    Found(Box<Result<Connection, Error>>, Lost),
}

impl Source {
    /// The next thing. May be dropped and asked again without losing one.
    async fn next(&mut self) -> Note {
        match self {
            Self::Runtime { replies, .. } => Note::Reply(replies.next().await),
            Self::Search { found, lost } => Note::Found(Box::new(found.await), *lost),
            Self::Dry => std::future::pending().await,
        }
    }
}

struct Pump {
    endpoint: Endpoint,
    repeats: Repeats,
    source: Source,
    link: watch::Sender<Link>,
    /// The number of the newest line.
    number: u64,
    /// How many connections, one after another, were lost at once.
    lost_at_once: u32,
    /// None when nothing more comes: nobody need wait for a state any more.
    state: Option<watch::Sender<AppState>>,
    /// What the app has not taken yet.
    waiting: VecDeque<Waiting>,
    /// The highest sequence that was told. On each new connection the runtime tells again what is not acknowledged;
    /// sequences only grow, and no number is given twice.
    told: u64,
    taken: Option<Taken>,
    owed: Owed,
    /// The app waits for news.
    wanted: bool,
    end: Option<End>,
    arrivals: mpsc::Sender<Arrival>,
}

/// The app's state as an event: it is the first one, so that an app need not ask.
const fn state_event(state: AppState) -> EventsReply {
    EventsReply { sequence: None, event: AppEvent::StateChanged { state } }
}

/// Starts the pump on the first connection.
pub(crate) fn start(endpoint: Endpoint, connection: Connection, repeats: Repeats) -> Pumped {
    let (wishes, wished) = mpsc::unbounded_channel();
    let (broken, breaks) = mpsc::unbounded_channel();
    let (arrivals, news) = mpsc::channel(1);
    let present = match &connection.events {
        Some(EventStream { first: EventsReply { event: AppEvent::StateChanged { state }, .. }, .. }) => {
            *state
        }
        Some(_) | None => connection.attached.state,
    };
    let (state_sender, state) = watch::channel(present);
    let (link_sender, link) = watch::channel(Link::Down);
    let calls = Calls::new(link, broken);
    let mut pump = Pump {
        endpoint,
        repeats,
        source: Source::Dry,
        link: link_sender,
        number: 0,
        lost_at_once: 0,
        state: Some(state_sender),
        waiting: VecDeque::from([Waiting::Told(state_event(present))]),
        told: 0,
        taken: None,
        owed: Owed::default(),
        wanted: false,
        end: None,
        arrivals,
    };
    let first = pump.connected(connection);
    tokio::spawn(async move {
        pump.take_in_all(first).await;
        pump.run(wished, breaks).await;
    });
    let arrivals = Mutex::new(Arrivals { news, asked: false });
    Pumped { events: Events { wishes, arrivals, calls: calls.clone() }, calls, state }
}

impl Pump {
    async fn run(
        mut self,
        mut wishes: mpsc::UnboundedReceiver<Wish>,
        mut breaks: mpsc::UnboundedReceiver<u64>,
    ) {
        loop {
            tokio::select! {
                wish = wishes.recv() => match wish {
                    Some(wish) => self.grant(wish),
                    None => return,
                },
                Some(number) = breaks.recv() => self.broke(number),
                note = self.source.next() => self.heed(note).await,
                () = self.owed.falls_due() => {}
            }
            self.settle().await;
            self.deliver().await;
        }
    }

    fn grant(&mut self, wish: Wish) {
        if let Some(Taken { sequence, handed }) = self.taken.take() {
            self.owed.handed.extend(handed);
            self.owed.sequence = sequence.or(self.owed.sequence);
        }
        match wish {
            Wish::Acknowledge(asker) => self.owed.asks(asker),
            Wish::Next => self.wanted = true,
        }
    }

    async fn heed(&mut self, note: Note) {
        match note {
            Note::Reply(Some(Ok(reply))) => self.take_in(reply).await,
            Note::Reply(Some(Err(CallError::Disconnected | CallError::Refused(_)))) => {
                self.look_for_runtime()
            }
            Note::Reply(Some(Err(error))) => self.end_events(End::NotUnderstood(error.to_string())),
            Note::Reply(None) => self.end_events(End::ByRuntime),
            Note::Found(found, lost) => match *found {
                Ok(connection) => {
                    self.note_gap(lost);
                    let first = self.connected(connection);
                    self.take_in_all(first).await;
                }
                Err(Error::UnknownLaunch) => self.give_up(Over::Orphan),
                Err(_) => self.give_up(Over::Gone),
            },
        }
    }

    /// A new connection: from now on calls go over it. The first events on it.
    fn connected(&mut self, connection: Connection) -> Vec<EventsReply> {
        let Connection { events, calls, attached } = connection;
        self.number += 1;
        let line = Line { number: self.number, client: Mutex::new(calls) };
        self.link.send_replace(Link::Up(Arc::new(line)));
        match events {
            Some(EventStream { replies, first }) => {
                self.source = Source::Runtime { replies, since: Instant::now() };
                vec![first, state_event(attached.state)]
            }
            None => {
                self.source = Source::Dry;
                Vec::new()
            }
        }
    }

    /// A line for calls broke. If it is the one in use, both connections are made anew: the runtime may be another
    /// one, to which the app has to listen before it calls.
    fn broke(&mut self, number: u64) {
        let in_use = matches!(&*self.link.borrow(), Link::Up(line) if line.number == number);
        if in_use {
            self.look_for_runtime();
        }
    }

    fn look_for_runtime(&mut self) {
        let lasted = match &self.source {
            Source::Runtime { since, .. } => since.elapsed() >= LASTS,
            Source::Search { .. } | Source::Dry => true,
        };
        self.lost_at_once = if lasted { 0 } else { self.lost_at_once.saturating_add(1) };
        self.link.send_replace(Link::Down);
        let (endpoint, pauses) = (self.endpoint.clone(), Pauses::after(self.lost_at_once));
        let with_events = self.end.is_none();
        let found = Box::pin(async move { endpoint.connect_again(with_events, pauses).await });
        self.source = Source::Search { found, lost: Lost { at: SystemTime::now(), since: Instant::now() } };
    }

    fn end_events(&mut self, end: End) {
        self.end.get_or_insert(end);
        self.source = Source::Dry;
        self.state = None;
    }

    /// The runtime is not looked for any more.
    fn give_up(&mut self, over: Over) {
        self.link.send_replace(Link::Over(over));
        self.end = Some(End::Over(over));
        self.end_events(End::Over(over));
    }

    /// Gaps of which the app was not told yet become one.
    fn note_gap(&mut self, lost: Lost) {
        let mut gap = Gap { since: lost.at, length: lost.since.elapsed() };
        if let Some(Waiting::Gap(before)) = self.waiting.back() {
            let between = lost.at.duration_since(before.until()).unwrap_or_default();
            gap = Gap { since: before.since, length: before.length + between + gap.length };
            self.waiting.pop_back();
        }
        if self.end.is_none() {
            self.waiting.push_back(Waiting::Gap(gap));
        }
    }

    async fn take_in_all(&mut self, replies: Vec<EventsReply>) {
        for reply in replies {
            self.take_in(reply).await;
        }
    }

    /// Takes in what the runtime told, unless it is told again.
    async fn take_in(&mut self, reply: EventsReply) {
        if let Some(sequence) = reply.sequence {
            if sequence <= self.told {
                return;
            }
            self.told = sequence;
        }
        if self.is_news(&reply.event) {
            self.note(&reply.event).await;
            self.waiting.push_back(Waiting::Told(reply));
        }
    }

    /// A state that the app was told already is none: the runtime begins each stream with the present one.
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
                    // The session may have ended meanwhile. An answer that is lost with the runtime is not missed:
                    // the alarm goes on as before, and asks after the next haptic.
                    let _ = self.call(&answer).await;
                }
            }
            AppEvent::Handle { .. } | AppEvent::DidStart { .. } | AppEvent::WillExpire { .. } => {}
            AppEvent::Other { .. } => {}
        }
    }

    /// One try, on the line that there is; where there is none, or it breaks, the runtime is looked for.
    async fn call<M: Method>(&mut self, method: &M) -> Result<M::Reply, CallError<M::Error>> {
        let Link::Up(line) = self.link.borrow().clone() else { return Err(CallError::Disconnected) };
        let answer = line.client.lock().await.call(method).await;
        if matches!(answer, Err(CallError::Disconnected)) {
            self.broke(line.number);
        }
        answer
    }

    /// Tells the runtime what the app has dealt with. What it cannot be told now, it is told later; nothing else waits
    /// for that.
    async fn settle(&mut self) {
        while let Some(session) = self.owed.handed.front().copied() {
            match self.call(&session::Handled { session }).await {
                Err(CallError::Disconnected) => return self.lacks_runtime(),
                // It is refused when the session ended meanwhile, which the app is told next.
                Ok(Done {}) | Err(_) => drop(self.owed.handed.pop_front()),
            }
        }
        if let Some(sequence) = self.owed.due() {
            match self.call(&session::Acknowledge { sequence }).await {
                Err(CallError::Disconnected) => return self.lacks_runtime(),
                Err(error) => return self.owed.put_off(self.endpoint.reconnect_time(), &error),
                Ok(Done {}) => self.owed.sequence = None,
            }
        }
        self.owed.is_paid();
    }

    fn lacks_runtime(&mut self) {
        self.owed.wait_for_runtime();
        if let Link::Over(over) = &*self.link.borrow() {
            let over = *over;
            self.owed.refuse(|| over.into());
        }
    }

    async fn deliver(&mut self) {
        if !self.wanted {
            return;
        }
        let arrival = match self.waiting.pop_front() {
            Some(Waiting::Told(EventsReply { sequence, event })) => {
                let handed = match &event {
                    AppEvent::Handle { session, .. } => Some(*session),
                    _ => None,
                };
                self.taken = Some(Taken { sequence, handed });
                Ok(Some(News::Told(event)))
            }
            Some(Waiting::Gap(gap)) => Ok(Some(News::Gap(gap))),
            None => match &self.end {
                None => return,
                Some(End::ByRuntime) => Ok(None),
                Some(End::Over(over)) => Err((*over).into()),
                Some(End::NotUnderstood(message)) => Err(Error::NotUnderstood(message.clone().into())),
            },
        };
        self.wanted = false;
        // When nobody takes it, the app is gone.
        let _ = self.arrivals.send(arrival).await;
    }
}
