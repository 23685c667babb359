//! How long to wait before the next try.
//!
//! ```text
//! delay
//!  max ┤            ┌────────────  + jitter: up to 10 % more, added after the cap
//!      │        ┌───┘
//!      │    ┌───┘                  full jitter: anywhere below the line
//!  min ┤────┘
//!      └────┬───┬───┬───┬───┬────
//!           0   1   2   3   4      attempt
//! ```

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The share that [`Backoff::jitter`] adds at most.
const JITTER_SHARE: f64 = 0.1;

/// The factor of [`Backoff::exponential`] until [`Backoff::factor`] says otherwise.
const FACTOR: f64 = 2.0;

/// Settings of a wait that grows with the number of failures in a row.
///
/// Whatever the fields hold, [`delay`](Self::delay) answers without panicking:
/// nonsense is clamped there, and refused by [`validate`](Self::validate).
///
/// # Examples
///
/// ```
/// use callboard::policy::backoff::Backoff;
/// use std::time::Duration;
///
/// let ms = Duration::from_millis;
/// let backoff = Backoff::exponential(ms(100)..=ms(1_000));
/// let waits: Vec<_> = (0..5).map(|attempt| backoff.delay(attempt, 0.0)).collect();
/// assert_eq!(waits, [ms(100), ms(200), ms(400), ms(800), ms(1_000)]);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Backoff {
    /// The wait after the first failure. Clamped to `max`.
    #[serde(with = "humantime_serde")]
    pub min: Duration,
    /// The longest wait, before jitter is added.
    #[serde(with = "humantime_serde")]
    pub max: Duration,
    /// How the wait gets from `min` to `max`.
    pub growth: Growth,
    /// How waits are spread. Default [`Jitter::None`], so that delays can be read off the settings.
    #[serde(default)]
    pub jitter: Jitter,
    /// How long a run must last for its failure to count as the first again.
    /// Default `None`: the mean of `min` and `max`.
    #[serde(default, with = "humantime_serde")]
    pub reset_after: Option<Duration>,
}

/// How a [`Backoff`] grows from its minimum to its maximum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Growth {
    /// Always the minimum.
    Constant,
    /// One more minimum with every attempt: 1, 2, 3, 4 times.
    Linear,
    /// The factor to the power of the attempt: 1, 2, 4, 8 times for a factor of 2.
    Exponential {
        /// What one wait is multiplied by to give the next. Below 1 or not a
        /// number counts as 1.
        factor: f64,
    },
}

/// How a [`Backoff`] spreads the waits of those who failed together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Jitter {
    /// Not at all.
    #[default]
    None,
    /// Adds up to this share of the wait, after the cap: 0.1 is up to 10 % more.
    Added(f64),
    /// Takes any wait from zero to the computed one, uniformly.
    Full,
    /// Takes any wait from the shortest to three times the last one, uniformly,
    /// up to the cap. The growth plays no part.
    Decorrelated,
}

impl Backoff {
    /// Never waits.
    #[must_use]
    pub const fn none() -> Self {
        Self::constant(Duration::ZERO)
    }

    /// Waits the same time before every try.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self::with(delay, delay, Growth::Constant)
    }

    /// Waits once, twice, three times the start of the range, up to its end.
    #[must_use]
    pub const fn linear(range: RangeInclusive<Duration>) -> Self {
        Self::with(*range.start(), *range.end(), Growth::Linear)
    }

    /// Doubles the wait with every failure, from the start of the range to its end.
    ///
    /// See [`factor`](Self::factor) for another base than 2.
    #[must_use]
    pub const fn exponential(range: RangeInclusive<Duration>) -> Self {
        let growth = Growth::Exponential { factor: FACTOR };
        Self::with(*range.start(), *range.end(), growth)
    }

    const fn with(min: Duration, max: Duration, growth: Growth) -> Self {
        Self {
            min,
            max,
            growth,
            jitter: Jitter::None,
            reset_after: None,
        }
    }

    /// Sets what an exponential wait is multiplied by. Default 2.
    ///
    /// The other kinds have no factor and stay as they are.
    #[must_use]
    pub const fn factor(mut self, factor: f64) -> Self {
        if let Growth::Exponential { .. } = self.growth {
            self.growth = Growth::Exponential { factor };
        }
        self
    }

    /// Adds up to 10 % to each wait, after the cap. Default none.
    ///
    /// Enough to keep those who failed together from coming back together,
    /// and never shorter than the plain wait.
    #[must_use]
    pub const fn jitter(mut self) -> Self {
        self.jitter = Jitter::Added(JITTER_SHARE);
        self
    }

    /// Takes any wait from zero to the computed one. Default none.
    ///
    /// Spreads a crowd best, at the price of tries that come at once.
    #[must_use]
    pub const fn full_jitter(mut self) -> Self {
        self.jitter = Jitter::Full;
        self
    }

    /// Takes any wait from the shortest to three times the last one, up to the
    /// cap. Default none.
    ///
    /// Spreads a crowd as well as full jitter does, and never comes at once.
    #[must_use]
    pub const fn decorrelated_jitter(mut self) -> Self {
        self.jitter = Jitter::Decorrelated;
        self
    }

    /// Sets how long a run must last for its failure to count as the first
    /// again. Default: the mean of minimum and maximum.
    #[must_use]
    pub const fn reset_after(mut self, reset_after: Duration) -> Self {
        self.reset_after = Some(reset_after);
        self
    }

    /// Returns how long a run must last for its failure to count as the first
    /// again: what was set, or the mean of minimum and maximum.
    #[must_use]
    pub fn reset_after_or_default(&self) -> Duration {
        self.reset_after.unwrap_or_else(|| {
            let min = self.min.min(self.max);
            min.saturating_add(self.max.saturating_sub(min) / 2)
        })
    }

    /// Returns the wait before try `attempt + 1`, where attempt 0 is the first failure.
    ///
    /// `random` is a fresh number in `[0, 1)`; it is clamped, and not read
    /// unless there is jitter. The same arguments give the same wait.
    ///
    /// Decorrelated jitter takes the wait without jitter for the last one; see
    /// [`next_delay`](Self::next_delay).
    #[must_use]
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let last = match attempt.checked_sub(1) {
            Some(before) => self.plain_delay(before),
            None => Duration::ZERO,
        };
        self.next_delay(attempt, last, random)
    }

    /// As [`delay`](Self::delay), after a wait of `last`; zero where there was
    /// none. It matters to decorrelated jitter only.
    #[must_use]
    pub fn next_delay(&self, attempt: u32, last: Duration, random: f64) -> Duration {
        let delay = self.plain_delay(attempt);
        let random = if random.is_nan() {
            0.0
        } else {
            random.clamp(0.0, 1.0)
        };
        match self.jitter {
            Jitter::None => delay,
            // Added to the wait, not multiplied into it, so that the wait
            // without jitter is a lower bound to the nanosecond.
            Jitter::Added(share) if share > 0.0 => {
                delay.saturating_add(scaled(delay, share * random))
            }
            Jitter::Added(_) => delay,
            Jitter::Full => scaled(delay, random).min(delay),
            Jitter::Decorrelated => {
                let min = self.min.min(self.max);
                let most = last.saturating_mul(3).max(min);
                min.saturating_add(scaled(most - min, random)).min(self.max)
            }
        }
    }

    /// The wait before jitter; never above the cap.
    fn plain_delay(&self, attempt: u32) -> Duration {
        let min = self.min.min(self.max);
        let grown = match self.growth {
            Growth::Constant => min,
            Growth::Linear => min.saturating_mul(attempt.saturating_add(1)),
            Growth::Exponential { factor } if factor > 1.0 => {
                scaled(min, factor.powf(f64::from(attempt)))
            }
            Growth::Exponential { .. } => min,
        };
        grown.clamp(min, self.max)
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// The first thing found that would make the waits other than they read.
    pub fn validate(&self) -> Result<(), InvalidBackoff> {
        if self.min > self.max {
            return Err(InvalidBackoff::MinAboveMax {
                min: self.min,
                max: self.max,
            });
        }
        if let Growth::Exponential { factor } = self.growth
            && !(factor.is_finite() && factor >= 1.0)
        {
            return Err(InvalidBackoff::Factor(factor));
        }
        if self.growth != Growth::Constant && self.min.is_zero() && !self.max.is_zero() {
            return Err(InvalidBackoff::NeverGrows);
        }
        if let Jitter::Added(share) = self.jitter
            && !(0.0..=1.0).contains(&share)
        {
            return Err(InvalidBackoff::Jitter(share));
        }
        Ok(())
    }
}

/// Multiplies without overflow: what does not fit is the longest time there is.
fn scaled(duration: Duration, by: f64) -> Duration {
    let seconds = duration.as_secs_f64() * by;
    // Zero times infinity. Nothing, however often, is nothing.
    if seconds.is_nan() {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Why a [`Backoff`] was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidBackoff {
    /// The shortest wait is longer than the longest.
    MinAboveMax {
        /// The shortest wait.
        min: Duration,
        /// The longest wait.
        max: Duration,
    },
    /// The factor is below 1, infinite or not a number.
    Factor(f64),
    /// A wait that starts at zero never reaches its maximum.
    NeverGrows,
    /// The share of jitter is outside 0 to 1.
    Jitter(f64),
}

impl fmt::Display for InvalidBackoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinAboveMax { min, max } => {
                write!(
                    f,
                    "the shortest backoff {min:?} is above the longest {max:?}"
                )
            }
            Self::Factor(factor) => {
                write!(f, "the backoff factor {factor} is not a number from 1 up")
            }
            Self::NeverGrows => f.write_str("a growing backoff starts at zero and never grows"),
            Self::Jitter(share) => write!(f, "the jitter share {share} is not between 0 and 1"),
        }
    }
}

impl Error for InvalidBackoff {}

/// Counts failures in a row and turns each into a wait.
///
/// One per child or per retried call; the settings are passed in, so that a
/// thousand children can share them.
///
/// # Examples
///
/// ```
/// use callboard::policy::backoff::{Backoff, BackoffState};
/// use std::time::Duration;
///
/// let secs = Duration::from_secs;
/// let backoff = Backoff::exponential(secs(1)..=secs(8));
/// let mut failures = BackoffState::default();
/// assert_eq!(failures.next(&backoff, secs(0), 0.0), secs(1));
/// assert_eq!(failures.next(&backoff, secs(0), 0.0), secs(2));
/// // It ran for a minute, so this failure is the first of a new row.
/// assert_eq!(failures.next(&backoff, secs(60), 0.0), secs(1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackoffState {
    failures: u32,
}

impl BackoffState {
    /// Creates a state that has seen no failure.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: 0 }
    }

    /// Takes a failure after a run of `ran_for` and returns the wait before the next try.
    ///
    /// A run of at least [`Backoff::reset_after_or_default`] starts a new row.
    pub fn next(&mut self, backoff: &Backoff, ran_for: Duration, random: f64) -> Duration {
        if ran_for >= backoff.reset_after_or_default() {
            self.failures = 0;
        }
        let delay = backoff.delay(self.failures, random);
        self.failures = self.failures.saturating_add(1);
        delay
    }

    /// Returns the number of failures in the present row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Forgets all failures, as after a success.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn delays(backoff: &Backoff, n: u32) -> Vec<Duration> {
        (0..n)
            .map(|attempt| backoff.delay(attempt, 0.999))
            .collect()
    }

    #[test]
    fn an_exponential_backoff_doubles_up_to_its_cap() {
        let backoff = Backoff::exponential(ms(100)..=ms(1_000));
        let expected = [100, 200, 400, 800, 1_000, 1_000].map(ms);
        assert_eq!(delays(&backoff, 6), expected);
    }

    #[test]
    fn a_factor_of_three_triples() {
        let backoff = Backoff::exponential(ms(10)..=secs(60)).factor(3.0);
        assert_eq!(delays(&backoff, 4), [10, 30, 90, 270].map(ms));
    }

    #[test]
    fn a_linear_backoff_adds_its_first_wait_each_time() {
        let backoff = Backoff::linear(ms(100)..=ms(350));
        assert_eq!(delays(&backoff, 5), [100, 200, 300, 350, 350].map(ms));
    }

    #[test]
    fn a_constant_backoff_stays() {
        assert_eq!(delays(&Backoff::constant(ms(7)), 3), [7, 7, 7].map(ms));
        assert_eq!(
            Backoff::constant(ms(7)).factor(9.0),
            Backoff::constant(ms(7))
        );
    }

    #[test]
    fn no_backoff_never_waits() {
        assert_eq!(
            Backoff::none().jitter().delay(u32::MAX, 0.999),
            Duration::ZERO
        );
    }

    #[test]
    fn a_very_late_attempt_waits_the_cap() {
        for attempt in [64, 10_000, u32::MAX] {
            let exponential = Backoff::exponential(ms(100)..=secs(60));
            assert_eq!(exponential.delay(attempt, 0.5), secs(60));
            let huge = Backoff::exponential(ms(1)..=Duration::MAX).factor(f64::MAX);
            assert_eq!(huge.delay(attempt, 0.5), Duration::MAX);
            let linear = Backoff::linear(secs(1)..=secs(9));
            assert_eq!(linear.delay(attempt, 0.5), secs(9));
        }
    }

    #[test]
    fn a_wait_that_starts_at_zero_stays_zero_however_late() {
        let backoff = Backoff::exponential(Duration::ZERO..=secs(60));
        assert_eq!(delays(&backoff, 2), [Duration::ZERO; 2]);
        assert_eq!(backoff.delay(10_000, 0.5), Duration::ZERO);
    }

    #[test]
    fn jitter_adds_up_to_a_tenth_after_the_cap() {
        let backoff = Backoff::exponential(secs(1)..=secs(60)).jitter();
        assert_eq!(backoff.delay(0, 0.0), secs(1));
        assert_eq!(backoff.delay(0, 0.5), ms(1_050));
        assert_eq!(backoff.delay(100, 0.5), secs(63));
        assert!(backoff.delay(100, 0.999_999) < secs(66));
    }

    #[test]
    fn full_jitter_is_uniform_between_zero_and_the_delay() {
        let backoff = Backoff::exponential(ms(100)..=secs(1)).full_jitter();
        // A linear congruential generator: seeded, so the same samples each run.
        let mut seed = 0x5EED_u64;
        let mut sum = 0.0;
        let samples = 100_000;
        for _ in 0..samples {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let random = (seed >> 11) as f64 / (1_u64 << 53) as f64;
            let delay = backoff.delay(50, random);
            assert!(delay <= secs(1));
            sum += delay.as_secs_f64();
        }
        let mean = sum / f64::from(samples);
        assert!((mean - 0.5).abs() < 0.005, "mean {mean}");
    }

    #[test]
    fn failures_in_a_row_wait_longer_until_a_run_lasts() {
        let backoff = Backoff::exponential(secs(1)..=secs(8));
        let mut failures = BackoffState::new();
        let waits: Vec<_> = (0..6)
            .map(|_| failures.next(&backoff, Duration::ZERO, 0.0))
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 8, 8].map(secs));
        assert_eq!(failures.failures(), 6);

        let just_short = backoff.reset_after_or_default() - Duration::from_nanos(1);
        assert_eq!(failures.next(&backoff, just_short, 0.0), secs(8));
        assert_eq!(
            failures.next(&backoff, backoff.reset_after_or_default(), 0.0),
            secs(1)
        );
        assert_eq!(failures.next(&backoff, Duration::ZERO, 0.0), secs(2));
    }

    #[test]
    fn the_row_ends_after_the_mean_of_min_and_max_unless_told() {
        let backoff = Backoff::exponential(secs(1)..=secs(8));
        assert_eq!(backoff.reset_after_or_default(), ms(4_500));
        assert_eq!(
            backoff.reset_after(secs(2)).reset_after_or_default(),
            secs(2)
        );
        let longest = Backoff::constant(Duration::MAX);
        assert_eq!(longest.reset_after_or_default(), Duration::MAX);
    }

    #[test]
    fn a_reset_forgets_the_row() {
        let backoff = Backoff::exponential(secs(1)..=secs(8));
        let mut failures = BackoffState::new();
        failures.next(&backoff, Duration::ZERO, 0.0);
        failures.reset();
        assert_eq!(failures, BackoffState::default());
        assert_eq!(failures.next(&backoff, Duration::ZERO, 0.0), secs(1));
    }

    #[test]
    fn the_failure_count_does_not_wrap() {
        let backoff = Backoff::exponential(secs(1)..=secs(8));
        let mut failures = BackoffState { failures: u32::MAX };
        assert_eq!(failures.next(&backoff, Duration::ZERO, 0.0), secs(8));
        assert_eq!(failures.failures(), u32::MAX);
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let fine = Backoff::exponential(secs(1)..=secs(8));
        assert_eq!(fine.clone().jitter().factor(1.0).validate(), Ok(()));
        assert_eq!(Backoff::none().validate(), Ok(()));
        assert_eq!(
            Backoff::linear(Duration::ZERO..=Duration::ZERO).validate(),
            Ok(())
        );

        assert!(matches!(
            Backoff::linear(secs(8)..=secs(1)).validate(),
            Err(InvalidBackoff::MinAboveMax { .. })
        ));
        for factor in [f64::NAN, f64::INFINITY, 0.99, -2.0] {
            assert!(matches!(
                fine.clone().factor(factor).validate(),
                Err(InvalidBackoff::Factor(_))
            ));
        }
        assert_eq!(
            Backoff::exponential(Duration::ZERO..=secs(1)).validate(),
            Err(InvalidBackoff::NeverGrows)
        );
        for share in [f64::NAN, -0.1, 1.1] {
            let mut backoff = fine.clone();
            backoff.jitter = Jitter::Added(share);
            assert!(matches!(backoff.validate(), Err(InvalidBackoff::Jitter(_))));
        }
    }

    fn any_duration() -> impl Strategy<Value = Duration> {
        prop_oneof![
            any::<(u64, u32)>()
                .prop_map(|(secs, nanos)| Duration::new(secs, nanos % 1_000_000_000)),
            (0_u64..100_000_000_000).prop_map(Duration::from_nanos),
            Just(Duration::ZERO),
            Just(Duration::MAX),
        ]
    }

    fn any_f64() -> impl Strategy<Value = f64> {
        prop_oneof![proptest::num::f64::ANY, -1.0..3.0, Just(f64::NAN)]
    }

    fn any_backoff() -> impl Strategy<Value = Backoff> {
        let growth = prop_oneof![
            Just(Growth::Constant),
            Just(Growth::Linear),
            any_f64().prop_map(|factor| Growth::Exponential { factor }),
        ];
        let jitter = prop_oneof![
            Just(Jitter::None),
            Just(Jitter::Full),
            Just(Jitter::Decorrelated),
            any_f64().prop_map(Jitter::Added),
        ];
        (any_duration(), any_duration(), growth, jitter).prop_map(|(min, max, growth, jitter)| {
            Backoff {
                jitter,
                ..Backoff::with(min, max, growth)
            }
        })
    }

    fn valid_backoff() -> impl Strategy<Value = Backoff> {
        let growth = prop_oneof![
            Just(Growth::Constant),
            Just(Growth::Linear),
            (1.0..1e9).prop_map(|factor| Growth::Exponential { factor }),
        ];
        let jitter = prop_oneof![
            Just(Jitter::None),
            Just(Jitter::Full),
            Just(Jitter::Decorrelated),
            (0.0..=1.0).prop_map(Jitter::Added),
        ];
        let nanosecond = Duration::from_nanos(1);
        (any_duration(), any_duration(), growth, jitter).prop_map(move |(a, b, growth, jitter)| {
            Backoff {
                jitter,
                ..Backoff::with(a.min(b).max(nanosecond), a.max(b).max(nanosecond), growth)
            }
        })
    }

    proptest! {
        #[test]
        fn no_settings_and_no_input_make_it_panic(
            backoff in any_backoff(),
            attempt in any::<u32>(),
            ran_for in any_duration(),
            random in any_f64(),
        ) {
            let _ = backoff.validate();
            let mut failures = BackoffState { failures: attempt };
            let _ = failures.next(&backoff, ran_for, random);
        }

        #[test]
        fn valid_settings_keep_every_delay_in_bounds(
            backoff in valid_backoff(),
            attempt in any::<u32>(),
            random in 0.0..1.0,
        ) {
            prop_assert_eq!(backoff.validate(), Ok(()));
            let delay = backoff.delay(attempt, random);
            match backoff.jitter {
                Jitter::None | Jitter::Decorrelated => {
                    prop_assert!((backoff.min..=backoff.max).contains(&delay));
                }
                Jitter::Full => prop_assert!(delay <= backoff.max),
                Jitter::Added(_) => {
                    prop_assert!(delay >= backoff.min);
                    prop_assert!(delay <= backoff.max.saturating_mul(2));
                }
            }
        }

        #[test]
        fn a_later_attempt_never_waits_less(
            min in 0_u64..10_000,
            spread in 0_u64..10_000_000,
            factor in 1.0..5.0,
            attempt in 0_u32..200,
            random in 0.0..1.0,
        ) {
            let range = ms(min)..=ms(min + spread);
            for backoff in [
                Backoff::linear(range.clone()),
                Backoff::exponential(range.clone()).factor(factor),
                Backoff::exponential(range).factor(factor).jitter(),
            ] {
                prop_assert!(backoff.delay(attempt, random) <= backoff.delay(attempt + 1, random));
            }
        }

        #[test]
        fn a_greater_random_number_never_waits_less(
            backoff in any_backoff(),
            attempt in 0_u32..100,
            a in 0.0..1.0,
            b in 0.0..1.0,
        ) {
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(backoff.delay(attempt, low) <= backoff.delay(attempt, high));
        }

        #[test]
        fn the_state_is_the_number_of_failures_since_the_last_long_run(
            runs in proptest::collection::vec(0_u64..20, 1..50),
        ) {
            let backoff = Backoff::exponential(secs(1)..=secs(8)).reset_after(secs(15));
            let mut failures = BackoffState::new();
            let mut row = 0;
            for ran_for in runs {
                if ran_for >= 15 {
                    row = 0;
                }
                prop_assert_eq!(failures.next(&backoff, secs(ran_for), 0.0), backoff.delay(row, 0.0));
                row += 1;
                prop_assert_eq!(failures.failures(), row);
            }
        }
    }
}
