//! An app that moves its alarm again and again, a second further each time, and prints what it was promised: power may
//! fail at any instant of that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use carpus::{App, AppState, Error, Event, ExtendedRuntimeSession};
use tokio::time::timeout;

/// So far ahead that nothing is due while it is moved.
const AHEAD: Duration = Duration::from_secs(6 * 3600);
const STEP: Duration = Duration::from_secs(1);
/// How long to wait for an event that may not come.
const GLANCE: Duration = Duration::from_millis(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = App::connect().await?;
    while let Some(event) = app.next_event().await? {
        if matches!(event, Event::StateChanged { state: AppState::Active }) {
            move_on(&app).await;
        }
    }
    Ok(())
}

/// Moves it until something is refused.
async fn move_on(app: &App) {
    let mut at = SystemTime::now() + AHEAD;
    loop {
        match moved_to(app, at).await {
            Ok(session) => println!("promised {} at {}", session.id(), unix_ms(at)),
            Err(error) => return println!("not promised: {error}"),
        }
        at += STEP;
    }
}

/// Replacing where nothing waits is scheduling.
async fn moved_to(app: &App, at: SystemTime) -> Result<ExtendedRuntimeSession, Error> {
    let session = app.session().await?;
    session.replace(at).await?;
    // The ends of those that were replaced are told; they must not pile up.
    while let Ok(Ok(Some(_))) = timeout(GLANCE, app.next_event()).await {}
    Ok(session)
}

fn unix_ms(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}
