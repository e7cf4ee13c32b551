//! The runtime of the world: every input goes to the rules' state machine and to the reference, and what comes out
//! is compared, and done.

use std::fmt::Write as _;

use carpus_core::watch::{Output, Watch};
use carpus_core::{AppEvent, Now};

use super::{Done, Halt, World};
use crate::compare;
use crate::counts::Happening;
use crate::input::{Answer, Input};

impl World<'_> {
    /// One input, and what follows from it at once.
    pub(super) fn tell(&mut self, input: &Input) -> Result<Answer, Halt> {
        let answer = self.tell_one(input)?;
        while let Some(next) = self.follow_ups.pop_front() {
            self.tell_one(&next)?;
        }
        Ok(answer)
    }

    fn tell_one(&mut self, input: &Input) -> Result<Answer, Halt> {
        self.counts.add(Happening::Inputs);
        let answer = drive(&mut self.core, input, self.now);
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.extend(std::iter::from_fn(|| self.core.poll_output()));
        if let Some(trace) = &mut self.trace {
            let (at, wall) = (self.now.since_boot, self.now.wall.unix_ms());
            writeln!(trace, "{at:?} {wall}: {input:?} -> {answer:?}{}", compare::list(&outputs)).ok();
        }
        let (expected, wanted) = self.reference.apply(input, self.now);
        if answer != expected {
            let what = format!("answers differ: {input:?}\ncore: {answer:?}\nreference: {expected:?}");
            return Err(Halt::Broken(what));
        }
        if let Some(difference) = compare::outputs(&outputs, &wanted) {
            return Err(Halt::Broken(format!("outputs differ: {input:?} at {:?}\n{difference}", self.now)));
        }
        self.compare_timeouts(input)?;
        self.compare_standing(input)?;
        self.ledger.answered(input, &answer);
        self.count(input, &outputs);
        let done = self.do_and_note(&outputs);
        outputs.clear();
        self.outputs = outputs;
        done.and_then(|()| self.flush()).map(|()| answer)
    }

    /// The shell notes what holds until the board reboots; then it does what a step asks for, in order. What is to be
    /// written is only ordered.
    fn do_and_note(&mut self, outputs: &[Output]) -> Done {
        self.note()?;
        outputs.iter().try_for_each(|output| self.perform(output))
    }

    fn note(&mut self) -> Done {
        let standing = self.core.standing();
        if self.taken_up && self.standing.as_ref() != Some(&standing) {
            self.burn_fuse()?;
            self.standing = Some(standing);
        }
        Ok(())
    }

    fn count(&mut self, input: &Input, outputs: &[Output]) {
        let again =
            |output: &&Output| matches!(output, Output::Advance { event: AppEvent::Handle { .. }, .. });
        if let Input::Exited(..) = input {
            let relaunches = outputs.iter().filter(again).count();
            (0..relaunches).for_each(|_| self.counts.add(Happening::Relaunches));
        }
    }

    fn compare_standing(&self, input: &Input) -> Done {
        let (core, reference) = (self.core.standing(), self.reference.standing());
        if core == reference {
            return Ok(());
        }
        Err(Halt::Broken(format!(
            "standings differ: after {input:?}\ncore: {core:?}\nreference: {reference:?}"
        )))
    }

    fn compare_timeouts(&mut self, input: &Input) -> Done {
        let core = self.core.poll_timeout();
        let reference = self.reference.poll_timeout();
        if core.map(|(at, _)| at) != reference {
            let what = format!("timeouts differ: after {input:?}\ncore: {core:?}\nreference: {reference:?}");
            return Err(Halt::Broken(what));
        }
        let stuck = core.is_some_and(|(at, _)| at <= self.now.since_boot);
        if stuck && *input == Input::Timeout {
            return Err(Halt::Broken(format!("a timer stays: {core:?} at {:?}", self.now)));
        }
        Ok(())
    }
}

/// Gives an input to the rules' state machine.
pub(super) fn drive(watch: &mut Watch, input: &Input, now: Now) -> Answer {
    match input {
        Input::CanStart(app, kind, at) => Answer::Obstacles(watch.can_start(app, *kind, *at, now)),
        Input::NotSaved(id) => Answer::Lost(watch.handle_not_saved(*id, now)),
        _ => match call(watch, input, now) {
            Some(answer) => Answer::Call(answer),
            None => {
                report(watch, input, now);
                Answer::None
            }
        },
    }
}

/// What is answered.
fn call(watch: &mut Watch, input: &Input, now: Now) -> Option<Result<(), carpus_core::watch::CallError>> {
    Some(match input {
        Input::Removed(app) => watch.handle_removed(app, now),
        Input::Rights(app, rights) => watch.handle_rights(app, *rights, now),
        Input::Open(app) => watch.handle_open(app, now),
        Input::Close(app) => watch.handle_close(app, now),
        Input::StopAlarm(id) => watch.stop_alarm(*id, now),
        Input::OpenAlarm(id) => watch.open_alarm(*id, now),
        Input::Snooze(id, span) => watch.snooze_alarm(*id, *span, now),
        Input::Create(app, id, kind) => watch.create(app, *id, *kind),
        Input::Start(app, id) => watch.start(app, *id, now),
        Input::StartAt(app, id, at) => watch.start_at(app, *id, *at, now),
        Input::Replace(app, id, at) => watch.replace(app, *id, *at, now),
        Input::Invalidate(app, id) => watch.invalidate(app, *id, now),
        Input::Handled(app, id) => watch.handle_handled(app, *id, now),
        Input::NotifyUser(app, id, haptic, repeat) => watch.notify_user(app, *id, *haptic, *repeat, now),
        Input::Repeat(app, id, played, interval_ms, haptic) => {
            watch.handle_repeat(app, *id, *played, *interval_ms, *haptic)
        }
        Input::SetRecurrence(app, rule) => watch.set_recurrence(app, rule.clone(), now),
        Input::ClearRecurrence(app) => watch.clear_recurrence(app, now),
        _ => return None,
    })
}

/// What is not.
fn report(watch: &mut Watch, input: &Input, now: Now) {
    match input {
        Input::Installed(application) => watch.handle_installed(application.clone()),
        Input::WristUp => watch.handle_wrist_up(now),
        Input::WristDown => watch.handle_wrist_down(now),
        Input::Crown => watch.handle_crown(now),
        Input::Covered => watch.handle_covered(now),
        Input::Attached(app) => watch.handle_attached(app, now),
        Input::Exited(app, status) => watch.handle_exited(app, *status, now),
        Input::MemoryShort => watch.handle_memory_short(now),
        Input::Conditions(conditions) => watch.handle_conditions(*conditions, now),
        Input::ClockSet => watch.handle_clock_set(now),
        Input::TimeZone(zone) => watch.handle_time_zone(zone.clone(), now),
        Input::Due(id) => watch.handle_due(*id, now),
        Input::BudgetSpent(id, used, limit) => watch.handle_budget_spent(*id, *used, *limit, now),
        Input::Saved(id) => watch.handle_saved(*id, now),
        Input::RecurrenceNotSaved(app) => watch.handle_recurrence_not_saved(app, now),
        Input::Occurrence(app, id) => watch.handle_occurrence(app, *id, now),
        Input::Restore(kept) => watch.restore(kept.clone(), now),
        Input::Timeout => watch.handle_timeout(now),
        _ => {}
    }
}
