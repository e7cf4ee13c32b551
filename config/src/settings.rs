//! The settings as types. What each key means, its default, its range and why stands in `defaults.toml`;
//! the ranges are held by the table in `rules`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::strict;
use crate::units::{ByteSize, Celsius, Percent};
use crate::values::{AutoOr, InputKey, LogLevel, Profile, Sandbox, SessionKind};

/// All settings of the runtime, checked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The board that the runtime runs on.
    pub profile: Profile,
    /// How near the runtime keeps to WatchKit.
    pub compat: Compat,
    /// The life cycle of apps (L).
    pub lifecycle: Lifecycle,
    /// Extended runtime sessions (S, T).
    pub session: Session,
    /// Alarms (A, N).
    pub alarm: Alarm,
    /// When the board cannot afford sessions (S10).
    pub suppression: Suppression,
    /// The CPU budget of sessions (C).
    pub budget: Budget,
    /// The vibration motor (H).
    pub haptics: Haptics,
    /// The speaker.
    pub audio: Audio,
    /// Bluetooth straps (B).
    pub bluetooth: Bluetooth,
    /// The buttons of the board.
    pub inputs: Inputs,
    /// The socket that apps and the command talk through.
    pub ipc: Ipc,
    /// Installed and running apps.
    pub apps: Apps,
    /// Events that are kept until an app has taken them (D1).
    pub journal: Journal,
    /// When a part of the runtime is replaced, and when the runtime gives up.
    pub supervision: Supervision,
    /// Where the runtime keeps its state.
    pub paths: Paths,
    /// What the runtime says.
    pub log: Log,
}

/// How near the runtime keeps to WatchKit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compat {
    /// Whether every extension of the rules is off, and the numbers of the rules count (T5).
    #[serde(deserialize_with = "strict::boolean")]
    pub strict: bool,
}

/// The life cycle of apps.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    /// How long an app stays frontmost after the wrist went down (L3). 1 s to 1 h.
    #[serde(deserialize_with = "strict::duration")]
    pub frontmost_time: Duration,
    /// From `background` to `suspended`, so that an app can finish what it does (L4). 0 s to 1 min.
    #[serde(deserialize_with = "strict::duration")]
    pub suspend_grace: Duration,
    /// From SIGTERM to SIGKILL (L7). 100 ms to 1 min.
    #[serde(deserialize_with = "strict::duration")]
    pub leave_time: Duration,
    /// How often an app that crashes in a session is launched again within the window (S14). 0 to 100.
    #[serde(deserialize_with = "strict::integer")]
    pub relaunch_max: u32,
    /// The time within which those launches are counted (S14). 1 s to 1 h.
    #[serde(deserialize_with = "strict::duration")]
    pub relaunch_window: Duration,
}

/// Extended runtime sessions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// How long before the limit `will_expire` comes; never more than half of the time left (S4).
    /// 100 ms to 10 min.
    #[serde(deserialize_with = "strict::duration")]
    pub will_expire_lead: Duration,
    /// The limit of a self-care session (T). 1 s to 24 h.
    #[serde(deserialize_with = "strict::duration")]
    pub self_care_limit: Duration,
    /// The limit of a mindfulness session (T). 1 s to 24 h.
    #[serde(deserialize_with = "strict::duration")]
    pub mindfulness_limit: Duration,
    /// The limit of a physical-therapy session (T). 1 s to 24 h.
    #[serde(deserialize_with = "strict::duration")]
    pub physical_therapy_limit: Duration,
    /// The limit of a smart-alarm session (T). 1 s to 24 h.
    #[serde(deserialize_with = "strict::duration")]
    pub alarm_limit: Duration,
    /// How many sessions of one app may be there that have not ended. 1 to 1024.
    #[serde(deserialize_with = "strict::integer")]
    pub max_per_app: usize,
    /// Whether an app may declare several extended-runtime modes (M4). Never in strict mode.
    #[serde(deserialize_with = "strict::boolean")]
    pub several_modes: bool,
}

/// Alarms.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// How long an app has to set its delegate when it is handed a due session (A4). 100 ms to 1 min.
    #[serde(deserialize_with = "strict::duration")]
    pub handle_time: Duration,
    /// How far ahead an alarm may be scheduled (A1). 1 min to 720 h.
    #[serde(deserialize_with = "strict::duration")]
    pub schedule_ahead: Duration,
    /// How long ago a scheduled time may be to start at once (A2). 0 s to 1 h.
    #[serde(deserialize_with = "strict::duration")]
    pub past_tolerance: Duration,
    /// From one haptic of an alarm to the next, where the app does not say (N2). 100 ms to 1 min.
    #[serde(deserialize_with = "strict::duration")]
    pub default_interval: Duration,
    /// The shortest interval that an app may ask for (N2). 100 ms to 1 min, at most `default_interval` and at least
    /// the gap between two haptics.
    #[serde(deserialize_with = "strict::duration")]
    pub min_interval: Duration,
    /// The longest interval that an app may ask for (N2). 1 s to 1 min.
    #[serde(deserialize_with = "strict::duration")]
    pub max_interval: Duration,
    /// How long a snooze is, where the user names no time (N5). 1 s to 1 h.
    #[serde(deserialize_with = "strict::duration")]
    pub snooze: Duration,
    /// How long before the end of its window the runtime rings an alarm of which its app never notified; never more
    /// than half of the time left (N7). 100 ms to 10 min.
    #[serde(deserialize_with = "strict::duration")]
    pub fallback_lead: Duration,
    /// How long the runtime then rings it (N7). 1 s to 1 h.
    #[serde(deserialize_with = "strict::duration")]
    pub fallback_time: Duration,
}

/// When the board cannot afford sessions: its battery is low, or it is too hot (S10).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// The charge of the battery below which sessions are suppressed; 0 % is never. 0 % to 100 %.
    pub battery_below: Percent,
    /// The temperature of the hottest thermal zone above which they are; 125 °C is never. 30 °C to 125 °C.
    pub temperature_above: Celsius,
    /// The types of session that are suppressed, each once.
    pub kinds: Vec<SessionKind>,
    /// From one look at the battery and the thermal zones to the next. 100 ms to 10 min.
    #[serde(deserialize_with = "strict::duration")]
    pub interval: Duration,
}

/// The CPU budget of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The sliding window over which CPU use counts (C1). 1 s to 10 min.
    #[serde(deserialize_with = "strict::duration")]
    pub window: Duration,
    /// What an extended runtime session may use, of one core (C2). 1 % to 400 %.
    pub extended_runtime: Percent,
    /// From one look at the CPU use to the next. 100 ms to 1 min, at most half of the window.
    #[serde(deserialize_with = "strict::duration")]
    pub sample_interval: Duration,
}

/// The vibration motor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Haptics {
    /// Whether the motor is used at all.
    #[serde(deserialize_with = "strict::boolean")]
    pub enabled: bool,
    /// The path of the motor's device.
    pub device: AutoOr<PathBuf>,
    /// The pause between two haptics (H2). 100 ms to 5 s.
    #[serde(deserialize_with = "strict::duration")]
    pub gap: Duration,
    /// The strength of every haptic, of the motor's full strength. 0 % to 100 %.
    pub gain: Percent,
    /// The path of a theme file (H1); `Auto` is the built-in theme.
    pub theme: AutoOr<PathBuf>,
}

/// The speaker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    /// Whether sound is played at all.
    #[serde(deserialize_with = "strict::boolean")]
    pub enabled: bool,
    /// The name of the sound device.
    pub device: AutoOr<String>,
    /// The volume of every sound, of full scale. 0 % to 100 %.
    pub volume: Percent,
    /// The device's buffer in frames; 0 is the device's own choice, else 64 to 8192.
    #[serde(deserialize_with = "strict::integer")]
    pub buffer_frames: u32,
}

/// Bluetooth straps.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bluetooth {
    /// Whether Bluetooth is used at all.
    #[serde(deserialize_with = "strict::boolean")]
    pub enabled: bool,
    /// The adapter: `hci0`.
    pub adapter: AutoOr<String>,
    /// How long one attempt to connect may take. 1 s to 2 min.
    #[serde(deserialize_with = "strict::duration")]
    pub connect_timeout: Duration,
    /// How long one scan takes. 1 s to 1 min.
    #[serde(deserialize_with = "strict::duration")]
    pub scan_time: Duration,
    /// How long a strap may be silent before its link counts as lost. 1 s to 10 min.
    #[serde(deserialize_with = "strict::duration")]
    pub no_data_time: Duration,
    /// The first pause before connecting again. 100 ms to 1 min.
    #[serde(deserialize_with = "strict::duration")]
    pub reconnect_min: Duration,
    /// The longest pause before connecting again. 100 ms to 1 h, at least `reconnect_min`.
    #[serde(deserialize_with = "strict::duration")]
    pub reconnect_max: Duration,
    /// How many straps may be the user's, and linked at once. 1 to 64.
    #[serde(deserialize_with = "strict::integer")]
    pub max_straps: usize,
    /// How many other straps are remembered from scans. 1 to 1024.
    #[serde(deserialize_with = "strict::integer")]
    pub max_seen: usize,
    /// How many clients may scan at once. 1 to 64.
    #[serde(deserialize_with = "strict::integer")]
    pub max_scans: usize,
}

/// The buttons of the board. No key has two buttons.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The crown: leaves the app (L4).
    pub crown: InputKey,
    /// The side button: turns the screen on and off.
    pub side_button: InputKey,
    /// Stops a ringing alarm (N4).
    pub stop: InputKey,
    /// Snoozes a ringing alarm (N5).
    pub snooze: InputKey,
    /// The path of the input device; `Auto` is every device that has one of the keys.
    pub device: AutoOr<PathBuf>,
}

/// The socket that apps and the command talk through.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ipc {
    /// The path of the socket, at most 107 bytes.
    pub socket: AutoOr<PathBuf>,
    /// The largest message of a client; a larger one ends the connection. 4 KiB to 16 MiB.
    pub max_frame: ByteSize,
    /// How many clients may be connected. 1 to 1024.
    #[serde(deserialize_with = "strict::integer")]
    pub max_clients: usize,
    /// How many calls an app may make in a second; one beyond that waits. 1 to 100000.
    #[serde(deserialize_with = "strict::integer")]
    pub max_calls_per_second: u32,
    /// How many calls may come at once after a pause. 1 to 100000.
    #[serde(deserialize_with = "strict::integer")]
    pub max_call_burst: u32,
    /// How many events may wait for one client before it is cut off. 1 to 65536.
    #[serde(deserialize_with = "strict::integer")]
    pub max_queued_events: usize,
    /// How many samples may wait for one client before it loses the oldest (D3). 1 to 65536.
    #[serde(deserialize_with = "strict::integer")]
    pub max_samples: usize,
}

/// Installed and running apps.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apps {
    /// How many apps may be installed. 1 to 1024.
    #[serde(deserialize_with = "strict::integer")]
    pub max_installed: usize,
    /// How large the files of one app may be together. 64 KiB to 16 GiB.
    pub max_app_size: ByteSize,
    /// How many files and folders one app may have. 2 to 1000000.
    #[serde(deserialize_with = "strict::integer")]
    pub max_app_files: u64,
    /// The size at which an app's log starts anew. 4 KiB to 64 MiB.
    pub max_log: ByteSize,
    /// How many apps may have a process, suspended ones with them. 1 to 256.
    #[serde(deserialize_with = "strict::integer")]
    pub max_running: usize,
    /// How apps are kept apart by Landlock.
    pub sandbox: Sandbox,
    /// What apps may read and execute beyond the system, their folder and their data: absolute paths.
    pub readable: Vec<PathBuf>,
    /// How many files each process of an app may have open. 16 to 65536.
    #[serde(deserialize_with = "strict::integer")]
    pub max_open_files: u64,
    /// The longest file that an app may write. 64 KiB to 64 GiB.
    pub max_file: ByteSize,
    /// How many processes and threads an app may have, where control groups hold them. 1 to 32768.
    #[serde(deserialize_with = "strict::integer")]
    pub max_processes: u64,
    /// How much memory an app may use, where control groups hold it. 4 MiB to 1024 GiB.
    pub max_memory: ByteSize,
}

/// Events that are kept until an app has taken them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// How many events of one app may be kept (D1). 16 to 65536.
    #[serde(deserialize_with = "strict::integer")]
    pub max_undelivered: usize,
    /// The size of a file that is given up when the disk is full. 0 B to 64 MiB.
    pub reserve: ByteSize,
}

/// When a part of the runtime is replaced, and when the runtime gives up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supervision {
    /// How many restarts of a part or a group are allowed within `window`. 1 to 1000.
    #[serde(deserialize_with = "strict::integer")]
    pub intensity: u32,
    /// The time over which restarts are counted. 1 s to 24 h.
    #[serde(deserialize_with = "strict::duration")]
    pub window: Duration,
    /// The pause before the first restart. 10 ms to 1 min.
    #[serde(deserialize_with = "strict::duration")]
    pub backoff_min: Duration,
    /// The longest pause before a restart. 10 ms to 10 min, at least `backoff_min`.
    #[serde(deserialize_with = "strict::duration")]
    pub backoff_max: Duration,
    /// From one ping of a part to the next. 100 ms to 10 min.
    #[serde(deserialize_with = "strict::duration")]
    pub ping_interval: Duration,
    /// How long a part may take to answer. 1 s to 10 min.
    #[serde(deserialize_with = "strict::duration")]
    pub ping_limit: Duration,
    /// How many messages a part may send within `ping_interval`. 1000 to 100 000 000.
    #[serde(deserialize_with = "strict::integer")]
    pub flood_limit: u64,
}

/// Where the runtime keeps its state.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    /// The folder of the database, the installed apps and their logs.
    pub state: AutoOr<PathBuf>,
}

/// What the runtime says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The least severe message that is logged.
    pub level: LogLevel,
}
