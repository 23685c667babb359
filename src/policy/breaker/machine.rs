//! The breaker itself: states, permits, generations; what calls and time do to it.

use std::time::{Duration, Instant};

use super::call::{Metrics, Permit, Rejected};
use super::config::{BreakerConfig, Lapse, Recovery};
use super::event::{Cause, Event, Outcome, State, Threshold, Transition};
use super::window::{Mark, Sums, Tally};

/// A circuit breaker as plain data: no clock, no lock, no task.
///
/// It is lazy. An open breaker turns half-open when the first call after
/// `open_for` asks, or when it is told the time ([`tick`](Self::tick)), so
/// [`state`](Self::state) can say open long after that.
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
    pub(super) config: BreakerConfig,
    pub(super) generation: u64,
    /// How many trials in a row have failed.
    reopened: u32,
    pub(super) phase: Phase,
}

/// The state with what it has to remember.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Closed(Tally),
    Open {
        since: Instant,
    },
    HalfOpen {
        since: Instant,
        under_way: u32,
        made: Sums,
    },
    ForcedOpen,
    Disabled,
    MetricsOnly {
        tally: Tally,
        has_exceeded: bool,
    },
}

impl Phase {
    const fn state(&self) -> State {
        match self {
            Self::Closed(_) => State::Closed,
            Self::Open { .. } => State::Open,
            Self::HalfOpen { .. } => State::HalfOpen,
            Self::ForcedOpen => State::ForcedOpen,
            Self::Disabled => State::Disabled,
            Self::MetricsOnly { .. } => State::MetricsOnly,
        }
    }
}

/// A clock that is read once at most.
enum Clock<F> {
    Unread(F),
    Read(Instant),
    Reading,
}

impl<F: FnOnce() -> Instant> Clock<F> {
    fn now(&mut self) -> Instant {
        let now = match std::mem::replace(self, Self::Reading) {
            Self::Unread(read) => read(),
            Self::Read(now) => now,
            Self::Reading => unreachable!("a clock does not read itself"),
        };
        *self = Self::Read(now);
        now
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
            phase: Phase::Closed(Tally::new(&config)),
            config,
            generation: 0,
            reopened: 0,
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
        self.phase.state()
    }

    /// Returns what it has counted.
    #[must_use]
    pub fn metrics(&self, now: Instant) -> Metrics {
        let (sums, is_enough) = match &self.phase {
            Phase::Closed(tally) | Phase::MetricsOnly { tally, .. } => {
                let sums = tally.sums(now);
                (sums, tally.is_enough(sums, &self.config))
            }
            Phase::HalfOpen { made, .. } => (*made, false),
            Phase::Open { .. } | Phase::ForcedOpen | Phase::Disabled => return Metrics::default(),
        };
        Metrics {
            calls: sums.calls,
            failed: sums.failed,
            slow: sums.slow,
            failure_rate: is_enough.then(|| sums.failure_rate()),
            slow_rate: is_enough.then(|| sums.slow_rate()),
        }
    }

    /// Asks to make a call at `now`.
    ///
    /// Costs a look at the state while closed.
    ///
    /// # Errors
    ///
    /// The breaker is open, or half-open with all probes out. The call must
    /// not be made.
    pub fn admit(&mut self, now: Instant) -> Result<Permit, Rejected> {
        self.admit_with(|| now, &mut |_| {})
    }

    /// As [`admit`](Self::admit), and tells what happened. The clock is read
    /// once at most: a closed breaker without slow calls needs none.
    ///
    /// # Errors
    ///
    /// As [`admit`](Self::admit).
    #[inline]
    pub fn admit_with(
        &mut self,
        now: impl FnOnce() -> Instant,
        tell: &mut impl FnMut(Event),
    ) -> Result<Permit, Rejected> {
        let mut now = Clock::Unread(now);
        if !matches!(
            self.phase,
            Phase::Closed(_) | Phase::Disabled | Phase::MetricsOnly { .. }
        ) {
            self.admit_probe(now.now(), tell)?;
        }
        Ok(Permit {
            generation: self.generation,
            at: self.config.slow_after.is_some().then(|| now.now()),
        })
    }

    #[cold]
    fn admit_probe(&mut self, now: Instant, tell: &mut impl FnMut(Event)) -> Result<(), Rejected> {
        self.tick_with(now, tell);
        let retry_after = match &mut self.phase {
            Phase::Closed(_) | Phase::Disabled | Phase::MetricsOnly { .. } => return Ok(()),
            Phase::Open { since } => {
                remaining(*since, self.config.open_for_after(self.reopened), now)
            }
            Phase::ForcedOpen => self.config.open_for,
            Phase::HalfOpen {
                since,
                under_way,
                made,
            } => {
                let made = match self.config.recovery {
                    Recovery::Consecutive(_) => 0,
                    Recovery::Rates => made.calls,
                };
                if under_way.saturating_add(made) < self.config.probes.get() {
                    *under_way += 1;
                    return Ok(());
                }
                remaining(*since, self.config.half_open_for_or_default(), now)
            }
        };
        tell(Event::NotPermitted { retry_after });
        Err(Rejected { retry_after })
    }

    /// Takes a permit back with the outcome of its call.
    ///
    /// A permit from before the last change has no effect, and an ignored call
    /// only frees its place.
    pub fn record(&mut self, permit: Permit, outcome: Outcome, now: Instant) {
        self.record_with(permit, outcome, || now, &mut |_| {});
    }

    /// As [`record`](Self::record), and tells what happened. The clock is read
    /// once at most.
    #[inline]
    pub fn record_with(
        &mut self,
        permit: Permit,
        outcome: Outcome,
        now: impl FnOnce() -> Instant,
        tell: &mut impl FnMut(Event),
    ) {
        if permit.generation != self.generation {
            return;
        }
        let mut now = Clock::Unread(now);
        let is_slow = match (permit.at, self.config.slow_after) {
            (Some(at), Some(slow_after)) if outcome != Outcome::Ignored => {
                now.now().saturating_duration_since(at) >= slow_after
            }
            _ => false,
        };
        if let Phase::HalfOpen { under_way, .. } = &mut self.phase {
            *under_way = under_way.saturating_sub(1);
        }
        self.count(outcome, is_slow, now, tell);
    }

    /// Counts a failure that belongs to no call, such as a crash. In a trial, or
    /// when one is due, it is the probe that failed.
    pub fn strike(&mut self, now: Instant) {
        self.strike_with(now, &mut |_| {});
    }

    /// As [`strike`](Self::strike), and tells what happened.
    pub fn strike_with(&mut self, now: Instant, tell: &mut impl FnMut(Event)) {
        self.tick_with(now, tell);
        if let Phase::HalfOpen { .. } = self.phase {
            tell(Event::Recorded {
                outcome: Outcome::Failure,
                is_slow: false,
            });
            self.open(Cause::ProbeFailed, now, tell);
        } else {
            self.count(Outcome::Failure, false, Clock::Unread(|| now), tell);
        }
    }

    /// Takes one outcome of the present generation.
    #[inline]
    fn count(
        &mut self,
        outcome: Outcome,
        is_slow: bool,
        mut now: Clock<impl FnOnce() -> Instant>,
        tell: &mut impl FnMut(Event),
    ) {
        let is_counting = matches!(
            self.phase,
            Phase::Closed(_) | Phase::HalfOpen { .. } | Phase::MetricsOnly { .. }
        );
        if !is_counting {
            return;
        }
        tell(Event::Recorded { outcome, is_slow });
        if outcome == Outcome::Ignored {
            return;
        }
        let mark = Mark {
            is_failed: outcome == Outcome::Failure,
            is_slow,
        };
        match &mut self.phase {
            Phase::Closed(tally) => {
                tally.add(mark, || now.now());
                // After a success too: it may be the call that makes the
                // number of calls sufficient for a rate.
                if let Some(threshold) = tally.exceeded(&self.config) {
                    tell(Event::ThresholdExceeded(threshold));
                    self.open(Cause::Tripped, now.now(), tell);
                }
            }
            Phase::MetricsOnly {
                tally,
                has_exceeded,
            } => {
                tally.add(mark, || now.now());
                if !*has_exceeded && let Some(threshold) = tally.exceeded(&self.config) {
                    *has_exceeded = true;
                    tell(Event::ThresholdExceeded(threshold));
                }
            }
            Phase::HalfOpen { made, .. } => {
                made.add(mark);
                let made = *made;
                match self.verdict(made, mark) {
                    None => {}
                    Some(Verdict::Recovered) => self.close(Cause::Recovered, tell),
                    Some(Verdict::Failed(threshold)) => {
                        if let Some(threshold) = threshold {
                            tell(Event::ThresholdExceeded(threshold));
                        }
                        self.open(Cause::ProbeFailed, now.now(), tell);
                    }
                }
            }
            // No permit of this generation counts here.
            Phase::Open { .. } | Phase::ForcedOpen | Phase::Disabled => {}
        }
    }

    /// What the probes made so far say, `last` the last of them.
    fn verdict(&self, made: Sums, last: Mark) -> Option<Verdict> {
        match self.config.recovery {
            Recovery::Consecutive(successes) => {
                let is_too_slow = last.is_slow && self.config.trip.slow_rate.is_some();
                if last.is_failed || is_too_slow {
                    return Some(Verdict::Failed(None));
                }
                (made.calls >= successes.get()).then_some(Verdict::Recovered)
            }
            Recovery::Rates if made.calls < self.config.probes.get() => None,
            Recovery::Rates => Some(match made.exceeded(&self.config) {
                Some(threshold) => Verdict::Failed(Some(threshold)),
                None => Verdict::Recovered,
            }),
        }
    }

    /// Makes the changes that time alone brings about: an open breaker turns
    /// half-open, and a half-open one lapses.
    pub fn tick(&mut self, now: Instant) {
        self.tick_with(now, &mut |_| {});
    }

    /// As [`tick`](Self::tick), and tells what happened.
    pub fn tick_with(&mut self, now: Instant, tell: &mut impl FnMut(Event)) {
        if let Phase::HalfOpen { since, .. } = self.phase {
            let half_open_for = self.config.half_open_for_or_default();
            if now.saturating_duration_since(since) >= half_open_for {
                match self.config.lapse {
                    // Open since it lapsed, not since somebody noticed: otherwise
                    // a callee that is rarely called would lose every other call.
                    Lapse::Open => {
                        let lapsed = since.checked_add(half_open_for).unwrap_or(now);
                        self.open(Cause::Lapsed, lapsed, tell);
                    }
                    Lapse::Closed => self.close(Cause::Lapsed, tell),
                }
            }
        }
        if let Phase::Open { since } = self.phase
            && now.saturating_duration_since(since) >= self.config.open_for_after(self.reopened)
        {
            self.enter(State::HalfOpen, Cause::Rested, now, tell);
        }
    }

    /// Returns when time alone changes it next.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open { since } => since.checked_add(self.config.open_for_after(self.reopened)),
            Phase::HalfOpen { since, .. } => {
                since.checked_add(self.config.half_open_for_or_default())
            }
            _ => None,
        }
    }

    fn open(&mut self, cause: Cause, since: Instant, tell: &mut impl FnMut(Event)) {
        self.enter(State::Open, cause, since, tell);
    }

    fn close(&mut self, cause: Cause, tell: &mut impl FnMut(Event)) {
        self.begin(Phase::Closed(Tally::new(&self.config)), cause, tell);
    }

    pub(super) fn enter(
        &mut self,
        to: State,
        cause: Cause,
        now: Instant,
        tell: &mut impl FnMut(Event),
    ) {
        let phase = match to {
            State::Closed => Phase::Closed(Tally::new(&self.config)),
            State::Open => Phase::Open { since: now },
            State::HalfOpen => Phase::HalfOpen {
                since: now,
                under_way: 0,
                made: Sums::default(),
            },
            State::ForcedOpen => Phase::ForcedOpen,
            State::Disabled => Phase::Disabled,
            State::MetricsOnly => Phase::MetricsOnly {
                tally: Tally::new(&self.config),
                has_exceeded: false,
            },
        };
        self.begin(phase, cause, tell);
    }

    /// The one place where the state changes.
    fn begin(&mut self, phase: Phase, cause: Cause, tell: &mut impl FnMut(Event)) {
        let (from, to) = (self.state(), phase.state());
        self.phase = phase;
        // At a billion changes a second this wraps after five centuries.
        self.generation = self.generation.wrapping_add(1);
        self.reopened = match (from, to) {
            (State::HalfOpen, State::Open) => self.reopened.saturating_add(1),
            (State::Open | State::HalfOpen, State::Open | State::HalfOpen) => self.reopened,
            _ => 0,
        };
        if from != to {
            tell(Event::Changed(Transition { from, to, cause }));
        }
    }
}

/// What a trial came to.
enum Verdict {
    Recovered,
    /// Where rates decided, the one that was too high.
    Failed(Option<Threshold>),
}

fn remaining(since: Instant, whole: Duration, now: Instant) -> Duration {
    whole.saturating_sub(now.saturating_duration_since(since))
}
