use std::time::Duration;

use carpus_simulated::Simulation;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::report::DeviceMended;
use crate::testing::{drain, in_virtual_time, listener, pass};

fn start(
    simulation: &Simulation,
) -> (actix::Addr<Inputs>, UnboundedReceiver<Pressed>, UnboundedReceiver<DeviceReport>) {
    let (pressed, presses) = listener();
    let (reports, devices) = listener();
    let options = InputsOptions { buttons: simulation.buttons(), pressed, reports };
    (Inputs::new(options).start(), presses, devices)
}

const A_WHILE: Duration = Duration::from_secs(60);

#[test]
fn each_press_is_forwarded_in_order() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        let (_inputs, mut presses, mut devices) = start(&simulation);
        pass(A_WHILE).await;
        for button in [Button::Crown, Button::Side, Button::Crown, Button::Stop] {
            simulation.press(button);
        }
        pass(A_WHILE).await;
        assert_eq!(
            drain(&mut presses),
            [Button::Crown, Button::Side, Button::Crown, Button::Stop].map(Pressed)
        );
        assert_eq!(drain(&mut devices), []);
    });
}

#[test]
fn missing_buttons_are_said_once_and_read_when_they_come() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        simulation.fail_buttons(true);
        let (_inputs, mut presses, mut devices) = start(&simulation);
        pass(10 * A_WHILE).await;
        let told = drain(&mut devices);
        assert!(
            matches!(&told[..], [DeviceReport::Problem(problem)] if problem.part == "buttons" && !problem.remedy.is_empty()),
            "{told:?}"
        );
        simulation.fail_buttons(false);
        pass(A_WHILE).await;
        assert_eq!(drain(&mut devices), [DeviceReport::Mended(DeviceMended { part: "buttons" })]);
        simulation.press(Button::Crown);
        pass(A_WHILE).await;
        assert_eq!(drain(&mut presses), [Pressed(Button::Crown)]);
    });
}

#[test]
fn buttons_that_go_away_are_read_again_when_they_are_back() {
    in_virtual_time(async {
        let simulation = Simulation::default();
        let (_inputs, mut presses, mut devices) = start(&simulation);
        pass(A_WHILE).await;
        simulation.fail_buttons(true);
        pass(A_WHILE).await;
        simulation.fail_buttons(false);
        pass(A_WHILE).await;
        assert_eq!(drain(&mut devices).len(), 2, "gone, and back");
        simulation.press(Button::Snooze);
        pass(A_WHILE).await;
        assert_eq!(drain(&mut presses), [Pressed(Button::Snooze)]);
    });
}
