//! Units and words, by themselves.

use std::time::Duration;

use crate::manifest::BackgroundMode;
use crate::{
    ByteSize, Celsius, InputKey, LogLevel, Percent, Profile, Sandbox, SessionKind, Settings, format_duration,
    parse_duration,
};

#[test]
fn durations_are_whole_numbers_with_a_unit() {
    let ms = |text: &str| parse_duration(text).unwrap().as_millis();
    assert_eq!(ms("0s"), 0);
    assert_eq!(ms("500ms"), 500);
    assert_eq!(ms("90s"), 90_000);
    assert_eq!(ms("2min"), 120_000);
    assert_eq!(ms("36h"), 129_600_000);
    for refused in ["", "s", "30", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5h", "1min30s", "5S", "5m", "٣s"] {
        assert!(parse_duration(refused).is_err(), "{refused:?}");
    }
}

#[test]
fn what_is_too_large_for_a_number_is_large_and_no_panic() {
    let huge = "99999999999999999999999999h";
    assert!(parse_duration(huge).unwrap() > Duration::from_secs(1 << 40));
    assert_eq!("18446744073709551615GiB".parse::<ByteSize>().unwrap().bytes(), u64::MAX);
    assert_eq!("99999999999%".parse::<Percent>().unwrap().get(), u32::MAX);
    let hot: Celsius = "99999999999C".parse().unwrap();
    assert_eq!((hot.degrees(), hot.mdegc()), (u32::MAX, i32::MAX));
}

#[test]
fn values_with_units_are_shown_as_they_are_read() {
    for text in ["0s", "1ms", "90s", "2min", "1h", "36h"] {
        assert_eq!(format_duration(parse_duration(text).unwrap()), text);
    }
    for text in ["0B", "1B", "64KiB", "1MiB", "3GiB"] {
        assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
    }
    assert_eq!("15%".parse::<Percent>().unwrap().to_string(), "15%");
    assert_eq!("80C".parse::<Celsius>().unwrap().to_string(), "80C");
    assert_eq!(Celsius::new(80).mdegc(), 80_000);
    assert!((Percent::new(15).fraction() - 0.15).abs() < 1e-12);
}

#[test]
fn words_are_read_as_they_are_shown() {
    for profile in Profile::ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    for level in LogLevel::ALL {
        assert_eq!(level.to_string().parse(), Ok(level));
    }
    for sandbox in Sandbox::ALL {
        assert_eq!(sandbox.to_string().parse(), Ok(sandbox));
    }
    for mode in BackgroundMode::ALL {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    for kind in SessionKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        let mode: BackgroundMode = kind.as_str().parse().unwrap();
        assert!(mode.is_extended_runtime(), "a manifest names it so too (M1)");
    }
    assert_eq!("none".parse(), Ok(InputKey::None));
    assert_eq!("KEY_POWER".parse(), Ok(InputKey::Key("KEY_POWER".to_owned())));
    for refused in ["", "KEY_", "key_power", "KEY_POWER\n", "KEY_RESERVED", "KEY_POWER2X"] {
        assert!(refused.parse::<InputKey>().is_err(), "{refused:?}");
    }
}

/// The types themselves convert nothing, whoever reads them.
#[test]
fn the_types_take_values_only_as_they_are_written() {
    let with = |from: &str, to: &str| {
        assert!(crate::DEFAULTS.contains(from), "{from}");
        toml::from_str::<Settings>(&crate::DEFAULTS.replacen(from, to, 1))
    };
    with("max_clients = 64", "max_clients = 65").unwrap();
    for (from, to) in [
        ("max_clients = 64", "max_clients = 64.7"),
        ("max_clients = 64", "max_clients = \"64\""),
        ("max_clients = 64", "max_clients = -1"),
        ("max_clients = 64", "max_clients = true"),
        ("enabled = true", "enabled = 1"),
        ("enabled = true", "enabled = \"true\""),
        ("leave_time = \"5s\"", "leave_time = 5"),
        ("extended_runtime = \"15%\"", "extended_runtime = 15"),
        ("temperature_above = \"80C\"", "temperature_above = 80"),
        ("\"physical-therapy\"]", "3]"),
        ("kinds = [", "kinds = \"alarm\" # ["),
        ("readable = []", "readable = \"/opt\""),
        ("sandbox = \"auto\"", "sandbox = true"),
        ("max_frame = \"64KiB\"", "max_frame = 65536"),
        ("adapter = \"auto\"", "adapter = 0"),
        ("level = \"info\"", "level = \"loud\""),
    ] {
        assert!(with(from, to).is_err(), "{to}");
    }
}
