//! The life cycle of apps and their sessions: a thin shell around [`carpus_core::watch::Watch`].
//!
//! Every message is one step: it changes the core, does what the core asks for, and arms the one timer that the
//! core wants next.

mod calls;
mod journal_queue;
mod look;
mod perform;
#[cfg(test)]
mod tests;
mod user;
mod written;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use carpus_core::limits::Extensions;
use carpus_core::watch::Watch;
use carpus_core::{
    AppId, AppRights, Application, Haptic, Limits, Now, RecurrenceRecord, SessionRecord, SessionState,
};
use carpus_devices::clock::Clock;

use crate::apps::{Apps, EndAll, Exited, InstalledApp, ListApps};
use crate::audio::Audio;
use crate::conditions::{ConditionsChanged, TellConditions};
use crate::cpu_monitor::{BudgetSpent, CpuMonitor, Measure, MeasureAgain};
use crate::haptics::Haptics;
use crate::journal::{Journal, LoadRecurrences, LoadRights, LoadSessions};
use crate::monitor::{Monitor, Observation};
use crate::scheduler::{Arm, ArmAgain, ClockSet, Due, Scheduler, ZoneChanged};
use crate::supervisor::{Handle, Outlet};
use crate::time::{self, ReadZone};

pub use calls::{AppAnswer, AppCall, CallFailure, Request};
use journal_queue::{JournalQueue, Writing};
pub use look::{Look, View};
pub use user::{SetRights, UserCall};

/// The actor.
pub struct WatchActor {
    core: Watch,
    clock: Arc<dyn Clock>,
    zone: ReadZone,
    to: Neighbours,
    journal: JournalQueue,
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
    /// Alarms.
    pub scheduler: Handle<Scheduler>,
}

/// What is on disk when the watch starts.
struct Kept {
    apps: Vec<(InstalledApp, Option<u32>)>,
    rights: Vec<(AppId, AppRights)>,
    recurrences: Vec<RecurrenceRecord>,
    sessions: Vec<SessionRecord>,
}

impl WatchActor {
    /// A watch that takes up, when it starts, the apps that are installed and all that is on disk of them; `zone`
    /// reads the time zone of the board.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>, zone: ReadZone, to: Neighbours) -> Self {
        let extensions = limits.extensions;
        let core = Watch::new(limits);
        let journal = JournalQueue::new(to.journal.clone());
        Self { core, clock, zone, to, journal, extensions, wake: None, last_player: None }
    }

    fn take_up(&mut self, kept: Kept, ctx: &mut Context<Self>) {
        let Kept { apps, rights, recurrences, sessions } = kept;
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
            core.restore(sessions, recurrences, now);
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

impl Actor for WatchActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let to = self.to.clone();
        let load = async move {
            // Apps of an earlier life of this actor: it knows nothing of their state any more.
            to.apps.send(EndAll).await?;
            Ok::<_, CallFailure>(Kept {
                apps: to.apps.send(ListApps).await?,
                rights: to.journal.send(LoadRights).await??,
                recurrences: to.journal.send(LoadRecurrences).await??,
                sessions: to.journal.send(LoadSessions).await??,
            })
        };
        ctx.wait(load.into_actor(self).map(|loaded, this, ctx| match loaded {
            Ok(kept) => this.take_up(kept, ctx),
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
