//! Each layer is above the one before, and every value knows where it came from.

use std::time::Duration;

use super::{Folders, of_env, pairs};
use crate::{Origin, Percent, Position, Profile, SessionKind, Settings, Sources};

const KEY: &str = "budget.sample_interval";

fn file(path: std::path::PathBuf, line: usize) -> Origin {
    Origin::File(Position { path, line: Some(line), column: None })
}

#[test]
fn each_layer_overrides_the_one_below() {
    let value = |sources: &Sources| {
        let loaded = Settings::load(sources).unwrap();
        (loaded.settings.budget.sample_interval, loaded.origin(KEY).unwrap().clone())
    };
    let folders = Folders::new();
    let mut sources = folders.sources();
    assert_eq!(value(&sources), (Duration::from_secs(2), Origin::Default));

    let folders = folders.with("system/10-board.toml", "profile = \"raspberry-pi-zero-2w\"\n");
    assert_eq!(value(&sources), (Duration::from_secs(5), Origin::Profile(Profile::RaspberryPiZero2W)));

    let folders = folders.with("system/20-site.toml", "[budget]\nsample_interval = \"6s\"\n");
    assert_eq!(value(&sources), (Duration::from_secs(6), file(folders.path("system/20-site.toml"), 2)));

    let folders = folders.with("system/30-site.toml", "\n\n[budget]\nsample_interval = \"7s\"\n");
    assert_eq!(value(&sources), (Duration::from_secs(7), file(folders.path("system/30-site.toml"), 4)));

    let folders = folders.with("user/00-first.toml", "budget.sample_interval = \"8s\"\n");
    assert_eq!(value(&sources), (Duration::from_secs(8), file(folders.path("user/00-first.toml"), 1)));

    let folders = folders.with("user/01-second.toml", "budget = { sample_interval = \"9s\" }\n");
    assert_eq!(value(&sources), (Duration::from_secs(9), file(folders.path("user/01-second.toml"), 1)));

    sources.env = pairs(&[("CARPUS_BUDGET__SAMPLE_INTERVAL", "10s")]);
    let variable = "CARPUS_BUDGET__SAMPLE_INTERVAL".to_owned();
    assert_eq!(value(&sources), (Duration::from_secs(10), Origin::Environment { variable }));

    sources.flags = pairs(&[(KEY, "11s")]);
    assert_eq!(value(&sources), (Duration::from_secs(11), Origin::Flag { key: KEY.to_owned() }));

    sources.flags = pairs(&[(KEY, "11s"), (KEY, "12s")]);
    assert_eq!(value(&sources).0, Duration::from_secs(12), "the later flag counts");
}

#[test]
fn a_layer_changes_only_what_it_names() {
    let folders = Folders::new().with("system/a.toml", "[audio]\nvolume = \"20%\"\n");
    let loaded = folders.load().unwrap();
    let plain = Settings::load(&Sources::default()).unwrap();
    let mut expected = plain.settings.clone();
    expected.audio.volume = Percent::new(20);
    assert_eq!(loaded.settings, expected);
    assert_eq!(loaded.origin("audio.device"), Some(&Origin::Default));
}

#[test]
fn the_profile_may_come_from_any_layer_and_stays_below_all_files() {
    let mut sources = of_env(&[("CARPUS_PROFILE", "raspberry-pi-4")]);
    let loaded = Settings::load(&sources).unwrap();
    assert_eq!(loaded.settings.profile, Profile::RaspberryPi4);
    assert_eq!(loaded.settings.audio.buffer_frames, 2048);

    sources.flags = pairs(&[("profile", "raspberry-pi-5")]);
    let loaded = Settings::load(&sources).unwrap();
    assert_eq!(loaded.settings.audio.buffer_frames, 1024);

    let folders = Folders::new().with("system/a.toml", "[audio]\nbuffer_frames = 512\n");
    sources.system_dir = Some(folders.path("system"));
    let loaded = Settings::load(&sources).unwrap();
    assert_eq!(loaded.settings.audio.buffer_frames, 512);
}

#[test]
fn folders_that_are_not_there_have_no_settings() {
    let folders = Folders::new();
    let sources = Sources {
        system_dir: Some(folders.path("nowhere")),
        user_dir: Some(folders.path("system/nowhere")),
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).unwrap();
    assert_eq!(loaded.settings, Settings::load(&Sources::default()).unwrap().settings);
}

#[test]
fn other_files_and_hidden_ones_are_passed_over() {
    let folders = Folders::new()
        .with("system/notes.txt", "not TOML")
        .with("system/.#a.toml", "not TOML")
        .with("system/a.toml~", "not TOML")
        .with("system/toml", "not TOML");
    folders.load().unwrap();
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_taken() {
    let folders = Folders::new().with("system/a.toml", "\u{feff}[log]\r\nlevel = \"warn\"\r\n");
    let loaded = folders.load().unwrap();
    assert_eq!(loaded.origin("log.level"), Some(&file(folders.path("system/a.toml"), 2)));
}

#[test]
fn variables_that_are_no_settings_are_passed_over() {
    let sources = of_env(&[
        ("HOME", "/root"),
        ("CARPUS_LOG", "carpus=debug"),
        ("CARPUS_SOCKET", "/run/x"),
        ("CARPUS_APP_ID", "x"),
        ("CARPUS_LAUNCH_TOKEN", "x"),
        ("CARPUS_TEST_SEED", "7"),
        ("CARPUS_BOARD_IMAGE", "x"),
    ]);
    Settings::load(&sources).unwrap();
}

#[test]
fn every_kind_of_value_can_come_from_the_environment() {
    let sources = of_env(&[
        ("CARPUS_HAPTICS__ENABLED", "false"),
        ("CARPUS_IPC__MAX_CLIENTS", "7"),
        ("CARPUS_IPC__MAX_FRAME", "1MiB"),
        ("CARPUS_BUDGET__EXTENDED_RUNTIME", "200%"),
        ("CARPUS_LIFECYCLE__FRONTMOST_TIME", "90s"),
        ("CARPUS_INPUTS__CROWN", "none"),
        ("CARPUS_BLUETOOTH__ADAPTER", "hci1"),
        ("CARPUS_PATHS__STATE", "/srv/carpus"),
        ("CARPUS_LOG__LEVEL", "trace"),
        ("CARPUS_SUPPRESSION__TEMPERATURE_ABOVE", "60C"),
        ("CARPUS_SUPPRESSION__KINDS", "alarm, self-care"),
    ]);
    let settings = Settings::load(&sources).unwrap().settings;
    assert!(!settings.haptics.enabled);
    assert_eq!(settings.ipc.max_clients, 7);
    assert_eq!(settings.ipc.max_frame.bytes(), 1 << 20);
    assert_eq!(settings.budget.extended_runtime.get(), 200);
    assert_eq!(settings.lifecycle.frontmost_time, Duration::from_secs(90));
    assert_eq!(settings.inputs.crown.name(), None);
    assert_eq!(settings.bluetooth.adapter.named().map(String::as_str), Some("hci1"));
    assert_eq!(settings.paths.state.named(), Some(&"/srv/carpus".into()));
    assert_eq!(settings.log.level, crate::LogLevel::Trace);
    assert_eq!(settings.suppression.temperature_above.mdegc(), 60_000);
    assert_eq!(settings.suppression.kinds, [SessionKind::Alarm, SessionKind::SelfCare]);
}

/// A list is replaced as a whole, and may be empty.
#[test]
fn a_list_is_taken_from_one_layer() {
    let kinds = |sources: &Sources| Settings::load(sources).unwrap().settings.suppression.kinds;
    let folders = Folders::new().with("system/a.toml", "[suppression]\nkinds = [\"alarm\"]\n");
    let mut sources = folders.sources();
    assert_eq!(kinds(&sources), [SessionKind::Alarm]);
    sources.flags = pairs(&[("suppression.kinds", "")]);
    assert_eq!(kinds(&sources), []);
    let folders = folders.with("user/a.toml", "[suppression]\nkinds = []\n");
    assert_eq!(kinds(&folders.sources()), []);
}

#[test]
fn the_description_is_toml_that_gives_the_same_settings() {
    let mut sources = of_env(&[("CARPUS_AUDIO__DEVICE", r#"a "quoted" \ name"#)]);
    sources.flags = pairs(&[("profile", "virtual-board"), ("log.level", "debug")]);
    let loaded = Settings::load(&sources).unwrap();
    let text: String =
        loaded.describe().map(|(key, value, origin)| format!("{key} = {value} # {origin}\n")).collect();
    assert!(text.contains("budget.sample_interval = \"1s\" # profile virtual-board\n"), "{text}");
    assert!(text.contains("log.level = \"debug\" # --set log.level\n"), "{text}");
    assert!(text.contains("haptics.enabled = true # default\n"), "{text}");
    assert!(text.contains("# CARPUS_AUDIO__DEVICE\n"), "{text}");
    let kinds = r#"suppression.kinds = ["self-care", "mindfulness", "physical-therapy"] # default"#;
    assert!(text.contains(kinds), "{text}");

    let again = Folders::new().with("system/a.toml", &text).load().unwrap();
    assert_eq!(again.settings, loaded.settings);
    let from_serde: Settings = toml::from_str(&text).unwrap();
    assert_eq!(from_serde, loaded.settings);
}

#[test]
fn a_key_that_there_is_not_has_no_origin() {
    let loaded = Settings::load(&Sources::default()).unwrap();
    assert_eq!(loaded.origin("session.nonsense"), None);
    assert_eq!(loaded.origin("session"), None);
}
