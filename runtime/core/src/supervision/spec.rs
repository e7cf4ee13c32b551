//! What supervision is told: the children, their groups, and the numbers.

use std::fmt;
use std::time::Duration;

/// The numbers of supervision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many restarts of one group are allowed within `window`; the failure after that escalates.
    pub intensity: u32,
    /// The time over which restarts are counted.
    pub window: Duration,
    /// The wait before the first restart.
    pub backoff_min: Duration,
    /// The longest wait before a restart.
    pub backoff_max: Duration,
    /// How long a child may take to stop before it is cut off.
    pub stop_limit: Duration,
    /// From one ping of a child to the next.
    pub ping_interval: Duration,
    /// How long a child may take to answer a ping, the first of its life included.
    pub ping_limit: Duration,
    /// How many messages a child may send in a `ping_interval`.
    pub flood_limit: u64,
}

impl Default for Policy {
    /// Five restarts in a minute, after waits from 100 ms to 10 s: a fault that passes is over by then, one that
    /// stays is escalated within a minute. A ping every 10 s, which costs a sleeping board little, to be answered within
    /// 20 s: a disk that takes 2 s for each sync holds one transaction up for 6 s at most. 400,000 messages in 10 s are
    /// more than twice what all clients together can cause, and a small part of what an actor can send.
    fn default() -> Self {
        Self {
            intensity: 5,
            window: Duration::from_secs(60),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(10),
            stop_limit: Duration::from_secs(5),
            ping_interval: Duration::from_secs(10),
            ping_limit: Duration::from_secs(20),
            flood_limit: 400_000,
        }
    }
}

/// Names a child by its place in the order of starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildId(pub usize);

/// Names a group of children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub usize);

/// Which life of a child. What comes from an earlier one is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// A child, as it is made known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildSpec {
    /// Its name, for the log and for people.
    pub name: &'static str,
    /// Which of its ends are followed by a restart.
    pub restart: Restart,
    /// The group that it belongs to; its place in it is the order of making known.
    pub group: GroupId,
}

/// Which ends of a child are followed by a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Every one.
    Permanent,
    /// Every one but a stop by itself: it had done what it was for.
    Transient,
    /// None.
    Temporary,
}

/// Who is started again when a child of a group failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// It alone; the others run on.
    OneForOne,
    /// It, and those behind it, which rest on it: they are stopped, the last first, and all are started in order, each
    /// when the one before is up.
    RestForOne,
}

/// How a life ended that nobody told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By a panic.
    Panicked,
    /// By itself, in good order.
    Stopped,
}

/// Why a child is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It panicked.
    Panicked,
    /// It stopped by itself.
    Stopped,
    /// It did not answer a ping in time: it hangs, or so much waits for it that the ping does not come through.
    Hung,
    /// It sent more messages than it may.
    Flooded,
}

impl Failure {
    /// Whether it can only be a fault; a stop may have been meant.
    pub const fn is_fault(self) -> bool {
        !matches!(self, Self::Stopped)
    }
}

impl From<Exit> for Failure {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Panicked => Self::Panicked,
            Exit::Stopped => Self::Stopped,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Panicked => "panicked",
            Self::Stopped => "stopped by itself",
            Self::Hung => "did not answer in time",
            Self::Flooded => "sent too many messages",
        })
    }
}

/// How a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// It is down, and is started when its wait is over and those before it are up.
    Waiting,
    /// It was started, and has not answered yet.
    Starting,
    /// It is up.
    Up,
    /// It was told to stop.
    Stopping,
    /// It is not started any more.
    Over,
}

impl ChildState {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Stopping => "stopping",
            Self::Over => "over",
        }
    }

    /// Whether there is a life of it.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Starting | Self::Up | Self::Stopping)
    }
}

/// How a child is, and how it fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildView {
    /// Its name.
    pub name: &'static str,
    /// How it is.
    pub state: ChildState,
    /// How often it failed and was started again.
    pub restarts: u64,
    /// Why it was the last time.
    pub last_failure: Option<Failure>,
}

/// What the supervisor must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Begin this life of the child.
    Start(ChildId, Generation),
    /// Tell it to stop, when it has dealt with what waits for it.
    Stop(ChildId, Generation),
    /// Cut it off: it is gone from here on, whatever it still does or sends.
    Abandon(ChildId, Generation),
    /// Ask it whether it lives.
    Ping(ChildId, Generation),
    /// For the log: it failed, and is started again after the wait.
    Failed {
        /// The child.
        child: ChildId,
        /// Why.
        failure: Failure,
        /// The wait.
        after: Duration,
    },
    /// For the log: it ended, and stays so, as its [`Restart`] has it.
    Over {
        /// The child.
        child: ChildId,
        /// How.
        failure: Failure,
    },
    /// Every child has answered since the last time.
    Healthy,
    /// Its group failed too often: the runtime must end, and be started afresh.
    Escalate {
        /// The child that failed last.
        child: ChildId,
        /// Why.
        failure: Failure,
    },
    /// All have stopped, as was asked for.
    AllStopped,
}
