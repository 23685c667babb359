//! The children of a supervisor, by their keys.
//!
//! ```text
//!  chunks: 0 ─▶ [ 0 │ 1 │ - │ 3 │ … │ 31 ]     a key is never used again;
//!          1 ─▶ [ 32 │ - │ … ]                 a chunk that has emptied
//!          4 ─▶ [ … ]                          is gone
//! ```
//!
//! Keys that are given to one supervisor's children lie close together, so they
//! are stored densely: among a million children the tree over the chunks stays
//! in the cache, and one child is found with two reads from memory instead of
//! one for each level.

use std::collections::BTreeMap;

use super::{Key, Member};

/// Children in a chunk.
const CHUNK: u64 = 32;

type Place<C> = Option<Box<Member<C>>>;

#[derive(Debug)]
pub(super) struct Members<C> {
    chunks: BTreeMap<u64, Vec<Place<C>>>,
    len: usize,
}

/// Which chunk, and where in it. A chunk's places fit into any `usize`.
fn at(key: Key) -> (u64, usize) {
    (key / CHUNK, (key % CHUNK) as usize)
}

impl<C> Members<C> {
    pub(super) fn new() -> Self {
        Self {
            chunks: BTreeMap::new(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Member<C>> {
        let (chunk, place) = at(*key);
        self.chunks.get(&chunk)?.get(place)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, key: &Key) -> Option<&mut Member<C>> {
        let (chunk, place) = at(*key);
        self.chunks.get_mut(&chunk)?.get_mut(place)?.as_deref_mut()
    }

    pub(super) fn contains_key(&self, key: &Key) -> bool {
        self.get(key).is_some()
    }

    /// Takes in a child whose key no other has or had.
    pub(super) fn insert(&mut self, key: Key, member: Member<C>) {
        let (chunk, place) = at(key);
        let places = self.chunks.entry(chunk).or_default();
        if places.len() <= place {
            places.resize_with(place + 1, || None);
        }
        debug_assert!(places[place].is_none(), "a key is given once");
        places[place] = Some(Box::new(member));
        self.len += 1;
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Member<C>> {
        let (chunk, place) = at(*key);
        let places = self.chunks.get_mut(&chunk)?;
        let member = places.get_mut(place)?.take()?;
        if places.iter().all(Option::is_none) {
            self.chunks.remove(&chunk);
        }
        self.len -= 1;
        Some(*member)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.iter().map(|(key, _)| key)
    }

    /// In the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Member<C>)> {
        self.from(0)
    }

    /// From this key on, in order.
    pub(super) fn from(&self, first: Key) -> impl Iterator<Item = (Key, &Member<C>)> {
        let chunks = self.chunks.range(first / CHUNK..);
        chunks
            .flat_map(|(chunk, places)| {
                let keys = chunk * CHUNK..;
                keys.zip(places)
            })
            .filter_map(move |(key, place)| Some((key, place.as_deref()?)))
            .filter(move |(key, _)| *key >= first)
    }

    /// Takes out all from this key on, in order.
    pub(super) fn split_off(&mut self, first: Key) -> Vec<Member<C>> {
        let keys: Vec<_> = self.from(first).map(|(key, _)| key).collect();
        keys.iter().filter_map(|key| self.remove(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    use super::*;
    use crate::actor::Policy;

    fn seen<'a>(of: impl Iterator<Item = (Key, &'a Member<u64>)>) -> Vec<(Key, u64)> {
        of.map(|(key, member)| (key, member.child)).collect()
    }

    proptest! {
        /// Whatever comes and goes: they are found as in an ordered map.
        #[test]
        fn they_are_an_ordered_map(
            children in proptest::collection::btree_set(0u64..150, 0..150),
            order in any::<prop::sample::Index>(),
            gone in proptest::collection::vec(any::<prop::sample::Index>(), 0..200),
            first in 0u64..160,
        ) {
            let mut members = Members::new();
            let mut keys: Vec<_> = children.iter().copied().collect();
            if !keys.is_empty() {
                let first = order.index(keys.len());
                keys.rotate_left(first);
            }
            for key in keys {
                members.insert(key, Member::new(key, &Policy::default()));
            }
            let mut expected: BTreeMap<Key, u64> = children.iter().map(|n| (*n, *n)).collect();
            for at in gone {
                let key = at.index(160) as Key;
                prop_assert_eq!(members.remove(&key).map(|m| m.child), expected.remove(&key));
                prop_assert_eq!(members.get(&key).map(|m| m.child), None);
            }
            prop_assert_eq!(members.len(), expected.len());
            prop_assert_eq!(seen(members.iter()), Vec::from_iter(expected.clone()));
            let rest = expected.split_off(&first);
            prop_assert_eq!(seen(members.from(first)), Vec::from_iter(rest.clone()));
            let taken: Vec<_> = members.split_off(first).into_iter().map(|m| m.child).collect();
            prop_assert_eq!(taken, Vec::from_iter(rest.into_values()));
            prop_assert_eq!(members.len(), expected.len());
            let places: usize = members.chunks.values().map(|places| places.len()).sum();
            prop_assert_eq!(places == 0, expected.is_empty(), "what has emptied is gone");
        }
    }
}
