//! Who is told an app's events.

use std::collections::BTreeMap;

use carpus_core::{AppEvent, AppId};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

/// An event on its way to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number, to be acknowledged; none for an event that is not durable.
    pub sequence: Option<u64>,
    /// The event.
    pub event: AppEvent,
}

/// A subscriber per app.
#[derive(Default)]
pub(super) struct Subscriptions {
    sinks: BTreeMap<AppId, Sender<Delivery>>,
}

impl Subscriptions {
    /// Replaces the subscriber of `app`, and gives the new one what waits for it.
    pub(super) fn replace(&mut self, app: &AppId, sink: Sender<Delivery>, waiting: Vec<Delivery>) {
        self.sinks.insert(app.clone(), sink);
        for delivery in waiting {
            self.deliver(app, delivery);
        }
    }

    /// Gives `delivery` to the subscriber of `app`, if there is one that takes it; whether there is. One that has no room is cut off; it subscribes
    /// again, and loses nothing durable.
    pub(super) fn deliver(&mut self, app: &AppId, delivery: Delivery) -> bool {
        let Some(sink) = self.sinks.get(app) else { return false };
        match sink.try_send(delivery) {
            Ok(()) => return true,
            Err(TrySendError::Full(_)) => {
                tracing::warn!(%app, "does not take its events; its stream is cut off");
                self.sinks.remove(app);
            }
            Err(TrySendError::Closed(_)) => self.remove(app),
        }
        false
    }

    pub(super) fn remove(&mut self, app: &AppId) {
        self.sinks.remove(app);
    }
}
