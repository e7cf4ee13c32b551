//! What goes wrong around the actor: its own panics, and a backend that panics or hangs.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use carpus_core::supervision::Policy;
use carpus_devices::{BoxFuture, BoxStream};
use uuid::Uuid;

use super::*;
use crate::supervisor::{Supervisor, SupervisorOptions};

/// The actor under a supervisor, which starts it afresh when it panics.
struct Supervised {
    ble: Handle<Ble>,
    reports: UnboundedReceiver<BleReport>,
    _supervisor: actix::Addr<Supervisor>,
}

impl Supervised {
    fn new(radio: Arc<dyn Radio>, straps: Vec<GivenStrap>) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let mut supervisor = Supervisor::new(SupervisorOptions {
            policy: Policy::default(),
            seed: 1,
            clock: clock.clone(),
            on_healthy: Box::new(|| {}),
            on_escalation: Box::new(|_| {}),
        });
        let ble = Handle::new("ble");
        let (observer, reports) = listener();
        let options = BleOptions {
            radio,
            clock,
            limits: LinkLimits::default(),
            connect_limit: Duration::from_secs(20),
            seen_max: 64,
            scans_max: 8,
            straps,
            auto_add: false,
            observer,
            reports: Outlet::nobody(),
        };
        supervisor.supervise(&ble, move |_| Ble::new(options.clone()));
        Self { ble, reports, _supervisor: supervisor.start() }
    }

    /// Ends one life after `life`, and lets the next one run for a while.
    async fn start_afresh_after(&mut self, life: Duration) {
        pass(life).await;
        drain(&mut self.reports);
        self.ble.do_send(Panic);
        pass(2 * MINUTE).await;
    }
}

#[test]
fn d2_after_a_restart_of_the_actor_a_strap_that_is_still_connected_streams_again() {
    in_virtual_time(async {
        let mut actor = Supervised::new(Simulation::default().radio(), vec![given(a()), given(b())]);
        actor.start_afresh_after(MINUTE).await;
        let straps = actor.ble.send(ListStraps).await.unwrap();
        let live = straps.iter().filter(|strap| strap.state == LinkState::Live && strap.samples > 0);
        assert_eq!(live.count(), 2, "{straps:?}");
    });
}

#[test]
fn d2_a_restart_during_a_scan_costs_a_connected_strap_no_failed_connect() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        simulation.drop_out(&b(), 10 * MINUTE).unwrap();
        let mut actor = Supervised::new(simulation.radio(), vec![given(a()), given(b())]);
        // By then the first strap is live, and the other one is being looked for.
        actor.start_afresh_after(Duration::from_secs(4)).await;
        let straps = actor.ble.send(ListStraps).await.unwrap();
        assert_eq!(straps[0].state, LinkState::Live);
        let failed = drain(&mut actor.reports).into_iter().filter(|report| {
            matches!(report, BleReport::StrapState { device, state: LinkState::BackingOff, .. } if *device == a())
        });
        assert_eq!(failed.count(), 0);
    });
}

#[test]
fn d2_a_scan_that_an_earlier_life_left_running_is_stopped() {
    in_virtual_time(async {
        let radio = Touchy::new(&Simulation::default(), &[]);
        let mut actor = Supervised::new(radio.clone(), Vec::new());
        let (sink, _seen) = mpsc::channel(64);
        actor.ble.send(ScanFor { duration: 60 * MINUTE, sink }).await.unwrap().unwrap();
        pass(MINUTE).await;
        assert!(radio.is_scanning.load(Ordering::Relaxed));
        actor.start_afresh_after(MINUTE).await;
        assert!(!radio.is_scanning.load(Ordering::Relaxed));
    });
}

#[derive(actix::Message)]
#[rtype(result = "()")]
struct Panic;

impl Handler<Panic> for Ble {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("told to");
    }
}

/// How a touchy adapter takes its next connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    Panic,
    Hang,
}

/// A backend that takes its time for each call, and minds when another one comes meanwhile.
struct Touchy {
    radio: Arc<dyn Radio>,
    tempers: Mutex<Vec<Temper>>,
    is_busy: AtomicBool,
    is_scanning: AtomicBool,
    overlaps: AtomicU32,
}

/// A call that runs; it is over when this is dropped.
struct Running<'a>(&'a Touchy);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.is_busy.store(false, Ordering::Relaxed);
    }
}

impl Touchy {
    fn new(simulation: &Simulation, tempers: &[Temper]) -> Arc<Self> {
        Arc::new(Self {
            radio: simulation.radio(),
            tempers: Mutex::new(tempers.to_vec()),
            is_busy: AtomicBool::new(false),
            is_scanning: AtomicBool::new(false),
            overlaps: AtomicU32::new(0),
        })
    }

    async fn begin(&self) -> Running<'_> {
        if self.is_busy.swap(true, Ordering::Relaxed) {
            self.overlaps.fetch_add(1, Ordering::Relaxed);
        }
        let running = Running(self);
        tokio::time::sleep(Duration::from_millis(50)).await;
        running
    }

    fn overlaps(&self) -> u32 {
        self.overlaps.load(Ordering::Relaxed)
    }
}

impl Radio for Touchy {
    fn open(&self) -> BoxFuture<'_, Result<BoxStream<'static, RadioEvent>, BleError>> {
        self.radio.open()
    }

    fn start_scan(&self, services: Vec<Uuid>) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async {
            let _running = self.begin().await;
            self.is_scanning.store(true, Ordering::Relaxed);
            self.radio.start_scan(services).await
        })
    }

    fn stop_scan(&self) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async {
            let _running = self.begin().await;
            self.is_scanning.store(false, Ordering::Relaxed);
            self.radio.stop_scan().await
        })
    }

    fn connect(&self, device: DeviceId, limit: Duration) -> BoxFuture<'_, Result<Arc<dyn Link>, BleError>> {
        Box::pin(async move {
            let _running = self.begin().await;
            let temper = self.tempers.lock().unwrap().pop();
            match temper {
                Some(Temper::Panic) => panic!("the backend is touchy"),
                Some(Temper::Hang) => std::future::pending().await,
                None => self.radio.connect(device, limit).await,
            }
        })
    }

    fn describe(&self) -> BoxFuture<'_, Result<String, BleError>> {
        self.radio.describe()
    }
}

#[test]
fn the_adapter_is_asked_for_one_thing_at_a_time() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        let radio = Touchy::new(&simulation, &[]);
        let straps = vec![given(a()), given(b())];
        let mut body = Body::new(simulation, radio.clone(), |options| options.straps = straps);
        pass(2 * MINUTE).await;
        assert_eq!(radio.overlaps(), 0);
        assert_eq!(body.states(&b()).last(), Some(&LinkState::Live));
    });
}

#[test]
fn a_backend_that_panics_is_a_connect_that_failed() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        let radio = Touchy::new(&simulation, &[Temper::Panic, Temper::Panic]);
        let mut body = Body::new(simulation, radio, |options| options.straps = vec![given(a())]);
        pass(2 * MINUTE).await;
        let states = body.states(&a());
        assert_eq!(states.iter().filter(|state| **state == LinkState::BackingOff).count(), 2);
        assert_eq!(states.last(), Some(&LinkState::Live));
        assert!(body.ble.is_up());
    });
}

#[test]
fn a_connect_that_hangs_is_given_up_on() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        let radio = Touchy::new(&simulation, &[Temper::Hang]);
        let mut body = Body::new(simulation, radio.clone(), |options| options.straps = vec![given(a())]);
        pass(2 * MINUTE).await;
        let states = body.states(&a());
        assert!(states.contains(&LinkState::Absent), "{states:?}");
        assert_eq!(states.last(), Some(&LinkState::Live));
        assert_eq!(radio.overlaps(), 0);
    });
}

#[test]
fn a_connect_that_hangs_while_the_service_restarts_is_in_nobodys_way() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        let radio = Touchy::new(&simulation, &[Temper::Hang]);
        let mut body = Body::new(simulation, radio.clone(), |options| options.straps = vec![given(a())]);
        pass(Duration::from_secs(2)).await;
        assert_eq!(body.strap(&a()).await.state, LinkState::Connecting);
        body.simulation.set_service(false);
        pass(Duration::from_secs(1)).await;
        body.simulation.set_service(true);
        pass(Duration::from_secs(10)).await;
        assert_eq!(body.states(&a()).last(), Some(&LinkState::Live));
        assert_eq!(radio.overlaps(), 0);
    });
}
