//! What the rules ask for, done.

use actix::prelude::*;
use carpus_core::watch::Output;
use carpus_core::{AppEvent, AppId, AppState, Haptic, SessionId, WallTime};

use super::WatchActor;
use super::journal_queue::Writing;
use crate::apps::Steer;
use crate::audio::{PlaySound, StopSound, sound_of};
use crate::cpu_monitor::{Measure, StopMeasuring};
use crate::haptics::{Play, StopHaptics};
use crate::journal::{Advance, Conclude, NextSessionId};
use crate::monitor::{Observation, Observe};
use crate::scheduler::{Arm, Disarm};

impl WatchActor {
    /// Does what the rules ask for. What is written, and has to be on disk before a call is answered, is given back.
    pub(super) fn perform(&mut self, output: Output, ctx: &mut Context<Self>) -> Option<Writing> {
        match output {
            Output::Save(record) => return Some(self.journal.save(record)),
            Output::SaveRecurrence(record) => return Some(self.journal.save_recurrence(record)),
            Output::ForgetRecurrence { app } => return Some(self.journal.forget_recurrence(app)),
            Output::Advance { app, event, record } => {
                self.observe_told(&app, &event);
                return Some(self.journal.advance(Advance { app, event, record }));
            }
            Output::Conclude { app, event, session, keep } => {
                self.observe_told(&app, &event);
                return Some(self.journal.conclude(Conclude { app, event, session, keep }));
            }
            Output::Forget { session } => return Some(self.journal.forget(session)),
            Output::Deliver { app, event } => self.deliver(app, event),
            Output::WantOccurrence { app } => self.bring_occurrence(app, ctx),
            Output::Launch { app } => self.launch(app),
            Output::Freeze { app } => self.freeze_after_delivery(app, ctx),
            Output::Thaw { app } => self.to.apps.do_send(Steer::Thaw(app)),
            Output::EndProcess { app } => self.to.apps.do_send(Steer::End(app)),
            Output::Kill { app } => self.to.apps.do_send(Steer::Kill(app)),
            Output::Measure { session, app, kind: _ } => self.to.cpu_monitor.do_send(Measure(session, app)),
            Output::StopMeasuring { session } => self.to.cpu_monitor.do_send(StopMeasuring(session)),
            Output::Arm { session, at } => self.arm(session, at),
            Output::Disarm { session } => self.disarm(session),
            Output::Ring { session: _, app, haptic } => self.play(&app, haptic),
            Output::Silence { session: _ } => self.silence(),
            Output::ShowAlert { session, app } => self.observe(Observation::AlertShown(session, app)),
            Output::ClearAlert { session, app } => self.observe(Observation::AlertCleared(session, app)),
            Output::IntervalChanged { session, asked, given } => {
                tracing::warn!(%session, "{asked:?} between two haptics is not allowed; {given:?} it is (N2)");
            }
            Output::WarnSilent { session, app } => self.warn_silent(session, app),
            Output::TellMissed { session, app, at } => self.tell_missed(session, app, at),
            Output::AppStateChanged { app, state } => self.observe(Observation::AppState(app, state)),
            Output::SessionStateChanged { session, app, state } => {
                self.observe(Observation::SessionState(session, app, state));
            }
        }
        None
    }

    fn arm(&self, session: SessionId, at: WallTime) {
        self.to.scheduler.do_send(Arm(session, at));
        self.observe(Observation::AlarmScheduled(session, self.core.app_of(session).cloned(), at));
    }

    fn disarm(&self, session: SessionId) {
        self.to.scheduler.do_send(Disarm(session));
        self.observe(Observation::AlarmCancelled(session, self.core.app_of(session).cloned()));
    }

    /// Where nobody hears of it, this life of the watch is about to end too, and the next one finds no such process.
    fn launch(&self, app: AppId) {
        if self.to.apps.is_up() {
            self.to.apps.do_send(Steer::Launch(app));
        } else {
            tracing::warn!(%app, "the app is not launched: a part of the runtime is being started again");
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

    /// A number for the next session of a recurrence (A10). Where there is none, the rules ask again.
    fn bring_occurrence(&self, app: AppId, ctx: &mut Context<Self>) {
        let journal = self.to.journal.clone();
        let id = async move { Ok::<_, super::CallFailure>(journal.send(NextSessionId).await??) };
        ctx.spawn(id.into_actor(self).map(move |id, this, ctx| match id {
            Ok(id) => this.step(ctx, |core, now| core.handle_occurrence(&app, id, now)),
            Err(error) => {
                tracing::warn!(%app, "the next alarm of its recurrence is scheduled later: {error}");
            }
        }));
    }

    fn deliver(&self, app: AppId, event: AppEvent) {
        self.observe_told(&app, &event);
        self.journal.append(app, event);
    }

    fn observe_told(&self, app: &AppId, event: &AppEvent) {
        match event {
            AppEvent::Handle { session, .. } => self.observe_due(*session, app),
            AppEvent::StateChanged { .. }
            | AppEvent::DidStart { .. }
            | AppEvent::WillExpire { .. }
            | AppEvent::DidInvalidate { .. }
            | AppEvent::RepeatAsked { .. } => self.observe(Observation::Told(app.clone(), event.clone())),
        }
    }

    fn observe_due(&self, session: SessionId, app: &AppId) {
        if let Some(alarm) = self.core.alarms().find(|alarm| alarm.session == session) {
            self.observe(Observation::AlarmDue(session, app.clone(), alarm.at));
        }
    }

    /// A haptic, and the sound that belongs to it (H1); each of them alone if the other's device is missing (N8).
    pub(super) fn play(&mut self, app: &AppId, haptic: Haptic) {
        self.last_player = Some(app.clone());
        self.to.haptics.do_send(Play { haptic, origin: app.to_string() });
        self.to.audio.do_send(PlaySound {
            sound: sound_of(haptic),
            origin: app.to_string(),
            name: haptic.name().to_owned(),
        });
    }

    pub(super) fn silence(&self) {
        self.to.haptics.do_send(StopHaptics);
        self.to.audio.do_send(StopSound);
    }

    fn tell_missed(&self, session: SessionId, app: AppId, at: WallTime) {
        tracing::warn!(%session, %app, "the alarm was missed: the board or the runtime was off");
        self.observe(Observation::AlarmMissed(session, app, at));
    }

    fn warn_silent(&self, session: SessionId, app: AppId) {
        tracing::warn!(
            %session, %app,
            "the app ended its alarm without one haptic; the right to schedule can be taken from it (N6)"
        );
        self.observe(Observation::AlarmSilent(session, app));
    }

    pub(super) fn observe(&self, what: Observation) {
        self.to.monitor.do_send(Observe(what));
    }
}
