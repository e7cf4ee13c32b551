//! The board behind the ports: real devices, or simulated ones.

use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context as _;
use carpus_actors::report::DeviceProblem;
use carpus_config::{InputKey, Settings};
use carpus_core::waking::Waking;
use carpus_devices::audio::OpenSpeaker;
use carpus_devices::bluetooth::Radio;
use carpus_devices::clock::{Clock, WallTimer};
use carpus_devices::conditions::BoardConditions;
use carpus_devices::haptics::OpenMotor;
use carpus_devices::inputs::{Button, Buttons};
use carpus_devices::processes::AppLauncher;
use carpus_simulated::Simulation;
use carpus_system::{AppLimits, KeyMap, Launcher, LauncherOptions, Sandbox};

use crate::paths::Places;

/// What the actors get of the board. The motor and the speaker are opened on threads of their own, afresh for each
/// life of their actors.
pub(crate) struct Backends {
    pub clock: Arc<dyn Clock>,
    pub wall_timer: Arc<dyn WallTimer>,
    /// What an alarm can wake the board from (A8).
    pub waking: Waking,
    pub launcher: Arc<dyn AppLauncher>,
    pub radio: Arc<dyn Radio>,
    pub open_motor: Rc<dyn Fn() -> OpenMotor>,
    pub open_speaker: Rc<dyn Fn() -> OpenSpeaker>,
    pub buttons: Arc<dyn Buttons>,
    pub conditions: Arc<dyn BoardConditions>,
    /// What is known to be wrong from the start.
    pub problems: Vec<DeviceProblem>,
    pub simulation: Option<Simulation>,
}

impl Backends {
    /// The devices of this board. None is opened yet: what is missing is found out, and said, by its actor.
    ///
    /// # Errors
    /// When the settings name a key that there is not, or the place of the state cannot be looked at.
    pub(crate) fn real(settings: &Settings, places: &Places) -> anyhow::Result<Self> {
        let motor = carpus_haptics::MotorOptions {
            device: settings.haptics.device.named().cloned(),
            gain_percent: u8::try_from(settings.haptics.gain.get()).unwrap_or(u8::MAX),
        };
        let speaker = carpus_audio::SpeakerOptions {
            device: settings.audio.device.named().cloned(),
            buffer_frames: Some(settings.audio.buffer_frames).filter(|frames| *frames > 0),
        };
        let adapter = settings.bluetooth.adapter.named().cloned();
        let buttons =
            carpus_system::EvdevButtons::new(key_map(settings)?, settings.inputs.device.named().cloned());
        let conditions = carpus_system::SysfsConditions::new();
        tracing::info!("power and heat: {}", conditions.describe());
        let Linux { clock, wall_timer, waking, launcher, problems } = Linux::new(settings, places)?;
        Ok(Self {
            clock,
            wall_timer,
            waking,
            launcher,
            radio: Arc::new(carpus_ble::BluezRadio::new(carpus_ble::BluezOptions { adapter })),
            open_motor: Rc::new(move || carpus_haptics::open_motor(motor.clone())),
            open_speaker: Rc::new(move || carpus_audio::open_speaker(speaker.clone())),
            buttons: Arc::new(buttons),
            conditions: Arc::new(conditions),
            problems,
            simulation: None,
        })
    }

    /// Simulated devices; what they are told is also written down, beside the state. Apps and clocks are real.
    ///
    /// # Errors
    /// When the records cannot be written, or the place of the state cannot be looked at.
    pub(crate) fn simulated(settings: &Settings, places: &Places) -> anyhow::Result<Self> {
        let simulation = Simulation::default();
        let records = places.state.join("simulated");
        simulation.record_to(&records).with_context(|| {
            format!("the records of the simulation cannot be written to {}", records.display())
        })?;
        let (motor, speaker) = (simulation.clone(), simulation.clone());
        let Linux { clock, wall_timer, waking: _, launcher, problems } = Linux::new(settings, places)?;
        Ok(Self {
            clock,
            wall_timer,
            waking: Waking { from_suspend: true, from_power_off: None }, // it never rests
            launcher,
            radio: simulation.radio(),
            open_motor: Rc::new(move || motor.open_motor()),
            open_speaker: Rc::new(move || speaker.open_speaker()),
            buttons: simulation.buttons(),
            conditions: simulation.conditions(),
            problems,
            simulation: Some(simulation),
        })
    }
}

/// What is real in the simulation too.
struct Linux {
    clock: Arc<dyn Clock>,
    wall_timer: Arc<dyn WallTimer>,
    waking: Waking,
    launcher: Arc<dyn AppLauncher>,
    problems: Vec<DeviceProblem>,
}

impl Linux {
    fn new(settings: &Settings, places: &Places) -> anyhow::Result<Self> {
        let launcher = launcher(settings, places)?;
        let problems = not_apart(&launcher).into_iter().collect();
        let wall_timer = carpus_system::WallTimer::new();
        tracing::info!("alarms: {}; apps: {}", wall_timer.describe(), launcher.describe());
        let clock = Arc::new(carpus_system::SystemClock);
        let waking = Waking { from_suspend: wall_timer.wakes_from_suspend(), from_power_off: None };
        Ok(Self { clock, wall_timer: Arc::new(wall_timer), waking, launcher: Arc::new(launcher), problems })
    }
}

/// `carpusd --end-apps`: ends the apps of a runtime that is gone, and had no time to end them itself.
///
/// # Errors
/// When the place of the state cannot be looked at.
pub(crate) fn end_apps(settings: &Settings, places: &Places) -> anyhow::Result<()> {
    launcher(settings, places)?.sweep();
    Ok(())
}

fn launcher(settings: &Settings, places: &Places) -> anyhow::Result<Launcher> {
    let apps = &settings.apps;
    let options = LauncherOptions {
        place: places.state.clone(),
        sandbox: match apps.sandbox {
            carpus_config::Sandbox::Auto => Sandbox::Auto,
            carpus_config::Sandbox::Required => Sandbox::Required,
            carpus_config::Sandbox::Off => Sandbox::Off,
        },
        readable: apps.readable.clone(),
        limits: AppLimits {
            open_files: apps.max_open_files,
            // A log grows beyond its limit for a while, until it is looked at.
            file_bytes: apps.max_file.bytes().max(apps.max_log.bytes().saturating_mul(2)),
            processes: apps.max_processes,
            memory_bytes: apps.max_memory.bytes(),
        },
    };
    Launcher::new(options).with_context(|| format!("{} cannot be looked at", places.state.display()))
}

/// What an operator has to know where the kernel cannot keep apps apart.
fn not_apart(launcher: &Launcher) -> Option<DeviceProblem> {
    let what = format!("apps are not kept apart by Landlock as they should be: {}", launcher.shortcoming()?);
    tracing::warn!("{what}");
    let remedy = "use a kernel from 6.12 on with Landlock switched on (CONFIG_SECURITY_LANDLOCK, and landlock in lsm= \
                  of the kernel's command line), and install only apps that you trust until then";
    Some(DeviceProblem { part: "apps", what, remedy: remedy.to_owned() })
}

fn key_map(settings: &Settings) -> anyhow::Result<KeyMap> {
    let inputs = &settings.inputs;
    let keys = [
        (&inputs.crown, Button::Crown),
        (&inputs.side_button, Button::Side),
        (&inputs.stop, Button::Stop),
        (&inputs.snooze, Button::Snooze),
    ];
    let named = keys.iter().filter_map(|(key, button)| Some((InputKey::name(key)?, *button)));
    KeyMap::parse(named).context("the settings name a key that there is not")
}
