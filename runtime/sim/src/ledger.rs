//! What is owed to apps and to the user, and whether they got it: kept apart from the rules' state machine and from
//! the reference, from what came out of the runtime only.

use carpus_core::limits::Extensions;
use carpus_core::session::{Cause, Reason};
use carpus_core::watch::{CallError, Output};
use carpus_core::{AppEvent, SessionId, SessionState};

use crate::counts::{Counts, Happening};
use crate::input::{Answer, Input};

/// All sessions of a run, by number from one.
#[derive(Debug)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    extensions: Extensions,
}

/// What an event was for that takes a session a step further.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// The process of the app at that time.
    pub(crate) process: Option<u64>,
    /// The session runs after it.
    pub(crate) runs: bool,
}

/// What becomes of an alarm that an app rang, when the runtime is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TakenUp {
    No,
    Snoozed,
    Rings,
}

/// One session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// Its app, by its place.
    pub(crate) app: usize,
    /// Made for a recurrence (A10).
    pub(crate) occurrence: bool,
    /// Its start was asked for, and answered: from now on somebody relies on it (A6).
    begun: bool,
    /// The runtime promised an alarm (A6).
    promised: bool,
    /// How many `did_invalidate` are in the journal, and how many the app received.
    ends_written: u32,
    ends_received: u32,
    /// The disk failed it, or the user removed its app: nothing is owed.
    pub(crate) excused: bool,
    will_expire_said: bool,
    /// The process that it was handed to last, and the one that was told last that it runs.
    handed_to: Option<u64>,
    started_in: Option<u64>,
    /// The process that got `handle` last, in this life of the runtime.
    got_handle: Option<u64>,
    /// It rang for the user to hear, in this life or an earlier one.
    rang: bool,
    told_user: bool,
    told_missed: bool,
    /// In any life of the runtime.
    ever_told_missed: bool,
    /// It was suppressed, or its record was lost: its app was told that it will not ring.
    taken_back: bool,
    warned: bool,
    /// The app or the user ended it.
    by_choice: bool,
    /// In this life of the runtime its app asked to ring.
    notified: bool,
    /// In this life of the runtime its app rang, and not the runtime itself.
    app_rang: bool,
    /// It rings, or did and was not silenced.
    pub(crate) loud: bool,
    pub(crate) alert: bool,
    pub(crate) measured: bool,
    /// Its state, as told to onlookers.
    pub(crate) state: Option<SessionState>,
}

impl Entry {
    /// Whether it rings, shows, runs or waits.
    pub(crate) const fn is_live(&self) -> bool {
        let open = matches!(self.state, Some(SessionState::Running | SessionState::Scheduled));
        open || self.loud || self.alert || self.measured
    }

    /// Whether this process was handed the session, or started it.
    pub(crate) fn was_told(&self, process: u64) -> bool {
        self.handed_to == Some(process) || self.started_in == Some(process)
    }

    /// Whether the alert must be shown now (N4, N7).
    pub(crate) const fn wants_alert(&self, app_is_active: bool) -> bool {
        self.loud && (!self.app_rang || !app_is_active)
    }
}

type Checked = Result<(), String>;

fn must(holds: bool, rule: &str, session: SessionId) -> Checked {
    if holds { Ok(()) } else { Err(format!("{rule}: session {session}")) }
}

impl Ledger {
    pub(crate) const fn new(extensions: Extensions) -> Self {
        Self { entries: Vec::new(), extensions }
    }

    /// A number for a new session.
    pub(crate) fn fresh(&mut self, app: usize) -> SessionId {
        self.entries.push(Entry { app, ..Entry::default() });
        SessionId(self.entries.len() as u64)
    }

    pub(crate) fn entry(&self, id: SessionId) -> Option<&Entry> {
        self.entries.get(index(id)?)
    }

    pub(crate) fn entry_mut(&mut self, id: SessionId) -> Option<&mut Entry> {
        self.entries.get_mut(index(id)?)
    }

    pub(crate) fn newest_first(&self) -> impl Iterator<Item = (SessionId, &Entry)> {
        self.entries.iter().enumerate().rev().map(|(index, entry)| (SessionId(index as u64 + 1), entry))
    }

    /// A call was answered, before anything of it was done.
    pub(crate) fn answered(&mut self, input: &Input, answer: &Answer) {
        if let (Input::NotifyUser(_, id, ..), Answer::Call(Ok(()))) = (input, answer)
            && let Some(entry) = self.entry_mut(*id)
        {
            entry.notified |= entry.state == Some(SessionState::Running);
        }
    }

    /// An app got the answer to a start, after all that it led to was on disk (S12, A6).
    pub(crate) fn acknowledged(
        &mut self,
        id: SessionId,
        waits_or_runs: bool,
        alarm: bool,
        counts: &mut Counts,
    ) {
        let Some(entry) = self.entry_mut(id) else { return };
        entry.begun = true;
        counts.add(if waits_or_runs { Happening::SessionsBegun } else { Happening::StartsRefused });
        if alarm && waits_or_runs && !entry.promised {
            entry.promised = true;
            counts.add(Happening::AlarmsAcknowledged);
        }
    }

    /// What could be written no more of a session.
    pub(crate) fn excuse(&mut self, id: SessionId) {
        if let Some(entry) = self.entry_mut(id) {
            entry.excused = true;
        }
    }

    /// The user removed the app: nobody waits for its sessions any more.
    pub(crate) fn excuse_app(&mut self, app: usize) {
        for entry in self.entries.iter_mut().filter(|entry| entry.app == app) {
            entry.excused = true;
        }
    }

    /// The rule of the app was lost by the disk, and with it what waits.
    pub(crate) fn excuse_occurrences(&mut self, app: usize) {
        let waiting = |entry: &&mut Entry| (entry.promised || entry.occurrence) && entry.ends_written == 0;
        for entry in self.entries.iter_mut().filter(|entry| entry.app == app).filter(waiting) {
            entry.excused = true;
        }
    }

    /// The runtime died: nothing is shown, nothing is measured; and nothing rings but what will be taken up, as
    /// `taken_up` says.
    pub(crate) fn crashed(&mut self, taken_up: impl Fn(usize, SessionId) -> TakenUp) {
        for (index, entry) in self.entries.iter_mut().enumerate() {
            let ring = taken_up(entry.app, SessionId(index as u64 + 1));
            entry.loud = ring == TakenUp::Rings;
            entry.alert = false;
            entry.got_handle = None;
            entry.measured = false;
            entry.notified &= ring != TakenUp::No;
            entry.app_rang = entry.loud;
            entry.state = None;
            entry.told_missed = false;
            entry.warned = false;
        }
    }

    /// The runtime does something.
    pub(crate) fn observe(&mut self, output: &Output, counts: &mut Counts) -> Checked {
        match output {
            Output::Measure { session, .. } => self.measured(*session),
            Output::StopMeasuring { session } => {
                if let Some(entry) = self.entry_mut(*session) {
                    entry.measured = false; // in any case, after a restart as well
                }
                Ok(())
            }
            Output::Ring { session, .. } => self.rings(*session, counts),
            Output::Silence { session } => self.entry_mut(*session).map_or(Ok(()), |entry| {
                let was = std::mem::replace(&mut entry.loud, false);
                must(was, "N3: silenced twice", *session)
            }),
            Output::ShowAlert { session, .. } => {
                counts.add(Happening::Alerts);
                self.alert(*session, true)
            }
            Output::ClearAlert { session, .. } => self.alert(*session, false),
            Output::TellMissed { session, .. } => self.missed(*session, counts),
            Output::WarnSilent { session, .. } => self.warned(*session, counts),
            Output::SessionStateChanged { session, state, .. } => {
                if let Some(entry) = self.entry_mut(*session) {
                    entry.state = Some(*state);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn measured(&mut self, id: SessionId) -> Checked {
        let Some(entry) = self.entry_mut(id) else { return Ok(()) };
        let was = std::mem::replace(&mut entry.measured, true);
        must(!was, "C1: measured twice at once", id)
    }

    fn rings(&mut self, id: SessionId, counts: &mut Counts) -> Checked {
        let fallback = self.extensions.fallback;
        let Some(entry) = self.entry_mut(id) else { return Ok(()) };
        must(!entry.by_choice || entry.excused, "N3: it rings after its app or the user ended it", id)?;
        let by_app = entry.notified && entry.state == Some(SessionState::Running);
        must(by_app || fallback, "N7: a fallback alarm although it is off", id)?;
        must(by_app || !entry.app_rang, "N7: a fallback alarm although the app rang", id)?;
        entry.app_rang = by_app;
        if !entry.loud {
            counts.add(if by_app { Happening::RungByApp } else { Happening::RungByFallback });
        }
        entry.loud = true;
        entry.rang = true;
        Ok(())
    }

    fn alert(&mut self, id: SessionId, on: bool) -> Checked {
        let Some(entry) = self.entry_mut(id) else { return Ok(()) };
        let was = std::mem::replace(&mut entry.alert, on);
        must(was != on, "N4: an alert is shown and cleared in turn", id)
    }

    fn missed(&mut self, id: SessionId, counts: &mut Counts) -> Checked {
        counts.add(Happening::ToldMissed);
        let Some(entry) = self.entry_mut(id) else { return Ok(()) };
        let before = std::mem::replace(&mut entry.told_missed, true);
        entry.told_user = true;
        entry.ever_told_missed = true;
        must(!before, "A7: told twice that it was missed", id)
    }

    fn warned(&mut self, id: SessionId, counts: &mut Counts) -> Checked {
        counts.add(Happening::WarnedSilent);
        let Some(entry) = self.entry_mut(id) else { return Ok(()) };
        let before = std::mem::replace(&mut entry.warned, true);
        entry.told_user = true;
        must(!before, "N6: warned twice", id)
    }

    /// An event is on disk.
    pub(crate) fn written(&mut self, event: &AppEvent, step: Option<Step>, counts: &mut Counts) -> Checked {
        counts.add(Happening::EventsSent);
        let Some(id) = crate::compare::session_of_event(event) else { return Ok(()) };
        let strict = !self.extensions.causes;
        let Some(entry) = self.entry_mut(id) else { return Ok(()) };
        must(entry.ends_written == 0, "S4: an event follows did_invalidate", id)?;
        match event {
            AppEvent::Handle { .. } => {
                let runs = step.is_some_and(|step| step.runs);
                let process = step.and_then(|step| step.process);
                must(process.is_some(), "A4: handed over to nobody", id)?;
                must(entry.handed_to != process, "A4: handed over twice to one process", id)?;
                entry.handed_to = process;
                entry.started_in = None;
                entry.will_expire_said &= runs; // it is the same time that runs on (S14)
                counts.add(if runs { Happening::HandedAgain } else { Happening::HandedOver });
            }
            AppEvent::DidStart { .. } => {
                let process = step.and_then(|step| step.process);
                must(process.is_some() && entry.started_in != process, "S4: did_start comes twice", id)?;
                entry.started_in = process;
            }
            AppEvent::WillExpire { .. } => {
                must(!entry.will_expire_said, "S4: will_expire comes twice", id)?;
                entry.will_expire_said = true;
            }
            AppEvent::DidInvalidate { end, .. } => {
                entry.ends_written += 1;
                counts.add(Happening::SessionsEnded);
                entry.by_choice = matches!(
                    end.cause,
                    Some(Cause::AppInvalidated | Cause::UserStoppedAlarm | Cause::DisabledByUser)
                );
                entry.by_choice |= strict && end.reason == Reason::None;
                match end.cause {
                    Some(Cause::LowBattery | Cause::Overheated) => counts.add(Happening::Suppressed),
                    Some(Cause::NotSaved) => {
                        entry.taken_back = true;
                        counts.add(Happening::NotSaved);
                    }
                    _ => {}
                }
            }
            AppEvent::StateChanged { .. } | AppEvent::RepeatAsked { .. } => {}
        }
        Ok(())
    }

    /// An app got an event, for the first time.
    pub(crate) fn received(
        &mut self,
        event: &AppEvent,
        process: Option<u64>,
        counts: &mut Counts,
    ) -> Checked {
        counts.add(Happening::EventsDelivered);
        let Some(id) = crate::compare::session_of_event(event) else { return Ok(()) };
        let Some(entry) = self.entry_mut(id) else { return Ok(()) };
        must(entry.ends_received == 0, "D1: an app received something after did_invalidate", id)?;
        match event {
            AppEvent::Handle { .. } if process.is_some() => {
                must(entry.got_handle != process, "S14: one process is told twice to handle", id)?;
                entry.got_handle = process;
            }
            AppEvent::DidInvalidate { .. } => entry.ends_received += 1,
            _ => {}
        }
        Ok(())
    }

    /// The user stopped a session that may be over: it rings no more.
    pub(crate) fn stopped(&mut self, id: SessionId) {
        if let Some(entry) = self.entry_mut(id) {
            entry.by_choice = true;
            entry.told_user = true;
        }
    }

    /// A session that made it onto the disk for a recurrence: a promise, though nobody asked.
    pub(crate) fn promised(&mut self, id: SessionId, counts: &mut Counts) {
        if let Some(entry) = self.entry_mut(id)
            && !entry.promised
        {
            counts.add(Happening::Occurrences);
            entry.promised = true;
            entry.begun = true;
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (SessionId, &Entry)> {
        self.entries.iter().enumerate().map(|(index, entry)| (SessionId(index as u64 + 1), entry))
    }

    /// At the end of a run nothing is owed to anyone.
    pub(crate) fn check_settled(&self) -> Checked {
        for (id, entry) in self.entries() {
            must(!entry.loud && !entry.alert && !entry.measured, "N3: it goes on at the end of the run", id)?;
            if entry.excused {
                continue;
            }
            must(!entry.begun || entry.ends_written == 1, "S4: it never ended", id)?;
            must(entry.ends_received == entry.ends_written, "D1: its end never reached the app", id)?;
            let silent = self.extensions.fallback && entry.promised;
            let heard = entry.rang || entry.ever_told_missed || entry.by_choice || entry.taken_back;
            must(!silent || heard, "A6: an acknowledged alarm neither rang nor was the user told", id)?;
        }
        Ok(())
    }
}

fn index(id: SessionId) -> Option<usize> {
    usize::try_from(id.0.checked_sub(1)?).ok()
}

/// Whether a call that makes a start was answered so that the session has begun, or its start failed (S4).
pub(crate) const fn begins(answer: &Answer) -> bool {
    matches!(answer, Answer::Call(Ok(()) | Err(CallError::StartFailed(_))))
}
