//! What a retrier tells: events, counts, and why it gave up.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::Fault;
use crate::policy::retry::GiveUp;

/// Why there was no other try: the source of the fault that came of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GaveUp {
    /// Why it was given up.
    pub why: GiveUp,
    /// How often it was tried.
    pub attempts: u32,
    /// What the last try came to.
    pub last: Fault,
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gave up after {} tries: {}", self.attempts, self.why)
    }
}

impl Error for GaveUp {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Error::source(&self.last)
    }
}

/// What happens to the calls of a [`Retrier`](super::Retrier).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RetryEvent {
    /// A try failed, and another follows after this wait.
    Retried {
        /// The retrier's name.
        name: Arc<str>,
        /// The number of the try that failed.
        attempt: u32,
        /// The wait.
        after: Duration,
        /// What it came to.
        fault: Fault,
    },
    /// A call succeeded.
    Succeeded {
        /// The retrier's name.
        name: Arc<str>,
        /// Its tries.
        attempts: u32,
    },
    /// A call failed although it might have succeeded with further tries.
    Failed {
        /// The retrier's name.
        name: Arc<str>,
        /// Its tries.
        attempts: u32,
        /// Why there was no other.
        why: GiveUp,
        /// What the last one came to.
        fault: Fault,
    },
    /// A call failed in a way that is not tried again.
    Ignored {
        /// The retrier's name.
        name: Arc<str>,
        /// What it came to.
        fault: Fault,
    },
    /// A call failed for want of a right, and somebody else decides.
    Escalated {
        /// The retrier's name.
        name: Arc<str>,
        /// Who decides.
        to: String,
        /// What it came to.
        fault: Fault,
    },
}

/// What a [`Retrier`](super::Retrier) did so far. Calls that neither succeeded nor failed are
/// under way, or were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryStats {
    /// Calls, each with all its tries.
    pub calls: u64,
    /// Tries beyond the first.
    pub retries: u64,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Of these, calls that did not at the first try.
    pub recovered: u64,
    /// Calls that were given up.
    pub failed: u64,
    /// Of these, calls for which there was no retry left in a budget.
    pub budget_spent: u64,
}
