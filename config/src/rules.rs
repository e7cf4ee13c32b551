//! The keys of the settings, and what each takes: kind, unit and range.

use std::time::Duration;

use config::{Value, ValueKind};

use crate::suggest::nearest;
use crate::units::{
    ByteSize, CELSIUS_HINT, Celsius, DURATION_HINT, PERCENT_HINT, Percent, SHORT_DURATION_HINT, SIZE_HINT,
    ValueError, format_duration, parse_duration_as, quoted,
};
use crate::values::{
    ADAPTER_ALLOWED, InputKey, KEY_ALLOWED, LogLevel, NAME_ALLOWED, PATH_ALLOWED, Profile, SOCKET_ALLOWED,
    Sandbox, SessionKind, check_absolute, check_adapter, check_name, check_path, check_socket, not_one_of,
};

/// One key of the settings.
#[derive(Debug)]
pub(crate) struct Rule {
    /// The dotted key: `session.will_expire_lead`.
    pub(crate) key: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
}

/// What a key takes. Durations are in milliseconds, temperatures in degrees, sizes in bytes; ends are included.
#[derive(Debug)]
pub(crate) enum Kind {
    Boolean,
    Duration { min_ms: u64, max_ms: u64 },
    Percent { min: u32, max: u32 },
    Celsius { min: u32, max: u32 },
    Size { min: u64, max: u64 },
    Count { min: i64, max: i64 },
    CountOrZero { min: i64, max: i64 },
    Word { wanted: &'static str, allowed: &'static [&'static str] },
    SessionKinds,
    Key,
    Path,
    Paths,
    Socket,
    Adapter,
    Name,
}

/// A value as it was written, before it is judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    /// Text of a TOML file, which was in quotes there.
    Text(String),
    /// The text of a variable or a flag, where nothing is in quotes.
    Bare(String),
    Boolean(bool),
    /// A whole number, and how it was written; none if it does not fit 64 bits.
    Integer(Option<i64>, String),
    List(Vec<Raw>),
    /// Anything else: how to name it, and whether it is a number.
    Other {
        shown: String,
        number: bool,
    },
}

const MS: u64 = 1;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// A key that takes this long at most is told how to write short times.
const LONG_MS: u64 = 30 * SECOND;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

const fn rule(key: &'static str, kind: Kind) -> Rule {
    Rule { key, kind }
}

const fn time(key: &'static str, min_ms: u64, max_ms: u64) -> Rule {
    rule(key, Kind::Duration { min_ms, max_ms })
}

const fn percent(key: &'static str, min: u32, max: u32) -> Rule {
    rule(key, Kind::Percent { min, max })
}

const fn count(key: &'static str, min: i64, max: i64) -> Rule {
    rule(key, Kind::Count { min, max })
}

const fn size(key: &'static str, min: u64, max: u64) -> Rule {
    rule(key, Kind::Size { min, max })
}

/// Every key, in the order of `defaults.toml`.
pub(crate) static RULES: &[Rule] = &[
    rule(PROFILE_KEY, Kind::Word { wanted: "a profile", allowed: &Profile::NAMES }),
    rule("compat.strict", Kind::Boolean),
    time("lifecycle.frontmost_time", SECOND, HOUR),
    time("lifecycle.suspend_grace", 0, MINUTE),
    time("lifecycle.leave_time", 100 * MS, MINUTE),
    count("lifecycle.relaunch_max", 0, 100),
    time("lifecycle.relaunch_window", SECOND, HOUR),
    time("session.will_expire_lead", 100 * MS, 10 * MINUTE),
    time("session.self_care_limit", SECOND, 24 * HOUR),
    time("session.mindfulness_limit", SECOND, 24 * HOUR),
    time("session.physical_therapy_limit", SECOND, 24 * HOUR),
    time("session.alarm_limit", SECOND, 24 * HOUR),
    count("session.max_per_app", 1, 1024),
    rule("session.several_modes", Kind::Boolean),
    time("alarm.handle_time", 100 * MS, MINUTE),
    time("alarm.schedule_ahead", MINUTE, 720 * HOUR),
    time("alarm.past_tolerance", 0, HOUR),
    time("alarm.default_interval", 100 * MS, MINUTE),
    time("alarm.min_interval", 100 * MS, MINUTE),
    time("alarm.max_interval", SECOND, MINUTE),
    time("alarm.snooze", SECOND, HOUR),
    time("alarm.fallback_lead", 100 * MS, 10 * MINUTE),
    time("alarm.fallback_time", SECOND, HOUR),
    percent("suppression.battery_below", 0, 100),
    rule("suppression.temperature_above", Kind::Celsius { min: 30, max: 125 }),
    rule("suppression.kinds", Kind::SessionKinds),
    time("suppression.interval", 100 * MS, 10 * MINUTE),
    time("budget.window", SECOND, 10 * MINUTE),
    percent("budget.extended_runtime", 1, 400),
    time("budget.sample_interval", 100 * MS, MINUTE),
    rule("haptics.enabled", Kind::Boolean),
    rule("haptics.device", Kind::Path),
    time("haptics.gap", 100 * MS, 5 * SECOND),
    percent("haptics.gain", 0, 100),
    rule("haptics.theme", Kind::Path),
    rule("audio.enabled", Kind::Boolean),
    rule("audio.device", Kind::Name),
    percent("audio.volume", 0, 100),
    rule("audio.buffer_frames", Kind::CountOrZero { min: 64, max: 8192 }),
    rule("bluetooth.enabled", Kind::Boolean),
    rule("bluetooth.adapter", Kind::Adapter),
    time("bluetooth.connect_timeout", SECOND, 2 * MINUTE),
    time("bluetooth.scan_time", SECOND, MINUTE),
    time("bluetooth.no_data_time", SECOND, 10 * MINUTE),
    time("bluetooth.reconnect_min", 100 * MS, MINUTE),
    time("bluetooth.reconnect_max", 100 * MS, HOUR),
    count("bluetooth.max_straps", 1, 64),
    count("bluetooth.max_seen", 1, 1024),
    count("bluetooth.max_scans", 1, 64),
    rule("inputs.crown", Kind::Key),
    rule("inputs.side_button", Kind::Key),
    rule("inputs.stop", Kind::Key),
    rule("inputs.snooze", Kind::Key),
    rule("inputs.device", Kind::Path),
    rule("ipc.socket", Kind::Socket),
    size("ipc.max_frame", 4 * KIB, 16 * MIB),
    count("ipc.max_clients", 1, 1024),
    count("ipc.max_calls_per_second", 1, 100_000),
    count("ipc.max_call_burst", 1, 100_000),
    count("ipc.max_queued_events", 1, 65_536),
    count("ipc.max_samples", 1, 65_536),
    count("apps.max_installed", 1, 1024),
    size("apps.max_app_size", 64 * KIB, 16 * GIB),
    count("apps.max_app_files", 2, 1_000_000),
    size("apps.max_log", 4 * KIB, 64 * MIB),
    count("apps.max_running", 1, 256),
    rule("apps.sandbox", Kind::Word { wanted: "a way to keep apps apart", allowed: &Sandbox::NAMES }),
    rule("apps.readable", Kind::Paths),
    count("apps.max_open_files", 16, 65_536),
    size("apps.max_file", 64 * KIB, 64 * GIB),
    count("apps.max_processes", 1, 32_768),
    size("apps.max_memory", 4 * MIB, 1024 * GIB),
    count("journal.max_undelivered", 16, 65_536),
    size("journal.reserve", 0, 64 * MIB),
    count("supervision.intensity", 1, 1000),
    time("supervision.window", SECOND, 24 * HOUR),
    time("supervision.backoff_min", 10 * MS, MINUTE),
    time("supervision.backoff_max", 10 * MS, 10 * MINUTE),
    time("supervision.ping_interval", 100 * MS, 10 * MINUTE),
    time("supervision.ping_limit", SECOND, 10 * MINUTE),
    count("supervision.flood_limit", 1000, 100_000_000),
    rule("paths.state", Kind::Path),
    rule("log.level", Kind::Word { wanted: "a log level", allowed: &LogLevel::NAMES }),
];

/// The key that names the board.
pub(crate) const PROFILE_KEY: &str = "profile";

impl Rule {
    /// The rule of a dotted key.
    pub(crate) fn find(key: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.key == key)
    }

    /// The section, if any, and the key within it.
    pub(crate) fn split(&self) -> (Option<&'static str>, &'static str) {
        match self.key.split_once('.') {
            Some((section, name)) => (Some(section), name),
            None => (None, self.key),
        }
    }
}

/// Whether there is such a section.
pub(crate) fn is_section(name: &str) -> bool {
    RULES.iter().any(|rule| rule.split().0 == Some(name))
}

/// The keys of a section.
pub(crate) fn keys_of(section: &str) -> impl Iterator<Item = &'static str> {
    RULES.iter().map(Rule::split).filter(move |(of, _)| *of == Some(section)).map(|(_, name)| name)
}

/// The names at the top: keys without a section, then the sections.
pub(crate) fn top_names() -> impl Iterator<Item = (&'static str, bool)> {
    let mut last = None;
    RULES.iter().filter_map(move |rule| match rule.split() {
        (None, name) => Some((name, false)),
        (of, _) if of == last => None,
        (Some(section), _) => {
            last = Some(section);
            Some((section, true))
        }
    })
}

/// What `found` was probably meant to be, in `section` or, if not there, as a key of another section.
pub(crate) fn near_key(section: Option<&str>, found: &str) -> Option<String> {
    let beside = match section {
        Some(section) => nearest(found, keys_of(section)),
        None => nearest(found, top_names().map(|(name, _)| name)),
    };
    let elsewhere =
        || RULES.iter().find(|rule| rule.split().1 == found).map(|rule| rule.key).map(str::to_owned);
    beside.map(str::to_owned).or_else(elsewhere)
}

/// The keys that are allowed in `section`, as the end of a message.
pub(crate) fn allowed_in(section: Option<&str>) -> String {
    match section {
        Some(section) => format!("allowed in [{section}]: {}", join(keys_of(section).map(str::to_owned))),
        None => {
            let names = top_names().map(|(name, section)| match section {
                true => format!("[{name}]"),
                false => name.to_owned(),
            });
            format!("allowed at the top: {}", join(names))
        }
    }
}

fn join(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Raw {
    /// The value as it was written, for people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Bare(text) => quoted(text),
            Self::Boolean(value) => value.to_string(),
            Self::Integer(_, shown) | Self::Other { shown, .. } => shown.clone(),
            Self::List(_) => "a list".to_owned(),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Bare(text) => Some(text),
            Self::Boolean(_) | Self::Integer(..) | Self::List(_) | Self::Other { .. } => None,
        }
    }

    fn is_number(&self) -> bool {
        match self {
            Self::Integer(..) => true,
            Self::Other { number, .. } => *number,
            Self::Text(_) | Self::Bare(_) | Self::Boolean(_) | Self::List(_) => false,
        }
    }

    /// The text, or why a value that was not written as text cannot be `wanted`.
    pub(crate) fn as_text(&self, wanted: &'static str, hint: &str) -> Result<&str, ValueError> {
        self.text().ok_or_else(|| ValueError::NotA {
            found: self.shown(),
            wanted,
            hint: format!("{hint}, in quotes"),
        })
    }

    fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number, _) => *number,
            Self::Bare(text) if is_digits(text) => text.parse().ok(),
            Self::Bare(_) | Self::Text(_) | Self::Boolean(_) | Self::List(_) | Self::Other { .. } => None,
        }
    }

    /// A whole number that 64 bits cannot hold.
    fn is_huge(&self) -> bool {
        match self {
            Self::Integer(number, _) => number.is_none(),
            Self::Bare(text) => is_digits(text) && text.parse::<i64>().is_err(),
            Self::Text(_) | Self::Boolean(_) | Self::List(_) | Self::Other { .. } => false,
        }
    }

    /// The entries of a list; a variable or a flag has commas between them.
    fn as_list(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(entries) => Some(entries.clone()),
            Self::Bare(text) if text.trim().is_empty() => Some(Vec::new()),
            Self::Bare(text) => {
                Some(text.split(',').map(|entry| Self::Bare(entry.trim().to_owned())).collect())
            }
            Self::Text(_) | Self::Boolean(_) | Self::Integer(..) | Self::Other { .. } => None,
        }
    }
}

fn is_digits(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

impl Kind {
    /// What is allowed, for people: `1s to 1h`.
    pub(crate) fn allowed(&self) -> String {
        match self {
            Self::Boolean => "true or false".to_owned(),
            Self::Duration { min_ms, max_ms } => format!("{} to {}", shown_ms(*min_ms), shown_ms(*max_ms)),
            Self::Percent { min, max } => format!("{} to {}", Percent::new(*min), Percent::new(*max)),
            Self::Celsius { min, max } => format!("{} to {}", Celsius::new(*min), Celsius::new(*max)),
            Self::Size { min, max } => format!("{} to {}", ByteSize::new(*min), ByteSize::new(*max)),
            Self::Count { min, max } => format!("{min} to {max}"),
            Self::CountOrZero { min, max } => format!("0, or {min} to {max}"),
            Self::Word { allowed, .. } => allowed.join(", "),
            Self::SessionKinds => format!("a list of {}", SessionKind::NAMES.join(", ")),
            Self::Key => KEY_ALLOWED.to_owned(),
            Self::Path => PATH_ALLOWED.to_owned(),
            Self::Paths => "a list of absolute paths".to_owned(),
            Self::Socket => SOCKET_ALLOWED.to_owned(),
            Self::Adapter => ADAPTER_ALLOWED.to_owned(),
            Self::Name => NAME_ALLOWED.to_owned(),
        }
    }

    /// Judges a value, and gives it back as the kind that the settings' types take.
    pub(crate) fn check(&self, raw: &Raw) -> Result<ValueKind, ValueError> {
        match self {
            Self::Boolean => check_boolean(raw),
            Self::Count { min, max } => self.check_count(raw, |n| (*min..=*max).contains(&n)),
            Self::CountOrZero { min, max } => self.check_count(raw, |n| n == 0 || (*min..=*max).contains(&n)),
            Self::Duration { min_ms, max_ms } => {
                let hint = if *max_ms < LONG_MS { SHORT_DURATION_HINT } else { DURATION_HINT };
                self.check_amount(raw, hint, |text| {
                    let range = Duration::from_millis(*min_ms)..=Duration::from_millis(*max_ms);
                    Ok(range.contains(&parse_duration_as(text, hint)?))
                })
            }
            Self::Percent { min, max } => self.check_amount(raw, PERCENT_HINT, |text| {
                Ok((*min..=*max).contains(&text.parse::<Percent>()?.get()))
            }),
            Self::Celsius { min, max } => self.check_amount(raw, CELSIUS_HINT, |text| {
                Ok((*min..=*max).contains(&text.parse::<Celsius>()?.degrees()))
            }),
            Self::Size { min, max } => self.check_amount(raw, SIZE_HINT, |text| {
                Ok((*min..=*max).contains(&text.parse::<ByteSize>()?.bytes()))
            }),
            Self::Word { wanted, allowed } => self.check_text(raw, |text| {
                if allowed.contains(&text) { Ok(()) } else { Err(not_one_of(text, wanted, allowed)) }
            }),
            Self::SessionKinds => self.check_session_kinds(raw),
            Self::Key => self.check_text(raw, |text| text.parse::<InputKey>().map(drop)),
            Self::Path => self.check_text(raw, check_path),
            Self::Paths => self.check_paths(raw),
            Self::Socket => self.check_text(raw, check_socket),
            Self::Adapter => self.check_text(raw, check_adapter),
            Self::Name => self.check_text(raw, check_name),
        }
    }

    fn check_count(&self, raw: &Raw, fits: impl Fn(i64) -> bool) -> Result<ValueKind, ValueError> {
        match raw.as_integer() {
            Some(number) if fits(number) => Ok(ValueKind::I64(number)),
            None if !raw.is_huge() => Err(ValueError::NotA {
                found: raw.shown(),
                wanted: self.wanted(),
                hint: format!("allowed is {}{}", self.allowed(), without_quotes(raw)),
            }),
            Some(_) | None => Err(self.out_of_range(raw)),
        }
    }

    /// Text with a unit; a bare number lacks it.
    fn check_amount(
        &self,
        raw: &Raw,
        hint: &str,
        fits: impl FnOnce(&str) -> Result<bool, ValueError>,
    ) -> Result<ValueKind, ValueError> {
        if raw.is_number() {
            return Err(ValueError::NoUnit { found: raw.shown(), hint: format!("{hint}, in quotes") });
        }
        let text = raw.as_text(self.wanted(), hint)?;
        if fits(text)? { Ok(ValueKind::String(text.to_owned())) } else { Err(self.out_of_range(raw)) }
    }

    fn check_text(
        &self,
        raw: &Raw,
        check: impl FnOnce(&str) -> Result<(), ValueError>,
    ) -> Result<ValueKind, ValueError> {
        let text = raw.as_text(self.wanted(), &format!("allowed is {}", self.allowed()))?;
        check(text)?;
        Ok(ValueKind::String(text.to_owned()))
    }

    fn check_session_kinds(&self, raw: &Raw) -> Result<ValueKind, ValueError> {
        let entries = raw.as_list().ok_or_else(|| ValueError::NotA {
            found: raw.shown(),
            wanted: self.wanted(),
            hint: r#"write ["self-care", "mindfulness"]"#.to_owned(),
        })?;
        let mut kinds: Vec<SessionKind> = Vec::new();
        for entry in &entries {
            let allowed = format!("allowed are {}", SessionKind::NAMES.join(", "));
            let kind = entry.as_text(SessionKind::WANTED, &allowed)?.parse()?;
            if kinds.contains(&kind) {
                return Err(ValueError::Twice { found: entry.shown() });
            }
            kinds.push(kind);
        }
        Ok(ValueKind::Array(kinds.into_iter().map(|kind| Value::from(kind.as_str())).collect()))
    }

    fn check_paths(&self, raw: &Raw) -> Result<ValueKind, ValueError> {
        let entries = raw.as_list().ok_or_else(|| ValueError::NotA {
            found: raw.shown(),
            wanted: self.wanted(),
            hint: r#"write ["/opt/one", "/opt/two"]"#.to_owned(),
        })?;
        let mut paths: Vec<String> = Vec::new();
        for entry in &entries {
            let path = entry.as_text("an absolute path", "write \"/opt/one\"")?;
            check_absolute(path)?;
            if paths.iter().any(|known| known == path) {
                return Err(ValueError::Twice { found: entry.shown() });
            }
            paths.push(path.to_owned());
        }
        Ok(ValueKind::Array(paths.into_iter().map(Value::from).collect()))
    }

    fn wanted(&self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Duration { .. } => "a duration",
            Self::Percent { .. } => "a percentage",
            Self::Celsius { .. } => "a temperature",
            Self::Size { .. } => "a size",
            Self::Count { .. } | Self::CountOrZero { .. } => "a whole number",
            Self::Word { wanted, .. } => wanted,
            Self::SessionKinds => "a list of types of session",
            Self::Paths => "a list of absolute paths",
            Self::Key => "the name of a key",
            Self::Path | Self::Socket => "an absolute path",
            Self::Adapter => "a Bluetooth adapter",
            Self::Name => "a device's name",
        }
    }

    fn out_of_range(&self, raw: &Raw) -> ValueError {
        ValueError::OutOfRange { found: raw.shown(), allowed: self.allowed() }
    }
}

fn shown_ms(ms: u64) -> String {
    format_duration(Duration::from_millis(ms))
}

fn check_boolean(raw: &Raw) -> Result<ValueKind, ValueError> {
    match raw {
        Raw::Boolean(value) => Ok(ValueKind::Boolean(*value)),
        Raw::Bare(text) if text == "true" || text == "false" => Ok(ValueKind::Boolean(text == "true")),
        Raw::Bare(_) | Raw::Text(_) | Raw::Integer(..) | Raw::List(_) | Raw::Other { .. } => {
            Err(ValueError::NotA {
                found: raw.shown(),
                wanted: "true or false",
                hint: format!("write true or false{}", without_quotes(raw)),
            })
        }
    }
}

/// The hint for a value that needs no quotes, if it had some.
fn without_quotes(raw: &Raw) -> &'static str {
    match raw {
        Raw::Text(_) => ", without quotes",
        Raw::Bare(_) | Raw::Boolean(_) | Raw::Integer(..) | Raw::List(_) | Raw::Other { .. } => "",
    }
}
