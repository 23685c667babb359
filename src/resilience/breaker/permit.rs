//! The right to make one call.

use std::borrow::Borrow;
use std::fmt;

use super::Breaker;
use crate::policy::breaker::{Outcome, Permit};

/// The right to make one call. Dropped without a word it counts neither as
/// success nor as failure, and its place is free again.
///
/// `B` is what it knows its breaker by: a handle of its own, so that it may go
/// anywhere, or a borrowed one, which costs nothing.
#[must_use = "a permit that is dropped counts as a call that was not made"]
pub struct BreakerPermit<B: Borrow<Breaker> = Breaker> {
    breaker: B,
    permit: Option<Permit>,
}

impl<B: Borrow<Breaker>> BreakerPermit<B> {
    pub(super) fn new(breaker: B, permit: Permit) -> Self {
        Self {
            breaker,
            permit: Some(permit),
        }
    }

    /// The call succeeded.
    #[inline]
    pub fn success(self) {
        self.end(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.end(Outcome::Failure);
    }

    /// The call ended this way.
    pub fn end(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    #[inline]
    fn settle(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            self.breaker.borrow().settle(permit, outcome);
        }
    }
}

impl<B: Borrow<Breaker>> Drop for BreakerPermit<B> {
    fn drop(&mut self) {
        self.settle(Outcome::Ignored);
    }
}

impl<B: Borrow<Breaker>> fmt::Debug for BreakerPermit<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BreakerPermit({})", self.breaker.borrow().shared.name)
    }
}
