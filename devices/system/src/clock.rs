//! The kernel's clocks.

use std::time::{Duration, SystemTime};

use carpus_devices::clock::Clock;
use rustix::time::{ClockId, clock_gettime};

/// The clocks of the running kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn since_boot(&self) -> Duration {
        Duration::try_from(clock_gettime(ClockId::Boottime)).expect("CLOCK_BOOTTIME is never negative")
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_since_boot_is_the_kernels_uptime() {
        let before = SystemClock.since_boot();
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime_s: f64 = text.split_whitespace().next().unwrap().parse().unwrap();
        let after = SystemClock.since_boot();
        // /proc/uptime is CLOCK_BOOTTIME cut to hundredths.
        assert!(before.as_secs_f64() - 0.01 <= uptime_s && uptime_s <= after.as_secs_f64());
    }
}
