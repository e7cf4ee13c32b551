//! `io.carpus.Devices`.

use std::collections::BTreeMap;
use std::time::Duration;

use carpus_actors::ble::{
    AddStrap, ForgetStrap, GivenStrap, HeartSample, ListStraps, ScanFor, StrapInfo, SubscribeHeart,
    sample_queue,
};
use carpus_actors::journal::{self, KnownStrap, SaveStrap};
use carpus_config::manifest::BluetoothProfile;
use carpus_core::AppId;
use carpus_core::time::WallTime;
use carpus_devices::bluetooth::{Advertisement, DeviceId};
use carpus_gatt::heart_rate::Contact as GattContact;
use carpus_protocol::devices::{
    Call, Contact, Device, Error, HeartRateReply, HeartRateSample, LinkState, ListReply, ScanReply,
};
use tokio::sync::mpsc;

use super::Services;
use super::client::{Answer, Client, done, failed, nothing};
use super::convert::same_name;
use crate::grants::NotGranted;

/// The longest scan that a client may ask for: scanning costs battery and disturbs links.
const SCAN_TIME_MAX: Duration = Duration::from_secs(60);
/// Advertisements that wait for a client; those it misses come again.
const SCAN_QUEUE: usize = 64;
/// How many peripherals of a scan are remembered as told. In a crowd addresses come and go without end.
const TOLD_MAX: usize = 256;

impl Client {
    pub(super) async fn devices(&self, call: Call) -> Answer {
        if let Call::List(_) = call {
            return self.list_straps().await;
        }
        if let Err(message) = self.operator() {
            return failed(&Error::NotPermitted { message });
        }
        match call {
            Call::Add(add) => answer(self.add_strap(&add.device).await),
            Call::Forget(forget) => answer(self.forget_strap(&forget.device).await),
            Call::List(_) | Call::Scan(_) | Call::HeartRate(_) => nothing(),
        }
    }

    /// For operators, and for apps with the permission `battery` (M5).
    async fn list_straps(&self) -> Answer {
        let reader = match self.reader(BluetoothProfile::Battery) {
            Ok(reader) => reader,
            Err(message) => return failed(&Error::NotPermitted { message }),
        };
        match self.services.ble.send(ListStraps).await {
            Ok(straps) if reader.is_some() => {
                let known = straps.iter().filter(|strap| strap.known);
                done(&ListReply { devices: known.map(device_for_app).collect() })
            }
            Ok(straps) => done(&ListReply { devices: straps.iter().map(device).collect() }),
            Err(error) => failed(&unavailable(error)),
        }
    }

    async fn add_strap(&self, text: &str) -> Result<(), Error> {
        let id = DeviceId::parse(text).map_err(unavailable)?;
        let straps = self.services.ble.send(ListStraps).await.map_err(unavailable)?;
        let name = straps.into_iter().find(|strap| strap.id == id).and_then(|strap| strap.name);
        self.services
            .ble
            .send(AddStrap(id.clone(), name.clone()))
            .await
            .map_err(unavailable)?
            .map_err(unavailable)?;
        self.services.straps.add(GivenStrap { device: id.clone(), name: name.clone() });
        let record = KnownStrap { device: id, name, role: None, added_at: wall_now() };
        self.services.journal.send(SaveStrap(record)).await.map_err(unavailable)?.map_err(unavailable)
    }

    async fn forget_strap(&self, text: &str) -> Result<(), Error> {
        let id = DeviceId::parse(text).map_err(unavailable)?;
        let known = self.services.ble.send(ForgetStrap(id.clone())).await.map_err(unavailable)?;
        self.services.straps.forget(&id);
        self.services
            .journal
            .send(journal::ForgetStrap(id))
            .await
            .map_err(unavailable)?
            .map_err(unavailable)?;
        if known { Ok(()) } else { Err(Error::UnknownDevice { device: text.to_owned() }) }
    }

    pub(super) async fn stream_devices(&mut self, call: Call) -> zlink::Result<()> {
        match call {
            Call::Scan(scan) => self.stream_scan(Duration::from_millis(scan.for_ms)).await,
            Call::HeartRate(wanted) => self.stream_heart_rate(wanted.device).await,
            Call::List(_) | Call::Add(_) | Call::Forget(_) => Ok(()),
        }
    }

    async fn stream_scan(&mut self, duration: Duration) -> zlink::Result<()> {
        if let Err(message) = self.operator() {
            return self.out.error(&Error::NotPermitted { message }).await;
        }
        let (sink, mut seen) = mpsc::channel(SCAN_QUEUE);
        let scan = ScanFor { duration: duration.min(SCAN_TIME_MAX), sink };
        let refused = match self.services.ble.send(scan).await {
            Ok(Ok(())) => None,
            Ok(Err(refused)) => Some(Error::NoAdapter { message: refused.to_string() }),
            Err(error) => Some(unavailable(error)),
        };
        if let Some(refused) = refused {
            return self.out.error(&refused).await;
        }
        let (read, out, services) = self.parts();
        let mut told = Told::default();
        loop {
            tokio::select! {
                advertisement = seen.recv() => match advertisement {
                    Some(advertisement) => {
                        if told.is_news(&advertisement) {
                            out.next(ScanReply { device: seen_device(&advertisement) }).await?;
                        }
                    }
                    None => break,
                },
                () = Self::left(read) => return Ok(()),
            }
        }
        // A stream needs a last reply; what is known of the straps by now is worth one.
        let straps = services.ble.send(ListStraps).await.unwrap_or_default();
        match straps.iter().find(|strap| told.0.contains_key(&strap.id)) {
            Some(strap) => out.last(ScanReply { device: device(strap) }).await,
            None => {
                out.error(&Error::Unavailable {
                    message: "no strap was seen that is not connected already; wear it, so that it wakes"
                        .to_owned(),
                })
                .await
            }
        }
    }

    /// For operators, and for apps with the permission `heart-rate` (M5), until it is taken back.
    async fn stream_heart_rate(&mut self, wanted: Option<String>) -> zlink::Result<()> {
        let device = match wanted.as_deref().map(DeviceId::parse).transpose() {
            Ok(device) => device,
            Err(error) => return self.out.error(&unavailable(error)).await,
        };
        let reader = match self.reader(BluetoothProfile::HeartRate) {
            Ok(reader) => reader,
            Err(message) => return self.out.error(&Error::NotPermitted { message }).await,
        };
        let (queue, mut samples) = sample_queue(self.services.limits.max_samples);
        if let Err(error) = self.services.ble.send(SubscribeHeart { device, queue }).await {
            return self.out.error(&unavailable(error)).await;
        }
        let is_app = reader.is_some();
        let (read, out, services) = self.parts();
        let withdrawn = withdrawn(services, reader);
        tokio::pin!(withdrawn);
        loop {
            tokio::select! {
                biased;
                refused = &mut withdrawn => {
                    return out.error(&Error::NotPermitted { message: refused.to_string() }).await;
                }
                next = samples.next() => match next {
                    Some((heart, dropped_before)) => {
                        out.next_when_read(HeartRateReply { sample: sample(&heart, dropped_before) }).await?;
                    }
                    // An app asks again by itself, and is told of the gap (D5).
                    None if is_app => return Ok(()),
                    None => {
                        let message = "the Bluetooth part of the runtime ended; ask again".to_owned();
                        return out.error(&Error::Unavailable { message }).await;
                    }
                },
                () = Self::left(read) => return Ok(()),
            }
        }
    }
}

/// Waits until an app may read the heart rate no more; for an operator without end.
async fn withdrawn(services: &Services, reader: Option<AppId>) -> NotGranted {
    match reader {
        Some(app) => services.grants.withdrawn(&app, BluetoothProfile::HeartRate).await,
        None => std::future::pending().await,
    }
}

/// The peripherals that a client that scans was told of, with the names that they had.
#[derive(Default)]
struct Told(BTreeMap<DeviceId, Option<String>>);

impl Told {
    /// Whether it was not told of yet, or not by this name. Beyond [`TOLD_MAX`] all are forgotten, and told again.
    fn is_news(&mut self, seen: &Advertisement) -> bool {
        if self.0.len() >= TOLD_MAX && !self.0.contains_key(&seen.device) {
            self.0.clear();
        }
        self.0.insert(seen.device.clone(), seen.name.clone()).as_ref() != Some(&seen.name)
    }
}

fn wall_now() -> WallTime {
    carpus_actors::time::wall_time(std::time::SystemTime::now())
}

fn answer(result: Result<(), Error>) -> Answer {
    result.map_or_else(|error| failed(&error), |()| nothing())
}

fn unavailable(error: impl std::error::Error) -> Error {
    Error::Unavailable { message: error.to_string() }
}

fn device(strap: &StrapInfo) -> Device {
    Device {
        device: strap.id.to_string(),
        name: strap.name.clone(),
        role: None,
        state: same_name(strap.state.name()),
        reason: strap.reason.as_ref().map(ToString::to_string),
        known: strap.known,
        battery_percent: strap.battery_percent.map(i64::from),
        rssi_dbm: strap.rssi_dbm.map(i64::from),
        location: strap.location.as_ref().map(|location| format!("{location:?}").to_lowercase()),
        manufacturer: strap.manufacturer.clone(),
        model: strap.model.clone(),
        malformed: strap.malformed,
        samples: strap.samples,
    }
}

/// What an app is told of a strap.
fn device_for_app(strap: &StrapInfo) -> Device {
    Device {
        name: strap.name.clone(),
        state: same_name(strap.state.name()),
        known: true,
        battery_percent: strap.battery_percent.map(i64::from),
        ..bare_device(&strap.id)
    }
}

fn seen_device(seen: &Advertisement) -> Device {
    Device {
        name: seen.name.clone(),
        state: LinkState::Seen,
        rssi_dbm: seen.rssi_dbm.map(i64::from),
        ..bare_device(&seen.device)
    }
}

fn bare_device(id: &DeviceId) -> Device {
    Device {
        device: id.to_string(),
        name: None,
        role: None,
        state: LinkState::Absent,
        reason: None,
        known: false,
        battery_percent: None,
        rssi_dbm: None,
        location: None,
        manufacturer: None,
        model: None,
        malformed: 0,
        samples: 0,
    }
}

pub(super) fn contact(contact: GattContact) -> Contact {
    match contact {
        GattContact::Unsupported => Contact::Unsupported,
        GattContact::NotDetected => Contact::NotDetected,
        GattContact::Detected => Contact::Detected,
    }
}

pub(super) fn rr_1024(heart: &HeartSample) -> Vec<u64> {
    heart.measurement.rr.iter().map(|interval| u64::from(interval.raw())).collect()
}

fn sample(heart: &HeartSample, dropped_before: u64) -> HeartRateSample {
    HeartRateSample {
        device: heart.device.to_string(),
        name: heart.name.as_deref().map(str::to_owned),
        arrived_ms: heart.arrival.at.wall.unix_ms(),
        bpm: u64::from(heart.measurement.bpm),
        contact: contact(heart.measurement.contact),
        energy_kj: heart.measurement.energy_expended_kj.map(u64::from),
        rr_1024: rr_1024(heart),
        dropped_before,
        gap_before: heart.arrival.gap_before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(number: usize, name: Option<&str>) -> Advertisement {
        let device =
            DeviceId::parse(&format!("C0:FF:EE:00:{:02X}:{:02X}", number / 256, number % 256)).unwrap();
        Advertisement { device, name: name.map(str::to_owned), rssi_dbm: None, services: Vec::new() }
    }

    #[test]
    fn a_crowd_is_told_once_up_to_a_bound_and_again_beyond_it() {
        let mut told = Told::default();
        for number in 0..TOLD_MAX {
            assert!(told.is_news(&seen(number, None)));
        }
        assert!((0..TOLD_MAX).all(|number| !told.is_news(&seen(number, None))), "as many as may be");
        assert!(told.is_news(&seen(0, Some("chest"))), "it has a name now");
        assert!(told.is_news(&seen(TOLD_MAX, None)), "one more");
        assert_eq!(told.0.len(), 1);
        assert!(told.is_news(&seen(0, Some("chest"))));
    }
}
