//! The register of pending deadlines: one per system, no timer per ask.
//!
//! A timer for every ask would cost more than the ask. Pending asks are entered
//! into a slab instead, one shard per thread, and removed when they resolve;
//! both are a short, uncontended lock. One task per system sleeps until the
//! earliest entry could be due, sweeps what is, and sleeps again. With nothing
//! entered it does not wake at all, so a paused clock can jump.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Instant;

use crate::sync::{Mutex, thread_local};

const SHARDS: usize = 8;

static NEXT_SHARD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static SHARD: usize = NEXT_SHARD.fetch_add(1, Relaxed) % SHARDS;
}

/// Something that ends when its deadline passes.
pub(crate) trait Expire: Send + Sync {
    fn expire(&self);
}

/// Where an entry lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    shard: u32,
    at: u32,
}

struct Shard {
    entries: Vec<Option<(Instant, Arc<dyn Expire>)>>,
    free: Vec<u32>,
}

/// Pending deadlines. See the file's guide.
pub(crate) struct Register {
    shards: [Mutex<Shard>; SHARDS],
    /// When the sweeper will wake, in nanoseconds since `base`; the largest
    /// number: it sleeps until told.
    planned: AtomicU64,
    base: Instant,
}

impl std::fmt::Debug for Register {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Register").finish_non_exhaustive()
    }
}

impl Register {
    pub(crate) fn new(base: Instant) -> Self {
        Self {
            shards: std::array::from_fn(|_| {
                Mutex::new(Shard {
                    entries: Vec::new(),
                    free: Vec::new(),
                })
            }),
            planned: AtomicU64::new(u64::MAX),
            base,
        }
    }

    /// Enters a deadline. The second value is `true` when the sweeper plans to
    /// sleep past it and must be told.
    pub(crate) fn enter(&self, at: Instant, expire: Arc<dyn Expire>) -> (Key, bool) {
        let shard = SHARD.try_with(|shard| *shard).unwrap_or(0);
        let mut entries = self.shards[shard].lock();
        let index = match entries.free.pop() {
            Some(index) => {
                entries.entries[index as usize] = Some((at, expire));
                index
            }
            None => {
                entries.entries.push(Some((at, expire)));
                u32::try_from(entries.entries.len() - 1).expect("fewer than 2^32 pending asks")
            }
        };
        drop(entries);
        let key = Key {
            shard: shard as u32,
            at: index,
        };
        let nanos = self.nanos(at);
        // A sweeper that is planning right now has set `planned` to the far
        // future before it looked at the shards, so one of the two sees the
        // other: SeqCst on both sides, with the shard lock between.
        let is_earliest = nanos < self.planned.load(SeqCst);
        (key, is_earliest)
    }

    /// Removes an entry, if the sweeper has not done so already.
    pub(crate) fn leave(&self, key: Key) {
        let mut shard = self.shards[key.shard as usize].lock();
        let gone = shard.entries[key.at as usize].take();
        if gone.is_some() {
            shard.free.push(key.at);
            if shard.free.len() == shard.entries.len() && shard.entries.len() > 64 {
                // Nothing pending: a burst's memory is given back.
                shard.entries = Vec::new();
                shard.free = Vec::new();
            }
        }
        drop(shard);
        drop(gone);
    }

    /// Expires what is due at `now` and returns when to come again.
    pub(crate) fn sweep(&self, now: Instant) -> Option<Instant> {
        // From here on, every newcomer tells the sweeper.
        self.plan(None);
        let mut due = Vec::new();
        let mut earliest: Option<Instant> = None;
        for shard in &self.shards {
            let shard = shard.lock();
            for (at, expire) in shard.entries.iter().flatten() {
                if *at <= now {
                    due.push(Arc::clone(expire));
                } else if earliest.is_none_or(|e| *at < e) {
                    earliest = Some(*at);
                }
            }
        }
        self.plan(earliest);
        for expire in due {
            expire.expire();
        }
        earliest
    }

    fn plan(&self, at: Option<Instant>) {
        let nanos = at.map_or(u64::MAX, |at| self.nanos(at));
        self.planned.store(nanos, SeqCst);
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.base).as_nanos()).unwrap_or(u64::MAX)
    }
}
