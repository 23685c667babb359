//! Queued work, on a paused clock: batches (C14), tickets (C15), dead letters
//! for work (C11).

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod batches;
mod dead_letters;
mod tickets;

use std::sync::{Arc, Mutex};

/// What happened, in order.
#[derive(Clone)]
struct Seen<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }
}

impl<T: Clone> Seen<T> {
    fn note(&self, what: T) {
        self.0.lock().unwrap().push(what);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

/// Lets everybody else run until `is_so`.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it did not come to be");
}

/// Lets everybody else do what is to be done.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
