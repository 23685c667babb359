//! A window that ends now, wherever now is.
//!
//! ```text
//!            ├─────────── per ───────────┤
//!    2    1  │  3      1            2    now     limit = 7: one more may happen,
//!   gone     │  └ leaves first, after `wait`     two have to wait until the 3 are gone
//! ```
//!
//! It is exact, and pays for it: each grant in the window is remembered, 16
//! bytes each, at most as many as the limit.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Decision, InvalidRateLimit, at_least_one, check_time, nanos};

/// Settings of a sliding window.
///
/// # Examples
///
/// ```
/// use callboard::policy::rate::{Decision, SlidingWindow, SlidingWindowState};
/// use std::time::{Duration, Instant};
///
/// let window = SlidingWindow::new(2, Duration::from_secs(60));
/// let mut state = SlidingWindowState::new(window);
/// let now = Instant::now();
/// assert_eq!(state.take(now, 2), Decision::Allowed(()));
/// let wait = Duration::from_secs(60);
/// assert_eq!(state.take(now, 1), Decision::Denied { wait });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SlidingWindow {
    /// How many in any stretch of `per`. Default 60.
    pub limit: NonZeroU32,
    /// How long the window is. Default 1 min.
    #[serde(with = "humantime_serde")]
    pub per: Duration,
}

impl SlidingWindow {
    /// The largest limit: a window remembers each grant, and this bounds its
    /// memory to 1.6 MB.
    pub const LARGEST_LIMIT: u32 = 100_000;

    /// So many in any stretch of `per`; 0 counts as 1.
    #[must_use]
    pub const fn new(limit: u32, per: Duration) -> Self {
        Self {
            limit: at_least_one(limit),
            per,
        }
    }

    /// Says whether the settings make sense.
    ///
    /// # Errors
    ///
    /// A window without a length or longer than ten years, or a limit above
    /// [`SlidingWindow::LARGEST_LIMIT`].
    pub const fn validate(&self) -> Result<(), InvalidRateLimit> {
        if self.limit.get() > Self::LARGEST_LIMIT {
            return Err(InvalidRateLimit::TooLarge(self.limit));
        }
        check_time(self.per)
    }

    fn limit(&self) -> u32 {
        self.limit.get().min(Self::LARGEST_LIMIT)
    }

    fn per(&self) -> Duration {
        Duration::from_nanos(nanos(self.per))
    }
}

impl Default for SlidingWindow {
    fn default() -> Self {
        Self::new(60, Duration::from_secs(60))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    at: Instant,
    n: u32,
}

/// What happened in a [`SlidingWindow`].
#[derive(Clone, Debug)]
pub struct SlidingWindowState {
    window: SlidingWindow,
    /// Oldest first; grants of one instant are one entry.
    pub(super) grants: VecDeque<Grant>,
    taken: u32,
}

impl SlidingWindowState {
    /// Creates a state in which nothing has happened.
    #[must_use]
    pub const fn new(window: SlidingWindow) -> Self {
        Self {
            window,
            grants: VecDeque::new(),
            taken: 0,
        }
    }

    /// Puts another window in force, at once; what happened stays.
    pub const fn reconfigure(&mut self, window: SlidingWindow) {
        self.window = window;
    }

    /// The most that can be taken at once.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.window.limit()
    }

    /// Takes `n` at once or none.
    pub fn take(&mut self, now: Instant, n: u32) -> Decision {
        if n > self.window.limit() {
            return Decision::Impossible;
        }
        let now = self.forget(now);
        let wait = self.wait_from(now, n.into());
        if !wait.is_zero() {
            return Decision::Denied { wait };
        }
        match self.grants.back_mut() {
            Some(last) if last.at == now => last.n += n,
            _ if n > 0 => self.grants.push_back(Grant { at: now, n }),
            _ => {}
        }
        self.taken += n;
        Decision::Allowed(())
    }

    /// How long whoever comes now waits for `n`, taken one after another if
    /// they are more than the limit.
    pub fn wait(&mut self, now: Instant, n: u64) -> Duration {
        let now = self.forget(now);
        self.wait_from(now, n)
    }

    /// How many may happen at once now.
    pub fn available(&mut self, now: Instant) -> u32 {
        self.forget(now);
        self.window.limit().saturating_sub(self.taken)
    }

    /// Counts as many as are left, so that nothing may happen until some leave
    /// the window.
    pub fn drain(&mut self, now: Instant) {
        let left = self.available(now);
        let _ = self.take(now, left);
    }

    /// Strikes off what left the window. Time does not go back: a clock that
    /// does counts as standing still.
    fn forget(&mut self, now: Instant) -> Instant {
        let now = self.grants.back().map_or(now, |last| last.at.max(now));
        while let Some(oldest) = self.grants.front()
            && now.duration_since(oldest.at) >= self.window.per()
        {
            self.taken -= oldest.n;
            self.grants.pop_front();
        }
        now
    }

    fn wait_from(&self, now: Instant, n: u64) -> Duration {
        let limit = u64::from(self.window.limit());
        // Each full window behind the first takes its time once more.
        let (whole, n) = if n > limit {
            let whole = (n - 1) / limit;
            (whole, n - whole * limit)
        } else {
            (0, n)
        };
        let mut over = (u64::from(self.taken) + n).saturating_sub(limit);
        let mut wait = Duration::ZERO;
        for grant in &self.grants {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(grant.n.into());
            wait = self.window.per() - now.duration_since(grant.at).min(self.window.per());
        }
        let whole = u32::try_from(whole).unwrap_or(u32::MAX);
        wait.saturating_add(self.window.per().saturating_mul(whole))
    }
}
