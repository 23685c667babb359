//! When an actor is looked at, and what follows from what was seen.
//!
//! ```text
//!            failed                 failed, the last one allowed
//!  well ───────────────▶ ailing ───────────────────────────────▶ given up
//!   ▲                    │    ▲                (a new life begins well)
//!   └────── passed ──────┘    └── failed, not yet the last
//! ```

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// How an actor's health is checked.
///
/// # Examples
///
/// ```
/// use callboard::policy::health::{CheckEvent, HealthCheck, HealthState, Verdict};
/// use std::time::{Duration, Instant};
///
/// let check = HealthCheck::every(Duration::from_secs(10)).failures(2);
/// let (mut health, now) = (HealthState::new(), Instant::now());
/// assert_eq!(health.on(CheckEvent::Failed, now, &check), Verdict::Ailing { failures: 1 });
/// assert_eq!(health.on(CheckEvent::Passed, now, &check), Verdict::Recovered { failures: 1 });
/// assert_eq!(health.on(CheckEvent::Failed, now, &check), Verdict::Ailing { failures: 1 });
/// assert_eq!(health.on(CheckEvent::Failed, now, &check), Verdict::GiveUp { failures: 2 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HealthCheck {
    /// How long after a start, and after a check, the next one begins. Default
    /// 10 s: a failure is noticed within half a minute, and a million actors
    /// are not kept awake.
    pub every: Duration,
    /// How long the actor may take to answer, what it has in hand included.
    /// Default 5 s, as an ask's deadline: whoever asked would have given up too.
    pub timeout: Duration,
    /// So many failures in a row end the actor's life. Default 3: one may be a
    /// blip, and two a slow neighbour.
    pub failures: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            failures: 3,
        }
    }
}

impl HealthCheck {
    /// A check this long after a start, and after each check.
    #[must_use]
    pub fn every(every: Duration) -> Self {
        Self {
            every,
            ..Self::default()
        }
    }

    /// How long the actor may take to answer, what it has in hand included.
    /// Default 5 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// So many failures in a row end the actor's life. Default 3.
    #[must_use]
    pub const fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// A period or a timeout of zero, or no failure allowed at all.
    pub const fn validate(&self) -> Result<(), InvalidHealthCheck> {
        if self.every.is_zero() {
            return Err(InvalidHealthCheck::NoPeriod);
        }
        if self.timeout.is_zero() {
            return Err(InvalidHealthCheck::NoTimeout);
        }
        if self.failures == 0 {
            return Err(InvalidHealthCheck::NoFailures);
        }
        Ok(())
    }
}

/// Why the settings of a health check are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidHealthCheck {
    /// The period is zero: it would check all the time.
    NoPeriod,
    /// The timeout is zero: no check could pass.
    NoTimeout,
    /// It gives up after no failure: the actor could not live.
    NoFailures,
}

impl fmt::Display for InvalidHealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPeriod => "a health check every zero seconds never rests, give it a period",
            Self::NoTimeout => "no health check is answered in no time, give it a timeout",
            Self::NoFailures => {
                "a health check that gives up after 0 failures never begins, give it at least 1"
            }
        })
    }
}

impl Error for InvalidHealthCheck {}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckEvent {
    /// A new life has begun: nothing has failed in it.
    Began,
    /// The actor is able to work.
    Passed,
    /// It said that it is not, or it did not answer in time.
    Failed,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verdict {
    /// Nothing: it is as well as before.
    Well,
    /// It is in error, for so many checks in a row.
    Ailing {
        /// Failures in a row.
        failures: u32,
    },
    /// It is well again.
    Recovered {
        /// Failures in a row before.
        failures: u32,
    },
    /// Its life is to be ended; whoever restarts it decides what comes next.
    GiveUp {
        /// Failures in a row.
        failures: u32,
    },
}

/// What is known of an actor's health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthState {
    checks: u64,
    failures: u32,
    last: Option<Instant>,
}

impl HealthState {
    /// Nothing has been checked.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            checks: 0,
            failures: 0,
            last: None,
        }
    }

    /// Takes one event.
    ///
    /// Settings that [`HealthCheck::validate`] refuses are safe here: 0 failures
    /// count as 1.
    pub fn on(&mut self, event: CheckEvent, now: Instant, check: &HealthCheck) -> Verdict {
        if event == CheckEvent::Began {
            self.failures = 0;
            return Verdict::Well;
        }
        self.checks = self.checks.saturating_add(1);
        self.last = Some(now);
        if event == CheckEvent::Passed {
            return match std::mem::take(&mut self.failures) {
                0 => Verdict::Well,
                failures => Verdict::Recovered { failures },
            };
        }
        self.failures = self.failures.saturating_add(1);
        let failures = self.failures;
        if failures >= check.failures {
            Verdict::GiveUp { failures }
        } else {
            Verdict::Ailing { failures }
        }
    }

    /// Checks so far, in all lives.
    #[must_use]
    pub const fn checks(&self) -> u64 {
        self.checks
    }

    /// Failures in a row.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// When the last check was over.
    #[must_use]
    pub const fn last(&self) -> Option<Instant> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHECK: HealthCheck = HealthCheck {
        every: Duration::from_secs(10),
        timeout: Duration::from_secs(1),
        failures: 3,
    };

    fn run(events: &[CheckEvent]) -> Vec<Verdict> {
        let (mut health, now) = (HealthState::new(), Instant::now());
        let verdicts = events.iter().map(|event| health.on(*event, now, &CHECK));
        verdicts.collect()
    }

    #[test]
    fn b8_the_last_failure_allowed_in_a_row_ends_the_life() {
        use CheckEvent::Failed;
        assert_eq!(
            run(&[Failed, Failed, Failed]),
            [
                Verdict::Ailing { failures: 1 },
                Verdict::Ailing { failures: 2 },
                Verdict::GiveUp { failures: 3 },
            ]
        );
    }

    #[test]
    fn b8_a_check_that_passes_and_a_new_life_begin_the_row_again() {
        use CheckEvent::{Began, Failed, Passed};
        assert_eq!(
            run(&[
                Failed, Failed, Passed, Passed, Failed, Began, Failed, Failed
            ]),
            [
                Verdict::Ailing { failures: 1 },
                Verdict::Ailing { failures: 2 },
                Verdict::Recovered { failures: 2 },
                Verdict::Well,
                Verdict::Ailing { failures: 1 },
                Verdict::Well,
                Verdict::Ailing { failures: 1 },
                Verdict::Ailing { failures: 2 },
            ]
        );
    }

    #[test]
    fn b8_the_record_says_when_and_how_many() {
        let (mut health, t0) = (HealthState::new(), Instant::now());
        assert_eq!((health.checks(), health.last()), (0, None));
        let t1 = t0 + CHECK.every;
        let _ = health.on(CheckEvent::Failed, t0, &CHECK);
        let _ = health.on(CheckEvent::Failed, t1, &CHECK);
        assert_eq!((health.checks(), health.failures()), (2, 2));
        assert_eq!(health.last(), Some(t1));
        let _ = health.on(CheckEvent::Began, t1 + CHECK.every, &CHECK);
        assert_eq!((health.checks(), health.failures()), (2, 0));
        assert_eq!(health.last(), Some(t1), "a start is no check");
    }

    #[test]
    fn b8_settings_that_make_no_sense_are_named() {
        assert_eq!(CHECK.validate(), Ok(()));
        assert_eq!(HealthCheck::default().validate(), Ok(()));
        let wrong = [
            (
                HealthCheck::every(Duration::ZERO),
                InvalidHealthCheck::NoPeriod,
            ),
            (CHECK.timeout(Duration::ZERO), InvalidHealthCheck::NoTimeout),
            (CHECK.failures(0), InvalidHealthCheck::NoFailures),
        ];
        for (check, why) in wrong {
            assert_eq!(check.validate(), Err(why));
        }
    }

    fn event() -> impl Strategy<Value = CheckEvent> {
        prop_oneof![
            Just(CheckEvent::Began),
            Just(CheckEvent::Passed),
            Just(CheckEvent::Failed),
        ]
    }

    proptest! {
        /// Against the plainest account: the length of the row of failures.
        #[test]
        fn b8_the_verdict_follows_from_the_failures_in_a_row(
            events in proptest::collection::vec(event(), 0..60),
            failures in 0_u32..6,
        ) {
            let check = CHECK.failures(failures);
            let (mut health, now) = (HealthState::new(), Instant::now());
            let (mut row, mut checks) = (0, 0);
            for event in events {
                let verdict = health.on(event, now, &check);
                let expected = match event {
                    CheckEvent::Began => {
                        row = 0;
                        Verdict::Well
                    }
                    CheckEvent::Passed if row == 0 => Verdict::Well,
                    CheckEvent::Passed => Verdict::Recovered { failures: std::mem::take(&mut row) },
                    CheckEvent::Failed => {
                        row += 1;
                        if row >= failures.max(1) {
                            Verdict::GiveUp { failures: row }
                        } else {
                            Verdict::Ailing { failures: row }
                        }
                    }
                };
                checks += u64::from(event != CheckEvent::Began);
                prop_assert_eq!(verdict, expected);
                prop_assert_eq!((health.failures(), health.checks()), (row, checks));
            }
        }
    }
}
