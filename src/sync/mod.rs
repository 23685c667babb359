//! Atomics, locks and thread-locals, from `std` and `parking_lot` or from loom.
//!
//! This is the only file that asks which of the two is in charge. Everything
//! that loom runs (the mailbox, the reply slot, references, the shell loop)
//! takes its primitives from here, so the code that is model-checked is the
//! code that ships.
//!
//! *What loom does not see.* [`Arc`](std::sync::Arc) and `OnceLock` stay those
//! of `std`: a value is published by one of the locks below, not by the reference
//! count. The one exception is an ask that nobody else holds any more, whose
//! answer is taken out of its cell; the lock was the last to write it. Time and
//! task spawning do not exist under loom; the methods that need them panic there
//! with a plain sentence.

pub(crate) mod semaphore;

#[cfg(not(callboard_loom))]
mod imp {
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    pub(crate) use std::sync::atomic;
    pub(crate) use std::{thread, thread_local};
}

#[cfg(callboard_loom)]
mod imp {
    pub(crate) use loom::sync::atomic;
    pub(crate) use loom::{thread, thread_local};

    pub(crate) use loom::sync::MutexGuard;

    /// loom's lock with the shape of `parking_lot`'s: no poisoning.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            match self.0.lock() {
                Ok(guard) => guard,
                Err(poisoned) => poisoned.into_inner(),
            }
        }

        pub(crate) fn into_inner(self) -> T {
            match self.0.into_inner() {
                Ok(value) => value,
                Err(poisoned) => poisoned.into_inner(),
            }
        }

        pub(crate) fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }
}

pub(crate) use imp::{Mutex, MutexGuard, atomic, thread, thread_local};

/// A thread-local value. `std`'s are cheapest where their beginning is a
/// constant, and loom's macro takes no constants.
#[cfg(not(callboard_loom))]
macro_rules! thread_value {
    (static $name:ident: $of:ty = $begin:expr;) => {
        std::thread_local! { static $name: $of = const { $begin }; }
    };
}

#[cfg(callboard_loom)]
macro_rules! thread_value {
    (static $name:ident: $of:ty = $begin:expr;) => {
        loom::thread_local! { static $name: $of = $begin; }
    };
}

pub(crate) use thread_value;

/// Wakers gathered under a lock and woken after it is released.
///
/// Waking runs foreign code (a scheduler); doing it under a mailbox lock would
/// make every sender wait for it. The list holds a few wakers without the heap,
/// since most hand-overs wake one task.
#[derive(Debug, Default)]
pub(crate) struct WakeList {
    first: Option<std::task::Waker>,
    rest: Vec<std::task::Waker>,
}

impl WakeList {
    #[inline]
    pub(crate) fn push(&mut self, waker: std::task::Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.rest.push(waker);
        }
    }

    /// Whether one of them wakes what this one would.
    pub(crate) fn will_wake(&self, waker: &std::task::Waker) -> bool {
        let mut all = self.first.iter().chain(&self.rest);
        all.any(|old| old.will_wake(waker))
    }

    /// Wakes all of them. Call it with no lock held.
    #[inline(always)]
    pub(crate) fn wake(self) {
        // The rest is only filled when there is a first one.
        if self.first.is_some() {
            self.wake_each();
        }
    }

    fn wake_each(self) {
        for waker in self.first.into_iter().chain(self.rest) {
            waker.wake();
        }
    }
}
