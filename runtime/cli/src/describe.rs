//! Things of the protocol as people read them.

use carpus_protocol::monitor::{EventKind, MonitorEvent};
use carpus_protocol::{AppState, SessionInfo};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::output::{Cell, Tone};

/// Units of an RR interval in a second.
const RR_UNITS_PER_S: f64 = 1024.0;

/// RR intervals in milliseconds, exactly.
pub(crate) fn rr_ms(rr_1024: &[u64]) -> Vec<f64> {
    rr_1024.iter().map(|units| *units as f64 * 1000.0 / RR_UNITS_PER_S).collect()
}

/// The time of day here, to the millisecond: `07:30:01.250`.
pub(crate) fn time_of_day(unix_ms: i64, zone: &TimeZone) -> String {
    written(unix_ms, zone, "%H:%M:%S%.3f")
}

/// The date and time here, to the second: `2026-11-22 07:30:01`.
pub(crate) fn date_and_time(unix_ms: i64, zone: &TimeZone) -> String {
    written(unix_ms, zone, "%Y-%m-%d %H:%M:%S")
}

fn written(unix_ms: i64, zone: &TimeZone, format: &str) -> String {
    match Timestamp::from_millisecond(unix_ms) {
        Ok(timestamp) => timestamp.to_zoned(zone.clone()).strftime(format).to_string(),
        Err(_) => format!("{unix_ms} ms"),
    }
}

/// An event as JSON: as the protocol has it, and the RR intervals in milliseconds too.
pub(crate) fn event_json(event: &MonitorEvent) -> Value {
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let (Some(rr_1024), Some(members)) = (&event.rr_1024, value.as_object_mut()) {
        members.insert("rr_ms".to_owned(), json!(rr_ms(rr_1024)));
    }
    value
}

/// An event as a line: when, what, and what there is to say about it.
pub(crate) fn event_line(event: &MonitorEvent, zone: &TimeZone) -> Vec<Cell> {
    vec![
        Cell::new(Tone::Dim, time_of_day(event.time_ms, zone)),
        Cell::new(tone(event.event), format!("{:15}", event.event)),
        details(event, zone).into(),
    ]
}

const fn tone(kind: EventKind) -> Tone {
    match kind {
        EventKind::DidStart | EventKind::AppInstalled => Tone::Good,
        EventKind::WillExpire | EventKind::AlarmDue | EventKind::AlertShown | EventKind::Malformed => {
            Tone::Warning
        }
        EventKind::Problem | EventKind::AlarmMissed | EventKind::AlarmSilent => Tone::Bad,
        EventKind::Sample => Tone::Dim,
        EventKind::AppState
        | EventKind::AppExited
        | EventKind::SessionState
        | EventKind::DidInvalidate
        | EventKind::Haptic
        | EventKind::Sound
        | EventKind::AlertCleared
        | EventKind::DeviceState
        | EventKind::AlarmScheduled
        | EventKind::AlarmSnoozed
        | EventKind::AlarmCancelled => Tone::Plain,
    }
}

/// What an event carries, in the order in which people ask for it: who, what, why.
fn details(event: &MonitorEvent, zone: &TimeZone) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(event.part.clone());
    words.extend(device(event));
    words.extend(event.haptic.map(|haptic| haptic.to_string()));
    words.extend(event.sound.clone());
    words.extend(event.alert.clone());
    words.extend(event.app.clone());
    words.extend(event.session.map(|session| format!("session {session}")));
    words.extend(event.state.clone());
    words.extend(event.bpm.map(|bpm| format!("{bpm} bpm")));
    words.extend(event.rr_1024.as_deref().filter(|rr| !rr.is_empty()).map(rr_text));
    words.extend(event.at_ms.map(|at| format!("at {}", date_and_time(at, zone))));
    words.extend(event.expiration_ms.map(|at| format!("until {}", time_of_day(at, zone))));
    words.extend(event.remaining_ms.map(|left| format!("{} s left", left / 1000)));
    words.extend(event.reason.map(|reason| format!("reason {reason}")));
    words.extend(event.error.as_ref().map(|error| format!("error {} ({})", error.name, error.code)));
    words.extend(event.cause.as_ref().map(|cause| format!("cause {cause}")));
    words.extend(
        event.message.clone().filter(|message| !message.is_empty()).map(|message| format!("– {message}")),
    );
    words
        .extend(event.remedy.clone().filter(|remedy| !remedy.is_empty()).map(|remedy| format!("→ {remedy}")));
    words.join(" ")
}

fn device(event: &MonitorEvent) -> Option<String> {
    match (&event.name, &event.device) {
        (Some(name), Some(device)) => Some(format!("{name} ({device})")),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    }
}

/// RR intervals for people, to the millisecond.
pub(crate) fn rr_text(rr_1024: &[u64]) -> String {
    let intervals: Vec<String> = rr_ms(rr_1024).iter().map(|ms| format!("{ms:.0}")).collect();
    format!("rr {} ms", intervals.join(" "))
}

/// A state of an app, in its tone.
pub(crate) fn app_state(state: AppState) -> Cell {
    let tone = match state {
        AppState::Active => Tone::Good,
        AppState::Inactive | AppState::Background => Tone::Plain,
        AppState::NotRunning | AppState::Suspended => Tone::Dim,
    };
    Cell::new(tone, state.name())
}

/// A session as a row.
pub(crate) fn session_row(session: &SessionInfo, zone: &TimeZone) -> Vec<Cell> {
    let time = |at: Option<i64>| Cell::from(at.map_or_else(|| "–".to_owned(), |at| date_and_time(at, zone)));
    vec![
        session.session.to_string().into(),
        session.app.as_str().into(),
        session.kind.name().into(),
        session.state.name().into(),
        time(session.started_at_ms.or(session.scheduled_at_ms)),
        time(session.expiration_ms),
    ]
}

#[cfg(test)]
mod tests {
    use carpus_protocol::{Cause, ErrorCode, HapticType, Reason};

    use super::*;

    fn line(event: &MonitorEvent) -> String {
        let cells: Vec<String> =
            event_line(event, &TimeZone::UTC).into_iter().map(|cell| cell.text).collect();
        cells.join(" ")
    }

    #[test]
    fn a_sample_is_a_line_and_keeps_its_exact_intervals_in_json() {
        let event = MonitorEvent {
            device: Some("C0:FF:EE:00:00:01".to_owned()),
            name: Some("Polar H10".to_owned()),
            bpm: Some(61),
            rr_1024: Some(vec![1001, 1013]),
            ..MonitorEvent::new(1_790_000_000_123, EventKind::Sample)
        };
        let expected = "14:13:20.123 sample          Polar H10 (C0:FF:EE:00:00:01) 61 bpm rr 978 989 ms";
        assert_eq!(line(&event), expected);
        let json = event_json(&event);
        assert_eq!(json["rr_1024"], json!([1001, 1013]));
        assert_eq!(json["rr_ms"], json!([977.539_062_5, 989.257_812_5]));
        assert_eq!(json["event"], "sample");
    }

    #[test]
    fn an_end_is_a_line_with_reason_error_and_cause() {
        let event = MonitorEvent {
            app: Some("heart-rate".to_owned()),
            session: Some(3),
            reason: Some(Reason::Error),
            error: Some(ErrorCode::ExceededResourceLimits.into()),
            cause: Some(Cause::CpuBudgetSpent { used_ms: 9100, limit_ms: 9000, window_ms: 60000 }),
            ..MonitorEvent::new(0, EventKind::DidInvalidate)
        };
        let expected = "00:00:00.000 did_invalidate  heart-rate session 3 reason error error exceeded-resource-limits \
                        (5) cause cpu-budget-spent (9100 ms of 9000 ms in 60000 ms)";
        assert_eq!(line(&event), expected);
    }

    #[test]
    fn each_kind_of_event_fits_its_column() {
        for kind in EventKind::ALL {
            assert!(kind.name().len() <= 15, "{kind}");
        }
    }

    #[test]
    fn a_haptic_says_where_it_came_from() {
        let event = MonitorEvent {
            app: Some("heart-rate".to_owned()),
            haptic: Some(HapticType::Click),
            ..MonitorEvent::new(0, EventKind::Haptic)
        };
        assert_eq!(line(&event), "00:00:00.000 haptic          click heart-rate");
    }

    #[test]
    fn a_time_that_no_calendar_has_is_told_as_a_number() {
        assert_eq!(time_of_day(i64::MAX, &TimeZone::UTC), format!("{} ms", i64::MAX));
        assert_eq!(date_and_time(0, &TimeZone::UTC), "1970-01-01 00:00:00");
    }
}
