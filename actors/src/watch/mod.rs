//! The life cycle of apps and their sessions: a thin shell around [`carpus_core::watch::Watch`].
//!
//! Every message is one step: it changes the core, does what the core asks for, and arms the one timer that the
//! core wants next.

mod calls;
#[doc(hidden)]
pub mod fuzzing;
mod journal_queue;
mod look;
mod perform;
mod standing;
#[cfg(test)]
mod tests;
mod user;
mod written;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use carpus_core::limits::Extensions;
use carpus_core::watch::{Kept, Survivor, Watch};
use carpus_core::{AppId, AppRights, Application, Haptic, Limits, Now, SessionState};
use carpus_devices::clock::Clock;

use crate::apps::{self, Apps, Exited, InstalledApp, ListApps, Survivors};
use crate::audio::Audio;
use crate::boot_file::BootFile;
use crate::conditions::{ConditionsChanged, TellConditions};
use crate::cpu_monitor::{BudgetSpent, CpuMonitor, Measure, MeasureAgain};
use crate::haptics::Haptics;
use crate::journal::{Journal, LoadRecurrences, LoadRights};
use crate::monitor::{Monitor, Observation};
use crate::scheduler::{Arm, ArmAgain, ClockSet, Due, Scheduler, ZoneChanged};
use crate::supervisor::{Handle, Outlet, answers_pings};
use crate::time::{self, ReadZone};

pub use calls::{AppAnswer, AppCall, CallFailure, Request};
pub use journal_queue::JournalQueue;
use journal_queue::Writing;
pub use look::{Look, View};
use standing::KeptStanding;
pub use user::{SetRights, UserCall};

/// The actor.
pub struct WatchActor {
    core: Watch,
    clock: Arc<dyn Clock>,
    zone: ReadZone,
    to: Neighbours,
    journal: JournalQueue,
    standing: KeptStanding,
    /// Which of the rules beyond WatchKit are on.
    extensions: Extensions,
    wake: Option<SpawnHandle>,
    /// Whose haptic was the last.
    last_player: Option<AppId>,
}

/// Whom the watch tells what to do.
#[derive(Clone, Debug)]
pub struct Neighbours {
    /// Processes.
    pub apps: Handle<Apps>,
    /// The speaker.
    pub audio: Handle<Audio>,
    /// The battery and the temperature of the board.
    pub conditions: Outlet<TellConditions>,
    /// CPU budgets.
    pub cpu_monitor: Handle<CpuMonitor>,
    /// The motor.
    pub haptics: Handle<Haptics>,
    /// The journal.
    pub journal: Handle<Journal>,
    /// Onlookers.
    pub monitor: Handle<Monitor>,
    /// What is written into the journal, in its order; it outlives the watch.
    pub queue: JournalQueue,
    /// Alarms.
    pub scheduler: Handle<Scheduler>,
}

/// What the watch finds when it starts.
struct Found {
    apps: Vec<(InstalledApp, Option<u32>)>,
    rights: Vec<(AppId, AppRights)>,
    kept: Kept,
}

impl WatchActor {
    /// A watch that takes up, when it starts, the apps that are installed, those of them that live, and all that an
    /// earlier life left of them on disk and in the file `standing`, which it keeps; `zone` reads the time zone of the
    /// board.
    pub fn new(
        limits: Limits,
        clock: Arc<dyn Clock>,
        zone: ReadZone,
        standing: BootFile,
        to: Neighbours,
    ) -> Self {
        Self {
            extensions: limits.extensions,
            core: Watch::new(limits),
            clock,
            zone,
            journal: to.queue.clone(),
            to,
            standing: KeptStanding::new(standing),
            wake: None,
            last_player: None,
        }
    }

    fn take_up(&mut self, found: Found, ctx: &mut Context<Self>) {
        let Found { apps, rights, mut kept } = found;
        kept.standing = self.standing.load();
        let zone = (self.zone)();
        self.step(ctx, |core, now| {
            for (app, _) in apps {
                core.handle_installed(app.application);
            }
            for (app, rights) in rights {
                // An error means that the app is no longer installed.
                core.handle_rights(&app, rights, now).ok();
            }
            core.handle_time_zone(zone, now);
            core.restore(kept, now);
            core.handle_clock_set(now); // it may have been, or the zone, while nobody looked (A10)
        });
        self.to.conditions.tell(TellConditions);
    }

    /// Runs one change of the core, performs what it asks for, and arms the timer.
    fn step<T>(&mut self, ctx: &mut Context<Self>, change: impl FnOnce(&mut Watch, Now) -> T) -> T {
        let (answer, writings) = self.step_writing(ctx, change);
        if !writings.is_empty() {
            ctx.spawn(self.follow(writings).map(|_lost, _, _| ()));
        }
        answer
    }

    /// As [`Self::step`]; what is being written is left to the caller, who follows it.
    fn step_writing<T>(
        &mut self,
        ctx: &mut Context<Self>,
        change: impl FnOnce(&mut Watch, Now) -> T,
    ) -> (T, Vec<Writing>) {
        let now = time::now(&*self.clock);
        let answer = change(&mut self.core, now);
        // First of all: what lives when the runtime is killed now, is there in how the watch stands.
        self.standing.keep(self.core.standing());
        let mut writings = Vec::new();
        while let Some(output) = self.core.poll_output() {
            writings.extend(self.perform(output, ctx));
        }
        self.arm_timer(ctx, now);
        (answer, writings)
    }

    fn arm_timer(&mut self, ctx: &mut Context<Self>, now: Now) {
        if let Some(stale) = self.wake.take() {
            ctx.cancel_future(stale);
        }
        self.wake = self.core.poll_timeout().map(|(at, _reason)| {
            ctx.run_later(until(at, now), |this, ctx| {
                this.wake = None;
                this.step(ctx, Watch::handle_timeout);
            })
        });
    }
}

fn until(at: Duration, now: Now) -> Duration {
    at.saturating_sub(now.since_boot)
}

answers_pings!(WatchActor);

impl Actor for WatchActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let to = self.to.clone();
        let load = async move {
            let (apps, rights) = (to.apps.send(ListApps).await?, to.journal.send(LoadRights).await??);
            let recurrences = to.journal.send(LoadRecurrences).await??;
            let sessions = to.queue.sessions().await?;
            // Last: what ends from now on is told to this life.
            let survivors = to.apps.send(Survivors).await?;
            let survivor = |found: apps::Survivor| Survivor { app: found.app, suspended: found.suspended };
            let survivors = survivors.into_iter().map(survivor).collect();
            Ok::<_, CallFailure>(Found {
                apps,
                rights,
                kept: Kept { sessions, recurrences, survivors, standing: None },
            })
        };
        ctx.wait(load.into_actor(self).map(|loaded, this, ctx| match loaded {
            Ok(found) => this.take_up(found, ctx),
            Err(error) => {
                tracing::warn!("apps and sessions cannot be taken up: {error}");
                ctx.stop(); // the supervisor tries again
            }
        }));
    }
}

impl Handler<Due> for WatchActor {
    type Result = ();

    fn handle(&mut self, Due(session): Due, ctx: &mut Self::Context) {
        self.step(ctx, |core, now| core.handle_due(session, now));
    }
}

impl Handler<ArmAgain> for WatchActor {
    type Result = ();

    fn handle(&mut self, _: ArmAgain, _: &mut Self::Context) {
        for (session, at) in self.core.waiting_alarms() {
            self.to.scheduler.do_send(Arm(session, at));
        }
    }
}

impl Handler<MeasureAgain> for WatchActor {
    type Result = ();

    fn handle(&mut self, _: MeasureAgain, _: &mut Self::Context) {
        for view in self.core.open_sessions().filter(|view| view.state == SessionState::Running) {
            self.to.cpu_monitor.do_send(Measure(view.session, view.app));
        }
    }
}

impl Handler<BudgetSpent> for WatchActor {
    type Result = ();

    fn handle(&mut self, BudgetSpent { session, spending }: BudgetSpent, ctx: &mut Self::Context) {
        self.step(ctx, |core, now| core.handle_budget_spent(session, spending.used, spending.limit, now));
    }
}

impl Handler<Exited> for WatchActor {
    type Result = ();

    fn handle(&mut self, Exited { app, status }: Exited, ctx: &mut Self::Context) {
        self.observe(Observation::AppExited(app.clone(), status));
        self.step(ctx, |core, now| core.handle_exited(&app, status, now));
    }
}

impl Handler<ClockSet> for WatchActor {
    type Result = ();

    fn handle(&mut self, ClockSet: ClockSet, ctx: &mut Self::Context) {
        self.step(ctx, Watch::handle_clock_set);
    }
}

impl Handler<ZoneChanged> for WatchActor {
    type Result = ();

    fn handle(&mut self, ZoneChanged(zone): ZoneChanged, ctx: &mut Self::Context) {
        self.step(ctx, |core, now| core.handle_time_zone(zone, now));
    }
}

impl Handler<ConditionsChanged> for WatchActor {
    type Result = ();

    fn handle(&mut self, ConditionsChanged(conditions): ConditionsChanged, ctx: &mut Self::Context) {
        self.step(ctx, |core, now| core.handle_conditions(conditions, now));
    }
}

/// An app listens to its events: it is up.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Attached(pub AppId);

impl Handler<Attached> for WatchActor {
    type Result = ();

    fn handle(&mut self, Attached(app): Attached, ctx: &mut Self::Context) {
        self.journal.tell_untold(app.clone());
        self.step(ctx, |core, now| core.handle_attached(&app, now));
    }
}

/// An app was installed or replaced.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Installed(pub Application);

impl Handler<Installed> for WatchActor {
    type Result = ();

    fn handle(&mut self, Installed(application): Installed, ctx: &mut Self::Context) {
        self.observe(Observation::Installed(application.id.clone()));
        self.step(ctx, |core, _| core.handle_installed(application));
    }
}

/// An app plays a haptic (H2). Answers whether it may.
#[derive(Message, Clone, Debug)]
#[rtype(result = "bool")]
pub struct PlayHaptic(pub AppId, pub Haptic);

impl Handler<PlayHaptic> for WatchActor {
    type Result = bool;

    fn handle(&mut self, PlayHaptic(app, haptic): PlayHaptic, _: &mut Self::Context) -> bool {
        let allowed = self.core.may_play_haptic(&app);
        if allowed {
            self.play(&app, haptic);
        }
        allowed
    }
}

/// An app stops its own haptic; that of another, an alarm's perhaps, goes on.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct StopHaptic(pub AppId);

impl Handler<StopHaptic> for WatchActor {
    type Result = ();

    fn handle(&mut self, StopHaptic(app): StopHaptic, _: &mut Self::Context) {
        if self.last_player.as_ref() == Some(&app) {
            self.silence();
        }
    }
}

/// Answers when all that the watch has written so far is in the journal.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "()")]
pub struct Settle;

impl Handler<Settle> for WatchActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Settle, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.journal.settled())
    }
}
