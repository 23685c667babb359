//! Work that failed for good, kept to be looked at and done later.

mod replay;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::actor::system::clock;
use crate::actor::{BoxFuture, Fault, FaultClass, Serve, Served, WorkerRef};
use crate::sync::Mutex;

pub use replay::{ReplayError, ReplayReport};

/// Settings of a [`DeadLetterQueue`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DeadLetterConfig {
    /// How many pieces of work are kept. Default 1,000.
    pub capacity: usize,
    /// What happens when there are more. Default [`WhenFull::DropOldest`].
    pub when_full: WhenFull,
}

/// What happens to work that fails while the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WhenFull {
    /// The oldest that is not being replayed is dropped, and counted. The
    /// default: what failed lately is what somebody looks for.
    #[default]
    DropOldest,
    /// The new one is dropped, and counted: the first failures are kept.
    DropNewest,
}

impl Default for DeadLetterConfig {
    fn default() -> Self {
        Self {
            capacity: 1_000,
            when_full: WhenFull::DropOldest,
        }
    }
}

impl DeadLetterConfig {
    /// How many pieces of work are kept. Default 1,000; 0 keeps none.
    #[must_use]
    pub const fn capacity(mut self, kept: usize) -> Self {
        self.capacity = kept;
        self
    }

    /// What happens when there are more. Default [`WhenFull::DropOldest`].
    #[must_use]
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }
}

/// One piece of work that failed for good.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadWork<In> {
    /// Identifies it in its queue. Later failures have larger ids.
    pub id: u64,
    /// When it was kept, by the system's clock.
    pub at: Instant,
    /// Who failed to do it.
    pub worker: String,
    /// How it failed the last time.
    pub fault: Fault,
    /// How often it was tried, replays included.
    pub attempts: u32,
    /// Whether a replay is under way.
    pub is_replaying: bool,
    /// What was to be done.
    pub input: Arc<In>,
}

struct Inside<In> {
    config: DeadLetterConfig,
    /// By rising id.
    kept: VecDeque<DeadWork<In>>,
    next: u64,
    dropped: u64,
}

impl<In> Inside<In> {
    fn at(&self, id: u64) -> Option<usize> {
        self.kept.binary_search_by_key(&id, |dead| dead.id).ok()
    }

    /// Makes room for one; what is thrown out is dropped without the lock.
    fn make_room(&mut self) -> Result<Option<DeadWork<In>>, ()> {
        if self.kept.len() < self.config.capacity {
            return Ok(None);
        }
        self.dropped += 1;
        // More than full, or full of nothing: one less would not help.
        let is_hopeless = self.kept.len() > self.config.capacity;
        if is_hopeless || self.config.when_full == WhenFull::DropNewest {
            return Err(());
        }
        let oldest = self.kept.iter().position(|dead| !dead.is_replaying);
        oldest
            .and_then(|at| self.kept.remove(at))
            .map(Some)
            .ok_or(())
    }
}

/// Work that failed for good: kept, listed, replayed. Clones share one queue.
///
/// ```
/// use callboard::prelude::*;
/// use callboard::resilience::DeadLetterQueue;
/// use callboard::testing::Script;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let script = Script::new().fault(Fault::transient("down")).answer(7);
/// let worker: WorkerRef<&str, u32> =
///     system.spawn(ChildSpec::new("flaky", script.worker())).await?.into();
///
/// let queue = DeadLetterQueue::default();
/// assert!(queue.guard(&worker).ask("a job").await.is_err());
///
/// let dead = &queue.list()[0];
/// assert_eq!((*dead.input, dead.fault.message()), ("a job", "down"));
/// assert_eq!(queue.replay(dead.id, &worker).await?.value, 7);
/// assert!(queue.list().is_empty(), "done after all");
/// # Ok(())
/// # }
/// ```
pub struct DeadLetterQueue<In> {
    inside: Arc<Mutex<Inside<In>>>,
}

impl<In> DeadLetterQueue<In> {
    /// An empty queue.
    #[must_use]
    pub fn new(config: DeadLetterConfig) -> Self {
        Self {
            inside: Arc::new(Mutex::new(Inside {
                config,
                kept: VecDeque::new(),
                next: 0,
                dropped: 0,
            })),
        }
    }

    /// Keeps a piece of work. `None`: there was no room for it.
    pub fn keep(
        &self,
        input: In,
        fault: Fault,
        attempts: u32,
        worker: impl Into<String>,
    ) -> Option<u64> {
        let (worker, at, input) = (worker.into(), clock(), Arc::new(input));
        let mut inside = self.inside.lock();
        let old = match inside.make_room() {
            Ok(old) => old,
            Err(()) => {
                // Foreign destructors run without the lock.
                drop(inside);
                return None;
            }
        };
        let id = inside.next;
        inside.next += 1;
        inside.kept.push_back(DeadWork {
            id,
            at,
            worker,
            fault,
            attempts,
            is_replaying: false,
            input,
        });
        drop(inside);
        drop(old);
        Some(id)
    }

    /// What is kept, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<DeadWork<In>> {
        self.inside
            .lock()
            .kept
            .iter()
            .map(DeadWork::share)
            .collect()
    }

    /// One piece of work.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<DeadWork<In>> {
        let inside = self.inside.lock();
        inside.at(id).map(|at| inside.kept[at].share())
    }

    /// Forgets a piece of work. A replay of it that is under way goes on, and
    /// its outcome is not noted.
    #[expect(clippy::must_use_candidate, reason = "it is removed all the same")]
    pub fn remove(&self, id: u64) -> Option<DeadWork<In>> {
        let mut inside = self.inside.lock();
        let at = inside.at(id)?;
        inside.kept.remove(at)
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inside.lock().kept.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were dropped because it was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.inside.lock().dropped
    }

    /// Changes the settings, at once. With less room the oldest that are not
    /// being replayed are dropped, and counted.
    pub fn reconfigure(&self, config: DeadLetterConfig) {
        let mut old = Vec::new();
        let mut inside = self.inside.lock();
        inside.config = config;
        while inside.kept.len() > inside.config.capacity {
            let Some(at) = inside.kept.iter().position(|dead| !dead.is_replaying) else {
                break;
            };
            old.extend(inside.kept.remove(at));
            inside.dropped += 1;
        }
        drop(inside);
        drop(old);
    }
}

impl<In: Clone + Send + Sync + 'static> DeadLetterQueue<In> {
    /// Puts the queue behind a worker: what it fails to do is kept, and the
    /// asker gets the fault all the same. Costs one clone per job.
    ///
    /// Put it outside of retries and fallbacks, so that only exhausted work is
    /// kept. Cancelled work is not kept: nobody wants it.
    #[must_use]
    pub fn guard<Out: Send + 'static>(&self, worker: &WorkerRef<In, Out>) -> WorkerRef<In, Out> {
        WorkerRef::new(Guarded {
            queue: self.clone(),
            worker: worker.clone(),
        })
    }
}

impl<In> DeadWork<In> {
    fn share(&self) -> Self {
        Self {
            id: self.id,
            at: self.at,
            worker: self.worker.clone(),
            fault: self.fault.clone(),
            attempts: self.attempts,
            is_replaying: self.is_replaying,
            input: Arc::clone(&self.input),
        }
    }
}

impl<In> Clone for DeadLetterQueue<In> {
    fn clone(&self) -> Self {
        Self {
            inside: Arc::clone(&self.inside),
        }
    }
}

impl<In> Default for DeadLetterQueue<In> {
    fn default() -> Self {
        Self::new(DeadLetterConfig::default())
    }
}

impl<In> fmt::Debug for DeadLetterQueue<In> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeadLetterQueue({} kept)", self.len())
    }
}

struct Guarded<In, Out> {
    queue: DeadLetterQueue<In>,
    worker: WorkerRef<In, Out>,
}

impl<In, Out> Serve<In, Out> for Guarded<In, Out>
where
    In: Clone + Send + Sync + 'static,
    Out: Send + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let answer = self.worker.ask(input.clone()).await;
            if let Err(fault) = &answer
                && fault.class() != FaultClass::Cancelled
            {
                self.queue.keep(input, fault.clone(), 1, self.worker.name());
            }
            answer
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }
}
