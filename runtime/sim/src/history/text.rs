//! Histories as text: one thing a line, so that one can be kept, read, and cut by hand.

use std::fmt;
use std::str::FromStr;

use carpus_core::SessionKind;

use super::{App, AppSetup, Behaviour, Every, History, Kill, Numbers, Step, When, Which};
use crate::zones;

/// A text is no history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadHistory {
    /// The line, from one.
    pub line: usize,
    /// What it says.
    pub text: String,
}

impl fmt::Display for BadHistory {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {} of the history cannot be read: {}", self.line, self.text)
    }
}

impl std::error::Error for BadHistory {}

impl Behaviour {
    /// Every behaviour.
    pub const ALL: [Self; 12] = [
        Self::Obedient,
        Self::Slow,
        Self::Late,
        Self::Crashing,
        Self::Unsteady,
        Self::CrashLoop,
        Self::Quitting,
        Self::Hanging,
        Self::Deaf,
        Self::Greedy,
        Self::Silent,
        Self::Confused,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Obedient => "obedient",
            Self::Slow => "slow",
            Self::Late => "late",
            Self::Crashing => "crashing",
            Self::Unsteady => "unsteady",
            Self::CrashLoop => "crash-loop",
            Self::Quitting => "quitting",
            Self::Hanging => "hanging",
            Self::Deaf => "deaf",
            Self::Greedy => "greedy",
            Self::Silent => "silent",
            Self::Confused => "confused",
        }
    }
}

impl Numbers {
    const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Strict => "strict",
            Self::Short => "short",
            Self::SeveralModes => "several-modes",
            Self::NoFallback => "no-fallback",
        }
    }
}

// --- writing

impl fmt::Display for History {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "limits {}", self.limits.name())?;
        writeln!(out, "clock {}", self.start_ms)?;
        writeln!(out, "zone {}", zones::NAMES[usize::from(self.zone) % zones::NAMES.len()])?;
        writeln!(out, "user-stops {}", Optional(self.user_stops_ms))?;
        for app in &self.apps {
            let kinds: Vec<_> = app.kinds.iter().map(|kind| kind.name()).collect();
            let kinds = if kinds.is_empty() { "-".to_owned() } else { kinds.join(",") };
            writeln!(out, "app {kinds} {}", app.behaviour.name())?;
        }
        for step in &self.steps {
            writeln!(out, "{step}")?;
        }
        Ok(())
    }
}

/// A value, or a dash for none.
struct Optional<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Optional<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(out),
            None => out.write_str("-"),
        }
    }
}

impl fmt::Display for App {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        char::from(b'a' + self.0 % 26).fmt(out)
    }
}

impl fmt::Display for Which {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(place) => write!(out, "any{place}"),
            Self::Own(place) => write!(out, "own{place}"),
            Self::Ringing => write!(out, "ringing"),
            Self::Number(number) => write!(out, "#{number}"),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(ms) => write!(out, "in:{ms}"),
            Self::At(ms) => write!(out, "at:{ms}"),
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(out, "default"),
            Self::Ask => write!(out, "ask"),
            Self::Ms(ms) => write!(out, "{ms}"),
        }
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.after, self.off_ms)?;
        if self.clock_ms != 0 {
            write!(out, " clock:{}", self.clock_ms)?;
        }
        if self.dead != 0 {
            write!(out, " dead:{}", self.dead)?;
        }
        if self.part {
            write!(out, " part")?;
        }
        self.again.map_or(Ok(()), |after| write!(out, " again:{after}"))
    }
}

fn kind_name(kind: Option<SessionKind>) -> Optional<&'static str> {
    Optional(kind.map(SessionKind::name))
}

fn zone_name(zone: Option<u8>) -> Optional<&'static str> {
    Optional(zone.map(|zone| zones::NAMES[usize::from(zone) % zones::NAMES.len()]))
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wait(ms) => write!(out, "wait {ms}"),
            Self::Late(ms) => write!(out, "late {ms}"),
            Self::Open(app) => write!(out, "open {app}"),
            Self::Close(app) => write!(out, "close {app}"),
            Self::Remove(app) => write!(out, "remove {app}"),
            Self::Install(app) => write!(out, "install {app}"),
            Self::Rights(app, refresh, schedule) => write!(out, "rights {app} {refresh} {schedule}"),
            Self::WristUp => write!(out, "wrist-up"),
            Self::WristDown => write!(out, "wrist-down"),
            Self::Crown => write!(out, "crown"),
            Self::Cover => write!(out, "cover"),
            Self::Stop(which) => write!(out, "stop {which}"),
            Self::OpenAlarm(which) => write!(out, "open-alarm {which}"),
            Self::Snooze(which, ms) => write!(out, "snooze {which} {}", Optional(ms)),
            Self::MemoryShort => write!(out, "memory-short"),
            Self::Conditions(battery, heat) => {
                write!(out, "conditions {} {}", Optional(battery), Optional(heat))
            }
            Self::ClockBy(ms) => write!(out, "clock-by {ms}"),
            Self::ClockTo(ms) => write!(out, "clock-to {ms}"),
            Self::Zone(zone) => write!(out, "zone-set {}", zone_name(Some(zone))),
            Self::DiskFull(full) => write!(out, "disk-full {full}"),
            Self::DiskSlow(ms) => write!(out, "disk-slow {ms}"),
            Self::PowerLoss(after, off_ms) => write!(out, "power-loss {after} {off_ms}"),
            Self::Kill(kill) => write!(out, "kill {kill}"),
            Self::Crash(app) => write!(out, "crash {app}"),
            Self::ChildFails(child) => write!(out, "child-fails {child}"),
            Self::Timeout => write!(out, "timeout"),
            Self::Due(which) => write!(out, "due {which}"),
            Self::Spent(which) => write!(out, "spent {which}"),
            Self::Saved(which) => write!(out, "saved {which}"),
            Self::NotSaved(which) => write!(out, "not-saved {which}"),
            _ => self.write_call(out),
        }
    }
}

impl Step {
    /// The steps that an app takes, or that are told of it.
    fn write_call(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Create(app, kind) => write!(out, "create {app} {}", kind_name(kind)),
            Self::Start(app, which) => write!(out, "start {app} {which}"),
            Self::StartAt(app, which, when) => write!(out, "start-at {app} {which} {when}"),
            Self::Replace(app, which, when) => write!(out, "replace {app} {which} {when}"),
            Self::Invalidate(app, which) => write!(out, "invalidate {app} {which}"),
            Self::Handled(app, which) => write!(out, "handled {app} {which}"),
            Self::Notify(app, which, haptic, every) => write!(out, "notify {app} {which} {haptic} {every}"),
            Self::Answer(app, which, played, ms) => write!(out, "answer {app} {which} {played} {ms}"),
            Self::CanStart(app, kind, when) => {
                write!(out, "can-start {app} {} {}", kind_name(kind), Optional(when))
            }
            Self::SetRecurrence(app, days, minute, zone) => {
                write!(out, "recur {app} {days} {minute} {}", zone_name(zone))
            }
            Self::ClearRecurrence(app) => write!(out, "clear-recurrence {app}"),
            Self::Attached(app) => write!(out, "attached {app}"),
            Self::Exited(app) => write!(out, "exited {app}"),
            Self::RecurrenceNotSaved(app) => write!(out, "recurrence-not-saved {app}"),
            Self::Occurrence(app, which) => write!(out, "occurrence {app} {which}"),
            _ => Ok(()),
        }
    }
}

// --- reading

impl FromStr for History {
    type Err = BadHistory;

    fn from_str(text: &str) -> Result<Self, BadHistory> {
        let mut history = Self {
            limits: Numbers::Default,
            start_ms: 0,
            zone: 0,
            user_stops_ms: None,
            apps: Vec::new(),
            steps: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let says_something = !line.is_empty() && !line.starts_with('#');
            if says_something && history.read(line).is_none() {
                return Err(BadHistory { line: index + 1, text: line.to_owned() });
            }
        }
        Ok(history)
    }
}

impl History {
    fn read(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_whitespace();
        match words.next()? {
            "limits" => {
                let name = words.next()?;
                self.limits = Numbers::ALL.into_iter().find(|numbers| numbers.name() == name)?;
            }
            "clock" => self.start_ms = words.next()?.parse().ok()?,
            "zone" => self.zone = zones::index_of(words.next()?)?,
            "user-stops" => self.user_stops_ms = optional(words.next()?)?,
            "app" => self.apps.push(app_setup(words.next()?, words.next()?)?),
            _ => self.steps.push(step(line)?),
        }
        Some(())
    }
}

fn app_setup(kinds: &str, behaviour: &str) -> Option<AppSetup> {
    let kinds = if kinds == "-" { Vec::new() } else { kinds.split(',').map(kind).collect::<Option<_>>()? };
    let behaviour = Behaviour::ALL.into_iter().find(|known| known.name() == behaviour)?;
    Some(AppSetup { kinds, behaviour })
}

fn kind(text: &str) -> Option<SessionKind> {
    SessionKind::ALL.into_iter().find(|kind| kind.name() == text)
}

/// None for a dash, where a value may be missing; nothing for what cannot be read.
#[expect(clippy::option_option, reason = "a missing value and one that cannot be read differ")]
fn optional<T: FromStr>(text: &str) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { text.parse().ok().map(Some) }
}

#[expect(clippy::option_option, reason = "a missing value and one that cannot be read differ")]
fn optional_by<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { read(text).map(Some) }
}

fn app(text: &str) -> Option<App> {
    text.bytes().next().filter(u8::is_ascii_lowercase).map(|letter| App(letter - b'a'))
}

fn which(text: &str) -> Option<Which> {
    if text == "ringing" {
        return Some(Which::Ringing);
    }
    if let Some(number) = text.strip_prefix('#') {
        return number.parse().ok().map(Which::Number);
    }
    let place = |prefix| text.strip_prefix(prefix).and_then(|place| place.parse().ok());
    place("any").map(Which::Any).or_else(|| place("own").map(Which::Own))
}

fn when(text: &str) -> Option<When> {
    let ms = |prefix| text.strip_prefix(prefix).and_then(|ms| ms.parse().ok());
    ms("in:").map(When::In).or_else(|| ms("at:").map(When::At))
}

fn every(text: &str) -> Option<Every> {
    match text {
        "default" => Some(Every::Default),
        "ask" => Some(Every::Ask),
        ms => ms.parse().ok().map(Every::Ms),
    }
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn step(line: &str) -> Option<Step> {
    let words: Vec<&str> = line.split_whitespace().collect();
    Some(match words[..] {
        ["wait", ms] => Step::Wait(number(ms)?),
        ["late", ms] => Step::Late(number(ms)?),
        ["open", of] => Step::Open(app(of)?),
        ["close", of] => Step::Close(app(of)?),
        ["remove", of] => Step::Remove(app(of)?),
        ["install", of] => Step::Install(app(of)?),
        ["rights", of, refresh, schedule] => Step::Rights(app(of)?, number(refresh)?, number(schedule)?),
        ["wrist-up"] => Step::WristUp,
        ["wrist-down"] => Step::WristDown,
        ["crown"] => Step::Crown,
        ["cover"] => Step::Cover,
        ["stop", id] => Step::Stop(which(id)?),
        ["open-alarm", id] => Step::OpenAlarm(which(id)?),
        ["snooze", id, ms] => Step::Snooze(which(id)?, optional(ms)?),
        ["memory-short"] => Step::MemoryShort,
        ["conditions", battery, heat] => Step::Conditions(optional(battery)?, optional(heat)?),
        ["clock-by", ms] => Step::ClockBy(number(ms)?),
        ["clock-to", ms] => Step::ClockTo(number(ms)?),
        ["zone-set", name] => Step::Zone(zones::index_of(name)?),
        ["disk-full", full] => Step::DiskFull(number(full)?),
        ["disk-slow", ms] => Step::DiskSlow(number(ms)?),
        ["power-loss", after, off_ms] => Step::PowerLoss(number(after)?, number(off_ms)?),
        ["kill", after, off_ms, ref how @ ..] => Step::Kill(kill(number(after)?, number(off_ms)?, how)?),
        ["crash", of] => Step::Crash(app(of)?),
        ["child-fails", child] => Step::ChildFails(number(child)?),
        ["timeout"] => Step::Timeout,
        ["due", id] => Step::Due(which(id)?),
        ["spent", id] => Step::Spent(which(id)?),
        ["saved", id] => Step::Saved(which(id)?),
        ["not-saved", id] => Step::NotSaved(which(id)?),
        _ => call(&words)?,
    })
}

fn kill(after: u32, off_ms: u64, how: &[&str]) -> Option<Kill> {
    let mut kill = Kill { after, off_ms, ..Kill::default() };
    for word in how {
        match word.split_once(':') {
            Some(("clock", ms)) => kill.clock_ms = number(ms)?,
            Some(("dead", apps)) => kill.dead = number(apps)?,
            Some(("again", after)) => kill.again = Some(number(after)?),
            None if *word == "part" => kill.part = true,
            _ => return None,
        }
    }
    Some(kill)
}

fn call(words: &[&str]) -> Option<Step> {
    Some(match *words {
        ["create", of, mode] => Step::Create(app(of)?, optional_by(mode, kind)?),
        ["start", of, id] => Step::Start(app(of)?, which(id)?),
        ["start-at", of, id, at] => Step::StartAt(app(of)?, which(id)?, when(at)?),
        ["replace", of, id, at] => Step::Replace(app(of)?, which(id)?, when(at)?),
        ["invalidate", of, id] => Step::Invalidate(app(of)?, which(id)?),
        ["handled", of, id] => Step::Handled(app(of)?, which(id)?),
        ["notify", of, id, haptic, again] => {
            Step::Notify(app(of)?, which(id)?, number(haptic)?, every(again)?)
        }
        ["answer", of, id, played, ms] => Step::Answer(app(of)?, which(id)?, number(played)?, number(ms)?),
        ["can-start", of, mode, at] => {
            Step::CanStart(app(of)?, optional_by(mode, kind)?, optional_by(at, when)?)
        }
        ["recur", of, days, minute, zone] => {
            let zone = optional_by(zone, zones::index_of)?;
            Step::SetRecurrence(app(of)?, number(days)?, number(minute)?, zone)
        }
        ["clear-recurrence", of] => Step::ClearRecurrence(app(of)?),
        ["attached", of] => Step::Attached(app(of)?),
        ["exited", of] => Step::Exited(app(of)?),
        ["recurrence-not-saved", of] => Step::RecurrenceNotSaved(app(of)?),
        ["occurrence", of, id] => Step::Occurrence(app(of)?, which(id)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::{History, generate};

    #[test]
    fn a_history_that_is_written_down_is_read_as_the_same() {
        for seed in 1..=50 {
            let history = generate(seed, 300);
            let text = history.to_string();
            assert_eq!(text.parse::<History>().as_ref(), Ok(&history), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let bad = "wait 5\n# a remark\nwait long\n".parse::<History>().unwrap_err();
        assert_eq!(bad.line, 3);
    }
}
