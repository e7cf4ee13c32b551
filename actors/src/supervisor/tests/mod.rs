mod groups;
mod health;
mod on_order;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use carpus_core::supervision::ChildState;
use carpus_simulated::VirtualClock;

use super::*;
use crate::testing::{drain, in_virtual_time, listener, pass, settle};

/// A child that counts; it panics or stops when told.
struct Counter {
    name: &'static str,
    count: u32,
    ends: Rc<RefCell<Vec<&'static str>>>,
}

answers_pings!(Counter);

impl Actor for Counter {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.ends.borrow_mut().push(self.name);
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
struct Count;

#[derive(Message)]
#[rtype(result = "()")]
struct Panic;

#[derive(Message)]
#[rtype(result = "()")]
struct Quit;

#[derive(Message)]
#[rtype(result = "()")]
struct Hang;

impl Handler<Count> for Counter {
    type Result = u32;

    fn handle(&mut self, _: Count, _: &mut Self::Context) -> u32 {
        self.count += 1;
        self.count
    }
}

impl Handler<Panic> for Counter {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("told to");
    }
}

impl Handler<Quit> for Counter {
    type Result = ();

    fn handle(&mut self, _: Quit, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Hang> for Counter {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Hang, _: &mut Self::Context) -> Self::Result {
        Box::pin(std::future::pending())
    }
}

fn policy() -> Policy {
    Policy { ping_interval: Duration::from_secs(5), ..Policy::default() }
}

struct House {
    supervisor: Supervisor,
    ends: Rc<RefCell<Vec<&'static str>>>,
    escalated: Rc<RefCell<Vec<Escalated>>>,
    /// How often all had answered.
    healthy: Rc<Cell<u32>>,
}

impl House {
    fn new() -> Self {
        Self::with_policy(policy())
    }

    fn with_policy(policy: Policy) -> Self {
        let escalated = Rc::new(RefCell::new(Vec::new()));
        let healthy = Rc::new(Cell::new(0));
        let (told, rounds) = (Rc::clone(&escalated), Rc::clone(&healthy));
        let supervisor = Supervisor::new(SupervisorOptions {
            policy,
            seed: 7,
            clock: Arc::new(VirtualClock::new()),
            on_healthy: Box::new(move || rounds.set(rounds.get() + 1)),
            on_escalation: Box::new(move |escalation| told.borrow_mut().push(escalation)),
        });
        Self { supervisor, ends: Rc::default(), escalated, healthy }
    }

    fn child(&mut self, name: &'static str) -> Handle<Counter> {
        let group = self.supervisor.group(Strategy::OneForOne);
        self.child_in(group, Restart::Permanent, name)
    }

    fn child_in(&mut self, group: GroupId, restart: Restart, name: &'static str) -> Handle<Counter> {
        let handle = Handle::new(name);
        let ends = Rc::clone(&self.ends);
        let factory = move |_: &mut Context<Counter>| Counter { name, count: 0, ends: Rc::clone(&ends) };
        self.supervisor.supervise_in(group, restart, &handle, factory);
        handle
    }
}

/// The state and the restarts of each child.
async fn children(supervisor: &Addr<Supervisor>) -> Vec<(&'static str, ChildState, u64)> {
    let children = supervisor.send(ListChildren).await.unwrap();
    children.into_iter().map(|child| (child.name, child.state, child.restarts)).collect()
}

const LONGEST_WAIT: Duration = Duration::from_secs(10);

#[test]
fn a_child_that_panics_is_started_again_with_fresh_state_and_its_neighbours_live_on() {
    in_virtual_time(async {
        let mut house = House::new();
        let (frail, neighbour) = (house.child("frail"), house.child("neighbour"));
        let _supervisor = house.supervisor.start();
        for expected in 1..=3 {
            assert_eq!(frail.send(Count).await, Ok(expected));
            assert_eq!(neighbour.send(Count).await, Ok(expected));
        }
        let ended = Unavailable { actor: "frail", cause: UnavailableCause::Ended };
        assert_eq!(frail.send(Panic).await, Err(ended));
        assert_eq!(frail.send(Count).await, Ok(1), "the same handle leads to the new life");
        assert_eq!(neighbour.send(Count).await, Ok(4));
    });
}

#[test]
fn a_child_that_stops_by_itself_is_started_again() {
    in_virtual_time(async {
        let mut house = House::new();
        let child = house.child("quitter");
        let _supervisor = house.supervisor.start();
        child.send(Count).await.unwrap();
        child.do_send(Quit);
        settle().await;
        assert!(!child.is_up());
        pass(LONGEST_WAIT).await;
        assert_eq!(child.send(Count).await, Ok(1));
    });
}

#[test]
fn a_call_during_a_restart_waits_for_the_new_life() {
    in_virtual_time(async {
        let mut house = House::new();
        let child = house.child("frail");
        let _supervisor = house.supervisor.start();
        settle().await;
        child.do_send(Panic);
        settle().await;
        assert!(!child.is_up());
        assert_eq!(child.send(Count).await, Ok(1));
    });
}

#[test]
fn a_child_that_does_not_answer_is_given_up_on_after_the_limit() {
    in_virtual_time(async {
        let mut house = House::new();
        let child = house.child("slow");
        let _supervisor = house.supervisor.start();
        let limit = Duration::from_secs(1);
        let cause = UnavailableCause::TimedOut(limit);
        assert_eq!(child.send_within(limit, Hang).await, Err(Unavailable { actor: "slow", cause }));
        assert_eq!(child.send(Count).await, Ok(1));
    });
}

#[test]
fn a_full_mailbox_neither_hangs_a_caller_nor_loses_its_call() {
    in_virtual_time(async {
        let mut house = House::new();
        let child = house.child("busy");
        let _supervisor = house.supervisor.start();
        let calls = (0..200).map(|_| child.send(Count));
        let answers = futures_util::future::join_all(calls).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(child.send(Count).await, Ok(201));
    });
}

#[test]
fn one_failure_too_many_escalates_once_and_nothing_is_started_again() {
    in_virtual_time(async {
        let mut house = House::new();
        let (child, neighbour) = (house.child("quitter"), house.child("neighbour"));
        let escalated = Rc::clone(&house.escalated);
        let _supervisor = house.supervisor.start();
        settle().await;
        for _ in 0..policy().intensity {
            child.do_send(Quit);
            settle().await;
            assert!(escalated.borrow().is_empty());
            assert_eq!(child.send(Count).await, Ok(1));
        }
        child.do_send(Quit);
        settle().await;
        assert_eq!(*escalated.borrow(), [Escalated { child: "quitter" }]);
        neighbour.do_send(Quit);
        pass(LONGEST_WAIT).await;
        assert!(!child.is_up() && !neighbour.is_up());
        assert_eq!(escalated.borrow().len(), 1);
    });
}

#[test]
fn failures_far_apart_do_not_escalate() {
    in_virtual_time(async {
        let mut house = House::new();
        let child = house.child("quitter");
        let escalated = Rc::clone(&house.escalated);
        let _supervisor = house.supervisor.start();
        settle().await;
        for _ in 0..30 {
            child.do_send(Quit);
            pass(Duration::from_secs(30)).await;
            assert_eq!(child.send(Count).await, Ok(1));
        }
        assert!(escalated.borrow().is_empty());
    });
}

#[test]
fn a_factory_that_panics_counts_as_a_failure_of_the_child() {
    in_virtual_time(async {
        let mut house = House::new();
        let handle = Handle::<Counter>::new("unmakeable");
        let ends = Rc::clone(&house.ends);
        let mut attempts = 0;
        house.supervisor.supervise(&handle, move |_| {
            attempts += 1;
            assert!(attempts > 2, "not yet");
            Counter { name: "unmakeable", count: 0, ends: Rc::clone(&ends) }
        });
        let neighbour = house.child("neighbour");
        let supervisor = house.supervisor.start();
        assert_eq!(handle.send(Count).await, Ok(1));
        assert_eq!(neighbour.send(Count).await, Ok(1));
        assert!(supervisor.connected());
    });
}

#[test]
fn children_stop_in_reverse_order_and_are_not_started_again() {
    in_virtual_time(async {
        let mut house = House::new();
        let handles = ["first", "second", "third"].map(|name| house.child(name));
        let (ends, escalated) = (Rc::clone(&house.ends), Rc::clone(&house.escalated));
        let supervisor = house.supervisor.start();
        handles[0].send(Count).await.unwrap();
        supervisor.send(StopAll).await.unwrap();
        assert_eq!(*ends.borrow(), ["third", "second", "first"]);

        pass(LONGEST_WAIT).await;
        let gone = Unavailable { actor: "first", cause: UnavailableCause::ShutDown };
        assert_eq!(handles[0].send(Count).await, Err(gone));
        assert!(escalated.borrow().is_empty());
        supervisor.send(StopAll).await.unwrap();
    });
}

#[test]
fn messages_that_wait_are_handled_before_a_child_stops() {
    in_virtual_time(async {
        let mut house = House::new();
        let child = house.child("child");
        let supervisor = house.supervisor.start();
        child.send(Count).await.unwrap();
        let last = child.send(Count);
        let (last, stopped) = futures_util::future::join(last, supervisor.send(StopAll)).await;
        assert_eq!(last, Ok(2));
        stopped.unwrap();
    });
}

#[test]
fn a_child_that_is_down_does_not_hold_up_the_end() {
    in_virtual_time(async {
        let mut house = House::new();
        let (child, other) = (house.child("down"), house.child("other"));
        let supervisor = house.supervisor.start();
        settle().await;
        child.do_send(Panic);
        other.send(Count).await.unwrap();
        supervisor.send(StopAll).await.unwrap();
        pass(LONGEST_WAIT).await;
        assert!(!child.is_up());
    });
}

/// A child that does not end when it is told to.
struct Stubborn;

answers_pings!(Stubborn);

impl Actor for Stubborn {
    type Context = Context<Self>;

    fn stopping(&mut self, _: &mut Self::Context) -> actix::Running {
        actix::Running::Continue
    }
}

#[test]
fn a_child_that_does_not_stop_holds_the_others_up_for_a_moment_only() {
    in_virtual_time(async {
        let mut house = House::new();
        let _first = house.child("first");
        house.supervisor.supervise(&Handle::new("stubborn"), |_| Stubborn);
        let ends = Rc::clone(&house.ends);
        let supervisor = house.supervisor.start();
        settle().await;
        supervisor.send(StopAll).await.unwrap();
        assert_eq!(*ends.borrow(), ["first"]);
    });
}

#[test]
fn an_outlet_leads_to_the_child_that_lives_now() {
    in_virtual_time(async {
        let mut house = House::new();
        let child = house.child("frail");
        let outlet: Outlet<Quit> = child.outlet();
        let _supervisor = house.supervisor.start();
        for _ in 0..2 {
            child.send(Count).await.unwrap();
            outlet.tell(Quit);
            settle().await;
            assert!(!child.is_up());
        }
        assert_eq!(child.send(Count).await, Ok(1));
    });
}

#[derive(Debug, PartialEq, Message)]
#[rtype(result = "()")]
struct Note(u32);

#[test]
fn an_outlet_can_be_told_without_filling_the_mailbox_beyond_its_bound() {
    in_virtual_time(async {
        let (outlet, mut heard) = listener::<Note>();
        let taken = (0..1000).take_while(|number| outlet.try_tell(Note(*number))).count();
        assert!(taken < 100, "{taken}");
        settle().await;
        assert_eq!(drain(&mut heard).len(), taken);
        assert!(outlet.try_tell(Note(0)), "there is room again");
        assert!(Outlet::<Note>::nobody().try_tell(Note(0)));
    });
}

#[test]
fn a_child_on_an_arbiter_is_started_again_there() {
    crate::testing::in_real_time(async {
        let mut house = House::new();
        let handle = Handle::<Remote>::new("remote");
        house.supervisor.supervise_apart(&handle, |_| Remote);
        let supervisor = house.supervisor.start();
        let thread = handle.send(WhichThread).await.unwrap();
        assert_ne!(thread, std::thread::current().id());
        assert!(handle.send(Panic).await.is_err());
        // The first call may still reach the life that is ending.
        let first = handle.send(WhichThread).await;
        let ended = Unavailable { actor: "remote", cause: UnavailableCause::Ended };
        assert!(first == Ok(thread) || first == Err(ended), "{first:?}");
        assert_eq!(handle.send(WhichThread).await, Ok(thread));
        supervisor.send(StopAll).await.unwrap();
    });
}

struct Remote;

answers_pings!(Remote);

impl Actor for Remote {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "std::thread::ThreadId")]
struct WhichThread;

impl Handler<WhichThread> for Remote {
    type Result = actix::MessageResult<WhichThread>;

    fn handle(&mut self, _: WhichThread, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(std::thread::current().id())
    }
}

impl Handler<Panic> for Remote {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("told to");
    }
}
