//! Copies across files.
//!
//! ```text
//!  prints of all files ── by hash ──┬─▶ shard: equal prints ─┐
//!                                   ├─▶ shard                ├─▶ runs that go on
//!                                   └─▶ shard                ┘   make one copy
//! ```
//!
//! Of what is there several times, each place is compared with the first, so a
//! thousand copies cost a thousand pairs and not half a million. Prints are kept
//! up to a bound for all files together; the files beyond it are counted and not
//! looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::page::Print;
use crate::reviewers::WINDOW;

/// Parts that are looked at side by side.
pub(crate) const SHARDS: u64 = 16;

/// Prints of all files together: 24 bytes each, and once more for a shard.
const MOST: usize = 2_000_000;

/// Copies that are told; there are more only where something went wrong with the
/// tree itself, a directory that is there twice, for example.
pub(crate) const MOST_COPIES: usize = 1_000;

/// The prints of files, by their positions.
pub(crate) type Prints = Vec<(u32, Arc<[Print]>)>;

/// The prints whose hashes fall into one part.
#[derive(Clone, Debug)]
pub(crate) struct Shard {
    pub(crate) number: u64,
    pub(crate) prints: Arc<Prints>,
    pub(crate) tries: crate::page::Tries,
}

/// Two places that are alike: each a file, and which of its runs of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Match {
    /// The place that comes first.
    pub(crate) original: u32,
    pub(crate) copy: u32,
    original_at: u32,
    copy_at: u32,
    original_lines: (u32, u32),
    copy_lines: (u32, u32),
}

/// As many prints as may be kept, from the first file on; and how many files are
/// left out.
pub(crate) fn bounded(all: impl Iterator<Item = (u32, Arc<[Print]>)>) -> (Prints, usize) {
    let mut room = MOST;
    let mut left_out = 0;
    let mut kept = Vec::new();
    for (file, prints) in all {
        match room.checked_sub(prints.len()) {
            Some(rest) => {
                room = rest;
                kept.push((file, prints));
            }
            None => left_out += 1,
        }
    }
    (kept, left_out)
}

pub(crate) fn shards(prints: Prints) -> Vec<Shard> {
    let prints = Arc::new(prints);
    let shard = |number| Shard {
        number,
        prints: Arc::clone(&prints),
        tries: Default::default(),
    };
    (0..SHARDS).map(shard).collect()
}

/// What is alike among the prints of one shard.
pub(crate) fn matches(shard: &Shard) -> Vec<Match> {
    let all = shard.prints.iter();
    let all = all.flat_map(|(file, prints)| prints.iter().map(|print| (*file, *print)));
    let mut own: Vec<(u64, u32, Print)> = all
        .filter(|(_, print)| print.hash % SHARDS == shard.number)
        .map(|(file, print)| (print.hash, file, print))
        .collect();
    own.sort_unstable();
    let groups = own.chunk_by(|a, b| a.0 == b.0);
    groups
        .flat_map(|group| {
            let (_, original, first) = group[0];
            let others = group[1..]
                .iter()
                .filter(move |(_, copy, _)| *copy != original);
            others.map(move |(_, copy, print)| Match {
                original,
                copy: *copy,
                original_at: first.at,
                copy_at: print.at,
                original_lines: (first.first, first.last),
                copy_lines: (print.first, print.last),
            })
        })
        .collect()
}

/// Lines that are the same in two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) original: u32,
    pub(crate) copy: u32,
    /// The first and the last line.
    pub(crate) original_lines: (u32, u32),
    pub(crate) copy_lines: (u32, u32),
    /// Lines that count: without blank ones, braces and imports.
    pub(crate) lines: u32,
}

/// Puts runs together that go on from each other. The longest comes first.
pub(crate) fn copies(mut matches: Vec<Match>) -> Vec<Copy> {
    // Runs with the same offset follow each other.
    matches.sort_unstable_by_key(|it| {
        let offset = i64::from(it.copy_at) - i64::from(it.original_at);
        (it.original, it.copy, offset, it.copy_at)
    });
    let window = WINDOW as u32;
    let mut copies: Vec<(Copy, u32)> = Vec::new();
    let mut before: Option<Match> = None;
    for next in matches {
        let goes_on = before.is_some_and(|before| {
            let is_next = |from: u32, to: u32| to > from && to - from <= window;
            (before.original, before.copy) == (next.original, next.copy)
                && is_next(before.copy_at, next.copy_at)
                && is_next(before.original_at, next.original_at)
                && next.copy_at - before.copy_at == next.original_at - before.original_at
        });
        match copies.last_mut() {
            Some((last, from)) if goes_on => {
                last.original_lines.1 = next.original_lines.1;
                last.copy_lines.1 = next.copy_lines.1;
                last.lines = next.copy_at - *from + window;
            }
            _ => copies.push((
                Copy {
                    original: next.original,
                    copy: next.copy,
                    original_lines: next.original_lines,
                    copy_lines: next.copy_lines,
                    lines: window,
                },
                next.copy_at,
            )),
        }
        before = Some(next);
    }
    let mut copies: Vec<Copy> = copies.into_iter().map(|(copy, _)| copy).collect();
    copies.sort_by_key(|it| {
        (
            std::cmp::Reverse(it.lines),
            it.original,
            it.copy,
            it.copy_lines,
        )
    });
    copies
}

/// What two files share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) lines: u32,
    /// The longest copy.
    pub(crate) longest: Copy,
}

/// The same by pairs of files, in their order.
pub(crate) fn by_pair(copies: &[Copy]) -> Vec<Shared> {
    let mut pairs: BTreeMap<(u32, u32), Shared> = BTreeMap::new();
    for copy in copies {
        let shared = pairs.entry((copy.original, copy.copy)).or_insert(Shared {
            lines: 0,
            // The longest comes first.
            longest: *copy,
        });
        shared.lines += copy.lines;
    }
    pairs.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prints(hashes: &[u64]) -> Arc<[Print]> {
        let print = |(at, hash): (u32, &u64)| Print {
            hash: *hash,
            at,
            first: 1 + 2 * at,
            last: 1 + 2 * (at + WINDOW as u32 - 1),
        };
        (0..).zip(hashes).map(print).collect()
    }

    fn found(files: &[&[u64]]) -> Vec<Copy> {
        let files = (0..)
            .zip(files)
            .map(|(file, hashes)| (file, prints(hashes)));
        let (kept, left_out) = bounded(files);
        assert_eq!(left_out, 0);
        copies(shards(kept).iter().flat_map(matches).collect())
    }

    #[test]
    fn runs_that_go_on_make_one_copy() {
        let all = found(&[&[1, 2, 3, 4, 5], &[9, 2, 3, 4, 8]]);
        let wanted = Copy {
            original: 0,
            copy: 1,
            original_lines: (3, 21),
            copy_lines: (3, 21),
            lines: WINDOW as u32 + 2,
        };
        assert_eq!(all, [wanted]);
    }

    #[test]
    fn each_copy_is_compared_with_the_first_and_none_with_itself() {
        let all = found(&[&[7, 7], &[7], &[7]]);
        let pairs: Vec<_> = all.iter().map(|it| (it.original, it.copy)).collect();
        assert_eq!(pairs, [(0, 1), (0, 2)]);
        let window = WINDOW as u32;
        assert!(by_pair(&all).iter().all(|pair| pair.lines == window));
    }

    #[test]
    fn the_order_of_matches_makes_no_difference() {
        let files: [&[u64]; 3] = [&[1, 2, 3, 11, 12], &[1, 2, 3, 20, 11, 12], &[12, 3]];
        let files = (0..)
            .zip(files)
            .map(|(file, hashes)| (file, prints(hashes)));
        let shards = shards(bounded(files).0);
        let mut all: Vec<Match> = shards.iter().flat_map(matches).collect();
        let forwards = copies(all.clone());
        all.reverse();
        assert_eq!(copies(all), forwards);
        assert_eq!(forwards.len(), 4);
    }

    #[test]
    fn what_is_beyond_the_bound_is_counted() {
        let many = prints(&vec![1; MOST / 2 + 1]);
        let files = (0..3).map(|file| (file, Arc::clone(&many)));
        let (kept, left_out) = bounded(files);
        assert_eq!((kept.len(), left_out), (1, 2));
    }
}
