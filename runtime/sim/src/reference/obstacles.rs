//! What stands in the way of a start, in the order of S13: the first is what decides, all of it is what S11 tells.

use carpus_core::session::{Cause, End, ErrorCode, Reason};
use carpus_core::watch::CallError;
use carpus_core::{AppId, Now, SessionKind, WallTime};

use super::Reference;
use super::state::Session;

/// The kind of a session, or why it has none (S2, M4).
pub(super) type Kind = Result<SessionKind, ErrorCode>;

fn refused(code: ErrorCode) -> Option<End> {
    Some(End::with_error(code, Cause::Refused))
}

impl Reference {
    /// M1, M4: the kind follows from the manifest; where that declares several, the app names one.
    pub(super) fn m4_kind(&self, app: &AppId, named: Option<SessionKind>) -> Kind {
        let kinds = self.apps.get(app).map_or(&[][..], |app| &app.kinds);
        let several_modes = self.limits.extensions.several_modes;
        if kinds.is_empty() {
            return Err(ErrorCode::NotApprovedToStartSession);
        }
        match named {
            Some(_) if !several_modes => Err(ErrorCode::UnsupportedSessionType),
            Some(kind) if kinds.contains(&kind) => Ok(kind),
            Some(_) => Err(ErrorCode::NotApprovedToStartSession),
            None if kinds.len() == 1 => Ok(kinds[0]),
            None if several_modes => Err(ErrorCode::UnsupportedSessionType),
            None => Err(ErrorCode::NotApprovedToStartSession),
        }
    }

    pub(super) fn s11_can_start(
        &self,
        app: &AppId,
        named: Option<SessionKind>,
        at: Option<WallTime>,
        now: Now,
    ) -> Result<Vec<End>, CallError> {
        self.installed_app(app)?;
        if !self.limits.extensions.can_start {
            return Err(CallError::NotOffered);
        }
        let kind = self.m4_kind(app, named);
        Ok(match at {
            None => self.s13_in_the_way_of_start(app, kind, now),
            Some(at) => self.s13_in_the_way_of_start_at(app, kind, at, false, now),
        })
    }

    /// S13 for `start()`.
    pub(super) fn s13_in_the_way_of_start(&self, app: &AppId, kind: Kind, _now: Now) -> Vec<End> {
        let all = [s2_type(kind), self.s2_state(app), self.s3_slot(app), self.s10_suppressed(kind)];
        all.into_iter().flatten().collect()
    }

    /// S13 for `start(at)`; and for `replace(at)`, which a waiting session does not hinder (A3).
    pub(super) fn s13_in_the_way_of_start_at(
        &self,
        app: &AppId,
        kind: Kind,
        at: WallTime,
        replacing: bool,
        now: Now,
    ) -> Vec<End> {
        let mut all = vec![
            a1_type(kind),
            self.n6_right(app),
            self.a5_background_refresh(app),
            self.s2_state(app),
            if replacing { None } else { self.a3_waiting(app) },
            self.a1_too_far(at, now),
            self.a2_too_long_past(at, now),
        ];
        if self.a2_starts_at_once(at, now) {
            all.push(self.s3_slot(app));
            all.push(self.s10_suppressed(kind));
        }
        all.into_iter().flatten().collect()
    }

    fn s2_state(&self, app: &AppId) -> Option<End> {
        if self.is_active(app) { None } else { refused(ErrorCode::MustBeActiveToStartOrSchedule) }
    }

    pub(super) fn s3_slot(&self, app: &AppId) -> Option<End> {
        if self.sessions_of(app, Session::is_open).is_empty() {
            return None;
        }
        Some(End::by(Reason::SessionInProgress, Cause::Refused))
    }

    pub(super) fn s10_suppressed(&self, kind: Kind) -> Option<End> {
        let suppression = &self.limits.suppression;
        if !suppression.kinds.contains(&kind.ok()?) {
            return None;
        }
        let low = |percent: u8| percent < suppression.battery_below_percent;
        let hot = |mdegc: i32| mdegc > suppression.temperature_above_mdegc;
        if self.conditions.battery_percent.is_some_and(low) {
            return Some(End::by(Reason::SuppressedBySystem, Cause::LowBattery));
        }
        if self.conditions.temperature_mdegc.is_some_and(hot) {
            return Some(End::by(Reason::SuppressedBySystem, Cause::Overheated));
        }
        None
    }

    fn n6_right(&self, app: &AppId) -> Option<End> {
        let allowed = self.apps.get(app).is_some_and(|app| app.rights.schedule);
        let end = End::with_error(ErrorCode::NotApprovedToSchedule, Cause::DisabledByUser);
        if allowed { None } else { Some(end) }
    }

    fn a5_background_refresh(&self, app: &AppId) -> Option<End> {
        let allowed = self.apps.get(app).is_some_and(|app| app.rights.background_refresh);
        let end = End::with_error(ErrorCode::BackgroundRefreshDisabled, Cause::DisabledByUser);
        if allowed { None } else { Some(end) }
    }

    fn a3_waiting(&self, app: &AppId) -> Option<End> {
        if self.sessions_of(app, Session::waits).is_empty() {
            return None;
        }
        Some(End::by(Reason::SessionInProgress, Cause::Refused))
    }

    fn a1_too_far(&self, at: WallTime, now: Now) -> Option<End> {
        if at > now.wall.plus(self.limits.schedule_ahead) {
            return refused(ErrorCode::ScheduledTooFarInAdvance);
        }
        None
    }

    fn a2_too_long_past(&self, at: WallTime, now: Now) -> Option<End> {
        if at < now.wall.minus(self.limits.past_tolerance) {
            return Some(End::with_error(ErrorCode::Unknown, Cause::ScheduledInPast));
        }
        None
    }

    /// The time is now, or past by no more than is tolerated (A2).
    pub(super) fn a2_starts_at_once(&self, at: WallTime, now: Now) -> bool {
        at <= now.wall && self.a2_too_long_past(at, now).is_none()
    }
}

/// S2: `start()` is for every kind but the alarm.
fn s2_type(kind: Kind) -> Option<End> {
    match kind {
        Ok(SessionKind::Alarm) => refused(ErrorCode::NotApprovedToStartSession),
        Ok(_) => None,
        Err(code) => refused(code),
    }
}

/// A1: `start(at)` is for alarms.
fn a1_type(kind: Kind) -> Option<End> {
    match kind {
        Ok(SessionKind::Alarm) => None,
        Ok(_) => refused(ErrorCode::NotApprovedToSchedule),
        Err(code) => refused(code),
    }
}
