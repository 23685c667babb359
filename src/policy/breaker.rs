//! Whether a callee that fails may be called again.
//!
//! ```text
//!                 tripped                          rested
//!   ┌────────┐ failures in a row   ┌──────┐  first call after open_for  ┌───────────┐
//!   │ closed ├─or failure rate────▶│ open ├────────────────────────────▶│ half-open │
//!   └────────┘                     └──────┘                             └──┬─────┬──┘
//!       ▲                             ▲     probe failed, or lapsed:       │     │
//!       │                             └──── no decision in half_open_for ──┘     │
//!       └────────── recovered: success_threshold probes in a row ────────────────┘
//! ```
//!
//! Every arrow begins a new generation. A [`Permit`] knows the generation it
//! was given in, so that the result of a call from before an arrow says
//! nothing about the time after it.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// Settings of a [`Breaker`].
///
/// # Examples
///
/// ```
/// use callboard::policy::breaker::BreakerConfig;
/// use std::time::Duration;
///
/// let config = BreakerConfig::failure_rate(0.5)
///     .min_calls(20)
///     .open_for(Duration::from_secs(30))
///     .probes(2);
/// assert_eq!(config.validate(), Ok(()));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// What opens it. Default five failures in a row: survives a blip, not an outage.
    pub trip: Trip,
    /// How long it stays open before it lets a probe through. Default 60 s.
    pub open_for: Duration,
    /// How many probes in a row must succeed to close it. Default 2: one may be luck.
    pub success_threshold: NonZeroU32,
    /// How many probes may be under way at once. Default 1, so that a callee
    /// that has just come back meets no crowd.
    pub probes: NonZeroU32,
    /// How long it stays half-open without a decision before it is open
    /// again. Default `None`: as long as `open_for`.
    pub half_open_for: Option<Duration>,
}

/// What opens a [`Breaker`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Trip {
    /// This many failures in a row.
    Consecutive(NonZeroU32),
    /// This share of failures among the last calls.
    FailureRate {
        /// Above 0 and at most 1; a rate of exactly this opens. It has no
        /// default: 0.5, every other call, is a usual choice.
        threshold: f64,
        /// How many calls are looked back on. Default 100.
        window: NonZeroU32,
        /// How many calls there must be before there is a rate. Default 10.
        /// Never more than the window.
        min_calls: NonZeroU32,
    },
}

const FIVE: NonZeroU32 = NonZeroU32::new(5).expect("five is not zero");
const TWO: NonZeroU32 = NonZeroU32::new(2).expect("two is not zero");
const WINDOW: NonZeroU32 = NonZeroU32::new(100).expect("a hundred is not zero");
const MIN_CALLS: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

impl BreakerConfig {
    /// The longest window of a failure rate: a breaker keeps a byte for each
    /// call in it, and this bounds its memory.
    pub const LONGEST_WINDOW: u32 = 10_000;

    /// Opens after this many failures in a row; 0 counts as 1.
    #[must_use]
    pub const fn consecutive(failures: u32) -> Self {
        Self::with(Trip::Consecutive(at_least_one(failures)))
    }

    /// Opens when this share of the last 100 calls failed, from 10 calls on.
    ///
    /// See [`window`](Self::window) and [`min_calls`](Self::min_calls).
    #[must_use]
    pub const fn failure_rate(threshold: f64) -> Self {
        Self::with(Trip::FailureRate {
            threshold,
            window: WINDOW,
            min_calls: MIN_CALLS,
        })
    }

    const fn with(trip: Trip) -> Self {
        Self {
            trip,
            open_for: Duration::from_secs(60),
            success_threshold: TWO,
            probes: NonZeroU32::MIN,
            half_open_for: None,
        }
    }

    /// Sets how many calls a failure rate looks back on; 0 counts as 1. Default 100.
    ///
    /// A breaker that trips on failures in a row has no window and stays as it is.
    #[must_use]
    pub const fn window(mut self, calls: u32) -> Self {
        if let Trip::FailureRate {
            threshold,
            min_calls,
            ..
        } = self.trip
        {
            let window = at_least_one(calls);
            self.trip = Trip::FailureRate {
                threshold,
                window,
                min_calls,
            };
        }
        self
    }

    /// Sets how many calls there must be before there is a rate; 0 counts as
    /// 1. Default 10.
    ///
    /// A breaker that trips on failures in a row has no rate and stays as it is.
    #[must_use]
    pub const fn min_calls(mut self, calls: u32) -> Self {
        if let Trip::FailureRate {
            threshold, window, ..
        } = self.trip
        {
            let min_calls = at_least_one(calls);
            self.trip = Trip::FailureRate {
                threshold,
                window,
                min_calls,
            };
        }
        self
    }

    /// Sets how long it stays open before it lets a probe through. Default 60 s.
    #[must_use]
    pub const fn open_for(mut self, open_for: Duration) -> Self {
        self.open_for = open_for;
        self
    }

    /// Sets how many probes in a row must succeed to close it; 0 counts as 1. Default 2.
    #[must_use]
    pub const fn success_threshold(mut self, successes: u32) -> Self {
        self.success_threshold = at_least_one(successes);
        self
    }

    /// Sets how many probes may be under way at once; 0 counts as 1. Default 1.
    #[must_use]
    pub const fn probes(mut self, probes: u32) -> Self {
        self.probes = at_least_one(probes);
        self
    }

    /// Sets how long it stays half-open without a decision before it is open
    /// again. Default: as long as it stays open.
    #[must_use]
    pub const fn half_open_for(mut self, half_open_for: Duration) -> Self {
        self.half_open_for = Some(half_open_for);
        self
    }

    /// Returns how long it stays half-open without a decision: what was set,
    /// or `open_for`.
    #[must_use]
    pub fn half_open_for_or_default(&self) -> Duration {
        self.half_open_for.unwrap_or(self.open_for)
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// The first thing found that would make the breaker other than it reads.
    pub fn validate(&self) -> Result<(), InvalidBreaker> {
        if let Trip::FailureRate {
            threshold,
            window,
            min_calls,
        } = self.trip
        {
            if !(threshold > 0.0 && threshold <= 1.0) {
                return Err(InvalidBreaker::Threshold(threshold));
            }
            if window.get() > Self::LONGEST_WINDOW {
                return Err(InvalidBreaker::WindowTooLong(window.get()));
            }
            if min_calls > window {
                return Err(InvalidBreaker::MinCallsAboveWindow {
                    min_calls: min_calls.get(),
                    window: window.get(),
                });
            }
        }
        if self.open_for.is_zero() {
            return Err(InvalidBreaker::NeverOpen);
        }
        if self.half_open_for_or_default().is_zero() {
            return Err(InvalidBreaker::NeverHalfOpen);
        }
        Ok(())
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self::with(Trip::Consecutive(FIVE))
    }
}

const fn at_least_one(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(n) => n,
        None => NonZeroU32::MIN,
    }
}

/// Why a [`BreakerConfig`] was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidBreaker {
    /// The failure rate that opens is not above 0 and at most 1.
    Threshold(f64),
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
    /// A breaker that is half-open for no time sees no probe come back.
    NeverHalfOpen,
}

impl fmt::Display for InvalidBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threshold(threshold) => {
                write!(
                    f,
                    "the failure rate {threshold} is not above 0 and at most 1"
                )
            }
            Self::WindowTooLong(window) => {
                let most = BreakerConfig::LONGEST_WINDOW;
                write!(f, "a window of {window} calls is longer than {most}")
            }
            Self::MinCallsAboveWindow { min_calls, window } => {
                write!(f, "{min_calls} calls never fit a window of {window}")
            }
            Self::NeverOpen => f.write_str("the breaker is open for no time"),
            Self::NeverHalfOpen => f.write_str("the breaker is half-open for no time"),
        }
    }
}

impl Error for InvalidBreaker {}

/// Where a [`Breaker`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls go through and are counted.
    Closed,
    /// Calls are rejected.
    Open,
    /// A few calls go through as probes.
    HalfOpen,
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

/// Why a [`Breaker`] changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Closed to open: too many failures.
    Tripped,
    /// Open to half-open: a call came after `open_for`.
    Rested,
    /// Half-open to closed: enough probes in a row succeeded.
    Recovered,
    /// Half-open to open: a probe failed.
    ProbeFailed,
    /// Half-open to open: `half_open_for` passed without a decision.
    Lapsed,
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

impl Transition {
    const fn new(cause: Cause) -> Self {
        let (from, to) = match cause {
            Cause::Tripped => (State::Closed, State::Open),
            Cause::Rested => (State::Open, State::HalfOpen),
            Cause::Recovered => (State::HalfOpen, State::Closed),
            Cause::ProbeFailed | Cause::Lapsed => (State::HalfOpen, State::Open),
        };
        Self { from, to, cause }
    }
}

/// The changes of state that time brought about, noticed in one [`Breaker::admit`].
///
/// Empty for almost every call. Two at most: lapsed, then rested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transitions {
    lapsed: bool,
    rested: bool,
}

impl Transitions {
    /// Returns whether nothing changed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !(self.lapsed || self.rested)
    }
}

impl IntoIterator for Transitions {
    type Item = Transition;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Transition>, 2>>;

    /// Yields the changes in the order in which they happened.
    fn into_iter(self) -> Self::IntoIter {
        let lapsed = self.lapsed.then(|| Transition::new(Cause::Lapsed));
        let rested = self.rested.then(|| Transition::new(Cause::Rested));
        [lapsed, rested].into_iter().flatten()
    }
}

/// The right to make one call.
///
/// Give it back with [`Breaker::record`], once, however the call ends: a probe
/// that is cancelled is [`Outcome::Ignored`]. A permit of an earlier
/// generation may be given back or forgotten; it has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a permit must be given back with the outcome of the call"]
pub struct Permit {
    generation: u64,
    transitions: Transitions,
}

impl Permit {
    /// Returns what asking for this permit changed.
    #[must_use]
    pub const fn transitions(&self) -> Transitions {
        self.transitions
    }
}

/// A call that was not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rejected {
    /// How long until it is worth asking again; never zero.
    ///
    /// Open: until the first probe. Half-open, with all probes under way:
    /// until that state lapses, since nobody knows when a probe will answer.
    pub retry_after: Duration,
    /// What asking changed.
    pub transitions: Transitions,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the breaker is open, retry after {:?}", self.retry_after)
    }
}

impl Error for Rejected {}

/// A circuit breaker as plain data: no clock, no lock, no task.
///
/// It is lazy. An open breaker turns half-open when the first call after
/// `open_for` asks, so [`state`](Self::state) can say open long after that.
///
/// # Examples
///
/// ```
/// use callboard::policy::breaker::{Breaker, BreakerConfig, Outcome, State};
/// use std::time::{Duration, Instant};
///
/// let open_for = Duration::from_secs(60);
/// let mut breaker = Breaker::new(BreakerConfig::consecutive(1).success_threshold(1));
/// let now = Instant::now();
///
/// let call = breaker.admit(now)?;
/// breaker.record(call, Outcome::Failure, now);
/// assert_eq!(breaker.state(), State::Open);
/// assert_eq!(breaker.admit(now).unwrap_err().retry_after, open_for);
///
/// let later = now + open_for;
/// let probe = breaker.admit(later)?;
/// breaker.record(probe, Outcome::Success, later);
/// assert_eq!(breaker.state(), State::Closed);
/// # Ok::<(), callboard::policy::breaker::Rejected>(())
/// ```
#[derive(Clone, Debug)]
pub struct Breaker {
    config: BreakerConfig,
    generation: u64,
    phase: Phase,
}

/// The state with what it has to remember.
#[derive(Clone, Debug)]
enum Phase {
    Closed(Tally),
    Open {
        since: Instant,
    },
    HalfOpen {
        since: Instant,
        under_way: u32,
        successes: u32,
    },
}

/// What a closed breaker has counted.
#[derive(Clone, Debug, Default)]
struct Tally {
    /// Failures since the last success.
    in_a_row: u32,
    /// Whether each call in the window failed, oldest first. Grows with the
    /// calls; empty if no rate is asked for.
    window: VecDeque<bool>,
    /// How many in the window are true.
    failed: u32,
}

impl Tally {
    fn add(&mut self, failed: bool, trip: &Trip) {
        self.in_a_row = if failed {
            self.in_a_row.saturating_add(1)
        } else {
            0
        };
        let Trip::FailureRate { window, .. } = trip else {
            return;
        };
        // Clamped, since settings that were not validated must not decide
        // about memory.
        let window = window.get().min(BreakerConfig::LONGEST_WINDOW) as usize;
        while self.window.len() >= window {
            let oldest = self.window.pop_front().unwrap_or(false);
            self.failed = self.failed.saturating_sub(oldest.into());
        }
        self.window.push_back(failed);
        self.failed = self.failed.saturating_add(failed.into());
    }

    fn rate(&self, trip: &Trip) -> Option<f64> {
        let Trip::FailureRate {
            window, min_calls, ..
        } = trip
        else {
            return None;
        };
        let longest = window.get().min(BreakerConfig::LONGEST_WINDOW);
        let min_calls = min_calls.get().min(longest) as usize;
        let calls = self.window.len();
        (calls >= min_calls).then(|| f64::from(self.failed) / calls as f64)
    }

    fn is_tripped(&self, trip: &Trip) -> bool {
        match trip {
            Trip::Consecutive(failures) => self.in_a_row >= failures.get(),
            Trip::FailureRate { threshold, .. } => {
                self.rate(trip).is_some_and(|rate| rate >= *threshold)
            }
        }
    }
}

impl Breaker {
    /// Creates a closed breaker.
    ///
    /// Settings that [`BreakerConfig::validate`] refuses are safe here, but
    /// may give a breaker that never opens or always does.
    #[must_use]
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            generation: 0,
            phase: Phase::Closed(Tally::default()),
        }
    }

    /// Returns the settings.
    #[must_use]
    pub const fn config(&self) -> &BreakerConfig {
        &self.config
    }

    /// Returns the state as of the last call: time alone changes nothing.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.phase {
            Phase::Closed(_) => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Returns the share of failures in the window.
    ///
    /// `None` while there are fewer calls than `min_calls`, unless closed, and
    /// in a breaker that trips on failures in a row.
    #[must_use]
    pub fn failure_rate(&self) -> Option<f64> {
        match &self.phase {
            Phase::Closed(tally) => tally.rate(&self.config.trip),
            Phase::Open { .. } | Phase::HalfOpen { .. } => None,
        }
    }

    /// Asks to make a call at `now`.
    ///
    /// Costs a look at the state while closed.
    ///
    /// # Errors
    ///
    /// The breaker is open, or half-open with all probes under way. The call
    /// must not be made.
    pub fn admit(&mut self, now: Instant) -> Result<Permit, Rejected> {
        let transitions = self.pass_time(now);
        let retry_after = match &mut self.phase {
            Phase::Closed(_) => None,
            Phase::Open { since } => Some(remaining(*since, self.config.open_for, now)),
            Phase::HalfOpen {
                since, under_way, ..
            } => {
                if *under_way < self.config.probes.get() {
                    *under_way = under_way.saturating_add(1);
                    None
                } else {
                    Some(remaining(
                        *since,
                        self.config.half_open_for_or_default(),
                        now,
                    ))
                }
            }
        };
        match retry_after {
            None => Ok(Permit {
                generation: self.generation,
                transitions,
            }),
            Some(retry_after) => Err(Rejected {
                retry_after,
                transitions,
            }),
        }
    }

    /// Takes a permit back with the outcome of its call.
    ///
    /// Returns the change of state this made, if any. A permit from before the
    /// last change has no effect, and an ignored call only frees its place.
    pub fn record(&mut self, permit: Permit, outcome: Outcome, now: Instant) -> Option<Transition> {
        if permit.generation != self.generation {
            return None;
        }
        let cause = match &mut self.phase {
            Phase::Closed(tally) => {
                match outcome {
                    Outcome::Success => tally.add(false, &self.config.trip),
                    Outcome::Failure => tally.add(true, &self.config.trip),
                    Outcome::Ignored => return None,
                }
                // After a success too: it may be the call that makes the
                // number of calls sufficient for a rate.
                tally
                    .is_tripped(&self.config.trip)
                    .then_some(Cause::Tripped)
            }
            Phase::HalfOpen {
                under_way,
                successes,
                ..
            } => {
                *under_way = under_way.saturating_sub(1);
                match outcome {
                    Outcome::Success => {
                        *successes = successes.saturating_add(1);
                        let is_enough = *successes >= self.config.success_threshold.get();
                        is_enough.then_some(Cause::Recovered)
                    }
                    Outcome::Failure => Some(Cause::ProbeFailed),
                    Outcome::Ignored => None,
                }
            }
            // No permit is given while open, so none has this generation.
            Phase::Open { .. } => None,
        };
        let cause = cause?;
        let phase = if cause == Cause::Recovered {
            Phase::Closed(Tally::default())
        } else {
            Phase::Open { since: now }
        };
        self.enter(phase);
        Some(Transition::new(cause))
    }

    /// Makes the changes that time alone has brought about.
    fn pass_time(&mut self, now: Instant) -> Transitions {
        let mut transitions = Transitions::default();
        if let Phase::HalfOpen { since, .. } = self.phase {
            let half_open_for = self.config.half_open_for_or_default();
            if now.saturating_duration_since(since) >= half_open_for {
                // Open since it lapsed, not since somebody noticed: otherwise
                // a callee that is rarely called would lose every other call.
                let lapsed = since.checked_add(half_open_for).unwrap_or(now);
                self.enter(Phase::Open { since: lapsed });
                transitions.lapsed = true;
            }
        }
        if let Phase::Open { since } = self.phase
            && now.saturating_duration_since(since) >= self.config.open_for
        {
            self.enter(Phase::HalfOpen {
                since: now,
                under_way: 0,
                successes: 0,
            });
            transitions.rested = true;
        }
        transitions
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        // At a billion changes a second this wraps after five centuries.
        self.generation = self.generation.wrapping_add(1);
    }
}

fn remaining(since: Instant, whole: Duration, now: Instant) -> Duration {
    whole.saturating_sub(now.saturating_duration_since(since))
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Failure, Ignored, Success};
    use super::*;
    use proptest::prelude::*;

    const OPEN_FOR: Duration = Duration::from_secs(60);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn call(breaker: &mut Breaker, outcome: Outcome, now: Instant) -> Option<Transition> {
        let permit = breaker.admit(now).expect("the call should be admitted");
        breaker.record(permit, outcome, now)
    }

    fn calls(breaker: &mut Breaker, outcomes: &[Outcome], now: Instant) {
        for outcome in outcomes {
            call(breaker, *outcome, now);
        }
    }

    fn tripped_at(now: Instant, config: BreakerConfig) -> Breaker {
        let mut breaker = Breaker::new(config);
        while breaker.state() == State::Closed {
            call(&mut breaker, Failure, now);
        }
        breaker
    }

    fn causes(transitions: Transitions) -> Vec<Cause> {
        transitions
            .into_iter()
            .map(|transition| transition.cause)
            .collect()
    }

    #[test]
    fn a_new_breaker_is_closed_and_has_no_rate() {
        let breaker = Breaker::new(BreakerConfig::failure_rate(0.5));
        assert_eq!(breaker.state(), State::Closed);
        assert_eq!(breaker.failure_rate(), None);
    }

    #[test]
    fn the_fifth_failure_in_a_row_opens_it() {
        let t0 = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig::default());
        for _ in 0..4 {
            assert_eq!(call(&mut breaker, Failure, t0), None);
        }
        let transition = call(&mut breaker, Failure, t0).expect("the fifth opens");
        assert_eq!(transition, Transition::new(Cause::Tripped));
        assert_eq!(
            (transition.from, transition.to),
            (State::Closed, State::Open)
        );
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn a_success_ends_a_row_of_failures_and_an_ignored_call_does_not() {
        let t0 = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig::consecutive(2));
        calls(&mut breaker, &[Failure, Success, Failure, Ignored], t0);
        assert_eq!(breaker.state(), State::Closed);
        calls(&mut breaker, &[Failure], t0);
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn it_opens_with_the_call_that_completes_the_minimum_even_if_that_succeeds() {
        let t0 = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig::failure_rate(0.5).window(5).min_calls(5));
        calls(&mut breaker, &[Failure, Failure, Failure, Success], t0);
        assert_eq!(breaker.state(), State::Closed);
        assert_eq!(breaker.failure_rate(), None);
        let fifth = call(&mut breaker, Success, t0);
        assert_eq!(fifth, Some(Transition::new(Cause::Tripped)));
    }

    #[test]
    fn a_rate_of_exactly_the_threshold_opens_it() {
        let t0 = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig::failure_rate(0.5).window(4).min_calls(4));
        calls(&mut breaker, &[Success, Failure, Success, Failure], t0);
        assert_eq!(breaker.state(), State::Open);
    }

    #[test]
    fn the_window_slides_call_by_call() {
        let t0 = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig::failure_rate(0.6).window(5).min_calls(5));
        calls(&mut breaker, &[Success; 5], t0);
        assert_eq!(breaker.failure_rate(), Some(0.0));
        calls(&mut breaker, &[Failure, Failure], t0);
        assert_eq!(breaker.failure_rate(), Some(0.4));
        assert_eq!(
            call(&mut breaker, Failure, t0),
            Some(Transition::new(Cause::Tripped))
        );
        assert_eq!(
            breaker.failure_rate(),
            None,
            "an open breaker measures nothing"
        );
    }

    #[test]
    fn an_open_breaker_rejects_and_says_how_long() {
        let t0 = Instant::now();
        let mut breaker = tripped_at(t0, BreakerConfig::default().open_for(secs(5)));
        let rejected = breaker.admit(t0 + secs(3)).unwrap_err();
        assert_eq!(rejected.retry_after, secs(2));
        assert!(rejected.transitions.is_empty());
        assert_eq!(rejected.to_string(), "the breaker is open, retry after 2s");
    }

    #[test]
    fn the_first_call_after_the_wait_is_a_probe() {
        let t0 = Instant::now();
        let mut breaker = tripped_at(t0, BreakerConfig::default().open_for(secs(5)));
        assert_eq!(breaker.state(), State::Open);
        let probe = breaker.admit(t0 + secs(5)).expect("it has rested");
        assert_eq!(breaker.state(), State::HalfOpen);
        assert_eq!(causes(probe.transitions()), [Cause::Rested]);
    }

    #[test]
    fn half_open_admits_its_probes_and_no_more() {
        let t0 = Instant::now();
        let probe = t0 + OPEN_FOR;
        let mut breaker = tripped_at(t0, BreakerConfig::default().probes(4));
        let admitted = [(); 6].map(|()| breaker.admit(probe + secs(1)).is_ok());
        assert_eq!(admitted, [true, true, true, true, false, false]);
        let rejected = breaker.admit(probe + secs(21)).unwrap_err();
        assert_eq!(rejected.retry_after, secs(40), "until half-open lapses");
    }

    #[test]
    fn two_probes_in_a_row_close_it_with_a_clean_slate() {
        let t0 = Instant::now();
        let probe = t0 + OPEN_FOR;
        let config = BreakerConfig::failure_rate(0.5).window(2).min_calls(2);
        let mut breaker = tripped_at(t0, config);
        assert_eq!(call(&mut breaker, Success, probe), None);
        let second = call(&mut breaker, Success, probe);
        assert_eq!(second, Some(Transition::new(Cause::Recovered)));
        assert_eq!(breaker.failure_rate(), None);
        assert_eq!(
            call(&mut breaker, Failure, probe),
            None,
            "old failures are gone"
        );
    }

    #[test]
    fn after_a_recovery_the_row_of_failures_starts_at_none() {
        let t0 = Instant::now();
        let mut breaker = tripped_at(t0, BreakerConfig::consecutive(2).success_threshold(1));
        calls(&mut breaker, &[Success, Failure], t0 + OPEN_FOR);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_failed_probe_opens_it_for_another_wait() {
        let t0 = Instant::now();
        let probe = t0 + OPEN_FOR;
        let mut breaker = tripped_at(t0, BreakerConfig::default());
        call(&mut breaker, Success, probe);
        let failed = call(&mut breaker, Failure, probe + secs(1));
        assert_eq!(failed, Some(Transition::new(Cause::ProbeFailed)));
        let rejected = breaker.admit(probe + secs(2)).unwrap_err();
        assert_eq!(
            rejected.retry_after,
            OPEN_FOR - secs(1),
            "counted from the failure"
        );
    }

    #[test]
    fn an_ignored_probe_gives_its_place_to_the_next_and_counts_neither_way() {
        let t0 = Instant::now();
        let probe = t0 + OPEN_FOR;
        let mut breaker = tripped_at(t0, BreakerConfig::default().success_threshold(4));
        calls(&mut breaker, &[Ignored, Ignored, Ignored, Ignored], probe);
        calls(&mut breaker, &[Success, Success, Success, Ignored], probe);
        assert_eq!(breaker.state(), State::HalfOpen);
        calls(&mut breaker, &[Success], probe);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_probe_that_never_comes_back_opens_it_again_and_then_the_next_may_try() {
        let t0 = Instant::now();
        let config = BreakerConfig::default()
            .open_for(secs(10))
            .half_open_for(secs(4));
        let mut breaker = tripped_at(t0, config);
        let lost = breaker.admit(t0 + secs(10)).expect("it has rested");

        let rejected = breaker.admit(t0 + secs(15)).unwrap_err();
        assert_eq!(causes(rejected.transitions), [Cause::Lapsed]);
        assert_eq!(
            rejected.retry_after,
            secs(9),
            "open since it lapsed, a second ago"
        );

        let next = breaker.admit(t0 + secs(24)).expect("it has rested again");
        assert_eq!(breaker.record(lost, Failure, t0 + secs(24)), None);
        assert_eq!(
            breaker.state(),
            State::HalfOpen,
            "the lost one speaks for its own time"
        );
        assert_eq!(breaker.record(next, Success, t0 + secs(24)), None);
    }

    #[test]
    fn a_lapse_that_nobody_noticed_costs_no_call() {
        let t0 = Instant::now();
        let mut breaker = tripped_at(t0, BreakerConfig::default());
        let _ = breaker.admit(t0 + OPEN_FOR).expect("it has rested");
        let much_later = t0 + secs(3_600);
        let permit = breaker
            .admit(much_later)
            .expect("it lapsed and rested meanwhile");
        assert_eq!(causes(permit.transitions()), [Cause::Lapsed, Cause::Rested]);
    }

    #[test]
    fn a_result_from_before_the_change_has_no_effect() {
        let t0 = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig::consecutive(1).success_threshold(1));
        let slow = [(); 3].map(|()| breaker.admit(t0).expect("closed"));
        call(&mut breaker, Failure, t0);

        assert_eq!(breaker.record(slow[0], Success, t0), None);
        assert_eq!(breaker.state(), State::Open);
        let probe = breaker.admit(t0 + OPEN_FOR).expect("it has rested");
        assert_eq!(breaker.record(slow[1], Success, t0 + OPEN_FOR), None);
        assert_eq!(breaker.state(), State::HalfOpen);
        let _ = breaker.record(probe, Success, t0 + OPEN_FOR);
        assert_eq!(breaker.record(slow[2], Failure, t0 + OPEN_FOR), None);
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn settings_read_as_they_are_written() {
        let default = BreakerConfig::default();
        assert_eq!(default, BreakerConfig::consecutive(5));
        assert_eq!(default.open_for, OPEN_FOR);
        assert_eq!(default.half_open_for_or_default(), OPEN_FOR);
        assert_eq!(
            (default.success_threshold.get(), default.probes.get()),
            (2, 1)
        );
        assert_eq!(
            default.clone().window(3).min_calls(3),
            default,
            "nothing to set"
        );
        assert_eq!(BreakerConfig::consecutive(0), BreakerConfig::consecutive(1));
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        for threshold in [0.0, -0.5, 1.1, f64::NAN] {
            let config = BreakerConfig::failure_rate(threshold);
            assert!(matches!(
                config.validate(),
                Err(InvalidBreaker::Threshold(_))
            ));
        }
        let rate = BreakerConfig::failure_rate(1.0);
        assert_eq!(rate.validate(), Ok(()));
        assert_eq!(
            rate.clone().window(10_001).validate(),
            Err(InvalidBreaker::WindowTooLong(10_001))
        );
        assert_eq!(
            rate.window(5).validate(),
            Err(InvalidBreaker::MinCallsAboveWindow {
                min_calls: 10,
                window: 5
            })
        );
        let default = BreakerConfig::default();
        assert_eq!(
            default.clone().open_for(Duration::ZERO).validate(),
            Err(InvalidBreaker::NeverOpen)
        );
        assert_eq!(
            default.half_open_for(Duration::ZERO).validate(),
            Err(InvalidBreaker::NeverHalfOpen)
        );
    }

    #[test]
    fn a_window_shorter_than_the_minimum_still_has_a_rate() {
        let t0 = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig::failure_rate(0.9).window(2).min_calls(9));
        calls(&mut breaker, &[Failure, Success], t0);
        assert_eq!(breaker.failure_rate(), Some(0.5));
    }

    #[test]
    fn unchecked_settings_do_not_take_unbounded_memory() {
        let t0 = Instant::now();
        let mut breaker = Breaker::new(BreakerConfig::failure_rate(f64::NAN).window(u32::MAX));
        for _ in 0..11_000 {
            call(&mut breaker, Failure, t0);
        }
        let Phase::Closed(tally) = &breaker.phase else {
            panic!("not a number is never reached");
        };
        assert_eq!(tally.window.len(), 10_000);
        assert_eq!(breaker.failure_rate(), Some(1.0));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Admit,
        Wait(u64),
        /// Gives back the permit at this index, modulo how many are out.
        Record(usize, Outcome),
        /// Forgets one, as a leaked call would.
        Lose(usize),
    }

    fn any_outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![Just(Success), Just(Failure), Just(Ignored)]
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => Just(Step::Admit),
            1 => (0_u64..40).prop_map(Step::Wait),
            6 => (any::<usize>(), any_outcome()).prop_map(|(i, outcome)| Step::Record(i, outcome)),
            1 => any::<usize>().prop_map(Step::Lose),
        ]
    }

    fn any_config() -> impl Strategy<Value = BreakerConfig> {
        let trip = prop_oneof![
            (1_u32..4).prop_map(BreakerConfig::consecutive),
            (0.01..=1.0, 1_u32..8, 1_u32..8).prop_map(|(rate, window, min)| {
                BreakerConfig::failure_rate(rate)
                    .window(window)
                    .min_calls(min)
            }),
        ];
        (trip, 1_u64..30, 1_u64..30, 1_u32..4, 1_u32..4).prop_map(
            |(config, open, half, successes, probes)| {
                config
                    .open_for(secs(open))
                    .half_open_for(secs(half))
                    .success_threshold(successes)
                    .probes(probes)
            },
        )
    }

    proptest! {
        #[test]
        fn probes_under_way_never_exceed_the_limit_and_nothing_is_stuck(
            config in any_config(),
            steps in proptest::collection::vec(any_step(), 1..120),
        ) {
            let mut breaker = Breaker::new(config.clone());
            let mut now = Instant::now();
            let mut out: Vec<Permit> = Vec::new();
            let mut state = State::Closed;
            for step in steps {
                let generation = breaker.generation;
                let transitions: Vec<Transition> = match step {
                    Step::Admit => match breaker.admit(now) {
                        Ok(permit) => {
                            out.push(permit);
                            permit.transitions().into_iter().collect()
                        }
                        Err(rejected) => {
                            prop_assert!(rejected.retry_after > Duration::ZERO);
                            rejected.transitions.into_iter().collect()
                        }
                    },
                    Step::Wait(s) => {
                        now += secs(s);
                        Vec::new()
                    }
                    Step::Record(i, outcome) if !out.is_empty() => {
                        let permit = out.swap_remove(i % out.len());
                        let transition = breaker.record(permit, outcome, now);
                        if permit.generation != generation {
                            prop_assert_eq!(transition, None);
                        }
                        if transition.is_some() {
                            prop_assert_ne!(outcome, Ignored);
                        }
                        transition.into_iter().collect()
                    }
                    Step::Lose(i) if !out.is_empty() => {
                        let _ = out.swap_remove(i % out.len());
                        Vec::new()
                    }
                    Step::Record(..) | Step::Lose(_) => Vec::new(),
                };

                // The transitions tell the whole story, in order.
                for transition in transitions {
                    prop_assert_eq!(transition.from, state);
                    state = transition.to;
                }
                prop_assert_eq!(breaker.state(), state);

                if state == State::HalfOpen {
                    let probes = out.iter().filter(|p| p.generation == breaker.generation).count();
                    prop_assert!(probes <= config.probes.get() as usize);
                }

                // Whatever happened, somebody who does as told gets through.
                let mut patient = breaker.clone();
                let mut later = now;
                let mut tries = 0;
                while let Err(rejected) = patient.admit(later) {
                    later += rejected.retry_after;
                    tries += 1;
                    prop_assert!(tries <= 2, "stuck in {:?}", patient);
                }
            }
        }

        #[test]
        fn an_older_permit_changes_nothing_at_all(
            config in any_config(),
            steps in proptest::collection::vec((0_u64..10, any_outcome()), 1..60),
            stale in any_outcome(),
        ) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(config);
            let mut old = Vec::new();
            for (wait, outcome) in steps {
                now += secs(wait);
                if let Ok(permit) = breaker.admit(now) {
                    breaker.record(permit, outcome, now);
                    old.push(permit);
                }
                for permit in old.iter().filter(|p| p.generation != breaker.generation) {
                    let mut disturbed = breaker.clone();
                    prop_assert_eq!(disturbed.record(*permit, stale, now), None);
                    prop_assert_eq!(format!("{disturbed:?}"), format!("{breaker:?}"));
                }
            }
        }

        #[test]
        fn the_rate_agrees_with_a_list_of_all_calls(
            window in 1_u32..10,
            min_calls in 1_u32..10,
            outcomes in proptest::collection::vec(any_outcome(), 1..60),
        ) {
            let t0 = Instant::now();
            // Above every rate, so that it stays closed.
            let config = BreakerConfig::failure_rate(2.0).window(window).min_calls(min_calls);
            let mut breaker = Breaker::new(config);
            let mut counted = Vec::new();
            for outcome in outcomes {
                call(&mut breaker, outcome, t0);
                if outcome != Ignored {
                    counted.push(outcome == Failure);
                }
                let recent: Vec<_> = counted.iter().rev().take(window as usize).collect();
                let expected = (recent.len() >= min_calls.min(window) as usize).then(|| {
                    recent.iter().filter(|failed| ***failed).count() as f64 / recent.len() as f64
                });
                prop_assert_eq!(breaker.failure_rate(), expected);
            }
        }

        #[test]
        fn no_times_and_no_settings_make_it_panic(
            threshold in proptest::num::f64::ANY,
            sizes in any::<(u32, u32, u32, u32)>(),
            waits in any::<(u64, u64)>(),
            steps in proptest::collection::vec((any::<u32>(), any_outcome()), 1..60),
        ) {
            let config = BreakerConfig::failure_rate(threshold)
                .window(sizes.0)
                .min_calls(sizes.1)
                .success_threshold(sizes.2)
                .probes(sizes.3)
                .open_for(Duration::from_nanos(waits.0))
                .half_open_for(Duration::from_secs(waits.1));
            let _ = config.validate();
            let t0 = Instant::now();
            let mut breaker = Breaker::new(config);
            for (at, outcome) in steps {
                // In no order: the clock may go back.
                let now = t0 + Duration::from_millis(at.into());
                if let Ok(permit) = breaker.admit(now) {
                    breaker.record(permit, outcome, now);
                }
            }
        }
    }
}
