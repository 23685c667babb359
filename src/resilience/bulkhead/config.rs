//! Settings of a bulkhead.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of a [`Bulkhead`](super::Bulkhead).
///
/// # Examples
///
/// ```
/// use callboard::resilience::{Bulkhead, BulkheadConfig};
/// use std::time::Duration;
///
/// let config = BulkheadConfig::new(1).max_wait(Duration::ZERO);
/// let bulkhead = Bulkhead::new("printer", config);
/// let _permit = bulkhead.try_acquire()?;
/// assert!(bulkhead.try_acquire().is_err());
/// # Ok::<(), callboard::resilience::BulkheadFull>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BulkheadConfig {
    /// How many calls may be under way; 0 refuses all. Default 10.
    pub max_concurrent: usize,
    /// How many may wait for a place. Default 1000, as in a pool's queue.
    pub max_waiting: usize,
    /// How long one may wait for a place; zero does not wait. Default 5 s, as
    /// long as an ask. The deadline in force ends a wait sooner.
    #[serde(with = "humantime_serde")]
    pub max_wait: Duration,
    /// When one who was refused is told to come again. Default 1 s.
    #[serde(with = "humantime_serde")]
    pub retry_after: Duration,
}

impl BulkheadConfig {
    /// So many calls at once.
    #[must_use]
    pub const fn new(max_concurrent: usize) -> Self {
        Self {
            max_concurrent,
            max_waiting: 1_000,
            max_wait: Duration::from_secs(5),
            retry_after: Duration::from_secs(1),
        }
    }

    /// Sets how many may wait for a place. Default 1000.
    #[must_use]
    pub const fn max_waiting(mut self, calls: usize) -> Self {
        self.max_waiting = calls;
        self
    }

    /// Sets how long one may wait for a place; zero does not wait. Default 5 s.
    #[must_use]
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Sets when one who was refused is told to come again. Default 1 s.
    #[must_use]
    pub const fn retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = retry_after;
        self
    }

    pub(super) const fn waiting_allowed(&self) -> usize {
        if self.max_wait.is_zero() {
            0
        } else {
            self.max_waiting
        }
    }
}

impl Default for BulkheadConfig {
    fn default() -> Self {
        Self::new(10)
    }
}
