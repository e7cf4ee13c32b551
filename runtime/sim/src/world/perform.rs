//! The runtime's hands: what the rules want done is done to processes, the disk, the schedule and the user.

use std::time::Duration;

use carpus_core::budget::Budget;
use carpus_core::watch::Output;
use carpus_core::{AppEvent, AppId, RecordedPhase, SessionId, SessionKind};

use super::agenda::Event;
use super::disk::Write;
use super::{Done, Halt, World};
use crate::counts::Happening;
use crate::history::Behaviour;
use crate::input::Input;
use crate::ledger::Step;

/// How often the CPU use of a session is read.
const READING_INTERVAL: Duration = Duration::from_secs(5);
/// What a greedy app uses from one reading to the next.
const GREED: Duration = Duration::from_millis(2000);

impl World<'_> {
    /// Does one thing, unless the runtime dies before it.
    pub(super) fn perform(&mut self, output: &Output) -> Done {
        self.burn_fuse()?;
        self.ledger.observe(output, &mut self.counts)?;
        match output {
            Output::Launch { app } => self.of_process(app, |world, app| {
                if world.apps[app].process.is_some() {
                    return Err(Halt::Broken("L1: launched while it lives".to_owned()));
                }
                world.launch(app);
                Ok(())
            }),
            Output::Freeze { app } => self.of_process(app, |world, app| world.freeze(app, true)),
            Output::Thaw { app } => self.of_process(app, |world, app| world.freeze(app, false)),
            Output::EndProcess { app } => self.of_process(app, World::tell_to_leave),
            Output::Kill { app } => self.of_process(app, |world, app| {
                world.kill(app);
                Ok(())
            }),
            Output::Arm { session, at } => {
                self.schedule.handle_arm(*session, *at);
                self.armed.insert(*session, *at);
                Ok(())
            }
            Output::Disarm { session } => {
                self.schedule.handle_disarm(*session);
                self.armed.remove(session);
                Ok(())
            }
            Output::Measure { session, app, kind } => {
                self.measure(*session, app, *kind);
                Ok(())
            }
            Output::StopMeasuring { session } => {
                self.budgets.remove(session);
                Ok(())
            }
            Output::ShowAlert { session, .. } => {
                if let Some(patience_ms) = self.history.user_stops_ms {
                    let at = self.now.since_boot + Duration::from_millis(patience_ms);
                    self.agenda.enter(at, Event::UserStops(*session));
                }
                Ok(())
            }
            Output::WantOccurrence { app } => {
                self.give_occurrence(app);
                Ok(())
            }
            _ => self.perform_write(output),
        }
    }

    fn of_process(&mut self, app: &AppId, change: impl FnOnce(&mut Self, usize) -> Done) -> Done {
        match self.index_of(app) {
            Some(index) => change(self, index),
            None => Err(Halt::Broken(format!("something is done to {app}, which is no app"))),
        }
    }

    /// A number for an occurrence comes from the disk.
    fn give_occurrence(&mut self, app: &AppId) {
        if let Some(index) = self.index_of(app).filter(|_| !self.disk.full) {
            let id = self.fresh_occurrence(index);
            self.follow_ups.push_back(Input::Occurrence(app.clone(), id));
        }
    }

    fn measure(&mut self, session: SessionId, app: &AppId, _: SessionKind) {
        let greedy = |index: usize| self.apps[index].behaviour == Behaviour::Greedy;
        if self.index_of(app).is_some_and(greedy) {
            let mut budget = Budget::new(&self.limits);
            budget.handle_reading(Duration::ZERO, self.now.since_boot);
            self.budgets.insert(session, (budget, Duration::ZERO));
            self.agenda.enter(self.now.since_boot + READING_INTERVAL, Event::Reading(session));
        }
    }

    /// The CPU use of a session is read, and read again, until its allowance is spent.
    pub(super) fn read_cpu(&mut self, session: SessionId) -> Done {
        let since_boot = self.now.since_boot;
        let Some((budget, used)) = self.budgets.get_mut(&session) else { return Ok(()) };
        *used += GREED;
        let spending = budget.handle_reading(*used, since_boot);
        if spending.is_over() {
            self.counts.add(Happening::BudgetsSpent);
            return self.tell(&Input::BudgetSpent(session, spending.used, spending.limit)).map(drop);
        }
        self.agenda.enter(since_boot + READING_INTERVAL, Event::Reading(session));
        Ok(())
    }

    fn perform_write(&mut self, output: &Output) -> Done {
        let write = match output {
            Output::Deliver { app, event: event @ AppEvent::RepeatAsked { .. } } => {
                self.must_get_cpu(app)?;
                Write::Append(app.clone(), event.clone())
            }
            Output::Deliver { app, event } => Write::Append(app.clone(), event.clone()),
            Output::Advance { app, event, record } => {
                if let AppEvent::Handle { .. } = event {
                    self.must_get_cpu(app)?;
                }
                let process = self.index_of(app).and_then(|index| self.apps[index].process.as_ref());
                let process = process.map(|process| process.generation);
                Write::Advance(app.clone(), event.clone(), record.clone(), process)
            }
            Output::Conclude { app, event, session, keep } => {
                Write::Conclude(app.clone(), event.clone(), *session, keep.clone())
            }
            Output::Save(record) => Write::Save(record.clone()),
            Output::Forget { session } => Write::Forget(*session),
            Output::SaveRecurrence(record) => Write::SaveRecurrence(record.clone()),
            Output::ForgetRecurrence { app } => Write::ForgetRecurrence(app.clone()),
            _ => return Ok(()),
        };
        self.order(write);
        Ok(())
    }

    /// Only a process that is there and not frozen is called (L5).
    fn must_get_cpu(&self, app: &AppId) -> Done {
        let process = self.index_of(app).and_then(|index| self.apps[index].process.as_ref());
        match process {
            Some(process) if !process.frozen => Ok(()),
            Some(_) => Err(Halt::Broken(format!("L5: {app} is called while it is frozen"))),
            None => Err(Halt::Broken(format!("L1: {app} is called without a process"))),
        }
    }

    /// A write will be done in its turn.
    pub(super) fn order(&mut self, write: Write) {
        let last = self.disk.pending.back().map_or(Duration::ZERO, |(at, _)| *at);
        let takes = if write.is_durable() { self.disk.latency } else { Duration::ZERO };
        let at = self.now.since_boot.max(last) + takes;
        self.disk.pending.push_back((at, write));
    }

    /// On a quick disk what was ordered is done as soon as the step is over.
    pub(super) fn flush(&mut self) -> Done {
        while self.disk.pending.front().is_some_and(|(at, _)| *at <= self.now.since_boot) {
            self.write_next()?;
        }
        Ok(())
    }

    /// The next write is done, unless the runtime dies before it.
    pub(super) fn write_next(&mut self) -> Done {
        if self.disk.pending.front().is_some_and(|(_, write)| write.is_durable()) {
            self.burn_fuse()?;
        }
        let next = self.disk.pending.pop_front();
        next.map_or(Ok(()), |(_, write)| self.complete(write))
    }

    /// A write is done, or fails.
    pub(super) fn complete(&mut self, write: Write) -> Done {
        if self.disk.full && write.is_durable() {
            self.fail(&write);
            return Ok(());
        }
        self.disk.keep(&write);
        match write {
            Write::Append(app, event) | Write::Conclude(app, event, ..) => self.append(&app, event, None),
            Write::Advance(app, event, record, process) => {
                self.follow_ups.push_back(Input::Saved(record.session));
                let runs = matches!(record.phase, RecordedPhase::Running { .. });
                self.append(&app, event, Some(Step { process, runs }))
            }
            Write::Save(record) => {
                self.follow_ups.push_back(Input::Saved(record.session));
                self.promise_occurrence(record.session);
                Ok(())
            }
            Write::Answer(session, alarm) => {
                self.acknowledge(session, alarm);
                Ok(())
            }
            Write::Stopped(session) => {
                if !self.disk.unwritten.contains(&session) {
                    self.ledger.stopped(session);
                }
                Ok(())
            }
            Write::Forget(_) | Write::SaveRecurrence(_) | Write::ForgetRecurrence(_) => Ok(()),
        }
    }

    fn fail(&mut self, write: &Write) {
        self.counts.add(Happening::WritesFailed);
        self.disk.fail(write);
        match write {
            Write::Save(record) => self.follow_ups.push_back(Input::NotSaved(record.session)),
            Write::SaveRecurrence(record) => {
                self.follow_ups.push_back(Input::RecurrenceNotSaved(record.app.clone()));
            }
            _ => {}
        }
    }

    /// The runtime dies, and with it what failed and was to be tried again: nothing is owed for what never was on disk.
    pub(super) fn give_up_kept(&mut self) {
        for session in self.disk.give_up_kept() {
            self.ledger.excuse(session);
        }
    }

    fn append(&mut self, app: &AppId, event: AppEvent, step: Option<Step>) -> Done {
        let Some(index) = self.index_of(app).filter(|index| self.apps[*index].installed) else {
            return Ok(());
        };
        if let AppEvent::Handle { session, .. } = event {
            let void = self.disk.journals[index].supersede(session);
            let phone = &mut self.apps[index];
            if let Some(process) = &mut phone.process {
                process.forget_mail(&void);
            }
            let lost = void.iter().filter(|number| **number > phone.received).count();
            (0..lost).for_each(|_| self.counts.add(Happening::EventsSuperseded));
        }
        let sequence = event.is_durable().then(|| self.disk.journals[index].append(event.clone()));
        if sequence.is_some() {
            self.ledger.written(&event, step, &mut self.counts)?;
        }
        self.deliver(index, sequence, event)
    }
}
