//! The simulated vibration motor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use carpus_devices::clock::Clock;
use carpus_devices::haptics::{Motor, MotorError, OpenMotor, Strength};

use crate::adapter::cause;
use crate::record::{Recorder, length_ms, line};

/// What a motor was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MotorEvent {
    /// To turn at this strength for this long.
    Vibrate {
        /// How strongly.
        strength: Strength,
        /// How long, unless it is told otherwise before.
        length: Duration,
    },
    /// To stop.
    Stop,
}

/// What a motor was told, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MotorRecord {
    /// When, after boot.
    pub since_boot: Duration,
    /// When, on the wall clock.
    pub wall: SystemTime,
    /// What.
    pub event: MotorEvent,
}

/// The motor that is there, however often it is opened.
#[derive(Clone)]
pub(crate) struct MotorHardware {
    clock: Arc<dyn Clock>,
    recorder: Arc<Mutex<Recorder<MotorRecord>>>,
}

impl MotorHardware {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, recorder: Arc::default() }
    }

    pub(crate) fn recorder(&self) -> MutexGuard<'_, Recorder<MotorRecord>> {
        // A recorder is whole after each of its steps.
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn opener(&self) -> OpenMotor {
        let hardware = self.clone();
        Box::new(move || {
            let number = hardware
                .recorder()
                .open()
                .ok_or_else(|| MotorError::Missing { remedy: "plug the simulated motor in".to_owned() })?;
            Ok(Box::new(SimulatedMotor { hardware: hardware.clone(), number }))
        })
    }
}

/// A motor that was opened.
struct SimulatedMotor {
    hardware: MotorHardware,
    number: u64,
}

impl SimulatedMotor {
    fn told(&self, event: MotorEvent) -> Result<(), MotorError> {
        let (since_boot, wall) = (self.hardware.clock.since_boot(), self.hardware.clock.wall());
        let mut recorder = self.hardware.recorder();
        if !recorder.works(self.number) {
            return Err(MotorError::Failed(cause("the simulated motor was pulled out")));
        }
        let line = match event {
            MotorEvent::Vibrate { strength, length } => line(
                "vibrate",
                [("strength_percent", strength.as_percent().into()), ("length_ms", length_ms(length))],
            ),
            MotorEvent::Stop => line("stop", []),
        };
        recorder.push(MotorRecord { since_boot, wall, event }, wall, line);
        Ok(())
    }
}

impl Motor for SimulatedMotor {
    fn vibrate(&mut self, strength: Strength, length: Duration) -> Result<(), MotorError> {
        self.told(MotorEvent::Vibrate { strength, length })
    }

    fn stop(&mut self) -> Result<(), MotorError> {
        self.told(MotorEvent::Stop)
    }

    fn describe(&self) -> String {
        "simulated vibration motor".to_owned()
    }
}
