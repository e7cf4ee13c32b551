mod faults;

use carpus_core::link::FailureClass;
use carpus_gatt::heart_rate::BodySensorLocation;
use carpus_simulated::{Simulation, VirtualClock};
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::report::{DeviceMended, DeviceProblem};
use crate::supervisor::Handle;
use crate::testing::{drain, in_virtual_time, listener, pass};

const MINUTE: Duration = Duration::from_secs(60);
/// How many scans may be wanted at once.
const SCANS_MAX: usize = 8;

fn a() -> DeviceId {
    DeviceId::parse("C0:FF:EE:00:00:01").unwrap()
}

fn b() -> DeviceId {
    DeviceId::parse("C0:FF:EE:00:00:02").unwrap()
}

fn given(device: DeviceId) -> GivenStrap {
    GivenStrap { device, name: None }
}

struct Body {
    simulation: Simulation,
    ble: Handle<Ble>,
    reports: UnboundedReceiver<BleReport>,
    devices: UnboundedReceiver<DeviceReport>,
}

impl Body {
    /// The simulated board with two straps, of which the user's are `straps`.
    fn with(straps: Vec<GivenStrap>) -> Self {
        let simulation = Simulation::default();
        let radio = simulation.radio();
        Self::new(simulation, radio, |options| options.straps = straps)
    }

    fn new(simulation: Simulation, radio: Arc<dyn Radio>, change: impl FnOnce(&mut BleOptions)) -> Self {
        let (observer, reports) = listener();
        let (device_reports, devices) = listener();
        let mut options = BleOptions {
            radio,
            clock: Arc::new(VirtualClock::new()),
            limits: LinkLimits::default(),
            connect_limit: Duration::from_secs(20),
            seen_max: 64,
            scans_max: SCANS_MAX,
            straps: Vec::new(),
            auto_add: false,
            observer,
            reports: device_reports,
        };
        change(&mut options);
        let ble = Handle::of("ble", Ble::new(options).start());
        Self { simulation, ble, reports, devices }
    }

    async fn subscribe(&self, device: Option<DeviceId>) -> SampleReader {
        let (queue, reader) = sample_queue(1024);
        self.ble.send(SubscribeHeart { device, queue }).await.unwrap();
        reader
    }

    async fn strap(&self, device: &DeviceId) -> StrapInfo {
        let straps = self.ble.send(ListStraps).await.unwrap();
        straps.into_iter().find(|strap| strap.id == *device).expect("the strap is listed")
    }

    fn states(&mut self, device: &DeviceId) -> Vec<LinkState> {
        let state = |report| match report {
            BleReport::StrapState { device: of, state, .. } if of == *device => Some(state),
            _ => None,
        };
        drain(&mut self.reports).into_iter().filter_map(state).collect()
    }
}

/// All samples that wait in the ring, and how many were lost before them.
async fn all(reader: &mut SampleReader) -> (Vec<Arc<HeartSample>>, u64) {
    let mut samples = Vec::new();
    let mut lost = 0;
    while let Some(Some((sample, dropped))) = futures_util::FutureExt::now_or_never(reader.next()) {
        samples.push(sample);
        lost += dropped;
    }
    (samples, lost)
}

#[test]
fn a_known_strap_connects_by_itself_and_its_samples_arrive() {
    in_virtual_time(async {
        let mut body = Body::with(vec![given(a())]);
        let mut reader = body.subscribe(None).await;
        pass(MINUTE).await;
        let mut states = body.states(&a());
        // The radio may say that the link is up only after it has discovered.
        states.retain(|state| *state != LinkState::Discovering);
        assert_eq!(states, [LinkState::Seen, LinkState::Connecting, LinkState::Subscribing, LinkState::Live]);
        let (samples, lost) = all(&mut reader).await;
        assert!(samples.len() >= 55, "{}", samples.len());
        assert_eq!(lost, 0);
        assert!(samples.iter().all(|sample| sample.device == a() && !sample.arrival.gap_before));
        assert!(samples.is_sorted_by_key(|sample| sample.arrival.at.since_boot));
        assert!(samples.iter().any(|sample| !sample.measurement.rr.is_empty()));
        assert!(samples.iter().all(|sample| (40..100).contains(&sample.measurement.bpm)));
    });
}

#[test]
fn a_live_strap_is_listed_with_what_it_tells_about_itself() {
    in_virtual_time(async {
        let body = Body::with(vec![given(a())]);
        body.simulation.set_battery(&a(), 57).unwrap();
        pass(MINUTE).await;
        let strap = body.strap(&a()).await;
        assert_eq!(strap.name.as_deref(), Some("Carpus Strap A"));
        assert_eq!((strap.state, strap.reason, strap.known), (LinkState::Live, None, true));
        assert_eq!(strap.battery_percent, Some(57));
        assert_eq!(strap.location, Some(BodySensorLocation::Chest));
        assert_eq!(strap.manufacturer.as_deref(), Some("Carpus"));
        assert_eq!(strap.model.as_deref(), Some("Simulated Strap"));
        assert!(strap.samples >= 55 && strap.malformed == 0 && strap.rssi_dbm.is_some());

        body.simulation.set_battery(&a(), 56).unwrap();
        pass(Duration::from_secs(1)).await;
        assert_eq!(body.strap(&a()).await.battery_percent, Some(56), "it is notified");
    });
}

#[test]
fn two_straps_stream_side_by_side() {
    in_virtual_time(async {
        let body = Body::with(vec![given(a()), given(b())]);
        let mut both = body.subscribe(None).await;
        let mut second = body.subscribe(Some(b())).await;
        pass(MINUTE).await;
        let (both, _) = all(&mut both).await;
        let (second, _) = all(&mut second).await;
        let of = |device: &DeviceId| both.iter().filter(|sample| sample.device == *device).count();
        assert!(of(&a()) >= 50 && of(&b()) >= 50, "{} {}", of(&a()), of(&b()));
        assert_eq!(second.len(), of(&b()));
        assert!(Arc::ptr_eq(
            second.last().unwrap(),
            both.iter().rfind(|sample| sample.device == b()).unwrap()
        ));
    });
}

#[test]
fn in_a_simulation_straps_are_added_by_themselves_and_stay_forgotten() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        let radio = simulation.radio();
        let mut body = Body::new(simulation, radio, |options| options.auto_add = true);
        pass(MINUTE).await;
        let added: Vec<DeviceId> = drain(&mut body.reports)
            .into_iter()
            .filter_map(|report| match report {
                BleReport::StrapAdded { device, .. } => Some(device),
                _ => None,
            })
            .collect();
        assert_eq!(added, [a(), b()]);
        assert_eq!(body.strap(&b()).await.state, LinkState::Live);

        assert_eq!(body.ble.send(ForgetStrap(b())).await, Ok(true));
        pass(5 * MINUTE).await;
        let strap = body.strap(&b()).await;
        assert!(!strap.known, "it was seen again, and left alone");
    });
}

#[test]
fn a_strap_that_is_not_the_users_is_left_alone() {
    in_virtual_time(async {
        let body = Body::with(vec![given(a())]);
        let (sink, _seen) = mpsc::channel(64);
        body.ble.send(ScanFor { duration: MINUTE, sink }).await.unwrap().unwrap();
        pass(MINUTE).await;
        let strap = body.strap(&b()).await;
        assert_eq!((strap.known, strap.state, strap.samples), (false, LinkState::Seen, 0));
    });
}

#[test]
fn d4_a_strap_that_drops_out_comes_back_and_its_next_sample_says_that_something_is_missing() {
    in_virtual_time(async {
        let mut body = Body::with(vec![given(a())]);
        let mut reader = body.subscribe(None).await;
        pass(MINUTE).await;
        all(&mut reader).await;
        body.states(&a());

        body.simulation.drop_out(&a(), Duration::from_secs(5)).unwrap();
        pass(MINUTE).await;
        let states = body.states(&a());
        assert_eq!(states.first(), Some(&LinkState::Lost));
        assert_eq!(states.last(), Some(&LinkState::Live));
        let (samples, _) = all(&mut reader).await;
        let gaps: Vec<usize> =
            (0..samples.len()).filter(|index| samples[*index].arrival.gap_before).collect();
        assert_eq!(gaps, [0]);
    });
}

#[test]
fn d4_a_link_that_was_down_for_a_moment_leaves_a_gap_too() {
    in_virtual_time(async {
        let body = Body::with(vec![given(a())]);
        let mut reader = body.subscribe(None).await;
        pass(MINUTE).await;
        let (before, _) = all(&mut reader).await;
        body.simulation.drop_out(&a(), Duration::from_millis(100)).unwrap();
        pass(Duration::from_secs(10)).await;
        let (after, _) = all(&mut reader).await;
        let pause = after[0].arrival.at.since_boot - before.last().unwrap().arrival.at.since_boot;
        assert!(pause < Duration::from_secs(3), "no gap by the clock: {pause:?}");
        assert!(after[0].arrival.gap_before && !after[1].arrival.gap_before);
    });
}

#[test]
fn a_strap_that_falls_silent_gets_a_fresh_connection() {
    in_virtual_time(async {
        let mut body = Body::with(vec![given(a())]);
        let mut reader = body.subscribe(None).await;
        pass(MINUTE).await;
        body.states(&a());
        all(&mut reader).await;

        body.simulation.mute(&a(), Duration::from_secs(15)).unwrap();
        pass(MINUTE).await;
        let states = body.states(&a());
        assert_eq!(states[..3], [LinkState::Silent, LinkState::BackingOff, LinkState::Connecting]);
        assert_eq!(states.last(), Some(&LinkState::Live));
        let (samples, _) = all(&mut reader).await;
        assert_eq!(samples.iter().filter(|sample| sample.arrival.gap_before).count(), 1);
    });
}

#[test]
fn a_malformed_packet_is_counted_and_the_stream_goes_on() {
    in_virtual_time(async {
        let mut body = Body::with(vec![given(a())]);
        let mut reader = body.subscribe(None).await;
        pass(MINUTE).await;
        all(&mut reader).await;
        drain(&mut body.reports);

        body.simulation.malformed(&a()).unwrap();
        pass(Duration::from_secs(10)).await;
        let strap = body.strap(&a()).await;
        assert_eq!((strap.malformed, strap.state), (1, LinkState::Live));
        let reports = drain(&mut body.reports);
        let told = reports.iter().filter(|report| matches!(report, BleReport::Malformed { count: 1, .. }));
        assert_eq!(told.count(), 1);
        let (samples, _) = all(&mut reader).await;
        assert!(samples.len() >= 9);
        assert!(samples[0].arrival.gap_before && !samples[1].arrival.gap_before);
    });
}

#[test]
fn a_missing_adapter_is_said_once_and_everything_comes_back_with_it() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        simulation.set_service(false);
        let radio = simulation.radio();
        let mut body = Body::new(simulation, radio, |options| options.straps = vec![given(a())]);
        pass(10 * MINUTE).await;
        let told = drain(&mut body.devices);
        let [DeviceReport::Problem(DeviceProblem { part: "bluetooth", what, remedy })] = &told[..] else {
            panic!("{told:?}");
        };
        assert!(!what.is_empty() && !remedy.is_empty());
        let (sink, _seen) = mpsc::channel(1);
        let refused = body.ble.send(ScanFor { duration: MINUTE, sink }).await.unwrap();
        assert_eq!(refused, Err(ScanRefused::NoAdapter { what: what.clone(), remedy: remedy.clone() }));

        body.simulation.set_service(true);
        pass(2 * MINUTE).await;
        assert_eq!(drain(&mut body.devices), [DeviceReport::Mended(DeviceMended { part: "bluetooth" })]);
        assert_eq!(body.strap(&a()).await.state, LinkState::Live);
    });
}

#[test]
fn a_bluetooth_service_that_restarts_brings_the_straps_back() {
    in_virtual_time(async {
        let mut body = Body::with(vec![given(a()), given(b())]);
        let mut reader = body.subscribe(None).await;
        pass(MINUTE).await;
        all(&mut reader).await;
        body.simulation.set_service(false);
        pass(Duration::from_secs(3)).await;
        assert_eq!(body.strap(&a()).await.state, LinkState::Absent);
        body.simulation.set_service(true);
        pass(MINUTE).await;
        assert_eq!(body.strap(&a()).await.state, LinkState::Live);
        assert_eq!(body.strap(&b()).await.state, LinkState::Live);
        let (samples, _) = all(&mut reader).await;
        assert_eq!(
            samples.iter().filter(|sample| sample.arrival.gap_before).count(),
            2,
            "one for each strap"
        );
        assert_eq!(drain(&mut body.devices).len(), 2, "a problem, and its end");
    });
}

#[test]
fn an_adapter_that_is_switched_off_is_not_switched_on_and_is_used_again_when_it_is_on() {
    in_virtual_time(async {
        let mut body = Body::with(vec![given(a())]);
        pass(MINUTE).await;
        body.simulation.set_adapter(false);
        pass(2 * MINUTE).await;
        assert_eq!(body.strap(&a()).await.state, LinkState::Absent);
        let told = drain(&mut body.devices);
        assert!(
            matches!(&told[..], [DeviceReport::Problem(problem)] if problem.what.contains("switched off"))
        );

        body.simulation.set_adapter(true);
        pass(MINUTE).await;
        assert_eq!(drain(&mut body.devices), [DeviceReport::Mended(DeviceMended { part: "bluetooth" })]);
        assert_eq!(body.strap(&a()).await.state, LinkState::Live);
    });
}

#[test]
fn connects_that_fail_are_tried_again() {
    in_virtual_time(async {
        let mut body = Body::with(vec![given(a())]);
        body.simulation.fail_connects(&a(), 2).unwrap();
        pass(Duration::from_millis(600)).await;
        let strap = body.strap(&a()).await;
        assert_eq!(strap.state, LinkState::BackingOff);
        assert_eq!(strap.reason, Some(LinkReason::ConnectFailed(FailureClass::Transient)));
        pass(MINUTE).await;
        assert_eq!(body.states(&a()).last(), Some(&LinkState::Live));
    });
}

#[test]
fn a_link_without_the_heart_rate_is_taken_down_and_tried_again() {
    in_virtual_time(async {
        let mut body = Body::with(vec![given(a())]);
        body.simulation.hide_measurement(&a(), 1).unwrap();
        pass(MINUTE).await;
        let states = body.states(&a());
        assert!(states.contains(&LinkState::BackingOff));
        assert_eq!(states.last(), Some(&LinkState::Live));
    });
}

#[test]
fn a_scan_tells_what_it_sees_and_ends() {
    in_virtual_time(async {
        let body = Body::with(Vec::new());
        let (sink, mut seen) = mpsc::channel(64);
        body.ble.send(ScanFor { duration: Duration::from_secs(5), sink }).await.unwrap().unwrap();
        let mut devices = BTreeSet::new();
        while let Some(advertisement) = seen.recv().await {
            devices.insert(advertisement.device);
        }
        assert_eq!(devices, BTreeSet::from([a(), b()]));
        assert_eq!(body.ble.send(ListStraps).await.unwrap().len(), 2);
    });
}

#[test]
fn more_straps_than_are_remembered_make_room_for_those_heard_of_last() {
    in_virtual_time(async {
        for seen_max in [2, 1] {
            let simulation = Simulation::default(); // it has two straps
            let radio = simulation.radio();
            let body = Body::new(simulation, radio, |options| options.seen_max = seen_max);
            let (sink, mut seen) = mpsc::channel(64);
            body.ble.send(ScanFor { duration: Duration::from_secs(5), sink }).await.unwrap().unwrap();
            while seen.recv().await.is_some() {}
            assert_eq!(body.ble.send(ListStraps).await.unwrap().len(), seen_max);
        }
    });
}

#[test]
fn more_scans_than_allowed_are_refused() {
    in_virtual_time(async {
        let body = Body::with(Vec::new());
        let mut sinks = Vec::new();
        for _ in 0..SCANS_MAX {
            let (sink, seen) = mpsc::channel(64);
            sinks.push(seen);
            body.ble.send(ScanFor { duration: MINUTE, sink }).await.unwrap().unwrap();
        }
        let scan = || ScanFor { duration: MINUTE, sink: mpsc::channel(64).0 };
        assert_eq!(body.ble.send(scan()).await, Ok(Err(ScanRefused::TooMany { limit: SCANS_MAX })));
        sinks.pop();
        assert_eq!(body.ble.send(scan()).await, Ok(Ok(())), "one that nobody reads does not count");
    });
}

#[test]
fn a_strap_can_be_added_and_forgotten() {
    in_virtual_time(async {
        let body = Body::with(Vec::new());
        let mut reader = body.subscribe(None).await;
        body.ble.send(AddStrap(a(), Some("chest".to_owned()))).await.unwrap().unwrap();
        pass(MINUTE).await;
        assert_eq!(body.strap(&a()).await.state, LinkState::Live);
        assert!(!all(&mut reader).await.0.is_empty());

        assert_eq!(body.ble.send(ForgetStrap(a())).await, Ok(true));
        assert_eq!(body.ble.send(ForgetStrap(a())).await, Ok(false));
        pass(MINUTE).await;
        assert!(all(&mut reader).await.0.is_empty());
        body.ble.send(AddStrap(a(), None)).await.unwrap().unwrap();
        pass(MINUTE).await;
        assert_eq!(body.strap(&a()).await.state, LinkState::Live, "its link was free again");
    });
}

#[test]
fn more_straps_than_allowed_are_refused() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        let radio = simulation.radio();
        let body = Body::new(simulation, radio, |options| options.limits.links_max = 1);
        assert_eq!(body.ble.send(AddStrap(a(), None)).await, Ok(Ok(())));
        assert_eq!(body.ble.send(AddStrap(b(), None)).await, Ok(Err(TooManyStraps { limit: 1 })));
    });
}

#[test]
fn classes_of_failure() {
    let cause: carpus_devices::Cause = Arc::new(std::io::Error::other("said so"));
    let cases = [
        (BleError::Transient(cause.clone()), FailureClass::Transient),
        (BleError::Busy(cause.clone()), FailureClass::Busy),
        (BleError::Unknown(a()), FailureClass::NotFound),
        (BleError::TimedOut { what: "connecting", limit: MINUTE }, FailureClass::TimedOut),
        (BleError::Disconnected, FailureClass::Disconnected),
        (BleError::Failed(cause), FailureClass::Other),
    ];
    for (error, class) in cases {
        assert_eq!(radio::class_of(&error), class, "{error}");
    }
}
