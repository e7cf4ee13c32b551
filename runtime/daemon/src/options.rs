//! The settings as the actors want them.

use carpus_actors::apps::AppsOptions;
use carpus_actors::ble::BleOptions;
use carpus_actors::monitor::Monitor;
use carpus_actors::supervisor::Handle;
use carpus_config::Settings;
use carpus_core::Limits;
use carpus_core::link::LinkLimits;

use crate::backends::Backends;
use crate::paths::Places;
use crate::server::ClientLimits;

/// Thousandths in a percent.
const PER_MILLE_PER_PERCENT: u32 = 10;

/// The rules' numbers (T5).
pub(crate) fn limits(settings: &Settings) -> Limits {
    Limits {
        frontmost_time: settings.lifecycle.frontmost_time,
        suspend_grace: settings.lifecycle.suspend_grace,
        will_expire_lead: settings.session.will_expire_lead,
        self_care: settings.session.self_care_limit,
        mindfulness: settings.session.mindfulness_limit,
        physical_therapy: settings.session.physical_therapy_limit,
        alarm: settings.session.alarm_limit,
        schedule_ahead: settings.alarm.schedule_ahead,
        past_tolerance: settings.alarm.past_tolerance,
        handle_time: settings.alarm.handle_time,
        default_interval: settings.alarm.default_interval,
        max_interval: settings.alarm.max_interval,
        sessions_per_app: settings.session.max_per_app,
        budget_window: settings.budget.window,
        budget_per_mille: settings.budget.extended_runtime.get() * PER_MILLE_PER_PERCENT,
    }
}

pub(crate) fn apps(settings: &Settings, places: &Places) -> AppsOptions {
    AppsOptions {
        socket: places.socket.clone(),
        data: places.state.join("data"),
        logs: places.state.join("logs"),
        max_log_bytes: settings.apps.max_log.bytes(),
        leave_time: settings.lifecycle.leave_time,
        max_running: settings.apps.max_running,
    }
}

/// The Bluetooth actor's options; the straps are filled in for each of its lives.
pub(crate) fn ble(settings: &Settings, backends: &Backends, monitor: &Handle<Monitor>) -> BleOptions {
    let bluetooth = &settings.bluetooth;
    BleOptions {
        radio: backends.radio.clone(),
        clock: backends.clock.clone(),
        limits: LinkLimits {
            no_data: bluetooth.no_data_time,
            backoff_min: bluetooth.reconnect_min,
            backoff_max: bluetooth.reconnect_max,
            scan_time: bluetooth.scan_time,
            links_max: bluetooth.max_straps,
            ..LinkLimits::default()
        },
        connect_limit: bluetooth.connect_timeout,
        straps: Vec::new(),
        auto_add: backends.simulation.is_some(),
        observer: monitor.outlet(),
        reports: monitor.outlet(),
    }
}

pub(crate) fn clients(settings: &Settings) -> ClientLimits {
    ClientLimits {
        max_frame_bytes: usize::try_from(settings.ipc.max_frame.bytes()).unwrap_or(usize::MAX),
        max_clients: settings.ipc.max_clients,
        // What waits in the journal must fit: a client that comes back gets it all at once (D1).
        max_queued_events: settings.ipc.max_queued_events.max(settings.journal.max_undelivered),
        max_samples: settings.ipc.max_samples,
    }
}
