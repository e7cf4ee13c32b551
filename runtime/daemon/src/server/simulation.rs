//! `io.carpus.Simulation`, which is there only with simulated devices.

use std::time::Duration;

use carpus_devices::bluetooth::DeviceId;
use carpus_devices::inputs::Button;
use carpus_protocol::simulation::{Button as WireButton, Call, Error};
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
        steer(simulation, call).map_or_else(|error| failed(&error), |()| nothing())
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
            let percent = u8::try_from(call.percent).ok().filter(|percent| *percent <= 100);
            let percent = percent.ok_or_else(|| Error::Unavailable {
                message: format!("a battery holds 0 to 100 %, not {}", call.percent),
            })?;
            known(&call.device, |id| simulation.set_battery(id, percent))
        }
        Call::Press(call) => {
            simulation.press(match call.button {
                WireButton::Crown => Button::Crown,
                WireButton::Side => Button::Side,
                WireButton::Stop => Button::Stop,
                WireButton::Snooze => Button::Snooze,
            });
            Ok(())
        }
    }
}

fn known<E>(device: &str, act: impl FnOnce(&DeviceId) -> Result<(), E>) -> Result<(), Error> {
    let unknown = || Error::UnknownDevice { device: device.to_owned() };
    let id = DeviceId::parse(device).map_err(|_| unknown())?;
    act(&id).map_err(|_| unknown())
}
