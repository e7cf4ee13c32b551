//! `io.carpus.Monitor`.

use std::time::Duration;

use carpus_actors::ble::BleReport;
use carpus_actors::monitor::{LookOn, Observation, Observed, Problems};
use carpus_actors::report::DeviceReport;
use carpus_actors::supervisor::ListChildren;
use carpus_actors::watch::{Look, UserCall, View};
use carpus_core::recurrence::Recurrence;
use carpus_core::supervision::ChildView;
use carpus_core::watch::{AlarmView, CallError};
use carpus_core::{AppEvent, AppId, SessionId, WallTime};
use carpus_protocol::monitor::{
    AlarmsReply, AppRecurrence, Call, Child, Error, EventKind, EventsReply, MonitorEvent, Problem,
    RecurrencesReply, SessionsReply, StatusReply,
};
use tokio::sync::broadcast::error::RecvError;

use super::client::{Answer, Client, done, failed, nothing};
use super::convert::{self, same_name};
use super::devices::{contact, rr_1024};
use super::recurrence;

impl Client {
    pub(super) async fn monitor(&self, call: Call) -> Answer {
        if let Err(message) = self.operator() {
            return failed(&Error::NotPermitted { message });
        }
        match call {
            Call::Events(_) => nothing(),
            Call::Status(_) => self.status().await,
            Call::Sessions(_) => match self.services.watch.send(Look).await {
                Ok(view) => done(&SessionsReply {
                    sessions: view.sessions.iter().map(convert::session_info).collect(),
                }),
                Err(error) => failed(&unavailable(error)),
            },
            Call::Alarms(_) => match self.services.watch.send(Look).await {
                Ok(view) => done(&AlarmsReply { alarms: view.alarms.iter().map(convert::alarm).collect() }),
                Err(error) => failed(&unavailable(error)),
            },
            Call::Recurrences(_) => match self.services.watch.send(Look).await {
                Ok(view) => done(&RecurrencesReply { recurrences: recurrences(view) }),
                Err(error) => failed(&unavailable(error)),
            },
            Call::StopAlarm(stop) => self.on_alarm(stop.session, UserCall::StopAlarm).await,
            Call::OpenAlarm(open) => self.on_alarm(open.session, UserCall::OpenAlarm).await,
            Call::SnoozeAlarm(snooze) => {
                let span = snooze.for_ms.map(Duration::from_millis);
                self.on_alarm(snooze.session, |session| UserCall::SnoozeAlarm(session, span)).await
            }
        }
    }

    async fn status(&self) -> Answer {
        let children = self.services.supervisor.send(ListChildren).await.unwrap_or_default();
        match self.services.monitor.send(Problems).await {
            Ok(problems) => done(&StatusReply {
                children: Some(children.into_iter().map(child).collect()),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                simulate: self.services.simulation.is_some(),
                problems: problems
                    .into_iter()
                    .map(|problem| Problem {
                        part: problem.part.to_owned(),
                        what: problem.what,
                        remedy: problem.remedy,
                    })
                    .collect(),
            }),
            Err(error) => failed(&unavailable(error)),
        }
    }

    /// Does something with the named alarm, or with the one that rings, or, when none does, is snoozed.
    async fn on_alarm(&self, session: Option<u64>, what: impl FnOnce(SessionId) -> UserCall) -> Answer {
        let view = match self.services.watch.send(Look).await {
            Ok(view) => view,
            Err(error) => return failed(&unavailable(error)),
        };
        let first = |wanted: &dyn Fn(&AlarmView) -> bool| view.alarms.iter().find(|alarm| wanted(alarm));
        let alarm = match session {
            Some(id) => first(&|alarm| alarm.session.0 == id),
            None => first(&|alarm| alarm.ringing).or_else(|| first(&|alarm| alarm.snoozed)),
        };
        let Some(alarm) = alarm else {
            return failed(&session.map_or(Error::NothingRings, |session| Error::UnknownSession { session }));
        };
        match self.services.watch.send(what(alarm.session)).await {
            Ok(Ok(())) => nothing(),
            Ok(Err(CallError::NotRinging(_))) => failed(&Error::NothingRings),
            Ok(Err(CallError::NoRoomToSnooze { left })) => {
                let left_ms = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
                failed(&Error::NoRoomToSnooze { left_ms })
            }
            Ok(Err(error @ CallError::NotOffered)) => {
                failed(&Error::NotOffered { message: error.to_string() })
            }
            Ok(Err(error)) => failed(&unavailable(error)),
            Err(error) => failed(&unavailable(error)),
        }
    }

    /// Tells what happens, from now on. An onlooker that reads too slowly is told how many it missed.
    pub(super) async fn stream_observations(&mut self) -> zlink::Result<()> {
        if let Err(message) = self.operator() {
            return self.out.error(&Error::NotPermitted { message }).await;
        }
        let mut observed = match self.services.monitor.send(LookOn).await {
            Ok(observed) => observed,
            Err(error) => return self.out.error(&unavailable(error)).await,
        };
        let (read, out, _) = self.parts();
        loop {
            tokio::select! {
                next = observed.recv() => match next {
                    Ok(observed) => {
                        if let Some(event) = monitor_event(&observed) {
                            out.next(EventsReply { event }).await?;
                        }
                    }
                    Err(RecvError::Lagged(missed)) => {
                        let mut event = MonitorEvent::new(now_ms(), EventKind::Problem);
                        event.message = Some(format!("this onlooker reads too slowly; {missed} events were left out"));
                        out.next(EventsReply { event }).await?;
                    }
                    Err(RecvError::Closed) => return Ok(()),
                },
                () = Self::left(read) => return Ok(()),
            }
        }
    }
}

fn recurrences(view: View) -> Vec<AppRecurrence> {
    let on_wire = |(app, rule, next): (AppId, Recurrence, Option<WallTime>)| AppRecurrence {
        app: app.to_string(),
        rule: recurrence::on_wire(&rule),
        next_ms: next.map(WallTime::unix_ms),
    };
    view.recurrences.into_iter().map(on_wire).collect()
}

fn child(view: ChildView) -> Child {
    Child {
        child: view.name.to_owned(),
        state: same_name(view.state.name()),
        restarts: view.restarts,
        reason: view.last_failure.map(|failure| failure.to_string()),
    }
}

fn unavailable(error: impl std::error::Error) -> Error {
    Error::Unavailable { message: error.to_string() }
}

fn now_ms() -> i64 {
    carpus_actors::time::wall_time(std::time::SystemTime::now()).unix_ms()
}

/// An observation as the protocol tells it; none for what it has no word for.
fn monitor_event(observed: &Observed) -> Option<MonitorEvent> {
    let new = |kind| MonitorEvent::new(observed.at.unix_ms(), kind);
    let of_app = |kind, app: &AppId| MonitorEvent { app: Some(app.to_string()), ..new(kind) };
    let of_session = |kind, session: SessionId| MonitorEvent { session: Some(session.0), ..new(kind) };
    Some(match &observed.what {
        Observation::Installed(app) => of_app(EventKind::AppInstalled, app),
        Observation::AppState(app, state) => {
            MonitorEvent { state: Some(state.name().to_owned()), ..of_app(EventKind::AppState, app) }
        }
        Observation::AppExited(app, status) => MonitorEvent {
            message: Some(convert::exit_sentence(*status)),
            ..of_app(EventKind::AppExited, app)
        },
        Observation::SessionState(session, app, state) => MonitorEvent {
            session: Some(session.0),
            state: Some(state.name().to_owned()),
            ..of_app(EventKind::SessionState, app)
        },
        Observation::Told(app, event) => return told(&new, app.as_str(), event),
        Observation::Haptic(haptic, origin) => MonitorEvent {
            app: Some(origin.clone()),
            haptic: Some(same_name(haptic.name())),
            ..new(EventKind::Haptic)
        },
        Observation::Sound(name, origin) => {
            MonitorEvent { app: Some(origin.clone()), sound: Some(name.clone()), ..new(EventKind::Sound) }
        }
        Observation::AlertShown(session, app) => alert(of_app(EventKind::AlertShown, app), *session),
        Observation::AlertCleared(session, app) => alert(of_app(EventKind::AlertCleared, app), *session),
        Observation::AlarmScheduled(session, app, at) => MonitorEvent {
            app: app.as_ref().map(AppId::to_string),
            at_ms: Some(at.unix_ms()),
            ..of_session(EventKind::AlarmScheduled, *session)
        },
        Observation::AlarmDue(session, app, at) => MonitorEvent {
            session: Some(session.0),
            at_ms: Some(at.unix_ms()),
            ..of_app(EventKind::AlarmDue, app)
        },
        Observation::AlarmCancelled(session, app) => MonitorEvent {
            app: app.as_ref().map(AppId::to_string),
            ..of_session(EventKind::AlarmCancelled, *session)
        },
        Observation::AlarmMissed(session, app, at) => MonitorEvent {
            session: Some(session.0),
            at_ms: Some(at.unix_ms()),
            message: Some("the alarm was missed: the board or the runtime was off".to_owned()),
            ..of_app(EventKind::AlarmMissed, app)
        },
        Observation::AlarmSilent(session, app) => MonitorEvent {
            session: Some(session.0),
            message: Some("the alarm ended, and its app never rang".to_owned()),
            remedy: Some(format!("`carpus app rights {app} --scheduling off` lets it schedule no more")),
            ..of_app(EventKind::AlarmSilent, app)
        },
        Observation::AlarmSnoozed(session, app) => {
            MonitorEvent { session: Some(session.0), ..of_app(EventKind::AlarmSnoozed, app) }
        }
        Observation::Ble(report) => return about_strap(&new, report),
        Observation::Device(report) => about_device(new(EventKind::Problem), report),
    })
}

fn alert(event: MonitorEvent, session: SessionId) -> MonitorEvent {
    MonitorEvent { session: Some(session.0), alert: Some("alarm".to_owned()), ..event }
}

fn about_device(event: MonitorEvent, report: &DeviceReport) -> MonitorEvent {
    match report {
        DeviceReport::Problem(problem) => MonitorEvent {
            part: Some(problem.part.to_owned()),
            message: Some(problem.what.clone()),
            remedy: Some(problem.remedy.clone()),
            ..event
        },
        DeviceReport::Mended(mended) => MonitorEvent {
            part: Some(mended.part.to_owned()),
            message: Some("it works again".to_owned()),
            ..event
        },
    }
}

fn told(new: &impl Fn(EventKind) -> MonitorEvent, app: &str, event: &AppEvent) -> Option<MonitorEvent> {
    let named = |kind, session: SessionId| MonitorEvent {
        app: Some(app.to_owned()),
        session: Some(session.0),
        ..new(kind)
    };
    Some(match event {
        AppEvent::DidStart { session, expiration } => {
            MonitorEvent { expiration_ms: Some(expiration.unix_ms()), ..named(EventKind::DidStart, *session) }
        }
        AppEvent::WillExpire { session, remaining } => MonitorEvent {
            remaining_ms: Some(convert::millis(*remaining)),
            ..named(EventKind::WillExpire, *session)
        },
        AppEvent::DidInvalidate { session, end } => MonitorEvent {
            reason: Some(same_name(end.reason.name())),
            error: end.error.map(convert::session_error),
            cause: end.cause.as_ref().map(convert::cause),
            message: Some(convert::sentence(end)),
            ..named(EventKind::DidInvalidate, *session)
        },
        AppEvent::Handle { .. } | AppEvent::StateChanged { .. } | AppEvent::RepeatAsked { .. } => {
            return None;
        }
    })
}

fn about_strap(new: &impl Fn(EventKind) -> MonitorEvent, report: &BleReport) -> Option<MonitorEvent> {
    Some(match report {
        BleReport::StrapState { device, name, state, reason } => MonitorEvent {
            device: Some(device.to_string()),
            name: name.clone(),
            state: Some(state.name().to_owned()),
            message: reason.as_ref().map(ToString::to_string),
            ..new(EventKind::DeviceState)
        },
        BleReport::Sample(heart) => MonitorEvent {
            device: Some(heart.device.to_string()),
            name: heart.name.as_deref().map(str::to_owned),
            bpm: Some(u64::from(heart.measurement.bpm)),
            rr_1024: Some(rr_1024(heart)),
            contact: Some(contact(heart.measurement.contact)),
            ..new(EventKind::Sample)
        },
        BleReport::Malformed { device, kind, count } => MonitorEvent {
            device: Some(device.to_string()),
            message: Some(format!("a malformed packet ({kind}); {count} so far")),
            ..new(EventKind::Malformed)
        },
        BleReport::StrapAdded { .. } => return None,
    })
}
