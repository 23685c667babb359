//! What a request may use up, and what it has used.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::fault::{Fault, FaultClass};
use super::super::served::Metadata;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;

/// What a request, and all that is done for it, may use up.
///
/// Set with [`AskWorker::budget`](crate::actor::AskWorker::budget) or
/// [`Request::with_budget`](crate::actor::Request::with_budget), and inherited as the
/// deadline is. A budget within a budget is a limit of its own: what is used counts in
/// both, and what is not used is left in the outer one.
///
/// ```
/// use callboard::prelude::*;
/// use callboard::actor::{Budget, Metadata};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let model = WorkerRef::from_fn("model", |n: u32| async move { Ok::<_, Fault>(n + 1) })
///     .with_metadata(|_| Metadata::new().tokens(60));
/// let twice = model.and_then(model.clone());
/// assert_eq!(twice.ask(1).budget(Budget::new().tokens(100)).await?.value, 3);
/// // The first answer takes all there is, so there is no second one.
/// let fault = twice.ask(1).budget(Budget::new().tokens(50)).await.unwrap_err();
/// assert_eq!(fault.class(), FaultClass::Budget);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Budget {
    /// Tokens. Default: no limit.
    pub tokens: Option<u64>,
    /// Money, in millionths of the unit of account. Default: no limit.
    pub cost: Option<u64>,
    /// Tries after the first ones, all that is done for the request together.
    /// Default: no limit.
    pub retries: Option<u64>,
}

impl Budget {
    /// No limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tokens. Default: no limit.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Money, in millionths of the unit of account. Default: no limit.
    #[must_use]
    pub fn cost(mut self, millionths: u64) -> Self {
        self.cost = Some(millionths);
        self
    }

    /// Tries after the first ones, all that is done for the request together.
    /// Default: no limit.
    #[must_use]
    pub fn retries(mut self, retries: u64) -> Self {
        self.retries = Some(retries);
        self
    }
}

/// What was used, and of what.
struct Purse {
    budget: Budget,
    tokens: AtomicU64,
    cost: AtomicU64,
    retries: AtomicU64,
    outer: Option<Spending>,
}

/// What the request in force has used of its [`Budget`], shared by all that is done
/// for it. From [`Request::spending`](crate::actor::Request::spending).
///
/// A [`Worker`](crate::actor::Worker)'s answers, and those
/// [described](crate::actor::WorkerRef::with_metadata), are charged with what they say
/// that they have cost. Whatever else costs something says so here.
#[derive(Clone)]
pub struct Spending(Arc<Purse>);

impl Spending {
    pub(super) fn new(budget: Budget, outer: Option<Self>) -> Self {
        Self(Arc::new(Purse {
            budget,
            tokens: AtomicU64::new(0),
            cost: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            outer,
        }))
    }

    /// Whether anything is left to begin with: work begins as long as something is,
    /// and may use more than that. What it has used counts all the same.
    ///
    /// # Errors
    ///
    /// A fault of class [`Budget`](FaultClass::Budget) that says what is spent.
    pub fn check(&self) -> Result<(), Fault> {
        self.purses().try_for_each(Purse::check)
    }

    /// Counts what was used.
    pub fn spend(&self, tokens: u64, cost: u64) {
        for purse in self.purses() {
            add(&purse.tokens, tokens);
            add(&purse.cost, cost);
        }
    }

    /// Takes one more try, here and in all budgets around this one, or none.
    #[must_use]
    pub fn take_retry(&self) -> bool {
        let refused = self.purses().position(|purse| !purse.take_retry());
        let Some(taken) = refused else {
            return true;
        };
        for purse in self.purses().take(taken) {
            purse.retries.fetch_sub(1, Relaxed);
        }
        false
    }

    /// What was used within this budget so far.
    #[must_use]
    pub fn used(&self) -> Used {
        Used {
            tokens: self.0.tokens.load(Relaxed),
            cost: self.0.cost.load(Relaxed),
            retries: self.0.retries.load(Relaxed),
        }
    }

    /// What is left, of what there is a limit to: the least of this budget and of
    /// those around it.
    #[must_use]
    pub fn left(&self) -> Budget {
        let left = |limit: Option<u64>, used: &AtomicU64| {
            limit.map(|limit| limit.saturating_sub(used.load(Relaxed)))
        };
        self.purses().fold(Budget::new(), |least, purse| Budget {
            tokens: least_of(least.tokens, left(purse.budget.tokens, &purse.tokens)),
            cost: least_of(least.cost, left(purse.budget.cost, &purse.cost)),
            retries: least_of(least.retries, left(purse.budget.retries, &purse.retries)),
        })
    }

    /// Counts what an answer says that it has cost, beyond what was said before.
    pub(crate) fn charge(&self, said: &Metadata, before: &Metadata) {
        let more = |said: Option<u64>, before: Option<u64>| {
            said.unwrap_or(0).saturating_sub(before.unwrap_or(0))
        };
        let (tokens, cost) = (
            more(said.tokens, before.tokens),
            more(said.cost, before.cost),
        );
        if tokens > 0 || cost > 0 {
            self.spend(tokens, cost);
        }
    }

    /// This one, and those around it.
    fn purses(&self) -> impl Iterator<Item = &Purse> {
        std::iter::successors(Some(&*self.0), |purse| {
            purse.outer.as_ref().map(|outer| &*outer.0)
        })
    }
}

impl Purse {
    fn check(&self) -> Result<(), Fault> {
        let Budget { tokens, cost, .. } = self.budget;
        let spent = |what: &str, limit: Option<u64>, used: &AtomicU64| {
            let (limit, used) = (limit?, used.load(Relaxed));
            let words = format!("the request's budget is spent: {used} of {limit} {what}");
            (used >= limit).then(|| Fault::new(FaultClass::Budget, words))
        };
        let tokens = spent("tokens", tokens, &self.tokens);
        match tokens.or_else(|| spent("millionths", cost, &self.cost)) {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn take_retry(&self) -> bool {
        let limit = self.budget.retries.unwrap_or(u64::MAX);
        let taken = self
            .retries
            .fetch_update(Relaxed, Relaxed, |used| (used < limit).then(|| used + 1));
        taken.is_ok()
    }
}

/// What was used of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Used {
    /// Tokens.
    pub tokens: u64,
    /// Money, in millionths of the unit of account.
    pub cost: u64,
    /// Tries after the first ones.
    pub retries: u64,
}

fn add(used: &AtomicU64, more: u64) {
    let _ = used.fetch_update(Relaxed, Relaxed, |used| Some(used.saturating_add(more)));
}

fn least_of(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

impl fmt::Debug for Spending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spending")
            .field("budget", &self.0.budget)
            .field("used", &self.used())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a6_work_begins_while_something_is_left_and_a_debt_counts() {
        let spending = Spending::new(Budget::new().tokens(100), None);
        spending.spend(99, 5);
        assert!(spending.check().is_ok());
        spending.spend(50, 0);
        let fault = spending.check().unwrap_err();
        assert_eq!(fault.class(), FaultClass::Budget);
        assert!(fault.message().contains("149 of 100 tokens"), "{fault}");
        assert_eq!(spending.left(), Budget::new().tokens(0));
    }

    #[test]
    fn a6_a_budget_within_a_budget_is_a_limit_of_its_own() {
        let outer = Spending::new(Budget::new().tokens(100).retries(1), None);
        let inner = Spending::new(Budget::new().tokens(60).cost(7), Some(outer.clone()));
        inner.spend(30, 0);
        let left = Budget::new().tokens(30).cost(7).retries(1);
        assert_eq!(inner.left(), left);
        assert_eq!(outer.left(), Budget::new().tokens(70).retries(1));
        outer.spend(70, 0);
        assert!(inner.check().is_err(), "the outer one is spent");
    }

    #[test]
    fn a6_a_retry_is_taken_everywhere_or_nowhere() {
        let outer = Spending::new(Budget::new().retries(1), None);
        let inner = Spending::new(Budget::new().retries(5), Some(outer.clone()));
        assert!(inner.take_retry());
        assert!(!inner.take_retry());
        assert_eq!((inner.used().retries, outer.used().retries), (1, 1));
    }

    proptest! {
        #[test]
        fn a6_nothing_is_left_of_what_was_used(
            limit in 0..1_000_u64,
            spent in proptest::collection::vec(0..300_u64, 0..8),
        ) {
            let spending = Spending::new(Budget::new().cost(limit), None);
            spent.iter().for_each(|cost| spending.spend(0, *cost));
            let used: u64 = spent.iter().sum();
            prop_assert_eq!(spending.used().cost, used);
            prop_assert_eq!(spending.left().cost, Some(limit.saturating_sub(used)));
            prop_assert_eq!(spending.check().is_ok(), used < limit);
        }
    }
}
