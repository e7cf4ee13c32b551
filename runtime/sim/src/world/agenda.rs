//! What apps and the user will do, by the time at which they do it.

use std::collections::BTreeMap;
use std::time::Duration;

use carpus_core::SessionId;
use carpus_core::session::ExitStatus;

/// What will be done.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// By a process: the app's place, and which of its processes.
    App(usize, u64, Action),
    /// The user stops an alarm that rings still.
    UserStops(SessionId),
    /// The CPU use of a session is read.
    Reading(SessionId),
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Attach,
    Handled(SessionId),
    Notify(SessionId),
    Answer(SessionId, u32),
    Invalidate(SessionId),
    Acknowledge(u64),
    Exit(ExitStatus),
}

#[derive(Debug, Default)]
pub(super) struct Agenda {
    events: BTreeMap<(Duration, u64), Event>,
    entered: u64,
}

impl Agenda {
    pub(super) fn enter(&mut self, at: Duration, event: Event) {
        self.entered += 1;
        self.events.insert((at, self.entered), event);
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn take(&mut self) -> Option<Event> {
        self.events.pop_first().map(|(_, event)| event)
    }

    /// A process is not about to listen any more.
    pub(super) fn forget_attach(&mut self, process: u64) {
        let attaches =
            |event: &Event| matches!(event, Event::App(_, number, Action::Attach) if *number == process);
        self.events.retain(|_, event| !attaches(event));
    }

    /// Only processes do what they were about to do.
    pub(super) fn keep_processes(&mut self) {
        self.events.retain(|_, event| matches!(event, Event::App(..)));
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
    }
}
