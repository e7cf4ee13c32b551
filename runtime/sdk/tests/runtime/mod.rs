//! A stand-in for the runtime: a real socket and the real protocol, with answers that the test gives.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use carpus_protocol::devices::{self, HeartRateReply};
use carpus_protocol::session::{self, AppEvent, EventsReply};
use carpus_protocol::{AnyCall, AppState, Done, RawCall, haptics};
use serde::Serialize;
use tokio::sync::mpsc;
use zlink::tokio::unix::{Connection, Stream};
use zlink::{Connection as AnyConnection, Reply};

/// The launch token that it knows.
pub(crate) const TOKEN: &str = "the-token";

/// What to answer to a call that is not a stream.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A refusal of a session call.
    Session(session::Error),
    /// A refusal of a haptic.
    Haptic(haptics::Error),
    /// Where a session stands.
    Info(carpus_protocol::SessionInfo),
    /// What stands in the way of a start.
    Obstacles(Vec<session::Obstacle>),
    /// The app's rule.
    Recurrence(session::RecurrenceReply),
}

/// What goes out on a stream.
#[derive(Debug)]
enum Out<T> {
    Reply(T),
    Refusal(devices::Error),
    End,
}

/// The stand-in, and the test's hold on it.
pub(crate) struct Runtime {
    pub(crate) path: PathBuf,
    calls: mpsc::UnboundedReceiver<AnyCall>,
    events: mpsc::UnboundedSender<Out<EventsReply>>,
    samples: mpsc::UnboundedSender<Out<HeartRateReply>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    _folder: tempfile::TempDir,
}

type Feed<T> = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Out<T>>>>;

#[derive(Clone)]
struct Serving {
    calls: mpsc::UnboundedSender<AnyCall>,
    events: Feed<EventsReply>,
    samples: Feed<HeartRateReply>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl Runtime {
    /// Listens on a socket of its own.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("carpus.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let (calls_sender, calls) = mpsc::unbounded_channel();
        let (events, events_feed) = mpsc::unbounded_channel();
        let (samples, samples_feed) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let serving = Serving {
            calls: calls_sender,
            events: Arc::new(tokio::sync::Mutex::new(events_feed)),
            samples: Arc::new(tokio::sync::Mutex::new(samples_feed)),
            answers: Arc::clone(&answers),
        };
        tokio::spawn(async move {
            let mut clients = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection = AnyConnection::new(Stream::try_from(stream).unwrap());
                clients.spawn(serve(connection, serving.clone()));
            }
        });
        Self { path, calls, events, samples, answers, _folder: folder }
    }

    /// The next call but Attach.
    pub(crate) async fn called(&mut self) -> AnyCall {
        self.calls.recv().await.unwrap()
    }

    /// The call that came and was not taken yet, if any.
    pub(crate) fn called_already(&mut self) -> Option<AnyCall> {
        self.calls.try_recv().ok()
    }

    /// The answer to the next call that is not a stream, instead of a friendly one.
    pub(crate) fn answer(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    pub(crate) fn tell(&self, sequence: Option<u64>, event: AppEvent) {
        self.events.send(Out::Reply(EventsReply { sequence, event })).unwrap();
    }

    pub(crate) fn end_events(&self) {
        self.events.send(Out::End).unwrap();
    }

    pub(crate) fn sample(&self, reply: HeartRateReply) {
        self.samples.send(Out::Reply(reply)).unwrap();
    }

    pub(crate) fn refuse_samples(&self, refusal: devices::Error) {
        self.samples.send(Out::Refusal(refusal)).unwrap();
    }
}

async fn serve(mut connection: Connection, serving: Serving) {
    while let Ok((call, _files)) = connection.receive_call::<RawCall>().await {
        let more = call.more();
        let call = AnyCall::try_from(call.method().clone()).unwrap();
        assert_eq!(call.streams(), more, "{call:?}");
        if let AnyCall::Session(session::Call::Attach(attach)) = &call {
            if attach.token == TOKEN {
                let (app, state) = ("heart-rate".to_owned(), AppState::Inactive);
                let reply = session::AttachReply { app, state, session: None };
                reply_with(&mut connection, reply).await;
            } else {
                connection.send_error(&session::Error::BadToken, vec![]).await.unwrap();
            }
            continue;
        }
        // A test that does not look at its calls has let go of them.
        let _ = serving.calls.send(call.clone());
        match call {
            AnyCall::Session(session::Call::Events(_)) => {
                let present = AppEvent::StateChanged { state: AppState::Inactive };
                let first = EventsReply { sequence: None, event: present };
                return stream(connection, Some(first), serving.events).await;
            }
            AnyCall::Devices(devices::Call::HeartRate(_)) => {
                return stream(connection, None, serving.samples).await;
            }
            call => {
                let answer = serving.answers.lock().unwrap().pop_front();
                answer_with(&mut connection, &call, answer).await;
            }
        }
    }
}

async fn answer_with(connection: &mut Connection, call: &AnyCall, answer: Option<Answer>) {
    match (answer, call) {
        (None, AnyCall::Session(session::Call::Create(_))) => {
            reply_with(connection, session::CreateReply { session: 7 }).await;
        }
        (None, _) => reply_with(connection, Done {}).await,
        (Some(Answer::Session(refusal)), _) => connection.send_error(&refusal, vec![]).await.unwrap(),
        (Some(Answer::Haptic(refusal)), _) => connection.send_error(&refusal, vec![]).await.unwrap(),
        (Some(Answer::Info(info)), _) => reply_with(connection, session::InfoReply { info }).await,
        (Some(Answer::Obstacles(obstacles)), _) => {
            reply_with(connection, session::CanStartReply { obstacles }).await;
        }
        (Some(Answer::Recurrence(reply)), _) => reply_with(connection, reply).await,
    }
}

async fn reply_with<T: Serialize + std::fmt::Debug>(connection: &mut Connection, reply: T) {
    connection.send_reply(&Reply::new(Some(reply)), vec![]).await.unwrap();
}

/// Streams what the test gives, until the client hangs up.
async fn stream<T: Serialize + std::fmt::Debug>(connection: Connection, first: Option<T>, feed: Feed<T>) {
    let (mut read, mut write) = connection.split();
    if let Some(first) = first {
        let first = Reply::new(Some(first)).set_continues(Some(true));
        write.send_reply(&first, vec![]).await.unwrap();
    }
    let mut feed = feed.lock().await;
    loop {
        let out = tokio::select! {
            out = feed.recv() => out,
            _hang_up = read.receive_call::<RawCall>() => return,
        };
        match out {
            None => return,
            Some(Out::Reply(reply)) => {
                let reply = Reply::new(Some(reply)).set_continues(Some(true));
                write.send_reply(&reply, vec![]).await.unwrap();
            }
            Some(Out::Refusal(refusal)) => return write.send_error(&refusal, vec![]).await.unwrap(),
            Some(Out::End) => return write.send_reply(&Reply::<T>::new(None), vec![]).await.unwrap(),
        }
    }
}
