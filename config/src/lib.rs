//! The settings of Carpus, the manifests of its apps and the themes of its haptics: TOML that is checked before it
//! is used.
//!
//! Settings come in layers, each above the one before: the defaults in the program, the profile of the
//! board, `/etc/carpus/*.toml`, `$XDG_CONFIG_HOME/carpus/*.toml`, `CARPUS_…` variables, `--set` flags.
//! [`Settings::load`] puts them together, and [`Loaded`] knows where each value came from.
//!
//! [`manifest::Manifest`] reads the `app.toml` in an app's folder, [`theme::ThemeFile`] a theme.
//!
//! Whatever is wrong in any of them is refused with its place, its key and what is allowed, all of it at once:
//!
//! ```
//! use carpus_config::{Settings, Sources};
//!
//! let flag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
//! let good = Sources { flags: vec![flag("lifecycle.frontmost_time", "90s")], ..Sources::default() };
//! let loaded = Settings::load(&good)?;
//! assert_eq!(loaded.settings.lifecycle.frontmost_time.as_secs(), 90);
//!
//! let bad = Sources { flags: vec![flag("session.will_expire_lead", "30")], ..Sources::default() };
//! let refused = Settings::load(&bad).unwrap_err();
//! assert_eq!(
//!     refused.to_string(),
//!     r#"--set session.will_expire_lead: "30" has no unit; write 30s, 2min or 1h"#,
//! );
//! # Ok::<(), carpus_config::ConfigError>(())
//! ```

mod agreement;
mod document;
mod layers;
mod load;
pub mod manifest;
mod problem;
mod rules;
pub mod settings;
mod sources;
mod strict;
mod suggest;
#[cfg(test)]
mod tests;
pub mod theme;
mod units;
mod values;

pub use load::{DEFAULTS, Loaded};
pub use problem::{ConfigError, Conflict, Origin, Position, Problem, Reason};
pub use settings::Settings;
pub use sources::{FlagError, Sources, parse_flag};
pub use units::{ByteSize, Celsius, Percent, ValueError, format_duration, parse_duration};
pub use values::{AutoOr, InputKey, LogLevel, Profile, Sandbox, SessionKind};
