//! How many calls a callee can take at once, found out from how it answers.
//!
//! AIMD, additive increase and multiplicative decrease, as TCP's congestion
//! avoidance (Chiu and Jain, 1989) and `AIMDLimit` of Netflix's
//! concurrency-limits: while answers come in time and the limit is in use, one
//! more is let in; an answer that is late, or lost, takes a tenth away.
//!
//! ```text
//!  limit ┤      ╱╲    ╱╲    ╱╲      a little above what the callee can take,
//!        │    ╱   ╲ ╱   ╲ ╱   ╲     then a little below
//!        │  ╱
//!        └──────────────────────── answers
//! ```

use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of an [`AdaptiveLimit`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AdaptiveConfig {
    /// Never fewer calls at once. Default 1.
    pub min: NonZeroUsize,
    /// Never more calls at once. Default 200.
    pub max: NonZeroUsize,
    /// An answer after more than this is late. Default 5 s, as long as an ask.
    #[serde(with = "humantime_serde")]
    pub late_after: Duration,
    /// What a late or lost answer leaves of the limit. Default 0.9.
    pub backoff: f64,
}

impl AdaptiveConfig {
    /// From `min` to `max` calls at once; 0 counts as 1.
    #[must_use]
    pub fn new(min: usize, max: usize) -> Self {
        let at_least_one = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        Self {
            min: at_least_one(min),
            max: at_least_one(max),
            late_after: Duration::from_secs(5),
            backoff: 0.9,
        }
    }

    /// Sets after how long an answer is late. Default 5 s.
    #[must_use]
    pub const fn late_after(mut self, late_after: Duration) -> Self {
        self.late_after = late_after;
        self
    }

    /// Sets what a late or lost answer leaves of the limit. Default 0.9.
    #[must_use]
    pub const fn backoff(mut self, backoff: f64) -> Self {
        self.backoff = backoff;
        self
    }

    /// Says whether the settings make sense.
    ///
    /// # Errors
    ///
    /// The first thing that does not.
    pub fn validate(&self) -> Result<(), InvalidAdaptive> {
        if self.min > self.max {
            return Err(InvalidAdaptive::Bounds(self.min, self.max));
        }
        if !(0.1..1.0).contains(&self.backoff) {
            return Err(InvalidAdaptive::Backoff(self.backoff));
        }
        Ok(())
    }
}

impl Default for AdaptiveConfig {
    fn default() -> Self {
        Self::new(1, 200)
    }
}

/// Settings that make no sense.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidAdaptive {
    /// The minimum is above the maximum.
    Bounds(NonZeroUsize, NonZeroUsize),
    /// What is left of the limit is less than a tenth, or all of it.
    Backoff(f64),
}

impl fmt::Display for InvalidAdaptive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bounds(min, max) => {
                write!(f, "at least {min} calls and at most {max} leave no choice")
            }
            Self::Backoff(backoff) => {
                write!(f, "a backoff of {backoff} is not from 0.1 to below 1")
            }
        }
    }
}

impl Error for InvalidAdaptive {}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// It was answered, after so long.
    Answered(Duration),
    /// It was turned away, or ran out of time.
    Lost,
}

/// A limit on calls at once that follows what the callee can take.
///
/// # Examples
///
/// ```
/// use callboard::policy::adaptive::{AdaptiveConfig, AdaptiveLimit, Sample};
/// use std::time::Duration;
///
/// let mut limit = AdaptiveLimit::new(AdaptiveConfig::new(10, 100));
/// let quick = Sample::Answered(Duration::from_millis(20));
/// assert_eq!(limit.record(quick, 10), 11, "all places were in use");
/// assert_eq!(limit.record(quick, 2), 11, "more places would not help");
/// assert_eq!(limit.record(Sample::Lost, 11), 10);
/// ```
#[derive(Clone, Debug)]
pub struct AdaptiveLimit {
    config: AdaptiveConfig,
    limit: f64,
}

impl AdaptiveLimit {
    /// Begins at the minimum.
    #[must_use]
    pub fn new(config: AdaptiveConfig) -> Self {
        let limit = config.min.get() as f64;
        Self { config, limit }
    }

    /// How many calls may be under way.
    #[must_use]
    pub fn limit(&self) -> usize {
        // It is a few hundred: the cast loses the fraction and nothing else.
        self.limit as usize
    }

    /// Takes what came of a call and how many were under way with it, itself
    /// included, and says how many may be.
    pub fn record(&mut self, sample: Sample, under_way: usize) -> usize {
        let is_good =
            matches!(sample, Sample::Answered(latency) if latency <= self.config.late_after);
        if !is_good {
            // Never NaN: unchecked settings are clamped to the bounds.
            let backoff = self.config.backoff.clamp(0.1, 1.0);
            self.limit *= if backoff.is_nan() { 0.9 } else { backoff };
        } else if under_way.saturating_mul(2) >= self.limit() {
            self.limit += 1.0;
        }
        let (min, max) = (self.config.min.get(), self.config.max.get());
        self.limit = self.limit.min(max as f64).max(min as f64);
        self.limit()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A callee that is quick with so many calls at once, and slow with more.
    fn answer(under_way: usize, capacity: usize, noise: u64) -> Sample {
        let crowd = under_way.max(capacity) as u32 * 100 / capacity as u32;
        Sample::Answered(Duration::from_millis(10) * crowd / 100 + Duration::from_micros(noise))
    }

    #[test]
    fn it_finds_what_the_callee_can_take_and_follows_it_down() {
        let config = AdaptiveConfig::new(1, 1_000).late_after(Duration::from_millis(12));
        let mut limit = AdaptiveLimit::new(config);
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        for capacity in [100, 40, 70] {
            for _ in 0..2_000 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let under_way = limit.limit();
                limit.record(answer(under_way, capacity, random % 500), under_way);
            }
            let found = limit.limit();
            let expected = capacity..=capacity * 13 / 10;
            assert!(expected.contains(&found), "{found} of {capacity}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused_and_others_come_back_from_a_file() {
        assert!(AdaptiveConfig::new(5, 4).validate().is_err());
        assert!(AdaptiveConfig::default().backoff(1.0).validate().is_err());
        let config = AdaptiveConfig::new(2, 9).late_after(Duration::from_millis(250));
        assert_eq!(config.validate(), Ok(()));
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<AdaptiveConfig>(&text).unwrap(),
            config
        );
    }

    proptest! {
        #[test]
        fn the_limit_stays_within_its_bounds_whatever_happens(
            min in 0_usize..50,
            more in 0_usize..200,
            backoff in prop_oneof![Just(f64::NAN), -2.0..3.0_f64],
            samples in proptest::collection::vec((any::<u32>(), any::<bool>(), any::<usize>()), 1..80),
        ) {
            let config = AdaptiveConfig::new(min, min + more).backoff(backoff);
            let bounds = config.min.get()..=config.max.get();
            let mut limit = AdaptiveLimit::new(config);
            for (micros, is_lost, under_way) in samples {
                let sample = match is_lost {
                    true => Sample::Lost,
                    false => Sample::Answered(Duration::from_micros(micros.into())),
                };
                prop_assert!(bounds.contains(&limit.record(sample, under_way)));
            }
        }
    }
}
