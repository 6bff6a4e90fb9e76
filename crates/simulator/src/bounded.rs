//! Collections that forget the oldest where they would become too large.

use std::{
    borrow::Borrow,
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// A map that holds so many at most.
pub(crate) struct BoundedMap<K, V> {
    most: usize,
    values: HashMap<K, V>,
    /// All keys, the oldest first.
    order: VecDeque<K>,
}

impl<K: Clone + Eq + Hash, V> BoundedMap<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), values: HashMap::new(), order: VecDeque::new() }
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

    /// What is there under a key; where there is nothing, what is given is put there.
    pub(crate) fn or_insert(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
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

    /// Forgets the oldest; what it was, if there was any.
    pub(crate) fn pop_oldest(&mut self) -> Option<V> {
        self.order.pop_front().and_then(|key| self.values.remove(&key))
    }

    fn make_room(&mut self) {
        while self.order.len() >= self.most {
            self.pop_oldest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_where_it_is_full() {
        let mut map = BoundedMap::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        map.insert("a", 3);
        *map.or_insert("c", || 0) += 4;
        assert_eq!((map.get("a"), map.get("b"), map.get("c")), (None, Some(&2), Some(&4)));
        assert_eq!(map.remove("b"), Some(2));
        map.insert("d", 5);
        assert!(map.contains("c") && map.contains("d"));
    }
}
