//! Every change of state that the rules know is taken, and no other: the tables that the documentation draws.

use std::collections::BTreeSet;

use super::*;
use SessionKind::{Alarm, Mindfulness};

/// The changes of an app's state that a bench saw.
fn changes_of_app(bench: &Bench) -> BTreeSet<(AppState, AppState)> {
    let mut before = AppState::NotRunning;
    let mut changes = BTreeSet::new();
    for after in bench.states("a") {
        changes.insert((before, after));
        before = after;
    }
    changes
}

/// A bench on which an app, alarm app "a", was brought into each state by turns, and ended there.
fn ended_in(state: AppState) -> Bench {
    let mut bench = Bench::of(Alarm);
    bench.launch("a");
    match state {
        AppState::NotRunning | AppState::Active => {}
        AppState::Inactive => bench.wrist_down(),
        AppState::Background => bench.crown(),
        AppState::Suspended => {
            bench.crown();
            bench.advance(5 * SECOND);
        }
    }
    bench.exit("a", ExitStatus::Code(0));
    bench
}

#[test]
fn l1_each_change_of_an_apps_state_is_taken_and_no_other() {
    let mut taken = BTreeSet::new();
    for state in [AppState::Active, AppState::Inactive, AppState::Background, AppState::Suspended] {
        taken.extend(changes_of_app(&ended_in(state)));
    }
    let (mut bench, _) = Bench::scheduled(); // not-running, background
    bench.exit("a", ExitStatus::Code(0));
    bench.advance(HOUR);
    taken.extend(changes_of_app(&bench));
    let mut bench = Bench::of(Alarm); // suspended, background, inactive, background
    bench.launch("a");
    bench.crown();
    bench.advance(5 * SECOND);
    bench.wrist_down();
    bench.open("a");
    bench.advance(2 * MINUTE);
    taken.extend(changes_of_app(&bench));
    assert_eq!(taken, AppState::TRANSITIONS.into_iter().collect());
}

/// The changes of the sessions' states that a bench saw, as positions in the order of the rules.
fn changes_of_sessions(bench: &Bench) -> Vec<(SessionState, SessionState)> {
    let mut states = BTreeMap::new();
    let mut changes = Vec::new();
    for (_, output) in &bench.log {
        if let Output::SessionStateChanged { session, state, .. } = output {
            let before = states.insert(*session, *state).unwrap_or(SessionState::NotStarted);
            changes.push((before, *state));
        }
    }
    changes
}

#[test]
fn s1_each_change_of_a_sessions_state_is_taken_and_no_other() {
    let mut taken = Vec::new();
    let (mut bench, _) = Bench::running(Mindfulness);
    let second = bench.create("a");
    bench.start("a", second).unwrap_err();
    bench.advance(HOUR);
    taken.extend(changes_of_sessions(&bench));
    taken.extend(changes_of_sessions(&Bench::alarm().0));
    let (mut bench, id) = Bench::scheduled();
    bench.invalidate("a", id).unwrap();
    taken.extend(changes_of_sessions(&bench));

    let table = SessionState::TRANSITIONS;
    assert!(taken.iter().all(|change| table.contains(change)), "{taken:?}");
    assert!(table.iter().all(|change| taken.contains(change)), "{taken:?}");
}
