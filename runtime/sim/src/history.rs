//! What happens in a run: what the world is made of, and the steps, each with all that it needs.

mod text;

use carpus_core::{Limits, SessionKind};
use std::time::Duration;

pub use text::BadHistory;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The numbers behind the rules.
    pub limits: Numbers,
    /// The wall clock at first, Unix ms.
    pub start_ms: i64,
    /// The board's time zone at first: its place in [`crate::zones::NAMES`].
    pub zone: u8,
    /// After how long the user stops an alarm that rings, in ms; never, for one who sleeps on.
    pub user_stops_ms: Option<u64>,
    /// The apps.
    pub apps: Vec<AppSetup>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// An app of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSetup {
    /// The modes of its manifest (M1).
    pub kinds: Vec<SessionKind>,
    /// How it behaves.
    pub behaviour: Behaviour,
}

/// How an app behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Does what it should, at once.
    Obedient,
    /// Does what it should, seconds later.
    Slow,
    /// As slow, and sets its delegate too late.
    Late,
    /// Exits soon after each thing that it is told.
    Crashing,
    /// Crashes now and then, some time after what it is told.
    Unsteady,
    /// Crashes as soon as it listens.
    CrashLoop,
    /// Does what it should, and returns from its work with exit code 0 in the middle of a session.
    Quitting,
    /// Never listens, and never leaves when told to.
    Hanging,
    /// Listens, and never answers nor leaves.
    Deaf,
    /// Uses more CPU than it may.
    Greedy,
    /// Sets its delegate, and never notifies the user.
    Silent,
    /// Answers twice, late, and about what it was not asked.
    Confused,
}

/// A set of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Those of the rules.
    Default,
    /// Those of the rules, without any extension.
    Strict,
    /// Short windows and few sessions, so that ends come close together.
    Short,
    /// Several modes for an app (M4).
    SeveralModes,
    /// No fallback alarm and no snooze.
    NoFallback,
}

impl Numbers {
    /// Every set.
    pub const ALL: [Self; 5] =
        [Self::Default, Self::Strict, Self::Short, Self::SeveralModes, Self::NoFallback];

    /// The limits.
    pub fn limits(self) -> Limits {
        let mut limits = Limits::default();
        match self {
            Self::Default => {}
            Self::Strict => limits = limits.strict(),
            Self::Short => {
                limits.self_care = Duration::from_secs(50);
                limits.mindfulness = Duration::from_secs(130);
                limits.alarm = Duration::from_secs(90);
                limits.frontmost_time = Duration::from_secs(30);
                limits.sessions_per_app = 3;
                limits.extensions.several_modes = true;
            }
            Self::SeveralModes => limits.extensions.several_modes = true,
            Self::NoFallback => {
                limits.extensions.fallback = false;
                limits.extensions.snooze = false;
            }
        }
        limits
    }
}

/// An app, by its place in [`History::apps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct App(pub u8);

/// Says which session is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The so many-th newest of all, whoever made it.
    Any(u8),
    /// The so many-th newest of the app.
    Own(u8),
    /// One that rings.
    Ringing,
    /// A number, whether or not there is such a session.
    Number(u64),
}

/// An instant on the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So many ms from now; negative: before.
    In(i64),
    /// Unix ms.
    At(i64),
}

/// How an alarm repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// At the default interval.
    Default,
    /// The app is asked.
    Ask,
    /// Milliseconds.
    Ms(i64),
}

/// How the runtime is killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kill {
    /// After so many more things that it does.
    pub after: u32,
    /// For how long it is down, in ms.
    pub off_ms: u64,
    /// The wall clock is set by so much meanwhile, in ms.
    pub clock_ms: i64,
    /// The apps that die meanwhile, as bits from the first.
    pub dead: u8,
    /// Only a part of it fails: what it ordered to be written is written before it is started again.
    pub part: bool,
    /// It is killed again, so many things after it is started.
    pub again: Option<u32>,
}

/// Something that happens. Times are in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time passes, and all that is due is done in time.
    Wait(u64),
    /// Time passes while the runtime gets no CPU; then all that came due is done at once.
    Late(u64),
    /// The user opens an app.
    Open(App),
    /// The user ends it.
    Close(App),
    /// The user removes it.
    Remove(App),
    /// The user installs it again.
    Install(App),
    /// The user sets background refresh (A5) and the right to schedule (N6).
    Rights(App, bool, bool),
    /// The wrist goes up.
    WristUp,
    /// The wrist goes down.
    WristDown,
    /// The crown is pressed.
    Crown,
    /// The screen is covered.
    Cover,
    /// The user stops an alarm.
    Stop(Which),
    /// The user opens the app of an alarm.
    OpenAlarm(Which),
    /// The user snoozes an alarm.
    Snooze(Which, Option<u64>),
    /// Memory is short.
    MemoryShort,
    /// The battery, in percent, and the temperature, in thousandths of a degree.
    Conditions(Option<u8>, Option<i32>),
    /// The clock is set, by so much.
    ClockBy(i64),
    /// The clock is set, to this.
    ClockTo(i64),
    /// The board's time zone is set.
    Zone(u8),
    /// The disk is full from now on, or has room again.
    DiskFull(bool),
    /// From now on a write takes so long.
    DiskSlow(u64),
    /// After so many more things that the runtime does the power is lost, and comes back after so long.
    PowerLoss(u32, u64),
    /// After so many more things that the runtime does it is killed, and started again.
    Kill(Kill),
    /// The process of an app dies.
    Crash(App),
    /// An app makes a session.
    Create(App, Option<SessionKind>),
    /// An app starts one.
    Start(App, Which),
    /// An app schedules one.
    StartAt(App, Which, When),
    /// An app schedules one in the place of another.
    Replace(App, Which, When),
    /// An app ends one.
    Invalidate(App, Which),
    /// An app says that it has set its delegate.
    Handled(App, Which),
    /// An app rings: the haptic by its number.
    Notify(App, Which, u8, Every),
    /// An app says how the alarm goes on: how many were played, ms to the next.
    Answer(App, Which, u32, i64),
    /// An app asks whether it could start.
    CanStart(App, Option<SessionKind>, Option<When>),
    /// An app declares a recurrence: weekdays as bits from Monday, minute of the day, zone or that of the board.
    SetRecurrence(App, u8, u16, Option<u8>),
    /// An app takes it back.
    ClearRecurrence(App),
    /// A process listens (again).
    Attached(App),
    /// An exit is reported (again).
    Exited(App),
    /// Something is reported due that may not be.
    Due(Which),
    /// The CPU allowance of a session is spent.
    Spent(Which),
    /// A record is reported saved that may not be.
    Saved(Which),
    /// A record is reported lost.
    NotSaved(Which),
    /// A recurrence is reported lost.
    RecurrenceNotSaved(App),
    /// A session that nobody may have asked for is given for a recurrence.
    Occurrence(App, Which),
    /// The timer rings, whether or not something is due.
    Timeout,
    /// A part of the runtime fails.
    ChildFails(u8),
}
