//! A map with a maximum size, which removes its oldest entry for a new one.

use std::{
    borrow::Borrow,
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// A map with at most `capacity` entries, which bounds the memory of a simulator that runs for days.
pub(crate) struct BoundedMap<K, V> {
    capacity: usize,
    values: HashMap<K, V>,
    /// The keys of all entries, from the oldest to the newest.
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V> BoundedMap<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), values: HashMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.values.get(key)
    }

    pub(crate) fn contains<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.values.contains_key(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.values.insert(key.clone(), value).is_none() {
            self.make_room();
            self.order.push_back(key);
        }
    }

    pub(crate) fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        if !self.values.contains_key(&key) {
            self.make_room();
            self.order.push_back(key.clone());
        }
        self.values.entry(key).or_insert_with(value)
    }

    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let removed = self.values.remove(key)?;
        self.order.retain(|it| it.borrow() != key);
        Some(removed)
    }

    /// Removes the oldest entry of the map, and returns its value.
    pub(crate) fn pop_oldest(&mut self) -> Option<V> {
        self.order.pop_front().and_then(|key| self.values.remove(&key))
    }

    fn make_room(&mut self) {
        while self.order.len() >= self.capacity {
            self.pop_oldest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_map_removes_its_oldest_entry() {
        let mut map = BoundedMap::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        map.insert("a", 3);
        *map.get_or_insert_with("c", || 0) += 4;
        assert_eq!((map.get("a"), map.get("b"), map.get("c")), (None, Some(&2), Some(&4)));
        assert_eq!(map.remove("b"), Some(2));
        map.insert("d", 5);
        assert!(map.contains("c") && map.contains("d"));
    }
}
