//! `io.carpus.Simulation`, which is there only with simulated devices.

use std::time::Duration;

use carpus_actors::supervisor::{self, Way};
use carpus_devices::bluetooth::DeviceId;
use carpus_devices::inputs::Button;
use carpus_protocol::simulation::{Button as WireButton, Call, DiskFault, Error, Fail, FailHow, SetBoard};
use carpus_simulated::Simulation;

use super::client::{Answer, Client, failed, nothing};

impl Client {
    pub(super) async fn simulation(&self, call: Call) -> Answer {
        if let Err(message) = self.operator() {
            return failed(&Error::NotPermitted { message });
        }
        let Some(simulation) = &self.services.simulation else {
            return failed(&Error::Unavailable { message: "the devices are real".to_owned() });
        };
        let outcome = match call {
            Call::Disk(call) => self.disk(call.fault),
            Call::Fail(call) => self.fail(call).await,
            call => steer(simulation, call),
        };
        outcome.map_or_else(|error| failed(&error), |()| nothing())
    }
}

impl Client {
    async fn fail(&self, Fail { child, how }: Fail) -> Result<(), Error> {
        let way = match how {
            FailHow::Panic => Way::Panic,
            FailHow::Stop => Way::Stop,
            FailHow::Hang => Way::Hang,
            FailHow::Flood => Way::Flood,
        };
        let unavailable = |message| Error::Unavailable { message };
        let told = self.services.supervisor.send(supervisor::Fail { child, way }).await;
        let told = told.map_err(|gone| unavailable(gone.to_string()))?;
        told.map_err(|refused| unavailable(refused.to_string()))
    }

    #[cfg(debug_assertions)]
    #[expect(clippy::unnecessary_wraps, reason = "the shape of the one in a release")]
    fn disk(&self, fault: DiskFault) -> Result<(), Error> {
        use carpus_actors::journal::DiskFault as Fault;
        self.services.disk.set(match fault {
            DiskFault::None => Fault::None,
            DiskFault::Full => Fault::Full,
            DiskFault::ReadOnly => Fault::ReadOnly,
            DiskFault::IoError => Fault::Io,
            DiskFault::Slow => Fault::Slow,
        });
        Ok(())
    }

    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "the shape of the one for tests")]
    fn disk(&self, _: DiskFault) -> Result<(), Error> {
        Err(Error::Unavailable { message: "this runtime is not built for tests".to_owned() })
    }
}

fn steer(simulation: &Simulation, call: Call) -> Result<(), Error> {
    match call {
        Call::DropOut(call) => {
            known(&call.device, |id| simulation.drop_out(id, Duration::from_millis(call.for_ms)))
        }
        Call::Mute(call) => known(&call.device, |id| simulation.mute(id, Duration::from_millis(call.for_ms))),
        Call::Malformed(call) => known(&call.device, |id| simulation.malformed(id)),
        Call::SetBattery(call) => {
            let percent = percent(call.percent)?;
            known(&call.device, |id| simulation.set_battery(id, percent))
        }
        Call::SetBoard(call) => set_board(simulation, &call),
        Call::Press(call) => {
            simulation.press(match call.button {
                WireButton::Crown => Button::Crown,
                WireButton::Side => Button::Side,
                WireButton::Stop => Button::Stop,
                WireButton::Snooze => Button::Snooze,
            });
            Ok(())
        }
        Call::Disk(_) | Call::Fail(_) => Ok(()), // no device's affair
    }
}

fn percent(percent: u64) -> Result<u8, Error> {
    let whole = u8::try_from(percent).ok().filter(|percent| *percent <= 100);
    whole.ok_or_else(|| Error::Unavailable { message: format!("a battery holds 0 to 100 %, not {percent}") })
}

/// All of it, or nothing.
fn set_board(simulation: &Simulation, call: &SetBoard) -> Result<(), Error> {
    let battery = match (call.battery_percent, call.external_power) {
        (Some(_), Some(true)) => {
            let message = "the charge does not count while external power comes in; give one of the two";
            return Err(Error::Unavailable { message: message.to_owned() });
        }
        (Some(charge), Some(false) | None) => Some(Some(percent(charge)?)),
        (None, Some(true)) => Some(None),
        (None, Some(false)) => {
            let message =
                "without external power the board runs on its battery; give its charge, battery_percent";
            return Err(Error::Unavailable { message: message.to_owned() });
        }
        (None, None) => None,
    };
    let temperature = call.temperature_mdegc.map(i32::try_from).transpose().map_err(|_| {
        Error::Unavailable { message: "that is no temperature in thousandths of a degree".to_owned() }
    })?;
    if let Some(battery) = battery {
        simulation.set_board_battery(battery);
    }
    if temperature.is_some() {
        simulation.set_board_temperature(temperature);
    }
    Ok(())
}

fn known<E>(device: &str, act: impl FnOnce(&DeviceId) -> Result<(), E>) -> Result<(), Error> {
    let unknown = || Error::UnknownDevice { device: device.to_owned() };
    let id = DeviceId::parse(device).map_err(|_| unknown())?;
    act(&id).map_err(|_| unknown())
}
