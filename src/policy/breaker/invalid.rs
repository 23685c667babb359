//! What is wrong with some settings.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::config::BreakerConfig;

/// Why a [`BreakerConfig`] was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidBreaker {
    /// Nothing opens it.
    NeverTrips,
    /// A rate that opens is not above 0 and at most 1.
    Threshold(f64),
    /// Slow calls open it, and no call is slow.
    NothingIsSlow,
    /// The rates decide over its probes, and it has none.
    NoRates,
    /// The rates look back on no time.
    NoWindow,
    /// The window is longer than [`BreakerConfig::LONGEST_WINDOW`].
    WindowTooLong(u32),
    /// More calls are needed for a rate than the window holds.
    MinCallsAboveWindow {
        /// The calls needed.
        min_calls: u32,
        /// The calls held.
        window: u32,
    },
    /// A breaker that is open for no time protects nobody.
    NeverOpen,
    /// The longest time it is open is shorter than the first.
    OpenShrinks {
        /// The first time.
        open_for: Duration,
        /// The longest.
        at_most: Duration,
    },
    /// A breaker that is half-open for no time sees no probe come back.
    NeverHalfOpen,
}

impl fmt::Display for InvalidBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverTrips => {
                f.write_str("nothing opens the breaker, set a number of failures or a rate")
            }
            Self::Threshold(threshold) => {
                write!(f, "the rate {threshold} is not above 0 and at most 1")
            }
            Self::NothingIsSlow => {
                f.write_str("slow calls open the breaker and none is slow, set `slow_after`")
            }
            Self::NoRates => {
                f.write_str("probes are judged by rates and the breaker has none, set one")
            }
            Self::NoWindow => f.write_str("the rates look back on no time, give the window some"),
            Self::WindowTooLong(window) => {
                let most = BreakerConfig::LONGEST_WINDOW;
                write!(f, "a window of {window} calls is longer than {most}")
            }
            Self::MinCallsAboveWindow { min_calls, window } => {
                write!(f, "{min_calls} calls never fit a window of {window}")
            }
            Self::NeverOpen => f.write_str("the breaker is open for no time"),
            Self::OpenShrinks { open_for, at_most } => {
                write!(
                    f,
                    "the breaker is open for {open_for:?}, at most {at_most:?}"
                )
            }
            Self::NeverHalfOpen => f.write_str("the breaker is half-open for no time"),
        }
    }
}

impl Error for InvalidBreaker {}
