//! A token bucket that many threads take from without a lock.
//!
//! The state is one word, and a take is one compare-and-swap of it. What can
//! change beside it (the settings) is read under a version, as in a seqlock:
//!
//! ```text
//!   version   4          5                6       reader: version is even, read,
//!             │ settled  │ being changed  │       version is the same: they belong
//!             ▼          ▼                ▼       together
//! ```

use std::time::Duration;

use crate::policy::rate::{Decision, Gcra, TokenBucket};
use crate::sync::Mutex;
use crate::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

/// The settings of buckets, read without a lock.
#[derive(Debug)]
pub(crate) struct SharedGcra {
    version: AtomicU64,
    token_time: AtomicU64,
    capacity: AtomicU32,
    changing: Mutex<()>,
}

impl SharedGcra {
    pub(crate) fn new(bucket: &TokenBucket) -> Self {
        let (token_time, capacity) = Gcra::new(bucket).parts();
        Self {
            version: AtomicU64::new(0),
            token_time: AtomicU64::new(token_time),
            capacity: AtomicU32::new(capacity),
            changing: Mutex::new(()),
        }
    }

    /// The settings, and what `beside` reads, as they were at one instant.
    #[inline]
    pub(crate) fn read<T>(&self, beside: impl Fn() -> T) -> (Gcra, T) {
        loop {
            // Acquire pairs with the Release at the end of `change`.
            let version = self.version.load(Acquire);
            let token_time = self.token_time.load(Relaxed);
            let capacity = self.capacity.load(Relaxed);
            let beside = beside();
            // Pairs with the fence in `change`: whoever saw a part of what it
            // wrote sees here that it had begun.
            fence(Acquire);
            if version.is_multiple_of(2) && self.version.load(Relaxed) == version {
                return (Gcra::from_parts(token_time, capacity), beside);
            }
            self.wait_for_change();
        }
    }

    #[cold]
    fn wait_for_change(&self) {
        drop(self.changing.lock());
    }

    /// Puts other settings in force, and with them what `beside` does with the
    /// old and the new ones, which are returned.
    pub(crate) fn change(
        &self,
        bucket: &TokenBucket,
        beside: impl FnOnce(Gcra, Gcra),
    ) -> (Gcra, Gcra) {
        let new = Gcra::new(bucket);
        let (token_time, capacity) = new.parts();
        let _changing = self.changing.lock();
        let old = Gcra::from_parts(self.token_time.load(Relaxed), self.capacity.load(Relaxed));
        let version = self.version.load(Relaxed);
        self.version.store(version + 1, Relaxed);
        fence(Release);
        self.token_time.store(token_time, Relaxed);
        self.capacity.store(capacity, Relaxed);
        beside(old, new);
        self.version.store(version + 2, Release);
        (old, new)
    }
}

/// Takes `n` from a word at once or none.
#[inline]
pub(crate) fn take(word: &AtomicU64, now: u64, n: u32, read: impl Fn() -> (Gcra, u64)) -> Decision {
    loop {
        let (gcra, seen) = read();
        match gcra.decide(seen, now, n) {
            // Relaxed: the word is all there is to agree on.
            Decision::Allowed(next) => {
                let swapped = word.compare_exchange_weak(seen, next, Relaxed, Relaxed);
                if swapped.is_ok() {
                    return Decision::Allowed(());
                }
            }
            Decision::Denied { wait } => return Decision::Denied { wait },
            Decision::Impossible => return Decision::Impossible,
        }
    }
}

/// Times are nanoseconds since an origin that the caller keeps.
#[derive(Debug)]
pub(crate) struct AtomicBucket {
    word: AtomicU64,
    settings: SharedGcra,
}

impl AtomicBucket {
    pub(crate) fn new(bucket: &TokenBucket) -> Self {
        Self {
            word: AtomicU64::new(Gcra::FULL),
            settings: SharedGcra::new(bucket),
        }
    }

    #[inline]
    fn read(&self) -> (Gcra, u64) {
        self.settings.read(|| self.word.load(Relaxed))
    }

    /// Takes `n` at once or none.
    #[inline]
    pub(crate) fn take(&self, now: u64, n: u32) -> Decision {
        take(&self.word, now, n, || self.read())
    }

    /// How long whoever comes now waits for `n`, one after another.
    pub(crate) fn wait(&self, now: u64, n: u64) -> Duration {
        let (gcra, word) = self.read();
        gcra.wait(word, now, n)
    }

    pub(crate) fn available(&self, now: u64) -> u32 {
        let (gcra, word) = self.read();
        gcra.available(word, now)
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.read().0.parts().1
    }

    pub(crate) fn drain(&self, now: u64) {
        loop {
            let (gcra, word) = self.read();
            let empty = gcra.drain(word, now);
            let swapped = self.word.compare_exchange(word, empty, Relaxed, Relaxed);
            if swapped.is_ok() {
                return;
            }
        }
    }

    pub(crate) fn reconfigure(&self, bucket: &TokenBucket, now: u64) {
        self.settings.change(bucket, |old, new| {
            // A take that began before goes through first, or fails and looks
            // again.
            let carried = |word| Some(old.carry_over(word, now, new));
            let _ = self.word.fetch_update(Relaxed, Relaxed, carried);
        });
    }
}
