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

use callboard::prelude::*;

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
