//! Values that must agree with each other.

use super::{Folders, of_env, of_flags};
use crate::{Settings, Sources};

fn refusal(sources: &Sources) -> String {
    Settings::load(sources).unwrap_err().to_string()
}

#[test]
fn the_value_that_was_set_last_is_blamed() {
    let short = of_flags(&[("bluetooth.reconnect_min", "40s")]);
    assert_eq!(
        refusal(&short),
        "--set bluetooth.reconnect_min: \"40s\" is too long for bluetooth.reconnect_max = \"30s\" (default); \
         allowed is up to 30s"
    );
    let long = of_flags(&[("bluetooth.reconnect_max", "200ms")]);
    assert_eq!(
        refusal(&long),
        "--set bluetooth.reconnect_max: \"200ms\" is too short for bluetooth.reconnect_min = \"500ms\" \
         (default); allowed is 500ms or more"
    );
}

#[test]
fn the_other_value_is_told_with_its_place() {
    let folders = Folders::new()
        .with("system/a.toml", "[budget]\nwindow = \"3s\"\nsample_interval = \"1s\"\n")
        .with("user/a.toml", "[budget]\nsample_interval = \"2s\"\n");
    assert_eq!(
        folders.refusals(),
        ["user/a.toml:2: budget.sample_interval: \"2s\" is too long for budget.window = \"3s\" \
          (system/a.toml:2); allowed is up to 1500ms"]
    );
}

#[test]
fn c1_a_window_holds_two_samples() {
    let refused = of_flags(&[("budget.window", "3999ms")]);
    assert_eq!(
        refusal(&refused),
        "--set budget.window: \"3999ms\" is too short for budget.sample_interval = \"2s\" (default); \
         allowed is 4s or more"
    );
    Settings::load(&of_flags(&[("budget.window", "4s")])).unwrap();
}

#[test]
fn n2_the_usual_interval_is_not_above_the_longest() {
    assert_eq!(
        refusal(&of_env(&[("CARPUS_ALARM__MAX_INTERVAL", "2s")])),
        "CARPUS_ALARM__MAX_INTERVAL: alarm.max_interval: \"2s\" is too short for \
         alarm.default_interval = \"3s\" (default); allowed is 3s or more"
    );
    Settings::load(&of_env(&[("CARPUS_ALARM__MAX_INTERVAL", "3s")])).unwrap();
}

/// N2 takes the gap of H2 for the shortest interval: a shorter one could not be felt.
#[test]
fn n2_the_shortest_interval_lies_between_the_gap_and_the_usual_one() {
    assert_eq!(
        refusal(&of_flags(&[("alarm.min_interval", "4s")])),
        "--set alarm.min_interval: \"4s\" is too long for alarm.default_interval = \"3s\" (default); \
         allowed is up to 3s"
    );
    assert_eq!(
        refusal(&of_flags(&[("haptics.gap", "101ms")])),
        "--set haptics.gap: \"101ms\" is too long for alarm.min_interval = \"100ms\" (default); \
         allowed is up to 100ms"
    );
    let agreed = [("haptics.gap", "1s"), ("alarm.min_interval", "1s"), ("alarm.default_interval", "1s")];
    Settings::load(&of_flags(&agreed)).unwrap();
}

#[test]
fn the_first_pause_before_a_restart_is_not_above_the_longest() {
    assert_eq!(
        refusal(&of_flags(&[("supervision.backoff_min", "11s")])),
        "--set supervision.backoff_min: \"11s\" is too long for supervision.backoff_max = \"10s\" (default); \
         allowed is up to 10s"
    );
    Settings::load(&of_flags(&[("supervision.backoff_min", "10s")])).unwrap();
}

/// N5 refuses a snooze that the window has no room for, and N7 halves a lead that is too long for it.
#[test]
fn n5_n7_a_snooze_and_a_lead_longer_than_the_window_are_allowed() {
    let short = [("session.alarm_limit", "1s"), ("alarm.snooze", "1h"), ("alarm.fallback_lead", "10min")];
    Settings::load(&of_flags(&short)).unwrap();
}

/// S4 halves a lead that is too long for what is left, so that no limit is too short for it.
#[test]
fn s4_a_lead_longer_than_a_limit_is_allowed() {
    let sources = of_flags(&[("session.will_expire_lead", "10min"), ("session.self_care_limit", "1s")]);
    Settings::load(&sources).unwrap();
}

#[test]
fn no_key_has_two_buttons_but_many_buttons_may_have_none() {
    assert_eq!(
        refusal(&of_flags(&[("inputs.stop", "KEY_HOMEPAGE")])),
        "--set inputs.stop: \"KEY_HOMEPAGE\" is the same key as inputs.crown = \"KEY_HOMEPAGE\" (default); \
         choose another key, or \"none\""
    );
    assert_eq!(
        refusal(&of_flags(&[("inputs.crown", "KEY_STOP")])),
        "--set inputs.crown: \"KEY_STOP\" is the same key as inputs.stop = \"KEY_STOP\" (default); \
         choose another key, or \"none\""
    );
    Settings::load(&of_flags(&[("inputs.stop", "none"), ("inputs.crown", "none")])).unwrap();
}

#[test]
fn all_contradictions_are_told_at_once() {
    let sources = of_flags(&[
        ("budget.window", "1s"),
        ("bluetooth.reconnect_min", "1min"),
        ("inputs.crown", "KEY_A"),
        ("inputs.stop", "KEY_A"),
    ]);
    assert_eq!(Settings::load(&sources).unwrap_err().problems().len(), 3);
}

#[test]
fn a_contradiction_is_told_beside_bad_values_of_other_keys() {
    let long = ("bluetooth.reconnect_min", "1min");
    let count = |bad| Settings::load(&of_flags(&[long, bad])).unwrap_err().problems().len();
    assert_eq!(count(("log.level", "loud")), 2);
    // What was meant could resolve the contradiction.
    assert_eq!(count(("bluetooth.reconnect_max", "2mn")), 1);
    assert_eq!(count(("bluetooth.reconnect_mx", "2min")), 1);
    assert_eq!(count(("profile", "toaster")), 1);
}
