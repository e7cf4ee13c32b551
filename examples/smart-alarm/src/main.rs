//! Wakes you in light sleep. Opening the app schedules the alarm; when it is due the runtime launches the app, which
//! watches the heart and rings in light sleep, at the latest when its half hour is almost over. With a time of day in
//! its file `alarm` it comes again by itself. Launched again after a crash, it goes on in its session.

mod light_sleep;
mod rung;
mod settings;

use std::time::{Duration, SystemTime};

use carpus::{
    App, AppState, Contact, Error, Event, ExtendedRuntimeSession, Haptic, HeartRates, Recurrence, Repeat,
};
use light_sleep::LightSleep;
use settings::{Begins, Ring, Settings};
use tokio::time::Instant;

/// The last instant that the runtime can be told, in Unix milliseconds.
const MS_MAX: u64 = i64::MAX as u64;

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
    // A session is this process's to deal with, and its `DidStart` may be still to come (A4, S14).
    let mut handed = app.handed_session().is_some();
    loop {
        tokio::select! {
            event = app.next_event() => match (event?, &mut watch) {
                (Some(Event::StateChanged { state: AppState::Active }), None) if !handed => schedule(&app).await,
                (Some(Event::Handle { .. }), _) => handed = true,
                // Opened from the alert: the user is awake.
                (Some(Event::StateChanged { state: AppState::Active }), Some(watch)) if watch.rings => {
                    worked(watch.session.invalidate().await);
                }
                (Some(Event::DidStart { session, .. }), _) => {
                    let started = watch.insert(Watch::of(session, &app).await?);
                    if started.rings && app.state() == AppState::Active {
                        worked(started.session.invalidate().await);
                    } else if Settings::load().ring == Ring::Now {
                        ring(started, "it is time").await;
                    }
                }
                (Some(Event::WillExpire { .. }), Some(watch)) => ring(watch, "the half hour is over").await,
                (Some(Event::DidInvalidate { end, .. }), _) => {
                    println!("over: {end}");
                    (watch, handed) = (None, false);
                }
                (Some(_), _) => {}
                (None, _) => return Ok(()),
            },
            watch = light_sleep(&mut watch) => ring(watch, "sleep is light").await,
        }
    }
}

impl Watch {
    /// One that begins, or goes on after a crash: an alarm that rang rings on by itself (S14).
    async fn of(session: ExtendedRuntimeSession, app: &App) -> Result<Self, Error> {
        let (straps, rings) = (app.heart_rate().await?, rung::has(session.id()));
        Ok(Self { session, since: Instant::now(), sleep: LightSleep::default(), straps, rings })
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
        if watch.rings {
            rung::note(watch.session.id());
        }
    }
}

/// Says what did not work; the app goes on.
fn worked(result: Result<(), Error>) -> bool {
    result.inspect_err(|error| println!("{error}")).is_ok()
}

/// Schedules the alarm. One that is scheduled already stands.
async fn schedule(app: &App) {
    let scheduled = match Settings::load().begins {
        Begins::In(span) => schedule_in(app, span).await,
        Begins::Each(rule) => schedule_each(app, rule).await,
    };
    match scheduled {
        Ok(when) => println!("scheduled {when}"),
        Err(error) => println!("not scheduled: {error}"),
    }
}

async fn schedule_in(app: &App, span: Duration) -> Result<String, Error> {
    app.clear_recurrence().await?;
    // One that the calendar does not reach is refused as any other that lies too far ahead.
    let at =
        SystemTime::now().checked_add(span).unwrap_or(SystemTime::UNIX_EPOCH + Duration::from_millis(MS_MAX));
    app.session().await?.start_at(at).await?;
    Ok(format!("in {} s", span.as_secs()))
}

/// Declares when the alarm comes again, unless that is declared already (A10).
async fn schedule_each(app: &App, rule: Recurrence) -> Result<String, Error> {
    let declared = app.recurrence().await?.is_some_and(|recurring| recurring.rule == rule);
    if !declared {
        app.clear_recurrence().await?;
        app.set_recurrence(rule.clone()).await?;
    }
    let days: Vec<_> = rule.weekdays().iter().map(|day| day.name()).collect();
    Ok(format!("at {} on {}", rule.time(), days.join(" ")))
}
