//! The connection to carpusd, and what its refusals mean for a person.

use std::io;
use std::path::{Path, PathBuf};

use carpus_protocol::client::{self, CallError, Client, ConnectError, Replies};
use carpus_protocol::{CallProblem, Method, apps, devices, monitor, simulation, wrist};

use crate::failure::{Failure, Kind};
use crate::interrupt::Interrupts;

/// The runtime at a socket.
#[derive(Debug)]
pub(crate) struct Runtime {
    socket: PathBuf,
}

impl Runtime {
    /// At this socket, or where carpusd usually listens.
    pub(crate) fn at(socket: Option<PathBuf>) -> Self {
        let usual = || client::socket_path(|name| std::env::var_os(name), Path::exists);
        Self { socket: socket.unwrap_or_else(usual) }
    }

    /// Whether somebody listens.
    pub(crate) async fn listens(&self) -> bool {
        Client::connect(&self.socket).await.is_ok()
    }

    /// Calls a method that answers once.
    pub(crate) async fn call<M>(&self, method: M) -> Result<M::Reply, Failure>
    where
        M: Method,
        M::Error: Refusal,
    {
        let mut client = self.connect().await?;
        client.call(&method).await.map_err(failure)
    }

    /// Calls a method, some of whose refusals the caller deals with.
    pub(crate) async fn try_call<M>(&self, method: M) -> Result<Result<M::Reply, M::Error>, Failure>
    where
        M: Method,
        M::Error: Refusal,
    {
        let mut client = self.connect().await?;
        match client.call(&method).await {
            Ok(reply) => Ok(Ok(reply)),
            Err(CallError::Refused(refusal)) => Ok(Err(refusal)),
            Err(error) => Err(failure(error)),
        }
    }

    /// Calls a method that answers with a stream.
    pub(crate) async fn stream<M>(&self, method: M) -> Result<Stream<M>, Failure>
    where
        M: Method,
        M::Error: Refusal,
    {
        let client = self.connect().await?;
        let interrupts = Interrupts::by_keyboard()?;
        let replies = client.stream(&method).await.map_err(failure)?;
        Ok(Stream { replies, interrupts })
    }

    async fn connect(&self) -> Result<Client, Failure> {
        Client::connect(&self.socket).await.map_err(|error| not_connected(&error))
    }
}

/// A stream of replies.
#[derive(Debug)]
pub(crate) struct Stream<M> {
    replies: Replies<M>,
    interrupts: Interrupts,
}

impl<M> Stream<M>
where
    M: Method,
    M::Error: Refusal,
{
    /// The next reply; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<M::Reply>, Failure> {
        self.replies.next().await.transpose().map_err(failure)
    }

    /// The next reply; Ctrl-C ends the command.
    pub(crate) async fn next_or_interrupt(&mut self) -> Result<Option<M::Reply>, Failure> {
        tokio::select! {
            reply = self.replies.next() => reply.transpose().map_err(failure),
            () = self.interrupts.next() => Err(Failure::interrupted()),
        }
    }
}

/// A refusal of an interface, as far as a person needs to know it.
pub(crate) trait Refusal: std::error::Error + 'static {
    /// Whether the caller may not do it at all.
    fn is_not_permitted(&self) -> bool;

    /// What to do next, where the refusal does not say so itself.
    fn remedy(&self) -> Option<&'static str> {
        None
    }
}

impl Refusal for apps::Error {
    fn is_not_permitted(&self) -> bool {
        matches!(self, Self::NotPermitted { .. })
    }

    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::UnknownApp { .. } => Some("`carpus app list` shows the installed ones"),
            Self::BadManifest { .. } => Some("correct the manifest and install it again"),
            Self::ConsentNeeded { .. }
            | Self::Refused { .. }
            | Self::NotPermitted { .. }
            | Self::Unavailable { .. } => None,
        }
    }
}

impl Refusal for devices::Error {
    fn is_not_permitted(&self) -> bool {
        matches!(self, Self::NotPermitted { .. })
    }

    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::UnknownDevice { .. } => {
                Some("`carpus device scan` looks for straps, `carpus device list` shows them")
            }
            Self::NoAdapter { .. } | Self::NotPermitted { .. } | Self::Unavailable { .. } => None,
        }
    }
}

impl Refusal for wrist::Error {
    fn is_not_permitted(&self) -> bool {
        matches!(self, Self::NotPermitted { .. })
    }
}

impl Refusal for monitor::Error {
    fn is_not_permitted(&self) -> bool {
        matches!(self, Self::NotPermitted { .. })
    }

    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::UnknownSession { .. } | Self::NothingRings => Some("`carpus alarm list` shows the alarms"),
            Self::NoRoomToSnooze { .. } => {
                Some("name a shorter time with --for, or stop it with `carpus alarm stop`")
            }
            Self::NotOffered { .. } | Self::NotPermitted { .. } | Self::Unavailable { .. } => None,
        }
    }
}

impl Refusal for simulation::Error {
    fn is_not_permitted(&self) -> bool {
        matches!(self, Self::NotPermitted { .. })
    }

    fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::UnknownDevice { .. } => Some("`carpus device list` shows the simulated straps"),
            Self::NotPermitted { .. } | Self::Unavailable { .. } => None,
        }
    }
}

const JOIN_GROUP: &str =
    "operators are members of the group carpus: `sudo usermod -aG carpus $USER`, then log in again";

/// A refusal that nobody dealt with.
pub(crate) fn refused<E: Refusal>(refusal: &E) -> Failure {
    let kind = if refusal.is_not_permitted() { Kind::NotPermitted } else { Kind::Refused };
    let failure = Failure::new(kind, refusal.to_string());
    match refusal.remedy() {
        Some(remedy) => failure.remedy(remedy),
        None => failure,
    }
}

fn failure<E: Refusal>(error: CallError<E>) -> Failure {
    match error {
        CallError::Refused(refusal) => refused(&refusal),
        CallError::NotTaken(CallProblem::InterfaceNotFound { interface })
            if interface == simulation::NAME =>
        {
            Failure::refused("the devices of this carpusd are real")
                .remedy("start it with `carpusd --simulate`")
        }
        CallError::NotTaken(problem) => {
            Failure::refused(format!("carpusd does not take the call: {problem}"))
                .remedy("`carpus --version` and `carpusd --version` should be the same")
        }
        CallError::Disconnected => Failure::new(Kind::NotRunning, "carpusd closed the connection")
            .remedy("it may have stopped; see `carpus status`"),
        CallError::Failed(cause) => {
            Failure::refused(format!("the answer of carpusd could not be read: {cause}"))
                .remedy("`carpus --version` and `carpusd --version` should be the same")
        }
    }
}

fn not_connected(error: &ConnectError) -> Failure {
    let path = error.path.display();
    match error.cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            Failure::new(Kind::NotRunning, format!("carpusd is not running at {path}"))
                .remedy("start it with `systemctl start carpusd`, or try `carpus demo`")
        }
        io::ErrorKind::PermissionDenied => {
            Failure::new(Kind::NotPermitted, format!("{path} may not be used")).remedy(JOIN_GROUP)
        }
        _ => Failure::new(Kind::NotRunning, format!("{path} cannot be reached: {}", error.cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect_error(kind: io::ErrorKind) -> Failure {
        not_connected(&ConnectError { path: PathBuf::from("/s"), cause: kind.into() })
    }

    #[test]
    fn no_daemon_is_3_and_no_permission_is_4() {
        let failure = connect_error(io::ErrorKind::NotFound);
        assert_eq!(failure.kind.code(), 3);
        assert!(failure.to_string().starts_with("carpusd is not running at /s; start it with"), "{failure}");
        let failure = connect_error(io::ErrorKind::PermissionDenied);
        assert_eq!(failure.kind.code(), 4);
        assert!(failure.to_string().contains("group carpus"), "{failure}");
        let refused = failure_of(wrist::Error::NotPermitted { message: "no".to_owned() });
        assert_eq!(refused.kind.code(), 4);
        assert_eq!(super::failure::<wrist::Error>(CallError::Disconnected).kind.code(), 3);
    }

    fn failure_of(refusal: impl Refusal) -> Failure {
        failure(CallError::Refused(refusal))
    }

    #[test]
    fn a_refusal_says_what_to_do_next() {
        let failure = failure_of(apps::Error::UnknownApp { app: "x".to_owned() });
        assert_eq!(failure.kind.code(), 1);
        assert_eq!(failure.to_string(), "there is no app x; `carpus app list` shows the installed ones");
        let manifest = apps::Error::BadManifest {
            path: "/a/app.toml".to_owned(),
            line: Some(3),
            key: Some("app.id".to_owned()),
            reason: "is missing".to_owned(),
        };
        let said = "/a/app.toml:3: app.id: is missing; correct the manifest and install it again";
        assert_eq!(failure_of(manifest).to_string(), said);
    }

    #[test]
    fn real_devices_cannot_be_steered() {
        let problem = CallProblem::InterfaceNotFound { interface: simulation::NAME.to_owned() };
        let failure = failure::<simulation::Error>(CallError::NotTaken(problem));
        assert!(failure.to_string().contains("carpusd --simulate"), "{failure}");
    }
}
