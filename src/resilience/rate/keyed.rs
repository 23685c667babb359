//! A token bucket for each key, as long as it is not full.
//!
//! A full bucket says nothing that a new one would not say, so it can be
//! forgotten. That is what bounds the memory:
//!
//! ```text
//!   a new key comes ── more keys than twice those left last time, ──▶ sweep: forget
//!        │             or a time to fill has passed since                the full ones
//!        ▼
//!   as many keys as there may be? ──▶ sweep ──▶ none is full: refused until the
//!                                               first of them will be
//! ```

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::RateLimited;
use super::bucket::{SharedGcra, take};
use super::config::KeyedRateLimiterConfig;
use super::meter::nanos;
use crate::actor::system::clock;
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::policy::rate::{Decision, Gcra, InvalidRateLimit};
use crate::sync::Mutex;
use crate::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};

/// Fewer keys than this are not worth a sweep.
const FEW: usize = 1_024;
/// Sweeps that time alone is the reason for are at least so far apart.
const SECOND: u64 = 1_000_000_000;

#[derive(Debug)]
struct Sweep {
    /// With so many keys, and from this time on, it is worth one.
    at_keys: AtomicUsize,
    due: AtomicU64,
    /// No bucket is full before.
    none_is_full_before: AtomicU64,
    /// One at a time.
    running: Mutex<()>,
}

struct Inside<K> {
    name: Arc<str>,
    began: Instant,
    settings: SharedGcra,
    max_keys: AtomicUsize,
    words: DashMap<K, AtomicU64>,
    /// As many as in `words`, or more for a moment: room is taken first.
    keys: AtomicUsize,
    sweep: Sweep,
    admitted: AtomicU64,
    refused: AtomicU64,
}

/// Bounds how much happens in how much time for each key: a user, a tenant, an
/// address. Clones share one state.
///
/// It remembers keys whose bucket is not full, at most
/// [`max_keys`](KeyedRateLimiterConfig::max_keys) of them. When all are needed
/// a new key is refused, so that a flood of keys cannot make it forget one
/// that has used its share up.
///
/// # Examples
///
/// ```
/// use callboard::policy::rate::TokenBucket;
/// use callboard::resilience::KeyedRateLimiter;
///
/// let limiter = KeyedRateLimiter::new("tenant", TokenBucket::per_second(1));
/// limiter.try_take(&"ada", 1)?;
/// assert!(limiter.try_take(&"ada", 1).is_err());
/// limiter.try_take(&"bob", 1)?;
/// # Ok::<(), callboard::resilience::RateLimited>(())
/// ```
pub struct KeyedRateLimiter<K> {
    inside: Arc<Inside<K>>,
}

impl<K: Hash + Eq + Clone> KeyedRateLimiter<K> {
    /// A limiter of which nothing has been taken. `name` is what its errors
    /// call it. A bucket will do for settings.
    ///
    /// Settings that make no sense are clamped;
    /// [`KeyedRateLimiterConfig::validate`] finds them.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: impl Into<KeyedRateLimiterConfig>) -> Self {
        let config = config.into();
        Self {
            inside: Arc::new(Inside {
                name: name.into(),
                began: clock(),
                settings: SharedGcra::new(&config.bucket),
                max_keys: AtomicUsize::new(config.max_keys),
                words: DashMap::new(),
                keys: AtomicUsize::new(0),
                sweep: Sweep {
                    at_keys: AtomicUsize::new(FEW),
                    due: AtomicU64::new(SECOND),
                    none_is_full_before: AtomicU64::new(0),
                    running: Mutex::new(()),
                },
                admitted: AtomicU64::new(0),
                refused: AtomicU64::new(0),
            }),
        }
    }

    /// Takes `n` from the bucket of `key` at once or nothing.
    ///
    /// `K`'s `Hash`, `Eq` and `Drop` run while a part of the keys is locked;
    /// they must not come back here.
    ///
    /// # Errors
    ///
    /// [`RateLimited`], with the time after which it makes sense to come
    /// again, or that it never does.
    #[inline]
    pub fn try_take(&self, key: &K, n: u32) -> Result<(), RateLimited> {
        self.try_take_at(self.inside.now(), key, n)
    }

    /// As [`KeyedRateLimiter::try_take`] at a time that the caller keeps,
    /// counted from when the limiter was made.
    ///
    /// # Errors
    ///
    /// As [`KeyedRateLimiter::try_take`].
    #[inline]
    pub fn try_take_at(&self, now: Duration, key: &K, n: u32) -> Result<(), RateLimited> {
        let inside = &*self.inside;
        let now = nanos(now);
        // The lock on a part of the keys is given back before anything else.
        let known = inside.words.get(key).map(|word| inside.take(&word, now, n));
        let decision = match known {
            Some(decision) => decision,
            None => inside.take_new(key, now, n),
        };
        match decision {
            Decision::Allowed(()) => Ok(()),
            decision => Err(inside.refuse(decision, n)),
        }
    }

    /// Puts the limiter in front of a worker; the result is a worker again.
    ///
    /// Each job takes one from the bucket of its key, and is refused with an
    /// overloaded [`Fault`] when there is none.
    #[must_use]
    pub fn guard<In, Out>(
        &self,
        worker: &WorkerRef<In, Out>,
        key: impl Fn(&In) -> K + Send + Sync + 'static,
    ) -> WorkerRef<In, Out>
    where
        K: Send + Sync + 'static,
        In: Send + 'static,
        Out: Send + 'static,
    {
        WorkerRef::new(Guarded {
            limiter: self.clone(),
            worker: worker.clone(),
            key,
        })
    }

    /// Puts other settings in force, at once. Buckets keep their whole tokens;
    /// while they change, a key may be judged by either. Keys beyond a smaller
    /// maximum stay until their buckets are full.
    ///
    /// # Errors
    ///
    /// Settings that make no sense. Nothing is changed then.
    pub fn reconfigure(
        &self,
        config: impl Into<KeyedRateLimiterConfig>,
    ) -> Result<(), InvalidRateLimit> {
        let config = config.into();
        config.validate()?;
        let inside = &*self.inside;
        // One change after the other, each with all of its keys.
        let _running = inside.sweep.running.lock();
        inside.max_keys.store(config.max_keys, Relaxed);
        let now = nanos(inside.now());
        let (old, new) = inside.settings.change(&config.bucket, |_, _| {});
        // Not inside of the change: whoever takes from a key waits for its end
        // with that key locked.
        for word in &inside.words {
            let carried = |word| Some(old.carry_over(word, now, new));
            let _ = word.fetch_update(Relaxed, Relaxed, carried);
        }
        inside.sweep.none_is_full_before.store(0, Relaxed);
        Ok(())
    }

    /// Forgets the keys whose buckets are full, and gives their memory back.
    /// This happens by itself as new keys come; call it when none do.
    pub fn shrink(&self) {
        self.inside.sweep(nanos(self.inside.now()));
    }

    /// What it did so far, and how many keys it remembers.
    #[must_use]
    pub fn stats(&self) -> KeyedRateLimiterStats {
        KeyedRateLimiterStats {
            keys: self.inside.keys.load(Relaxed),
            admitted: self.inside.admitted.load(Relaxed),
            refused: self.inside.refused.load(Relaxed),
        }
    }
}

impl<K: Hash + Eq + Clone> Inside<K> {
    /// The time since the limiter was made.
    fn now(&self) -> Duration {
        clock().saturating_duration_since(self.began)
    }

    #[inline]
    fn take(&self, word: &AtomicU64, now: u64, n: u32) -> Decision {
        take(word, now, n, || self.settings.read(|| word.load(Relaxed)))
    }

    #[cold]
    fn take_new(&self, key: &K, now: u64, n: u32) -> Decision {
        if let Err(wait) = self.make_room(now) {
            return Decision::Denied { wait };
        }
        let (decision, is_new) = match self.words.entry(key.clone()) {
            Entry::Occupied(word) => (self.take(word.get(), now, n), false),
            Entry::Vacant(place) => {
                let word = AtomicU64::new(Gcra::FULL);
                let decision = self.take(&word, now, n);
                // What is refused leaves no trace.
                let is_new = decision == Decision::Allowed(());
                if is_new {
                    let full_at = word.load(Relaxed);
                    self.sweep.none_is_full_before.fetch_min(full_at, Relaxed);
                    place.insert(word);
                }
                (decision, is_new)
            }
        };
        if !is_new {
            self.keys.fetch_sub(1, AcqRel);
        }
        decision
    }

    /// Takes room for one more key, or says when there may be some.
    fn make_room(&self, now: u64) -> Result<(), Duration> {
        let keys = self.keys.load(Acquire);
        let is_worth_it = keys >= self.sweep.at_keys.load(Relaxed)
            || (keys > FEW && now >= self.sweep.due.load(Relaxed));
        if is_worth_it {
            self.sweep(now);
        }
        if self.take_room() {
            return Ok(());
        }
        if now >= self.sweep.none_is_full_before.load(Relaxed) {
            self.sweep(now);
            if self.take_room() {
                return Ok(());
            }
        }
        let full_at = self.sweep.none_is_full_before.load(Relaxed);
        let wait = full_at.saturating_sub(now).max(1);
        Err(Duration::from_nanos(wait))
    }

    fn take_room(&self) -> bool {
        let most = self.max_keys.load(Relaxed);
        let one_more = |keys: usize| (keys < most).then_some(keys + 1);
        self.keys.fetch_update(AcqRel, Acquire, one_more).is_ok()
    }

    fn sweep(&self, now: u64) {
        let Some(_running) = self.sweep.running.try_lock() else {
            return;
        };
        let (mut forgotten, mut first_full) = (0, u64::MAX);
        self.words.retain(|_, word| {
            let full_at = word.load(Relaxed);
            let is_full = full_at <= now;
            if is_full {
                forgotten += 1;
            } else {
                first_full = first_full.min(full_at);
            }
            !is_full
        });
        // A key that came while it ran may be full sooner, and is then
        // forgotten a little late.
        let first_full = first_full.min(now.saturating_add(self.fill_time()));
        self.sweep.none_is_full_before.store(first_full, Relaxed);
        let keys = self.keys.fetch_sub(forgotten, AcqRel) - forgotten;
        let pause = self.fill_time().max(SECOND);
        self.sweep.due.store(now.saturating_add(pause), Relaxed);
        self.sweep.at_keys.store((2 * keys).max(FEW), Relaxed);
        if forgotten > keys {
            self.words.shrink_to_fit();
        }
    }

    fn fill_time(&self) -> u64 {
        self.settings.read(|| ()).0.fill_time()
    }

    #[cold]
    fn refuse(&self, decision: Decision, n: u32) -> RateLimited {
        self.refused.fetch_add(1, Relaxed);
        let name = Arc::clone(&self.name);
        match decision {
            Decision::Denied { wait } => RateLimited::Spent {
                name,
                retry_after: wait,
            },
            _ => RateLimited::Impossible {
                name,
                n,
                most: self.settings.read(|| ()).0.parts().1,
            },
        }
    }
}

impl<K> Clone for KeyedRateLimiter<K> {
    fn clone(&self) -> Self {
        Self {
            inside: Arc::clone(&self.inside),
        }
    }
}

impl<K> fmt::Debug for KeyedRateLimiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyedRateLimiter({})", self.inside.name)
    }
}

/// A keyed rate limiter at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyedRateLimiterStats {
    /// How many keys are remembered.
    pub keys: usize,
    /// Jobs that guards let through so far.
    pub admitted: u64,
    /// Takes that were refused so far, those of guards too.
    pub refused: u64,
}

struct Guarded<K, In, Out, F> {
    limiter: KeyedRateLimiter<K>,
    worker: WorkerRef<In, Out>,
    key: F,
}

impl<K, In, Out, F> Serve<In, Out> for Guarded<K, In, Out, F>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    In: Send + 'static,
    Out: Send + 'static,
    F: Fn(&In) -> K + Send + Sync,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            self.limiter.try_take(&(self.key)(&input), 1)?;
            self.limiter.inside.admitted.fetch_add(1, Relaxed);
            self.worker.ask(input).await
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
