//! Power losses and killed runtimes, at any instant; and what comes up again from the disk (D2).

use std::time::Duration;

use carpus_core::Application;
use carpus_core::schedule::Schedule;
use carpus_core::watch::Watch;

use super::children::Children;
use super::{Done, Halt, World};
use crate::counts::Happening;
use crate::input::Input;
use crate::reference::Reference;
use crate::zones;

/// The runtime dies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    /// The whole board does, and its clock since boot begins anew.
    pub(super) power: bool,
    pub(super) off: Duration,
}

/// The runtime dies after it did so many more things.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fuse {
    pub(super) left: u32,
    pub(super) outage: Outage,
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

    /// The runtime is dead, for a while; then it starts from what is on disk.
    pub(super) fn restart(&mut self, outage: Outage) -> Done {
        self.die(outage.power);
        self.now.wall = self.now.wall.plus(outage.off);
        self.now.since_boot = if outage.power { Duration::ZERO } else { self.now.since_boot + outage.off };
        self.begin()
    }

    fn die(&mut self, power: bool) {
        self.counts.add(if power { Happening::PowerLosses } else { Happening::RuntimeKills });
        let lost = self.disk.pending.iter().filter(|(_, write)| write.is_durable()).count();
        (0..lost).for_each(|_| self.counts.add(Happening::WritesLost));
        self.disk.pending.clear();
        self.disk.failed = false;
        self.agenda.clear();
        self.follow_ups.clear();
        self.budgets.clear();
        self.outputs.clear();
        self.armed.clear();
        for app in &mut self.apps {
            app.process = None;
        }
        self.ledger.crashed();
        self.schedule = Schedule::new();
        self.core = Watch::new(self.limits.clone());
        self.reference = Reference::new(self.limits.clone());
        self.children = Children::new(self.now.since_boot.as_secs());
    }

    /// The runtime starts.
    pub(super) fn begin(&mut self) -> Done {
        for app in 0..self.apps.len() {
            if self.apps[app].installed {
                self.tell(&Input::Installed(self.application(app)))?;
                self.tell(&Input::Rights(self.id(app), self.apps[app].rights))?;
            }
        }
        self.tell(&Input::TimeZone(zones::zone(self.zone).clone()))?;
        let sessions = self.disk.records.values().cloned().collect();
        let recurrences = self.disk.recurrences.values().cloned().collect();
        self.tell(&Input::Restore(sessions, recurrences))?;
        self.tell(&Input::Conditions(self.conditions)).map(drop)
    }

    pub(super) fn application(&self, app: usize) -> Application {
        Application { id: self.id(app), session_kinds: self.history.apps[app].kinds.clone() }
    }
}
