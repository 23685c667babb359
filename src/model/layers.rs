//! What the project's own models see of the resilience floor. No part of the
//! interface.
#![expect(
    missing_debug_implementations,
    reason = "a model that fails prints its own words"
)]

use std::task::{Poll, Waker};
use std::time::Instant;

use crate::policy::retry_budget::{RetryBudgetConfig, Withdrawal};
use crate::resilience::coalesce::flights::{self, Follower};

/// Calls of one key, whose answers are numbers.
pub struct Flights(flights::Flights<(), u32>);

pub struct Place(Follower<u32>);

pub enum Role {
    Lead,
    Follow(Place),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Answer(u32),
    Lead,
}

impl Flights {
    #[must_use]
    #[allow(clippy::new_without_default, reason = "a model makes one")]
    pub fn new() -> Self {
        Self(flights::Flights::new())
    }

    pub fn join(&self, waker: &Waker) -> Role {
        match self.0.join(&(), usize::MAX, waker) {
            flights::Role::Lead => Role::Lead,
            flights::Role::Follow(place) => Role::Follow(Place(place)),
            flights::Role::Refused => unreachable!("there is room for all"),
        }
    }

    pub fn poll(&self, place: &Place, waker: &Waker) -> Poll<Found> {
        self.0.poll(&(), &place.0, waker).map(|found| match found {
            flights::Found::Answer(answer) => Found::Answer(*answer.get().expect("it is there")),
            flights::Found::Lead => Found::Lead,
        })
    }

    pub fn land(&self, answer: u32) {
        self.0.land(&(), answer);
    }

    pub fn leave(&self) {
        self.0.leave(&());
    }

    pub fn give_up(&self, place: &Place) {
        self.0.give_up(&(), &place.0);
    }
}

/// A budget of retries at given times.
pub struct RetryBudget(crate::resilience::RetryBudget);

impl RetryBudget {
    #[must_use]
    pub fn new(config: RetryBudgetConfig) -> Self {
        Self(crate::resilience::RetryBudget::new(config))
    }

    pub fn called(&self, now: Instant) {
        self.0.called_at(now);
    }

    #[must_use]
    pub fn withdraw(&self, now: Instant) -> Option<Withdrawal> {
        self.0.withdraw_at(now)
    }

    pub fn refund(&self, withdrawal: Withdrawal, now: Instant) {
        self.0.refund_at(withdrawal, now);
    }
}
