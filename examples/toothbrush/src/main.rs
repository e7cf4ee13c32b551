//! Two minutes of brushing: a tap when a quarter of the mouth is done. Leaving the app ends it. Launched again after a
//! crash, it goes on where the brushing is by then.

use std::time::{Duration, SystemTime};

use carpus::{App, AppState, Error, Event, ExtendedRuntimeSession, Haptic};
use tokio::time::Instant;

/// What dentists advise: 30 s for each quarter, two minutes in all.
const QUARTER: Duration = Duration::from_secs(30);

/// The quarters, in order.
const QUARTERS: [&str; 4] = ["upper right", "upper left", "lower left", "lower right"];

/// Brushing that goes on.
struct Brushing {
    session: ExtendedRuntimeSession,
    quarter: usize,
    /// When the quarter is done.
    until: Instant,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = App::connect().await?;
    // A session that was handed to this process is gone on with (S14).
    let mut started = app.handed_session().is_some();
    let mut brushing: Option<Brushing> = None;
    loop {
        tokio::select! {
            event = app.next_event() => match event? {
                Some(Event::StateChanged { state: AppState::Active }) if !started => {
                    started = worked(app.session().await?.start().await);
                }
                Some(Event::DidStart { session, .. }) => brushing = Some(brush(session).await),
                Some(Event::DidInvalidate { end, .. }) => {
                    println!("over: {end}");
                    (started, brushing) = (false, None);
                }
                Some(_) => {}
                None => return Ok(()),
            },
            now = quarter_done(&mut brushing) => next_quarter(&app, now).await,
        }
    }
}

/// Begins to brush, or goes on with it in a session that has been running for a while.
async fn brush(session: ExtendedRuntimeSession) -> Brushing {
    let begun = session.start_date().await.ok().flatten();
    let brushed = begun.and_then(|begun| SystemTime::now().duration_since(begun).ok()).unwrap_or_default();
    let (quarter, left) = quarter_after(brushed);
    println!("brush {}", QUARTERS[quarter]);
    Brushing { session, quarter, until: Instant::now() + left }
}

/// The quarter that is brushed after so long, and what is left of it; at the end nothing of the last.
fn quarter_after(brushed: Duration) -> (usize, Duration) {
    let last = QUARTERS.len() - 1;
    let mut left =
        (0..=last).zip(1..).map(|(quarter, done)| (quarter, (QUARTER * done).saturating_sub(brushed)));
    left.find(|(_, left)| !left.is_zero()).unwrap_or((last, Duration::ZERO))
}

/// Waits until the quarter is done; without end when nobody brushes.
async fn quarter_done(brushing: &mut Option<Brushing>) -> &mut Brushing {
    match brushing {
        Some(brushing) => {
            tokio::time::sleep_until(brushing.until).await;
            brushing
        }
        None => std::future::pending().await,
    }
}

/// Taps, and goes on with the next quarter; after the last one the session ends.
async fn next_quarter(app: &App, brushing: &mut Brushing) {
    brushing.quarter += 1;
    brushing.until += QUARTER;
    match QUARTERS.get(brushing.quarter) {
        Some(quarter) => {
            println!("brush {quarter}");
            worked(app.play(Haptic::Notification).await);
        }
        None => {
            println!("done");
            worked(app.play(Haptic::Success).await);
            worked(brushing.session.invalidate().await);
        }
    }
}

/// Says what did not work; the app goes on.
fn worked(result: Result<(), Error>) -> bool {
    result.inspect_err(|error| println!("{error}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brushing_goes_on_where_it_was() {
        let seconds = Duration::from_secs;
        assert_eq!(quarter_after(Duration::ZERO), (0, seconds(30)));
        assert_eq!(quarter_after(seconds(29)), (0, seconds(1)));
        assert_eq!(quarter_after(seconds(30)), (1, seconds(30)));
        assert_eq!(quarter_after(seconds(100)), (3, seconds(20)));
        assert_eq!(quarter_after(seconds(500)), (3, Duration::ZERO));
    }
}
