//! The settings.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::invalid::InvalidBreaker;
use crate::policy::backoff::Backoff;

/// Settings of a [`Breaker`](super::Breaker).
///
/// # Examples
///
/// ```
/// use callboard::policy::breaker::BreakerConfig;
/// use std::time::Duration;
///
/// let secs = Duration::from_secs;
/// let config = BreakerConfig::failure_rate(0.5)
///     .or_slow_rate(0.8, secs(2))
///     .time_window(secs(60))
///     .min_calls(20)
///     .open_for(secs(30))
///     .probes(2);
/// assert_eq!(config.validate(), Ok(()));
/// ```
///
/// In a file, where what is missing has its default:
///
/// ```
/// # use callboard::policy::breaker::BreakerConfig;
/// # use std::time::Duration;
/// let config: BreakerConfig = serde_json::from_str(
///     r#"{ "trip": { "failure_rate": 0.5 }, "window": { "time": "1m" }, "open_for": "30s" }"#,
/// )?;
/// let secs = Duration::from_secs;
/// assert_eq!(config, BreakerConfig::failure_rate(0.5).time_window(secs(60)).open_for(secs(30)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// What opens it. Default five failures in a row: survives a blip, not an outage.
    pub trip: Trip,
    /// What the rates look back on. Default the last 100 calls.
    pub window: Window,
    /// How many calls there must be in the window before there is a rate.
    /// Default 10: one failure of one call is no rate. Never more than a
    /// window of calls holds.
    pub min_calls: NonZeroU32,
    /// A call that takes at least this long is slow. Default `None`: no call is.
    #[serde(with = "humantime_serde")]
    pub slow_after: Option<Duration>,
    /// How long it stays open before it lets a probe through. Default 60 s.
    #[serde(with = "humantime_serde")]
    pub open_for: Duration,
    /// How far `open_for` grows: it doubles each time the breaker opens again
    /// without having been closed. Default `None`: it does not grow.
    #[serde(with = "humantime_serde")]
    pub open_at_most: Option<Duration>,
    /// How an open breaker becomes half-open. Default with the first call.
    pub turns: Turns,
    /// What its probes must show to close it. Default two successes in a row:
    /// one may be luck.
    pub recovery: Recovery,
    /// How many probes may be under way at once; all there are, where
    /// [`Recovery::Rates`] decides. Default 1, so that a callee that has just
    /// come back meets no crowd.
    pub probes: NonZeroU32,
    /// How long it stays half-open without a decision. Default `None`: as long
    /// as `open_for`.
    #[serde(with = "humantime_serde")]
    pub half_open_for: Option<Duration>,
    /// What it becomes then. Default open: nobody has shown that it works.
    pub lapse: Lapse,
}

/// What opens a breaker: whichever condition is met first. One at least.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Trip {
    /// This many failures in a row.
    #[serde(default)]
    pub consecutive: Option<NonZeroU32>,
    /// This share of failures in the window, above 0 and at most 1; a rate of
    /// exactly this opens. 0.5, every other call, is a usual choice.
    #[serde(default)]
    pub failure_rate: Option<f64>,
    /// This share of slow calls in the window, likewise.
    #[serde(default)]
    pub slow_rate: Option<f64>,
}

/// What a rate looks back on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Window {
    /// The last so many calls.
    Calls(NonZeroU32),
    /// The last so much time, in sixty steps: a call counts for at least 59 of
    /// them, and leaves with its step.
    Time(#[serde(with = "humantime_serde")] Duration),
}

/// What probes must show to close a half-open breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recovery {
    /// So many successes in a row; any failure opens it again. A slow probe
    /// is a failure where slow calls can trip it.
    Consecutive(NonZeroU32),
    /// As many calls as there are probes are made; then the rates that trip it
    /// decide over these.
    Rates,
}

/// How an open breaker becomes half-open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Turns {
    /// With the first call after its wait; until then its state reads open.
    #[default]
    OnCall,
    /// When its wait is over, by a timer of the handle. Half-open lapses so, too.
    ByTimer,
}

/// What becomes of a breaker that is half-open for too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lapse {
    /// It opens again.
    #[default]
    Open,
    /// It closes: where calls are too rare to fill a trial.
    Closed,
}

const FIVE: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");
const TWO: NonZeroU32 = NonZeroU32::new(2).expect("two is not zero");
const WINDOW: NonZeroU32 = NonZeroU32::new(100).expect("a hundred is not zero");
const MIN_CALLS: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

impl Trip {
    const NEVER: Self = Self {
        consecutive: None,
        failure_rate: None,
        slow_rate: None,
    };

    /// Whether any condition is a rate.
    pub(super) const fn has_rate(&self) -> bool {
        self.failure_rate.is_some() || self.slow_rate.is_some()
    }
}

impl BreakerConfig {
    /// The longest window of calls: a breaker keeps two bytes for each call in
    /// it, and this bounds its memory.
    pub const LONGEST_WINDOW: u32 = 10_000;

    /// Opens after this many failures in a row; 0 counts as 1.
    #[must_use]
    pub const fn consecutive(failures: u32) -> Self {
        Self::with(Trip::NEVER).or_consecutive(failures)
    }

    /// Opens when this share of the last 100 calls failed, from 10 calls on.
    ///
    /// See [`window`](Self::window), [`time_window`](Self::time_window) and
    /// [`min_calls`](Self::min_calls).
    #[must_use]
    pub const fn failure_rate(threshold: f64) -> Self {
        Self::with(Trip::NEVER).or_failure_rate(threshold)
    }

    /// Opens when this share of the last 100 calls took at least `slow_after`,
    /// from 10 calls on.
    #[must_use]
    pub const fn slow_rate(threshold: f64, slow_after: Duration) -> Self {
        Self::with(Trip::NEVER).or_slow_rate(threshold, slow_after)
    }

    const fn with(trip: Trip) -> Self {
        Self {
            trip,
            window: Window::Calls(WINDOW),
            min_calls: MIN_CALLS,
            slow_after: None,
            open_for: Duration::from_secs(60),
            open_at_most: None,
            turns: Turns::OnCall,
            recovery: Recovery::Consecutive(TWO),
            probes: NonZeroU32::MIN,
            half_open_for: None,
            lapse: Lapse::Open,
        }
    }

    /// Opens after this many failures in a row, too; 0 counts as 1.
    #[must_use]
    pub const fn or_consecutive(mut self, failures: u32) -> Self {
        self.trip.consecutive = Some(at_least_one(failures));
        self
    }

    /// Opens at this share of failures, too.
    #[must_use]
    pub const fn or_failure_rate(mut self, threshold: f64) -> Self {
        self.trip.failure_rate = Some(threshold);
        self
    }

    /// Opens at this share of calls that took at least `slow_after`, too.
    #[must_use]
    pub const fn or_slow_rate(mut self, threshold: f64, slow_after: Duration) -> Self {
        self.trip.slow_rate = Some(threshold);
        self.slow_after = Some(slow_after);
        self
    }

    /// Sets how many calls the rates look back on; 0 counts as 1. Default 100.
    #[must_use]
    pub const fn window(mut self, calls: u32) -> Self {
        self.window = Window::Calls(at_least_one(calls));
        self
    }

    /// Has the rates look back on the last so much time instead of a number of
    /// calls.
    #[must_use]
    pub const fn time_window(mut self, time: Duration) -> Self {
        self.window = Window::Time(time);
        self
    }

    /// Sets how many calls there must be before there is a rate; 0 counts as
    /// 1. Default 10.
    #[must_use]
    pub const fn min_calls(mut self, calls: u32) -> Self {
        self.min_calls = at_least_one(calls);
        self
    }

    /// Sets how long it stays open before it lets a probe through. Default 60 s.
    #[must_use]
    pub const fn open_for(mut self, open_for: Duration) -> Self {
        self.open_for = open_for;
        self
    }

    /// Doubles the time it stays open, up to this, each time it opens again
    /// without having been closed. Default: it does not grow.
    #[must_use]
    pub const fn open_at_most(mut self, open_at_most: Duration) -> Self {
        self.open_at_most = Some(open_at_most);
        self
    }

    /// Sets how it becomes half-open. Default [`Turns::OnCall`].
    #[must_use]
    pub const fn turns(mut self, turns: Turns) -> Self {
        self.turns = turns;
        self
    }

    /// Sets how many probes in a row must succeed to close it; 0 counts as 1. Default 2.
    #[must_use]
    pub const fn success_threshold(mut self, successes: u32) -> Self {
        self.recovery = Recovery::Consecutive(at_least_one(successes));
        self
    }

    /// Lets exactly so many probes through, and then the rates that trip it
    /// decide over them; 0 counts as 1. Default: successes in a row decide.
    #[must_use]
    pub const fn recovery_by_rates(mut self, probes: u32) -> Self {
        self.recovery = Recovery::Rates;
        self.probes(probes)
    }

    /// Sets how many probes may be under way at once; 0 counts as 1. Default 1.
    #[must_use]
    pub const fn probes(mut self, probes: u32) -> Self {
        self.probes = at_least_one(probes);
        self
    }

    /// Sets how long it stays half-open without a decision. Default: as long
    /// as it stays open.
    #[must_use]
    pub const fn half_open_for(mut self, half_open_for: Duration) -> Self {
        self.half_open_for = Some(half_open_for);
        self
    }

    /// Sets what it becomes after that. Default [`Lapse::Open`].
    #[must_use]
    pub const fn lapse(mut self, lapse: Lapse) -> Self {
        self.lapse = lapse;
        self
    }

    /// Returns how long it stays half-open without a decision: what was set,
    /// or `open_for`.
    #[must_use]
    pub fn half_open_for_or_default(&self) -> Duration {
        self.half_open_for.unwrap_or(self.open_for)
    }

    /// Returns how long it stays open after `reopened` trials in a row failed.
    #[must_use]
    pub fn open_for_after(&self, reopened: u32) -> Duration {
        match self.open_at_most {
            None => self.open_for,
            Some(_) => self.waits().delay(reopened, 0.0),
        }
    }

    /// Returns its waits as a backoff, which starts over after a run as long as
    /// the first of them.
    #[must_use]
    pub fn waits(&self) -> Backoff {
        let waits = match self.open_at_most {
            None => Backoff::constant(self.open_for),
            Some(at_most) => Backoff::exponential(self.open_for..=at_most.max(self.open_for)),
        };
        waits.reset_after(self.open_for)
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// The first thing found that would make the breaker other than it reads.
    pub fn validate(&self) -> Result<(), InvalidBreaker> {
        if self.trip == Trip::NEVER {
            return Err(InvalidBreaker::NeverTrips);
        }
        for threshold in [self.trip.failure_rate, self.trip.slow_rate] {
            if let Some(threshold) = threshold
                && !(threshold > 0.0 && threshold <= 1.0)
            {
                return Err(InvalidBreaker::Threshold(threshold));
            }
        }
        if self.trip.slow_rate.is_some() && self.slow_after.is_none() {
            return Err(InvalidBreaker::NothingIsSlow);
        }
        if self.trip.has_rate() {
            self.validate_window()?;
        } else if self.recovery == Recovery::Rates {
            return Err(InvalidBreaker::NoRates);
        }
        if self.open_for.is_zero() {
            return Err(InvalidBreaker::NeverOpen);
        }
        if let Some(at_most) = self.open_at_most
            && at_most < self.open_for
        {
            return Err(InvalidBreaker::OpenShrinks {
                open_for: self.open_for,
                at_most,
            });
        }
        if self.half_open_for_or_default().is_zero() {
            return Err(InvalidBreaker::NeverHalfOpen);
        }
        Ok(())
    }

    fn validate_window(&self) -> Result<(), InvalidBreaker> {
        match self.window {
            Window::Time(time) if time.is_zero() => Err(InvalidBreaker::NoWindow),
            Window::Calls(calls) if calls.get() > Self::LONGEST_WINDOW => {
                Err(InvalidBreaker::WindowTooLong(calls.get()))
            }
            Window::Calls(calls) if self.min_calls > calls => {
                Err(InvalidBreaker::MinCallsAboveWindow {
                    min_calls: self.min_calls.get(),
                    window: calls.get(),
                })
            }
            Window::Time(_) | Window::Calls(_) => Ok(()),
        }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self::consecutive(FIVE.get())
    }
}

const fn at_least_one(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}
