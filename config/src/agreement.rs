//! Values that must agree with each other.

use std::time::Duration;

use crate::load::Loaded;
use crate::problem::{Conflict, Origin, Problem, Reason};
use crate::units::format_duration;

/// A time that must not be longer than a part of another.
struct Within {
    short: (&'static str, Duration),
    /// How often the shorter time must fit into the longer.
    times: u32,
    long: (&'static str, Duration),
}

/// Everything in which the settings contradict each other.
pub(crate) fn problems(loaded: &Loaded) -> Vec<Problem> {
    let mut problems = time_problems(loaded);
    problems.extend(key_problems(loaded));
    problems
}

fn time_problems(loaded: &Loaded) -> Vec<Problem> {
    let settings = &loaded.settings;
    let within = [
        Within {
            short: ("haptics.gap", settings.haptics.gap),
            times: 1,
            long: ("alarm.min_interval", settings.alarm.min_interval),
        },
        Within {
            short: ("alarm.min_interval", settings.alarm.min_interval),
            times: 1,
            long: ("alarm.default_interval", settings.alarm.default_interval),
        },
        Within {
            short: ("alarm.default_interval", settings.alarm.default_interval),
            times: 1,
            long: ("alarm.max_interval", settings.alarm.max_interval),
        },
        Within {
            short: ("budget.sample_interval", settings.budget.sample_interval),
            times: 2,
            long: ("budget.window", settings.budget.window),
        },
        Within {
            short: ("bluetooth.reconnect_min", settings.bluetooth.reconnect_min),
            times: 1,
            long: ("bluetooth.reconnect_max", settings.bluetooth.reconnect_max),
        },
        Within {
            short: ("supervision.backoff_min", settings.supervision.backoff_min),
            times: 1,
            long: ("supervision.backoff_max", settings.supervision.backoff_max),
        },
    ];
    within.iter().filter_map(|within| time_problem(loaded, within)).collect()
}

fn time_problem(loaded: &Loaded, within: &Within) -> Option<Problem> {
    let Within { short: (short_key, short), times, long: (long_key, long) } = *within;
    if short.saturating_mul(times) <= long {
        return None;
    }
    // The value that was set last is the one that the user has in mind.
    Some(if loaded.rank(short_key) >= loaded.rank(long_key) {
        let remedy = format!("allowed is up to {}", format_duration(long / times));
        conflict(loaded, short_key, "is too long for", long_key, remedy)
    } else {
        let remedy = format!("allowed is {} or more", format_duration(short.saturating_mul(times)));
        conflict(loaded, long_key, "is too short for", short_key, remedy)
    })
}

/// One key cannot be two buttons.
fn key_problems(loaded: &Loaded) -> Vec<Problem> {
    let inputs = &loaded.settings.inputs;
    let buttons = [
        ("inputs.crown", &inputs.crown),
        ("inputs.side_button", &inputs.side_button),
        ("inputs.stop", &inputs.stop),
        ("inputs.snooze", &inputs.snooze),
    ];
    let mut problems = Vec::new();
    for (index, (key, button)) in buttons.iter().enumerate() {
        for (other_key, other) in &buttons[..index] {
            if button.name().is_some() && button == other {
                problems.push(same_key(loaded, key, other_key));
            }
        }
    }
    problems
}

fn same_key(loaded: &Loaded, a: &'static str, b: &'static str) -> Problem {
    let (blamed, other) = if loaded.rank(a) >= loaded.rank(b) { (a, b) } else { (b, a) };
    conflict(loaded, blamed, "is the same key as", other, r#"choose another key, or "none""#.to_owned())
}

fn conflict(
    loaded: &Loaded,
    key: &'static str,
    clash: &'static str,
    other: &'static str,
    remedy: String,
) -> Problem {
    let origin = |key| loaded.origin(key).cloned().unwrap_or(Origin::Default);
    let conflict = Conflict {
        found: loaded.text(key).to_owned(),
        clash,
        other_key: other,
        other: loaded.text(other).to_owned(),
        other_origin: origin(other),
        remedy,
    };
    Problem::of_key(origin(key), key, Reason::Conflict(Box::new(conflict)))
}
