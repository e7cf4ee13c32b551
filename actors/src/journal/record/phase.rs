//! Where a recorded session stands. A field that an older version did not write has a default: nothing was told, and
//! nothing is known of the clock since boot.

use std::time::Duration;

use carpus_core::record::{RecordedFallback, RecordedPhase, RecordedRing};
use carpus_core::watch::Repeat;
use carpus_core::{Haptic, WallTime};
use serde::{Deserialize, Serialize};

use super::{micros, unix_ms};

const fn is_zero(span: &Duration) -> bool {
    span.is_zero()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde calls")]
const fn is_none(number: &u32) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RecordedPhase", tag = "phase", rename_all = "kebab-case")]
pub(super) enum StoredPhase {
    Scheduled {
        #[serde(rename = "at_ms", with = "unix_ms")]
        at: WallTime,
        /// Missing where no recurrence made it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        recurring: bool,
    },
    /// What versions 1 and 2 wrote as running.
    Handed {
        #[serde(rename = "since_ms", with = "unix_ms")]
        since: WallTime,
        #[serde(rename = "expiration_ms", with = "unix_ms")]
        expiration: WallTime,
        #[serde(rename = "ends_at_us", default, skip_serializing_if = "is_zero", with = "micros")]
        ends_at: Duration,
        #[serde(default)]
        rang: bool,
        #[serde(default, skip_serializing_if = "is_none")]
        launch: u32,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "fallback")]
        fallback: Option<RecordedFallback>,
    },
    Running {
        #[serde(rename = "since_ms", with = "unix_ms")]
        since: WallTime,
        #[serde(rename = "expiration_ms", with = "unix_ms")]
        expiration: WallTime,
        #[serde(rename = "ends_at_us", default, skip_serializing_if = "is_zero", with = "micros")]
        ends_at: Duration,
        scheduled: bool,
        /// Missing in what the first version wrote.
        #[serde(default)]
        rang: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        warned: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        handed: bool,
        #[serde(default, skip_serializing_if = "is_none")]
        launch: u32,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "ring")]
        ring: Option<RecordedRing>,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "fallback")]
        fallback: Option<RecordedFallback>,
    },
    Fallback(#[serde(with = "StoredFallback")] RecordedFallback),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RecordedFallback")]
struct StoredFallback {
    #[serde(rename = "at_ms", with = "unix_ms")]
    at: WallTime,
    #[serde(rename = "until_ms", with = "unix_ms")]
    until: WallTime,
    #[serde(rename = "over_at_us", default, skip_serializing_if = "is_zero", with = "micros")]
    over_at: Duration,
    #[serde(
        rename = "snoozed_until_ms",
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_unix_ms"
    )]
    snoozed_until: Option<WallTime>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RecordedRing")]
struct StoredRing {
    #[serde(with = "haptic")]
    haptic: Haptic,
    #[serde(with = "StoredRepeat")]
    repeat: Repeat,
    #[serde(
        rename = "interval_us",
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_micros"
    )]
    interval: Option<Duration>,
    #[serde(default)]
    played: u32,
    #[serde(
        rename = "snoozed_until_us",
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_micros"
    )]
    snoozed_until: Option<Duration>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Repeat", rename_all = "kebab-case")]
enum StoredRepeat {
    Default,
    EveryMs(i64),
    Ask,
}

mod haptic {
    use carpus_core::Haptic;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(haptic: &Haptic, writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(haptic.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Haptic, D::Error> {
        let name = String::deserialize(reader)?;
        let known = Haptic::ALL.into_iter().find(|haptic| haptic.name() == name);
        known.ok_or_else(|| D::Error::custom(format!("no haptic {name:?}")))
    }
}

/// An optional value of a mirrored type.
macro_rules! optional {
    ($module:ident, $type:ident, $mirror:literal) => {
        mod $module {
            use super::*;

            #[derive(Serialize, Deserialize)]
            struct Stored(#[serde(with = $mirror)] $type);

            pub(super) fn serialize<S: serde::Serializer>(
                value: &Option<$type>,
                writer: S,
            ) -> Result<S::Ok, S::Error> {
                value.map(Stored).serialize(writer)
            }

            pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
                reader: D,
            ) -> Result<Option<$type>, D::Error> {
                Ok(Option::<Stored>::deserialize(reader)?.map(|Stored(value)| value))
            }
        }
    };
}

optional!(fallback, RecordedFallback, "StoredFallback");
optional!(ring, RecordedRing, "StoredRing");
optional!(optional_unix_ms, WallTime, "unix_ms");
optional!(optional_micros, Duration, "micros");
