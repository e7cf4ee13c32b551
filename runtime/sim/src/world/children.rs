//! The parts of the runtime, which fail, hang and flood at times: drives supervision, and checks what it decides.

use std::time::Duration;

use carpus_core::Now;
use carpus_core::supervision::{
    ChildId, ChildSpec, Exit, Failure, Generation, Output, Policy, Restart, Strategy, Supervision,
};

use super::outage::Outage;
use super::{Done, Halt, World};
use crate::counts::Happening;

/// How long the runtime takes to be started afresh after it gave up.
const AFRESH: Duration = Duration::from_secs(1);
/// From one ping to the next: rarely, for days pass here.
const PING_INTERVAL: Duration = Duration::from_secs(600);
const PING_LIMIT: Duration = Duration::from_secs(1200);

/// What comes later than this came late for everyone.
const LATE: Duration = Duration::from_secs(1);

/// The groups, and how many children each has.
const GROUPS: [(Strategy, usize); 3] =
    [(Strategy::RestForOne, 3), (Strategy::OneForOne, 1), (Strategy::OneForOne, 2)];
/// How many ways of failing a number of a history tells apart; the children come below them.
const CHILDREN_PER_WAY: u8 = 8;

/// A child, as it is in this world.
#[derive(Clone, Copy, Debug)]
struct Member {
    group: usize,
    lives: bool,
    generation: Generation,
    /// It has answered in this life, and since the last time that all had.
    is_up: bool,
    answered: bool,
    /// It answers nothing any more; since when it is asked in vain, and told to stop in vain.
    hangs: bool,
    asked_at: Option<Duration>,
    told_to_stop_at: Option<Duration>,
    /// What it sent in this life, how much of that was counted, and when.
    sent: u64,
    counted: u64,
    counted_at: Duration,
    /// Not to be started before.
    due: Duration,
}

pub(super) struct Children {
    policy: Policy,
    supervision: Supervision,
    members: Vec<Member>,
    /// The failures of each group that were answered with a restart.
    restarts: [Vec<Duration>; GROUPS.len()],
    begun: bool,
    given_up: bool,
}

type Checked = Result<(), String>;

fn check(holds: bool, what: &str, about: impl std::fmt::Debug) -> Checked {
    if holds { Ok(()) } else { Err(format!("supervision: {what}: {about:?}")) }
}

impl Children {
    pub(super) fn new(seed: u64) -> Self {
        // Hangs are noticed so late here that only a long window holds several.
        let window = Duration::from_secs(if seed.is_multiple_of(2) { 60 } else { 24 * 3600 });
        let numbers = Policy { ping_interval: PING_INTERVAL, ping_limit: PING_LIMIT, ..Policy::default() };
        let policy = Policy { window, ..numbers };
        let mut supervision = Supervision::new(policy.clone(), seed);
        let mut members = Vec::new();
        for (group, (strategy, size)) in GROUPS.into_iter().enumerate() {
            let id = supervision.add_group(strategy);
            for _ in 0..size {
                supervision.add_child(ChildSpec { name: "part", restart: Restart::Permanent, group: id });
                members.push(Member {
                    group,
                    lives: false,
                    generation: Generation(0),
                    is_up: false,
                    answered: false,
                    hangs: false,
                    asked_at: None,
                    told_to_stop_at: None,
                    sent: 0,
                    counted: 0,
                    counted_at: Duration::ZERO,
                    due: Duration::ZERO,
                });
            }
        }
        Self { policy, supervision, members, restarts: Default::default(), begun: false, given_up: false }
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.supervision.poll_timeout()
    }

    fn strategy(&self, child: usize) -> Strategy {
        GROUPS[self.members[child].group].0
    }

    /// Those of its group in front of it, and those behind it.
    fn fellows(&self, child: usize) -> (Vec<Member>, Vec<Member>) {
        let of_group = |range: &[Member]| {
            range.iter().filter(|member| member.group == self.members[child].group).copied().collect()
        };
        (of_group(&self.members[..child]), of_group(&self.members[child + 1..]))
    }

    fn restarts_that_count(&self, child: usize, now: Now) -> u32 {
        let all = self.restarts[self.members[child].group].iter();
        let count = all.filter(|at| now.since_boot - **at < self.policy.window).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Lets a child fail in one way or another; nothing happens to one that is down or hangs already.
    fn fail(&mut self, number: u8, now: Now) -> Checked {
        if !self.begun {
            self.begun = true;
            self.supervision.handle_begin(now);
            self.obey(now)?;
        }
        let child = usize::from(number % CHILDREN_PER_WAY) % self.members.len();
        let member = &mut self.members[child];
        if !member.lives || member.hangs {
            return Ok(());
        }
        match number / CHILDREN_PER_WAY {
            2 => member.hangs = true,
            3 => member.sent += self.policy.flood_limit + 1,
            way => {
                let exit = if way == 0 { Exit::Panicked } else { Exit::Stopped };
                member.lives = false;
                let generation = member.generation;
                self.supervision.handle_exit(ChildId(child), generation, exit, now);
                self.must_follow(child, exit.into())?;
                self.obey(now)?;
            }
        }
        Ok(())
    }

    /// The first thing that follows is the restart of this child, or giving up over it.
    fn must_follow(&self, child: usize, failure: Failure) -> Checked {
        let first = self.supervision.clone().poll_output();
        let fits = match first {
            Some(
                Output::Failed { child: of, failure: why, .. } | Output::Escalate { child: of, failure: why },
            ) => (of, why) == (ChildId(child), failure),
            _ => false,
        };
        check(fits, "a failure is followed by something else", (child, failure, first))
    }

    fn serve(&mut self, now: Now) -> Checked {
        self.forgive_what_the_board_slept(now);
        self.supervision.handle_timeout(now);
        self.obey(now)?;
        for (child, member) in self.members.iter().enumerate() {
            let overdue = |since: Option<Duration>, limit| {
                member.lives && since.is_some_and(|at| at + limit <= now.since_boot)
            };
            check(!overdue(member.asked_at, PING_LIMIT), "a hang is not noticed", child)?;
            check(!overdue(member.told_to_stop_at, self.policy.stop_limit), "one does not stop", child)?;
            check(self.given_up || !self.may_start(child, now), "one is not started", child)?;
        }
        Ok(())
    }

    /// While the board sleeps nobody can answer or stop.
    fn forgive_what_the_board_slept(&mut self, now: Now) {
        let slept = self.next().map_or(Duration::ZERO, |due| now.since_boot.saturating_sub(due));
        if slept >= LATE {
            for member in &mut self.members {
                for since in [&mut member.asked_at, &mut member.told_to_stop_at].into_iter().flatten() {
                    *since += slept;
                }
            }
        }
    }

    fn may_start(&self, child: usize, now: Now) -> bool {
        let member = self.members[child];
        let (front, behind) = self.fellows(child);
        let in_order = front.iter().all(|member| member.is_up) && behind.iter().all(|member| !member.lives);
        let free = self.strategy(child) == Strategy::OneForOne || in_order;
        !member.lives && member.due <= now.since_boot && free
    }

    fn obey(&mut self, now: Now) -> Checked {
        while let Some(output) = self.supervision.poll_output() {
            match output {
                Output::Start(id, generation) => self.started(id.0, generation, now)?,
                Output::Ping(id, generation) => self.asked(id.0, generation, now)?,
                Output::Stop(id, generation) => self.stopped(id.0, generation, now)?,
                Output::Abandon(id, generation) => self.abandoned(id.0, generation, now)?,
                Output::Failed { child, after, .. } => self.failed(child.0, after, now)?,
                Output::Healthy => {} // checked with the answer that it followed
                Output::Escalate { child, .. } => {
                    let restarts = self.restarts_that_count(child.0, now);
                    check(restarts >= self.policy.intensity, "gives up early", restarts)?;
                    self.given_up = true;
                }
                Output::Over { .. } | Output::AllStopped => check(false, "not asked for", output)?,
            }
        }
        if self.given_up {
            check(self.supervision.poll_timeout().is_none(), "something follows after it gave up", now)?;
        }
        Ok(())
    }

    fn started(&mut self, child: usize, generation: Generation, now: Now) -> Checked {
        check(!self.given_up, "started after it gave up", child)?;
        check(self.may_start(child, now), "started too early", (child, &self.members))?;
        let member = &mut self.members[child];
        check(generation > member.generation, "a life of before", (child, generation))?;
        *member = Member {
            lives: true,
            generation,
            is_up: false,
            answered: false,
            hangs: false,
            asked_at: None,
            told_to_stop_at: None,
            sent: 0,
            counted: 0,
            counted_at: now.since_boot,
            ..*member
        };
        Ok(())
    }

    fn is_this_life(&self, child: usize, generation: Generation) -> Checked {
        let member = self.members[child];
        check(member.lives && member.generation == generation, "another life is meant", (child, member))
    }

    fn asked(&mut self, child: usize, generation: Generation, now: Now) -> Checked {
        self.is_this_life(child, generation)?;
        let limit = self.policy.flood_limit;
        let member = &mut self.members[child];
        check(member.asked_at.is_none(), "asked again before the answer", child)?;
        if member.hangs {
            member.asked_at = Some(now.since_boot);
            return Ok(());
        }
        let mut allowed = limit;
        let mut interval_ends = member.counted_at + PING_INTERVAL;
        while interval_ends < now.since_boot && allowed < member.sent {
            allowed += limit;
            interval_ends += PING_INTERVAL;
        }
        let floods = member.sent - member.counted > allowed;
        (member.is_up, member.answered, member.counted) = (true, true, member.sent);
        member.counted_at = now.since_boot;
        let (sent, rounds) = (member.sent, self.rounds());
        self.supervision.handle_answer(ChildId(child), generation, sent, now);
        if floods {
            self.members[child].answered = false;
        }
        if self.rounds() > rounds {
            let all = self.members.iter().all(|member| member.lives && member.answered);
            check(all, "healthy, though not all have answered", &self.members)?;
            self.members.iter_mut().for_each(|member| member.answered = false);
        }
        Ok(())
    }

    /// How often it is about to be told that all have answered.
    fn rounds(&self) -> usize {
        let mut told = self.supervision.clone();
        std::iter::from_fn(|| told.poll_output()).filter(|output| *output == Output::Healthy).count()
    }

    fn stopped(&mut self, child: usize, generation: Generation, now: Now) -> Checked {
        self.is_this_life(child, generation)?;
        let (front, behind) = self.fellows(child);
        let for_another = self.strategy(child) == Strategy::RestForOne
            && front.iter().any(|member| !member.lives)
            && behind.iter().all(|member| !member.lives);
        check(for_another, "stopped without need, or out of order", (child, &self.members))?;
        let member = &mut self.members[child];
        (member.is_up, member.answered, member.asked_at) = (false, false, None);
        (member.due, member.told_to_stop_at) = (Duration::ZERO, Some(now.since_boot));
        if !member.hangs {
            member.lives = false;
            self.supervision.handle_exit(ChildId(child), generation, Exit::Stopped, now);
        }
        Ok(())
    }

    fn abandoned(&mut self, child: usize, generation: Generation, now: Now) -> Checked {
        self.is_this_life(child, generation)?;
        let member = &mut self.members[child];
        let late = |since: Option<Duration>, limit| since.is_some_and(|at| at + limit <= now.since_boot);
        let floods = member.sent > self.policy.flood_limit;
        let cause = late(member.asked_at, PING_LIMIT)
            || late(member.told_to_stop_at, self.policy.stop_limit)
            || floods;
        check(cause, "cut off without a cause", (child, *member))?;
        (member.lives, member.is_up, member.answered) = (false, false, false);
        self.check_that_late_words_change_nothing(ChildId(child), generation, now)
    }

    /// Whatever a life that is over still does.
    fn check_that_late_words_change_nothing(&self, child: ChildId, of: Generation, now: Now) -> Checked {
        let mut told = self.supervision.clone();
        let before = format!("{told:?}");
        told.handle_exit(child, of, Exit::Panicked, now);
        told.handle_answer(child, of, u64::MAX, now);
        check(format!("{told:?}") == before, "the words of a life that is over change something", child)
    }

    fn failed(&mut self, child: usize, after: Duration, now: Now) -> Checked {
        let restarts = self.restarts_that_count(child, now);
        check(restarts < self.policy.intensity, "restarts more often than it may", restarts)?;
        let longest = self.policy.backoff_max;
        let full = self.policy.backoff_min.saturating_mul(1 << restarts.min(20)).min(longest);
        check(after <= full && after >= full * 3 / 4, "a wrong wait", (after, restarts))?;
        let member = &mut self.members[child];
        (member.lives, member.is_up, member.answered) = (false, false, false);
        member.due = now.after(after);
        let group = member.group;
        self.restarts[group].push(now.since_boot);
        let generation = self.members[child].generation;
        self.check_that_late_words_change_nothing(ChildId(child), generation, now)
    }
}

impl World<'_> {
    pub(super) fn child_fails(&mut self, number: u8) -> Done {
        self.counts.add(Happening::ChildFailures);
        self.children.fail(number, self.now)?;
        self.after_children()
    }

    pub(super) fn serve_children(&mut self) -> Done {
        self.children.serve(self.now)?;
        self.after_children()
    }

    fn after_children(&mut self) -> Done {
        if self.children.given_up {
            self.counts.add(Happening::Escalations);
            return Err(Halt::Outage(Outage::kill(AFRESH)));
        }
        Ok(())
    }
}
