//! Which stream of events is an app's newest: one that another took over ends for good, one that was only cut off is
//! asked for again (D5).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use carpus_core::AppId;

/// The streams of all apps, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct EventStreams(Rc<RefCell<BTreeMap<AppId, u64>>>);

/// One of them.
#[derive(Debug)]
pub(super) struct EventStream {
    streams: EventStreams,
    app: AppId,
    number: u64,
}

impl EventStreams {
    /// The next one of this app.
    pub(super) fn begin(&self, app: &AppId) -> EventStream {
        let mut streams = self.0.borrow_mut();
        let number = streams.entry(app.clone()).or_default();
        *number += 1;
        EventStream { streams: self.clone(), app: app.clone(), number: *number }
    }
}

impl EventStream {
    /// Whether the app has asked for its events anew since.
    pub(super) fn is_replaced(&self) -> bool {
        self.streams.0.borrow().get(&self.app).is_some_and(|newest| *newest > self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_newer_stream_of_the_same_app_replaces_one() {
        let (streams, app) = (EventStreams::default(), |id| AppId::parse(id).unwrap());
        let first = streams.begin(&app("breathe"));
        let other = streams.begin(&app("other"));
        assert!(!first.is_replaced());
        let second = streams.begin(&app("breathe"));
        assert!(first.is_replaced() && !second.is_replaced() && !other.is_replaced());
    }
}
