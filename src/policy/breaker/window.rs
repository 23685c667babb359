//! What a breaker has counted: sums over a ring, O(1) a call.
//!
//! ```text
//!  calls   ▢▢▣▢▢▣▣▢   one mark a call; the oldest is taken out of the sums
//!            ▲ next
//!  time    4│7│0│2│…  sixty steps of the window; a step that has passed is
//!            ▲ now    taken out of the sums whole
//! ```

use std::time::{Duration, Instant};

use super::config::{BreakerConfig, Window};
use super::event::Threshold;

/// Steps in a window of time.
const STEPS: usize = 60;

/// How a counted call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) is_failed: bool,
    pub(super) is_slow: bool,
}

/// How many calls, and of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) calls: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
}

impl Sums {
    const ZERO: Self = Self {
        calls: 0,
        failed: 0,
        slow: 0,
    };

    /// The call is one of the total, however many kinds it is of.
    pub(super) fn add(&mut self, mark: Mark) {
        self.calls = self.calls.saturating_add(1);
        self.failed = self.failed.saturating_add(mark.is_failed.into());
        self.slow = self.slow.saturating_add(mark.is_slow.into());
    }

    fn remove(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failed = self.failed.saturating_sub(other.failed);
        self.slow = self.slow.saturating_sub(other.slow);
    }

    pub(super) fn failure_rate(&self) -> f64 {
        f64::from(self.failed) / f64::from(self.calls.max(1))
    }

    pub(super) fn slow_rate(&self) -> f64 {
        f64::from(self.slow) / f64::from(self.calls.max(1))
    }

    /// The rate that opens, where there is one.
    pub(super) fn exceeded(&self, config: &BreakerConfig) -> Option<Threshold> {
        let (failed, slow) = (self.failure_rate(), self.slow_rate());
        if config.trip.failure_rate.is_some_and(|most| failed >= most) {
            Some(Threshold::FailureRate(failed))
        } else if config.trip.slow_rate.is_some_and(|most| slow >= most) {
            Some(Threshold::SlowRate(slow))
        } else {
            None
        }
    }
}

/// What a closed breaker has counted.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Failures since the last success.
    in_a_row: u32,
    /// Of what is in the ring.
    sums: Sums,
    ring: Ring,
}

#[derive(Clone, Debug)]
enum Ring {
    /// Nothing leaves: no rate is asked for.
    Endless,
    Calls(CallRing),
    Time(TimeRing),
}

impl Tally {
    pub(super) fn new(config: &BreakerConfig) -> Self {
        let ring = match config.window {
            _ if !config.trip.has_rate() => Ring::Endless,
            Window::Calls(calls) => Ring::Calls(CallRing::new(calls.get())),
            Window::Time(time) => Ring::Time(TimeRing::new(time)),
        };
        Self {
            in_a_row: 0,
            sums: Sums::ZERO,
            ring,
        }
    }

    /// `now` is read where the window is one of time.
    pub(super) fn add(&mut self, mark: Mark, now: impl FnOnce() -> Instant) {
        self.in_a_row = if mark.is_failed {
            self.in_a_row.saturating_add(1)
        } else {
            0
        };
        match &mut self.ring {
            Ring::Endless => {}
            Ring::Calls(ring) => ring.push(mark, &mut self.sums),
            Ring::Time(ring) => {
                ring.pass_time(now(), &mut self.sums);
                ring.step().add(mark);
            }
        }
        self.sums.add(mark);
    }

    /// What is in the window at `now`.
    pub(super) fn sums(&self, now: Instant) -> Sums {
        let mut sums = self.sums;
        if let Ring::Time(ring) = &self.ring {
            ring.clone().pass_time(now, &mut sums);
        }
        sums
    }

    /// Whether there are enough calls for a rate.
    pub(super) fn is_enough(&self, sums: Sums, config: &BreakerConfig) -> bool {
        match &self.ring {
            Ring::Endless => false,
            Ring::Calls(ring) => sums.calls >= config.min_calls.get().min(ring.longest),
            Ring::Time(_) => sums.calls >= config.min_calls.get(),
        }
    }

    /// The condition that is met as of the last call, where there is one.
    pub(super) fn exceeded(&self, config: &BreakerConfig) -> Option<Threshold> {
        if let Some(most) = config.trip.consecutive
            && self.in_a_row >= most.get()
        {
            return Some(Threshold::Consecutive(self.in_a_row));
        }
        if !self.is_enough(self.sums, config) {
            return None;
        }
        self.sums.exceeded(config)
    }
}

/// The last calls, two bytes each. Grows with the calls, up to its length.
#[derive(Clone, Debug)]
struct CallRing {
    marks: Vec<Mark>,
    longest: u32,
    /// The oldest, once it is full.
    next: usize,
}

impl CallRing {
    fn new(longest: u32) -> Self {
        Self {
            marks: Vec::new(),
            // Clamped, since settings that were not validated must not decide
            // about memory.
            longest: longest.clamp(1, BreakerConfig::LONGEST_WINDOW),
            next: 0,
        }
    }

    fn push(&mut self, mark: Mark, sums: &mut Sums) {
        if self.marks.len() < self.longest as usize {
            self.marks.push(mark);
            return;
        }
        let oldest = std::mem::replace(&mut self.marks[self.next], mark);
        sums.remove(Sums {
            calls: 1,
            failed: oldest.is_failed.into(),
            slow: oldest.is_slow.into(),
        });
        self.next = (self.next + 1) % self.marks.len();
    }
}

/// The last so much time.
#[derive(Clone, Debug)]
struct TimeRing {
    steps: Box<[Sums; STEPS]>,
    step_for: Duration,
    /// The present step, and when it began; at the first call at the latest.
    at: usize,
    since: Option<Instant>,
}

impl TimeRing {
    fn new(time: Duration) -> Self {
        Self {
            steps: Box::new([Sums::ZERO; STEPS]),
            step_for: (time / STEPS as u32).max(Duration::from_nanos(1)),
            at: 0,
            since: None,
        }
    }

    fn step(&mut self) -> &mut Sums {
        &mut self.steps[self.at]
    }

    /// Takes out of the sums what is too old at `now`. At most [`STEPS`] turns
    /// of the loop, however long nobody called.
    fn pass_time(&mut self, now: Instant, sums: &mut Sums) {
        let since = *self.since.get_or_insert(now);
        let elapsed = now.saturating_duration_since(since);
        if elapsed < self.step_for {
            return;
        }
        let steps = elapsed.as_nanos() / self.step_for.as_nanos();
        for _ in 0..steps.min(STEPS as u128) {
            self.at = (self.at + 1) % STEPS;
            sums.remove(std::mem::take(&mut self.steps[self.at]));
        }
        // Aligned with the steps before, unless they are all gone.
        self.since = u32::try_from(steps)
            .ok()
            .filter(|&steps| steps < STEPS as u32)
            .and_then(|steps| since.checked_add(self.step_for * steps))
            .or(Some(now));
    }
}
