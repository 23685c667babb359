//! How much of what costs something is left, until when.
//!
//! An account has an [`Allowance`] of several resources. What is done is
//! **reserved** beforehand at what it is thought to cost, and **settled** at
//! what it did cost:
//!
//! ```text
//!   allowance 300   ├──────────────┤
//!   reserve 100     ├────┤               left 200
//!   settle at 40    ├──┤                 60 are refunded: left 260
//!   settle at 450   ├────────────────────┤   a debt of 150: nobody gets any,
//!                                            and the next periods pay it
//! ```

mod allowance;
mod cost;

use std::time::{Duration, Instant};

pub use self::allowance::{Allowance, InvalidAllowance};
pub use self::cost::{Cost, Settlement};
use super::rate::{Cycle, Decision, Used};

/// What was used of an [`Allowance`].
///
/// # Examples
///
/// ```
/// use callboard::policy::quota::{Allowance, Cost, QuotaState};
/// use callboard::policy::rate::Decision;
/// use std::time::{Duration, Instant};
///
/// let (day, now) = (Duration::from_secs(86_400), Instant::now());
/// let mut account = QuotaState::new(now, Allowance::new().tokens(300).reset_every(day));
/// let call = Cost::new().tokens(100);
/// assert_eq!(account.take(now, call), Decision::Allowed(()));
/// account.settle(now, now, call, Cost::new().tokens(450));
/// // A debt of 150 is half of what tomorrow brings.
/// assert_eq!(account.take(now, call), Decision::Denied { wait: day });
/// assert_eq!(account.left(now + day).tokens, 150);
/// ```
#[derive(Clone, Debug)]
pub struct QuotaState {
    allowance: Allowance,
    cycle: Option<Cycle>,
    used: [Used; Cost::RESOURCES],
}

impl QuotaState {
    /// Creates an account of which nothing is used. Its first period begins
    /// now.
    #[must_use]
    pub fn new(now: Instant, allowance: Allowance) -> Self {
        Self {
            allowance,
            cycle: allowance.reset_every.map(|length| Cycle::new(now, length)),
            used: allowance.limits().map(Used::new),
        }
    }

    /// Takes all of it or nothing.
    pub fn take(&mut self, now: Instant, cost: Cost) -> Decision {
        let decision = self.check(now, cost);
        if decision == Decision::Allowed(()) {
            self.debit(cost);
        }
        decision
    }

    /// Says whether [`QuotaState::take`] would allow it. The wait is
    /// [`Duration::MAX`] where no time brings anything back.
    pub fn check(&mut self, now: Instant, cost: Cost) -> Decision {
        self.advance(now);
        let limits = self.allowance.limits();
        let mut wait = Duration::ZERO;
        for ((used, limit), n) in self.used.iter().zip(limits).zip(cost.amounts()) {
            if n > limit && n > used.left() {
                return Decision::Impossible;
            }
            wait = wait.max(match (used.cycles_until(n, limit), &self.cycle) {
                (Some(0), _) => Duration::ZERO,
                (Some(cycles), Some(cycle)) => cycle.until(now, cycles, self.length()),
                _ => Duration::MAX,
            });
        }
        match wait.is_zero() {
            true => Decision::Allowed(()),
            false => Decision::Denied { wait },
        }
    }

    /// Takes it without a question. What is not there is a debt.
    pub fn debit(&mut self, cost: Cost) {
        for (used, n) in self.used.iter_mut().zip(cost.amounts()) {
            used.add(n);
        }
    }

    /// Puts what it did cost in the place of what was taken at `taken_at`.
    ///
    /// What it cost more is taken now. What it cost less is given back if the
    /// period in which it was taken has not ended; if it has, its reset has
    /// given it back already.
    pub fn settle(&mut self, now: Instant, taken_at: Instant, taken: Cost, actual: Cost) {
        self.advance(now);
        let Settlement { refunded, extra } = Settlement::of(taken, actual);
        self.debit(extra);
        let is_same_period = self.cycle.is_none_or(|cycle| taken_at >= cycle.begun());
        if is_same_period {
            for (used, n) in self.used.iter_mut().zip(refunded.amounts()) {
                used.give_back(n);
            }
        }
    }

    /// Forgets what was used, debts too; a new period begins.
    pub fn reset(&mut self, now: Instant) {
        *self = Self::new(now, self.allowance);
    }

    /// Puts another allowance in force from the next period on: this one keeps
    /// what it has left. Where there are no periods, it is in force at once.
    pub fn reconfigure(&mut self, now: Instant, allowance: Allowance) {
        self.advance(now);
        self.allowance = allowance;
        match (&self.cycle, allowance.reset_every) {
            (Some(_), Some(_)) => {}
            (_, length) => {
                self.cycle = length.map(|length| Cycle::new(now, length));
                for (used, limit) in self.used.iter_mut().zip(allowance.limits()) {
                    used.set_limit(limit);
                }
            }
        }
    }

    /// What is left; `u64::MAX` of what has no limit.
    pub fn left(&mut self, now: Instant) -> Cost {
        self.advance(now);
        Cost::of(self.used.map(Used::left))
    }

    /// What was used in this period, unpaid debts included.
    pub fn used(&mut self, now: Instant) -> Cost {
        self.advance(now);
        Cost::of(self.used.map(Used::used))
    }

    fn length(&self) -> Duration {
        self.allowance.reset_every.unwrap_or(Duration::MAX)
    }

    fn advance(&mut self, now: Instant) {
        let length = self.length();
        let begun = self.cycle.as_mut().map_or(0, |c| c.advance(now, length));
        for (used, limit) in self.used.iter_mut().zip(self.allowance.limits()) {
            used.roll(begun, limit);
        }
    }
}

#[cfg(test)]
mod tests;
