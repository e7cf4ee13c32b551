//! The parts of the runtime, which fail at times: drives the restart policy, and checks what it decides.

use std::collections::BTreeMap;
use std::time::Duration;

use carpus_core::Now;
use carpus_core::supervision::{ChildId, Decision, Output, RestartPolicy, Supervision};

use super::outage::Outage;
use super::{Done, Halt, World};
use crate::counts::Happening;

/// How long the runtime takes to be started afresh after it gave up.
const AFRESH: Duration = Duration::from_secs(1);

pub(super) struct Children {
    policy: RestartPolicy,
    supervision: Supervision,
    /// The failures of each that were answered with a restart.
    restarted: BTreeMap<ChildId, Vec<Duration>>,
    /// When those that are down must come back.
    down: BTreeMap<ChildId, Duration>,
}

impl Children {
    pub(super) fn new(seed: u64) -> Self {
        let policy = RestartPolicy::default();
        let supervision = Supervision::new(policy.clone(), seed);
        Self { policy, supervision, restarted: BTreeMap::new(), down: BTreeMap::new() }
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.supervision.poll_timeout()
    }

    fn recent(&self, child: ChildId, now: Now) -> Vec<Duration> {
        let all = self.restarted.get(&child).into_iter().flatten().copied();
        all.filter(|at| now.since_boot - *at < self.policy.window).collect()
    }

    /// Answers whether the runtime gives up.
    fn fail(&mut self, child: ChildId, now: Now) -> Result<bool, String> {
        let recent = self.recent(child, now);
        let restarts = u32::try_from(recent.len()).unwrap_or(u32::MAX);
        match self.supervision.handle_exit(child, now) {
            Decision::Escalate if restarts < self.policy.intensity => {
                Err("supervision: gives up early".to_owned())
            }
            Decision::Escalate => Ok(true),
            Decision::Restart { .. } if restarts >= self.policy.intensity => {
                Err("supervision: restarts more often than it may".to_owned())
            }
            Decision::Restart { after } => {
                self.check_wait(after, restarts)?;
                self.restarted.entry(child).or_default().push(now.since_boot);
                self.down.insert(child, now.after(after));
                Ok(false)
            }
        }
    }

    /// A wait doubles from failure to failure, up to the longest; a quarter may be taken off.
    fn check_wait(&self, after: Duration, restarts: u32) -> Result<(), String> {
        let full = self.policy.backoff_min.saturating_mul(1 << restarts.min(20)).min(self.policy.backoff_max);
        if after > full || after < full * 3 / 4 {
            return Err(format!("supervision: a wait of {after:?} after {restarts} restarts"));
        }
        Ok(())
    }

    /// After it gave up, nothing is started.
    fn check_given_up(&mut self) -> Result<(), String> {
        if self.supervision.poll_timeout().is_some() || self.supervision.poll_output().is_some() {
            return Err("supervision: something is started after it gave up".to_owned());
        }
        Ok(())
    }

    fn start(&mut self, now: Now) -> Result<(), String> {
        self.supervision.handle_timeout(now);
        while let Some(Output::Start(child)) = self.supervision.poll_output() {
            match self.down.remove(&child) {
                Some(at) if at <= now.since_boot => {}
                Some(_) => return Err("supervision: started before its wait was over".to_owned()),
                None => return Err("supervision: started though it runs".to_owned()),
            }
        }
        if self.down.values().any(|at| *at <= now.since_boot) {
            return Err("supervision: not started although its wait is over".to_owned());
        }
        Ok(())
    }
}

impl World<'_> {
    pub(super) fn child_fails(&mut self, child: u8) -> Done {
        let child = ChildId(usize::from(child));
        if self.children.down.contains_key(&child) {
            return Ok(());
        }
        self.counts.add(Happening::ChildFailures);
        if self.children.fail(child, self.now)? {
            self.counts.add(Happening::Escalations);
            self.children.check_given_up()?;
            return Err(Halt::Outage(Outage { power: false, off: AFRESH }));
        }
        Ok(())
    }

    pub(super) fn serve_children(&mut self) -> Done {
        Ok(self.children.start(self.now)?)
    }
}
