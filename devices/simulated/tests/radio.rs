//! The simulated adapter and its straps, under paused time.

#![allow(clippy::panic, clippy::unwrap_used, reason = "in tests they say what failed")]

use std::sync::Arc;
use std::time::Duration;

use carpus_devices::BoxStream;
use carpus_devices::bluetooth::{BleError, DeviceId, Link, Notification, Radio, RadioEvent};
use carpus_gatt::heart_rate::{Contact, Measurement};
use carpus_gatt::uuid as numbers;
use carpus_simulated::{Simulation, Strap};
use futures_util::StreamExt as _;
use tokio::time::Instant;
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(20);

const fn full(assigned: u16) -> Uuid {
    Uuid::from_u128(numbers::expand(assigned))
}

const MEASUREMENT: Uuid = full(numbers::HEART_RATE_MEASUREMENT);
const BATTERY: Uuid = full(numbers::BATTERY_LEVEL);

/// An open adapter on a default board.
struct Bench {
    simulation: Simulation,
    radio: Arc<dyn Radio>,
    events: BoxStream<'static, RadioEvent>,
    strap: DeviceId,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Simulation::default()).await
    }

    async fn with(simulation: Simulation) -> Self {
        let radio = simulation.radio();
        let events = radio.open().await.unwrap();
        let strap = simulation.straps()[0].clone();
        Self { simulation, radio, events, strap }
    }

    /// Waits for an event, at most a minute.
    async fn event(&mut self) -> RadioEvent {
        tokio::time::timeout(60 * SECOND, self.events.next())
            .await
            .expect("an event")
            .expect("an open stream")
    }

    /// Whether nothing happens for `length`.
    async fn is_quiet(&mut self, length: Duration) -> bool {
        tokio::time::timeout(length, self.events.next()).await.is_err()
    }

    /// Scans until the first strap is seen.
    async fn discover(&mut self) {
        self.radio.start_scan(vec![]).await.unwrap();
        let strap = self.strap.clone();
        while !matches!(self.event().await, RadioEvent::Seen(seen) if seen.device == strap) {}
        self.radio.stop_scan().await.unwrap();
    }

    async fn connect(&self) -> Result<Arc<dyn Link>, BleError> {
        self.radio.connect(self.strap.clone(), LIMIT).await
    }

    /// Finds the first strap and connects it.
    async fn linked(&mut self) -> Arc<dyn Link> {
        self.discover().await;
        let link = self.connect().await.unwrap();
        assert_eq!(self.event().await, RadioEvent::Connected(self.strap.clone()));
        link
    }
}

async fn pulse(link: &Arc<dyn Link>) -> BoxStream<'static, Notification> {
    link.subscribe(vec![MEASUREMENT]).await.unwrap()
}

async fn take(stream: &mut BoxStream<'static, Notification>, count: usize) -> Vec<Measurement> {
    let values: Vec<Notification> = stream.take(count).collect().await;
    values.iter().map(|notification| Measurement::decode(&notification.value).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn straps_advertise_about_every_second_while_scanned_for() {
    let mut bench = Bench::new().await;
    assert!(bench.is_quiet(10 * SECOND).await, "without a scan nothing is seen");
    bench.radio.start_scan(vec![full(numbers::HEART_RATE_SERVICE)]).await.unwrap();
    let start = Instant::now();
    let mut names = Vec::new();
    for _ in 0..10 {
        let RadioEvent::Seen(seen) = bench.event().await else { panic!("not an advertisement") };
        assert_eq!(seen.services, [full(numbers::HEART_RATE_SERVICE)]);
        assert!((-90..-30).contains(&seen.rssi_dbm.unwrap()));
        names.push(seen.name.unwrap());
    }
    assert_eq!(names.iter().filter(|name| *name == "Carpus Strap A").count(), 5);
    assert_eq!(names.iter().filter(|name| *name == "Carpus Strap B").count(), 5);
    // Virtual time: five advertisements each, a second apart.
    assert_eq!(start.elapsed().as_secs(), 4);
    bench.radio.stop_scan().await.unwrap();
    assert!(bench.is_quiet(10 * SECOND).await);
}

#[tokio::test(start_paused = true)]
async fn a_scan_for_other_services_sees_no_strap() {
    let mut bench = Bench::new().await;
    bench.radio.start_scan(vec![full(0x1816)]).await.unwrap();
    assert!(bench.is_quiet(10 * SECOND).await);
}

#[tokio::test(start_paused = true)]
async fn a_strap_must_be_seen_before_it_is_connected() {
    let bench = Bench::new().await;
    assert!(matches!(bench.connect().await.err(), Some(BleError::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn connecting_takes_its_time_and_is_told() {
    let mut bench = Bench::new().await;
    bench.discover().await;
    let start = Instant::now();
    let link = bench.connect().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(300));
    assert_eq!(bench.event().await, RadioEvent::Connected(bench.strap.clone()));
    assert_eq!((link.device(), link.name().as_deref()), (bench.strap.clone(), Some("Carpus Strap A")));
}

#[tokio::test(start_paused = true)]
async fn one_connect_at_a_time_and_none_during_a_scan() {
    let mut bench = Bench::new().await;
    bench.discover().await;
    let (one, other) = tokio::join!(bench.connect(), bench.connect());
    assert!(one.is_ok());
    assert!(matches!(other.err(), Some(BleError::Busy(_))));
    bench.radio.start_scan(vec![]).await.unwrap();
    assert!(matches!(bench.connect().await.err(), Some(BleError::Busy(_))));
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_is_given_up_frees_the_adapter() {
    let mut bench = Bench::new().await;
    bench.discover().await;
    assert!(tokio::time::timeout(Duration::from_millis(100), bench.connect()).await.is_err());
    assert!(bench.connect().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_linked_strap_does_not_advertise_and_has_one_link() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    bench.radio.start_scan(vec![]).await.unwrap();
    for _ in 0..5 {
        let event = bench.event().await;
        assert!(matches!(&event, RadioEvent::Seen(seen) if seen.device != bench.strap), "{event:?}");
    }
    bench.radio.stop_scan().await.unwrap();
    // Whoever connects again gets the link that is up.
    let again = bench.connect().await.unwrap();
    assert!(bench.is_quiet(SECOND).await);
    again.disconnect().await.unwrap();
    assert_eq!(bench.event().await, RadioEvent::Disconnected(bench.strap.clone()));
    assert!(matches!(link.read(BATTERY).await, Err(BleError::Disconnected)));
}

#[tokio::test(start_paused = true)]
async fn a_strap_tells_its_heart_each_second() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut pulse = pulse(&link).await;
    let start = Instant::now();
    let told = take(&mut pulse, 120).await;
    assert_eq!(start.elapsed(), 120 * SECOND);
    assert!(told.iter().all(|one| one.contact == Contact::Detected && one.rr.len() <= 3));
    let ticks: u32 = told.iter().flat_map(|one| one.rr.iter()).map(|rr| u32::from(rr.raw())).sum();
    assert!(ticks.abs_diff(120 * 1024) < 2048, "{ticks} ticks of beats in 120 s");
    let beats: usize = told.iter().map(|one| one.rr.len()).sum();
    assert!((118..=130).contains(&beats), "{beats} beats in two minutes at 62 bpm");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_measurements() {
    let mut told = Vec::new();
    for seed in [5, 5, 6] {
        let mut bench = Bench::with(Simulation::builder().seed(seed).build()).await;
        let link = bench.linked().await;
        told.push(take(&mut pulse(&link).await, 30).await);
    }
    assert_eq!(told[0], told[1]);
    assert_ne!(told[0], told[2]);
}

#[tokio::test(start_paused = true)]
async fn straps_say_what_they_are() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    bench.simulation.set_battery(&bench.strap, 41).unwrap();
    assert_eq!(link.read(BATTERY).await.unwrap(), [41]);
    assert_eq!(link.read(full(numbers::BODY_SENSOR_LOCATION)).await.unwrap(), [1]);
    assert_eq!(link.read(full(numbers::MANUFACTURER_NAME)).await.unwrap(), b"Carpus");
    for characteristic in link.characteristics() {
        let readable = link.read(characteristic).await.is_ok();
        let told_only = [MEASUREMENT, full(numbers::HEART_RATE_CONTROL_POINT)].contains(&characteristic);
        assert_eq!(readable, !told_only, "{characteristic}");
    }
    assert!(matches!(link.read(full(0x2A00)).await, Err(BleError::NoCharacteristic { .. })));
    assert!(link.write(full(numbers::HEART_RATE_CONTROL_POINT), vec![1]).await.is_ok());
    assert!(matches!(link.write(BATTERY, vec![1]).await, Err(BleError::Failed(_))));
    assert!(link.subscribe(vec![full(numbers::BODY_SENSOR_LOCATION)]).await.is_err());
    assert!(link.subscribe(vec![full(0x2A00)]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_new_battery_level_is_notified_to_who_asked() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut levels = link.subscribe(vec![BATTERY]).await.unwrap();
    let mut pulse = pulse(&link).await;
    bench.simulation.set_battery(&bench.strap, 12).unwrap();
    let level = levels.next().await.unwrap();
    assert_eq!((level.characteristic, level.value), (BATTERY, vec![12]));
    assert_eq!(pulse.next().await.unwrap().characteristic, MEASUREMENT);
}

#[tokio::test(start_paused = true)]
async fn a_strap_that_drops_out_comes_back() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut pulse = pulse(&link).await;
    take(&mut pulse, 3).await;
    let lost_at = Instant::now();
    bench.simulation.drop_out(&bench.strap, 30 * SECOND).unwrap();
    assert!(pulse.next().await.is_none());
    assert_eq!(bench.event().await, RadioEvent::Disconnected(bench.strap.clone()));
    assert!(matches!(link.read(BATTERY).await, Err(BleError::Disconnected)));
    assert!(matches!(link.subscribe(vec![MEASUREMENT]).await, Err(BleError::Disconnected)));

    let early = bench.radio.connect(bench.strap.clone(), 5 * SECOND).await;
    assert!(matches!(early.err(), Some(BleError::TimedOut { .. })));
    bench.discover().await;
    assert!(lost_at.elapsed() >= 30 * SECOND);
    let link = bench.connect().await.unwrap();
    assert_eq!(take(&mut self::pulse(&link).await, 2).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connect_waits_for_a_strap_that_comes_back_in_time() {
    let mut bench = Bench::new().await;
    bench.linked().await;
    bench.simulation.drop_out(&bench.strap, 10 * SECOND).unwrap();
    assert_eq!(bench.event().await, RadioEvent::Disconnected(bench.strap.clone()));
    let start = Instant::now();
    assert!(bench.connect().await.is_ok());
    assert!(start.elapsed() >= 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_muted_strap_is_silent_with_its_link_up() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut pulse = pulse(&link).await;
    take(&mut pulse, 3).await;
    bench.simulation.mute(&bench.strap, Duration::from_millis(20_500)).unwrap();
    let start = Instant::now();
    assert!(tokio::time::timeout(20 * SECOND, pulse.next()).await.is_err());
    assert!(link.read(BATTERY).await.is_ok());
    assert!(bench.is_quiet(Duration::ZERO).await, "the link is up");
    let told = take(&mut pulse, 1).await;
    assert_eq!(start.elapsed().as_secs(), 21);
    assert!(told[0].rr.len() <= 3, "what was not told is lost");
}

#[tokio::test(start_paused = true)]
async fn a_malformed_measurement_comes_once() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut pulse = pulse(&link).await;
    take(&mut pulse, 2).await;
    bench.simulation.malformed(&bench.strap).unwrap();
    let bad = pulse.next().await.unwrap();
    assert!(Measurement::decode(&bad.value).is_err());
    take(&mut pulse, 5).await;
}

#[tokio::test(start_paused = true)]
async fn d4_a_strap_without_contact_says_so() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut pulse = pulse(&link).await;
    bench.simulation.set_contact(&bench.strap, false).unwrap();
    assert_eq!(take(&mut pulse, 1).await[0].contact, Contact::NotDetected);
    bench.simulation.set_contact(&bench.strap, true).unwrap();
    assert_eq!(take(&mut pulse, 1).await[0].contact, Contact::Detected);
}

#[tokio::test(start_paused = true)]
async fn a_heart_can_be_made_to_race() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut pulse = pulse(&link).await;
    bench.simulation.set_resting_bpm(&bench.strap, 150.0).unwrap();
    let told = take(&mut pulse, 30).await;
    assert!((140..=160).contains(&told[29].bpm), "{} bpm", told[29].bpm);
}

#[tokio::test(start_paused = true)]
async fn connects_fail_for_a_moment_as_often_as_told() {
    let mut bench = Bench::new().await;
    bench.discover().await;
    bench.simulation.fail_connects(&bench.strap, 2).unwrap();
    for _ in 0..2 {
        assert!(matches!(bench.connect().await.err(), Some(BleError::Transient(_))));
    }
    assert!(bench.connect().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn discovery_misses_the_measurement_as_often_as_told() {
    let mut bench = Bench::new().await;
    bench.discover().await;
    bench.simulation.hide_measurement(&bench.strap, 1).unwrap();
    let link = bench.connect().await.unwrap();
    assert!(!link.characteristics().contains(&MEASUREMENT));
    assert!(matches!(link.subscribe(vec![MEASUREMENT]).await, Err(BleError::NoCharacteristic { .. })));
    link.disconnect().await.unwrap();
    let link = bench.connect().await.unwrap();
    assert!(link.characteristics().contains(&MEASUREMENT));
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_is_switched_off_loses_all_and_forgets_all() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut pulse = pulse(&link).await;
    bench.simulation.set_adapter(false);
    assert!(pulse.next().await.is_none());
    assert_eq!(bench.event().await, RadioEvent::Disconnected(bench.strap.clone()));
    assert_eq!(bench.event().await, RadioEvent::Powered(false));
    assert!(matches!(bench.radio.start_scan(vec![]).await, Err(BleError::PoweredOff { .. })));
    assert!(matches!(bench.connect().await.err(), Some(BleError::PoweredOff { .. })));

    let mut later = bench.radio.open().await.unwrap();
    assert_eq!(later.next().await, Some(RadioEvent::Powered(false)), "who opens later is told");
    bench.simulation.set_adapter(true);
    assert_eq!(bench.event().await, RadioEvent::Powered(true));
    assert!(matches!(bench.connect().await.err(), Some(BleError::Unknown(_))));
    bench.discover().await;
    assert!(bench.connect().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_the_service_the_streams_end_and_nothing_opens() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    bench.simulation.set_service(false);
    assert_eq!(bench.event().await, RadioEvent::Disconnected(bench.strap.clone()));
    assert!(bench.events.next().await.is_none());
    assert!(matches!(bench.radio.open().await.err(), Some(BleError::NoAdapter { .. })));
    assert!(link.read(BATTERY).await.is_err());
    bench.simulation.set_service(true);
    bench.events = bench.radio.open().await.unwrap();
    bench.discover().await;
    assert!(bench.connect().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_opens_the_adapter_again_is_told_what_is_known_and_finds_the_links_up() {
    let mut bench = Bench::new().await;
    bench.linked().await;
    bench.events = bench.radio.open().await.unwrap();
    let first = bench.event().await;
    assert!(matches!(&first, RadioEvent::Seen(seen) if seen.device == bench.strap), "{first:?}");
    let link = bench.connect().await.unwrap();
    assert_eq!(take(&mut pulse(&link).await, 1).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn straps_of_ones_own_and_unknown_ones() {
    let device = DeviceId::parse("AA:BB:CC:DD:EE:FF").unwrap();
    let own = Strap::new(device.clone(), "Mine", 50.0);
    let simulation = Simulation::builder().straps([own]).build();
    assert_eq!(simulation.straps(), [device]);
    let other = DeviceId::parse("00:00:00:00:00:00").unwrap();
    let error = simulation.mute(&other, SECOND).unwrap_err();
    assert_eq!(error.to_string(), "there is no simulated strap 00:00:00:00:00:00");
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_sleeps_too_long_loses_the_oldest() {
    let mut bench = Bench::new().await;
    let link = bench.linked().await;
    let mut pulse = pulse(&link).await;
    take(&mut pulse, 2).await;
    tokio::time::sleep(5 * SECOND).await;
    let start = Instant::now();
    take(&mut pulse, 5).await;
    assert_eq!(start.elapsed(), Duration::ZERO, "a short delay is caught up");
    tokio::time::sleep(600 * SECOND).await;
    take(&mut pulse, 1).await;
    take(&mut pulse, 1).await;
    assert_eq!(start.elapsed(), 601 * SECOND, "after a long one it goes on from now");
}

/// The way in which `--simulate` runs: made before any runtime, used in one of real time.
#[test]
fn a_simulation_is_made_outside_a_runtime() {
    let simulation = Simulation::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut bench = Bench::with(simulation).await;
        let link = bench.linked().await;
        assert_eq!(take(&mut pulse(&link).await, 1).await.len(), 1);
    });
}
