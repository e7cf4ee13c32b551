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
    peer: Peer,
    /// The app that it has shown the launch token of.
    pub(super) app: Option<AppId>,
}

/// Whose the process at the other end is.
enum Peer {
    /// Of this app.
    App(AppId),
    /// Of nobody whom the runtime launched.
    Operator,
    /// That cannot be told any more.
    Unknown,
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
        let credentials = stream.peer_cred()?;
        let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).ok_or_else(no_pid)?;
        let stream = LimitedStream::new(unix::Stream::try_from(stream)?, services.limits.max_frame_bytes);
        let peer = match services.apps.send(AppOf { pid }).await {
            Ok(Some(app)) => Peer::App(app),
            Ok(None) if may_operate(pid, credentials.uid()) => Peer::Operator,
            Ok(None) | Err(_) => Peer::Unknown,
        };
        let (read, write) = Connection::new(stream).split();
        let out = Out { write, oneway: false };
        Ok(Self { read, out, services, pid, peer, app: None })
    }

    /// The app that it is a process of.
    pub(super) const fn process_of(&self) -> Option<&AppId> {
        match &self.peer {
            Peer::App(app) => Some(app),
            Peer::Operator | Peer::Unknown => None,
        }
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
            tokio::task::yield_now().await; // one call a turn: many that came at once hold nobody up
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
        match (&self.peer, &self.app) {
            (Peer::Operator, None) => Ok(()),
            (Peer::App(app), _) | (_, Some(app)) => {
                Err(format!("{app} is an app; this is for the people who operate the watch"))
            }
            (Peer::Unknown, None) => {
                Err("whose process this is cannot be told; call again, from one that waits for the answer"
                    .to_owned())
            }
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

    /// As [`Self::next`], for a stream that leaves out what is not read in time (D3): it waits for a client that is
    /// suspended.
    pub(super) async fn next_when_read<P: Serialize + std::fmt::Debug>(
        &mut self,
        parameters: P,
    ) -> zlink::Result<()> {
        let reply = Reply::new(Some(parameters)).set_continues(Some(true));
        self.write.send_reply(&reply, Vec::new()).await
    }

    /// Ends a stream that has an end with its last reply.
    pub(super) async fn last<P: Serialize + std::fmt::Debug>(&mut self, parameters: P) -> zlink::Result<()> {
        let reply = Reply::new(Some(parameters)).set_continues(Some(false));
        in_time(self.write.send_reply(&reply, Vec::new())).await
    }
}

/// Whether a process that is no app's now never was one's: an app's that has connected and ended cannot be told
/// from another, but apps run as the runtime's user.
fn may_operate(pid: u32, user: u32) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let own_user = std::fs::metadata("/proc/self").map(|process| process.uid());
    own_user.is_ok_and(|own| own != user) || is_alive(pid)
}

/// Whether a process has not ended yet, from its state in `/proc/PID/stat` (proc_pid_stat(5)).
fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X' | 'x'))
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// The way to a client that reads nothing; the other end has to be held.
    fn unread() -> (Out, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let stream = LimitedStream::new(unix::Stream::try_from(ours).unwrap(), 4096);
        (Out { write: Connection::new(stream).split().1, oneway: false }, theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_cut_off() {
        let (mut out, _theirs) = unread();
        let fill = async { while out.next("x".repeat(1000)).await.is_ok() {} };
        assert!(tokio::time::timeout(HOUR, fill).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn d3_a_stream_of_samples_waits_for_an_app_that_is_suspended() {
        let (mut out, _theirs) = unread();
        let fill = async { while out.next_when_read("x".repeat(1000)).await.is_ok() {} };
        assert!(tokio::time::timeout(HOUR, fill).await.is_err());
    }

    #[test]
    fn a_process_that_ended_is_not_alive_reaped_or_not() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        assert!(is_alive(pid));
        drop(child.stdin.take()); // it ends
        while is_alive(pid) {
            std::thread::yield_now();
        }
        assert!(std::path::Path::new(&format!("/proc/{pid}")).exists(), "nobody has reaped it");
        child.wait().unwrap();
        assert!(!is_alive(pid));
    }
}
