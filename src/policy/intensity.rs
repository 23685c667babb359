//! How many restarts in how much time are too many.
//!
//! A sliding window, as in OTP's supervisor: a restart is written down, those
//! too old are struck off, and what is left is compared with the maximum.
//!
//! ```text
//!          ├──────── period ────────┤
//!   x    x │    x        x          x      max_restarts = 3: three are within
//!  gone  gone   1        2         now
//! ```

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// How many restarts a supervisor makes in a period before it gives up.
///
/// # Examples
///
/// ```
/// use callboard::policy::intensity::{Intensity, RestartWindow, Verdict};
/// use std::time::{Duration, Instant};
///
/// let intensity = Intensity::new(2, Duration::from_secs(5));
/// let mut restarts = RestartWindow::new();
/// let now = Instant::now();
/// assert_eq!(restarts.record(now, &intensity), Verdict::Within);
/// assert_eq!(restarts.record(now, &intensity), Verdict::Within);
/// assert_eq!(restarts.record(now, &intensity), Verdict::Exceeded);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Intensity {
    /// Restarts allowed in one period; 0 gives up at the first failure.
    /// Default 1, as in OTP: one accident is an accident, two are a pattern.
    pub max_restarts: u32,
    /// The time in which they are counted. Default 5 s, as in OTP.
    pub period: Duration,
}

impl Intensity {
    /// The most restarts that can be allowed in one period: a window keeps a
    /// timestamp for each, and this bounds its memory.
    pub const MOST_RESTARTS: u32 = 10_000;

    /// Creates the settings; [`validate`](Self::validate) checks them.
    #[must_use]
    pub const fn new(max_restarts: u32, period: Duration) -> Self {
        Self {
            max_restarts,
            period,
        }
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// The period is zero, or there are more restarts than a window remembers.
    pub fn validate(&self) -> Result<(), InvalidIntensity> {
        if self.period.is_zero() {
            return Err(InvalidIntensity::ZeroPeriod);
        }
        if self.max_restarts > Self::MOST_RESTARTS {
            return Err(InvalidIntensity::TooManyRestarts(self.max_restarts));
        }
        Ok(())
    }
}

impl Default for Intensity {
    fn default() -> Self {
        Self::new(1, Duration::from_secs(5))
    }
}

/// Why an [`Intensity`] was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidIntensity {
    /// In no time at all, nothing can be counted.
    ZeroPeriod,
    /// More restarts than [`Intensity::MOST_RESTARTS`].
    TooManyRestarts(u32),
}

impl fmt::Display for InvalidIntensity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroPeriod => f.write_str("the restart period is zero"),
            Self::TooManyRestarts(n) => {
                write!(
                    f,
                    "{n} restarts per period are more than {}",
                    Intensity::MOST_RESTARTS
                )
            }
        }
    }
}

impl Error for InvalidIntensity {}

/// Whether a restart may go ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "an exceeded intensity must stop the supervisor"]
pub enum Verdict {
    /// Restart.
    Within,
    /// Too many in the period: do not begin this restart, give up.
    Exceeded,
}

/// The restarts of one supervisor that still count.
///
/// Keeps at most `max_restarts + 1` timestamps, and no heap before the first restart.
#[derive(Clone, Debug, Default)]
pub struct RestartWindow {
    /// Oldest first.
    restarts: VecDeque<Instant>,
}

impl RestartWindow {
    /// Creates a window without restarts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            restarts: VecDeque::new(),
        }
    }

    /// Takes the wish to restart at `now` and says whether it may go ahead.
    ///
    /// It is exceeded when this restart and those in the period before it are
    /// more than `max_restarts`. A restart exactly one period ago still counts,
    /// as in OTP's `supervisor.erl` (`Now =< Then + Period`). OTP counts whole
    /// seconds; here the boundary is exact.
    ///
    /// Failed restarts are recorded like any other. A `now` before the last
    /// one counts as the last one. When settings change between calls, only
    /// what the stricter ones kept is known.
    pub fn record(&mut self, now: Instant, intensity: &Intensity) -> Verdict {
        let now = self.restarts.back().map_or(now, |last| now.max(*last));
        while let Some(oldest) = self.restarts.front() {
            if now.duration_since(*oldest) <= intensity.period {
                break;
            }
            self.restarts.pop_front();
        }
        // Clamped, since settings that were not validated must not decide
        // about memory.
        let max = intensity.max_restarts.min(Intensity::MOST_RESTARTS) as usize;
        // The newest `max + 1` decide; older ones could only agree with them.
        while self.restarts.len() > max {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        if self.restarts.len() > max {
            Verdict::Exceeded
        } else {
            Verdict::Within
        }
    }

    /// Returns how many restarts are remembered, this side of the last prune.
    #[must_use]
    pub fn len(&self) -> usize {
        self.restarts.len()
    }

    /// Returns whether no restart is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.restarts.is_empty()
    }

    /// Forgets all restarts, as after a restart of the supervisor itself.
    pub fn clear(&mut self) {
        self.restarts = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Exceeded, Within};
    use super::*;
    use proptest::prelude::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn one_restart_in_five_seconds_is_allowed_by_default() {
        let t0 = Instant::now();
        let mut window = RestartWindow::new();
        assert_eq!(window.record(t0, &Intensity::default()), Within);
        assert_eq!(window.record(t0 + secs(4), &Intensity::default()), Exceeded);
    }

    #[test]
    fn the_third_restart_of_two_allowed_is_one_too_many() {
        let intensity = Intensity::new(2, secs(3_600));
        let t0 = Instant::now();
        let mut window = RestartWindow::new();
        let verdicts = [0, 1, 2].map(|s| window.record(t0 + secs(s), &intensity));
        assert_eq!(verdicts, [Within, Within, Exceeded]);
    }

    #[test]
    fn restarts_further_apart_than_the_period_never_add_up() {
        let intensity = Intensity::new(1, secs(1));
        let t0 = Instant::now();
        let mut window = RestartWindow::new();
        for n in 0..4 {
            let now = t0 + Duration::from_millis(2_100) * n;
            assert_eq!(window.record(now, &intensity), Within);
        }
    }

    #[test]
    fn a_restart_exactly_one_period_ago_still_counts() {
        let intensity = Intensity::new(1, secs(5));
        let t0 = Instant::now();
        let mut on_time = RestartWindow::new();
        let mut late = RestartWindow::new();
        let _ = on_time.record(t0, &intensity);
        let _ = late.record(t0, &intensity);
        assert_eq!(on_time.record(t0 + secs(5), &intensity), Exceeded);
        let a_moment_later = t0 + secs(5) + Duration::from_nanos(1);
        assert_eq!(late.record(a_moment_later, &intensity), Within);
    }

    #[test]
    fn intensity_zero_gives_up_at_once() {
        let intensity = Intensity::new(0, secs(1));
        assert_eq!(intensity.validate(), Ok(()));
        assert_eq!(
            RestartWindow::new().record(Instant::now(), &intensity),
            Exceeded
        );
    }

    #[test]
    fn five_failed_restarts_exceed_an_intensity_of_four() {
        let intensity = Intensity::new(4, secs(60));
        let now = Instant::now();
        let mut window = RestartWindow::new();
        let verdicts = [(); 5].map(|()| window.record(now, &intensity));
        assert_eq!(verdicts, [Within, Within, Within, Within, Exceeded]);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_free_anyone() {
        let intensity = Intensity::new(1, secs(5));
        let t0 = Instant::now() + secs(60);
        let mut window = RestartWindow::new();
        let _ = window.record(t0, &intensity);
        assert_eq!(window.record(t0 - secs(30), &intensity), Exceeded);
    }

    #[test]
    fn restarts_while_the_clock_was_behind_are_as_young_as_the_one_before() {
        let intensity = Intensity::new(2, secs(5));
        let t0 = Instant::now() + secs(60);
        let mut window = RestartWindow::new();
        for now in [t0, t0 - secs(30), t0 - secs(30), t0 + secs(1)] {
            let _ = window.record(now, &intensity);
        }
        assert_eq!(window.record(t0 + secs(2), &intensity), Exceeded);
    }

    #[test]
    fn a_cleared_window_starts_over() {
        let intensity = Intensity::new(1, secs(5));
        let now = Instant::now();
        let mut window = RestartWindow::new();
        let _ = window.record(now, &intensity);
        window.clear();
        assert!(window.is_empty());
        assert_eq!(window.record(now, &intensity), Within);
        assert_eq!(window.len(), 1);
    }

    #[test]
    fn settings_that_cannot_be_kept_are_refused() {
        assert_eq!(Intensity::default().validate(), Ok(()));
        assert_eq!(
            Intensity::new(1, Duration::ZERO).validate(),
            Err(InvalidIntensity::ZeroPeriod)
        );
        assert_eq!(Intensity::new(10_000, secs(1)).validate(), Ok(()));
        assert_eq!(
            Intensity::new(10_001, secs(1)).validate(),
            Err(InvalidIntensity::TooManyRestarts(10_001))
        );
    }

    #[test]
    fn unchecked_settings_do_not_take_unbounded_memory() {
        let intensity = Intensity::new(u32::MAX, Duration::MAX);
        let now = Instant::now();
        let mut window = RestartWindow::new();
        for _ in 0..20_000 {
            let _ = window.record(now, &intensity);
        }
        assert_eq!(window.len(), 10_001);
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_list_of_all_restarts(
            max in 0_u32..6,
            period in 1_u64..20,
            steps in proptest::collection::vec((0_u64..12, 0_u64..40, 0_u8..10), 1..80),
        ) {
            let intensity = Intensity::new(max, secs(period));
            let mut window = RestartWindow::new();
            let mut all = Vec::new();
            let mut now = Instant::now() + secs(60);
            for (gap, back, chance) in steps {
                now += secs(gap);
                // Now and then the clock is behind; the list knows better.
                let clock = if chance == 0 && !all.is_empty() { now - secs(gap + back) } else { now };
                now = all.last().map_or(clock, |last| clock.max(*last));
                all.push(now);
                let recent = all.iter().filter(|then| now - **then <= intensity.period).count();
                let expected = if recent > max as usize { Exceeded } else { Within };
                prop_assert_eq!(window.record(clock, &intensity), expected);
                prop_assert!(window.len() <= max as usize + 1);
            }
        }

        #[test]
        fn no_settings_and_no_times_make_it_panic(
            settings in proptest::collection::vec((any::<u32>(), any::<u64>(), any::<u32>()), 1..40),
        ) {
            let t0 = Instant::now();
            let mut window = RestartWindow::new();
            for (max, period, at) in settings {
                let intensity = Intensity::new(max % 5, Duration::from_secs(period));
                let _ = window.record(t0 + Duration::from_millis(at.into()), &intensity);
                prop_assert!(window.len() <= 5);
            }
        }
    }
}
