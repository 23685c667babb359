//! A copy of the token bucket of one word, line by line, with slips.

use callboard::policy::rate::{Decision, Gcra, TokenBucket};
use loom::sync::Mutex;
use loom::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};
use std::time::Duration;

use crate::bucket::Tokens;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// Stores the next word instead of swapping it for the one it saw.
    LooksAndThenStores,
    /// Tries again with what it decided before.
    RetriesWithWhatItSaw,
    /// A bucket that was left alone has more than it can hold.
    IdleTimeIsSaved,
    /// Takes first and asks then.
    TakesWhatIsNotThere,
    /// Uses settings without a look whether they belong together.
    ReadsNoVersion,
    /// Changes them without saying so.
    WritesNoVersion,
}

/// The copy. `slip` says which line of it is wrong.
pub(crate) struct Copy {
    slip: Slip,
    word: AtomicU64,
    version: AtomicU64,
    token_time: AtomicU64,
    capacity: AtomicU32,
    changing: Mutex<()>,
}

fn gcra(token_time: u64, capacity: u32) -> Gcra {
    Gcra::new(&TokenBucket::new(1, Duration::from_nanos(token_time)).capacity(capacity))
}

impl Copy {
    pub(crate) fn new(token_time: u64, capacity: u32, slip: Slip) -> Self {
        Self {
            slip,
            word: AtomicU64::new(Gcra::FULL),
            version: AtomicU64::new(0),
            token_time: AtomicU64::new(token_time),
            capacity: AtomicU32::new(capacity),
            changing: Mutex::new(()),
        }
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn read(&self) -> (Gcra, u64) {
        loop {
            let version = self.version.load(Acquire);
            let token_time = self.token_time.load(Relaxed);
            let capacity = self.capacity.load(Relaxed);
            let word = self.word.load(Relaxed);
            fence(Acquire);
            let is_settled = version.is_multiple_of(2) && self.version.load(Relaxed) == version;
            if is_settled || self.is(Slip::ReadsNoVersion) {
                return (gcra(token_time, capacity), word);
            }
            drop(self.changing.lock());
        }
    }

    /// The time of the decision: one that saves idle time decides as if it were
    /// not later than the word.
    fn next(&self, gcra: Gcra, word: u64, now: u64, n: u32) -> Decision<u64> {
        if self.is(Slip::IdleTimeIsSaved) && gcra.available(word, now) >= n {
            let token_time = self.token_time.load(Relaxed);
            return Decision::Allowed(word + token_time * u64::from(n));
        }
        gcra.decide(word, now, n)
    }
}

impl Tokens for Copy {
    fn take(&self, now: u64, n: u32) -> bool {
        if self.is(Slip::TakesWhatIsNotThere) {
            let token_time = self.token_time.load(Relaxed);
            let (gcra, _) = self.read();
            let word = self.word.fetch_add(token_time * u64::from(n), Relaxed);
            // Not what it added to: what it had read before.
            return !matches!(gcra.decide(word.min(now), now, n), Decision::Denied { .. });
        }
        let (mut gcra, mut word) = self.read();
        loop {
            let Decision::Allowed(next) = self.next(gcra, word, now, n) else {
                return false;
            };
            if self.is(Slip::LooksAndThenStores) {
                self.word.store(next, Relaxed);
                return true;
            }
            match self.word.compare_exchange(word, next, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(_) if self.is(Slip::RetriesWithWhatItSaw) => {
                    self.word.store(next, Relaxed);
                    return true;
                }
                Err(_) => (gcra, word) = self.read(),
            }
        }
    }

    fn available(&self, now: u64) -> u32 {
        let (gcra, word) = self.read();
        gcra.available(word, now)
    }

    fn reconfigure(&self, token_time: u64, capacity: u32, now: u64) {
        let new = gcra(token_time, capacity);
        let _changing = self.changing.lock().expect("a panic ends the process");
        let old = gcra(self.token_time.load(Relaxed), self.capacity.load(Relaxed));
        let version = self.version.load(Relaxed);
        let says_so = !self.is(Slip::WritesNoVersion);
        if says_so {
            self.version.store(version + 1, Relaxed);
        }
        fence(Release);
        self.token_time.store(token_time, Relaxed);
        self.capacity.store(capacity, Relaxed);
        let carried = |word| Some(old.carry_over(word, now, new));
        let _ = self.word.fetch_update(Relaxed, Relaxed, carried);
        if says_so {
            self.version.store(version + 2, Release);
        }
    }
}
