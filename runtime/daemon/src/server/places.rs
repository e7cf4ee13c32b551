//! The places for clients: so many in all, and no app takes those of others.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use carpus_core::AppId;

/// Apps together get one of so many parts of the places; the rest is kept for those who operate the watch.
const PART_OF_APPS: usize = 2;
/// One app gets one of so many parts of the places, and at least [`ONE_APP_MIN`].
const PART_OF_ONE_APP: usize = 8;
/// An app needs a connection for calls, one for events, and one for each stream of a strap.
const ONE_APP_MIN: usize = 4;

/// The places for clients.
#[derive(Debug)]
pub(super) struct Places {
    max: usize,
    taken: Cell<usize>,
    /// Whether it was said that all are taken, since half of them were free.
    said: Cell<bool>,
    /// How many each app has, of those that have any.
    apps: RefCell<BTreeMap<AppId, usize>>,
}

/// An app, or all apps together, have as many places as they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has {of_app} connections, apps have {of_apps}; it gets no further one (ipc.max_clients)")]
pub(super) struct NoPlace {
    of_app: usize,
    of_apps: usize,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Rc<Places>,
    app: Option<AppId>,
}

impl Places {
    /// This many places, all free.
    pub(super) fn new(max: usize) -> Rc<Self> {
        Rc::new(Self { max, taken: Cell::new(0), said: Cell::new(false), apps: RefCell::default() })
    }

    /// A place, if one is free. That none is, is logged once.
    pub(super) fn take(self: &Rc<Self>) -> Option<Place> {
        if self.taken.get() < self.max {
            self.taken.set(self.taken.get() + 1);
            return Some(Place { places: Rc::clone(self), app: None });
        }
        if !self.said.replace(true) {
            let max = self.max;
            tracing::warn!(
                "{max} clients are connected, which is the limit (ipc.max_clients); others are turned away"
            );
        }
        None
    }

    fn max_of_apps(&self) -> usize {
        (self.max / PART_OF_APPS).max(1)
    }

    fn max_of_one_app(&self) -> usize {
        (self.max / PART_OF_ONE_APP).max(ONE_APP_MIN)
    }
}

impl Place {
    /// The place is that of an app.
    ///
    /// # Errors
    /// When the app, or all apps together, have as many as they may.
    pub(super) fn belongs_to(&mut self, app: &AppId) -> Result<(), NoPlace> {
        let mut apps = self.places.apps.borrow_mut();
        let of_apps: usize = apps.values().sum();
        let of_app = apps.get(app).copied().unwrap_or_default();
        if of_app >= self.places.max_of_one_app() || of_apps >= self.places.max_of_apps() {
            return Err(NoPlace { of_app, of_apps });
        }
        apps.insert(app.clone(), of_app + 1);
        self.app = Some(app.clone());
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let left = self.places.taken.get().saturating_sub(1);
        self.places.taken.set(left);
        if left <= self.places.max / 2 {
            self.places.said.set(false);
        }
        let Some(app) = &self.app else { return };
        let mut apps = self.places.apps.borrow_mut();
        if let Some(of_app) = apps.get_mut(app) {
            *of_app = of_app.saturating_sub(1);
            if *of_app == 0 {
                apps.remove(app);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_for(places: &Rc<Places>, app: &str) -> Option<Place> {
        let mut place = places.take()?;
        place.belongs_to(&AppId::parse(app).unwrap()).ok()?;
        Some(place)
    }

    #[test]
    fn places_come_free_again() {
        let places = Places::new(2);
        let (one, _other) = (places.take().unwrap(), places.take().unwrap());
        assert!(places.take().is_none());
        drop(one);
        assert!(places.take().is_some());
    }

    #[test]
    fn an_app_leaves_places_for_other_apps_and_apps_for_operators() {
        let places = Places::new(16);
        let greedy: Vec<_> = std::iter::from_fn(|| take_for(&places, "greedy")).collect();
        assert_eq!(greedy.len(), 4);
        let other: Vec<_> = std::iter::from_fn(|| take_for(&places, "other")).collect();
        assert_eq!(other.len(), 4);
        assert!(take_for(&places, "third").is_none());
        let operators: Vec<_> = std::iter::from_fn(|| places.take()).collect();
        assert_eq!(operators.len(), 8);
        drop(greedy);
        assert!(take_for(&places, "third").is_some());
    }

    #[test]
    fn a_runtime_with_few_places_serves_apps_still() {
        for max in 1..4 {
            assert!(take_for(&Places::new(max), "only").is_some(), "{max}");
        }
    }
}
