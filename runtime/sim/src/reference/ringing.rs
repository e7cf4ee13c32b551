//! The alarm that an app rings (N1–N5), and the one that the runtime rings for it (N7).

use std::time::Duration;

use carpus_core::session::{Cause, End, Reason};
use carpus_core::watch::{CallError, Output, Repeat};
use carpus_core::{AppEvent, AppId, AppState, Haptic, Now, SessionId, SessionKind};

use super::Reference;
use super::state::{Fallback, FallbackPhase, Ring, Session, Span};

type Call = Result<(), CallError>;

impl Reference {
    pub(super) fn n1_notify_user(
        &mut self,
        app: &AppId,
        id: SessionId,
        haptic: Haptic,
        repeat: Repeat,
        now: Now,
    ) -> Call {
        let session = self.own(app, id)?;
        if !session.runs() || !session.with_time {
            let told = self.limits.extensions.notify_errors;
            return if told { Err(CallError::NotARunningAlarm) } else { Ok(()) };
        }
        let before = session.ring;
        if self.n7_outlasts(id) {
            return Ok(());
        }
        let (interval, changed) = match repeat {
            Repeat::Default | Repeat::Ask => (Some(self.limits.default_interval), None),
            Repeat::EveryMs(ms) => self.n2_interval(id, ms),
        };
        let (snoozed_until, alert) = self.n7_taken_over(id, before);
        self.session_mut(id).ring = Some(Ring {
            haptic,
            interval,
            repeat,
            answered: true, // it was asked nothing yet
            last_at: now.since_boot,
            next_at: None,
            snoozed_until,
            alert,
        });
        if snoozed_until.is_none() {
            self.n2_ring(id, now);
        }
        self.d2_save(id);
        self.outputs.extend(changed);
        self.n2_show_and_ask(id, snoozed_until.is_none());
        Ok(())
    }

    /// The user put the fallback alarm off to a time at which the session is over: what the app rings would be over
    /// with it, so the fallback stays.
    fn n7_outlasts(&self, id: SessionId) -> bool {
        let span = self.sessions.get(&id).and_then(Session::span);
        let fallback = self.fallbacks.get(&id).map(|fallback| fallback.phase);
        match (span, fallback) {
            (Some(span), Some(FallbackPhase::Snoozed { until })) => until >= span.ends_at,
            (_, _) => false,
        }
    }

    /// What the new ring goes on with of the one before it, or of the fallback alarm, which is over now (N5, N7).
    fn n7_taken_over(&mut self, id: SessionId, before: Option<Ring>) -> (Option<Duration>, bool) {
        let fallback = self.fallbacks.remove(&id);
        match (before, fallback) {
            (Some(ring), _) => (ring.snoozed_until, ring.alert),
            (None, Some(fallback)) => match fallback.phase {
                FallbackPhase::Snoozed { until } => (Some(until), fallback.alert),
                FallbackPhase::Planned | FallbackPhase::Ringing { .. } => (None, fallback.alert),
            },
            (None, None) => (None, false),
        }
    }

    /// N2: the time between two haptics, within its bounds; none for zero or less.
    /// And what to log when it is not what was asked for.
    fn n2_interval(&self, id: SessionId, asked_ms: i64) -> (Option<Duration>, Option<Output>) {
        let Some(asked_ms) = u64::try_from(asked_ms).ok().filter(|ms| *ms > 0) else { return (None, None) };
        let asked = Duration::from_millis(asked_ms);
        let given = asked.max(self.limits.min_interval).min(self.limits.max_interval);
        let changed = Output::IntervalChanged { session: id, asked, given };
        (Some(given), (given != asked).then_some(changed))
    }

    /// N2: one haptic, and the question how to go on.
    pub(super) fn n2_play(&mut self, id: SessionId, now: Now) {
        let rang = self.session_mut(id).rang;
        self.n2_ring(id, now);
        if !rang {
            self.d2_save(id); // it was put off until now (N5)
        }
        self.n2_show_and_ask(id, true);
    }

    fn n2_ring(&mut self, id: SessionId, now: Now) {
        let session = self.session_mut(id);
        let Some(ring) = &mut session.ring else { return };
        ring.snoozed_until = None;
        ring.answered = false;
        ring.last_at = now.since_boot;
        ring.next_at = ring.interval.map(|interval| now.after(interval));
        session.played = session.played.saturating_add(1);
        session.rang = true;
        let (app, haptic) = (session.app.clone(), ring.haptic);
        self.put(Output::Ring { session: id, app, haptic });
    }

    fn n2_show_and_ask(&mut self, id: SessionId, rang: bool) {
        let session = self.session_mut(id);
        let asks = session.ring.is_some_and(|ring| ring.asks());
        let (app, played) = (session.app.clone(), session.played);
        self.n4_alerts(&app);
        if asks && rang {
            self.deliver(&app, AppEvent::RepeatAsked { session: id, played });
        }
    }

    pub(super) fn n2_repeat(
        &mut self,
        app: &AppId,
        id: SessionId,
        played: u32,
        interval_ms: i64,
        haptic: Option<Haptic>,
    ) -> Call {
        let session = self.own(app, id)?;
        let Some(mut ring) = session.ring else { return Err(CallError::NotRinging(id)) };
        if !ring.asks() || ring.answered || played != session.played {
            return Ok(());
        }
        let before = (ring.haptic, ring.interval);
        ring.answered = true;
        ring.haptic = haptic.unwrap_or(ring.haptic);
        let (interval, changed) = self.n2_interval(id, interval_ms);
        self.outputs.extend(changed);
        ring.interval = interval;
        if ring.snoozed_until.is_none() {
            ring.next_at = ring.interval.map(|interval| ring.last_at.saturating_add(interval));
        }
        self.session_mut(id).ring = Some(ring);
        if before != (ring.haptic, ring.interval) {
            self.d2_save(id);
        }
        Ok(())
    }

    /// N3: the alarm of a session that ends goes on no more.
    pub(super) fn n3_stop_ring(&mut self, id: SessionId) {
        let sounds = self.session_mut(id).sounds();
        if sounds {
            self.put(Output::Silence { session: id });
        }
        let session = self.session_mut(id);
        let (ring, app) = (session.ring.take(), session.app.clone());
        if ring.is_some_and(|ring| ring.alert) {
            self.put(Output::ClearAlert { session: id, app });
        }
    }

    /// N4: an alert is shown while an alarm rings and its app is not active; for a fallback alarm, always (N7).
    pub(super) fn n4_alerts(&mut self, app: &AppId) {
        let active = self.app_state(app) == Some(AppState::Active);
        for id in self.sessions_of(app, |session| session.ring.is_some()) {
            let session = self.session_mut(id);
            let wanted = session.sounds() && !active;
            let shown = session.ring.as_mut().map(|ring| std::mem::replace(&mut ring.alert, wanted));
            self.n4_show(id, app, shown == Some(true), wanted);
        }
        for (id, fallback) in self.fallbacks.clone() {
            if fallback.app == *app {
                let wanted = fallback.sounds();
                self.fallbacks.insert(id, Fallback { alert: wanted, ..fallback.clone() });
                self.n4_show(id, app, fallback.alert, wanted);
            }
        }
    }

    fn n4_show(&mut self, id: SessionId, app: &AppId, shown: bool, wanted: bool) {
        let app = app.clone();
        match (shown, wanted) {
            (false, true) => self.put(Output::ShowAlert { session: id, app }),
            (true, false) => self.put(Output::ClearAlert { session: id, app }),
            (true, true) | (false, false) => {}
        }
    }

    /// N4: Stop. A snoozed alarm can be stopped, too (N5).
    pub(super) fn n4_stop(&mut self, id: SessionId, now: Now) -> Call {
        let fallback =
            self.fallbacks.get(&id).is_some_and(|fallback| fallback.phase != FallbackPhase::Planned);
        let session = self.sessions.get(&id);
        if !fallback && session.is_none_or(|session| session.ring.is_none()) {
            return Err(CallError::NotRinging(id));
        }
        if session.is_some_and(Session::is_open) {
            self.end(id, End::by(Reason::None, Cause::UserStoppedAlarm), now);
        } else {
            self.n7_end_fallback(id);
        }
        Ok(())
    }

    /// N4: Open. There is no alert to open a snoozed alarm from (N5).
    pub(super) fn n4_open(&mut self, id: SessionId, now: Now) -> Call {
        let fallback = self.fallbacks.get(&id).filter(|fallback| fallback.sounds());
        let session = self.sessions.get(&id).filter(|session| session.sounds());
        let app = match (fallback, session) {
            (Some(fallback), _) => fallback.app.clone(),
            (None, Some(session)) => session.app.clone(),
            (None, None) => return Err(CallError::NotRinging(id)),
        };
        self.n7_end_fallback(id);
        self.n4_bring_to_front(&app, now);
        Ok(())
    }

    pub(super) fn n5_snooze(&mut self, id: SessionId, span: Option<Duration>, now: Now) -> Call {
        if !self.limits.extensions.snooze {
            return Err(CallError::NotOffered);
        }
        let fallback = self.fallbacks.get(&id).filter(|fallback| fallback.phase != FallbackPhase::Planned);
        let session = self.sessions.get(&id).filter(|session| session.ring.is_some());
        let ends_at = match (fallback, session.and_then(Session::span)) {
            (Some(fallback), _) => fallback.over_at,
            (None, Some(span)) => span.ends_at,
            (None, None) => return Err(CallError::NotRinging(id)),
        };
        let span = span.unwrap_or(self.limits.snooze);
        let left = ends_at.saturating_sub(now.since_boot);
        if span.is_zero() || span > left {
            return Err(CallError::NoRoomToSnooze { left });
        }
        self.n5_be_still(id, now.after(span));
        Ok(())
    }

    fn n5_be_still(&mut self, id: SessionId, until: Duration) {
        let mut app = None;
        let mut sounded = false;
        if let Some(fallback) = self.fallbacks.get_mut(&id) {
            sounded = fallback.sounds();
            fallback.phase = FallbackPhase::Snoozed { until };
            app = Some(fallback.app.clone());
        } else if let Some(session) = self.sessions.get_mut(&id) {
            sounded = session.sounds();
            if let Some(ring) = &mut session.ring {
                ring.snoozed_until = Some(until);
                ring.next_at = None;
            }
            app = Some(session.app.clone());
        }
        if sounded {
            self.put(Output::Silence { session: id });
        }
        self.d2_save(id);
        if let Some(app) = app {
            self.n4_alerts(&app);
        }
    }

    /// N7: the runtime will ring if the app does not: so long before the end of the window, but never earlier than
    /// after half of what is left of it. One that rang before a crash is planned for as well: nobody has stopped it.
    pub(super) fn n7_plan(&mut self, id: SessionId, span: Span, now: Now) {
        let app = self.session_mut(id).app.clone();
        if !self.limits.extensions.fallback {
            return;
        }
        let left = span.ends_at.saturating_sub(now.since_boot);
        let lead = self.limits.fallback_lead.min(left / 2);
        let at = span.expiration.minus(lead);
        let rings_at = span.ends_at.saturating_sub(lead);
        let fallback = Fallback {
            app,
            kind: SessionKind::Alarm,
            at,
            until: at.plus(self.limits.fallback_time),
            rings_at,
            over_at: rings_at.saturating_add(self.limits.fallback_time),
            phase: FallbackPhase::Planned,
            alert: false,
        };
        self.fallbacks.insert(id, fallback);
    }

    /// N7: one haptic of the fallback alarm.
    pub(super) fn n7_play(&mut self, id: SessionId, now: Now) {
        let next_at = now.after(self.limits.default_interval);
        let Some(fallback) = self.fallbacks.get_mut(&id) else { return };
        fallback.phase = FallbackPhase::Ringing { next_at };
        let app = fallback.app.clone();
        self.put(Output::Ring { session: id, app: app.clone(), haptic: Haptic::Notification });
        self.n4_alerts(&app);
    }

    /// N7: there is no fallback alarm for this session any more.
    pub(super) fn n7_silence_fallback(&mut self, id: SessionId) {
        let Some(fallback) = self.fallbacks.remove(&id) else { return };
        if fallback.sounds() {
            self.put(Output::Silence { session: id });
        }
        if fallback.alert {
            self.put(Output::ClearAlert { session: id, app: fallback.app });
        }
    }

    /// N7: the fallback alarm is over, and nothing is owed for a session that is over, too.
    pub(super) fn n7_end_fallback(&mut self, id: SessionId) {
        let owed = self.fallbacks.contains_key(&id);
        self.n7_silence_fallback(id);
        if owed && self.sessions.get(&id).is_none_or(Session::is_over) {
            self.put(Output::Forget { session: id });
        } else if owed {
            self.d2_save(id);
        }
    }
}
