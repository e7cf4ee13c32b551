//! Why a command failed: a sentence, what to do next, and an exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// What happened, and where.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) remedy: Option<String>,
}

/// What a script tells failures apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It was tried and did not work, or a rule refused it.
    Refused,
    /// carpusd cannot be reached, or is gone.
    NotRunning,
    /// The caller may not do it.
    NotPermitted,
    /// Ctrl-C.
    Interrupted,
    /// Whoever read the output has seen enough: no failure at all.
    OutputClosed,
}

impl Kind {
    /// The kind's name in JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::NotRunning => "not-running",
            Self::NotPermitted => "not-permitted",
            Self::Interrupted => "interrupted",
            Self::OutputClosed => "output-closed",
        }
    }

    /// The exit code; 2 is clap's, for wrong usage.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Refused => 1,
            Self::NotRunning => 3,
            Self::NotPermitted => 4,
            Self::Interrupted => 130,
        }
    }

    /// Whether there is nothing to say about it.
    pub(crate) const fn is_quiet(self) -> bool {
        matches!(self, Self::OutputClosed | Self::Interrupted)
    }
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), remedy: None }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new(Kind::Interrupted, "interrupted")
    }

    /// Says what to do next.
    #[must_use]
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind.code())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(out, "; {remedy}"),
            None => Ok(()),
        }
    }
}

/// Writing the output failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::OutputClosed, "the output was closed"),
            _ => Self::refused(format!("the output could not be written: {error}")),
        }
    }
}
