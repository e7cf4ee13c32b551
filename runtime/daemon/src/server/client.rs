//! One client: who it is, its calls one after another, and the stream that it may ask for.

use std::time::Duration;

use carpus_actors::apps::{AppOf, Authenticate};
use carpus_actors::supervisor::Unavailable;
use carpus_core::AppId;
use carpus_protocol::frames::{LimitedReadHalf, LimitedStream};
use carpus_protocol::service;
use carpus_protocol::{AnyCall, CallProblem, Done, RawCall};
use serde::Serialize;
use serde_json::Value;
use tokio::net::UnixStream;
use zlink::connection::socket::Socket;
use zlink::connection::{ReadConnection, WriteConnection};
use zlink::tokio::unix;
use zlink::{Connection, Reply};

use super::Services;

/// How long a client may leave what it asked for unread before it is cut off.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// A client of the runtime.
pub(super) struct Client {
    read: ReadConnection<LimitedReadHalf>,
    pub(super) out: Out,
    pub(super) services: Services,
    pub(super) pid: u32,
    /// The app that it belongs to, by its process.
    process_of: Option<AppId>,
    /// The app that it has shown the launch token of.
    pub(super) app: Option<AppId>,
}

/// The way back to the client.
pub(super) struct Out {
    write: WriteConnection<<LimitedStream as Socket>::WriteHalf>,
    oneway: bool,
}

/// A call's answer: parameters or a whole error, ready to be sent.
pub(super) type Answer = Result<Value, Value>;

impl Client {
    /// Takes a client in, after a look at who it is.
    pub(super) async fn open(stream: UnixStream, services: Services) -> zlink::Result<Self> {
        let no_pid = || std::io::Error::other("the system does not tell who it is");
        let pid = stream.peer_cred()?.pid().and_then(|pid| u32::try_from(pid).ok()).ok_or_else(no_pid)?;
        let stream = LimitedStream::new(unix::Stream::try_from(stream)?, services.limits.max_frame_bytes);
        let process_of = services.apps.send(AppOf { pid }).await.unwrap_or(None);
        let (read, write) = Connection::new(stream).split();
        let out = Out { write, oneway: false };
        Ok(Self { read, out, services, pid, process_of, app: None })
    }

    /// Serves it until it leaves or breaks a limit.
    pub(super) async fn serve(mut self) {
        match self.serve_calls().await {
            Ok(()) | Err(zlink::Error::UnexpectedEof) => {}
            Err(zlink::Error::Io(error)) if error.kind() != std::io::ErrorKind::TimedOut => {
                tracing::debug!(pid = self.pid, "a client left: {error}");
            }
            Err(error) => {
                tracing::warn!(pid = self.pid, app = ?self.app.as_ref().map(AppId::as_str), "a client was cut off: {error}");
            }
        }
    }

    async fn serve_calls(&mut self) -> zlink::Result<()> {
        loop {
            let (call, _files) = self.read.receive_call::<RawCall>().await?;
            let (more, oneway) = (call.more(), call.oneway());
            self.out.oneway = oneway;
            match AnyCall::try_from(call.method().clone()) {
                Ok(AnyCall::Simulation(_)) if self.services.simulation.is_none() => {
                    let interface = carpus_protocol::simulation::NAME.to_owned();
                    self.refuse(CallProblem::InterfaceNotFound { interface }).await?;
                }
                Ok(call) if call.streams() && !more => {
                    self.out.error(&zlink::varlink_service::Error::ExpectedMore).await?;
                }
                Ok(call) if call.streams() => return self.stream(call).await,
                Ok(call) => {
                    let answer = self.answer(call).await;
                    self.out.answer(answer).await?;
                }
                Err(problem) => self.refuse(problem).await?,
            }
        }
    }

    async fn refuse(&mut self, problem: CallProblem) -> zlink::Result<()> {
        tracing::debug!(pid = self.pid, "a call was refused: {problem}");
        self.out.error(&problem.reply()).await
    }

    async fn answer(&mut self, call: AnyCall) -> Answer {
        match call {
            AnyCall::Session(call) => self.session(call).await,
            AnyCall::Devices(call) => self.devices(call).await,
            AnyCall::Haptics(call) => self.haptics(call).await,
            AnyCall::Apps(call) => self.apps(call).await,
            AnyCall::Wrist(call) => self.wrist(call).await,
            AnyCall::Monitor(call) => self.monitor(call).await,
            AnyCall::Simulation(call) => self.simulation(call).await,
            AnyCall::Service(call) => self.service(call),
        }
    }

    async fn stream(&mut self, call: AnyCall) -> zlink::Result<()> {
        match call {
            AnyCall::Session(_) => self.stream_events().await,
            AnyCall::Devices(call) => self.stream_devices(call).await,
            AnyCall::Apps(call) => self.stream_apps(call).await,
            AnyCall::Monitor(_) => self.stream_observations().await,
            AnyCall::Haptics(_) | AnyCall::Wrist(_) | AnyCall::Simulation(_) | AnyCall::Service(_) => Ok(()),
        }
    }

    fn service(&self, call: service::Call) -> Answer {
        let simulate = self.services.simulation.is_some();
        match call {
            service::Call::GetInfo(_) => done(&service::info(env!("CARGO_PKG_VERSION"), simulate)),
            service::Call::GetInterfaceDescription(asked) => {
                match service::description(&asked.interface, simulate) {
                    Ok(description) => done(&description),
                    Err(problem) => failed(&problem.reply()),
                }
            }
        }
    }

    /// Whether the client may do what operators do: whoever the socket lets in, but no process of an app.
    pub(super) fn operator(&self) -> Result<(), String> {
        match self.process_of.as_ref().or(self.app.as_ref()) {
            None => Ok(()),
            Some(app) => Err(format!("{app} is an app; this is for the people who operate the watch")),
        }
    }

    /// Checks a launch token.
    pub(super) async fn authenticate(&mut self, token: String) -> Result<Option<AppId>, Unavailable> {
        self.app = self.services.apps.send(Authenticate { token, pid: self.pid }).await?;
        Ok(self.app.clone())
    }

    /// Ends when the client goes away, or says a word while a stream runs, which it may not.
    pub(super) async fn left(read: &mut ReadConnection<LimitedReadHalf>) {
        if read.receive_call::<Value>().await.is_ok() {
            tracing::debug!("a client called while it streamed");
        }
    }

    pub(super) fn parts(&mut self) -> (&mut ReadConnection<LimitedReadHalf>, &mut Out, &Services) {
        (&mut self.read, &mut self.out, &self.services)
    }
}

impl Out {
    async fn answer(&mut self, answer: Answer) -> zlink::Result<()> {
        match answer {
            _ if self.oneway => Ok(()),
            Ok(parameters) => in_time(self.write.send_reply(&Reply::new(Some(parameters)), Vec::new())).await,
            Err(error) => in_time(self.write.send_error(&error, Vec::new())).await,
        }
    }

    /// Sends an error.
    pub(super) async fn error(&mut self, error: &(impl Serialize + std::fmt::Debug)) -> zlink::Result<()> {
        if self.oneway { Ok(()) } else { in_time(self.write.send_error(error, Vec::new())).await }
    }

    /// Sends one reply of a stream; another may follow.
    pub(super) async fn next<P: Serialize + std::fmt::Debug>(&mut self, parameters: P) -> zlink::Result<()> {
        let reply = Reply::new(Some(parameters)).set_continues(Some(true));
        in_time(self.write.send_reply(&reply, Vec::new())).await
    }

    /// Ends a stream that has an end with its last reply.
    pub(super) async fn last<P: Serialize + std::fmt::Debug>(&mut self, parameters: P) -> zlink::Result<()> {
        let reply = Reply::new(Some(parameters)).set_continues(Some(false));
        in_time(self.write.send_reply(&reply, Vec::new())).await
    }
}

/// Gives up on a client that does not read; it is cut off, as half a frame may be on the socket.
async fn in_time(write: impl Future<Output = zlink::Result<()>>) -> zlink::Result<()> {
    let late = |_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
    tokio::time::timeout(WRITE_TIME, write).await.unwrap_or_else(late)
}

/// The parameters of a good answer.
pub(super) fn done<R: Serialize>(reply: &R) -> Answer {
    Ok(value_of(reply))
}

/// A good answer with nothing to tell.
pub(super) fn nothing() -> Answer {
    done(&Done {})
}

/// A refusal.
pub(super) fn failed<E: Serialize>(error: &E) -> Answer {
    Err(value_of(error))
}

fn value_of(parameters: &impl Serialize) -> Value {
    serde_json::to_value(parameters).expect("the protocol's types have string keys and finite numbers only")
}
