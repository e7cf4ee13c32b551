//! One client: who it is, its calls one after another, and the stream that it may ask for.

use std::rc::Rc;
use std::time::Duration;

use carpus_actors::apps::Authenticate;
use carpus_actors::supervisor::{Lifetime, Unavailable};
use carpus_actors::watch::WatchActor;
use carpus_config::manifest::BluetoothProfile;
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
use super::event_streams::EventStreams;
use super::listener::Door;
use super::pace::Pace;
use super::peer::Peer;
use super::places::NoPlace;
use super::refusals::Refusals;

/// How long a client may leave what it asked for unread before it is cut off.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// A client of the runtime.
pub(super) struct Client {
    pub(super) read: ReadConnection<LimitedReadHalf>,
    pub(super) out: Out,
    pub(super) services: Services,
    pub(super) pid: u32,
    peer: Peer,
    pace: Rc<Pace>,
    pub(super) streams: EventStreams,
    /// The life of the watch that an app is attached to. With the next one it begins anew, on another connection: its
    /// calls count from when it listens again.
    pub(super) attached_to: Option<Lifetime<WatchActor>>,
    /// The app that it has shown the launch token of.
    pub(super) app: Option<AppId>,
}

/// The way back to the client.
pub(super) struct Out {
    write: WriteConnection<<LimitedStream as Socket>::WriteHalf>,
    call: CallInHand,
    caller: Caller,
}

/// The call that is being answered.
#[derive(Clone, Copy, Debug, Default)]
struct CallInHand {
    method: &'static str,
    oneway: bool,
}

/// Who is answered, as far as its refusals are noted.
struct Caller {
    app: Option<AppId>,
    pid: u32,
    refusals: Rc<Refusals>,
}

impl Caller {
    fn note(&self, kind: &str, what: impl FnOnce() -> String) {
        self.refusals.note(self.app.as_ref(), self.pid, kind, what);
    }
}

/// A call's answer: parameters or a whole error, ready to be sent.
pub(super) type Answer = Result<Value, Value>;

impl Client {
    /// Takes a client in, after a look at who it is.
    pub(super) async fn open(stream: UnixStream, services: Services, door: &Door) -> zlink::Result<Self> {
        let no_pid = || std::io::Error::other("the system does not tell who it is");
        let credentials = stream.peer_cred()?;
        let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok()).ok_or_else(no_pid)?;
        let stream = LimitedStream::new(unix::Stream::try_from(stream)?, services.limits.max_frame_bytes);
        let peer = Peer::of(pid, credentials.uid(), &services).await;
        let (read, write) = Connection::new(stream).split();
        let caller = Caller { app: peer.app().cloned(), pid, refusals: Rc::clone(&services.refusals) };
        let pace = door.paces.of(peer.app());
        let out = Out { write, call: CallInHand::default(), caller };
        let streams = door.streams.clone();
        Ok(Self { read, out, services, pid, peer, pace, streams, attached_to: None, app: None })
    }

    /// The app that it is a process of.
    pub(super) const fn process_of(&self) -> Option<&AppId> {
        self.peer.app()
    }

    /// Leaves an app unserved that has as many connections as it may.
    pub(super) fn turn_away(self, full: NoPlace) {
        self.out.caller.note("connections", || full.to_string());
    }

    /// Serves it until it leaves or breaks a limit.
    pub(super) async fn serve(mut self) {
        match self.serve_calls().await {
            Ok(()) | Err(zlink::Error::UnexpectedEof) => {}
            Err(zlink::Error::Io(error)) if error.kind() != std::io::ErrorKind::TimedOut => {
                tracing::debug!(pid = self.pid, "a client left: {error}");
            }
            Err(error) => {
                self.out.caller.note("cut off", || format!("a client was cut off: {error}"));
            }
        }
    }

    async fn serve_calls(&mut self) -> zlink::Result<()> {
        loop {
            let Some(call) = self.next_call().await? else { return Ok(()) };
            let (more, oneway) = (call.more(), call.oneway());
            // What was read goes before anything is waited for: as JSON, a frame takes many times its length.
            let wanted = AnyCall::try_from(call.method().clone());
            drop(call);
            self.wait_for_turn().await;
            if self.is_left_behind() {
                return Ok(());
            }
            self.out.call = CallInHand { method: "", oneway };
            self.out.call.method = wanted.as_ref().map_or("", AnyCall::method);
            match wanted {
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
                    if self.is_left_behind() {
                        return Ok(()); // whether it was done is not known: the app finds out
                    }
                    self.out.answer(answer).await?;
                }
                Err(problem) => self.refuse(problem).await?,
            }
            tokio::task::yield_now().await; // one call a turn: many that came at once hold nobody up
        }
    }

    /// None when the watch that the client is attached to has ended.
    async fn next_call(&mut self) -> zlink::Result<Option<zlink::Call<RawCall>>> {
        let attached_to = self.attached_to.as_mut();
        tokio::select! {
            biased;
            () = over(attached_to) => Ok(None),
            call = self.read.receive_call::<RawCall>() => Ok(Some(call?.0)),
        }
    }

    /// Whether the watch that the client is attached to has ended.
    fn is_left_behind(&self) -> bool {
        self.attached_to.as_ref().is_some_and(Lifetime::is_over)
    }

    /// Whoever calls too fast waits, and nobody else does.
    pub(super) async fn wait_for_turn(&self) {
        if self.pace.turn().await {
            self.out.caller.note("too fast", || {
                "calls faster than it may (ipc.max_calls_per_second), and is slowed down".to_owned()
            });
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
        if self.app.is_some() {
            self.out.caller.app.clone_from(&self.app);
        }
        Ok(self.app.clone())
    }

    /// Ends when the client goes away, or says a word while a stream runs, which it may not.
    pub(super) async fn left(read: &mut ReadConnection<LimitedReadHalf>) {
        if read.receive_call::<Value>().await.is_ok() {
            tracing::debug!("a client called while it streamed");
        }
    }

    /// Whether the client may read the straps' data of a profile: an app that the user grants it, or an operator (M5).
    /// The app that it is, if it is one.
    pub(super) fn reader(&self, profile: BluetoothProfile) -> Result<Option<AppId>, String> {
        let Some(app) = &self.app else {
            let attach = |message| format!("{message}; an app attaches first, with its launch token");
            return self.operator().map(|()| None).map_err(attach);
        };
        let granted = self.services.grants.check(app, profile);
        granted.map(|()| Some(app.clone())).map_err(|refused| refused.to_string())
    }

    pub(super) fn parts(&mut self) -> (&mut ReadConnection<LimitedReadHalf>, &mut Out, &Services) {
        (&mut self.read, &mut self.out, &self.services)
    }
}

impl Out {
    async fn answer(&mut self, answer: Answer) -> zlink::Result<()> {
        if let Err(error) = &answer {
            self.note(error);
        }
        match answer {
            _ if self.call.oneway => Ok(()),
            Ok(parameters) => in_time(self.write.send_reply(&Reply::new(Some(parameters)), Vec::new())).await,
            Err(error) => in_time(self.write.send_error(&error, Vec::new())).await,
        }
    }

    /// Sends an error.
    pub(super) async fn error(&mut self, error: &(impl Serialize + std::fmt::Debug)) -> zlink::Result<()> {
        self.answer(failed(error)).await
    }

    fn note(&self, error: &Value) {
        let Caller { app, pid, refusals } = &self.caller;
        refusals.note_answer(app.as_ref(), *pid, self.call.method, error);
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

    /// Ends a stream that ends for good with a last reply that tells nothing.
    pub(super) async fn end(&mut self) -> zlink::Result<()> {
        let reply = Reply::<Done>::new(None).set_continues(Some(false));
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

/// Waits until the life of the watch is over that a client is attached to; without end for one that is not.
pub(super) async fn over(attached_to: Option<&mut Lifetime<WatchActor>>) {
    match attached_to {
        Some(lifetime) => lifetime.over().await,
        None => std::future::pending().await,
    }
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

pub(super) fn value_of(parameters: &impl Serialize) -> Value {
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
        let caller = Caller { app: None, pid: 0, refusals: Rc::default() };
        (Out { write: Connection::new(stream).split().1, call: CallInHand::default(), caller }, theirs)
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
}
