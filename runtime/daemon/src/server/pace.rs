//! How fast a client may call: so many calls in a second, and a burst now and then. Whoever calls faster waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use carpus_core::AppId;
use tokio::time::{Instant, sleep_until};

/// How fast a client may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallRate {
    /// The calls in a second, on average; at least 1.
    pub per_second: u32,
    /// The calls that may come at once, after a pause; at least 1.
    pub burst: u32,
}

impl CallRate {
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }
}

/// The pace of one caller: the generic cell rate algorithm (ITU-T I.371), with a wait in the place of a refusal.
#[derive(Debug)]
pub(super) struct Pace {
    rate: CallRate,
    /// When all calls so far would have been made at the rate.
    paid_until: Cell<Instant>,
}

impl Pace {
    pub(super) fn new(rate: CallRate) -> Self {
        Self { rate, paid_until: Cell::new(Instant::now()) }
    }

    /// Waits until the next call may be made. True when it had to wait.
    pub(super) async fn turn(&self) -> bool {
        let now = Instant::now();
        let due = self.take_turn(now);
        if due > now {
            sleep_until(due).await;
        }
        due > now
    }

    /// Takes the next turn, and says when it comes: those that wait come one after another.
    fn take_turn(&self, now: Instant) -> Instant {
        let paid_until = self.paid_until.get().max(now);
        self.paid_until.set(paid_until + self.rate.interval());
        let ahead = self.rate.interval() * self.rate.burst.saturating_sub(1);
        paid_until.checked_sub(ahead).map_or(now, |due| due.max(now))
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.paid_until.get() <= now
    }
}

/// The paces of the apps: all connections of an app have one together.
#[derive(Debug)]
pub(super) struct Paces {
    rate: CallRate,
    apps: RefCell<BTreeMap<AppId, Rc<Pace>>>,
}

impl Paces {
    pub(super) fn new(rate: CallRate) -> Self {
        Self { rate, apps: RefCell::default() }
    }

    /// The pace of a connection: the app's, or one of its own. An app that comes back has the one that it had.
    pub(super) fn of(&self, app: Option<&AppId>) -> Rc<Pace> {
        let Some(app) = app else { return Rc::new(Pace::new(self.rate)) };
        let mut apps = self.apps.borrow_mut();
        let now = Instant::now();
        apps.retain(|_, pace| Rc::strong_count(pace) > 1 || !pace.is_idle(now));
        Rc::clone(apps.entry(app.clone()).or_insert_with(|| Rc::new(Pace::new(self.rate))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: CallRate = CallRate { per_second: 10, burst: 5 };

    async fn waits(pace: &Pace) -> Duration {
        let start = Instant::now();
        let waited = pace.turn().await;
        assert_eq!(waited, start.elapsed() > Duration::ZERO);
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_taken_at_once_and_what_comes_then_waits_for_its_turn() {
        let pace = Pace::new(RATE);
        for _ in 0..RATE.burst {
            assert_eq!(waits(&pace).await, Duration::ZERO);
        }
        for _ in 0..20 {
            assert_eq!(waits(&pace).await, Duration::from_millis(100));
        }
        tokio::time::advance(Duration::from_millis(250)).await;
        let (first, second) = (waits(&pace).await, waits(&pace).await);
        assert_eq!((first, second), (Duration::ZERO, Duration::ZERO));
        assert_eq!(waits(&pace).await, Duration::from_millis(50));
        tokio::time::advance(Duration::from_secs(3600)).await;
        for _ in 0..RATE.burst {
            assert_eq!(waits(&pace).await, Duration::ZERO, "a long pause earns one burst");
        }
        assert!(waits(&pace).await > Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_calls_at_the_rate_never_waits() {
        let pace = Pace::new(RATE);
        for _ in 0..1000 {
            assert_eq!(waits(&pace).await, Duration::ZERO);
            tokio::time::advance(Duration::from_millis(100)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_connections_of_an_app_share_a_pace_and_another_app_has_its_own() {
        let paces = Paces::new(RATE);
        let (hasty, calm) = (AppId::parse("hasty").unwrap(), AppId::parse("calm").unwrap());
        for _ in 0..RATE.burst {
            // Connects anew for each call.
            assert_eq!(waits(&paces.of(Some(&hasty))).await, Duration::ZERO);
        }
        let (one, other) = (paces.of(Some(&hasty)), paces.of(Some(&hasty)));
        let (one, other) = tokio::join!(waits(&one), waits(&other));
        assert_eq!((one, other), (Duration::from_millis(100), Duration::from_millis(200)));
        assert_eq!(waits(&paces.of(Some(&calm))).await, Duration::ZERO);
        assert_eq!(waits(&paces.of(None)).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_that_is_gone_and_owes_no_time_is_forgotten() {
        let paces = Paces::new(RATE);
        paces.of(Some(&AppId::parse("gone").unwrap())).turn().await;
        paces.of(Some(&AppId::parse("other").unwrap()));
        assert_eq!(paces.apps.borrow().len(), 2);
        tokio::time::advance(Duration::from_secs(1)).await;
        paces.of(Some(&AppId::parse("other").unwrap()));
        assert_eq!(paces.apps.borrow().len(), 1);
    }
}
