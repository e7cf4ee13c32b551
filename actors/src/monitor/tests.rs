use carpus_devices::bluetooth::DeviceId;
use carpus_simulated::VirtualClock;

use super::*;
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
