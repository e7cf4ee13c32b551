//! Supervision: when a part of the runtime that failed is started again, how a part that hangs or floods is noticed,
//! and when the runtime gives up.
//!
//! Children belong to groups. Each group has a [`Strategy`], and may be restarted [`Policy::intensity`] times within
//! [`Policy::window`]; the failure after that escalates, so that whoever started the runtime starts all of it afresh.
//! The waits between restarts double, and vary a little, so that children which fail together do not come back
//! together.
//!
//! Every child is pinged. One that does not answer in time is cut off and replaced; so is one that sends more than
//! [`Policy::flood_limit`] messages between two pings. What comes late, from an earlier life, carries its
//! [`Generation`], and changes nothing.

mod backoff;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

pub use self::backoff::Backoff;
use self::backoff::Jitter;
pub use self::spec::{
    ChildId, ChildSpec, ChildState, ChildView, Exit, Failure, Generation, GroupId, Output, Policy, Restart,
    Strategy,
};
use crate::time::Now;

/// A timeout that comes later than this after its time came late for everyone: the board was suspended, or the thread
/// was held up. What the children could not do meanwhile is not held against them.
const LATE: Duration = Duration::from_secs(1);

/// Supervision at work. Times are those of the clock since boot.
#[derive(Clone, Debug)]
pub struct Supervision {
    policy: Policy,
    jitter: Jitter,
    groups: Vec<Group>,
    children: Vec<Child>,
    phase: Phase,
    /// When all are pinged next.
    round_at: Duration,
    outputs: VecDeque<Output>,
}

#[derive(Clone, Debug)]
struct Group {
    strategy: Strategy,
    /// In the order of starting.
    members: Vec<ChildId>,
    /// When its restarts were, as far as they count.
    restarts: VecDeque<Duration>,
}

#[derive(Clone, Debug)]
struct Child {
    spec: ChildSpec,
    life: Life,
    generation: Generation,
    /// Whether it answered since the last [`Output::Healthy`].
    answered: bool,
    restarts: u64,
    last_failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// Not before `due`.
    Down { due: Duration },
    /// From its start on.
    Alive(Health),
    /// Cut off at `until`.
    Stopping { until: Duration },
    /// For good.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Health {
    /// The ping that is not answered.
    asked_at: Option<Duration>,
    /// Whether it has answered at all.
    is_up: bool,
    /// What it had sent when it was counted last.
    sent: u64,
    counted_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    NotBegun,
    Running,
    Escalated,
    Ending,
    Ended,
}

impl Child {
    fn state(&self) -> ChildState {
        match self.life {
            Life::Down { .. } => ChildState::Waiting,
            Life::Alive(Health { is_up: false, .. }) => ChildState::Starting,
            Life::Alive(Health { is_up: true, .. }) => ChildState::Up,
            Life::Stopping { .. } => ChildState::Stopping,
            Life::Over => ChildState::Over,
        }
    }

    fn is_over(&self) -> bool {
        self.life == Life::Over
    }
}

impl Supervision {
    /// Without children yet. `seed` decides the jitter: equal seeds give equal waits.
    pub const fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            jitter: Jitter(seed),
            groups: Vec::new(),
            children: Vec::new(),
            phase: Phase::NotBegun,
            round_at: Duration::ZERO,
            outputs: VecDeque::new(),
        }
    }

    /// A group without children yet.
    pub fn add_group(&mut self, strategy: Strategy) -> GroupId {
        self.groups.push(Group { strategy, members: Vec::new(), restarts: VecDeque::new() });
        GroupId(self.groups.len() - 1)
    }

    /// Makes a child known, behind those that are; none where there is no such group.
    pub fn add_child(&mut self, spec: ChildSpec) -> Option<ChildId> {
        let child = ChildId(self.children.len());
        self.groups.get_mut(spec.group.0)?.members.push(child);
        self.children.push(Child {
            spec,
            life: Life::Down { due: Duration::ZERO },
            generation: Generation(0),
            answered: false,
            restarts: 0,
            last_failure: None,
        });
        Some(child)
    }

    /// How the children are, in the order of starting.
    pub fn children(&self) -> impl Iterator<Item = ChildView> {
        self.children.iter().map(|child| ChildView {
            name: child.spec.name,
            state: child.state(),
            restarts: child.restarts,
            last_failure: child.last_failure,
        })
    }

    /// Starts all.
    pub fn handle_begin(&mut self, now: Now) {
        if self.phase == Phase::NotBegun {
            self.phase = Phase::Running;
            self.round_at = now.after(self.policy.ping_interval);
            self.go_on(now);
        }
    }

    /// A life of a child ended.
    pub fn handle_exit(&mut self, child: ChildId, generation: Generation, exit: Exit, now: Now) {
        match self.current(child, generation).map(|child| child.life) {
            Some(Life::Alive(_)) => self.failed(child, exit.into(), now),
            Some(Life::Stopping { .. }) => self.stopped(child),
            Some(Life::Down { .. } | Life::Over) | None => return,
        }
        self.go_on(now);
    }

    /// A child answered a ping. `sent` is how many messages it has sent in this life.
    pub fn handle_answer(&mut self, child: ChildId, generation: Generation, sent: u64, now: Now) {
        let (interval, limit) = (self.policy.ping_interval, self.policy.flood_limit);
        let Some(known) = self.current(child, generation) else { return };
        let Life::Alive(health) = &mut known.life else { return };
        if sent.saturating_sub(health.sent) > allowed(now.since_boot, health.counted_at, interval, limit) {
            self.replace(child, Failure::Flooded, now);
        } else {
            *health = Health { asked_at: None, is_up: true, sent, counted_at: now.since_boot };
            known.answered = true;
            self.tell_healthy();
        }
        self.go_on(now);
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) named.
    pub fn handle_timeout(&mut self, now: Now) {
        self.forgive_lateness(now);
        self.cut_off_those_that_do_not_stop(now);
        if self.phase == Phase::Running {
            self.replace_those_that_hang(now);
        }
        if self.phase == Phase::Running && self.round_at <= now.since_boot {
            self.round_at = now.after(self.policy.ping_interval);
            self.ping_all(now);
        }
        self.go_on(now);
    }

    /// Everything is to stop, for good: the last child first, each before the next. [`Output::AllStopped`] says when.
    pub fn handle_stop_all(&mut self, now: Now) {
        match self.phase {
            Phase::NotBegun | Phase::Running | Phase::Escalated => self.phase = Phase::Ending,
            Phase::Ending => return,
            Phase::Ended => return self.outputs.push_back(Output::AllStopped),
        }
        for child in &mut self.children {
            if let Life::Down { .. } = child.life {
                child.life = Life::Over;
            }
        }
        self.go_on(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next, on the clock since boot.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let stops = self.children.iter().filter_map(|child| match child.life {
            Life::Stopping { until } => Some(until),
            Life::Down { .. } | Life::Alive(_) | Life::Over => None,
        });
        if self.phase != Phase::Running {
            return stops.min();
        }
        let hangs = self.children.iter().filter_map(|child| self.hangs_at(child));
        let starts = (0..self.groups.len()).filter_map(|group| self.next_start(GroupId(group)));
        stops.chain(hangs).chain(starts.map(|(_, due)| due)).chain([self.round_at]).min()
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn current(&mut self, child: ChildId, generation: Generation) -> Option<&mut Child> {
        self.children.get_mut(child.0).filter(|child| child.generation == generation)
    }

    fn hangs_at(&self, child: &Child) -> Option<Duration> {
        match child.life {
            Life::Alive(Health { asked_at: Some(at), .. }) => Some(at.saturating_add(self.policy.ping_limit)),
            Life::Alive(_) | Life::Down { .. } | Life::Stopping { .. } | Life::Over => None,
        }
    }

    fn forgive_lateness(&mut self, now: Now) {
        let late = self.poll_timeout().map_or(Duration::ZERO, |due| now.since_boot.saturating_sub(due));
        if late < LATE {
            return;
        }
        for child in &mut self.children {
            match &mut child.life {
                Life::Alive(Health { asked_at: Some(at), .. }) => *at = at.saturating_add(late),
                Life::Stopping { until } => *until = until.saturating_add(late),
                Life::Alive(_) | Life::Down { .. } | Life::Over => {}
            }
        }
    }

    fn cut_off_those_that_do_not_stop(&mut self, now: Now) {
        for id in (0..self.children.len()).map(ChildId) {
            if let Life::Stopping { until } = self.children[id.0].life
                && until <= now.since_boot
            {
                self.abandon(id);
                self.stopped(id);
            }
        }
    }

    fn replace_those_that_hang(&mut self, now: Now) {
        for id in (0..self.children.len()).map(ChildId) {
            if self.hangs_at(&self.children[id.0]).is_some_and(|at| at <= now.since_boot) {
                self.replace(id, Failure::Hung, now);
            }
        }
    }

    fn ping_all(&mut self, now: Now) {
        for (index, child) in self.children.iter_mut().enumerate() {
            if let Life::Alive(health @ Health { asked_at: None, .. }) = &mut child.life {
                health.asked_at = Some(now.since_boot);
                self.outputs.push_back(Output::Ping(ChildId(index), child.generation));
            }
        }
    }

    fn tell_healthy(&mut self) {
        if self.children.iter().all(|child| child.is_over() || child.answered) {
            self.children.iter_mut().for_each(|child| child.answered = false);
            self.outputs.push_back(Output::Healthy);
        }
    }

    fn abandon(&mut self, id: ChildId) {
        self.outputs.push_back(Output::Abandon(id, self.children[id.0].generation));
    }

    fn replace(&mut self, id: ChildId, failure: Failure, now: Now) {
        self.abandon(id);
        self.failed(id, failure, now);
    }

    /// A child that was told to stop is gone.
    fn stopped(&mut self, id: ChildId) {
        let child = &mut self.children[id.0];
        let comes_back = self.phase == Phase::Running && child.spec.restart != Restart::Temporary;
        child.life = if comes_back { Life::Down { due: Duration::ZERO } } else { Life::Over };
    }

    /// A child that nobody told to stop is gone.
    fn failed(&mut self, id: ChildId, failure: Failure, now: Now) {
        let child = &mut self.children[id.0];
        (child.answered, child.life) = (false, Life::Over);
        if self.phase != Phase::Running {
            return;
        }
        let stays_down = match child.spec.restart {
            Restart::Permanent => false,
            Restart::Transient => !failure.is_fault(),
            Restart::Temporary => true,
        };
        if stays_down {
            return self.outputs.push_back(Output::Over { child: id, failure });
        }
        let group = child.spec.group;
        let recent = self.restarts_in_window(group, now);
        if recent >= self.policy.intensity {
            return self.escalate(id, failure);
        }
        let backoff = Backoff::new(self.policy.backoff_min, self.policy.backoff_max);
        let after = self.jitter.shorten(backoff.wait_after(recent));
        self.groups[group.0].restarts.push_back(now.since_boot);
        let child = &mut self.children[id.0];
        child.restarts = child.restarts.saturating_add(1);
        child.last_failure = Some(failure);
        child.life = Life::Down { due: now.after(after) };
        self.outputs.push_back(Output::Failed { child: id, failure, after });
    }

    fn restarts_in_window(&mut self, group: GroupId, now: Now) -> u32 {
        let window = self.policy.window;
        let restarts = &mut self.groups[group.0].restarts;
        while restarts.front().is_some_and(|at| now.since_boot.saturating_sub(*at) >= window) {
            restarts.pop_front();
        }
        u32::try_from(restarts.len()).unwrap_or(u32::MAX)
    }

    fn escalate(&mut self, child: ChildId, failure: Failure) {
        self.phase = Phase::Escalated;
        self.outputs
            .retain(|output| !matches!(output, Output::Start(..) | Output::Ping(..) | Output::Healthy));
        self.outputs.push_back(Output::Escalate { child, failure });
    }

    /// Starts and stops what can be now.
    fn go_on(&mut self, now: Now) {
        match self.phase {
            Phase::Running => {
                for group in (0..self.groups.len()).map(GroupId) {
                    self.stop_those_behind(group, now);
                    while let Some((child, due)) = self.next_start(group)
                        && due <= now.since_boot
                    {
                        self.start(child, now);
                    }
                }
            }
            Phase::Ending => self.end(now),
            Phase::NotBegun | Phase::Escalated | Phase::Ended => {}
        }
    }

    fn start(&mut self, id: ChildId, now: Now) {
        let at = now.since_boot;
        let child = &mut self.children[id.0];
        child.generation = Generation(child.generation.0.wrapping_add(1));
        child.answered = false;
        child.life = Life::Alive(Health { asked_at: Some(at), is_up: false, sent: 0, counted_at: at });
        self.outputs.extend([Output::Start(id, child.generation), Output::Ping(id, child.generation)]);
    }

    fn stop(&mut self, id: ChildId, now: Now) {
        let child = &mut self.children[id.0];
        child.answered = false;
        child.life = Life::Stopping { until: now.after(self.policy.stop_limit) };
        self.outputs.push_back(Output::Stop(id, child.generation));
    }

    fn lives(&self, ids: &[ChildId]) -> impl Iterator<Item = Life> {
        ids.iter().map(|id| self.children[id.0].life)
    }

    /// Where a member of a rest-for-one group is down: it and those before it, and those behind it.
    fn split_at_first_down(&self, group: GroupId) -> Option<(&[ChildId], ChildId, &[ChildId])> {
        let members = &self.groups[group.0].members;
        let first = self.lives(members).position(|life| matches!(life, Life::Down { .. }))?;
        Some((&members[..first], members[first], &members[first + 1..]))
    }

    /// In a rest-for-one group, what is behind a child that is down is stopped, one after another.
    fn stop_those_behind(&mut self, group: GroupId, now: Now) {
        if self.groups[group.0].strategy == Strategy::OneForOne {
            return;
        }
        let Some((_, _, behind)) = self.split_at_first_down(group) else { return };
        if self.lives(behind).any(|life| matches!(life, Life::Stopping { .. })) {
            return;
        }
        let is_alive = |id: &&ChildId| matches!(self.children[id.0].life, Life::Alive(_));
        if let Some(last) = behind.iter().rfind(is_alive).copied() {
            self.stop(last, now);
        }
    }

    /// The child that is to be started next in this group, and when; none while another has to stop or come up first.
    fn next_start(&self, group: GroupId) -> Option<(ChildId, Duration)> {
        match self.groups[group.0].strategy {
            Strategy::OneForOne => {
                let due = |id: &ChildId| match self.children[id.0].life {
                    Life::Down { due } => Some((*id, due)),
                    Life::Alive(_) | Life::Stopping { .. } | Life::Over => None,
                };
                self.groups[group.0].members.iter().filter_map(due).min_by_key(|(_, due)| *due)
            }
            Strategy::RestForOne => {
                let (before, first, behind) = self.split_at_first_down(group)?;
                let stand = self.lives(before).all(|life| match life {
                    Life::Alive(health) => health.is_up,
                    Life::Over => true,
                    Life::Down { .. } | Life::Stopping { .. } => false,
                });
                let clear = self.lives(behind).all(|life| matches!(life, Life::Down { .. } | Life::Over));
                let Life::Down { due } = self.children[first.0].life else { return None };
                (stand && clear).then_some((first, due))
            }
        }
    }

    /// Stops the next child from the back.
    fn end(&mut self, now: Now) {
        if self.children.iter().any(|child| matches!(child.life, Life::Stopping { .. })) {
            return;
        }
        match self.children.iter().rposition(|child| matches!(child.life, Life::Alive(_))) {
            Some(last) => self.stop(ChildId(last), now),
            None => {
                self.phase = Phase::Ended;
                self.outputs.push_back(Output::AllStopped);
            }
        }
    }
}

/// How many messages may be sent until now, when they were counted then: so many for each interval that began.
fn allowed(now: Duration, counted_at: Duration, interval: Duration, limit: u64) -> u64 {
    let elapsed_us = now.saturating_sub(counted_at).as_micros();
    let intervals = elapsed_us.div_ceil(interval.as_micros().max(1)).max(1);
    limit.saturating_mul(u64::try_from(intervals).unwrap_or(u64::MAX))
}
