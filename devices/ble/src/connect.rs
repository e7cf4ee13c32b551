//! One attempt to connect.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use btleplug::api::{Peripheral as _, PeripheralProperties, Service};
use btleplug::platform::Peripheral;
use carpus_devices::bluetooth::{BleError, DeviceId};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::address::readable_name;
use crate::error::{Asked, is_already_so, is_not_connected, went_away};
use crate::link::BluezLink;
use crate::session::{Session, dropped};

/// How long taking down a link may take.
const HANG_UP_LIMIT: Duration = Duration::from_secs(5);

/// BlueZ may say that services are resolved before it has put all of them on the bus: a second in all is
/// given to that, and then what is there is taken.
const DISCOVERIES_MAX: u32 = 6;
const DISCOVERY_PAUSE: Duration = Duration::from_millis(200);

/// Services that BlueZ keeps to itself: Generic Access (0x1800) and Generic Attribute (0x1801).
const HIDDEN: [Uuid; 2] = [
    Uuid::from_u128(0x0000_1800_0000_1000_8000_0080_5f9b_34fb),
    Uuid::from_u128(0x0000_1801_0000_1000_8000_0080_5f9b_34fb),
];

#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the link broke while it was set up")]
struct Broke;

/// Connects to `device` and discovers its characteristics within `limit`.
pub(crate) async fn connect(
    session: &Session,
    device: DeviceId,
    limit: Duration,
) -> Result<BluezLink, BleError> {
    let mut attempt = Attempt(None);
    let result = timeout(limit, attempt.run(session, &device)).await;
    match result.unwrap_or_else(|_| Err(Asked::of("connecting", &device).timed_out(limit))) {
        Ok(link) => {
            attempt.0 = None;
            Ok(link)
        }
        Err(error) => {
            attempt.cancel().await;
            Err(error)
        }
    }
}

/// An attempt that BlueZ may be busy with, until it is kept or cancelled.
struct Attempt(Option<Peripheral>);

impl Attempt {
    async fn run(&mut self, session: &Session, device: &DeviceId) -> Result<BluezLink, BleError> {
        let peripheral = session.peripheral(device).await?;
        take_down_stale(session, &peripheral, device).await;
        let mut drops = session.drops().listen().ok_or_else(went_away)?;
        self.0 = Some(peripheral.clone());
        let name = tokio::select! {
            established = establish(&peripheral, device) => established?,
            () = dropped(&mut drops, device) => return Err(BleError::Transient(Arc::new(Broke))),
        };
        Ok(BluezLink::new(device.clone(), name, peripheral, session.drops()))
    }

    async fn cancel(&mut self) {
        if let Some(peripheral) = self.0.take() {
            hang_up(&peripheral).await;
        }
    }
}

impl Drop for Attempt {
    /// The caller gave up waiting: BlueZ must too.
    fn drop(&mut self) {
        if let (Some(peripheral), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { hang_up(&peripheral).await });
        }
    }
}

async fn hang_up(peripheral: &Peripheral) {
    match timeout(HANG_UP_LIMIT, peripheral.disconnect()).await {
        Ok(Err(error)) if !is_not_connected(&error) => tracing::debug!(%error, "cancelling a connect"),
        Ok(_) => {}
        Err(_) => tracing::debug!(limit = ?HANG_UP_LIMIT, "BlueZ does not cancel a connect"),
    }
}

/// A link from before, of this program or of an earlier run, may be half dead: it must not pass for a new one.
async fn take_down_stale(session: &Session, peripheral: &Peripheral, device: &DeviceId) {
    if !peripheral.is_connected().await.unwrap_or(false) {
        return;
    }
    tracing::debug!(%device, "taking down a link left over");
    let Some(mut drops) = session.drops().listen() else {
        return;
    };
    hang_up(peripheral).await;
    // Its end must not be taken for the end of the link that comes next.
    let _ = timeout(HANG_UP_LIMIT, dropped(&mut drops, device)).await;
}

/// Brings the link up, and gives the peripheral's name.
async fn establish(peripheral: &Peripheral, device: &DeviceId) -> Result<Option<String>, BleError> {
    match peripheral.connect().await {
        Err(error) if !is_already_so(&error) => return Err(Asked::of("connecting", device).failed(error)),
        _ => {}
    }
    let properties = discover(peripheral, device).await?;
    Ok(readable_name(properties.local_name, properties.advertisement_name, device))
}

async fn discover(peripheral: &Peripheral, device: &DeviceId) -> Result<PeripheralProperties, BleError> {
    let failed = |error| Asked::of("discovering services", device).failed(error);
    let mut remaining = DISCOVERIES_MAX;
    loop {
        remaining -= 1;
        let result = peripheral.discover_services().await;
        match result {
            Err(error) if remaining == 0 => return Err(failed(error)),
            Err(error) => tracing::debug!(%device, %error, "service discovery"),
            Ok(()) => {
                let properties = peripheral.properties().await.map_err(failed)?.unwrap_or_default();
                if remaining == 0 || is_complete(&properties.services, &peripheral.services()) {
                    return Ok(properties);
                }
                tracing::debug!(%device, "services are not complete yet");
            }
        }
        sleep(DISCOVERY_PAUSE).await;
    }
}

/// Whether all services that the peripheral has, as far as BlueZ tells, are on the bus.
fn is_complete(announced: &[Uuid], discovered: &BTreeSet<Service>) -> bool {
    let is_there = |uuid: &Uuid| discovered.iter().any(|service| service.uuid == *uuid);
    let has_characteristics = discovered.iter().any(|service| !service.characteristics.is_empty());
    has_characteristics && announced.iter().all(|uuid| HIDDEN.contains(uuid) || is_there(uuid))
}

#[cfg(test)]
mod tests {
    use btleplug::api::{CharPropFlags, Characteristic};

    use super::*;

    const HEART_RATE: Uuid = Uuid::from_u128(0x0000_180d_0000_1000_8000_0080_5f9b_34fb);
    const BATTERY: Uuid = Uuid::from_u128(0x0000_180f_0000_1000_8000_0080_5f9b_34fb);

    fn service(uuid: Uuid, characteristics: &[u128]) -> Service {
        let characteristic = |number: &u128| Characteristic {
            uuid: Uuid::from_u128(*number),
            service_uuid: uuid,
            properties: CharPropFlags::NOTIFY,
            descriptors: BTreeSet::new(),
        };
        Service { uuid, primary: true, characteristics: characteristics.iter().map(characteristic).collect() }
    }

    #[test]
    fn services_are_awaited_until_each_announced_one_is_there() {
        let both = [HEART_RATE, BATTERY];
        assert!(!is_complete(&both, &BTreeSet::new()));
        assert!(!is_complete(&both, &BTreeSet::from([service(HEART_RATE, &[1])])));
        assert!(is_complete(&both, &BTreeSet::from([service(HEART_RATE, &[1]), service(BATTERY, &[2])])));
    }

    #[test]
    fn a_service_without_characteristics_is_not_enough() {
        assert!(!is_complete(&[HEART_RATE], &BTreeSet::from([service(HEART_RATE, &[])])));
        assert!(!is_complete(&[], &BTreeSet::new()));
    }

    #[test]
    fn what_bluez_keeps_to_itself_is_not_awaited() {
        let announced = [HIDDEN[0], HIDDEN[1], HEART_RATE];
        assert!(is_complete(&announced, &BTreeSet::from([service(HEART_RATE, &[1])])));
    }
}
