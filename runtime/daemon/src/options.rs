//! The settings as the actors want them.

use std::time::Duration;

use carpus_actors::apps::AppsOptions;
use carpus_actors::ble::BleOptions;
use carpus_actors::monitor::Monitor;
use carpus_actors::supervisor::Handle;
use carpus_config::manifest::ManifestOptions;
use carpus_config::{SessionKind as NamedKind, Settings};
use carpus_core::limits::Extensions;
use carpus_core::link::LinkLimits;
use carpus_core::supervision::Policy;
use carpus_core::suppression::Suppression;
use carpus_core::{Limits, SessionKind};

use crate::backends::Backends;
use crate::install::InstallLimits;
use crate::paths::Places;
use crate::server::{CallRate, ClientLimits};

/// Thousandths in a percent.
const PER_MILLE_PER_PERCENT: u32 = 10;

/// How many looks at the CPU use a window of the budget holds at least, as the settings have it.
const SAMPLES_PER_WINDOW: u32 = 2;

/// The rules' numbers and extensions (T5).
pub(crate) fn limits(settings: &Settings) -> Limits {
    let limits = Limits {
        frontmost_time: settings.lifecycle.frontmost_time,
        suspend_grace: settings.lifecycle.suspend_grace,
        leave_time: settings.lifecycle.leave_time,
        relaunch_max: settings.lifecycle.relaunch_max,
        relaunch_window: settings.lifecycle.relaunch_window,
        will_expire_lead: settings.session.will_expire_lead,
        self_care: settings.session.self_care_limit,
        mindfulness: settings.session.mindfulness_limit,
        physical_therapy: settings.session.physical_therapy_limit,
        alarm: settings.session.alarm_limit,
        schedule_ahead: settings.alarm.schedule_ahead,
        past_tolerance: settings.alarm.past_tolerance,
        handle_time: settings.alarm.handle_time,
        default_interval: settings.alarm.default_interval,
        min_interval: settings.alarm.min_interval,
        max_interval: settings.alarm.max_interval,
        snooze: settings.alarm.snooze,
        fallback_lead: settings.alarm.fallback_lead,
        fallback_time: settings.alarm.fallback_time,
        occurrence_retry: Limits::default().occurrence_retry,
        suppression: suppression(settings),
        extensions: Extensions { several_modes: settings.session.several_modes, ..Extensions::default() },
        sessions_per_app: settings.session.max_per_app,
        budget_window: settings.budget.window,
        budget_per_mille: settings.budget.extended_runtime.get() * PER_MILLE_PER_PERCENT,
    };
    if settings.compat.strict { limits.strict() } else { limits }
}

/// When the board cannot afford sessions, and which (S10).
fn suppression(settings: &Settings) -> Suppression {
    let suppression = &settings.suppression;
    Suppression {
        battery_below_percent: u8::try_from(suppression.battery_below.get()).unwrap_or(u8::MAX),
        temperature_above_mdegc: suppression.temperature_above.mdegc(),
        kinds: suppression.kinds.iter().copied().map(session_kind).collect(),
    }
}

const fn session_kind(kind: NamedKind) -> SessionKind {
    match kind {
        NamedKind::SelfCare => SessionKind::SelfCare,
        NamedKind::Mindfulness => SessionKind::Mindfulness,
        NamedKind::PhysicalTherapy => SessionKind::PhysicalTherapy,
        NamedKind::Alarm => SessionKind::Alarm,
    }
}

/// What manifests may declare (M3, M4).
pub(crate) const fn manifests(settings: &Settings) -> ManifestOptions {
    ManifestOptions { several_modes: settings.session.several_modes, strict: settings.compat.strict }
}

/// From one look at the CPU use to the next; in strict mode the window may be shorter than the one that is set.
pub(crate) fn sample_interval(settings: &Settings, limits: &Limits) -> Duration {
    settings.budget.sample_interval.min(limits.budget_window / SAMPLES_PER_WINDOW)
}

pub(crate) fn apps(settings: &Settings, limits: &Limits, places: &Places) -> AppsOptions {
    AppsOptions {
        socket: places.socket.clone(),
        data: places.state.join("data"),
        logs: places.state.join("logs"),
        max_log_bytes: settings.apps.max_log.bytes(),
        leave_time: limits.leave_time,
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
        seen_max: bluetooth.max_seen,
        scans_max: bluetooth.max_scans,
        straps: Vec::new(),
        auto_add: backends.simulation.is_some(),
        observer: monitor.outlet(),
        reports: monitor.outlet(),
    }
}

/// What apps may take of the disk.
pub(crate) const fn installs(settings: &Settings) -> InstallLimits {
    let apps = &settings.apps;
    InstallLimits {
        installed: apps.max_installed,
        app_bytes: apps.max_app_size.bytes(),
        app_files: apps.max_app_files,
    }
}

/// How often at least each part is asked within the time of systemd's watchdog: two rounds may fail.
const ROUNDS_PER_WATCHDOG: u32 = 4;
/// The part of the watchdog's time within which a part that hangs is noticed: the rest is for its replacement to come up.
const HANGS_PER_WATCHDOG: u32 = 2;

/// The numbers of supervision. A part that hangs has to be replaced before systemd takes the runtime as a whole for hung.
pub(crate) fn supervision(settings: &Settings, watchdog: Option<Duration>) -> Policy {
    let supervision = &settings.supervision;
    let within = |time: Duration, parts| watchdog.map_or(time, |watchdog| time.min(watchdog / parts));
    Policy {
        intensity: supervision.intensity,
        window: supervision.window,
        backoff_min: supervision.backoff_min,
        backoff_max: supervision.backoff_max,
        stop_limit: Policy::default().stop_limit,
        ping_interval: within(supervision.ping_interval, ROUNDS_PER_WATCHDOG),
        ping_limit: within(supervision.ping_limit, HANGS_PER_WATCHDOG),
        flood_limit: supervision.flood_limit,
    }
}

pub(crate) fn clients(settings: &Settings) -> ClientLimits {
    ClientLimits {
        max_frame_bytes: usize::try_from(settings.ipc.max_frame.bytes()).unwrap_or(usize::MAX),
        max_clients: settings.ipc.max_clients,
        call_rate: CallRate {
            per_second: settings.ipc.max_calls_per_second,
            burst: settings.ipc.max_call_burst,
        },
        // What waits in the journal must fit: a client that comes back gets it all at once (D1).
        max_queued_events: settings.ipc.max_queued_events.max(settings.journal.max_undelivered),
        max_samples: settings.ipc.max_samples,
    }
}

#[cfg(test)]
mod tests {
    use carpus_config::Sources;

    use super::*;

    /// The settings with these changed, on a board whose profile changes none of the rules' numbers.
    fn settings(changes: &[(&str, &str)]) -> Settings {
        let profile = [("profile", "raspberry-pi-4")];
        let flags = profile.iter().chain(changes).map(|(key, value)| ((*key).into(), (*value).into()));
        Settings::load(&Sources { flags: flags.collect(), ..Sources::default() }).unwrap().settings
    }

    /// Each of the numbers, changed.
    const CHANGES: [(&str, &str); 25] = [
        ("lifecycle.frontmost_time", "11s"),
        ("lifecycle.suspend_grace", "12s"),
        ("lifecycle.leave_time", "13s"),
        ("lifecycle.relaunch_max", "33"),
        ("lifecycle.relaunch_window", "34s"),
        ("session.will_expire_lead", "14s"),
        ("session.self_care_limit", "15s"),
        ("session.mindfulness_limit", "16s"),
        ("session.physical_therapy_limit", "17s"),
        ("session.alarm_limit", "18s"),
        ("alarm.schedule_ahead", "19h"),
        ("alarm.past_tolerance", "20s"),
        ("alarm.handle_time", "21s"),
        ("alarm.default_interval", "22s"),
        ("alarm.min_interval", "2s"),
        ("alarm.max_interval", "24s"),
        ("alarm.snooze", "25s"),
        ("alarm.fallback_lead", "26s"),
        ("alarm.fallback_time", "27s"),
        ("budget.window", "500s"),
        ("budget.extended_runtime", "29%"),
        ("session.max_per_app", "30"),
        ("suppression.battery_below", "31%"),
        ("suppression.temperature_above", "32C"),
        ("suppression.kinds", "alarm"),
    ];

    #[test]
    fn t5_without_settings_the_numbers_of_the_rules_count() {
        assert_eq!(limits(&settings(&[])), Limits::default());
    }

    #[test]
    fn t5_each_number_is_the_one_that_is_set() {
        let seconds = Duration::from_secs;
        let expected = Limits {
            frontmost_time: seconds(11),
            suspend_grace: seconds(12),
            leave_time: seconds(13),
            relaunch_max: 33,
            relaunch_window: seconds(34),
            will_expire_lead: seconds(14),
            self_care: seconds(15),
            mindfulness: seconds(16),
            physical_therapy: seconds(17),
            alarm: seconds(18),
            schedule_ahead: seconds(19 * 3600),
            past_tolerance: seconds(20),
            handle_time: seconds(21),
            default_interval: seconds(22),
            min_interval: seconds(2),
            max_interval: seconds(24),
            snooze: seconds(25),
            fallback_lead: seconds(26),
            fallback_time: seconds(27),
            occurrence_retry: Limits::default().occurrence_retry,
            suppression: Suppression {
                battery_below_percent: 31,
                temperature_above_mdegc: 32_000,
                kinds: vec![SessionKind::Alarm],
            },
            extensions: Extensions::default(),
            sessions_per_app: 30,
            budget_window: seconds(500),
            budget_per_mille: 290,
        };
        assert_eq!(limits(&settings(&CHANGES)), expected);
    }

    #[test]
    fn t5_in_strict_mode_the_numbers_of_the_rules_count_whatever_is_set() {
        let changed = settings(&CHANGES);
        let strict = Settings { compat: carpus_config::settings::Compat { strict: true }, ..changed.clone() };
        let (changed, strict) = (limits(&changed), limits(&strict));
        assert_eq!(strict.extensions, Extensions::NONE);
        // Bounds, and what the board can afford, are no numbers of WatchKit's.
        let rest = Limits {
            sessions_per_app: changed.sessions_per_app,
            suppression: changed.suppression,
            extensions: Extensions::NONE,
            ..Limits::default()
        };
        assert_eq!(strict, rest);
    }

    #[test]
    fn c1_in_strict_mode_too_a_window_holds_two_looks() {
        let slow =
            [("budget.window", "10min"), ("budget.sample_interval", "1min"), ("compat.strict", "true")];
        let interval = |changes| {
            let settings = settings(changes);
            sample_interval(&settings, &limits(&settings))
        };
        assert_eq!(interval(&slow), Duration::from_secs(30));
        assert_eq!(interval(&slow[..2]), Duration::from_secs(60));
        assert_eq!(interval(&[]), Duration::from_secs(2));
    }

    #[test]
    fn m4_several_modes_are_allowed_by_a_setting_and_never_in_strict_mode() {
        let several = |changes| limits(&settings(changes)).extensions.several_modes;
        assert!(!several(&[]));
        assert!(several(&[("session.several_modes", "true")]));
        assert!(!several(&[("session.several_modes", "true"), ("compat.strict", "true")]));
        let strict = manifests(&settings(&[("compat.strict", "true")]));
        assert_eq!(strict, ManifestOptions { several_modes: false, strict: true });
    }

    #[test]
    fn without_settings_supervision_has_its_own_numbers() {
        assert_eq!(supervision(&settings(&[]), None), Policy::default());
    }

    #[test]
    fn each_number_of_supervision_is_the_one_that_is_set() {
        let changed = settings(&[
            ("supervision.intensity", "6"),
            ("supervision.window", "7s"),
            ("supervision.backoff_min", "80ms"),
            ("supervision.backoff_max", "9s"),
            ("supervision.ping_interval", "10500ms"),
            ("supervision.ping_limit", "11s"),
            ("supervision.flood_limit", "12000"),
        ]);
        let expected = Policy {
            intensity: 6,
            window: Duration::from_secs(7),
            backoff_min: Duration::from_millis(80),
            backoff_max: Duration::from_secs(9),
            stop_limit: Policy::default().stop_limit,
            ping_interval: Duration::from_millis(10_500),
            ping_limit: Duration::from_secs(11),
            flood_limit: 12_000,
        };
        assert_eq!(supervision(&changed, None), expected);
    }

    #[test]
    fn a_short_watchdog_of_systemd_shortens_pings_and_a_long_one_does_not() {
        let under = |watchdog_s| {
            let policy = supervision(&settings(&[]), Some(Duration::from_secs(watchdog_s)));
            (policy.ping_interval.as_secs(), policy.ping_limit.as_secs())
        };
        assert_eq!(under(20), (5, 10));
        assert_eq!(under(600), (10, 20));
    }

    /// The watchdog's time in the packaged unit.
    fn packaged_watchdog() -> Duration {
        let unit = include_str!("../packaging/carpus.service");
        let line = unit.lines().find_map(|line| line.strip_prefix("WatchdogSec=")).unwrap();
        Duration::from_secs(line.strip_suffix('s').unwrap().parse().unwrap())
    }

    #[test]
    fn on_every_board_a_hang_is_mended_before_the_watchdog_bites_and_a_slow_card_is_no_hang() {
        for profile in carpus_config::Profile::ALL {
            let settings = settings(&[("profile", profile.as_str())]);
            let policy = supervision(&settings, Some(packaged_watchdog()));
            assert_eq!(policy, supervision(&settings, None), "{profile}: the watchdog leaves it room");
            let mended = policy.ping_interval + policy.ping_limit + policy.backoff_max;
            assert!(mended < packaged_watchdog(), "{profile}: {mended:?}");
            let slow_card = Duration::from_secs(3 * 2); // a commit with a checkpoint: three syncs
            assert!(policy.ping_limit > 2 * slow_card, "{profile}");
        }
    }
}
