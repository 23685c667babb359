//! callboard's limits.

use std::time::Duration;

use callboard::policy::quota::{Allowance, Cost};
use callboard::policy::rate::TokenBucket;
use callboard::resilience::{Bulkhead, BulkheadConfig, KeyedRateLimiter, Quota, RateLimiter};

use super::governor::timed;
use crate::work::{KEYS, Limit};

/// A billion a second, and as many at once.
const NEVER_REACHED: TokenBucket = TokenBucket::per_second(1_000_000_000);

/// What callboard takes for so many decisions.
pub(super) fn run(limit: Limit, decisions: u64) -> Duration {
    let now = Duration::from_secs(1);
    match limit {
        Limit::Bucket => {
            let limiter = RateLimiter::new("bench", NEVER_REACHED);
            timed(decisions, |_| limiter.try_take_at(now, 1).is_ok())
        }
        Limit::BucketAndClock => {
            let limiter = RateLimiter::new("bench", NEVER_REACHED);
            timed(decisions, |_| limiter.try_take(1).is_ok())
        }
        Limit::Keyed => {
            let limiter = KeyedRateLimiter::new("bench", NEVER_REACHED);
            timed(decisions, |n| {
                limiter.try_take_at(now, &(n % KEYS), 1).is_ok()
            })
        }
        Limit::KeyedAndClock => {
            let limiter = KeyedRateLimiter::new("bench", NEVER_REACHED);
            timed(decisions, |n| limiter.try_take(&(n % KEYS), 1).is_ok())
        }
        Limit::Quota => {
            let much = Allowance::new().tokens(u64::MAX / 2);
            let everyone = Quota::new("everyone", much);
            let agent = everyone.child("team", much).child("agent", much);
            let cost = Cost::new().tokens(1);
            timed(decisions, |_| {
                let reserved = agent.try_reserve(cost);
                reserved.is_ok_and(|mut call| call.settle(cost).refunded == Cost::new())
            })
        }
        Limit::Permit => {
            let bulkhead = Bulkhead::new("bench", BulkheadConfig::new(10));
            timed(decisions, |_| bulkhead.try_acquire().is_ok())
        }
    }
}
