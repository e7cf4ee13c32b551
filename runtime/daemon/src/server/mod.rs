//! The runtime on its socket: Varlink, one task a client, within limits.

mod apps;
mod client;
mod convert;
mod devices;
mod event_streams;
mod haptics;
mod listener;
mod monitor;
mod pace;
mod peer;
mod places;
mod recurrence;
mod refusals;
mod session;
mod simulation;
mod wrist;

use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use carpus_actors::apps::Apps;
use carpus_actors::ble::Ble;
use carpus_actors::journal::Journal;
use carpus_actors::monitor::Monitor;
use carpus_actors::supervisor::{Handle, Supervisor};
use carpus_actors::watch::WatchActor;
use carpus_simulated::Simulation;

use crate::grants::Grants;
use crate::install::Installer;
use crate::wiring::KnownStraps;

pub(crate) use listener::Listener;
pub(crate) use pace::CallRate;
pub(crate) use refusals::Refusals;

/// What the server hands calls to.
#[derive(Clone)]
pub(crate) struct Services {
    /// Processes and tokens.
    pub apps: Handle<Apps>,
    /// Straps.
    pub ble: Handle<Ble>,
    /// Events of apps.
    pub journal: Handle<Journal>,
    /// Onlookers.
    pub monitor: Handle<Monitor>,
    /// Life cycle and sessions.
    pub watch: Handle<WatchActor>,
    /// The folders of the apps.
    pub installer: Arc<Installer>,
    /// What the user grants the apps.
    pub grants: Grants,
    /// What clients were refused.
    pub refusals: Rc<Refusals>,
    /// The user's straps.
    pub straps: KnownStraps,
    /// The parts of the runtime, and how they are.
    pub supervisor: Addr<Supervisor>,
    /// There only with simulated devices.
    pub simulation: Option<Simulation>,
    /// What is wrong with the disk, for tests.
    #[cfg(debug_assertions)]
    pub disk: carpus_actors::journal::DiskFaults,
    /// What a client may use.
    pub limits: ClientLimits,
}

/// What a client may use; each a setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientLimits {
    /// The longest frame, in bytes.
    pub max_frame_bytes: usize,
    /// The most connections at once.
    pub max_clients: usize,
    /// How fast a client may call.
    pub call_rate: CallRate,
    /// The most events that wait for one client.
    pub max_queued_events: usize,
    /// The most samples that wait for one client, after which the oldest are left out (D3).
    pub max_samples: usize,
}
