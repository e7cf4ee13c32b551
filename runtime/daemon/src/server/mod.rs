//! The runtime on its socket: Varlink, one task a client, within limits.

mod apps;
mod client;
mod convert;
mod devices;
mod haptics;
mod listener;
mod monitor;
mod places;
mod recurrence;
mod session;
mod simulation;
mod wrist;

use std::sync::Arc;

use carpus_actors::apps::Apps;
use carpus_actors::ble::Ble;
use carpus_actors::journal::Journal;
use carpus_actors::monitor::Monitor;
use carpus_actors::supervisor::Handle;
use carpus_actors::watch::WatchActor;
use carpus_simulated::Simulation;

use crate::install::Installer;
use crate::wiring::KnownStraps;

pub(crate) use listener::Listener;

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
    /// The user's straps.
    pub straps: KnownStraps,
    /// There only with simulated devices.
    pub simulation: Option<Simulation>,
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
    /// The most events that wait for one client.
    pub max_queued_events: usize,
    /// The most samples that wait for one client, after which the oldest are left out (D3).
    pub max_samples: usize,
}
