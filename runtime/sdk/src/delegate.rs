//! A delegate is told of a session's life, as in WatchKit.

use std::time::{Duration, SystemTime};

use carpus_protocol::AppState;

use crate::{End, Event, ExtendedRuntimeSession};

/// Is told what happens to an app and its sessions; see [`App::run`](crate::App::run). An implementation may write
/// each method as `async fn`. While one runs, the next event waits.
pub trait SessionDelegate {
    /// The session runs (S4), until `expiration` at the latest.
    fn did_start(
        &mut self,
        session: &ExtendedRuntimeSession,
        expiration: SystemTime,
    ) -> impl Future<Output = ()> {
        let _ = (session, expiration);
        async {}
    }

    /// The session ends soon (S4).
    fn will_expire(
        &mut self,
        session: &ExtendedRuntimeSession,
        remaining: Duration,
    ) -> impl Future<Output = ()> {
        let _ = (session, remaining);
        async {}
    }

    /// The session ended, or its start failed (S4).
    fn did_invalidate(&mut self, session: &ExtendedRuntimeSession, end: &End) -> impl Future<Output = ()>;

    /// A scheduled session is due and is now this app's to deal with (A4). Done within 5 s; then comes `did_start`.
    fn handle(
        &mut self,
        session: &ExtendedRuntimeSession,
        expiration: SystemTime,
    ) -> impl Future<Output = ()> {
        let _ = (session, expiration);
        async {}
    }

    /// The app's state changed (L1).
    fn state_changed(&mut self, state: AppState) -> impl Future<Output = ()> {
        let _ = state;
        async {}
    }
}

pub(crate) async fn dispatch(delegate: &mut impl SessionDelegate, event: Event) {
    match event {
        Event::StateChanged { state } => delegate.state_changed(state).await,
        Event::Handle { session, expiration } => delegate.handle(&session, expiration).await,
        Event::DidStart { session, expiration } => delegate.did_start(&session, expiration).await,
        Event::WillExpire { session, remaining } => delegate.will_expire(&session, remaining).await,
        Event::DidInvalidate { session, end } => delegate.did_invalidate(&session, &end).await,
    }
}
