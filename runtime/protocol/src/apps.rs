//! `io.carpus.Apps`: installing and running apps.

use serde::{Deserialize, Serialize};
use zlink::ReplyError;
use zlink::introspect::{self, CustomType};

use crate::Done;
use crate::interface::{interface, say};
use crate::names::names;
use crate::types::AppState;

interface! {
    /// Installing and running apps. Only for operators.
    interface "io.carpus.Apps";
    types [AppInfo, BluetoothAccess];
    errors Error = <Error as introspect::ReplyError>::VARIANTS;

    /// Installs the app in a folder, which holds its manifest app.toml and its program. One with the same
    /// identifier is replaced, and keeps what it was granted of what it still asks for. An app that asks for more than
    /// it was granted is refused with ConsentNeeded, unless the call says what is granted.
    method Install {
        /// The folder, as an absolute path.
        folder: String,
        /// What the user grants of what the app asks for: heart-rate, battery. Empty grants nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bluetooth: Option<Vec<BluetoothProfile>>,
    } -> InstallReply {
        /// The app.
        app: AppInfo,
    };

    /// Ends and removes an app.
    method Remove {
        /// The app's identifier.
        app: String,
    } -> Done;

    /// The installed apps.
    method List {} -> ListReply {
        /// The apps.
        apps: Vec<AppInfo>,
    };

    /// Brings an app to the front, and launches it if need be.
    method Open {
        /// The app's identifier.
        app: String,
    } -> Done;

    /// Ends an app.
    method Close {
        /// The app's identifier.
        app: String,
    } -> Done;

    /// Says what an app may do; what is left out stays as it is. What waits already, waits on.
    method SetRights {
        /// The app's identifier.
        app: String,
        /// Whether it may be refreshed in the background, without which it may schedule nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        background_refresh: Option<bool>,
        /// Whether it may schedule sessions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scheduling: Option<bool>,
        /// What it is granted of what it asks for: heart-rate, battery. What is taken back ends at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bluetooth: Option<Vec<BluetoothProfile>>,
    } -> Done;

    /// Tells what an app wrote to its output.
    stream Log {
        /// The app's identifier.
        app: String,
        /// How many of the last lines.
        lines: u64,
        /// Whether to go on with the lines that come.
        follow: bool,
    } -> LogReply {
        /// A line, without its end.
        line: String,
    };
}

names! {
    /// A Bluetooth profile of straps whose data an app asks for (M5).
    enum BluetoothProfile, a "Bluetooth profile" {
        /// Each heart rate sample, with the times between beats.
        HeartRate = "heart-rate",
        /// Which straps there are, and the charge of their batteries.
        Battery = "battery",
    }
}

/// What an app asks of the straps, and whether it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct BluetoothAccess {
    /// heart-rate, battery.
    pub profile: BluetoothProfile,
    /// Whether the user grants it.
    pub granted: bool,
}

/// An installed app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CustomType)]
pub struct AppInfo {
    /// Its identifier.
    pub app: String,
    /// Its name, for people.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its background modes.
    pub modes: Vec<String>,
    /// not-running, inactive, active, background, suspended.
    pub state: AppState,
    /// The number of its process, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// Whether the user lets it be refreshed in the background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background_refresh: Option<bool>,
    /// Whether the user lets it schedule sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<bool>,
    /// What it asks of the straps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bluetooth: Option<Vec<BluetoothAccess>>,
}

/// Why a call of this interface was refused.
#[derive(Clone, Debug, PartialEq, Eq, ReplyError, introspect::ReplyError)]
#[zlink(interface = "io.carpus.Apps")]
pub enum Error {
    /// There is no such app.
    UnknownApp {
        /// What was asked for.
        app: String,
    },
    /// The manifest is missing or wrong (M3).
    BadManifest {
        /// The manifest.
        path: String,
        /// The line, where known.
        line: Option<i64>,
        /// The key, where known.
        key: Option<String>,
        /// What is wrong with it, for people.
        reason: String,
    },
    /// The app asks for more than it was granted, and the call does not say what the user grants (M5). Nothing is
    /// installed.
    ConsentNeeded {
        /// The app's identifier.
        app: String,
        /// Its name, for people.
        name: String,
        /// The version that asks.
        version: String,
        /// All that it asks of the straps: heart-rate, battery.
        bluetooth: Vec<BluetoothProfile>,
    },
    /// The folder cannot be installed for another reason.
    Refused {
        /// Why, for people.
        message: String,
    },
    /// The caller may not do this.
    NotPermitted {
        /// Why, for people.
        message: String,
    },
    /// It cannot be done now.
    Unavailable {
        /// Why, for people.
        message: String,
    },
}

say! {
    Error {
        UnknownApp { app } => "there is no app {app}";
        BadManifest { path, line, key, reason } => "{}: {reason}", place(path, *line, key.as_deref());
        ConsentNeeded { app, name, version, bluetooth } =>
            "{name} {version} ({app}) asks to read the straps: {}", list(bluetooth);
        Refused { message } => "{message}";
        NotPermitted { message } => "{message}";
        Unavailable { message } => "{message}";
    }
}

/// Names one after another: `heart-rate, battery`.
fn list(profiles: &[BluetoothProfile]) -> String {
    profiles.iter().map(|profile| profile.name()).collect::<Vec<_>>().join(", ")
}

/// A place in a manifest, as people write it: `app.toml:3: app.id`.
fn place(path: &str, line: Option<i64>, key: Option<&str>) -> String {
    let mut place = path.to_owned();
    if let Some(line) = line {
        place.push_str(&format!(":{line}"));
    }
    if let Some(key) = key {
        place.push_str(&format!(": {key}"));
    }
    place
}
