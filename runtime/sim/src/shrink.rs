//! Makes a history that breaks a rule shorter, as long as it breaks the same one (delta debugging).

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Counts;
use crate::history::{History, Kill, Step};
use crate::world::{Failure, play};

/// How many histories are tried at most.
const TRIES_MAX: usize = 6000;

/// Plays a history; a panic is a failure too.
pub fn play_safely(history: &History) -> (Counts, Option<Failure>) {
    catch_unwind(AssertUnwindSafe(|| play(history))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("panic: {}", text.unwrap_or_default());
        (Counts::default(), Some(Failure { step: history.steps.len(), what }))
    })
}

/// The shortest history that was found, and what it breaks.
pub fn shrink(history: &History, failure: &Failure) -> (History, Failure) {
    let mut search = Search { best: history.clone(), failure: failure.clone(), tries: 0 };
    search.best.steps.truncate(failure.step + 1);
    if !search.fails(&search.best.clone()) {
        search.best = history.clone();
    }
    loop {
        let before = search.best.clone();
        search.remove_chunks();
        search.simplify_steps();
        search.simplify_world();
        if search.best == before || search.tries >= TRIES_MAX {
            return (search.best, search.failure);
        }
    }
}

struct Search {
    best: History,
    failure: Failure,
    tries: usize,
}

impl Search {
    /// Whether it breaks the same rule; what it says is kept.
    fn fails(&mut self, history: &History) -> bool {
        self.tries += 1;
        let (_, failure) = play_safely(history);
        let Some(failure) = failure.filter(|failure| failure.kind() == self.failure.kind()) else {
            return false;
        };
        self.failure = failure;
        true
    }

    fn take_if_fails(&mut self, history: History) -> bool {
        let fails = self.tries < TRIES_MAX && self.fails(&history);
        if fails {
            self.best = history;
        }
        fails
    }

    fn remove_chunks(&mut self) {
        let mut size = self.best.steps.len().div_ceil(2).max(1);
        loop {
            let mut end = self.best.steps.len();
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut shorter = self.best.clone();
                shorter.steps.drain(start..end);
                self.take_if_fails(shorter);
                end = start.min(self.best.steps.len());
            }
            if size == 1 {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    fn simplify_steps(&mut self) {
        for index in 0..self.best.steps.len() {
            while let Some(simpler) = simpler(self.best.steps[index]).into_iter().find(|step| {
                let mut history = self.best.clone();
                history.steps[index] = *step;
                self.take_if_fails(history)
            }) {
                debug_assert_eq!(self.best.steps[index], simpler);
            }
        }
    }

    fn simplify_world(&mut self) {
        use crate::history::{Behaviour, Numbers};
        for limits in [Numbers::Default] {
            if self.best.limits != limits {
                self.take_if_fails(History { limits, ..self.best.clone() });
            }
        }
        if self.best.zone != 0 {
            self.take_if_fails(History { zone: 0, ..self.best.clone() });
        }
        if self.best.user_stops_ms.is_some() {
            self.take_if_fails(History { user_stops_ms: None, ..self.best.clone() });
        }
        for index in 0..self.best.apps.len() {
            if self.best.apps[index].behaviour != Behaviour::Obedient {
                let mut history = self.best.clone();
                history.apps[index].behaviour = Behaviour::Obedient;
                self.take_if_fails(history);
            }
        }
        while self.best.apps.len() > 1 {
            let mut history = self.best.clone();
            history.apps.pop();
            if !self.take_if_fails(history) {
                break;
            }
        }
    }
}

/// Steps that are simpler than this one: rounder and shorter spans.
fn simpler(step: Step) -> Vec<Step> {
    match step {
        Step::Wait(ms) => spans(ms).map(Step::Wait).collect(),
        Step::Late(ms) => std::iter::once(Step::Wait(ms)).chain(spans(ms).map(Step::Late)).collect(),
        Step::PowerLoss(after, off_ms) => {
            outages(after, off_ms).map(|(a, o)| Step::PowerLoss(a, o)).collect()
        }
        Step::Kill(kill) => kills(kill),
        Step::ClockBy(by_ms) => {
            let sign = by_ms.signum();
            spans(by_ms.unsigned_abs())
                .map(|ms| Step::ClockBy(sign * i64::try_from(ms).unwrap_or(0)))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// Without one of its circumstances, or sooner, or shorter.
fn kills(kill: Kill) -> Vec<Step> {
    let plainer = [
        Kill { again: None, ..kill },
        Kill { part: false, ..kill },
        Kill { dead: 0, ..kill },
        Kill { clock_ms: 0, ..kill },
    ];
    let shorter = outages(kill.after, kill.off_ms).map(|(after, off_ms)| Kill { after, off_ms, ..kill });
    plainer.into_iter().filter(|other| *other != kill).chain(shorter).map(Step::Kill).collect()
}

/// Spans below this one, as whole minutes, seconds, or a half.
fn spans(ms: u64) -> impl Iterator<Item = u64> {
    const SECOND: u64 = 1000;
    const MINUTE: u64 = 60 * SECOND;
    [0, ms / 2, ms / MINUTE * MINUTE, ms / SECOND * SECOND].into_iter().filter(move |span| *span < ms)
}

fn outages(after: u32, off_ms: u64) -> impl Iterator<Item = (u32, u64)> {
    let sooner = (after > 0).then_some((0, off_ms));
    sooner.into_iter().chain(spans(off_ms).map(move |span| (after, span)))
}
