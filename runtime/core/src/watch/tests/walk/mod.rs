//! A random walk over all inputs, at the side of a model that knows the rules only.

mod model;

use self::model::Model;
use super::*;

const APPS: [(&str, SessionKind); 3] =
    [("a", SessionKind::Alarm), ("b", SessionKind::Mindfulness), ("c", SessionKind::PhysicalTherapy)];

const RUNS: u64 = 500;
const INPUTS: u32 = 300;

#[test]
fn whatever_happens_the_rules_hold() {
    for seed in 1..=RUNS {
        let _names_itself = Seed(seed);
        let mut walk = Walk::new(seed);
        for _ in 0..INPUTS {
            walk.step();
        }
        walk.settle();
    }
}

/// Tells which run failed: `Walk::new` with this seed takes the same way again.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the walk with seed {} failed", self.0);
        }
    }
}

/// Marsaglia's xorshift, with a multiplication at the end.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let index = self.below(u64::try_from(from.len().max(1)).unwrap());
        from.get(usize::try_from(index).unwrap()).copied()
    }

    fn app(&mut self) -> &'static str {
        self.pick(&APPS).unwrap().0
    }

    /// A span, short mostly.
    fn span(&mut self) -> Duration {
        let longest = self
            .pick(&[MS, SECOND, 4 * SECOND, 10 * SECOND, 10 * SECOND, MINUTE, MINUTE, 10 * MINUTE])
            .unwrap();
        self.up_to(longest)
    }

    fn up_to(&mut self, longest: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(longest.as_millis()).unwrap() + 1))
    }
}

struct Walk {
    bench: Bench,
    random: Random,
    model: Model,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let limits = Limits { sessions_per_app: random.pick(&[2, 3, 16]).unwrap(), ..Limits::default() };
        let mut walk = Self { model: Model::new(limits.clone()), bench: Bench::with(limits), random };
        for (name, kind) in APPS {
            walk.bench.install(name, kind);
            walk.model.install(name);
        }
        walk
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..5 => {
                let span = self.random.span();
                self.time_passes(span);
            }
            5..10 => self.user_or_app_process(),
            10..13 => self.new_session(),
            13..19 => self.about_a_session(),
            _ => self.rare(),
        }
        if self.random.one_in(10) {
            self.observe(); // the next input comes before the timer
        } else {
            self.bench.catch_up();
            let next = self.bench.watch.poll_timeout();
            assert!(next.is_none_or(|(at, _)| at > self.bench.now.since_boot), "{next:?} is past");
            self.observe();
            self.model.check_times(&self.bench);
        }
    }

    /// Shows the model what came out.
    fn show(&mut self) {
        for (_, output) in std::mem::take(&mut self.bench.log) {
            self.model.observe(&output);
        }
    }

    /// Shows the model what came out, and compares the two.
    fn observe(&mut self) {
        self.show();
        self.model.check(&self.bench);
    }

    fn time_passes(&mut self, span: Duration) {
        if self.random.one_in(4) {
            self.bench.pass(span); // the runtime is late
            return;
        }
        let end = self.bench.now.since_boot + span;
        while self.bench.step(end) {
            self.observe();
        }
    }

    fn user_or_app_process(&mut self) {
        let name = self.random.app();
        match self.random.below(12) {
            0 => self.bench.open(name),
            1..4 => self.launch(name),
            4..7 => self.attach_one(),
            7 => self.bench.crown(),
            8 => self.bench.cover(),
            9 => self.bench.wrist_down(),
            10 => self.wrist_up(),
            _ => self.close_or_exit(name),
        }
    }

    fn wrist_up(&mut self) {
        self.model.screen_on();
        self.bench.wrist_up();
    }

    /// The user looks at the app, and it comes up.
    fn launch(&mut self, name: &str) {
        self.wrist_up();
        self.bench.open(name);
        self.show();
        self.model.attached(name);
        self.bench.attach(name);
    }

    /// Mostly one that was launched.
    fn attach_one(&mut self) {
        let name = self.model.launching().unwrap_or("a");
        self.model.attached(name);
        self.bench.attach(name);
    }

    fn close_or_exit(&mut self, name: &str) {
        if self.random.one_in(2) {
            self.bench.close(name);
            return;
        }
        let name = self.model.ending().unwrap_or(name);
        self.model.exited(name);
        self.bench.exit(name, ExitStatus::Signal(9));
    }

    /// Mostly of the app that is in front.
    fn new_session(&mut self) {
        let any = self.random.app();
        let name = if self.random.one_in(8) { any } else { self.model.active().unwrap_or(any) };
        let id = SessionId(self.bench.last_id + 1);
        if self.bench.act(|watch, _| watch.create(&app(name), id)).is_err() {
            return;
        }
        self.bench.last_id += 1;
        self.model.created(id, name);
        if !self.random.one_in(10) {
            self.start(id, name);
        }
    }

    /// Mostly in the way that its type wants.
    fn start(&mut self, id: SessionId, name: &str) {
        let usual = !self.random.one_in(10);
        let result = if usual == (name == "a") {
            let at = self.instant();
            self.bench.start_at(name, id, at)
        } else {
            self.bench.start(name, id)
        };
        self.model.started(id, &result);
    }

    /// An instant for an alarm: soon mostly.
    fn instant(&mut self) -> WallTime {
        let wall = self.bench.now.wall;
        match self.random.below(10) {
            0 => wall.plus(self.random.up_to(40 * HOUR)),
            1 => wall.minus(self.random.up_to(70 * SECOND)),
            2..4 => wall,
            _ => wall.plus(self.random.up_to(2 * MINUTE)),
        }
    }

    /// Mostly by its own app, about one that is not over.
    fn about_a_session(&mut self) {
        let sessions = self.model.sessions();
        let Some((id, owner)) = self.random.pick(&sessions) else { return };
        let name = if self.random.one_in(20) { self.random.app() } else { owner };
        match self.random.below(16) {
            0 => drop(self.bench.invalidate(name, id)),
            1..6 => self.handled(name, id),
            6..10 => self.notify(name, id),
            10 => self.answer(name, id),
            11 => drop(self.bench.act(|watch, now| watch.stop_alarm(id, now))),
            12 => drop(self.bench.act(|watch, now| watch.open_alarm(id, now))),
            13 => self.bench.act(|watch, now| watch.handle_due(id, now)),
            14 if name == owner => self.start(id, name),
            14 => drop(self.bench.act(|watch, now| watch.handle_not_saved(id, now))),
            _ => self.about_no_session(name),
        }
    }

    /// About a session that is over, or never was.
    fn about_no_session(&mut self, name: &str) {
        let id = SessionId(self.random.below(self.bench.last_id + 3));
        if self.model.sessions().iter().any(|(open, _)| *open == id) {
            return;
        }
        let _refused = self.bench.start(name, id);
        let _refused = self.bench.invalidate(name, id);
        self.notify(name, id);
        self.bench.act(|watch, now| watch.handle_due(id, now));
        self.bench.act(|watch, now| watch.handle_budget_spent(id, MINUTE, SECOND, now));
        assert!(self.bench.log.is_empty(), "S1: it is over");
    }

    fn handled(&mut self, name: &str, id: SessionId) {
        if !self.random.one_in(4) {
            self.model.attached(name);
            self.bench.attach(name);
        }
        let _may_fail = self.bench.act(|watch, now| watch.handle_handled(&app(name), id, now));
    }

    fn notify(&mut self, name: &str, id: SessionId) {
        let every = Repeat::EveryMs(i64::try_from(self.random.below(100_000)).unwrap() - 10_000);
        let repeat = self.random.pick(&[Repeat::Default, Repeat::Ask, every]).unwrap();
        let _may_fail = self.bench.notify(name, id, repeat);
    }

    fn answer(&mut self, name: &str, id: SessionId) {
        let played = u32::try_from(self.random.below(5)).unwrap();
        let interval_ms = i64::try_from(self.random.below(100_000)).unwrap() - 10_000;
        let _may_fail =
            self.bench.act(|watch, _| watch.handle_repeat(&app(name), id, played, interval_ms, None));
    }

    fn rare(&mut self) {
        match self.random.below(8) {
            0..2 => self.clock_is_set(),
            2 => self.power_loss(),
            3 => self.removed_and_installed_again(),
            4 => self.crash(),
            5 => self.cpu_is_spent(),
            _ => {
                let span = self.random.up_to(48 * HOUR);
                self.time_passes(span);
            }
        }
    }

    fn crash(&mut self) {
        let name = self.random.app();
        self.model.exited(name);
        self.bench.exit(name, ExitStatus::Signal(11));
    }

    fn cpu_is_spent(&mut self) {
        let sessions = self.model.sessions();
        if let Some((id, _)) = self.random.pick(&sessions) {
            self.bench.act(|watch, now| watch.handle_budget_spent(id, MINUTE, SECOND, now));
        }
    }

    fn clock_is_set(&mut self) {
        let span = self.random.span();
        let wall = self.bench.now.wall;
        self.bench.set_clock(if self.random.one_in(2) { wall.plus(span) } else { wall.minus(span) });
    }

    fn power_loss(&mut self) {
        self.observe();
        self.model.power_lost();
        let off = self.random.span();
        self.bench.power_loss(off, &APPS);
    }

    fn removed_and_installed_again(&mut self) {
        let (name, kind) = self.random.pick(&APPS).unwrap();
        self.bench.act(|watch, now| watch.handle_removed(&app(name), now)).unwrap();
        self.bench.install(name, kind);
        self.show();
        self.model.install(name);
    }

    /// Ends all there is, and sees to it that nothing is owed to anyone.
    fn settle(&mut self) {
        self.bench.crown();
        for (name, _) in [APPS, APPS].concat() {
            // Twice: an alarm that came due while its app was ending launches it again.
            self.model.exited(name);
            self.bench.exit(name, ExitStatus::Code(0));
            self.observe();
        }
        self.bench.set_clock(self.bench.now.wall.plus(10_000 * HOUR));
        self.observe();
        self.model.check_settled(&self.bench);
    }
}
