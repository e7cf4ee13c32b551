use carpus_core::Application;
use carpus_simulated::{SimulatedLauncher, VirtualClock};
use tokio::sync::mpsc;

use super::*;
use crate::apps::{AppsOptions, InstalledApp, Steer};
use crate::supervisor::Outlet;
use crate::testing::{in_virtual_time, listener};

const INTERVAL: Duration = Duration::from_secs(2);

struct Bench {
    clock: VirtualClock,
    launcher: SimulatedLauncher,
    monitor: Addr<CpuMonitor>,
    spent: mpsc::UnboundedReceiver<BudgetSpent>,
    _folder: tempfile::TempDir,
}

fn app() -> AppId {
    AppId::parse("greedy").unwrap()
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let launcher = SimulatedLauncher::new();
    let options = AppsOptions {
        socket: folder.path().join("carpus.sock"),
        data: folder.path().to_owned(),
        logs: folder.path().to_owned(),
        max_log_bytes: 1024,
        leave_time: Duration::from_secs(5),
        max_running: 1,
    };
    let installed = InstalledApp {
        application: Application { id: app(), session_kinds: Vec::new() },
        name: "Greedy".to_owned(),
        version: "1".to_owned(),
        modes: Vec::new(),
        folder: folder.path().to_owned(),
        program: folder.path().join("greedy"),
    };
    let apps = Apps::new(Arc::new(launcher.clone()), options, Outlet::nobody(), vec![installed]).start();
    apps.send(Steer::Launch(app())).await.unwrap();
    let clock = VirtualClock::new();
    let (spent, told) = listener();
    let (limits, shown) = (Limits::default(), Arc::new(clock.clone()));
    let monitor =
        CpuMonitor::new(limits, INTERVAL, shown, Handle::of("apps", apps), spent, Outlet::nobody()).start();
    Bench { clock, launcher, monitor, spent: told, _folder: folder }
}

impl Bench {
    /// The app uses this share of a core for a while, in percent.
    async fn burn(&mut self, percent: u32, seconds: u32) {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let used = self.clock.since_boot() * percent / 100;
            assert!(self.launcher.set_cpu("greedy", used));
        }
    }
}

#[test]
fn c2_an_app_that_spends_its_allowance_is_told_of_once() {
    in_virtual_time(async {
        let mut bench = bench().await;
        bench.monitor.do_send(Measure(SessionId(1), app()));
        bench.burn(50, 40).await;
        let told = bench.spent.try_recv().unwrap();
        assert_eq!(told.session, SessionId(1));
        assert!(told.spending.is_over() && told.spending.limit == Duration::from_secs(9), "{told:?}");
        assert!(bench.spent.try_recv().is_err());
    });
}

#[test]
fn c1_an_app_within_its_allowance_is_left_alone() {
    in_virtual_time(async {
        let mut bench = bench().await;
        bench.monitor.do_send(Measure(SessionId(1), app()));
        bench.burn(14, 300).await;
        assert!(bench.spent.try_recv().is_err());
    });
}

#[test]
fn a_session_that_ended_is_measured_no_more() {
    in_virtual_time(async {
        let mut bench = bench().await;
        bench.monitor.do_send(Measure(SessionId(1), app()));
        bench.monitor.do_send(StopMeasuring(SessionId(1)));
        bench.burn(100, 60).await;
        assert!(bench.spent.try_recv().is_err());
    });
}
