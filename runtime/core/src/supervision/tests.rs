use super::*;
use crate::time::WallTime;

fn at(ms: u64) -> Now {
    Now { since_boot: Duration::from_millis(ms), wall: WallTime::default() }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn policy() -> Policy {
    Policy {
        intensity: 3,
        window: ms(60_000),
        backoff_min: ms(100),
        backoff_max: ms(300),
        stop_limit: ms(4000),
        ping_interval: ms(5000),
        ping_limit: ms(20_000),
        flood_limit: 1000,
    }
}

const A: ChildId = ChildId(0);
const B: ChildId = ChildId(1);
const C: ChildId = ChildId(2);

/// Supervision with its children, each output of which is taken as it comes.
struct House {
    supervision: Supervision,
    now: u64,
}

impl House {
    /// Groups with the kinds of restart of their children; everything begun.
    fn of(policy: Policy, groups: &[(Strategy, &[Restart])]) -> Self {
        let mut supervision = Supervision::new(policy, 1);
        for (strategy, members) in groups {
            let group = supervision.add_group(*strategy);
            for restart in *members {
                supervision.add_child(ChildSpec { name: "child", restart: *restart, group }).unwrap();
            }
        }
        supervision.handle_begin(at(0));
        Self { supervision, now: 0 }
    }

    /// Permanent children, each in a group of its own, all up.
    fn apart(policy: Policy, children: usize) -> Self {
        let groups = vec![(Strategy::OneForOne, [Restart::Permanent].as_slice()); children];
        let mut house = Self::of(policy, &groups);
        house.settle();
        house
    }

    /// Permanent children in one group, all up.
    fn together(policy: Policy, strategy: Strategy, children: usize) -> Self {
        let mut house = Self::of(policy, &[(strategy, &vec![Restart::Permanent; children])]);
        house.settle();
        house
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.supervision.poll_output()).collect()
    }

    /// Answers every ping until nothing more is asked; gives back all outputs.
    fn settle(&mut self) -> Vec<Output> {
        let mut all = Vec::new();
        while let Some(output) = self.supervision.poll_output() {
            if let Output::Ping(child, generation) = output {
                self.supervision.handle_answer(child, generation, 0, at(self.now));
            }
            all.push(output);
        }
        all
    }

    fn generation(&self, child: ChildId) -> Generation {
        self.supervision.children[child.0].generation
    }

    fn answer(&mut self, child: ChildId, sent: u64) {
        let generation = self.generation(child);
        self.supervision.handle_answer(child, generation, sent, at(self.now));
    }

    fn exit(&mut self, child: ChildId, exit: Exit) {
        let generation = self.generation(child);
        self.supervision.handle_exit(child, generation, exit, at(self.now));
    }

    /// Lets time pass to this instant, with each timeout at its time.
    fn pass_to(&mut self, until: u64) -> Vec<Output> {
        let mut all = Vec::new();
        while let Some(due) = self.supervision.poll_timeout()
            && due <= ms(until)
        {
            let due_now = Now { since_boot: due.max(ms(self.now)), ..at(0) };
            self.supervision.handle_timeout(due_now);
            self.now = u64::try_from(due_now.since_boot.as_micros().div_ceil(1000)).unwrap();
            all.extend(self.outputs());
            assert!(self.supervision.poll_timeout().is_none_or(|next| next > due), "it stands still");
        }
        self.now = until;
        all
    }

    /// As [`Self::pass_to`], and every ping is answered at once.
    fn pass_answering(&mut self, until: u64) -> Vec<Output> {
        let mut all = Vec::new();
        while let Some(due) = self.supervision.poll_timeout()
            && due <= ms(until)
        {
            self.now = u64::try_from(due.as_micros().div_ceil(1000)).unwrap().max(self.now);
            self.supervision.handle_timeout(at(self.now));
            all.extend(self.settle());
        }
        self.now = until;
        all
    }

    fn states(&self) -> Vec<&'static str> {
        self.supervision.children().map(|child| child.state.name()).collect()
    }
}

fn failed(outputs: &[Output]) -> Vec<(ChildId, Failure)> {
    let failed = outputs.iter().filter_map(|output| match output {
        Output::Failed { child, failure, .. } => Some((*child, *failure)),
        _ => None,
    });
    failed.collect()
}

fn waits(outputs: &[Output]) -> Vec<Duration> {
    let waits = outputs.iter().filter_map(|output| match output {
        Output::Failed { after, .. } => Some(*after),
        _ => None,
    });
    waits.collect()
}

fn escalates(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Escalate { .. }))
}

/// Those that are started and stopped, in order.
fn moves(outputs: &[Output]) -> Vec<(&'static str, ChildId)> {
    let moves = outputs.iter().filter_map(|output| match output {
        Output::Start(child, _) => Some(("start", *child)),
        Output::Stop(child, _) => Some(("stop", *child)),
        Output::Abandon(child, _) => Some(("abandon", *child)),
        _ => None,
    });
    moves.collect()
}

mod restarts {
    use super::*;

    #[test]
    fn at_the_beginning_all_are_started_in_order_and_pinged() {
        let mut house =
            House::of(policy(), &[(Strategy::OneForOne, &[Restart::Permanent, Restart::Permanent])]);
        let first = Generation(1);
        assert_eq!(
            house.outputs(),
            [
                Output::Start(A, first),
                Output::Ping(A, first),
                Output::Start(B, first),
                Output::Ping(B, first)
            ]
        );
        assert_eq!(house.states(), ["starting", "starting"]);
    }

    #[test]
    fn a_failed_child_starts_again_after_its_wait_and_not_before() {
        let mut house = House::apart(policy(), 2);
        house.exit(A, Exit::Panicked);
        let outputs = house.outputs();
        let after = waits(&outputs)[0];
        assert_eq!(failed(&outputs), [(A, Failure::Panicked)]);
        assert_eq!(house.supervision.poll_timeout(), Some(after));
        assert_eq!(house.states(), ["waiting", "up"]);

        let now = Now { since_boot: after - Duration::from_micros(1), ..at(0) };
        house.supervision.handle_timeout(now);
        assert_eq!(house.outputs(), []);
        house.supervision.handle_timeout(Now { since_boot: after, ..at(0) });
        let second = Generation(2);
        assert_eq!(house.outputs(), [Output::Start(A, second), Output::Ping(A, second)]);
    }

    #[test]
    fn waits_grow_and_the_jitter_takes_at_most_a_quarter_off() {
        for seed in 0..200 {
            let mut house = House::apart(policy(), 1);
            house.supervision.jitter = Jitter(seed);
            for full_ms in [100, 200, 300] {
                house.exit(A, Exit::Panicked);
                let after = waits(&house.outputs())[0];
                assert!(after <= ms(full_ms) && after >= ms(full_ms) * 3 / 4, "seed {seed}: {after:?}");
                house.pass_answering(house.now + 1000);
            }
        }
    }

    #[test]
    fn equal_seeds_give_equal_waits_and_different_ones_differ() {
        let first_wait = |seed| {
            let mut house = House::apart(policy(), 1);
            house.supervision.jitter = Jitter(seed);
            house.exit(A, Exit::Stopped);
            waits(&house.outputs())[0]
        };
        assert_eq!(first_wait(7), first_wait(7));
        assert_ne!(first_wait(7), first_wait(8));
    }

    #[test]
    fn a_transient_child_comes_back_after_a_fault_only_and_a_temporary_one_never() {
        for (restart, exit, comes_back) in [
            (Restart::Permanent, Exit::Stopped, true),
            (Restart::Permanent, Exit::Panicked, true),
            (Restart::Transient, Exit::Stopped, false),
            (Restart::Transient, Exit::Panicked, true),
            (Restart::Temporary, Exit::Stopped, false),
            (Restart::Temporary, Exit::Panicked, false),
        ] {
            let mut house = House::of(policy(), &[(Strategy::OneForOne, &[restart])]);
            house.settle();
            house.exit(A, exit);
            let outputs = house.outputs();
            let failure = Failure::from(exit);
            assert_eq!(outputs.contains(&Output::Over { child: A, failure }), !comes_back, "{restart:?}");
            let moves = moves(&house.pass_to(1000));
            assert_eq!(moves.contains(&("start", A)), comes_back, "{restart:?} {exit:?}");
        }
    }

    #[test]
    fn a_hang_is_a_fault_of_a_transient_child_and_the_end_of_a_temporary_one() {
        for (restart, expected) in [
            (Restart::Transient, vec![("abandon", A), ("start", A)]),
            (Restart::Temporary, vec![("abandon", A)]),
        ] {
            let mut house = House::of(policy(), &[(Strategy::OneForOne, &[restart])]);
            house.outputs();
            assert_eq!(moves(&house.pass_to(21_000)), expected, "{restart:?}");
        }
    }

    #[test]
    fn a_late_exit_of_an_earlier_life_changes_nothing() {
        let mut house = House::apart(policy(), 1);
        house.exit(A, Exit::Panicked);
        house.pass_answering(1000);
        house.supervision.handle_exit(A, Generation(1), Exit::Panicked, at(1000));
        assert_eq!(house.outputs(), []);
        assert_eq!(house.states(), ["up"]);
    }

    #[test]
    fn an_exit_that_is_told_twice_counts_once() {
        let mut house = House::apart(policy(), 1);
        house.exit(A, Exit::Panicked);
        house.exit(A, Exit::Panicked);
        assert_eq!(failed(&house.outputs()).len(), 1);
    }

    #[test]
    fn the_exit_of_a_child_that_there_is_not_changes_nothing() {
        let mut house = House::apart(policy(), 1);
        house.supervision.handle_exit(ChildId(9), Generation(1), Exit::Panicked, at(0));
        house.supervision.handle_answer(ChildId(9), Generation(1), 0, at(0));
        assert_eq!(house.outputs(), []);
        let spec = ChildSpec { name: "stray", restart: Restart::Permanent, group: GroupId(9) };
        assert_eq!(house.supervision.add_child(spec), None);
    }

    #[test]
    fn restarts_are_counted_and_the_last_reason_is_kept() {
        let mut house = House::apart(policy(), 2);
        house.exit(A, Exit::Panicked);
        house.pass_answering(1000);
        house.exit(A, Exit::Stopped);
        let views: Vec<ChildView> = house.supervision.children().collect();
        assert_eq!((views[0].restarts, views[0].last_failure), (2, Some(Failure::Stopped)));
        assert_eq!((views[1].restarts, views[1].last_failure), (0, None));
    }
}

mod giving_up {
    use super::*;

    #[test]
    fn one_failure_more_than_the_intensity_escalates() {
        let mut house = House::apart(policy(), 1);
        for round in 1..=3 {
            house.exit(A, Exit::Panicked);
            assert!(!escalates(&house.outputs()), "{round}");
            house.pass_answering(round * 1000);
        }
        house.exit(A, Exit::Panicked);
        assert_eq!(house.outputs(), [Output::Escalate { child: A, failure: Failure::Panicked }]);
    }

    #[test]
    fn restarts_outside_the_window_no_longer_count() {
        let mut house = House::apart(policy(), 1);
        for round in 1..50 {
            house.exit(A, Exit::Stopped);
            assert!(!escalates(&house.outputs()));
            house.pass_answering(round * 20_000);
        }
    }

    #[test]
    fn groups_are_counted_apart_and_a_group_as_a_whole() {
        let mut apart = House::apart(policy(), 2);
        let mut together = House::together(policy(), Strategy::OneForOne, 2);
        for (house, gives_up) in [(&mut apart, false), (&mut together, true)] {
            let mut outputs = Vec::new();
            for round in 1..=2 {
                house.exit(A, Exit::Panicked);
                house.exit(B, Exit::Panicked);
                outputs.extend(house.outputs());
                outputs.extend(house.pass_answering(round * 1000));
            }
            assert_eq!(escalates(&outputs), gives_up);
        }
    }

    #[test]
    fn after_an_escalation_nothing_is_started_or_pinged_any_more() {
        let mut house = House::apart(Policy { intensity: 1, ..policy() }, 3);
        house.exit(B, Exit::Panicked);
        house.exit(A, Exit::Panicked);
        house.outputs();
        house.pass_to(90);
        house.pass_answering(1000);
        house.exit(B, Exit::Panicked);
        assert!(escalates(&house.outputs()));
        assert_eq!(house.supervision.poll_timeout(), None);
        house.supervision.handle_timeout(at(100_000));
        house.exit(A, Exit::Panicked);
        assert_eq!(house.outputs(), [], "and it escalates once");
    }

    #[test]
    fn hangs_escalate_as_panics_do() {
        let mut house = House::apart(Policy { window: ms(600_000), ..policy() }, 1);
        let outputs = house.pass_to(200_000);
        assert_eq!(failed(&outputs), [(A, Failure::Hung); 3]);
        assert!(outputs.ends_with(&[
            Output::Abandon(A, Generation(4)),
            Output::Escalate { child: A, failure: Failure::Hung }
        ]));
    }
}

mod health {
    use super::*;

    #[test]
    fn each_child_is_pinged_every_interval() {
        let mut house = House::apart(policy(), 2);
        let life = Generation(1);
        for round in 1..5 {
            assert_eq!(house.pass_to(round * 5000), [Output::Ping(A, life), Output::Ping(B, life)]);
            house.answer(A, 0);
            house.answer(B, 0);
            assert_eq!(house.outputs(), [Output::Healthy]);
        }
    }

    #[test]
    fn a_child_that_does_not_answer_in_time_is_replaced_and_the_others_live_on() {
        let mut house = House::apart(policy(), 2);
        house.pass_to(5000);
        house.answer(B, 0);
        assert_eq!(failed(&house.pass_to(24_999)), []);
        house.answer(B, 0);
        let outputs = house.pass_to(25_000);
        assert_eq!(failed(&outputs), [(A, Failure::Hung)]);
        assert!(outputs.contains(&Output::Abandon(A, Generation(1))));
        assert_eq!(moves(&house.pass_to(26_000)), [("start", A)]);
        assert_eq!(house.states(), ["starting", "up"]);
    }

    #[test]
    fn an_answer_just_in_time_is_an_answer() {
        let mut house = House::apart(policy(), 1);
        house.pass_to(24_999);
        house.answer(A, 0);
        assert_eq!(failed(&house.pass_to(29_000)), []);
    }

    #[test]
    fn a_child_that_does_not_answer_the_first_ping_of_its_life_is_replaced() {
        let mut house = House::of(policy(), &[(Strategy::OneForOne, &[Restart::Permanent])]);
        house.outputs();
        let outputs = house.pass_to(20_500);
        assert_eq!(failed(&outputs), [(A, Failure::Hung)]);
        assert_eq!(moves(&outputs), [("abandon", A), ("start", A)]);
    }

    #[test]
    fn a_late_answer_and_a_late_exit_of_a_hung_life_change_nothing() {
        let mut house = House::apart(policy(), 1);
        house.pass_to(26_000);
        assert_eq!(house.states(), ["starting"]);
        house.supervision.handle_answer(A, Generation(1), 1_000_000, at(26_000));
        house.supervision.handle_exit(A, Generation(1), Exit::Panicked, at(26_000));
        assert_eq!(house.outputs(), []);
        assert_eq!(house.states(), ["starting"]);
    }

    #[test]
    fn it_is_healthy_only_when_every_child_has_answered_since_the_last_time() {
        let mut house = House::apart(policy(), 3);
        house.pass_to(5000);
        house.answer(A, 0);
        house.answer(B, 0);
        let outputs = house.pass_to(10_000);
        assert!(!outputs.contains(&Output::Healthy));
        house.answer(A, 0);
        assert_eq!(house.outputs(), []);
        house.answer(C, 0);
        assert_eq!(house.outputs(), [Output::Healthy], "the answers of two rounds may make one");
    }

    #[test]
    fn while_a_child_is_down_or_starts_it_is_not_healthy() {
        let mut house = House::apart(policy(), 2);
        house.pass_to(5000);
        house.answer(A, 0);
        house.exit(A, Exit::Panicked);
        house.answer(B, 0);
        assert!(!house.pass_to(5500).contains(&Output::Healthy));
        assert_eq!(house.states(), ["starting", "up"]);
        house.answer(A, 0);
        assert_eq!(house.outputs(), [Output::Healthy]);
    }

    #[test]
    fn a_child_that_is_over_keeps_nobody_from_being_healthy() {
        let groups = [(Strategy::OneForOne, [Restart::Permanent, Restart::Temporary].as_slice())];
        let mut house = House::of(policy(), &groups);
        house.settle();
        house.exit(B, Exit::Stopped);
        house.outputs();
        house.pass_to(5000);
        house.answer(A, 0);
        assert_eq!(house.outputs(), [Output::Healthy]);
    }

    #[test]
    fn a_child_that_sends_more_than_it_may_between_two_pings_is_replaced() {
        let mut house = House::apart(policy(), 2);
        house.pass_to(5000);
        house.answer(A, 1000);
        house.answer(B, 1001);
        let outputs = house.outputs();
        assert_eq!(failed(&outputs), [(B, Failure::Flooded)]);
        assert!(outputs.contains(&Output::Abandon(B, Generation(1))));
    }

    #[test]
    fn messages_are_counted_from_ping_to_ping_and_by_life() {
        let mut house = House::apart(policy(), 1);
        for round in 1..10 {
            house.pass_to(round * 5000);
            house.answer(A, round * 1000);
        }
        house.exit(A, Exit::Panicked);
        house.pass_to(46_000);
        house.answer(A, 900); // its second life has a count of its own
        assert_eq!(failed(&house.outputs()), []);
        house.pass_to(50_000);
        house.answer(A, 2000);
        assert_eq!(failed(&house.outputs()), [(A, Failure::Flooded)]);
    }

    #[test]
    fn who_answers_late_may_have_sent_more() {
        let mut house = House::apart(policy(), 1);
        house.pass_to(16_000); // asked at 5 s
        house.answer(A, 4000); // in the fourth interval
        assert_eq!(failed(&house.outputs()), []);
        house.pass_to(20_000);
        house.answer(A, 5001);
        assert_eq!(failed(&house.outputs()), [(A, Failure::Flooded)]);
    }

    #[test]
    fn time_in_which_nobody_ran_is_held_against_nobody() {
        let mut house = House::apart(policy(), 2);
        house.pass_to(5000);
        house.answer(B, 0);
        house.outputs();
        // The board sleeps for eight hours; the child had been asked for 1 s.
        let night = 8 * 3_600_000;
        house.supervision.handle_timeout(at(6000 + night));
        assert_eq!(failed(&house.outputs()), []);
        house.now = 6000 + night;
        house.answer(A, 0);
        assert_eq!(failed(&house.pass_to(night + 12_000)), []);
        // And who hangs, hangs in the morning too.
        assert_eq!(failed(&house.pass_to(night + 60_000))[0].1, Failure::Hung);
    }
}

mod rest_for_one {
    use super::*;

    fn three() -> House {
        House::together(policy(), Strategy::RestForOne, 3)
    }

    #[test]
    fn at_the_beginning_each_starts_when_the_one_before_is_up() {
        let mut house = House::of(policy(), &[(Strategy::RestForOne, &[Restart::Permanent; 3])]);
        assert_eq!(moves(&house.outputs()), [("start", A)]);
        house.answer(A, 0);
        assert_eq!(moves(&house.outputs()), [("start", B)]);
        assert_eq!(moves(&house.pass_to(4000)), [], "there is time");
        house.answer(B, 0);
        assert_eq!(moves(&house.outputs()), [("start", C)]);
        house.answer(C, 0);
        assert_eq!(house.outputs(), [Output::Healthy]);
    }

    #[test]
    fn those_behind_are_stopped_in_reverse_order_and_all_are_started_in_order() {
        let mut house = three();
        house.exit(A, Exit::Panicked);
        assert_eq!(moves(&house.outputs()), [("stop", C)]);
        assert_eq!(house.states(), ["waiting", "up", "stopping"]);
        house.exit(C, Exit::Stopped);
        assert_eq!(moves(&house.outputs()), [("stop", B)]);
        assert_eq!(moves(&house.pass_to(3000)), [], "its wait is over, but B has not stopped");
        house.exit(B, Exit::Stopped);
        assert_eq!(moves(&house.settle()), [("start", A), ("start", B), ("start", C)]);
        assert_eq!(house.states(), ["up", "up", "up"]);
        let restarts: Vec<u64> = house.supervision.children().map(|child| child.restarts).collect();
        assert_eq!(restarts, [1, 0, 0], "who was only stopped did not fail");
    }

    #[test]
    fn those_before_run_on() {
        let mut house = three();
        house.exit(B, Exit::Panicked);
        assert_eq!(moves(&house.outputs()), [("stop", C)]);
        house.exit(C, Exit::Stopped);
        assert_eq!(moves(&house.pass_answering(1000)), [("start", B), ("start", C)]);
        assert_eq!(house.generation(A), Generation(1));
    }

    #[test]
    fn the_wait_of_the_failed_one_is_waited_for() {
        let mut house = three();
        house.exit(A, Exit::Panicked);
        house.exit(C, Exit::Stopped);
        house.exit(B, Exit::Stopped);
        let outputs = house.outputs();
        assert_eq!(moves(&outputs), [("stop", C), ("stop", B)]);
        assert_eq!(house.supervision.poll_timeout(), Some(waits(&outputs)[0]));
    }

    #[test]
    fn one_that_does_not_stop_is_cut_off_and_the_others_go_on() {
        let mut house = three();
        house.exit(A, Exit::Panicked);
        house.outputs();
        assert_eq!(moves(&house.pass_to(4000)), [("abandon", C), ("stop", B)]);
        assert_eq!(moves(&house.pass_to(8000)), [("abandon", B), ("start", A)]);
        house.supervision.handle_exit(C, Generation(1), Exit::Stopped, at(8000)); // late
        assert_eq!(moves(&house.outputs()), []);
        assert_eq!(moves(&house.pass_answering(9000)), []);
    }

    #[test]
    fn one_behind_that_fails_meanwhile_counts_too() {
        let mut house = three();
        house.exit(A, Exit::Panicked);
        house.exit(B, Exit::Panicked);
        house.exit(C, Exit::Panicked); // it was told to stop: no failure
        let outputs = house.outputs();
        assert_eq!(failed(&outputs), [(A, Failure::Panicked), (B, Failure::Panicked)]);
        assert_eq!(moves(&house.pass_answering(1000)), [("start", A), ("start", B), ("start", C)]);
    }

    #[test]
    fn the_first_that_fails_again_before_the_others_are_back() {
        let mut house = three();
        house.exit(A, Exit::Panicked);
        house.exit(C, Exit::Stopped);
        house.exit(B, Exit::Stopped);
        house.pass_to(200);
        assert_eq!(house.states(), ["starting", "waiting", "waiting"]);
        house.exit(A, Exit::Panicked);
        assert_eq!(moves(&house.outputs()), []);
        assert_eq!(moves(&house.pass_answering(1000)), [("start", A), ("start", B), ("start", C)]);
    }

    #[test]
    fn a_hang_of_the_first_takes_the_others_along() {
        let mut house = three();
        house.pass_to(5000);
        house.answer(B, 0);
        house.answer(C, 0);
        assert_eq!(moves(&house.pass_to(25_000)), [("abandon", A), ("stop", C)]);
    }

    #[test]
    fn a_transient_member_that_stopped_by_itself_leaves_the_others_alone() {
        let members = [Restart::Transient, Restart::Permanent];
        let mut house = House::of(policy(), &[(Strategy::RestForOne, &members)]);
        house.settle();
        house.exit(A, Exit::Stopped);
        assert_eq!(moves(&house.pass_answering(4000)), []);
        house.exit(B, Exit::Panicked);
        assert_eq!(moves(&house.pass_answering(5000)), [("start", B)]);
    }

    #[test]
    fn a_temporary_member_that_was_stopped_for_another_is_not_started_again() {
        let members = [Restart::Permanent, Restart::Temporary];
        let mut house = House::of(policy(), &[(Strategy::RestForOne, &members)]);
        house.settle();
        house.exit(A, Exit::Panicked);
        house.exit(B, Exit::Stopped);
        house.outputs();
        assert_eq!(moves(&house.pass_answering(4000)), [("start", A)]);
        assert_eq!(house.states(), ["up", "over"]);
    }

    #[test]
    fn one_for_one_leaves_those_behind_alone() {
        let mut house = House::together(policy(), Strategy::OneForOne, 3);
        house.exit(A, Exit::Panicked);
        assert_eq!(moves(&house.pass_answering(1000)), [("start", A)]);
        assert_eq!((house.generation(B), house.generation(C)), (Generation(1), Generation(1)));
    }
}

mod stopping {
    use super::*;

    #[test]
    fn all_stop_in_reverse_order_each_before_the_next() {
        let mut house = House::apart(policy(), 3);
        house.supervision.handle_stop_all(at(0));
        for (child, next) in [(C, Some(B)), (B, Some(A)), (A, None)] {
            assert_eq!(moves(&house.outputs()), [("stop", child)]);
            house.exit(child, Exit::Stopped);
            if next.is_none() {
                assert_eq!(house.outputs(), [Output::AllStopped]);
            }
        }
        assert_eq!(house.supervision.poll_timeout(), None);
        assert_eq!(house.states(), ["over", "over", "over"]);
    }

    #[test]
    fn who_does_not_stop_is_cut_off_and_who_ends_by_itself_meanwhile_is_not_waited_for() {
        let mut house = House::apart(policy(), 3);
        house.supervision.handle_stop_all(at(0));
        house.outputs();
        house.exit(B, Exit::Panicked);
        assert_eq!(house.outputs(), []);
        assert_eq!(moves(&house.pass_to(4000)), [("abandon", C), ("stop", A)]);
        house.exit(A, Exit::Panicked);
        assert_eq!(house.outputs(), [Output::AllStopped]);
    }

    #[test]
    fn children_that_wait_for_their_restart_are_not_started_any_more() {
        let mut house = House::apart(policy(), 2);
        house.exit(A, Exit::Panicked);
        house.outputs();
        house.supervision.handle_stop_all(at(10));
        assert_eq!(moves(&house.outputs()), [("stop", B)]);
        assert_eq!(moves(&house.pass_to(1000)), []);
        house.exit(B, Exit::Stopped);
        assert_eq!(house.outputs(), [Output::AllStopped]);
    }

    #[test]
    fn it_can_be_asked_for_again_and_after_giving_up() {
        let mut house = House::apart(Policy { intensity: 0, ..policy() }, 2);
        house.exit(A, Exit::Panicked);
        assert!(escalates(&house.outputs()));
        house.supervision.handle_stop_all(at(0));
        house.supervision.handle_stop_all(at(0));
        assert_eq!(moves(&house.outputs()), [("stop", B)]);
        house.exit(B, Exit::Stopped);
        house.supervision.handle_stop_all(at(0));
        assert_eq!(house.outputs(), [Output::AllStopped, Output::AllStopped]);
    }
}
