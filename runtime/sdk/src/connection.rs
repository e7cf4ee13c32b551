//! Finding the runtime, and finding it again.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use carpus_protocol::client::{Client, Replies};
use carpus_protocol::session::{self, AttachReply, EventsReply};
use tokio::time::Instant;

use crate::Error;

/// How long an app that lost the runtime looks for it, before it is told that it is gone (D5): a runtime that was
/// killed is back within seconds, and one that takes this long will not come back by itself.
pub const RECONNECT_TIME: Duration = Duration::from_secs(2 * 60);

/// The pause before the second look: a runtime that starts on a small board takes longer than this anyway.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// The longest pause between two looks: short beside what a person notices, long beside what a look costs.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long one look may take. The runtime itself waits up to 10 s for its parts before it answers.
const LOOK_TIME: Duration = Duration::from_secs(15);

/// How long a runtime has to go on saying that it does not know this process, until that is believed: one that is
/// being started again may not have taken up all apps yet.
pub(crate) const ORPHAN_TIME: Duration = Duration::from_secs(2);

/// The launch token; it is not to be seen in any log.
#[derive(Clone)]
struct Token(Arc<str>);

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(..)")
    }
}

/// Where the runtime listens, and what this process shows it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    socket: Arc<Path>,
    token: Token,
    reconnect_time: Duration,
}

/// The connections of an app: one for calls, one for events.
#[derive(Debug)]
pub(crate) struct Connection {
    /// None when another connection of the app has its events.
    pub(crate) events: Option<EventStream>,
    pub(crate) calls: Client,
    pub(crate) attached: AttachReply,
}

/// The events, and the first of them: when it is there, the runtime knows that the app listens.
#[derive(Debug)]
pub(crate) struct EventStream {
    pub(crate) replies: Replies<session::Events>,
    pub(crate) first: EventsReply,
}

/// The pauses between one look and the next: each twice as long as the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pauses {
    looks: u32,
}

impl Pauses {
    /// The pauses after this many looks that came to nothing.
    pub(crate) const fn after(looks: u32) -> Self {
        Self { looks }
    }

    fn next(&mut self) -> Duration {
        let looks = self.looks;
        self.looks = looks.saturating_add(1);
        match looks {
            0 => Duration::ZERO,
            _ => PAUSE_MIN.saturating_mul(1 << (looks - 1).min(16)).min(PAUSE_MAX),
        }
    }
}

impl Endpoint {
    pub(crate) fn new(socket: &Path, token: &str, reconnect_time: Duration) -> Self {
        Self { socket: socket.into(), token: Token(token.into()), reconnect_time }
    }

    pub(crate) const fn reconnect_time(&self) -> Duration {
        self.reconnect_time
    }

    /// Each connection says first which app it belongs to.
    pub(crate) async fn attach(&self) -> Result<(Client, AttachReply), Error> {
        let mut client = Client::connect(&self.socket).await?;
        let token = self.token.0.to_string();
        let attached = client.call(&session::Attach { token }).await?;
        Ok((client, attached))
    }

    /// The events come first: a call is carried out only when the app counts as one that listens, and what changes
    /// after the second attach is told on the stream.
    pub(crate) async fn connect(&self, with_events: bool) -> Result<Connection, Error> {
        let events = if with_events { Some(self.events().await?) } else { None };
        let (calls, attached) = self.attach().await?;
        Ok(Connection { events, calls, attached })
    }

    async fn events(&self) -> Result<EventStream, Error> {
        let (client, _) = self.attach().await?;
        let mut replies = client.stream(&session::Events {}).await?;
        let first = replies.next().await.ok_or(Error::Disconnected)??;
        Ok(EventStream { replies, first })
    }

    /// Makes the first connection. The runtime launched this process a moment ago, so one that is not there is
    /// waited for, as one that is lost later.
    pub(crate) async fn connect_first(&self) -> Result<Connection, Error> {
        self.look(Pauses::default(), is_passing, || self.connect(true)).await
    }

    /// Connects again, with the pauses after so many connections that were lost at once.
    pub(crate) async fn connect_again(self, with_events: bool, pauses: Pauses) -> Result<Connection, Error> {
        self.look(pauses, |_| true, || self.connect(with_events)).await
    }

    /// Attaches another connection, however long that takes.
    pub(crate) async fn attach_again(&self, pauses: Pauses) -> Result<Client, Error> {
        self.look(pauses, |_| true, || async { Ok(self.attach().await?.0) }).await
    }

    /// Looks again and again, until it works, the time is over, or the runtime does not know this process.
    async fn look<T, F>(
        &self,
        mut pauses: Pauses,
        may_pass: impl Fn(&Error) -> bool,
        attempt: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let since = Instant::now();
        let mut orphan_since = None;
        loop {
            tokio::time::sleep(pauses.next()).await;
            // A process that was frozen meanwhile looks once more before it gives up: what counts is when the last
            // look began.
            let began = Instant::now();
            let error = match tokio::time::timeout(LOOK_TIME, attempt()).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) => error,
                Err(_late) => Error::Disconnected,
            };
            let is_orphan = matches!(error, Error::UnknownLaunch);
            orphan_since = is_orphan.then(|| orphan_since.unwrap_or(began));
            let for_good = orphan_since.is_some_and(|since| began - since >= ORPHAN_TIME);
            if for_good || began - since >= self.reconnect_time || !may_pass(&error) {
                return Err(error);
            }
        }
    }
}

/// Whether a runtime that is being started again may cause this.
fn is_passing(error: &Error) -> bool {
    use std::io::ErrorKind;
    match error {
        Error::NotRunning { cause, .. } => {
            matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::WouldBlock)
        }
        Error::Disconnected | Error::Unavailable { .. } | Error::UnknownLaunch => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d5_the_pauses_grow_from_20_ms_to_a_second() {
        let mut pauses = Pauses::default();
        let ms: Vec<_> = std::iter::repeat_with(|| pauses.next().as_millis()).take(9).collect();
        assert_eq!(ms, [0, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(Pauses::after(u32::MAX).next(), PAUSE_MAX);
    }

    #[test]
    fn the_launch_token_is_in_no_log() {
        let endpoint = Endpoint::new(Path::new("/run/s"), "very-secret", RECONNECT_TIME);
        assert!(!format!("{endpoint:?}").contains("secret"));
    }
}
