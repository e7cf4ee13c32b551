//! `carpus device`: look for heart rate straps, and watch them.

use std::time::Duration;

use carpus_protocol::devices::{Add, Device, Forget, HeartRate, HeartRateSample, LinkState, List, Scan};
use clap::Subcommand;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::connection::Runtime;
use crate::describe::{rr_ms, rr_text, time_of_day};
use crate::failure::Failure;
use crate::output::{Cell, Output, Tone};
use crate::span;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look for straps.
    Scan {
        /// How long to look.
        #[arg(long = "for", value_name = "SPAN", value_parser = span::parse, default_value = "10s")]
        length: Duration,
    },
    /// Show the straps.
    List,
    /// Keep a link to a strap from now on.
    Add {
        /// Its address, AA:BB:CC:DD:EE:FF.
        device: String,
    },
    /// Forget a strap.
    Forget {
        /// Its address.
        device: String,
    },
    /// Show each heart rate sample, until Ctrl-C.
    Watch {
        /// The strap's address; all straps when left out.
        device: Option<String>,
    },
}

pub(crate) async fn run(command: Command, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Scan { length } => scan(length, runtime, output).await,
        Command::List => {
            let devices = runtime.call(List {}).await?.devices;
            let header =
                ["DEVICE", "NAME", "STATE", "KNOWN", "BATTERY", "SIGNAL", "SAMPLES", "MALFORMED", "REASON"];
            let none = "no strap is known; look for one with `carpus device scan`";
            output.table(&devices, &header, none, row)
        }
        Command::Add { device } => {
            runtime.call(Add { device: device.clone() }).await?;
            output.done(&format!("{device} is known now"))
        }
        Command::Forget { device } => {
            runtime.call(Forget { device: device.clone() }).await?;
            output.done(&format!("{device} is forgotten"))
        }
        Command::Watch { device } => watch(device, runtime, output).await,
    }
}

async fn scan(length: Duration, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    let mut seen = 0;
    let mut straps = runtime.stream(Scan { for_ms: span::ms(length) }).await?;
    while let Some(reply) = straps.next_or_interrupt().await? {
        seen += 1;
        let device = &reply.device;
        output.object(device, || {
            let name = device.name.as_deref().unwrap_or("no name");
            vec![device.device.as_str().into(), name.into(), Cell::new(Tone::Dim, signal(device))]
        })?;
    }
    if seen == 0 {
        output.say("no strap was seen; wet its electrodes, wear it, and keep it near")?;
    }
    Ok(())
}

async fn watch(device: Option<String>, runtime: &Runtime, output: &mut Output) -> Result<(), Failure> {
    let zone = TimeZone::system();
    let mut samples = runtime.stream(HeartRate { device }).await?;
    while let Some(reply) = samples.next_or_interrupt().await? {
        let sample = &reply.sample;
        if output.is_json() {
            output.json_line(&sample_json(sample))?;
        } else {
            output.line(&sample_line(sample, &zone))?;
        }
    }
    Ok(())
}

/// A sample as the protocol has it, and its RR intervals in milliseconds too.
fn sample_json(sample: &HeartRateSample) -> serde_json::Value {
    let mut value = json!(sample);
    value["rr_ms"] = json!(rr_ms(&sample.rr_1024));
    value
}

fn sample_line(sample: &HeartRateSample, zone: &TimeZone) -> Vec<Cell> {
    let mut cells = vec![
        Cell::new(Tone::Dim, time_of_day(sample.arrived_ms, zone)),
        sample.device.as_str().into(),
        format!("{:3} bpm", sample.bpm).into(),
    ];
    if !sample.rr_1024.is_empty() {
        cells.push(rr_text(&sample.rr_1024).into());
    }
    if sample.contact == carpus_protocol::devices::Contact::NotDetected {
        cells.push(Cell::new(Tone::Warning, "no contact"));
    }
    if sample.dropped_before > 0 {
        cells.push(Cell::new(Tone::Warning, format!("{} lost before", sample.dropped_before)));
    }
    if sample.gap_before {
        cells.push(Cell::new(Tone::Warning, "after a gap"));
    }
    cells
}

fn row(device: &Device) -> Vec<Cell> {
    let or_none = |text: Option<String>| Cell::from(text.unwrap_or_else(|| "–".to_owned()));
    vec![
        device.device.as_str().into(),
        or_none(device.name.clone()),
        Cell::new(tone(device.state), device.state.name()),
        if device.known { "yes" } else { "no" }.into(),
        or_none(device.battery_percent.map(|percent| format!("{percent} %"))),
        signal(device).into(),
        device.samples.to_string().into(),
        device.malformed.to_string().into(),
        device.reason.as_deref().unwrap_or_default().into(),
    ]
}

fn signal(device: &Device) -> String {
    device.rssi_dbm.map_or_else(|| "–".to_owned(), |dbm| format!("{dbm} dBm"))
}

const fn tone(state: LinkState) -> Tone {
    match state {
        LinkState::Live => Tone::Good,
        LinkState::Silent | LinkState::Lost | LinkState::BackingOff => Tone::Warning,
        LinkState::Absent => Tone::Dim,
        LinkState::Seen | LinkState::Connecting | LinkState::Discovering | LinkState::Subscribing => {
            Tone::Plain
        }
    }
}

#[cfg(test)]
mod tests {
    use carpus_protocol::devices::Contact;

    use super::*;

    #[test]
    fn a_sample_says_what_is_wrong_with_it() {
        let mut sample = HeartRateSample {
            device: "C0:FF:EE:00:00:01".to_owned(),
            name: None,
            arrived_ms: 0,
            bpm: 61,
            contact: Contact::Detected,
            energy_kj: None,
            rr_1024: vec![1001],
            dropped_before: 0,
            gap_before: false,
        };
        let line = |sample: &HeartRateSample| {
            let cells = sample_line(sample, &TimeZone::UTC);
            cells.into_iter().map(|cell| cell.text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line(&sample), "00:00:00.000 C0:FF:EE:00:00:01  61 bpm rr 978 ms");
        sample.contact = Contact::NotDetected;
        sample.dropped_before = 2;
        sample.gap_before = true;
        sample.rr_1024.clear();
        assert_eq!(
            line(&sample),
            "00:00:00.000 C0:FF:EE:00:00:01  61 bpm no contact 2 lost before after a gap"
        );
        assert_eq!(sample_json(&sample)["rr_ms"], json!([]));
    }
}
