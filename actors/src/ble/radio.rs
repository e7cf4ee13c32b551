//! The calls to the radio. Each runs detached from the actor, and its result comes back as a message.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, Message};
use carpus_core::Now;
use carpus_core::link::FailureClass;
use carpus_devices::BoxStream;
use carpus_devices::bluetooth::{BleError, DeviceId, Link, Notification, Radio, RadioEvent};
use carpus_devices::clock::Clock;
use carpus_gatt::battery::BatteryLevel;
use carpus_gatt::device_information::decode_string;
use carpus_gatt::heart_rate::BodySensorLocation;
use carpus_gatt::{DecodeError, uuid as numbers};
use futures_util::{FutureExt, StreamExt};
use uuid::Uuid;

use super::Ble;
use super::strap::Information;
use crate::time;

pub(super) const HEART_RATE_SERVICE: Uuid = uuid(numbers::HEART_RATE_SERVICE);
pub(super) const MEASUREMENT: Uuid = uuid(numbers::HEART_RATE_MEASUREMENT);
pub(super) const BATTERY_LEVEL: Uuid = uuid(numbers::BATTERY_LEVEL);

/// How long opening the adapter, starting or stopping a scan, subscribing, or one read may take.
const CALL_TIME: Duration = Duration::from_secs(10);
/// How much longer than its own limit a connect is waited for.
const CONNECT_GRACE: Duration = Duration::from_secs(10);

/// The longest time that a connect and a subscription can take here: whoever waits longer waits in vain.
pub(super) const fn attempt_limit(connect_limit: Duration) -> Duration {
    connect_limit.saturating_add(CONNECT_GRACE).saturating_add(CALL_TIME.saturating_mul(2))
}

const fn uuid(assigned: u16) -> Uuid {
    Uuid::from_u128(numbers::expand(assigned))
}

/// Which opening of the adapter; news of an earlier one is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Opening(pub(super) u64);

/// Which link to a strap; news of an earlier one is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkLife(pub(super) u64);

/// One of the calls that the adapter takes only one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RadioCall {
    /// In case an earlier life of the runtime left a scan running.
    StopOldScan,
    StartScan,
    StopScan,
    Connect(DeviceId),
}

/// How a [`RadioCall`] went.
pub(super) enum RadioAnswer {
    ScanStarted(Result<(), BleError>),
    ScanStopped,
    Connected(DeviceId, Result<Arc<dyn Link>, BleError>),
}

/// What the radio tells the actor.
pub(super) enum News {
    /// The adapter is open; whether it is switched on.
    Opened {
        powered: bool,
    },
    NotOpened(BleError),
    /// The stream of events ended: the adapter or the Bluetooth service is gone.
    Gone,
    Event(RadioEvent),
    Answer(RadioAnswer),
    Subscribed(DeviceId, LinkLife, Result<(), BleError>),
    Notified {
        device: DeviceId,
        life: LinkLife,
        arrived: Now,
        notification: Notification,
    },
    /// The notifications ended: the link is gone.
    Ended(DeviceId, LinkLife),
    /// A link was taken down, or that failed.
    TakenDown(DeviceId),
    Information(DeviceId, LinkLife, Information),
}

/// News of one opening of the adapter.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct FromRadio {
    pub(super) opening: Opening,
    pub(super) news: News,
}

/// The way back to the actor. Sending waits until the actor has dealt with the news, so that a burst of packets waits
/// in the backend and not in the mailbox.
#[derive(Clone)]
pub(super) struct Reporter {
    pub(super) actor: Addr<Ble>,
    pub(super) opening: Opening,
}

impl Reporter {
    /// False when the actor is gone.
    async fn tell(&self, news: News) -> bool {
        // Each time from a fresh clone, which has a free place in the mailbox: actix does not wake a sender that waits
        // for one. Without a limit, since losing news would leave the actor with a wrong picture.
        self.actor.clone().send(FromRadio { opening: self.opening, news }).await.is_ok()
    }
}

/// The work of a backend, in which a panic counts as a failure.
async fn guarded<T>(work: impl Future<Output = Result<T, BleError>>) -> Result<T, BleError> {
    #[derive(Debug, thiserror::Error)]
    #[error("the Bluetooth backend panicked")]
    struct Panicked;

    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(BleError::Failed(Arc::new(Panicked))))
}

async fn limited<T>(
    what: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, BleError>>,
) -> Result<T, BleError> {
    tokio::time::timeout(limit, guarded(work)).await.unwrap_or(Err(BleError::TimedOut { what, limit }))
}

/// Opens the adapter, and forwards its events until it is gone.
pub(super) async fn listen(radio: Arc<dyn Radio>, reporter: Reporter) {
    let mut events = match limited("opening the adapter", CALL_TIME, radio.open()).await {
        Ok(events) => events,
        Err(error) => {
            reporter.tell(News::NotOpened(error)).await;
            return;
        }
    };
    // An adapter that is off says so first; nothing may be asked of it before that is heard.
    let first = events.next().now_or_never();
    let powered = !matches!(first, Some(Some(RadioEvent::Powered(false))));
    let mut lives = reporter.tell(News::Opened { powered }).await;
    if let Some(Some(event)) = first {
        lives = lives && reporter.tell(News::Event(event)).await;
    }
    let forward = async {
        while lives && let Some(event) = events.next().await {
            lives = reporter.tell(News::Event(event)).await;
        }
        Ok(())
    };
    if let Err(error) = guarded(forward).await {
        tracing::warn!("{}", crate::report::with_causes(&error));
    }
    reporter.tell(News::Gone).await;
}

/// Runs one call to the adapter.
pub(super) async fn call(
    radio: Arc<dyn Radio>,
    call: RadioCall,
    connect_limit: Duration,
    reporter: Reporter,
) {
    let answer = match call {
        RadioCall::StartScan => {
            let starting = radio.start_scan(vec![HEART_RATE_SERVICE]);
            RadioAnswer::ScanStarted(limited("starting a scan", CALL_TIME, starting).await)
        }
        RadioCall::StopScan | RadioCall::StopOldScan => {
            if let Err(error) = limited("stopping the scan", CALL_TIME, radio.stop_scan()).await {
                tracing::debug!("the scan could not be stopped: {}", crate::report::with_causes(&error));
            }
            RadioAnswer::ScanStopped
        }
        RadioCall::Connect(device) => {
            let connecting = radio.connect(device.clone(), connect_limit);
            let limit = connect_limit.saturating_add(CONNECT_GRACE);
            RadioAnswer::Connected(device, limited("connecting", limit, connecting).await)
        }
    };
    reporter.tell(News::Answer(answer)).await;
}

/// Subscribes to a strap's heart rate (and battery, where it has one), and forwards what it sends until it ends.
pub(super) async fn follow(link: Arc<dyn Link>, life: LinkLife, clock: Arc<dyn Clock>, reporter: Reporter) {
    let device = link.device();
    let mut notifications = match limited("subscribing", CALL_TIME, subscribe(&*link)).await {
        Ok(notifications) => notifications,
        Err(error) => {
            reporter.tell(News::Subscribed(device, life, Err(error))).await;
            return;
        }
    };
    let mut lives = reporter.tell(News::Subscribed(device.clone(), life, Ok(()))).await;
    let forward = async {
        while lives && let Some(notification) = notifications.next().await {
            let arrived = time::now(&*clock);
            let device = device.clone();
            lives = reporter.tell(News::Notified { device, life, arrived, notification }).await;
        }
        Ok(())
    };
    if let Err(error) = guarded(forward).await {
        tracing::warn!(strap = %device, "{}", crate::report::with_causes(&error));
    }
    reporter.tell(News::Ended(device, life)).await;
}

async fn subscribe(link: &dyn Link) -> Result<BoxStream<'static, Notification>, BleError> {
    let offered = link.characteristics();
    if !offered.contains(&MEASUREMENT) {
        return Err(BleError::NoCharacteristic { device: link.device(), characteristic: MEASUREMENT });
    }
    let mut wanted = vec![MEASUREMENT];
    if offered.contains(&BATTERY_LEVEL) {
        wanted.push(BATTERY_LEVEL);
    }
    link.subscribe(wanted).await
}

/// Takes a link down.
pub(super) async fn take_down(link: Arc<dyn Link>, reporter: Reporter) {
    let device = link.device();
    if let Err(error) = limited("disconnecting", CALL_TIME, link.disconnect()).await {
        tracing::debug!(strap = %device, "could not be disconnected: {}", crate::report::with_causes(&error));
    }
    reporter.tell(News::TakenDown(device)).await;
}

/// Asks a strap about itself. What it does not answer, or answers wrongly, is left out.
pub(super) async fn ask(link: Arc<dyn Link>, life: LinkLife, reporter: Reporter) {
    let link = &*link;
    let information = Information {
        battery_percent: read(link, numbers::BATTERY_LEVEL, BatteryLevel::decode)
            .await
            .map(BatteryLevel::percent),
        location: read(link, numbers::BODY_SENSOR_LOCATION, BodySensorLocation::decode).await,
        manufacturer: read(link, numbers::MANUFACTURER_NAME, decode_string).await,
        model: read(link, numbers::MODEL_NUMBER, decode_string).await,
    };
    reporter.tell(News::Information(link.device(), life, information)).await;
}

async fn read<T>(
    link: &dyn Link,
    assigned: u16,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Option<T> {
    let characteristic = uuid(assigned);
    if !link.characteristics().contains(&characteristic) {
        return None;
    }
    let strap = link.device();
    let value = match limited("reading", CALL_TIME, link.read(characteristic)).await {
        Ok(value) => value,
        Err(error) => {
            tracing::debug!(%strap, %characteristic, "cannot be read: {}", crate::report::with_causes(&error));
            return None;
        }
    };
    decode(&value)
        .inspect_err(|error| tracing::debug!(%strap, %characteristic, "cannot be decoded: {error}"))
        .ok()
}

/// The class of a failed connect or subscription, which decides when it is tried again.
pub(super) const fn class_of(error: &BleError) -> FailureClass {
    match error {
        BleError::Transient(_) => FailureClass::Transient,
        BleError::Busy(_) => FailureClass::Busy,
        BleError::Unknown(_) => FailureClass::NotFound,
        BleError::TimedOut { .. } => FailureClass::TimedOut,
        BleError::NoCharacteristic { .. } => FailureClass::Incomplete,
        BleError::Disconnected => FailureClass::Disconnected,
        BleError::NoAdapter { .. }
        | BleError::NotPermitted { .. }
        | BleError::PoweredOff { .. }
        | BleError::Failed(_) => FailureClass::Other,
    }
}

/// Whether the error is about the adapter, not about one strap.
pub(super) const fn is_about_the_adapter(error: &BleError) -> bool {
    matches!(error, BleError::NoAdapter { .. } | BleError::NotPermitted { .. } | BleError::PoweredOff { .. })
}
