//! A map that remembers which of its values were in hand, so that what is derived from them can follow.

use std::collections::BTreeMap;
use std::collections::btree_map::Iter;

#[derive(Debug)]
pub(super) struct Tracked<K, V> {
    values: BTreeMap<K, V>,
    touched: Vec<K>,
}

impl<K: Ord + Clone, V> Tracked<K, V> {
    pub(super) const fn new() -> Self {
        Self { values: BTreeMap::new(), touched: Vec::new() }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.values.contains_key(key)
    }

    /// A value to be changed.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let value = self.values.get_mut(key)?;
        self.touched.push(key.clone());
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.touched.push(key.clone());
        self.values.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.values.remove(key)?;
        self.touched.push(key.clone());
        Some(value)
    }

    /// What is derived from this key is to be looked at again.
    pub(super) fn touch(&mut self, key: K) {
        self.touched.push(key);
    }

    pub(super) fn iter(&self) -> Iter<'_, K, V> {
        self.values.iter()
    }

    /// The keys of all that was changed since the last time, some of them more than once.
    pub(super) fn take_touched(&mut self) -> Vec<K> {
        std::mem::take(&mut self.touched)
    }
}
