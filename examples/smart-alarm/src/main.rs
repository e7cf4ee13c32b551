//! Wakes you in light sleep. Opening the app schedules the alarm; when it is due the runtime launches the app, which
//! watches the heart and rings in light sleep, at the latest when its half hour is almost over.

mod light_sleep;
mod settings;

use std::time::SystemTime;

use carpus::{App, AppState, Contact, Error, Event, ExtendedRuntimeSession, Haptic, HeartRates, Repeat};
use light_sleep::LightSleep;
use settings::{Ring, Settings};
use tokio::time::Instant;

/// The session that runs.
struct Watch {
    session: ExtendedRuntimeSession,
    since: Instant,
    sleep: LightSleep,
    straps: HeartRates,
    rings: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let app = App::connect().await?;
    let mut watch: Option<Watch> = None;
    loop {
        tokio::select! {
            event = app.next_event() => match (event?, &mut watch) {
                (Some(Event::StateChanged { state: AppState::Active }), None) => schedule(&app).await,
                // Opened from the alert: the user is awake.
                (Some(Event::StateChanged { state: AppState::Active }), Some(watch)) if watch.rings => {
                    worked(watch.session.invalidate().await);
                }
                (Some(Event::DidStart { session, .. }), _) => {
                    let straps = app.heart_rate().await?;
                    let (since, sleep) = (Instant::now(), LightSleep::default());
                    let started = watch.insert(Watch { session, since, sleep, straps, rings: false });
                    if Settings::load().ring == Ring::Now {
                        ring(started, "it is time").await;
                    }
                }
                (Some(Event::WillExpire { .. }), Some(watch)) => ring(watch, "the half hour is over").await,
                (Some(Event::DidInvalidate { end, .. }), _) => {
                    println!("over: {end}");
                    watch = None;
                }
                (Some(_), _) => {}
                (None, _) => return Ok(()),
            },
            watch = light_sleep(&mut watch) => ring(watch, "sleep is light").await,
        }
    }
}

/// Waits for light sleep; without end when there is nothing to watch.
async fn light_sleep(watch: &mut Option<Watch>) -> &mut Watch {
    let Some(watch) = watch.as_mut().filter(|watch| !watch.rings) else {
        return std::future::pending().await;
    };
    while let Some(sample) = watch.straps.next().await {
        match sample {
            Ok(sample) if sample.contact == Contact::NotDetected => {}
            Ok(sample) if watch.sleep.heard(watch.since.elapsed(), sample.bpm) => return watch,
            Ok(_) => {}
            Err(error) => println!("no heart rate: {error}"),
        }
    }
    // Without a strap it rings at the end.
    std::future::pending().await
}

/// Rings until the user stops it.
async fn ring(watch: &mut Watch, why: &str) {
    if !watch.rings {
        println!("ring: {why}");
        watch.rings = worked(watch.session.notify_user(Haptic::Notification, Repeat::Default).await);
    }
}

/// Says what did not work; the app goes on.
fn worked(result: Result<(), Error>) -> bool {
    result.inspect_err(|error| println!("{error}")).is_ok()
}

/// Schedules the alarm. One that is scheduled already stands.
async fn schedule(app: &App) {
    let settings = Settings::load();
    let at = SystemTime::now() + settings.wake_in;
    let scheduled = async { app.session().await?.start_at(at).await };
    match scheduled.await {
        Ok(()) => println!("scheduled in {} s", settings.wake_in.as_secs()),
        Err(error) => println!("not scheduled: {error}"),
    }
}
