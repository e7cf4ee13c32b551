//! Power losses and killed runtimes, at any instant; and what comes up again from the disk, and of what outlived the
//! runtime (D2).

use std::time::Duration;

use carpus_core::schedule::Schedule;
use carpus_core::watch::{Kept, Survivor, Watch};
use carpus_core::{Application, RecordedPhase};

use super::agenda::{Action, Event};
use super::children::Children;
use super::{Done, Halt, World};
use crate::counts::Happening;
use crate::history::Kill;
use crate::input::Input;
use crate::ledger::TakenUp;
use crate::reference::Reference;
use crate::zones;

/// The runtime dies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    /// The whole board does, and its clock since boot begins anew.
    power: bool,
    off: Duration,
    /// If it is the runtime alone: how.
    kill: Kill,
}

/// The runtime dies after it did so many more things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fuse {
    pub(super) left: u32,
    pub(super) outage: Outage,
}

impl Outage {
    pub(super) fn power_loss(off: Duration) -> Self {
        Self { power: true, off, kill: Kill::default() }
    }

    /// The runtime is killed.
    pub(super) fn kill(off: Duration) -> Self {
        Self { power: false, off, kill: Kill::default() }
    }

    pub(super) fn of(kill: Kill) -> Self {
        Self { power: false, off: Duration::from_millis(kill.off_ms), kill }
    }
}

impl World<'_> {
    pub(super) fn burn_fuse(&mut self) -> Done {
        let Some(fuse) = &mut self.fuse else { return Ok(()) };
        if let Some(left) = fuse.left.checked_sub(1) {
            fuse.left = left;
            return Ok(());
        }
        let outage = fuse.outage;
        self.fuse = None;
        self.counts.add(Happening::CutShort);
        Err(Halt::Outage(outage))
    }

    /// The runtime is dead, for a while; then it starts from what is on disk, and from what outlived it.
    pub(super) fn restart(&mut self, outage: Outage) -> Done {
        let Outage { power, off, kill } = outage;
        if kill.part {
            self.write_what_was_ordered()?;
        }
        self.die(kill.part);
        if power {
            self.lose_power();
            self.now.wall = self.now.wall.plus(off);
        } else {
            self.counts.add(Happening::RuntimeKills);
            self.go_on_without_runtime(kill, off);
        }
        self.fuse = kill.again.map(|left| {
            let outage = Outage { kill: Kill { again: None, ..kill }, ..outage };
            Fuse { left, outage }
        });
        self.begin()
    }

    /// A part of the runtime failed, and the part that writes goes on.
    fn write_what_was_ordered(&mut self) -> Result<(), String> {
        self.fuse = None;
        while let Some((_, write)) = self.disk.pending.pop_front() {
            match self.complete(write) {
                Err(Halt::Broken(what)) => return Err(what),
                Ok(()) | Err(Halt::Outage(_)) => {}
            }
        }
        Ok(())
    }

    fn die(&mut self, part: bool) {
        let lost = self.disk.lost().count();
        (0..lost).for_each(|_| self.counts.add(Happening::WritesLost));
        self.disk.pending.clear();
        if !part {
            self.give_up_kept();
        }
        self.disk.failed = false;
        self.follow_ups.clear();
        self.budgets.clear();
        self.outputs.clear();
        self.armed.clear();
        self.taken_up = false;
        self.schedule = Schedule::new();
        self.core = Watch::new(self.limits.clone());
        self.reference = Reference::new(self.limits.clone());
        self.children = Children::new(self.now.since_boot.as_secs());
    }

    /// Nothing but the disk survives.
    fn lose_power(&mut self) {
        self.counts.add(Happening::PowerLosses);
        self.now.since_boot = Duration::ZERO;
        self.agenda.clear();
        self.standing = None;
        for app in &mut self.apps {
            app.process = None;
        }
        self.ledger.crashed(|_, _| TakenUp::No);
    }

    /// Apps live on, without anybody who hears them; some do not.
    fn go_on_without_runtime(&mut self, kill: Kill, off: Duration) {
        self.agenda.keep_processes();
        for app in &mut self.apps {
            if let Some(process) = &mut app.process {
                process.lose_runtime(kill.part);
            }
        }
        let end = self.now.since_boot + off;
        while let Some(at) = self.agenda.next().filter(|at| *at <= end) {
            self.advance_to(at);
            if let Some(Event::App(app, generation, action)) = self.agenda.take() {
                self.act_alone(app, generation, action);
            }
        }
        self.advance_to(end);
        for app in 0..self.apps.len() {
            if kill.dead >> app.min(7) & 1 == 1 {
                self.die_alone(app);
            }
        }
        self.clock_was_set |= kill.clock_ms != 0;
        self.now.wall =
            carpus_core::WallTime::from_unix_ms(self.now.wall.unix_ms().saturating_add(kill.clock_ms));
        let (apps, ids) = (&self.apps, &self.ids);
        let records = self.disk.records_with_kept();
        let launches = self.standing.as_ref().map(|standing| &standing.launches);
        let taken_up = |app: usize, id| {
            let launch = launches.and_then(|launches| launches.get(&ids[app]));
            match records.iter().find(|record| record.session == id) {
                Some(record) if apps[app].process.is_some() => ring_in_process(&record.phase, launch),
                Some(_) | None => TakenUp::No,
            }
        };
        self.ledger.crashed(taken_up);
    }

    fn die_alone(&mut self, app: usize) {
        if self.apps[app].process.take().is_some() {
            self.counts.add(Happening::AppsDiedMeanwhile);
        }
    }

    /// A process does what it planned while there is no runtime: it may end, and keeps its calls for later.
    fn act_alone(&mut self, app: usize, generation: u64, action: Action) {
        let alive = |process: &&mut super::Process| process.generation == generation;
        let Some(process) = self.apps[app].process.as_mut().filter(alive) else { return };
        match action {
            Action::Exit(_) => self.die_alone(app),
            // It tries again and again; see `find_runtime_again`.
            Action::Attach => {}
            _ => process.keep_for_later(action),
        }
    }

    /// The runtime starts.
    pub(super) fn begin(&mut self) -> Done {
        let survivors = self.survivors();
        for app in 0..self.apps.len() {
            if self.apps[app].installed {
                self.tell(&Input::Installed(self.application(app)))?;
                self.tell(&Input::Rights(self.id(app), self.apps[app].rights))?;
            }
        }
        self.tell(&Input::TimeZone(zones::zone(self.zone).clone()))?;
        let kept = Kept {
            sessions: self.disk.records_with_kept(),
            recurrences: self.disk.recurrences.values().cloned().collect(),
            standing: self.standing.clone(),
            survivors,
        };
        self.taken_up = true;
        self.tell(&Input::Restore(kept))?;
        self.tell(&Input::ClockSet)?;
        self.tell(&Input::Conditions(self.conditions)).map(drop)
    }

    /// The processes that are found alive; those of apps that are no longer installed are ended before that.
    fn survivors(&mut self) -> Vec<Survivor> {
        let mut survivors = Vec::new();
        for app in 0..self.apps.len() {
            if !self.apps[app].installed {
                self.apps[app].process = None;
            }
            self.find_runtime_again(app);
            if let Some(process) = &self.apps[app].process {
                self.counts.add(Happening::Adoptions);
                survivors.push(Survivor { app: self.id(app), suspended: process.frozen });
            }
        }
        survivors
    }

    pub(super) fn application(&self, app: usize) -> Application {
        Application { id: self.id(app), session_kinds: self.history.apps[app].kinds.clone() }
    }
}

/// What becomes of the alarm that a process rang, if it is the one that was launched last, of which the number is
/// `launch`.
fn ring_in_process(phase: &RecordedPhase, launch: Option<&u32>) -> TakenUp {
    match phase {
        RecordedPhase::Running { launch: process, ring: Some(ring), .. }
            if launch.is_none_or(|launch| launch == process) =>
        {
            if ring.snoozed_until.is_some() {
                TakenUp::Snoozed
            } else {
                TakenUp::Rings
            }
        }
        _ => TakenUp::No,
    }
}
