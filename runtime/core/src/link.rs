//! Links to straps: when to scan, when to connect, when a link that says nothing is taken up afresh.
//!
//! [`Links`] coordinates a state machine per strap. One connect runs at a time, and no scan beside it; a scan runs
//! only while a known strap is absent, rarely while another one is streaming (scans cost samples). A strap that is
//! silent gets a fresh connection: silence and loss look alike. Waits after failures depend on their class and
//! double, until data flows again.
//!
//! The shell performs the [`Output`]s in order, and says how each [`Output::Connect`] went.

mod limits;
mod scan;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use self::limits::LinkLimits;
use self::scan::{Scan, ScanChange};
pub use self::state::{FailureClass, LinkReason, LinkState};
use crate::supervision::Backoff;
use crate::time::Now;

/// What the shell must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<D> {
    /// Look for straps.
    StartScan,
    /// Stop looking.
    StopScan,
    /// Connect and discover; then [`Links::handle_discovered`] or [`Links::handle_failed`].
    Connect {
        /// Which strap.
        device: D,
    },
    /// Switch its notifications on; then [`Links::handle_live`] or [`Links::handle_failed`].
    Subscribe {
        /// Which strap.
        device: D,
    },
    /// Take its link down, if it is up; then [`Links::handle_disconnected`].
    Disconnect {
        /// Which strap.
        device: D,
    },
    /// A strap's state changed.
    StateChanged {
        /// Which strap.
        device: D,
        /// Its new state.
        state: LinkState,
        /// Why, where there is a reason.
        reason: Option<LinkReason>,
    },
}

/// After this many failures in a row, a strap must be seen before it is tried again.
const BLIND_ATTEMPTS_MAX: u32 = 4;

#[derive(Clone, Debug)]
struct Link {
    state: LinkState,
    reason: Option<LinkReason>,
    /// Failures since data last flowed.
    failures: u32,
    /// The next attempt comes no earlier.
    not_before: Duration,
    /// In `Live`, when it counts as silent; in `Silent`, when the radio is no longer waited for.
    deadline: Duration,
    unseen: Unseen,
}

/// A strap that is connected already, since an earlier life of the runtime, does not advertise: one that a whole scan
/// did not show is connected unseen, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unseen {
    ToBeScannedFor,
    ToBeTried,
    Tried,
}

impl Link {
    const fn new() -> Self {
        Self {
            state: LinkState::Absent,
            reason: None,
            failures: 0,
            not_before: Duration::ZERO,
            deadline: Duration::ZERO,
            unseen: Unseen::ToBeScannedFor,
        }
    }

    fn waits_for_its_time(&self) -> bool {
        matches!(self.state, LinkState::BackingOff | LinkState::Lost)
    }

    fn is_ready(&self, now: Now) -> bool {
        let unseen = self.state == LinkState::Absent && self.unseen == Unseen::ToBeTried;
        let in_time = self.not_before <= now.since_boot;
        self.state == LinkState::Seen || ((unseen || self.waits_for_its_time()) && in_time)
    }
}

/// The connect that runs now.
#[derive(Clone, Debug)]
struct Attempt<D> {
    device: D,
    deadline: Duration,
}

/// The links to all known straps; `D` names a strap. Times are those of the clock since boot.
#[derive(Clone, Debug)]
pub struct Links<D> {
    limits: LinkLimits,
    links: BTreeMap<D, Link>,
    adapter: bool,
    attempt: Option<Attempt<D>>,
    scan: Scan,
    outputs: VecDeque<Output<D>>,
}

impl<D: Clone + Ord> Links<D> {
    /// No straps, and no adapter yet.
    pub const fn new(limits: LinkLimits) -> Self {
        Self {
            limits,
            links: BTreeMap::new(),
            adapter: false,
            attempt: None,
            scan: Scan::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Makes `device` a known strap; false when there are [`LinkLimits::links_max`] already. A known one is left
    /// as it is.
    pub fn handle_add(&mut self, device: D, now: Now) -> bool {
        if self.links.contains_key(&device) {
            return true;
        }
        if self.links.len() >= self.limits.links_max {
            return false;
        }
        self.links.insert(device, Link::new());
        self.scan.end_rest();
        self.settle(now);
        true
    }

    /// Takes the link of `device` down and forgets it; false when it was not known.
    pub fn handle_forget(&mut self, device: &D, now: Now) -> bool {
        let Some(link) = self.links.remove(device) else { return false };
        if matches!(link.state, LinkState::Subscribing | LinkState::Live) {
            self.outputs.push_back(Output::Disconnect { device: device.clone() });
        }
        if link.state == LinkState::Subscribing {
            self.end_attempt(device);
        }
        self.settle(now);
        true
    }

    /// A strap advertises, so it is in reach and not connected to anyone.
    pub fn handle_seen(&mut self, device: &D, now: Now) {
        let Some(link) = self.links.get(device) else { return };
        if link.state == LinkState::Absent {
            let reason = link.reason;
            let ready = link.not_before <= now.since_boot;
            let state = if ready { LinkState::Seen } else { LinkState::BackingOff };
            self.change(device, state, reason);
        }
        self.settle(now);
    }

    /// The link to `device` is up; its services are being discovered. One that nobody asked for, by an earlier life of
    /// the runtime or by another program, shows that the strap is in reach.
    pub fn handle_connected(&mut self, device: &D, now: Now) {
        match self.state(device) {
            Some(LinkState::Connecting) => self.change(device, LinkState::Discovering, None),
            Some(LinkState::Absent) => self.handle_seen(device, now),
            _ => {}
        }
    }

    /// The connect that was asked for succeeded.
    pub fn handle_discovered(&mut self, device: &D, now: Now) {
        match self.state(device) {
            Some(LinkState::Connecting | LinkState::Discovering) => {
                self.change(device, LinkState::Subscribing, None);
                self.outputs.push_back(Output::Subscribe { device: device.clone() });
            }
            // Forgotten, or given up on, while the radio was at it.
            _ => {
                self.end_attempt(device);
                self.outputs.push_back(Output::Disconnect { device: device.clone() });
            }
        }
        self.settle(now);
    }

    /// The connect or the subscription that was asked for failed.
    pub fn handle_failed(&mut self, device: &D, class: FailureClass, now: Now) {
        self.end_attempt(device);
        match self.state(device) {
            Some(LinkState::Connecting | LinkState::Discovering) => self.fail(device, class, now),
            Some(LinkState::Subscribing) => {
                self.outputs.push_back(Output::Disconnect { device: device.clone() });
                self.fail(device, class, now);
            }
            _ => {}
        }
        self.settle(now);
    }

    /// The notifications of `device` are on.
    pub fn handle_live(&mut self, device: &D, now: Now) {
        if self.state(device) == Some(LinkState::Subscribing) {
            self.end_attempt(device);
            self.change(device, LinkState::Live, None);
            let deadline = now.after(self.limits.no_data);
            if let Some(link) = self.links.get_mut(device) {
                link.deadline = deadline;
            }
        }
        self.settle(now);
    }

    /// `device` sent something of use: it lives, and what failed before is forgotten.
    pub fn handle_data(&mut self, device: &D, now: Now) {
        let deadline = now.after(self.limits.no_data);
        if let Some(link) = self.links.get_mut(device)
            && link.state == LinkState::Live
        {
            link.deadline = deadline;
            link.failures = 0;
        }
    }

    /// The link to `device` is down. While a connect runs, its own result counts instead.
    pub fn handle_disconnected(&mut self, device: &D, now: Now) {
        match self.state(device) {
            Some(LinkState::Live) => {
                self.back_off(device, FailureClass::Disconnected, now);
                self.change(device, LinkState::Lost, Some(LinkReason::Disconnected));
            }
            Some(LinkState::Silent) => {
                let reason = self.reason(device);
                self.back_off(device, FailureClass::Disconnected, now);
                self.change(device, LinkState::BackingOff, reason);
            }
            Some(LinkState::Subscribing) => {
                self.end_attempt(device);
                self.fail(device, FailureClass::Disconnected, now);
            }
            _ => {}
        }
        self.settle(now);
    }

    /// The adapter came, or went. Without one all links are down; with a new one, every strap must be seen again.
    pub fn handle_adapter(&mut self, present: bool, now: Now) {
        if self.adapter && !present {
            self.attempt = None;
            self.scan.forget();
            let up: Vec<D> = self.devices_in(|link| link.state != LinkState::Absent);
            for device in up {
                self.change(&device, LinkState::Absent, Some(LinkReason::AdapterGone));
            }
        }
        if present && !self.adapter {
            for link in self.links.values_mut() {
                link.unseen = Unseen::ToBeScannedFor;
            }
        }
        self.adapter = present;
        self.settle(now);
    }

    /// Someone wants to see what advertises: a scan runs until then, whatever the straps need.
    pub fn handle_scan_wanted(&mut self, duration: Duration, now: Now) {
        self.scan.want_until(now.after(duration));
        self.settle(now);
    }

    /// The scan that was asked for could not be started, or ended by itself.
    pub fn handle_scan_failed(&mut self, now: Now) {
        self.scan.failed(now);
        self.settle(now);
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) named.
    pub fn handle_timeout(&mut self, now: Now) {
        self.end_late_attempt(now);
        let due = |link: &Link| link.deadline <= now.since_boot;
        for device in self.devices_in(|link| link.state == LinkState::Silent && due(link)) {
            self.handle_disconnected(&device, now);
        }
        for device in self.devices_in(|link| link.state == LinkState::Live && due(link)) {
            self.fall_silent(&device, now);
        }
        self.settle(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next, on the clock since boot.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let attempt = self.attempt.as_ref().map(|attempt| attempt.deadline);
        let idle = self.adapter && self.attempt.is_none();
        let links = self.links.values().filter_map(|link| match link.state {
            LinkState::Live | LinkState::Silent => Some(link.deadline),
            LinkState::BackingOff | LinkState::Lost if idle => Some(link.not_before),
            _ => None,
        });
        links.chain(attempt).chain(self.scan.poll_timeout()).min()
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output<D>> {
        self.outputs.pop_front()
    }

    /// The state of `device`; none when it is not known.
    pub fn state(&self, device: &D) -> Option<LinkState> {
        self.links.get(device).map(|link| link.state)
    }

    /// Why the link of `device` is not up, or why it was taken up afresh.
    pub fn reason(&self, device: &D) -> Option<LinkReason> {
        self.links.get(device).and_then(|link| link.reason)
    }

    /// The numbers behind the links.
    pub const fn limits(&self) -> &LinkLimits {
        &self.limits
    }

    fn devices_in(&self, condition: impl Fn(&Link) -> bool) -> Vec<D> {
        self.links.iter().filter(|(_, link)| condition(link)).map(|(device, _)| device.clone()).collect()
    }

    fn change(&mut self, device: &D, state: LinkState, reason: Option<LinkReason>) {
        if let Some(link) = self.links.get_mut(device) {
            link.state = state;
            link.reason = reason;
            self.outputs.push_back(Output::StateChanged { device: device.clone(), state, reason });
        }
    }

    fn end_attempt(&mut self, device: &D) {
        if self.attempt.as_ref().is_some_and(|attempt| attempt.device == *device) {
            self.attempt = None;
        }
    }

    fn end_late_attempt(&mut self, now: Now) {
        let late = self.attempt.take_if(|attempt| attempt.deadline <= now.since_boot);
        if let Some(Attempt { device, .. }) = late {
            self.outputs.push_back(Output::Disconnect { device: device.clone() });
            if self.links.contains_key(&device) {
                self.fail(&device, FailureClass::TimedOut, now);
            }
        }
    }

    fn fall_silent(&mut self, device: &D, now: Now) {
        let reason = LinkReason::NoData(self.limits.no_data);
        self.change(device, LinkState::Silent, Some(reason));
        self.outputs.push_back(Output::Disconnect { device: device.clone() });
        let deadline = now.after(self.limits.disconnect);
        if let Some(link) = self.links.get_mut(device) {
            link.deadline = deadline;
        }
    }

    fn fail(&mut self, device: &D, class: FailureClass, now: Now) {
        let failures = self.back_off(device, class, now);
        let out_of_reach = matches!(class, FailureClass::NotFound | FailureClass::TimedOut);
        let must_be_seen = out_of_reach || failures >= BLIND_ATTEMPTS_MAX;
        let state = if must_be_seen { LinkState::Absent } else { LinkState::BackingOff };
        self.change(device, state, Some(LinkReason::ConnectFailed(class)));
    }

    fn back_off(&mut self, device: &D, class: FailureClass, now: Now) -> u32 {
        let limits = &self.limits;
        let Some(link) = self.links.get_mut(device) else { return 0 };
        let backoff = Backoff::new(class.first_wait(limits.backoff_min), limits.backoff_max);
        link.not_before = now.after(backoff.wait_after(link.failures));
        link.failures = link.failures.saturating_add(1);
        link.failures
    }

    /// Begins what can be begun now: the next connect, else a scan.
    fn settle(&mut self, now: Now) {
        if self.adapter && self.attempt.is_none() {
            self.connect_next(now);
        }
        let wanted = self.adapter && self.attempt.is_none();
        let absent = self.links.values().any(|link| link.state == LinkState::Absent);
        let live = self.links.values().any(|link| link.state == LinkState::Live);
        let rest = if live { self.limits.scan_rest_while_live } else { self.limits.scan_rest };
        let needed = absent || self.limits.look_for_new;
        match self.scan.settle(wanted, needed, self.limits.scan_time, rest, now) {
            None => {}
            Some(ScanChange::Start) => self.outputs.push_back(Output::StartScan),
            Some(ScanChange::Stop) => self.outputs.push_back(Output::StopScan),
            Some(ScanChange::End) => {
                self.outputs.push_back(Output::StopScan);
                self.try_unseen(now);
            }
        }
    }

    /// A whole scan is over.
    fn try_unseen(&mut self, now: Now) {
        for link in self.links.values_mut() {
            if link.state == LinkState::Absent && link.unseen == Unseen::ToBeScannedFor {
                link.unseen = Unseen::ToBeTried;
            }
        }
        self.connect_next(now);
    }

    fn connect_next(&mut self, now: Now) {
        let ready = self.links.iter().filter(|(_, link)| link.is_ready(now));
        let Some(device) = ready.min_by_key(|(_, link)| link.not_before).map(|(device, _)| device.clone())
        else {
            return;
        };
        if self.scan.stop() {
            self.outputs.push_back(Output::StopScan);
        }
        self.attempt = Some(Attempt { device: device.clone(), deadline: now.after(self.limits.attempt) });
        if let Some(link) = self.links.get_mut(&device) {
            link.unseen = Unseen::Tried;
        }
        self.change(&device, LinkState::Connecting, None);
        self.outputs.push_back(Output::Connect { device });
    }
}
