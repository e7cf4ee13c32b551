//! The state of the simulated adapter and of what is around it: one value behind one lock, no waiting.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use carpus_devices::bluetooth::{Advertisement, BleError, DeviceId, Notification, RadioEvent};
use tokio::sync::broadcast;
use tokio::time::Instant;
use uuid::Uuid;

use crate::random::Random;
use crate::strap::{BATTERY_LEVEL, HEART_RATE_SERVICE, MEASUREMENT, Sensor, Strap};

/// How many signals a listener may be behind before it loses the oldest.
const SIGNALS_MAX: usize = 1024;
/// The signal strength of a strap on the same body, in dBm, and how far it moves.
const RSSI_DBM: f64 = -62.0;
/// See [`RSSI_DBM`].
const RSSI_DEVIATION_DB: f64 = 3.0;

/// What the radio tells its event streams.
#[derive(Clone, Debug)]
pub(crate) enum RadioSignal {
    /// To be given to whoever listens.
    Event(RadioEvent),
    /// Scanning began or ended.
    ScanChanged,
    /// The Bluetooth service is gone.
    ServiceGone,
}

/// What a link tells its subscriptions.
#[derive(Clone, Debug)]
pub(crate) enum LinkSignal {
    /// A value beside the regular ones.
    Value(Notification),
    /// The link is gone.
    Lost,
}

/// A link that is up.
#[derive(Debug)]
struct LinkUp {
    number: u64,
    signals: broadcast::Sender<LinkSignal>,
    /// Whether discovery misses the heart rate measurement.
    is_incomplete: bool,
}

/// A strap, and how it is reached.
#[derive(Debug)]
pub(crate) struct Station {
    pub(crate) sensor: Sensor,
    link: Option<LinkUp>,
    out_until: Option<Instant>,
    muted_until: Option<Instant>,
    connects_to_fail: u32,
    incomplete_discoveries: u32,
}

impl Station {
    fn device(&self) -> &DeviceId {
        &self.sensor.strap.device
    }

    /// Until when it is out of reach; none when it is in reach.
    fn out_until(&self) -> Option<Instant> {
        self.out_until.filter(|until| *until > Instant::now())
    }

    fn is_muted(&self) -> bool {
        self.muted_until.is_some_and(|until| until > Instant::now())
    }

    fn advertises(&self) -> bool {
        self.link.is_none() && self.out_until().is_none()
    }

    fn send(&self, signal: LinkSignal) {
        if let Some(link) = &self.link {
            // No subscription, nobody to tell.
            let _nobody = link.signals.send(signal);
        }
    }
}

/// The adapter's state.
#[derive(Debug)]
pub(crate) struct State {
    stations: Vec<Station>,
    random: Random,
    has_service: bool,
    is_powered: bool,
    scan: Option<Vec<Uuid>>,
    is_connecting: bool,
    /// What was seen since the adapter was switched on: others cannot be connected.
    known: BTreeSet<DeviceId>,
    links_made: u64,
    signals: broadcast::Sender<RadioSignal>,
}

impl State {
    pub(crate) fn station(&mut self, device: &DeviceId) -> Option<&mut Station> {
        self.stations.iter_mut().find(|station| station.device() == device)
    }

    fn tell(&self, signal: RadioSignal) {
        // No open stream, nobody to tell.
        let _nobody = self.signals.send(signal);
    }

    fn tell_event(&self, event: RadioEvent) {
        self.tell(RadioSignal::Event(event));
    }

    /// Refuses what takes a working adapter.
    fn ready(&self) -> Result<(), BleError> {
        if !self.has_service {
            return Err(no_service());
        }
        if !self.is_powered {
            return Err(BleError::PoweredOff { remedy: "switch the simulated adapter on".to_owned() });
        }
        Ok(())
    }

    fn lose_link(&mut self, device: &DeviceId) {
        let Some(station) = self.station(device) else {
            return;
        };
        station.send(LinkSignal::Lost);
        if station.link.take().is_some() {
            self.tell_event(RadioEvent::Disconnected(device.clone()));
        }
    }

    fn lose_all(&mut self) {
        let devices: Vec<DeviceId> = self.stations.iter().map(|station| station.device().clone()).collect();
        for device in &devices {
            self.lose_link(device);
        }
        self.known.clear();
        self.scan = None;
        self.tell(RadioSignal::ScanChanged);
    }
}

/// The adapter, shared by the radio, its links and the controls.
#[derive(Clone, Debug)]
pub(crate) struct Adapter {
    state: Arc<Mutex<State>>,
    /// When the straps were put on: the first time that somebody asked for the time.
    start: Arc<OnceLock<Instant>>,
}

impl Adapter {
    pub(crate) fn new(straps: Vec<Strap>, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut stations: Vec<Station> = Vec::new();
        for strap in straps {
            let sensor = Sensor::new(strap, random.next_u64());
            stations.push(Station {
                sensor,
                link: None,
                out_until: None,
                muted_until: None,
                connects_to_fail: 0,
                incomplete_discoveries: 0,
            });
        }
        let state = State {
            stations,
            random,
            has_service: true,
            is_powered: true,
            scan: None,
            is_connecting: false,
            known: BTreeSet::new(),
            links_made: 0,
            signals: broadcast::channel(SIGNALS_MAX).0,
        };
        Self { state: Arc::new(Mutex::new(state)), start: Arc::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing below panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the straps were put on.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.get_or_init(Instant::now).elapsed()
    }

    pub(crate) fn devices(&self) -> Vec<DeviceId> {
        self.lock().stations.iter().map(|station| station.device().clone()).collect()
    }

    // What the radio asks for.

    /// What is told first, and the signals from now on.
    pub(crate) fn open(&self) -> Result<(Vec<RadioEvent>, broadcast::Receiver<RadioSignal>), BleError> {
        self.elapsed();
        let mut state = self.lock();
        if !state.has_service {
            return Err(no_service());
        }
        let known: Vec<DeviceId> = state.known.iter().cloned().collect();
        let mut first: Vec<RadioEvent> =
            known.iter().filter_map(|device| state.advertisement(device)).map(RadioEvent::Seen).collect();
        if !state.is_powered {
            first.push(RadioEvent::Powered(false));
        }
        Ok((first, state.signals.subscribe()))
    }

    pub(crate) fn start_scan(&self, services: Vec<Uuid>) -> Result<(), BleError> {
        let mut state = self.lock();
        state.ready()?;
        state.scan = Some(services);
        state.tell(RadioSignal::ScanChanged);
        Ok(())
    }

    pub(crate) fn stop_scan(&self) -> Result<(), BleError> {
        let mut state = self.lock();
        state.ready()?;
        state.scan = None;
        state.tell(RadioSignal::ScanChanged);
        Ok(())
    }

    pub(crate) fn is_scanning(&self) -> bool {
        self.lock().scan.is_some()
    }

    /// What a strap advertises now, if the scan looks for it. From then on it is known.
    pub(crate) fn scanned(&self, device: &DeviceId) -> Option<Advertisement> {
        let mut state = self.lock();
        let wanted = state.scan.clone()?;
        if !wanted.is_empty() && !wanted.contains(&HEART_RATE_SERVICE) {
            return None;
        }
        if !state.station(device)?.advertises() {
            return None;
        }
        state.known.insert(device.clone());
        state.advertisement(device)
    }

    /// Claims the adapter for one connect, until the claim is dropped.
    pub(crate) fn begin_connect(&self, device: &DeviceId) -> Result<ConnectClaim, BleError> {
        let mut state = self.lock();
        state.ready()?;
        if !state.known.contains(device) {
            return Err(BleError::Unknown(device.clone()));
        }
        if state.is_connecting {
            return Err(BleError::Busy(cause("another connect is under way")));
        }
        if state.scan.is_some() {
            return Err(BleError::Busy(cause("a scan is under way")));
        }
        state.is_connecting = true;
        Ok(ConnectClaim(self.clone()))
    }

    pub(crate) fn out_until(&self, device: &DeviceId) -> Option<Instant> {
        self.lock().station(device)?.out_until()
    }

    /// Brings the link up, or gives the one that is up. None when the strap is out of reach.
    pub(crate) fn finish_connect(&self, device: &DeviceId) -> Result<Option<LinkNumber>, BleError> {
        let mut state = self.lock();
        state.ready()?;
        let number = state.links_made + 1;
        let station = state.station(device).ok_or_else(|| BleError::Unknown(device.clone()))?;
        if let Some(link) = &station.link {
            return Ok(Some(LinkNumber(link.number)));
        }
        if station.out_until().is_some() {
            return Ok(None);
        }
        if station.connects_to_fail > 0 {
            station.connects_to_fail -= 1;
            return Err(BleError::Transient(cause("le-connection-abort-by-local")));
        }
        let is_incomplete = station.incomplete_discoveries > 0;
        station.incomplete_discoveries = station.incomplete_discoveries.saturating_sub(1);
        station.link = Some(LinkUp { number, signals: broadcast::channel(SIGNALS_MAX).0, is_incomplete });
        state.links_made = number;
        state.tell_event(RadioEvent::Connected(device.clone()));
        Ok(Some(LinkNumber(number)))
    }

    // What a link asks for.

    /// Does something with the strap over the link, if that is still up.
    pub(crate) fn over_link<T>(
        &self,
        device: &DeviceId,
        link: LinkNumber,
        ask: impl FnOnce(&mut Sensor) -> T,
    ) -> Result<T, BleError> {
        let mut state = self.lock();
        state.ready()?;
        let station = state.station(device).ok_or(BleError::Disconnected)?;
        match &station.link {
            Some(up) if up.number == link.0 => Ok(ask(&mut station.sensor)),
            _ => Err(BleError::Disconnected),
        }
    }

    pub(crate) fn characteristics(&self, device: &DeviceId, link: LinkNumber) -> Vec<Uuid> {
        let mut state = self.lock();
        let up = state.station(device).and_then(|station| station.link.as_ref());
        let is_incomplete = up.is_some_and(|up| up.number == link.0 && up.is_incomplete);
        let mut all = Sensor::characteristics();
        all.retain(|characteristic| !(is_incomplete && *characteristic == MEASUREMENT));
        all
    }

    pub(crate) fn link_signals(
        &self,
        device: &DeviceId,
        link: LinkNumber,
    ) -> Result<broadcast::Receiver<LinkSignal>, BleError> {
        let mut state = self.lock();
        let up = state.station(device).and_then(|station| station.link.as_ref());
        match up {
            Some(up) if up.number == link.0 => Ok(up.signals.subscribe()),
            _ => Err(BleError::Disconnected),
        }
    }

    /// The measurement at `now`, unless the strap is muted.
    pub(crate) fn measure(&self, device: &DeviceId, last: Duration, now: Duration) -> Option<Notification> {
        let mut state = self.lock();
        let station = state.station(device)?;
        let value = station.sensor.measure(last, now);
        (!station.is_muted()).then_some(Notification { characteristic: MEASUREMENT, value })
    }

    pub(crate) fn disconnect(&self, device: &DeviceId, link: LinkNumber) {
        let mut state = self.lock();
        let is_up = state
            .station(device)
            .and_then(|station| station.link.as_ref())
            .is_some_and(|up| up.number == link.0);
        if is_up {
            state.lose_link(device);
        }
    }

    // The controls.

    pub(crate) fn set_power(&self, on: bool) {
        let mut state = self.lock();
        if state.is_powered == on {
            return;
        }
        state.is_powered = on;
        if !on {
            state.lose_all();
        }
        state.tell_event(RadioEvent::Powered(on));
    }

    pub(crate) fn set_service(&self, running: bool) {
        let mut state = self.lock();
        if state.has_service && !running {
            state.lose_all();
            state.tell(RadioSignal::ServiceGone);
        }
        state.has_service = running;
    }

    pub(crate) fn drop_out(&self, device: &DeviceId, length: Duration) -> Option<()> {
        let mut state = self.lock();
        state.station(device)?.out_until = Some(Instant::now() + length);
        state.lose_link(device);
        Some(())
    }

    pub(crate) fn mute(&self, device: &DeviceId, length: Duration) -> Option<()> {
        self.lock().station(device)?.muted_until = Some(Instant::now() + length);
        Some(())
    }

    pub(crate) fn mismeasure(&self, device: &DeviceId) -> Option<()> {
        let mut state = self.lock();
        let station = state.station(device)?;
        let value = station.sensor.mismeasure();
        station.send(LinkSignal::Value(Notification { characteristic: MEASUREMENT, value }));
        Some(())
    }

    pub(crate) fn set_battery(&self, device: &DeviceId, percent: u8) -> Option<()> {
        let mut state = self.lock();
        let station = state.station(device)?;
        station.sensor.set_battery(percent);
        let value = station.sensor.battery_value();
        station.send(LinkSignal::Value(Notification { characteristic: BATTERY_LEVEL, value }));
        Some(())
    }

    pub(crate) fn fail_connects(&self, device: &DeviceId, count: u32) -> Option<()> {
        self.lock().station(device)?.connects_to_fail = count;
        Some(())
    }

    pub(crate) fn hide_measurement(&self, device: &DeviceId, count: u32) -> Option<()> {
        self.lock().station(device)?.incomplete_discoveries = count;
        Some(())
    }
}

impl State {
    fn advertisement(&mut self, device: &DeviceId) -> Option<Advertisement> {
        let rssi_dbm = (RSSI_DBM + RSSI_DEVIATION_DB * self.random.normal()).round() as i16;
        let strap = &self.station(device)?.sensor.strap;
        Some(Advertisement {
            device: device.clone(),
            name: Some(strap.name.clone()),
            rssi_dbm: Some(rssi_dbm),
            services: vec![HEART_RATE_SERVICE],
        })
    }
}

/// Which of the links that a strap has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkNumber(u64);

/// The right to connect: one at a time.
#[derive(Debug)]
pub(crate) struct ConnectClaim(Adapter);

impl Drop for ConnectClaim {
    fn drop(&mut self) {
        self.0.lock().is_connecting = false;
    }
}

pub(crate) fn cause(text: &str) -> carpus_devices::Cause {
    Arc::new(std::io::Error::other(text.to_owned()))
}

fn no_service() -> BleError {
    BleError::NoAdapter { remedy: "bring the simulated Bluetooth service back".to_owned() }
}
