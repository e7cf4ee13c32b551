//! Where a value came from, and what is wrong with it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::suggest::with_near;
use crate::units::ValueError;
use crate::values::Profile;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file, as it was named when it was read.
    pub path: PathBuf,
    /// The line, counted from 1; none where the whole file is meant.
    pub line: Option<usize>,
    /// The column in characters, counted from 1; only where the parser stumbled, and where a line may hold
    /// several values of one key.
    pub column: Option<usize>,
}

impl Position {
    /// The whole file.
    pub(crate) fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), line: None, column: None }
    }

    /// A line of a file.
    pub(crate) fn line(path: &Path, line: usize) -> Self {
        Self { path: path.to_owned(), line: Some(line), column: None }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        // A problem is one line, whatever a file is called.
        if path.contains(char::is_control) {
            write!(f, "{path:?}")?;
        } else {
            f.write_str(&path)?;
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        Ok(())
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The defaults in the program.
    Default,
    /// The profile of the board, in the program.
    Profile(Profile),
    /// A file.
    File(Position),
    /// A variable of the environment.
    Environment {
        /// Its whole name: `CARPUS_LOG__LEVEL`.
        variable: String,
    },
    /// A `--set` flag of the command line.
    Flag {
        /// The key that it sets: `log.level`.
        key: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile(profile) => write!(f, "profile {profile}"),
            Self::File(position) => position.fmt(f),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { key } => write!(f, "--set {key}"),
        }
    }
}

/// Two values that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} {clash} {other_key} = {other} ({other_origin}); {remedy}")]
pub struct Conflict {
    /// The value, as TOML.
    pub found: String,
    /// How they clash: "is too long for".
    pub clash: &'static str,
    /// The key of the other value.
    pub other_key: &'static str,
    /// The other value, as TOML.
    pub other: String,
    /// Where the other value came from.
    pub other_origin: Origin,
    /// What to do.
    pub remedy: String,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The file or folder cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The file is larger than any honest one.
    #[error("is larger than {0}")]
    TooLarge(crate::ByteSize),
    /// The folder has more settings files than any honest one.
    #[error("has more than {0} settings files; put them together")]
    TooManyFiles(usize),
    /// A device, a pipe or the like.
    #[error("is not a regular file")]
    NotAFile,
    /// The file, reached through a link, lies outside the folder that it belongs to.
    #[error("is a link that leaves the app's folder")]
    LinkLeavesFolder,
    /// The file is not text.
    #[error("is not UTF-8 text")]
    NotUtf8,
    /// The file is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// There is no such key.
    #[error("unknown {what}; {}", with_near(near.as_deref(), allowed))]
    Unknown {
        /// What was named: a key or a variable.
        what: &'static str,
        /// The nearest one that there is, if any is near.
        near: Option<String>,
        /// What is allowed in its place.
        allowed: String,
    },
    /// A key that must be there is not.
    #[error("missing; {hint}")]
    Missing {
        /// What to write.
        hint: &'static str,
    },
    /// The value does not fit the key.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Two values, each good in itself, do not fit together.
    #[error(transparent)]
    Conflict(Box<Conflict>),
    /// The program of an app cannot be started.
    #[error("{found} {fault}; {remedy}")]
    Program {
        /// The program, as written.
        found: String,
        /// What is wrong with it.
        fault: &'static str,
        /// What to do.
        remedy: String,
    },
    /// The background modes contradict each other or a rule.
    #[error("{found} {fault}; {remedy}")]
    Mode {
        /// The mode, as written.
        found: String,
        /// What is wrong with it.
        fault: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A name stands in a list a second time.
    #[error("{found} is named twice; name it once")]
    NamedTwice {
        /// The name, as written.
        found: String,
    },
    /// Values, each good in itself, that together break a rule of the runtime.
    #[error(transparent)]
    Rule(Box<dyn std::error::Error + Send + Sync>),
    /// Checked values that the settings' types refuse: a fault of the program, not of its user.
    #[error("the checked settings were refused: {0}; this is a fault of Carpus, please report it")]
    Internal(#[source] config::ConfigError),
}

/// One thing that is wrong, and where.
#[derive(Debug)]
pub struct Problem {
    /// Where it was found.
    pub origin: Origin,
    /// The key that it is about, dotted: `session.will_expire_lead`.
    pub key: Option<String>,
    /// What is wrong.
    pub reason: Reason,
}

impl Problem {
    pub(crate) fn at(position: Position, reason: Reason) -> Self {
        Self { origin: Origin::File(position), key: None, reason }
    }

    pub(crate) fn of_key(origin: Origin, key: impl Into<String>, reason: impl Into<Reason>) -> Self {
        Self { origin, key: Some(key.into()), reason: reason.into() }
    }

    /// The line and the column in its file, for sorting; 0 where there is none.
    pub(crate) fn place(&self) -> (usize, usize) {
        let column = match &self.origin {
            Origin::File(position) => position.column.unwrap_or(0),
            Origin::Default | Origin::Profile(_) | Origin::Environment { .. } | Origin::Flag { .. } => 0,
        };
        (self.line(), column)
    }

    /// The line in its file, for sorting; 0 where there is none.
    pub(crate) fn line(&self) -> usize {
        match &self.origin {
            Origin::File(position) => position.line.unwrap_or(0),
            Origin::Default | Origin::Profile(_) | Origin::Environment { .. } | Origin::Flag { .. } => 0,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        match (&self.origin, &self.key) {
            // The flag's own name holds the key already.
            (Origin::Flag { .. }, _) | (_, None) => {}
            (_, Some(key)) => write!(f, "{key}: ")?,
        }
        self.reason.fmt(f)
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

/// The most problems that are told at once: who has mended these sees the rest.
const PROBLEMS_MAX: usize = 100;

/// Everything that is wrong with the settings, a manifest or a theme: never empty, in the order of the
/// layers and of the lines, and at most 100 problems. Prints one problem on each line.
#[derive(Debug)]
pub struct ConfigError {
    problems: Vec<Problem>,
    left_out: usize,
}

impl ConfigError {
    /// An error, if there is any problem.
    pub(crate) fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::of(problems)) }
    }

    /// An error of `problems`, of which there is at least one.
    pub(crate) fn of(problems: Vec<Problem>) -> Self {
        debug_assert!(!problems.is_empty(), "a refusal has a reason");
        let mut problems = problems;
        let left_out = problems.len().saturating_sub(PROBLEMS_MAX);
        problems.truncate(PROBLEMS_MAX);
        Self { problems, left_out }
    }

    pub(crate) fn one(problem: Problem) -> Self {
        Self::of(vec![problem])
    }

    /// An error about a whole file or folder.
    pub(crate) fn of_file(path: &Path, reason: Reason) -> Self {
        Self::one(Problem::at(Position::file(path), reason))
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// The problems, at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many more there are.
    pub const fn left_out(&self) -> usize {
        self.left_out
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        if self.left_out > 0 {
            write!(f, "\nand {} more", self.left_out)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
