//! Settings of an account.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Cost;
use crate::policy::rate::InvalidRateLimit;

/// How much of each resource there is, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Allowance {
    /// Calls. Default `None`: as many as one likes.
    pub requests: Option<u64>,
    /// Tokens. Default `None`: as many as one likes.
    pub tokens: Option<u64>,
    /// Money, in millionths of the currency. Default `None`: as much as one
    /// likes.
    pub micros: Option<u64>,
    /// How long a period is, after which there is as much again. Default
    /// `None`: what is spent stays spent until somebody resets it.
    #[serde(with = "humantime_serde")]
    pub reset_every: Option<Duration>,
}

impl Allowance {
    /// Everything without a limit.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            requests: None,
            tokens: None,
            micros: None,
            reset_every: None,
        }
    }

    /// Limits calls. Default: no limit.
    #[must_use]
    pub const fn requests(mut self, requests: u64) -> Self {
        self.requests = Some(requests);
        self
    }

    /// Limits tokens. Default: no limit.
    #[must_use]
    pub const fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Limits money, in millionths of the currency. Default: no limit.
    #[must_use]
    pub const fn micros(mut self, micros: u64) -> Self {
        self.micros = Some(micros);
        self
    }

    /// Sets how long a period is, after which there is as much again. Default:
    /// what is spent stays spent.
    #[must_use]
    pub const fn reset_every(mut self, period: Duration) -> Self {
        self.reset_every = Some(period);
        self
    }

    /// Says whether the settings make sense.
    ///
    /// # Errors
    ///
    /// A period without a length, or one longer than ten years.
    pub fn validate(&self) -> Result<(), InvalidAllowance> {
        let length = self.reset_every.map(crate::policy::rate::check_time);
        length.transpose().map(|_| ()).map_err(InvalidAllowance)
    }

    pub(super) fn limits(&self) -> [u64; Cost::RESOURCES] {
        [self.requests, self.tokens, self.micros].map(|limit| limit.unwrap_or(u64::MAX))
    }
}

/// Settings of an account that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidAllowance(InvalidRateLimit);

impl fmt::Display for InvalidAllowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quota is reset after at least 1 ns and at most ten years, or never")
    }
}

impl Error for InvalidAllowance {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}
