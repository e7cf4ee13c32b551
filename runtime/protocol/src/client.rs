//! Calling the runtime: a connection for calls, or for one stream of replies.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::IgnoredAny;
use zlink::tokio::unix;

use crate::call::CallProblem;
use crate::interface::Method;

/// Why a call brought no answer.
#[derive(Debug)]
pub enum CallError<E> {
    /// The interface refused.
    Refused(E),
    /// The service does not take the call: an unknown method, or a wrong parameter.
    NotTaken(CallProblem),
    /// The runtime closed the connection, or ended.
    Disconnected,
    /// Something that is no answer came back, or the socket failed.
    Failed(zlink::Error),
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(out),
            Self::NotTaken(problem) => write!(out, "carpusd does not take the call: {problem}"),
            Self::Disconnected => out.write_str("carpusd closed the connection"),
            Self::Failed(_) => out.write_str("the answer of carpusd could not be read"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(cause) => Some(cause),
            Self::Refused(_) | Self::NotTaken(_) | Self::Disconnected => None,
        }
    }
}

impl<E> From<zlink::Error> for CallError<E> {
    fn from(error: zlink::Error) -> Self {
        match error {
            zlink::Error::VarlinkService(problem) => match CallProblem::from_reply(problem.inner()) {
                Some(problem) => Self::NotTaken(problem),
                None => Self::Failed(zlink::Error::VarlinkService(problem)),
            },
            zlink::Error::UnexpectedEof => Self::Disconnected,
            zlink::Error::Io(cause) if is_hang_up(&cause) => Self::Disconnected,
            other => Self::Failed(other),
        }
    }
}

fn is_hang_up(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected)
}

/// Nobody listens on the socket, or it may not be used.
#[derive(Debug, thiserror::Error)]
#[error("no connection to carpusd at {}", .path.display())]
pub struct ConnectError {
    /// The socket.
    pub path: PathBuf,
    /// The system's word. `NotFound` and `ConnectionRefused`: the runtime does not run. `PermissionDenied`: the
    /// caller is not in its group.
    #[source]
    pub cause: std::io::Error,
}

/// A connection to the runtime.
///
/// A call that is dropped before its answer came leaves the connection in order: its answer is read and dropped
/// before the next call. A call that is dropped while it is being *sent* spoils the connection, and the next one
/// says [`CallError::Disconnected`]; on a local socket that takes a runtime that does not read.
#[derive(Debug)]
pub struct Client {
    connection: unix::Connection,
    /// Answers still to come of calls that were dropped.
    unanswered: usize,
    /// A call is being sent, or was dropped while it was.
    sending: bool,
}

#[derive(Debug, Serialize)]
struct Outgoing<'a, M> {
    method: &'static str,
    parameters: &'a M,
}

impl Client {
    /// Connects to the runtime's socket.
    ///
    /// # Errors
    /// When nobody listens there, or the caller may not use it.
    pub async fn connect(path: &Path) -> Result<Self, ConnectError> {
        match unix::connect(path).await {
            Ok(connection) => Ok(Self { connection, unanswered: 0, sending: false }),
            Err(error) => Err(ConnectError { path: path.to_owned(), cause: io_error(error) }),
        }
    }

    /// Calls a method that answers once.
    ///
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn call<M: Method>(&mut self, method: &M) -> Result<M::Reply, CallError<M::Error>> {
        self.drop_late_answers().await?;
        self.send(method).await?;
        self.unanswered += 1;
        let received = self.connection.receive_reply::<M::Reply, M::Error>().await;
        self.unanswered -= 1;
        let (reply, _files) = received?;
        parameters::<M>(reply.map_err(CallError::Refused)?.into_parameters())
    }

    async fn drop_late_answers(&mut self) -> Result<(), zlink::Error> {
        while self.unanswered > 0 {
            match self.connection.receive_reply::<IgnoredAny, IgnoredAny>().await {
                Err(gone @ (zlink::Error::UnexpectedEof | zlink::Error::Io(_))) => return Err(gone),
                Ok(_) | Err(_) => self.unanswered -= 1,
            }
        }
        Ok(())
    }

    /// Calls a method that answers with a stream, which takes the connection.
    ///
    /// # Errors
    /// When the call cannot be sent. A refusal is the first item of the stream.
    pub async fn stream<M: Method>(mut self, method: &M) -> Result<Replies<M>, CallError<M::Error>> {
        self.send(method).await?;
        Ok(Replies { connection: self.connection, over: false, method: PhantomData })
    }

    async fn send<M: Method>(&mut self, method: &M) -> Result<(), zlink::Error> {
        if self.sending {
            return Err(zlink::Error::UnexpectedEof);
        }
        let outgoing = Outgoing { method: M::NAME, parameters: method };
        self.sending = true;
        self.connection.send_call(&zlink::Call::new(outgoing).set_more(M::STREAMS), Vec::new()).await?;
        self.sending = false;
        Ok(())
    }
}

/// A service may leave the parameters of an empty reply out.
fn parameters<M: Method>(given: Option<M::Reply>) -> Result<M::Reply, CallError<M::Error>> {
    match given {
        Some(reply) => Ok(reply),
        None => serde_json::from_value(serde_json::Value::Object(serde_json::Map::new()))
            .map_err(|error| CallError::Failed(error.into())),
    }
}

fn io_error(error: zlink::Error) -> std::io::Error {
    match error {
        zlink::Error::Io(cause) => cause,
        other => std::io::Error::other(other),
    }
}

/// The replies of a stream. Dropping it closes the connection, which ends the stream on the other side.
#[derive(Debug)]
pub struct Replies<M> {
    connection: unix::Connection,
    over: bool,
    method: PhantomData<fn() -> M>,
}

impl<M: Method> Replies<M> {
    /// The next reply; none when the stream is over. May be dropped and asked again without losing one.
    pub async fn next(&mut self) -> Option<Result<M::Reply, CallError<M::Error>>> {
        if self.over {
            return None;
        }
        let received = self.connection.receive_reply::<M::Reply, M::Error>().await;
        let reply = match received {
            Ok((Ok(reply), _files)) => reply,
            Ok((Err(refusal), _files)) => return self.end(CallError::Refused(refusal)),
            Err(error) => return self.end(error.into()),
        };
        self.over = reply.continues() != Some(true);
        match reply.into_parameters() {
            // The last reply of a stream may be empty: it only says that the stream is over.
            None if self.over => None,
            given => Some(parameters::<M>(given)),
        }
    }

    fn end(&mut self, error: CallError<M::Error>) -> Option<Result<M::Reply, CallError<M::Error>>> {
        self.over = true;
        Some(Err(error))
    }
}

/// The environment variable that names the runtime's socket.
pub const SOCKET_VARIABLE: &str = "CARPUS_SOCKET";

/// The socket of the runtime that the system started.
pub const SYSTEM_SOCKET: &str = "/run/carpus/carpus.sock";

/// Where the runtime listens: at `CARPUS_SOCKET`; else at the user's own socket,
/// `$XDG_RUNTIME_DIR/carpus/carpus.sock`, if it is there; else at [`SYSTEM_SOCKET`].
pub fn socket_path(
    variable: impl Fn(&str) -> Option<std::ffi::OsString>,
    exists: impl Fn(&Path) -> bool,
) -> PathBuf {
    if let Some(path) = variable(SOCKET_VARIABLE).filter(|path| !path.is_empty()) {
        return path.into();
    }
    let of_user = variable("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()).map(|folder| {
        let folder: PathBuf = folder.into();
        folder.join("carpus/carpus.sock")
    });
    of_user.filter(|path| exists(path)).unwrap_or_else(|| SYSTEM_SOCKET.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(variables: &[(&str, &str)], there: &[&str]) -> PathBuf {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| std::ffi::OsString::from(value))
        };
        socket_path(variable, |path| there.iter().any(|known| Path::new(known) == path))
    }

    #[test]
    fn the_variable_comes_first_then_the_users_socket_then_the_systems() {
        let runtime = ("XDG_RUNTIME_DIR", "/run/user/1000");
        let of_user = "/run/user/1000/carpus/carpus.sock";
        assert_eq!(path(&[("CARPUS_SOCKET", "/tmp/s"), runtime], &[of_user]), Path::new("/tmp/s"));
        assert_eq!(path(&[runtime], &[of_user]), Path::new(of_user));
        assert_eq!(path(&[runtime], &[]), Path::new(SYSTEM_SOCKET));
        assert_eq!(path(&[("CARPUS_SOCKET", "")], &[]), Path::new(SYSTEM_SOCKET));
    }
}
