//! Texts as vectors, so that they can be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A text as a vector: weights by dimension, those that are not zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    /// Sorted by dimension, each once, finite and not zero.
    terms: Vec<(u32, f32)>,
}

impl Embedding {
    /// A vector of few dimensions out of many. Weights of one dimension are added
    /// up; what is no finite number counts as 0.
    #[must_use]
    pub fn sparse(terms: impl IntoIterator<Item = (u32, f32)>) -> Self {
        let mut by_dimension = BTreeMap::new();
        for (dimension, weight) in terms {
            if weight.is_finite() {
                *by_dimension.entry(dimension).or_insert(0.0) += weight;
            }
        }
        let terms = by_dimension.into_iter();
        Self {
            terms: terms
                .filter(|(_, weight): &(u32, f32)| *weight != 0.0 && weight.is_finite())
                .collect(),
        }
    }

    /// A vector with a weight for each dimension, as models give it.
    #[must_use]
    pub fn dense(weights: impl IntoIterator<Item = f32>) -> Self {
        Self::sparse((0..).zip(weights))
    }

    /// Its weights by dimension, in rising order.
    #[must_use]
    pub fn terms(&self) -> &[(u32, f32)] {
        &self.terms
    }
}

/// How the dimensions of an embedding count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weighting {
    /// As they are: a model's. The default.
    #[default]
    Plain,
    /// By how few descriptions of the directory have them: counts of terms, which
    /// become TF-IDF.
    InverseFrequency,
}

/// Makes vectors of texts whose angle says how much they have in common.
///
/// Put a model behind it to match by meaning; the default, [`NGrams`], matches by
/// spelling. It is called on the task of whoever routes or adds: an embedder that
/// computes for long belongs behind a cache, or in front of the router as a worker.
///
/// # Examples
///
/// ```
/// use callboard::coordination::route::{Embedder, Embedding};
///
/// /// Counts vowels: not a good one.
/// struct Vowels;
///
/// impl Embedder for Vowels {
///     fn embed(&self, text: &str) -> Embedding {
///         Embedding::dense("aeiou".chars().map(|v| text.matches(v).count() as f32))
///     }
/// }
/// assert_eq!(Vowels.embed("queue").terms(), [(1, 2.0), (4, 2.0)]);
/// ```
pub trait Embedder: Send + Sync + 'static {
    /// The vector of this text.
    fn embed(&self, text: &str) -> Embedding;

    /// How its dimensions count. Default [`Weighting::Plain`].
    fn weighting(&self) -> Weighting {
        Weighting::Plain
    }
}

/// Characters of a text that are looked at.
const MOST_CHARS: usize = 4_096;

/// The default embedder: hashed n-grams of characters, weighted by TF-IDF over the
/// descriptions of the directory. It has no weights to load and asks nobody.
///
/// **It matches spelling, not meaning.** It finds "translating french documents" for
/// "translate a document from french", since most of the letters agree; typing errors
/// and endings do little harm. It does not know that "car" and "automobile" are the
/// same, that "bank" is two things, nor what "not" means; another language matches
/// only where the words look alike. A text that shares no run of three letters with a
/// description scores 0, however close in meaning. Where that is not enough, implement
/// [`Embedder`] with a model.
///
/// Two n-grams may share a dimension by accident: with 65,536 dimensions and a
/// description of 100 letters that is one in some hundred.
///
/// # Examples
///
/// ```
/// use callboard::coordination::route::{Embedder, NGrams};
///
/// let ngrams = NGrams::default();
/// assert_eq!(ngrams.embed("To be"), ngrams.embed("to, BE!"));
/// assert!(ngrams.embed("!?").terms().is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NGrams;

/// Characters of an n-gram.
const LENGTH: usize = 3;

impl Embedder for NGrams {
    fn embed(&self, text: &str) -> Embedding {
        let mut counts = BTreeMap::new();
        let text: String = text
            .chars()
            .take(MOST_CHARS)
            .collect::<String>()
            .to_lowercase();
        let words = text.split(|c: char| !c.is_alphanumeric());
        let mut word = Vec::new();
        for letters in words.filter(|letters| !letters.is_empty()) {
            // A word's ends are letters too: prefixes differ from what is inside.
            word.clear();
            word.push(' ');
            word.extend(letters.chars());
            word.push(' ');
            for gram in word.windows(LENGTH) {
                *counts.entry(dimension(gram)).or_insert(0_u32) += 1;
            }
        }
        let terms = counts.into_iter();
        Embedding::sparse(terms.map(|(dimension, count)| (dimension, 1.0 + (count as f32).ln())))
    }

    fn weighting(&self) -> Weighting {
        Weighting::InverseFrequency
    }
}

/// FNV-1a, folded to 16 bits: the same on every machine.
fn dimension(gram: &[char]) -> u32 {
    let hash = gram.iter().fold(0x811c_9dc5_u32, |hash, c| {
        (hash ^ u32::from(*c)).wrapping_mul(0x0100_0193)
    });
    (hash >> 16) ^ (hash & 0xffff)
}
