//! What is known of somebody from how past contracts went.
//!
//! The beta reputation system (Jøsang and Ismail: *The Beta Reputation System*, 2002):
//! good and bad evidence is counted, older evidence counts less, and a neutral prior
//! stands in for what is not known.
//!
//! ```text
//!   score = (good + weight * prior) / (good + bad + weight)
//! ```

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use crate::policy::choice::score::share;

/// How reputations are reckoned.
///
/// # Examples
///
/// ```
/// use callboard::policy::reputation::{Outcome, Reputation, ReputationRules};
/// use std::time::Instant;
///
/// let (rules, now) = (ReputationRules::default(), Instant::now());
/// let mut reputation = Reputation::new();
/// assert_eq!(reputation.score(now, &rules), 0.5, "nothing is known");
/// reputation.note(Outcome::Kept, now, &rules);
/// assert_eq!(reputation.score(now, &rules), 2.0 / 3.0);
/// // A half-life later, half of it is forgotten.
/// assert_eq!(reputation.score(now + rules.half_life, &rules), 0.6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ReputationRules {
    /// The score of somebody of whom nothing is known, 0 to 1. Default 0.5.
    pub prior: f64,
    /// How many outcomes the prior counts as, above 0. Default 2, as in the paper.
    pub weight: f64,
    /// After this long, evidence counts half. Default 24 h: yesterday's bad day is
    /// half forgotten.
    pub half_life: Duration,
    /// How many outcomes count at most, from 1 on. Default 100: a long past does not
    /// hide that somebody has changed.
    pub memory: f64,
}

impl Default for ReputationRules {
    fn default() -> Self {
        Self {
            prior: 0.5,
            weight: 2.0,
            half_life: Duration::from_secs(24 * 60 * 60),
            memory: 100.0,
        }
    }
}

impl ReputationRules {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The score of somebody of whom nothing is known, 0 to 1. Default 0.5.
    #[must_use]
    pub const fn prior(mut self, prior: f64) -> Self {
        self.prior = prior;
        self
    }

    /// How many outcomes the prior counts as, above 0. Default 2.
    #[must_use]
    pub const fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// After this long, evidence counts half. Default 24 h.
    #[must_use]
    pub const fn half_life(mut self, half_life: Duration) -> Self {
        self.half_life = half_life;
        self
    }

    /// How many outcomes count at most, from 1 on. Default 100.
    #[must_use]
    pub const fn memory(mut self, memory: f64) -> Self {
        self.memory = memory;
        self
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// A prior that is not 0 to 1, a weight, a half-life or a memory of nothing.
    pub fn validate(&self) -> Result<(), InvalidReputation> {
        if !(0.0..=1.0).contains(&self.prior) {
            return Err(InvalidReputation::Prior);
        }
        if !self.weight.is_finite() || self.weight <= 0.0 {
            return Err(InvalidReputation::Weight);
        }
        if self.half_life.is_zero() {
            return Err(InvalidReputation::HalfLife);
        }
        if !self.memory.is_finite() || self.memory < 1.0 {
            return Err(InvalidReputation::Memory);
        }
        Ok(())
    }
}

/// Why the rules of reputations are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidReputation {
    /// The prior is not 0 to 1.
    Prior,
    /// The prior counts as nothing.
    Weight,
    /// All is forgotten at once.
    HalfLife,
    /// Nothing is remembered.
    Memory,
}

impl fmt::Display for InvalidReputation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prior => "the prior of a reputation is a number from 0 to 1",
            Self::Weight => "the prior of a reputation weighs something, give it more than 0",
            Self::HalfLife => "a half-life of 0 forgets everything at once, make it longer",
            Self::Memory => "a reputation remembers at least 1 outcome, and finitely many",
        })
    }
}

impl Error for InvalidReputation {}

/// How a contract went.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// As agreed: worth 1.
    Kept,
    /// There was an answer, but not as good as agreed: worth half its quality.
    Poor {
        /// How good it was, 0 to 1; 0 where that is not known.
        quality: f64,
    },
    /// There was no answer in time: worth a quarter.
    Late,
    /// There was no answer: worth nothing.
    Failed,
}

impl Outcome {
    /// What it is worth as evidence, 0 to 1.
    #[must_use]
    pub fn worth(self) -> f64 {
        match self {
            Self::Kept => 1.0,
            Self::Poor { quality } => share(quality) / 2.0,
            Self::Late => 0.25,
            Self::Failed => 0.0,
        }
    }
}

/// What is known of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reputation {
    good: f64,
    bad: f64,
    last: Option<Instant>,
}

impl Reputation {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            good: 0.0,
            bad: 0.0,
            last: None,
        }
    }

    /// Takes in how a contract went. Time that goes back counts as none.
    pub fn note(&mut self, outcome: Outcome, now: Instant, rules: &ReputationRules) {
        let worth = outcome.worth();
        let kept = self.kept(now, rules);
        let (good, bad) = (self.good * kept + worth, self.bad * kept + 1.0 - worth);
        // Never below 1, the evidence of this outcome alone.
        let room = (rules.memory.max(1.0) / (good + bad)).min(1.0);
        (self.good, self.bad) = (good * room, bad * room);
        self.last = Some(self.last.map_or(now, |last| last.max(now)));
    }

    /// How well it does, 0 to 1; the prior where nothing is known.
    ///
    /// Rules that [`ReputationRules::validate`] refuses are safe here.
    #[must_use]
    pub fn score(&self, now: Instant, rules: &ReputationRules) -> f64 {
        let kept = self.kept(now, rules);
        let weight = rules.weight.max(f64::MIN_POSITIVE);
        let (good, bad) = (self.good * kept, self.bad * kept);
        share((good + weight * share(rules.prior)) / (good + bad + weight))
    }

    /// How many outcomes it rests on, as far as they count now.
    #[must_use]
    pub fn evidence(&self, now: Instant, rules: &ReputationRules) -> f64 {
        (self.good + self.bad) * self.kept(now, rules)
    }

    /// When something was noted last.
    #[must_use]
    pub const fn last(&self) -> Option<Instant> {
        self.last
    }

    /// The share of the evidence that is not forgotten.
    fn kept(&self, now: Instant, rules: &ReputationRules) -> f64 {
        let Some(last) = self.last else {
            return 1.0;
        };
        let passed = now.saturating_duration_since(last).as_secs_f64();
        let half_life = rules.half_life.as_secs_f64();
        match half_life > 0.0 {
            true => 0.5_f64.powf(passed / half_life),
            false => f64::from(u8::from(passed == 0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Kept),
            any::<f64>().prop_map(|quality| Outcome::Poor { quality }),
            Just(Outcome::Late),
            Just(Outcome::Failed),
        ]
    }

    #[test]
    fn d14_outcomes_raise_and_lower_a_reputation_by_what_they_are_worth() {
        let (rules, now) = (ReputationRules::default(), Instant::now());
        let after = |outcomes: &[Outcome]| {
            let mut reputation = Reputation::new();
            outcomes
                .iter()
                .for_each(|outcome| reputation.note(*outcome, now, &rules));
            reputation.score(now, &rules)
        };
        assert_eq!(after(&[]), 0.5);
        assert_eq!(after(&[Outcome::Kept, Outcome::Kept]), 0.75);
        assert_eq!(after(&[Outcome::Failed, Outcome::Failed]), 0.25);
        let ranked = [
            Outcome::Kept,
            Outcome::Poor { quality: 0.8 },
            Outcome::Late,
            Outcome::Failed,
        ];
        assert!(ranked.map(|it| after(&[it])).is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn d14_rules_of_reputations_that_make_no_sense_are_named() {
        let rules = ReputationRules::new();
        assert_eq!(rules.validate(), Ok(()));
        let wrong = [
            (rules.prior(1.5), InvalidReputation::Prior),
            (rules.weight(0.0), InvalidReputation::Weight),
            (rules.half_life(Duration::ZERO), InvalidReputation::HalfLife),
            (rules.memory(0.5), InvalidReputation::Memory),
            (rules.memory(f64::NAN), InvalidReputation::Memory),
        ];
        for (rules, why) in wrong {
            assert_eq!(rules.validate(), Err(why));
        }
    }

    #[test]
    fn d14_a_long_good_past_does_not_hide_a_bad_present() {
        let (rules, now) = (ReputationRules::default(), Instant::now());
        let mut reputation = Reputation::new();
        (0..100_000).for_each(|_| reputation.note(Outcome::Kept, now, &rules));
        assert!(reputation.evidence(now, &rules) <= rules.memory + 1e-6);
        (0..300).for_each(|_| reputation.note(Outcome::Failed, now, &rules));
        assert!(reputation.score(now, &rules) < 0.1);
    }

    proptest! {
        #[test]
        fn d14_a_reputation_is_bounded_and_a_better_outcome_never_lowers_it(
            past in proptest::collection::vec((outcome(), 0_u64..1_000_000), 0..40),
            one in outcome(),
            other in outcome(),
        ) {
            let (rules, mut now) = (ReputationRules::default(), Instant::now());
            let mut reputation = Reputation::new();
            for (outcome, seconds) in past {
                now += Duration::from_secs(seconds);
                reputation.note(outcome, now, &rules);
                prop_assert!((0.0..=1.0).contains(&reputation.score(now, &rules)));
            }
            let before = reputation.score(now, &rules);
            let after = |outcome| {
                let mut reputation = reputation;
                reputation.note(outcome, now, &rules);
                reputation.score(now, &rules)
            };
            if one.worth() >= other.worth() {
                prop_assert!(after(one) >= after(other) - 1e-12);
            }
            prop_assert!(after(Outcome::Kept) >= before - 1e-12);
            prop_assert!(after(Outcome::Failed) <= before + 1e-12);
        }

        #[test]
        fn d14_with_time_a_reputation_returns_to_the_prior(
            past in proptest::collection::vec(outcome(), 1..40),
            seconds in 0_u64..10_000_000,
            more in 0_u64..10_000_000,
        ) {
            let (rules, now) = (ReputationRules::default(), Instant::now());
            let mut reputation = Reputation::new();
            past.iter().for_each(|outcome| reputation.note(*outcome, now, &rules));
            let away = |seconds| {
                let then = now + Duration::from_secs(seconds);
                (reputation.score(then, &rules) - rules.prior).abs()
            };
            prop_assert!(away(seconds + more) <= away(seconds) + 1e-12);
            prop_assert!(away(100 * 24 * 60 * 60) < 1e-6);
        }

        #[test]
        fn d14_no_rules_and_no_times_make_a_reputation_panic(
            numbers in any::<(f64, f64, f64)>(),
            half_life in any::<u64>(),
            outcomes in proptest::collection::vec(outcome(), 0..10),
        ) {
            let (prior, weight, memory) = numbers;
            let rules = ReputationRules::new()
                .prior(prior)
                .weight(weight)
                .memory(memory)
                .half_life(Duration::from_nanos(half_life));
            let (now, mut reputation) = (Instant::now(), Reputation::new());
            outcomes.iter().for_each(|outcome| reputation.note(*outcome, now, &rules));
            prop_assert!((0.0..=1.0).contains(&reputation.score(now, &rules)));
        }
    }
}
