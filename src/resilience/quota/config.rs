//! Settings of a quota.

use serde::{Deserialize, Serialize};

use crate::policy::quota::{Allowance, InvalidAllowance};
use crate::resilience::WhenSpent;

/// Settings of a [`Quota`](super::Quota).
///
/// # Examples
///
/// ```
/// use callboard::policy::quota::Allowance;
/// use callboard::resilience::{QuotaConfig, WhenSpent};
/// use std::time::Duration;
///
/// let config: QuotaConfig = serde_json::from_str(
///     r#"{ "allowance": { "requests": 1000, "reset_every": "1h" }, "when_spent": "refuse" }"#,
/// )?;
/// let hourly = Allowance::new().requests(1000).reset_every(Duration::from_secs(3600));
/// assert_eq!(config, QuotaConfig::new(hourly).when_spent(WhenSpent::Refuse));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct QuotaConfig {
    /// How much there is, and for how long. Default: no limit.
    pub allowance: Allowance,
    /// What happens when it is spent. Default: calls wait for the next period.
    pub when_spent: WhenSpent,
    /// How many may wait in line. Default 1000, as in a pool's queue.
    pub max_waiting: usize,
}

impl QuotaConfig {
    /// This allowance; calls wait when it is spent.
    #[must_use]
    pub const fn new(allowance: Allowance) -> Self {
        Self {
            allowance,
            when_spent: WhenSpent::Wait,
            max_waiting: 1_000,
        }
    }

    /// Sets what happens when it is spent. Default: calls wait.
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
    /// What is wrong with the allowance.
    pub fn validate(&self) -> Result<(), InvalidAllowance> {
        self.allowance.validate()
    }
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self::new(Allowance::new())
    }
}

impl From<Allowance> for QuotaConfig {
    fn from(allowance: Allowance) -> Self {
        Self::new(allowance)
    }
}
