//! C6, C7, C8: bulkheads, rate limits and quotas in front of workers, on a
//! paused clock.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod bulkhead;
mod keyed;
mod quota;
mod rate;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use callboard::policy::breaker::State;
use callboard::policy::quota::Cost;
use callboard::policy::rate::TokenBucket;
use callboard::prelude::*;
use callboard::resilience::{
    Bulkhead, BulkheadConfig, KeyedRateLimiter, Quota, QuotaConfig, RateLimiter,
};

/// A worker that takes a second and gives back what it got.
pub(crate) fn slow() -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("slow", |n| async move {
        tokio::time::sleep(secs(1)).await;
        Ok(n)
    })
}

/// Polls once, without a runtime that would come back to it.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn what_stands_behind_a_limit_is_available_when_it_is_itself() {
    let breaker = Breaker::new("slow", Breaker::consecutive(1).open_for(secs(1)));
    let guarded = breaker.guard(&slow());
    let limited = [
        Bulkhead::new("slow", BulkheadConfig::new(1)).guard(&guarded),
        RateLimiter::new("slow", TokenBucket::per_second(1)).guard(&guarded),
        KeyedRateLimiter::new("slow", TokenBucket::per_second(1)).guard(&guarded, |n| *n),
        Quota::new("slow", QuotaConfig::default()).guard(&guarded, |_| Cost::default()),
    ];
    assert!(limited.iter().all(WorkerRef::is_available));
    breaker.turn(State::Open).unwrap();
    assert!(!limited.iter().any(WorkerRef::is_available));
}
