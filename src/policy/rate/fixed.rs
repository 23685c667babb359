//! Cycles, one behind the other, each with room for so many.
//!
//! ```text
//!    cycle 0     cycle 1     cycle 2
//!  ├───────────┼───────────┼───────────┼──────────
//!   x x x │     y y y       y              limit = 3: four more wait,
//!        now                               three for one cycle, one for two
//! ```
//!
//! What was not used is gone with its cycle. What was used beyond the limit
//! (a debt, after a settlement) is paid by the cycles that follow.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Decision, InvalidRateLimit, at_least_one, check_time, nanos};

/// Settings of a fixed window.
///
/// # Examples
///
/// ```
/// use callboard::policy::rate::{Decision, FixedWindow, FixedWindowState};
/// use std::time::{Duration, Instant};
///
/// let a_second = Duration::from_secs(1);
/// let window = FixedWindow::new(1, a_second);
/// let now = Instant::now();
/// let mut state = FixedWindowState::new(now, window);
/// assert_eq!(state.take(now, 1), Decision::Allowed(()));
/// assert_eq!(state.take(now, 1), Decision::Denied { wait: a_second });
/// assert_eq!(state.wait(now, 3), a_second * 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FixedWindow {
    /// How many in each cycle. Default 60.
    pub limit: NonZeroU32,
    /// How long a cycle is. Default 1 min.
    #[serde(with = "humantime_serde")]
    pub per: Duration,
}

impl FixedWindow {
    /// So many in each cycle of this length; 0 counts as 1.
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
    /// A cycle without a length, or one longer than ten years.
    pub const fn validate(&self) -> Result<(), InvalidRateLimit> {
        check_time(self.per)
    }
}

impl Default for FixedWindow {
    fn default() -> Self {
        Self::new(60, Duration::from_secs(60))
    }
}

/// The cycle there is now. Cycle 0 begins with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cycle {
    begun: Instant,
    length: Duration,
}

impl Cycle {
    pub(crate) fn new(now: Instant, length: Duration) -> Self {
        Self {
            begun: now,
            length: Duration::from_nanos(nanos(length)),
        }
    }

    /// When it began.
    pub(crate) const fn begun(&self) -> Instant {
        self.begun
    }

    /// Moves on to the cycle of `now` and says how many have begun. Those
    /// behind this one are of length `next`.
    pub(crate) fn advance(&mut self, now: Instant, next: Duration) -> u64 {
        let passed = now.saturating_duration_since(self.begun);
        let Some(beyond) = passed.checked_sub(self.length) else {
            return 0;
        };
        let next = nanos(next);
        let beyond = u64::try_from(beyond.as_nanos()).unwrap_or(u64::MAX);
        let begun = 1 + beyond / next;
        self.begun = now
            .checked_sub(Duration::from_nanos(beyond % next))
            .unwrap_or(now);
        self.length = Duration::from_nanos(next);
        begun
    }

    /// How long it is until so many more have begun.
    pub(crate) fn until(&self, now: Instant, more: u64, next: Duration) -> Duration {
        let Some(behind) = more.checked_sub(1) else {
            return Duration::ZERO;
        };
        // Not negative: whoever asks has moved on to the cycle of `now`. A
        // clock that went back waits for as long again.
        let early = self.begun.saturating_duration_since(now);
        let passed = now.saturating_duration_since(self.begun);
        let rest = self.length.saturating_sub(passed).saturating_add(early);
        let behind = Duration::from_nanos(nanos(next).saturating_mul(behind));
        rest.saturating_add(behind)
    }
}

/// How much of one thing was used in a [`Cycle`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// More than the limit: a debt.
    used: u64,
    /// What this cycle had to give.
    limit: u64,
}

impl Used {
    pub(crate) const fn new(limit: u64) -> Self {
        Self { used: 0, limit }
    }

    pub(crate) const fn used(self) -> u64 {
        self.used
    }

    pub(crate) const fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Cycles have begun, each with so much to give.
    pub(crate) const fn roll(&mut self, begun: u64, limit: u64) {
        if begun > 0 {
            let debt = self.used.saturating_sub(self.limit);
            self.used = debt.saturating_sub(limit.saturating_mul(begun - 1));
            self.limit = limit;
        }
    }

    /// Another limit, at once.
    pub(crate) const fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    pub(crate) const fn add(&mut self, n: u64) {
        self.used = self.used.saturating_add(n);
    }

    pub(crate) const fn give_back(&mut self, n: u64) {
        self.used = self.used.saturating_sub(n);
    }

    /// How many cycles have to begin before there is room for `n` more.
    /// `None`: none will do.
    pub(crate) const fn cycles_until(self, n: u64, limit: u64) -> Option<u64> {
        let wanted = self.used.saturating_add(n);
        match wanted.saturating_sub(self.limit) {
            // Nothing takes no room, not even in a debt.
            _ if n == 0 => Some(0),
            0 => Some(0),
            _ if limit == 0 => None,
            missing => Some(missing.div_ceil(limit)),
        }
    }
}

/// What was used of a [`FixedWindow`].
#[derive(Clone, Copy, Debug)]
pub struct FixedWindowState {
    window: FixedWindow,
    cycle: Cycle,
    used: Used,
}

impl FixedWindowState {
    /// Creates a state whose first cycle begins now.
    #[must_use]
    pub fn new(now: Instant, window: FixedWindow) -> Self {
        Self {
            window,
            cycle: Cycle::new(now, window.per),
            used: Used::new(window.limit.get().into()),
        }
    }

    /// Puts another window in force from the next cycle on: this one keeps
    /// what it has left.
    pub fn reconfigure(&mut self, now: Instant, window: FixedWindow) {
        // The cycles that have passed were those of the old one.
        self.advance(now);
        self.window = window;
    }

    /// The most that can be taken at once, from the next cycle on.
    #[must_use]
    pub const fn most(&self) -> u32 {
        self.window.limit.get()
    }

    /// Takes `n` at once or none.
    pub fn take(&mut self, now: Instant, n: u32) -> Decision {
        self.advance(now);
        let (n, limit) = (u64::from(n), u64::from(self.window.limit.get()));
        if n > limit && n > self.used.left() {
            return Decision::Impossible;
        }
        let wait = self.wait_from(now, n);
        if !wait.is_zero() {
            return Decision::Denied { wait };
        }
        self.used.add(n);
        Decision::Allowed(())
    }

    /// How long whoever comes now waits for `n`, taken one after another if
    /// they are more than the limit.
    pub fn wait(&mut self, now: Instant, n: u64) -> Duration {
        self.advance(now);
        self.wait_from(now, n)
    }

    /// How many may happen at once now.
    pub fn available(&mut self, now: Instant) -> u32 {
        self.advance(now);
        u32::try_from(self.used.left()).unwrap_or(u32::MAX)
    }

    /// Uses up what is left of this cycle.
    pub fn drain(&mut self, now: Instant) {
        self.advance(now);
        self.used.add(self.used.left());
    }

    fn advance(&mut self, now: Instant) {
        let begun = self.cycle.advance(now, self.window.per);
        self.used.roll(begun, self.window.limit.get().into());
    }

    fn wait_from(&self, now: Instant, n: u64) -> Duration {
        let limit = self.window.limit.get().into();
        let cycles = self.used.cycles_until(n, limit).unwrap_or(u64::MAX);
        self.cycle.until(now, cycles, self.window.per)
    }
}
