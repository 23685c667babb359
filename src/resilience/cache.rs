//! Answers that are kept: the same question is asked once, and again when the
//! answer is old.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::resilience::{Cache, CacheConfig};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let calls = Arc::new(AtomicU32::new(0));
//! let lookup = WorkerRef::from_fn("lookup", {
//!     let calls = Arc::clone(&calls);
//!     move |city: String| {
//!         calls.fetch_add(1, SeqCst);
//!         async move { Ok::<_, Fault>(city.len()) }
//!     }
//! });
//! let cache = Cache::new("lookup", CacheConfig::default().ttl(secs(60)));
//! let cached = cache.guard(&lookup);
//! assert_eq!(cached.ask("Oslo".to_owned()).await?.value, 4);
//! assert_eq!(cached.ask("Oslo".to_owned()).await?.value, 4);
//! assert_eq!(calls.load(SeqCst), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What is the same question?* One whose content is the same: the key is the
//! SHA-256 of its JSON with sorted keys. [`Cache::keyed`] takes another one.
//!
//! *What is kept?* Answers, not faults; for an hour, 10,000 of them unless said
//! otherwise. Which goes first when it is full: moka's TinyLFU decides, so that
//! what is asked often stays.
//!
//! *What if many ask at once?* They share one call, as with a
//! [`Coalescer`].
//!
//! *What if the worker is down?* [`Cache::stale`] is a worker that answers from
//! what is kept, also if it is old: a tier of a
//! [`Fallback`](super::Fallback).
//!
//! *Which clock?* The system's, so it follows a paused one. An entry that nobody
//! asks for any more is dropped by moka's own clock, which is real time.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::coalesce::Coalescer;
use super::live::Live;
use crate::actor::system::clock;
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;

/// Settings of a [`Cache`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheConfig {
    /// How long an answer is good. Default an hour.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
    /// How long after that it is kept for [`Cache::stale`]. Default a day.
    #[serde(with = "humantime_serde")]
    pub stale_for: Duration,
    /// How many answers are kept. Default 10,000.
    pub capacity: u64,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(3_600),
            stale_for: Duration::from_secs(24 * 3_600),
            capacity: 10_000,
        }
    }
}

impl CacheConfig {
    /// Sets how long an answer is good. Default an hour.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets how long after that it is kept for [`Cache::stale`]. Default a day.
    #[must_use]
    pub const fn stale_for(mut self, stale_for: Duration) -> Self {
        self.stale_for = stale_for;
        self
    }

    /// Sets how many answers are kept. Default 10,000.
    #[must_use]
    pub const fn capacity(mut self, answers: u64) -> Self {
        self.capacity = answers;
        self
    }
}

/// The content of a question, hashed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentKey([u8; 32]);

impl ContentKey {
    /// The SHA-256 of its JSON with sorted keys: two values with the same fields
    /// have the same key, in whichever order they are written.
    ///
    /// # Errors
    ///
    /// [`NoKey`]: it cannot be written as JSON, for example a map whose keys are
    /// no text.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, NoKey> {
        let mut json = serde_json::to_value(value).map_err(NoKey)?;
        json.sort_all_objects();
        let text = serde_json::to_vec(&json).map_err(NoKey)?;
        Ok(Self(Sha256::digest(text).into()))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A question that has no content key.
#[derive(Debug)]
pub struct NoKey(serde_json::Error);

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the question cannot be written as JSON, give the cache a key of its own")
    }
}

impl Error for NoKey {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

type KeyOf<In> = Arc<dyn Fn(&In) -> Result<ContentKey, NoKey> + Send + Sync>;

#[derive(Clone)]
struct Kept<Out> {
    served: Served<Out>,
    at: Instant,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What a [`Cache`] did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Questions answered from what was kept.
    pub hits: u64,
    /// Questions that were passed on.
    pub misses: u64,
    /// Answers that are kept, old ones included; approximate while many come in.
    pub kept: u64,
}

/// Keeps answers. Clones are the same cache.
pub struct Cache<In, Out> {
    name: Arc<str>,
    config: Live<CacheConfig>,
    key_of: KeyOf<In>,
    kept: moka::sync::Cache<ContentKey, Kept<Out>>,
    counters: Arc<Counters>,
}

impl<In, Out> Cache<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + Sync + 'static,
{
    /// One that knows questions by their content.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: CacheConfig) -> Self
    where
        In: Serialize,
    {
        Self::with(name.into(), config, Arc::new(|input| ContentKey::of(input)))
    }

    /// One that knows questions by a part of them.
    #[must_use]
    pub fn keyed<K: Serialize>(
        name: impl Into<Arc<str>>,
        config: CacheConfig,
        key_of: impl Fn(&In) -> K + Send + Sync + 'static,
    ) -> Self {
        let key_of = move |input: &In| ContentKey::of(&key_of(input));
        Self::with(name.into(), config, Arc::new(key_of))
    }

    fn with(name: Arc<str>, config: CacheConfig, key_of: KeyOf<In>) -> Self {
        let keep_for = config.ttl.saturating_add(config.stale_for);
        // moka refuses more than a thousand years.
        let keep_for = keep_for.min(Duration::from_secs(900 * 365 * 24 * 3_600));
        Self {
            name,
            config: Live::new(config),
            key_of,
            kept: moka::sync::Cache::builder()
                .max_capacity(config.capacity)
                .time_to_live(keep_for)
                .build(),
            counters: Arc::default(),
        }
    }

    /// Puts it in front of a worker; the result is a worker again. An answer
    /// from the cache says how it came about the first time.
    ///
    /// A question without a key is passed on.
    #[must_use]
    pub fn guard(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out> {
        let passed_on = WorkerRef::new(Filling {
            cache: self.clone(),
            worker: worker.clone(),
        });
        let shared = Coalescer::new(Arc::clone(&self.name), |question: &Keyed<In>| question.key);
        WorkerRef::new(Guarded {
            cache: self.clone(),
            worker: worker.clone(),
            shared: shared.guard(&passed_on),
        })
    }

    /// A worker that answers from what is kept, be it old, and asks nobody.
    ///
    /// Its fault is transient where there is nothing.
    #[must_use]
    pub fn stale(&self) -> WorkerRef<In, Out> {
        WorkerRef::new(Stale(self.clone()))
    }

    /// Changes how long answers are good, those that are kept included. How many
    /// are kept stays as it was, and so does the longest time that any is.
    pub fn reconfigure(&self, config: CacheConfig) {
        self.config.set(config);
    }

    /// Forgets the answer to this question.
    pub fn forget(&self, input: &In) {
        if let Ok(key) = (self.key_of)(input) {
            self.kept.invalidate(&key);
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.kept.invalidate_all();
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.counters.hits.load(Relaxed),
            misses: self.counters.misses.load(Relaxed),
            kept: self.kept.entry_count(),
        }
    }

    fn find(&self, key: ContentKey, within: Duration) -> Option<Served<Out>> {
        let kept = self.kept.get(&key)?;
        let age = clock().saturating_duration_since(kept.at);
        (age < within).then_some(kept.served)
    }
}

impl<In, Out> Clone for Cache<In, Out> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            config: self.config.clone(),
            key_of: Arc::clone(&self.key_of),
            kept: self.kept.clone(),
            counters: Arc::clone(&self.counters),
        }
    }
}

impl<In, Out> fmt::Debug for Cache<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A question with its key.
struct Keyed<In> {
    key: ContentKey,
    input: In,
}

struct Guarded<In, Out> {
    cache: Cache<In, Out>,
    worker: WorkerRef<In, Out>,
    /// Those who ask the same at once share one call.
    shared: WorkerRef<Keyed<In>, Out>,
}

impl<In, Out> Serve<In, Out> for Guarded<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + Sync + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let Cache {
                config, counters, ..
            } = &self.cache;
            let Ok(key) = (self.cache.key_of)(&input) else {
                counters.misses.fetch_add(1, Relaxed);
                return self.worker.ask(input).await;
            };
            if let Some(served) = self.cache.find(key, config.get().ttl) {
                counters.hits.fetch_add(1, Relaxed);
                return Ok(served);
            }
            counters.misses.fetch_add(1, Relaxed);
            self.shared.ask(Keyed { key, input }).await
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}

/// Asks, and keeps the answer.
struct Filling<In, Out> {
    cache: Cache<In, Out>,
    worker: WorkerRef<In, Out>,
}

impl<In, Out> Serve<Keyed<In>, Out> for Filling<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + Sync + 'static,
{
    fn serve(&self, Keyed { key, input }: Keyed<In>) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let served = self.worker.ask(input).await?;
            let kept = Kept {
                served: served.clone(),
                at: clock(),
            };
            self.cache.kept.insert(key, kept);
            Ok(served)
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }
}

struct Stale<In, Out>(Cache<In, Out>);

impl<In, Out> Serve<In, Out> for Stale<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + Sync + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        let Self(cache) = self;
        Box::pin(async move {
            let config = cache.config.get();
            let within = config.ttl.saturating_add(config.stale_for);
            let key = (cache.key_of)(&input).ok();
            let found = key.and_then(|key| cache.find(key, within));
            found.ok_or_else(|| Fault::transient(format!("{} keeps no answer to it", cache.name)))
        })
    }

    fn name(&self) -> String {
        format!("{} (kept)", self.0.name)
    }
}
