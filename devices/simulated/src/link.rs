//! A link to a simulated strap behind its port.

use std::collections::VecDeque;
use std::time::Duration;

use carpus_devices::bluetooth::{BleError, DeviceId, Link, Notification};
use carpus_devices::{BoxFuture, BoxStream};
use futures_util::stream;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;
use uuid::Uuid;

use crate::adapter::{Adapter, LinkNumber, LinkSignal, cause};
use crate::strap::{MEASUREMENT, Refusal, Sensor};

/// How long a read or a write takes: about one connection interval each way.
const REQUEST_TIME: Duration = Duration::from_millis(60);
/// How often a strap tells the heart rate.
const NOTIFICATION_INTERVAL: Duration = Duration::from_secs(1);
/// How late a subscriber may take a notification. What it has not taken by then is lost.
const LATE_MAX: Duration = Duration::from_secs(10);

/// A link that was brought up once.
#[derive(Debug)]
pub(crate) struct SimulatedLink {
    pub(crate) adapter: Adapter,
    pub(crate) device: DeviceId,
    pub(crate) number: LinkNumber,
}

impl SimulatedLink {
    async fn ask<T>(
        &self,
        characteristic: Uuid,
        ask: impl FnOnce(&mut Sensor) -> Result<T, Refusal> + Send,
    ) -> Result<T, BleError> {
        tokio::time::sleep(REQUEST_TIME).await;
        self.find(characteristic)?;
        self.adapter
            .over_link(&self.device, self.number, ask)?
            .map_err(|refusal| self.refused(characteristic, refusal))
    }

    fn find(&self, characteristic: Uuid) -> Result<(), BleError> {
        if self.characteristics().contains(&characteristic) {
            Ok(())
        } else {
            Err(self.refused(characteristic, Refusal::Unknown))
        }
    }

    fn refused(&self, characteristic: Uuid, refusal: Refusal) -> BleError {
        match refusal {
            Refusal::Unknown => BleError::NoCharacteristic { device: self.device.clone(), characteristic },
            Refusal::NotPermitted => BleError::Failed(cause("the characteristic cannot be asked that")),
            Refusal::Att(code) => {
                BleError::Failed(cause(&format!("the strap refuses: ATT error {code:#04X}")))
            }
        }
    }
}

impl Link for SimulatedLink {
    fn device(&self) -> DeviceId {
        self.device.clone()
    }

    fn name(&self) -> Option<String> {
        Some(self.adapter.lock().station(&self.device)?.sensor.strap.name.clone())
    }

    fn characteristics(&self) -> Vec<Uuid> {
        self.adapter.characteristics(&self.device, self.number)
    }

    fn read(&self, characteristic: Uuid) -> BoxFuture<'_, Result<Vec<u8>, BleError>> {
        Box::pin(self.ask(characteristic, move |sensor| sensor.read(characteristic)))
    }

    fn write(&self, characteristic: Uuid, value: Vec<u8>) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(self.ask(characteristic, move |sensor| sensor.write(characteristic, &value)))
    }

    fn subscribe(
        &self,
        characteristics: Vec<Uuid>,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Notification>, BleError>> {
        Box::pin(async move {
            let signals = self.adapter.link_signals(&self.device, self.number)?;
            for characteristic in &characteristics {
                self.ask(*characteristic, |_| {
                    if Sensor::can_notify(*characteristic) { Ok(()) } else { Err(Refusal::NotPermitted) }
                })
                .await?;
            }
            let subscription = Subscription {
                adapter: self.adapter.clone(),
                device: self.device.clone(),
                schedule: characteristics.contains(&MEASUREMENT).then(|| Schedule::new(&self.adapter)),
                characteristics,
                ready: VecDeque::new(),
                signals,
            };
            let stream: BoxStream<'static, Notification> =
                Box::pin(stream::unfold(subscription, Subscription::next));
            Ok(stream)
        })
    }

    fn disconnect(&self) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async {
            self.adapter.disconnect(&self.device, self.number);
            Ok(())
        })
    }
}

/// When the heart rate is told next, and up to when it was told.
struct Schedule {
    next: Instant,
    told_until: Duration,
}

impl Schedule {
    fn new(adapter: &Adapter) -> Self {
        Self { next: Instant::now() + NOTIFICATION_INTERVAL, told_until: adapter.elapsed() }
    }

    /// Waits for the next notification; gives the time that it covers, from the straps' start.
    async fn tick(&mut self, adapter: &Adapter) -> (Duration, Duration) {
        tokio::time::sleep_until(self.next).await;
        let late = self.next.elapsed();
        let now = adapter.elapsed().saturating_sub(late);
        if late > LATE_MAX {
            *self = Self::new(adapter);
            return (self.told_until.saturating_sub(NOTIFICATION_INTERVAL), self.told_until);
        }
        let covered = (self.told_until, now);
        self.next += NOTIFICATION_INTERVAL;
        self.told_until = now;
        covered
    }
}

/// One stream of notifications.
struct Subscription {
    adapter: Adapter,
    device: DeviceId,
    characteristics: Vec<Uuid>,
    schedule: Option<Schedule>,
    ready: VecDeque<Notification>,
    signals: broadcast::Receiver<LinkSignal>,
}

impl Subscription {
    async fn next(mut self) -> Option<(Notification, Self)> {
        loop {
            if let Some(notification) = self.ready.pop_front() {
                return Some((notification, self));
            }
            tokio::select! {
                biased;
                signal = self.signals.recv() => match signal {
                    Ok(LinkSignal::Value(value)) if self.characteristics.contains(&value.characteristic) => {
                        self.ready.push_back(value);
                    }
                    Ok(LinkSignal::Value(_)) => {}
                    Ok(LinkSignal::Lost) | Err(RecvError::Closed) => return None,
                    Err(RecvError::Lagged(count)) => {
                        tracing::warn!(count, device = %self.device, "a subscriber lost notifications");
                    }
                },
                (last, now) = tick(self.schedule.as_mut(), &self.adapter) => {
                    self.ready.extend(self.adapter.measure(&self.device, last, now));
                }
            }
        }
    }
}

async fn tick(schedule: Option<&mut Schedule>, adapter: &Adapter) -> (Duration, Duration) {
    match schedule {
        Some(schedule) => schedule.tick(adapter).await,
        None => std::future::pending().await,
    }
}
