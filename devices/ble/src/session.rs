//! The adapter while it is open: its events, and the news that links broke.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use btleplug::api::{Central, CentralEvent, CentralState, Manager as _, Peripheral as _, ScanFilter};
use btleplug::platform::{Adapter, Manager, Peripheral, PeripheralId};
use carpus_devices::BoxStream;
use carpus_devices::bluetooth::{Advertisement, BleError, DeviceId, RadioEvent};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::address::{of_address, of_id, readable_name};
use crate::error::{Asked, blocked, is_already_so, no_adapter};
use crate::scan::{Heard, Sightings};
use crate::watch::Watch;

/// How many events may wait for their reader. Half of it is for what matters more than advertisements.
const EVENTS_MAX: usize = 256;
/// How many broken links may wait for the tasks that hold one.
const DROPS_MAX: usize = 64;

type CentralEvents = Pin<Box<dyn Stream<Item = CentralEvent> + Send>>;

/// An open adapter. Ends its streams when dropped, or when BlueZ or the adapter goes away.
pub(crate) struct Session {
    adapter: Adapter,
    sightings: Arc<Mutex<Sightings>>,
    drops: Drops,
    pump: JoinHandle<()>,
}

impl Session {
    /// Starts to listen to `adapter`, until `watch` says that it went away.
    pub(crate) async fn open(
        adapter: Adapter,
        watch: Watch,
    ) -> Result<(Self, BoxStream<'static, RadioEvent>), BleError> {
        let asked = Asked::adapter("opening the adapter");
        let failed = |error| asked.failed(error);
        let name = adapter_name(&adapter).await?;
        watch.follow(&name).await.map_err(|error| asked.bus_failed(error))?;
        let is_off = adapter.adapter_state().await.map_err(failed)? == CentralState::PoweredOff;
        let events = adapter.events().await.map_err(failed)?;
        let (out, events_told) = mpsc::channel(EVENTS_MAX);
        if is_off {
            let _ = out.try_send(RadioEvent::Powered(false));
        }
        let drops = broadcast::Sender::new(DROPS_MAX);
        let sightings = Arc::new(Mutex::new(Sightings::default()));
        let weak_drops = Drops(drops.downgrade());
        let pump = Pump { adapter: adapter.clone(), sightings: Arc::clone(&sightings), out, drops };
        let pump = tokio::spawn(pump.run(events, watch));
        Ok((Self { adapter, sightings, drops: weak_drops, pump }, into_stream(events_told)))
    }

    /// Whether BlueZ or the adapter went away.
    pub(crate) fn is_over(&self) -> bool {
        self.pump.is_finished()
    }

    /// The news that links broke.
    pub(crate) fn drops(&self) -> Drops {
        self.drops.clone()
    }

    /// What the adapter is, for people.
    pub(crate) async fn describe(&self) -> Result<String, BleError> {
        describe(&self.adapter).await
    }

    /// Looks for peripherals. BlueZ switches the adapter on for this.
    pub(crate) async fn start_scan(&self, services: Vec<Uuid>) -> Result<(), BleError> {
        // Before BlueZ starts, or the first advertisements would be lost.
        let before = lock(&self.sightings).begin(services.clone());
        let Err(error) = self.adapter.start_scan(ScanFilter { services }).await else { return Ok(()) };
        lock(&self.sightings).go_back(before);
        let error = Asked::adapter("starting a scan").failed(error);
        // BlueZ says no more than that it failed when a switch keeps the adapter off.
        match (error, self.adapter.adapter_state().await) {
            (BleError::Failed(_), Ok(CentralState::PoweredOff)) => Err(blocked()),
            (error, _) => Err(error),
        }
    }

    /// Stops looking; also right when no scan runs.
    pub(crate) async fn stop_scan(&self) -> Result<(), BleError> {
        lock(&self.sightings).end();
        match self.adapter.stop_scan().await {
            Err(error) if !is_already_so(&error) => Err(Asked::adapter("stopping the scan").failed(error)),
            _ => Ok(()),
        }
    }

    /// The peripheral with the address `device`, while BlueZ knows it.
    pub(crate) async fn peripheral(&self, device: &DeviceId) -> Result<Peripheral, BleError> {
        let known = self.adapter.peripherals().await;
        let known = known.map_err(|error| Asked::adapter("looking up a peripheral").failed(error))?;
        let found =
            known.into_iter().find(|peripheral| of_address(peripheral.address()).as_ref() == Some(device));
        found.ok_or_else(|| BleError::Unknown(device.clone()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// Where the news that links broke comes from. It ends with the session.
#[derive(Clone)]
pub(crate) struct Drops(broadcast::WeakSender<DeviceId>);

impl Drops {
    /// The news from now on; none when the session is over.
    pub(crate) fn listen(&self) -> Option<broadcast::Receiver<DeviceId>> {
        self.0.upgrade().map(|drops| drops.subscribe())
    }
}

/// Waits until the link to `device` breaks, or the session ends. Can be cancelled.
pub(crate) async fn dropped(drops: &mut broadcast::Receiver<DeviceId>, device: &DeviceId) {
    loop {
        match drops.recv().await {
            Ok(other) if other != *device => {}
            // News were lost: this link may be among them, and its holder finds out by connecting again.
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed) => {
                return;
            }
        }
    }
}

/// The adapter with the name `wanted`, or else the first by name.
pub(crate) async fn choose_adapter(manager: &Manager, wanted: Option<&str>) -> Result<Adapter, BleError> {
    let adapters = manager.adapters().await;
    let adapters = adapters.map_err(|error| Asked::adapter("listing the adapters").failed(error))?;
    let mut named = Vec::new();
    for adapter in adapters {
        named.push((adapter_name(&adapter).await?, adapter));
    }
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    let chosen = named.into_iter().find(|(name, _)| wanted.is_none_or(|wanted| wanted == name));
    chosen.map(|(_, adapter)| adapter).ok_or_else(no_adapter)
}

/// `hci0`, out of `hci0 (usb:…)`. Unlike the adapter's state, this fails when BlueZ does not answer.
async fn adapter_name(adapter: &Adapter) -> Result<String, BleError> {
    let info = adapter.adapter_info().await;
    let info = info.map_err(|error| Asked::adapter("asking the adapter").failed(error))?;
    Ok(info.split(' ').next().unwrap_or_default().to_owned())
}

/// What `adapter` is, for people.
pub(crate) async fn describe(adapter: &Adapter) -> Result<String, BleError> {
    let failed = |error| Asked::adapter("asking the adapter").failed(error);
    let info = adapter.adapter_info().await.map_err(failed)?;
    let address = adapter.adapter_address().await.map_err(failed)?;
    let address = address.map_or_else(|| "without an address".to_owned(), |address| address.to_string());
    Ok(format!("BlueZ on {info}, {address}"))
}

/// What a receiver gets, as a stream.
pub(crate) fn into_stream<T: Send + 'static>(mut receiver: mpsc::Receiver<T>) -> BoxStream<'static, T> {
    Box::pin(stream::poll_fn(move |context| receiver.poll_recv(context)))
}

/// What btleplug's events mean to us.
#[derive(Debug, PartialEq, Eq)]
enum Signal {
    Heard { rssi_dbm: Option<i16>, services: Option<Vec<Uuid>> },
    Connected,
    Disconnected,
}

/// Turns the events of BlueZ into those of the port.
struct Pump {
    adapter: Adapter,
    sightings: Arc<Mutex<Sightings>>,
    out: mpsc::Sender<RadioEvent>,
    drops: broadcast::Sender<DeviceId>,
}

impl Pump {
    async fn run(self, mut events: CentralEvents, mut watch: Watch) {
        loop {
            let event = tokio::select! {
                lost = watch.lost() => {
                    tracing::warn!(?lost, "Bluetooth went away");
                    return;
                }
                event = events.next() => event,
            };
            let Some(event) = event else { return };
            if self.handle(event).await.is_err() {
                tracing::warn!("nobody reads the events of the Bluetooth adapter; it is closed");
                return;
            }
        }
    }

    async fn handle(&self, event: CentralEvent) -> Result<(), TooSlow> {
        let (id, signal) = match event {
            CentralEvent::StateUpdate(state) => return self.tell_power(state),
            CentralEvent::DeviceConnected(id) => (id, Signal::Connected),
            CentralEvent::DeviceDisconnected(id) => (id, Signal::Disconnected),
            CentralEvent::RssiUpdate { id, rssi } => (id, heard(Some(rssi), None)),
            CentralEvent::ServicesAdvertisement { id, services } => (id, heard(None, Some(services))),
            CentralEvent::DeviceDiscovered(id)
            | CentralEvent::ManufacturerDataAdvertisement { id, .. }
            | CentralEvent::ServiceDataAdvertisement { id, .. } => (id, heard(None, None)),
            CentralEvent::DeviceUpdated(_) | CentralEvent::DeviceServicesModified(_) => return Ok(()),
        };
        let Some(device) = of_id(&id) else { return Ok(()) };
        match signal {
            Signal::Connected => self.tell_connected(device),
            Signal::Disconnected => self.tell_disconnected(device),
            Signal::Heard { rssi_dbm, services } => {
                let heard = lock(&self.sightings).hear(&device, rssi_dbm, services);
                self.follow(heard, &id).await;
                Ok(())
            }
        }
    }

    async fn follow(&self, heard: Heard, id: &PeripheralId) {
        let seen = match heard {
            Heard::Ignore => return,
            Heard::Tell(seen) => Some(seen),
            Heard::Ask => match self.properties(id).await {
                Some(properties) => lock(&self.sightings).learn(properties),
                None => None,
            },
        };
        if let Some(seen) = seen
            && self.out.capacity() > EVENTS_MAX / 2
        {
            let _ = self.out.try_send(RadioEvent::Seen(seen));
        }
    }

    /// What BlueZ knows of a peripheral; none when it has forgotten it since.
    async fn properties(&self, id: &PeripheralId) -> Option<Advertisement> {
        let peripheral = self.adapter.peripheral(id).await.ok()?;
        let properties = peripheral.properties().await.ok()??;
        let device = of_address(properties.address)?;
        let name = readable_name(properties.local_name, properties.advertisement_name, &device);
        Some(Advertisement { device, name, rssi_dbm: properties.rssi, services: properties.services })
    }

    fn tell_power(&self, state: CentralState) -> Result<(), TooSlow> {
        match state {
            CentralState::PoweredOn => self.tell(RadioEvent::Powered(true)),
            CentralState::PoweredOff => self.tell(RadioEvent::Powered(false)),
            CentralState::Unknown => Ok(()),
        }
    }

    fn tell_connected(&self, device: DeviceId) -> Result<(), TooSlow> {
        lock(&self.sightings).set_connected(&device, true);
        self.tell(RadioEvent::Connected(device))
    }

    fn tell_disconnected(&self, device: DeviceId) -> Result<(), TooSlow> {
        lock(&self.sightings).set_connected(&device, false);
        let _ = self.drops.send(device.clone());
        self.tell(RadioEvent::Disconnected(device))
    }

    /// A reader that has gone is no fault: the links still need the news.
    fn tell(&self, event: RadioEvent) -> Result<(), TooSlow> {
        match self.out.try_send(event) {
            Err(mpsc::error::TrySendError::Full(_)) => Err(TooSlow),
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        }
    }
}

/// The reader of the events has let too many pile up.
#[derive(Debug)]
struct TooSlow;

fn heard(rssi_dbm: Option<i16>, services: Option<Vec<Uuid>>) -> Signal {
    Signal::Heard { rssi_dbm, services }
}

fn lock(sightings: &Mutex<Sightings>) -> MutexGuard<'_, Sightings> {
    sightings.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(last: &str) -> DeviceId {
        DeviceId::parse(&format!("AA:BB:CC:00:11:{last}")).unwrap()
    }

    #[tokio::test]
    async fn a_broken_link_is_told_to_its_holder_only() {
        let sender = broadcast::Sender::new(4);
        let mut drops = Drops(sender.downgrade()).listen().unwrap();
        sender.send(device("01")).unwrap();
        sender.send(device("02")).unwrap();
        sender.send(device("03")).unwrap();
        dropped(&mut drops, &device("02")).await;
        assert_eq!(drops.try_recv().unwrap(), device("03"));
    }

    #[tokio::test]
    async fn all_links_end_with_the_session() {
        let sender = broadcast::Sender::new(4);
        let weak = Drops(sender.downgrade());
        let mut drops = weak.listen().unwrap();
        drop(sender);
        dropped(&mut drops, &device("01")).await;
        assert!(weak.listen().is_none());
    }

    #[tokio::test]
    async fn news_that_were_lost_count_as_a_break() {
        let sender = broadcast::Sender::new(2);
        let mut drops = Drops(sender.downgrade()).listen().unwrap();
        for _ in 0..5 {
            sender.send(device("01")).unwrap();
        }
        dropped(&mut drops, &device("02")).await;
    }

    #[tokio::test]
    async fn a_stream_ends_with_its_sender() {
        let (sender, receiver) = mpsc::channel(4);
        sender.send(1).await.unwrap();
        drop(sender);
        assert_eq!(into_stream(receiver).collect::<Vec<_>>().await, [1]);
    }
}
