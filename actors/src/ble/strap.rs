//! What is kept of each strap besides its link.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use carpus_core::Now;
use carpus_core::link::{LinkReason, LinkState};
use carpus_core::sample::Continuity;
use carpus_devices::bluetooth::{Advertisement, DeviceId};
use carpus_gatt::DecodeError;
use carpus_gatt::heart_rate::{BodySensorLocation, Measurement};

use super::messages::StrapInfo;
use super::samples::HeartSample;

/// What a strap tells about itself when it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Information {
    pub(super) battery_percent: Option<u8>,
    pub(super) location: Option<BodySensorLocation>,
    pub(super) manufacturer: Option<String>,
    pub(super) model: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Strap {
    name: Option<Arc<str>>,
    rssi_dbm: Option<i16>,
    pub(super) seen_at: Duration,
    information: Information,
    samples: u64,
    malformed: u64,
    /// Kinds of malformed packet that are in the log already.
    logged: BTreeSet<&'static str>,
    continuity: Continuity,
}

impl Strap {
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Takes over a name, where there is one.
    pub(super) fn set_name(&mut self, name: Option<&str>) {
        if let Some(name) = name
            && self.name() != Some(name)
        {
            self.name = Some(name.into());
        }
    }

    pub(super) fn seen(&mut self, advertisement: &Advertisement, since_boot: Duration) {
        self.set_name(advertisement.name.as_deref());
        self.rssi_dbm = advertisement.rssi_dbm.or(self.rssi_dbm);
        self.seen_at = since_boot;
    }

    pub(super) fn set_battery(&mut self, percent: u8) {
        self.information.battery_percent = Some(percent);
    }

    /// Takes over what it told; what it did not tell this time stays.
    pub(super) fn learn(&mut self, new: Information) {
        let old = &mut self.information;
        old.battery_percent = new.battery_percent.or(old.battery_percent);
        old.location = new.location.or(old.location);
        old.manufacturer = new.manufacturer.or_else(|| old.manufacturer.take());
        old.model = new.model.or_else(|| old.model.take());
    }

    /// Its link went down: what it would have sent is missing.
    pub(super) const fn interrupt(&mut self) {
        self.continuity.handle_loss();
    }

    pub(super) fn sample(
        &mut self,
        device: &DeviceId,
        measurement: Measurement,
        arrived: Now,
    ) -> Arc<HeartSample> {
        self.samples += 1;
        Arc::new(HeartSample {
            device: device.clone(),
            name: self.name.clone(),
            arrival: self.continuity.handle_sample(arrived),
            measurement,
        })
    }

    /// Counts a packet that could not be decoded; each kind is logged once per strap.
    pub(super) fn malformed(&mut self, device: &DeviceId, error: &DecodeError) -> u64 {
        self.continuity.handle_loss();
        self.malformed += 1;
        if self.logged.insert(error.kind()) {
            tracing::warn!(strap = %device, kind = error.kind(), "a packet cannot be decoded: {error}");
        }
        self.malformed
    }

    pub(super) fn info(
        &self,
        device: &DeviceId,
        link: Option<LinkState>,
        reason: Option<LinkReason>,
    ) -> StrapInfo {
        let Information { battery_percent, location, manufacturer, model } = self.information.clone();
        StrapInfo {
            id: device.clone(),
            name: self.name().map(str::to_owned),
            state: link.unwrap_or(LinkState::Seen),
            reason,
            battery_percent,
            location,
            manufacturer,
            model,
            malformed: self.malformed,
            samples: self.samples,
            rssi_dbm: self.rssi_dbm,
            known: link.is_some(),
        }
    }
}
