//! The two input devices, and the loop that serves them.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use evdev::uinput::VirtualDevice;
use evdev::{
    AttributeSet, EventSummary, FFEffectCode, FFEffectData, FFEffectKind, FFReplay, FFTrigger, InputEvent,
    KeyCode, KeyEvent, UInputCode,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sd_notify::NotifyState;

use crate::keys::{Key, KeySocket};
use crate::log::{Log, Record};
use crate::motor::Motor;

/// The name of the motor's device.
const MOTOR_NAME: &str = "Carpus board motor";
/// The name of the keys' device.
const KEYS_NAME: &str = "Carpus board keys";
/// How many effects clients may have given at once, as many as the kernel's memless drivers take.
const EFFECTS_MAX: u32 = 16;
/// What the motor can play: a rumble, and waves.
const ABILITIES: [FFEffectCode; 5] = [
    FFEffectCode::FF_RUMBLE,
    FFEffectCode::FF_PERIODIC,
    FFEffectCode::FF_SINE,
    FFEffectCode::FF_SQUARE,
    FFEffectCode::FF_GAIN,
];

/// Makes the devices, tells systemd, and serves them.
pub(crate) fn serve(log: &Path, keys: &Path) -> Result<()> {
    let mut log = Log::open(log).with_context(|| format!("the log {} cannot be opened", log.display()))?;
    let key_socket = KeySocket::bind(keys).with_context(|| format!("cannot listen on {}", keys.display()))?;
    let mut motor_device = make_motor().context("no motor made; is the module uinput loaded?")?;
    let mut key_device = make_keys().context("no keys made")?;
    let mut motor = Motor::new();
    log.write(&Record::Started)?;
    sd_notify::notify(&[NotifyState::Ready])?;
    loop {
        wait(&motor_device, &key_socket, motor.poll_timeout())?;
        motor.handle_timeout(Instant::now());
        if readable(&motor_device)? {
            take_motor_events(&mut motor_device, &mut motor)?;
        }
        while let Some(record) = motor.poll_record() {
            log.write(&record)?;
        }
        while let Some(key) = key_socket.take()? {
            send_key(&mut key_device, key)?;
            log.write(&Record::Key { key: key.name() })?;
        }
    }
}

/// Finds the motor as a client does, and plays one rumble to its end.
pub(crate) fn play(strong: u16, weak: u16, length_ms: u16) -> Result<()> {
    let (path, mut device) = evdev::enumerate()
        .find(|(_, device)| device.supported_ff().is_some_and(|ff| ff.contains(FFEffectCode::FF_RUMBLE)))
        .context("there is no input device with force feedback")?;
    let mut effect = device.upload_ff_effect(FFEffectData {
        direction: 0,
        trigger: FFTrigger::default(),
        replay: FFReplay { length: length_ms, delay: 0 },
        kind: FFEffectKind::Rumble { strong_magnitude: strong, weak_magnitude: weak },
    })?;
    effect.play(1)?;
    println!("plays {length_ms} ms on {}", path.display());
    // Closing the device erases the effect, which would cut it short; the margin lets it end by itself.
    thread::sleep(Duration::from_millis(u64::from(length_ms)) + Duration::from_millis(200));
    Ok(())
}

fn make_motor() -> io::Result<VirtualDevice> {
    VirtualDevice::builder()?
        .name(MOTOR_NAME)
        .with_ff(&AttributeSet::from_iter(ABILITIES))?
        .with_ff_effects_max(EFFECTS_MAX)
        .build()
}

fn make_keys() -> io::Result<VirtualDevice> {
    let keys = [Key::Crown, Key::SideButton, Key::Stop, Key::Snooze].map(Key::code);
    VirtualDevice::builder()?.name(KEYS_NAME).with_keys(&AttributeSet::<KeyCode>::from_iter(keys))?.build()
}

/// Waits until there is something to do.
fn wait(motor: &VirtualDevice, keys: &KeySocket, until: Option<Instant>) -> Result<()> {
    let timeout = until.map(|until| timespec(until.saturating_duration_since(Instant::now()))).transpose()?;
    let mut fds = [PollFd::new(motor, PollFlags::IN), PollFd::new(&keys.socket, PollFlags::IN)];
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether reading would not block.
fn readable(device: &impl AsFd) -> Result<bool> {
    let mut fds = [PollFd::new(device, PollFlags::IN)];
    Ok(poll(&mut fds, Some(&timespec(Duration::ZERO)?))? > 0)
}

fn timespec(duration: Duration) -> Result<Timespec> {
    Ok(Timespec::try_from(duration)?)
}

fn take_motor_events(device: &mut VirtualDevice, motor: &mut Motor) -> io::Result<()> {
    let events: Vec<InputEvent> = device.fetch_events()?.collect();
    for event in events {
        match event.destructure() {
            EventSummary::UInput(event, UInputCode::UI_FF_UPLOAD, _) => {
                let upload = device.process_ff_upload(event)?;
                motor.upload(upload.effect_id(), &upload.effect());
            }
            EventSummary::UInput(event, UInputCode::UI_FF_ERASE, _) => {
                let erase = device.process_ff_erase(event)?;
                motor.erase(i16::try_from(erase.effect_id()).unwrap_or(-1));
            }
            EventSummary::ForceFeedback(_, FFEffectCode::FF_GAIN, gain) => {
                motor.set_gain(u16::try_from(gain).unwrap_or(u16::MAX));
            }
            EventSummary::ForceFeedback(_, effect, times) => {
                let id = i16::try_from(effect.0).unwrap_or(-1);
                match u32::try_from(times) {
                    Ok(times) if times > 0 => motor.play(id, times, Instant::now()),
                    _ => motor.stop_asked(id),
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Presses and releases a key, each with its own report.
fn send_key(device: &mut VirtualDevice, key: Key) -> io::Result<()> {
    for value in [1, 0] {
        device.emit(&[*KeyEvent::new(key.code(), value)])?;
    }
    Ok(())
}
