//! Settings of rate limiters.

use serde::{Deserialize, Serialize};

use crate::policy::rate::{InvalidRateLimit, RateLimit, TokenBucket};

/// What happens to a call when there is nothing left for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSpent {
    /// It is refused at once, and told when to come again.
    #[default]
    Refuse,
    /// It waits in order of arrival, no longer than the deadline in force. It
    /// is refused at once if that is too soon, or if too many wait.
    Wait,
}

/// Settings of a [`RateLimiter`](super::RateLimiter).
///
/// # Examples
///
/// ```
/// use callboard::policy::rate::TokenBucket;
/// use callboard::resilience::{RateLimiterConfig, WhenSpent};
///
/// let config: RateLimiterConfig = serde_json::from_str(
///     r#"{ "limit": { "token_bucket": { "tokens": 5, "per": "1m" } }, "when_spent": "wait" }"#,
/// )?;
/// assert_eq!(config.when_spent, WhenSpent::Wait);
/// assert_eq!(config.limit, TokenBucket::per_minute(5).capacity(20).into());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RateLimiterConfig {
    /// How much in how much time. Default a bucket of 20 that gets 10 a second.
    pub limit: RateLimit,
    /// What happens to guarded calls when nothing is left. Default: refused.
    pub when_spent: WhenSpent,
    /// How many may wait in line. Default 1000, as in a pool's queue.
    pub max_waiting: usize,
}

impl RateLimiterConfig {
    /// This limit; calls are refused when it is reached.
    #[must_use]
    pub fn new(limit: impl Into<RateLimit>) -> Self {
        Self {
            limit: limit.into(),
            when_spent: WhenSpent::Refuse,
            max_waiting: 1_000,
        }
    }

    /// Sets what happens to guarded calls when nothing is left. Default:
    /// refused.
    #[must_use]
    pub const fn when_spent(mut self, when_spent: WhenSpent) -> Self {
        self.when_spent = when_spent;
        self
    }

    /// Sets how many may wait in line. Default 1000.
    #[must_use]
    pub const fn max_waiting(mut self, calls: usize) -> Self {
        self.max_waiting = calls;
        self
    }

    /// Says whether the settings make sense.
    ///
    /// # Errors
    ///
    /// What is wrong with the limit.
    pub const fn validate(&self) -> Result<(), InvalidRateLimit> {
        self.limit.validate()
    }
}

impl Default for RateLimiterConfig {
    fn default() -> Self {
        Self::new(RateLimit::default())
    }
}

impl<L: Into<RateLimit>> From<L> for RateLimiterConfig {
    fn from(limit: L) -> Self {
        Self::new(limit)
    }
}

/// Settings of a [`KeyedRateLimiter`](super::KeyedRateLimiter).
///
/// # Examples
///
/// ```
/// use callboard::resilience::KeyedRateLimiterConfig;
///
/// let config: KeyedRateLimiterConfig =
///     serde_json::from_str(r#"{ "bucket": { "tokens": 5 }, "max_keys": 1000 }"#)?;
/// assert_eq!(config.bucket.tokens.get(), 5);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct KeyedRateLimiterConfig {
    /// The bucket that each key has. Default a bucket of 20 that gets 10 a
    /// second.
    pub bucket: TokenBucket,
    /// How many keys are remembered: those whose bucket is not full. Default
    /// 100,000.
    pub max_keys: usize,
}

impl KeyedRateLimiterConfig {
    /// This bucket for each key.
    #[must_use]
    pub const fn new(bucket: TokenBucket) -> Self {
        Self {
            bucket,
            max_keys: 100_000,
        }
    }

    /// Sets how many keys are remembered; with 0 every key is refused. Default
    /// 100,000.
    #[must_use]
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Says whether the settings make sense.
    ///
    /// # Errors
    ///
    /// What is wrong with the bucket.
    pub const fn validate(&self) -> Result<(), InvalidRateLimit> {
        self.bucket.validate()
    }
}

impl Default for KeyedRateLimiterConfig {
    fn default() -> Self {
        Self::new(TokenBucket::default())
    }
}

impl From<TokenBucket> for KeyedRateLimiterConfig {
    fn from(bucket: TokenBucket) -> Self {
        Self::new(bucket)
    }
}
