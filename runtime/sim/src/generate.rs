//! Draws a history from a seed: little scenes, each a few steps, as a user, an app or a board would make them, and
//! now and then something that nobody should do.

use carpus_core::SessionKind;

use crate::history::{App, AppSetup, Behaviour, Every, History, Kill, Numbers, Step, When, Which};
use crate::random::Random;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long an app that is opened may take to be up, most of the time.
const UP_MS: u64 = 300;

/// Shortly before daylight saving begins or ends somewhere in [`crate::zones::NAMES`], Unix ms.
const NEAR_CHANGES_MS: [i64; 8] = [
    1_774_742_400_000, // 2026-03-29T00:00Z, Europe/Berlin goes forward
    1_792_886_400_000, // 2026-10-25T00:00Z, Europe/Berlin goes back
    1_772_946_000_000, // 2026-03-08T05:00Z, America/New_York goes forward
    1_793_509_200_000, // 2026-11-01T05:00Z, America/New_York goes back
    1_775_314_800_000, // 2026-04-04T15:00Z, Australia/Lord_Howe goes back by half an hour
    1_791_039_600_000, // 2026-10-03T15:00Z, Australia/Lord_Howe goes forward
    1_325_232_000_000, // 2011-12-30T08:00Z, Pacific/Apia skips a day
    1_541_289_600_000, // 2018-11-04T00:00Z, America/Sao_Paulo goes forward at midnight
];

/// A history of `steps` steps.
pub fn generate(seed: u64, steps: usize) -> History {
    let mut scenes = Scenes { random: Random::new(seed), apps: Vec::new(), steps: Vec::new() };
    let random = &mut scenes.random;
    let limits = if random.one_in(2) { Numbers::Default } else { random.pick(&Numbers::ALL) };
    let zone = random.byte_below(8);
    let start_ms = if random.one_in(2) {
        random.pick(&NEAR_CHANGES_MS) - i64::try_from(random.below(DAY)).unwrap_or(0)
    } else {
        i64::try_from(random.between(1_577_836_800_000, 1_893_456_000_000)).unwrap_or(0)
    };
    let user_stops_ms = if random.one_in(5) { None } else { Some(random.between(2 * SECOND, 40 * SECOND)) };
    scenes.apps = apps(random, limits);
    while scenes.steps.len() < steps {
        scenes.scene();
    }
    scenes.steps.truncate(steps);
    History { limits, start_ms, zone, user_stops_ms, apps: scenes.apps, steps: scenes.steps }
}

fn apps(random: &mut Random, limits: Numbers) -> Vec<AppSetup> {
    let mut apps = vec![
        vec![SessionKind::Alarm],
        vec![SessionKind::Alarm],
        vec![random.pick(&[SessionKind::Mindfulness, SessionKind::SelfCare])],
        vec![SessionKind::PhysicalTherapy],
    ];
    if matches!(limits, Numbers::SeveralModes | Numbers::Short) {
        apps[1].push(SessionKind::Mindfulness);
        apps[3].push(SessionKind::Alarm);
    }
    if random.one_in(10) {
        apps.push(Vec::new());
    }
    apps.into_iter().map(|kinds| AppSetup { kinds, behaviour: behaviour(random) }).collect()
}

fn behaviour(random: &mut Random) -> Behaviour {
    if random.one_in(3) { Behaviour::Obedient } else { random.pick(&Behaviour::ALL) }
}

struct Scenes {
    random: Random,
    apps: Vec<AppSetup>,
    steps: Vec<Step>,
}

impl Scenes {
    fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn app(&mut self) -> App {
        App(self.random.byte_below(u8::try_from(self.apps.len()).unwrap_or(1)))
    }

    /// One whose first mode is the alarm, mostly.
    fn alarm_app(&mut self) -> App {
        if self.random.one_in(20) { self.app() } else { App(self.random.byte_below(2)) }
    }

    fn kind_of(&self, app: App) -> Option<SessionKind> {
        self.apps.get(usize::from(app.0)).and_then(|setup| setup.kinds.first().copied())
    }

    fn scene(&mut self) {
        match self.random.below(100) {
            0..18 => self.wait(),
            18..32 => self.alarm(),
            32..42 => self.session(),
            42..48 => self.recurrence(),
            48..62 => self.user(),
            62..74 => self.about_a_session(),
            74..84 => self.board(),
            84..90 => self.disk_and_power(),
            90..93 => self.processes(),
            _ => self.wrong(),
        }
    }

    /// Short mostly.
    fn span_ms(&mut self) -> u64 {
        let longest = self.random.pick(&[
            SECOND / 10,
            SECOND,
            5 * SECOND,
            10 * SECOND,
            30 * SECOND,
            MINUTE,
            3 * MINUTE,
            10 * MINUTE,
        ]);
        self.random.below(longest + 1)
    }

    fn wait(&mut self) {
        let span_ms = match self.random.below(40) {
            0 => self.random.below(30 * HOUR),
            1..3 => self.random.below(HOUR),
            _ => self.span_ms(),
        };
        let late = self.random.one_in(8);
        self.add(if late { Step::Late(span_ms) } else { Step::Wait(span_ms) });
    }

    fn open(&mut self, app: App) {
        self.add(Step::WristUp);
        self.add(Step::Open(app));
        let up_ms = if self.random.one_in(4) { 10 * UP_MS } else { UP_MS };
        self.add(Step::Wait(up_ms));
    }

    /// Makes a session, naming a kind where the app has several, mostly.
    fn create(&mut self, app: App) {
        let several = self.apps.get(usize::from(app.0)).is_some_and(|setup| setup.kinds.len() > 1);
        let named = if several != self.random.one_in(10) { Some(self.named_kind(app)) } else { None };
        self.add(Step::Create(app, named));
    }

    fn named_kind(&mut self, app: App) -> SessionKind {
        let kinds = self.apps.get(usize::from(app.0)).map_or(&[][..], |setup| &setup.kinds);
        if kinds.is_empty() || self.random.one_in(5) {
            self.random.pick(&SessionKind::ALL)
        } else {
            self.random.pick(kinds)
        }
    }

    /// An app schedules an alarm, is left or not, and the alarm comes, mostly.
    fn alarm(&mut self) {
        let app = self.alarm_app();
        self.open(app);
        self.create(app);
        let ahead_ms = match self.random.below(12) {
            0 => self.random.below(37 * HOUR),
            1 => self.random.below(2 * HOUR),
            2 => 0,
            _ => self.random.below(5 * MINUTE),
        };
        let when = self.instant(ahead_ms);
        let replace = self.random.one_in(4);
        self.add(if replace {
            Step::Replace(app, Which::Own(0), when)
        } else {
            Step::StartAt(app, Which::Own(0), when)
        });
        if self.random.one_in(2) {
            let step = self.random.pick(&[Step::Crown, Step::WristDown, Step::Cover, Step::Close(app)]);
            self.add(step);
        }
        if self.random.one_in(3) {
            self.outage_soon();
        }
        if !self.random.one_in(3) {
            self.add(Step::Wait(ahead_ms + 500));
            self.alarm_rings(app);
        }
    }

    fn instant(&mut self, ahead_ms: u64) -> When {
        match self.random.below(30) {
            0 => When::In(-i64::try_from(self.random.below(2 * MINUTE)).unwrap_or(0)),
            1 => When::At(self.random.pick(&[i64::MIN, i64::MAX, 253_402_300_799_999, -1, 0])),
            _ => When::In(i64::try_from(ahead_ms).unwrap_or(0)),
        }
    }

    /// What may happen while an alarm rings, or should.
    fn alarm_rings(&mut self, app: App) {
        let wait_ms = self.random.pick(&[
            100,
            5 * SECOND,
            12 * SECOND,
            12 * SECOND,
            30 * SECOND,
            28 * MINUTE,
            29 * MINUTE + 10 * SECOND,
            31 * MINUTE,
        ]);
        self.add(Step::Wait(wait_ms));
        let which = if self.random.one_in(4) { Which::Own(0) } else { Which::Ringing };
        let snooze = self.snooze_span();
        let step = match self.random.below(9) {
            0..2 => Step::Stop(which),
            2..4 => Step::Snooze(which, snooze),
            4 => Step::OpenAlarm(which),
            5 => Step::Crash(app),
            6 => Step::Open(app),
            7 => Step::Invalidate(app, which),
            _ => return self.outage_soon(),
        };
        self.add(step);
        if self.random.one_in(4) {
            let notify = self.notify(app, Which::Own(0)); // late, and perhaps while it is snoozed
            self.add(notify);
        }
        if self.random.one_in(2) {
            self.add(Step::Wait(11 * MINUTE));
        }
    }

    fn snooze_span(&mut self) -> Option<u64> {
        match self.random.below(8) {
            0 => Some(0),
            1 => Some(u64::MAX / 2),
            2 => Some(HOUR),
            3..5 => Some(self.random.below(3 * MINUTE)),
            _ => None,
        }
    }

    /// An app that is up starts a session in its way.
    fn session(&mut self) {
        let app = self.app();
        self.open(app);
        self.create(app);
        let alarm = self.kind_of(app) == Some(SessionKind::Alarm);
        let wrong_way = self.random.one_in(10);
        let soon = When::In(i64::try_from(self.random.below(MINUTE)).unwrap_or(0));
        let own = Which::Own(0);
        self.add(if alarm == wrong_way { Step::Start(app, own) } else { Step::StartAt(app, own, soon) });
        match self.random.below(12) {
            0..4 => self.wait(),
            4..6 => self.crashes(app),
            6 => self.outage_soon(),
            _ => {}
        }
    }

    fn recurrence(&mut self) {
        let app = self.alarm_app();
        self.open(app);
        let days = if self.random.one_in(2) { 127 } else { 1 + self.random.byte_below(127) };
        let minute = if self.random.one_in(2) {
            self.random.pick(&[0, 30, 90, 120, 150, 179, 180])
        } else {
            u16::try_from(self.random.below(1440)).unwrap_or(0)
        };
        let zone = if self.random.one_in(2) { None } else { Some(self.random.byte_below(8)) };
        let clear = self.random.one_in(3);
        self.add(if clear {
            Step::ClearRecurrence(app)
        } else {
            Step::SetRecurrence(app, days, minute, zone)
        });
        match self.random.below(4) {
            0 => {
                let days = self.random.between(1, 3);
                self.add(Step::Wait(days * DAY));
            }
            1 => self.add(Step::Invalidate(app, Which::Own(0))),
            _ => {}
        }
    }

    fn user(&mut self) {
        let app = self.app();
        let snooze = self.snooze_span();
        let step = match self.random.below(20) {
            0..4 => return self.open(app),
            4..6 => Step::Open(app),
            6 => Step::Close(app),
            7..9 => Step::WristUp,
            9..12 => Step::WristDown,
            12..14 => Step::Crown,
            14 => Step::Cover,
            15 => Step::Stop(Which::Ringing),
            16 => Step::OpenAlarm(Which::Ringing),
            17 => Step::Snooze(Which::Ringing, snooze),
            18 => Step::Rights(app, !self.random.one_in(3), !self.random.one_in(3)),
            _ => return self.remove(app),
        };
        self.add(step);
    }

    fn remove(&mut self, app: App) {
        self.add(Step::Remove(app));
        if self.random.one_in(2) {
            self.wait();
        }
        if !self.random.one_in(10) {
            self.add(Step::Install(app));
        }
    }

    /// What an app does with its sessions.
    fn about_a_session(&mut self) {
        let app = if self.random.one_in(2) { self.alarm_app() } else { self.app() };
        let which = Which::Own(self.random.byte_below(3));
        let when = self.random.one_in(2).then(|| self.instant(MINUTE));
        let kind = self.random.one_in(4).then(|| self.named_kind(app));
        let step = match self.random.below(12) {
            0 => Step::Start(app, which),
            1 => Step::Create(app, kind),
            2..4 => Step::Invalidate(app, which),
            4..6 => Step::Handled(app, which),
            6..9 => self.notify(app, which),
            9 => {
                Step::Answer(app, which, u32::try_from(self.random.below(5)).unwrap_or(0), self.interval_ms())
            }
            _ => Step::CanStart(app, kind, when),
        };
        self.add(step);
    }

    fn notify(&mut self, app: App, which: Which) -> Step {
        let every = match self.random.below(3) {
            0 => Every::Default,
            1 => Every::Ask,
            _ => Every::Ms(self.interval_ms()),
        };
        Step::Notify(app, which, self.random.byte_below(14), every)
    }

    fn interval_ms(&mut self) -> i64 {
        match self.random.below(8) {
            0 => self.random.pick(&[i64::MIN, i64::MAX, 0, -1, 60_001]),
            1 => self.random.signed_below(SECOND),
            _ => i64::try_from(self.random.between(SECOND, MINUTE)).unwrap_or(0),
        }
    }

    fn board(&mut self) {
        let step = match self.random.below(20) {
            0..4 => Step::Conditions(self.battery(), None),
            4..6 => {
                Step::Conditions(self.battery(), Some(self.random.pick(&[20_000, 79_999, 80_001, i32::MAX])))
            }
            6..9 => Step::MemoryShort,
            9..12 => Step::Zone(self.random.byte_below(8)),
            12..14 => Step::ChildFails(self.random.byte_below(32)),
            14 => return (0..6).for_each(|_| self.add_child_failure()),
            15 => Step::ClockTo(self.random.pick(&[
                0,
                i64::MIN,
                i64::MAX,
                253_402_300_799_000,
                1_800_000_000_000,
            ])),
            16 => Step::ClockBy(self.random.signed_below(3 * DAY)),
            17 => Step::ClockBy(self.random.signed_below(3 * HOUR)),
            _ => Step::ClockBy(self.random.signed_below(5 * MINUTE)),
        };
        // The ends of time are a rare place.
        let rare = matches!(step, Step::ClockTo(_));
        if !rare || self.random.one_in(4) {
            self.add(step);
        }
    }

    fn add_child_failure(&mut self) {
        self.add(Step::ChildFails(0));
        let span_ms = self.random.pick(&[20, 200, 2 * SECOND, 11 * SECOND]);
        self.add(Step::Wait(span_ms));
    }

    fn battery(&mut self) -> Option<u8> {
        self.random.pick(&[None, Some(100), Some(50), Some(5), Some(4)])
    }

    fn disk_and_power(&mut self) {
        match self.random.below(8) {
            0 => {
                self.add(Step::DiskFull(true));
                self.alarm();
                self.add(Step::DiskFull(false));
            }
            1..3 => {
                let latency_ms = self.random.pick(&[20, 300, 2000]);
                self.add(Step::DiskSlow(latency_ms));
                self.alarm();
                self.add(Step::DiskSlow(0));
            }
            _ => self.outage_soon(),
        }
    }

    /// After a few more things that the runtime does.
    fn outage_soon(&mut self) {
        let after = u32::try_from(self.random.below(12)).unwrap_or(0);
        let off_ms = match self.random.below(6) {
            0 => self.random.below(20 * HOUR),
            1 => self.random.below(HOUR),
            _ => self.random.below(5 * SECOND),
        };
        let power = self.random.one_in(2);
        if power {
            self.add(Step::PowerLoss(after, off_ms));
        } else {
            let kill = self.kill(after, off_ms);
            self.add(Step::Kill(kill));
        }
    }

    fn kill(&mut self, after: u32, off_ms: u64) -> Kill {
        let random = &mut self.random;
        let clock_ms = match random.below(12) {
            0 => random.signed_below(3 * DAY),
            1 => random.signed_below(HOUR),
            2 => random.signed_below(MINUTE),
            _ => 0,
        };
        Kill {
            after,
            off_ms,
            clock_ms,
            dead: if random.one_in(4) { random.byte_below(32) } else { 0 },
            part: random.one_in(5),
            again: random.one_in(6).then(|| u32::try_from(random.below(8)).unwrap_or(0)),
        }
    }

    /// An app crashes, and again.
    fn crashes(&mut self, app: App) {
        let times = self.random.between(1, 5);
        for _ in 0..times {
            self.add(Step::Crash(app));
            let span_ms = self.random.pick(&[100, 100, 400, 3 * SECOND, 25 * SECOND]);
            self.add(Step::Wait(span_ms));
        }
    }

    fn processes(&mut self) {
        let app = self.app();
        if self.random.one_in(3) {
            return self.crashes(app);
        }
        let step =
            self.random.pick(&[Step::Crash(app), Step::Crash(app), Step::Attached(app), Step::Exited(app)]);
        self.add(step);
    }

    /// What nobody should do.
    fn wrong(&mut self) {
        let app = self.app();
        let which = self.any_session();
        let when = self.instant(MINUTE);
        let step = match self.random.below(16) {
            0 => Step::Start(app, which),
            1 => Step::StartAt(app, which, when),
            2 => Step::Replace(app, which, when),
            3 => Step::Invalidate(app, which),
            4 => Step::Handled(app, which),
            5 => self.notify(app, which),
            6 => Step::Answer(app, which, 1, self.interval_ms()),
            7 => Step::Due(which),
            8 => Step::Spent(which),
            9 => Step::Saved(which),
            10 => Step::NotSaved(which),
            11 => Step::RecurrenceNotSaved(app),
            12 => Step::Occurrence(app, which),
            13 => Step::Stop(which),
            14 => Step::Snooze(which, None),
            _ => Step::Timeout,
        };
        self.add(step);
    }

    fn any_session(&mut self) -> Which {
        match self.random.below(6) {
            0 => Which::Number(self.random.pick(&[0, 1, 2, 3, u64::MAX])),
            1 => Which::Ringing,
            _ => Which::Any(self.random.byte_below(6)),
        }
    }
}
