//! Manifests: what is taken, and every refusal word for word (M1–M5).

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::lines;
use crate::ConfigError;
use crate::manifest::{BackgroundMode, BluetoothProfile, Manifest, ManifestOptions};

const GOOD: &str = r#"[app]
id = "heart-rate"
name = "Heart Rate"
version = "0.1.0"
exec = "heart-rate"

[background]
modes = ["mindfulness", "bluetooth-central"]

[permissions]
bluetooth = ["heart-rate"]
"#;

fn parse(text: &str) -> Result<Manifest, ConfigError> {
    Manifest::parse(text, Path::new("app.toml"), ManifestOptions::default())
}

fn refusals(text: &str) -> Vec<String> {
    lines(&parse(text).unwrap_err(), Path::new("/"))
}

/// The only line of the refusal of the good manifest with `from` replaced by `to`.
fn refusal(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let lines = refusals(&GOOD.replacen(from, to, 1));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.into_iter().next().unwrap()
}

/// The folder of an app, thrown away at the end.
struct AppFolder {
    dir: tempfile::TempDir,
}

impl AppFolder {
    fn new(manifest: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("app")).unwrap();
        fs::write(dir.path().join("app/app.toml"), manifest).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("app")
    }

    fn with_program(self, name: &str, mode: u32) -> Self {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/true\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn load(&self) -> Result<Manifest, ConfigError> {
        Manifest::load(&self.path(), ManifestOptions::default())
    }

    fn refusals(&self) -> Vec<String> {
        lines(&self.load().unwrap_err(), self.dir.path())
    }
}

#[test]
fn a_whole_manifest() {
    let manifest = AppFolder::new(GOOD).with_program("heart-rate", 0o755).load().unwrap();
    let expected = Manifest {
        id: "heart-rate".to_owned(),
        name: "Heart Rate".to_owned(),
        version: "0.1.0".to_owned(),
        exec: PathBuf::from("heart-rate"),
        description: None,
        modes: vec![BackgroundMode::Mindfulness, BackgroundMode::BluetoothCentral],
        bluetooth: vec![BluetoothProfile::HeartRate],
    };
    assert_eq!(manifest, expected);
    let described = GOOD.replace("exec =", "description = \"Shows the heart rate.\"\nexec =");
    assert_eq!(parse(&described).unwrap().description.as_deref(), Some("Shows the heart rate."));
}

#[test]
fn m1_every_mode_can_be_declared() {
    for mode in BackgroundMode::ALL {
        let text = GOOD.replace(r#""mindfulness", "bluetooth-central""#, &format!("{:?}", mode.as_str()));
        assert_eq!(parse(&text).unwrap().modes, [mode]);
    }
    let extended: Vec<&str> = BackgroundMode::ALL
        .into_iter()
        .filter(|mode| mode.is_extended_runtime())
        .map(BackgroundMode::as_str)
        .collect();
    assert_eq!(extended, ["self-care", "mindfulness", "physical-therapy", "alarm"]);
}

#[test]
fn m1_an_app_may_have_no_modes() {
    for cut in ["[background]\nmodes = [\"mindfulness\", \"bluetooth-central\"]\n", "modes = "] {
        let text = GOOD.split(cut).next().unwrap();
        assert_eq!(parse(text).unwrap().modes, []);
    }
    assert_eq!(parse(&GOOD.replace(r#""mindfulness", "bluetooth-central""#, "")).unwrap().modes, []);
}

#[test]
fn m1_unknown_modes() {
    let modes = "self-care, mindfulness, physical-therapy, alarm, workout-processing, audio, location, \
                 bluetooth-central";
    assert_eq!(
        refusal("\"mindfulness\"", "\"mindfullness\""),
        format!(
            "app.toml:8: background.modes: \"mindfullness\" is not a background mode; \
             did you mean \"mindfulness\"? Allowed are {modes}"
        )
    );
    assert_eq!(
        refusal("\"mindfulness\"", "\"sleeping\""),
        format!("app.toml:8: background.modes: \"sleeping\" is not a background mode; allowed are {modes}")
    );
    assert_eq!(
        refusal("\"mindfulness\"", "3"),
        "app.toml:8: background.modes: 3 is not text; \
         write modes = [\"mindfulness\", \"bluetooth-central\"], in quotes"
    );
    assert_eq!(
        refusal("[\"mindfulness\", \"bluetooth-central\"]", "\"audio\""),
        "app.toml:8: background.modes: \"audio\" is not a list of background modes; \
         write modes = [\"mindfulness\", \"bluetooth-central\"]"
    );
}

#[test]
fn m1_a_mode_is_named_once() {
    assert_eq!(
        refusal("\"mindfulness\", ", "\n\"bluetooth-central\",\n"),
        "app.toml:10: background.modes: \"bluetooth-central\" is named twice; name it once"
    );
}

#[test]
fn m2_one_extended_runtime_mode_beside_any_others() {
    assert_eq!(
        refusal("\"bluetooth-central\"", "\n  \"audio\",\n  \"alarm\","),
        "app.toml:10: background.modes: \"alarm\" is a second extended-runtime mode beside \"mindfulness\"; \
         keep one of them"
    );
    let others = GOOD.replace("\"mindfulness\"", r#""alarm", "audio", "location", "workout-processing""#);
    assert_eq!(parse(&others).unwrap().modes.len(), 5);
}

const SEVERAL: ManifestOptions = ManifestOptions { several_modes: true, strict: false };
const STRICT: ManifestOptions = ManifestOptions { several_modes: false, strict: true };

/// The good manifest with these modes, under these options.
fn with_modes(modes: &str, options: ManifestOptions) -> Result<Vec<BackgroundMode>, ConfigError> {
    let text = GOOD.replace(r#""mindfulness", "bluetooth-central""#, modes);
    Manifest::parse(&text, Path::new("app.toml"), options).map(|manifest| manifest.modes)
}

#[test]
fn m4_several_extended_runtime_modes_are_taken_where_the_settings_allow_them() {
    let several = r#""mindfulness", "audio", "alarm", "self-care""#;
    assert!(with_modes(several, ManifestOptions::default()).is_err());
    let expected =
        [BackgroundMode::Mindfulness, BackgroundMode::Audio, BackgroundMode::Alarm, BackgroundMode::SelfCare];
    assert_eq!(with_modes(several, SEVERAL).unwrap(), expected);
    let folder = AppFolder::new(&GOOD.replace("\"bluetooth-central\"", "\"alarm\""));
    let folder = folder.with_program("heart-rate", 0o755);
    assert_eq!(folder.refusals().len(), 1);
    assert_eq!(Manifest::load(&folder.path(), SEVERAL).unwrap().modes.len(), 2);
}

/// WatchKit takes such an app, and refuses its sessions.
#[test]
fn m3_in_strict_mode_none_and_several_extended_runtime_modes_are_taken() {
    assert_eq!(with_modes(r#""alarm", "self-care""#, STRICT).unwrap().len(), 2);
    assert_eq!(with_modes(r#""audio""#, STRICT).unwrap(), [BackgroundMode::Audio]);
    assert_eq!(with_modes("", STRICT).unwrap(), []);
}

#[test]
fn m3_whatever_else_is_wrong_is_refused_under_all_options() {
    for options in [SEVERAL, STRICT] {
        let refused = |modes| with_modes(modes, options).unwrap_err().to_string();
        assert!(refused(r#""alarm", "alarm""#).ends_with("\"alarm\" is named twice; name it once"));
        assert!(refused(r#""alarm", "nap""#).contains("\"nap\" is not a background mode"));
        let text = GOOD.replace("id =", "ix =");
        assert!(Manifest::parse(&text, Path::new("app.toml"), options).is_err());
    }
}

#[test]
fn m5_every_profile_can_be_asked_for_under_all_options() {
    for options in [ManifestOptions::default(), SEVERAL, STRICT] {
        for profile in BluetoothProfile::ALL {
            let text = GOOD.replace("[\"heart-rate\"]", &format!("[{:?}]", profile.as_str()));
            let manifest = Manifest::parse(&text, Path::new("app.toml"), options).unwrap();
            assert_eq!(manifest.bluetooth, [profile], "{options:?}");
        }
    }
    let both = parse(&GOOD.replace("[\"heart-rate\"]", r#"["battery", "heart-rate"]"#)).unwrap();
    assert_eq!(both.bluetooth, [BluetoothProfile::Battery, BluetoothProfile::HeartRate]);
}

#[test]
fn m5_an_app_may_ask_for_nothing() {
    for (cut, rest) in [("[permissions]", ""), ("bluetooth = ", ""), ("[\"heart-rate\"]", "[]\n")] {
        let text = GOOD.split(cut).next().unwrap().to_owned() + rest;
        assert_eq!(parse(&text).unwrap().bluetooth, [], "{cut}");
    }
}

#[test]
fn m5_unknown_permissions() {
    let bluetooth = "app.toml:11: permissions.bluetooth:";
    let ask = |to| refusal("[\"heart-rate\"]", to);
    assert_eq!(
        ask("[\"heartrate\"]"),
        format!(
            "{bluetooth} \"heartrate\" is not a Bluetooth profile; did you mean \"heart-rate\"? \
             Allowed are heart-rate, battery"
        )
    );
    assert_eq!(
        ask("[\"battery\",\n\"glucose\"]"),
        "app.toml:12: permissions.bluetooth: \"glucose\" is not a Bluetooth profile; \
         allowed are heart-rate, battery"
    );
    assert_eq!(
        ask("[\"battery\", \"battery\"]"),
        format!("{bluetooth} \"battery\" is named twice; name it once")
    );
    assert_eq!(
        ask("\"heart-rate\""),
        format!(
            "{bluetooth} \"heart-rate\" is not a list of Bluetooth profiles; write bluetooth = [\"heart-rate\"]"
        )
    );
    assert_eq!(
        ask("[true]"),
        format!("{bluetooth} true is not text; write bluetooth = [\"heart-rate\"], in quotes")
    );
    assert_eq!(
        refusal("bluetooth =", "bluetoth ="),
        "app.toml:11: permissions.bluetoth: unknown key; did you mean bluetooth? \
         Allowed in [permissions]: bluetooth"
    );
    assert_eq!(
        refusal("[permissions]", "[permisions]"),
        "app.toml:10: permisions: unknown key; did you mean permissions? Allowed at the top: [app], \
         [background], [permissions]"
    );
    assert_eq!(
        refusals(&format!("permissions = [\"heart-rate\"]\n{}", GOOD.split("[permissions]").next().unwrap())),
        ["app.toml:1: permissions: a list is not a section; write [permissions] and its keys below it"]
    );
}

#[test]
fn m3_ids() {
    let allowed = r#"allowed are 1 to 64 of a-z, 0-9, "." and "-", the first a letter or digit"#;
    let long = "x".repeat(65);
    for bad in ["", "Heart Rate", "Heart", ".hidden", "-x", "a/b", "a_b", "ü", "..", &long] {
        let shown = refusal("\"heart-rate\"", &format!("{bad:?}"));
        assert!(shown.starts_with("app.toml:2: app.id: \""), "{shown}");
        assert!(shown.ends_with(&format!("\" is not an app's id; {allowed}")), "{shown}");
    }
    for good in ["a", "0", "io.carpus.heart-rate", "a..b", &long[1..]] {
        assert_eq!(parse(&GOOD.replacen("heart-rate", good, 1)).unwrap().id, good);
    }
    assert_eq!(refusal("\"heart-rate\"", "3"), "app.toml:2: app.id: 3 is not text; write it, in quotes");
}

#[test]
fn m3_names_versions_and_descriptions() {
    assert_eq!(
        refusal("Heart Rate", " "),
        "app.toml:3: app.name: \" \" is not a name; allowed are 1 to 64 characters on one line"
    );
    assert_eq!(
        refusal("Heart Rate", "a\\nb"),
        "app.toml:3: app.name: \"a\\nb\" is not a name; allowed are 1 to 64 characters on one line"
    );
    assert_eq!(parse(&GOOD.replace("Heart Rate", &"ü".repeat(64))).unwrap().name.chars().count(), 64);
    assert!(parse(&GOOD.replace("Heart Rate", &"ü".repeat(65))).is_err());
    assert_eq!(
        refusal("0.1.0", "one two"),
        "app.toml:4: app.version: \"one two\" is not a version; \
         allowed are 1 to 32 of letters, digits, \".\", \"-\" and \"+\""
    );
    assert_eq!(refusal("\"0.1.0\"", "0.1"), "app.toml:4: app.version: 0.1 is not text; write it, in quotes");
    assert_eq!(
        refusal("exec =", "description = \"\"\nexec ="),
        "app.toml:5: app.description: \"\" is not a description; allowed are 1 to 256 characters on one line"
    );
}

#[test]
fn m3_unknown_keys() {
    assert_eq!(
        refusal("version =", "versoin = \"1\"\nversion ="),
        "app.toml:4: app.versoin: unknown key; did you mean version? \
         Allowed in [app]: id, name, version, exec, description"
    );
    assert_eq!(
        refusal("modes =", "weather = 1\nmodes ="),
        "app.toml:8: background.weather: unknown key; allowed in [background]: modes"
    );
    assert_eq!(
        refusal("[app]", "[backgruond]\n[app]"),
        "app.toml:1: backgruond: unknown key; did you mean background? Allowed at the top: [app], [background], \
         [permissions]"
    );
    assert_eq!(
        refusal("[background]\nmodes = [\"mindfulness\", \"bluetooth-central\"]", "[app.x]\ny = 1"),
        "app.toml:7: app.x: unknown key; allowed in [app]: id, name, version, exec, description"
    );
}

#[test]
fn m3_missing_keys() {
    assert_eq!(
        refusals("\n[app]\n"),
        [
            "app.toml:2: app.id: missing; write id = \"heart-rate\"",
            "app.toml:2: app.name: missing; write name = \"Heart Rate\"",
            "app.toml:2: app.version: missing; write version = \"0.1.0\"",
            "app.toml:2: app.exec: missing; write exec = \"heart-rate\", the program in the app's folder",
        ]
    );
    assert_eq!(
        refusals(""),
        ["app.toml:1: app: missing; write [app] with id, name, version and exec below it"]
    );
    assert_eq!(
        refusals("app = 3\n"),
        ["app.toml:1: app: 3 is not a section; write [app] and its keys below it"]
    );
}

#[test]
fn m3_text_that_is_not_toml() {
    assert_eq!(refusal("\"0.1.0\"", "0.1.0"), "app.toml:4:14: invalid float, expected nothing");
    assert_eq!(refusal("name", "id"), "app.toml:3:1: duplicate key");
}

#[test]
fn m3_a_program_must_be_named_within_the_folder() {
    let inside = r#"name a program inside it, such as "heart-rate" or "bin/heart-rate""#;
    for (bad, fault) in [
        ("/bin/sh", "leaves the app's folder"),
        ("../heart-rate", "leaves the app's folder"),
        ("bin/../../x", "leaves the app's folder"),
        ("bin/../x", "leaves the app's folder"),
        ("..", "leaves the app's folder"),
        ("", "names no program in the app's folder"),
        ("./", "names no program in the app's folder"),
        ("a\u{1}b", "is not a path of at most 255 bytes"),
    ] {
        // An escape of Rust's is not always one of TOML's, so TOML writes it.
        let written = toml::Value::String(bad.to_owned());
        assert_eq!(
            refusal("exec = \"heart-rate\"", &format!("exec = {written}")),
            format!("app.toml:5: app.exec: {bad:?} {fault}; {inside}")
        );
    }
}

#[test]
fn m3_all_problems_at_once_in_order() {
    let text =
        "[background]\nmodes = [\"nap\", \"audio\", \"audio\"]\n[app]\nid = \"X\"\nexec = \"/x\"\nnmae = 1\n";
    let starts: Vec<String> =
        refusals(text).iter().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        starts,
        [
            "app.toml:2 background.modes",
            "app.toml:2 background.modes",
            "app.toml:3 app.name",
            "app.toml:3 app.version",
            "app.toml:4 app.id",
            "app.toml:5 app.exec",
            "app.toml:6 app.nmae",
        ]
    );
}

#[test]
fn m3_a_program_in_a_folder_of_its_own_is_taken() {
    let text = GOOD.replace("exec = \"heart-rate\"", "exec = \"./bin//heart-rate\"");
    let manifest = AppFolder::new(&text).with_program("bin/heart-rate", 0o500).load().unwrap();
    assert_eq!(manifest.exec, PathBuf::from("bin/heart-rate"));
}

#[test]
fn m3_a_program_must_be_there() {
    let folder = AppFolder::new(GOOD);
    let path = folder.path();
    let refused = folder.load().unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "{0}/app.toml:5: app.exec: \"heart-rate\" does not exist; put the program into {0}",
            path.display()
        )
    );
    fs::create_dir(path.join("heart-rate")).unwrap();
    assert_eq!(
        folder.refusals(),
        ["app/app.toml:5: app.exec: \"heart-rate\" is not a file; name the program itself"]
    );
}

#[test]
fn m3_a_program_must_be_executable() {
    let folder = AppFolder::new(GOOD).with_program("heart-rate", 0o644);
    assert_eq!(
        folder.refusals(),
        ["app/app.toml:5: app.exec: \"heart-rate\" is not executable; run chmod +x app/heart-rate"]
    );
}

#[test]
fn m3_links_must_stay_in_the_folder() {
    let folder = AppFolder::new(GOOD);
    let inside = "name a program inside it, such as \"heart-rate\" or \"bin/heart-rate\"";
    symlink("/bin/sh", folder.path().join("heart-rate")).unwrap();
    assert_eq!(
        folder.refusals(),
        [format!(
            "app/app.toml:5: app.exec: \"heart-rate\" is a link that leaves the app's folder; {inside}"
        )]
    );
    fs::remove_file(folder.path().join("heart-rate")).unwrap();
    let folder = folder.with_program("real", 0o755);
    symlink("real", folder.path().join("heart-rate")).unwrap();
    folder.load().unwrap();
}

#[test]
fn m3_the_manifest_itself_must_be_in_the_folder() {
    let folder = AppFolder::new(GOOD).with_program("heart-rate", 0o755);
    let manifest = folder.path().join("app.toml");
    fs::rename(&manifest, folder.dir.path().join("elsewhere.toml")).unwrap();
    let missing = ["app/app.toml: cannot be read: No such file or directory (os error 2)"];
    assert_eq!(folder.refusals(), missing);
    symlink("../elsewhere.toml", &manifest).unwrap();
    assert_eq!(folder.refusals(), ["app/app.toml: is a link that leaves the app's folder"]);
}

#[test]
fn m3_a_manifest_has_at_most_64_kib() {
    let padded = |size: usize| format!("{GOOD}#{}\n", "x".repeat(size - GOOD.len() - 2));
    AppFolder::new(&padded(64 * 1024)).with_program("heart-rate", 0o755).load().unwrap();
    let refused = AppFolder::new(&padded(64 * 1024 + 1)).with_program("heart-rate", 0o755).refusals();
    assert_eq!(refused, ["app/app.toml: is larger than 64KiB"]);
}

#[test]
fn a_folder_behind_a_link_is_taken() {
    let folder = AppFolder::new(GOOD).with_program("heart-rate", 0o755);
    let link = folder.dir.path().join("link");
    symlink("app", &link).unwrap();
    Manifest::load(&link, ManifestOptions::default()).unwrap();
}
