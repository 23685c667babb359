//! The three limits behind one face, with the state that threads share.

use std::time::{Duration, Instant};

use super::bucket::AtomicBucket;
use crate::policy::rate::{
    Decision, FixedWindowState, InvalidRateLimit, RateLimit, SlidingWindowState,
};
use crate::sync::Mutex;

/// A limit and what was taken of it.
#[derive(Debug)]
pub(crate) enum Meter {
    /// One word and no lock.
    Bucket(Instant, AtomicBucket),
    Sliding(Mutex<SlidingWindowState>),
    Fixed(Mutex<FixedWindowState>),
}

impl Meter {
    pub(crate) fn new(limit: RateLimit, now: Instant) -> Self {
        match limit {
            RateLimit::TokenBucket(bucket) => Self::Bucket(now, AtomicBucket::new(&bucket)),
            RateLimit::SlidingWindow(window) => {
                Self::Sliding(Mutex::new(SlidingWindowState::new(window)))
            }
            RateLimit::FixedWindow(window) => {
                Self::Fixed(Mutex::new(FixedWindowState::new(now, window)))
            }
        }
    }

    #[inline]
    pub(crate) fn take(&self, now: Instant, n: u32) -> Decision {
        match self {
            Self::Bucket(origin, bucket) => bucket.take(since(*origin, now), n),
            Self::Sliding(state) => state.lock().take(now, n),
            Self::Fixed(state) => state.lock().take(now, n),
        }
    }

    /// How long whoever comes now waits for `n`, one after another.
    pub(crate) fn wait(&self, now: Instant, n: u64) -> Duration {
        match self {
            Self::Bucket(origin, bucket) => bucket.wait(since(*origin, now), n),
            Self::Sliding(state) => state.lock().wait(now, n),
            Self::Fixed(state) => state.lock().wait(now, n),
        }
    }

    pub(crate) fn available(&self, now: Instant) -> u32 {
        match self {
            Self::Bucket(origin, bucket) => bucket.available(since(*origin, now)),
            Self::Sliding(state) => state.lock().available(now),
            Self::Fixed(state) => state.lock().available(now),
        }
    }

    /// The most that can be taken at once.
    pub(crate) fn most(&self) -> u32 {
        match self {
            Self::Bucket(_, bucket) => bucket.capacity(),
            Self::Sliding(state) => state.lock().most(),
            Self::Fixed(state) => state.lock().most(),
        }
    }

    pub(crate) fn drain(&self, now: Instant) {
        match self {
            Self::Bucket(origin, bucket) => bucket.drain(since(*origin, now)),
            Self::Sliding(state) => state.lock().drain(now),
            Self::Fixed(state) => state.lock().drain(now),
        }
    }

    pub(crate) fn reconfigure(
        &self,
        limit: RateLimit,
        now: Instant,
    ) -> Result<(), InvalidRateLimit> {
        limit.validate()?;
        match (self, limit) {
            (Self::Bucket(origin, bucket), RateLimit::TokenBucket(new)) => {
                bucket.reconfigure(&new, since(*origin, now));
            }
            (Self::Sliding(state), RateLimit::SlidingWindow(new)) => state.lock().reconfigure(new),
            (Self::Fixed(state), RateLimit::FixedWindow(new)) => {
                state.lock().reconfigure(now, new);
            }
            _ => return Err(InvalidRateLimit::OtherKind),
        }
        Ok(())
    }
}

/// Nanoseconds, enough for 584 years.
#[inline]
pub(crate) fn since(origin: Instant, now: Instant) -> u64 {
    let passed = now.saturating_duration_since(origin);
    let whole = passed.as_secs().saturating_mul(1_000_000_000);
    whole.saturating_add(passed.subsec_nanos().into())
}
