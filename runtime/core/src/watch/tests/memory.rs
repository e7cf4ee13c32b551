//! L5, L7: memory that is short, and apps that are told to leave.

use super::*;
use SessionKind::{Alarm, Mindfulness};
use SessionState::Scheduled;

fn memory_short(bench: &mut Bench) {
    bench.act(Watch::handle_memory_short);
}

/// The apps that were told to end, in order.
fn ended(bench: &Bench) -> Vec<String> {
    let app = |output: &Output| match output {
        Output::EndProcess { app } => Some(app.to_string()),
        _ => None,
    };
    bench.log.iter().filter_map(|(_, output)| app(output)).collect()
}

fn killed(bench: &Bench) -> usize {
    bench.count(|output| matches!(output, Output::Kill { .. }))
}

/// Apps "a", "b" and "c", of which "b" is suspended longest, then "a"; "c" is in front.
fn suspended() -> Bench {
    let mut bench = Bench::new();
    for name in ["a", "b", "c"] {
        bench.install(name, Mindfulness);
    }
    for name in ["b", "a"] {
        bench.launch(name);
        bench.crown();
        bench.advance(5 * SECOND);
        assert_eq!(bench.state(name), AppState::Suspended);
    }
    bench.launch("c");
    bench.look_anew();
    bench
}

#[test]
fn l5_when_memory_is_short_the_app_that_is_suspended_longest_is_ended() {
    let mut bench = suspended();
    memory_short(&mut bench);
    assert_eq!(ended(&bench), ["b"]);
    assert_eq!(bench.delivered("b"), [], "silently");
}

#[test]
fn l5_the_next_one_is_ended_when_memory_is_still_short() {
    let mut bench = suspended();
    memory_short(&mut bench);
    memory_short(&mut bench);
    assert_eq!(ended(&bench), ["b", "a"]);
    memory_short(&mut bench);
    assert_eq!(ended(&bench), ["b", "a"], "no other is suspended");
}

#[test]
fn l5_an_app_that_was_reopened_counts_from_its_last_suspension() {
    let mut bench = suspended();
    bench.open("b");
    bench.crown();
    bench.advance(5 * SECOND);
    memory_short(&mut bench);
    assert_eq!(ended(&bench), ["a"]);
}

#[test]
fn l5_of_two_that_were_suspended_together_the_first_by_name_is_ended() {
    let mut bench = Bench::new();
    for name in ["b", "a"] {
        bench.install(name, Mindfulness);
        bench.launch(name);
    }
    bench.crown();
    bench.advance(MINUTE);
    memory_short(&mut bench);
    assert_eq!(ended(&bench), ["a"]);
}

#[test]
fn l5_an_app_that_is_not_suspended_is_not_ended() {
    let mut bench = Bench::of(Mindfulness);
    memory_short(&mut bench);
    bench.launch("a");
    memory_short(&mut bench);
    bench.crown();
    memory_short(&mut bench);
    assert_eq!(bench.state("a"), AppState::Background);
    assert_eq!(ended(&bench), Vec::<String>::new());
    bench.exit("a", ExitStatus::Code(0));
    bench.advance(MINUTE);
    memory_short(&mut bench);
    assert_eq!(ended(&bench), Vec::<String>::new());
}

#[test]
fn l5_an_app_that_died_while_it_was_suspended_is_not_ended() {
    let mut bench = suspended();
    bench.exit("b", ExitStatus::Signal(9));
    memory_short(&mut bench);
    assert_eq!(ended(&bench), ["a"]);
}

#[test]
fn l5_an_app_that_is_suspended_before_it_listens_is_ended_too() {
    let mut bench = Bench::of(Mindfulness);
    bench.open("a");
    bench.crown();
    bench.advance(5 * SECOND);
    assert_eq!((bench.state("a"), bench.count(is_freeze)), (AppState::Suspended, 1));
    memory_short(&mut bench);
    assert_eq!(ended(&bench), ["a"]);
}

#[test]
fn l5_its_scheduled_session_stays() {
    let (mut bench, id) = Bench::scheduled();
    bench.crown();
    bench.advance(5 * SECOND);
    memory_short(&mut bench);
    bench.exit("a", ExitStatus::Signal(15));
    assert_eq!(bench.session_state("a", id), Scheduled);
    bench.advance(HOUR);
    bench.handled("a", id).unwrap();
}

#[test]
fn l7_an_app_told_to_leave_is_killed_after_five_seconds_once() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    bench.close("a");
    bench.advance(5 * SECOND - MS);
    assert_eq!(killed(&bench), 0);
    bench.advance(MS);
    assert_eq!(bench.count(|output| *output == Output::Kill { app: app("a") }), 1);
    bench.advance(HOUR);
    assert_eq!(killed(&bench), 1);
}

#[test]
fn l7_the_time_to_leave_is_a_setting() {
    let mut bench = Bench::with(Limits { leave_time: MINUTE, ..Limits::default() });
    bench.install("a", Mindfulness);
    bench.launch("a");
    bench.close("a");
    bench.advance(MINUTE - MS);
    assert_eq!(killed(&bench), 0);
    bench.advance(MS);
    assert_eq!(killed(&bench), 1);
}

#[test]
fn l7_an_app_that_leaves_in_time_is_not_killed() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    bench.close("a");
    bench.advance(4 * SECOND);
    bench.exit("a", ExitStatus::Code(0));
    bench.launch("a");
    bench.advance(HOUR);
    assert_eq!(killed(&bench), 0);
}

#[test]
fn l7_an_app_that_memory_was_taken_from_has_five_seconds_too() {
    let mut bench = suspended();
    memory_short(&mut bench);
    bench.advance(5 * SECOND);
    assert_eq!(bench.count(|output| *output == Output::Kill { app: app("b") }), 1);
}

#[test]
fn l7_closing_it_again_or_opening_it_does_not_prolong_its_time() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    bench.close("a");
    bench.advance(3 * SECOND);
    bench.open("a");
    bench.close("a");
    bench.advance(2 * SECOND);
    assert_eq!(killed(&bench), 1);
}

#[test]
fn l7_an_app_that_was_removed_is_killed_after_its_time_once_and_not_when_it_left() {
    for leaves in [false, true] {
        let mut bench = Bench::of(Mindfulness);
        bench.launch("a");
        bench.remove("a");
        bench.advance(4 * SECOND);
        if leaves {
            bench.exit("a", ExitStatus::Code(0));
        }
        bench.advance(HOUR);
        assert_eq!(killed(&bench), usize::from(!leaves));
        bench.exit("a", ExitStatus::Signal(9));
        bench.advance(HOUR);
        assert_eq!(killed(&bench), usize::from(!leaves));
    }
}

#[test]
fn l7_an_app_that_was_removed_without_a_process_is_killed_never() {
    let mut bench = Bench::of(Mindfulness);
    bench.remove("a");
    bench.advance(HOUR);
    assert_eq!(bench.log, []);
}

#[test]
fn l7_an_app_installed_again_is_launched_when_the_process_from_before_has_ended() {
    for wait in [SECOND, MINUTE] {
        let mut bench = Bench::of(Alarm);
        bench.launch("a");
        bench.remove("a");
        bench.advance(wait);
        bench.install("a", Alarm);
        bench.look_anew();
        bench.open("a");
        assert_eq!(bench.count(is_launch), 0);
        bench.advance(MINUTE);
        assert_eq!(killed(&bench), usize::from(wait == SECOND), "once");
        bench.exit("a", ExitStatus::Signal(9));
        assert_eq!(bench.count(is_launch), 1);
        bench.attach("a");
        assert_eq!(bench.state("a"), AppState::Active);
    }
}

#[test]
fn l7_an_app_that_ends_stays_in_its_state_until_its_exit() {
    let mut bench = Bench::of(Mindfulness);
    bench.launch("a");
    bench.close("a");
    bench.look_anew();
    bench.wrist_up();
    assert_eq!((bench.state("a"), bench.states("a")), (AppState::Active, vec![]));
    bench.exit("a", ExitStatus::Code(0));
    assert_eq!(bench.states("a"), [AppState::NotRunning]);
}
