//! What clients were refused, in the log: each kind once for each app, then only how often.

use std::cell::RefCell;
use std::collections::BTreeMap;

use carpus_core::AppId;
use serde_json::Value;

/// Of refusals of a kind the first is logged, then the tenth, the hundredth and so on.
const LOG_FACTOR: u64 = 10;

/// What was refused so far. There are as many entries as kinds for each app that was refused anything.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    counts: RefCell<BTreeMap<(Option<AppId>, String), u64>>,
}

/// How often something was refused, where that is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saying {
    First,
    Times(u64),
    Nothing,
}

impl Refusals {
    /// Logs, and counts, that a client was refused something. `app` is the app that it is a process of; `kind` is one
    /// of few names.
    pub(super) fn note(&self, app: Option<&AppId>, pid: u32, kind: &str, what: impl FnOnce() -> String) {
        let app_name = app.map_or("none", AppId::as_str);
        match self.count(app, kind) {
            Saying::First => tracing::warn!(app = app_name, pid, "{}", what()),
            Saying::Times(count) => {
                tracing::warn!(app = app_name, pid, "{}; so far {count} times", what());
            }
            Saying::Nothing => {}
        }
    }

    /// As [`Self::note`], for an answer to a call; one that is no attempt on others is left out.
    pub(super) fn note_answer(&self, app: Option<&AppId>, pid: u32, method: &str, error: &Value) {
        let Some(kind) = error["error"].as_str() else { return };
        let Some(reason) = reason(kind, &error["parameters"]) else { return };
        self.note(app, pid, kind, || format!("refused {method}: {reason}"));
    }

    /// The app was removed.
    pub(super) fn forget(&self, app: &AppId) {
        self.counts.borrow_mut().retain(|(of, _), _| of.as_ref() != Some(app));
    }

    fn count(&self, app: Option<&AppId>, kind: &str) -> Saying {
        let mut counts = self.counts.borrow_mut();
        let count = counts.entry((app.cloned(), kind.to_owned())).or_default();
        *count = count.saturating_add(1);
        match *count {
            1 => Saying::First,
            count if is_power_of(LOG_FACTOR, count) => Saying::Times(count),
            _ => Saying::Nothing,
        }
    }
}

fn is_power_of(factor: u64, mut number: u64) -> bool {
    while number.is_multiple_of(factor) {
        number /= factor;
    }
    number == 1
}

/// Why a call was refused that reached for what is not the caller's; none for any other refusal. No part of a call
/// that could be a secret is repeated.
fn reason(kind: &str, parameters: &Value) -> Option<String> {
    match kind.strip_prefix("io.carpus.")? {
        "Session.UnknownSession" => {
            Some(format!("session {} is none of its own", parameters["session"].as_u64().unwrap_or_default()))
        }
        "Session.BadToken" => Some("the launch token that it shows is not its own".to_owned()),
        "Session.NotAttached" | "Haptics.NotAttached" => {
            Some("it has not shown its launch token on this connection".to_owned())
        }
        name if name.ends_with(".NotPermitted") => {
            Some(parameters["message"].as_str().unwrap_or("it may not").to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use carpus_protocol::{session, wrist};

    use super::super::client::value_of;
    use super::*;

    #[test]
    fn the_first_of_a_kind_is_said_and_then_each_tenfold() {
        let refusals = Refusals::default();
        let app = AppId::parse("intruder").unwrap();
        let said: Vec<_> = (1..=1000)
            .filter_map(|count| match refusals.count(Some(&app), "kind") {
                Saying::First => Some((count, 1)),
                Saying::Times(times) => Some((count, times)),
                Saying::Nothing => None,
            })
            .collect();
        assert_eq!(said, [(1, 1), (10, 10), (100, 100), (1000, 1000)]);
        assert_eq!(refusals.count(Some(&app), "other kind"), Saying::First);
        assert_eq!(refusals.count(None, "kind"), Saying::First);
        refusals.forget(&app);
        assert_eq!(refusals.count(Some(&app), "kind"), Saying::First);
        assert_eq!(refusals.count(None, "kind"), Saying::Nothing);
    }

    #[test]
    fn attempts_are_told_from_other_refusals() {
        let reason_of = |error: Value| reason(error["error"].as_str().unwrap(), &error["parameters"]);
        let foreign = session::Error::UnknownSession { session: 7 };
        assert_eq!(reason_of(value_of(&foreign)).unwrap(), "session 7 is none of its own");
        assert!(reason_of(value_of(&session::Error::BadToken)).is_some());
        assert!(reason_of(value_of(&session::Error::NotAttached)).is_some());
        let operates = wrist::Error::NotPermitted { message: "no".to_owned() };
        assert_eq!(reason_of(value_of(&operates)).as_deref(), Some("no"));
        let other = session::Error::Unavailable { message: "later".to_owned() };
        assert_eq!(reason_of(value_of(&other)), None);
    }
}
