//! Amounts of what costs something.

use serde::{Deserialize, Serialize};

/// So much of each resource. Whole numbers only, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Cost {
    /// Calls. Default 0.
    pub requests: u64,
    /// What a call takes and gives, in whatever unit it is counted. Default 0.
    pub tokens: u64,
    /// Money, in millionths of the currency. Default 0.
    pub micros: u64,
}

impl Cost {
    pub(super) const RESOURCES: usize = 3;

    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            requests: 0,
            tokens: 0,
            micros: 0,
        }
    }

    /// Sets how many calls. Default 0.
    #[must_use]
    pub const fn requests(mut self, requests: u64) -> Self {
        self.requests = requests;
        self
    }

    /// Sets how many tokens. Default 0.
    #[must_use]
    pub const fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = tokens;
        self
    }

    /// Sets how much money, in millionths of the currency. Default 0.
    #[must_use]
    pub const fn micros(mut self, micros: u64) -> Self {
        self.micros = micros;
        self
    }

    pub(super) const fn amounts(self) -> [u64; Self::RESOURCES] {
        [self.requests, self.tokens, self.micros]
    }

    pub(super) const fn of([requests, tokens, micros]: [u64; Self::RESOURCES]) -> Self {
        Self {
            requests,
            tokens,
            micros,
        }
    }

    /// What is left of it after `other` of each; never less than nothing.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            tokens: self.tokens.saturating_sub(other.tokens),
            micros: self.micros.saturating_sub(other.micros),
        }
    }
}

/// What became of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// What it cost less than was reserved.
    pub refunded: Cost,
    /// What it cost more.
    pub extra: Cost,
}

impl Settlement {
    /// The difference between what was reserved and what it did cost.
    #[must_use]
    pub const fn of(reserved: Cost, actual: Cost) -> Self {
        Self {
            refunded: reserved.saturating_sub(actual),
            extra: actual.saturating_sub(reserved),
        }
    }
}
