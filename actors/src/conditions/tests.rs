use std::sync::atomic::{AtomicUsize, Ordering};

use carpus_devices::conditions;
use carpus_simulated::Simulation;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::testing::{drain, in_virtual_time, listener, pass};

const INTERVAL: Duration = Duration::from_secs(30);

struct Bench {
    simulation: Simulation,
    monitor: Addr<ConditionsMonitor>,
    told: UnboundedReceiver<ConditionsChanged>,
}

impl Bench {
    fn new() -> Self {
        let simulation = Simulation::default();
        let (monitor, told) = start(simulation.conditions());
        Self { simulation, monitor, told }
    }

    /// Sets the board, lets it be read, and gives back what was told. Begins half an interval after a reading, so that
    /// one lies within.
    async fn read(&mut self, battery_percent: Option<u8>, temperature_mdegc: Option<i32>) -> Vec<Conditions> {
        self.simulation.set_board_battery(battery_percent);
        self.simulation.set_board_temperature(temperature_mdegc);
        pass(INTERVAL).await;
        self.told()
    }

    fn told(&mut self) -> Vec<Conditions> {
        drain(&mut self.told).into_iter().map(|ConditionsChanged(conditions)| conditions).collect()
    }
}

fn start(board: Arc<dyn BoardConditions>) -> (Addr<ConditionsMonitor>, UnboundedReceiver<ConditionsChanged>) {
    let (changed, told) = listener();
    (ConditionsMonitor::new(ConditionsOptions { board, interval: INTERVAL, changed }).start(), told)
}

const fn of(battery_percent: Option<u8>, temperature_mdegc: Option<i32>) -> Conditions {
    Conditions { battery_percent, temperature_mdegc }
}

#[test]
fn s10_the_first_reading_is_told_whatever_it_is() {
    in_virtual_time(async {
        let mut bench = Bench::new();
        pass(INTERVAL / 2).await;
        assert_eq!(bench.told(), [of(None, None)], "whoever listens may know of older ones");
        pass(10 * INTERVAL).await;
        assert_eq!(bench.told(), []);
    });
}

#[test]
fn s10_a_change_of_a_whole_percent_is_told() {
    in_virtual_time(async {
        let mut bench = Bench::new();
        pass(INTERVAL / 2).await;
        drain(&mut bench.told);
        assert_eq!(bench.read(Some(6), None).await, [of(Some(6), None)]);
        assert_eq!(bench.read(Some(6), None).await, []);
        assert_eq!(bench.read(Some(5), None).await, [of(Some(5), None)]);
        assert_eq!(bench.read(None, None).await, [of(None, None)], "it is charged");
        assert_eq!(bench.read(Some(5), None).await, [of(Some(5), None)]);
    });
}

#[test]
fn s10_a_change_of_a_whole_degree_is_told() {
    in_virtual_time(async {
        let mut bench = Bench::new();
        pass(INTERVAL / 2).await;
        drain(&mut bench.told);
        assert_eq!(bench.read(None, Some(79_400)).await, [of(None, Some(79_400))]);
        assert_eq!(bench.read(None, Some(79_001)).await, []);
        assert_eq!(bench.read(None, Some(80_000)).await, []);
        assert_eq!(bench.read(None, Some(80_001)).await, [of(None, Some(80_001))], "above 80 degrees");
        assert_eq!(bench.read(None, Some(81_000)).await, []);
        assert_eq!(bench.read(None, Some(80_000)).await, [of(None, Some(80_000))], "no more");
        assert_eq!(bench.read(None, None).await, [of(None, None)]);
        assert_eq!(bench.read(None, Some(-500)).await, [of(None, Some(-500))]);
        assert_eq!(bench.read(None, Some(0)).await, []);
        assert_eq!(bench.read(None, Some(1)).await, [of(None, Some(1))]);
        assert_eq!(bench.read(None, Some(i32::MIN)).await, [of(None, Some(i32::MIN))]);
        assert_eq!(bench.read(None, Some(i32::MAX)).await, [of(None, Some(i32::MAX))]);
    });
}

#[test]
fn who_begins_later_is_told_the_last_reading() {
    in_virtual_time(async {
        let mut bench = Bench::new();
        bench.simulation.set_board_battery(Some(30));
        bench.monitor.do_send(TellConditions);
        pass(INTERVAL / 2).await;
        assert_eq!(bench.told(), [of(Some(30), None)], "nothing is told before it is read");
        bench.simulation.set_board_battery(Some(29));
        bench.monitor.do_send(TellConditions);
        pass(Duration::ZERO).await;
        assert_eq!(bench.told(), [of(Some(30), None)]);
    });
}

/// A board that counts its readings, and fails at one of them.
struct Failing {
    readings: Arc<AtomicUsize>,
    fails_at: usize,
}

impl BoardConditions for Failing {
    fn read(&self) -> conditions::Conditions {
        let reading = self.readings.fetch_add(1, Ordering::SeqCst) + 1;
        assert_ne!(reading, self.fails_at, "the driver fails");
        conditions::Conditions::default()
    }

    fn describe(&self) -> String {
        "failing".to_owned()
    }
}

#[test]
fn the_board_is_read_once_each_interval() {
    in_virtual_time(async {
        let readings = Arc::<AtomicUsize>::default();
        let (_monitor, _told) = start(Arc::new(Failing { readings: readings.clone(), fails_at: 0 }));
        pass(INTERVAL / 2).await;
        assert_eq!(readings.load(Ordering::SeqCst), 1);
        pass(10 * INTERVAL).await;
        assert_eq!(readings.load(Ordering::SeqCst), 11);
    });
}

#[test]
fn a_driver_that_panics_ends_the_actor() {
    in_virtual_time(async {
        let readings = Arc::<AtomicUsize>::default();
        let (monitor, _told) = start(Arc::new(Failing { readings: readings.clone(), fails_at: 2 }));
        pass(INTERVAL / 2).await;
        assert!(monitor.connected());
        pass(INTERVAL).await;
        assert!(!monitor.connected(), "its supervisor starts it afresh");
        pass(10 * INTERVAL).await;
        assert_eq!(readings.load(Ordering::SeqCst), 2);
    });
}
