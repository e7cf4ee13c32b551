//! Histories that broke a rule once, and some new ones.

use std::path::Path;

use carpus_sim::{Counts, History, generate, play};

const RUNS: u64 = 150;
const STEPS: usize = 300;

#[test]
fn what_broke_a_rule_once_breaks_it_no_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "txt") {
            continue;
        }
        let history: History = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let (_, failure) = play(&history);
        assert_eq!(failure, None, "{}", path.display());
    }
}

#[test]
fn whatever_happens_the_rules_hold_and_the_reference_agrees() {
    let mut counts = Counts::default();
    for seed in 1..=RUNS {
        let (happened, failure) = play(&generate(seed, STEPS));
        assert_eq!(failure, None, "carpus-sim run --seed {seed} --runs 1 --steps {STEPS} makes it shorter");
        counts.merge(&happened);
    }
    assert_eq!(counts.missing(), Vec::<&str>::new(), "it never happened");
}

#[test]
fn a_run_is_played_again_as_it_was() {
    let history = generate(7, STEPS);
    let first = play(&history).0.to_string();
    assert_eq!(play(&history).0.to_string(), first);
}
