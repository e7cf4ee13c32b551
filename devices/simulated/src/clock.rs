//! Clocks on tokio's time: virtual in a paused runtime.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carpus_devices::BoxFuture;
use carpus_devices::clock::{Clock, WallTimer, WallTimerOutcome};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

/// The wall clock as it was set last.
#[derive(Clone, Copy, Debug)]
struct WallBase {
    /// What it was set to …
    wall: SystemTime,
    /// … and when, after boot.
    since_boot: Duration,
}

#[derive(Debug)]
struct Inner {
    /// The runtime whose time this is, so that other threads read the same clock.
    runtime: Option<Handle>,
    boot: Instant,
    wall: watch::Sender<WallBase>,
}

/// Both clocks of a board on tokio's time. A clone is the same clock.
///
/// Made within a runtime, it shows that runtime's time on every thread. The board boots when the clock is made.
#[derive(Clone, Debug)]
pub struct VirtualClock(Arc<Inner>);

impl VirtualClock {
    /// A board that boots now, its wall clock set to the host's.
    pub fn new() -> Self {
        Self::starting_at(SystemTime::now())
    }

    /// A board that boots now, its wall clock set to `wall`.
    pub fn starting_at(wall: SystemTime) -> Self {
        let base = WallBase { wall, since_boot: Duration::ZERO };
        Self(Arc::new(Inner {
            runtime: Handle::try_current().ok(),
            boot: Instant::now(),
            wall: watch::Sender::new(base),
        }))
    }

    /// Sets the wall clock. Whoever waits on it is told.
    pub fn set_wall(&self, wall: SystemTime) {
        self.0.wall.send_replace(WallBase { wall, since_boot: self.since_boot() });
    }

    /// A timer on this wall clock.
    pub fn wall_timer(&self) -> VirtualWallTimer {
        VirtualWallTimer { clock: self.clone() }
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn since_boot(&self) -> Duration {
        let _entered = self.0.runtime.as_ref().map(Handle::enter);
        self.0.boot.elapsed()
    }

    fn wall(&self) -> SystemTime {
        let base = *self.0.wall.borrow();
        base.wall + self.since_boot().saturating_sub(base.since_boot)
    }
}

/// A timer on the wall clock of a [`VirtualClock`].
#[derive(Clone, Debug)]
pub struct VirtualWallTimer {
    clock: VirtualClock,
}

impl WallTimer for VirtualWallTimer {
    fn sleep_until(&self, at: SystemTime) -> BoxFuture<'static, WallTimerOutcome> {
        let clock = self.clock.clone();
        // From here on, not from the first poll on, a step of the clock counts.
        let mut steps = clock.0.wall.subscribe();
        Box::pin(async move {
            loop {
                if steps.has_changed().unwrap_or(false) {
                    return WallTimerOutcome::ClockSet;
                }
                let Ok(left) = at.duration_since(clock.wall()) else {
                    return WallTimerOutcome::Reached;
                };
                if left.is_zero() {
                    return WallTimerOutcome::Reached;
                }
                tokio::select! {
                    biased;
                    // The sender lives in `clock`, so this ends with a step only.
                    _step = steps.changed() => return WallTimerOutcome::ClockSet,
                    () = tokio::time::sleep(left) => {}
                }
            }
        })
    }

    fn clock_set(&self) -> BoxFuture<'static, ()> {
        let clock = self.clock.clone();
        let mut steps = clock.0.wall.subscribe();
        Box::pin(async move {
            // The sender lives in `clock`, so this ends with a step only.
            steps.changed().await.ok();
            drop(clock);
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn noon() -> SystemTime {
        UNIX_EPOCH + 12 * HOUR
    }

    #[tokio::test(start_paused = true)]
    async fn both_clocks_go_with_the_runtime() {
        let clock = VirtualClock::starting_at(noon());
        tokio::time::advance(HOUR).await;
        assert_eq!((clock.since_boot(), clock.wall()), (HOUR, noon() + HOUR));
    }

    #[tokio::test(start_paused = true)]
    async fn setting_the_wall_clock_leaves_the_other_alone() {
        let clock = VirtualClock::starting_at(noon());
        tokio::time::advance(HOUR).await;
        clock.set_wall(noon() - HOUR);
        tokio::time::advance(HOUR).await;
        assert_eq!((clock.since_boot(), clock.wall()), (2 * HOUR, noon()));
    }

    #[tokio::test(start_paused = true)]
    async fn other_threads_see_the_same_time() {
        let clock = VirtualClock::starting_at(noon());
        tokio::time::advance(HOUR).await;
        let there = clock.clone();
        let seen = std::thread::spawn(move || (there.since_boot(), there.wall())).join().unwrap();
        assert_eq!(seen, (HOUR, noon() + HOUR));
    }

    #[tokio::test(start_paused = true)]
    async fn an_instant_is_reached_when_it_comes_and_at_once_when_it_is_past() {
        let clock = VirtualClock::starting_at(noon());
        assert_eq!(clock.wall_timer().sleep_until(noon() + HOUR).await, WallTimerOutcome::Reached);
        assert_eq!(clock.since_boot(), HOUR);
        assert_eq!(clock.wall_timer().sleep_until(noon()).await, WallTimerOutcome::Reached);
        assert_eq!(clock.since_boot(), HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn a7_a_step_of_the_clock_ends_the_wait_either_way() {
        for step_to in [noon() + 5 * HOUR, noon() - 5 * HOUR] {
            let clock = VirtualClock::starting_at(noon());
            let wait = tokio::spawn(clock.wall_timer().sleep_until(noon() + 2 * HOUR));
            tokio::time::sleep(HOUR).await;
            clock.set_wall(step_to);
            assert_eq!(wait.await.unwrap(), WallTimerOutcome::ClockSet);
            assert_eq!(clock.since_boot(), HOUR);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_before_the_first_poll_is_not_missed() {
        let clock = VirtualClock::starting_at(noon());
        let wait = clock.wall_timer().sleep_until(noon() + HOUR);
        clock.set_wall(noon() - HOUR);
        assert_eq!(wait.await, WallTimerOutcome::ClockSet);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_of_the_clock_is_told_also_where_nothing_waits_for_an_instant() {
        let clock = VirtualClock::starting_at(noon());
        let set = clock.wall_timer().clock_set();
        clock.set_wall(noon() - HOUR);
        set.await;
        let mut set = tokio::spawn(clock.wall_timer().clock_set());
        tokio::time::sleep(HOUR).await;
        assert!(!set.is_finished(), "the clock goes, and is not set");
        clock.set_wall(noon());
        (&mut set).await.unwrap();
        assert_eq!(clock.since_boot(), HOUR);
    }
}
