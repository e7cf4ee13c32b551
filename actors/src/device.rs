//! A device that one thread owns: opened when it can be, opened again after a failure, and reported on once.

use std::time::Duration;

use carpus_core::supervision::Backoff;

use crate::report::{DeviceMended, DeviceProblem, DeviceReport, Fault};
use crate::supervisor::Outlet;

/// The wait before a device is opened again for the first time.
const REOPEN_MIN: Duration = Duration::from_millis(500);
/// The longest wait before a device is opened again: someone who plugs it in expects it within half a minute.
const REOPEN_MAX: Duration = Duration::from_secs(30);

/// How many different problems of a device are told before it works again: a device that fails in ever new words fills
/// no log.
const PROBLEMS_MAX: usize = 8;

/// The waits between attempts to open a device.
pub(crate) const fn reopen_backoff() -> Backoff {
    Backoff::new(REOPEN_MIN, REOPEN_MAX)
}

/// Says each problem of a device once, and its end.
pub(crate) struct Spokesman {
    part: &'static str,
    /// What was told since it worked last.
    told: Vec<DeviceProblem>,
    reports: Outlet<DeviceReport>,
}

impl Spokesman {
    pub(crate) const fn new(part: &'static str, reports: Outlet<DeviceReport>) -> Self {
        Self { part, told: Vec::new(), reports }
    }

    pub(crate) fn failed(&mut self, fault: &impl Fault) {
        let problem = fault.problem(self.part);
        if self.told.contains(&problem) || self.told.len() >= PROBLEMS_MAX {
            tracing::debug!(part = self.part, "still: {}", problem.what);
            return;
        }
        tracing::warn!(part = self.part, "{}; {}", problem.what, problem.remedy);
        self.reports.tell(DeviceReport::Problem(problem.clone()));
        self.told.push(problem);
    }

    /// What is wrong, as it was told last.
    pub(crate) fn problem(&self) -> Option<&DeviceProblem> {
        self.told.last()
    }

    pub(crate) fn works(&mut self) {
        if !self.told.is_empty() {
            self.told.clear();
            tracing::info!(part = self.part, "works again");
            self.reports.tell(DeviceReport::Mended(DeviceMended { part: self.part }));
        }
    }
}

/// A device with its way to open it. Times are those of the clock since boot.
pub(crate) struct Device<D: ?Sized, E> {
    open: Box<dyn FnMut() -> Result<Box<D>, E> + Send>,
    held: Option<Box<D>>,
    backoff: Backoff,
    retry_at: Option<Duration>,
    spokesman: Spokesman,
}

impl<D: ?Sized, E: Fault> Device<D, E> {
    /// A device that is not open yet; the first [`try_open`](Self::try_open) opens it.
    pub(crate) fn new(
        open: Box<dyn FnMut() -> Result<Box<D>, E> + Send>,
        part: &'static str,
        reports: Outlet<DeviceReport>,
    ) -> Self {
        Self {
            open,
            held: None,
            backoff: reopen_backoff(),
            retry_at: Some(Duration::ZERO),
            spokesman: Spokesman::new(part, reports),
        }
    }

    /// When to call [`try_open`](Self::try_open) next; none while the device is open.
    pub(crate) const fn retry_at(&self) -> Option<Duration> {
        self.retry_at
    }

    /// Opens the device if it is not open and its time has come.
    pub(crate) fn try_open(&mut self, since_boot: Duration) {
        if self.retry_at.is_none_or(|at| at > since_boot) {
            return;
        }
        match (self.open)() {
            Ok(device) => {
                self.held = Some(device);
                self.retry_at = None;
                self.spokesman.works();
            }
            Err(fault) => self.lost(&fault, since_boot),
        }
    }

    /// Lets the device do something, if it is there. A failure closes it, to be opened again; true when it was
    /// there and did it.
    pub(crate) fn run(&mut self, since_boot: Duration, act: impl FnOnce(&mut D) -> Result<(), E>) -> bool {
        let Some(device) = self.held.as_deref_mut() else { return false };
        match act(device) {
            Ok(()) => {
                self.backoff.reset();
                true
            }
            Err(fault) => {
                self.held = None;
                self.lost(&fault, since_boot);
                false
            }
        }
    }

    fn lost(&mut self, fault: &E, since_boot: Duration) {
        self.spokesman.failed(fault);
        self.retry_at = Some(since_boot.saturating_add(self.backoff.next_wait()));
    }
}
