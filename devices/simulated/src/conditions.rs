//! How the simulated board fares.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carpus_devices::conditions::{BoardConditions, Conditions};

/// The charge of a full battery.
const PERCENT_MAX: u8 = 100;

/// Conditions as the script set them; nothing is known at first, as on a board on external power.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimulatedConditions(Arc<Mutex<Conditions>>);

impl SimulatedConditions {
    pub(crate) fn set_battery(&self, percent: Option<u8>) {
        self.lock().battery_percent = percent.map(|percent| percent.min(PERCENT_MAX));
    }

    pub(crate) fn set_temperature(&self, mdegc: Option<i32>) {
        self.lock().temperature_mdegc = mdegc;
    }

    fn lock(&self) -> MutexGuard<'_, Conditions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BoardConditions for SimulatedConditions {
    fn read(&self) -> Conditions {
        *self.lock()
    }

    fn describe(&self) -> String {
        "simulated".to_owned()
    }
}
