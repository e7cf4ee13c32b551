//! The steps of a history, taken.

use std::time::Duration;

use carpus_core::app::AppRights;
use carpus_core::session::ExitStatus;
use carpus_core::suppression::Conditions;
use carpus_core::{SessionId, WallTime};

use super::outage::{Fuse, Outage};
use super::{Done, Halt, World};
use crate::counts::Happening;
use crate::history::{App, Step, Which};
use crate::input::{Answer, Input};
use crate::zones;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl World<'_> {
    pub(super) fn step(&mut self, step: Step) -> Done {
        match step {
            Step::Wait(span_ms) => self.pass(ms(span_ms)),
            Step::Late(span_ms) => {
                self.advance_to(self.now.since_boot + ms(span_ms));
                self.pass(Duration::ZERO)
            }
            Step::Remove(app) => self.remove(app),
            Step::Install(app) => self.install(app),
            Step::Rights(app, background_refresh, schedule) => {
                self.set_rights(self.index(app), AppRights { background_refresh, schedule })
            }
            Step::Stop(which) => self.stop_alarm(self.which(which, None)),
            Step::OpenAlarm(which) => {
                self.user(Input::OpenAlarm(self.which(which, None)), Happening::OpenedFromAlert)
            }
            Step::Snooze(which, span_ms) => {
                self.user(Input::Snooze(self.which(which, None), span_ms.map(ms)), Happening::Snoozed)
            }
            Step::Conditions(battery_percent, temperature_mdegc) => {
                self.conditions = Conditions { battery_percent, temperature_mdegc };
                self.tell(&Input::Conditions(self.conditions)).map(drop)
            }
            Step::ClockBy(by_ms) => self.set_clock(self.now.wall.unix_ms().saturating_add(by_ms)),
            Step::ClockTo(unix_ms) => self.set_clock(unix_ms),
            Step::Zone(zone) => {
                self.counts.add(Happening::ZoneSets);
                self.zone = zone;
                self.tell(&Input::TimeZone(zones::zone(zone).clone())).map(drop)
            }
            Step::DiskFull(full) => self.fill_disk(full),
            Step::DiskSlow(latency_ms) => {
                self.disk.latency = ms(latency_ms);
                self.disk.was_late |= latency_ms > 0;
                Ok(())
            }
            Step::PowerLoss(after, off_ms) => self.outage(after, Outage::power_loss(ms(off_ms))),
            Step::Kill(kill) => self.outage(kill.after, Outage::of(kill)),
            Step::Crash(app) => self.crash(self.index(app)),
            Step::ChildFails(child) => self.child_fails(child),
            _ => self.plain(step),
        }
    }

    /// The steps that are one input of the rules.
    fn plain(&mut self, step: Step) -> Done {
        let id = |app| self.id(self.index(app));
        let input = match step {
            Step::Open(app) => Input::Open(id(app)),
            Step::Close(app) => Input::Close(id(app)),
            Step::WristUp => Input::WristUp,
            Step::WristDown => Input::WristDown,
            Step::Crown => Input::Crown,
            Step::Cover => Input::Covered,
            Step::MemoryShort => Input::MemoryShort,
            Step::Timeout => Input::Timeout,
            Step::Due(which) => Input::Due(self.which(which, None)),
            Step::Spent(which) => Input::BudgetSpent(self.which(which, None), ms(9100), ms(9000)),
            Step::RecurrenceNotSaved(app) => {
                let input = Input::RecurrenceNotSaved(id(app));
                self.ledger.excuse_occurrences(self.index(app));
                input
            }
            Step::Attached(app) => return self.attached_again(self.index(app)),
            Step::Exited(app) => return self.exited_again(self.index(app)),
            Step::Saved(which) => return self.saved_again(self.which(which, None)),
            Step::NotSaved(which) => return self.lost_from_disk(self.which(which, None)),
            Step::Occurrence(app, which) => return self.unwanted_occurrence(app, which),
            _ => return self.call(step),
        };
        self.tell(&input).map(drop)
    }

    fn user(&mut self, input: Input, happening: Happening) -> Done {
        if let Answer::Call(Ok(())) = self.tell(&input)? {
            self.counts.add(happening);
        }
        Ok(())
    }

    fn set_clock(&mut self, unix_ms: i64) -> Done {
        self.counts.add(Happening::ClockSets);
        self.clock_was_set = true;
        self.now.wall = WallTime::from_unix_ms(unix_ms);
        self.tell(&Input::ClockSet).map(drop)
    }

    pub(super) fn set_rights(&mut self, app: usize, rights: AppRights) -> Done {
        if self.apps[app].installed {
            self.apps[app].rights = rights;
        }
        self.tell(&Input::Rights(self.id(app), rights)).map(drop)
    }

    pub(super) fn fill_disk(&mut self, full: bool) -> Done {
        self.disk.full = full;
        if !full {
            self.disk.try_again(self.now.since_boot);
            self.flush()?;
            self.follow_up()?;
        }
        Ok(())
    }

    fn outage(&mut self, after: u32, outage: Outage) -> Done {
        if after == 0 {
            return Err(Halt::Outage(outage));
        }
        self.fuse = Some(Fuse { left: after, outage });
        Ok(())
    }

    /// The app goes, and after that all that is kept of it.
    fn remove(&mut self, app: App) -> Done {
        let index = self.index(app);
        self.ledger.excuse_app(index);
        self.tell(&Input::Removed(self.id(index)))?;
        let unread = self.apps[index].unread(&self.disk.journals[index]);
        (0..unread).for_each(|_| self.counts.add(Happening::EventsDropped));
        let phone = &mut self.apps[index];
        phone.installed = false;
        phone.received = 0;
        phone.rights = AppRights::default();
        let id = &self.ids[index];
        self.disk.journals[index] = super::Journal::default();
        self.disk.records.retain(|_, record| record.app != *id);
        self.disk.recurrences.remove(id);
        self.disk.give_up_kept_of(id);
        Ok(())
    }

    /// The shell installs an app only when no process of an earlier one is left.
    fn install(&mut self, app: App) -> Done {
        let index = self.index(app);
        if self.apps[index].installed {
            return Ok(());
        }
        if self.apps[index].process.is_some() {
            self.exit(index, ExitStatus::Signal(super::apps::SIGKILL))?;
        }
        self.apps[index].installed = true;
        self.tell(&Input::Installed(self.application(index))).map(drop)
    }

    /// A process that listens already says so again.
    fn attached_again(&mut self, app: usize) -> Done {
        let listens = |process: &super::Process| process.attached;
        if self.apps[app].process.as_ref().is_none_or(listens) {
            self.tell(&Input::Attached(self.id(app)))?;
        }
        Ok(())
    }

    /// An exit of no process is reported.
    fn exited_again(&mut self, app: usize) -> Done {
        if self.apps[app].process.is_none() {
            self.tell(&Input::Exited(self.id(app), ExitStatus::Code(0)))?;
        }
        Ok(())
    }

    /// A record that is on disk is reported saved again.
    fn saved_again(&mut self, session: SessionId) -> Done {
        if self.disk.records.contains_key(&session) {
            self.tell(&Input::Saved(session))?;
        }
        Ok(())
    }

    /// A record that is on disk is lost after all: the disk is broken, and nothing is owed for it.
    fn lost_from_disk(&mut self, session: SessionId) -> Done {
        self.ledger.excuse(session);
        self.tell(&Input::NotSaved(session)).map(drop)
    }

    /// With a number that is in use, or a fresh one: that of a session long over is never given again.
    fn unwanted_occurrence(&mut self, app: App, which: Which) -> Done {
        let index = self.index(app);
        let meant = self.which(which, Some(index));
        let known = self.core.app_of(meant).is_some();
        let id = if known { meant } else { self.fresh_occurrence(index) };
        self.tell(&Input::Occurrence(self.id(index), id)).map(drop)
    }
}
