//! The default file, the profiles, the table of rules and the types say the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::of_flags;
use crate::document::Document;
use crate::layers::Layer;
use crate::rules::{RULES, Rule};
use crate::{
    AutoOr, ByteSize, Celsius, DEFAULTS, InputKey, LogLevel, Origin, Percent, Profile, Sandbox, SessionKind,
    Settings, Sources,
};

fn layer_of(text: &str) -> Layer {
    Layer::of_document(&Document::new(Path::new("test.toml"), text), Origin::File)
}

/// The dotted keys of a TOML document, found without the code under test.
fn keys_in(text: &str) -> BTreeSet<String> {
    let table: toml::Table = text.parse().unwrap();
    let mut keys = BTreeSet::new();
    for (name, value) in &table {
        match value {
            toml::Value::Table(section) => keys.extend(section.keys().map(|key| format!("{name}.{key}"))),
            _ => drop(keys.insert(name.clone())),
        }
    }
    keys
}

/// The default file without one key.
fn without(key: &str) -> toml::Table {
    let mut table: toml::Table = DEFAULTS.parse().unwrap();
    let removed = match key.split_once('.') {
        Some((section, name)) => table[section].as_table_mut().unwrap().remove(name),
        None => table.remove(key),
    };
    assert!(removed.is_some(), "{key} is in the default file");
    table
}

#[test]
fn the_default_file_has_every_key_of_the_types_and_no_other() {
    toml::from_str::<Settings>(DEFAULTS).unwrap();
    for key in keys_in(DEFAULTS) {
        let error = without(&key).try_into::<Settings>().unwrap_err().to_string();
        let name = key.rsplit('.').next().unwrap();
        assert!(error.contains(&format!("missing field `{name}`")), "{key}: {error}");
    }
}

#[test]
fn the_rules_have_every_key_of_the_default_file_in_its_order() {
    let rules: BTreeSet<String> = RULES.iter().map(|rule| rule.key.to_owned()).collect();
    assert_eq!(rules, keys_in(DEFAULTS));
    assert_eq!(rules.len(), RULES.len(), "no key has two rules");
    let mut entries = layer_of(DEFAULTS).entries;
    entries.sort_by_key(|entry| match &entry.origin {
        Origin::File(position) => position.line,
        other => unreachable!("{other}"),
    });
    let in_file: Vec<&str> = entries.iter().map(|entry| entry.key).collect();
    assert_eq!(in_file, RULES.iter().map(|rule| rule.key).collect::<Vec<_>>());
}

#[test]
fn the_default_file_states_what_each_key_allows() {
    let lines: Vec<&str> = DEFAULTS.lines().collect();
    let mut section = None;
    let mut seen = 0;
    for (index, line) in lines.iter().enumerate() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = Some(name);
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let key = section.map_or(name.to_owned(), |section| format!("{section}.{name}"));
            let rule = Rule::find(&key).unwrap();
            assert_eq!(lines[index - 1], format!("# Allowed: {}.", rule.kind.allowed()), "{key}");
            seen += 1;
        }
    }
    assert_eq!(seen, RULES.len());
}

#[test]
fn each_profile_loads_and_changes_something_but_not_itself() {
    let plain = Settings::load(&Sources::default()).unwrap();
    assert_eq!(plain.settings.profile, Profile::Desktop);
    for profile in Profile::ALL {
        let layer = layer_of(profile.toml());
        assert!(layer.problems.is_empty(), "{profile}: {:?}", layer.problems);
        assert_eq!(layer.profile(), None, "{profile}");
        let loaded = Settings::load(&of_flags(&[("profile", profile.as_str())])).unwrap();
        assert_eq!(loaded.settings.profile, profile);
        let of_profile = loaded.describe().filter(|(_, _, origin)| **origin == Origin::Profile(profile));
        assert_eq!(of_profile.count(), layer.entries.len());
        assert!(!layer.entries.is_empty(), "{profile}");
    }
}

#[test]
fn profiles_of_boards() {
    let of = |name| Settings::load(&of_flags(&[("profile", name)])).unwrap().settings;
    let (desktop, zero, board) = (of("desktop"), of("raspberry-pi-zero-2w"), of("virtual-board"));
    assert!(zero.audio.buffer_frames > of("raspberry-pi-4").audio.buffer_frames);
    assert!(zero.bluetooth.max_straps < desktop.bluetooth.max_straps);
    assert!(zero.budget.sample_interval > desktop.budget.sample_interval);
    assert!(board.bluetooth.connect_timeout < desktop.bluetooth.connect_timeout);
    assert!(desktop.suppression.temperature_above > zero.suppression.temperature_above);
    assert_eq!(board.audio.device, AutoOr::Named("plughw:CARD=Intel,DEV=0".to_owned()));
}

/// The numbers of the rules, against the types.
#[test]
fn t5_the_defaults_are_those_of_the_rules() {
    let settings: Settings = toml::from_str(DEFAULTS).unwrap();
    let (seconds, minutes) = (Duration::from_secs, |n: u64| Duration::from_secs(60 * n));
    assert_eq!(settings.lifecycle.frontmost_time, minutes(2), "L3");
    assert_eq!(settings.lifecycle.suspend_grace, seconds(5), "L4");
    assert_eq!(settings.lifecycle.leave_time, seconds(5), "L7");
    assert_eq!(settings.lifecycle.relaunch_max, 3, "S14");
    assert_eq!(settings.lifecycle.relaunch_window, seconds(60), "S14");
    assert_eq!(settings.session.will_expire_lead, seconds(30), "S4");
    assert_eq!(settings.session.self_care_limit, minutes(10), "T");
    assert_eq!(settings.session.mindfulness_limit, minutes(60), "T");
    assert_eq!(settings.session.physical_therapy_limit, minutes(60), "T");
    assert_eq!(settings.session.alarm_limit, minutes(30), "T");
    assert_eq!(settings.session.max_per_app, 16);
    assert_eq!(settings.alarm.handle_time, seconds(5), "A4");
    assert_eq!(settings.alarm.schedule_ahead, minutes(36 * 60), "A1");
    assert_eq!(settings.alarm.past_tolerance, minutes(1), "A2");
    assert_eq!(settings.alarm.default_interval, seconds(3), "N2");
    assert_eq!(settings.alarm.min_interval, Duration::from_millis(100), "N2");
    assert_eq!(settings.alarm.max_interval, seconds(60), "N2");
    assert_eq!(settings.alarm.snooze, minutes(9), "N5");
    assert_eq!(settings.alarm.fallback_lead, minutes(1), "N7");
    assert_eq!(settings.alarm.fallback_time, minutes(10), "N7");
    assert!(!settings.compat.strict && !settings.session.several_modes, "M4");
    let all_but_the_alarm = [SessionKind::SelfCare, SessionKind::Mindfulness, SessionKind::PhysicalTherapy];
    assert_eq!(settings.suppression.kinds, all_but_the_alarm, "S10");
    assert_eq!(settings.budget.window, seconds(60), "C1");
    assert_eq!(settings.budget.extended_runtime, Percent::new(15), "C2");
    assert_eq!(settings.budget.sample_interval, seconds(2));
}

/// The numbers that no rule gives: devices, limits, paths.
#[test]
fn the_other_defaults() {
    let settings: Settings = toml::from_str(DEFAULTS).unwrap();
    let ms = Duration::from_millis;
    let suppression = settings.suppression;
    assert_eq!(suppression.battery_below, Percent::new(5));
    assert_eq!(suppression.temperature_above, Celsius::new(80));
    assert_eq!(suppression.interval, ms(30_000));
    assert!(settings.haptics.enabled && settings.audio.enabled && settings.bluetooth.enabled);
    assert_eq!((settings.haptics.device, settings.haptics.gap), (AutoOr::Auto, ms(100)), "H2");
    assert_eq!(settings.haptics.theme, AutoOr::Auto, "H1");
    assert_eq!((settings.haptics.gain, settings.audio.volume), (Percent::new(100), Percent::new(80)));
    assert_eq!((settings.audio.device, settings.audio.buffer_frames), (AutoOr::Auto, 0));
    let bluetooth = settings.bluetooth;
    assert_eq!((bluetooth.adapter, bluetooth.max_straps), (AutoOr::Auto, 16));
    assert_eq!((bluetooth.max_seen, bluetooth.max_scans), (64, 8));
    assert_eq!((bluetooth.connect_timeout, bluetooth.scan_time), (ms(20_000), ms(8000)));
    assert_eq!(bluetooth.no_data_time, ms(10_000));
    assert_eq!((bluetooth.reconnect_min, bluetooth.reconnect_max), (ms(500), ms(30_000)));
    let key = |name: &str| InputKey::Key(name.to_owned());
    let inputs = settings.inputs;
    assert_eq!((inputs.crown, inputs.side_button), (key("KEY_HOMEPAGE"), key("KEY_POWER")));
    assert_eq!((inputs.stop, inputs.snooze), (key("KEY_STOP"), key("KEY_SLEEP")));
    assert_eq!(inputs.device, AutoOr::Auto);
    let ipc = settings.ipc;
    assert_eq!((ipc.socket, ipc.max_frame), (AutoOr::Auto, ByteSize::new(65_536)));
    assert_eq!((ipc.max_clients, ipc.max_queued_events, ipc.max_samples), (64, 256, 256));
    assert_eq!((ipc.max_calls_per_second, ipc.max_call_burst), (200, 400));
    let apps = settings.apps;
    assert_eq!((apps.max_installed, apps.max_log, apps.max_running), (64, ByteSize::new(1 << 20), 16));
    assert_eq!((apps.max_app_size, apps.max_app_files), (ByteSize::new(512 << 20), 20_000));
    assert_eq!((apps.sandbox, apps.readable), (Sandbox::Auto, vec![]));
    assert_eq!((apps.max_open_files, apps.max_processes), (256, 64));
    assert_eq!((apps.max_file, apps.max_memory), (ByteSize::new(64 << 20), ByteSize::new(128 << 20)));
    assert_eq!(settings.journal.max_undelivered, 1024);
    assert_eq!(settings.journal.reserve, ByteSize::new(1 << 20));
    let supervision = settings.supervision;
    assert_eq!((supervision.intensity, supervision.window), (5, ms(60_000)));
    assert_eq!((supervision.backoff_min, supervision.backoff_max), (ms(100), ms(10_000)));
    assert_eq!((supervision.ping_interval, supervision.ping_limit), (ms(10_000), ms(20_000)));
    assert_eq!(supervision.flood_limit, 400_000);
    assert_eq!(settings.paths.state, AutoOr::Auto);
    assert_eq!(settings.log.level, LogLevel::Info);
}
