//! The processes of an app where there is no control group: its session, and what its members forked.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};

use crate::cpu_ledger::CpuLedger;
use crate::procfs::{self, Stat};

/// How often the tree is listed for one signal. A second pass finds what a process outside the group forked
/// before the first one reached it; a tree that still grows after so many is forking without end.
const SIGNAL_PASSES_MAX: usize = 8;

/// The tree below one process, which leads a session of its own. A child of the runtime stays unreaped while this
/// lives, so that no other process gets its id; an adopted process is told from another one by when it started.
#[derive(Debug)]
pub(crate) struct ProcessTree {
    leader: Leader,
    known: Mutex<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Leader {
    pid: Pid,
    start_ticks: u64,
}

impl Leader {
    const fn id(self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Whether another process has got the id.
    fn is_replaced(self, by: &Stat) -> bool {
        by.id == self.id() && by.start_ticks != self.start_ticks
    }
}

/// What was learnt of the tree so far.
#[derive(Debug, Default)]
struct Known {
    /// Start time by id of all members that were seen, so that one that makes a session of its own and loses its
    /// parent stays a member.
    members: BTreeMap<i32, u64>,
    ledger: CpuLedger,
}

impl ProcessTree {
    /// The leader started `start_ticks` after boot.
    pub(crate) fn new(pid: Pid, start_ticks: u64) -> Self {
        Self { leader: Leader { pid, start_ticks }, known: Mutex::default() }
    }

    /// Sends `signal` to all members; false when none of them is alive.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<bool> {
        // Looked at before: the signal may end the last one at once.
        let mut any_alive = self.members()?.iter().any(Stat::is_alive);
        self.signal_group(signal)?;
        let group = self.leader.id();
        let mut signalled = BTreeMap::new();
        for _ in 0..SIGNAL_PASSES_MAX {
            let members = self.members()?;
            any_alive |= members.iter().any(Stat::is_alive);
            let outside = members.iter().filter(|stat| stat.group != group && stat.is_alive());
            let mut any_new = false;
            for stat in outside {
                if signalled.insert(stat.id, stat.start_ticks) != Some(stat.start_ticks) {
                    any_new = true;
                    signal_one(stat, signal)?;
                }
            }
            if !any_new {
                break;
            }
        }
        Ok(any_alive)
    }

    /// The group at once: what its members fork meanwhile gets the signal as well. As long as it has a member, no
    /// other process gets its leader's id.
    fn signal_group(&self, signal: Signal) -> io::Result<()> {
        let now = procfs::read(self.leader.id())?;
        if now.is_some_and(|now| self.leader.is_replaced(&now)) {
            return Ok(());
        }
        match kill_process_group(self.leader.pid, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether its CPU is taken: all members are stopped, or in a call that a stop waits for.
    pub(crate) fn is_stopped(&self) -> io::Result<bool> {
        let members = self.members()?;
        let is_stopped = |stat: &Stat| stat.state == b'T';
        let mut alive = members.iter().filter(|stat| stat.is_alive());
        Ok(members.iter().any(is_stopped) && alive.all(|stat| is_stopped(stat) || stat.state == b'D'))
    }

    /// CPU time of all members, the ended ones included; it never goes down.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        let all = procfs::read_all()?;
        let mut known = self.lock();
        let members = known.find(&all, self.leader);
        Ok(ticks_to_duration(known.ledger.account(&members), rustix::param::clock_ticks_per_second()))
    }

    /// Whether process `id` is a member.
    pub(crate) fn contains(&self, id: i32) -> io::Result<bool> {
        Ok(self.members()?.iter().any(|stat| stat.id == id))
    }

    fn members(&self) -> io::Result<Vec<Stat>> {
        let all = procfs::read_all()?;
        Ok(self.lock().find(&all, self.leader))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing below panics half-way through a change.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Finds the members among all processes: the leader's session, known members, and their descendants.
    fn find(&mut self, all: &[Stat], leader: Leader) -> Vec<Stat> {
        let session_is_its = !all.iter().any(|stat| leader.is_replaced(stat));
        let leader = leader.id();
        let is_root = |stat: &Stat| {
            session_is_its && (stat.id == leader || stat.session == leader)
                || self.members.get(&stat.id).is_some_and(|start_ticks| *start_ticks == stat.start_ticks)
        };
        let (mut members, mut others): (Vec<Stat>, Vec<Stat>) = all.iter().partition(|stat| is_root(stat));
        loop {
            let (children, rest): (Vec<Stat>, Vec<Stat>) =
                others.into_iter().partition(|stat| members.iter().any(|member| member.id == stat.parent));
            if children.is_empty() {
                break;
            }
            members.extend(children);
            others = rest;
        }
        self.members = members.iter().map(|stat| (stat.id, stat.start_ticks)).collect();
        members
    }
}

/// Signals just the process that was listed, not another one that has got its id since.
pub(crate) fn signal_one(stat: &Stat, signal: Signal) -> io::Result<()> {
    let Some(pid) = Pid::from_raw(stat.id) else {
        return Ok(());
    };
    let sent = pidfd_open(pid, PidfdFlags::empty()).and_then(|process| {
        // Once the handle is open, the id stays that of the same process or of none.
        match procfs::read(stat.id) {
            Ok(Some(now)) if now.start_ticks == stat.start_ticks => pidfd_send_signal(&process, signal),
            _ => Err(Errno::SRCH),
        }
    });
    match sent {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn ticks_to_duration(ticks: u64, ticks_per_second: u64) -> Duration {
    let ticks_per_second = ticks_per_second.max(1);
    let rest_ns = u128::from(ticks % ticks_per_second) * 1_000_000_000 / u128::from(ticks_per_second);
    Duration::from_secs(ticks / ticks_per_second)
        + Duration::from_nanos(u64::try_from(rest_ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEADER: Leader = Leader { pid: Pid::from_raw(10).unwrap(), start_ticks: 7 };

    fn process(id: i32, parent: i32, session: i32) -> Stat {
        Stat {
            id,
            state: b'S',
            parent,
            group: session,
            session,
            own_ticks: 0,
            reaped_ticks: 0,
            start_ticks: 7,
        }
    }

    fn find(known: &mut Known, all: &[Stat]) -> Vec<i32> {
        let mut ids: Vec<i32> = known.find(all, LEADER).iter().map(|stat| stat.id).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn a_fork_that_lost_its_parent_is_found_by_its_session() {
        let all = [process(1, 0, 1), process(10, 5, 10), process(12, 1, 10), process(13, 1, 1)];
        assert_eq!(find(&mut Known::default(), &all), [10, 12]);
    }

    #[test]
    fn a_fork_in_a_session_of_its_own_is_found_by_its_parents() {
        let all = [process(14, 12, 14), process(12, 10, 12), process(10, 5, 10), process(5, 1, 5)];
        assert_eq!(find(&mut Known::default(), &all), [10, 12, 14]);
    }

    #[test]
    fn a_known_fork_stays_a_member_but_not_whoever_gets_its_id() {
        let mut known = Known::default();
        find(&mut known, &[process(10, 5, 10), process(12, 10, 12)]);
        assert_eq!(find(&mut known, &[process(10, 5, 10), process(12, 1, 12)]), [10, 12]);
        let other = Stat { start_ticks: 8, ..process(12, 1, 12) };
        assert_eq!(find(&mut known, &[process(10, 5, 10), other]), [10]);
    }

    #[test]
    fn d2_a_later_process_with_the_id_of_the_leader_and_its_session_are_not_members() {
        let mut known = Known::default();
        find(&mut known, &[process(10, 5, 10), process(12, 10, 12)]);
        let later = Stat { start_ticks: 9, ..process(10, 5, 10) };
        assert_eq!(find(&mut known, &[later, process(11, 10, 10), process(12, 1, 12)]), [12]);
    }

    #[test]
    fn ticks_become_time() {
        assert_eq!(ticks_to_duration(250, 100), Duration::from_millis(2500));
        assert_eq!(ticks_to_duration(1, 1024), Duration::from_nanos(976_562));
        assert_eq!(ticks_to_duration(0, 100), Duration::ZERO);
    }
}
