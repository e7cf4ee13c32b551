//! The state diagrams of ARCHITECTURE.md, held against the transitions that the code allows itself. That the code
//! takes each of them, and no other, is for `watch::tests::transitions` to show.

use std::collections::BTreeSet;

use carpus_core::{AppState, SessionState};

const ARCHITECTURE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ARCHITECTURE.md"));

/// The arrows of the Mermaid state diagram under a heading, as names of states. The start `[*]` is none.
fn drawn(heading: &str) -> BTreeSet<(String, String)> {
    let (_, section) = ARCHITECTURE.split_once(heading).expect("the heading is there");
    let (_, diagram) = section.split_once("```mermaid\nstateDiagram-v2\n").expect("a diagram is under it");
    let (diagram, _) = diagram.split_once("```").expect("it ends");
    let arrows = diagram.lines().filter_map(|line| line.split_once("-->"));
    let named =
        |text: &str| text.split(':').next().expect("split gives one at least").trim().replace('_', "-");
    arrows.map(|(from, to)| (named(from), named(to))).filter(|(from, _)| from != "[*]").collect()
}

#[test]
fn l1_the_life_cycle_is_drawn_as_it_is() {
    let names = |(from, to): (AppState, AppState)| (from.name().to_owned(), to.name().to_owned());
    let coded: BTreeSet<_> = AppState::TRANSITIONS.into_iter().map(names).collect();
    assert_eq!(drawn("### The life cycle of an app"), coded);
}

#[test]
fn s1_the_states_of_a_session_are_drawn_as_they_are() {
    let names = |(from, to): (SessionState, SessionState)| (from.name().to_owned(), to.name().to_owned());
    let coded: BTreeSet<_> = SessionState::TRANSITIONS.into_iter().map(names).collect();
    assert_eq!(drawn("### The states of a session"), coded);
}

#[test]
fn each_arrow_names_its_rule() {
    for heading in ["### The life cycle of an app", "### The states of a session"] {
        let (_, section) = ARCHITECTURE.split_once(heading).expect("the heading is there");
        let (diagram, _) = section.split_once("\n```\n").expect("the diagram ends");
        for arrow in diagram.lines().filter(|line| line.contains("-->") && !line.contains("[*]")) {
            assert!(arrow.contains('(') && arrow.ends_with(')'), "no rule in {arrow:?}");
        }
    }
}
