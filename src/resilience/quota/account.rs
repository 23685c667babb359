//! Accounts, one above the other: a team's above its agents', everyone's above
//! the teams'.
//!
//! A debit asks on the way up and books on the way down, with every account on
//! the way locked until the one above has answered:
//!
//! ```text
//!   global   lock, enough? ── book, unlock ──┐
//!              ▲                             ▼
//!   team     lock, enough?              book, unlock
//!              ▲                             ▼
//!   agent    lock, enough?              book, unlock
//! ```
//!
//! An account that refuses does so before anything is booked, so there is
//! nothing to undo. Locks are always taken upwards, so nobody waits in a
//! circle.

use std::sync::Arc;
use std::time::Instant;

use crate::policy::quota::{Allowance, Cost, QuotaState};
use crate::policy::rate::Decision;
use crate::sync::Mutex;

/// One account, and those above it.
#[derive(Debug)]
pub(crate) struct Account {
    name: Arc<str>,
    above: Option<Arc<Account>>,
    state: Mutex<QuotaState>,
}

/// An account that did not have enough.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) account: Arc<str>,
    /// Never [`Decision::Allowed`].
    pub(crate) decision: Decision,
}

impl Account {
    pub(crate) fn new(
        name: Arc<str>,
        allowance: Allowance,
        above: Option<Arc<Self>>,
        now: Instant,
    ) -> Self {
        Self {
            name,
            above,
            state: Mutex::new(QuotaState::new(now, allowance)),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Takes it from this account and all above it, or from none.
    pub(crate) fn debit(&self, now: Instant, cost: Cost) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        let decision = state.check(now, cost);
        if decision != Decision::Allowed(()) {
            return Err(Refusal {
                account: Arc::clone(&self.name),
                decision,
            });
        }
        if let Some(above) = &self.above {
            above.debit(now, cost)?;
        }
        state.debit(cost);
        Ok(())
    }

    /// Puts what it did cost in the place of what was taken, everywhere.
    pub(crate) fn settle(&self, now: Instant, taken_at: Instant, taken: Cost, actual: Cost) {
        let mut account = Some(self);
        while let Some(here) = account {
            here.with(|state| state.settle(now, taken_at, taken, actual));
            account = here.above.as_deref();
        }
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut QuotaState) -> T) -> T {
        act(&mut self.state.lock())
    }
}
