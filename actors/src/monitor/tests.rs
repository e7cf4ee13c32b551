use carpus_devices::bluetooth::DeviceId;
use carpus_simulated::VirtualClock;

use super::*;
use crate::report::DeviceMended;
use crate::supervisor::Handle;
use crate::testing::in_virtual_time;

const BACKLOG: usize = 64;

/// A burst is told before the monitor gets to run once.
#[test]
fn a_burst_of_reports_reaches_the_onlookers_whole_and_in_order() {
    in_virtual_time(async {
        let monitor = Monitor::new(Arc::new(VirtualClock::new()), BACKLOG).start();
        let mut observed = monitor.send(LookOn).await.unwrap();
        let reports = Handle::of("monitor", monitor).outlet::<BleReport>();
        let device = DeviceId::parse("C0:FF:EE:00:00:01").unwrap();
        for count in 0..BACKLOG as u64 {
            assert!(reports.try_tell(BleReport::Malformed { device: device.clone(), kind: "empty", count }));
        }
        for wanted in 0..BACKLOG as u64 {
            let observed = observed.recv().await.unwrap();
            let Observation::Ble(BleReport::Malformed { count, .. }) = observed.what else {
                panic!("{observed:?}")
            };
            assert_eq!(count, wanted);
        }
    });
}

#[test]
fn what_was_wrong_before_there_was_a_monitor_is_told_beside_what_devices_report() {
    in_virtual_time(async {
        let problem =
            |part, what: &str| DeviceProblem { part, what: what.to_owned(), remedy: "mend it".to_owned() };
        let theme = problem("theme", "theme.toml:3: click.steps: there is no step");
        let clock = Arc::new(VirtualClock::new());
        let monitor = Monitor::new(clock, BACKLOG).with_problems([theme.clone()]).start();
        assert_eq!(monitor.send(Problems).await.unwrap(), std::slice::from_ref(&theme));
        let motor = problem("motor", "no vibration motor was found");
        monitor.send(DeviceReport::Problem(motor.clone())).await.unwrap();
        assert_eq!(monitor.send(Problems).await.unwrap(), [theme.clone(), motor]);
        monitor.send(DeviceReport::Mended(DeviceMended { part: "motor" })).await.unwrap();
        assert_eq!(monitor.send(Problems).await.unwrap(), [theme]);
    });
}
