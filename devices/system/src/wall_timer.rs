//! A timer on the wall clock that notices when the clock is set, on timerfd.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use carpus_devices::BoxFuture;
use carpus_devices::clock::{Clock as _, WallTimerOutcome};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::{SystemClock, readiness};

/// How often the wall clock is read where the kernel gives no timer, so that a step of the clock is noticed late
/// but never missed.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// By how much the wall clock must have moved against the time since boot from one look at it to the next, for it to
/// have been set: a clock that is only disciplined moves by 500 ppm at most (adjtimex(2)), 2.5 ms in that time.
const STEP_MIN: Duration = Duration::from_millis(100);

/// An instant that never comes, for a timer that only waits for the clock to be set: near the last that the kernel
/// can hold, in 2262.
const NEVER_SINCE_EPOCH: Duration = Duration::from_secs(9_000_000_000);

/// A timer on `CLOCK_REALTIME_ALARM`, which wakes a suspended board, or on `CLOCK_REALTIME` where the runtime
/// lacks `CAP_WAKE_ALARM`.
///
/// It is made anywhere; its futures run on tokio.
#[derive(Clone, Copy, Debug)]
pub struct WallTimer {
    clock: TimerfdClockId,
    rtc_wakes: bool,
}

impl WallTimer {
    /// Finds out which clock the kernel grants.
    pub fn new() -> Self {
        let clock = match timerfd_create(TimerfdClockId::RealtimeAlarm, TimerfdFlags::CLOEXEC) {
            Ok(_) => TimerfdClockId::RealtimeAlarm,
            Err(_) => TimerfdClockId::Realtime,
        };
        Self { clock, rtc_wakes: has_waking_rtc(Path::new("/sys/class/rtc")) }
    }

    /// Whether a wait wakes the board when it is suspended (A8). Takes the capability and a real-time clock with
    /// an alarm.
    pub fn wakes_from_suspend(&self) -> bool {
        self.clock == TimerfdClockId::RealtimeAlarm && self.rtc_wakes
    }

    /// Which clock the timer runs on and what that means, for people.
    pub fn describe(&self) -> String {
        match (self.clock, self.rtc_wakes) {
            (TimerfdClockId::RealtimeAlarm, true) => "CLOCK_REALTIME_ALARM: wakes the board from suspend",
            (TimerfdClockId::RealtimeAlarm, false) => {
                "CLOCK_REALTIME_ALARM: does not wake the board from suspend; it has no real-time clock with an alarm"
            }
            _ => "CLOCK_REALTIME: does not wake the board from suspend; the runtime lacks CAP_WAKE_ALARM",
        }
        .to_owned()
    }
}

impl Default for WallTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl carpus_devices::clock::WallTimer for WallTimer {
    fn sleep_until(&self, at: SystemTime) -> BoxFuture<'static, WallTimerOutcome> {
        let clock = self.clock;
        Box::pin(async move {
            match wait(clock, at).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    tracing::warn!(%error, "the kernel gives no timer; the wall clock is polled");
                    poll(at).await
                }
            }
        })
    }

    fn clock_set(&self) -> BoxFuture<'static, ()> {
        // Not on the clock that wakes the board: nobody is to be woken for this.
        let armed = arm(TimerfdClockId::Realtime, NEVER_SINCE_EPOCH).map_err(std::io::Error::from);
        let offset = wall_offset();
        Box::pin(async move {
            let set = async { fired(armed?).await };
            if let Err(error) = set.await {
                tracing::warn!(%error, "the kernel gives no timer; the wall clock is polled");
                poll_for_step(offset).await;
            }
        })
    }
}

/// Whether a real-time clock is there whose alarm can wake: the kernel shows `wakealarm` for those only.
fn has_waking_rtc(class: &Path) -> bool {
    std::fs::read_dir(class)
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.path().join("wakealarm").exists()))
}

async fn wait(clock: TimerfdClockId, at: SystemTime) -> std::io::Result<WallTimerOutcome> {
    // An all-zero time would disarm the timer.
    let Some(since_epoch) = at.duration_since(UNIX_EPOCH).ok().filter(|time| !time.is_zero()) else {
        return Ok(WallTimerOutcome::Reached);
    };
    fired(arm(clock, since_epoch)?).await
}

/// Waits for what an armed timer says.
async fn fired(timer: OwnedFd) -> std::io::Result<WallTimerOutcome> {
    let timer = readiness::watch(timer)?;
    loop {
        let mut ready = timer.readable().await?;
        match rustix::io::read(timer.get_ref(), &mut [0; size_of::<u64>()]) {
            Ok(_) => return Ok(WallTimerOutcome::Reached),
            Err(Errno::CANCELED) => return Ok(WallTimerOutcome::ClockSet),
            Err(Errno::AGAIN) => ready.clear_ready(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn arm(clock: TimerfdClockId, since_epoch: Duration) -> rustix::io::Result<OwnedFd> {
    let timer = timerfd_create(clock, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    let once = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec {
            tv_sec: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: since_epoch.subsec_nanos().into(),
        },
    };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &once)?;
    Ok(timer)
}

async fn poll(at: SystemTime) -> WallTimerOutcome {
    let left = at.duration_since(SystemTime::now()).unwrap_or_default();
    tokio::time::sleep(left.min(POLL_INTERVAL)).await;
    if SystemTime::now() >= at { WallTimerOutcome::Reached } else { WallTimerOutcome::ClockSet }
}

async fn poll_for_step(mut offset: Duration) {
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let before = std::mem::replace(&mut offset, wall_offset());
        if offset.abs_diff(before) >= STEP_MIN {
            return;
        }
    }
}

/// When the board booted, on the wall clock: it stays while nobody sets that.
fn wall_offset() -> Duration {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    wall.saturating_sub(SystemClock.since_boot())
}

#[cfg(test)]
mod tests {
    use carpus_devices::clock::WallTimer as _;
    use tempfile::tempdir;

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn an_instant_in_the_past_is_reached_at_once() {
        let timer = WallTimer::new();
        let outcome = run(timer.sleep_until(SystemTime::now() - Duration::from_secs(3600)));
        assert_eq!(outcome, WallTimerOutcome::Reached);
        assert_eq!(run(timer.sleep_until(UNIX_EPOCH)), WallTimerOutcome::Reached);
        assert_eq!(run(timer.sleep_until(UNIX_EPOCH - Duration::from_secs(1))), WallTimerOutcome::Reached);
    }

    #[test]
    fn an_instant_ahead_is_reached_and_not_before_its_time() {
        for clock in [WallTimer::new().clock, TimerfdClockId::Realtime] {
            let at = SystemTime::now() + Duration::from_millis(30);
            let timer = WallTimer { clock, rtc_wakes: false };
            assert_eq!(run(timer.sleep_until(at)), WallTimerOutcome::Reached);
            assert!(SystemTime::now() >= at);
        }
    }

    #[test]
    fn a_far_instant_waits_and_its_timer_goes_with_the_future() {
        run(async {
            let far = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64 / 4);
            let mut sleep = WallTimer::new().sleep_until(far);
            let polled =
                std::future::poll_fn(|context| std::task::Poll::Ready(sleep.as_mut().poll(context))).await;
            assert!(polled.is_pending());
        });
    }

    /// Nobody sets the clock of the machine that runs the tests; that a step ends the wait is seen on the board.
    #[test]
    fn a_wait_for_a_step_of_the_clock_lasts_while_nobody_sets_it() {
        run(async {
            let mut set = WallTimer::new().clock_set();
            let polled =
                std::future::poll_fn(|context| std::task::Poll::Ready(set.as_mut().poll(context))).await;
            assert!(polled.is_pending());
        });
    }

    #[test]
    fn polling_notices_a_step_of_the_clock() {
        let elsewhen = wall_offset() + Duration::from_secs(3600);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(poll_for_step(elsewhen)); // ends
    }

    #[test]
    fn polling_stands_in_for_a_timer() {
        let at = SystemTime::now() + Duration::from_millis(20);
        assert_eq!(run(poll(at)), WallTimerOutcome::Reached);
        assert!(SystemTime::now() >= at);
    }

    #[test]
    fn a8_only_a_clock_with_a_wake_alarm_wakes_the_board() {
        let class = tempdir().unwrap();
        assert!(!has_waking_rtc(class.path()));
        std::fs::create_dir(class.path().join("rtc0")).unwrap();
        assert!(!has_waking_rtc(class.path()));
        std::fs::write(class.path().join("rtc0/wakealarm"), "").unwrap();
        assert!(has_waking_rtc(class.path()));
        assert!(!WallTimer { clock: TimerfdClockId::Realtime, rtc_wakes: true }.wakes_from_suspend());
        assert!(WallTimer { clock: TimerfdClockId::RealtimeAlarm, rtc_wakes: true }.wakes_from_suspend());
    }
}
