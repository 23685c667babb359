//! Whether to try again, when, and how long the next try may take.
//!
//! ```text
//!  try 1 ──fails──┐          try 2 ──fails──┐               try 3 ──fails──▶ give up
//!  ├─ timeout ─┤  └─ backoff ─▶├── timeout x 2 ──┤ └─ backoff ─▶
//!  └────────────────────── deadline of the whole ──────────────────────────┘
//!                             no try begins after it
//! ```
//!
//! The waits are those of [`Backoff`]; after Nygard's *Release It!* and, for the
//! jitter, Brooker's *Exponential Backoff and Jitter*.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::backoff::{Backoff, InvalidBackoff};
use super::retry_budget::{InvalidRetryBudget, RetryBudgetConfig};

/// How often, and at which pace, something that fails is tried again.
///
/// # Examples
///
/// ```
/// use callboard::policy::retry::Retry;
/// use std::time::Duration;
///
/// let (ms, secs) = (Duration::from_millis, Duration::from_secs);
/// let retry = Retry::exponential(ms(200)..=secs(20))
///     .jitter()
///     .attempts(5)
///     .attempt_timeout(secs(2))
///     .budget(0.1);
/// assert_eq!(retry.validate(), Ok(()));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Retry {
    /// Tries in all, the first included. Default 3.
    pub attempts: NonZeroU32,
    /// The waits between them. Default 1 s, doubled up to 60 s, and up to 10 %
    /// more.
    pub backoff: Backoff,
    /// How long the first try may take. Default: as long as the whole may, or
    /// the system's ask deadline.
    #[serde(with = "humantime_serde")]
    pub attempt_timeout: Option<Duration>,
    /// What one try's timeout is multiplied by to give the next one's. Default
    /// 2: what was too slow once needs more time, not the same again.
    pub timeout_growth: f64,
    /// The longest wait that makes sense, one that the callee asked for
    /// included; beyond it the call fails at once. Default 120 s.
    #[serde(with = "humantime_serde")]
    pub longest_wait: Duration,
    /// How many retries there may be in relation to calls. Default: none of its
    /// own.
    pub budget: Option<RetryBudgetConfig>,
}

const THREE: NonZeroU32 = NonZeroU32::new(3).expect("three is not zero");

impl Retry {
    /// Waits that double from the start of the range to its end. Three tries.
    #[must_use]
    pub const fn exponential(range: RangeInclusive<Duration>) -> Self {
        Self::with(Backoff::exponential(range))
    }

    /// Waits of once, twice, three times the start of the range, up to its end.
    /// Three tries.
    #[must_use]
    pub const fn linear(range: RangeInclusive<Duration>) -> Self {
        Self::with(Backoff::linear(range))
    }

    /// The same wait every time. Three tries.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self::with(Backoff::constant(delay))
    }

    /// Waits between the start of the range and three times the last wait,
    /// never above its end. Three tries.
    #[must_use]
    pub const fn decorrelated(range: RangeInclusive<Duration>) -> Self {
        Self::with(Backoff::exponential(range).decorrelated_jitter())
    }

    /// These waits. Three tries.
    #[must_use]
    pub const fn with(backoff: Backoff) -> Self {
        Self {
            attempts: THREE,
            backoff,
            attempt_timeout: None,
            timeout_growth: 2.0,
            longest_wait: Duration::from_secs(120),
            budget: None,
        }
    }

    /// Sets how often it is tried in all; 0 counts as 1. Default 3.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = match NonZeroU32::new(attempts) {
            Some(attempts) => attempts,
            None => NonZeroU32::MIN,
        };
        self
    }

    /// Adds up to 10 % to each wait, after the cap.
    #[must_use]
    pub const fn jitter(mut self) -> Self {
        self.backoff = self.backoff.jitter();
        self
    }

    /// Takes any wait from zero to the computed one.
    #[must_use]
    pub const fn full_jitter(mut self) -> Self {
        self.backoff = self.backoff.full_jitter();
        self
    }

    /// Sets how long the first try may take; later ones get
    /// [`timeout_growth`](Self::timeout_growth) times as long each.
    #[must_use]
    pub const fn attempt_timeout(mut self, within: Duration) -> Self {
        self.attempt_timeout = Some(within);
        self
    }

    /// Sets what one try's timeout is multiplied by to give the next. Default 2.
    #[must_use]
    pub const fn timeout_growth(mut self, factor: f64) -> Self {
        self.timeout_growth = factor;
        self
    }

    /// Sets the longest wait that makes sense. Default 120 s.
    #[must_use]
    pub const fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Allows retries for this share of the calls that succeed, and one in
    /// two seconds whatever happens, so that a caller with little to do can
    /// still retry. See [`RetryBudgetConfig::share`].
    #[must_use]
    pub fn budget(mut self, share: f64) -> Self {
        self.budget = Some(RetryBudgetConfig::share(share));
        self
    }

    /// Allows retries within these bounds.
    #[must_use]
    pub const fn budget_of(mut self, budget: RetryBudgetConfig) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Returns how long try number `attempt` may take, where 1 is the first.
    #[must_use]
    pub fn timeout(&self, attempt: u32) -> Option<Duration> {
        let first = self.attempt_timeout?;
        let growth = if self.timeout_growth >= 1.0 {
            self.timeout_growth
        } else {
            1.0
        };
        let exponent = attempt.saturating_sub(1).min(1_024);
        let seconds = first.as_secs_f64() * growth.powi(exponent as i32);
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// The first thing found that would make the retries other than they read.
    pub fn validate(&self) -> Result<(), InvalidRetry> {
        self.backoff.validate().map_err(InvalidRetry::Backoff)?;
        if self.attempt_timeout.is_some_and(|t| t.is_zero()) {
            return Err(InvalidRetry::NoTime);
        }
        if !(self.timeout_growth.is_finite() && self.timeout_growth >= 1.0) {
            return Err(InvalidRetry::TimeoutGrowth(self.timeout_growth));
        }
        if let Some(budget) = &self.budget {
            budget.validate().map_err(InvalidRetry::Budget)?;
        }
        Ok(())
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::exponential(Duration::from_secs(1)..=Duration::from_secs(60)).jitter()
    }
}

/// Why a [`Retry`] was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidRetry {
    /// The waits make no sense.
    Backoff(InvalidBackoff),
    /// A try may take no time at all.
    NoTime,
    /// The factor by which timeouts grow is below 1, infinite or not a number.
    TimeoutGrowth(f64),
    /// The budget makes no sense.
    Budget(InvalidRetryBudget),
}

impl fmt::Display for InvalidRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backoff(_) => f.write_str("the waits between tries do not fit"),
            Self::NoTime => f.write_str("a try that may take no time cannot succeed"),
            Self::TimeoutGrowth(growth) => {
                write!(f, "the timeout growth {growth} is not a number from 1 up")
            }
            Self::Budget(_) => f.write_str("the retry budget does not fit"),
        }
    }
}

impl Error for InvalidRetry {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Backoff(why) => Some(why),
            Self::Budget(why) => Some(why),
            Self::NoTime | Self::TimeoutGrowth(_) => None,
        }
    }
}

/// What is known of a failure when the next step is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// It may work the next time.
    Retryable,
    /// It may work the next time, but not before this has passed: the callee
    /// said so.
    RetryAfter(Duration),
    /// It will fail every time.
    Final,
}

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Try again after this wait.
    Again {
        /// How long to wait.
        after: Duration,
    },
    /// Do not try again.
    GiveUp(GiveUp),
}

/// Why something is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GiveUp {
    /// It would fail every time.
    Final,
    /// It was tried as often as allowed.
    AttemptsSpent,
    /// The next try would begin after the deadline.
    NoTimeLeft,
    /// The wait would be longer than makes sense.
    WaitTooLong,
    /// The budget of retries is spent.
    BudgetSpent,
    /// Whoever chooses the waits said to stop.
    Stopped,
    /// Nobody waits for it any more.
    Cancelled,
}

impl fmt::Display for GiveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Final => "it would fail every time",
            Self::AttemptsSpent => "it was tried as often as allowed",
            Self::NoTimeLeft => "there is no time left for another try",
            Self::WaitTooLong => "the wait would be too long",
            Self::BudgetSpent => "the retry budget is spent",
            Self::Stopped => "it was told to stop",
            Self::Cancelled => "nobody waits for it any more",
        })
    }
}

/// The tries of one call so far.
///
/// # Examples
///
/// ```
/// use callboard::policy::retry::{Decision, Failure, GiveUp, Retry, RetryState};
/// use std::time::{Duration, Instant};
///
/// let retry = Retry::constant(Duration::from_secs(1)).attempts(2);
/// let (mut tries, now) = (RetryState::new(), Instant::now());
/// let again = Decision::Again { after: Duration::from_secs(1) };
/// assert_eq!(tries.failed(&retry, Failure::Retryable, now, None, 0.0), again);
/// let over = Decision::GiveUp(GiveUp::AttemptsSpent);
/// assert_eq!(tries.failed(&retry, Failure::Retryable, now, None, 0.0), over);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RetryState {
    failures: u32,
    last_wait: Duration,
}

impl RetryState {
    /// Creates a state in which the first try is under way.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            failures: 0,
            last_wait: Duration::ZERO,
        }
    }

    /// Returns the number of the try under way; the first is 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.failures.saturating_add(1)
    }

    /// Takes the failure of the try under way and decides what to do.
    ///
    /// `deadline` is that of the whole; a wait that would end at it or later is
    /// not begun. `random` is a fresh number in `[0, 1)`.
    pub fn failed(
        &mut self,
        retry: &Retry,
        failure: Failure,
        now: Instant,
        deadline: Option<Instant>,
        random: f64,
    ) -> Decision {
        if failure == Failure::Final {
            return Decision::GiveUp(GiveUp::Final);
        }
        let failed_before = self.failures;
        self.failures = self.failures.saturating_add(1);
        if self.failures >= retry.attempts.get() {
            return Decision::GiveUp(GiveUp::AttemptsSpent);
        }
        let wait = match failure {
            Failure::RetryAfter(wait) => wait,
            _ => retry
                .backoff
                .next_delay(failed_before, self.last_wait, random),
        };
        self.wait(retry, wait, now, deadline)
    }

    /// As [`failed`](Self::failed), where somebody else has chosen the wait;
    /// `None` stops.
    pub fn failed_with_wait(
        &mut self,
        retry: &Retry,
        wait: Option<Duration>,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Decision {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= retry.attempts.get() {
            return Decision::GiveUp(GiveUp::AttemptsSpent);
        }
        match wait {
            Some(wait) => self.wait(retry, wait, now, deadline),
            None => Decision::GiveUp(GiveUp::Stopped),
        }
    }

    fn wait(
        &mut self,
        retry: &Retry,
        wait: Duration,
        now: Instant,
        deadline: Option<Instant>,
    ) -> Decision {
        if wait > retry.longest_wait {
            return Decision::GiveUp(GiveUp::WaitTooLong);
        }
        let begins = now.checked_add(wait);
        let is_too_late = |deadline| begins.is_none_or(|begins| begins >= deadline);
        if deadline.is_some_and(is_too_late) {
            return Decision::GiveUp(GiveUp::NoTimeLeft);
        }
        self.last_wait = wait;
        Decision::Again { after: wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn waits(retry: &Retry, failures: usize) -> Vec<Duration> {
        let (mut tries, now) = (RetryState::new(), Instant::now());
        (0..failures)
            .map_while(
                |_| match tries.failed(retry, Failure::Retryable, now, None, 0.0) {
                    Decision::Again { after } => Some(after),
                    Decision::GiveUp(_) => None,
                },
            )
            .collect()
    }

    #[test]
    fn c2_by_default_it_is_tried_three_times_a_second_and_two_apart() {
        assert_eq!(waits(&Retry::default(), 10), [ms(1_000), ms(2_000)]);
    }

    #[test]
    fn rb_05_exponential_waits_double_up_to_the_cap() {
        let retry = Retry::exponential(ms(100)..=ms(1_000)).attempts(7);
        let expected = [100, 200, 400, 800, 1_000, 1_000].map(ms);
        assert_eq!(waits(&retry, 10), expected);
    }

    #[test]
    fn rb_06_the_ten_thousandth_wait_is_the_cap() {
        let retry = Retry::exponential(ms(100)..=ms(1_000)).attempts(u32::MAX);
        let mut tries = RetryState {
            failures: 10_000,
            last_wait: ms(0),
        };
        let next = tries.failed(&retry, Failure::Retryable, Instant::now(), None, 0.5);
        assert_eq!(next, Decision::Again { after: ms(1_000) });
    }

    #[test]
    fn rb_07_full_jitter_is_spread_evenly_below_the_cap_and_follows_its_seed() {
        use rand::rngs::StdRng;
        use rand::{RngExt, SeedableRng};
        let retry = Retry::constant(ms(1_000)).full_jitter();
        let waits = |seed| -> Vec<Duration> {
            let mut random = StdRng::seed_from_u64(seed);
            let wait = |random: f64| retry.backoff.delay(3, random);
            (0..100_000).map(|_| wait(random.random())).collect()
        };
        let all = waits(11);
        assert!(all.iter().all(|wait| *wait <= ms(1_000)));
        let mean = all.iter().sum::<Duration>() / 100_000;
        assert!(mean.abs_diff(ms(500)) <= ms(5), "{mean:?}");
        assert_eq!(all, waits(11));
        assert_ne!(all, waits(12));
    }

    #[test]
    fn c2_decorrelated_waits_grow_from_the_last_one() {
        let retry = Retry::decorrelated(ms(100)..=ms(1_000)).attempts(9);
        let (mut tries, now) = (RetryState::new(), Instant::now());
        let mut next = |random| match tries.failed(&retry, Failure::Retryable, now, None, random) {
            Decision::Again { after } => after,
            other => panic!("{other:?}"),
        };
        // From 100 to three times the last, at most 1,000.
        assert_eq!(next(0.0), ms(100));
        assert_eq!(next(0.5), ms(200), "halfway from 100 to 300");
        assert_eq!(next(0.5), ms(350), "halfway from 100 to 600");
        assert_eq!(next(0.9), ms(955), "from 100 to 1,050");
        assert_eq!(next(0.9), ms(1_000), "the cap");
        assert_eq!(next(0.0), ms(100));
    }

    #[test]
    fn c2_a_wait_that_the_callee_asked_for_replaces_the_backoff() {
        let retry = Retry::constant(ms(10)).longest_wait(ms(5_000));
        let now = Instant::now();
        let after =
            |wait| RetryState::new().failed(&retry, Failure::RetryAfter(ms(wait)), now, None, 0.0);
        assert_eq!(after(4_000), Decision::Again { after: ms(4_000) });
        assert_eq!(after(5_001), Decision::GiveUp(GiveUp::WaitTooLong));
    }

    #[test]
    fn rb_15_a_try_that_would_begin_at_the_deadline_is_not_waited_for() {
        let retry = Retry::constant(ms(100));
        let now = Instant::now();
        let by = |deadline| {
            RetryState::new().failed(&retry, Failure::Retryable, now, Some(now + deadline), 0.0)
        };
        assert_eq!(by(ms(100)), Decision::GiveUp(GiveUp::NoTimeLeft));
        assert_eq!(by(ms(101)), Decision::Again { after: ms(100) });
    }

    #[test]
    fn c2_timeouts_grow_with_the_attempt() {
        let retry = Retry::default().attempt_timeout(ms(500));
        let timeouts: Vec<_> = (1..=4).filter_map(|n| retry.timeout(n)).collect();
        assert_eq!(timeouts, [500, 1_000, 2_000, 4_000].map(ms));
        assert_eq!(retry.timeout(u32::MAX), Some(Duration::MAX));
        assert_eq!(Retry::default().timeout(1), None);
    }

    #[test]
    fn rb_08_whoever_chooses_the_waits_can_stop() {
        let (retry, now) = (Retry::default(), Instant::now());
        let stopped = RetryState::new().failed_with_wait(&retry, None, now, None);
        assert_eq!(stopped, Decision::GiveUp(GiveUp::Stopped));
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        assert_eq!(
            Retry::exponential(ms(2)..=ms(1)).validate(),
            Err(InvalidRetry::Backoff(InvalidBackoff::MinAboveMax {
                min: ms(2),
                max: ms(1)
            }))
        );
        let no_time = Retry::default().attempt_timeout(ms(0));
        assert_eq!(no_time.validate(), Err(InvalidRetry::NoTime));
        let shrinking = Retry::default().timeout_growth(0.5);
        assert_eq!(shrinking.validate(), Err(InvalidRetry::TimeoutGrowth(0.5)));
        assert!(Retry::default().budget(f64::NAN).validate().is_err());
    }

    #[test]
    fn settings_survive_a_file_which_may_leave_any_out() {
        let retry = Retry::exponential(ms(200)..=ms(20_000))
            .full_jitter()
            .attempts(5)
            .attempt_timeout(ms(1_500))
            .budget(0.1);
        let text = serde_json::to_string(&retry).unwrap();
        assert!(text.contains(r#""attempt_timeout":"1s 500ms""#), "{text}");
        assert_eq!(serde_json::from_str::<Retry>(&text).unwrap(), retry);
        assert_eq!(
            serde_json::from_str::<Retry>(r#"{"attempts":3}"#).unwrap(),
            Retry::default()
        );
        assert!(serde_json::from_str::<Retry>(r#"{"atempts":3}"#).is_err());
    }

    proptest! {
        #[test]
        fn whatever_happens_it_ends_after_its_attempts_and_before_its_deadline(
            attempts in 1_u32..20,
            base in 0_u64..5_000,
            deadline in 0_u64..20_000,
            failures in proptest::collection::vec((0_u64..3_000, any::<bool>(), 0.0_f64..1.0), 1..40),
        ) {
            let retry = Retry::exponential(ms(base)..=ms(base * 4)).full_jitter().attempts(attempts);
            let start = Instant::now();
            let (mut now, by) = (start, start + ms(deadline));
            let mut tries = RetryState::new();
            let mut begun = 1;
            for (took, says_when, random) in failures {
                now += ms(took);
                let failure = if says_when { Failure::RetryAfter(ms(took)) } else { Failure::Retryable };
                match tries.failed(&retry, failure, now, Some(by), random) {
                    Decision::Again { after } => {
                        now += after;
                        begun += 1;
                        prop_assert!(now < by, "no try begins after the deadline");
                    }
                    Decision::GiveUp(_) => break,
                }
            }
            prop_assert!(begun <= attempts);
        }
    }
}
