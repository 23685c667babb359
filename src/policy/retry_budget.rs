//! How many retries there may be in all, so that a callee in trouble is not
//! buried under them.
//!
//! Two bounds, each of which can be set alone; where both are, both hold:
//!
//! ```text
//!  window   │ used ▓▓▓▓▓▓░░░░ │ used ▓░░░░░░░░░ │     so many in each fixed window
//!
//!  share    calls (or successes) earn ──▶ ┌─────────┐ ──▶ each retry takes one
//!           a floor, by the second   ──▶ │ balance │ ──▶ what is not used within
//!                                        └─────────┘     its time to live is lost
//! ```
//!
//! The share is the retry budget of Twitter's Finagle; the window is what most
//! quotas look like.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// One retry, in the unit in which shares of it are counted.
const ONE: u64 = 1_000_000;
/// Into so many parts a time to live is divided: what was earned is lost a
/// part at a time, up to a tenth early.
const PARTS: usize = 10;

/// How many retries there may be.
///
/// # Examples
///
/// ```
/// use callboard::policy::retry_budget::{RetryBudgetConfig, RetryBudgetState};
/// use std::time::Instant;
///
/// // For every five calls that succeed one retry, and none besides.
/// let budget = RetryBudgetConfig::share(0.2).floor(0.0);
/// let (mut state, now) = (RetryBudgetState::new(), Instant::now());
/// assert!(state.withdraw(&budget, now).is_none());
/// for _ in 0..5 {
///     state.succeeded(&budget, now);
/// }
/// assert!(state.withdraw(&budget, now).is_some());
/// assert!(state.withdraw(&budget, now).is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryBudgetConfig {
    /// So many in each window of time. Default 100 in 60 s.
    pub window: Option<RetryWindow>,
    /// So many for each call. Default none.
    pub share: Option<RetryShare>,
}

/// So many retries in each window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryWindow {
    /// Retries in one window; 0 allows none.
    pub retries: u32,
    /// How long a window is. The first begins with the first retry.
    #[serde(with = "humantime_serde")]
    pub period: Duration,
}

/// So many retries for each call, and a few besides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryShare {
    /// Retries for each call that earns; 0.2 is one for every five. Default 0.1.
    pub ratio: f64,
    /// What earns them. Default calls that succeed: when everything fails, only
    /// the floor is left.
    pub earned_by: Earn,
    /// Retries that come with time alone, for each second, so that a caller
    /// with little to do can retry at all. Default 0.5.
    pub floor_per_second: f64,
    /// How long what was earned can be used. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub keep_for: Duration,
}

/// What earns retries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Earn {
    /// Calls that succeed.
    #[default]
    Successes,
    /// All calls, as in Finagle.
    Calls,
}

impl Default for RetryShare {
    fn default() -> Self {
        Self {
            ratio: 0.1,
            earned_by: Earn::Successes,
            floor_per_second: 0.5,
            keep_for: Duration::from_secs(10),
        }
    }
}

impl RetryBudgetConfig {
    /// So many retries in each window of this length.
    #[must_use]
    pub const fn window(retries: u32, period: Duration) -> Self {
        Self {
            window: Some(RetryWindow { retries, period }),
            share: None,
        }
    }

    /// No bound at all.
    #[must_use]
    pub const fn unbounded() -> Self {
        Self {
            window: None,
            share: None,
        }
    }

    /// This many retries for each call that succeeds, and one in two seconds
    /// besides. What is earned is lost after 10 s.
    #[must_use]
    pub fn share(ratio: f64) -> Self {
        Self {
            window: None,
            share: Some(RetryShare {
                ratio,
                ..RetryShare::default()
            }),
        }
    }

    /// Also bounds them by a share, keeping the window.
    #[must_use]
    pub const fn and_share(mut self, share: RetryShare) -> Self {
        self.share = Some(share);
        self
    }

    /// Sets how many come with each second, where there is a share. Default 0.5.
    #[must_use]
    pub const fn floor(mut self, per_second: f64) -> Self {
        if let Some(share) = &mut self.share {
            share.floor_per_second = per_second;
        }
        self
    }

    /// Sets what earns them, where there is a share. Default successes.
    #[must_use]
    pub const fn earned_by(mut self, earn: Earn) -> Self {
        if let Some(share) = &mut self.share {
            share.earned_by = earn;
        }
        self
    }

    /// Sets how long what was earned can be used, where there is a share.
    /// Default 10 s.
    #[must_use]
    pub const fn keep_for(mut self, keep_for: Duration) -> Self {
        if let Some(share) = &mut self.share {
            share.keep_for = keep_for;
        }
        self
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// The first thing found that would make the budget other than it reads.
    pub fn validate(&self) -> Result<(), InvalidRetryBudget> {
        if self.window.is_some_and(|window| window.period.is_zero()) {
            return Err(InvalidRetryBudget::NoWindow);
        }
        if let Some(share) = &self.share {
            if !(0.0..=Self::MOST).contains(&share.ratio) {
                return Err(InvalidRetryBudget::Ratio(share.ratio));
            }
            if !(0.0..=Self::MOST).contains(&share.floor_per_second) {
                return Err(InvalidRetryBudget::Floor(share.floor_per_second));
            }
            if share.keep_for < Self::SHORTEST {
                return Err(InvalidRetryBudget::KeptTooShortly(share.keep_for));
            }
        }
        Ok(())
    }

    /// The largest ratio, and the largest floor in a second.
    pub const MOST: f64 = 1_000.0;
    /// What is earned can be used for so long at least.
    pub const SHORTEST: Duration = Duration::from_millis(10);
}

impl Default for RetryBudgetConfig {
    fn default() -> Self {
        Self::window(100, Duration::from_secs(60))
    }
}

/// Why a [`RetryBudgetConfig`] was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidRetryBudget {
    /// A window of no length.
    NoWindow,
    /// The ratio is not between 0 and 1,000.
    Ratio(f64),
    /// The floor is not between 0 and 1,000 in a second.
    Floor(f64),
    /// What is earned is lost within 10 ms.
    KeptTooShortly(Duration),
}

impl fmt::Display for InvalidRetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWindow => f.write_str("a retry window has no length"),
            Self::Ratio(ratio) => write!(
                f,
                "the retry ratio {ratio} is not between 0 and {}",
                RetryBudgetConfig::MOST
            ),
            Self::Floor(floor) => write!(
                f,
                "the floor of {floor} retries per second is not between 0 and {}",
                RetryBudgetConfig::MOST
            ),
            Self::KeptTooShortly(kept) => write!(
                f,
                "what earns retries is kept for {kept:?}, keep it for {:?} at least",
                RetryBudgetConfig::SHORTEST
            ),
        }
    }
}

impl Error for InvalidRetryBudget {}

/// One retry that was taken out of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a retry that is not made is to be refunded"]
pub struct Withdrawal {
    /// When the window began that it was taken from.
    window: Option<Instant>,
    from: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// There is no share.
    Nowhere,
    /// The part of this number; the newest, where several gave to it.
    Part(u64),
    Floor,
}

/// How much of a [`RetryBudgetConfig`] is left.
///
/// Of fixed size, whatever the settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct RetryBudgetState {
    window_began: Option<Instant>,
    window_used: u32,
    /// When time began for the parts.
    began: Option<Instant>,
    /// The number of the newest part.
    newest: u64,
    /// What is left of what was earned in each part, by number modulo PARTS.
    earned: [u64; PARTS],
    floor: u64,
    /// Up to when the floor is paid out.
    floor_paid: Duration,
}

impl RetryBudgetState {
    /// Creates a budget that has earned nothing and spent nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            window_began: None,
            window_used: 0,
            began: None,
            newest: 0,
            earned: [0; PARTS],
            floor: 0,
            floor_paid: Duration::ZERO,
        }
    }

    /// A call begins: the first try, not a retry.
    pub fn called(&mut self, config: &RetryBudgetConfig, now: Instant) {
        self.earn(config, now, Earn::Calls);
    }

    /// A call has succeeded.
    pub fn succeeded(&mut self, config: &RetryBudgetConfig, now: Instant) {
        self.earn(config, now, Earn::Successes);
    }

    fn earn(&mut self, config: &RetryBudgetConfig, now: Instant, by: Earn) {
        let Some(share) = &config.share else {
            return;
        };
        self.pass_time(share, now);
        if share.earned_by == by {
            let part = &mut self.earned[index(self.newest)];
            *part = part.saturating_add(fraction(share.ratio));
        }
    }

    /// Takes out one retry; `None`: there is none left.
    pub fn withdraw(&mut self, config: &RetryBudgetConfig, now: Instant) -> Option<Withdrawal> {
        if let Some(window) = &config.window {
            let is_new = self
                .window_began
                .is_none_or(|began| now.saturating_duration_since(began) >= window.period);
            if is_new {
                self.window_began = Some(now);
                self.window_used = 0;
            }
            if self.window_used >= window.retries {
                return None;
            }
        }
        let from = match &config.share {
            Some(share) => self.take(share, now)?,
            None => Source::Nowhere,
        };
        let window = config.window.and(self.window_began);
        if window.is_some() {
            self.window_used += 1;
        }
        Some(Withdrawal { window, from })
    }

    /// Puts back a retry that was not made. What has been lost in the meantime
    /// stays lost.
    pub fn refund(&mut self, config: &RetryBudgetConfig, withdrawal: Withdrawal, now: Instant) {
        if withdrawal.window.is_some() && withdrawal.window == self.window_began {
            self.window_used = self.window_used.saturating_sub(1);
        }
        let Some(share) = &config.share else {
            return;
        };
        self.pass_time(share, now);
        match withdrawal.from {
            Source::Part(number) if self.newest.saturating_sub(number) < PARTS as u64 => {
                let part = &mut self.earned[index(number)];
                *part = part.saturating_add(ONE);
            }
            Source::Floor => self.floor = self.floor.saturating_add(ONE).min(most_floor(share)),
            Source::Part(_) | Source::Nowhere => {}
        }
    }

    /// Retries that could be made at `now`. `None`: nothing bounds them.
    #[must_use]
    pub fn left(&mut self, config: &RetryBudgetConfig, now: Instant) -> Option<u64> {
        let window = config.window.map(|window| {
            let used = match self.window_began {
                Some(began) if now.saturating_duration_since(began) < window.period => {
                    self.window_used
                }
                _ => 0,
            };
            u64::from(window.retries.saturating_sub(used))
        });
        let share = config.share.map(|share| {
            self.pass_time(&share, now);
            let earned: u64 = self.earned.iter().sum();
            earned / ONE + self.floor / ONE
        });
        match (window, share) {
            (Some(window), Some(share)) => Some(window.min(share)),
            (one, other) => one.or(other),
        }
    }

    /// Takes the oldest of what was earned, and of the floor only what that
    /// does not cover.
    fn take(&mut self, share: &RetryShare, now: Instant) -> Option<Source> {
        self.pass_time(share, now);
        let earned: u64 = self.earned.iter().sum();
        if earned >= ONE {
            let mut missing = ONE;
            let mut last = self.newest;
            let oldest = self.newest.saturating_sub(PARTS as u64 - 1);
            for number in oldest..=self.newest {
                let part = &mut self.earned[index(number)];
                let taken = missing.min(*part);
                *part -= taken;
                missing -= taken;
                if missing == 0 {
                    last = number;
                    break;
                }
            }
            return Some(Source::Part(last));
        }
        self.floor = self.floor.checked_sub(ONE)?;
        Some(Source::Floor)
    }

    fn pass_time(&mut self, share: &RetryShare, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began);
        let part = (share.keep_for / PARTS as u32).max(Duration::from_millis(1));
        let newest = u64::try_from(elapsed.as_nanos() / part.as_nanos()).unwrap_or(u64::MAX);
        if newest > self.newest {
            let passed = newest - self.newest;
            for number in 0..passed.min(PARTS as u64) {
                self.earned[index(newest - number)] = 0;
            }
            self.newest = newest;
        }
        if let Some(unpaid) = elapsed.checked_sub(self.floor_paid) {
            let pay = unpaid.as_secs_f64() * share.floor_per_second.max(0.0) * ONE as f64;
            // What is too little to be paid is paid with the next.
            if pay >= 1.0 {
                self.floor = self.floor.saturating_add(pay as u64).min(most_floor(share));
                self.floor_paid = elapsed;
            }
        }
    }
}

fn index(number: u64) -> usize {
    (number % PARTS as u64) as usize
}

/// A number of retries in the unit in which they are counted.
fn fraction(retries: f64) -> u64 {
    (retries.max(0.0) * ONE as f64).round() as u64
}

/// What comes with time is kept as long as what is earned.
fn most_floor(share: &RetryShare) -> u64 {
    fraction(share.floor_per_second * share.keep_for.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn withdraw_all(
        state: &mut RetryBudgetState,
        config: &RetryBudgetConfig,
        now: Instant,
    ) -> usize {
        (0..10_000)
            .take_while(|_| state.withdraw(config, now).is_some())
            .count()
    }

    #[test]
    fn c3_by_default_there_are_a_hundred_in_a_minute() {
        let (config, now) = (RetryBudgetConfig::default(), Instant::now());
        let mut state = RetryBudgetState::new();
        assert_eq!(withdraw_all(&mut state, &config, now), 100);
        let late = now + secs(60) - Duration::from_nanos(1);
        assert_eq!(withdraw_all(&mut state, &config, late), 0);
        assert_eq!(withdraw_all(&mut state, &config, now + secs(60)), 100);
    }

    #[test]
    fn rb_11_calls_that_all_fail_are_retried_for_their_share_and_the_floor() {
        let config = RetryBudgetConfig::share(0.2)
            .earned_by(Earn::Calls)
            .floor(10.0);
        let now = Instant::now();
        let mut state = RetryBudgetState::new();
        for _ in 0..100 {
            state.called(&config, now);
        }
        assert_eq!(withdraw_all(&mut state, &config, now), 20);
        assert_eq!(withdraw_all(&mut state, &config, now + secs(1)), 10);
        assert_eq!(withdraw_all(&mut state, &config, now + secs(3)), 20);
        // The floor is not saved up for longer than what is earned.
        assert_eq!(withdraw_all(&mut state, &config, now + secs(1_000)), 100);
    }

    #[test]
    fn c3_when_successes_earn_an_outage_leaves_the_floor() {
        let config = RetryBudgetConfig::share(0.5).floor(1.0);
        let now = Instant::now();
        let mut state = RetryBudgetState::new();
        for _ in 0..100 {
            state.called(&config, now);
        }
        assert_eq!(withdraw_all(&mut state, &config, now + secs(2)), 2);
        for _ in 0..4 {
            state.succeeded(&config, now + secs(2));
        }
        assert_eq!(withdraw_all(&mut state, &config, now + secs(2)), 2);
    }

    #[test]
    fn c3_what_is_earned_is_lost_after_its_time() {
        let config = RetryBudgetConfig::share(1.0).floor(0.0);
        let now = Instant::now();
        let mut state = RetryBudgetState::new();
        state.succeeded(&config, now);
        state.succeeded(&config, now + secs(5));
        assert_eq!(state.left(&config, now + secs(9)), Some(2));
        assert_eq!(state.left(&config, now + secs(10)), Some(1));
        assert_eq!(state.left(&config, now + secs(15)), Some(0));
    }

    #[test]
    fn c3_both_bounds_hold_when_both_are_set() {
        let share = RetryShare {
            ratio: 1.0,
            floor_per_second: 0.0,
            ..RetryShare::default()
        };
        let config = RetryBudgetConfig::window(3, secs(60)).and_share(share);
        let now = Instant::now();
        let mut state = RetryBudgetState::new();
        state.succeeded(&config, now);
        assert_eq!(withdraw_all(&mut state, &config, now), 1, "the share");
        for _ in 0..9 {
            state.succeeded(&config, now);
        }
        assert_eq!(withdraw_all(&mut state, &config, now), 2, "the window");
    }

    #[test]
    fn c3_a_retry_that_was_not_made_is_there_again() {
        let share = RetryBudgetConfig::share(1.0).floor(0.0);
        let window = RetryBudgetConfig::window(1, secs(60));
        let now = Instant::now();
        for config in [share, window] {
            let mut state = RetryBudgetState::new();
            state.succeeded(&config, now);
            let taken = state.withdraw(&config, now).unwrap();
            assert_eq!(state.left(&config, now), Some(0));
            state.refund(&config, taken, now);
            assert_eq!(state.left(&config, now), Some(1));
        }
        // But not in a time that it was not given for.
        let mut state = RetryBudgetState::new();
        state.succeeded(&share, now);
        let taken = state.withdraw(&share, now).unwrap();
        state.refund(&share, taken, now + secs(10));
        assert_eq!(state.left(&share, now + secs(10)), Some(0));
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let no_window = RetryBudgetConfig::window(1, Duration::ZERO);
        assert_eq!(no_window.validate(), Err(InvalidRetryBudget::NoWindow));
        let ratio = RetryBudgetConfig::share(-0.1).validate();
        assert_eq!(ratio, Err(InvalidRetryBudget::Ratio(-0.1)));
        let floor = RetryBudgetConfig::share(0.1).floor(f64::INFINITY);
        assert!(floor.validate().is_err());
        let short = RetryBudgetConfig::share(0.1).keep_for(Duration::ZERO);
        assert!(short.validate().is_err());
        assert_eq!(RetryBudgetConfig::default().validate(), Ok(()));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Call,
        Success,
        Withdraw,
        Refund,
        Wait(u64),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Call),
            Just(Step::Success),
            Just(Step::Withdraw),
            Just(Step::Refund),
            (0_u64..3_000).prop_map(Step::Wait),
        ]
    }

    proptest! {
        #[test]
        fn no_more_is_withdrawn_than_was_earned_and_came_with_time(
            ratio in 0.0_f64..2.0,
            floor in 0.0_f64..5.0,
            by_calls in any::<bool>(),
            steps in proptest::collection::vec(any_step(), 0..200),
        ) {
            let earn = if by_calls { Earn::Calls } else { Earn::Successes };
            let config = RetryBudgetConfig::share(ratio).floor(floor).earned_by(earn);
            let start = Instant::now();
            let (mut now, mut state) = (start, RetryBudgetState::new());
            let (mut earned, mut taken) = (0_u64, Vec::new());
            let _ = state.left(&config, now);
            for step in steps {
                match step {
                    Step::Call => {
                        state.called(&config, now);
                        earned += u64::from(by_calls);
                    }
                    Step::Success => {
                        state.succeeded(&config, now);
                        earned += u64::from(!by_calls);
                    }
                    Step::Withdraw => {
                        let left = state.left(&config, now);
                        let got = state.withdraw(&config, now);
                        prop_assert_eq!(got.is_some(), left != Some(0));
                        taken.extend(got);
                    }
                    Step::Refund => {
                        if let Some(last) = taken.pop() {
                            state.refund(&config, last, now);
                        }
                    }
                    Step::Wait(ms) => now += Duration::from_millis(ms),
                }
                let seconds = now.duration_since(start).as_secs_f64();
                let most = earned as f64 * (ratio + 1e-6) + floor * seconds + 1e-3;
                prop_assert!(taken.len() as f64 <= most, "{} of {most}", taken.len());
            }
        }

        #[test]
        fn no_settings_and_no_times_make_it_panic(
            ratio in any::<f64>(),
            floor in any::<f64>(),
            keep in any::<Duration>(),
            retries in any::<u32>(),
            period in any::<Duration>(),
            waits in proptest::collection::vec(any::<u32>(), 0..20),
        ) {
            let share = RetryShare { ratio, floor_per_second: floor, keep_for: keep, earned_by: Earn::Calls };
            let config = RetryBudgetConfig::window(retries, period).and_share(share);
            let _ = config.validate();
            let (start, mut state) = (Instant::now(), RetryBudgetState::new());
            for wait in waits {
                // Times in no order: the clock may go back.
                let now = start + Duration::from_millis(wait.into());
                state.called(&config, now);
                if let Some(taken) = state.withdraw(&config, now) {
                    state.refund(&config, taken, start);
                }
            }
        }
    }
}
