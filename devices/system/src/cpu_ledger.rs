//! The CPU time of a process tree from readings of `/proc`, so that it never goes down.

use std::collections::BTreeMap;

use crate::procfs::Stat;

/// What was last seen of a process.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start_ticks: u64,
    parent: i32,
    own_ticks: u64,
    reaped_ticks: u64,
}

/// Sums up what each process of a tree has used since the last reading.
///
/// A process that ends takes its own count with it. Where its parent waited for it, the count comes back in the
/// parent's time of reaped children; only what that holds beyond the last sight of the ended ones is new. Where
/// nobody of the tree waited for it, the last sight of it stays counted.
#[derive(Debug, Default)]
pub(crate) struct CpuLedger {
    seen: BTreeMap<i32, Entry>,
    /// By parent: what was counted of its ended children and has not come back in its own count. Kept for one
    /// reading, because a listing of `/proc` is no snapshot: a parent may be read before it reaps a child, and
    /// the child not at all.
    owed_ticks: BTreeMap<i32, u64>,
    total_ticks: u64,
}

impl CpuLedger {
    /// Takes a reading of all processes of the tree, and gives the ticks that the tree has used in all.
    pub(crate) fn account(&mut self, members: &[Stat]) -> u64 {
        let now: BTreeMap<i32, Entry> = members.iter().map(|stat| (stat.id, Entry::of(stat))).collect();
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.seen)
            .into_iter()
            .partition(|(id, entry)| now.get(id).is_some_and(|later| later.start_ticks == entry.start_ticks));
        let owed_before = std::mem::take(&mut self.owed_ticks);
        for (id, entry) in &now {
            let (own, reaped) = entry.since(kept.get(id));
            let reaped = reaped.saturating_sub(owed_before.get(id).copied().unwrap_or(0));
            let owed = counted_below(*id, &gone);
            self.owed_ticks.insert(*id, owed.saturating_sub(reaped));
            self.total_ticks =
                self.total_ticks.saturating_add(own).saturating_add(reaped.saturating_sub(owed));
        }
        self.seen = now;
        self.total_ticks
    }
}

impl Entry {
    fn of(stat: &Stat) -> Self {
        Self {
            start_ticks: stat.start_ticks,
            parent: stat.parent,
            own_ticks: stat.own_ticks,
            reaped_ticks: stat.reaped_ticks,
        }
    }

    /// What the process itself and the children it waited for have used since `before`.
    fn since(&self, before: Option<&Self>) -> (u64, u64) {
        let (own, reaped) = before.map_or((0, 0), |before| (before.own_ticks, before.reaped_ticks));
        (self.own_ticks.saturating_sub(own), self.reaped_ticks.saturating_sub(reaped))
    }
}

/// What was already counted of the ended processes below `ancestor`.
fn counted_below(ancestor: i32, gone: &BTreeMap<i32, Entry>) -> u64 {
    let mut waiting = vec![ancestor];
    let mut below: BTreeMap<i32, u64> = BTreeMap::new();
    while let Some(parent) = waiting.pop() {
        for (id, entry) in gone.iter().filter(|(_, entry)| entry.parent == parent) {
            // Process ids are used again, so that parents read at different times could form a ring.
            if below.insert(*id, entry.own_ticks.saturating_add(entry.reaped_ticks)).is_none() {
                waiting.push(*id);
            }
        }
    }
    below.values().fold(0, |sum, ticks| sum.saturating_add(*ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: i32, parent: i32, own_ticks: u64, reaped_ticks: u64) -> Stat {
        Stat { id, state: b'R', parent, group: 1, session: 1, own_ticks, reaped_ticks, start_ticks: 100 }
    }

    #[test]
    fn c2_the_whole_tree_counts() {
        let mut ledger = CpuLedger::default();
        assert_eq!(ledger.account(&[process(1, 0, 10, 0), process(2, 1, 5, 0), process(3, 2, 1, 0)]), 16);
        assert_eq!(ledger.account(&[process(1, 0, 11, 0), process(2, 1, 8, 0), process(3, 2, 1, 0)]), 20);
    }

    #[test]
    fn a_reaped_child_is_counted_once_with_what_it_used_after_its_last_sight() {
        let mut ledger = CpuLedger::default();
        assert_eq!(ledger.account(&[process(1, 0, 10, 0), process(2, 1, 5, 0)]), 15);
        assert_eq!(ledger.account(&[process(1, 0, 10, 9)]), 19);
    }

    #[test]
    fn a_child_that_is_reaped_while_the_listing_runs_is_counted_once() {
        let mut ledger = CpuLedger::default();
        assert_eq!(ledger.account(&[process(1, 0, 10, 0), process(2, 1, 5, 0)]), 15);
        // The parent was read first, then it reaped the child, then the listing went on.
        assert_eq!(ledger.account(&[process(1, 0, 10, 0)]), 15);
        assert_eq!(ledger.account(&[process(1, 0, 10, 6)]), 16);
        assert_eq!(ledger.account(&[process(1, 0, 10, 9)]), 19);
    }

    #[test]
    fn a_child_that_was_never_seen_is_counted_when_it_is_reaped() {
        let mut ledger = CpuLedger::default();
        assert_eq!(ledger.account(&[process(1, 0, 10, 0)]), 10);
        assert_eq!(ledger.account(&[process(1, 0, 10, 7)]), 17);
    }

    #[test]
    fn a_child_that_nobody_waits_for_stays_counted() {
        let mut ledger = CpuLedger::default();
        assert_eq!(ledger.account(&[process(1, 0, 10, 0), process(2, 1, 5, 0)]), 15);
        assert_eq!(ledger.account(&[process(1, 0, 10, 0)]), 15);
        assert_eq!(ledger.account(&[process(1, 0, 13, 0)]), 18);
    }

    #[test]
    fn a_branch_that_ends_is_counted_once() {
        let mut ledger = CpuLedger::default();
        // 1 → 2 → 3, where 2 has already waited for a child that used 4.
        assert_eq!(ledger.account(&[process(1, 0, 1, 0), process(2, 1, 2, 4), process(3, 2, 8, 0)]), 15);
        // 3 used one more and was reaped by 2, which used one more and was reaped by 1.
        assert_eq!(ledger.account(&[process(1, 0, 1, 3 + 4 + 9)]), 17);
    }

    #[test]
    fn a_process_id_that_is_used_again_is_another_process() {
        let mut ledger = CpuLedger::default();
        assert_eq!(ledger.account(&[process(1, 0, 1, 0), process(2, 1, 50, 0)]), 51);
        let again = Stat { start_ticks: 200, ..process(2, 1, 3, 0) };
        assert_eq!(ledger.account(&[process(1, 0, 1, 50), again]), 54);
    }

    #[test]
    fn an_empty_reading_does_not_take_the_total_down() {
        let mut ledger = CpuLedger::default();
        assert_eq!(ledger.account(&[process(1, 0, 10, 5)]), 15);
        assert_eq!(ledger.account(&[]), 15);
    }

    #[test]
    fn parents_that_form_a_ring_end() {
        let mut ledger = CpuLedger::default();
        ledger.account(&[process(1, 0, 1, 0), process(2, 3, 1, 0), process(3, 2, 1, 0), process(4, 4, 1, 0)]);
        assert_eq!(ledger.account(&[process(1, 0, 1, 0), process(5, 4, 0, 0)]), 4);
    }
}
