//! The three limits behind one face, with the state that threads share.

use std::time::{Duration, Instant};

use super::bucket::AtomicBucket;
use crate::policy::rate::{
    Decision, FixedWindowState, InvalidRateLimit, RateLimit, SlidingWindowState,
};
use crate::sync::Mutex;

/// A limit and what was taken of it. Times are since it was made: to take two
/// instants apart costs more than a take.
#[derive(Debug)]
pub(crate) enum Meter {
    /// One word and no lock.
    Bucket(AtomicBucket),
    Sliding(Instant, Mutex<SlidingWindowState>),
    Fixed(Instant, Mutex<FixedWindowState>),
}

impl Meter {
    pub(crate) fn new(limit: RateLimit, origin: Instant) -> Self {
        match limit {
            RateLimit::TokenBucket(bucket) => Self::Bucket(AtomicBucket::new(&bucket)),
            RateLimit::SlidingWindow(window) => {
                Self::Sliding(origin, Mutex::new(SlidingWindowState::new(window)))
            }
            RateLimit::FixedWindow(window) => {
                Self::Fixed(origin, Mutex::new(FixedWindowState::new(origin, window)))
            }
        }
    }

    #[inline]
    pub(crate) fn take(&self, now: Duration, n: u32) -> Decision {
        match self {
            Self::Bucket(bucket) => bucket.take(nanos(now), n),
            Self::Sliding(origin, state) => apart(|| state.lock().take(*origin + now, n)),
            Self::Fixed(origin, state) => apart(|| state.lock().take(*origin + now, n)),
        }
    }

    /// How long whoever comes now waits for `n`, one after another.
    pub(crate) fn wait(&self, now: Duration, n: u64) -> Duration {
        match self {
            Self::Bucket(bucket) => bucket.wait(nanos(now), n),
            Self::Sliding(origin, state) => state.lock().wait(*origin + now, n),
            Self::Fixed(origin, state) => state.lock().wait(*origin + now, n),
        }
    }

    pub(crate) fn available(&self, now: Duration) -> u32 {
        match self {
            Self::Bucket(bucket) => bucket.available(nanos(now)),
            Self::Sliding(origin, state) => state.lock().available(*origin + now),
            Self::Fixed(origin, state) => state.lock().available(*origin + now),
        }
    }

    /// The most that can be taken at once.
    pub(crate) fn most(&self) -> u32 {
        match self {
            Self::Bucket(bucket) => bucket.capacity(),
            Self::Sliding(_, state) => state.lock().most(),
            Self::Fixed(_, state) => state.lock().most(),
        }
    }

    pub(crate) fn drain(&self, now: Duration) {
        match self {
            Self::Bucket(bucket) => bucket.drain(nanos(now)),
            Self::Sliding(origin, state) => state.lock().drain(*origin + now),
            Self::Fixed(origin, state) => state.lock().drain(*origin + now),
        }
    }

    pub(crate) fn reconfigure(
        &self,
        limit: RateLimit,
        now: Duration,
    ) -> Result<(), InvalidRateLimit> {
        limit.validate()?;
        match (self, limit) {
            (Self::Bucket(bucket), RateLimit::TokenBucket(new)) => {
                bucket.reconfigure(&new, nanos(now));
            }
            (Self::Sliding(_, state), RateLimit::SlidingWindow(new)) => {
                state.lock().reconfigure(new)
            }
            (Self::Fixed(origin, state), RateLimit::FixedWindow(new)) => {
                state.lock().reconfigure(*origin + now, new);
            }
            _ => return Err(InvalidRateLimit::OtherKind),
        }
        Ok(())
    }
}

/// Keeps a take from a bucket, beside which this stands, small enough to be
/// inlined.
#[inline(never)]
fn apart<T>(act: impl FnOnce() -> T) -> T {
    act()
}

/// Nanoseconds, enough for 584 years.
#[inline]
pub(crate) fn nanos(time: Duration) -> u64 {
    let whole = time.as_secs().saturating_mul(1_000_000_000);
    whole.saturating_add(time.subsec_nanos().into())
}
