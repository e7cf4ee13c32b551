//! The listening socket: bound by one runtime at a time, open to its group.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::Services;
use super::client::Client;
use super::event_streams::EventStreams;
use super::pace::Paces;
use super::places::Places;
use tokio::net::{UnixListener, UnixStream};

/// Read and write for the owner and the group `carpus`: operators are its members.
const SOCKET_MODE: u32 = 0o660;

/// Why the socket could not be bound.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// A runtime answers on it.
    #[error("another carpusd listens on {}; stop it first, or give this one another --socket", .0.display())]
    Taken(PathBuf),
    /// Something else lies there.
    #[error("{} is there and is no socket; move it away, or give carpusd another --socket", .0.display())]
    NotASocket(PathBuf),
    /// The system refused.
    #[error("the socket {} could not be made", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// The system's word.
        #[source]
        cause: io::Error,
    },
}

/// The listening socket. Its file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Binds `path`; the socket of a runtime that died is replaced, that of a living one is not.
    ///
    /// # Errors
    /// When a runtime listens there, something else lies there, or the system refuses.
    pub(crate) fn bind(path: &Path) -> Result<Self, BindError> {
        let io = |cause| BindError::Io { path: path.to_owned(), cause };
        clear_the_way(path)?;
        let listener = UnixListener::bind(path).map_err(io)?;
        std::fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE)).map_err(io)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Serves clients until it is dropped.
    pub(crate) async fn serve(self, services: Services) {
        let door = Rc::new(Door {
            places: Places::new(services.limits.max_clients),
            paces: Paces::new(services.limits.call_rate),
            streams: EventStreams::default(),
        });
        let mut said = false;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    said = false;
                    admit(stream, &services, &door);
                }
                Err(error) => {
                    // Out of descriptors, most likely: those of clients that leave come free.
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!("a client could not be let in: {error}; tried again until one can");
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// What those who come in are held to.
pub(super) struct Door {
    pub(super) places: Rc<Places>,
    pub(super) paces: Paces,
    pub(super) streams: EventStreams,
}

fn admit(stream: UnixStream, services: &Services, door: &Rc<Door>) {
    let Some(mut place) = door.places.take() else { return };
    let (services, door) = (services.clone(), Rc::clone(door));
    actix::spawn(async move {
        match Client::open(stream, services, &door).await {
            Ok(client) => match client.process_of().map_or(Ok(()), |app| place.belongs_to(app)) {
                Ok(()) => {
                    client.wait_for_turn().await; // to connect costs as much as to call
                    client.serve().await;
                }
                Err(full) => client.turn_away(full),
            },
            Err(error) => tracing::debug!("a client left at once: {error}"),
        }
        drop(place);
    });
}

fn clear_the_way(path: &Path) -> Result<(), BindError> {
    use std::os::unix::fs::FileTypeExt as _;
    let io = |cause| BindError::Io { path: path.to_owned(), cause };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => Err(BindError::NotASocket(path.to_owned())),
        Ok(_) => match StdStream::connect(path) {
            Ok(_) => Err(BindError::Taken(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(io)
            }
            Err(error) => Err(io(error)),
        },
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!("the socket was gone already: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn a_living_runtime_keeps_its_socket_and_a_dead_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("carpus.sock");
        let living = Listener::bind(&path).unwrap();
        assert!(matches!(Listener::bind(&path), Err(BindError::Taken(_))));
        drop(living);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap()); // leaves its file, as a killed one does
        assert!(path.exists());
        Listener::bind(&path).unwrap();
    }

    #[actix::test]
    async fn a_file_in_the_way_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("carpus.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(Listener::bind(&path), Err(BindError::NotASocket(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[actix::test]
    async fn the_socket_is_open_to_owner_and_group_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("carpus.sock");
        let _listener = Listener::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, SOCKET_MODE);
    }
}
