//! Which sentences say most of what a text says: TextRank, that is PageRank
//! over sentences, linked by the terms they share.
//!
//! ```text
//!   sentence 1: {actor, mailbox}  ──1── sentence 2: {actor, panic}
//!          └────────1─────────┐
//!   sentence 3: {mailbox, bounded}         rank: 1, then 2 and 3
//! ```
//!
//! The cost is bounded: at most [`SENTENCES`] sentences of [`TERMS`] terms, a
//! term that is in more than [`COMMON`] sentences links none, and the rank is
//! iterated [`ROUNDS`] times at most. The same text gives the same summary.

/// Sentences that are looked at; later ones cannot be in the summary.
pub(crate) const SENTENCES: usize = 2_000;

/// Sentences in the longest summary.
pub(crate) const LONGEST: usize = 3;

/// Distinct terms of a sentence that are looked at.
const TERMS: usize = 64;

/// A term in more sentences than this tells them apart no longer.
const COMMON: usize = 64;

const ROUNDS: usize = 30;
const DAMPING: f32 = 0.85;
const SETTLED: f32 = 1e-4;

/// Sentences with fewer words than this are in a summary only for want of others.
const BRIEF: u32 = 4;

/// Ranks sentences. Its buffers are used again from text to text.
#[derive(Debug, Default)]
pub(crate) struct Ranker {
    /// The terms of all sentences, and where those of each end.
    terms: Vec<u32>,
    ends: Vec<usize>,
    words: Vec<u32>,
    /// The sentences of each term, and where those of each begin.
    starts: Vec<u32>,
    postings: Vec<u32>,
    /// The links of all sentences, and where those of each end.
    links: Vec<(u32, f32)>,
    link_ends: Vec<usize>,
    overlap: Vec<f32>,
    touched: Vec<u32>,
}

impl Ranker {
    /// Forgets the last text.
    pub(crate) fn clear(&mut self) {
        self.terms.clear();
        self.ends.clear();
        self.words.clear();
    }

    /// Whether more sentences would be looked at.
    pub(crate) fn has_room(&self) -> bool {
        self.ends.len() < SENTENCES
    }

    /// Adds a term to the sentence that is being taken in.
    pub(crate) fn term(&mut self, term: u32) {
        self.terms.push(term);
    }

    /// Ends the sentence, which had so many words.
    pub(crate) fn end(&mut self, words: u32) {
        let start = self.ends.last().copied().unwrap_or(0);
        let kept = distinct(&mut self.terms[start..]).min(TERMS);
        self.terms.truncate(start + kept);
        self.ends.push(self.terms.len());
        self.words.push(words);
    }

    /// The indices of the sentences that make the summary, in text order: one
    /// in three, at least one, at most [`LONGEST`].
    pub(crate) fn choose(&mut self) -> Vec<usize> {
        let count = self.ends.len();
        let length = (count / 3).clamp(1, LONGEST).min(count);
        let scores = match count {
            0 | 1 => vec![1.0; count],
            _ => self.rank(),
        };
        let mut order: Vec<usize> = (0..count).collect();
        let better = |a: &usize, b: &usize| {
            let is_brief = |at: usize| self.words[at] < BRIEF;
            is_brief(*a)
                .cmp(&is_brief(*b))
                .then(scores[*b].total_cmp(&scores[*a]))
                .then(a.cmp(b))
        };
        if count > length {
            order.select_nth_unstable_by(length, better);
            order.truncate(length);
        }
        order.sort_unstable();
        order
    }

    fn sentence(&self, at: usize) -> std::ops::Range<usize> {
        at.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[at]
    }

    fn rank(&mut self) -> Vec<f32> {
        self.index();
        self.link();
        let count = self.ends.len();
        let links_of = |at: usize| {
            let start = at.checked_sub(1).map_or(0, |b| self.link_ends[b]);
            &self.links[start..self.link_ends[at]]
        };
        let strength: Vec<f32> = (0..count)
            .map(|at| links_of(at).iter().map(|(_, weight)| weight).sum())
            .collect();
        let mut scores = vec![1.0_f32; count];
        let mut shares = vec![0.0_f32; count];
        for _ in 0..ROUNDS {
            for at in 0..count {
                shares[at] = if strength[at] > 0.0 {
                    scores[at] / strength[at]
                } else {
                    0.0
                };
            }
            let mut moved = 0.0_f32;
            for (at, score) in scores.iter_mut().enumerate() {
                let given: f32 = links_of(at)
                    .iter()
                    .map(|(other, weight)| weight * shares[*other as usize])
                    .sum();
                let next = (1.0 - DAMPING) + DAMPING * given;
                moved = moved.max((next - *score).abs());
                *score = next;
            }
            if moved < SETTLED {
                break;
            }
        }
        scores
    }

    /// Finds the sentences of each term.
    fn index(&mut self) {
        let terms = self.terms.iter().max().map_or(0, |term| *term as usize + 1);
        self.starts.clear();
        self.starts.resize(terms + 1, 0);
        for term in &self.terms {
            self.starts[*term as usize] += 1;
        }
        let mut end = 0;
        for start in &mut self.starts {
            end += *start;
            *start = end;
        }
        self.postings.clear();
        self.postings.resize(self.terms.len(), 0);
        // Filled from the back, the end of each term's postings moves to
        // where they begin; the one past the last stays the end of all.
        for at in (0..self.ends.len()).rev() {
            for index in self.sentence(at) {
                let start = &mut self.starts[self.terms[index] as usize];
                *start -= 1;
                self.postings[*start as usize] = at as u32;
            }
        }
    }

    /// Links sentences by the terms they share, weighted against their length.
    fn link(&mut self) {
        let count = self.ends.len();
        let weights: Vec<f32> = (0..count)
            .map(|at| (1.0 + self.sentence(at).len() as f32).ln())
            .collect();
        self.links.clear();
        self.link_ends.clear();
        self.overlap.clear();
        self.overlap.resize(count, 0.0);
        for at in 0..count {
            for index in self.sentence(at) {
                let term = self.terms[index] as usize;
                let (start, end) = (self.starts[term] as usize, self.starts[term + 1] as usize);
                if end - start > COMMON {
                    continue;
                }
                for &other in &self.postings[start..end] {
                    if other as usize != at {
                        let overlap = &mut self.overlap[other as usize];
                        if *overlap == 0.0 {
                            self.touched.push(other);
                        }
                        *overlap += 1.0;
                    }
                }
            }
            for other in self.touched.drain(..) {
                let overlap = std::mem::take(&mut self.overlap[other as usize]);
                let weight = overlap / (weights[at] + weights[other as usize]);
                self.links.push((other, weight));
            }
            self.link_ends.push(self.links.len());
        }
    }
}

/// Sorts `terms`, moves the distinct ones to the front and counts them.
fn distinct(terms: &mut [u32]) -> usize {
    terms.sort_unstable();
    let mut kept = 0;
    for at in 0..terms.len() {
        if kept == 0 || terms[kept - 1] != terms[at] {
            terms[kept] = terms[at];
            kept += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn chosen(sentences: &[Vec<u32>]) -> Vec<usize> {
        let mut ranker = Ranker::default();
        for sentence in sentences {
            sentence.iter().for_each(|term| ranker.term(*term));
            ranker.end(sentence.len() as u32 + BRIEF);
        }
        ranker.choose()
    }

    #[test]
    fn a_text_without_sentences_has_no_summary() {
        assert!(chosen(&[]).is_empty());
    }

    #[test]
    fn the_sentence_that_shares_most_is_chosen() {
        assert_eq!(
            chosen(&[vec![1, 2], vec![3], vec![1, 3, 4], vec![4, 5]]),
            [2]
        );
    }

    #[test]
    fn without_shared_terms_the_first_sentences_are_chosen() {
        let sentences: Vec<Vec<u32>> = (0..12).map(|term| vec![term]).collect();
        assert_eq!(chosen(&sentences), [0, 1, 2]);
    }

    #[test]
    fn a_brief_sentence_gives_way() {
        let mut ranker = Ranker::default();
        for words in [1, 9, 9] {
            ranker.term(1);
            ranker.end(words);
        }
        assert_eq!(ranker.choose(), [1]);
    }

    #[test]
    fn the_longest_text_takes_little_time() {
        let sentences: Vec<Vec<u32>> = (0..SENTENCES as u32)
            .map(|at| (0..64).map(|i| (at * 7 + i * i) % 2_100).collect())
            .collect();
        let start = Instant::now();
        assert_eq!(chosen(&sentences).len(), LONGEST);
        assert!(start.elapsed() < Duration::from_secs(10), "bounded work");
    }

    proptest! {
        #[test]
        fn a_used_ranker_chooses_like_a_new_one(
            first in prop::collection::vec(prop::collection::vec(0_u32..30, 0..8), 0..20),
            second in prop::collection::vec(prop::collection::vec(0_u32..30, 0..8), 0..20),
        ) {
            let mut ranker = Ranker::default();
            for text in [&first, &second] {
                ranker.clear();
                for sentence in text {
                    sentence.iter().for_each(|term| ranker.term(*term));
                    ranker.end(sentence.len() as u32 + BRIEF);
                }
                let summary = ranker.choose();
                prop_assert_eq!(&summary, &chosen(text));
                prop_assert!(summary.is_sorted() && summary.len() <= LONGEST);
                prop_assert_eq!(summary.is_empty(), text.is_empty());
            }
        }
    }
}
