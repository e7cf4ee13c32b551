//! Whether the rules' state machine and the reference do the same.
//!
//! What they do is held side by side as streams, each of one app or one session: what an app goes through, what is
//! on disk and told to the user, what can be heard and seen, and so on. Within a stream the order counts; the order
//! between streams is free, for nobody can tell it.

use carpus_core::watch::Output;
use carpus_core::{AppEvent, AppId, SessionId};

/// A kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// What an app goes through: its process, and what it is told.
    App,
    /// An app's state, as onlookers see it.
    AppState,
    /// An app's recurrence.
    Recurrence,
    /// What is written of a session, and what the user must be told before it is forgotten.
    Record,
    /// What is heard and seen of a session.
    Alarm,
    /// What is logged of a session.
    Log,
    /// A session's CPU budget.
    Budget,
    /// A session's state, as onlookers see it.
    SessionState,
}

/// What is different, if anything is.
pub fn outputs(core: &[Output], reference: &[Output]) -> Option<String> {
    if core == reference {
        return None;
    }
    let counted = |outputs: &[Output]| outputs.iter().filter(|output| !streams_of(output).is_empty()).count();
    let same = counted(core) == counted(reference)
        && core.iter().chain(reference).all(|output| same_streams(output, core, reference));
    (!same).then(|| format!("core:{}\nreference:{}", list(core), list(reference)))
}

fn same_streams(output: &Output, core: &[Output], reference: &[Output]) -> bool {
    streams_of(output).iter().all(|stream| {
        let in_stream =
            |other: &&Output| streams_of(other).contains(stream) && same_subject(*stream, output, other);
        core.iter().filter(in_stream).eq(reference.iter().filter(in_stream))
    })
}

fn same_subject(stream: Stream, one: &Output, other: &Output) -> bool {
    match stream {
        Stream::App | Stream::AppState | Stream::Recurrence => app_of(one) == app_of(other),
        Stream::Record | Stream::Alarm | Stream::Log | Stream::Budget | Stream::SessionState => {
            session_of(one) == session_of(other)
        }
    }
}

/// Outputs, one a line.
pub fn list(outputs: &[Output]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for output in outputs {
        write!(text, "\n    {output:?}").ok();
    }
    text
}

const fn streams_of(output: &Output) -> &'static [Stream] {
    match output {
        Output::Launch { .. }
        | Output::Freeze { .. }
        | Output::Thaw { .. }
        | Output::EndProcess { .. }
        | Output::Kill { .. }
        | Output::Deliver { .. } => &[Stream::App],
        Output::Advance { .. } | Output::Conclude { .. } => &[Stream::App, Stream::Record],
        Output::AppStateChanged { .. } => &[Stream::AppState],
        Output::SaveRecurrence(_) | Output::ForgetRecurrence { .. } | Output::WantOccurrence { .. } => {
            &[Stream::Recurrence]
        }
        Output::Save(_) | Output::Forget { .. } | Output::TellMissed { .. } | Output::WarnSilent { .. } => {
            &[Stream::Record]
        }
        Output::Ring { .. } => &[Stream::Record, Stream::Alarm],
        Output::Silence { .. } | Output::ShowAlert { .. } | Output::ClearAlert { .. } => &[Stream::Alarm],
        Output::IntervalChanged { .. } => &[Stream::Log],
        // To arm again what is armed, or disarm what came due, changes nothing. What is armed is compared after each
        // step.
        Output::Arm { .. } | Output::Disarm { .. } => &[],
        Output::Measure { .. } | Output::StopMeasuring { .. } => &[Stream::Budget],
        Output::SessionStateChanged { .. } => &[Stream::SessionState],
    }
}

fn app_of(output: &Output) -> Option<&AppId> {
    match output {
        Output::Launch { app }
        | Output::Freeze { app }
        | Output::Thaw { app }
        | Output::EndProcess { app }
        | Output::Kill { app }
        | Output::Deliver { app, .. }
        | Output::Advance { app, .. }
        | Output::Conclude { app, .. }
        | Output::ForgetRecurrence { app }
        | Output::WantOccurrence { app }
        | Output::Measure { app, .. }
        | Output::Ring { app, .. }
        | Output::ShowAlert { app, .. }
        | Output::ClearAlert { app, .. }
        | Output::TellMissed { app, .. }
        | Output::WarnSilent { app, .. }
        | Output::AppStateChanged { app, .. }
        | Output::SessionStateChanged { app, .. } => Some(app),
        Output::Save(record) => Some(&record.app),
        Output::SaveRecurrence(record) => Some(&record.app),
        Output::Forget { .. }
        | Output::Arm { .. }
        | Output::Disarm { .. }
        | Output::StopMeasuring { .. }
        | Output::Silence { .. }
        | Output::IntervalChanged { .. } => None,
    }
}

pub(crate) fn session_of(output: &Output) -> Option<SessionId> {
    match output {
        Output::Save(record) | Output::Advance { record, .. } => Some(record.session),
        Output::Deliver { event, .. } => session_of_event(event),
        Output::Conclude { session, .. }
        | Output::Forget { session }
        | Output::Arm { session, .. }
        | Output::Disarm { session }
        | Output::Measure { session, .. }
        | Output::StopMeasuring { session }
        | Output::Ring { session, .. }
        | Output::Silence { session }
        | Output::ShowAlert { session, .. }
        | Output::ClearAlert { session, .. }
        | Output::IntervalChanged { session, .. }
        | Output::TellMissed { session, .. }
        | Output::WarnSilent { session, .. }
        | Output::SessionStateChanged { session, .. } => Some(*session),
        Output::Launch { .. }
        | Output::Freeze { .. }
        | Output::Thaw { .. }
        | Output::EndProcess { .. }
        | Output::Kill { .. }
        | Output::SaveRecurrence(_)
        | Output::ForgetRecurrence { .. }
        | Output::WantOccurrence { .. }
        | Output::AppStateChanged { .. } => None,
    }
}

pub(crate) fn session_of_event(event: &AppEvent) -> Option<SessionId> {
    match event {
        AppEvent::StateChanged { .. } => None,
        AppEvent::Handle { session, .. }
        | AppEvent::DidStart { session, .. }
        | AppEvent::WillExpire { session, .. }
        | AppEvent::DidInvalidate { session, .. }
        | AppEvent::RepeatAsked { session, .. } => Some(*session),
    }
}
