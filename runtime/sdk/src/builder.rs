//! The settings of a connection.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carpus_protocol::client;

use crate::connection::{Endpoint, RECONNECT_TIME};
use crate::{App, Error};

/// The environment variable in which the runtime gives an app its launch token.
pub const TOKEN_VARIABLE: &str = "CARPUS_LAUNCH_TOKEN";

/// How an app connects; see [`App::builder`]. What is not set is what the runtime that launched the process said.
#[derive(Clone)]
pub struct AppBuilder {
    socket: Option<PathBuf>,
    token: Option<String>,
    reconnect_time: Duration,
}

impl Default for AppBuilder {
    fn default() -> Self {
        Self { socket: None, token: None, reconnect_time: RECONNECT_TIME }
    }
}

impl fmt::Debug for AppBuilder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket, token: _, reconnect_time } = self;
        let mut fields = out.debug_struct("AppBuilder");
        fields.field("socket", socket).field("reconnect_time", reconnect_time).finish_non_exhaustive()
    }
}

impl AppBuilder {
    /// The runtime's socket.
    #[must_use]
    pub fn socket(self, socket: &Path) -> Self {
        Self { socket: Some(socket.to_owned()), ..self }
    }

    /// The launch token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// How long a runtime that is lost is looked for, in the place of [`RECONNECT_TIME`].
    #[must_use]
    pub fn reconnect_time(self, reconnect_time: Duration) -> Self {
        Self { reconnect_time, ..self }
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`App::connect`].
    pub async fn connect(self) -> Result<App, Error> {
        let token = match self.token {
            Some(token) => token,
            None => {
                std::env::var(TOKEN_VARIABLE).map_err(|_| Error::NotLaunched { missing: TOKEN_VARIABLE })?
            }
        };
        let socket =
            self.socket.unwrap_or_else(|| client::socket_path(|name| std::env::var_os(name), Path::exists));
        App::connect_with(Endpoint::new(&socket, &token, self.reconnect_time)).await
    }
}
