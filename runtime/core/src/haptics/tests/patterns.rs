//! The bounds of a pattern (H1).

use super::*;

fn step(strength_percent: u8, length_ms: u64, pause_ms: u64) -> Step {
    Step { strength_percent, length: ms(length_ms), pause: ms(pause_ms) }
}

fn tone(frequency_hz: u16, length_ms: u64) -> Tone {
    Tone { frequency_hz, length: ms(length_ms) }
}

fn steps_refused(steps: &[Step]) -> BadPattern {
    let refused = check_steps(steps).unwrap_err();
    assert_eq!(Pattern::new(steps.to_vec(), vec![]).as_ref(), Err(&refused));
    refused
}

fn tones_refused(tones: &[Tone]) -> BadPattern {
    let refused = check_tones(tones).unwrap_err();
    assert_eq!(Pattern::new(vec![step(80, 40, 0)], tones.to_vec()).as_ref(), Err(&refused));
    refused
}

#[test]
fn h1_a_pattern_keeps_its_steps_and_tones() {
    let (steps, tones) = (vec![step(1, 40, 10), step(100, 60, 0)], vec![tone(0, 10), tone(440, 20)]);
    let pattern = Pattern::new(steps.clone(), tones.clone()).unwrap();
    assert_eq!((pattern.steps(), pattern.tones()), (&*steps, &*tones));
    assert_eq!(pattern.turning_length(), ms(100));
}

#[test]
fn h1_a_pattern_can_be_felt() {
    assert_eq!(steps_refused(&[]), BadPattern::NoSteps);
    for found_percent in [0, 101, 255] {
        let refused = steps_refused(&[step(100, 40, 0), step(found_percent, 40, 0)]);
        assert_eq!(refused, BadPattern::Strength { step: 2, found_percent });
    }
    assert_eq!(steps_refused(&[step(100, 39, 0)]), BadPattern::StepTooShort { step: 1, found: ms(39) });
    check_steps(&[step(1, 40, 0), step(100, 40, 0)]).unwrap();
}

#[test]
fn h1_a_pattern_is_short_on_the_motor() {
    check_steps(&[step(100, 1500, 500)]).unwrap();
    assert_eq!(steps_refused(&[step(100, 1500, 501)]), BadPattern::TooLong { found: ms(2001) });
    assert_eq!(steps_refused(&[step(1, 1501, 0)]), BadPattern::TurnsTooLong { found: ms(1501) });
    let found = STEPS_MAX + 1;
    assert_eq!(steps_refused(&vec![step(100, 40, 0); found]), BadPattern::TooManySteps { found });
    check_steps(&vec![step(100, 40, 0); STEPS_MAX]).unwrap();
}

#[test]
fn h1_a_sound_can_be_heard_and_is_short() {
    for found_hz in [1, 19, 20_001, u16::MAX] {
        let refused = tones_refused(&[tone(440, 100), tone(found_hz, 100)]);
        assert_eq!(refused, BadPattern::Frequency { tone: 2, found_hz });
    }
    assert_eq!(tones_refused(&[tone(440, 9)]), BadPattern::ToneTooShort { tone: 1, found: ms(9) });
    assert_eq!(
        tones_refused(&[tone(440, 1000), tone(0, 1001)]),
        BadPattern::SoundTooLong { found: ms(2001) }
    );
    let found = TONES_MAX + 1;
    assert_eq!(tones_refused(&vec![tone(440, 10); found]), BadPattern::TooManyTones { found });
    check_tones(&vec![tone(440, 10); TONES_MAX]).unwrap();
    check_tones(&[tone(20, 1000), tone(0, 500), tone(20_000, 500)]).unwrap();
    check_tones(&[]).unwrap();
}

#[test]
fn h1_lengths_beyond_all_reckoning_are_refused() {
    let forever = Step { strength_percent: 100, length: Duration::MAX, pause: Duration::MAX };
    assert_eq!(steps_refused(&[forever, forever]), BadPattern::TooLong { found: Duration::MAX });
    let tone = Tone { frequency_hz: 440, length: Duration::MAX };
    assert_eq!(tones_refused(&[tone, tone]), BadPattern::SoundTooLong { found: Duration::MAX });
}

#[test]
fn h1_a_refusal_says_what_is_allowed() {
    let said = |refused: BadPattern| refused.to_string();
    for (steps, expected) in [
        (vec![], "there is no step; allowed are 1 to 32"),
        (vec![step(1, 40, 0); 33], "there are 33 steps; allowed are 1 to 32"),
        (vec![step(0, 40, 0)], "step 1 has the strength 0%; allowed is 1% to 100%"),
        (vec![step(1, 30, 0)], "step 1 takes 30ms; allowed is 40ms or more"),
        (vec![step(1, 40, 2000)], "the steps and their pauses take 2.04s together; allowed is 2s or less"),
        (vec![step(1, 1600, 0)], "the steps take 1.6s together, without pauses; allowed is 1.5s or less"),
    ] {
        assert_eq!(said(steps_refused(&steps)), expected);
    }
    for (tones, expected) in [
        (vec![tone(440, 10); 65], "there are 65 tones; allowed are 0 to 64"),
        (vec![tone(19, 10)], "tone 1 has 19 Hz; allowed are 0, a rest, and 20 to 20000 Hz"),
        (vec![tone(440, 5)], "tone 1 takes 5ms; allowed is 10ms or more"),
        (vec![tone(440, 2500)], "the tones take 2.5s together; allowed is 2s or less"),
    ] {
        assert_eq!(said(tones_refused(&tones)), expected);
    }
}

#[test]
fn h1_patterns_feel_alike_however_their_steps_are_cut() {
    let pattern = |steps: &[Step]| Pattern::new(steps.to_vec(), vec![]).unwrap();
    let whole = pattern(&[step(100, 200, 100), step(50, 100, 0)]);
    for alike in [
        [step(100, 200, 100), step(50, 100, 300)].as_slice(),
        &[step(100, 80, 0), step(100, 120, 100), step(50, 50, 0), step(50, 50, 0)],
    ] {
        assert!(whole.feels_like(&pattern(alike)), "{alike:?}");
        assert!(pattern(alike).feels_like(&whole), "{alike:?}");
    }
    for other in [
        [step(100, 200, 101), step(50, 100, 0)].as_slice(),
        &[step(100, 201, 100), step(50, 100, 0)],
        &[step(99, 200, 100), step(50, 100, 0)],
        &[step(100, 200, 0), step(50, 100, 0)],
        &[step(100, 200, 100)],
        &[step(100, 200, 100), step(50, 100, 40), step(50, 100, 0)],
    ] {
        assert!(!whole.feels_like(&pattern(other)), "{other:?}");
    }
}
