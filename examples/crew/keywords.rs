//! Keywords by TF-IDF: what a file says often and few files say at all.
//!
//! A file brings its [`TERMS`] most frequent terms, packed; when all files are
//! in, [`Frequencies`] counts in how many each term is, and the best are kept.

use std::cmp::Reverse;

use crate::hash;

/// Terms a file brings. Those beyond could hardly be keywords, and 100,000
/// files must fit in memory.
pub(crate) const TERMS: usize = 64;

/// Keywords of a file.
pub(crate) const KEYWORDS: usize = 6;

/// The longest term, in bytes; longer words are data rather than language.
pub(crate) const LONGEST: usize = 40;

/// Terms and their counts, one after another: the count in groups of seven
/// bits, the length in one byte, the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms(Box<[u8]>);

impl Terms {
    /// Packs terms of at most [`LONGEST`] bytes.
    pub(crate) fn pack<'a>(terms: impl Iterator<Item = (u32, &'a str)>) -> Self {
        let mut packed = Vec::new();
        for (mut count, term) in terms {
            while count >= 0x80 {
                packed.push(count as u8 | 0x80);
                count >>= 7;
            }
            packed.push(count as u8);
            packed.push(term.len() as u8);
            packed.extend_from_slice(term.as_bytes());
        }
        Terms(packed.into())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let groups = rest.iter().position(|byte| *byte < 0x80)? + 1;
            let (count, after) = rest.split_at(groups);
            let count = count
                .iter()
                .rev()
                .fold(0, |count, group| count << 7 | u32::from(group & 0x7f));
            let (length, after) = after.split_first()?;
            let (term, after) = after.split_at(usize::from(*length));
            rest = after;
            Some((count, str::from_utf8(term).expect("terms are packed whole")))
        })
    }
}

/// In how many files each term is.
#[derive(Debug)]
pub(crate) struct Frequencies {
    files: f32,
    /// Hash and count, sorted by hash. A term that is in one file is left out:
    /// where every file has words of its own, that is nearly all of them.
    counts: Vec<(u64, u32)>,
    /// Where the hashes with each first 16 bits begin, to search only there.
    starts: Vec<u32>,
}

impl Frequencies {
    pub(crate) fn count<'a>(files: impl Iterator<Item = &'a Terms>) -> Self {
        let mut total = 0_u32;
        let mut hashes: Vec<u64> = Vec::new();
        for terms in files {
            total += 1;
            hashes.extend(
                terms
                    .iter()
                    .map(|(_, term)| hash::of_bytes(term.as_bytes())),
            );
        }
        hashes.sort_unstable();
        let shared = || hashes.chunk_by(|a, b| a == b).filter(|same| same.len() > 1);
        let mut counts = Vec::with_capacity(shared().count());
        counts.extend(shared().map(|same| (same[0], same.len() as u32)));
        drop(hashes);
        let mut starts = vec![0; (1 << 16) + 1];
        for (hash, _) in &counts {
            starts[(hash >> 48) as usize + 1] += 1;
        }
        for at in 0..1 << 16 {
            starts[at + 1] += starts[at];
        }
        Frequencies {
            files: total as f32,
            counts,
            starts,
        }
    }

    /// Of a term that was counted.
    fn of(&self, hash: u64) -> u32 {
        let prefix = (hash >> 48) as usize;
        let (start, end) = (
            self.starts[prefix] as usize,
            self.starts[prefix + 1] as usize,
        );
        let near = &self.counts[start..end];
        near.binary_search_by_key(&hash, |(other, _)| *other)
            .map_or(1, |at| near[at].1)
    }

    /// Never zero: a lone file has keywords too, its most frequent terms.
    fn rarity(&self, hash: u64) -> f32 {
        let within = self.of(hash) as f32;
        (1.0 + (self.files - within + 0.5) / (within + 0.5)).ln()
    }

    /// The best terms of a file of so many words, best first, with their scores.
    pub(crate) fn best<'a>(&self, terms: &'a Terms, words: u32) -> Vec<(&'a str, f32)> {
        let mut scored: Vec<(f32, &str)> = terms
            .iter()
            .map(|(count, term)| {
                let share = count as f32 / words.max(1) as f32;
                (share * self.rarity(hash::of_bytes(term.as_bytes())), term)
            })
            .collect();
        let better = |(a, term): &(f32, &str), (b, other): &(f32, &str)| {
            b.total_cmp(a).then(term.cmp(other))
        };
        if scored.len() > KEYWORDS {
            scored.select_nth_unstable_by(KEYWORDS, better);
            scored.truncate(KEYWORDS);
        }
        scored.sort_unstable_by(better);
        scored
            .into_iter()
            .map(|(score, term)| (term, score))
            .collect()
    }
}

/// The keywords of a file, best first, in one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keywords(Box<str>);

impl Keywords {
    pub(crate) fn new(best: &[(&str, f32)]) -> Self {
        let terms: Vec<&str> = best.iter().map(|(term, _)| *term).collect();
        Keywords(terms.join("\n").into())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }
}

/// Adds up the scores of keywords over all files.
#[derive(Debug, Default)]
pub(crate) struct Overall {
    /// Hash, score, and where the term is spelt out: file and rank.
    scores: Vec<(u64, f32, u32, u8)>,
}

impl Overall {
    /// Takes the best terms of the next file.
    pub(crate) fn add(&mut self, file: u32, best: &[(&str, f32)]) {
        self.scores.extend(
            (0..)
                .zip(best)
                .map(|(rank, (term, score))| (hash::of_bytes(term.as_bytes()), *score, file, rank)),
        );
    }

    /// The best `count` terms over all files: score, number of files of which
    /// it is a keyword, and the file and rank that spell it.
    pub(crate) fn best(mut self, count: usize) -> Vec<(f32, u32, u32, u8)> {
        self.scores
            .sort_unstable_by_key(|(hash, _, file, rank)| (*hash, *file, *rank));
        let mut best: Vec<(f32, u32, u32, u8)> = self
            .scores
            .chunk_by(|a, b| a.0 == b.0)
            .map(|same| {
                let score = same.iter().map(|(_, score, ..)| score).sum();
                (score, same.len() as u32, same[0].2, same[0].3)
            })
            .collect();
        best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.2, a.3).cmp(&(b.2, b.3))));
        best.truncate(count);
        best
    }
}

/// Keeps the [`TERMS`] most frequent of `candidates`, most frequent first.
pub(crate) fn most_frequent<'a>(candidates: &mut Vec<(u32, &'a str)>) {
    let by = |(count, term): &(u32, &'a str)| (Reverse(*count), *term);
    if candidates.len() > TERMS {
        candidates.select_nth_unstable_by(TERMS, |a, b| by(a).cmp(&by(b)));
        candidates.truncate(TERMS);
    }
    candidates.sort_unstable_by(|a, b| by(a).cmp(&by(b)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(pairs: &[(u32, &str)]) -> Terms {
        Terms::pack(pairs.iter().copied())
    }

    fn names(best: &[(&'static str, f32)]) -> Vec<&'static str> {
        best.iter().map(|(term, _)| *term).collect()
    }

    #[test]
    fn what_few_files_say_beats_what_all_say() {
        let files = [
            Terms::pack([(5, "common"), (3, "mailbox")].into_iter()),
            terms(&[(5, "common"), (3, "breaker")]),
            terms(&[(5, "common"), (1, "saga")]),
        ];
        let frequencies = Frequencies::count(files.iter());
        let best = frequencies.best(&files[0], 10);
        assert_eq!(best[0].0, "mailbox");
    }

    #[test]
    fn a_lone_file_has_its_most_frequent_terms_as_keywords() {
        let file: &'static Terms = Box::leak(Box::new(terms(&[(1, "b"), (9, "a"), (1, "c")])));
        let best = Frequencies::count([file].into_iter()).best(file, 11);
        assert_eq!(names(&best), ["a", "b", "c"]);
    }

    #[test]
    fn overall_scores_are_added_up_over_files() {
        let mut overall = Overall::default();
        overall.add(0, &[("once", 1.0), ("twice", 0.75)]);
        overall.add(4, &[("twice", 0.75)]);
        assert_eq!(overall.best(1), [(1.5, 2, 0, 1)]);
    }

    #[test]
    fn no_files_have_no_keywords() {
        let frequencies = Frequencies::count([].into_iter());
        assert!(frequencies.best(&Terms::default(), 0).is_empty());
        assert!(Overall::default().best(3).is_empty());
    }

    proptest! {
        #[test]
        fn packed_terms_come_out_as_they_went_in(
            pairs in prop::collection::vec((any::<u32>(), "\\PC{0,10}"), 0..20)
        ) {
            let packed = Terms::pack(pairs.iter().map(|(count, term)| (*count, term.as_str())));
            let out: Vec<(u32, String)> = packed.iter().map(|(count, term)| (count, term.to_owned())).collect();
            prop_assert_eq!(out, pairs);
        }

        #[test]
        fn frequencies_are_those_of_a_plain_count(
            files in prop::collection::vec(prop::collection::btree_set("[a-c]{1,2}", 0..6), 0..12)
        ) {
            let packed: Vec<Terms> = files
                .iter()
                .map(|file| Terms::pack(file.iter().map(|term| (1, term.as_str()))))
                .collect();
            let frequencies = Frequencies::count(packed.iter());
            for term in files.iter().flatten() {
                let plain = files.iter().filter(|file| file.contains(term)).count() as u32;
                prop_assert_eq!(frequencies.of(hash::of_bytes(term.as_bytes())), plain);
            }
        }
    }
}
