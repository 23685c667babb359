//! How well a member fits, as one number.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How much each part of a member's score counts.
///
/// # Examples
///
/// ```
/// use callboard::policy::choice::{LoadWeights, Metrics};
///
/// let weights = LoadWeights::default();
/// let half_busy = Metrics { load: 2, max: 4, capability: 0.5, success: 1.0 };
/// assert!((weights.score(Some(half_busy)) - 0.6).abs() < 1e-9);
/// assert_eq!(weights.score(None), 1.0, "nothing is known against it");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LoadWeights {
    /// Of the share of its room that is free. Default 0.4.
    pub load: f64,
    /// Of how capable it is. Default 0.4.
    pub capability: f64,
    /// Of the share of its last jobs that went well. Default 0.2.
    pub success: f64,
}

impl Default for LoadWeights {
    fn default() -> Self {
        Self::new(0.4, 0.4, 0.2)
    }
}

/// What is known of a member.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// Jobs in hand.
    pub load: usize,
    /// Jobs that it can have in hand.
    pub max: usize,
    /// How capable it is, 0 to 1.
    pub capability: f64,
    /// The share of its last jobs that went well, 0 to 1.
    pub success: f64,
}

impl LoadWeights {
    /// These weights. They need not sum to 1.
    #[must_use]
    pub const fn new(load: f64, capability: f64, success: f64) -> Self {
        Self {
            load,
            capability,
            success,
        }
    }

    /// `(1 - load / max) * w + capability * w + success * w`. A member of which
    /// nothing is known scores 1.0, so that it gets a chance.
    ///
    /// Shares are clamped to 0 to 1, and what is no number counts as 0.
    #[must_use]
    pub fn score(&self, metrics: Option<Metrics>) -> f64 {
        let Some(of) = metrics else {
            return 1.0;
        };
        let free = match of.max {
            0 => 0.0,
            max => 1.0 - of.load as f64 / max as f64,
        };
        share(free) * self.load
            + share(of.capability) * self.capability
            + share(of.success) * self.success
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// A weight is negative or no number, or all are zero.
    pub fn validate(&self) -> Result<(), InvalidWeights> {
        check(&[self.load, self.capability, self.success])
    }
}

/// Checks the weights of a score.
pub(crate) fn check(weights: &[f64]) -> Result<(), InvalidWeights> {
    if weights.iter().any(|w| !w.is_finite() || *w < 0.0) {
        return Err(InvalidWeights::NotAWeight);
    }
    if weights.iter().all(|w| *w == 0.0) {
        return Err(InvalidWeights::Nothing);
    }
    Ok(())
}

/// A share, whatever is said: from 0 to 1.
pub(crate) fn share(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(0.0, 1.0) }
}

/// Why weights are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidWeights {
    /// One is negative, infinite or no number.
    NotAWeight,
    /// All are zero: nobody would be better than anybody else.
    Nothing,
    /// They do not sum to 1 where they have to.
    NotOne,
}

impl fmt::Display for InvalidWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAWeight => "a weight of a score is a finite number from 0 on",
            Self::Nothing => {
                "a score whose weights are all 0 says nothing, make one of them larger"
            }
            Self::NotOne => "the weights of a bid sum to 1, change one of them",
        })
    }
}

impl Error for InvalidWeights {}

/// Chooses the highest score, or `None` if none is there; of equals the first
/// from `start` on, going round, as [`least_loaded`](super::least_loaded) does.
///
/// `None` in it is a member that must not be chosen, and so is what is no
/// number.
#[must_use]
pub fn highest<I>(scores: I, start: usize) -> Option<usize>
where
    I: IntoIterator<Item = Option<f64>>,
    I::IntoIter: ExactSizeIterator,
{
    let scores = scores.into_iter();
    let start = start.checked_rem(scores.len()).unwrap_or(0);
    let mut best: Option<(f64, bool, usize)> = None;
    for (member, score) in scores.enumerate() {
        let Some(score) = score.filter(|score| !score.is_nan()) else {
            continue;
        };
        let is_early = member < start;
        let is_better = best.is_none_or(|(most, was_early, _)| {
            score > most || (score == most && was_early && !is_early)
        });
        if is_better {
            best = Some((score, is_early, member));
        }
    }
    best.map(|(_, _, member)| member)
}

/// How the last 32 jobs went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recent {
    outcomes: u32,
    seen: u32,
}

impl Recent {
    /// Nothing has been seen.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            outcomes: 0,
            seen: 0,
        }
    }

    /// One job went well.
    pub const fn succeeded(&mut self) {
        self.note(1);
    }

    /// One job failed.
    pub const fn failed(&mut self) {
        self.note(0);
    }

    const fn note(&mut self, outcome: u32) {
        self.outcomes = (self.outcomes << 1) | outcome;
        if self.seen < u32::BITS {
            self.seen += 1;
        }
    }

    /// The share that went well; `None` before the first.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        if self.seen == 0 {
            return None;
        }
        Some(f64::from(self.outcomes.count_ones()) / f64::from(self.seen))
    }
}
