//! How many restarts a whole tree has left.
//!
//! A supervisor's intensity bounds its own children only. Under a supervisor
//! that allows `r` restarts, itself one of several under another, and so on, one
//! leaf can be started `(r + 1)` to the power of the depth times before the
//! failure reaches the top. A budget is one number for all of them.
//!
//! ```text
//! left
//!  max ┤──┐     ┌──      a restart takes one;
//!      │  └┐  ┌─┘        one comes back every period / max
//!    0 ┤   └──┘          at 0 nothing is restarted
//!      └──────────── time
//! ```

use std::num::NonZero;
use std::time::{Duration, Instant};

use super::intensity::Verdict;

/// How many restarts all supervisors of a system make together.
///
/// # Examples
///
/// ```
/// use callboard::policy::budget::{BudgetState, RestartBudget};
/// use callboard::policy::intensity::Verdict;
/// use std::time::{Duration, Instant};
///
/// let budget = RestartBudget::new(2, Duration::from_secs(60));
/// let mut spent = BudgetState::new();
/// let now = Instant::now();
/// assert_eq!(spent.take(now, &budget), Verdict::Within);
/// assert_eq!(spent.take(now, &budget), Verdict::Within);
/// assert_eq!(spent.take(now, &budget), Verdict::Exceeded);
/// // One comes back every 30 s.
/// let later = now + Duration::from_secs(30);
/// assert_eq!(spent.take(later, &budget), Verdict::Within);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestartBudget {
    /// Restarts that can be made at once; 0 allows none at all. Default
    /// 100,000: a tenth of a million actors may fall over together and come
    /// back.
    pub max_restarts: u32,
    /// The time in which a budget that was spent is whole again. Default 60 s:
    /// who crashes every 600 us for a minute, restarts included, is in a loop
    /// that no restart will end. Zero gives back at once: no limit.
    pub period: Duration,
}

impl RestartBudget {
    /// So many restarts at once, and as many again in each period.
    #[must_use]
    pub const fn new(max_restarts: u32, period: Duration) -> Self {
        Self {
            max_restarts,
            period,
        }
    }

    /// What one restart costs, in time.
    fn cost(&self) -> Option<Duration> {
        let max = NonZero::new(self.max_restarts)?;
        Some(self.period / max.get())
    }
}

impl Default for RestartBudget {
    fn default() -> Self {
        Self::new(100_000, Duration::from_secs(60))
    }
}

/// How much of a [`RestartBudget`] is spent.
///
/// An instant and nothing else, however large the budget is.
#[derive(Clone, Copy, Debug, Default)]
pub struct BudgetState {
    /// When the budget will be whole again; in the past, it is.
    whole_at: Option<Instant>,
}

impl BudgetState {
    /// Creates a state of which nothing is spent.
    #[must_use]
    pub const fn new() -> Self {
        Self { whole_at: None }
    }

    /// Takes the wish to restart at `now` and says whether it may go ahead.
    ///
    /// What is refused costs nothing. A clock that goes back gives nothing back.
    pub fn take(&mut self, now: Instant, budget: &RestartBudget) -> Verdict {
        let Some(cost) = budget.cost() else {
            return Verdict::Exceeded;
        };
        let from = self.whole_at.map_or(now, |at| at.max(now));
        let Some(whole_at) = from.checked_add(cost) else {
            return Verdict::Exceeded;
        };
        // Not the period itself, which may be more than so many costs.
        let most = cost.saturating_mul(budget.max_restarts);
        if whole_at.saturating_duration_since(now) > most {
            return Verdict::Exceeded;
        }
        self.whole_at = Some(whole_at);
        Verdict::Within
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Exceeded, Within};
    use super::*;
    use proptest::prelude::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn granted(spent: &mut BudgetState, now: Instant, budget: &RestartBudget, tries: u32) -> usize {
        (0..tries)
            .filter(|_| spent.take(now, budget) == Within)
            .count()
    }

    #[test]
    fn so_many_at_once_and_then_one_at_a_time() {
        let budget = RestartBudget::new(10, secs(60));
        let now = Instant::now();
        let mut spent = BudgetState::new();
        assert_eq!(granted(&mut spent, now, &budget, 50), 10);
        assert_eq!(granted(&mut spent, now + secs(5), &budget, 50), 0);
        assert_eq!(granted(&mut spent, now + secs(6), &budget, 50), 1);
        assert_eq!(granted(&mut spent, now + secs(18), &budget, 50), 2);
        assert_eq!(granted(&mut spent, now + secs(3_600), &budget, 50), 10);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_back() {
        let budget = RestartBudget::new(2, secs(60));
        let now = Instant::now() + secs(3_600);
        let mut spent = BudgetState::new();
        assert_eq!(granted(&mut spent, now, &budget, 9), 2);
        assert_eq!(spent.take(now - secs(1_800), &budget), Exceeded);
        assert_eq!(spent.take(now, &budget), Exceeded);
    }

    #[test]
    fn a_budget_of_none_allows_none_and_one_that_comes_back_at_once_allows_all() {
        let now = Instant::now();
        let mut spent = BudgetState::new();
        assert_eq!(spent.take(now, &RestartBudget::new(0, secs(1))), Exceeded);
        let boundless = RestartBudget::new(1, Duration::ZERO);
        assert_eq!(granted(&mut spent, now, &boundless, 1_000), 1_000);
    }

    #[test]
    fn the_default_lets_a_tenth_of_a_million_fall_over_at_once() {
        let mut spent = BudgetState::new();
        let (now, budget) = (Instant::now(), RestartBudget::default());
        assert_eq!(granted(&mut spent, now, &budget, 200_000), 100_000);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_sees_more_than_the_budget_and_what_came_back(
            max in 0_u32..20,
            period in 1_u64..100,
            gaps in proptest::collection::vec(0_u64..20, 1..100),
        ) {
            let budget = RestartBudget::new(max, secs(period));
            let mut spent = BudgetState::new();
            let mut now = Instant::now();
            let mut granted = Vec::new();
            for gap in gaps {
                now += secs(gap);
                if spent.take(now, &budget) == Within {
                    granted.push(now);
                }
            }
            for (n, from) in granted.iter().enumerate() {
                for (m, to) in granted.iter().enumerate().skip(n) {
                    let came_back = (*to - *from).as_secs_f64() / period as f64 * f64::from(max);
                    prop_assert!((m - n + 1) as f64 <= f64::from(max) + came_back + 1e-6);
                }
            }
        }

        #[test]
        fn no_settings_and_no_times_make_it_panic(
            steps in proptest::collection::vec((any::<u32>(), any::<u64>(), any::<u32>()), 1..40),
        ) {
            let t0 = Instant::now();
            let mut spent = BudgetState::new();
            for (max, period, at) in steps {
                let budget = RestartBudget::new(max, Duration::from_secs(period));
                let _ = spent.take(t0 + Duration::from_millis(at.into()), &budget);
            }
        }
    }
}
