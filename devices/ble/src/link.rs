//! A connected peripheral.

use std::pin::Pin;

use btleplug::api::{Characteristic, Peripheral as _, ValueNotification, WriteType};
use btleplug::platform::Peripheral;
use carpus_devices::bluetooth::{BleError, DeviceId, Link, Notification};
use carpus_devices::{BoxFuture, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::sync::{broadcast, mpsc};
use uuid::Uuid;

use crate::error::{Asked, is_not_connected};
use crate::session::{Drops, dropped, into_stream};

/// How many values may wait for their reader: over a minute of a strap's.
const VALUES_MAX: usize = 256;

type Values = Pin<Box<dyn Stream<Item = ValueNotification> + Send>>;

/// A link through BlueZ. Dropping it leaves the peripheral connected: [`Link::disconnect`] takes it down.
pub(crate) struct BluezLink {
    device: DeviceId,
    name: Option<String>,
    peripheral: Peripheral,
    drops: Drops,
}

impl BluezLink {
    pub(crate) fn new(device: DeviceId, name: Option<String>, peripheral: Peripheral, drops: Drops) -> Self {
        Self { device, name, peripheral, drops }
    }

    fn asked(&self, what: &'static str) -> Asked<'_> {
        Asked::of(what, &self.device)
    }

    fn find(&self, uuid: Uuid) -> Option<Characteristic> {
        self.peripheral.characteristics().into_iter().find(|characteristic| characteristic.uuid == uuid)
    }

    /// The characteristic, looked for once more if it is not there: it may have come onto the bus late.
    async fn characteristic(&self, uuid: Uuid) -> Result<Characteristic, BleError> {
        if let Some(found) = self.find(uuid) {
            return Ok(found);
        }
        let result = self.peripheral.discover_services().await;
        result.map_err(|error| self.asked("discovering services").failed(error))?;
        let missing = || BleError::NoCharacteristic { device: self.device.clone(), characteristic: uuid };
        self.find(uuid).ok_or_else(missing)
    }

    async fn subscribe_all(&self, wanted: Vec<Uuid>) -> Result<BoxStream<'static, Notification>, BleError> {
        let failed = |error| self.asked("subscribing").failed(error);
        let drops = self.drops.listen().ok_or(BleError::Disconnected)?;
        // In this order no value is lost.
        let values = self.peripheral.notifications().await.map_err(failed)?;
        let (out, told) = mpsc::channel(VALUES_MAX);
        // From here on the stream belongs to the task, so that it is dropped inside of the runtime.
        let forward = Forward { device: self.device.clone(), wanted: wanted.clone(), out };
        tokio::spawn(forward.run(values, drops));
        for uuid in wanted {
            let characteristic = self.characteristic(uuid).await?;
            self.peripheral.subscribe(&characteristic).await.map_err(failed)?;
        }
        Ok(into_stream(told))
    }
}

impl Link for BluezLink {
    fn device(&self) -> DeviceId {
        self.device.clone()
    }

    fn name(&self) -> Option<String> {
        self.name.clone()
    }

    fn characteristics(&self) -> Vec<Uuid> {
        let mut uuids: Vec<Uuid> =
            self.peripheral.characteristics().into_iter().map(|found| found.uuid).collect();
        uuids.sort();
        uuids.dedup();
        uuids
    }

    fn read(&self, characteristic: Uuid) -> BoxFuture<'_, Result<Vec<u8>, BleError>> {
        Box::pin(async move {
            let characteristic = self.characteristic(characteristic).await?;
            self.peripheral.read(&characteristic).await.map_err(|error| self.asked("reading").failed(error))
        })
    }

    fn write(&self, characteristic: Uuid, value: Vec<u8>) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async move {
            let characteristic = self.characteristic(characteristic).await?;
            let result = self.peripheral.write(&characteristic, &value, WriteType::WithResponse).await;
            result.map_err(|error| self.asked("writing").failed(error))
        })
    }

    fn subscribe(
        &self,
        characteristics: Vec<Uuid>,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Notification>, BleError>> {
        Box::pin(self.subscribe_all(characteristics))
    }

    fn disconnect(&self) -> BoxFuture<'_, Result<(), BleError>> {
        Box::pin(async move {
            match self.peripheral.disconnect().await {
                Err(error) if !is_not_connected(&error) => Err(self.asked("disconnecting").failed(error)),
                _ => Ok(()),
            }
        })
    }
}

/// Hands on the values of one subscription.
struct Forward {
    device: DeviceId,
    wanted: Vec<Uuid>,
    out: mpsc::Sender<Notification>,
}

impl Forward {
    /// Ends with the link or with the reader.
    async fn run(self, mut values: Values, mut drops: broadcast::Receiver<DeviceId>) {
        let mut lost: u64 = 0;
        loop {
            let value = tokio::select! {
                biased;
                value = values.next() => value,
                () = dropped(&mut drops, &self.device) => return,
                () = self.out.closed() => return,
            };
            let Some(value) = value else { return };
            if self.wanted.contains(&value.uuid) {
                lost = self.hand_on(value, lost);
            }
        }
    }

    /// Drops the value when the reader is too slow; gives how many it has lost in a row.
    fn hand_on(&self, value: ValueNotification, lost: u64) -> u64 {
        let notification = Notification { characteristic: value.uuid, value: value.value };
        let is_full = matches!(self.out.try_send(notification), Err(mpsc::error::TrySendError::Full(_)));
        match (is_full, lost) {
            (true, 0) => tracing::warn!(device = %self.device, "values are lost: their reader is too slow"),
            (false, 1..) => tracing::warn!(device = %self.device, lost, "values were lost"),
            _ => {}
        }
        if is_full { lost + 1 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const HEART_RATE_MEASUREMENT: Uuid = Uuid::from_u128(0x2a37);
    const BATTERY_LEVEL: Uuid = Uuid::from_u128(0x2a19);

    fn strap() -> DeviceId {
        DeviceId::parse("AA:BB:CC:00:11:22").unwrap()
    }

    fn forward(wanted: &[Uuid]) -> (Forward, mpsc::Receiver<Notification>) {
        let (out, told) = mpsc::channel(VALUES_MAX);
        (Forward { device: strap(), wanted: wanted.to_vec(), out }, told)
    }

    fn value(uuid: Uuid, byte: u8) -> ValueNotification {
        ValueNotification { uuid, service_uuid: Uuid::nil(), value: vec![byte] }
    }

    async fn bytes(told: mpsc::Receiver<Notification>) -> Vec<u8> {
        into_stream(told).map(|notification| notification.value[0]).collect().await
    }

    #[tokio::test]
    async fn values_come_in_order_and_only_those_asked_for() {
        let (forward, told) = forward(&[HEART_RATE_MEASUREMENT]);
        let drops = broadcast::Sender::new(1);
        let sent = [
            value(HEART_RATE_MEASUREMENT, 1),
            value(BATTERY_LEVEL, 9),
            value(HEART_RATE_MEASUREMENT, 2),
            value(HEART_RATE_MEASUREMENT, 3),
        ];
        forward.run(Box::pin(stream::iter(sent)), drops.subscribe()).await;
        assert_eq!(bytes(told).await, [1, 2, 3]);
    }

    #[tokio::test]
    async fn what_came_before_the_link_broke_is_still_told() {
        let (forward, told) = forward(&[HEART_RATE_MEASUREMENT]);
        let drops = broadcast::Sender::new(1);
        let listener = drops.subscribe();
        drops.send(strap()).unwrap();
        let values = stream::iter([value(HEART_RATE_MEASUREMENT, 1)]).chain(stream::pending());
        forward.run(Box::pin(values), listener).await;
        assert_eq!(bytes(told).await, [1]);
    }

    #[tokio::test]
    async fn the_stream_ends_with_the_session() {
        let (forward, told) = forward(&[HEART_RATE_MEASUREMENT]);
        let drops = broadcast::Sender::new(1);
        let listener = drops.subscribe();
        drop(drops);
        forward.run(Box::pin(stream::pending()), listener).await;
        assert_eq!(bytes(told).await, []);
    }

    #[tokio::test]
    async fn the_task_ends_with_its_reader() {
        let (forward, told) = forward(&[HEART_RATE_MEASUREMENT]);
        let drops = broadcast::Sender::new(1);
        drop(told);
        forward.run(Box::pin(stream::pending()), drops.subscribe()).await;
    }

    #[tokio::test]
    async fn a_slow_reader_loses_values_and_nobody_waits() {
        let (forward, told) = forward(&[HEART_RATE_MEASUREMENT]);
        let drops = broadcast::Sender::new(1);
        let many =
            stream::iter((0..1_000u32).map(|number| value(HEART_RATE_MEASUREMENT, (number % 251) as u8)));
        forward.run(Box::pin(many), drops.subscribe()).await;
        let told = bytes(told).await;
        assert_eq!(told.len(), VALUES_MAX);
        assert_eq!(&told[..3], [0, 1, 2]);
    }
}
