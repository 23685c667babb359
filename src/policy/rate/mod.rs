//! How much may happen in how much time.
//!
//! | limit | allows | state | after a burst |
//! | --- | --- | --- | --- |
//! | [`TokenBucket`] | a burst of its capacity, then a steady rate | one `u64` | one at a time, evenly |
//! | [`SlidingWindow`] | so many in *any* stretch of its length | 16 bytes for each grant in the window | as the burst leaves the window |
//! | [`FixedWindow`] | so many in each cycle | three numbers | all again when the next cycle begins |
//!
//! The bucket is the one to begin with: it is the cheapest, and the only one
//! that spreads load. The sliding window is for a server that counts so
//! itself and bans whoever goes over. The fixed window is for what a bill
//! counts: so much a day. Around the end of a cycle twice its limit can pass
//! in no time at all (`twice_the_limit_can_pass_around_the_end_of_a_cycle`);
//! neither of the others does that.
//!
//! All three answer with a [`Decision`], and its `wait` is exact: a
//! nanosecond earlier the answer is still no.

mod bucket;
mod fixed;
mod sliding;

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::bucket::{Gcra, TokenBucket};
pub(crate) use self::fixed::{Cycle, Used};
pub use self::fixed::{FixedWindow, FixedWindowState};
pub use self::sliding::{SlidingWindow, SlidingWindowState};

/// Whether something may happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<T = ()> {
    /// It may. Where the caller keeps the state, this is the next one.
    Allowed(T),
    /// Not yet. Nothing was taken.
    Denied {
        /// After this much time it may, if nobody else takes anything.
        wait: Duration,
    },
    /// Never: it is more than there can be at once.
    Impossible,
}

/// A limit of one of the three kinds.
///
/// # Examples
///
/// In a file:
///
/// ```
/// use callboard::policy::rate::{RateLimit, SlidingWindow};
///
/// let limit: RateLimit = serde_json::from_str(r#"{ "sliding_window": { "limit": 60 } }"#)?;
/// assert_eq!(limit, SlidingWindow::default().into());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RateLimit {
    /// A burst, then a steady rate.
    TokenBucket(TokenBucket),
    /// So many in any stretch of time.
    SlidingWindow(SlidingWindow),
    /// So many in each cycle.
    FixedWindow(FixedWindow),
}

impl RateLimit {
    /// Says whether the settings make sense.
    ///
    /// # Errors
    ///
    /// The first thing that does not.
    pub const fn validate(&self) -> Result<(), InvalidRateLimit> {
        match self {
            Self::TokenBucket(bucket) => bucket.validate(),
            Self::SlidingWindow(window) => window.validate(),
            Self::FixedWindow(window) => window.validate(),
        }
    }
}

impl Default for RateLimit {
    /// The default bucket.
    fn default() -> Self {
        Self::TokenBucket(TokenBucket::default())
    }
}

impl From<TokenBucket> for RateLimit {
    fn from(bucket: TokenBucket) -> Self {
        Self::TokenBucket(bucket)
    }
}

impl From<SlidingWindow> for RateLimit {
    fn from(window: SlidingWindow) -> Self {
        Self::SlidingWindow(window)
    }
}

impl From<FixedWindow> for RateLimit {
    fn from(window: FixedWindow) -> Self {
        Self::FixedWindow(window)
    }
}

/// Settings of a limit that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRateLimit {
    /// A rate needs a time, and this one is zero.
    NoTime,
    /// A bucket takes longer to fill, or a cycle to pass, than ten years.
    TooSlow,
    /// A sliding window remembers each grant, and would remember more than
    /// [`SlidingWindow::LARGEST_LIMIT`].
    TooLarge(NonZeroU32),
    /// A running limiter keeps its kind.
    OtherKind,
}

impl fmt::Display for InvalidRateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTime => f.write_str("the time of a rate is zero, give it at least 1 ns"),
            Self::TooSlow => {
                f.write_str("a rate this slow takes more than ten years, make it faster")
            }
            Self::TooLarge(limit) => write!(
                f,
                "a sliding window of {limit} remembers too much, use a token bucket or at most {}",
                SlidingWindow::LARGEST_LIMIT
            ),
            Self::OtherKind => {
                f.write_str("a running limiter keeps its kind, make another one instead")
            }
        }
    }
}

impl Error for InvalidRateLimit {}

/// The longest time that anything here reckons with: ten years.
const LONGEST: u64 = 10 * 365 * 24 * 3_600 * 1_000_000_000;

/// Nanoseconds, from 1 to ten years.
const fn nanos(time: Duration) -> u64 {
    let nanos = time.as_nanos();
    if nanos == 0 {
        1
    } else if nanos > LONGEST as u128 {
        LONGEST
    } else {
        nanos as u64
    }
}

pub(crate) const fn check_time(time: Duration) -> Result<(), InvalidRateLimit> {
    if time.is_zero() {
        Err(InvalidRateLimit::NoTime)
    } else if time.as_nanos() > LONGEST as u128 {
        Err(InvalidRateLimit::TooSlow)
    } else {
        Ok(())
    }
}

const fn at_least_one(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}

#[cfg(test)]
mod tests;
