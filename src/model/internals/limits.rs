//! The semaphore and the token bucket, for the models of limits.

use std::task::{Poll, Waker};
use std::time::Duration;

use crate::policy::rate::{Decision, TokenBucket};
use crate::resilience::rate::bucket::AtomicBucket;
use crate::sync::semaphore;

/// What became of the wish for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Held,
    Waits(u64),
    Full,
}

impl From<semaphore::Entry> for Entry {
    fn from(entry: semaphore::Entry) -> Self {
        match entry {
            semaphore::Entry::Held => Self::Held,
            semaphore::Entry::Waits(ticket) => Self::Waits(ticket),
            semaphore::Entry::Full => Self::Full,
        }
    }
}

/// The semaphore behind bulkheads and lines.
#[derive(Debug)]
pub struct Semaphore(semaphore::Semaphore);

impl Semaphore {
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(semaphore::Semaphore::new(limit))
    }

    #[must_use]
    pub fn try_acquire(&self) -> bool {
        self.0.try_acquire()
    }

    pub fn enter(&self, most: usize, waker: &Waker) -> Entry {
        self.0.enter(most, waker).into()
    }

    pub fn poll(&self, ticket: u64, waker: &Waker) -> Poll<Entry> {
        self.0.poll(ticket, waker).map(Entry::from)
    }

    pub fn cancel(&self, ticket: u64) {
        self.0.cancel(ticket);
    }

    pub fn release(&self) {
        self.0.release();
    }

    pub fn resize(&self, limit: usize) {
        self.0.resize(limit);
    }

    /// How many are held, and how many wait.
    #[must_use]
    pub fn places(&self) -> (usize, usize) {
        let places = self.0.places();
        (places.held, places.waiting)
    }
}

/// The token bucket of one word; times are nanoseconds.
#[derive(Debug)]
pub struct Bucket(AtomicBucket);

/// A bucket that gets a token in so many nanoseconds.
fn settings(token_time: u64, capacity: u32) -> TokenBucket {
    TokenBucket::new(1, Duration::from_nanos(token_time)).capacity(capacity)
}

impl Bucket {
    #[must_use]
    pub fn new(token_time: u64, capacity: u32) -> Self {
        Self(AtomicBucket::new(&settings(token_time, capacity)))
    }

    #[must_use]
    pub fn take(&self, now: u64, n: u32) -> bool {
        self.0.take(now, n) == Decision::Allowed(())
    }

    #[must_use]
    pub fn available(&self, now: u64) -> u32 {
        self.0.available(now)
    }

    pub fn reconfigure(&self, token_time: u64, capacity: u32, now: u64) {
        self.0.reconfigure(&settings(token_time, capacity), now);
    }
}
