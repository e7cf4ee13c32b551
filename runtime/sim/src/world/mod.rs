//! The virtual world: it plays a history, and looks after each step whether the rules hold.

mod agenda;
mod apps;
mod calls;
mod checks;
mod children;
mod clock;
mod disk;
mod outage;
mod perform;
mod runtime;
mod steps;
mod targets;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use carpus_core::app::AppRights;
use carpus_core::budget::Budget;
use carpus_core::schedule::Schedule;
use carpus_core::suppression::Conditions;
use carpus_core::watch::{Output, Standing, Watch};
use carpus_core::{AppId, Limits, Now, SessionId, WallTime};

use self::agenda::Agenda;
use self::apps::Process;
use self::children::Children;
use self::disk::{Disk, Journal};
use self::outage::{Fuse, Outage};
use crate::counts::Counts;
use crate::history::{App, Behaviour, History};
use crate::input::Input;
use crate::ledger::Ledger;
use crate::reference::Reference;

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The place of the step after which it was seen; one more than the last for the end of the run.
    pub step: usize,
    /// Which rule, and where.
    pub what: String,
}

impl Failure {
    /// What is the same for the same fault in another run.
    pub fn kind(&self) -> &str {
        self.what.split([':', '\n']).next().unwrap_or_default()
    }
}

/// Why a step of the runtime went no further.
enum Halt {
    Outage(Outage),
    Broken(String),
}

type Done = Result<(), Halt>;

impl From<String> for Halt {
    fn from(what: String) -> Self {
        Self::Broken(what)
    }
}

struct World<'a> {
    history: &'a History,
    limits: Limits,
    now: Now,
    /// The wall clock was set at least once.
    clock_was_set: bool,
    zone: u8,
    conditions: Conditions,
    apps: Vec<Phone>,
    ids: Vec<AppId>,
    core: Watch,
    reference: Reference,
    schedule: Schedule,
    armed: BTreeMap<SessionId, WallTime>,
    children: Children,
    agenda: Agenda,
    disk: Disk,
    budgets: BTreeMap<SessionId, (Budget, Duration)>,
    /// What the runtime tells itself after what it is doing.
    follow_ups: VecDeque<Input>,
    fuse: Option<Fuse>,
    /// What holds until the board reboots, as it was written down last.
    standing: Option<Standing>,
    /// The runtime has taken up what there was when it started.
    taken_up: bool,
    ledger: Ledger,
    counts: Counts,
    /// What the core wants done; kept for its room.
    outputs: Vec<Output>,
    generation: u64,
    /// What was told to the rules and came of it, as text; kept for a reader only.
    trace: Option<String>,
}

/// What the world knows of an app.
#[derive(Debug)]
struct Phone {
    behaviour: Behaviour,
    installed: bool,
    rights: AppRights,
    process: Option<Process>,
    /// The newest event that the app has dealt with, by its own memory.
    received: u64,
}

/// Plays a history. Answers what happened, and what was broken.
pub fn play(history: &History) -> (Counts, Option<Failure>) {
    let mut world = World::new(history);
    let failure = world.play().err();
    (world.counts, failure)
}

/// Plays a history, and answers all that was told to the rules and came of it, as text.
pub fn trace(history: &History) -> (String, Option<Failure>) {
    let mut world = World::new(history);
    world.trace = Some(String::new());
    let failure = world.play().err();
    (world.trace.unwrap_or_default(), failure)
}

impl<'a> World<'a> {
    fn new(history: &'a History) -> Self {
        let limits = history.limits.limits();
        let now = Now { since_boot: Duration::ZERO, wall: WallTime::from_unix_ms(history.start_ms) };
        let apps: Vec<_> = history.apps.iter().map(|setup| Phone::new(setup.behaviour)).collect();
        let ids = (0..history.apps.len()).map(app_id).collect();
        let journals = vec![Journal::default(); apps.len()];
        Self {
            history,
            now,
            clock_was_set: false,
            zone: history.zone,
            conditions: Conditions::default(),
            apps,
            ids,
            core: Watch::new(limits.clone()),
            reference: Reference::new(limits.clone()),
            schedule: Schedule::new(),
            armed: BTreeMap::new(),
            children: Children::new(0),
            agenda: Agenda::default(),
            disk: Disk { journals, ..Disk::default() },
            budgets: BTreeMap::new(),
            follow_ups: VecDeque::new(),
            fuse: None,
            standing: None,
            taken_up: false,
            ledger: Ledger::new(limits.extensions),
            counts: Counts::default(),
            outputs: Vec::new(),
            generation: 0,
            trace: None,
            limits,
        }
    }

    fn play(&mut self) -> Result<(), Failure> {
        let begun = self.begin();
        self.survive(begun).map_err(|what| Failure { step: 0, what })?;
        for (index, step) in self.history.steps.iter().enumerate() {
            if let Some(trace) = &mut self.trace {
                writeln!(trace, "--- {step}").ok();
            }
            let done = self.step(*step);
            self.survive(done).map_err(|what| Failure { step: index, what })?;
        }
        self.settle().map_err(|what| Failure { step: self.history.steps.len(), what })
    }

    /// What follows from an outage, if there was one; and the rules hold.
    fn survive(&mut self, done: Done) -> Result<(), String> {
        let mut done = done;
        loop {
            match done {
                Ok(()) => return self.check(),
                Err(Halt::Broken(what)) => return Err(what),
                Err(Halt::Outage(outage)) => done = self.restart(outage),
            }
        }
    }

    fn index(&self, app: App) -> usize {
        usize::from(app.0) % self.apps.len().max(1)
    }

    fn index_of(&self, id: &AppId) -> Option<usize> {
        self.ids.iter().position(|known| known == id)
    }

    fn id(&self, index: usize) -> AppId {
        self.ids[index].clone()
    }
}

impl Phone {
    /// How many of its events it has not got yet.
    fn unread(&self, journal: &Journal) -> usize {
        journal.waiting.iter().filter(|(number, _)| *number > self.received).count()
    }

    fn new(behaviour: Behaviour) -> Self {
        Self { behaviour, installed: true, rights: AppRights::default(), process: None, received: 0 }
    }
}

fn app_id(index: usize) -> AppId {
    let letter = u8::try_from(index % 26).map_or('a', |index| char::from(b'a' + index));
    AppId::parse(&letter.to_string()).expect("a letter is a valid id")
}
