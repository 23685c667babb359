//! Which of many descriptions are closest to a text.
//!
//! ```text
//!  descriptions ─▶ for each dimension: who has it, and how much ─┐
//!  query ────────▶ its dimensions, weighted ─────────────────────┴─▶ a sum each
//! ```
//!
//! Only the lists of the query's own dimensions are read. An index is made once
//! and never changed, so queries take no lock.

use std::collections::HashMap;

use super::embed::{Embedding, Weighting};

/// Those who have a dimension, by position, and how much of it.
#[derive(Debug, Default)]
struct Posting {
    /// What the dimension counts.
    weight: f32,
    entries: Vec<(u32, f32)>,
}

/// See the file's drawing.
#[derive(Debug)]
pub(super) struct Similar {
    postings: HashMap<u32, Posting>,
    /// Of a dimension that no description has.
    unknown: f32,
    descriptions: usize,
}

impl Similar {
    pub(super) fn new<'a>(
        descriptions: impl IntoIterator<Item = &'a Embedding>,
        weighting: Weighting,
    ) -> Self {
        let mut postings: HashMap<u32, Posting> = HashMap::new();
        let mut count = 0;
        for (at, description) in (0..).zip(descriptions) {
            count += 1;
            for &(dimension, weight) in description.terms() {
                let posting = postings.entry(dimension).or_default();
                posting.entries.push((at, weight));
            }
        }
        let rarity = |who_have: usize| match weighting {
            Weighting::Plain => 1.0,
            Weighting::InverseFrequency => (1.0 + count as f32 / who_have.max(1) as f32).ln(),
        };
        let mut lengths = vec![0.0_f32; count];
        for posting in postings.values_mut() {
            posting.weight = rarity(posting.entries.len());
            for (at, weight) in &mut posting.entries {
                *weight *= posting.weight;
                lengths[*at as usize] += *weight * *weight;
            }
        }
        for posting in postings.values_mut() {
            for (at, weight) in &mut posting.entries {
                *weight /= lengths[*at as usize].sqrt();
            }
        }
        Self {
            unknown: rarity(0),
            postings,
            descriptions: count,
        }
    }

    /// The `most` closest to this, by position, the closest first, with the cosine
    /// of the angle between them; only what is above 0.
    pub(super) fn closest(&self, to: &Embedding, most: usize) -> Vec<(usize, f64)> {
        let mut sums = vec![0.0_f32; self.descriptions];
        let mut length = 0.0_f32;
        for (dimension, weight) in to.terms() {
            let Some(posting) = self.postings.get(dimension) else {
                length += (weight * self.unknown).powi(2);
                continue;
            };
            let weight = weight * posting.weight;
            length += weight * weight;
            for &(at, theirs) in &posting.entries {
                sums[at as usize] += weight * theirs;
            }
        }
        let length = length.sqrt();
        // The few best so far, the last of them first to go.
        let mut best: Vec<(usize, f32)> = Vec::with_capacity(most + 1);
        for (at, sum) in sums.into_iter().enumerate() {
            let is_among =
                sum > 0.0 && (best.len() < most || best.last().is_some_and(|it| sum > it.1));
            if is_among {
                let place = best.partition_point(|(_, more)| *more >= sum);
                best.insert(place, (at, sum));
                best.truncate(most);
            }
        }
        let cosine = |sum: f32| f64::from(sum / length).clamp(0.0, 1.0);
        best.into_iter()
            .map(|(at, sum)| (at, cosine(sum)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordination::route::{Embedder, NGrams};
    use proptest::prelude::*;

    fn index(texts: &[&str]) -> Similar {
        let embedded: Vec<_> = texts.iter().map(|text| NGrams.embed(text)).collect();
        Similar::new(&embedded, NGrams.weighting())
    }

    #[test]
    fn d7_a_text_is_closest_to_what_is_spelt_like_it() {
        let index = index(&[
            "summarises long reports",
            "translates documents from french",
            "writes unit tests in rust",
        ]);
        let closest = |text| index.closest(&NGrams.embed(text), 3);
        assert_eq!(closest("translate this french document")[0].0, 1);
        assert_eq!(closest("sumarise the report")[0].0, 0, "a typing error");
        assert_eq!(closest("a test for this rust code")[0].0, 2);
        let (_, cosine) = closest("writes unit tests in rust")[0];
        assert!((cosine - 1.0).abs() < 1e-5, "{cosine}");
    }

    #[test]
    fn d7_the_default_embedder_knows_no_synonyms() {
        let index = index(&["repairs automobiles", "grows tulips"]);
        let car = index.closest(&NGrams.embed("fix my car"), 2);
        assert!(car.iter().all(|(_, cosine)| *cosine < 0.1), "{car:?}");
    }

    #[test]
    fn d7_what_everybody_says_counts_little() {
        let index = index(&[
            "an agent for law",
            "an agent for music",
            "an agent for sport",
        ]);
        let closest = index.closest(&NGrams.embed("an agent for sport"), 3);
        assert_eq!(closest[0].0, 2);
        assert!(closest[0].1 > 2.0 * closest[1].1, "{closest:?}");
    }

    #[test]
    fn d7_an_empty_text_is_like_nothing() {
        assert!(index(&["a b c"]).closest(&NGrams.embed(""), 1).is_empty());
        assert!(index(&[]).closest(&NGrams.embed("a"), 1).is_empty());
    }

    fn cosine(a: &[f32], b: &[f32]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
    }

    proptest! {
        #[test]
        fn d7_the_closest_are_those_of_the_greatest_cosine(
            vectors in proptest::collection::vec(proptest::collection::vec(0.1_f32..1.0, 4), 1..9),
            query in proptest::collection::vec(0.1_f32..1.0, 4),
            most in 1_usize..5,
        ) {
            let embedded: Vec<_> = vectors.iter().map(|v| Embedding::dense(v.clone())).collect();
            let index = Similar::new(&embedded, Weighting::Plain);
            let found = index.closest(&Embedding::dense(query.clone()), most);
            let mut expected: Vec<f64> = vectors.iter().map(|v| cosine(v, &query)).collect();
            for (at, is) in &found {
                prop_assert!((is - cosine(&vectors[*at], &query)).abs() < 1e-4);
            }
            expected.sort_by(|a, b| b.total_cmp(a));
            expected.truncate(most);
            prop_assert_eq!(found.len(), expected.len());
            for ((_, is), best) in found.iter().zip(expected) {
                prop_assert!((is - best).abs() < 1e-4);
            }
        }
    }
}
