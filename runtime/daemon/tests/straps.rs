//! Heartbeats end to end, from simulated straps over the real socket.

mod runtime;

use std::collections::BTreeSet;

use carpus_protocol::{devices, simulation};
use runtime::Runtime;

const STRAP: &str = "C0:FF:EE:00:00:01";

#[tokio::test]
async fn d4_samples_come_with_strap_rate_intervals_and_contact() {
    let mut runtime = Runtime::start(&[]).await;
    let wanted = devices::HeartRate { device: Some(STRAP.to_owned()) };
    let mut samples = runtime.client().await.stream(&wanted).await.unwrap();
    let mut intervals = 0;
    while intervals < 3 {
        let sample = samples.next().await.unwrap().unwrap().sample;
        assert_eq!(sample.device, STRAP);
        assert!((40..=120).contains(&sample.bpm), "{sample:?}");
        assert_eq!(sample.dropped_before, 0);
        intervals += sample.rr_1024.len();
    }
    let listed = runtime.ask(devices::List {}).await.devices;
    let strap = listed.iter().find(|device| device.device == STRAP).unwrap();
    assert_eq!(strap.state.name(), "live");
    assert!(strap.battery_percent.is_some() && strap.model.is_some(), "{strap:?}");
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn d4_a_strap_that_drops_out_comes_back_with_a_gap_that_is_marked() {
    let mut runtime = Runtime::start(&[]).await;
    let wanted = devices::HeartRate { device: Some(STRAP.to_owned()) };
    let mut samples = runtime.client().await.stream(&wanted).await.unwrap();
    samples.next().await.unwrap().unwrap();
    runtime.ask(simulation::DropOut { device: STRAP.to_owned(), for_ms: 1000 }).await;
    let after_gap = async {
        loop {
            if samples.next().await.unwrap().unwrap().sample.gap_before {
                return;
            }
        }
    };
    tokio::time::timeout(runtime::PATIENCE, after_gap).await.unwrap();
    assert!(runtime.stop().success());
}

#[tokio::test]
async fn a_malformed_packet_is_counted_said_once_and_the_stream_goes_on() {
    let mut runtime = Runtime::start(&[]).await;
    let mut events = runtime.events().await;
    events.next("sample").await;
    const TIMES: u64 = 8;
    let mut kinds = BTreeSet::new();
    for count in 1..=TIMES {
        runtime.ask(simulation::Malformed { device: STRAP.to_owned() }).await;
        let told = events.next("malformed").await;
        assert_eq!(told["device"], STRAP);
        let message = told["message"].as_str().unwrap();
        assert!(message.ends_with(&format!("; {count} so far")), "{told}");
        kinds.insert(message.split(';').next().unwrap().to_owned());
    }
    events.next("sample").await;
    let listed = runtime.ask(devices::List {}).await.devices;
    assert_eq!(listed.iter().find(|device| device.device == STRAP).unwrap().malformed, TIMES);
    assert!(runtime.stop().success());
    assert!(kinds.len() < TIMES as usize, "some kind came twice");
    let warnings = runtime.log().lines().filter(|line| line.contains("WARN") && line.contains(STRAP)).count();
    assert_eq!(warnings, kinds.len(), "once for each kind:\n{}", runtime.log());
}
