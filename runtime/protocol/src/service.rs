//! `org.varlink.service`: what the service says about itself, as each Varlink service does.

use zlink::introspect;

use crate::interface::interface;
use crate::{apps, devices, haptics, monitor, session, simulation, wrist};

interface! {
    /// What the service says about itself.
    interface "org.varlink.service";
    types [];
    errors zlink::varlink_service::OwnedError =
        <zlink::varlink_service::Error<'static> as introspect::ReplyError>::VARIANTS;

    /// Who made the service, and which interfaces it has.
    method GetInfo {} -> GetInfoReply {
        /// Who made it.
        vendor: String,
        /// What it is.
        product: String,
        /// Its version.
        version: String,
        /// Where it is described.
        url: String,
        /// Its interfaces.
        interfaces: Vec<String>,
    };

    /// An interface in Varlink's own language.
    method GetInterfaceDescription {
        /// The interface's name.
        interface: String,
    } -> GetInterfaceDescriptionReply {
        /// The text.
        description: String,
    };
}

/// Every interface with its text, in the order in which a service lists them. `io.carpus.Simulation` comes last:
/// a service without simulated devices leaves it out.
pub const INTERFACES: [(&str, &str); 8] = [
    (NAME, TEXT),
    (session::NAME, session::TEXT),
    (devices::NAME, devices::TEXT),
    (haptics::NAME, haptics::TEXT),
    (apps::NAME, apps::TEXT),
    (wrist::NAME, wrist::TEXT),
    (monitor::NAME, monitor::TEXT),
    (simulation::NAME, simulation::TEXT),
];

/// The interfaces of a service, with or without simulated devices.
fn interfaces(simulate: bool) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    INTERFACES.iter().filter(move |(name, _)| simulate || *name != simulation::NAME)
}

/// What [`GetInfo`] answers for the runtime of this version.
pub fn info(version: &str, simulate: bool) -> GetInfoReply {
    GetInfoReply {
        vendor: "Carpus".to_owned(),
        product: "carpusd".to_owned(),
        version: version.to_owned(),
        url: "io.carpus".to_owned(),
        interfaces: interfaces(simulate).map(|(name, _)| (*name).to_owned()).collect(),
    }
}

/// What [`GetInterfaceDescription`] answers.
///
/// # Errors
/// When there is no such interface.
pub fn description(
    interface: &str,
    simulate: bool,
) -> Result<GetInterfaceDescriptionReply, crate::CallProblem> {
    let found = interfaces(simulate).find(|(name, _)| *name == interface);
    let (_, text) =
        found.ok_or_else(|| crate::CallProblem::InterfaceNotFound { interface: interface.to_owned() })?;
    Ok(GetInterfaceDescriptionReply { description: (*text).to_owned() })
}
