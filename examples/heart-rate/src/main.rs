//! Shows each message of the heart rate straps while you sit still, and taps at the start and at each minute.
//!
//! Launched again after a crash, it goes on in its session. With the argument `--json`, or with `HEART_RATE_JSON` set, it prints a JSON object a line.

use std::time::Duration;

use carpus::{App, AppState, Error, Event, Haptic, HeartRate};
use tokio::time::MissedTickBehavior;

/// From one tap to the next: meditation is counted in minutes.
const TAP_INTERVAL: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wanted = std::env::args().any(|argument| argument == "--json");
    let json = wanted || std::env::var_os("HEART_RATE_JSON").is_some();
    let app = App::connect().await?;
    let mut straps = app.heart_rate().await?;
    let mut taps = tokio::time::interval(TAP_INTERVAL);
    taps.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // A session that was handed to this process is gone on with (S14).
    let (mut started, mut runs) = (app.handed_session().is_some(), false);
    loop {
        tokio::select! {
            event = app.next_event() => match event? {
                Some(Event::StateChanged { state: AppState::Active }) if !started => {
                    started = worked(app.session().await?.start().await);
                }
                Some(Event::DidStart { .. }) => {
                    runs = true;
                    taps.reset_immediately();
                }
                Some(Event::DidReconnect { gap }) => eprintln!("no runtime for {:?}", gap.length),
                Some(Event::DidInvalidate { end, .. }) => {
                    eprintln!("the session is over: {end}");
                    (started, runs) = (false, false);
                }
                Some(_) => {}
                None => return Ok(()),
            },
            Some(sample) = straps.next() => match sample {
                Ok(sample) => println!("{}", line(&sample, json)),
                Err(error) => eprintln!("no heart rate: {error}"),
            },
            _ = taps.tick(), if runs => { worked(app.play(Haptic::Click).await); }
        }
    }
}

/// Says what did not work; the app goes on.
fn worked(result: Result<(), Error>) -> bool {
    result.inspect_err(|error| eprintln!("{error}")).is_ok()
}

/// A sample as a line: `C0:FF:EE:00:00:01 61 bpm rr 977.5 989.3`.
fn line(sample: &HeartRate, json: bool) -> String {
    let rr: Vec<String> = sample.rr.iter().map(|rr| format!("{:.1}", rr.as_millis_f64())).collect();
    let HeartRate { device, bpm, .. } = sample;
    if json {
        return format!(r#"{{"device":"{device}","bpm":{bpm},"rr_ms":[{}]}}"#, rr.join(","));
    }
    match rr.as_slice() {
        [] => format!("{device} {bpm} bpm"),
        rr => format!("{device} {bpm} bpm rr {}", rr.join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carpus::{Contact, RrInterval};

    #[test]
    fn a_sample_is_a_line_or_a_json_object() {
        let mut sample = HeartRate {
            device: "C0:FF:EE:00:00:01".to_owned(),
            name: None,
            arrived: std::time::SystemTime::UNIX_EPOCH,
            bpm: 61,
            contact: Contact::Detected,
            energy_kj: None,
            rr: vec![RrInterval::from_1024ths(1001), RrInterval::from_1024ths(1013)],
            dropped_before: 0,
            gap_before: false,
        };
        assert_eq!(line(&sample, false), "C0:FF:EE:00:00:01 61 bpm rr 977.5 989.3");
        assert_eq!(line(&sample, true), r#"{"device":"C0:FF:EE:00:00:01","bpm":61,"rr_ms":[977.5,989.3]}"#);
        sample.rr.clear();
        assert_eq!(line(&sample, false), "C0:FF:EE:00:00:01 61 bpm");
    }
}
