//! What a caller gets, and what is seen of all calls.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// The right to make one call.
///
/// Give it back with [`Breaker::record`](super::Breaker::record), once, however the call ends: a probe
/// that is cancelled is [`Outcome::Ignored`](super::Outcome::Ignored). A permit of an earlier
/// generation may be given back or forgotten; it has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a permit must be given back with the outcome of the call"]
pub struct Permit {
    pub(super) generation: u64,
    /// When it was given, where it matters how long the call takes.
    pub(super) at: Option<Instant>,
}

/// A call that was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rejected {
    /// How long until it is worth asking again; never zero, unless unchecked
    /// settings are.
    ///
    /// Open: until the first probe. Half-open, with all probes under way:
    /// until that state lapses, since nobody knows when a probe will answer.
    /// Forced open: as long as an open breaker waits first, as a guess.
    pub retry_after: Duration,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the breaker is open, retry after {:?}", self.retry_after)
    }
}

impl Error for Rejected {}

/// What a breaker has counted at one instant: in its window while it is closed
/// or only measures, since the trial began while it is half-open, else nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// Calls. One that is slow and failed is one call.
    pub calls: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that were slow.
    pub slow: u32,
    /// The share of failures; `None` until there are enough calls to tell, and
    /// where no rate opens it.
    pub failure_rate: Option<f64>,
    /// The share of slow calls, likewise.
    pub slow_rate: Option<f64>,
}
