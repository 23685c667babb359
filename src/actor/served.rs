//! An answer, how it came about, and what it says about itself.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An answer, and how it came about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Served<T> {
    /// The answer.
    pub value: T,
    /// How often it was tried, the last time included.
    pub attempts: u32,
    /// Who gave it, where there was a choice.
    pub tier: Option<Arc<str>>,
    /// What the answer says about itself.
    pub metadata: Metadata,
}

impl<T> Served<T> {
    /// An answer at the first attempt.
    pub fn new(value: T) -> Self {
        Self {
            value,
            attempts: 1,
            tier: None,
            metadata: Metadata::default(),
        }
    }

    /// The same story about another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Served<U> {
        Served {
            value: f(self.value),
            attempts: self.attempts,
            tier: self.tier,
            metadata: self.metadata,
        }
    }

    /// As [`Served::map`], where there may be no other value.
    pub(crate) fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Served<U>, E> {
        Ok(Served {
            value: f(self.value)?,
            attempts: self.attempts,
            tier: self.tier,
            metadata: self.metadata,
        })
    }

    /// The same answer, saying this about itself.
    #[must_use]
    pub fn with(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }
}

/// What an answer says about itself, as far as it knows. Loops, votes,
/// arbitration and reports read it from here.
///
/// # Examples
///
/// ```
/// use callboard::prelude::*;
/// use callboard::actor::Metadata;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let guess = WorkerRef::from_fn("guess", |n: u32| async move { Ok::<_, Fault>(n + 1) })
///     .with_metadata(|_| Metadata::new().confidence(0.8).tokens(120));
/// let served = guess.ask(1).await?;
/// assert_eq!(served.value, 2);
/// assert_eq!(served.metadata.confidence, Some(0.8));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Metadata {
    /// How sure the one who answered is, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// How good the answer is, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<f64>,
    /// Tokens used for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money spent for it, in millionths of the unit of account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none", with = "humantime_serde")]
    pub took: Option<Duration>,
}

impl Metadata {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How sure the one who answered is; clamped to 0..=1, and not a number is
    /// unknown.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = share(confidence);
        self
    }

    /// How good the answer is; clamped to 0..=1, and not a number is unknown.
    #[must_use]
    pub fn quality(mut self, quality: f64) -> Self {
        self.quality = share(quality);
        self
    }

    /// Tokens used for it.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Money spent for it, in millionths of the unit of account.
    #[must_use]
    pub fn cost(mut self, millionths: u64) -> Self {
        self.cost = Some(millionths);
        self
    }

    /// The same, with the tokens and the cost of what came before.
    #[must_use]
    pub(crate) fn after(mut self, before: &Self) -> Self {
        self.tokens = sum(before.tokens, self.tokens);
        self.cost = sum(before.cost, self.cost);
        self
    }

    /// How long it took.
    #[must_use]
    pub fn took(mut self, took: Duration) -> Self {
        self.took = Some(took);
        self
    }
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (one, other) => one.or(other),
    }
}

fn share(value: f64) -> Option<f64> {
    (!value.is_nan()).then(|| value.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c16_shares_are_kept_between_nothing_and_all() {
        assert_eq!(Metadata::new().confidence(1.5).confidence, Some(1.0));
        assert_eq!(Metadata::new().quality(-1.0).quality, Some(0.0));
        assert_eq!(Metadata::new().quality(f64::NAN).quality, None);
    }

    #[test]
    fn c16_another_value_has_the_same_story() {
        let mut served = Served::new(1).with(Metadata::new().tokens(7));
        served.attempts = 3;
        served.tier = Some("second".into());
        let mapped = served.clone().map(|n| n + 1);
        assert_eq!(mapped.value, 2);
        assert_eq!((mapped.attempts, mapped.tier), (3, served.tier));
        assert_eq!(mapped.metadata, served.metadata);
    }

    #[test]
    fn c16_metadata_survives_a_file_and_what_is_unknown_is_left_out() {
        let known = Metadata::new()
            .confidence(0.5)
            .tokens(7)
            .cost(1_200)
            .took(Duration::from_millis(1_500));
        let text = serde_json::to_string(&known).unwrap();
        assert_eq!(
            text,
            r#"{"confidence":0.5,"tokens":7,"cost":1200,"took":"1s 500ms"}"#
        );
        assert_eq!(serde_json::from_str::<Metadata>(&text).unwrap(), known);
        assert_eq!(
            serde_json::from_str::<Metadata>("{}").unwrap(),
            Metadata::new()
        );
    }
}
