//! The Linux kernel behind the ports of Carpus: clocks, wake timers, app processes, buttons and how
//! the board fares.
//!
//! | type | port | kernel interface |
//! |---|---|---|
//! | [`SystemClock`] | `Clock` | `CLOCK_BOOTTIME`, `CLOCK_REALTIME` |
//! | [`WallTimer`] | `WallTimer` | timerfd, waking from suspend where the board can |
//! | [`Launcher`] | `AppLauncher` | sessions and process groups, pidfd, cgroup v2 or `/proc`, Landlock |
//! | [`EvdevButtons`] | `Buttons` | `/dev/input/event*` |
//! | [`SysfsConditions`] | `BoardConditions` | `/sys/class/power_supply`, `/sys/class/thermal` |

mod buttons;
mod cgroup;
mod clock;
mod conditions;
mod cpu_ledger;
mod domain;
mod first_process;
mod pidfd_info;
mod place;
mod process_tree;
mod processes;
mod procfs;
mod readiness;
mod spawn;
mod strays;
mod wall_timer;

pub use buttons::{EvdevButtons, KeyMap, KeyMapError};
pub use clock::SystemClock;
pub use conditions::SysfsConditions;
pub use processes::{AppLimits, Launcher, LauncherOptions, Sandbox};
pub use wall_timer::WallTimer;
