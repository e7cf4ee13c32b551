//! The simulated Bluetooth adapter behind its port.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use carpus_devices::bluetooth::{BleError, DeviceId, Link, Radio, RadioEvent};
use carpus_devices::{BoxFuture, BoxStream};
use futures_util::stream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapter::{Adapter, RadioSignal};
use crate::link::SimulatedLink;

/// How often a strap advertises.
const ADVERTISING_INTERVAL: Duration = Duration::from_secs(1);
/// How long after the start of a scan the first strap is seen, and each further one after the one before.
const FIRST_SEEN: Duration = Duration::from_millis(100);
/// How long connecting and discovering takes.
const CONNECT_TIME: Duration = Duration::from_millis(300);

/// The adapter as a [`Radio`].
#[derive(Debug)]
pub(crate) struct SimulatedRadio {
    pub(crate) adapter: Adapter,
}

impl Radio for SimulatedRadio {
    fn open(&self) -> BoxFuture<'_, Result<BoxStream<'static, RadioEvent>, BleError>> {
        Box::pin(async {
            let (first, signals) = self.adapter.open()?;
            let events = Events {
                adapter: self.adapter.clone(),
                ready: first.into(),
                signals,
                advertising: advertising(&self.adapter),
            };
            let stream: BoxStream<'static, RadioEvent> = Box::pin(stream::unfold(events, Events::next));
            Ok(stream)
        })
    }

    fn start_scan(&self, services: Vec<Uuid>) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async move { self.adapter.start_scan(services) })
    }

    fn stop_scan(&self) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async { self.adapter.stop_scan() })
    }

    fn connect(&self, device: DeviceId, limit: Duration) -> BoxFuture<'_, Result<Arc<dyn Link>, BleError>> {
        Box::pin(async move {
            let _claim = self.adapter.begin_connect(&device)?;
            let connecting = connect(&self.adapter, device);
            let link = tokio::time::timeout(limit, connecting)
                .await
                .unwrap_or(Err(BleError::TimedOut { what: "connecting", limit }))?;
            let link: Arc<dyn Link> = Arc::new(link);
            Ok(link)
        })
    }

    fn describe(&self) -> BoxFuture<'_, Result<String, BleError>> {
        Box::pin(async { Ok("simulated Bluetooth adapter".to_owned()) })
    }
}

/// Connects as soon as the strap is in reach.
async fn connect(adapter: &Adapter, device: DeviceId) -> Result<SimulatedLink, BleError> {
    loop {
        if let Some(until) = adapter.out_until(&device) {
            tokio::time::sleep_until(until).await;
        }
        tokio::time::sleep(CONNECT_TIME).await;
        if let Some(number) = adapter.finish_connect(&device)? {
            return Ok(SimulatedLink { adapter: adapter.clone(), device, number });
        }
    }
}

/// When each strap advertises next; empty without a scan.
fn advertising(adapter: &Adapter) -> VecDeque<(Instant, DeviceId)> {
    if !adapter.is_scanning() {
        return VecDeque::new();
    }
    let now = Instant::now();
    (1..).zip(adapter.devices()).map(|(place, device)| (now + FIRST_SEEN * place, device)).collect()
}

/// One stream of events.
struct Events {
    adapter: Adapter,
    /// What is to be told before anything new.
    ready: VecDeque<RadioEvent>,
    signals: broadcast::Receiver<RadioSignal>,
    /// Who advertises when, the earliest first.
    advertising: VecDeque<(Instant, DeviceId)>,
}

impl Events {
    async fn next(mut self) -> Option<(RadioEvent, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((event, self));
            }
            tokio::select! {
                biased;
                signal = self.signals.recv() => match signal {
                    Ok(RadioSignal::Event(event)) => self.ready.push_back(event),
                    Ok(RadioSignal::ScanChanged) => self.advertising = advertising(&self.adapter),
                    Ok(RadioSignal::ServiceGone) | Err(RecvError::Closed) => return None,
                    Err(RecvError::Lagged(count)) => {
                        tracing::warn!(count, "a listener of the simulated adapter lost events");
                    }
                },
                device = next_advertiser(&mut self.advertising) => {
                    self.ready.extend(self.adapter.scanned(&device).map(RadioEvent::Seen));
                }
            }
        }
    }
}

/// Waits for the next strap to advertise, and puts it last in the row. Never ends where nobody does.
async fn next_advertiser(advertising: &mut VecDeque<(Instant, DeviceId)>) -> DeviceId {
    match advertising.front() {
        Some((at, _)) => tokio::time::sleep_until(*at).await,
        None => std::future::pending().await,
    }
    let (_, device) = advertising.pop_front().expect("the front was there, and this borrows the row alone");
    // From now, not from when it was due: who listens late misses advertisements, as on the air.
    advertising.push_back((Instant::now() + ADVERTISING_INTERVAL, device.clone()));
    device
}
