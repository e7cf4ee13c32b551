//! How the watch stands, for whoever looks on.

use actix::prelude::*;
use carpus_core::recurrence::Recurrence;
use carpus_core::watch::{AlarmView, SessionView, Wrist};
use carpus_core::{AppId, AppRights, AppState, SessionId, WallTime};

use super::WatchActor;
use crate::time;

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
    /// The session of each app that runs or was handed over.
    pub in_progress: Vec<(AppId, SessionId)>,
    /// The alarms that wait, run, ring or are snoozed, and those that the runtime rings in the place of an app (N7).
    pub alarms: Vec<AlarmView>,
    /// The installed apps' states.
    pub apps: Vec<(AppId, AppState)>,
    /// What the user lets the installed apps do (A5, N6).
    pub rights: Vec<(AppId, AppRights)>,
    /// The recurrences, each with its app and the instant that it names next (A10).
    pub recurrences: Vec<(AppId, Recurrence, Option<WallTime>)>,
}

impl Handler<Look> for WatchActor {
    type Result = MessageResult<Look>;

    fn handle(&mut self, _: Look, _: &mut Self::Context) -> Self::Result {
        let core = &self.core;
        let now = time::now(&*self.clock);
        let recurrence = |(app, _): (&AppId, AppState)| {
            let (rule, next) = core.recurrence(app, now)?;
            Some((app.clone(), rule.clone(), next))
        };
        let rights = |(app, _): (&AppId, AppState)| Some((app.clone(), core.rights(app)?));
        let in_progress = |(app, _): (&AppId, AppState)| Some((app.clone(), core.session_in_progress(app)?));
        MessageResult(View {
            screen_on: core.wrist() == Wrist::Up,
            frontmost: core.frontmost().cloned(),
            sessions: core.open_sessions().collect(),
            in_progress: core.apps().filter_map(in_progress).collect(),
            alarms: core.alarms().collect(),
            apps: core.apps().map(|(app, state)| (app.clone(), state)).collect(),
            rights: core.apps().filter_map(rights).collect(),
            recurrences: core.apps().filter_map(recurrence).collect(),
        })
    }
}
