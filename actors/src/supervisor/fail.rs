//! Failures on order, for tests of what follows from them. Only builds with debug assertions obey.

use actix::Message;

/// In which way a child shall fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It panics.
    Panic,
    /// It stops by itself.
    Stop,
    /// It answers nothing any more.
    Hang,
    /// It sends messages without end.
    Flood,
}

/// Lets a child fail, by its name.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<(), FailRefused>")]
pub struct Fail {
    /// The child.
    pub child: String,
    /// How.
    pub way: Way,
}

/// Why a child does not fail on order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailRefused {
    /// There is no such child.
    #[error("the runtime has no part {child}; it has {known}")]
    Unknown {
        /// What was asked for.
        child: String,
        /// Those that there are.
        known: String,
    },
    /// It is down already.
    #[error("{child} is down at the moment")]
    Down {
        /// The child.
        child: String,
    },
    /// This build does not do it.
    #[error("this runtime was built without debug assertions: its parts do not fail on order")]
    NotInThisBuild,
}

#[cfg(debug_assertions)]
pub(super) use debug::{Noise, fail};

#[cfg(debug_assertions)]
mod debug {
    use std::time::Duration;

    use actix::fut::wrap_future;
    use actix::{Actor, ActorContext as _, AsyncContext as _, Context, Message};

    use super::Way;
    use crate::supervisor::Outlet;

    /// What a child floods with.
    #[derive(Clone, Copy, Debug, Message)]
    #[rtype(result = "()")]
    pub(in super::super) struct Noise;

    /// How much a child that floods sends at once; between two bursts others get their turn.
    const BURST: u32 = 1000;
    /// From one burst to the next.
    const PAUSE: Duration = Duration::from_millis(1);

    #[allow(clippy::panic, reason = "this is what it is for")]
    pub(in super::super) fn fail<A>(way: Way, sink: Outlet<Noise>, ctx: &mut Context<A>)
    where
        A: Actor<Context = Context<A>>,
    {
        match way {
            Way::Panic => panic!("it was told to"),
            Way::Stop => ctx.stop(),
            Way::Hang => ctx.wait(wrap_future(std::future::pending())),
            Way::Flood => {
                ctx.spawn(wrap_future(async move {
                    loop {
                        (0..BURST).for_each(|_| sink.tell(Noise));
                        tokio::time::sleep(PAUSE).await;
                    }
                }));
            }
        }
    }
}
