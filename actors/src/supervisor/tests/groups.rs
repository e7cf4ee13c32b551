//! Groups, kinds of restart, and the handles of the neighbours.

use super::*;

#[test]
fn rest_for_one_stops_those_behind_in_reverse_order_and_starts_all_in_order() {
    in_virtual_time(async {
        let mut house = House::new();
        let group = house.supervisor.group(Strategy::RestForOne);
        let starts = Rc::new(RefCell::new(Vec::new()));
        let [first, second, third] = ["first", "second", "third"].map(|name| {
            let handle = Handle::new(name);
            let (ends, starts) = (Rc::clone(&house.ends), Rc::clone(&starts));
            house.supervisor.supervise_in(group, Restart::Permanent, &handle, move |_| {
                starts.borrow_mut().push(name);
                Counter { name, count: 0, ends: Rc::clone(&ends) }
            });
            handle
        });
        let apart = house.child("apart");
        let supervisor = house.supervisor.start();
        assert_eq!(third.send(Count).await, Ok(1));
        assert_eq!(apart.send(Count).await, Ok(1));
        assert_eq!(*starts.borrow(), ["first", "second", "third"]);

        first.do_send(Panic);
        settle().await;
        assert_eq!(*house.ends.borrow(), ["first", "third", "second"]);
        assert!(!first.is_up() && !second.is_up() && !third.is_up());
        assert_eq!(third.send(Count).await, Ok(1), "the same handle leads to the new life");
        assert_eq!(*starts.borrow(), ["first", "second", "third", "first", "second", "third"]);
        assert_eq!(apart.send(Count).await, Ok(2), "another group lives on");

        house.ends.borrow_mut().clear();
        second.do_send(Quit);
        pass(LONGEST_WAIT).await;
        assert_eq!(*house.ends.borrow(), ["second", "third"]);
        assert_eq!(first.send(Count).await, Ok(1), "it was never asked in this life");
        assert_eq!(first.send(Count).await, Ok(2), "and lives on, for it stands before");
        let restarts: Vec<u64> = children(&supervisor).await.into_iter().map(|child| child.2).collect();
        assert_eq!(restarts, [1, 1, 0, 0]);
    });
}

/// A child that takes a while until it listens.
struct Slow;

answers_pings!(Slow);

impl Actor for Slow {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.wait(actix::fut::wrap_future(tokio::time::sleep(Duration::from_secs(3))));
    }
}

#[test]
fn in_rest_for_one_a_child_is_started_only_when_the_one_before_is_up() {
    in_virtual_time(async {
        let mut house = House::new();
        let group = house.supervisor.group(Strategy::RestForOne);
        let slow = Handle::new("slow");
        house.supervisor.supervise_in(group, Restart::Permanent, &slow, |_| Slow);
        let second = house.child_in(group, Restart::Permanent, "second");
        let supervisor = house.supervisor.start();
        pass(Duration::from_millis(2900)).await;
        assert!(slow.is_up() && !second.is_up());
        let states: Vec<_> = children(&supervisor).await.into_iter().map(|child| child.1).collect();
        assert_eq!(states, [ChildState::Starting, ChildState::Waiting]);
        pass(Duration::from_millis(200)).await;
        assert!(second.is_up());
    });
}

#[test]
fn a_transient_child_that_stops_is_gone_for_good_and_one_that_panics_comes_back() {
    in_virtual_time(async {
        let mut house = House::new();
        let group = house.supervisor.group(Strategy::OneForOne);
        let [stops, panics] = ["stops", "panics"].map(|name| house.child_in(group, Restart::Transient, name));
        let once = house.child_in(group, Restart::Temporary, "once");
        let healthy = Rc::clone(&house.healthy);
        let supervisor = house.supervisor.start();
        settle().await;
        stops.do_send(Quit);
        panics.do_send(Panic);
        once.do_send(Panic);
        settle().await;
        for (gone, name) in [(&stops, "stops"), (&once, "once")] {
            let cause = UnavailableCause::ShutDown;
            assert_eq!(gone.send(Count).await, Err(Unavailable { actor: name, cause }), "nobody waits");
        }
        assert_eq!(panics.send(Count).await, Ok(1));
        let expected =
            [("stops", ChildState::Over, 0), ("panics", ChildState::Up, 1), ("once", ChildState::Over, 0)];
        assert_eq!(children(&supervisor).await, expected);
        let before = healthy.get();
        pass(LONGEST_WAIT).await;
        assert!(healthy.get() > before, "who is gone for good is not waited for");
    });
}

#[test]
fn a_group_shares_its_count_and_escalates_as_one() {
    in_virtual_time(async {
        let mut house = House::with_policy(Policy { intensity: 2, ..policy() });
        let group = house.supervisor.group(Strategy::OneForOne);
        let children = ["one", "two", "three"].map(|name| house.child_in(group, Restart::Permanent, name));
        let escalated = Rc::clone(&house.escalated);
        let _supervisor = house.supervisor.start();
        settle().await;
        for child in &children {
            assert!(escalated.borrow().is_empty());
            child.do_send(Quit);
            settle().await;
        }
        assert_eq!(*escalated.borrow(), [Escalated { child: "three" }]);
    });
}

#[test]
fn after_giving_up_nobody_waits_for_a_child_that_is_down() {
    in_virtual_time(async {
        let mut house = House::with_policy(Policy { intensity: 0, ..policy() });
        let (child, neighbour) = (house.child("child"), house.child("neighbour"));
        let supervisor = house.supervisor.start();
        settle().await;
        child.do_send(Quit);
        settle().await;
        let gone = |actor| Err(Unavailable { actor, cause: UnavailableCause::ShutDown });
        assert_eq!(child.send(Count).await, gone("child"));
        assert_eq!(neighbour.send(Count).await, Ok(1), "the others can be stopped in good order");
        neighbour.do_send(Quit);
        settle().await;
        assert_eq!(neighbour.send(Count).await, gone("neighbour"));
        supervisor.send(StopAll).await.unwrap();
    });
}
