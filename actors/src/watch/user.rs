//! What the user does.

use std::time::Duration;

use actix::prelude::*;
use carpus_core::watch::{CallError, Watch, Wrist};
use carpus_core::{AppId, AppRights, Now, SessionId};
use carpus_devices::inputs::Button;

use super::journal_queue::Writing;
use super::{CallFailure, WatchActor};
use crate::inputs::Pressed;
use crate::monitor::Observation;

/// What the user does.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<(), CallError>")]
pub enum UserCall {
    /// Opens an app (L2).
    Open(AppId),
    /// Ends an app.
    Close(AppId),
    /// Ends all apps: the runtime is about to end. None of them crashed, so none is launched again (S14).
    CloseAll,
    /// Removes an app; it is uninstalled afterwards.
    Remove(AppId),
    /// Raises the wrist (L3).
    WristUp,
    /// Lowers the wrist (L3).
    WristDown,
    /// Presses the crown (L4).
    Crown,
    /// Has the screen covered by the system (L4).
    Cover,
    /// Stops an alarm that rings or is snoozed (N4, N5).
    StopAlarm(SessionId),
    /// Opens the app of a ringing alarm (N4).
    OpenAlarm(SessionId),
    /// Snoozes an alarm that rings or is snoozed: for this long, or for the time that is set (N5).
    SnoozeAlarm(SessionId, Option<Duration>),
}

/// Answered when what follows is on disk, or cannot be written for now: an alarm that the user stopped does not ring
/// again because the runtime dies a moment later.
impl Handler<UserCall> for WatchActor {
    type Result = ResponseActFuture<Self, Result<(), CallError>>;

    fn handle(&mut self, call: UserCall, ctx: &mut Context<Self>) -> Self::Result {
        let (done, writings) = self.obey(&call, ctx);
        Box::pin(self.follow(writings).map(|_lost, _, _| done))
    }
}

fn apply(core: &mut Watch, call: &UserCall, now: Now) -> Result<(), CallError> {
    match call {
        UserCall::Open(app) => core.handle_open(app, now)?,
        UserCall::Close(app) => core.handle_close(app, now)?,
        UserCall::CloseAll => close_all(core, now)?,
        UserCall::Remove(app) => core.handle_removed(app, now)?,
        UserCall::WristUp => core.handle_wrist_up(now),
        UserCall::WristDown => core.handle_wrist_down(now),
        UserCall::Crown => core.handle_crown(now),
        UserCall::Cover => core.handle_covered(now),
        UserCall::StopAlarm(session) => core.stop_alarm(*session, now)?,
        UserCall::OpenAlarm(session) => core.open_alarm(*session, now)?,
        UserCall::SnoozeAlarm(session, span) => core.snooze_alarm(*session, *span, now)?,
    }
    Ok(())
}

fn close_all(core: &mut Watch, now: Now) -> Result<(), CallError> {
    let apps: Vec<_> = core.apps().map(|(app, _)| app.clone()).collect();
    apps.iter().try_for_each(|app| core.handle_close(app, now))
}

/// The user changes what an app may do (A5, N6). Answered when that is on disk; where it cannot be written, nothing
/// has changed.
#[derive(Message, Clone, Debug)]
#[rtype(result = "Result<(), CallFailure>")]
pub struct SetRights(pub AppId, pub AppRights);

impl Handler<SetRights> for WatchActor {
    type Result = ResponseActFuture<Self, Result<(), CallFailure>>;

    fn handle(&mut self, SetRights(app, rights): SetRights, _: &mut Context<Self>) -> Self::Result {
        if self.core.app_state(&app).is_none() {
            return Box::pin(fut::ready(Err(CallError::UnknownApp(app).into())));
        }
        let saved = self.journal.save_rights(app.clone(), rights).done();
        Box::pin(saved.into_actor(self).map(move |saved, this, ctx| {
            saved.map_err(CallFailure::NotSaved)?;
            Ok(this.step(ctx, |core, now| core.handle_rights(&app, rights, now))?)
        }))
    }
}

impl Handler<Pressed> for WatchActor {
    type Result = ();

    fn handle(&mut self, Pressed(button): Pressed, ctx: &mut Self::Context) {
        match button {
            Button::Crown => self.step(ctx, Watch::handle_crown),
            Button::Side => self.step(ctx, |core, now| match core.wrist() {
                Wrist::Up => core.handle_wrist_down(now),
                Wrist::Down => core.handle_wrist_up(now),
            }),
            Button::Stop => self.step(ctx, stop_alarms),
            Button::Snooze => self.snooze_all_ringing(ctx),
        }
    }
}

impl WatchActor {
    fn obey(&mut self, call: &UserCall, ctx: &mut Context<Self>) -> (Result<(), CallError>, Vec<Writing>) {
        let (done, writings) = self.step_writing(ctx, |core, now| apply(core, call, now));
        match call {
            UserCall::Remove(app) if done.is_ok() => self.journal.give_up_untold(app.clone()),
            UserCall::SnoozeAlarm(session, _) if done.is_ok() => self.observe_snoozed(*session),
            _ => {}
        }
        (done, writings)
    }

    fn observe_snoozed(&self, session: SessionId) {
        if let Some(alarm) = self.core.alarms().find(|alarm| alarm.session == session) {
            self.observe(Observation::AlarmSnoozed(session, alarm.app));
        }
    }

    fn snooze_all_ringing(&mut self, ctx: &mut Context<Self>) {
        for session in ringing(&self.core) {
            let (done, writings) = self.obey(&UserCall::SnoozeAlarm(session, None), ctx);
            ctx.spawn(self.follow(writings).map(|_lost, _, _| ()));
            if let Err(refused) = done {
                tracing::info!(%session, "the snooze button: {refused}; it rings on");
            }
        }
    }
}

/// Stops what rings; where nothing does, what is snoozed, which has no alert to be stopped from (N5).
fn stop_alarms(core: &mut Watch, now: Now) {
    let mut alarms = ringing(core);
    if alarms.is_empty() {
        alarms = core.alarms().filter(|alarm| alarm.snoozed).map(|alarm| alarm.session).collect();
    }
    for session in alarms {
        // It rang, or was snoozed, a moment ago, in this very step.
        core.stop_alarm(session, now).ok();
    }
}

fn ringing(core: &Watch) -> Vec<SessionId> {
    core.alarms().filter(|alarm| alarm.ringing).map(|alarm| alarm.session).collect()
}
