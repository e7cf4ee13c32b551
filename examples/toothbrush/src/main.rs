//! Two minutes of brushing: a tap when a quarter of the mouth is done. Leaving the app ends it.

use std::time::Duration;

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
    let mut started = false;
    let mut brushing: Option<Brushing> = None;
    loop {
        tokio::select! {
            event = app.next_event() => match event? {
                Some(Event::StateChanged { state: AppState::Active }) if !started => {
                    started = worked(app.session().await?.start().await);
                }
                Some(Event::DidStart { session, .. }) => {
                    println!("brush {}", QUARTERS[0]);
                    brushing = Some(Brushing { session, quarter: 0, until: Instant::now() + QUARTER });
                }
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
