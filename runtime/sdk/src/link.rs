//! Calls that outlive the connection they were made on.

use std::sync::Arc;
use std::time::Duration;

use carpus_protocol::Method;
use carpus_protocol::client::{CallError, Client};
use tokio::sync::{Mutex, mpsc, watch};

use crate::Error;

/// How the app stands to the runtime.
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// The runtime is there, and knows that the app listens.
    Up(Arc<Line>),
    /// It is being looked for.
    Down,
    /// It is not looked for any more.
    Over(Over),
}

/// Why the runtime is not looked for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// It did not come back in time.
    Gone,
    /// It does not know this process.
    Orphan,
}

impl From<Over> for Error {
    fn from(over: Over) -> Self {
        match over {
            Over::Gone => Self::Disconnected,
            Over::Orphan => Self::UnknownLaunch,
        }
    }
}

/// A connection for calls.
#[derive(Debug)]
pub(crate) struct Line {
    /// Each connection has a higher one than those before.
    pub(crate) number: u64,
    pub(crate) client: Mutex<Client>,
}

/// What came of a call.
pub(crate) struct Answered<M: Method> {
    pub(crate) answer: Result<M::Reply, CallError<M::Error>>,
    /// An answer was lost before: the call may have been carried out already.
    pub(crate) again: bool,
}

/// The app's way to the runtime, over all connections.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    link: watch::Receiver<Link>,
    /// The numbers of the lines that broke.
    broken: mpsc::UnboundedSender<u64>,
}

impl Calls {
    pub(crate) const fn new(link: watch::Receiver<Link>, broken: mpsc::UnboundedSender<u64>) -> Self {
        Self { link, broken }
    }

    /// Calls, and calls again where an answer was lost with the connection.
    ///
    /// # Errors
    /// When the runtime is gone for good.
    pub(crate) async fn call<M: Method>(&self, method: &M) -> Result<Answered<M>, Error> {
        let mut broken = 0;
        loop {
            let line = self.line_after(broken).await?;
            match line.client.lock().await.call(method).await {
                Err(CallError::Disconnected) => broken = self.report(&line),
                answer => return Ok(Answered { answer, again: broken > 0 }),
            }
        }
    }

    /// Calls once, if that can be done soon; none when it cannot, or when the answer was lost.
    ///
    /// # Errors
    /// When the runtime is gone for good.
    pub(crate) async fn call_soon<M: Method>(
        &self,
        limit: Duration,
        method: &M,
    ) -> Result<Option<Result<M::Reply, CallError<M::Error>>>, Error> {
        let Ok(line) = tokio::time::timeout(limit, self.line_after(0)).await else { return Ok(None) };
        let line = line?;
        match line.client.lock().await.call(method).await {
            Err(CallError::Disconnected) => {
                self.report(&line);
                Ok(None)
            }
            answer => Ok(Some(answer)),
        }
    }

    /// Why the runtime is not looked for any more; that it is not there, where there is no reason.
    pub(crate) fn error(&self) -> Error {
        match &*self.link.borrow() {
            Link::Over(over) => (*over).into(),
            Link::Up(_) | Link::Down => Error::Disconnected,
        }
    }

    fn report(&self, line: &Line) -> u64 {
        // Where nobody listens the app is going.
        let _ = self.broken.send(line.number);
        line.number
    }

    /// A line with a number above this one, as soon as there is one.
    async fn line_after(&self, number: u64) -> Result<Arc<Line>, Error> {
        let mut link = self.link.clone();
        let settled = |link: &Link| match link {
            Link::Up(line) => line.number > number,
            Link::Down => false,
            Link::Over(_) => true,
        };
        let link = link.wait_for(settled).await.map_err(|_| Error::Disconnected)?;
        match &*link {
            Link::Up(line) => Ok(Arc::clone(line)),
            Link::Over(over) => Err((*over).into()),
            Link::Down => Err(Error::Disconnected),
        }
    }
}
