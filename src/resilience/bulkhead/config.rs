//! Settings of a bulkhead.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::adaptive::{AdaptiveConfig, InvalidAdaptive};

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Lets the number of places follow what the callee can take, in place of
    /// [`max_concurrent`](Self::max_concurrent). Default `None`: it is fixed.
    pub adaptive: Option<AdaptiveConfig>,
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
            adaptive: None,
        }
    }

    /// As many calls at once as the callee can take: guarded calls are timed,
    /// and the number of places follows.
    #[must_use]
    pub fn adaptive(adaptive: AdaptiveConfig) -> Self {
        Self {
            adaptive: Some(adaptive),
            ..Self::default()
        }
    }

    /// Says whether the settings make sense.
    ///
    /// # Errors
    ///
    /// What is wrong with the bounds of an adaptive one.
    pub fn validate(&self) -> Result<(), InvalidAdaptive> {
        self.adaptive
            .as_ref()
            .map_or(Ok(()), AdaptiveConfig::validate)
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

    /// How many places there are to begin with.
    pub(super) fn places(&self) -> usize {
        let adaptive = self.adaptive.as_ref();
        adaptive.map_or(self.max_concurrent, |adaptive| adaptive.min.get())
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
