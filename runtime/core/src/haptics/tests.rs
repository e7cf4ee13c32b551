mod patterns;
mod themes;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::time::{Now, WallTime};

fn at(ms: u64) -> Now {
    Now { since_boot: Duration::from_millis(ms), wall: WallTime::default() }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn outputs(sequencer: &mut Sequencer) -> Vec<Output> {
    std::iter::from_fn(|| sequencer.poll_output()).collect()
}

/// Lets the time pass from one timeout to the next, up to `until`; gives each output with its time.
fn run(sequencer: &mut Sequencer, until_ms: u64) -> Vec<(u64, Output)> {
    let mut seen = Vec::new();
    while let Some(due) = sequencer.poll_timeout().filter(|due| *due <= ms(until_ms)) {
        sequencer.handle_timeout(Now { since_boot: due, ..at(0) });
        let due_ms = u64::try_from(due.as_millis()).unwrap();
        seen.extend(outputs(sequencer).into_iter().map(|output| (due_ms, output)));
    }
    seen
}

fn vibrate(strength_percent: u8, length_ms: u64) -> Output {
    Output::Vibrate { strength_percent, length: ms(length_ms) }
}

#[test]
fn h1_numbers_and_names_are_those_of_the_rules() {
    for (number, haptic) in Haptic::ALL.into_iter().enumerate() {
        assert_eq!(usize::from(haptic.number()), number);
    }
    let names: Vec<&str> = Haptic::ALL.into_iter().map(Haptic::name).collect();
    assert_eq!(
        names.join(" "),
        "notification direction-up direction-down success failure retry start stop click navigation-left-turn \
         navigation-right-turn navigation-generic-maneuver underwater-depth-prompt underwater-depth-critical-prompt"
    );
}

#[test]
fn a_pattern_plays_step_by_step() {
    let mut sequencer = Sequencer::default();
    sequencer.handle_play(Haptic::Notification, at(1000));
    assert_eq!(outputs(&mut sequencer), [Output::Begin(Haptic::Notification), vibrate(100, 200)]);
    assert_eq!(run(&mut sequencer, 60_000), [(1300, vibrate(100, 200))]);
    assert_eq!(sequencer.poll_timeout(), None, "it is at rest again");
}

#[test]
fn h2_a_new_haptic_stops_the_current_one_and_begins_after_the_gap() {
    let mut sequencer = Sequencer::default();
    sequencer.handle_play(Haptic::UnderwaterDepthCriticalPrompt, at(0));
    outputs(&mut sequencer);
    sequencer.handle_play(Haptic::Start, at(200));
    assert_eq!(outputs(&mut sequencer), [Output::Stop]);
    assert_eq!(run(&mut sequencer, 60_000), [(300, Output::Begin(Haptic::Start)), (300, vibrate(100, 300))]);
}

#[test]
fn h2_the_gap_holds_after_a_haptic_that_ended_by_itself_too() {
    let mut sequencer = Sequencer::default();
    sequencer.handle_play(Haptic::Click, at(0));
    outputs(&mut sequencer);
    run(&mut sequencer, 40);
    sequencer.handle_play(Haptic::Start, at(50));
    assert_eq!(outputs(&mut sequencer), []);
    assert_eq!(sequencer.poll_timeout(), Some(ms(140)));
}

#[test]
fn h2_of_several_that_wait_only_the_newest_plays() {
    let mut sequencer = Sequencer::default();
    sequencer.handle_play(Haptic::Failure, at(0));
    outputs(&mut sequencer);
    for (haptic, when) in [(Haptic::Start, 10), (Haptic::Stop, 20), (Haptic::Click, 30)] {
        sequencer.handle_play(haptic, at(when));
    }
    assert_eq!(outputs(&mut sequencer), [Output::Stop]);
    assert_eq!(run(&mut sequencer, 60_000), [(110, Output::Begin(Haptic::Click)), (110, vibrate(80, 40))]);
}

#[test]
fn stop_ends_what_plays_and_forgets_what_waits() {
    let mut sequencer = Sequencer::default();
    sequencer.handle_play(Haptic::Failure, at(0));
    sequencer.handle_play(Haptic::Start, at(10));
    outputs(&mut sequencer);
    sequencer.handle_stop(at(20));
    assert_eq!(sequencer.poll_timeout(), None);
    assert_eq!(outputs(&mut sequencer), [], "the first was stopped already");

    sequencer.handle_play(Haptic::Start, at(1000));
    outputs(&mut sequencer);
    sequencer.handle_stop(at(1100));
    assert_eq!(outputs(&mut sequencer), [Output::Stop]);
    assert_eq!(sequencer.poll_timeout(), None);
}

#[test]
fn h3_no_vibration_is_told_without_its_end() {
    for haptic in Haptic::ALL {
        let mut sequencer = Sequencer::default();
        sequencer.handle_play(haptic, at(0));
        let mut all = outputs(&mut sequencer);
        all.extend(run(&mut sequencer, 60_000).into_iter().map(|(_, output)| output));
        let lengths: Vec<Duration> = all
            .iter()
            .filter_map(|output| match output {
                Output::Vibrate { length, .. } => Some(*length),
                _ => None,
            })
            .collect();
        let theme = Theme::default();
        assert_eq!(lengths, theme.pattern(haptic).steps().iter().map(|step| step.length).collect::<Vec<_>>());
    }
}

#[test]
fn h3_a_motor_that_is_never_left_alone_turns_half_of_the_time_at_most() {
    let mut sequencer = Sequencer::default();
    let mut turned = Duration::ZERO;
    let mut left_out = 0;
    for second in (0..3600).step_by(2) {
        sequencer.handle_play(Haptic::UnderwaterDepthCriticalPrompt, at(second * 1000));
        let mut all = outputs(&mut sequencer);
        all.extend(run(&mut sequencer, second * 1000 + 1999).into_iter().map(|(_, output)| output));
        for output in all {
            match output {
                Output::Vibrate { length, .. } => turned += length,
                Output::LeftOut(_) => left_out += 1,
                Output::Begin(_) | Output::Stop => {}
            }
        }
    }
    assert!(left_out > 0);
    assert!(turned <= Duration::from_secs(1800) + DUTY_RESERVE, "{turned:?}");
    assert!(turned >= Duration::from_secs(1700), "the allowance is used: {turned:?}");
}

/// Plays `haptic` as the usual repeat of an alarm does for half an hour.
fn play_as_an_alarm(sequencer: &mut Sequencer, haptic: Haptic) {
    for play in 0..600 {
        sequencer.handle_play(haptic, at(play * 3000));
        assert_eq!(sequencer.poll_output(), Some(Output::Begin(haptic)), "{haptic:?} no. {play}");
        outputs(sequencer);
        run(sequencer, play * 3000 + 2999);
        outputs(sequencer);
    }
}

#[test]
fn n2_the_default_repeat_of_an_alarm_is_never_left_out() {
    for haptic in Haptic::ALL {
        play_as_an_alarm(&mut Sequencer::default(), haptic);
    }
}

/// Whatever theme a user has.
#[test]
fn n2_a_pattern_as_long_as_any_may_be_is_never_left_out_of_an_alarm() {
    let longest = Pattern::new(
        vec![
            Step { strength_percent: 100, length: ms(1000), pause: ms(500) },
            Step { strength_percent: 100, length: ms(500), pause: ms(0) },
        ],
        vec![],
    )
    .unwrap();
    assert_eq!(longest.turning_length(), TURNING_LENGTH_MAX);
    let theme = Theme::new([(Haptic::Notification, longest)]).unwrap();
    play_as_an_alarm(&mut Sequencer::new(Arc::new(theme), HAPTIC_GAP), Haptic::Notification);
}

#[test]
fn h1_a_sequencer_plays_the_patterns_of_its_theme() {
    let pattern = Pattern::new(
        vec![
            Step { strength_percent: 30, length: ms(50), pause: ms(70) },
            Step { strength_percent: 60, length: ms(90), pause: ms(10) },
        ],
        vec![],
    );
    let theme = Theme::new([(Haptic::Click, pattern.unwrap())]).unwrap();
    let mut sequencer = Sequencer::new(Arc::new(theme), HAPTIC_GAP);
    sequencer.handle_play(Haptic::Click, at(1000));
    assert_eq!(outputs(&mut sequencer), [Output::Begin(Haptic::Click), vibrate(30, 50)]);
    assert_eq!(run(&mut sequencer, 60_000), [(1120, vibrate(60, 90))]);

    sequencer.handle_play(Haptic::Start, at(5000));
    assert_eq!(
        outputs(&mut sequencer),
        [Output::Begin(Haptic::Start), vibrate(100, 300)],
        "the built-in one"
    );
}

#[test]
fn h2_the_gap_is_a_setting_and_never_shorter_than_the_least() {
    for (set, gap) in [(Duration::ZERO, HAPTIC_GAP), (Duration::from_secs(1), Duration::from_secs(1))] {
        let mut sequencer = Sequencer::new(Arc::default(), set);
        sequencer.handle_play(Haptic::Click, at(0));
        while sequencer.poll_output().is_some() {}
        sequencer.handle_play(Haptic::Click, at(1));
        assert_eq!(sequencer.poll_timeout(), Some(Duration::from_millis(1) + gap));
    }
}
