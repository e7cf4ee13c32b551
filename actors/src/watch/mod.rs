//! The life cycle of apps and their sessions: a thin shell around [`carpus_core::watch::Watch`].
//!
//! Every message is one step: it changes the core, does what the core asks for, and arms the one timer that the
//! core wants next.

mod calls;
mod journal_queue;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use carpus_core::session::ExitStatus;
use carpus_core::watch::{AlarmView, CallError, Output, SessionView, Watch, Wrist};
use carpus_core::{
    AppEvent, AppId, AppState, Application, Haptic, Limits, Now, SessionId, SessionRecord, SessionState,
};
use carpus_devices::clock::Clock;

use crate::apps::{Apps, EndAll, Exited, InstalledApp, ListApps, Steer};
use crate::audio::{Audio, PlaySound, StopSound, sound_of};
use crate::cpu_monitor::{BudgetSpent, CpuMonitor, Measure, MeasureAgain, StopMeasuring};
use crate::haptics::{Haptics, Play, StopHaptics};
use crate::inputs::Pressed;
use crate::journal::{Journal, LoadSessions};
use crate::monitor::{Monitor, Observation, Observe};
use crate::scheduler::{Arm, ArmAgain, Disarm, Due, Scheduler};
use crate::supervisor::Handle;
use crate::time;

pub use calls::{AppAnswer, AppCall, CallFailure, Request, UserCall};
use journal_queue::{JournalQueue, Saving};

/// The actor.
pub struct WatchActor {
    core: Watch,
    clock: Arc<dyn Clock>,
    to: Neighbours,
    journal: JournalQueue,
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

impl WatchActor {
    /// A watch that takes up, when it starts, the apps that are installed and the sessions that are on disk.
    pub fn new(limits: Limits, clock: Arc<dyn Clock>, to: Neighbours) -> Self {
        let core = Watch::new(limits);
        let journal = JournalQueue::new(to.journal.clone());
        Self { core, clock, to, journal, wake: None, last_player: None }
    }

    fn take_up(
        &mut self,
        apps: Vec<(InstalledApp, Option<u32>)>,
        records: Vec<SessionRecord>,
        ctx: &mut Context<Self>,
    ) {
        self.step(ctx, |core, now| {
            for (app, _) in apps {
                core.handle_installed(app.application);
            }
            core.restore(records, now);
        });
    }

    /// Runs one change of the core, performs what it asks for, and arms the timer.
    fn step<T>(&mut self, ctx: &mut Context<Self>, change: impl FnOnce(&mut Watch, Now) -> T) -> T {
        let (answer, savings) = self.step_saving(ctx, change);
        for saving in savings {
            ctx.spawn(self.watch_over(saving));
        }
        answer
    }

    /// As [`Self::step`]; what has to be on disk before an answer is given is left to the caller.
    fn step_saving<T>(
        &mut self,
        ctx: &mut Context<Self>,
        change: impl FnOnce(&mut Watch, Now) -> T,
    ) -> (T, Vec<Saving>) {
        let now = time::now(&*self.clock);
        let answer = change(&mut self.core, now);
        let mut savings = Vec::new();
        while let Some(output) = self.core.poll_output() {
            savings.extend(self.perform(output, ctx));
        }
        self.arm_timer(ctx, now);
        (answer, savings)
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

    fn perform(&mut self, output: Output, ctx: &mut Context<Self>) -> Option<Saving> {
        match output {
            Output::Launch { app } => self.launch(app, ctx),
            Output::Freeze { app } => self.freeze_after_delivery(app, ctx),
            Output::Thaw { app } => self.to.apps.do_send(Steer::Thaw(app)),
            Output::EndProcess { app } => self.to.apps.do_send(Steer::End(app)),
            Output::Deliver { app, event } => self.deliver(app, event),
            Output::Save(record) => return Some(self.journal.save(record)),
            Output::Forget { session } => self.journal.forget(session),
            Output::Arm { session, at } => {
                self.to.scheduler.do_send(Arm(session, at));
                self.observe(Observation::AlarmScheduled(session, self.core.app_of(session).cloned(), at));
            }
            Output::Disarm { session } => {
                self.to.scheduler.do_send(Disarm(session));
                self.observe(Observation::AlarmCancelled(session, self.core.app_of(session).cloned()));
            }
            Output::Measure { session, app, kind: _ } => self.to.cpu_monitor.do_send(Measure(session, app)),
            Output::StopMeasuring { session } => self.to.cpu_monitor.do_send(StopMeasuring(session)),
            Output::Ring { session: _, app, haptic } => self.play(&app, haptic),
            Output::Silence { session: _ } => self.silence(),
            Output::ShowAlert { session, app } => self.observe(Observation::AlertShown(session, app)),
            Output::ClearAlert { session, app } => self.observe(Observation::AlertCleared(session, app)),
            Output::IntervalShortened { session, asked, given } => {
                tracing::warn!(%session, "{asked:?} between two haptics is too long; {given:?} it is (N2)");
            }
            Output::TellMissed { session, app, at } => self.tell_missed(session, app, at),
            Output::AppStateChanged { app, state } => self.observe(Observation::AppState(app, state)),
            Output::SessionStateChanged { session, app, state } => {
                self.observe(Observation::SessionState(session, app, state));
            }
        }
        None
    }

    /// A launch that nobody hears of would be waited for without end.
    fn launch(&self, app: AppId, ctx: &mut Context<Self>) {
        if self.to.apps.is_up() {
            self.to.apps.do_send(Steer::Launch(app));
        } else {
            tracing::warn!(%app, "the app could not be launched: a part of the runtime is being started again");
            ctx.notify(Exited { app, status: ExitStatus::Unknown });
        }
    }

    /// What an app was told before, it gets before it is frozen. The disk may take its time: an app that was opened
    /// again meanwhile is left alone.
    fn freeze_after_delivery(&self, app: AppId, ctx: &mut Context<Self>) {
        ctx.spawn(self.journal.settled().into_actor(self).map(move |(), this, _| {
            if this.core.app_state(&app) == Some(AppState::Suspended) {
                this.to.apps.do_send(Steer::Freeze(app));
            }
        }));
    }

    fn deliver(&mut self, app: AppId, event: AppEvent) {
        match event {
            AppEvent::Handle { session, .. } => self.observe_due(session, &app),
            AppEvent::StateChanged { .. }
            | AppEvent::DidStart { .. }
            | AppEvent::WillExpire { .. }
            | AppEvent::DidInvalidate { .. }
            | AppEvent::RepeatAsked { .. } => self.observe(Observation::Told(app.clone(), event.clone())),
        }
        self.journal.append(app, event);
    }

    fn observe_due(&self, session: SessionId, app: &AppId) {
        if let Some(alarm) = self.core.alarms().find(|alarm| alarm.session == session) {
            self.observe(Observation::AlarmDue(session, app.clone(), alarm.at));
        }
    }

    /// A haptic, and the sound that belongs to it (H1); each of them alone if the other's device is missing (N8).
    fn play(&mut self, app: &AppId, haptic: Haptic) {
        self.last_player = Some(app.clone());
        self.to.haptics.do_send(Play { haptic, origin: app.to_string() });
        self.to.audio.do_send(PlaySound {
            sound: sound_of(haptic),
            origin: app.to_string(),
            name: haptic.name().to_owned(),
        });
    }

    fn silence(&self) {
        self.to.haptics.do_send(StopHaptics);
        self.to.audio.do_send(StopSound);
    }

    fn tell_missed(&self, session: SessionId, app: AppId, at: carpus_core::WallTime) {
        tracing::warn!(%session, %app, "the alarm was missed: the board or the runtime was off");
        self.observe(Observation::AlarmMissed(session, app, at));
    }

    fn observe(&self, what: Observation) {
        self.to.monitor.do_send(Observe(what));
    }

    /// Tells the core when something could not be saved.
    fn watch_over(&self, saving: Saving) -> impl ActorFuture<Self, Output = ()> + use<> {
        let session = saving.session();
        saving.done().into_actor(self).map(move |saved, this, ctx| {
            if !saved {
                this.step(ctx, |core, now| core.handle_not_saved(session, now));
            }
        })
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
            let apps = to.apps.send(ListApps).await?;
            let records = to.journal.send(LoadSessions).await??;
            Ok::<_, CallFailure>((apps, records))
        };
        ctx.wait(load.into_actor(self).map(|loaded, this, ctx| match loaded {
            Ok((apps, records)) => this.take_up(apps, records, ctx),
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

impl Handler<Pressed> for WatchActor {
    type Result = ();

    fn handle(&mut self, Pressed(button): Pressed, ctx: &mut Self::Context) {
        use carpus_devices::inputs::Button;
        self.step(ctx, |core, now| match button {
            Button::Crown => core.handle_crown(now),
            Button::Side if core.wrist() == Wrist::Up => core.handle_wrist_down(now),
            Button::Side => core.handle_wrist_up(now),
            Button::Stop => stop_all_ringing(core, now),
            Button::Snooze => tracing::info!("there is no snooze yet; the alarm rings on"),
        });
    }
}

fn stop_all_ringing(core: &mut Watch, now: Now) {
    let ringing: Vec<_> = core.alarms().filter(|alarm| alarm.ringing).map(|alarm| alarm.session).collect();
    for session in ringing {
        // It rang a moment ago, in this very step.
        core.stop_alarm(session, now).ok();
    }
}

/// An app listens to its events: it is up.
#[derive(Message, Clone, Debug)]
#[rtype(result = "()")]
pub struct Attached(pub AppId);

impl Handler<Attached> for WatchActor {
    type Result = ();

    fn handle(&mut self, Attached(app): Attached, ctx: &mut Self::Context) {
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

/// Asks how the watch stands.
#[derive(Message, Clone, Copy, Debug)]
#[rtype(result = "View")]
pub struct Look;

/// How the watch stands.
#[derive(Clone, Debug)]
pub struct View {
    /// Whether the screen is on.
    pub screen_on: bool,
    /// The frontmost app.
    pub frontmost: Option<AppId>,
    /// The sessions that are not over.
    pub sessions: Vec<SessionView>,
    /// The alarms that wait, run or ring.
    pub alarms: Vec<AlarmView>,
    /// The installed apps' states.
    pub apps: Vec<(AppId, AppState)>,
}

impl Handler<Look> for WatchActor {
    type Result = MessageResult<Look>;

    fn handle(&mut self, _: Look, _: &mut Self::Context) -> Self::Result {
        MessageResult(View {
            screen_on: self.core.wrist() == Wrist::Up,
            frontmost: self.core.frontmost().cloned(),
            sessions: self.core.open_sessions().collect(),
            alarms: self.core.alarms().collect(),
            apps: self.core.apps().map(|(app, state)| (app.clone(), state)).collect(),
        })
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

impl From<CallError> for CallFailure {
    fn from(error: CallError) -> Self {
        Self::Refused(error)
    }
}
