//! Near-duplicates: files that share most of their three-word runs.
//!
//! Each file has a [`Signature`] of 64 slots; the share of slots in which two
//! signatures agree estimates the share of runs the files have in common
//! (MinHash, one permutation). Candidates are files that agree in four slots
//! in a row, found by sorting, so n files cost n log n; identical signatures
//! are first folded into one, so thousands of copies cost no more than one.
//!
//! ```text
//!   runs of a file ── hash ──┬─> slot 0: smallest ─┐
//!                            ├─> slot 1: smallest  ├ band 0 ──> sort, compare
//!                            └─> ...              ─┘            with neighbours
//! ```

use crate::hash;

const SLOTS: usize = 64;

/// Slots that must agree for two files to be compared. With 16 bands of 4, a
/// pair at the threshold is missed once in about 80 times.
const BAND: usize = 4;

/// Of 64 slots, how many agree in a near-duplicate: 0.7.
const ALIKE: usize = 45;

/// How many neighbours in a band each file is compared with.
const NEIGHBOURS: usize = 32;

/// What a text shares with others, in 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Signature(Box<[u16; SLOTS]>);

impl Default for Signature {
    fn default() -> Self {
        Signature(Box::new([0; SLOTS]))
    }
}

impl Signature {
    fn agreeing(&self, other: &Signature) -> usize {
        self.0.iter().zip(&*other.0).filter(|(a, b)| a == b).count()
    }
}

/// Makes the signature of one text from the hashes of its words.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    smallest: [u64; SLOTS],
    before: [u64; 2],
    words: u32,
}

impl Sketch {
    pub(crate) const fn new() -> Self {
        Sketch {
            smallest: [u64::MAX; SLOTS],
            before: [0; 2],
            words: 0,
        }
    }

    /// Takes the next word.
    #[inline]
    pub(crate) fn push(&mut self, word: u64) {
        let [first, second] = self.before;
        self.words = self.words.saturating_add(1);
        if self.words >= 3 {
            self.run(first, second, word);
        }
        self.before = [second, word];
    }

    #[inline]
    fn run(&mut self, first: u64, second: u64, third: u64) {
        let run = hash::mix(first.rotate_left(21) ^ second.rotate_left(42) ^ third);
        let slot = &mut self.smallest[(run >> 58) as usize];
        *slot = run.min(*slot);
    }

    /// The signature, if there was a word.
    pub(crate) fn finish(mut self) -> Option<Signature> {
        if self.words == 0 {
            return None;
        }
        if self.words < 3 {
            let [first, second] = self.before;
            self.run(u64::from(self.words), first, second);
        }
        let mut slots = Box::new([0; SLOTS]);
        for (slot, value) in slots.iter_mut().enumerate() {
            // An empty slot borrows from a full one, and from the same one in
            // every text where that is full.
            let smallest = (0..)
                .map(|attempt: u64| match attempt {
                    0 => slot,
                    _ => (hash::mix((slot as u64) << 32 | attempt) >> 58) as usize,
                })
                .map(|from| self.smallest[from])
                .find(|smallest| *smallest != u64::MAX)
                .expect("a text with a word has a run");
            *value = hash::mix(smallest ^ slot as u64) as u16;
        }
        Some(Signature(slots))
    }
}

/// Files that are nearly the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// Indices of at least two files, ascending.
    pub(crate) members: Vec<u32>,
    /// How much the member least like the first shares with it, 0 to 1.
    pub(crate) similarity: f32,
}

/// Groups the files that have a signature, in the order of first members.
pub(crate) fn groups(signatures: &[Option<&Signature>]) -> Vec<Group> {
    let mut order: Vec<(&Signature, u32)> = (0..)
        .zip(signatures)
        .filter_map(|(index, signature)| Some(((*signature)?, index)))
        .collect();
    order.sort_unstable();
    let mut sets = Sets::new(signatures.len());
    let mut distinct: Vec<(&Signature, u32)> = Vec::new();
    for (signature, index) in order {
        match distinct.last() {
            Some((last, first)) if *last == signature => sets.join(*first, index),
            _ => distinct.push((signature, index)),
        }
    }
    // Ties within a band are in the order of files, not of signatures.
    distinct.sort_unstable_by_key(|(_, index)| *index);
    join_similar(&distinct, &mut sets);
    collect(signatures, &mut sets)
}

fn join_similar(distinct: &[(&Signature, u32)], sets: &mut Sets) {
    let mut keys: Vec<(u64, u32)> = Vec::with_capacity(distinct.len());
    for band in 0..SLOTS / BAND {
        keys.clear();
        keys.extend((0..).zip(distinct).map(|(at, (signature, _))| {
            let slots = &signature.0[band * BAND..][..BAND];
            let key = slots
                .iter()
                .fold(0, |key, slot| key << 16 | u64::from(*slot));
            (key, at)
        }));
        keys.sort_unstable();
        for (at, (key, one)) in keys.iter().enumerate() {
            let (signature, index) = distinct[*one as usize];
            let neighbours = keys[at + 1..].iter().take(NEIGHBOURS);
            for (_, other) in neighbours.take_while(|(other, _)| other == key) {
                let (candidate, other) = distinct[*other as usize];
                if !sets.are_joined(index, other) && signature.agreeing(candidate) >= ALIKE {
                    sets.join(index, other);
                }
            }
        }
    }
}

fn collect(signatures: &[Option<&Signature>], sets: &mut Sets) -> Vec<Group> {
    let mut members: Vec<(u32, u32)> = (0..signatures.len() as u32)
        .map(|index| (sets.root(index), index))
        .collect();
    members.sort_unstable();
    members
        .chunk_by(|(a, _), (b, _)| a == b)
        .filter(|group| group.len() > 1)
        .map(|group| {
            let members: Vec<u32> = group.iter().map(|(_, index)| *index).collect();
            let signature = |index: u32| signatures[index as usize].expect("it was grouped");
            let first = signature(members[0]);
            let fewest = members
                .iter()
                .map(|index| first.agreeing(signature(*index)))
                .min();
            Group {
                similarity: fewest.unwrap_or(SLOTS) as f32 / SLOTS as f32,
                members,
            }
        })
        .collect()
}

/// Disjoint sets; the root of each is its smallest member.
struct Sets(Vec<u32>);

impl Sets {
    fn new(count: usize) -> Self {
        Sets((0..count as u32).collect())
    }

    fn root(&mut self, mut index: u32) -> u32 {
        while self.0[index as usize] != index {
            let above = self.0[self.0[index as usize] as usize];
            self.0[index as usize] = above;
            index = above;
        }
        index
    }

    fn are_joined(&mut self, a: u32, b: u32) -> bool {
        self.root(a) == self.root(b)
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn signature(text: &str) -> Option<Signature> {
        let mut sketch = Sketch::new();
        for word in words(text) {
            sketch.push(hash::of_bytes(word.as_bytes()));
        }
        sketch.finish()
    }

    fn grouped(texts: &[String]) -> Vec<Group> {
        let signatures: Vec<_> = texts.iter().map(|text| signature(text)).collect();
        let signatures: Vec<_> = signatures.iter().map(Option::as_ref).collect();
        groups(&signatures)
    }

    fn prose(seed: u64, words: u64) -> Vec<String> {
        (0..words)
            .map(|i| format!("w{}", hash::mix(seed << 32 | i) % 5_000))
            .collect()
    }

    #[test]
    fn a_changed_word_leaves_a_near_duplicate() {
        let mut changed = prose(1, 200);
        changed[100] = "other".into();
        let texts = [
            prose(1, 200).join(" "),
            prose(2, 200).join(" "),
            changed.join(" "),
        ];
        let groups = grouped(&texts);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].members, [0, 2]);
        assert!((0.8..1.0).contains(&groups[0].similarity));
    }

    #[test]
    fn unrelated_short_texts_are_not_grouped() {
        let texts: Vec<String> = (0..20_000).map(|i| format!("note {i}")).collect();
        assert!(grouped(&texts).is_empty());
    }

    #[test]
    fn texts_without_words_have_no_signature_and_no_group() {
        assert_eq!(signature(" ... "), None);
        assert!(grouped(&[String::new(), String::new()]).is_empty());
    }

    #[test]
    fn one_and_two_words_are_told_apart() {
        assert_ne!(signature("a"), signature("a a"));
        assert_eq!(signature("a b"), signature("a, b"));
    }

    #[test]
    fn thousands_of_copies_are_one_group_in_little_time() {
        let one = prose(3, 50).join(" ");
        let two = prose(4, 50).join(" ");
        let texts: Vec<String> = (0..20_000)
            .map(|i| if i % 2 == 0 { one.clone() } else { two.clone() })
            .collect();
        let signatures: Vec<_> = texts.iter().map(|text| signature(text)).collect();
        let signatures: Vec<_> = signatures.iter().map(Option::as_ref).collect();
        let start = Instant::now();
        let groups = groups(&signatures);
        assert!(start.elapsed() < Duration::from_secs(5), "not quadratic");
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].members.len(), 10_000);
        assert_eq!(groups[0].similarity, 1.0);
    }

    proptest! {
        #[test]
        fn signatures_estimate_the_runs_in_common(keep in 0_usize..=300) {
            let (a, mut b) = (prose(5, 300), prose(6, 300));
            b[..keep].clone_from_slice(&a[..keep]);
            let shared = keep.saturating_sub(2) as f32;
            let jaccard = shared / (2.0 * 298.0 - shared);
            let agreeing = signature(&a.join(" ")).unwrap().agreeing(&signature(&b.join(" ")).unwrap());
            let estimate = agreeing as f32 / SLOTS as f32;
            prop_assert!((estimate - jaccard).abs() < 0.3, "{estimate} for {jaccard}");
        }
    }
}
