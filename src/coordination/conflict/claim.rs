//! Claims that contradict each other, and what comes of them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::strategy::StrategyKind;
use crate::actor::{FaultClass, Served};

/// What one agent holds to be so.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claim<V> {
    /// Who.
    pub agent: String,
    /// What.
    pub value: V,
    /// Since when, from a beginning that all claims share.
    pub at: Duration,
    /// How much the agent has to say; more is more. Default 0.
    pub priority: i64,
    /// How sure it is, from 0 to 1. Default 1.
    pub confidence: f64,
}

impl<V> Claim<V> {
    /// A claim of this agent, from the beginning of time.
    pub fn new(agent: impl Into<String>, value: V) -> Self {
        Self {
            agent: agent.into(),
            value,
            at: Duration::ZERO,
            priority: 0,
            confidence: 1.0,
        }
    }

    /// An answer as a claim, as sure as it says it is.
    pub fn of(agent: impl Into<String>, answer: Served<V>) -> Self {
        let confidence = answer.metadata.confidence.unwrap_or(1.0);
        Self::new(agent, answer.value).confidence(confidence)
    }

    /// Since when, from a beginning that all claims share.
    #[must_use]
    pub fn at(mut self, at: Duration) -> Self {
        self.at = at;
        self
    }

    /// How much the agent has to say. Default 0.
    #[must_use]
    pub fn priority(mut self, priority: i64) -> Self {
        self.priority = priority;
        self
    }

    /// How sure it is; clamped to 0..=1, and not a number is 0. Default 1.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = if confidence.is_nan() {
            0.0
        } else {
            confidence.clamp(0.0, 1.0)
        };
        self
    }
}

// By hand: values are not printed.
impl<V> fmt::Debug for Claim<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("agent", &self.agent)
            .field("at", &self.at)
            .field("priority", &self.priority)
            .field("confidence", &self.confidence)
            .finish_non_exhaustive()
    }
}

/// Claims about the same thing, and what kind of thing that is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict<K, V> {
    /// What selects the strategy.
    pub kind: K,
    /// The claims.
    pub claims: Vec<Claim<V>>,
}

impl<K, V> Conflict<K, V> {
    /// Of this kind, between these claims.
    pub fn new(kind: K, claims: impl IntoIterator<Item = Claim<V>>) -> Self {
        Self {
            kind,
            claims: claims.into_iter().collect(),
        }
    }
}

/// A strategy that did not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Setback {
    /// Which.
    pub strategy: StrategyKind,
    /// What kind of failure it was: a deadline where it took too long.
    pub class: FaultClass,
    /// In words.
    pub message: String,
}

/// What came of a conflict.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resolution<V> {
    /// What is held to be so; nothing where even the most confident claims
    /// contradict each other.
    pub decision: Option<V>,
    /// The strategy that has decided.
    pub by: Option<StrategyKind>,
    /// How sure that is, from 0 to 1: what the winning claim, or the answer of
    /// whoever was asked, says. 0 where nothing is decided.
    pub confidence: f64,
    /// The strategies that were tried, in order: the last has decided, if
    /// anything is.
    pub path: Vec<StrategyKind>,
    /// What came of those that did not decide.
    pub setbacks: Vec<Setback>,
}

// By hand: values are not printed.
impl<V> fmt::Debug for Resolution<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolution")
            .field("is_decided", &self.decision.is_some())
            .field("by", &self.by)
            .field("confidence", &self.confidence)
            .field("path", &self.path)
            .field("setbacks", &self.setbacks)
            .finish_non_exhaustive()
    }
}
