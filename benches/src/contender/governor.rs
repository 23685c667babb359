//! governor's rate limiters.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};

use crate::contender::Contender;
use crate::work::{KEYS, Limit, Outcome, Work};

/// governor with its default clock, and with one that is set by hand.
#[derive(Debug)]
pub(super) struct Governor;

impl Contender for Governor {
    fn name(&self) -> &'static str {
        "governor"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        let Work::Limit { limit, decisions } = work else {
            return None;
        };
        let took = match limit {
            Limit::Bucket => {
                let clock = FakeRelativeClock::default();
                let limiter = RateLimiter::direct_with_clock(never_reached(), clock);
                timed(decisions, |_| limiter.check().is_ok())
            }
            Limit::BucketAndClock => {
                let limiter = RateLimiter::direct(never_reached());
                timed(decisions, |_| limiter.check().is_ok())
            }
            Limit::Keyed => {
                let clock = FakeRelativeClock::default();
                let limiter = RateLimiter::dashmap_with_clock(never_reached(), clock);
                timed(decisions, |n| limiter.check_key(&(n % KEYS)).is_ok())
            }
            Limit::KeyedAndClock => {
                let limiter = RateLimiter::keyed(never_reached());
                timed(decisions, |n| limiter.check_key(&(n % KEYS)).is_ok())
            }
            Limit::Quota | Limit::Permit => return None,
        };
        Some(Outcome::Took(took))
    }
}

/// A billion a second, and as many at once.
fn never_reached() -> Quota {
    Quota::per_second(NonZeroU32::new(1_000_000_000).expect("not zero"))
}

/// Times decisions, all of which are in favour.
pub(super) fn timed(decisions: u64, mut decide: impl FnMut(u64) -> bool) -> Duration {
    let begun = Instant::now();
    let granted = (0..decisions).filter(|&n| decide(n)).count() as u64;
    let took = begun.elapsed();
    assert_eq!(granted, decisions, "the limit is never reached");
    took
}
