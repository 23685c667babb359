//! Who fits a task best: skills, past performance and load as one number.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::score::{InvalidWeights, check, share};

/// How much each part counts when a task is assigned.
///
/// # Examples
///
/// ```
/// use callboard::policy::choice::{Fitness, SelectionWeights, highest};
///
/// let weights = SelectionWeights::default();
/// let veteran = Fitness { capability: 0.9, performance: Some(0.8), load: 0.5 };
/// let novice = Fitness { capability: 0.6, performance: None, load: 0.0 };
/// assert!((weights.score(veteran) - 0.79).abs() < 1e-9);
/// assert!((weights.score(novice) - 0.8).abs() < 1e-9);
/// // Who is not available has no score.
/// let scores = [Some(weights.score(veteran)), None, Some(weights.score(novice))];
/// assert_eq!(highest(scores, 0), Some(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SelectionWeights {
    /// Of how capable it is of this task. Default 0.5.
    pub capability: f64,
    /// Of the share of its last tasks that went well. Default 0.3.
    pub performance: f64,
    /// Of the share of its room that is free. Default 0.2.
    pub load: f64,
}

impl Default for SelectionWeights {
    fn default() -> Self {
        Self::new(0.5, 0.3, 0.2)
    }
}

/// What is known of somebody who could do a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitness {
    /// How capable it is of this task, 0 to 1; see [`Skills::capability`].
    pub capability: f64,
    /// The share of its last tasks that went well, 0 to 1; `None` before the
    /// first, which counts as 1, so that it gets a chance.
    pub performance: Option<f64>,
    /// How busy it is, 0 to 1.
    pub load: f64,
}

impl SelectionWeights {
    /// These weights. They need not sum to 1.
    #[must_use]
    pub const fn new(capability: f64, performance: f64, load: f64) -> Self {
        Self {
            capability,
            performance,
            load,
        }
    }

    /// `capability * w + performance * w + (1 - load) * w`.
    ///
    /// Shares are clamped to 0 to 1, and what is no number counts as 0.
    #[must_use]
    pub fn score(&self, of: Fitness) -> f64 {
        share(of.capability) * self.capability
            + share(of.performance.unwrap_or(1.0)) * self.performance
            + share(1.0 - of.load) * self.load
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// A weight is negative or no number, or all are zero.
    pub fn validate(&self) -> Result<(), InvalidWeights> {
        check(&[self.capability, self.performance, self.load])
    }
}

/// What somebody can do, and how well.
///
/// # Examples
///
/// ```
/// use callboard::policy::choice::Skills;
///
/// let skills = Skills::of(["search"]).with("french", 0.4);
/// assert_eq!(skills.capability(["search", "french"]), Ok(0.4));
/// assert_eq!(skills.capability(["search", "welding"]), Err("welding"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Skills {
    levels: BTreeMap<String, f64>,
}

impl Skills {
    /// All of these, without a fault: level 1.
    #[must_use]
    pub fn of<S: Into<String>>(skills: impl IntoIterator<Item = S>) -> Self {
        let levels = skills.into_iter().map(|skill| (skill.into(), 1.0));
        Self {
            levels: levels.collect(),
        }
    }

    /// And this one, so well: 0 to 1, clamped; what is no number counts as 0.
    #[must_use]
    pub fn with(mut self, skill: impl Into<String>, level: f64) -> Self {
        self.levels.insert(skill.into(), share(level));
        self
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// The names of the skills, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.levels.keys().map(String::as_str)
    }

    /// How capable it is of what needs all of these: as it is of the one that it
    /// does worst; 1 where nothing is needed.
    ///
    /// # Errors
    ///
    /// The first of them that is missing.
    pub fn capability<'a>(&self, needs: impl IntoIterator<Item = &'a str>) -> Result<f64, &'a str> {
        needs.into_iter().try_fold(1.0_f64, |worst, skill| {
            self.levels
                .get(skill)
                .map(|level| worst.min(share(*level)))
                .ok_or(skill)
        })
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for Skills {
    fn from(skills: [S; N]) -> Self {
        Self::of(skills)
    }
}

impl fmt::Display for Skills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, skill) in self.levels.keys().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{skill}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fitness(capability: f64, performance: Option<f64>, load: f64) -> Fitness {
        Fitness {
            capability,
            performance,
            load,
        }
    }

    #[test]
    fn d1_the_score_is_capability_performance_and_room_as_weighted() {
        let weights = SelectionWeights::default();
        let cases = [
            (fitness(1.0, Some(1.0), 0.0), 1.0),
            (fitness(0.8, Some(0.5), 0.25), 0.4 + 0.15 + 0.15),
            (fitness(0.0, Some(0.0), 1.0), 0.0),
            (fitness(0.5, None, 1.0), 0.25 + 0.3),
        ];
        for (of, score) in cases {
            assert!((weights.score(of) - score).abs() < 1e-9, "{of:?}");
        }
        let mine = SelectionWeights::new(0.0, 0.0, 2.0);
        assert!((mine.score(fitness(1.0, None, 0.5)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn d1_weights_that_say_nothing_are_refused() {
        let refused = |c, p, l| SelectionWeights::new(c, p, l).validate().unwrap_err();
        assert_eq!(refused(0.0, 0.0, 0.0), InvalidWeights::Nothing);
        assert_eq!(refused(-1.0, 0.0, 1.0), InvalidWeights::NotAWeight);
        assert_eq!(refused(f64::NAN, 0.0, 1.0), InvalidWeights::NotAWeight);
        assert_eq!(SelectionWeights::default().validate(), Ok(()));
    }

    #[test]
    fn d1_somebody_is_as_capable_as_of_what_it_does_worst() {
        let skills = Skills::from(["search", "write"])
            .with("french", 0.3)
            .with("odd", f64::NAN);
        assert_eq!(skills.capability([]), Ok(1.0));
        assert_eq!(skills.capability(["write", "french", "search"]), Ok(0.3));
        assert_eq!(skills.capability(["odd"]), Ok(0.0));
        assert_eq!(skills.capability(["write", "sing"]), Err("sing"));
        assert_eq!(skills.to_string(), "french, odd, search, write");
    }

    proptest! {
        #[test]
        fn d1_a_score_is_bounded_and_more_of_anything_good_never_lowers_it(
            capability in any::<f64>(),
            performance in proptest::option::of(any::<f64>()),
            load in any::<f64>(),
            more in 0.0_f64..1.0,
        ) {
            let weights = SelectionWeights::default();
            let of = fitness(capability, performance, load);
            let score = weights.score(of);
            prop_assert!((0.0..=1.0 + 1e-9).contains(&score), "{}", score);
            let better = [
                fitness(capability + more, performance, load),
                fitness(capability, performance.map(|p| p + more), load),
                fitness(capability, None, load),
                fitness(capability, performance, load - more),
            ];
            for better in better {
                prop_assert!(weights.score(better) >= score - 1e-9, "{:?}", better);
            }
        }
    }
}
