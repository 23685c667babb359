//! What happens to a breaker, and what comes of it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Where a breaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Calls go through and are counted.
    Closed,
    /// Calls are rejected.
    Open,
    /// A few calls go through as probes.
    HalfOpen,
    /// Calls are rejected until somebody says otherwise.
    ForcedOpen,
    /// Calls go through and nothing is counted.
    Disabled,
    /// Calls go through and are counted, and nothing opens it.
    MetricsOnly,
}

impl State {
    /// Whether somebody may turn it into `to` by hand. A trial begins only
    /// where calls are held back or not counted, and a breaker that is to
    /// measure opens only by force.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        !matches!(
            (self, to),
            (Self::Closed, Self::HalfOpen) | (Self::MetricsOnly, Self::Open | Self::HalfOpen)
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::ForcedOpen => "forced open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics only",
        })
    }
}

/// How an admitted call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It speaks for the callee.
    Success,
    /// It speaks against the callee.
    Failure,
    /// It says nothing: cancelled, dropped, or the caller's own mistake.
    Ignored,
}

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Closed to open: too many failures, or slow calls.
    Tripped,
    /// Open to half-open: its wait is over.
    Rested,
    /// Half-open to closed: the probes succeeded.
    Recovered,
    /// Half-open to open: the probes failed.
    ProbeFailed,
    /// Half-open to open, or closed: `half_open_for` passed without a decision.
    Lapsed,
    /// Somebody said so.
    ByHand,
}

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Transition {
    /// The state that ended.
    pub from: State,
    /// The state that began.
    pub to: State,
    /// Why.
    pub cause: Cause,
}

/// Which of a [`Trip`](super::Trip)'s conditions was met, and the value that met it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Threshold {
    /// So many failures in a row.
    Consecutive(u32),
    /// This share of failures.
    FailureRate(f64),
    /// This share of slow calls.
    SlowRate(f64),
}

/// What happened to a breaker.
///
/// In this order where one call brings several about: the call, the threshold,
/// the change of state.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A call ended and was counted, or gave its permit back uncounted.
    Recorded {
        /// How it ended.
        outcome: Outcome,
        /// Whether it took `slow_after` or longer.
        is_slow: bool,
    },
    /// A call was turned away.
    NotPermitted {
        /// How long until it is worth asking again.
        retry_after: Duration,
    },
    /// The calls met a condition to open. Once for each time that it is closed,
    /// or only measures.
    ThresholdExceeded(Threshold),
    /// The state changed.
    Changed(Transition),
    /// Somebody had it forget everything.
    Reset,
}

/// A change of state by hand that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalTransition {
    /// Where the breaker is, and stays.
    pub from: State,
    /// Where it was to go.
    pub to: State,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a breaker that is {} does not become {}, close or disable it first",
            self.from, self.to
        )
    }
}

impl Error for IllegalTransition {}
