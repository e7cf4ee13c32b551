//! Reading calls on the side of the runtime.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::{apps, devices, haptics, monitor, service, session, simulation, wrist};

/// A call as it comes from the socket, not yet matched with an interface: any well-formed call can be read into
/// it, so that a wrong one gets a proper answer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RawCall {
    /// The method's full name.
    pub method: String,
    /// Its parameters; a caller with none to give may leave them out.
    #[serde(default)]
    pub parameters: Option<Value>,
}

/// Any call that the runtime takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyCall {
    /// `io.carpus.Session`
    Session(session::Call),
    /// `io.carpus.Devices`
    Devices(devices::Call),
    /// `io.carpus.Haptics`
    Haptics(haptics::Call),
    /// `io.carpus.Apps`
    Apps(apps::Call),
    /// `io.carpus.Wrist`
    Wrist(wrist::Call),
    /// `io.carpus.Monitor`
    Monitor(monitor::Call),
    /// `io.carpus.Simulation`: only with simulated devices. Otherwise answer
    /// [`CallProblem::InterfaceNotFound`].
    Simulation(simulation::Call),
    /// `org.varlink.service`
    Service(service::Call),
}

/// Why a call cannot be taken, as `org.varlink.service` answers it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallProblem {
    /// There is no such interface here.
    #[error("there is no interface {interface}")]
    InterfaceNotFound {
        /// Its name.
        interface: String,
    },
    /// The interface has no such method.
    #[error("there is no method {method}")]
    MethodNotFound {
        /// Its full name.
        method: String,
    },
    /// A parameter is missing, unknown, or not of its type.
    #[error("the parameter {parameter} is wrong: {message}")]
    InvalidParameter {
        /// The parameter's name.
        parameter: String,
        /// What is wrong with it; for the log, as Varlink's answer has no place for it.
        message: String,
    },
}

impl CallProblem {
    pub(crate) fn invalid(parameter: &str, message: &str) -> Self {
        Self::InvalidParameter { parameter: parameter.to_owned(), message: message.to_owned() }
    }

    /// The answer to send with `send_error`.
    pub fn reply(self) -> zlink::varlink_service::Error<'static> {
        match self {
            Self::InterfaceNotFound { interface } => {
                zlink::varlink_service::Error::InterfaceNotFound { interface: Cow::Owned(interface) }
            }
            Self::MethodNotFound { method } => {
                zlink::varlink_service::Error::MethodNotFound { method: Cow::Owned(method) }
            }
            Self::InvalidParameter { parameter, .. } => {
                zlink::varlink_service::Error::InvalidParameter { parameter: Cow::Owned(parameter) }
            }
        }
    }
}

impl CallProblem {
    /// The problem that a service answered with; none for an answer of another kind.
    pub(crate) fn from_reply(answer: &zlink::varlink_service::Error<'_>) -> Option<Self> {
        use zlink::varlink_service::Error as Answer;
        Some(match answer {
            Answer::InterfaceNotFound { interface } => {
                Self::InterfaceNotFound { interface: interface.clone().into_owned() }
            }
            Answer::MethodNotFound { method } | Answer::MethodNotImplemented { method } => {
                Self::MethodNotFound { method: method.clone().into_owned() }
            }
            Answer::InvalidParameter { parameter } => {
                Self::invalid(parameter, "the service does not take it")
            }
            _ => return None,
        })
    }
}

impl AnyCall {
    /// Reads a call: `method` is its full name, and no parameters at all count as an empty object.
    ///
    /// # Errors
    /// When the interface or the method is not known, or a parameter is missing, unknown or not of its type.
    pub fn parse(method: &str, parameters: Option<Value>) -> Result<Self, CallProblem> {
        let (interface, name) = method.rsplit_once('.').unwrap_or(("", method));
        match interface {
            session::NAME => session::Call::parse(name, parameters).map(Self::Session),
            devices::NAME => devices::Call::parse(name, parameters).map(Self::Devices),
            haptics::NAME => haptics::Call::parse(name, parameters).map(Self::Haptics),
            apps::NAME => apps::Call::parse(name, parameters).map(Self::Apps),
            wrist::NAME => wrist::Call::parse(name, parameters).map(Self::Wrist),
            monitor::NAME => monitor::Call::parse(name, parameters).map(Self::Monitor),
            simulation::NAME => simulation::Call::parse(name, parameters).map(Self::Simulation),
            service::NAME => service::Call::parse(name, parameters).map(Self::Service),
            _ => Err(CallProblem::InterfaceNotFound { interface: interface.to_owned() }),
        }
    }

    /// Whether it answers with a stream of replies. When such a call comes without `more`, the answer is
    /// `org.varlink.service.ExpectedMore`.
    pub const fn streams(&self) -> bool {
        match self {
            Self::Session(call) => call.streams(),
            Self::Devices(call) => call.streams(),
            Self::Haptics(call) => call.streams(),
            Self::Apps(call) => call.streams(),
            Self::Wrist(call) => call.streams(),
            Self::Monitor(call) => call.streams(),
            Self::Simulation(call) => call.streams(),
            Self::Service(call) => call.streams(),
        }
    }

    /// The method's full name.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Session(call) => call.method(),
            Self::Devices(call) => call.method(),
            Self::Haptics(call) => call.method(),
            Self::Apps(call) => call.method(),
            Self::Wrist(call) => call.method(),
            Self::Monitor(call) => call.method(),
            Self::Simulation(call) => call.method(),
            Self::Service(call) => call.method(),
        }
    }

    /// The parameters, as they stand in a call.
    pub fn parameters(&self) -> Value {
        match self {
            Self::Session(call) => call.parameters(),
            Self::Devices(call) => call.parameters(),
            Self::Haptics(call) => call.parameters(),
            Self::Apps(call) => call.parameters(),
            Self::Wrist(call) => call.parameters(),
            Self::Monitor(call) => call.parameters(),
            Self::Simulation(call) => call.parameters(),
            Self::Service(call) => call.parameters(),
        }
    }
}

impl TryFrom<RawCall> for AnyCall {
    type Error = CallProblem;

    fn try_from(raw: RawCall) -> Result<Self, CallProblem> {
        Self::parse(&raw.method, raw.parameters)
    }
}
