//! Children that hang or flood.

use std::sync::Mutex;
use std::sync::mpsc as std_mpsc;

use super::*;
use crate::testing::in_real_time;
use crate::thread::{ThreadEnded, answer, spawn};

/// Longer than it takes to notice a hang, and to start the next life.
const NOTICED: Duration = Duration::from_secs(30);

/// As short as a test in real time likes it.
fn quick() -> Policy {
    Policy {
        ping_interval: Duration::from_millis(20),
        ping_limit: Duration::from_millis(200),
        backoff_min: Duration::from_millis(10),
        ..policy()
    }
}

/// Waits until something holds; without it, the test hangs, and is ended from outside.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// From here on the child listens to nothing.
#[derive(Message)]
#[rtype(result = "()")]
struct Freeze;

impl Handler<Freeze> for Counter {
    type Result = ();

    fn handle(&mut self, _: Freeze, ctx: &mut Self::Context) {
        ctx.wait(actix::fut::wrap_future(std::future::pending()));
    }
}

#[test]
fn as_long_as_all_answer_it_is_healthy_every_round() {
    in_virtual_time(async {
        let mut house = House::new();
        house.child("one");
        house.child("two");
        let healthy = Rc::clone(&house.healthy);
        let supervisor = house.supervisor.start();
        settle().await;
        assert_eq!(healthy.get(), 1, "they answered when they began");
        pass(Duration::from_secs(50)).await;
        assert_eq!(healthy.get(), 11);
        supervisor.send(StopAll).await.unwrap();
        pass(NOTICED).await;
        assert_eq!(healthy.get(), 11, "who was stopped is not healthy");
    });
}

#[test]
fn a_child_that_hangs_is_replaced_and_its_neighbours_live_on() {
    in_virtual_time(async {
        let mut house = House::new();
        let (child, neighbour) = (house.child("hangs"), house.child("neighbour"));
        let healthy = Rc::clone(&house.healthy);
        let ends = Rc::clone(&house.ends);
        let supervisor = house.supervisor.start();
        assert_eq!(neighbour.send(Count).await, Ok(1));
        child.do_send(Freeze);
        settle().await;
        let before = healthy.get();
        pass(Duration::from_secs(20)).await;
        assert!(child.is_up(), "it has its time");
        assert_eq!(healthy.get(), before, "systemd is told nothing while it hangs");
        pass(NOTICED - Duration::from_secs(20)).await;
        assert_eq!(*ends.borrow(), ["hangs"], "the old life is dropped");
        assert_eq!(child.send(Count).await, Ok(1));
        assert_eq!(neighbour.send(Count).await, Ok(2));
        assert!(healthy.get() > before);
        let expected = [("hangs", ChildState::Up, 1), ("neighbour", ChildState::Up, 0)];
        assert_eq!(children(&supervisor).await, expected);
    });
}

#[test]
fn a_child_that_hangs_again_and_again_escalates() {
    in_virtual_time(async {
        let mut house = House::with_policy(Policy { intensity: 2, window: NOTICED * 10, ..policy() });
        let child = house.child("hangs");
        let escalated = Rc::clone(&house.escalated);
        let _supervisor = house.supervisor.start();
        for _ in 0..3 {
            assert!(escalated.borrow().is_empty());
            child.send(Count).await.unwrap();
            child.do_send(Freeze);
            pass(NOTICED).await;
        }
        assert_eq!(*escalated.borrow(), [Escalated { child: "hangs" }]);
    });
}

#[test]
fn a_hung_child_is_cut_off_at_the_end_too() {
    in_virtual_time(async {
        let mut house = House::new();
        let (child, _first) = (house.child("hangs"), house.child("first"));
        let ends = Rc::clone(&house.ends);
        let supervisor = house.supervisor.start();
        child.send(Count).await.unwrap();
        child.do_send(Freeze);
        supervisor.send(StopAll).await.unwrap();
        settle().await;
        assert_eq!(*ends.borrow(), ["first", "hangs"]);
    });
}

#[derive(Message)]
#[rtype(result = "()")]
struct Chew;

impl Handler<Chew> for Counter {
    type Result = ();

    fn handle(&mut self, _: Chew, ctx: &mut Self::Context) {
        ctx.wait(actix::fut::wrap_future(tokio::time::sleep(Duration::from_secs(1))));
    }
}

#[test]
fn a_child_whose_mailbox_is_so_full_that_no_ping_comes_through_is_replaced() {
    in_virtual_time(async {
        let mut house = House::new();
        let child = house.child("flooded");
        let supervisor = house.supervisor.start();
        child.send(Count).await.unwrap();
        (0..1000).for_each(|_| child.do_send(Chew));
        pass(Duration::from_secs(15)).await;
        assert!(child.is_up());
        pass(NOTICED).await;
        assert_eq!(child.send(Count).await, Ok(1), "what waited is gone with the old life");
        assert_eq!(children(&supervisor).await, [("flooded", ChildState::Up, 1)]);
    });
}

/// A child that sends so many messages each second.
struct Talker {
    per_second: u32,
    to: Outlet<Note>,
}

answers_pings!(Talker);

impl Actor for Talker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(Duration::from_secs(1), |this, _| {
            (0..this.per_second).for_each(|number| this.to.tell(Note(number)));
        });
    }
}

#[test]
fn a_child_that_floods_is_replaced_and_one_that_talks_much_is_not() {
    for (per_second, floods) in [(19, false), (21, true)] {
        in_virtual_time(async {
            let mut house = House::with_policy(Policy { flood_limit: 100, ..policy() });
            let handle = Handle::new("talker");
            let (outlet, mut heard) = listener::<Note>();
            house.supervisor.supervise(&handle, move |_| Talker { per_second, to: outlet.clone() });
            let supervisor = house.supervisor.start();
            pass(Duration::from_secs(12)).await;
            assert!(!drain(&mut heard).is_empty());
            let restarts = children(&supervisor).await[0].2;
            assert_eq!(restarts > 0, floods, "{per_second} a second");
        });
    }
}

#[test]
fn messages_through_handles_and_of_each_kind_are_counted() {
    in_virtual_time(async {
        let life = Arc::new(life::Life::default());
        let addr = Counter { name: "counter", count: 0, ends: Rc::default() }.start();
        let handle = Handle::of("counter", addr.clone());
        let outlets: [Outlet<Quit>; 2] = [handle.outlet(), addr.recipient().into()];
        let entered = life::enter(Some(Arc::clone(&life)));
        handle.send(Count).await.unwrap();
        handle.do_send(Chew);
        handle.try_send(Chew);
        assert_eq!(life.sent(), 3);
        outlets[0].tell(Quit);
        outlets[1].try_tell(Quit);
        assert_eq!(life.sent(), 5);
        drop(entered);
        handle.do_send(Chew);
        assert_eq!(life.sent(), 5, "nobody's");
    });
}

#[test]
fn nothing_that_a_life_sends_which_was_cut_off_goes_out() {
    in_virtual_time(async {
        let life = Arc::new(life::Life::default());
        let handle =
            Handle::of("counter", Counter { name: "counter", count: 0, ends: Rc::default() }.start());
        let (outlet, mut heard) = listener::<Note>();
        let entered = life::enter(Some(Arc::clone(&life)));
        outlet.tell(Note(1));
        life.cut_off();
        outlet.tell(Note(2));
        assert!(!outlet.try_tell(Note(3)) && !handle.try_send(Chew));
        handle.do_send(Quit);
        let refused = Unavailable { actor: "counter", cause: UnavailableCause::AskerReplaced };
        assert_eq!(handle.send(Count).await, Err(refused));
        drop(entered);
        settle().await;
        assert_eq!(drain(&mut heard), [Note(1)]);
        assert_eq!(handle.send(Count).await, Ok(1));
    });
}

/// A child on a thread of its own; it can be held there, with its thread.
struct Held {
    number: u32,
    holds: Arc<Mutex<std_mpsc::Receiver<()>>>,
    tells: Outlet<Note>,
}

answers_pings!(Held);

impl Actor for Held {
    type Context = Context<Self>;
}

/// Blocks the thread until the test lets go of it; then it tells its number.
#[derive(Message)]
#[rtype(result = "()")]
struct Block;

impl Handler<Block> for Held {
    type Result = ();

    fn handle(&mut self, _: Block, _: &mut Self::Context) {
        self.tells.tell(Note(self.number));
        let _let_go = self.holds.lock().unwrap().recv();
        self.tells.tell(Note(self.number + 100));
    }
}

#[derive(Message)]
#[rtype(result = "(u32, std::thread::ThreadId)")]
struct Who;

impl Handler<Who> for Held {
    type Result = actix::MessageResult<Who>;

    fn handle(&mut self, _: Who, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult((self.number, std::thread::current().id()))
    }
}

#[test]
fn a_child_that_blocks_its_own_thread_goes_on_on_another_and_its_old_messages_change_nothing() {
    in_real_time(async {
        let mut house = House::with_policy(quick());
        let (let_go, holds) = std_mpsc::channel();
        let (holds, lives) = (Arc::new(Mutex::new(holds)), Arc::new(Mutex::new(0)));
        let (tells, mut heard) = listener::<Note>();
        let handle = Handle::<Held>::new("held");
        let neighbour = house.child("neighbour");
        house.supervisor.supervise_apart(&handle, move |_| {
            let mut lives = lives.lock().unwrap();
            *lives += 1;
            Held { number: *lives, holds: Arc::clone(&holds), tells: tells.clone() }
        });
        let supervisor = house.supervisor.start();
        let (number, thread) = handle.send(Who).await.unwrap();
        assert_eq!(number, 1);
        handle.do_send(Block);
        assert_eq!(heard.recv().await, Some(Note(1)));
        until(async || children(&supervisor).await[1] == ("held", ChildState::Up, 1)).await;
        let (number, other) = handle.send(Who).await.unwrap();
        assert_eq!(number, 2);
        assert_ne!(other, thread);
        assert_eq!(neighbour.send(Count).await, Ok(1));

        let_go.send(()).unwrap();
        handle.do_send(Block);
        assert_eq!(heard.recv().await, Some(Note(2)), "nothing of the first life in between");
        let_go.send(()).unwrap();
        assert_eq!(heard.recv().await, Some(Note(102)));
        assert_eq!(
            children(&supervisor).await[1],
            ("held", ChildState::Up, 1),
            "its late end changes nothing"
        );
        supervisor.send(StopAll).await.unwrap();
    });
}

/// A child in front of a thread, which blocks when it is told to.
struct Fronted {
    work: crossbeam_channel::Sender<Work>,
}

enum Work {
    Block(std_mpsc::Receiver<()>),
    Ping(oneshot::Sender<()>),
}

impl Fronted {
    fn new(tells: Outlet<Note>, ctx: &mut Context<Self>) -> Self {
        let (work, queue) = crossbeam_channel::bounded(16);
        spawn("fronted", ctx.address().downgrade().recipient(), move || {
            for work in &queue {
                match work {
                    Work::Block(held) => {
                        let _let_go = held.recv();
                        tells.tell(Note(1));
                    }
                    Work::Ping(ping) => answer(ping),
                }
            }
        });
        Self { work }
    }
}

impl Actor for Fronted {
    type Context = Context<Self>;
}

impl Handler<ThreadEnded> for Fronted {
    type Result = ();

    fn handle(&mut self, _: ThreadEnded, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

impl Handler<Ping> for Fronted {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        let asked = self.work.try_send(Work::Ping(reply)).is_ok();
        Box::pin(async move { asked && answer.await.is_ok() })
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct BlockThread(std_mpsc::Receiver<()>);

impl Handler<BlockThread> for Fronted {
    type Result = ();

    fn handle(&mut self, BlockThread(held): BlockThread, _: &mut Self::Context) {
        self.work.send(Work::Block(held)).unwrap();
    }
}

#[test]
fn a_child_whose_thread_hangs_is_replaced_with_it() {
    in_real_time(async {
        let mut house = House::with_policy(quick());
        let (tells, mut heard) = listener::<Note>();
        let handle = Handle::<Fronted>::new("fronted");
        house.supervisor.supervise(&handle, move |ctx| Fronted::new(tells.clone(), ctx));
        let supervisor = house.supervisor.start();
        let (let_go, held) = std_mpsc::channel();
        handle.send(BlockThread(held)).await.unwrap();
        until(async || children(&supervisor).await[0] == ("fronted", ChildState::Up, 1)).await;

        let_go.send(()).unwrap(); // what the old thread tells now goes nowhere
        let (let_go, held) = std_mpsc::channel();
        handle.send(BlockThread(held)).await.unwrap();
        let_go.send(()).unwrap();
        assert_eq!(heard.recv().await, Some(Note(1)), "of the new thread");
        supervisor.send(StopAll).await.unwrap();
        assert_eq!(drain(&mut heard), []);
    });
}

/// A child in front of a way that is full for a while.
struct Crowded {
    refusals: u32,
}

impl Actor for Crowded {
    type Context = Context<Self>;
}

impl Handler<Ping> for Crowded {
    type Result = bool;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> bool {
        self.refusals = self.refusals.saturating_sub(1);
        self.refusals == 0
    }
}

#[test]
fn a_ping_that_finds_the_way_full_comes_again() {
    in_virtual_time(async {
        let mut house = House::new();
        house.supervisor.supervise(&Handle::new("crowded"), |_| Crowded { refusals: 10 });
        let healthy = Rc::clone(&house.healthy);
        let supervisor = house.supervisor.start();
        pass(NOTICED).await;
        assert_eq!(children(&supervisor).await, [("crowded", ChildState::Up, 0)]);
        assert!(healthy.get() > 1);
    });
}
