//! The token bucket, reckoned as GCRA (the generic cell rate algorithm of ITU-T
//! I.371, in its form as virtual scheduling).
//!
//! A bucket need not be filled drop by drop. It is enough to know when it will
//! be full again, and taking a token puts that off by the time one token takes:
//!
//! ```text
//!                     full_at                 limit = now + time to fill it all
//!  ────────┬─────────────┬──────────────────────┬───────────▶ time
//!         now            ├──── what is left ────┤
//!                        │╌╌ n tokens ╌╌▶       │   allowed: it ends before the limit
//!                        │╌╌╌╌╌╌ more ╌╌╌╌╌╌╌╌╌╌│╌╌▶  denied: come back when the limit
//!                                               ├──┤         has moved this far
//! ```
//!
//! So the state is one word, nanoseconds since an origin of the caller's
//! choice; 0 is full, and full it stays however long nobody comes.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Decision, InvalidRateLimit, LONGEST, at_least_one, check_time, nanos};

/// Settings of a token bucket. It starts full.
///
/// # Examples
///
/// ```
/// use callboard::policy::rate::{Decision, Gcra, TokenBucket};
/// use std::time::Duration;
///
/// let bucket = Gcra::new(&TokenBucket::per_second(1).capacity(2));
/// let (now, full) = (0, 0); // nanoseconds since wherever you like
/// let Decision::Allowed(empty) = bucket.decide(full, now, 2) else { panic!() };
/// let wait = Duration::from_secs(1);
/// assert_eq!(bucket.decide(empty, now, 1), Decision::Denied { wait });
/// assert_eq!(bucket.decide(empty, now, 3), Decision::Impossible);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TokenBucket {
    /// Tokens that come back in `per`. Default 10.
    pub tokens: NonZeroU32,
    /// The time in which they come back, evenly. Default 1 s.
    ///
    /// The time of one token is kept in whole nanoseconds and rounded up, so
    /// the rate is never above what is asked for, and at most a billion a
    /// second.
    #[serde(with = "humantime_serde")]
    pub per: Duration,
    /// The most tokens there can be: the largest burst. Default 20.
    pub capacity: NonZeroU32,
}

impl TokenBucket {
    /// So many tokens in each `per`, and as many at once; 0 counts as 1.
    #[must_use]
    pub const fn new(tokens: u32, per: Duration) -> Self {
        let tokens = at_least_one(tokens);
        Self {
            tokens,
            per,
            capacity: tokens,
        }
    }

    /// So many tokens a second, and as many at once; 0 counts as 1.
    #[must_use]
    pub const fn per_second(tokens: u32) -> Self {
        Self::new(tokens, Duration::from_secs(1))
    }

    /// So many tokens a minute, and as many at once; 0 counts as 1.
    #[must_use]
    pub const fn per_minute(tokens: u32) -> Self {
        Self::new(tokens, Duration::from_secs(60))
    }

    /// Sets the largest burst; 0 counts as 1. Default 20.
    #[must_use]
    pub const fn capacity(mut self, tokens: u32) -> Self {
        self.capacity = at_least_one(tokens);
        self
    }

    /// Says whether the settings make sense.
    ///
    /// # Errors
    ///
    /// A rate without a time, or one so slow that the bucket takes more than
    /// ten years to fill.
    pub const fn validate(&self) -> Result<(), InvalidRateLimit> {
        if let Err(invalid) = check_time(self.per) {
            return Err(invalid);
        }
        match self.token_time().checked_mul(self.capacity.get() as u64) {
            Some(fill_time) if fill_time <= LONGEST => Ok(()),
            _ => Err(InvalidRateLimit::TooSlow),
        }
    }

    const fn token_time(&self) -> u64 {
        nanos(self.per).div_ceil(self.tokens.get() as u64)
    }
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self::per_second(10).capacity(20)
    }
}

/// The arithmetic of a [`TokenBucket`] over one word.
///
/// The word is when the bucket will be full, `now` the present, both in
/// nanoseconds since an origin that the caller keeps. A clock that goes back
/// gives nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    token_time: u64,
    capacity: u32,
}

impl Gcra {
    /// The word of a full bucket.
    pub const FULL: u64 = 0;

    /// Prepares the arithmetic. Settings that nobody checked are clamped to
    /// what fills in ten years.
    #[must_use]
    pub const fn new(bucket: &TokenBucket) -> Self {
        let capacity = bucket.capacity.get();
        let longest = LONGEST / capacity as u64;
        let token_time = bucket.token_time();
        Self {
            token_time: if token_time < longest {
                token_time
            } else {
                longest
            },
            capacity,
        }
    }

    /// What it is made of: nanoseconds a token, and the most tokens.
    #[must_use]
    pub(crate) const fn parts(self) -> (u64, u32) {
        (self.token_time, self.capacity)
    }

    /// From what [`Gcra::parts`] gave.
    #[must_use]
    pub(crate) const fn from_parts(token_time: u64, capacity: u32) -> Self {
        Self {
            token_time,
            capacity,
        }
    }

    /// The time in which an empty bucket fills, in nanoseconds.
    #[must_use]
    pub const fn fill_time(self) -> u64 {
        self.token_time * self.capacity as u64
    }

    /// Takes `n` tokens at once or none; zero tokens are always there.
    #[inline]
    #[must_use]
    pub const fn decide(self, word: u64, now: u64, n: u32) -> Decision<u64> {
        if n > self.capacity {
            return Decision::Impossible;
        }
        match self.nanos_until(word, now, n as u64) {
            0 => Decision::Allowed(self.charge(word, now, n)),
            wait => Decision::Denied {
                wait: Duration::from_nanos(wait),
            },
        }
    }

    /// How long whoever comes now waits for `n` tokens, taken one after
    /// another if they are more than fit in.
    #[must_use]
    pub const fn wait(self, word: u64, now: u64, n: u64) -> Duration {
        Duration::from_nanos(self.nanos_until(word, now, n))
    }

    #[inline]
    const fn nanos_until(self, word: u64, now: u64, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let from = if word > now { word } else { now };
        let end = from.saturating_add(self.token_time.saturating_mul(n));
        end.saturating_sub(now.saturating_add(self.fill_time()))
    }

    /// Takes `n` tokens whether they are there or not. What is missing is a
    /// debt: nobody gets any until it has come back.
    #[inline]
    #[must_use]
    pub const fn charge(self, word: u64, now: u64, n: u32) -> u64 {
        let from = if word > now || n == 0 { word } else { now };
        from.saturating_add(self.token_time.saturating_mul(n as u64))
    }

    /// Puts `n` tokens back; what does not fit in is lost.
    #[must_use]
    pub const fn give_back(self, word: u64, n: u32) -> u64 {
        word.saturating_sub(self.token_time.saturating_mul(n as u64))
    }

    /// Takes everything there is.
    #[must_use]
    pub const fn drain(self, word: u64, now: u64) -> u64 {
        let empty = now.saturating_add(self.fill_time());
        if word > empty { word } else { empty }
    }

    /// How many whole tokens there are.
    #[must_use]
    pub const fn available(self, word: u64, now: u64) -> u32 {
        let from = if word > now { word } else { now };
        let left = now.saturating_add(self.fill_time()).saturating_sub(from);
        // At most the capacity: `from` is not before `now`.
        (left / self.token_time) as u32
    }

    /// The word of a bucket with other settings and the same whole tokens, as
    /// far as they fit in.
    #[must_use]
    pub const fn carry_over(self, word: u64, now: u64, to: Self) -> u64 {
        let kept = self.available(word, now);
        let missing = to.capacity.saturating_sub(kept);
        to.charge(Self::FULL, now, missing)
    }
}
