//! What the tests of the actors share: a runtime with virtual time, in which a logged ERROR fails the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, Message, System};
use tokio::sync::mpsc;
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::supervisor::Outlet;

/// Runs `test` in an actix system whose time is virtual: it goes on only when nothing else is left to do.
pub(crate) fn in_virtual_time<F: Future>(test: F) -> F::Output {
    run(true, test)
}

/// Runs `test` in an actix system with real time, for what happens on threads of its own.
pub(crate) fn in_real_time<F: Future>(test: F) -> F::Output {
    run(false, test)
}

fn run<F: Future>(is_paused: bool, test: F) -> F::Output {
    let log = Log::default();
    let errors = Arc::clone(&log.errors);
    let outcome = tracing::subscriber::with_default(log, || {
        let runtime = move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().start_paused(is_paused).build().expect("a runtime for the test")
        };
        System::with_tokio_rt(runtime).block_on(test)
    });
    assert_eq!(errors.load(Ordering::Relaxed), 0, "an ERROR was logged");
    outcome
}

/// Lets virtual time pass, and everything that is due in it happen.
pub(crate) async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
    settle().await;
}

/// Lets happen what can happen without time passing.
pub(crate) async fn settle() {
    // Each turn runs every task that is ready once; chains of messages in these tests are shorter than this.
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

#[derive(Default)]
struct Log {
    errors: Arc<AtomicUsize>,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        if *event.metadata().level() == Level::ERROR {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// An actor that passes on what it is told.
pub(crate) struct Listener<M> {
    heard: mpsc::UnboundedSender<M>,
}

impl<M: Unpin + 'static> Actor for Listener<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result = ()> + Unpin + 'static> Handler<M> for Listener<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        let _nobody_listens = self.heard.send(message);
    }
}

/// The way to a listener, and what it hears.
pub(crate) fn listener<M>() -> (Outlet<M>, mpsc::UnboundedReceiver<M>)
where
    M: Message<Result = ()> + Send + Unpin + 'static,
{
    let (heard, hears) = mpsc::unbounded_channel();
    let addr: Addr<Listener<M>> = Listener { heard }.start();
    (addr.recipient().into(), hears)
}

/// All that was heard so far.
pub(crate) fn drain<M>(hears: &mut mpsc::UnboundedReceiver<M>) -> Vec<M> {
    std::iter::from_fn(|| hears.try_recv().ok()).collect()
}
