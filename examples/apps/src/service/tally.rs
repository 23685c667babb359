//! What became of the requests.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use axum::http::StatusCode;
use serde::Serialize;

/// Counts what became of the requests. `came` is the sum of the others.
#[derive(Debug, Default)]
pub struct Tally {
    came: AtomicU64,
    served: AtomicU64,
    refused: AtomicU64,
    invalid: AtomicU64,
    abandoned: AtomicU64,
}

/// A [`Tally`] at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Requests that got what they asked for.
    pub served: u64,
    /// Requests that got 5xx.
    pub refused: u64,
    /// Requests that got 4xx.
    pub invalid: u64,
    /// Requests whose client went away.
    pub abandoned: u64,
    /// Requests without an answer yet.
    pub unfinished: u64,
}

impl Tally {
    /// A request came.
    pub(super) fn enter(&self) -> Visit<'_> {
        self.came.fetch_add(1, Relaxed);
        Visit {
            tally: self,
            ended: &self.abandoned,
        }
    }

    /// What it counted so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let [served, refused, invalid, abandoned] =
            [&self.served, &self.refused, &self.invalid, &self.abandoned]
                .map(|count| count.load(Relaxed));
        let ended = served + refused + invalid + abandoned;
        Counted {
            served,
            refused,
            invalid,
            abandoned,
            unfinished: self.came.load(Relaxed).saturating_sub(ended),
        }
    }
}

/// A request on its way. Dropped before it was answered, its client went away.
pub(super) struct Visit<'a> {
    tally: &'a Tally,
    ended: &'a AtomicU64,
}

impl Visit<'_> {
    /// It was answered.
    pub(super) fn answered(mut self, status: StatusCode) {
        self.ended = match status {
            status if status.is_server_error() => &self.tally.refused,
            status if status.is_client_error() => &self.tally.invalid,
            _ => &self.tally.served,
        };
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.ended.fetch_add(1, Relaxed);
    }
}
