//! The board's keys, and the socket over which they are pressed.

use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use anyhow::{Context, Result};
use clap::ValueEnum;
use evdev::KeyCode;

/// The longest message on the socket; a key's name is far shorter.
const MESSAGE_BYTES_MAX: usize = 64;

/// A key of the board. Each sends the Linux key that the runtime's settings name by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Key {
    /// The crown: KEY_HOMEPAGE.
    Crown,
    /// The side button: KEY_POWER.
    SideButton,
    /// Stops a ringing alarm: KEY_STOP.
    Stop,
    /// Snoozes a ringing alarm: KEY_SLEEP.
    Snooze,
}

impl Key {
    /// The Linux key that it sends.
    pub(crate) const fn code(self) -> KeyCode {
        match self {
            Self::Crown => KeyCode::KEY_HOMEPAGE,
            Self::SideButton => KeyCode::KEY_POWER,
            Self::Stop => KeyCode::KEY_STOP,
            Self::Snooze => KeyCode::KEY_SLEEP,
        }
    }

    /// Its name on the command line, on the socket and in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Crown => "crown",
            Self::SideButton => "side-button",
            Self::Stop => "stop",
            Self::Snooze => "snooze",
        }
    }
}

/// Asks the process that serves the devices to press a key.
pub(crate) fn press(key: Key, socket: &Path) -> Result<()> {
    let sender = UnixDatagram::unbound()?;
    sender.send_to(key.name().as_bytes(), socket).with_context(|| {
        format!("no key pressed: nobody listens on {}; is board-motor.service running?", socket.display())
    })?;
    Ok(())
}

/// The receiving end of [`press`].
#[derive(Debug)]
pub(crate) struct KeySocket {
    pub(crate) socket: UnixDatagram,
}

impl KeySocket {
    /// Listens at `path`, in place of a socket that an earlier process left there.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = UnixDatagram::bind(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// The next key that was asked for, if one waits. A message that names none is passed over.
    pub(crate) fn take(&self) -> io::Result<Option<Key>> {
        let mut message = [0; MESSAGE_BYTES_MAX];
        loop {
            let length = match self.socket.recv(&mut message) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            };
            let name = String::from_utf8_lossy(&message[..length]);
            match Key::from_str(name.trim(), false) {
                Ok(key) => return Ok(Some(key)),
                Err(_) => eprintln!("there is no key {:?}", name.trim()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for key in Key::value_variants() {
            assert_eq!(Key::from_str(key.name(), false), Ok(*key));
        }
    }

    #[test]
    fn wrong_messages_are_passed_over() {
        let path = std::env::temp_dir().join(format!("carpus-board-keys-{}", std::process::id()));
        let receiver = KeySocket::bind(&path).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.send_to(b"no such key", &path).unwrap();
        sender.send_to(&[0xff; 200], &path).unwrap();
        press(Key::Snooze, &path).unwrap();
        assert_eq!(receiver.take().unwrap(), Some(Key::Snooze));
        assert_eq!(receiver.take().unwrap(), None);
        fs::remove_file(path).unwrap();
    }
}
