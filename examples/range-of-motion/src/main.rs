//! Leads through an exercise of the shoulder: a tap says when to raise the arm and when to lower it. The wrist may be
//! down and another app in front: a physical therapy session runs on. Launched again after a crash, it goes on with what
//! is left of the exercise.

use std::time::{Duration, SystemTime};

use carpus::{App, AppState, Error, Event, ExtendedRuntimeSession, Haptic};
use tokio::task::JoinHandle;

/// One part of the exercise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    haptic: Haptic,
    what: &'static str,
    length: Duration,
}

/// Slow enough to feel where the movement ends.
const MOVE: Duration = Duration::from_secs(4);
const REST: Duration = Duration::from_secs(20);
const REPETITIONS: usize = 10;
const SETS: usize = 3;

/// The whole exercise: sets of repetitions, with a rest between the sets.
fn exercise() -> impl Iterator<Item = Step> {
    let raise = Step { haptic: Haptic::DirectionUp, what: "raise the arm", length: MOVE };
    let lower = Step { haptic: Haptic::DirectionDown, what: "lower the arm", length: MOVE };
    let rest = Step { haptic: Haptic::Stop, what: "rest", length: REST };
    (1..=SETS).flat_map(move |set| {
        let repetitions = std::iter::repeat_n([raise, lower], REPETITIONS).flatten();
        repetitions.chain((set < SETS).then_some(rest))
    })
}

/// What is left of it after so long: the movement that is under way then is made from its beginning.
fn exercise_after(exercised: Duration) -> impl Iterator<Item = Step> {
    let mut over = Duration::ZERO;
    exercise().skip_while(move |step| {
        over += step.length;
        over <= exercised
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = App::connect().await?;
    // A session that was handed to this process is gone on with (S14).
    let mut started = app.handed_session().is_some();
    let mut led: Option<JoinHandle<()>> = None;
    while let Some(event) = app.next_event().await? {
        match event {
            Event::StateChanged { state: AppState::Active } if !started => {
                started = worked(app.session().await?.start().await);
            }
            Event::DidStart { session, .. } if led.is_none() => {
                led = Some(tokio::spawn(lead(app.clone(), session)));
            }
            Event::DidInvalidate { end, .. } => {
                println!("over: {end}");
                started = false;
                if let Some(led) = led.take() {
                    led.abort();
                }
            }
            Event::StateChanged { .. }
            | Event::WillExpire { .. }
            | Event::Handle { .. }
            | Event::DidStart { .. }
            | Event::DidReconnect { .. } => {}
        }
    }
    Ok(())
}

/// Leads through the exercise, or what is left of it, and ends the session.
async fn lead(app: App, session: ExtendedRuntimeSession) {
    let begun = session.start_date().await.ok().flatten();
    let exercised = begun.and_then(|begun| SystemTime::now().duration_since(begun).ok()).unwrap_or_default();
    for step in exercise_after(exercised) {
        println!("{}", step.what);
        worked(app.play(step.haptic).await);
        tokio::time::sleep(step.length).await;
    }
    println!("done");
    worked(app.play(Haptic::Success).await);
    worked(session.invalidate().await);
}

/// Says what did not work; the app goes on.
fn worked(result: Result<(), Error>) -> bool {
    result.inspect_err(|error| println!("{error}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exercise_is_three_sets_of_ten_with_two_rests_and_fits_into_an_hour() {
        let steps: Vec<Step> = exercise().collect();
        let count = |what| steps.iter().filter(|step| step.what == what).count();
        assert_eq!((count("raise the arm"), count("lower the arm"), count("rest")), (30, 30, 2));
        assert_eq!(steps[20].what, "rest", "after the first set");
        assert!(steps.iter().map(|step| step.length).sum::<Duration>() < Duration::from_secs(3600));
    }

    #[test]
    fn the_exercise_goes_on_where_it_was() {
        let all: Vec<Step> = exercise().collect();
        for (exercised, done) in [(0, 0), (3, 0), (4, 1), (9, 2), (80, 20), (99, 20), (100, 21)] {
            let left: Vec<Step> = exercise_after(Duration::from_secs(exercised)).collect();
            assert_eq!(left, all[done..], "after {exercised} s");
        }
        assert_eq!(exercise_after(Duration::from_secs(3600)).count(), 0);
    }
}
