//! What a reader has not read yet of a stream that nobody keeps (D3): bounded, and the oldest goes first.

use std::collections::VecDeque;

/// A ring for one reader. One that is slow loses the oldest items, is told how many, and slows nobody.
#[derive(Debug)]
pub struct Backlog<T> {
    items: VecDeque<T>,
    capacity: usize,
    lost: u64,
}

impl<T> Backlog<T> {
    /// Room for `capacity` items, one at least; all of its memory is taken now.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { items: VecDeque::with_capacity(capacity), capacity, lost: 0 }
    }

    /// Adds an item; where there is no room, the oldest is lost (D3).
    pub fn push(&mut self, item: T) {
        if self.items.len() == self.capacity {
            self.items.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        self.items.push_back(item);
    }

    /// The oldest item, and how many were lost right before it: the gap marker.
    pub fn pop(&mut self) -> Option<(T, u64)> {
        let item = self.items.pop_front()?;
        Some((item, std::mem::take(&mut self.lost)))
    }

    /// Forgets all items.
    pub fn clear(&mut self) {
        self.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d3_a_reader_in_time_loses_nothing() {
        let mut backlog = Backlog::new(2);
        for item in 0..10 {
            backlog.push(item);
            assert_eq!(backlog.pop(), Some((item, 0)));
        }
        assert_eq!(backlog.pop(), None);
    }

    #[test]
    fn d3_a_slow_reader_loses_the_oldest_and_is_told_how_many() {
        let mut backlog = Backlog::new(3);
        (0..10).for_each(|item| backlog.push(item));
        assert_eq!(backlog.pop(), Some((7, 7)));
        assert_eq!(backlog.pop(), Some((8, 0)));
        backlog.push(10);
        assert_eq!(backlog.pop(), Some((9, 0)));
        assert_eq!(backlog.pop(), Some((10, 0)));
    }

    #[test]
    fn d3_a_ring_without_room_holds_one() {
        let mut backlog = Backlog::new(0);
        backlog.push('a');
        backlog.push('b');
        assert_eq!(backlog.pop(), Some(('b', 1)));
    }

    #[test]
    fn d3_what_is_forgotten_is_not_read() {
        let mut backlog = Backlog::new(2);
        backlog.push('a');
        backlog.clear();
        assert_eq!(backlog.pop(), None);
    }
}
