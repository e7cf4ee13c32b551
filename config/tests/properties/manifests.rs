//! Manifests of apps.

use std::path::{Component, Path};

use carpus_config::manifest::{BackgroundMode, BluetoothProfile, Manifest, ManifestOptions};

use super::{check_refusal, listed, quoted};

/// Two bits of the first byte are the options, the rest is the text.
pub fn manifest(input: &[u8]) -> bool {
    let Some((bits, text)) = input.split_first() else { return false };
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let options = ManifestOptions { several_modes: bits & 1 != 0, strict: bits & 2 != 0 };
    let parse = |text: &str| Manifest::parse(text, Path::new("app.toml"), options);
    match parse(text) {
        Ok(manifest) => {
            check_limits(&manifest, options);
            let again = parse(&written(&manifest)).expect("a written manifest is good");
            assert_eq!(again, manifest);
            true
        }
        Err(error) => {
            check_refusal(&error, text.as_bytes());
            false
        }
    }
}

fn check_limits(manifest: &Manifest, options: ManifestOptions) {
    let is_line = |text: &str, max: usize| {
        (1..=max).contains(&text.chars().count()) && !text.contains(char::is_control)
    };
    let id = manifest.id.as_bytes();
    assert!((1..=64).contains(&id.len()) && id[0].is_ascii_alphanumeric(), "{manifest:?}");
    assert!(id.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-')), "{manifest:?}");
    assert!(is_line(&manifest.name, 64), "{manifest:?}");
    assert!(is_line(&manifest.version, 32), "{manifest:?}");
    assert!(manifest.description.as_deref().is_none_or(|text| is_line(text, 256)), "{manifest:?}");
    assert!(manifest.exec.as_os_str().len() <= 255, "{manifest:?}");
    assert!(manifest.exec.components().all(|part| matches!(part, Component::Normal(_))), "{manifest:?}");
    assert!(manifest.modes.len() <= BackgroundMode::ALL.len(), "{manifest:?}");
    assert!(manifest.bluetooth.len() <= BluetoothProfile::ALL.len(), "{manifest:?}");
    let extended = manifest.modes.iter().filter(|mode| mode.is_extended_runtime()).count();
    assert!(extended <= 1 || options.takes_several_modes(), "{manifest:?}");
}

fn written(manifest: &Manifest) -> String {
    let exec = manifest.exec.to_str().expect("it was read from text");
    let description = manifest.description.as_deref().map(|text| format!("description = {}\n", quoted(text)));
    format!(
        "[app]\nid = {}\nname = {}\nversion = {}\nexec = {}\n{}[background]\nmodes = {}\n[permissions]\nbluetooth = {}\n",
        quoted(&manifest.id),
        quoted(&manifest.name),
        quoted(&manifest.version),
        quoted(exec),
        description.unwrap_or_default(),
        listed(manifest.modes.iter().map(|mode| mode.as_str())),
        listed(manifest.bluetooth.iter().map(|profile| profile.as_str())),
    )
}
