//! Time passes: the two clocks, and all that comes due.

use std::time::Duration;

use super::agenda::Event;
use super::disk::Write;
use super::{Done, Halt, World};
use crate::counts::Happening;
use crate::input::Input;

/// How often things may happen at one instant before something is wrong.
const AT_ONE_INSTANT_MAX: u32 = 100_000;

/// Who is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Timeout,
    Due,
    Disk,
    Agenda,
    Children,
}

impl World<'_> {
    /// Time passes, and the runtime does all in time.
    pub(super) fn pass(&mut self, span: Duration) -> Done {
        let end = self.now.since_boot + span;
        let mut at_once = 0;
        while let Some((at, next)) = self.next().filter(|(at, _)| *at <= end) {
            at_once = if at > self.now.since_boot { 0 } else { at_once + 1 };
            if at_once > AT_ONE_INSTANT_MAX {
                return Err(Halt::Broken(format!("there is no end of what is due: {next:?}")));
            }
            self.advance_to(at);
            self.serve(next)?;
        }
        self.advance_to(end);
        Ok(())
    }

    fn next(&mut self) -> Option<(Duration, Next)> {
        let now = self.now;
        let due = self.schedule.poll_timeout().map(|at| now.after(at.since(now.wall)));
        [
            (self.core.poll_timeout().map(|(at, _)| at), Next::Timeout),
            (due, Next::Due),
            (self.disk.pending.front().map(|(at, _)| *at), Next::Disk),
            (self.agenda.next(), Next::Agenda),
            (self.children.next(), Next::Children),
        ]
        .into_iter()
        .filter_map(|(at, next)| Some((at?, next)))
        .min()
    }

    /// Both clocks go on.
    pub(super) fn advance_to(&mut self, at: Duration) {
        let span = at.saturating_sub(self.now.since_boot);
        self.now.since_boot += span;
        self.now.wall = self.now.wall.plus(span);
    }

    fn serve(&mut self, next: Next) -> Done {
        match next {
            Next::Timeout => self.tell(&Input::Timeout).map(drop),
            Next::Due => self.serve_schedule(),
            Next::Disk => self.serve_disk(),
            Next::Children => self.serve_children(),
            Next::Agenda => match self.agenda.take() {
                Some(Event::App(app, generation, action)) => self.act(app, generation, action),
                Some(Event::UserStops(session)) => self.user_stops(session),
                Some(Event::Reading(session)) => self.read_cpu(session),
                None => Ok(()),
            },
        }
    }

    fn serve_schedule(&mut self) -> Done {
        while let Some(session) = self.schedule.poll_due(self.now.wall) {
            self.armed.remove(&session);
            self.tell(&Input::Due(session))?;
        }
        Ok(())
    }

    fn serve_disk(&mut self) -> Done {
        self.write_next()?;
        self.follow_up()
    }

    /// What the runtime tells itself after a write.
    pub(super) fn follow_up(&mut self) -> Done {
        while let Some(input) = self.follow_ups.pop_front() {
            self.tell(&input)?;
        }
        Ok(())
    }

    fn user_stops(&mut self, session: carpus_core::SessionId) -> Done {
        if self.ledger.entry(session).is_some_and(|entry| entry.alert) {
            self.stop_alarm(session)?;
        }
        Ok(())
    }

    pub(super) fn stop_alarm(&mut self, session: carpus_core::SessionId) -> Done {
        let answer = self.tell(&Input::StopAlarm(session))?;
        if answer == crate::input::Answer::Call(Ok(())) {
            self.counts.add(Happening::StoppedByUser);
            self.order(Write::Stopped(session));
            self.flush()?;
        }
        Ok(())
    }
}
