//! What apps ask of the runtime in a history.

use carpus_core::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use carpus_core::watch::Repeat;
use carpus_core::{Haptic, RecordedPhase, SessionId, SessionState};
use jiff::civil::{Time, Weekday};

use super::disk::Write;
use super::{Done, World};
use crate::counts::Happening;
use crate::history::{Every, Step, When};
use crate::input::{Answer, Input};
use crate::ledger::begins;
use crate::zones;

impl World<'_> {
    pub(super) fn call(&mut self, step: Step) -> Done {
        let app = match step {
            Step::Create(app, _)
            | Step::Start(app, _)
            | Step::StartAt(app, ..)
            | Step::Replace(app, ..)
            | Step::Invalidate(app, _)
            | Step::Handled(app, _)
            | Step::Notify(app, ..)
            | Step::Answer(app, ..)
            | Step::CanStart(app, ..)
            | Step::SetRecurrence(app, ..)
            | Step::ClearRecurrence(app) => self.index(app),
            _ => return Ok(()),
        };
        let id = self.id(app);
        let own = |which| self.which(which, Some(app));
        let input = match step {
            Step::Create(_, kind) => Input::Create(id, self.ledger.fresh(app), kind),
            Step::Start(_, which) => return self.begin_session(Input::Start(id, own(which))),
            Step::StartAt(_, which, when) => {
                return self.begin_session(Input::StartAt(id, own(which), self.when(when)));
            }
            Step::Replace(_, which, when) => {
                return self.begin_session(Input::Replace(id, own(which), self.when(when)));
            }
            Step::Invalidate(_, which) => Input::Invalidate(id, own(which)),
            Step::Handled(_, which) => Input::Handled(id, own(which)),
            Step::Notify(_, which, haptic, every) => {
                Input::NotifyUser(id, own(which), haptic_of(haptic), repeat_of(every))
            }
            Step::Answer(_, which, played, ms) => Input::Repeat(id, own(which), played, ms, None),
            Step::CanStart(_, kind, when) => {
                Input::CanStart(id, kind, when.map(|when: When| self.when(when)))
            }
            Step::SetRecurrence(_, days, minute, zone) => {
                Input::SetRecurrence(id, rule_of(days, minute, zone))
            }
            _ => Input::ClearRecurrence(id),
        };
        self.tell(&input).map(drop)
    }

    /// A start: it has begun when it is answered, after all of it is on disk (A6).
    fn begin_session(&mut self, input: Input) -> Done {
        let (id, alarm, replaces) = match &input {
            Input::Start(_, id) => (*id, false, false),
            Input::StartAt(_, id, _) => (*id, true, false),
            Input::Replace(_, id, _) => (*id, true, true),
            _ => return Ok(()),
        };
        let answer = self.tell(&input)?;
        if !begins(&answer) {
            return Ok(());
        }
        if replaces && answer == Answer::Call(Ok(())) {
            self.counts.add(Happening::Replaced);
        }
        self.order(Write::Answer(id, alarm));
        self.flush()
    }

    pub(super) fn acknowledge(&mut self, id: SessionId, alarm: bool) {
        let Some(entry) = self.ledger.entry(id) else { return };
        let app = &self.ids[entry.app];
        let state = self.core.session(app, id).map(|view| view.state);
        let open = matches!(state, Some(SessionState::Scheduled | SessionState::Running));
        self.ledger.acknowledged(id, open, alarm, &mut self.counts);
    }

    /// A number for an occurrence.
    pub(super) fn fresh_occurrence(&mut self, app: usize) -> SessionId {
        let id = self.ledger.fresh(app);
        if let Some(entry) = self.ledger.entry_mut(id) {
            entry.occurrence = true;
        }
        id
    }

    /// The next session of a recurrence is on disk: from now on the user relies on it (A10).
    pub(super) fn promise_occurrence(&mut self, id: SessionId) {
        let waits = |phase| matches!(phase, RecordedPhase::Scheduled { .. });
        let on_disk = self.disk.records.get(&id).is_some_and(|record| waits(record.phase));
        if on_disk && self.ledger.entry(id).is_some_and(|entry| entry.occurrence) {
            self.ledger.promised(id, &mut self.counts);
        }
    }
}

fn haptic_of(number: u8) -> Haptic {
    Haptic::ALL[usize::from(number) % Haptic::ALL.len()]
}

const fn repeat_of(every: Every) -> Repeat {
    match every {
        Every::Default => Repeat::Default,
        Every::Ask => Repeat::Ask,
        Every::Ms(ms) => Repeat::EveryMs(ms),
    }
}

fn rule_of(days: u8, minute: u16, zone: Option<u8>) -> Recurrence {
    let week = Weekday::Monday.cycle_forward().take(7).enumerate();
    let chosen: Vec<_> = week.filter(|(bit, _)| days >> bit & 1 == 1).map(|(_, day)| day).collect();
    let (hour, minute) = (minute / 60 % 24, minute % 60);
    let part = |value| i8::try_from(value).unwrap_or(0);
    let time = Time::new(part(hour), part(minute), 0, 0).expect("the hour is below 24, the minute below 60");
    let zone = zone.map_or(RecurrenceZone::Board, |zone| RecurrenceZone::Named(zones::zone(zone).clone()));
    Recurrence { weekdays: Weekdays::of(&chosen), time, zone }
}
