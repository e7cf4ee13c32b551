//! A delegate is told of a session's life, as in WatchKit.

use std::time::{Duration, SystemTime};

use carpus_protocol::AppState;

use crate::{End, Event, ExtendedRuntimeSession, Gap};

/// Is told what happens to an app and its sessions; see [`App::run`](crate::App::run). An implementation may write
/// each method as `async fn`. While one runs, the next event waits.
pub trait SessionDelegate {
    /// The session runs (S4), until `expiration` at the latest. After a crash of the app the process that was launched
    /// again is told so, too (S14): it may come more than once for a session.
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

    /// A session is now this app's to deal with: a scheduled one is due (A4), or the app crashed in a session and was
    /// launched again for it (S14). Done within 5 s; then comes `did_start`.
    ///
    /// After a crash it is the session that ran before, with what is left of its time: go on with it, and start no
    /// other. [`App::begin_session`](crate::App::begin_session) does so by itself.
    fn handle(
        &mut self,
        session: &ExtendedRuntimeSession,
        expiration: SystemTime,
    ) -> impl Future<Output = ()> {
        let _ = (session, expiration);
        async {}
    }

    /// The app had lost the runtime, and has found it again (D5). Nothing is to be done.
    fn did_reconnect(&mut self, gap: &Gap) -> impl Future<Output = ()> {
        let _ = gap;
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
        Event::DidReconnect { gap } => delegate.did_reconnect(&gap).await,
        Event::DidInvalidate { session, end } => delegate.did_invalidate(&session, &end).await,
    }
}
