//! What the rules cost: steps of a watch with more and more apps, and the timer with more and more alarms that wait.
//! `throughput` is steps per second.

use std::time::Duration;

use carpus_core::schedule::Schedule;
use carpus_core::session::ExitStatus;
use carpus_core::watch::{Output, Watch};
use carpus_core::{AppId, Application, Limits, Now, SessionId, SessionKind, WallTime};
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A watch with apps, and the clocks around it.
struct World {
    watch: Watch,
    now: Now,
    apps: Vec<AppId>,
    last_id: u64,
}

impl World {
    fn new(apps: usize, kind: SessionKind) -> Self {
        let now = Now { since_boot: HOUR, wall: WallTime::from_unix_ms(1_700_000_000_000) };
        let name = |app| AppId::parse(&format!("app-{app}")).expect("letters, digits and a dash");
        let apps: Vec<_> = (0..apps).map(name).collect();
        let mut watch = Watch::new(Limits::default());
        for id in &apps {
            watch.handle_installed(Application { id: id.clone(), session_kinds: vec![kind] });
        }
        Self { watch, now, apps, last_id: 0 }
    }

    /// Empties the outputs, as a shell does after each step.
    fn drain(&mut self) -> usize {
        std::iter::from_fn(|| self.watch.poll_output()).count()
    }

    fn pass(&mut self, span: Duration) {
        self.now.since_boot += span;
        self.now.wall = self.now.wall.plus(span);
    }

    fn bring_up(&mut self, app: &AppId) {
        self.watch.handle_open(app, self.now).expect("it is installed");
        self.watch.handle_attached(app, self.now);
        self.drain();
    }

    fn create(&mut self, app: &AppId) -> SessionId {
        self.last_id += 1;
        let id = SessionId(self.last_id);
        self.watch.create(app, id, None).expect("it declares a mode, and has room");
        id
    }

    /// Each app has an alarm that waits.
    fn with_alarms(count: usize) -> Self {
        let mut world = Self::new(count, SessionKind::Alarm);
        for (index, app) in world.apps.clone().iter().enumerate() {
            world.bring_up(app);
            let id = world.create(app);
            let ahead = HOUR + Duration::from_millis(u64::try_from(index).expect("few apps"));
            world.watch.start_at(app, id, world.now.wall.plus(ahead), world.now).expect("it is active");
            world.watch.handle_saved(id, world.now);
            world.drain();
        }
        world.watch.poll_timeout(); // what was changed so far is not the bench's
        world
    }
}

/// The steps in the life of one app: opened, attached, a session made, started and ended, the crown, the grace, the
/// end of its process.
const STEPS: usize = 8;

#[divan::bench(args = [1, 10, 100])]
fn steps_of_an_app_among(bencher: Bencher, apps: usize) {
    let mut world = World::new(apps, SessionKind::PhysicalTherapy);
    for app in world.apps.clone() {
        world.bring_up(&app);
        let id = world.create(&app);
        world.watch.start(&app, id, world.now).expect("it is active");
        world.drain();
    }
    let app = world.apps[apps / 2].clone();
    world.watch.handle_exited(&app, ExitStatus::Code(0), world.now);
    world.drain();
    bencher.counter(ItemsCount::new(STEPS)).bench_local(|| live(&mut world, &app));
}

fn live(world: &mut World, app: &AppId) -> usize {
    world.bring_up(app);
    let id = world.create(app);
    world.watch.start(app, id, world.now).expect("it is active");
    let mut outputs = world.drain();
    world.watch.invalidate(app, id, world.now).expect("it runs");
    world.watch.handle_crown(world.now);
    outputs += world.drain();
    world.pass(5 * SECOND);
    world.watch.handle_timeout(world.now);
    world.watch.handle_exited(app, ExitStatus::Code(0), world.now);
    outputs + world.drain()
}

/// A timeout at which nothing is due, which is what a late or spurious wake costs.
#[divan::bench(args = [1, 100, 10_000])]
fn handle_timeout_with_nothing_due_and_alarms(bencher: Bencher, alarms: usize) {
    let mut world = World::with_alarms(alarms);
    world.watch.handle_crown(world.now);
    world.pass(10 * SECOND);
    world.watch.handle_timeout(world.now);
    world.drain();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        world.watch.handle_timeout(world.now);
        world.watch.poll_timeout()
    });
}

/// A timeout at which an app is suspended.
#[divan::bench(args = [1, 100, 10_000])]
fn handle_timeout_that_suspends_an_app_and_alarms(bencher: Bencher, alarms: usize) {
    let mut world = World::with_alarms(alarms);
    let app = world.apps[alarms / 2].clone();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| open_and_suspend(&mut world, &app));
}

fn open_and_suspend(world: &mut World, app: &AppId) -> bool {
    world.watch.handle_open(app, world.now).expect("it is installed");
    world.watch.handle_crown(world.now);
    world.drain();
    world.pass(5 * SECOND);
    world.watch.handle_timeout(world.now);
    let frozen = |output| matches!(output, Output::Freeze { .. });
    std::iter::from_fn(|| world.watch.poll_output()).any(frozen)
}

/// The next alarm of a schedule, taken out and armed anew.
#[divan::bench(args = [1, 100, 10_000])]
fn take_the_next_of_a_schedule_of(bencher: Bencher, alarms: usize) {
    let mut schedule = Schedule::new();
    let at = |index: usize| WallTime::from_unix_ms(i64::try_from(index).expect("few alarms"));
    for index in 0..alarms {
        schedule.handle_arm(SessionId(u64::try_from(index).expect("few alarms")), at(index));
    }
    let mut last = alarms;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        let due = schedule.poll_due(at(usize::MAX >> 1)).expect("there is an alarm");
        last += 1;
        schedule.handle_arm(due, at(last));
        schedule.poll_timeout()
    });
}

/// The peer: asking each alarm in turn which is next, as a list without an index has to.
#[divan::bench(args = [1, 100, 10_000])]
fn peer_asking_each_alarm_of(bencher: Bencher, alarms: usize) {
    let at = |index: usize| WallTime::from_unix_ms(i64::try_from(index).expect("few alarms"));
    let alarms: Vec<_> = (0..alarms).map(at).collect();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| divan::black_box(&alarms).iter().min().copied());
}
