//! Vibrates once: `vibrate [DEVICE]`, to try a motor by hand.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use carpus_devices::haptics::{MotorError, Strength};
use carpus_haptics::{MotorOptions, open_motor};

const LENGTH: Duration = Duration::from_millis(600);

fn main() -> Result<(), MotorError> {
    let device = std::env::args().nth(1).map(PathBuf::from);
    let mut motor = open_motor(MotorOptions { device, gain_percent: 100 })()?;
    println!("{}", motor.describe());
    for percent in [100, 50] {
        motor.vibrate(Strength::percent(percent), LENGTH)?;
        println!("{percent} % for {LENGTH:?}");
        thread::sleep(LENGTH * 2);
    }
    motor.vibrate(Strength::FULL, LENGTH * 10)?;
    thread::sleep(LENGTH);
    motor.stop()?;
    println!("stopped in the middle");
    Ok(())
}
