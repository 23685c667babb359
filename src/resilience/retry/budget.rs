//! One budget of retries for many callers: the arithmetic is
//! [`policy::retry_budget`](crate::policy::retry_budget).

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::actor::System;
use crate::actor::system::clock;
use crate::policy::retry_budget::{
    InvalidRetryBudget, RetryBudgetConfig, RetryBudgetState, Withdrawal,
};
use crate::sync::Mutex;

struct Account {
    config: RetryBudgetConfig,
    state: RetryBudgetState,
}

/// A budget of retries. Clones share it, and so do all who retry within it.
///
/// # Examples
///
/// ```
/// use callboard::policy::retry_budget::RetryBudgetConfig;
/// use callboard::prelude::*;
/// use callboard::resilience::RetryBudget;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let budget = RetryBudget::new(RetryBudgetConfig::window(2, secs(60)));
/// let first = budget.withdraw().expect("there are two");
/// first.spend();
/// // A retry that is not made after all is there for the next.
/// drop(budget.withdraw().expect("there is one"));
/// budget.withdraw().expect("it came back").spend();
/// assert!(budget.withdraw().is_none());
/// # }
/// ```
#[derive(Clone)]
pub struct RetryBudget {
    account: Arc<Mutex<Account>>,
}

impl RetryBudget {
    /// A budget of its own. Settings that do not fit are clamped;
    /// [`RetryBudgetConfig::validate`] checks them.
    #[must_use]
    pub fn new(config: RetryBudgetConfig) -> Self {
        Self {
            account: Arc::new(Mutex::new(Account {
                config,
                state: RetryBudgetState::new(),
            })),
        }
    }

    /// The budget of a whole system: whoever asks for it gets the same one.
    /// 100 in a minute, until it is [reconfigured](Self::reconfigure).
    #[must_use]
    pub fn of(system: &System) -> Self {
        let shared = system
            .kernel()
            .attached(|| Self::new(RetryBudgetConfig::default()));
        Self::clone(&shared)
    }

    /// Tells it that a call begins; its retries are not calls.
    pub fn called(&self) {
        self.called_at(clock());
    }

    /// Tells it that a call has succeeded.
    pub fn succeeded(&self) {
        self.succeeded_at(clock());
    }

    /// Takes out one retry. `None`: there is none left.
    #[must_use]
    pub fn withdraw(&self) -> Option<RetryPermit> {
        let now = clock();
        let withdrawal = self.withdraw_at(now)?;
        Some(RetryPermit {
            budget: self.clone(),
            withdrawal: Some(withdrawal),
        })
    }

    /// Retries that could be made now. `None`: nothing bounds them.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        let now = clock();
        let mut account = self.account.lock();
        let config = account.config;
        account.state.left(&config, now)
    }

    /// Changes how many there may be, from now on. What was earned and used so
    /// far stays.
    ///
    /// # Errors
    ///
    /// [`InvalidRetryBudget`]; nothing is changed.
    pub fn reconfigure(&self, config: RetryBudgetConfig) -> Result<(), InvalidRetryBudget> {
        config.validate()?;
        self.account.lock().config = config;
        Ok(())
    }

    pub(crate) fn called_at(&self, now: Instant) {
        let account = &mut *self.account.lock();
        account.state.called(&account.config, now);
    }

    pub(crate) fn succeeded_at(&self, now: Instant) {
        let account = &mut *self.account.lock();
        account.state.succeeded(&account.config, now);
    }

    pub(crate) fn withdraw_at(&self, now: Instant) -> Option<Withdrawal> {
        let account = &mut *self.account.lock();
        account.state.withdraw(&account.config, now)
    }

    pub(crate) fn refund_at(&self, withdrawal: Withdrawal, now: Instant) {
        let account = &mut *self.account.lock();
        account.state.refund(&account.config, withdrawal, now);
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.account.lock().config;
        f.debug_tuple("RetryBudget").field(&config).finish()
    }
}

/// The right to make one retry. Dropped unspent, it goes back.
#[must_use = "a retry that is not spent goes back to its budget"]
pub struct RetryPermit {
    budget: RetryBudget,
    withdrawal: Option<Withdrawal>,
}

impl RetryPermit {
    /// The retry is made.
    pub fn spend(mut self) {
        self.withdrawal = None;
    }
}

impl Drop for RetryPermit {
    fn drop(&mut self) {
        if let Some(withdrawal) = self.withdrawal.take() {
            self.budget.refund_at(withdrawal, clock());
        }
    }
}

impl fmt::Debug for RetryPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryPermit")
    }
}
